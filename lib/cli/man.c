#include "cli/internal.h"

#include <stdio.h>

#include "base/fs.h"
#include "base/strbuf.h"

/* Roff text: backslashes, leading dots and quotes lose their meaning; "-" stays a minus. */

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
		AUTO_FREE char *spelling = cli_option_spelling(table);
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

/* Where the mark that opens at `text` ends again in the same line; NULL: it is only a character. */
static const char *mark_end(const char *text, const char *mark)
{
	size_t length = strlen(mark);
	if (strncmp(text, mark, length) != 0 || !text[length] || text[length] == ' ')
		return NULL;
	return strstr(text + length, mark);
}

/* One line of prose: `code` and **strong** are bold, *words* italic. */
static void roff_line(const char *line)
{
	static const struct {
		const char *mark, *font;
	} marks[] = {{"`", "\\fB"}, {"**", "\\fB"}, {"*", "\\fI"}};
	AUTO_STRBUF(plain);
	while (*line) {
		const char *end = NULL;
		size_t m = 0;
		for (; m < ARRAY_SIZE(marks) && !(end = mark_end(line, marks[m].mark)); m++)
			;
		if (!end) {
			strbuf_addc(&plain, *line++);
			continue;
		}
		size_t length = strlen(marks[m].mark);
		AUTO_FREE char *inside = xstrndup(line + length, (size_t)(end - line) - length);
		roff_text(plain.buf);
		strbuf_reset(&plain);
		fputs(marks[m].font, stdout);
		roff_text(inside);
		fputs("\\fR", stdout);
		line = end + length;
	}
	roff_text(plain.buf);
	putchar('\n');
}

/*
 * Markdown as far as our prose uses it: "## Title", indented or fenced code, lists, paragraphs,
 * `code`, *emphasis*.
 */
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
			roff_line(line + 2);
		} else if (code) {
			roff_text(indented ? line + 4 : line);
			putchar('\n');
		} else {
			roff_line(line);
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
	printf(".TH \"%s\" 1 \"\" \"mig %s\"\n.ad l\n.SH NAME\n%s \\- %s\n", program->name,
		cli_version, program->name, program->summary);
	roff_synopsis(program);
	roff_verbs(program);
	roff_prose(prose.buf);
	printf(".SH OPTIONS\n");
	roff_text(
		"An option that takes one value and is given twice with different ones is refused "
		"(2).\n");
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
