#include "cli/internal.h"

/* Which program a verb belongs to, for the answer to a verb typed at the wrong one. */
static const struct {
	const char *program;
	const char *verbs; /* separated and surrounded by spaces */
} programs[] = {
	{"mig-backup", " create list show cat copy keep "},
	{"mig-apply",
		" upgrade downgrade current stamp plan history heads branches script revision "
		"merge rebase check "},
	{"mig-verify", " smoke backup data "},
	{"mig-restore", " swap undo copies drop rows "},
	{"mig-maintenance", " on off renew assert "},
	{"mig-alert", " send test flush "},
	{"mig-run", " lint resume recover "},
	{"mig", " init doctor status help "},
};

size_t cli_program_at(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (str_starts(text, programs[i].program))
			return strlen(programs[i].program);
	return 0;
}

const char *cli_program_of_verb(const char *verb, const char *program)
{
	AUTO_FREE char *word = xstrfmt(" %s ", verb);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (strcmp(programs[i].program, program) != 0 && strstr(programs[i].verbs, word))
			return programs[i].program;
	return NULL;
}
