#include "cli/internal.h"

#include <stdio.h>

#include "base/fs.h"
#include "base/strbuf.h"

const char cli_version[] = "0.1.0";

char *cli_usage_line(const struct cli_program *program, const struct cli_verb *verb)
{
	AUTO_STRBUF(line);
	strbuf_adds(&line, program->name);
	if (!verb)
		strbuf_adds(&line, " VERB");
	else if (verb->name)
		strbuf_addf(&line, " %s", verb->name);
	if (verb && verb->operands)
		strbuf_addf(&line, " %s", verb->operands);
	strbuf_adds(&line, " [options]");
	return strbuf_take(&line);
}

static char *option_spelling(const struct cli_option *option)
{
	AUTO_STRBUF(text);
	if (option->letter)
		strbuf_addf(&text, "-%c, ", option->letter);
	strbuf_addf(&text, "--%s", option->name);
	if (option->arg)
		strbuf_addf(&text, " %s", option->arg);
	return strbuf_take(&text);
}

static void print_options(const char *title, const struct cli_option *table)
{
	if (!table || !table->name)
		return;
	printf("\n%s:\n", title);
	for (; table->name; table++) {
		AUTO_FREE char *spelling = option_spelling(table);
		printf("  %-26s %s\n", spelling, table->help);
	}
}

static void print_examples(const struct cli_program *program)
{
	if (!program->examples)
		return;
	printf("\nexamples:\n");
	for (const char *const *pair = program->examples; pair[0]; pair += 2)
		printf("  %-50s %s\n", pair[0], pair[1]);
}

static void print_verb_help(const struct cli_program *program, const struct cli_verb *verb)
{
	AUTO_FREE char *usage = cli_usage_line(program, verb);
	printf("usage: %s\n%s\n", usage, verb->summary);
	print_options("options", verb->options);
	print_options("options of every verb", program->options);
	print_options("shared options", cli_shared_options);
}

static void print_program_help(const struct cli_program *program)
{
	printf("%s - %s\n\nusage:\n", program->name, program->summary);
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++) {
		AUTO_STRBUF(form);
		strbuf_addf(&form, "%s%s%s%s%s", program->name, verb->name ? " " : "",
			verb->name ? verb->name : "", verb->operands ? " " : "",
			verb->operands ? verb->operands : "");
		printf("  %-38s %s\n", form.buf, verb->summary);
	}
	print_options("options", program->options);
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++) {
		AUTO_FREE char *title =
			xstrfmt("options of %s", verb->name ? verb->name : verb->operands);
		print_options(title, verb->options);
	}
	print_options("shared options", cli_shared_options);
	print_examples(program);
	printf("\nmanual: man %s\n", program->name);
}

void cli_help_print(const struct cli *cli)
{
	if (cli->verb && cli->verb->name)
		print_verb_help(cli->program, cli->verb);
	else
		print_program_help(cli->program);
}

/* --- the man page ------------------------------------------------------------------------------
 */

/* Roff text: backslashes and leading dots or quotes lose their meaning; "-" stays a hyphen-minus.
 */
static void roff_text(const char *text)
{
	bool line_start = true;
	for (const char *c = text; *c; c++) {
		if (line_start && (*c == '.' || *c == '\''))
			fputs("\\&", stdout);
		if (*c == '\\')
			fputs("\\e", stdout);
		else if (*c == '-')
			fputs("\\-", stdout);
		else
			putchar(*c);
		line_start = *c == '\n';
	}
}

static void roff_options(const char *title, const struct cli_option *table)
{
	if (!table || !table->name)
		return;
	printf(".SS ");
	roff_text(title);
	putchar('\n');
	for (; table->name; table++) {
		AUTO_FREE char *spelling = option_spelling(table);
		printf(".TP\n.B ");
		roff_text(spelling);
		putchar('\n');
		roff_text(table->help);
		putchar('\n');
	}
}

