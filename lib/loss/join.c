#include "loss/join.h"
#include "loss/held.h"

#define BUCKET_BITS 14
#define BUCKETS ((size_t)1 << BUCKET_BITS)

/* How a side's row becomes (key, contents): numbers of fields, in the order both sides share. */
struct shape {
	size_t columns; /* in a row */
	size_t *fields, *keys;
	size_t field_count, key_count;
};

struct bucket {
	struct pack_content live, other;
	uint32_t pass; /* from 1; 0: nothing to be done */
};

struct joining {
	const struct loss_join *join;
	struct loss_counts *counts;
	struct shape live, other;
	bool whole; /* the same columns in the same order: contents are the row as it stands */
	struct bucket *buckets; /* NULL: all in one pass */
	uint32_t passes, pass;
	struct loss_held held;
	/* of the row in hand */
	struct strbuf scratch;
	const char **starts; /* of its fields, and one more */
	size_t starts_alloc;
	const struct shape *shape;
};

static void shape_release(struct shape *shape)
{
	free(shape->fields);
	free(shape->keys);
}

static void joining_release(struct joining *joining)
{
	shape_release(&joining->live);
	shape_release(&joining->other);
	loss_held_release(&joining->held);
	strbuf_release(&joining->scratch);
	free(joining->starts);
	free(joining->buckets);
}

/*
 * Rows become hashes
 */

static size_t position(const struct strvec *columns, const char *name)
{
	size_t i = 0;
	while (i < columns->count && strcmp(columns->items[i], name))
		i++;
	return i;
}

static void make_shape(struct shape *shape, const struct loss_unit *own,
	const struct loss_unit *first, const struct loss_unit *second, const struct strvec *key)
{
	shape->columns = own->columns.count;
	shape->fields = xcalloc(first->columns.count + 1, sizeof(size_t));
	shape->keys = xcalloc(key->count + 1, sizeof(size_t));
	STRVEC_EACH (&first->columns, column)
		if (strvec_has(&second->columns, column))
			shape->fields[shape->field_count++] = position(&own->columns, column);
	STRVEC_EACH (key, column)
		shape->keys[shape->key_count++] = position(&own->columns, column);
}

static bool in_same_order(const struct strvec *a, const struct strvec *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = str_equal(a->items[i], b->items[i]);
	return same;
}

/* A tab in a value is escaped: what is between two tabs is a field. */
static bool split(struct joining *joining, const char *row, size_t length, struct err *err)
{
	size_t count = 0;
	const char *end = row + length;
	for (const char *at = row; at; at = memchr(at, '\t', (size_t)(end - at))) {
		at += count ? 1 : 0;
		xgrow(joining->starts, count + 1, joining->starts_alloc);
		joining->starts[count++] = at;
	}
	joining->starts[count] = end + 1;
	return count == joining->shape->columns ||
	       err_set(err, ERR_CORRUPT, "a row has %zu columns instead of %zu", count,
		       joining->shape->columns);
}

static struct pack_hash hash_fields(struct joining *joining, const size_t *fields, size_t count)
{
	struct pack_hash hash = {0};
	strbuf_reset(&joining->scratch);
	for (size_t i = 0; i < count; i++) {
		const char *start = joining->starts[fields[i]];
		strbuf_add(&joining->scratch, start,
			(size_t)(joining->starts[fields[i] + 1] - start - 1));
		strbuf_addc(&joining->scratch, '\t');
	}
	pack_hash_row(&hash, joining->scratch.buf, joining->scratch.len);
	return hash;
}

static bool identify(struct joining *joining, const char *row, size_t length, struct loss_row *id,
	struct err *err)
{
	const struct shape *shape = joining->shape;
	*id = (struct loss_row){0};
	if ((shape->key_count || !joining->whole) && !split(joining, row, length, err))
		return false;
	if (joining->whole)
		pack_hash_row(&id->contents, row, length);
	else
		id->contents = hash_fields(joining, shape->fields, shape->field_count);
	id->key = shape->key_count ? hash_fields(joining, shape->keys, shape->key_count)
				   : id->contents;
	return true;
}

