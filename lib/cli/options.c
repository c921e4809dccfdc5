#include "cli/internal.h"

#include <ctype.h>
#include <errno.h>

#include "base/clock.h"
#include "base/suggest.h"

#define SHARED(field) offsetof(struct cli_shared, field)

const struct cli_option cli_shared_options[] = {
	{"config", 'c', CLI_STRING, SHARED(config), "FILE",
		"configuration (default: mig.yaml, upward from here)"},
	{"env", 'e', CLI_STRING, SHARED(env), "NAME", "environment of the configuration"},
	{"dbname", 'd', CLI_STRING, SHARED(dbname), "CONNINFO",
		"database: name, conninfo or URI, without a password"},
	{"dry-run", 'n', CLI_FLAG, SHARED(dry_run), NULL, "change nothing, show what would happen"},
	{"yes", 'y', CLI_FLAG, SHARED(yes), NULL, "answer plain questions with yes"},
	{"confirm", 0, CLI_STRING, SHARED(confirm), "NAME",
		"typed confirmation where there is no terminal"},
	{"reason", 0, CLI_STRING, SHARED(reason), "TEXT", "why, for acts that are recorded"},
	{"lock-wait", 0, CLI_DURATION, SHARED(lock_wait_ms), "T",
		"wait this long for another run to end (default 0)"},
	{"preempt-backup", 0, CLI_FLAG, SHARED(preempt_backup), NULL,
		"let a backup that is in the way stop, and wait for that"},
	{"json", 0, CLI_FLAG, SHARED(json), NULL, "one JSON object per line, results and log"},
	{"color", 0, CLI_STRING, SHARED(color), "WHEN", "auto, always or never", .last_wins = true},
	{"show-settings", 0, CLI_FLAG, SHARED(show_settings), NULL,
		"print each setting and where it came from"},
	{"verbose", 'v', CLI_FLAG, SHARED(verbose), NULL, "more to read"},
	{"quiet", 'q', CLI_FLAG, SHARED(quiet), NULL, "warnings and errors only"},
	{"help", 'h', CLI_FLAG, SHARED(help), NULL, "show this help"},
	{"version", 'V', CLI_FLAG, SHARED(version), NULL, "show the version"},
	{0},
};

/* One word of the command line that is an option, taken apart. */
struct option_word {
	const char *name; /* long name, or one letter */
	size_t length;
	bool is_long;
	const char *value; /* after "=" or behind the letter; NULL: none there */
};

static const struct cli_option *find_in(
	const struct cli_option *table, const struct option_word *word)
{
	for (; table && table->name; table++) {
		bool same = word->is_long
				    ? strlen(table->name) == word->length &&
					      strncmp(table->name, word->name, word->length) == 0
				    : table->letter && table->letter == *word->name;
		if (same)
			return table;
	}
	return NULL;
}

/* Any option of the program by that name: tells whether a value follows before the verb is known.
 */
static const struct cli_option *find_anywhere(
	const struct cli_program *program, const struct option_word *word)
{
	const struct cli_option *found = find_in(cli_shared_options, word);
	if (!found)
		found = find_in(program->options, word);
	for (const struct cli_verb *verb = program->verbs; !found && verb->run; verb++)
		found = find_in(verb->options, word);
	return found;
}

static bool looks_like_option(const char *text)
{
	return text[0] == '-' && text[1] && !isdigit((unsigned char)text[1]);
}

static struct option_word take_apart(const char *text)
{
	if (str_starts(text, "--")) {
		const char *equals = strchr(text, '=');
		size_t length = equals ? (size_t)(equals - text - 2) : strlen(text) - 2;
		return (struct option_word){text + 2, length, true, equals ? equals + 1 : NULL};
	}
	return (struct option_word){text + 1, 1, false, text[2] ? text + 2 : NULL};
}

