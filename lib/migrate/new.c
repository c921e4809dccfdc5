#include "base/clock.h"
#include "base/fs.h"
#include "migrate/internal.h"

#include <ctype.h>
#include <unistd.h>

enum { SLUG_LENGTH = 40, ID_BYTES = 6 };

/* "Add user's preferences" becomes "add_user_s_preferences"; cut at a word after 40 characters. */
static char *make_slug(const char *message)
{
	AUTO_STRBUF(slug);
	bool gap = false;
	for (const char *c = message; *c && slug.len <= SLUG_LENGTH; c++) {
		bool word = isalnum((unsigned char)*c) || (unsigned char)*c >= 0x80;
		if (word && gap && slug.len)
			strbuf_addc(&slug, '_');
		if (word)
			strbuf_addc(&slug, (char)tolower((unsigned char)*c));
		gap = !word;
	}
	if (slug.len <= SLUG_LENGTH)
		return strbuf_take(&slug);
	char *last = strrchr(slug.buf, '_');
	return last ? xstrndup(slug.buf, (size_t)(last - slug.buf)) : strbuf_take(&slug);
}

/* An absent or empty folder is an empty tree of the native format. */
static bool load_or_begin(
	const struct conf_migrations *where, struct migrate_tree **tree, struct err *err)
{
	if (!fs_is_dir(where->dir) && !fs_mkdirs(where->dir, err))
		return false;
	return migrate_tree_load(where, tree, err);
}

static bool must_splice(const struct migrate_tree *tree, size_t index, bool merge, struct err *err)
{
	AUTO_FREE char *name = graph_name(tree->graph, index);
	if (merge) {
		err_set(err, ERR_REFUSED, "%s is not a head: merge makes heads one", name);
		return err_hint(err, "all of them: mig-apply merge heads; which: mig-apply heads");
	}
	err_set(err, ERR_REFUSED, "%s is not a head: a second branch would begin there", name);
	return err_hint(err, "if that is meant: --splice");
}

static bool find_parents(const struct migrate_tree *tree, const struct migrate_new *request,
	struct strvec *down, struct err *err)
{
	AUTO_LIST(parents);
	bool given = request->heads && request->heads->count;
	if (!given && !graph_resolve(tree->graph, "head", &parents, err))
		return false;
	for (size_t i = 0; given && i < request->heads->count; i++)
		if (!graph_resolve(tree->graph, request->heads->items[i], &parents, err))
			return false;
	for (size_t i = 0; i < parents.count; i++) {
		const struct graph_revision *revision = &tree->graph->revisions[parents.items[i]];
		if (!graph_is_head(revision) && !request->splice)
			return must_splice(tree, parents.items[i], request->merge, err);
		if (!strvec_has(down, revision->id))
			strvec_push(down, revision->id);
	}
	return true;
}

static bool find_dependencies(const struct migrate_tree *tree, const struct migrate_new *request,
	struct strvec *depends, struct err *err)
{
	for (size_t i = 0; request->depends_on && i < request->depends_on->count; i++) {
		const char *word = request->depends_on->items[i];
		AUTO_LIST(found);
		if (!graph_resolve(tree->graph, word, &found, err))
			return false;
		if (found.count != 1) {
			err_set(err, ERR_USAGE, "--depends-on %s is %s: name one revision", word,
				found.count ? "several revisions" : "no revision");
			return err_hint(err, "which there are: mig-apply history");
		}
		strvec_push(depends, tree->graph->revisions[found.items[0]].id);
	}
	return true;
}

/* The new revision must fit into the graph before it is a file. */
static bool check_fits(struct migrate_tree *tree, const struct migrate_file *file, struct err *err)
{
	CLEANUP(graph_free_auto) struct graph *graph = graph_new();
	for (size_t i = 0; i <= tree->count; i++) {
		const struct migrate_file *each = i < tree->count ? &tree->files[i] : file;
		struct graph_header header = migrate_file_header(each);
		if (!header.origin)
			header.origin = "the new revision";
		graph_add(graph, &header);
	}
	return graph_link(graph, err);
}

/* The tree was right before: what does not fit was typed. */
static bool choose_another(const struct migrate_new *request, struct err *err)
{
	err->code = ERR_USAGE;
	if (request->id && request->branch_label)
		return err_hint(err, "choose another --rev-id or --branch-label");
	return err_hint(err, "choose another %s", request->id ? "--rev-id" : "--branch-label");
}

