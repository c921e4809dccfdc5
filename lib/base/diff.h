/*
 * What changed between two texts, line by line, as `diff -u` shows it.
 */
#ifndef BASE_DIFF_H
#define BASE_DIFF_H

#include "base/strbuf.h"

/*
 * Hunks with three lines around them, behind a heading "--- old" and "+++ new"; nothing when the
 * texts are equal. Line ends LF and CRLF are the same. Texts that have little in common are shown
 * as one exchange.
 */
void diff_unified(struct strbuf *out, const char *old_name, const char *old_text,
	const char *new_name, const char *new_text);

#endif