static bool parse_int(const char *text, int64_t *value, struct err *err)
{
	errno = 0;
	char *end;
	long long number = strtoll(text, &end, 10);
	if (errno || !*text || *end)
		return err_set(err, ERR_USAGE, "\"%s\" is not a whole number", text);
	*value = number;
	return true;
}

static bool store_value(
	const struct cli_option *option, void *base, const char *value, struct err *err)
{
	void *target = (char *)base + option->offset;
	bool ok = true;
	switch (option->type) {
	case CLI_FLAG:
		*(bool *)target = true;
		break;
	case CLI_STRING:
		*(const char **)target = value;
		break;
	case CLI_INT:
		ok = parse_int(value, target, err);
		break;
	case CLI_COUNT:
		ok = parse_int(value, target, err) &&
		     (*(int64_t *)target > 0 ||
			     err_set(err, ERR_USAGE, "\"%s\" is not 1 or more", value));
		break;
	case CLI_DURATION:
		ok = clock_parse_duration(value, target, err);
		break;
	case CLI_SIZE:
		ok = clock_parse_size(value, target, err);
		break;
	case CLI_LIST:
		strvec_push(target, value);
		break;
	case CLI_NAMES:
		strvec_split(target, value, ',');
		break;
	}
	return ok || err_context(err, "--%s", option->name);
}

static void push_names(struct strvec *names, const struct cli_option *table)
{
	for (; table && table->name; table++)
		strvec_push(names, table->name);
}

static void push_verbs(struct strvec *names, const struct cli_program *program)
{
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++)
		if (verb->name)
			strvec_push(names, verb->name);
}

/* "mig-apply downgrade": the verbs that have it, when this one has not. Caller owns; NULL: none. */
static char *verbs_with(const struct cli_program *program, const struct option_word *word)
{
	AUTO_STRVEC(verbs);
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++)
		if (verb->name && find_in(verb->options, word))
			strvec_pushf(&verbs, "%s %s", program->name, verb->name);
	return verbs.count ? strvec_join(&verbs, ", ") : NULL;
}

static bool unknown_option(
	const struct cli *cli, const struct cli_tables *tables, const char *text, struct err *err)
{
	struct option_word word = take_apart(text);
	AUTO_FREE char *name = xstrndup(word.name, word.length);
	const char *dashes = word.is_long ? "--" : "-";
	AUTO_FREE char *usage = cli_usage_line(cli->program, cli->verb);
	err_set(err, ERR_USAGE, "unknown option %s%s", dashes, name);
	AUTO_STRVEC(names);
	for (size_t i = 0; i < ARRAY_SIZE(tables->list); i++)
		push_names(&names, tables->list[i]);
	const char *near = word.is_long ? suggest_in(name, &names) : NULL;
	const char *foreign = cli_foreign_option_hint(cli->program->name, name);
	if (foreign)
		return err_hint(err, "%s", foreign);
	AUTO_FREE char *others = verbs_with(cli->program, &word);
	if (others)
		return err_hint(err, "it is an option of: %s", others);
	if (near)
		return err_hint(err, "did you mean --%s? usage: %s", near, usage);
	return err_hint(err, "see --help; usage: %s", usage);
}

/* An option that was given, and its value as typed (NULL: a flag); both borrowed. */
struct given {
	const struct cli_option *option;
	const char *value;
};

/* Where the walk over argv stands. */
struct walk {
	int argc;
	char **argv;
	int next;
	bool ended; /* after "--" */
	struct given *given; /* as often as they were typed */
	size_t given_count, given_alloc;
};

static bool may_repeat(const struct cli_option *option)
{
	return option->type == CLI_LIST || option->type == CLI_NAMES || option->last_wins;
}

/* A value with which a password came along is not said again. */
static bool may_be_shown(const char *value)
{
	return !strcasestr(value, "password") && !(strstr(value, "://") && strchr(value, '@'));
}

