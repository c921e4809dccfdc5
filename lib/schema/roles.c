#include "schema/roles.h"
#include "sql/lex.h"
#include <strings.h>

/* The "=" of the entry that maps `role`; NULL: none does. The last one may be part of a name. */
static const char *find(const struct strvec *map, const char *role)
{
	size_t length = strlen(role);
	for (size_t i = 0; map && i < map->count; i++)
		if (!strncmp(map->items[i], role, length) && map->items[i][length] == '=')
			return map->items[i] + length;
	return NULL;
}

char *schema_roles_old(const char *entry)
{
	const char *equals = strchr(entry, '=');
	return xstrndup(entry, equals ? (size_t)(equals - entry) : strlen(entry));
}

bool schema_roles_check(const struct strvec *map, struct err *err)
{
	for (size_t i = 0; i < map->count; i++) {
		const char *equals = strchr(map->items[i], '=');
		if (!equals || equals == map->items[i] || !equals[1])
			return err_set(err, ERR_USAGE, "--role-map takes OLD=NEW, not \"%s\"",
				map->items[i]);
		AUTO_FREE char *old = xstrndup(map->items[i], (size_t)(equals - map->items[i]));
		if (find(map, old) != equals)
			return err_set(err, ERR_USAGE, "--role-map has role \"%s\" twice", old);
	}
	return true;
}

const char *schema_roles_name(const struct strvec *map, const char *role)
{
	const char *equals = find(map, role);
	return equals ? equals + 1 : role;
}

/*
 * Statements
 */

struct reading {
	const struct strvec *map;
	struct strvec *names; /* every role goes here, and none is exchanged; NULL: none does */
	const char *sql;
	struct strbuf out;
	size_t copied; /* bytes of sql that are in out */
	bool mapping; /* CREATE USER MAPPING FOR role */
	bool in_list; /* a role was here: behind a comma is another */
	bool changed;
};

static bool word_is(const char *sql, const struct sql_token *token, const char *word)
{
	size_t length = strlen(word);
	return token->kind == SQL_WORD && token->end - token->start == length &&
	       !strncasecmp(sql + token->start, word, length);
}

/* The identifier's name, unquoted and folded as the server does; NULL: no identifier. */
static char *name_of(const char *sql, const struct sql_token *token)
{
	AUTO_STRBUF(name);
	if (token->kind == SQL_WORD) {
		strbuf_add(&name, sql + token->start, token->end - token->start);
		return strbuf_take(&name);
	}
	if (token->kind != SQL_OTHER || sql[token->start] != '"')
		return NULL;
	for (size_t i = token->start + 1; i + 1 < token->end; i++) {
		strbuf_addc(&name, sql[i]);
		if (sql[i] == '"')
			i++;
	}
	return strbuf_take(&name);
}

