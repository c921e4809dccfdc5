# shellcheck shell=bash
# A private PostgreSQL cluster for tests and the demo: temporary folder, Unix socket, trust, fsync
# off; runs as user `postgres` when we are root. Source this file, then:
#
#	cluster_start          sets CLUSTER, PGHOST, PGPORT, PGUSER=owner (superuser), PGDATABASE=postgres
#	cluster_stop           stops it and removes its folder
#	cluster_settings='max_prepared_transactions = 5'   lines for postgresql.conf, before the start
#	cluster_major=13       a server of another major (its programs come from tools/others)
#	cluster_listen=1       also TCP on 127.0.0.1, port in PGPORT (socket too)
#	cluster_restart [fast|immediate]
#
# The first start of a build makes a template folder (initdb takes a second), later ones copy it.

if [ -n "${cluster_major:-}" ]; then
	cluster_bin=$("${BASH_SOURCE[0]%/*}/../../tools/others" "postgresql-$cluster_major")
	cluster_share=${cluster_bin%/bin}/share/postgresql
else
	cluster_bin=$(pg_config --bindir 2>/dev/null || true)
	[ -x "$cluster_bin/initdb" ] || cluster_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
	# shellcheck disable=SC2034 # for tests that bring an extension
	cluster_share=$(pg_config --sharedir 2>/dev/null || true)
fi

cluster_as() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/tmp "$@"
	else
		"$@"
	fi
}

cluster_free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 20000))
		(exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

cluster_start() {
	CLUSTER=$(mktemp -d "${TMPDIR:-/tmp}/mig-pg.XXXXXX")
	mkdir "$CLUSTER/socket"
	[ "$(id -u)" != 0 ] || chown -R postgres:postgres "$CLUSTER"
	cluster_as "$cluster_bin/initdb" -D "$CLUSTER/data" -U owner -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync > "$CLUSTER/initdb.log" 2>&1 || {
		cat "$CLUSTER/initdb.log" >&2
		return 1
	}
	export PGHOST=$CLUSTER/socket PGUSER=owner PGDATABASE=postgres
	PGPORT=$(cluster_free_port)
	export PGPORT
	unset PGPASSWORD PGSERVICE DATABASE_URL PGOPTIONS
	cluster_as tee -a "$CLUSTER/data/postgresql.conf" > /dev/null <<-END
		listen_addresses = '${cluster_listen:+127.0.0.1}'
		unix_socket_directories = '$CLUSTER/socket'
		port = $PGPORT
		fsync = off
		synchronous_commit = off
		full_page_writes = off
		shared_buffers = 64MB
		max_wal_size = 2GB
		max_prepared_transactions = 5
		wal_level = logical
		max_connections = 100
		jit = off
		log_line_prefix = '%m %p %a %d '
		timezone = 'UTC'
		${cluster_settings:-}
	END
	cluster_as "$cluster_bin/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/data/log" -w -s start || {
		cat "$CLUSTER/data/log" >&2
		return 1
	}
}

cluster_stop() {
	[ -n "${CLUSTER:-}" ] || return 0
	cluster_as "$cluster_bin/pg_ctl" -D "$CLUSTER/data" -m immediate -s stop 2>/dev/null || true
	rm -rf "$CLUSTER"
	CLUSTER=
}

cluster_restart() {
	cluster_as "$cluster_bin/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/data/log" -w -s \
		-m "${1:-fast}" restart
}
