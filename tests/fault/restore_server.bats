# What goes wrong around a restore: the server, its disk, the connections, the store, other people's
# locks. Each row: its exit code, the live database as it was, and the next restore works.
load ../support/common
load ../support/copies
setup() {
	common_setup
	write_config
	sql -c "create table big as select i, repeat('x', 100) t from generate_series(1, 200000) i" \
		-c "create table small (a int primary key)" -c "insert into small values (1)" \
		-c "create index on big (i)"
	mig-backup create -q
	FILE=$(find "$STATE" -name '*.mig.tar')
}

# restoring TEXT [ARGUMENT..]: a restore in the background that has come to TEXT; sets RESTORE
restoring() {
	local text=$1
	shift
	mig-restore latest "$@" > restore.out 2>&1 3>&- &
	RESTORE=$!
	came() { grep -q -- "$text" restore.out || ! kill -0 $RESTORE 2> /dev/null; }
	until_true came
}

# ends STATUS TEXT: the restore; nothing but the live database is there, which is as it was; once more
ends() {
	local got=0
	wait $RESTORE || got=$?
	cat restore.out
	[ $got = "$1" ]
	grep -q -- "$2" restore.out
	as_it_was
	expect 0 mig-restore latest
}

as_it_was() {
	[ "$(databases)" = "$DB" ]
	[ "$(sql -c "select count(*), sum(length(t)) from big")" = "200000|20000000" ]
}

sessions="from pg_stat_activity where application_name like 'mig-restore%'"

@test "a connection of a restore is cut: a loader's, the leader's, the key's: 10 or 13, nothing left" {
	local which
	for which in "datname like '${DB}\\_\\_r%'" "datname = 'postgres' and application_name = 'mig-restore'" \
		"datname = 'postgres' and application_name like 'mig-restore 2%'"; do
		restoring ": rows"
		[ -n "$(sql postgres -c "select pg_terminate_backend(pid) $sessions and $which")" ]
		local got=0
		wait $RESTORE || got=$?
		cat restore.out
		[ $got = 10 ] || [ $got = 13 ] || [ $got = 0 ]
		case $got in
		0) mig-restore drop "$(databases | grep __r_)" --yes > /dev/null ;;
		esac
		as_it_was
	done
	expect 0 mig-restore latest
}

@test "the server is restarted in a restore: 10; what is left is listed and dropped" {
	local copy
	restoring ": rows"
	cluster_restart fast
	local got=0
	wait $RESTORE || got=$?
	cat restore.out
	[ $got = 10 ]
	expect 0 mig-restore copies
	for copy in $(databases | grep -v "^$DB\$"); do
		says "$copy"
		expect 0 mig-restore drop "$copy" --yes
	done
	as_it_was
	expect 0 mig-restore latest
}

@test "the server's disk is full in a restore: 12, nothing left" {
	[ "$(id -u)" = 0 ] || skip "needs to mount a small file system"
	local small=$CLUSTER/small_$BATS_TEST_NUMBER
	mkdir "$small"
	mount -t tmpfs -o size=110m tmpfs "$small" 2> /dev/null || skip "cannot mount here"
	chown postgres:postgres "$small"
	chmod 700 "$small"
	sql postgres -c "create tablespace small location '$small'" \
		-c "alter database $DB set tablespace small"
	# found before anything is made
	dd if=/dev/zero of="$small/filler" bs=1M count=50 status=none
	expect 12 mig-restore latest
	says "MiB free, the restored database needs about"
	as_it_was
	rm "$small/filler"
	# and in the midst of the rows
	mig-restore latest > restore.out 2>&1 3>&- &
	RESTORE=$!
	came() { grep -q ": rows" restore.out; }
	until_true came
	dd if=/dev/zero of="$small/filler" bs=1M status=none 2> /dev/null || true
	local got=0
	wait $RESTORE || got=$?
	cat restore.out
	[ $got = 12 ]
	grep -q "No space left on device\|53100" restore.out
	rm "$small/filler"
	as_it_was
	# it goes where room is
	expect 0 mig-restore latest --no-tablespaces
	mig-restore drop "$(databases | grep __r_)" --yes > /dev/null
	sql postgres -c "alter database $DB set tablespace pg_default" -c checkpoint -c "drop tablespace small"
	umount "$small"
}

