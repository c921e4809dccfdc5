#include "maint/maint.h"
#include "maint/providers.h"
#include "maint/record.h"

const char *maint_state_word(enum maint_state state)
{
	static const char *const words[] = {"open", "closed", "partial", "unknown"};
	return words[state];
}

struct tally {
	size_t on, off, unknown;
};

static void look_at(const struct maint_provider *provider, const struct maint_site *site,
	const struct maint_record *record, struct tally *tally, struct strvec *lines)
{
	AUTO_FREE char *why = NULL;
	enum maint_switch is = maint_provider_status(provider, site, &why);
	const json_t *entry = maint_record_entry(record, provider->name);
	bool was_on = maint_was_on(json_object_get(entry, "before"));
	tally->on += is == MAINT_IS_ON;
	tally->off += is == MAINT_IS_OFF;
	/* away from the database the record is all there is */
	tally->unknown += is == MAINT_IS_UNKNOWN && !(provider->row->in_database && !site->db);
	strvec_pushf(lines, "%s (%s): %s%s%s%s", provider->name,
		maint_gives_word(provider->row->gives), maint_switch_word(is), why ? ", " : "",
		why ? why : "", was_on ? ", and was so before" : "");
}

static enum maint_state judge(enum maint_holding holding, const struct tally *tally)
{
	if (holding == MAINT_FOREIGN || tally->unknown > 0)
		return MAINT_UNKNOWN;
	if (holding == MAINT_HELD)
		return tally->off > 0 ? MAINT_PARTIAL : MAINT_CLOSED;
	return tally->on > 0 ? MAINT_PARTIAL : MAINT_OPEN;
}

/* Recorded as on, but struck from the configuration since. */
static void look_at_record(const struct maint_record *record,
	const struct maint_providers *providers, struct strvec *lines)
{
	size_t i;
	json_t *entry;
	json_array_foreach(record->providers, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "name"));
		if (name && !maint_providers_find(providers, name))
			strvec_pushf(lines, "%s: switched on, but not configured any more", name);
	}
}

static void report(
	struct maint_record *record, enum maint_holding holding, struct maint_status *status)
{
	status->generation = record->generation;
	status->foreign = holding == MAINT_FOREIGN;
	if (holding == MAINT_NOBODY)
		return;
	status->owner = xtake(&record->owner);
	status->since = xtake(&record->since);
	status->lease_ends = xtake(&record->lease_ends);
	status->lease_over = record->lease_over;
	if (record->why_foreign)
		strvec_push(&status->lines, record->why_foreign);
}

bool maint_status(
	const struct conf_env *env, struct db *db, struct maint_status *status, struct err *err)
{
	CLEANUP(maint_providers_release) struct maint_providers providers = {0};
	CLEANUP(maint_record_release) struct maint_record record = {0};
	enum maint_holding holding = MAINT_NOBODY;
	struct maint_site site = {.db = db};
	struct tally tally = {0};
	*status = (struct maint_status){0};
	if (!maint_providers_load(env, &providers, err) ||
		!maint_record_load(env, db, &holding, &record, err))
		return false;
	for (size_t i = 0; i < providers.count; i++)
		look_at(providers.items[i], &site, &record, &tally, &status->lines);
	if (holding != MAINT_NOBODY)
		look_at_record(&record, &providers, &status->lines);
	status->state = judge(holding, &tally);
	report(&record, holding, status);
	return true;
}

void maint_status_release(struct maint_status *status)
{
	free(status->owner);
	free(status->since);
	free(status->lease_ends);
	strvec_release(&status->lines);
	*status = (struct maint_status){0};
}

void maint_tell_kept(
	const struct conf_env *env, struct db *db, const char *mig_run, struct log_sink *log)
{
	AUTO_ERR(ignored);
	enum maint_holding holding = MAINT_NOBODY;
	CLEANUP(maint_record_release) struct maint_record record = {0};
	if (!maint_record_load(env, db, &holding, &record, &ignored) || holding != MAINT_HELD ||
		!str_starts(record.owner, "run:"))
		return;
	const char *run = record.owner + strlen("run:");
	size_t length = strlen(run);
	if (mig_run && strncmp(mig_run, run, length) == 0 && mig_run[length] == ':')
		return;
	log_warn(log, "maintenance_kept",
		json_pack("{s:s, s:s}", "run", run, "since", record.since),
		"maintenance is on since %s, and run %s does not live any more; why: mig status; "
		"to lift it: mig-run recover %s, or mig-maintenance off",
		record.since, run, run);
}
