/* Commands that close and open, and one that tells which of the two it is (safety 17). */
#include "maint/providers.h"

#include "base/fs.h"
#include "base/proc.h"

enum { SETTLE_MS = 10 * 1000, TIMEOUT_MS = 60 * 1000 };

struct status_config {
	struct strvec run;
	struct strvec on; /* exit codes, as text */
	struct strvec off;
};

struct command_config {
	const struct conf_node *node;
	struct strvec enable;
	struct strvec disable;
	const struct conf_node *status_node;
	int64_t timeout_ms;
	struct status_config status;
	char *directory;
};

static const struct conf_field fields[] = {
	{"command", CONF_NODE, offsetof(struct command_config, node), true},
};

static const struct conf_field inner_fields[] = {
	{"enable", CONF_ARGV, offsetof(struct command_config, enable), true},
	{"disable", CONF_ARGV, offsetof(struct command_config, disable), true},
	{"status", CONF_NODE, offsetof(struct command_config, status_node), true},
	{"timeout", CONF_DURATION, offsetof(struct command_config, timeout_ms), false},
};

static const struct conf_field status_fields[] = {
	{"run", CONF_ARGV, offsetof(struct status_config, run), true},
	{"on", CONF_STRINGS, offsetof(struct status_config, on), true},
	{"off", CONF_STRINGS, offsetof(struct status_config, off), true},
};

/* 0..255, without sign, spaces or leading zeros: compared as text afterwards. */
static bool is_exit_code(const char *text)
{
	char *end = NULL;
	unsigned long code = strtoul(text, &end, 10);
	AUTO_FREE char *canonical = xstrfmt("%lu", code);
	return code <= 255 && strcmp(canonical, text) == 0;
}

static bool check_codes(
	const struct status_config *status, const struct conf_node *node, struct err *err)
{
	const struct strvec *lists[] = {&status->on, &status->off};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (lists[i]->count == 0)
			return conf_error(node, err, "\"%s\" needs at least one exit code",
				i == 0 ? "on" : "off");
		STRVEC_EACH (lists[i], code)
			if (!is_exit_code(code))
				return conf_error(
					node, err, "\"%s\" is not an exit code (0 to 255)", code);
	}
	STRVEC_EACH (&status->on, code)
		if (strvec_has(&status->off, code))
			return conf_error(node, err, "exit code %s cannot mean on and off", code);
	return true;
}

static bool command_check(
	void *config, const struct conf_node *item, const char *directory, struct err *err)
{
	struct command_config *command = config;
	(void)item;
	command->directory = xstrdup(directory);
	if (!conf_read(command->node, inner_fields, ARRAY_SIZE(inner_fields), command, err) ||
		!conf_read(command->status_node, status_fields, ARRAY_SIZE(status_fields),
			&command->status, err))
		return false;
	if (command->timeout_ms == 0)
		command->timeout_ms = TIMEOUT_MS;
	return check_codes(&command->status, command->status_node, err);
}

static void command_release(void *config)
{
	struct command_config *command = config;
	conf_release(status_fields, ARRAY_SIZE(status_fields), &command->status);
	conf_release(inner_fields, ARRAY_SIZE(inner_fields), command);
	free(command->directory);
}

static char *command_describe(const void *config)
{
	const struct command_config *command = config;
	AUTO_FREE char *words = strvec_shell(&command->enable);
	return xstrfmt("command %s", words);
}

/* File names are relative to the file that names them. */
static bool run(const struct command_config *command, const struct strvec *argv,
	struct proc_result *result, struct strbuf *said, struct err *err)
{
	AUTO_STRVEC(words);
	AUTO_STRBUF(errors);
	strvec_push_all(&words, argv);
	if (strchr(words.items[0], '/') && words.items[0][0] != '/') {
		char *path = fs_join(command->directory, words.items[0]);
		free(words.items[0]);
		words.items[0] = path;
	}
	struct proc_spec spec = {
		.argv = &words, .cwd = command->directory, .timeout_ms = command->timeout_ms};
	if (!proc_capture(&spec, result, said, &errors, err))
		return false;
	strbuf_adds(said, errors.buf);
	strbuf_trim(said);
	return true;
}

static bool command_status(const struct maint_site *site, const void *config, enum maint_switch *is,
	char **why, struct err *err)
{
	const struct command_config *command = config;
	struct proc_result result = {0};
	AUTO_STRBUF(said);
	(void)site;
	if (!run(command, &command->status.run, &result, &said, err))
		return false;
	AUTO_FREE char *code = xstrfmt("%d", result.status);
	*is = MAINT_IS_UNKNOWN;
	if (!result.signalled && strvec_has(&command->status.on, code))
		*is = MAINT_IS_ON;
	else if (!result.signalled && strvec_has(&command->status.off, code))
		*is = MAINT_IS_OFF;
	else
		*why = xstrfmt("its status command ended with %s, which is neither on nor off%s%s",
			code, said.len ? ": " : "", said.buf);
	return true;
}

static bool command_before(
	const struct maint_site *site, const void *config, json_t **before, struct err *err)
{
	(void)site;
	(void)config;
	(void)err;
	*before = json_object();
	return true;
}

static bool run_well(
	const struct command_config *command, const struct strvec *argv, struct err *err)
{
	struct proc_result result = {0};
	AUTO_STRBUF(said);
	AUTO_FREE char *words = strvec_shell(argv);
	if (!run(command, argv, &result, &said, err))
		return false;
	if (result.status == 0)
		return true;
	err_set(err, ERR_REMOTE, "\"%s\" ended with %d", words, result.status);
	return said.len ? err_detail(err, "%s", said.buf) : false;
}

static bool command_on(const struct maint_site *site, const void *config, struct err *err)
{
	const struct command_config *command = config;
	(void)site;
	return run_well(command, &command->enable, err);
}

static bool command_off(
	const struct maint_site *site, const void *config, const json_t *before, struct err *err)
{
	const struct command_config *command = config;
	(void)site;
	return maint_was_on(before) || run_well(command, &command->disable, err);
}

/* A service may stop after its command has ended. */
static int64_t command_settle_ms(const void *config)
{
	const struct command_config *command = config;
	return command->timeout_ms < SETTLE_MS ? command->timeout_ms : SETTLE_MS;
}

const struct maint_row maint_command = {
	.key = "command",
	.gives = MAINT_TELLS,
	.settle_ms = command_settle_ms,
	.fields = fields,
	.field_count = ARRAY_SIZE(fields),
	.size = sizeof(struct command_config),
	.check = command_check,
	.release = command_release,
	.describe = command_describe,
	.status = command_status,
	.before = command_before,
	.on = command_on,
	.off = command_off,
};
