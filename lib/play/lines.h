/*
 * Reports as lines for people. They are made of the same JSON that --json prints, so that both
 * always say the same.
 */
#ifndef PLAY_LINES_H
#define PLAY_LINES_H

#include "play/runs.h"

/* What play_run gave: the timeline, first error, end, and the next command. */
void play_report_lines(const json_t *report, struct strvec *lines);
/* What play_plan gave. */
void play_plan_lines(const json_t *plan, struct strvec *lines);
/* What play_recover gave. */
void play_recovery_lines(const json_t *report, struct strvec *lines);
/* One run: where it is, or how it ended, and what to type. */
void play_status_lines(const struct play_run_row *row, struct strvec *lines);
/* The same on one line; caller owns. */
char *play_run_line(const struct play_run_row *row);

#endif
