#include "base/fs.h"
#include "check/check.h"
#include "play/playbook.h"
#include <stddef.h>

static const char *const switches[] = {"on", "off", NULL};

#define FIELD(key, type, member) \
	{ \
		key, type, offsetof(struct play_step, member), false, NULL \
	}

static const struct conf_field step_fields[] = {
	{"id", CONF_TEXT, offsetof(struct play_step, id), true, NULL},
	FIELD("run", CONF_ARGV, run),
	FIELD("shell", CONF_TEXT, shell),
	FIELD("checks", CONF_NODE, checks_node),
	{"maintenance", CONF_CHOICE, offsetof(struct play_step, switch_to), false, switches},
	FIELD("confirm", CONF_NODE, confirm_node),
	FIELD("wait", CONF_DURATION, wait_ms),
	FIELD("only", CONF_STRINGS, only),
	FIELD("adopt", CONF_BOOL, adopt),
	FIELD("lease", CONF_DURATION, lease_ms),
	FIELD("undo", CONF_NODE, undo_node),
	FIELD("probe", CONF_ARGV, probe),
	FIELD("retry", CONF_NODE, retry_node),
	FIELD("out", CONF_NODE, out_node),
	FIELD("env", CONF_NODE, env_node),
	FIELD("timeout", CONF_DURATION, timeout_ms),
	FIELD("restore_point", CONF_BOOL, restore_point),
	FIELD("pivot", CONF_BOOL, pivot),
	FIELD("traffic", CONF_BOOL, traffic),
};

static const struct conf_field confirm_fields[] = {
	{"ask", CONF_TEXT, offsetof(struct play_step, ask), true, NULL},
	FIELD("type", CONF_TEXT, type),
	FIELD("expires", CONF_DURATION, expires_ms),
};

static const struct conf_field retry_fields[] = {
	{"attempts", CONF_INT, offsetof(struct play_retry, attempts), false, NULL},
	{"delay", CONF_DURATION, offsetof(struct play_retry, delay_ms), false, NULL},
	{"backoff", CONF_INT, offsetof(struct play_retry, backoff), false, NULL},
	{"jitter", CONF_BOOL, offsetof(struct play_retry, jitter), false, NULL},
	{"on", CONF_STRINGS, offsetof(struct play_retry, on), false, NULL},
	{"for", CONF_DURATION, offsetof(struct play_retry, for_ms), false, NULL},
	{"every", CONF_DURATION, offsetof(struct play_retry, every_ms), false, NULL},
	{"need", CONF_INT, offsetof(struct play_retry, need), false, NULL},
};

static const struct {
	const char *key;
	enum play_verb verb;
	enum play_kind kind;
} verbs[] = {
	{"run", PLAY_RUN, PLAY_KIND_COMMAND},
	{"shell", PLAY_SHELL, PLAY_KIND_COMMAND},
	{"checks", PLAY_CHECKS, PLAY_KIND_CHECK},
	{"maintenance", PLAY_MAINTENANCE, PLAY_KIND_MAINTENANCE},
	{"confirm", PLAY_CONFIRM, PLAY_KIND_CONFIRM},
	{"wait", PLAY_WAIT, PLAY_KIND_WAIT},
};

static const char *const later[] = {
	"remote", "hosts", "serial", "include", "once", "until", "register", "when"};

bool play_not_yet(
	const struct conf_node *map, const char *const *keys, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *node = conf_get(map, keys[i]);
		if (node)
			return conf_error(
				node, err, "\"%s\" is not available in this version yet", keys[i]);
	}
	return true;
}

