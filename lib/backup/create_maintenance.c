/*
 * Maintenance is not part of the database (safety 11): where it has changed settings and
 * privileges, the snapshot records those of before.
 */
#include "backup/create_room.h"

#include "maint/record.h"

static void put_acl(struct pack_database *database, const json_t *before)
{
	free(database->acl);
	database->acl = xstrdup_null(json_string_value(json_object_get(before, "acl")));
}

static void put_setting(struct pack_database *database, const json_t *before)
{
	static const char name[] = "default_transaction_read_only";
	const char *value = json_string_value(json_object_get(before, "setting"));
	for (size_t i = 0; i < database->settings.count; i++) {
		struct pack_setting *setting = &database->settings.items[i];
		if (setting->role || strcmp(setting->name, name) != 0)
			continue;
		free(setting->name);
		free(setting->value);
		*setting = database->settings.items[--database->settings.count];
		break;
	}
	if (value)
		*pack_list_add(&database->settings) =
			(struct pack_setting){.name = xstrdup(name), .value = xstrdup(value)};
}

/* Which of the database's own properties a provider has changed shows in what it remembered. */
static void put_before(struct pack_database *database, const struct maint_record *record)
{
	size_t i;
	json_t *entry;
	json_array_foreach(record->providers, i, entry)
	{
		const json_t *before = json_object_get(entry, "before");
		if (json_object_get(before, "acl"))
			put_acl(database, before);
		if (json_object_get(before, "setting"))
			put_setting(database, before);
	}
}

bool create_maintenance_undo(const struct conf_env *env, struct db *leader,
	struct pack_manifest *manifest, struct err *err)
{
	CLEANUP(maint_record_release) struct maint_record record = {0};
	enum maint_holding holding;
	if (!maint_record_load(env, leader, &holding, &record, err))
		return err_context(err, "maintenance");
	if (holding == MAINT_HELD)
		put_before(&manifest->database, &record);
	else if (holding == MAINT_FOREIGN)
		strvec_pushf(&manifest->notes,
			"settings and privileges of the database are as they are under "
			"maintenance: "
			"%s",
			record.why_foreign ? record.why_foreign
					   : "its record is not this database's");
	return true;
}
