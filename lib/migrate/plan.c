#include "migrate/backfill.h"
#include "migrate/placeholders.h"

void plan_step_release(struct migrate_step *step)
{
	sql_script_release(&step->script);
	sql_script_release(&step->verify);
	sql_script_release(&step->backfill);
}

void migrate_plan_release(struct migrate_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		plan_step_release(&plan->steps[i]);
	free(plan->steps);
	free(plan->target);
	graph_list_release(&plan->from);
	graph_list_release(&plan->to);
	*plan = (struct migrate_plan){0};
}

static bool needs_name(
	const struct migrate_file *file, const struct sql_statement *statement, struct err *err)
{
	AUTO_FREE char *brief = sql_statement_brief(statement);
	err_set(err, ERR_REFUSED, "%s:%d: %s has no name for its index", file->name,
		statement->place.line, brief);
	err_where(err, "%s:%d:%d", file->name, statement->place.line, statement->place.column);
	return err_hint(err, "name it: were it interrupted, nobody could tell which index it made");
}

/* Refused before anything runs: half a revision would be committed, or nothing could be. */
static bool check_statement(const struct migrate_file *file, bool bare,
	const struct sql_statement *statement, struct err *err)
{
	bool ends = statement->flags & SQL_ENDS_TRANSACTION;
	if (bare && statement->effect == SQL_MAKES_INDEX && !statement->object)
		return needs_name(file, statement, err);
	if (!ends && (bare || !(statement->flags & SQL_NO_TRANSACTION)))
		return true;
	AUTO_FREE char *brief = sql_statement_brief(statement);
	err_set(err, ERR_REFUSED,
		ends ? "%s:%d: %s: a revision's transactions are opened and committed by mig"
		     : "%s:%d: %s cannot run inside a transaction",
		file->name, statement->place.line, brief);
	err_where(err, "%s:%d:%d", file->name, statement->place.line, statement->place.column);
	if (ends)
		return err_hint(err, "take the statement out");
	return err_hint(err,
		"put it into a revision with the header \"-- transaction: off\" (dbmate: \"-- "
		"migrate:up transaction:false\")");
}

/* The text of a section, its placeholders replaced, cut into statements. */
static bool cut_section(const struct migrate_step *step, const struct migrate_section *section,
	struct sql_script *script, struct err *err)
{
	const struct migrate_file *file = step->file;
	AUTO_FREE char *filled = NULL;
	if (step->placeholders &&
		!placeholders_fill(step->placeholders, file, section, &filled, err))
		return false;
	const char *source = filled ? filled : file->source;
	size_t end = filled ? strlen(filled) : section->end;
	bool good = sql_script_parse(file->name, source, section->start, end, script, err);
	script->filled = xtake(&filled);
	return good;
}

static bool parse_section(const struct migrate_step *step, const struct migrate_section *section,
	bool bare, struct sql_script *script, struct err *err)
{
	const struct migrate_file *file = step->file;
	if (!section->present)
		return true;
	if (!cut_section(step, section, script, err))
		return err->hint ? false : err_hint(err, "nothing was run: correct %s", file->name);
	for (size_t i = 0; i < script->count; i++)
		if (!check_statement(file, bare, &script->items[i], err))
			return false;
	return true;
}

static const struct strvec *placeholders_of(const struct migrate_tree *tree)
{
	return tree->format->placeholders ? &tree->where->placeholders : NULL;
}

static bool no_way_down(
	const struct migrate_plan *plan, const struct migrate_file *file, struct err *err)
{
	AUTO_FREE char *name = graph_name(plan->tree->graph, plan->steps[plan->count - 1].index);
	err_set(err, ERR_REFUSED, "%s: %s has no section \"migrate:down\"", file->name, name);
	return err_hint(err, "write one, go forward with a new revision, or restore: "
			     "mig-restore latest --swap");
}

/* What the tree's own tool runs is not cut into statements here. */
static bool add_foreign(struct migrate_plan *plan, struct migrate_step *step)
{
	bool up = plan->direction == MIGRATE_UP;
	step->losses = up ? &step->file->up_losses : &step->file->down_losses;
	step->flags = step->losses->count ? SQL_DESTRUCTIVE : 0;
	plan->destructive |= step->losses->count > 0;
	return true;
}

