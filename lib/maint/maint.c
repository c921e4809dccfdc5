#include "maint/maint.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/fs.h"
#include "maint/last_intent.h"
#include "maint/providers.h"
#include "maint/record.h"
#include "maint/sessions.h"
#include "maint/writes.h"

enum { LEASE_MS = 60 * 60 * 1000, SETTLE_POLL_MS = 200 };

/* What on, off and renew work with. */
struct work {
	const struct maint_settings *settings;
	struct keys *keys;
	struct maint_site site;
	struct maint_providers providers; /* as configured now */
	struct maint_providers recalled; /* recorded ones that are configured no more */
	struct maint_record record;
	enum maint_holding holding;
	bool new_closing;
};

static void work_release(struct work *work)
{
	maint_providers_release(&work->providers);
	maint_providers_release(&work->recalled);
	maint_record_release(&work->record);
}

static bool work_begin(struct work *work, const struct maint_settings *settings, struct keys *keys,
	struct db *db, struct err *err)
{
	work->settings = settings;
	work->keys = keys;
	work->site = (struct maint_site){.db = db, .owner = settings->owner, .log = settings->log};
	return maint_providers_check_only(settings->only, err) &&
	       maint_providers_load(settings->env, &work->providers, err) &&
	       keys_work(keys, db, err) && maint_record_table(db, err) &&
	       maint_record_load(settings->env, db, &work->holding, &work->record, err);
}

static bool owned(const struct work *work)
{
	return work->holding == MAINT_HELD && str_equal(work->record.owner, work->settings->owner);
}

static bool refuse_other(const struct work *work, struct err *err)
{
	err_set(err, ERR_REFUSED, "maintenance is held by %s, since %s", work->record.owner,
		work->record.since ? work->record.since : "an unknown time");
	return err_hint(err, "see it: mig-maintenance status; take it over: --adopt");
}

static bool refuse_foreign(const struct work *work, struct err *err)
{
	err_set(err, ERR_REFUSED, "maintenance is in an unknown state and stays as it is: %s",
		work->record.why_foreign);
	return err_hint(err, "see which database is live: mig-restore copies; then lift it with "
			     "mig-maintenance off --reason TEXT");
}

/*
 * One provider
 */

/* Waits for the status that on or off should have brought. */
static bool read_back(const struct work *work, const struct maint_provider *provider,
	enum maint_switch wanted, struct err *err)
{
	const struct maint_row *row = provider->row;
	int64_t end =
		clock_monotonic_ms() + (row->settle_ms ? row->settle_ms(provider->config) : 0);
	for (;;) {
		AUTO_FREE char *why = NULL;
		enum maint_switch is = maint_provider_status(provider, &work->site, &why);
		if (is == wanted)
			return true;
		if (clock_monotonic_ms() < end) {
			clock_sleep_ms(SETTLE_POLL_MS);
			continue;
		}
		err_set(err, row->in_database ? ERR_REFUSED : ERR_REMOTE,
			"%s was switched %s, but is %s%s%s", provider->name,
			maint_switch_word(wanted), maint_switch_word(is), why ? ": " : "",
			why ? why : "");
		return err_hint(err, "see: mig-maintenance status");
	}
}

static bool switch_on(
	const struct work *work, const struct maint_provider *provider, struct err *err)
{
	if (!keys_check(work->keys, err))
		return false;
	if (!provider->row->on(&work->site, provider->config, err) ||
		!read_back(work, provider, MAINT_IS_ON, err))
		return err_context(err, "%s", provider->name);
	log_info(work->settings->log, "maintenance_on",
		json_pack("{s:s, s:s}", "provider", provider->name, "gives",
			maint_gives_word(provider->row->gives)),
		"%s: on (%s)", provider->name, maint_gives_word(provider->row->gives));
	return true;
}

