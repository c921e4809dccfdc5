#include "cli/internal.h"

#include <stdio.h>
#include <unistd.h>

#include "base/strbuf.h"

/* Asks on the controlling terminal; false without one. */
static bool ask(const char *question, struct strbuf *answer)
{
	FILE *terminal = isatty(STDIN_FILENO) ? fopen("/dev/tty", "r+e") : NULL;
	if (!terminal)
		return false;
	fprintf(terminal, "%s ", question);
	fflush(terminal);
	char line[256];
	bool read = fgets(line, sizeof line, terminal) != NULL;
	if (read)
		strbuf_adds(answer, line);
	strbuf_trim(answer);
	fclose(terminal);
	return true;
}

bool cli_confirm_plain(struct cli *cli, struct err *err, const char *question)
{
	if (cli->shared.yes)
		return true;
	AUTO_STRBUF(answer);
	AUTO_FREE char *text = xstrfmt("%s [y/N]", question);
	if (!ask(text, &answer)) {
		err_set(err, ERR_REFUSED, "not confirmed: %s", question);
		return err_hint(err, "there is no terminal to ask on: give --yes");
	}
	if (strcmp(answer.buf, "y") == 0 || strcmp(answer.buf, "yes") == 0)
		return true;
	return err_set(err, ERR_REFUSED, "not confirmed; nothing was changed");
}

bool cli_confirm_typed(struct cli *cli, const char *name, struct err *err, const char *question)
{
	AUTO_STRBUF(answer);
	if (cli->shared.confirm) {
		strbuf_adds(&answer, cli->shared.confirm);
	} else {
		AUTO_FREE char *text = xstrfmt("%s Type \"%s\" to go on:", question, name);
		if (!ask(text, &answer)) {
			err_set(err, ERR_REFUSED, "not confirmed: %s", question);
			return err_hint(
				err, "there is no terminal to ask on: give --confirm %s", name);
		}
	}
	if (strcmp(answer.buf, name) == 0)
		return true;
	return err_set(err, ERR_REFUSED, "not confirmed: \"%s\" is not \"%s\"; nothing was changed",
		answer.buf, name);
}
