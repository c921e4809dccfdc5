#include "base/suggest.h"
#include "play/playbook.h"

static const struct {
	const char *word;
	bool effect, data;
} kinds[] = {
#define X(name, word, effect, data) [name] = {word, effect, data},
	PLAY_KINDS(X)
#undef X
};

/* The first row that fits decides; a NULL verb fits every verb, a NULL word every command. */
static const struct {
	const char *program, *verb, *word;
	enum play_kind kind;
} rows[] = {
	{"mig-apply", "upgrade", NULL, PLAY_KIND_DATABASE},
	{"mig-apply", "downgrade", NULL, PLAY_KIND_DATABASE},
	{"mig-apply", "stamp", NULL, PLAY_KIND_DATABASE},
	{"mig-apply", NULL, NULL, PLAY_KIND_CHECK},
	{"mig-backup", "list", NULL, PLAY_KIND_CHECK},
	{"mig-backup", "show", NULL, PLAY_KIND_CHECK},
	{"mig-backup", "status", NULL, PLAY_KIND_CHECK},
	{"mig-backup", NULL, NULL, PLAY_KIND_BACKUP},
	{"mig-verify", NULL, NULL, PLAY_KIND_CHECK},
	{"mig-restore", "copies", NULL, PLAY_KIND_CHECK},
	{"mig-restore", "swap", NULL, PLAY_KIND_DATABASE},
	{"mig-restore", "undo", NULL, PLAY_KIND_DATABASE},
	{"mig-restore", "rows", NULL, PLAY_KIND_DATABASE},
	{"mig-restore", NULL, "--swap", PLAY_KIND_DATABASE},
	{"mig-restore", NULL, "--in-place", PLAY_KIND_DATABASE},
	{"mig-restore", NULL, "--into-schema", PLAY_KIND_DATABASE},
	{"mig-restore", NULL, NULL, PLAY_KIND_BACKUP}, /* a database beside the live one */
	{"mig-maintenance", "status", NULL, PLAY_KIND_CHECK},
	{"mig-maintenance", "assert", NULL, PLAY_KIND_CHECK},
	{"mig-maintenance", NULL, NULL, PLAY_KIND_MAINTENANCE},
	{"mig-alert", NULL, NULL, PLAY_KIND_ALERT},
	{"mig-deploy", "is", NULL, PLAY_KIND_CHECK},
	{"mig-deploy", "list", NULL, PLAY_KIND_CHECK},
	{"mig-deploy", NULL, NULL, PLAY_KIND_TRAFFIC},
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

bool play_program_known(const char *program, const char **near)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_equal(rows[i].program, program))
			return true;
		else if (!strvec_has(&names, rows[i].program))
			strvec_push(&names, rows[i].program);
	const char *found = suggest_in(program, &names);
	*near = NULL;
	for (size_t i = 0; found && i < ARRAY_SIZE(rows); i++)
		if (str_equal(rows[i].program, found))
			*near = rows[i].program;
	return false;
}

enum play_kind play_kind_of(const struct strvec *argv)
{
	const char *verb = argv->count > 1 ? argv->items[1] : NULL;
	for (size_t i = 0; argv->count > 0 && i < ARRAY_SIZE(rows); i++)
		if (str_equal(rows[i].program, argv->items[0]) &&
			(!rows[i].verb || str_equal(rows[i].verb, verb)) &&
			(!rows[i].word || strvec_has(argv, rows[i].word)))
			return rows[i].kind;
	return PLAY_KIND_COMMAND;
}
