#include "play/playbook.h"

static const struct {
	const char *word;
	bool effect, data;
} kinds[] = {
#define X(name, word, effect, data) [name] = {word, effect, data},
	PLAY_KINDS(X)
#undef X
};

/* The first row that fits decides; a NULL verb fits every verb of the program. */
static const struct {
	const char *program, *verb;
	enum play_kind kind;
} rows[] = {
	{"mig-apply", "upgrade", PLAY_KIND_DATABASE},
	{"mig-apply", "downgrade", PLAY_KIND_DATABASE},
	{"mig-apply", "stamp", PLAY_KIND_DATABASE},
	{"mig-apply", NULL, PLAY_KIND_CHECK},
	{"mig-backup", "list", PLAY_KIND_CHECK},
	{"mig-backup", "show", PLAY_KIND_CHECK},
	{"mig-backup", "status", PLAY_KIND_CHECK},
	{"mig-backup", NULL, PLAY_KIND_BACKUP},
	{"mig-verify", NULL, PLAY_KIND_CHECK},
	{"mig-restore", "copies", PLAY_KIND_CHECK},
	{"mig-restore", NULL, PLAY_KIND_DATABASE},
	{"mig-maintenance", "status", PLAY_KIND_CHECK},
	{"mig-maintenance", "assert", PLAY_KIND_CHECK},
	{"mig-maintenance", NULL, PLAY_KIND_MAINTENANCE},
	{"mig-alert", NULL, PLAY_KIND_ALERT},
	{"mig-deploy", "is", PLAY_KIND_CHECK},
	{"mig-deploy", "list", PLAY_KIND_CHECK},
	{"mig-deploy", NULL, PLAY_KIND_TRAFFIC},
};

const char *play_kind_word(enum play_kind kind)
{
	return kinds[kind].word;
}

bool play_kind_effect(enum play_kind kind)
{
	return kinds[kind].effect;
}

bool play_kind_data(enum play_kind kind)
{
	return kinds[kind].data;
}

enum play_kind play_kind_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_equal(kinds[i].word, word))
			return (enum play_kind)i;
	return PLAY_KIND_COMMAND;
}

enum play_kind play_kind_of(const struct strvec *argv)
{
	const char *verb = argv->count > 1 ? argv->items[1] : NULL;
	for (size_t i = 0; argv->count > 0 && i < ARRAY_SIZE(rows); i++)
		if (str_equal(rows[i].program, argv->items[0]) &&
			(!rows[i].verb || str_equal(rows[i].verb, verb)))
			return rows[i].kind;
	return PLAY_KIND_COMMAND;
}
