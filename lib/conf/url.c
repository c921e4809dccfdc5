/* URLs as other tools write them, made to ones that libpq reads. */
#include "conf/file.h"
#include <libpq-fe.h>
#include <strings.h>

bool conf_is_url(const char *text)
{
	const char *rest = text + strcspn(text, ":+/?@ =");
	return str_starts(text, "postgres") && (*rest == '+' || str_starts(rest, "://")) &&
	       strstr(rest, "://");
}

/* The first parameter's beginning behind "?"; NULL: there is none. A password may have a "?", too.
 */
static const char *query_of(const char *rest)
{
	const char *at = rest + strcspn(rest, "@/");
	const char *query = strchr(*at == '@' ? at : rest, '?');
	return query ? query + 1 : NULL;
}

/* pg8000's: the file of the socket, "/run/postgresql/.s.PGSQL.5432", also with "%2F". */
static void add_socket_file(struct strvec *parts, const char *file)
{
	const char *port = strstr(file, ".s.PGSQL.");
	size_t length = port ? (size_t)(port - file) : strlen(file);
	if (port && length && port[-1] == '/')
		length--;
	else if (length > 3 && port && strncasecmp(port - 3, "%2F", 3) == 0)
		length -= 3;
	strvec_pushf(parts, "host=%.*s", (int)length, file);
	if (port)
		strvec_pushf(parts, "port=%s", port + strlen(".s.PGSQL."));
}

/* As one word of libpq's options, where a space parts words; lib/pq takes "+" for one, too. */
static void add_search_path(struct strbuf *options, const char *path)
{
	strbuf_adds(options, "-csearch_path%3D");
	for (const char *c = path; *c; c++) {
		bool encoded = str_starts(c, "%20");
		if (encoded || *c == '+')
			strbuf_adds(options, "%5C%20");
		else
			strbuf_addc(options, *c);
		c += encoded ? 2 : 0;
	}
}

/* search_path and socket are dbmate's (lib/pq), ssl asyncpg's, unix_sock pg8000's. */
static void add_parameter(struct strvec *parts, struct strbuf *options, const char *word)
{
	static const char path[] = "search_path=", socket[] = "socket=", file[] = "unix_sock=",
			  ssl[] = "ssl=", given[] = "options=";
	bool is_path = str_starts(word, path), is_options = str_starts(word, given);
	if ((is_path || is_options) && options->len)
		strbuf_adds(options, "%20");
	if (is_path)
		add_search_path(options, word + strlen(path));
	else if (is_options)
		strbuf_adds(options, word + strlen(given));
	else if (str_starts(word, socket))
		strvec_pushf(parts, "host=%s", word + strlen(socket));
	else if (str_starts(word, file))
		add_socket_file(parts, word + strlen(file));
	else if (!strcmp(word, "ssl=false"))
		strvec_push(parts, "sslmode=disable");
	else if (str_starts(word, ssl) && strcmp(word, "ssl=true") != 0) /* libpq knows that one */
		strvec_pushf(parts, "sslmode=%s", word + strlen(ssl));
	else
		strvec_push(parts, word);
}

char *conf_libpq_url(const char *url)
{
	if (!conf_is_url(url))
		return xstrdup(url);
	const char *rest = strstr(url, "://") + strlen("://");
	const char *query = query_of(rest);
	if (!query)
		return xstrfmt("postgresql://%s", rest);
	AUTO_STRVEC(words);
	AUTO_STRVEC(parts);
	AUTO_STRBUF(options);
	strvec_split(&words, query, '&');
	STRVEC_EACH (&words, word)
		add_parameter(&parts, &options, word);
	if (options.len)
		strvec_pushf(&parts, "options=%s", options.buf);
	AUTO_FREE char *list = strvec_join(&parts, "&");
	return xstrfmt("postgresql://%.*s?%s", (int)(query - rest - 1), rest, list);
}

static bool is_known(const char *name)
{
	PQconninfoOption *options = PQconndefaults();
	bool known = !strcmp(name, "ssl");
	for (PQconninfoOption *option = options; option && option->keyword; option++)
		known |= !strcmp(option->keyword, name);
	PQconninfoFree(options);
	return known;
}

char *conf_strange_parameter(const char *url)
{
	const char *query = conf_is_url(url) ? query_of(strstr(url, "://") + strlen("://")) : NULL;
	if (!query || strchr(query, '@')) /* what stands there may be a part of the password */
		return NULL;
	AUTO_STRVEC(words);
	strvec_split(&words, query, '&');
	STRVEC_EACH (&words, word) {
		size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyz_");
		AUTO_FREE char *name = xstrndup(word, length);
		if (word[length] == '=' && !is_known(name))
			return xtake(&name);
	}
	return NULL;
}
