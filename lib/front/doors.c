#include "front/doors.h"
#include "base/base.h"
#include "base/proc.h"
#include <unistd.h>

static const struct door doors[] = {
#define X(word, program, keeps_word, summary) {word, program, keeps_word},
	DOORS(X)
#undef X
};

const struct door *door_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(doors); i++)
		if (str_equal(doors[i].word, word))
			return &doors[i];
	return NULL;
}

void door_list(struct strvec *lines)
{
	for (size_t i = 0; i < ARRAY_SIZE(doors); i++)
		strvec_pushf(lines, "%-14s %s%s%s --help", doors[i].word, doors[i].program,
			doors[i].keeps_word ? " " : "", doors[i].keeps_word ? doors[i].word : "");
}

void door_arguments(
	const struct door *door, int argc, char **argv, int word, struct strvec *arguments)
{
	for (int i = 1; i < argc; i++)
		if (i != word || door->keeps_word)
			strvec_push(arguments, argv[i]);
}

bool door_enter(const struct door *door, const struct strvec *arguments, struct err *err)
{
	AUTO_STRVEC(argv);
	AUTO_FREE char *path = proc_sibling(door->program);
	strvec_push(&argv, path);
	strvec_push_all(&argv, arguments);
	execvp(path, (char *const *)strvec_argv(&argv));
	err_sys(err, ERR_FAILED, "cannot start %s", door->program);
	return err_hint(err, "it belongs beside this program, or into PATH");
}
