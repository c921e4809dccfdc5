#include "base/suggest.h"
#include "conf/node.h"
#include <ctype.h>

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static bool add_value(const char *name, const struct conf_node *where, conf_lookup lookup,
	void *ctx, const struct strvec *known, struct strbuf *out, struct err *err)
{
	AUTO_FREE char *value = lookup(ctx, name);
	if (value) {
		strbuf_adds(out, value);
		return true;
	}
	conf_error(where, err, "unknown name ${%s}", name);
	const char *near = known ? suggest_in(name, known) : NULL;
	if (near)
		return err_hint(err, "did you mean ${%s}?", near);
	AUTO_FREE char *names = known && known->count ? strvec_join(known, ", ") : NULL;
	return names ? err_hint(err, "known here: %s", names) : false;
}

/* *text stands after "${"; is moved behind the "}". */
static bool take_name(
	const char **text, const struct conf_node *where, char **name, struct err *err)
{
	size_t length = 0;
	while (name_char((*text)[length]))
		length++;
	if ((*text)[length] != '}' || !length)
		return conf_error(where, err,
			"\"${\" must be followed by a name and \"}\" (\"$${\" stands for a plain "
			"\"${\")");
	*name = xstrndup(*text, length);
	*text += length + 1;
	return true;
}

bool conf_expand(const char *text, const struct conf_node *where, conf_lookup lookup, void *ctx,
	const struct strvec *known, char **out, struct err *err)
{
	AUTO_STRBUF(result);
	while (*text) {
		if (str_starts(text, "$${")) {
			strbuf_adds(&result, "${");
			text += 3;
		} else if (str_starts(text, "${")) {
			AUTO_FREE char *name = NULL;
			text += 2;
			if (!take_name(&text, where, &name, err) ||
				!add_value(name, where, lookup, ctx, known, &result, err))
				return false;
		} else {
			strbuf_addc(&result, *text++);
		}
	}
	*out = strbuf_take(&result);
	return true;
}
