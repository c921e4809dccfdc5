#include "migrate/alembic.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/secret.h"
#include "db/child.h"

/* The assembler takes the file in: its path is relative to the folder that make runs in. */
extern const char alembic_shim[];
__asm__(".pushsection .rodata\nalembic_shim:\n.incbin \"etc/alembic.py\"\n"
	".byte 0\n.popsection");

enum { OUTPUT_KEPT = 40 };

/* Given as "-", Python would read the script byte by byte, each with a call of the kernel. */
static const char bootstrap[] = "import sys; exec(sys.stdin.buffer.read())";

void alembic_child_release(struct alembic_child *child)
{
	json_decref(child->request);
	json_decref(child->error);
	strvec_release(&child->env);
	strvec_release(&child->output);
}

static void keep_output(void *ctx, const char *line)
{
	struct alembic_child *child = ctx;
	AUTO_FREE char *shown = secret_redact(line);
	if (child->output.count == OUTPUT_KEPT) {
		free(child->output.items[0]);
		memmove(child->output.items, child->output.items + 1,
			(OUTPUT_KEPT - 1) * sizeof(char *));
		child->output.items[--child->output.count] = NULL;
	}
	strvec_push(&child->output, shown);
}

static void take_line(void *ctx, const char *line)
{
	struct alembic_child *child = ctx;
	json_t *fields = json_loads(line, 0, NULL);
	const char *event = json_string_value(json_object_get(fields, "event"));
	if (!event)
		keep_output(child, line);
	else if (!strcmp(event, "error"))
		child->error = json_incref(json_object_get(fields, "error"));
	else if (child->on_event)
		child->on_event(child->ctx, event, fields);
	json_decref(fields);
}

static bool was_cancelled(void *ctx)
{
	struct alembic_child *child = ctx;
	return child->cancelled && child->cancelled(child->ctx);
}

/* The script, then the call with the request: a literal of JSON in a literal of Python. */
static void write_script(const struct alembic_child *child, struct strbuf *script)
{
	AUTO_FREE char *request = json_dumps(child->request, JSON_ENSURE_ASCII | JSON_COMPACT);
	json_t *text = json_string(request);
	AUTO_FREE char *literal = json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	json_decref(text);
	strbuf_adds(script, alembic_shim);
	strbuf_addf(script, "\n\nmain(json.loads(%s))\n", literal);
}

static void complete_request(struct alembic_child *child)
{
	const struct alembic_place *place = child->place;
	json_object_set_new(child->request, "dir", json_string(place->dir));
	json_object_set_new(child->request, "flask", json_boolean(place->flask));
	if (place->ini)
		json_object_set_new(child->request, "ini", json_string(place->ini));
	if (place->section)
		json_object_set_new(child->request, "section", json_string(place->section));
	if (child->args.tag)
		json_object_set_new(child->request, "tag", json_string(child->args.tag));
	if (!child->args.x || !child->args.x->count)
		return;
	json_t *x = json_array();
	STRVEC_EACH (child->args.x, word)
		json_array_append_new(x, json_string(word));
	json_object_set_new(child->request, "x", x);
}

static bool explain_python(const struct alembic_child *child, struct err *err)
{
	AUTO_FREE char *venv = fs_join(child->place->home, ".venv/bin/python");
	err_hint(err, "name the interpreter of the project: migrations: {python: %s} in mig.yaml",
		fs_exists(venv) ? ".venv/bin/python" : "PATH/TO/bin/python");
	return false;
}

static bool explain_failure(const struct alembic_child *child, struct err *err)
{
	AUTO_FREE char *output = strvec_join(&child->output, "\n");
	const char *said = json_string_value(json_object_get(child->error, "message"));
	const char *kind = json_string_value(json_object_get(child->error, "kind"));
	AUTO_FREE char *shown = said ? secret_redact(said) : NULL;
	if (shown)
		err_set(err, ERR_FAILED, "%s", shown);
	else
		err_set(err, ERR_FAILED, "%s ended with %d", child->where->python, child->status);
	if (*output)
		err_detail(err, "%s", output);
	if (str_equal(kind, "no-module")) {
		err->code = ERR_CONFIG;
		return explain_python(child, err);
	}
	return false;
}

