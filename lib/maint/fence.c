/*
 * database: no-connections. The right to connect is taken from PUBLIC and the application's roles,
 * their sessions are ended, and it is read back that nobody is left who can come in: the fence.
 */
#include "maint/providers.h"
#include "maint/sessions.h"

struct fence_config {
	char *word;
	struct strvec roles;
};

static const struct conf_field fields[] = {
	{"database", CONF_TEXT, offsetof(struct fence_config, word), true},
	{"roles", CONF_STRINGS, offsetof(struct fence_config, roles), false},
};

static bool fence_check(
	void *config, const struct conf_node *item, const char *directory, struct err *err)
{
	const struct fence_config *fence = config;
	(void)directory;
	STRVEC_EACH (&fence->roles, role)
		if (!*role || strcasecmp(role, "public") == 0)
			return conf_error(conf_get(item, "roles"), err,
				"roles names the application's roles; PUBLIC is always meant");
	return true;
}

static char *fence_describe(const void *config)
{
	(void)config;
	return xstrdup("database no-connections");
}

static bool read_acl(struct db *db, char **acl, struct err *err)
{
	return db_value(db, acl, err,
		"select datacl::text from pg_database where datname = current_database()");
}

/* mig's own: who is connected now, and as whom it acts. */
bool maint_fence_holes(
	struct db *db, struct strvec *holes, struct strvec *superusers, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select rolname, rolsuper from pg_roles where rolcanlogin"
		    " and rolname not in (current_user, session_user)"
		    " and (rolsuper or has_database_privilege(oid, current_database(), 'CONNECT'))"
		    " order by 1"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(db_get_bool(&rows, i, 1) ? superusers : holes, db_get(&rows, i, 0));
	return true;
}

/* Grantees other than the owner that may connect: "PUBLIC", "shop_app" .. */
static bool list_granted(struct db *db, struct strvec *grantees, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select case grantee when 0 then 'PUBLIC' else grantee::regrole::text end"
		    " from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))"
		    " where datname = current_database() and privilege_type = 'CONNECT'"
		    " and grantee <> datdba"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(grantees, db_get(&rows, i, 0));
	return true;
}

/* On: no hole, nor PUBLIC. Off: PUBLIC or a role of ours is in. Anything else is neither. */
static bool fence_status(const struct maint_site *site, const void *config, enum maint_switch *is,
	char **why, struct err *err)
{
	const struct fence_config *fence = config;
	AUTO_STRVEC(holes);
	AUTO_STRVEC(superusers);
	AUTO_STRVEC(granted);
	if (!maint_fence_holes(site->db, &holes, &superusers, err) ||
		!list_granted(site->db, &granted, err))
		return false;
	bool open = strvec_has(&granted, "PUBLIC");
	STRVEC_EACH (&fence->roles, role)
		open = open || strvec_has(&holes, role);
	*is = open ? MAINT_IS_OFF : holes.count == 0 ? MAINT_IS_ON : MAINT_IS_UNKNOWN;
	AUTO_FREE char *names = strvec_join(&holes, ", ");
	if (*is == MAINT_IS_UNKNOWN)
		*why = xstrfmt("these roles can still connect: %s", names);
	return true;
}

static bool refuse_own_role(struct db *db, const struct fence_config *fence, struct err *err)
{
	if (!strvec_has(&fence->roles, db->user))
		return true;
	err_set(err, ERR_CONFIG, "the fence cannot keep out %s: mig itself connects as this role",
		db->user);
	return err_hint(err, "give the application, or mig, a role of its own");
}

static bool fence_before(
	const struct maint_site *site, const void *config, json_t **before, struct err *err)
{
	AUTO_FREE char *acl = NULL;
	if (!refuse_own_role(site->db, config, err) || !read_acl(site->db, &acl, err))
		return false;
	*before = json_pack("{s:s?}", "acl", acl);
	return true;
}

static bool change_connect(
	struct db *db, const char *act, const char *preposition, const char *role, struct err *err)
{
	AUTO_FREE char *database = db_ident(db, db->dbname);
	AUTO_FREE char *grantee = strcmp(role, "PUBLIC") == 0 ? xstrdup(role) : db_ident(db, role);
	return db_execf(
		db, err, "%s connect on database %s %s %s", act, database, preposition, grantee);
}

static bool refuse_holes(const struct maint_site *site, struct err *err)
{
	AUTO_STRVEC(holes);
	AUTO_STRVEC(superusers);
	if (!maint_fence_holes(site->db, &holes, &superusers, err))
		return false;
	AUTO_FREE char *above = strvec_join(&superusers, ", ");
	if (superusers.count > 0)
		log_warn(site->log, "fence_superusers", json_pack("{s:s}", "roles", above),
			"the fence does not keep superusers out: %s", above);
	if (holes.count == 0)
		return true;
	AUTO_FREE char *names = strvec_join(&holes, ", ");
	err_set(err, ERR_REFUSED,
		"the fence does not stand: these roles can still connect to %s: %s",
		site->db->dbname, names);
	return err_hint(err,
		"add them to roles: of the provider; members of %s or of the owner inherit the "
		"right",
		site->db->user);
}