static bool switch_off(const struct work *work, const struct maint_provider *provider,
	const json_t *before, struct err *err)
{
	enum maint_switch wanted = maint_was_on(before) ? MAINT_IS_ON : MAINT_IS_OFF;
	if (!keys_check(work->keys, err))
		return false;
	if (provider->row->gives == MAINT_FENCE && work->settings->proof &&
		!writes_note_fence(work->settings->proof, false, err))
		return false;
	if (!provider->row->off(&work->site, provider->config, before, err) ||
		!read_back(work, provider, wanted, err))
		return err_context(err, "%s", provider->name);
	log_info(work->settings->log, "maintenance_off",
		json_pack("{s:s}", "provider", provider->name), "%s: %s%s", provider->name,
		maint_switch_word(wanted), wanted == MAINT_IS_ON ? ", as it was before" : "");
	return true;
}

/*
 * on
 */

static bool record_before(struct work *work, const struct maint_provider *provider, struct err *err)
{
	AUTO_FREE char *why = NULL;
	json_t *before = NULL;
	if (maint_record_entry(&work->record, provider->name))
		return true;
	enum maint_switch was = maint_provider_status(provider, &work->site, &why);
	if (was == MAINT_IS_UNKNOWN && provider->row->gives != MAINT_FENCE) {
		err_set(err, ERR_REMOTE, "%s: it is not known whether it is on or off: %s",
			provider->name, why ? why : "");
		return err_hint(err, "unknown is never off: make its status answer first");
	}
	if (!provider->row->before(&work->site, provider->config, &before, err))
		return err_context(err, "%s", provider->name);
	json_object_set_new(before, "was", json_string(maint_switch_word(was)));
	json_array_append_new(work->record.providers,
		json_pack("{s:s, s:O, s:s, s:o}", "name", provider->name, "item", provider->item,
			"directory", provider->directory, "before", before));
	return true;
}

/* A crash between state file and row: recorded, but nothing was switched yet. */
static bool nothing_was_changed(const struct work *work)
{
	if (work->record.in_row)
		return false;
	for (size_t i = 0; i < work->providers.count; i++) {
		const struct maint_provider *provider = work->providers.items[i];
		AUTO_FREE char *why = NULL;
		const json_t *entry = maint_record_entry(&work->record, provider->name);
		const json_t *before = json_object_get(entry, "before");
		enum maint_switch is = maint_provider_status(provider, &work->site, &why);
		if (!before || !str_equal(json_string_value(json_object_get(before, "was")),
				       maint_switch_word(is)))
			return false;
	}
	return true;
}

static bool check_right_to_close(struct work *work, struct err *err)
{
	if (work->providers.count == 0) {
		err_set(err, ERR_CONFIG, "environment %s has no maintenance provider",
			work->settings->env->name);
		if (!work->settings->env->config_path)
			return err_hint(err,
				"there is no mig.yaml: mig init writes one; add to its "
				"environment: maintenance: [{file: PATH}, {database: "
				"read-only}]");
		return err_hint(err,
			"add to it: maintenance: [{file: /run/%s/maintenance}, "
			"{database: read-only}]",
			work->settings->env->project);
	}
	if (work->holding == MAINT_FOREIGN)
		return refuse_foreign(work, err);
	if (work->holding == MAINT_HELD && !owned(work) && nothing_was_changed(work))
		work->holding = MAINT_NOBODY;
	if (work->holding == MAINT_HELD && !owned(work) && !work->settings->adopt)
		return refuse_other(work, err);
	work->new_closing = work->holding == MAINT_NOBODY;
	return true;
}

static bool record_closing(struct work *work, struct err *err)
{
	const struct maint_settings *settings = work->settings;
	int64_t lease = settings->lease_ms ? settings->lease_ms : LEASE_MS;
	if (work->new_closing) {
		json_decref(work->record.providers);
		work->record.providers = json_array();
	}
	for (size_t i = 0; i < work->providers.count; i++)
		if (maint_provider_chosen(work->providers.items[i], settings->only) &&
			!record_before(work, work->providers.items[i], err))
			return false;
	free(work->record.owner);
	work->record.owner = xstrdup(settings->owner);
	return keys_check(work->keys, err) &&
	       (work->new_closing ? maint_record_begin(
					    settings->env, work->site.db, lease, &work->record, err)
				  : maint_record_update(settings->env, work->site.db, lease,
					    &work->record, err));
}

