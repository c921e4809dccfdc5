#include "front/topics.h"

#include "base/err.h"
#include "base/suggest.h"
#include "conf/config.h"

static void exit_codes(struct strbuf *out)
{
	size_t count;
	const struct err_row *rows = err_rows(&count);
	strbuf_adds(out, "code  class      retry  meaning\n");
	for (size_t i = 0; i < count; i++)
		strbuf_addf(out, "%-5d %-10s %-6s %s\n", rows[i].status, rows[i].class,
			rows[i].retryable ? "yes" : "no", rows[i].meaning);
}

static void configuration(struct strbuf *out)
{
	strbuf_adds(out,
		"mig.yaml is looked for in --config, MIG_CONFIG, upward from here, and in\n"
		"/etc/mig/mig.yaml. File names in it are relative to it. `mig init` writes "
		"one.\n\n");
	conf_describe(out);
}

static void environments(struct strbuf *out)
{
	strbuf_adds(out,
		"-e NAME chooses the environment; with one it is the default; with several and "
		"none\n"
		"chosen the answer is an error, never a guess. -d CONNINFO changes how to "
		"connect,\n"
		"never the policy: that is the policy of the environment whose pin matches the\n"
		"database reached. `mig doctor --pin` writes the pin. -e and -d that disagree: "
		"17.\n"
		"Without mig.yaml: -d, then DATABASE_URL, then the PG* variables of libpq.\n");
}

static void units(struct strbuf *out)
{
	strbuf_adds(out,
		"durations   500ms 90s 10m 26h 7d\n"
		"sizes       512 64MiB 10GB\n"
		"times       2026-11-20T01:00:00Z, \"2026-11-20 01:00\" (local), \"2h ago\", "
		"yesterday\n"
		"snapshots   latest, latest~2, an id or the beginning of one, label:NAME, "
		"@TIME (newest at or before), a path\n");
}

static void secrets(struct strbuf *out)
{
	strbuf_adds(out,
		"A secret in mig.yaml is {env: NAME}, {file: PATH} (refused when others may read "
		"it)\n"
		"or {command: [..]}; a password written there is a warning. On a command line a\n"
		"password is refused: use ~/.pgpass, PGPASSWORD or a service file.\n"
		"Values of secrets are replaced by *** in everything that mig prints.\n");
}

const struct topic topics[] = {
	{"configuration", "every key of mig.yaml", configuration},
	{"environments", "which database, under which policy", environments},
	{"exit-codes", "what the exit status says, the same in every program", exit_codes},
	{"secrets", "where passwords may stand", secrets},
	{"units", "how durations, sizes, times and snapshots are written", units},
};
const size_t topic_count = ARRAY_SIZE(topics);

const struct topic *topic_find(const char *name, const char **near)
{
	*near = NULL;
	for (size_t i = 0; i < topic_count; i++)
		if (!strcmp(topics[i].name, name))
			return &topics[i];
	const char *names_of[ARRAY_SIZE(topics)];
	for (size_t i = 0; i < topic_count; i++)
		names_of[i] = topics[i].name;
	*near = suggest_nearest(name, names_of, topic_count);
	return NULL;
}
