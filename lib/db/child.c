#include "db/child.h"
#include "base/fs.h"
#include "base/proc.h"

static bool said_otherwise(const char *keyword)
{
	static const char *const keywords[] = {"dbname", "host", "hostaddr", "port", "user",
		"options", "client_encoding", "service", "target_session_attrs"};
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if (!strcmp(keyword, keywords[i]))
			return true;
	return false;
}

void db_child_env(struct db *db, const char *dbname, struct strvec *env)
{
	static const char *const unset[] = {"PGOPTIONS", "PGSERVICE", "PGSERVICEFILE",
		"PGCLIENTENCODING", "PGDATESTYLE", "PGTZ", "PGGEQO", "PGHOSTADDR",
		"PGTARGETSESSIONATTRS", "PSQLRC"};
	strvec_push_words(env, unset, ARRAY_SIZE(unset));
	PQconninfoOption *options = PQconninfo(db->pg);
	for (PQconninfoOption *option = options; option && option->keyword; option++) {
		if (!option->envvar || !option->val || !*option->val)
			continue;
		if (said_otherwise(option->keyword))
			continue;
		strvec_pushf(env, "%s=%s", option->envvar, option->val);
	}
	PQconninfoFree(options);
	/* several hosts may be given: the child goes where we are */
	strvec_pushf(env, "PGHOST=%s", PQhost(db->pg));
	if (PQhostaddr(db->pg) && *PQhostaddr(db->pg))
		strvec_pushf(env, "PGHOSTADDR=%s", PQhostaddr(db->pg));
	strvec_pushf(env, "PGPORT=%s", PQport(db->pg));
	strvec_pushf(env, "PGUSER=%s", PQuser(db->pg));
	strvec_pushf(env, "PGDATABASE=%s", dbname);
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options && options->keyword; options++)
		if (!strcmp(options->keyword, keyword))
			return options->val;
	return NULL;
}

static bool is_usual(
	const PQconninfoOption *ours, const PQconninfoOption *usual, const char *keyword)
{
	return str_equal(value_of(ours, keyword), value_of(usual, keyword));
}

static void push_unless(struct strvec *argv, bool usual, const char *flag, const char *value)
{
	if (usual)
		return;
	strvec_push(argv, flag);
	strvec_push(argv, value);
}

char *db_psql_command(const struct db *db, const char *sql, bool same_role)
{
	AUTO_STRVEC(argv);
	PQconninfoOption *ours = PQconninfo(db->pg), *usual = PQconndefaults();
	strvec_push(&argv, "psql");
	bool here = is_usual(ours, usual, "host") && is_usual(ours, usual, "hostaddr");
	push_unless(&argv, here, "-h", PQhost(db->pg));
	push_unless(&argv, is_usual(ours, usual, "port"), "-p", PQport(db->pg));
	push_unless(&argv, !same_role || is_usual(ours, usual, "user"), "-U", PQuser(db->pg));
	const char *const words[] = {"-d", db->dbname, "-c", sql};
	strvec_push_words(&argv, words, sql ? 4 : 2);
	PQconninfoFree(ours);
	PQconninfoFree(usual);
	return strvec_shell(&argv);
}

static char *newest_beside_server(const char *name)
{
	static const char root[] = "/usr/lib/postgresql";
	AUTO_STRVEC(versions);
	AUTO_ERR(ignored);
	char *found = NULL;
	if (!fs_list(root, &versions, &ignored))
		return NULL;
	STRVEC_EACH (&versions, version) {
		char *path = xstrfmt("%s/%s/bin/%s", root, version, name);
		if (fs_exists(path)) {
			free(found);
			found = path;
		} else {
			free(path);
		}
	}
	return found;
}

char *db_child_program(const char *name)
{
	char *path = proc_find(name);
	return path ? path : newest_beside_server(name);
}
