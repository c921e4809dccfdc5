#include "swap/traits.h"
#include <inttypes.h>
#include <strings.h>

void swap_traits_release(struct swap_traits *traits)
{
	for (size_t i = 0; i < traits->settings.count; i++) {
		free(traits->settings.items[i].role);
		free(traits->settings.items[i].name);
		free(traits->settings.items[i].value);
	}
	for (size_t i = 0; i < traits->labels.count; i++) {
		free(traits->labels.items[i].provider);
		free(traits->labels.items[i].label);
	}
	free(traits->settings.items);
	free(traits->labels.items);
	free(traits->owner);
	free(traits->acl);
	free(traits->comment);
	*traits = (struct swap_traits){0};
}

/*
 * Reading
 */

static bool read_settings(
	struct db *db, const char *oid, struct swap_traits *traits, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select r.rolname, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)"
		    " from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole,"
		    " unnest(s.setconfig) c where s.setdatabase = $1::oid order by"
		    " r.rolname collate \"C\" nulls first, split_part(c, '=', 1) collate \"C\"",
		    oid))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		*pack_list_add(&traits->settings) = (struct swap_setting){
			.role = xstrdup_null(db_get(&rows, i, 0)),
			.name = xstrdup(db_get(&rows, i, 1)),
			.value = xstrdup(db_get(&rows, i, 2)),
		};
	return true;
}

static bool read_labels(struct db *db, const char *oid, struct swap_traits *traits, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select provider, label from pg_shseclabel where objoid = $1::oid"
		    " and classoid = 'pg_database'::regclass order by 1",
		    oid))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		*pack_list_add(&traits->labels) = (struct swap_label){
			.provider = xstrdup(db_get(&rows, i, 0)),
			.label = xstrdup(db_get(&rows, i, 1)),
		};
	return true;
}

bool swap_traits_read(struct db *db, uint32_t oid, struct swap_traits *traits, struct err *err)
{
	AUTO_FREE char *oid_text = xstrfmt("%u", oid);
	AUTO_RESULT(rows);
	swap_traits_release(traits);
	if (!db_query(db, &rows, err,
		    "select pg_get_userbyid(datdba), datacl::text, datconnlimit,"
		    " shobj_description(oid, 'pg_database') from pg_database where oid = $1::oid",
		    oid_text))
		return false;
	if (!db_rows(&rows))
		return err_set(err, ERR_NOTFOUND, "no database with OID %u", oid);
	traits->owner = xstrdup(db_get(&rows, 0, 0));
	traits->acl = xstrdup_null(db_get(&rows, 0, 1));
	traits->connection_limit = db_get_int(&rows, 0, 2);
	traits->comment = xstrdup_null(db_get(&rows, 0, 3));
	return read_settings(db, oid_text, traits, err) && read_labels(db, oid_text, traits, err);
}

static int setting_order(const void *left, const void *right)
{
	const struct swap_setting *a = left, *b = right;
	int by_role = strcmp(a->role ? a->role : "", b->role ? b->role : "");
	return by_role ? by_role : strcmp(a->name, b->name);
}

void swap_traits_of_snapshot(const struct pack_database *database, struct swap_traits *traits)
{
	swap_traits_release(traits);
	traits->owner = xstrdup(database->owner);
	traits->acl = xstrdup_null(database->acl);
	traits->connection_limit = database->connection_limit;
	traits->comment = xstrdup_null(database->comment);
	for (size_t i = 0; i < database->settings.count; i++) {
		const struct pack_setting *from = &database->settings.items[i];
		*pack_list_add(&traits->settings) = (struct swap_setting){
			.role = xstrdup_null(from->role),
			.name = xstrdup(from->name),
			.value = xstrdup(from->value),
		};
	}
	if (traits->settings.count)
		qsort(traits->settings.items, traits->settings.count,
			sizeof(traits->settings.items[0]), setting_order);
}

/*
 * Settings
 */

bool swap_setting_is_list(const char *name)
{
	/* the server's GUC_LIST_QUOTE parameters: their value is a list of identifiers */
	static const char *const lists[] = {"local_preload_libraries", "search_path",
		"session_preload_libraries", "shared_preload_libraries", "temp_tablespaces",
		"unix_socket_directories"};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!strcasecmp(name, lists[i]))
			return true;
	return false;
}

