#!/bin/sh
# Restores the snapshot that this script came with into a new database, with zstd and psql alone.
#
#	mkdir snapshot && tar -xf ID.mig.tar -C snapshot
#	sh snapshot/restore.sh NEW_DATABASE
#
# psql connects as usual (PGHOST, PGPORT, PGUSER, ~/.pgpass), first to the database postgres, or to
# the one that PGMAINTENANCE names. The role needs CREATEDB, and CREATEROLE where roles are missing.
# The new database must not exist; after a failure: dropdb NEW_DATABASE.
set -eu

if [ $# != 1 ]; then
	echo "usage: sh restore.sh NEW_DATABASE" >&2
	exit 2
fi
target=$1
cd "$(dirname "$0")"

say() {
	echo "restore.sh: $*" >&2
}

# A pipe hides a decompressor that fails: all frames are checked before anything is made.
say "checking"
find . -name '*.zst' -exec zstd -tq {} +

# Rows were written under these settings and are read back under them.
PGOPTIONS="-c default_transaction_read_only=off -c client_min_messages=warning -c search_path="
PGOPTIONS="$PGOPTIONS -c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c lc_monetary=C"
PGOPTIONS="$PGOPTIONS -c xmloption=content -c check_function_bodies=off -c row_security=off"
PGOPTIONS="$PGOPTIONS -c statement_timeout=0 -c lock_timeout=0 -c standard_conforming_strings=on"
export PGOPTIONS
unset PGSERVICE PGCLIENTENCODING

run() {
	psql -X -q -v ON_ERROR_STOP=1 "$@" >/dev/null
}

say "making the database and missing roles"
export PGDATABASE="${PGMAINTENANCE:-postgres}"
zstd -dcq globals.sql.zst | run -v target="$target" -f -

export PGDATABASE="$target"
PGCLIENTENCODING=$(psql -X -A -t -c 'show server_encoding')
export PGCLIENTENCODING

say "making tables, functions, types"
zstd -dcq pre-data.sql.zst | run -f -

say "loading rows"
load() {
	[ -f "${1}copy.sql" ] || return 0
	for member in "$1"*.copy.zst; do
		[ -f "$member" ] || continue
		zstd -dcq "$member"
	done | run -c "$(cat "${1}copy.sql")"
}
# Tables of extensions have their foreign keys already, and so an order.
first=" "
[ ! -f extension-tables.txt ] || first=" $(tr '\n' ' ' < extension-tables.txt)"
for oid in $first; do
	load "data/$oid/"
done
for table in data/*/; do
	oid=$(basename "$table")
	case $first in
	*" $oid "*) ;;
	*) load "$table" ;;
	esac
done

say "setting sequences"
zstd -dcq sequences.sql.zst | run -f -

say "loading large objects"
zstd -dcq large-objects/objects.sql.zst | run -f -
for member in large-objects/*.copy.zst; do
	[ -f "$member" ] || continue
	zstd -dcq "$member" | run -c "
		create temporary table piece (loid oid, place bigint, bytes bytea) on commit drop;
		copy pg_temp.piece from stdin;
		select pg_catalog.lo_put(loid, place, bytes) from pg_temp.piece"
done

say "making indexes, constraints, triggers, privileges"
zstd -dcq post-data.sql.zst | run -f -

say "gathering statistics"
run -c 'analyze'
say "done"
