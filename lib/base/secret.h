/*
 * Redaction by value: whoever learns a secret registers it, whoever writes text for people, logs,
 * JSON, journals or errors passes it through secret_redact(). The register is process-wide and
 * thread-safe. Values shorter than four bytes are not registered (they would blank ordinary text).
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/strbuf.h"

void secret_register(const char *value); /* NULL and repeats are fine */
/* Registers the password inside a libpq conninfo string or URI, if there is one, also decoded. */
void secret_register_conninfo(const char *conninfo);
/* A copy with every registered value replaced by "***"; caller owns. */
char *secret_redact(const char *text);

#endif