static bool read_verb(struct play_step *step, struct err *err)
{
	const char *found = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const struct conf_node *node = conf_get(step->node, verbs[i].key);
		if (!node)
			continue;
		if (found)
			return conf_error(node, err,
				"step %s has two verbs, \"%s\" and \"%s\": make it two steps",
				step->id, found, verbs[i].key);
		found = verbs[i].key;
		step->verb = verbs[i].verb;
		step->kind = verbs[i].kind;
	}
	if (!found)
		return conf_error(step->node, err,
			"step %s does nothing: give it run, shell, checks, maintenance, confirm or "
			"wait",
			step->id);
	if (step->verb == PLAY_RUN)
		step->kind = play_kind_of(&step->run);
	if (step->traffic && step->kind != PLAY_KIND_COMMAND && step->kind != PLAY_KIND_TRAFFIC)
		return conf_error(conf_get(step->node, "traffic"), err,
			"\"traffic\" belongs to a plain command; step %s is of kind %s", step->id,
			play_kind_word(step->kind));
	if (step->traffic)
		step->kind = PLAY_KIND_TRAFFIC;
	return true;
}

static bool read_undo(struct play_step *step, struct err *err)
{
	const struct conf_node *node = step->undo_node;
	if (!node)
		return true;
	if (!play_kind_effect(step->kind) || step->kind == PLAY_KIND_MAINTENANCE)
		return conf_error(node, err, "step %s has nothing to undo (kind %s)%s", step->id,
			play_kind_word(step->kind),
			step->kind == PLAY_KIND_MAINTENANCE
				? ": maintenance is lifted last, by the run itself"
				: "");
	if (node->kind == CONF_SCALAR) {
		if (!str_equal(node->text, "policy"))
			return conf_error(node, err,
				"undo is \"policy\" or a list of words, not \"%s\"", node->text);
		if (step->kind != PLAY_KIND_DATABASE)
			return conf_error(node, err,
				"undo: policy belongs to mig-apply; give step %s its own command",
				step->id);
		step->undo = PLAY_UNDO_POLICY;
		return true;
	}
	static const struct conf_field field = {"undo", CONF_ARGV, 0, true, NULL};
	step->undo = PLAY_UNDO_ARGV;
	return conf_read_value(node, &field, &step->undo_argv, err);
}

static bool known_class(const struct conf_node *node, const char *word, struct err *err)
{
	size_t count;
	const struct err_row *rows = err_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (rows[i].code != ERR_NONE && str_equal(rows[i].class, word))
			return true;
	return conf_error(
		node, err, "\"%s\" is not an exit class (lock, database, storage, ...)", word);
}

/* A command is repeated only for classes that the playbook names; reading may be repeated freely.
 */
static bool check_command_retry(const struct play_step *step, struct err *err)
{
	const struct play_retry *retry = &step->retry;
	if (retry->for_ms || retry->every_ms || retry->need)
		return conf_error(step->retry_node, err,
			"for, every and need belong to checks; step %s takes attempts, delay, "
			"backoff, "
			"jitter, on",
			step->id);
	if (retry->attempts < 1)
		return conf_error(step->retry_node, err, "retry needs attempts: how often at most");
	if (retry->on.count == 0 && step->kind != PLAY_KIND_CHECK)
		return conf_error(step->retry_node, err,
			"retry needs on: [class ..], the failures after which step %s may be "
			"repeated",
			step->id);
	STRVEC_EACH (&retry->on, word)
		if (!known_class(step->retry_node, word, err))
			return false;
	return true;
}

static bool read_retry(struct play_step *step, struct err *err)
{
	struct play_retry *retry = &step->retry;
	if (!step->retry_node)
		return true;
	if (!conf_read(step->retry_node, retry_fields, ARRAY_SIZE(retry_fields), retry, err))
		return false;
	if (step->verb == PLAY_RUN || step->verb == PLAY_SHELL)
		return check_command_retry(step, err);
	if (step->verb != PLAY_CHECKS)
		return conf_error(step->retry_node, err, "step %s cannot be retried", step->id);
	if (retry->attempts || retry->on.count || !retry->for_ms)
		return conf_error(step->retry_node, err,
			"checks take {for: how long, every: pause, need: passes in a row}");
	return true;
}