static void roff_synopsis(const struct cli_program *program)
{
	printf(".SH SYNOPSIS\n");
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++) {
		printf("%s.B %s", verb == program->verbs ? "" : ".br\n", program->name);
		if (verb->name)
			printf(" %s", verb->name);
		putchar('\n');
		if (verb->operands)
			roff_text(verb->operands);
		printf("%s[options]\n", verb->operands ? " " : "");
	}
}

static void roff_verbs(const struct cli_program *program)
{
	printf(".SH VERBS\n");
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++) {
		AUTO_FREE char *form = xstrfmt("%s%s%s", verb->name ? verb->name : "",
			verb->name && verb->operands ? " " : "",
			verb->operands ? verb->operands : "");
		printf(".TP\n.B ");
		roff_text(form);
		putchar('\n');
		roff_text(verb->summary);
		putchar('\n');
	}
}

static void roff_exit_status(void)
{
	size_t count;
	const struct err_row *rows = err_rows(&count);
	printf(".SH EXIT STATUS\n");
	for (size_t i = 0; i < count; i++) {
		if (rows[i].code == ERR_SIGNAL)
			printf(".TP\n.B 128+n\n");
		else
			printf(".TP\n.B %d\n", rows[i].status);
		roff_text(rows[i].meaning);
		printf("%s\n", rows[i].retryable ? " (may be tried again)" : "");
	}
}

/* Markdown as far as our prose uses it: "## Title", indented or fenced code, lists, paragraphs. */
static void roff_prose(const char *text)
{
	bool code = false, blank = true;
	AUTO_STRVEC(lines);
	strvec_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.count; i++) {
		const char *line = lines.items[i];
		bool fence = str_starts(line, "```");
		bool indented = str_starts(line, "    ");
		if (fence || (!code && indented && blank) ||
			(code && *line && !indented && !fence && lines.items[i - 1][0] == '\0')) {
			printf(code ? ".EE\n.RE\n" : ".PP\n.RS 4\n.EX\n");
			code = !code;
			if (fence)
				continue;
		}
		blank = !*line;
		if (!code && str_starts(line, "## ")) {
			printf(".SH ");
			roff_text(line + 3);
			putchar('\n');
		} else if (!code && str_starts(line, "# ")) {
			continue;
		} else if (!code && !*line) {
			printf(".PP\n");
		} else if (!code && str_starts(line, "- ")) {
			printf(".IP \\(bu 2\n");
			roff_text(line + 2);
			putchar('\n');
		} else {
			roff_text(code && indented ? line + 4 : line);
			putchar('\n');
		}
	}
	if (code)
		printf(".EE\n.RE\n");
}

bool cli_man_print(const struct cli_program *program, const char *prose_path, struct err *err)
{
	AUTO_STRBUF(prose);
	if (prose_path && !fs_read(prose_path, 0, &prose, err))
		return false;
	printf(".TH \"%s\" 1 \"\" \"mig %s\"\n.SH NAME\n%s \\- %s\n", program->name, cli_version,
		program->name, program->summary);
	roff_synopsis(program);
	roff_verbs(program);
	roff_prose(prose.buf);
	printf(".SH OPTIONS\n");
	roff_options("Options of every verb", program->options);
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++) {
		AUTO_FREE char *title =
			xstrfmt("Options of %s", verb->name ? verb->name : verb->operands);
		roff_options(title, verb->options);
	}
	roff_options("Shared options", cli_shared_options);
	roff_exit_status();
	printf(".SH SEE ALSO\n.BR mig (1)\n");
	return true;
}

/* --- shell completion --------------------------------------------------------------------------
 */

static void completion_words(const struct cli_option *table)
{
	for (; table && table->name; table++)
		printf(" --%s", table->name);
}

void cli_completion_print(const struct cli_program *program)
{
	printf("complete -o default -W \"");
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++) {
		if (verb->name)
			printf(" %s", verb->name);
		completion_words(verb->options);
	}
	completion_words(program->options);
	completion_words(cli_shared_options);
	printf("\" %s\n", program->name);
}

void cli_verbs_print(const struct cli_program *program)
{
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++)
		if (verb->name)
			puts(verb->name);
}
