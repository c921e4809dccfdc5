/*
 * Releases of pg_dump without the fix of CVE-2025-8714 and CVE-2025-8715: what a malicious server
 * says may become commands of psql in the text that they write. Pure.
 */
#ifndef SCHEMA_MINORS_H
#define SCHEMA_MINORS_H

/* "15.18": of pg_dump. The first release with the fix ("15.14", "13.22"); NULL: it has it. */
const char *schema_minors_fixed(const char *version);

#endif