static bool read_confirm(struct play_step *step, struct err *err)
{
	if (!step->confirm_node)
		return true;
	if (step->confirm_node->kind != CONF_MAP)
		return conf_error(step->confirm_node, err,
			"confirm takes {ask: question, type: text to type, expires: duration}");
	return conf_read(step->confirm_node, confirm_fields, ARRAY_SIZE(confirm_fields), step, err);
}

static bool read_maps(struct play_step *step, struct err *err)
{
	const struct conf_node *maps[] = {step->out_node, step->env_node};
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		if (maps[i] && maps[i]->kind != CONF_MAP)
			return conf_error(maps[i], err, "a map is expected here: {NAME: value}");
		CONF_EACH (maps[i], child)
			if (child->kind != CONF_SCALAR)
				return conf_error(child, err, "a single value is expected here");
	}
	CONF_EACH (step->env_node, variable)
		if (str_starts(variable->key, "MIG_"))
			return conf_error(
				variable, err, "%s: names with MIG_ belong to mig", variable->key);
	return true;
}

static bool id_is_good(const char *id)
{
	size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	return id[length] == '\0' && length > 0 && length <= 40 && id[0] != '-';
}

/* Options of mig-backup create that leave something out. */
static bool chooses_a_part(const struct strvec *argv)
{
	static const char *const options[] = {"--table", "--schema", "--exclude-"};
	STRVEC_EACH (argv, word)
		for (size_t i = 0; i < ARRAY_SIZE(options); i++)
			if (str_starts(word, options[i]))
				return true;
	return false;
}

/* Keys that mean something only beside one verb. */
static bool check_places(const struct play_step *step, const char *section, struct err *err)
{
	static const struct {
		const char *key;
		enum play_verb verb;
	} tied[] = {{"only", PLAY_MAINTENANCE}, {"adopt", PLAY_MAINTENANCE},
		{"lease", PLAY_MAINTENANCE}, {"probe", PLAY_RUN}, {"restore_point", PLAY_RUN}};
	static const char *const steps_only[] = {"undo", "probe", "pivot", "restore_point"};
	for (size_t i = 0; i < ARRAY_SIZE(tied); i++) {
		const struct conf_node *node = conf_get(step->node, tied[i].key);
		if (node && step->verb != tied[i].verb)
			return conf_error(node, err, "\"%s\" has no meaning in step %s",
				tied[i].key, step->id);
	}
	for (size_t i = 0; !str_equal(section, "steps") && i < ARRAY_SIZE(steps_only); i++) {
		const struct conf_node *node = conf_get(step->node, steps_only[i]);
		if (node)
			return conf_error(node, err, "\"%s\" belongs to steps, not to %s",
				steps_only[i], section);
	}
	if (step->verb == PLAY_RUN && step->kind == PLAY_KIND_MAINTENANCE)
		return conf_error(conf_get(step->node, "run"), err,
			"write maintenance: \"on\" or \"off\": the run has to know that it is "
			"closed");
	if (step->kind == PLAY_KIND_MAINTENANCE && str_equal(section, "always"))
		return conf_error(step->node, err,
			"step %s: always runs whatever happened; maintenance is lifted last, by "
			"the "
			"run itself, when the target is well",
			step->id);
	if (step->undo == PLAY_UNDO_ARGV && play_kind_of(&step->undo_argv) == PLAY_KIND_MAINTENANCE)
		return conf_error(step->undo_node, err,
			"maintenance is no undo of step %s: it is lifted last, by the run itself",
			step->id);
	if (step->restore_point && !str_equal(step->run.items[0], "mig-backup"))
		return conf_error(conf_get(step->node, "restore_point"), err,
			"a restore point is made by mig-backup create");
	if (step->restore_point && chooses_a_part(&step->run))
		return conf_error(conf_get(step->node, "restore_point"), err,
			"a snapshot of a part of the database is no restore point");
	if (step->verb == PLAY_WAIT && step->wait_ms <= 0)
		return conf_error(conf_get(step->node, "wait"), err, "wait: how long?");
	return true;
}

