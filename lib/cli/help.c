#include "cli/internal.h"

#include <stdio.h>

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

char *cli_option_spelling(const struct cli_option *option)
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
		AUTO_FREE char *spelling = cli_option_spelling(table);
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