static bool end_all(const struct maint_site *site, struct err *err)
{
	AUTO_STRVEC(left);
	if (!sessions_end(site->db, &left, err))
		return false;
	if (left.count == 0)
		return true;
	err_set(err, ERR_REFUSED, "the fence does not stand: a session cannot be ended: %s",
		left.items[0]);
	return err_hint(err, "end it yourself, or GRANT pg_signal_backend TO this role");
}

static bool fence_on(const struct maint_site *site, const void *config, struct err *err)
{
	const struct fence_config *fence = config;
	AUTO_TX(tx);
	if (!refuse_own_role(site->db, fence, err) || !db_begin(site->db, &tx, NULL, err) ||
		!change_connect(site->db, "revoke", "from", "PUBLIC", err))
		return false;
	STRVEC_EACH (&fence->roles, role)
		if (!change_connect(site->db, "revoke", "from", role, err))
			return false;
	return db_commit(&tx, err) && refuse_holes(site, err) && end_all(site, err);
}

/*
 * Read from text, "{}" (nobody may anything) would have no dimension, which no ACL may be; columns
 * have such a one by default.
 */
#define ACL_OF_TEXT "case $1::text when '{}' then acldefault('c', 0) else $1::text::aclitem[] end"
#define ACL_BEFORE "coalesce(" ACL_OF_TEXT ", acldefault('d', datdba))"

/* Grants what the ACL of before had, and the present one lacks. */
static bool grant_back(struct db *db, const char *acl, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select case b.grantee when 0 then 'PUBLIC' else r.rolname end, b.is_grantable"
		    " from pg_database d,"
		    " aclexplode(" ACL_BEFORE ") b"
		    " left join pg_roles r on r.oid = b.grantee"
		    " where datname = current_database() and b.privilege_type = 'CONNECT'"
		    " and (b.grantee = 0 or r.oid is not null)",
		    acl))
		return false;
	AUTO_FREE char *database = db_ident(db, db->dbname);
	for (int i = 0; i < db_rows(&rows); i++) {
		const char *role = db_get(&rows, i, 0);
		AUTO_FREE char *grantee =
			strcmp(role, "PUBLIC") == 0 ? xstrdup(role) : db_ident(db, role);
		if (!db_execf(db, err, "grant connect on database %s to %s%s", database, grantee,
			    db_get_bool(&rows, i, 1) ? " with grant option" : ""))
			return false;
	}
	return true;
}

/* Grants alone cannot bring back "no ACL at all", nor the order of its entries. */
static bool put_exactly(struct db *db, const char *acl, struct err *err)
{
	AUTO_FREE char *now = NULL;
	AUTO_RESULT(done);
	if (!read_acl(db, &now, err))
		return false;
	if (str_equal(now, acl) || !db->superuser)
		return true;
	return db_query(db, &done, err,
		"update pg_database set datacl = " ACL_OF_TEXT
		" where datname = current_database()",
		acl);
}

static bool same_rights(struct db *db, const char *acl, struct err *err)
{
	AUTO_FREE char *differs = NULL;
	if (!db_value(db, &differs, err,
		    "select 1 from pg_database, lateral ("
		    " (select * from aclexplode(coalesce(datacl, acldefault('d', datdba)))"
		    "  except select * from aclexplode(" ACL_BEFORE "))"
		    " union all (select * from aclexplode(" ACL_BEFORE ")"
		    "  except select * from aclexplode(coalesce(datacl, acldefault('d', "
		    "datdba))))) x"
		    " where datname = current_database() limit 1",
		    acl))
		return false;
	if (!differs)
		return true;
	err_set(err, ERR_REFUSED, "the rights on database %s are not what they were before",
		db->dbname);
	return err_hint(
		err, "before: %s; compare with \\l in psql", acl ? acl : "none, the default");
}

static bool fence_off(
	const struct maint_site *site, const void *config, const json_t *before, struct err *err)
{
	struct db *db = site->db;
	const char *acl = json_string_value(json_object_get(before, "acl"));
	AUTO_TX(tx);
	(void)config;
	return db_begin(db, &tx, NULL, err) && grant_back(db, acl, err) &&
	       put_exactly(db, acl, err) && same_rights(db, acl, err) && db_commit(&tx, err);
}

const struct maint_row maint_no_connections = {
	.key = "database",
	.word = "no-connections",
	.gives = MAINT_FENCE,
	.in_database = true,
	.fields = fields,
	.field_count = ARRAY_SIZE(fields),
	.size = sizeof(struct fence_config),
	.check = fence_check,
	.describe = fence_describe,
	.status = fence_status,
	.before = fence_before,
	.on = fence_on,
	.off = fence_off,
};
