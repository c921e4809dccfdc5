/* Commands in advice are typed as they stand: they need the choice that was made on this line. */
#include "cli/internal.h"

#include <ctype.h>

/* What comes from the environment is there for the next command, too. */
static bool was_typed(const char *value, const char *variable)
{
	return value && value != cli_getenv(variable);
}

static char *typed_options(const struct cli *cli)
{
	const struct cli_shared *shared = &cli->shared;
	AUTO_STRVEC(words);
	if (was_typed(shared->config, "MIG_CONFIG")) {
		strvec_push(&words, "-c");
		strvec_push(&words, shared->config);
	}
	if (was_typed(shared->env, "MIG_ENV") && shared->env != cli->chosen_env) {
		strvec_push(&words, "-e");
		strvec_push(&words, shared->env);
	}
	if (was_typed(shared->dbname, "MIG_DBNAME")) {
		strvec_push(&words, "-d");
		strvec_push(&words, shared->dbname);
	}
	return words.count ? strvec_shell(&words) : NULL;
}

/* The length of "mig doctor" or "mig status": mig's other verbs know no environment. */
static size_t mig_verb_at(const char *text)
{
	static const char *const commands[] = {"mig doctor", "mig status"};
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t length = strlen(commands[i]);
		if (str_starts(text, commands[i]) && (text[length] == ' ' || !text[length]))
			return length;
	}
	return 0;
}

/* The length of a program's name that begins here and has words behind it; 0: none does. */
static size_t program_at(const char *text, const char *begin)
{
	if (text > begin && (isalnum((unsigned char)text[-1]) || strchr("-_/.", text[-1])))
		return 0;
	size_t length = cli_program_at(text);
	if (length == strlen("mig"))
		return mig_verb_at(text);
	return length && text[length] == ' ' && isalnum((unsigned char)text[length + 1]) ? length
											 : 0;
}

/* The command that begins here says itself where; a psql behind it is another one. */
static bool chooses(const char *command)
{
	static const char *const flags[] = {" -e ", " -d ", " -c "};
	const char *end = strstr(command, "psql ");
	size_t length = strcspn(command, ";\n");
	if (end && (size_t)(end - command) < length)
		length = (size_t)(end - command);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const char *at = strstr(command, flags[i]);
		if (at && (size_t)(at - command) < length)
			return true;
	}
	return false;
}

char *cli_own_words(const struct cli *cli, const char *advice)
{
	AUTO_FREE char *options = typed_options(cli);
	AUTO_STRBUF(out);
	if (!options || strstr(advice, "usage: "))
		return xstrdup(advice);
	for (const char *text = advice; *text;) {
		size_t length = program_at(text, advice);
		if (length && !chooses(text))
			strbuf_addf(&out, "%.*s %s", (int)length, text, options);
		else
			strbuf_add(&out, text, length ? length : 1);
		text += length ? length : 1;
	}
	return strbuf_take(&out);
}