/* Told first, then given a moment, then thrown out. */
static bool switch_all_on(struct work *work, size_t *switched, struct err *err)
{
	bool drained = false;
	for (size_t i = 0; i < work->providers.count; i++) {
		const struct maint_provider *provider = work->providers.items[i];
		if (!maint_provider_chosen(provider, work->settings->only))
			continue;
		*switched = i + 1;
		if (provider->row->in_database && !drained) {
			drained = true;
			if (!sessions_drain(work->site.db, work->settings->drain_ms, err))
				return false;
		}
		if (!switch_on(work, provider, err))
			return false;
	}
	return drained || sessions_drain(work->site.db, work->settings->drain_ms, err);
}

static bool is_as_before(
	const struct work *work, const struct maint_provider *provider, const json_t *before)
{
	AUTO_FREE char *why = NULL;
	enum maint_switch is = maint_provider_status(provider, &work->site, &why);
	return str_equal(maint_switch_word(is), json_string_value(json_object_get(before, "was")));
}

/* Who may not switch it on may not switch it off either: then nothing has changed. */
static bool undo_one(
	const struct work *work, const struct maint_provider *provider, struct err *err)
{
	const json_t *entry = maint_record_entry(&work->record, provider->name);
	const json_t *before = json_object_get(entry, "before");
	return !entry || switch_off(work, provider, before, err) ||
	       is_as_before(work, provider, before);
}

/* A closing that could not be completed is taken back; what cannot be taken back is said. */
static bool undo_closing(struct work *work, size_t switched, struct err *err)
{
	AUTO_ERR(why);
	work->site.db->uninterrupted = true;
	for (size_t i = switched; i-- > 0;) {
		if (undo_one(work, work->providers.items[i], &why))
			continue;
		log_warn(work->settings->log, "maintenance_stuck",
			json_pack("{s:s}", "provider", work->providers.items[i]->name), "%s",
			why.msg);
		return err_hint(err,
			"maintenance is on in part (%s): mig-maintenance status, then off",
			why.msg);
	}
	if (!maint_record_end(work->settings->env, work->site.db, &work->record, &why))
		log_warn(work->settings->log, "maintenance_stuck", NULL, "%s", why.msg);
	return false;
}

/*
 * R0 is taken once: what was written between two closings of a run must not be forgotten. By hand
 * every new closing is a new beginning.
 */
static bool take_proof(struct work *work, struct err *err)
{
	const struct maint_settings *settings = work->settings;
	bool fenced = false;
	bool by_hand = strcmp(settings->owner, "hand") == 0;
	if (!settings->proof || (fs_exists(settings->proof) && !(by_hand && work->new_closing)))
		return true;
	int pid = work->keys->kin ? work->keys->run_pid : 0;
	if (!writes_begin(work->site.db, pid, settings->proof, err))
		return false;
	for (size_t i = 0; i < work->providers.count; i++)
		fenced = fenced ||
			 (work->providers.items[i]->row->gives == MAINT_FENCE &&
				 maint_provider_chosen(work->providers.items[i], settings->only));
	return !fenced || writes_note_fence(settings->proof, true, err);
}

bool maint_on(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err)
{
	CLEANUP(work_release) struct work work = {0};
	size_t switched = 0;
	if (!work_begin(&work, settings, keys, db, err) || !check_right_to_close(&work, err) ||
		!record_closing(&work, err))
		return false;
	if (switch_all_on(&work, &switched, err) && take_proof(&work, err))
		return true;
	return work.new_closing ? undo_closing(&work, switched, err) : false;
}

/*
 * off
 */

static bool not_held(const struct work *work, struct err *err)
{
	AUTO_STRBUF(on);
	for (size_t i = 0; i < work->providers.count; i++) {
		const struct maint_provider *provider = work->providers.items[i];
		AUTO_FREE char *why = NULL;
		enum maint_switch is = maint_provider_status(provider, &work->site, &why);
		if (is != MAINT_IS_OFF)
			strbuf_addf(&on, "%s%s is %s", on.len ? ", " : "", provider->name,
				maint_switch_word(is));
	}
	if (on.len == 0) {
		log_info(work->settings->log, "maintenance", NULL, "maintenance is not on");
		return true;
	}
	err_set(err, ERR_REFUSED, "maintenance was not switched on by mig, but %s", on.buf);
	return err_hint(err, "whoever switched it on knows what was before; undo it there");
}

