# What goes wrong while a snapshot is taken or read: {what, break it, exit code, what is left}.
load ../support/common

store() {
	echo "$XDG_STATE_HOME/mig/default/default/snapshots"
}

# wait_for SQL: until it gives true, at most 20 s
wait_for() {
	for _ in $(seq 200); do
		[ "$(sql -c "select coalesce(($1), false)" postgres)" = t ] && return
		sleep 0.1
	done
	echo "never true: $1"
	return 1
}

# nothing_left: no snapshot and no half of one, and soon no session
nothing_left() {
	local left
	left=$(find "$XDG_STATE_HOME" -name '*.mig.tar*' 2> /dev/null)
	[ -z "$left" ] || {
		echo "left over: $left"
		return 1
	}
	wait_for "select count(*) = 0 from pg_stat_activity where application_name like 'mig-%'"
}

# a table whose copy takes some seconds at level 19
slow_table() {
	sql -c "create table slow (t text)" -c "insert into slow select string_agg(md5(random()::text), '')
		from generate_series(1, 20000) i, generate_series(1, 20) j group by i" \
		-c "create table small (i int)" -c "insert into small values (1)"
}

copying="select bool_or(query like '%COPY%TO STDOUT') from pg_stat_activity where application_name like 'mig-backup%'"

@test "no SELECT privilege, row security: the table is named" {
	psql -Xqc "drop role if exists weak" -c "create role weak login" postgres
	sql -c "create table public_t (i int)" -c "grant select on public_t to weak" \
		-c "create table secret (i int)" -c "insert into secret values (1)"
	expect 11 mig-backup create -d "dbname=$DB user=weak"
	says "permission denied for table secret"
	says "GRANT"
	nothing_left
	sql -c "grant select on secret to weak" -c "alter table secret enable row level security" \
		-c "create policy p on secret using (false)"
	expect 11 mig-backup create -d "dbname=$DB user=weak"
	says "secret"
	says "row-level security"
	nothing_left
	sql -c "drop policy p on secret" -c "alter table secret disable row level security"
	expect 0 mig-backup create -d "dbname=$DB user=weak"
	psql -Xqc "drop owned by weak" -c "drop role weak"
}

@test "no privilege on a sequence is an error, not a wrong value" {
	psql -Xqc "drop role if exists weak" -c "create role weak login" postgres
	sql -c "create sequence hidden"
	expect 11 mig-backup create -d "dbname=$DB user=weak"
	says "permission denied for sequence hidden"
	nothing_left
	psql -Xqc "drop role weak" postgres
}

@test "unreachable server, unknown database, wrong role" {
	PGPORT=1 expect 10 mig-backup create
	PGDATABASE=nowhere expect 10 mig-backup create
	PGUSER=nobody_here expect 10 mig-backup create
	nothing_left || true
	[ ! -e "$(store)" ] || [ -z "$(ls -A "$(store)")" ]
}

@test "pg_dump missing, too old, or failing" {
	mkdir none old bad
	expect 1 mig-backup create --pg-bin "$WORK/none"
	says "postgresql-client-"
	printf '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.1"\n' > old/pg_dump
	printf '#!/bin/sh\ncase $1 in --version) echo "pg_dump (PostgreSQL) 99.1";; *) echo broken >&2; exit 3;; esac\n' > bad/pg_dump
	chmod +x old/pg_dump bad/pg_dump
	cp old/pg_dump old/pg_restore
	cp bad/pg_dump bad/pg_restore
	expect 1 mig-backup create --pg-bin "$WORK/old"
	says "older than the server"
	expect 1 mig-backup create --pg-bin "$WORK/bad"
	says "broken"
	nothing_left
}

@test "trap 31: a pg_dump without the fix of CVE-2025-8714 is warned of, and what it wrote" {
	local real
	real=$(pg_config --bindir)
	mkdir bin
	ln -s "$real/pg_restore" bin/pg_restore
	cat > bin/pg_dump <<-END
		#!/bin/sh
		if [ "\$1" = --version ]; then
			echo "pg_dump (PostgreSQL) 15.13 (Debian 15.13-1)"
			exit
		fi
		exec $real/pg_dump "\$@"
	END
	chmod +x bin/pg_dump
	expect 0 mig-backup create --pg-bin "$WORK/bin" --to old.mig.tar
	says "pg_dump 15.13"
	says "CVE-2025-8714 (15.14 has it)"
	mig-backup cat ./old.mig.tar 2> said > /dev/null
	grep -q "written by pg_dump 15.13, without the fix" said
	expect 0 mig-backup create --to new.mig.tar
	[[ $output != *CVE* ]]
	mig-backup cat ./new.mig.tar 2> said > /dev/null
	[ ! -s said ]
}

