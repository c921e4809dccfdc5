#include "backup/space.h"

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
