#include "conf/file.h"

static const char *const kinds[] = {
	[CONF_STRING] = "text",
	[CONF_TEXT] = "text",
	[CONF_BOOL] = "true | false",
	[CONF_INT] = "whole number",
	[CONF_DURATION] = "duration: 90s, 10m, 7d",
	[CONF_SIZE] = "size: 64MiB, 10GB",
	[CONF_STRINGS] = "list of texts",
	[CONF_ARGV] = "command: [program, word, ..]",
	[CONF_SECRET] = "text, {env: NAME}, {file: PATH} or {command: [..]}",
	[CONF_NODE] = "map or list",
};

static void add_choices(struct strbuf *out, const char *const *choices)
{
	for (size_t i = 0; choices[i]; i++)
		strbuf_addf(out, "%s%s", i ? " | " : "", choices[i]);
}

/* A map whose keys have lines of their own. */
static bool has_part(const char *name)
{
	size_t length = strlen(name);
	for (const struct file_part *part = file_parts; part->path; part++)
		if (!strncmp(part->path, name, length) && part->path[length] == '.')
			return true;
	return !strncmp(policy_part.path, name, length) && policy_part.path[length] == '.';
}

static void add_kind(struct strbuf *out, const struct conf_field *field, const char *name)
{
	if (field->choices)
		add_choices(out, field->choices);
	else
		strbuf_adds(out, field->type == CONF_NODE && has_part(name) ? "map: keys below"
									    : kinds[field->type]);
}

static void add_part(struct strbuf *out, const struct file_part *part)
{
	for (size_t i = 0; i < part->count; i++) {
		const struct conf_field *field = &part->fields[i];
		AUTO_FREE char *name = xstrfmt("%s%s", part->path, field->key);
		AUTO_FREE char *words = part == &policy_part ? conf_policy_words(field->key) : NULL;
		strbuf_addf(out, "%-44s", name);
		if (words)
			strbuf_adds(out, words);
		else
			add_kind(out, field, name);
		strbuf_adds(out, field->required ? " (required)\n" : "\n");
	}
}

void conf_describe(struct strbuf *out)
{
	for (const struct file_part *part = file_parts; part->path; part++)
		add_part(out, part);
	add_part(out, &policy_part);
}