@test "a function changed while pg_dump reads: 13, nothing left" {
	sql -c "create function f() returns int language sql as 'select 1'"
	local real
	real=$(pg_config --bindir)
	mkdir bin
	ln -s "$real/pg_restore" bin/pg_restore
	cat > bin/pg_dump <<-END
		#!/bin/sh
		if [ "\$1" != --version ]; then
			psql -Xqc "create or replace function f() returns int language sql as 'select 2'"
		fi
		exec $real/pg_dump "\$@"
	END
	chmod +x bin/pg_dump
	expect 13 mig-backup create --pg-bin "$WORK/bin"
	says "changed while pg_dump read them"
	nothing_left
	# what is only new does no harm
	sed -i "s/create or replace function f/create or replace function g/" bin/pg_dump
	expect 0 mig-backup create --pg-bin "$WORK/bin"
}

@test "a table locked by another session: who holds it, and success once it is free" {
	sql -c "create table t (i int)"
	psql -Xqc "begin" -c "lock table t" -c "select pg_sleep(30)" > /dev/null &
	wait_for "select count(*) = 1 from pg_stat_activity where query like '%pg_sleep(30)%' and state = 'active' and pid <> pg_backend_pid()"
	expect 13 mig-backup create --lock-timeout 2s
	says "is locked by pid"
	says "--lock-timeout"
	nothing_left
	mig-backup create -q --lock-timeout 20s &
	local taking=$!
	sleep 1
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()" > /dev/null
	wait $taking
	expect 0 mig-verify backup latest
}

@test "DDL queued behind the backup does not hang it, and is told of" {
	slow_table
	mig-backup create -q -j 1 --level 13 2> log &
	local taking=$!
	wait_for "$copying"
	PGOPTIONS="-c lock_timeout=300s" psql -Xqc "alter table small add column x int" &
	local ddl=$!
	wait_for "select count(*) > 0 from pg_locks where not granted and relation = $(sql -c "select 'small'::regclass::oid")"
	wait $taking
	wait $ddl
	grep -q 'waits for us to change public.small' log
	expect 0 mig-verify backup latest
	mig-backup show latest --tables | grep -q "1 row .*public.small"
}

@test "DDL queued behind the backup, with --yield-to-ddl: 13, nothing left, and the DDL goes on" {
	slow_table
	local began status=0 taking ddl
	mig-backup create -j 1 --rate-limit 200kB --yield-to-ddl > log 2>&1 &
	taking=$!
	wait_for "$copying"
	began=$(date +%s)
	PGOPTIONS="-c lock_timeout=300s" psql -Xqc "alter table small add column x int" &
	ddl=$!
	wait $taking || status=$?
	wait $ddl
	[ $status = 13 ]
	[ $(($(date +%s) - began)) -lt 15 ]
	grep -q 'gave way to pid .*which waits to change public.small' log
	nothing_left
	expect 0 mig-backup create --yield-to-ddl
}

@test "the lock table is too small: the number to set is said" {
	local tables
	cluster_stop_saved=$CLUSTER
	(
		cluster_settings=$'max_locks_per_transaction = 10\nmax_connections = 15\nmax_prepared_transactions = 0\nmax_wal_senders = 0\nmax_worker_processes = 2\nautovacuum_max_workers = 1\nwal_level = minimal'
		cluster_start
		trap cluster_stop EXIT
		for ((tables = 0; tables < 300; tables++)); do
			echo "create table t$tables ();"
		done | psql -Xq
		expect 17 mig-backup create
		says "300 tables to lock"
		says "max_locks_per_transaction ="
	)
	CLUSTER=$cluster_stop_saved
}

# ended_by SIGNAL PID: it ends soon, with 128+n and nothing left
ended_by() {
	local status=0
	kill "-$1" "$2"
	wait "$2" || status=$?
	[ $status = $((128 + $(kill -l "$1"))) ]
	nothing_left
}

@test "SIGINT and SIGTERM while it copies: 128+n, nothing left" {
	slow_table
	local signal
	for signal in INT TERM; do
		mig-backup create -j 2 --level 19 > log 2>&1 &
		local taking=$!
		wait_for "$copying"
		ended_by $signal $taking
	done
	expect 14 mig-backup show latest
}

