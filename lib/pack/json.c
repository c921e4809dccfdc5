#include "pack/json.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/strvec.h"
#include "pack/manifest.h"

/* Every PACK_LIST begins like this. */
struct list {
	char *items;
	size_t count, alloc;
};

/* --- writing ---------------------------------------------------------------------------------- */

static json_t *hex_object(const char *text)
{
	AUTO_STRBUF(hex);
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		strbuf_addf(&hex, "%02x", *at);
	return json_pack("{s:s}", "hex", hex.buf);
}

static json_t *text_value(const char *text)
{
	if (!text)
		return json_null();
	json_t *value = json_string(text);
	return value ? value : hex_object(text);
}

static json_t *texts_value(const struct strvec *texts)
{
	json_t *array = json_array();
	STRVEC_EACH (texts, text)
		json_array_append_new(array, text_value(text));
	return array;
}

static json_t *object_value(const struct pack_json_field *fields, const void *from);

static json_t *list_value(const struct pack_json_field *field, const struct list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(
			array, object_value(field->fields, list->items + i * field->size));
	return array;
}

static json_t *time_value(int64_t ms)
{
	AUTO_FREE char *text = clock_utc_ms(ms);
	return json_string(text);
}

static json_t *hash_value(const struct pack_hash *hash)
{
	char text[PACK_HASH_TEXT];
	pack_hash_text(hash, text);
	return json_string(text);
}

static json_t *field_value(const struct pack_json_field *field, const void *from)
{
	const void *at = (const char *)from + field->offset;
	switch (field->type) {
	case PACK_JSON_TEXT:
		return text_value(*(char *const *)at);
	case PACK_JSON_INT:
		return json_integer(*(const int64_t *)at);
	case PACK_JSON_OID:
		return json_integer(*(const uint32_t *)at);
	case PACK_JSON_BOOL:
		return json_boolean(*(const bool *)at);
	case PACK_JSON_TIME:
		return time_value(*(const int64_t *)at);
	case PACK_JSON_HASH:
		return hash_value(at);
	case PACK_JSON_TEXTS:
		return texts_value(at);
	case PACK_JSON_STRUCT:
		return object_value(field->fields, at);
	case PACK_JSON_LIST:
		return list_value(field, at);
	}
	return NULL;
}

/* An optional value that says nothing is left out. */
static bool is_silent(const struct pack_json_field *field, const json_t *value)
{
	return field->optional &&
	       (json_is_null(value) || json_is_false(value) ||
		       (json_is_integer(value) && json_integer_value(value) == 0) ||
		       (json_is_array(value) && json_array_size(value) == 0));
}

static json_t *object_value(const struct pack_json_field *fields, const void *from)
{
	json_t *object = json_object();
	for (const struct pack_json_field *field = fields; field->key; field++) {
		json_t *value = field_value(field, from);
		if (is_silent(field, value))
			json_decref(value);
		else
			json_object_set_new(object, field->key, value);
	}
	return object;
}

static void add_dump(struct strbuf *out, json_t *value)
{
	AUTO_FREE char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	strbuf_adds(out, text);
	json_decref(value);
}

/* Element by element: a list may be long, its JSON tree would be many times longer. */
static void write_list(
	const struct pack_json_field *field, const struct list *list, struct strbuf *out)
{
	strbuf_addc(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		strbuf_adds(out, i ? ",\n" : "\n");
		add_dump(out, object_value(field->fields, list->items + i * field->size));
	}
	strbuf_addc(out, ']');
}

