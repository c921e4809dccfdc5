/* Commands in advice are typed as they stand: they need the choice that was made on this line. */
#include "cli/internal.h"

#include <ctype.h>

static const char *const programs[] = {"mig-backup", "mig-restore", "mig-verify", "mig-maintenance",
	"mig-apply", "mig-run", "mig doctor", "mig status"};

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

/* A verb of mig's may be the last word; a program's name alone is not a command. */
static bool is_whole(const char *program, const char *behind)
{
	if (strchr(program, ' '))
		return *behind == ' ' || !*behind;
	return *behind == ' ' && isalnum((unsigned char)behind[1]);
}

/* The length of a program's name that begins here and has words behind it; 0: none does. */
static size_t program_at(const char *text, const char *begin)
{
	if (text > begin && (isalnum((unsigned char)text[-1]) || strchr("-_/.", text[-1])))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		size_t length = strlen(programs[i]);
		if (str_starts(text, programs[i]))
			return is_whole(programs[i], text + length) ? length : 0;
	}
	return 0;
}

char *cli_own_words(const struct cli *cli, const char *advice)
{
	AUTO_FREE char *options = typed_options(cli);
	AUTO_STRBUF(out);
	bool chooses = strstr(advice, " -e ") || strstr(advice, " -d ") || strstr(advice, " -c ");
	if (!options || chooses || strstr(advice, "usage: "))
		return xstrdup(advice);
	for (const char *text = advice; *text;) {
		size_t length = program_at(text, advice);
		if (length)
			strbuf_addf(&out, "%.*s %s", (int)length, text, options);
		else
			strbuf_addc(&out, *text);
		text += length ? length : 1;
	}
	return strbuf_take(&out);
}