@test "SIGINT while it waits for a lock: 130, nothing left" {
	sql -c "create table t (i int)"
	psql -Xqc "begin" -c "lock table t" -c "select pg_sleep(30)" > /dev/null &
	wait_for "select count(*) = 1 from pg_stat_activity where query like '%pg_sleep(30)%' and state = 'active' and pid <> pg_backend_pid()"
	mig-backup create --lock-timeout 25s > log 2>&1 &
	local taking=$!
	wait_for "select bool_or(query like 'lock table%') from pg_stat_activity where application_name like 'mig-backup%'"
	ended_by INT $taking
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()" > /dev/null
}

@test "SIGKILL: no partial snapshot is listed, the next create cleans up" {
	slow_table
	mig-backup create -q --level 19 &
	local taking=$!
	wait_for "$copying"
	kill -KILL $taking
	wait $taking || true
	[ "$(find "$(store)" -name '*.partial' | wc -l)" = 1 ]
	expect 0 mig-backup list
	says "has no snapshots"
	expect 14 mig-verify backup latest
	wait_for "select count(*) = 0 from pg_stat_activity where application_name like 'mig-backup%'"
	expect 0 mig-backup create
	[ "$(find "$(store)" -name '*.partial' | wc -l)" = 0 ]
	expect 0 mig-verify backup latest
}

@test "a worker's connection is cut, the lock keeper's, the key's" {
	slow_table
	local which
	for which in "query like '%COPY%TO STDOUT'" "query like '%lock_timeout%' or state like 'idle in transaction'" \
		"datname = 'postgres'"; do
		mig-backup create --level 15 > log 2>&1 &
		local taking=$! status=0
		wait_for "$copying"
		sql -c "select pg_terminate_backend(pid) from pg_stat_activity
			where application_name like 'mig-backup%' and ($which)" postgres > /dev/null
		wait $taking || status=$?
		case $status in
		10 | 13) ;;
		*)
			echo "$which: exit $status"
			cat log
			return 1
			;;
		esac
		nothing_left
	done
}

@test "the connection of pg_dump is cut: 10, nothing left, the next one works" {
	sql <<< "do \$\$ begin for i in 1..3000 loop
		execute format('create function f%s() returns int language sql as ''select %s''', i, i);
		end loop; end \$\$"
	mig-backup create > log 2>&1 &
	local taking=$! status=0
	wait_for "select count(pg_terminate_backend(pid)) > 0 from pg_stat_activity where application_name like 'mig-backup pg_dump%'"
	wait $taking || status=$?
	[ $status = 10 ] || {
		cat log
		return 1
	}
	grep -q "definitions: " log
	nothing_left
	expect 0 mig-backup create
}

# taking: a backup that takes its time, in the background
taking() {
	slow_table
	mig-backup create --rate-limit 1MB > log 2>&1 &
	wait_for "$copying"
}

@test "safety_04 --preempt-backup: a backup in the way ends with 13 and publishes nothing, the upgrade goes on" {
	mkdir migrations
	printf -- '-- revision: a1\n-- migrate:up\ncreate table made (i int);\n' > migrations/a1_made.sql
	taking
	local taking=$! status=0
	expect 13 mig-apply upgrade -d "dbname=$DB"
	says "--preempt-backup"
	sql -c "drop role if exists plain" -c "create role plain login" -c "grant create on database $DB to plain" \
		-c "grant create on schema public to plain"
	expect 0 mig-apply upgrade -d "dbname=$DB user=plain" --preempt-backup
	says "asking mig-backup"
	wait $taking || status=$?
	[ $status = 13 ]
	grep -q "asked to stop by mig-apply" log
	nothing_left
	expect 0 mig-backup create
}

@test "safety_04 --preempt-backup: a playbook asks, too; what is no backup is not waited for" {
	printf 'mig: 1\nname: fix\nsteps:\n  - {id: look, run: ["true"]}\n' > fix.yaml
	taking
	local taking=$! status=0
	expect 0 mig-run fix.yaml -d "dbname=$DB" --preempt-backup
	wait $taking || status=$?
	[ $status = 13 ]
	nothing_left
	start=$SECONDS
	"$BUILD/support/keys" hold "mig-apply upgrade" 300000 > /dev/null 3>&- &
	wait_for "select count(*) > 0 from pg_stat_activity where application_name like 'mig-apply%'"
	expect 13 mig-run fix.yaml -d "dbname=$DB" --preempt-backup
	[ $((SECONDS - start)) -lt 15 ]
}