void pack_json_write(const struct pack_json_field *fields, const void *from, struct strbuf *out)
{
	for (const struct pack_json_field *field = fields; field->key; field++) {
		strbuf_addf(out, "%s\"%s\":", field == fields ? "{" : ",\n", field->key);
		if (field->type == PACK_JSON_LIST)
			write_list(field, (const void *)((const char *)from + field->offset), out);
		else
			add_dump(out, field_value(field, from));
	}
	strbuf_adds(out, "}\n");
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool bad(const char *where, const char *key, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "manifest: %s%s%s is missing or malformed", where,
		where[0] ? "." : "", key);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *unhex(const char *hex)
{
	size_t length = strlen(hex) / 2;
	char *text = xcalloc(1, length + 1);
	for (size_t i = 0; i < length; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
		if (high < 0 || low < 0 || (high == 0 && low == 0)) {
			free(text);
			return NULL;
		}
		text[i] = (char)(high << 4 | low);
	}
	return text;
}

/* NULL when value is neither text nor {"hex": ..}. */
static char *read_text(const json_t *value)
{
	if (json_is_string(value))
		return xstrdup(json_string_value(value));
	const char *hex = json_string_value(json_object_get(value, "hex"));
	return hex ? unhex(hex) : NULL;
}

static bool read_texts(const json_t *value, struct strvec *texts)
{
	size_t i;
	const json_t *item;
	if (!json_is_array(value))
		return false;
	json_array_foreach((json_t *)value, i, item)
	{
		char *text = read_text(item);
		if (!text)
			return false;
		strvec_push_take(texts, text);
	}
	return true;
}

static bool read_integer(const json_t *value, int64_t low, int64_t high, int64_t *number)
{
	*number = json_integer_value(value);
	return json_is_integer(value) && *number >= low && *number <= high;
}

static bool read_time(const json_t *value, int64_t *ms)
{
	AUTO_ERR(ignored);
	return json_is_string(value) && clock_parse_time(json_string_value(value), ms, &ignored);
}

static bool read_scalar(const struct pack_json_field *field, const json_t *value, void *at)
{
	int64_t number = 0;
	switch (field->type) {
	case PACK_JSON_TEXT:
		return (*(char **)at = read_text(value)) != NULL;
	case PACK_JSON_INT:
		return read_integer(value, INT64_MIN, INT64_MAX, at);
	case PACK_JSON_OID:
		if (!read_integer(value, 0, UINT32_MAX, &number))
			return false;
		*(uint32_t *)at = (uint32_t)number;
		return true;
	case PACK_JSON_BOOL:
		*(bool *)at = json_is_true(value);
		return json_is_boolean(value);
	case PACK_JSON_TIME:
		return read_time(value, at);
	case PACK_JSON_HASH:
		return json_is_string(value) && pack_hash_parse(json_string_value(value), at);
	case PACK_JSON_TEXTS:
		return read_texts(value, at);
	case PACK_JSON_STRUCT:
	case PACK_JSON_LIST:
		break;
	}
	return false;
}

static bool read_list(const struct pack_json_field *field, const json_t *array, const char *where,
	struct list *list, struct err *err)
{
	if (!json_is_array(array))
		return bad(where, field->key, err);
	list->count = json_array_size(array);
	list->alloc = list->count;
	list->items = list->count ? xcalloc(list->count, field->size) : NULL;
	for (size_t i = 0; i < list->count; i++) {
		AUTO_FREE char *item =
			xstrfmt("%s%s%s[%zu]", where, where[0] ? "." : "", field->key, i);
		if (!pack_json_read(field->fields, json_array_get(array, i), item,
			    list->items + i * field->size, err))
			return false;
	}
	return true;
}

static bool read_field(const struct pack_json_field *field, const json_t *object, const char *where,
	void *to, struct err *err)
{
	void *at = (char *)to + field->offset;
	const json_t *value = json_object_get(object, field->key);
	if (field->optional && (!value || json_is_null(value)))
		return true;
	if (!value)
		return bad(where, field->key, err);
	if (field->type == PACK_JSON_LIST)
		return read_list(field, value, where, at, err);
	if (field->type == PACK_JSON_STRUCT)
		return pack_json_read(field->fields, value, field->key, at, err);
	return read_scalar(field, value, at) || bad(where, field->key, err);
}

bool pack_json_read(const struct pack_json_field *fields, const json_t *object, const char *where,
	void *to, struct err *err)
{
	for (const struct pack_json_field *field = fields; field->key; field++)
		if (!read_field(field, object, where, to, err))
			return false;
	return true;
}

/* --- releasing -------------------------------------------------------------------------------- */

static void release_list(const struct pack_json_field *field, struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		pack_json_release(field->fields, list->items + i * field->size);
	free(list->items);
	*list = (struct list){0};
}

void pack_json_release(const struct pack_json_field *fields, void *of)
{
	for (const struct pack_json_field *field = fields; field->key; field++) {
		void *at = (char *)of + field->offset;
		if (field->type == PACK_JSON_TEXT) {
			free(*(char **)at);
			*(char **)at = NULL;
		} else if (field->type == PACK_JSON_TEXTS) {
			strvec_release(at);
		} else if (field->type == PACK_JSON_STRUCT) {
			pack_json_release(field->fields, at);
		} else if (field->type == PACK_JSON_LIST) {
			release_list(field, at);
		}
	}
}
