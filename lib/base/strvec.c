#include "base/strvec.h"

#include "base/strbuf.h"

void strvec_release(struct strvec *vec)
{
	for (size_t i = 0; i < vec->count; i++)
		free(vec->items[i]);
	free(vec->items);
	*vec = (struct strvec)STRVEC_INIT;
}

void strvec_push_take(struct strvec *vec, char *text)
{
	if (vec->count + 2 > vec->alloc) {
		vec->alloc = vec->alloc ? vec->alloc * 2 : 4;
		vec->items = xrealloc(vec->items, vec->alloc * sizeof(char *));
	}
	vec->items[vec->count++] = text;
	vec->items[vec->count] = NULL;
}

void strvec_push(struct strvec *vec, const char *text)
{
	strvec_push_take(vec, xstrdup(text));
}

void strvec_pushf(struct strvec *vec, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	strvec_push_take(vec, xvstrfmt(fmt, args));
	va_end(args);
}

void strvec_push_all(struct strvec *vec, const struct strvec *from)
{
	for (size_t i = 0; i < from->count; i++)
		strvec_push(vec, from->items[i]);
}

void strvec_push_words(struct strvec *vec, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (words[i])
			strvec_push(vec, words[i]);
}

void strvec_pop(struct strvec *vec)
{
	if (!vec->count)
		return;
	free(vec->items[--vec->count]);
	vec->items[vec->count] = NULL;
}

void strvec_split(struct strvec *vec, const char *text, char separator)
{
	const char *start = text;
	for (const char *end; (end = strchr(start, separator)); start = end + 1)
		strvec_push_take(vec, xstrndup(start, (size_t)(end - start)));
	strvec_push(vec, start);
}

bool strvec_has(const struct strvec *vec, const char *text)
{
	for (size_t i = 0; i < vec->count; i++)
		if (strcmp(vec->items[i], text) == 0)
			return true;
	return false;
}

bool strvec_same(const struct strvec *a, const struct strvec *b)
{
	if (a->count != b->count)
		return false;
	STRVEC_EACH (a, text)
		if (!strvec_has(b, text))
			return false;
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strvec_sort(struct strvec *vec)
{
	if (vec->count > 1)
		qsort(vec->items, vec->count, sizeof(char *), by_bytes);
}

char *strvec_join(const struct strvec *vec, const char *separator)
{
	AUTO_STRBUF(out);
	for (size_t i = 0; i < vec->count; i++) {
		if (i)
			strbuf_adds(&out, separator);
		strbuf_adds(&out, vec->items[i]);
	}
	return strbuf_take(&out);
}

char *const *strvec_argv(const struct strvec *vec)
{
	static char *const none[] = {NULL};
	return vec->items ? vec->items : none;
}

static void add_shell_word(struct strbuf *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=./:,@%^";
	if (*word && strspn(word, plain) == strlen(word)) {
		strbuf_adds(out, word);
		return;
	}
	if (strchr(word, '\'') && !strpbrk(word, "\"$`\\!")) {
		strbuf_addf(out, "\"%s\"", word);
		return;
	}
	strbuf_addc(out, '\'');
	for (const char *c = word; *c; c++) {
		if (*c == '\'')
			strbuf_adds(out, "'\\''");
		else
			strbuf_addc(out, *c);
	}
	strbuf_addc(out, '\'');
}

char *strvec_shell(const struct strvec *vec)
{
	AUTO_STRBUF(out);
	for (size_t i = 0; i < vec->count; i++) {
		if (i)
			strbuf_addc(&out, ' ');
		add_shell_word(&out, vec->items[i]);
	}
	return strbuf_take(&out);
}