bool alembic_child_run(struct alembic_child *child, struct err *err)
{
	AUTO_STRVEC(argv);
	AUTO_STRVEC(env);
	AUTO_STRBUF(script);
	AUTO_FREE char *python = proc_find(child->where->python);
	if (!python) {
		err_set(err, ERR_CONFIG, "no Python: %s", child->where->python);
		return explain_python(child, err);
	}
	strvec_push(&argv, python);
	strvec_push(&argv, "-c");
	strvec_push(&argv, bootstrap);
	strvec_push_all(&env, &child->env);
	strvec_push(&env, "PYTHONUNBUFFERED=1");
	strvec_push(&env, "PYTHONIOENCODING=utf-8:backslashreplace");
	strvec_push_all(&env, &child->where->environment);
	complete_request(child);
	write_script(child, &script);
	struct proc_spec spec = {
		.argv = &argv,
		.env = &env,
		.cwd = child->place->home,
		.input = script.buf,
		.input_length = script.len,
		.on_stdout = take_line,
		.on_stderr = keep_output,
		.cancelled = was_cancelled,
		.timeout_ms = child->limit_ms,
		.ctx = child,
	};
	struct proc_result result;
	if (!proc_run(&spec, &result, err)) {
		err->code = ERR_CONFIG;
		return explain_python(child, err);
	}
	child->status = result.status;
	child->was_cancelled = result.cancelled;
	child->timed_out = result.timed_out;
	return (result.status == 0 && !child->error) || explain_failure(child, err);
}

/* --- the database ------------------------------------------------------------------------------
 */

/*
 * Only what a URL does not allow in that place: many env.py hand it on by set_main_option(), which
 * fails at any percent sign.
 */
static void add_encoded(struct strbuf *url, const char *text, const char *allowed)
{
	for (const char *c = text; *c; c++) {
		bool plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
			     (*c >= 'A' && *c <= 'Z') || strchr("-_.~", *c) || strchr(allowed, *c);
		if (plain)
			strbuf_addc(url, *c);
		else
			strbuf_addf(url, "%%%02X", (unsigned char)*c);
	}
}

/* As SQLAlchemy reads it: a socket's folder is a query parameter. */
static char *database_url(struct db *db)
{
	AUTO_STRBUF(url);
	const char *host = PQhost(db->pg), *password = PQpass(db->pg);
	bool socket = host && *host == '/';
	strbuf_adds(&url, "postgresql://");
	add_encoded(&url, PQuser(db->pg), "!$'()*,;=");
	if (password && *password) {
		AUTO_STRBUF(secret);
		add_encoded(&secret, password, "!$'()*,;=");
		secret_register(secret.buf);
		strbuf_addf(&url, ":%s", secret.buf);
	}
	strbuf_addc(&url, '@');
	if (host && !socket) {
		bool v6 = strchr(host, ':');
		strbuf_addf(&url, "%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", PQport(db->pg));
	}
	strbuf_addc(&url, '/');
	add_encoded(&url, db->dbname, "");
	if (socket) {
		strbuf_adds(&url, "?host=");
		add_encoded(&url, host, "/");
		strbuf_addf(&url, "&port=%s", PQport(db->pg));
	}
	return strbuf_take(&url);
}

static void add_way(struct alembic_child *child, struct db *db)
{
	AUTO_FREE char *url = database_url(db);
	db_child_env(db, db->dbname, &child->env);
	strvec_pushf(&child->env, "MIG_DATABASE_URL=%s", url);
}

void alembic_child_target(struct alembic_child *child, struct db *db)
{
	add_way(child, db);
	/* a search_path, say: where libpq leads there, it holds there, too */
	if (*PQoptions(db->pg))
		strvec_pushf(&child->env, "PGOPTIONS=%s", PQoptions(db->pg));
}

void alembic_child_target_read_only(struct alembic_child *child, struct db *db)
{
	if (db)
		add_way(child, db);
	/* one variable for both: of two with its name the child sees the first alone */
	strvec_pushf(&child->env, "PGOPTIONS=%s -c default_transaction_read_only=on",
		db ? PQoptions(db->pg) : "");
}
