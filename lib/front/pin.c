#include "front/pin.h"

#include "base/clock.h"
#include "base/fs.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct conf_pin *twin(const struct conf_env *env, const struct db *db)
{
	for (size_t i = 0; i < env->pins.count; i++) {
		const struct conf_pin *pin = &env->pins.items[i];
		if (strcmp(pin->env, env->name) != 0 && !strcmp(pin->system, db->system_id) &&
			!strcmp(pin->dbname, db->dbname))
			return pin;
	}
	return NULL;
}

/* Another environment has this pin: only host and port, in both, tell a physical copy from it. */
static bool told_apart(const struct conf_pin *other, const struct db *db)
{
	return other->host && other->port &&
	       (strcmp(other->host, PQhost(db->pg)) != 0 ||
		       strcmp(other->port, PQport(db->pg)) != 0);
}

static bool refuse_twin(const struct conf_env *env, const struct conf_pin *other, struct err *err)
{
	err_set(err, ERR_REFUSED,
		"environment %s is already pinned to this database (%s): which policy would hold?",
		other->env, other->where);
	err_detail(err, "environment %s reaches it by %s", env->name, env->conninfo_origin);
	return err_hint(err,
		"correct the database of %s; for a physical copy, first give host and port in the "
		"pin of %s",
		env->name, other->env);
}

static bool make_pin(const struct pin_settings *settings, struct conf_pin *pin, struct err *err)
{
	const struct conf_env *env = settings->env;
	const struct db *db = settings->db;
	if (!env->config_path) {
		err_set(err, ERR_REFUSED, "there is no mig.yaml to write the pin into");
		return err_hint(err, "mig init");
	}
	if (!db->system_id) {
		err_set(err, ERR_REFUSED, "role %s may not read the system identifier", db->user);
		return err_hint(
			err, "grant execute on function pg_control_system() to %s", db->user);
	}
	const struct conf_pin *other = twin(env, db);
	if (other && !told_apart(other, db))
		return refuse_twin(env, other, err);
	bool placed = other || (env->pin && env->pin->host);
	*pin = (struct conf_pin){.env = xstrdup(env->name),
		.system = xstrdup(db->system_id),
		.dbname = xstrdup(db->dbname),
		.host = placed ? xstrdup(PQhost(db->pg)) : NULL,
		.port = placed ? xstrdup(PQport(db->pg)) : NULL};
	return true;
}

static enum pin_change compare(const struct conf_pin *old, const struct conf_pin *new)
{
	if (!old)
		return PIN_NEW;
	bool same = !strcmp(old->system, new->system) && !strcmp(old->dbname, new->dbname) &&
		    (!old->host || str_equal(old->host, new->host)) &&
		    (!old->port || str_equal(old->port, new->port));
	return same ? PIN_SAME : PIN_MOVED;
}

static bool need_reason(const struct pin_settings *settings, struct err *err)
{
	const struct conf_pin *old = settings->env->pin;
	if (settings->reason && settings->reason[0])
		return true;
	err_set(err, ERR_REFUSED, "environment %s is pinned to another database (%s)",
		settings->env->name, old->where);
	err_detail(err, "pinned:  system %s, database %s\nreached: system %s, database %s",
		old->system, old->dbname, settings->db->system_id, settings->db->dbname);
	return err_hint(err, "if it was moved on purpose: mig doctor --pin -e %s --reason \"why\"",
		settings->env->name);
}

/* The reason is kept before the file changes. */
static bool record(const struct pin_settings *settings, const struct conf_pin *new, struct err *err)
{
	const struct conf_pin *old = settings->env->pin;
	AUTO_FREE char *at = clock_utc(clock_now_ms());
	AUTO_FREE char *path = fs_join(settings->env->state_dir, "pins.jsonl");
	json_t *line = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:s, s:s}", "at", at,
		"environment", new->env, "from", "system", old->system, "dbname", old->dbname, "to",
		"system", new->system, "dbname", new->dbname, "reason", settings->reason, "role",
		settings->db->user);
	AUTO_FREE char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	json_decref(line);
	if (!text)
		return err_set(err, ERR_USAGE, "--reason is not valid UTF-8");
	AUTO_FREE char *whole = xstrfmt("%s\n", text);
	return fs_mkdirs(settings->env->state_dir, err) &&
	       fs_append(path, whole, strlen(whole), true, err);
}

/* The file behind a symbolic link is replaced, with the mode and owner it had. */
static bool write_file(const char *path, const struct strbuf *text, struct err *err)
{
	struct stat st;
	AUTO_FREE char *real = realpath(path, NULL);
	if (!real || stat(real, &st))
		return err_sys(err, ERR_FAILED, "cannot find %s", path);
	if (access(real, W_OK))
		return err_sys(err, ERR_FAILED, "cannot write %s", real);
	if (!fs_write_atomic(real, text->buf, text->len, err))
		return false;
	/* an owner that cannot be kept leaves a file that is ours, which is no failure */
	if (chown(real, st.st_uid, st.st_gid))
		errno = 0;
	return !chmod(real, st.st_mode & 07777) ||
	       err_sys(err, ERR_FAILED, "cannot set the mode of %s", real);
}

bool pin_write(const struct pin_settings *settings, struct pin_result *result, struct err *err)
{
	const struct conf_env *env = settings->env;
	AUTO_STRBUF(text);
	if (!make_pin(settings, &result->pin, err))
		return false;
	result->change = compare(env->pin, &result->pin);
	if (result->change == PIN_SAME)
		return true;
	if (result->change == PIN_MOVED && !need_reason(settings, err))
		return false;
	if (!conf_pin_edit(env->config_path, &result->pin, &text, err))
		return false;
	if (settings->dry_run)
		return true;
	if (result->change == PIN_MOVED && !record(settings, &result->pin, err))
		return false;
	return write_file(env->config_path, &text, err);
}

void pin_result_release(struct pin_result *result)
{
	free(result->pin.env);
	free(result->pin.system);
	free(result->pin.dbname);
	free(result->pin.host);
	free(result->pin.port);
	*result = (struct pin_result){0};
}