static bool no_folders(const struct migrate_tree *tree, struct err *err)
{
	err_set(err, ERR_USAGE,
		"--version-path is for trees of Alembic; files of format %s are in %s",
		tree->format->name, tree->dir);
	return err_hint(err, "leave it out");
}

static bool one_line(const char *message, struct err *err)
{
	if (*message && !strpbrk(message, "\r\n") && !strstr(message, "  -- "))
		return true;
	err_set(err, ERR_USAGE, "a message is one line of text");
	return err_hint(err, "what the revision does, in a few words: -m \"Add user preferences\"");
}

static bool write_template(
	const struct migrate_tree *tree, struct migrate_file *file, struct err *err)
{
	AUTO_FREE char *slug = make_slug(file->message);
	AUTO_FREE char *name = xstrfmt("%s%s%s.sql", file->id, *slug ? "_" : "", slug);
	if (strchr(name, '/'))
		return err_set(err, ERR_USAGE, "\"%s\" cannot be a revision id", file->id);
	file->path = fs_join_in(file->room, tree->dir, name);
	AUTO_FREE char *text = tree->format->template(file);
	return fs_write_atomic(file->path, text, strlen(text), err) ||
	       err_hint(err, "is the checkout read-only? let this user write into %s", tree->dir);
}

/* Files that know no parents are one line, in the order of their numbers. */
static bool check_line(
	const struct migrate_tree *tree, const struct migrate_new *request, struct err *err)
{
	bool numbered = !request->id || strspn(request->id, "0123456789") == strlen(request->id);
	bool plain = !request->branch_label && !request->splice &&
		     !(request->heads && request->heads->count) &&
		     !(request->depends_on && request->depends_on->count);
	if (plain && numbered && (!request->id || *request->id))
		return true;
	err_set(err, ERR_USAGE, "files of format %s know no branches: %s", tree->format->name,
		plain ? "an id is a number" : "each stands on the one before");
	return err_hint(err, "mig-apply revision -m \"...\"");
}

static bool no_models(const struct migrate_tree *tree, struct err *err)
{
	err_set(err, ERR_USAGE, "%s: files of format %s know no models to compare with", tree->dir,
		tree->format->name);
	return err_hint(err, "write the change by hand: mig-apply revision -m \"...\"");
}

bool migrate_check_models(const struct conf_migrations *where, struct db *db,
	const struct migrate_args *args, struct err *err)
{
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *tree = NULL;
	if (!migrate_tree_load(where, &tree, err))
		return false;
	return tree->format->check ? tree->format->check(tree, db, args, err)
				   : no_models(tree, err);
}

static bool new_revision(const struct conf_migrations *where, const struct migrate_new *request,
	char **path, char **id, bool *wants_db, struct err *err)
{
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *tree = NULL;
	AUTO_ARENA(room);
	AUTO_STRVEC(labels);
	AUTO_STRVEC(down);
	AUTO_STRVEC(depends);
	struct migrate_file file = {.room = &room, .message = request->message};
	if (!one_line(request->message, err) || !load_or_begin(where, &tree, err))
		return false;
	if (request->autogenerate && !tree->format->check)
		return no_models(tree, err);
	if (request->folder && !tree->format->revision)
		return no_folders(tree, err);
	if (!migrate_args_fit(&request->args, tree, err))
		return false;
	if (tree->format->books->each && !check_line(tree, request, err))
		return false;
	AUTO_FREE char *made =
		tree->format->new_id ? tree->format->new_id() : clock_random_hex(ID_BYTES);
	AUTO_FREE char *now = clock_utc(clock_now_ms());
	file.id = request->id ? request->id : made;
	file.created = now;
	if (request->branch_label)
		strvec_push(&labels, request->branch_label);
	if (!find_parents(tree, request, &down, err) ||
		!find_dependencies(tree, request, &depends, err))
		return false;
	file.labels = labels;
	file.down = down;
	file.depends = depends;
	if (!check_fits(tree, &file, err))
		return choose_another(request, err);
	if (!(tree->format->revision ? tree->format->revision(tree, &file, request, wants_db, err)
				     : write_template(tree, &file, err)))
		return false;
	*path = xstrdup(file.path);
	*id = xstrdup(file.id);
	return true;
}

bool migrate_new_revision(const struct conf_migrations *where, const struct migrate_new *request,
	char **path, char **id, bool *wants_db, struct err *err)
{
	bool was_there = fs_exists(where->dir);
	if (new_revision(where, request, path, id, wants_db, err))
		return true;
	if (!was_there)
		rmdir(where->dir); /* what is refused leaves no empty folder */
	return false;
}
