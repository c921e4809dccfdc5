#include "base/secret.h"

#include "base/fs.h"
#include "base/proc.h"
#include "conf/node.h"
#include <errno.h>
#include <sys/stat.h>

enum { LARGEST_SECRET = 64 << 10, COMMAND_TIMEOUT_MS = 30000 };

struct secret_map {
	char *env, *file;
	struct strvec command;
};

static const struct conf_field secret_fields[] = {
	{"env", CONF_TEXT, offsetof(struct secret_map, env)},
	{"file", CONF_TEXT, offsetof(struct secret_map, file)},
	{"command", CONF_ARGV, offsetof(struct secret_map, command)},
};

static bool read_reference(
	const struct conf_node *node, struct conf_secret *secret, struct err *err)
{
	struct secret_map map = {0};
	bool good = conf_read(node, secret_fields, ARRAY_SIZE(secret_fields), &map, err);
	if (good && node->count != 1)
		good = conf_error(
			node, err, "expected one of {env: NAME}, {file: PATH}, {command: [..]}");
	if (good && map.env) {
		secret->kind = CONF_SECRET_ENV;
		secret->text = xtake(&map.env);
	} else if (good && map.file) {
		secret->kind = CONF_SECRET_FILE;
		secret->text = conf_path(node, map.file);
	} else if (good) {
		secret->kind = CONF_SECRET_COMMAND;
		strvec_push_all(&secret->argv, &map.command);
	}
	conf_release(secret_fields, ARRAY_SIZE(secret_fields), &map);
	return good;
}

bool conf_secret_parse(const struct conf_node *node, struct conf_secret **secret, struct err *err)
{
	CLEANUP(conf_secret_free_auto) struct conf_secret *made = xcalloc(1, sizeof(*made));
	made->where = conf_where(node);
	if (node->kind == CONF_MAP) {
		if (!read_reference(node, made, err))
			return false;
	} else if (node->kind == CONF_SCALAR && node->text[0]) {
		made->kind = CONF_SECRET_LITERAL;
		made->text = xstrdup(node->text);
	} else {
		return conf_error(node, err,
			"%s%sexpected {env: NAME}, {file: PATH}, "
			"{command: [..]}, or a text",
			node->key ? node->key : "", node->key ? ": " : "");
	}
	*secret = xtake(&made);
	return true;
}

void conf_secret_free(struct conf_secret *secret)
{
	if (!secret)
		return;
	free(secret->text);
	free(secret->where);
	strvec_release(&secret->argv);
	free(secret);
}

static bool fail(const struct conf_secret *secret, struct err *err, const char *text)
{
	err_set(err, ERR_CONFIG, "%s", text);
	return err_where(err, "%s", secret->where);
}

/* The configuration names the variable: so it is not read on this room's own accord. */
static bool get_env(const struct conf_secret *secret, struct strbuf *value, struct err *err)
{
	const char *text = getenv(secret->text);
	if (text && text[0]) {
		strbuf_adds(value, text);
		return true;
	}
	AUTO_FREE char *message = xstrfmt("environment variable %s is not set", secret->text);
	fail(secret, err, message);
	return err_hint(err, "set it: export %s=...", secret->text);
}

static bool get_file(const struct conf_secret *secret, struct strbuf *value, struct err *err)
{
	struct stat st;
	if (stat(secret->text, &st)) {
		err_sys(err, ERR_CONFIG, "secret file %s", secret->text);
		err->code = ERR_CONFIG;
		return err_where(err, "%s", secret->where);
	}
	if (S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO))) {
		AUTO_FREE char *message = xstrfmt("secret file %s may be read or changed by others "
						  "(mode %03o)",
			secret->text, (unsigned)(st.st_mode & 0777));
		fail(secret, err, message);
		return err_hint(err, "chmod 600 %s", secret->text);
	}
	if (fs_read(secret->text, LARGEST_SECRET, value, err))
		return true;
	err->code = ERR_CONFIG;
	return err_where(err, "%s", secret->where);
}

static bool get_command(const struct conf_secret *secret, struct strbuf *value, struct err *err)
{
	struct proc_spec spec = {.argv = &secret->argv, .timeout_ms = COMMAND_TIMEOUT_MS};
	struct proc_result result;
	AUTO_STRBUF(said);
	if (!proc_capture(&spec, &result, value, &said, err)) {
		err->code = ERR_CONFIG;
		return err_where(err, "%s", secret->where);
	}
	if (!result.status && value->len)
		return true;
	AUTO_FREE char *shell = strvec_shell(&secret->argv);
	AUTO_FREE char *message =
		result.status ? xstrfmt("the command for a secret ended with %d: %s", result.status,
					shell)
			      : xstrfmt("the command for a secret printed nothing: %s", shell);
	fail(secret, err, message);
	return said.len ? err_detail(err, "%s", said.buf) : false;
}

bool conf_secret_read(const struct conf_secret *secret, char **value, struct err *err)
{
	AUTO_STRBUF(text);
	bool good = true;
	switch (secret->kind) {
	case CONF_SECRET_LITERAL:
		strbuf_adds(&text, secret->text);
		break;
	case CONF_SECRET_ENV:
		good = get_env(secret, &text, err);
		break;
	case CONF_SECRET_FILE:
		good = get_file(secret, &text, err);
		break;
	case CONF_SECRET_COMMAND:
		good = get_command(secret, &text, err);
		break;
	}
	if (!good)
		return false;
	while (text.len && strchr("\r\n", text.buf[text.len - 1]))
		text.buf[--text.len] = 0;
	if (!text.len || strlen(text.buf) != text.len)
		return fail(secret, err, "the secret is empty or holds a NUL byte");
	*value = strbuf_take(&text);
	return true;
}

bool conf_secret_get(const struct conf_secret *secret, char **value, struct err *err)
{
	if (!conf_secret_read(secret, value, err))
		return false;
	secret_register(*value);
	return true;
}

char *conf_secret_origin(const struct conf_secret *secret)
{
	AUTO_FREE char *shell = strvec_shell(&secret->argv);
	switch (secret->kind) {
	case CONF_SECRET_ENV:
		return xstrfmt("env %s", secret->text);
	case CONF_SECRET_FILE:
		return xstrfmt("file %s", secret->text);
	case CONF_SECRET_COMMAND:
		return xstrfmt("command %s", shell);
	case CONF_SECRET_LITERAL:
		break;
	}
	return xstrfmt("literal at %s", secret->where);
}