static void remember(struct walk *walk, const struct cli_option *option, const char *value)
{
	xgrow(walk->given, walk->given_count, walk->given_alloc);
	walk->given[walk->given_count++] = (struct given){option, value};
}

/* Which of two values was meant is not for us to choose. */
static bool keep_given(
	struct walk *walk, const struct cli_option *option, const char *value, struct err *err)
{
	for (size_t i = 0; i < walk->given_count; i++) {
		const char *before = walk->given[i].value;
		if (walk->given[i].option != option || may_repeat(option) || !strcmp(before, value))
			continue;
		if (may_be_shown(before) && may_be_shown(value))
			err_set(err, ERR_USAGE, "--%s is given twice: \"%s\" and \"%s\"",
				option->name, before, value);
		else
			err_set(err, ERR_USAGE, "--%s is given twice, with different values",
				option->name);
		return err_hint(err, "it takes one: leave out the other");
	}
	remember(walk, option, value);
	return true;
}

static bool was_given(const struct walk *walk, const char *name)
{
	for (size_t i = 0; i < walk->given_count; i++)
		if (!strcmp(walk->given[i].option->name, name))
			return true;
	return false;
}

/* What does nothing where it was typed was meant to do something. */
static bool check_company(const struct walk *walk, struct err *err)
{
	for (size_t i = 0; i < walk->given_count; i++) {
		const struct cli_option *option = walk->given[i].option;
		const char *clash = option->not_with, *need = option->only_with;
		if (clash && was_given(walk, clash)) {
			err_set(err, ERR_USAGE, "--%s does nothing with --%s", option->name, clash);
			return err_hint(err, "leave out one of them");
		}
		if (need && !was_given(walk, need)) {
			err_set(err, ERR_USAGE, "--%s does nothing without --%s", option->name,
				need);
			return err_hint(err, "add --%s, or leave it out", need);
		}
	}
	return true;
}

static bool needs_value(const struct cli *cli, const struct cli_option *option, struct err *err)
{
	const char *verb = cli->verb && cli->verb->name ? cli->verb->name : "";
	err_set(err, ERR_USAGE, "--%s needs a value: --%s %s", option->name, option->name,
		option->arg);
	return err_hint(
		err, "what it means: %s%s%s --help", cli->program->name, *verb ? " " : "", verb);
}

/* What is less than 0 is an initial value: nobody types it. */
static bool check_sign(
	const struct cli_option *option, const void *target, const char *value, struct err *err)
{
	const int64_t *number = (const int64_t *)((const char *)target + option->offset);
	return option->type != CLI_INT || *number >= 0 ||
	       err_set(err, ERR_USAGE, "--%s: \"%s\" is not 0 or more", option->name, value);
}

/* Reads one option word (a long one, or a bundle of letters) into the settings. */
static bool read_option(
	const struct cli *cli, const struct cli_tables *tables, struct walk *walk, struct err *err)
{
	const char *text = walk->argv[walk->next++];
	struct option_word word = take_apart(text);
	for (;;) {
		const struct cli_option *option = NULL;
		void *target = NULL;
		for (size_t i = 0; i < ARRAY_SIZE(tables->list) && !option; i++) {
			option = find_in(tables->list[i], &word);
			target = tables->targets[i];
		}
		if (!option)
			return unknown_option(cli, tables, text, err);
		if (option->type == CLI_FLAG) {
			if (word.is_long && word.value)
				return err_set(err, ERR_USAGE, "--%s takes no value", option->name);
			if (!store_value(option, target, NULL, err))
				return false;
			remember(walk, option, NULL);
			if (word.is_long || !word.value)
				return true;
			word = (struct option_word){
				word.value, 1, false, word.value[1] ? word.value + 1 : NULL};
			continue;
		}
		const char *value = word.value;
		if (!value && walk->next < walk->argc)
			value = walk->argv[walk->next++];
		if (!value)
			return needs_value(cli, option, err);
		return keep_given(walk, option, value, err) &&
		       store_value(option, target, value, err) &&
		       check_sign(option, target, value, err);
	}
}

