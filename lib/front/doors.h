/*
 * The words of `mig` that lead to another program: `mig backup ..` is mig-backup, `mig upgrade ..`
 * is mig-apply upgrade.
 */
#ifndef FRONT_DOORS_H
#define FRONT_DOORS_H

#include "base/err.h"
#include "base/strvec.h"
#include <stdbool.h>

/* word, program, is the word its verb (or only its name), summary */
#define DOORS(X) \
	X("backup", "mig-backup", false, "take, list and show snapshots") \
	X("apply", "mig-apply", false, "migrations: all verbs of mig-apply") \
	X("verify", "mig-verify", false, "check an application and its database") \
	X("restore", "mig-restore", false, "restore side by side, swap, undo") \
	X("maintenance", "mig-maintenance", false, "close and open the application") \
	X("alert", "mig-alert", false, "send an alert") \
	X("run", "mig-run", false, "play a playbook") \
	X("upgrade", "mig-apply", true, "apply migrations") \
	X("downgrade", "mig-apply", true, "take migrations back") \
	X("current", "mig-apply", true, "which revision the database has") \
	X("history", "mig-apply", true, "the revisions") \
	X("heads", "mig-apply", true, "the newest revisions of the tree") \
	X("plan", "mig-apply", true, "what an upgrade would do")

struct door {
	const char *word, *program;
	bool keeps_word;
};

const struct door *door_find(const char *word); /* NULL: none; word may be NULL */
void door_list(struct strvec *lines); /* a line each, for help */
/* Becomes the program, with these arguments; returns only when it cannot be started. */
MUST_CHECK bool door_enter(
	const struct door *door, const struct strvec *arguments, struct err *err);
/* What the program shall get of a command line whose word stands at argv[word]. */
void door_arguments(
	const struct door *door, int argc, char **argv, int word, struct strvec *arguments);

#endif
