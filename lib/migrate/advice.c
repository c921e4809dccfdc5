#include "migrate/advice.h"

char *advice_word(const struct migrate_session *session, const char *word)
{
	bool alone = !session->how.env->other_count;
	return alone ? xstrdup(word) : xstrfmt("%s@%s", session->how.where->name, word);
}

char *advice_stamp(const struct migrate_session *session, const struct graph_list *rows, bool purge)
{
	AUTO_STRVEC(words);
	strvec_push(&words, purge ? "mig-apply stamp --purge" : "mig-apply stamp");
	for (size_t i = 0; i < rows->count; i++)
		strvec_push(&words, session->tree->files[rows->items[i]].id);
	if (!rows->count)
		strvec_push_take(&words, advice_word(session, "base"));
	return strvec_join(&words, " ");
}

char *advice_merge(const struct migrate_session *session)
{
	AUTO_FREE char *heads = advice_word(session, "heads");
	return xstrfmt("mig-apply merge %s -m \"Merge\"", heads);
}

const char *advice_made_before(const struct migrate_session *session, const struct err *err)
{
	/* duplicate_table, duplicate_column, duplicate_object, duplicate_schema */
	static const char *const made[] = {"42P07", "42701", "42710", "42P06"};
	/* undefined_table, undefined_column, undefined_object */
	static const char *const gone[] = {"42P01", "42703", "42704"};
	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		if (!strcmp(err->sqlstate, made[i]))
			return "; made by hand already? mig-apply doctor";
	for (size_t i = 0; session->plan.direction == MIGRATE_DOWN && i < ARRAY_SIZE(gone); i++)
		if (!strcmp(err->sqlstate, gone[i]))
			return "; gone already? where the schema stands: mig-apply doctor --replay";
	return "";
}
