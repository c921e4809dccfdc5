/*
 * Texts cleaned and cut to what receivers take: registered secrets as "***", valid UTF-8, never cut
 * inside a character. Pure but for the register of secrets. Results belong to the caller.
 */
#ifndef ALERT_CLEAN_H
#define ALERT_CLEAN_H

#include "base/base.h"

/* Many lines, at most `bytes`. */
char *alert_clean_text(const char *text, size_t bytes);
/* One line, at most `bytes`. */
char *alert_clean_line(const char *text, size_t bytes);
/* At most 200, "/", "\" and white space as "-"; NULL for ".", "..", "latest" and nothing. */
char *alert_clean_release(const char *text);
/* At most 64, "/" and white space as "-"; NULL for "None" and nothing. */
char *alert_clean_environment(const char *text);
/* At most 32 of [A-Za-z0-9_.:-], others as "_"; NULL for nothing. */
char *alert_clean_tag_key(const char *text);

#endif