static const char *skip_space(const char *c)
{
	while (*c == ' ' || *c == '\t' || *c == '\n' || *c == '\r')
		c++;
	return c;
}

static const char *quoted_element(const char *c, struct strbuf *element)
{
	for (c++; *c; c++) {
		if (*c == '"' && c[1] != '"')
			return c + 1;
		if (*c == '"')
			c++;
		strbuf_addc(element, *c);
	}
	return c;
}

void swap_setting_elements(const char *flattened, struct strvec *elements)
{
	const char *c = skip_space(flattened);
	while (*c) {
		AUTO_STRBUF(element);
		if (*c == '"') {
			c = quoted_element(c, &element);
		} else {
			size_t length = strcspn(c, ",");
			strbuf_add(&element, c, length);
			strbuf_trim(&element);
			c += length;
		}
		strvec_push(elements, element.buf);
		c = skip_space(c);
		if (*c == ',')
			c = skip_space(c + 1);
	}
}

static void add_value(struct db *db, const struct swap_setting *setting, struct strbuf *sql)
{
	AUTO_STRVEC(elements);
	if (swap_setting_is_list(setting->name))
		swap_setting_elements(setting->value, &elements);
	if (elements.count == 0)
		strvec_push(&elements, setting->value);
	for (size_t i = 0; i < elements.count; i++) {
		AUTO_FREE char *literal = db_literal(db, elements.items[i]);
		strbuf_addf(sql, "%s%s", i ? ", " : "", literal);
	}
}

/* "alter database d" or "alter role r in database d" */
static char *setting_subject(struct db *db, const char *database, const char *role)
{
	AUTO_FREE char *database_ident = db_ident(db, database);
	if (!role)
		return xstrfmt("alter database %s", database_ident);
	AUTO_FREE char *role_ident = db_ident(db, role);
	return xstrfmt("alter role %s in database %s", role_ident, database_ident);
}

static bool reset_settings(
	struct db *db, const char *name, const struct swap_traits *now, struct err *err)
{
	for (size_t i = 0; i < now->settings.count; i++) {
		const char *role = now->settings.items[i].role;
		if (i && str_equal(role, now->settings.items[i - 1].role))
			continue;
		AUTO_FREE char *subject = setting_subject(db, name, role);
		if (!db_execf(db, err, "%s reset all", subject))
			return false;
	}
	return true;
}

static bool set_settings(
	struct db *db, const char *name, const struct swap_traits *wanted, struct err *err)
{
	for (size_t i = 0; i < wanted->settings.count; i++) {
		const struct swap_setting *setting = &wanted->settings.items[i];
		AUTO_FREE char *subject = setting_subject(db, name, setting->role);
		AUTO_FREE char *parameter = db_ident(db, setting->name);
		AUTO_STRBUF(value);
		add_value(db, setting, &value);
		if (!db_execf(db, err, "%s set %s to %s", subject, parameter, value.buf))
			return err_context(err, "setting %s%s%s", setting->name,
				setting->role ? " of role " : "",
				setting->role ? setting->role : "");
	}
	return true;
}

static bool same_settings(const struct swap_traits *a, const struct swap_traits *b)
{
	if (a->settings.count != b->settings.count)
		return false;
	for (size_t i = 0; i < a->settings.count; i++) {
		const struct swap_setting *one = &a->settings.items[i];
		const struct swap_setting *other = &b->settings.items[i];
		if (!str_equal(one->role, other->role) || !str_equal(one->name, other->name) ||
			!str_equal(one->value, other->value))
			return false;
	}
	return true;
}

/*
 * ACL
 */

/*
 * Read from text, "{}" (nobody may anything) would have no dimension, which no ACL may be; columns
 * have such a one by default.
 */
#define ACL_ITEMS_OF(acl) \
	"aclexplode(coalesce(case " acl "::text when '{}' then acldefault('c', 0)" \
	" else " acl "::text::aclitem[] end," \
	" acldefault('d', (select oid from pg_roles where rolname = $2))))"
#define ACL_ITEMS ACL_ITEMS_OF("$1")
#define ACL_OTHER_ITEMS ACL_ITEMS_OF("$3")
#define ACL_ROLE(column) "case when " column " <> 0 then pg_get_userbyid(" column ") end"