static struct bucket *bucket_of(struct joining *joining, const struct loss_row *row)
{
	return &joining->buckets[row->key.high >> (64 - BUCKET_BITS)];
}

/*
 * Where the sides differ at all
 */

static bool survey_row(void *ctx, const char *row, size_t length, struct err *err)
{
	struct joining *joining = ctx;
	struct loss_row id;
	if (!identify(joining, row, length, &id, err))
		return false;
	struct bucket *bucket = bucket_of(joining, &id);
	struct pack_content *content =
		joining->shape == &joining->live ? &bucket->live : &bucket->other;
	content->rows++;
	pack_hash_add(&content->hash, &id.contents);
	return true;
}

static bool read_side(struct joining *joining, bool live, pack_on_row on_row, struct err *err)
{
	joining->shape = live ? &joining->live : &joining->other;
	return loss_source_rows(
		live ? &joining->join->live : &joining->join->other, on_row, joining, err);
}

/* Each pass holds the other side's rows of some of the differing buckets. */
static void plan(struct joining *joining, size_t room)
{
	int64_t held = 0;
	joining->passes = 1;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct bucket *bucket = &joining->buckets[i];
		if (pack_content_equal(&bucket->live, &bucket->other))
			continue;
		if (held && held + bucket->other.rows > (int64_t)room) {
			joining->passes++;
			held = 0;
		}
		held += bucket->other.rows;
		bucket->pass = joining->passes;
	}
}

static bool survey(struct joining *joining, size_t room, struct err *err)
{
	joining->passes = 1;
	if (joining->join->other.unit->content.rows <= (int64_t)room)
		return true;
	joining->buckets = xcalloc(BUCKETS, sizeof(joining->buckets[0]));
	if (!read_side(joining, false, survey_row, err) ||
		!read_side(joining, true, survey_row, err))
		return false;
	plan(joining, room);
	return true;
}

/*
 * The rows themselves
 */

static bool is_now(struct joining *joining, const struct loss_row *row)
{
	return !joining->buckets || bucket_of(joining, row)->pass == joining->pass;
}

static bool hold(void *ctx, const char *row, size_t length, struct err *err)
{
	struct joining *joining = ctx;
	struct loss_row id;
	if (!identify(joining, row, length, &id, err))
		return false;
	if (is_now(joining, &id))
		loss_held_add(&joining->held, &id);
	return true;
}

static bool meet(void *ctx, const char *row, size_t length, struct err *err)
{
	struct joining *joining = ctx;
	const struct loss_join *join = joining->join;
	struct loss_row id;
	if (!identify(joining, row, length, &id, err))
		return false;
	if (!is_now(joining, &id))
		return true;
	enum loss_met met = loss_held_meet(&joining->held, &id);
	joining->counts->added += met == LOSS_MET_NOBODY;
	joining->counts->changed += met == LOSS_MET_KEY;
	return met == LOSS_MET_ROW || !join->lost || join->lost(join->ctx, row, length, err);
}

bool loss_join(const struct loss_join *join, struct loss_counts *counts, struct err *err)
{
	const struct loss_unit *live = join->live.unit, *other = join->other.unit;
	CLEANUP(joining_release)
	struct joining joining = {.join = join, .counts = counts, .scratch = STRBUF_INIT};
	*counts = (struct loss_counts){0};
	make_shape(&joining.live, live, other, live, join->key);
	make_shape(&joining.other, other, other, live, join->key);
	joining.whole = in_same_order(&live->columns, &other->columns);
	if (!survey(&joining, join->room ? join->room : LOSS_JOIN_ROOM, err))
		return false;
	for (joining.pass = 1; joining.pass <= joining.passes; joining.pass++) {
		if (!read_side(&joining, false, hold, err) || !read_side(&joining, true, meet, err))
			return false;
		counts->removed += loss_held_left(&joining.held);
		loss_held_clear(&joining.held);
	}
	return true;
}
