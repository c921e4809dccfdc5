#include "base/clock.h"
#include "swap/room.h"
#include <pthread.h>
#include <stdatomic.h>

#define EVICT_PAUSE_MS 5

struct swap_evict {
	struct db *db;
	char *live, *copy; /* OIDs as text */
	atomic_bool stop;
	pthread_t thread;
};

static void *evict_loop(void *argument)
{
	struct swap_evict *evict = argument;
	while (!atomic_load(&evict->stop)) {
		AUTO_ERR(ignored);
		AUTO_RESULT(rows);
		/* who may not be ended makes the rename fail, which says so */
		if (!db_query(evict->db, &rows, &ignored,
			    "select pg_terminate_backend(pid) from pg_stat_activity"
			    " where datid in ($1::oid, $2::oid) and usesysid is not null"
			    " and pid <> pg_backend_pid() and " SWAP_MAY_TERMINATE("usesysid"),
			    evict->live, evict->copy) &&
			PQstatus(evict->db->pg) != CONNECTION_OK)
			break;
		clock_sleep_ms(EVICT_PAUSE_MS);
	}
	return NULL;
}

static void evict_free(struct swap_evict *evict)
{
	db_close(evict->db);
	free(evict->live);
	free(evict->copy);
	free(evict);
}

bool swap_evict_start(const struct db_params *server, uint32_t live_oid, uint32_t copy_oid,
	struct swap_evict **result, struct err *err)
{
	struct swap_evict *evict = xcalloc(1, sizeof(*evict));
	evict->live = xstrfmt("%u", live_oid);
	evict->copy = xstrfmt("%u", copy_oid);
	bool started = db_open(server, &evict->db, err);
	if (started && pthread_create(&evict->thread, NULL, evict_loop, evict))
		started = err_set(err, ERR_FAILED, "no thread for ending sessions");
	if (!started) {
		evict_free(evict);
		return false;
	}
	*result = evict;
	return true;
}

void swap_evict_stop(struct swap_evict *evict)
{
	if (!evict)
		return;
	atomic_store(&evict->stop, true);
	pthread_join(evict->thread, NULL);
	evict_free(evict);
}