bool swap_traits_same_acl(
	struct db *db, const char *owner, const char *a, const char *b, bool *same, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "with a as (select * from " ACL_ITEMS "),"
		    " b as (select * from " ACL_OTHER_ITEMS ")"
		    " select not exists (select * from a except select * from b)"
		    " and not exists (select * from b except select * from a)",
		    a, owner, b))
		return false;
	*same = db_get_bool(&rows, 0, 0);
	return true;
}

static char *grantee_text(struct db *db, const char *role)
{
	return role ? db_ident(db, role) : xstrdup("public");
}

static bool revoke_all(
	struct db *db, const char *database, const struct swap_traits *now, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, "select distinct " ACL_ROLE("grantee") " from " ACL_ITEMS,
		    now->acl, now->owner))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		AUTO_FREE char *grantee = grantee_text(db, db_get(&rows, i, 0));
		if (!db_execf(db, err, "revoke all on database %s from %s cascade", database,
			    grantee))
			return false;
	}
	return true;
}

/* One grant, made by its recorded grantor: the server writes the current role, or the owner. */
static bool grant_one(struct db *db, const char *database, const struct db_result *rows, int i,
	bool by_owner, struct err *err)
{
	AUTO_FREE char *grantee = grantee_text(db, db_get(rows, i, 0));
	AUTO_FREE char *grantor = db_ident(db, db_get(rows, i, 1));
	if (!by_owner && !db_execf(db, err, "set local role %s", grantor))
		return false;
	return db_execf(db, err, "grant %s on database %s to %s%s", db_get(rows, i, 2), database,
		       grantee, db_get_bool(rows, i, 3) ? " with grant option" : "") &&
	       (by_owner || db_exec(db, err, "reset role"));
}

static bool grant_all(
	struct db *db, const char *database, const struct swap_traits *wanted, struct err *err)
{
	AUTO_RESULT(rows);
	/* those who grant on need their own grant option first: chains come in order of depth */
	if (!db_query(db, &rows, err,
		    "with recursive items as (select * from " ACL_ITEMS "), chain as ("
		    " select i.*, 0 as depth from items i where pg_get_userbyid(i.grantor) = $2"
		    " union select i.*, c.depth + 1 from items i join chain c"
		    " on i.grantor = c.grantee and i.privilege_type = c.privilege_type"
		    " and c.is_grantable where pg_get_userbyid(i.grantor) <> $2 and c.depth < 20)"
		    " select " ACL_ROLE("grantee") ", pg_get_userbyid(grantor), privilege_type,"
						   " is_grantable, min(depth) from chain"
						   " group by grantee, grantor, privilege_type, "
						   "is_grantable order by 5, 1, 3",
		    wanted->acl, wanted->owner))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		if (!grant_one(db, database, &rows, i, db_get_int(&rows, i, 4) == 0, err))
			return err_context(err, "privilege %s of %s", db_get(&rows, i, 2),
				db_get(&rows, i, 0) ? db_get(&rows, i, 0) : "public");
	return true;
}

/*
 * Labels and comment
 */

static bool set_label(struct db *db, const char *database, const struct swap_label *label,
	bool remove, struct err *err)
{
	AUTO_FREE char *provider = db_ident(db, label->provider);
	AUTO_FREE char *text = remove ? xstrdup("null") : db_literal(db, label->label);
	return db_execf(
		db, err, "security label for %s on database %s is %s", provider, database, text);
}

static bool move_labels(struct db *db, const char *database, const struct swap_traits *now,
	const struct swap_traits *wanted, struct err *err)
{
	for (size_t i = 0; i < now->labels.count; i++)
		if (!set_label(db, database, &now->labels.items[i], true, err))
			return false;
	for (size_t i = 0; i < wanted->labels.count; i++)
		if (!set_label(db, database, &wanted->labels.items[i], false, err))
			return false;
	return true;
}

bool swap_traits_comment(struct db *db, const char *name, const char *comment, struct err *err)
{
	AUTO_FREE char *database = db_ident(db, name);
	AUTO_FREE char *text = comment ? db_literal(db, comment) : xstrdup("null");
	return db_execf(db, err, "comment on database %s is %s", database, text);
}

/*
 * All together
 */