@test "the disk is full: 12, nothing left" {
	[ "$(id -u)" = 0 ] || skip "needs to mount a small file system"
	mkdir full
	mount -t tmpfs -o size=3m tmpfs full 2> /dev/null || skip "cannot mount here"
	slow_table
	printf 'mig: 1\nproject: p\nstores:\n  s: {url: %s}\nenvironments:\n  e: {database: "dbname=%s", stores: [s]}\n' \
		"$WORK/full" "$DB" > mig.yaml
	run mig-backup create
	local left
	left=$(find full -name '*.mig.tar*')
	umount full
	[ "$status" = 12 ]
	says "No space left on device"
	[ -z "$left" ]
}

@test "the disk is full while it writes --to FILE: 12, nothing left, nothing overwritten" {
	[ "$(id -u)" = 0 ] || skip "needs to mount a small file system"
	mkdir full
	mount -t tmpfs -o size=3m tmpfs full 2> /dev/null || skip "cannot mount here"
	slow_table
	echo precious > full/before.mig.tar
	run mig-backup create --to full/a.mig.tar
	local left code=$status said=$output
	left=$(ls -A full)
	run mig-backup create --to full/before.mig.tar
	local over=$status kept
	kept=$(< full/before.mig.tar)
	umount full
	[ "$code" = 12 ]
	[[ $said = *"No space left on device"* ]]
	[ "$left" = before.mig.tar ]
	[ "$over" = 17 ]
	[ "$kept" = precious ]
}