/* True when the last letter of a bundle, or a long option, takes the next word as its value. */
static bool next_word_is_value(const struct cli_program *program, const char *text)
{
	struct option_word word = take_apart(text);
	for (;;) {
		const struct cli_option *option = find_anywhere(program, &word);
		if (!option)
			return false;
		if (option->type != CLI_FLAG)
			return !word.value;
		if (word.is_long || !word.value)
			return false;
		word = (struct option_word){
			word.value, 1, false, word.value[1] ? word.value + 1 : NULL};
	}
}

int cli_first_operand(const struct cli_program *program, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1 < argc ? i + 1 : 0;
		if (!looks_like_option(argv[i]))
			return i;
		if (next_word_is_value(program, argv[i]))
			i++;
	}
	return 0;
}

static const struct cli_verb *find_verb(const struct cli_program *program, const char *name)
{
	for (const struct cli_verb *verb = program->verbs; verb->run; verb++)
		if (str_equal(verb->name, name))
			return verb;
	return NULL;
}

/* `at` is where it stands in argv. */
static bool unknown_verb(const struct cli_program *program, char **argv, int at, struct err *err)
{
	const char *word = argv[at], *next = argv[at + 1];
	const char *before = at > 1 && argv[at - 1][0] == '-' ? argv[at - 1] : NULL;
	AUTO_STRVEC(names);
	push_verbs(&names, program);
	err_set(err, ERR_USAGE, "%s has no verb \"%s\"", program->name, word);
	const char *other = cli_program_of_verb(word, program->name);
	const char *near = suggest_in(word, &names);
	AUTO_FREE char *all = strvec_join(&names, ", ");
	AUTO_FREE char *foreign = cli_foreign_hint(program->name, word, next);
	const char *option =
		before ? cli_foreign_option_hint(program->name, before + strspn(before, "-"))
		       : NULL;
	if (option)
		return err_hint(err, "%s", option);
	if (foreign)
		return err_hint(err, "%s", foreign);
	if (other)
		return err_hint(err, "did you mean: %s %s", other, word);
	if (near)
		return err_hint(err, "did you mean: %s %s", program->name, near);
	return err_hint(err, "verbs: %s", all);
}

void cli_hint_verb(const struct cli *cli, struct err *err)
{
	bool operand_form = cli->verb && !cli->verb->name && cli->operands.count;
	AUTO_STRVEC(names);
	if (!operand_form || (err->code != ERR_USAGE && err->code != ERR_NOTFOUND))
		return;
	const char *word = cli->operands.items[0], *program = cli->program->name;
	push_verbs(&names, cli->program);
	const char *near = suggest_in(word, &names);
	const char *other = cli_program_of_verb(word, program);
	if (near || other)
		err_hint(err, "did you mean: %s %s", near ? program : other, near ? near : word);
}

/* Sets cli->verb; *index is where the verb stands in argv, 0 when it is the operand form. */
static bool choose_verb(struct cli *cli, int argc, char **argv, int *index, struct err *err)
{
	int operand = cli_first_operand(cli->program, argc, argv);
	const struct cli_verb *by_operand = find_verb(cli->program, NULL);
	cli->verb = operand ? find_verb(cli->program, argv[operand]) : NULL;
	*index = cli->verb ? operand : 0;
	if (cli->verb)
		return true;
	cli->verb = by_operand;
	if (operand && !by_operand)
		return unknown_verb(cli->program, argv, operand, err);
	return true;
}

struct counts {
	size_t least, most;
};

static struct counts operand_counts(const char *operands)
{
	struct counts counts = {0, 0};
	if (!operands)
		return counts;
	AUTO_STRVEC(words);
	strvec_split(&words, operands, ' ');
	for (size_t i = 0; i < words.count; i++) {
		counts.least += words.items[i][0] != '[';
		if (strstr(words.items[i], ".."))
			counts.most = SIZE_MAX;
		else if (counts.most != SIZE_MAX)
			counts.most++;
	}
	return counts;
}