static bool apply(struct db *db, const char *name, const struct swap_traits *now,
	const struct swap_traits *wanted, struct err *err)
{
	AUTO_FREE char *database = db_ident(db, name);
	AUTO_FREE char *owner = db_ident(db, wanted->owner);
	struct swap_traits owned = {.owner = wanted->owner, .acl = NULL};
	if (!str_equal(now->owner, wanted->owner) &&
		!db_execf(db, err, "alter database %s owner to %s", database, owner))
		return false;
	AUTO_FREE char *acl = NULL; /* the change of owner rewrote it */
	if (!db_value(
		    db, &acl, err, "select datacl::text from pg_database where datname = $1", name))
		return false;
	owned.acl = acl;
	return revoke_all(db, database, &owned, err) && grant_all(db, database, wanted, err) &&
	       db_execf(db, err, "alter database %s connection limit %" PRId64, database,
		       wanted->connection_limit) &&
	       reset_settings(db, name, now, err) && set_settings(db, name, wanted, err) &&
	       move_labels(db, database, now, wanted, err);
}

static bool read_back(
	struct db *db, uint32_t oid, const struct swap_traits *wanted, struct err *err)
{
	CLEANUP(swap_traits_release) struct swap_traits now = {0};
	bool same_acl;
	if (!swap_traits_read(db, oid, &now, err) ||
		!swap_traits_same_acl(db, wanted->owner, now.acl, wanted->acl, &same_acl, err))
		return false;
	if (!str_equal(now.owner, wanted->owner))
		return err_set(err, ERR_REFUSED, "the owner cannot be made %s", wanted->owner);
	if (!same_acl)
		return err_set(err, ERR_REFUSED, "the privileges cannot be made %s by this role",
			wanted->acl ? wanted->acl : "the default");
	if (!same_settings(&now, wanted))
		return err_set(err, ERR_REFUSED,
			"not all settings of the database can be made by this role");
	return true;
}

bool swap_traits_apply(struct db *db, const char *name, uint32_t oid,
	const struct swap_traits *wanted, struct err *err)
{
	CLEANUP(swap_traits_release) struct swap_traits now = {0};
	if (!swap_traits_read(db, oid, &now, err))
		return false;
	if (apply(db, name, &now, wanted, err) && read_back(db, oid, wanted, err))
		return true;
	if (err->code == ERR_SQL)
		err->code = ERR_REFUSED;
	return false;
}

/*
 * Differences
 */

static const struct swap_setting *find_setting(
	const struct swap_traits *traits, const struct swap_setting *like)
{
	for (size_t i = 0; i < traits->settings.count; i++) {
		const struct swap_setting *one = &traits->settings.items[i];
		if (str_equal(one->role, like->role) && str_equal(one->name, like->name))
			return one;
	}
	return NULL;
}

static void compare_settings(
	const struct swap_traits *live, const struct swap_traits *recorded, struct strvec *lines)
{
	for (size_t i = 0; i < live->settings.count; i++) {
		const struct swap_setting *here = &live->settings.items[i];
		const struct swap_setting *there = find_setting(recorded, here);
		if (there && str_equal(here->value, there->value))
			continue;
		strvec_pushf(lines, "setting %s%s%s: %s here, %s there", here->name,
			here->role ? " of role " : "", here->role ? here->role : "", here->value,
			there ? there->value : "not set");
	}
	for (size_t i = 0; i < recorded->settings.count; i++) {
		const struct swap_setting *there = &recorded->settings.items[i];
		if (!find_setting(live, there))
			strvec_pushf(lines, "setting %s%s%s: not set here, %s there", there->name,
				there->role ? " of role " : "", there->role ? there->role : "",
				there->value);
	}
}

bool swap_traits_differences(struct db *db, const struct swap_traits *live,
	const struct swap_traits *recorded, struct strvec *lines, struct err *err)
{
	bool same_acl = true;
	if (!str_equal(live->owner, recorded->owner))
		strvec_pushf(lines, "owner: %s here, %s there", live->owner, recorded->owner);
	else if (!swap_traits_same_acl(db, live->owner, live->acl, recorded->acl, &same_acl, err))
		return false;
	if (!same_acl)
		strvec_pushf(lines, "privileges: %s here, %s there",
			live->acl ? live->acl : "default",
			recorded->acl ? recorded->acl : "default");
	if (live->connection_limit != recorded->connection_limit)
		strvec_pushf(lines, "connection limit: %" PRId64 " here, %" PRId64 " there",
			live->connection_limit, recorded->connection_limit);
	compare_settings(live, recorded, lines);
	return true;
}