@test "the disk is full while a snapshot is copied, the copy is killed: nothing half-made, and again" {
	[ "$(id -u)" = 0 ] || skip "needs to mount a small file system"
	mkdir full
	mount -t tmpfs -o size=3m tmpfs full 2> /dev/null || skip "cannot mount here"
	slow_table
	mig-backup create -q --to a.mig.tar
	run mig-backup copy ./a.mig.tar ./full
	local code=$status said=$output left
	left=$(ls -A full)
	umount full
	[ "$code" = 12 ]
	[[ $said = *"No space left on device"* ]]
	[ -z "$left" ]
	mig-backup copy ./a.mig.tar ./there --rate-limit 500kB &
	local copying=$! n
	for n in $(seq 500); do
		[ ! -s there/*.partial ] || break
		sleep 0.05
	done
	kill -KILL $copying
	wait $copying || true
	[ -z "$(find there -name '*.mig.tar')" ]
	expect 0 mig-backup copy ./a.mig.tar ./there
	cmp a.mig.tar there/*.mig.tar
	[ "$(find there -type f | wc -l)" = 1 ]
}

@test "the store is gone in the middle: 12, no snapshot, and the next one makes it anew" {
	slow_table
	mig-backup create --rate-limit 2MB > log 2>&1 &
	local taking=$! status=0
	wait_for "$copying"
	rm -r "$(store)"
	wait $taking || status=$?
	[ $status = 12 ]
	grep -q "$(store)" log
	nothing_left
	expect 0 mig-backup create
	expect 0 mig-verify backup latest
}

@test "the server is restarted in the middle: 10, nothing left, the next one works" {
	slow_table
	local how
	for how in fast immediate; do
		mig-backup create --rate-limit 1MB > log 2>&1 &
		local taking=$! status=0
		wait_for "$copying"
		cluster_restart $how
		wait $taking || status=$?
		[ $status = 10 ] || {
			cat log
			return 1
		}
		nothing_left
	done
	expect 0 mig-backup create
	expect 0 mig-verify backup latest
}

@test "tables are made and dropped all the time: whole, or 13 that names some, never short" {
	sql -c "create table steady as select generate_series(1, 5000) i"
	touch go
	local n round made=0
	for n in 1 2 3; do
		(i=0
			while [ -e go ]; do
				i=$((i + 1))
				psql -Xqc "create table storm_${n}_$i as select generate_series(1, 100) i" \
					-c "drop table if exists storm_${n}_$((i - 5))" > /dev/null 2>&1
			done) &
	done
	for round in 1 2 3 4; do
		run mig-backup create --lock-timeout 6s --label "round $round"
		case $status in
		0) made=$((made + 1)) ;;
		13) [[ $output = *"tables"* ]] ;;
		*)
			echo "exit $status: $output"
			rm go
			return 1
			;;
		esac
	done
	rm go
	wait
	[ $made -ge 1 ]
	expect 0 mig-verify backup latest
	# every table of the storm that is in it has all of its rows
	mig-backup show latest --tables --json | jq -es '[.[] | select(.event == "table")] |
		all(if .name == "steady" then .rows == 5000 else .rows == 100 end) and length >= 1'
}

@test "a limit on the size of files is reached: 12, nothing left" {
	sql -c "create table t as select i, md5(i::text) v from generate_series(1, 20000) i"
	mkdir -p "$(store)"
	ulimit -f 100 # blocks of 1 KiB
	expect 12 mig-backup create
	says "File too large"
	[ -z "$(ls -A "$(store)")" ]
}

@test "an unwritable store is found before anything is locked" {
	[ "$(id -u)" != 0 ] || skip "root writes everywhere"
	mkdir -p "$(store)"
	chmod 500 "$(store)"
	expect 12 mig-backup create
	chmod 700 "$(store)"
}

# flip FILE OFFSET: changes one bit
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf "%b" "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "one flipped bit in each region of the file: 15, and which member" {
	sql -c "create table t (id int primary key, v text)" \
		-c "insert into t select i, md5(i::text) from generate_series(1, 2000) i" \
		-c "create sequence s" -c "select lo_from_bytea(0, '\xabcd')" > /dev/null
	mig-backup create -q --to good.mig.tar
	local size name block number rest region offset tried=0
	size=$(stat -c %s good.mig.tar)
	# block 12: -rw------- 0/0  40 1970-01-01 00:00 name
	while read -r _ number _ _ length _ _ name; do
		block=${number%:}
		for region in 5 150 300 512 $((511 + length)) $((512 + (length + 511) / 512 * 512 - 1)); do
			offset=$((block * 512 + region))
			cp good.mig.tar bad.mig.tar
			flip bad.mig.tar $offset
			run mig-verify backup ./bad.mig.tar
			[ "$status" = 15 ] || {
				echo "$name, byte $region ($offset of $size): exit $status: $output"
				return 1
			}
			case $name in
			trailer) says "no snapshot" ;;
			*) says "$name" ;;
			esac
			tried=$((tried + 1))
		done
	done < <(tar --block-number -tvf good.mig.tar | grep -v 'Block of NULs')
	[ $tried -gt 60 ]
	cp good.mig.tar bad.mig.tar
	flip bad.mig.tar $((size - 1))
	expect 15 mig-verify backup ./bad.mig.tar
	expect 0 mig-verify backup ./good.mig.tar
}

@test "truncated at many lengths: 15" {
	sql -c "create table t (i int)" -c "insert into t select generate_series(1, 100)"
	mig-backup create -q --to good.mig.tar
	local size length
	size=$(stat -c %s good.mig.tar)
	for length in 0 1 511 512 2048 $((size / 2)) $((size - 2048)) $((size - 1024)) $((size - 512)) $((size - 1)); do
		head -c "$length" good.mig.tar > bad.mig.tar
		expect 15 mig-verify backup ./bad.mig.tar
		expect 15 mig-backup show ./bad.mig.tar
	done
}

@test "a file that is no snapshot is never listed or taken for the latest" {
	sql -c "create table t (i int)"
	mig-backup create -q
	local good
	good=$(mig-backup list --json 2> /dev/null | jq -r 'select(.event == "snapshot") | .snapshot')
	echo "not a snapshot" > "$(store)/20990101T000000Z-ffffff.mig.tar"
	head -c 4096 "$(store)/$good.mig.tar" > "$(store)/20990102T000000Z-ffffff.mig.tar"
	expect 0 mig-backup list
	says "not a snapshot"
	expect 0 mig-backup show latest
	says "$good"
}

@test "rows that the manifest does not tell of are found, though every checksum is right" {
	command -v python3 > /dev/null || skip "needs python3 to forge a snapshot"
	sql -c "create table t (i int)" -c "insert into t values (1), (2)"
	mig-backup create -q --to good.mig.tar
	# the manifest tells one row more, and its own checksum is right again
	python3 - <<-'END'
		import hashlib, re
		b = open('good.mig.tar', 'rb').read()
		t = b[-2048:]
		off, length = (int(x) for x in re.search(rb'offset (\d+)\nlength (\d+)', t).groups())
		m = b[off:off + length]
		new = m.replace(b'"rows":2,"bytes":4', b'"rows":3,"bytes":4', 1)
		assert new != m
		t = t.replace(hashlib.sha256(m).hexdigest().encode(), hashlib.sha256(new).hexdigest().encode())
		open('bad.mig.tar', 'wb').write(b[:off] + new + b[off + length:-2048] + t)
	END
	expect 15 mig-verify backup ./bad.mig.tar
	says "table public.t"
}
