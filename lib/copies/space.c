#include "copies/space.h"

#include "base/fs.h"

static bool server_is_here(struct db *server)
{
	const char *host = PQhost(server->pg);
	const char *address = PQhostaddr(server->pg);
	return !host || host[0] == '/' ||
	       (address && (!strncmp(address, "127.", 4) || !strcmp(address, "::1")));
}

bool space_free(struct db *server, const char *live, char **path, int64_t *bytes, struct err *err)
{
	if (!db_value(server, path, err,
		    "select coalesce((select nullif(pg_tablespace_location(dattablespace), '')"
		    " from pg_database where datname = $1),"
		    " (select setting from pg_settings where name = 'data_directory'))",
		    live))
		return false;
	*bytes = *path && server_is_here(server) && fs_exists(*path) ? fs_free_bytes(*path) : -1;
	return true;
}

bool space_wal(struct db *server, char **path, struct err *err)
{
	AUTO_FREE char *data = NULL;
	if (!db_value(server, &data, err,
		    "select setting from pg_catalog.pg_settings where name = 'data_directory'"))
		return false;
	AUTO_FREE char *wal = data ? xstrfmt("%s/pg_wal", data) : NULL;
	*path = wal && server_is_here(server) && fs_exists(wal) ? xtake(&wal) : NULL;
	return true;
}