/* What comes behind the up section. */
static bool parse_after(struct migrate_step *step, struct err *err)
{
	const struct migrate_file *file = step->file;
	return parse_section(step, &file->verify, false, &step->verify, err) &&
	       parse_section(step, &file->backfill, false, &step->backfill, err) &&
	       (!file->backfill.present || backfill_check(step, err));
}

bool plan_backfill_step(
	const struct migrate_tree *tree, size_t index, struct migrate_step *step, struct err *err)
{
	*step = (struct migrate_step){
		.index = index, .file = &tree->files[index], .placeholders = placeholders_of(tree)};
	return parse_after(step, err);
}

static bool add_step(struct migrate_plan *plan, size_t index, struct err *err)
{
	struct migrate_step *step = &plan->steps[plan->count++];
	const struct migrate_file *file = &plan->tree->files[index];
	bool up = plan->direction == MIGRATE_UP;
	*step = (struct migrate_step){
		.index = index, .file = file, .placeholders = placeholders_of(plan->tree)};
	if (plan->tree->format->apply)
		return add_foreign(plan, step);
	if (file->trouble.code != ERR_NONE) {
		err_copy(err, &file->trouble);
		return false;
	}
	/* A merge changes only the graph, so it has a way back without saying so. */
	if (!up && !file->down_section.present && file->down.count < 2)
		return no_way_down(plan, file, err);
	const struct migrate_section *section = up ? &file->up : &file->down_section;
	step->bare = section->bare;
	if (!parse_section(step, section, step->bare, &step->script, err))
		return false;
	if (up && !parse_after(step, err))
		return false;
	for (size_t i = 0; i < step->script.count; i++)
		step->flags |= step->script.items[i].flags;
	plan->destructive |= (step->flags & SQL_DESTRUCTIVE) != 0;
	return true;
}

static bool check_width(
	const struct migrate_plan *plan, const struct schema_versions *versions, struct err *err)
{
	for (size_t i = 0; plan->direction == MIGRATE_UP && versions->width && i < plan->count;
		i++) {
		const struct migrate_file *file = plan->steps[i].file;
		if ((int)strlen(file->id) <= versions->width)
			continue;
		err_set(err, ERR_REFUSED,
			"%s: the id has %zu characters, column version_num has "
			"room for %d",
			file->name, strlen(file->id), versions->width);
		return err_hint(err,
			"widen it: psql -c 'alter table %s alter version_num type varchar(255)'",
			versions->qualified);
	}
	return true;
}

/* Walks the rows through the steps: what the version table will say at the end. */
static bool foresee_rows(struct migrate_plan *plan, struct err *err)
{
	graph_list_copy(&plan->to, &plan->from);
	for (size_t i = 0; i < plan->count; i++) {
		AUTO_ROW_CHANGES(changes);
		if (!order_rows(plan->tree, plan->direction, &plan->to, plan->steps[i].index,
			    &changes, err))
			return false;
	}
	return true;
}

bool migrate_plan_make(const struct migrate_tree *tree, const struct migrate_state *state,
	enum migrate_direction direction, const char *target, struct migrate_plan *plan,
	struct err *err)
{
	*plan = (struct migrate_plan){
		.tree = tree, .direction = direction, .target = xstrdup(target)};
	graph_list_copy(&plan->from, &state->current);
	AUTO_LIST(order);
	if (!order_steps(tree, direction, &state->current, target, &order, err))
		return false;
	if (order.count)
		migrate_tree_study(tree);
	plan->steps = xcalloc(order.count + 1, sizeof(struct migrate_step));
	for (size_t i = 0; i < order.count; i++)
		if (!add_step(plan, order.items[i], err))
			return false;
	return check_width(plan, &state->versions, err) && foresee_rows(plan, err);
}

bool migrate_plan_expand_only(struct migrate_plan *plan, size_t *rest, struct err *err)
{
	size_t kept = 0;
	while (kept < plan->count && !str_equal(plan->steps[kept].file->phase, "contract"))
		kept++;
	*rest = plan->count - kept;
	for (size_t i = kept; i < plan->count; i++)
		plan_step_release(&plan->steps[i]);
	plan->count = kept;
	plan->destructive = false;
	for (size_t i = 0; i < kept; i++)
		plan->destructive |= (plan->steps[i].flags & SQL_DESTRUCTIVE) != 0;
	return foresee_rows(plan, err);
}
