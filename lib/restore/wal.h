/*
 * Growth of the server's pg_wal while a restore writes (safety 6). What is written goes through
 * it, and is kept there as long as a replication slot was left behind, or archiving fails: until
 * the disk is full, and then the whole server stands. So it is looked at while the restore goes
 * on, which ends with ERR_STORAGE when
 *
 *	the disk of pg_wal, where it can be seen, has less free than a quarter of what it had at
 *	first, at most 1 GiB
 *	it cannot be seen, and pg_wal has grown by three times max_wal_size, at least by 4 GiB
 *	pg_wal is larger than the limit that was asked for
 *	a slot that is in use has less than 128 MiB left, or than half of what it may keep, until
 *	it loses what it needs (max_slot_wal_keep_size)
 *
 * The size of pg_wal is what pg_ls_waldir() says (pg_monitor); without the right to ask, what slots
 * and the archiver keep.
 */
#ifndef RESTORE_WAL_H
#define RESTORE_WAL_H

#include "restore/restore.h"

struct restore_wal;

/*
 * Begins to watch, in a session (in `postgres`) and a thread of its own. Until it ends, `cancelled`
 * and `target.stop` of the settings answer for the watch, too. Where it cannot watch it warns, and
 * *wal is NULL; with a limit that was asked for that is an error.
 */
MUST_CHECK bool restore_wal_begin(
	struct restore_settings *settings, struct restore_wal **wal, struct err *err);
/*
 * Ends watching; NULL is fine. `good`: the work succeeded. Returns good; where the work was
 * interrupted by the watch, *err says why.
 */
bool restore_wal_end(struct restore_wal *wal, bool good, struct err *err);
void restore_wal_free(struct restore_wal *wal);
DEFINE_AUTO(struct restore_wal, restore_wal_free)

#endif