@test "the store is gone in a restore: it reads on, or 12; gone before: 14" {
	restoring ": rows"
	mv "$FILE" aside
	local got=0
	wait $RESTORE || got=$?
	cat restore.out
	[ $got = 0 ] || [ $got = 12 ]
	[ $got != 0 ] || mig-restore drop "$(databases | grep __r_)" --yes > /dev/null
	as_it_was
	expect 14 mig-restore latest
	mv aside "$FILE"
	expect 0 mig-restore latest
}

@test "the snapshot is cut short in a restore: 15 or 12, nothing left" {
	cp "$FILE" cut.mig.tar
	mig-restore ./cut.mig.tar > restore.out 2>&1 3>&- &
	RESTORE=$!
	came() { grep -q -- ": definitions" restore.out; }
	until_true came
	truncate -s 20000 cut.mig.tar
	local got=0
	wait $RESTORE || got=$?
	cat restore.out
	[ $got = 15 ] || [ $got = 12 ]
	as_it_was
}

@test "somebody's locks on the live database: a restore beside it waits for none" {
	psql -Xqc "begin" -c "lock table small, big in access exclusive mode" -c "select pg_sleep(60)" > /dev/null 2>&1 3>&- &
	locked() { [ -n "$(sql -c "select 1 from pg_locks where relation = 'big'::regclass and mode = 'AccessExclusiveLock' and granted")" ]; }
	until_true locked
	expect 0 mig-restore latest
	# the loss report and a comparison have to read: they wait for ten seconds
	expect 13 timeout 60 mig-restore latest -n
	says "lock timeout"
	says "pg_stat_activity"
	expect 13 timeout 60 mig-verify data --against latest
	says "lock timeout"
	sql postgres -c "select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'pg_sleep.60' and pid <> pg_backend_pid()" > /dev/null
	expect 0 mig-restore latest -n
}

@test "somebody wants a table while a loss report reads it: the report ends, and the DDL goes on" {
	sql -c "update big set t = 'y' where i % 2 = 0"
	mig-restore latest -n > report.out 2>&1 3>&- &
	local report=$!
	reading() { [ -n "$(sql -c "select 1 from pg_locks where relation = 'big'::regclass and pid <> pg_backend_pid()")" ] || ! kill -0 $report; }
	until_true reading
	PGOPTIONS="-c lock_timeout=60s" sql -c "alter table big add column x int"
	wait $report
	grep -q "public.big" report.out
}

@test "tables are made and dropped all the time: restores, loss reports and comparisons go through" {
	local n round made=0
	touch go
	for n in 1 2; do
		(i=0
			while [ -e go ]; do
				i=$((i + 1))
				psql -Xqc "create table storm_${n}_$i as select generate_series(1, 10) i" \
					-c "drop table if exists storm_${n}_$((i - 5))" > /dev/null 2>&1
			done) 3>&- &
	done
	for round in 1 2 3 4 5 6; do
		run mig-restore latest -n
		[ "$status" = 0 ] || [ "$status" = 13 ] || {
			echo "report $round: $status: $output"
			rm go
			return 1
		}
		[ "$status" != 0 ] || made=$((made + 1))
		run mig-verify data --against latest
		[ "$status" = 4 ] || [ "$status" = 13 ] || {
			echo "comparison $round: $status: $output"
			rm go
			return 1
		}
	done
	expect 0 mig-restore latest
	rm go
	wait
	[ $made -ge 1 ]
	[ "$(sql -c "select count(*), sum(length(t)) from big")" = "200000|20000000" ]
}
