/*
 * Inside room migrate: which commit has the file of a revision that this checkout has not.
 */
#ifndef MIGRATE_GIT_H
#define MIGRATE_GIT_H

#include "migrate/migrate.h"

/*
 * The command that brings the folder of the tree to where it has the revision, or in words why none
 * is known: no git, no repository, no such commit. Caller owns.
 */
char *git_way_back(const struct migrate_tree *tree, const char *revision);

#endif