/* "STORE" of "SNAPSHOT STORE" and 1; caller owns. */
static char *nth_word(const char *text, size_t n)
{
	AUTO_STRVEC(words);
	strvec_split(&words, text ? text : "", ' ');
	return xstrdup(n < words.count ? words.items[n] : "");
}

static bool check_operands(const struct cli *cli, struct err *err)
{
	struct counts wanted = operand_counts(cli->verb->operands);
	size_t got = cli->operands.count;
	if (got >= wanted.least && got <= wanted.most)
		return true;
	AUTO_FREE char *usage = cli_usage_line(cli->program, cli->verb);
	AUTO_FREE char *missing = nth_word(cli->verb->operands, got);
	if (got < wanted.least)
		err_set(err, ERR_USAGE, "%s is missing", missing);
	else
		err_set(err, ERR_USAGE, "unexpected operand \"%s\"",
			cli->operands.items[wanted.most]);
	return err_hint(err, "usage: %s", usage);
}

static bool store_initial(const struct cli_tables *tables, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables->list); i++)
		for (const struct cli_option *row = tables->list[i]; row && row->name; row++)
			if (row->initial &&
				!store_value(row, tables->targets[i], row->initial, err))
				return false;
	return true;
}

static bool take_words(struct cli *cli, const struct cli_tables *tables, struct walk *walk,
	int verb_index, struct err *err)
{
	while (walk->next < walk->argc) {
		const char *word = walk->argv[walk->next];
		if (!walk->ended && strcmp(word, "--") == 0) {
			walk->ended = true;
			walk->next++;
		} else if (!walk->ended && looks_like_option(word)) {
			if (!read_option(cli, tables, walk, err))
				return false;
		} else {
			if (walk->next != verb_index)
				strvec_push(&cli->operands, word);
			walk->next++;
		}
	}
	return true;
}

bool cli_parse(struct cli *cli, void *settings, int argc, char **argv, struct err *err)
{
	int verb_index;
	if (!choose_verb(cli, argc, argv, &verb_index, err))
		return false;
	struct cli_tables tables = {
		{cli_shared_options, cli->program->options, cli->verb ? cli->verb->options : NULL},
		{&cli->shared, settings, settings}};
	struct walk walk = {.argc = argc, .argv = argv, .next = 1};
	if (!store_initial(&tables, err))
		return false;
	bool taken = take_words(cli, &tables, &walk, verb_index, err);
	bool fits = taken && (cli->shared.help || check_company(&walk, err));
	free(walk.given);
	if (!fits)
		return false;
	if (cli->shared.help || cli->shared.version || cli->shared.show_settings)
		return true;
	if (!cli->verb) {
		AUTO_FREE char *usage = cli_usage_line(cli->program, NULL);
		err_set(err, ERR_USAGE, "which verb?");
		return err_hint(err, "usage: %s; see %s --help", usage, cli->program->name);
	}
	if (cli->shared.dry_run && !(cli->verb->flags & (CLI_DRY_RUN | CLI_READ_ONLY)))
		return err_set(err, ERR_USAGE, "%s %s has no dry run", cli->program->name,
			cli->verb->name ? cli->verb->name : "");
	return check_operands(cli, err);
}

static void release_lists(const struct cli_option *table, void *base)
{
	for (; table && table->name; table++)
		if (table->type == CLI_LIST || table->type == CLI_NAMES)
			strvec_release((struct strvec *)(void *)((char *)base + table->offset));
}

void cli_settings_release(const struct cli *cli, void *settings)
{
	release_lists(cli->program->options, settings);
	if (cli->verb)
		release_lists(cli->verb->options, settings);
}
