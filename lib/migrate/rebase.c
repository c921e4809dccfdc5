/* mig-apply rebase: a revision that nobody has applied yet moves onto another parent. */
#include "base/diff.h"
#include "base/fs.h"
#include "migrate/advice.h"
#include "migrate/report.h"
#include "migrate/verbs.h"

#include <sys/stat.h>

struct rebase {
	struct migrate_session session; /* files only */
	size_t index, onto;
	struct strvec asked, skipped; /* environments */
};

static void rebase_release(struct rebase *rebase)
{
	migrate_close(&rebase->session);
	strvec_release(&rebase->asked);
	strvec_release(&rebase->skipped);
}

static const struct migrate_file *file_of(const struct rebase *rebase)
{
	return &rebase->session.tree->files[rebase->index];
}

/* --- may it move? ------------------------------------------------------------------------------
 */

static bool find_one(const struct graph *graph, const char *word, size_t *index, struct err *err)
{
	AUTO_LIST(found);
	if (!graph_resolve(graph, word, &found, err))
		return false;
	if (found.count != 1) {
		err_set(err, ERR_USAGE, "\"%s\" is %s: name one revision", word,
			found.count ? "several revisions" : "no revision");
		return err_hint(err, "which there are: mig-apply heads, mig-apply history");
	}
	*index = found.items[0];
	return true;
}

/* "head": the one that others made, not that of the revision's own line. */
static bool find_head(const struct rebase *rebase, size_t *index, struct err *err)
{
	const struct graph *graph = rebase->session.tree->graph;
	AUTO_LIST(heads);
	AUTO_LIST(others);
	AUTO_SET(own, graph->count);
	struct graph_list self = {.items = (size_t *)&rebase->index, .count = 1};
	graph_heads(graph, false, &heads);
	graph_descendants(graph, &self, GRAPH_WITH_DEPENDS, &own);
	for (size_t i = 0; i < heads.count; i++)
		if (!graph_set_has(&own, heads.items[i]))
			graph_list_push(&others, heads.items[i]);
	if (others.count == 1) {
		*index = others.items[0];
		return true;
	}
	AUTO_FREE char *name = graph_name(graph, rebase->index);
	AUTO_FREE char *names = graph_names(graph, &others);
	err_set(err, ERR_USAGE, "%zu heads do not stand on %s", others.count, name);
	if (others.count)
		err_detail(err, "%s", names);
	return err_hint(err, others.count ? "name one of them: --onto REV"
					  : "it is on the only line there is: nothing has to move");
}

static bool find_both(const struct migrate_ask *ask, struct rebase *rebase, struct err *err)
{
	const struct graph *graph = rebase->session.tree->graph;
	if (!ask->onto) {
		err_set(err, ERR_USAGE, "rebase needs the revision to stand on");
		return err_hint(err, "mig-apply rebase %s --onto REV", ask->operands->items[0]);
	}
	return find_one(graph, ask->operands->items[0], &rebase->index, err) &&
	       (strcmp(ask->onto, "head") != 0 ? find_one(graph, ask->onto, &rebase->onto, err)
					       : find_head(rebase, &rebase->onto, err));
}

static bool check_shape(const struct rebase *rebase, struct err *err)
{
	const struct graph *graph = rebase->session.tree->graph;
	AUTO_FREE char *name = graph_name(graph, rebase->index);
	AUTO_FREE char *onto = graph_name(graph, rebase->onto);
	AUTO_SET(above, graph->count);
	struct graph_list self = {.items = (size_t *)&rebase->index, .count = 1};
	graph_descendants(graph, &self, GRAPH_WITH_DEPENDS, &above);
	if (!rebase->session.tree->format->reparent) {
		err_set(err, ERR_USAGE, "files of format %s know no parents",
			rebase->session.tree->format->name);
		return err_hint(err, "rename the file: its number is its place");
	}
	if (graph_is_mergepoint(&graph->revisions[rebase->index])) {
		err_set(err, ERR_USAGE, "%s is a merge: it stands on several revisions", name);
		return err_hint(err, "take the file away and write the merge anew: mig-apply merge "
				     "heads");
	}
	if (!graph_set_has(&above, rebase->onto))
		return true;
	err_set(err, ERR_USAGE, "%s stands on %s itself", onto, name);
	return err_hint(err, "name a revision that does not: mig-apply history");
}

/* --- has anybody applied it? -------------------------------------------------------------------
 */

static bool is_applied(
	const struct rebase *rebase, const struct migrate_session *there, const char **why)
{
	const struct graph *graph = there->tree->graph;
	size_t index = graph_find(graph, file_of(rebase)->id);
	AUTO_SET(applied, graph->count);
	migrate_applied(there->tree, &there->state.current, &applied);
	*why = NULL;
	if (index != GRAPH_NONE && graph_set_has(&applied, index))
		*why = "is applied in";
	else if (there->state.current.count != there->state.versions.rows.count)
		*why = "may be applied in (it has revisions that are in no file here)";
	return *why != NULL;
}

