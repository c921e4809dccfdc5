#include "base/suggest.h"
#include "conf/file.h"
#include <regex.h>

/* What each key may be, and its default without and with `production: true`. */
struct rule {
	const char *key;
	size_t offset;
	const char *words; /* legal ones, for the message */
	enum conf_policy usual, production;
};

#define OFFSET(field) offsetof(struct conf_policies, field)
static const struct rule rules[] = {
	{"downgrade", OFFSET(downgrade), "allow confirm never", POLICY_CONFIRM, POLICY_NEVER},
	{"swap_back", OFFSET(swap_back), "allow confirm never", POLICY_ALLOW, POLICY_ALLOW},
	{"restore", OFFSET(restore), "allow confirm break-glass never", POLICY_CONFIRM,
		POLICY_BREAK_GLASS},
	{"destructive", OFFSET(destructive), "allow confirm", POLICY_CONFIRM, POLICY_BACKUP},
};

static const struct {
	const char *word;
	enum conf_policy policy;
} words[] = {
	{"allow", POLICY_ALLOW},
	{"confirm", POLICY_CONFIRM},
	{"never", POLICY_NEVER},
	{"break-glass", POLICY_BREAK_GLASS},
};

static const char *const lints[] = {"off", "warn", "error", NULL};

enum { MINUTE_MS = 60000, DEFAULT_DESTRUCTIVE_MS = 30 * MINUTE_MS };
#define DEFAULT_UPGRADE_MS (24 * 60 * (int64_t)MINUTE_MS)

struct policy_map {
	const struct conf_node *nodes[ARRAY_SIZE(rules)];
	const struct conf_node *upgrade, *lint;
};
static const struct conf_field map_fields[] = {
	{"downgrade", CONF_NODE, offsetof(struct policy_map, nodes[0])},
	{"swap_back", CONF_NODE, offsetof(struct policy_map, nodes[1])},
	{"restore", CONF_NODE, offsetof(struct policy_map, nodes[2])},
	{"destructive", CONF_NODE, offsetof(struct policy_map, nodes[3])},
	{"upgrade", CONF_NODE, offsetof(struct policy_map, upgrade)},
	{"lint", CONF_NODE, offsetof(struct policy_map, lint), false, lints},
};

const struct file_part policy_part = {
	"environments.NAME.policy.", map_fields, ARRAY_SIZE(map_fields)};

static const struct conf_field destructive_fields[] = {
	{"require_backup", CONF_DURATION, OFFSET(destructive_backup_ms), true},
};

static const struct conf_field upgrade_fields[] = {
	{"require_backup", CONF_DURATION, OFFSET(upgrade_backup_ms)},
	{"rehearsed", CONF_DURATION, OFFSET(upgrade_rehearsed_ms)},
	{"window", CONF_TEXT, OFFSET(upgrade_window)},
};

static enum conf_policy *at(struct conf_policies *policies, const struct rule *rule)
{
	return (enum conf_policy *)((char *)policies + rule->offset);
}

static bool legal(const struct rule *rule, const char *word)
{
	AUTO_STRVEC(list);
	strvec_split(&list, rule->words, ' ');
	return strvec_has(&list, word);
}

static bool bad_word(const struct rule *rule, const struct conf_node *node, struct err *err)
{
	AUTO_STRVEC(list);
	strvec_split(&list, rule->words, ' ');
	AUTO_FREE char *known = strvec_join(&list, ", ");
	conf_error(node, err, "policy %s: expected one of %s%s, not \"%s\"", rule->key, known,
		rule->production == POLICY_BACKUP ? " or {require_backup: 30m}" : "",
		node->kind == CONF_SCALAR ? node->text : "a list or map");
	const char *near = node->kind == CONF_SCALAR ? suggest_in(node->text, &list) : NULL;
	return near ? err_hint(err, "did you mean \"%s\"?", near) : false;
}

static bool read_word(const struct rule *rule, const struct conf_node *node,
	struct conf_policies *policies, struct err *err)
{
	if (node->kind == CONF_MAP && rule->production == POLICY_BACKUP) {
		*at(policies, rule) = POLICY_BACKUP;
		return conf_read(
			node, destructive_fields, ARRAY_SIZE(destructive_fields), policies, err);
	}
	if (node->kind != CONF_SCALAR || !legal(rule, node->text))
		return bad_word(rule, node, err);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, node->text))
			*at(policies, rule) = words[i].policy;
	if (rule->production == POLICY_BACKUP)
		policies->destructive_backup_ms = 0;
	return true;
}

static bool check_window(const struct conf_node *upgrade, const char *window, struct err *err)
{
	static const char day[] = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
	static const char hour[] = "([01][0-9]|2[0-4]):[0-5][0-9]";
	if (!window)
		return true;
	AUTO_FREE char *pattern = xstrfmt(
		"^%s([-,]%s)* %s-%s( [A-Za-z_]+(/[A-Za-z_+0-9-]+)*)?$", day, day, hour, hour);
	regex_t regex;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return err_set(err, ERR_BUG, "pattern of a window");
	bool good = !regexec(&regex, window, 0, NULL, 0);
	regfree(&regex);
	return good ||
	       conf_error(conf_get(upgrade, "window"), err,
		       "window: expected days, hours and zone, such as \"Tue-Thu 02:00-05:00 "
		       "Europe/Berlin\", not \"%s\"",
		       window);
}

static bool read_upgrade(
	const struct conf_node *node, struct conf_policies *policies, struct err *err)
{
	policies->upgrade_backup_ms = 0;
	return conf_read(node, upgrade_fields, ARRAY_SIZE(upgrade_fields), policies, err) &&
	       check_window(node, policies->upgrade_window, err);
}

static bool read_lint(const struct conf_node *node, struct conf_policies *policies, struct err *err)
{
	const struct conf_field field = {"lint", CONF_CHOICE, 0, false, lints};
	int choice = 0;
	if (!conf_read_value(node, &field, &choice, err))
		return false;
	policies->lint = choice;
	return true;
}

static void set_defaults(bool production, struct conf_policies *policies)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		*at(policies, &rules[i]) = production ? rules[i].production : rules[i].usual;
	policies->destructive_backup_ms = production ? DEFAULT_DESTRUCTIVE_MS : 0;
	policies->upgrade_backup_ms = production ? DEFAULT_UPGRADE_MS : 0;
	policies->lint = production ? LINT_ERROR : LINT_WARN;
}

char *conf_policy_words(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strcmp(rules[i].key, key)) {
			AUTO_STRVEC(list);
			strvec_split(&list, rules[i].words, ' ');
			if (rules[i].production == POLICY_BACKUP)
				strvec_push(&list, "{require_backup: DURATION}");
			return strvec_join(&list, " | ");
		}
	return NULL;
}

bool conf_policy_read(const struct conf_node *policy, bool production,
	struct conf_policies *policies, struct err *err)
{
	struct policy_map map = {0};
	set_defaults(production, policies);
	if (policy && !conf_read(policy, map_fields, ARRAY_SIZE(map_fields), &map, err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (map.nodes[i] && !read_word(&rules[i], map.nodes[i], policies, err))
			return false;
	return (!map.upgrade || read_upgrade(map.upgrade, policies, err)) &&
	       (!map.lint || read_lint(map.lint, policies, err));
}