/* Words that stand in the place of a role. */
static bool is_no_role(const char *sql, const struct sql_token *token)
{
	static const char *const words[] = {
		"public", "group", "current_role", "current_user", "session_user"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (word_is(sql, token, words[i]))
			return true;
	return false;
}

static void exchange(struct reading *reading, const struct sql_token *token)
{
	AUTO_FREE char *name = name_of(reading->sql, token);
	const char *equals = name ? find(reading->map, name) : NULL;
	if (reading->names && name && !is_no_role(reading->sql, token) &&
		!strvec_has(reading->names, name))
		strvec_push(reading->names, name);
	if (!equals)
		return;
	strbuf_add(&reading->out, reading->sql + reading->copied, token->start - reading->copied);
	strbuf_add_quoted(&reading->out, '"', equals + 1);
	reading->copied = token->end;
	reading->changed = true;
}

/* Words behind which a role stands. */
static bool announces(const struct reading *reading, const struct sql_token *token)
{
	return word_is(reading->sql, token, "to") || word_is(reading->sql, token, "from") ||
	       word_is(reading->sql, token, "role") ||
	       word_is(reading->sql, token, "authorization") ||
	       (reading->mapping && word_is(reading->sql, token, "for"));
}

static bool is_comma(const char *sql, const struct sql_token *token)
{
	return token->kind == SQL_OTHER && token->end - token->start == 1 &&
	       sql[token->start] == ',';
}

static bool names_roles(const char *sql)
{
	static const char *const begins[] = {"GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES ",
		"CREATE POLICY ", "CREATE USER MAPPING ", "CREATE SCHEMA ",
		"SET SESSION AUTHORIZATION ", "SET ROLE "};
	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (str_starts(sql, begins[i]))
			return true;
	return str_starts(sql, "ALTER ") && strstr(sql, " OWNER TO ");
}

static bool read_statement(struct reading *reading, struct err *err)
{
	const char *sql = reading->sql;
	struct sql_lexer lexer = {.file = "role map", .text = sql, .length = strlen(sql)};
	struct sql_token token;
	bool announced = false;
	bool ok = sql_lex(&lexer, &token, err);
	reading->mapping = str_starts(sql, "CREATE USER MAPPING ");
	for (; ok && token.kind != SQL_END; ok = sql_lex(&lexer, &token, err)) {
		/* a policy's condition may have a FROM of its own */
		if (lexer.parens || token.kind == SQL_COMMENT)
			continue;
		if (announced)
			exchange(reading, &token);
		reading->in_list = announced || (reading->in_list && is_comma(sql, &token));
		announced =
			announces(reading, &token) || (reading->in_list && is_comma(sql, &token));
	}
	return ok;
}

bool schema_roles_map(const struct strvec *map, const char *sql, char **mapped, struct err *err)
{
	*mapped = NULL;
	if (!map || !map->count || !names_roles(sql))
		return true;
	struct reading reading = {.map = map, .sql = sql, .out = STRBUF_INIT};
	bool ok = read_statement(&reading, err);
	strbuf_adds(&reading.out, sql + reading.copied);
	*mapped = ok && reading.changed ? strbuf_take(&reading.out) : NULL;
	strbuf_release(&reading.out);
	return ok;
}

bool schema_roles_names(const char *sql, struct strvec *names, struct err *err)
{
	struct reading reading = {.names = names, .sql = sql, .out = STRBUF_INIT};
	return !names_roles(sql) || read_statement(&reading, err);
}

static bool is_becoming(const char *sql)
{
	return str_starts(sql, "ALTER DEFAULT PRIVILEGES FOR ROLE ") ||
	       str_starts(sql, "SET ROLE ") ||
	       (str_starts(sql, "ALTER ") && strstr(sql, " OWNER TO "));
}

bool schema_roles_become(const char *sql, struct strvec *names, struct err *err)
{
	struct sql_lexer lexer = {.file = "roles", .text = sql, .length = strlen(sql)};
	struct sql_token token;
	bool owner = false, announced = false;
	if (!is_becoming(sql))
		return true;
	for (;;) {
		if (!sql_lex(&lexer, &token, err))
			return false;
		if (token.kind == SQL_END)
			return true;
		if (token.kind == SQL_COMMENT)
			continue;
		AUTO_FREE char *name = announced ? name_of(sql, &token) : NULL;
		if (name && !strvec_has(names, name))
			strvec_push(names, name);
		announced = word_is(sql, &token, "role") || (owner && word_is(sql, &token, "to"));
		owner = word_is(sql, &token, "owner");
	}
}

/*
 * Access privileges: {owner=CTc/owner,"\\"odd role\\"=c/owner"}
 */

/* One role of an aclitem, up to `end`; moves behind it. */
static void add_acl_role(const struct strvec *map, const char **c, char end, struct strbuf *out)
{
	AUTO_STRBUF(name);
	bool quoted = **c == '"';
	for (*c += quoted; **c && (quoted || **c != end); (*c)++) {
		if (quoted && **c == '"') {
			if ((*c)[1] != '"')
				break;
			(*c)++;
		}
		strbuf_addc(&name, **c);
	}
	*c += quoted && **c == '"';
	if (name.len) /* PUBLIC has none */
		strbuf_add_quoted(out, '"', schema_roles_name(map, name.buf));
}

static void add_acl_item(const struct strvec *map, const char *item, struct strbuf *out)
{
	AUTO_STRBUF(mapped);
	add_acl_role(map, &item, '=', &mapped);
	while (*item && *item != '/')
		strbuf_addc(&mapped, *item++);
	if (*item == '/') {
		strbuf_addc(&mapped, *item++);
		add_acl_role(map, &item, '\0', &mapped);
	}
	strbuf_adds(out, out->len > 1 ? ",\"" : "\"");
	for (const char *c = mapped.buf; *c; c++) {
		if (*c == '"' || *c == '\\')
			strbuf_addc(out, '\\');
		strbuf_addc(out, *c);
	}
	strbuf_addc(out, '"');
}

char *schema_roles_acl(const struct strvec *map, const char *acl)
{
	AUTO_STRBUF(out);
	if (!acl || !map || !map->count || *acl != '{')
		return xstrdup_null(acl);
	strbuf_addc(&out, '{');
	for (const char *c = acl + 1; *c && *c != '}'; c += *c == ',') {
		AUTO_STRBUF(item);
		bool quoted = *c == '"';
		for (c += quoted; *c && (quoted ? *c != '"' : *c != ',' && *c != '}'); c++) {
			c += quoted && *c == '\\' && c[1];
			strbuf_addc(&item, *c);
		}
		c += quoted && *c == '"';
		add_acl_item(map, item.buf, &out);
	}
	strbuf_addc(&out, '}');
	return strbuf_take(&out);
}