/* By hand after a run: the run is dead, since we hold its key. */
static bool check_dead_run(const struct work *work, struct err *err)
{
	CLEANUP(last_intent_release) struct last_intent intent = {0};
	const char *run = work->record.owner + strlen("run:");
	if (!last_intent_read(work->settings->env, run, &intent, err))
		return false;
	if (!intent.text)
		log_warn(work->settings->log, "last_intent", NULL,
			"maintenance was left by run %s; its journal is not on this host", run);
	else
		log_warn(work->settings->log, "last_intent",
			json_pack("{s:s}", "text", intent.text),
			"maintenance was left by run %s; the last it did: %s", run, intent.text);
	if ((intent.text && !intent.database) || work->settings->reason)
		return true;
	if (!intent.text) {
		err_set(err, ERR_REFUSED,
			"what run %s did last is not known: its journal is not on this host", run);
		return err_hint(err,
			"where it ran: mig-run recover %s; or look at the database "
			"yourself, then: mig-maintenance off --reason TEXT",
			run);
	}
	err_set(err, ERR_REFUSED, "run %s died while it may have been changing the database: %s",
		run, intent.text);
	return err_hint(err,
		"mig-run recover %s; or look at the database yourself, then: "
		"mig-maintenance off --reason TEXT",
		run);
}

static bool check_right_to_open(const struct work *work, struct err *err)
{
	const struct maint_settings *settings = work->settings;
	if (work->holding == MAINT_FOREIGN)
		return settings->reason ? true : refuse_foreign(work, err);
	if (owned(work))
		return true;
	if (strcmp(settings->owner, "hand") == 0 && str_starts(work->record.owner, "run:"))
		return check_dead_run(work, err);
	return settings->adopt || refuse_other(work, err);
}

/* As configured now, else as recorded in the state file of this host. */
static bool find_recorded(struct work *work, const json_t *entry,
	const struct maint_provider **provider, struct err *err)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	*provider = name ? maint_providers_find(&work->providers, name) : NULL;
	if (*provider)
		return true;
	if (!json_object_get(entry, "item")) {
		err_set(err, ERR_CONFIG, "%s was switched on, but is not configured any more",
			name ? name : "a provider without a name");
		return err_hint(err, "put it back into mig.yaml, then run the command again");
	}
	struct maint_providers *list = &work->recalled;
	xgrow(list->items, list->count, list->alloc);
	if (!maint_provider_recall(entry, &list->items[list->count], err))
		return false;
	*provider = list->items[list->count++];
	return true;
}

static bool switch_recorded_off(struct work *work, struct err *err)
{
	const json_t *entries = work->record.providers;
	for (size_t i = json_array_size(entries); i-- > 0;) {
		const json_t *entry = json_array_get(entries, i);
		const struct maint_provider *provider = NULL;
		if (!find_recorded(work, entry, &provider, err))
			return false;
		if (maint_provider_chosen(provider, work->settings->only) &&
			!switch_off(work, provider, json_object_get(entry, "before"), err))
			return false;
	}
	return true;
}

bool maint_off(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err)
{
	CLEANUP(work_release) struct work work = {0};
	if (!work_begin(&work, settings, keys, db, err))
		return false;
	if (work.holding == MAINT_NOBODY)
		return not_held(&work, err);
	if (!check_right_to_open(&work, err) || !switch_recorded_off(&work, err))
		return false;
	if (settings->only && settings->only->count > 0)
		return true;
	return keys_check(keys, err) && maint_record_end(settings->env, db, &work.record, err);
}

bool maint_renew(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err)
{
	CLEANUP(work_release) struct work work = {0};
	if (!work_begin(&work, settings, keys, db, err))
		return false;
	if (work.holding == MAINT_NOBODY)
		return err_set(
			err, ERR_REFUSED, "maintenance is not held: there is no lease to renew");
	if (work.holding == MAINT_FOREIGN)
		return refuse_foreign(&work, err);
	if (!owned(&work))
		return refuse_other(&work, err);
	return maint_record_update(settings->env, db,
		settings->lease_ms ? settings->lease_ms : LEASE_MS, &work.record, err);
}
