#include "restore/versions.h"

/* --- versions --------------------------------------------------------------------------------- */

/* One number of a version; false: there is none. */
static bool take_part(const char **at, uint64_t *number)
{
	const char *begin = *at;
	*number = 0;
	for (; **at >= '0' && **at <= '9'; (*at)++)
		*number = *number * 10 + (uint64_t)(**at - '0');
	return *at > begin && *at - begin < 18;
}

/* The number, and the dot behind it; at the end 0, so that "1" is "1.0". */
static uint64_t next_part(const char **at, bool *known)
{
	uint64_t number;
	if (!**at)
		return 0;
	if (!take_part(at, &number) || (**at && **at != '.') || (**at == '.' && !(*at)[1]))
		*known = false;
	if (**at == '.')
		(*at)++;
	return number;
}

int restore_versions_order(const char *a, const char *b, bool *known)
{
	int order = 0;
	*known = true;
	if (strcmp(a, b) == 0)
		return 0;
	while (*known && (*a || *b)) {
		uint64_t left = next_part(&a, known), right = next_part(&b, known);
		if (!order)
			order = (left > right) - (left < right);
	}
	return *known ? order : 0;
}

/* --- extensions ------------------------------------------------------------------------------- */

static void compare_extension(const struct restore_settings *settings,
	const struct pack_extension *extension, const char *here, struct strvec *missing)
{
	bool known;
	int order = restore_versions_order(here, extension->version, &known);
	if (known && order < 0)
		strvec_pushf(missing, "extension \"%s\" %s (here is %s)", extension->name,
			extension->version, here);
	else if (strcmp(here, extension->version) != 0)
		log_warn(settings->log, "extension_version",
			json_pack("{s:s, s:s, s:s}", "extension", extension->name, "snapshot",
				extension->version, "here", here),
			"extension %s is %s in the snapshot, and will be %s here", extension->name,
			extension->version, here);
}

/* CREATE EXTENSION names no version: it makes the server's default one. */
static bool check_extensions(const struct restore_settings *settings, struct db *server,
	struct strvec *missing, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	for (size_t i = 0; i < manifest->extensions.count; i++) {
		const struct pack_extension *extension = &manifest->extensions.items[i];
		AUTO_FREE char *here = NULL;
		if (!db_value(server, &here, err,
			    "select default_version from pg_available_extensions where name = $1",
			    extension->name))
			return false;
		if (here)
			compare_extension(settings, extension, here, missing);
		else
			strvec_pushf(missing, "extension \"%s\"", extension->name);
	}
	return true;
}

/* --- collations ------------------------------------------------------------------------------- */

/* One locale of a library, as the snapshot saw it. */
struct seen {
	const char *name; /* for people */
	const char *provider, *locale;
	const char *recorded; /* when it was made in the source; NULL: unknown */
	const char *actual; /* of the library in the source; NULL: unknown */
};

static void warn_different(
	const struct restore_settings *settings, const struct seen *seen, const char *here)
{
	log_warn(settings->log, "collation_version",
		json_pack("{s:s, s:s, s:s}", "collation", seen->name, "snapshot", seen->actual,
			"here", here),
		"collation %s is of version %s in the snapshot, %s here: all indexes are built "
		"anew, so none is broken; the order of text may differ, and with it range "
		"partitions and CHECK constraints over text",
		seen->name, seen->actual, here);
}

/* The order that the source's indexes were built with was not that of its library any more. */
static void warn_stale(const struct restore_settings *settings, const struct seen *seen)
{
	log_warn(settings->log, "collation_stale",
		json_pack("{s:s, s:s, s:s}", "collation", seen->name, "made", seen->recorded,
			"actual", seen->actual),
		"collation %s was made with version %s, and the source had %s: indexes over text "
		"may be broken there (REINDEX); here they are built anew, and a unique one fails "
		"if duplicates came in",
		seen->name, seen->recorded, seen->actual);
}

/* Columns of pg_collation have other names from version to version. */
static const char version_sql[] =
	"select pg_collation_actual_version(c.oid) from pg_collation c"
	" where c.collprovider = $1 and $2 in (to_jsonb(c)->>'collcollate',"
	" to_jsonb(c)->>'colliculocale', to_jsonb(c)->>'colllocale') limit 1";

static bool check_collation(const struct restore_settings *settings, struct db *server,
	const struct seen *seen, struct err *err)
{
	AUTO_FREE char *here = NULL;
	if (seen->recorded && seen->actual && strcmp(seen->recorded, seen->actual) != 0)
		warn_stale(settings, seen);
	if (!seen->actual || !seen->locale)
		return true;
	if (!db_value(server, &here, err, version_sql, seen->provider, seen->locale))
		return false;
	if (here && strcmp(here, seen->actual) != 0)
		warn_different(settings, seen, here);
	return true;
}

static bool check_collations(
	const struct restore_settings *settings, struct db *server, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	const struct pack_database *database = &manifest->database;
	struct seen of_database = {
		.name = database->icu_locale ? database->icu_locale : database->collate,
		.provider = database->locale_provider,
		.locale = database->icu_locale ? database->icu_locale : database->collate,
		.recorded = database->collation_version,
		.actual = database->collation_actual_version ? database->collation_actual_version
							     : database->collation_version,
	};
	if (!check_collation(settings, server, &of_database, err))
		return false;
	for (size_t i = 0; i < manifest->collations.count; i++) {
		const struct pack_collation *collation = &manifest->collations.items[i];
		struct seen seen = {collation->name, collation->provider, collation->locale,
			collation->version, collation->actual_version};
		if (!check_collation(settings, server, &seen, err))
			return false;
	}
	return true;
}

bool restore_versions_check(const struct restore_settings *settings, struct db *server,
	struct strvec *missing, struct err *err)
{
	return check_extensions(settings, server, missing, err) &&
	       check_collations(settings, server, err);
}
