/*
 * Structs to JSON and back by one table of fields, so that what is written is what is read.
 *
 *	TEXT    char *; a null or absent key is NULL when optional
 *	INT     int64_t            OID   uint32_t        BOOL   bool (absent is false)
 *	TIME    int64_t ms, as RFC 3339 text             HASH   struct pack_hash, as hex text
 *	TEXTS   struct strvec      STRUCT  an embedded struct with fields of its own
 *	LIST    PACK_LIST of structs with fields of their own
 *
 * Text that is not valid UTF-8 is written as {"hex": "e9"}.
 */
#ifndef PACK_JSON_H
#define PACK_JSON_H

#include "base/err.h"
#include "base/strbuf.h"
#include <jansson.h>

enum pack_json_type {
	PACK_JSON_TEXT,
	PACK_JSON_INT,
	PACK_JSON_OID,
	PACK_JSON_BOOL,
	PACK_JSON_TIME,
	PACK_JSON_HASH,
	PACK_JSON_TEXTS,
	PACK_JSON_STRUCT,
	PACK_JSON_LIST
};

/* Tables end with {0}. */
struct pack_json_field {
	const char *key;
	enum pack_json_type type;
	size_t offset;
	bool optional;
	size_t size; /* of a LIST's element */
	const struct pack_json_field *fields; /* of STRUCT and LIST */
};

/* An object with one line per list element, appended to *out. */
void pack_json_write(const struct pack_json_field *fields, const void *from, struct strbuf *out);
/* Unknown keys are passed over; a missing or mistyped one is ERR_CORRUPT and named. *to: zeroed. */
MUST_CHECK bool pack_json_read(const struct pack_json_field *fields, const json_t *object,
	const char *where, void *to, struct err *err);
void pack_json_release(const struct pack_json_field *fields, void *of);

#endif