/* Gates only look: whatever may change the target is a step. */
static bool check_gate(const struct play_step *step, const char *section, struct err *err)
{
	if (!str_equal(section, "gates"))
		return true;
	bool known_effect = play_kind_effect(step->kind) && step->kind != PLAY_KIND_COMMAND;
	if (known_effect || step->verb == PLAY_CONFIRM || step->verb == PLAY_WAIT ||
		step->kind == PLAY_KIND_BACKUP)
		return conf_error(step->node, err,
			"gate %s may only read (kind %s): make it a step", step->id,
			play_kind_word(step->kind));
	return true;
}

static bool step_read(const struct conf_node *node, const char *section, const char *directory,
	struct play_step *step, struct err *err)
{
	step->node = node;
	if (node->kind != CONF_MAP)
		return conf_error(node, err, "a step is a map: {id: NAME, run: [..]}");
	if (!play_not_yet(node, later, ARRAY_SIZE(later), err) ||
		!conf_read(node, step_fields, ARRAY_SIZE(step_fields), step, err))
		return false;
	if (!id_is_good(step->id))
		return conf_error(conf_get(node, "id"), err,
			"\"%s\": an id has a-z, 0-9, _ and -, at most 40 of them", step->id);
	return read_verb(step, err) && read_undo(step, err) && read_retry(step, err) &&
	       read_confirm(step, err) && read_maps(step, err) &&
	       check_places(step, section, err) && check_gate(step, section, err) &&
	       (!step->checks_node ||
		       play_checks_read(step->checks_node, directory, &step->checks, err));
}

bool play_steps_read(const struct conf_node *list, const char *section, const char *directory,
	struct play_steps *steps, struct err *err)
{
	if (!list)
		return true;
	if (list->kind != CONF_LIST || list->count == 0)
		return conf_error(list, err, "%s is a list of at least one step", section);
	steps->items = xcalloc(list->count, sizeof(*steps->items));
	steps->count = list->count;
	for (size_t i = 0; i < list->count; i++)
		if (!step_read(list->items[i], section, directory, &steps->items[i], err))
			return false;
	return true;
}

void play_steps_release(struct play_steps *steps)
{
	for (size_t i = 0; i < steps->count; i++) {
		struct play_step *step = &steps->items[i];
		play_checks_release(&step->checks);
		strvec_release(&step->undo_argv);
		conf_release(retry_fields, ARRAY_SIZE(retry_fields), &step->retry);
		free(step->ask);
		free(step->type);
		conf_release(step_fields, ARRAY_SIZE(step_fields), step);
	}
	free(steps->items);
}

static bool add_file(const struct conf_node *node, const char *directory,
	struct play_checks *checks, struct err *err)
{
	AUTO_FREE char *path = fs_join(directory, node->text);
	if (!fs_exists(path))
		return conf_error(node, err, "no file %s with checks", path);
	strvec_push(&checks->files, path);
	/* a misspelt check must not first be found when everything before it is done */
	AUTO_CHECK_LIST(list);
	return check_list_load(path, &list, err);
}

bool play_checks_read(const struct conf_node *node, const char *directory,
	struct play_checks *checks, struct err *err)
{
	checks->node = node;
	if (node->kind == CONF_SCALAR && node->text[0])
		return add_file(node, directory, checks, err);
	if (node->kind != CONF_LIST || node->count == 0)
		return conf_error(node, err, "zero checks: name files, or write checks here");
	CONF_EACH (node, check) {
		if (check->kind == CONF_SCALAR) {
			if (!add_file(check, directory, checks, err))
				return false;
			continue;
		}
		if (check->kind != CONF_MAP || check->count == 0)
			return conf_error(check, err, "a check is a file name or a map");
		if (!check_lint(check, err))
			return false;
		if (!checks->inline_list)
			checks->inline_list = json_array();
		json_array_append_new(checks->inline_list, conf_to_json(check));
	}
	return true;
}

void play_checks_release(struct play_checks *checks)
{
	strvec_release(&checks->files);
	json_decref(checks->inline_list);
}