static bool ask_one(
	const struct migrate_ask *ask, struct rebase *rebase, const char *env, struct err *err)
{
	AUTO_SESSION(there);
	const char *why;
	if (!ask->open_env(ask, env, &there, err)) {
		AUTO_FREE char *hint = xstrdup_null(err->hint);
		err_context(
			err, "environment %s could not be asked whether it has the revision", env);
		err->code = ERR_REFUSED;
		return err_hint(err, "%s%sif it can never have it: --skip-env %s", hint ? hint : "",
			hint ? "; " : "", env);
	}
	strvec_push(&rebase->asked, env);
	if (!is_applied(rebase, &there, &why))
		return true;
	AUTO_FREE char *name = graph_name(rebase->session.tree->graph, rebase->index);
	err_set(err, ERR_REFUSED, "%s %s environment %s", name, why, env);
	AUTO_FREE char *merge = advice_merge(&rebase->session);
	return err_hint(err, "make the heads one instead: %s", merge);
}

static bool ask_all(const struct migrate_ask *ask, struct rebase *rebase, struct err *err)
{
	STRVEC_EACH (&ask->skip_envs, skipped)
		if (!strvec_has(ask->envs, skipped)) {
			AUTO_FREE char *names = strvec_join(ask->envs, ", ");
			err_set(err, ERR_USAGE, "no environment \"%s\" to skip", skipped);
			return err_hint(err, "there are %s", names);
		}
	STRVEC_EACH (ask->envs, env) {
		if (strvec_has(&ask->skip_envs, env))
			strvec_push(&rebase->skipped, env);
		else if (!ask_one(ask, rebase, env, err))
			return false;
	}
	return true;
}

/* --- moving it ---------------------------------------------------------------------------------
 */

/* The graph as it will be: no circle, and no label twice. */
static bool check_graph(const struct rebase *rebase, struct err *err)
{
	const struct migrate_tree *tree = rebase->session.tree;
	AUTO_STRVEC(onto);
	strvec_push(&onto, tree->files[rebase->onto].id);
	CLEANUP(graph_free_auto) struct graph *graph = graph_new();
	for (size_t i = 0; i < tree->count; i++) {
		struct graph_header header = migrate_file_header(&tree->files[i]);
		if (i == rebase->index)
			header.down = onto;
		graph_add(graph, &header);
	}
	return graph_link(graph, err);
}

static bool write_file(const char *path, const struct strbuf *text, struct err *err)
{
	struct stat was;
	if (stat(path, &was) != 0)
		return err_sys(err, ERR_FAILED, "cannot look at %s", path);
	if (!fs_write_atomic(path, text->buf, text->len, err))
		return err_hint(err, "is the checkout read-only? let this user write it");
	return chmod(path, was.st_mode & 07777) == 0 ||
	       err_sys(err, ERR_FAILED, "cannot set the mode of %s", path);
}

static void tell(const struct migrate_ask *ask, const struct rebase *rebase,
	const struct strbuf *text, struct migrate_answer *answer)
{
	const struct migrate_file *file = file_of(rebase);
	const struct graph *graph = rebase->session.tree->graph;
	AUTO_STRBUF(diff);
	AUTO_FREE char *name = graph_name(graph, rebase->index);
	AUTO_FREE char *onto = graph_name(graph, rebase->onto);
	diff_unified(&diff, file->name, file->source, file->name, text->buf);
	strbuf_trim(&diff);
	if (ask->dry_run && diff.len)
		strvec_push(&answer->lines, diff.buf);
	strvec_pushf(&answer->lines, "%s %s on %s (%s)", name,
		ask->dry_run ? "would stand" : "stands", onto, file->name);
	answer->json = json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:b}", "revision", file->id,
		"path", file->path, "from", migrate_report_names(&file->down), "onto",
		graph->revisions[rebase->onto].id, "asked", migrate_report_names(&rebase->asked),
		"skipped", migrate_report_names(&rebase->skipped), "written", !ask->dry_run);
}

static bool rebase_verb(
	const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	CLEANUP(rebase_release) struct rebase rebase = {0};
	AUTO_STRBUF(text);
	if (!ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &rebase.session, err) ||
		!find_both(ask, &rebase, err) || !check_shape(&rebase, err) ||
		!check_graph(&rebase, err) || !ask_all(ask, &rebase, err))
		return false;
	const struct migrate_format *format = rebase.session.tree->format;
	if (!format->reparent(
		    file_of(&rebase), rebase.session.tree->files[rebase.onto].id, &text, err))
		return false;
	if (!ask->dry_run && !write_file(file_of(&rebase)->path, &text, err))
		return false;
	tell(ask, &rebase, &text, answer);
	return true;
}

const struct migrate_verb migrate_verb_rebase = {
	.one_tree = true, .every_env = true, .run = rebase_verb};
