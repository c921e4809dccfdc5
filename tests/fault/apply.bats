load ../support/common
load ../support/migrations

# until_running TEXT: waits until another session runs a statement like it
until_running() {
	local i
	for ((i = 0; i < 200; i++)); do
		[ "$(sql -c "select count(*) from pg_stat_activity where state = 'active'
			and datname = current_database() and query like '%$1%' and pid <> pg_backend_pid()")" = 0 ] || return 0
		sleep 0.05
	done
	echo "no session runs $1"
	return 1
}

@test "files that cannot be read right are refused by name, nothing is written" {
	while IFS='|' read -r name body wanted says; do
		rm -rf migrations
		mkdir migrations
		printf '%b' "$body" > "migrations/$name.sql"
		echo "case: $name"
		expect "$wanted" mig-apply upgrade
		says "migrations/$name.sql"
		says "$says"
		nothing_written
	done <<-'END'
		no_header|-- migrate:up\nselect 1;\n|3|no line "-- revision: ID"
		empty||3|no line "-- revision: ID"
		no_up|-- revision: a1\n-- down_revision:\n|3|no line "-- migrate:up"
		twice|-- revision: a1\n-- revision: a2\n-- migrate:up\n|3|a second "revision"
		near_key|-- revision: a1\n-- down_revison: x\n-- migrate:up\n|3|did you mean "down_revision"
		near_section|-- revision: a1\n-- migrate:up\n-- migrate:dwon\n|3|did you mean "migrate:down"
		two_ups|-- revision: a1\n-- migrate:up\n-- migrate:up\n|3|a second section "migrate:up"
		sql_first|-- revision: a1\nselect 1;\n-- migrate:up\n|3|SQL before "-- migrate:up"
		word|-- revision: a1\n-- transaction: maybe\n-- migrate:up\n|3|"maybe" is not on or off
		bad_id|-- revision: a 1\n-- migrate:up\n|3|an id without spaces
		latin1|-- revision: a1\n-- message: Gr\0366\0337e\n-- migrate:up\nselect 1;\n|3|the byte 0xf6 is not UTF-8
		nul|-- revision: a1\n-- migrate:up\nselect \0000;\n|3|a NUL byte
		parent|-- revision: a1\n-- down_revision: a0\n-- migrate:up\n|3|down_revision a0 is in no file
		quote|-- revision: a1\n-- migrate:up\nselect 'abc;\n|11|a string that does not end
		dollar|-- revision: a1\n-- migrate:up\nselect $x$ abc $y$;\n|11|a dollar-quoted string
		comment|-- revision: a1\n-- migrate:up\nselect 1; /* \n|11|a comment that does not end
		psql|-- revision: a1\n-- migrate:up\n\\\\restrict abc\nselect 1;\n|11|is a command of psql
		backfill|-- revision: a1\n-- migrate:up\n-- migrate:backfill table=t\nupdate t set a = 1;\n|3|along which key?
		concurrently|-- revision: a1\n-- migrate:up\nselect 1;\n create index concurrently i on t (a);\n|17|concurrently.sql:4:2
		vacuum|-- revision: a1\n-- migrate:up\nvacuum;\n|17|cannot run inside a transaction
		commit|-- revision: a1\n-- migrate:up\nselect 1;\ncommit;\n|17|a revision's transactions are opened and committed by mig
	END
}

@test "two files with one id, and a circle, are named" {
	revision aaaa "" "One" <<< '-- migrate:up'
	revision aaaa "" "Two" <<< '-- migrate:up'
	expect 3 mig-apply upgrade
	says "revision aaaa is in two files: migrations/aaaa_one.sql and migrations/aaaa_two.sql"
	rm -r migrations
	revision aaaa cccc "One" <<< '-- migrate:up'
	revision bbbb aaaa "Two" <<< '-- migrate:up'
	revision cccc bbbb "Three" <<< '-- migrate:up'
	expect 3 mig-apply upgrade
	says "aaaa -> cccc -> bbbb -> aaaa"
	says "migrations/bbbb_two.sql"
	nothing_written
}

@test "targets: unknown, ambiguous, missing" {
	revision 3f9c1a7be2d4 "" "Preferences" <<< $'-- migrate:up\nselect 1;'
	revision 3f9d00000000 3f9c1a7be2d4 "More" <<< $'-- migrate:up\nselect 1;'
	expect 14 mig-apply upgrade 3f9c1a7be2d5
	says "did you mean 3f9c1a7be2d4 Preferences?"
	expect 2 mig-apply upgrade 3f9
	says "3f9d00000000 More"
	expect 2 mig-apply upgrade +3
	expect 2 mig-apply downgrade
	says "mig-apply downgrade -1"
	expect 2 mig-apply downgrade -1
	says "no revision is applied"
	nothing_written
}

@test "ids that do not fit into the version column are refused before anything runs" {
	revision r001 "" "One" <<< $'-- migrate:up\nselect 1;'
	expect 0 mig-apply upgrade
	revision a_very_long_identifier_of_a_revision r001 "Two" <<< $'-- migrate:up\ncreate table t (i int);'
	expect 17 mig-apply upgrade
	says "column version_num has room for 32"
	says "alter version_num type varchar(255)"
	[ "$(sql -c "select to_regclass('t') is null")" = t ]
	sql -c "alter table alembic_version alter version_num type varchar(255)"
	expect 0 mig-apply upgrade
	sql -c "drop table alembic_version, mig.history, t"
	expect 0 mig-apply upgrade
	rows_are a_very_long_identifier_of_a_revision
}

@test "an SQL error has its exact place, SQLSTATE and statement, also behind umlauts" {
	revision r001 "" "Good" <<< $'-- migrate:up\ncreate table t (i int);\n-- migrate:down\ndrop table t;'
	revision r002 r001 "Bad" <<-'END'
		-- migrate:up
		create table größe (i int); -- äöü €
		insert into t select 'äöü €' || nosuch from t;
	END
	expect 11 mig-apply upgrade
	says "migrations/r002_bad.sql:7:33"
	says 'column "nosuch" does not exist'
	says "42703"
	says "insert into t select 'äöü €' || nosuch from t"
	says "1 of 2 revisions is committed, the last is r001 Good"
	rows_are r001
	[ "$(sql -c "select to_regclass('größe') is null")" = t ]

	sed -i 's/^insert.*/sel"e"ct 1; -- no SQL/' migrations/r002_bad.sql
	expect 11 mig-apply upgrade
	says "migrations/r002_bad.sql:7:1"
	says "42601"
	mig-apply upgrade --json 2>&1 | tail -1 |
		jq -e '.code == 11 and (.where | endswith("r002_bad.sql:7:1")) and .sqlstate == "42601"'

	sed -i "s/^sel.*/select 1 as a; select 2; selekt 3;/" migrations/r002_bad.sql
	expect 11 mig-apply upgrade
	says "r002_bad.sql:7:26"
	rows_are r001
}

@test "a deferred constraint is checked before the commit, and names the revision" {
	revision r001 "" "Tables" <<-END
		-- migrate:up
		create table a (i int primary key);
		create table b (i int references a deferrable initially deferred);
	END
	revision r002 r001 "Orphans" <<< $'-- migrate:up\ninsert into b values (1);'
	expect 11 mig-apply upgrade
	says "migrations/r002_orphans.sql: a deferred constraint"
	says "23503"
	rows_are r001
}

@test "an applied file that was edited is refused, by upgrade and by downgrade" {
	line_of 3
	expect 0 mig-apply upgrade r002
	sed -i 's/t1 (id int/t1 (id bigint/' migrations/r001_table_1.sql
	expect 17 mig-apply upgrade
	says "migrations/r001_table_1.sql: r001 Table 1 was edited after it was applied"
	expect 17 mig-apply plan
	rows_are r002
	expect 0 mig-apply downgrade -1 -y
	expect 17 mig-apply downgrade -1 -y
	says "was edited after it was applied"
	sed -i 's/t1 (id bigint/t1 (id int/' migrations/r001_table_1.sql
	sed -i '1s/^/-- a remark above\n/; $a -- a remark below' migrations/r001_table_1.sql
	sed -i 's/t3 (/t3 ( /' migrations/r003_table_3.sql
	expect 0 mig-apply upgrade
	rows_are r003
}

@test "an older checkout: the database is ahead, and who brought it there is told" {
	line_of 2
	expect 0 mig-apply upgrade
	mv migrations/r002_table_2.sql .
	for verb in upgrade "downgrade -1 -y" plan; do
		# shellcheck disable=SC2086
		expect 14 mig-apply $verb
		says "the database is at revision r002, which is in no file here"
		says "r002 Table 2 was applied $(date -u +%Y-%m-%d)"
		says "by owner from host $(hostname)"
	done
	rows_are r002
}

@test "policy: downgrade never is refused with the ways that are open" {
	line_of 2
	mig_yaml $'    policy:\n      downgrade: never\n      upgrade: {}\n' false
	expect 0 mig-apply upgrade
	for answer in "" --yes; do
		expect 17 mig-apply downgrade -1 $answer
		says "does not allow downgrades"
		says "mig-apply revision -m"
		says "mig-restore latest"
	done
	rows_are r002
	expect 0 mig-apply downgrade -1 -n
	says "policy: refused"
}

@test "policy: production does not allow downgrades by default" {
	line_of 1
	mig_yaml ""
	sql -c "create table alembic_version (version_num varchar(32) not null primary key)" \
		-c "insert into alembic_version values ('r001')"
	expect 17 mig-apply downgrade -1 --yes
	says "does not allow downgrades"
	rows_are r001
}

@test "policy: downgrade confirm wants a yes, destructive upgrades too" {
	line_of 1
	revision r002 r001 "Drop" <<< $'-- migrate:up\ndrop table t1;'
	mig_yaml "" false
	expect 0 mig-apply upgrade r001
	expect 17 mig-apply upgrade
	says "--yes"
	rows_are r001
	expect 17 mig-apply downgrade -1
	rows_are r001
	expect 0 mig-apply upgrade --yes
	rows_are r002
	expect 17 mig-apply downgrade -1 -y
	says 'has no section "migrate:down"'
	rows_are r002
}

@test "policy: production wants a snapshot before an upgrade, a fresh one before data goes" {
	line_of 1
	mig_yaml ""
	expect 17 mig-apply upgrade
	says "there is none"
	says "mig-backup create"
	nothing_written
	expect 0 mig-backup create
	expect 0 mig-apply upgrade
	revision r002 r001 "Drop" <<< $'-- migrate:up\ndrop table t1;'
	cat >> mig.yaml <<< $'    policy:\n      destructive: {require_backup: 1s}\n'
	sleep 1.5
	expect 17 mig-apply upgrade
	says "destructive: require_backup"
	says "the newest is"
	rows_are r001
}

@test "policy: outside of the window, or without the rehearsal it wants, an upgrade is refused" {
	line_of 2
	day=$(date -u -d '+3 days' +%a)
	mig_yaml "    policy: {upgrade: {window: \"$day 10:00-11:00\"}}" false
	expect 17 mig-apply upgrade
	says "upgrades are allowed $day 10:00-11:00; it is $(date -u +%a)"
	nothing_written
	mig_yaml "    policy: {upgrade: {window: \"Mon-Sun 00:00-24:00 Europe/Berlin\"}}" false
	expect 0 mig-apply upgrade r001
	mig_yaml "    policy: {upgrade: {window: \"Mon-Sun 00:00-24:00 No/Where\"}}" false
	expect 11 mig-apply upgrade
	says "policy upgrade: window"
	mig_yaml "    policy: {upgrade: {rehearsed: 7d}}" false
	expect 17 mig-apply upgrade
	says "wants a rehearsal"
	rows_are r001
	expect 0 mig-apply plan
	says "policy: refused: a rehearsal"
}

@test "safety_01 two upgrades at once: one waits or is told who holds the key" {
	revision r001 "" "Slow" <<< $'-- migrate:up\ncreate table slow as select 1 as i from pg_sleep(2);'
	mig-apply upgrade > first.log 2>&1 &
	first=$!
	until_running "pg_sleep(2)"
	expect 13 mig-apply upgrade
	says "mig-apply"
	expect 0 mig-apply plan
	expect 0 mig-apply upgrade --lock-wait 20s
	says "was already at r001 Slow"
	wait $first
	[ "$(sql -c "select count(*) from slow")" = 1 ]
	[ "$(sql -c "select count(*) from mig.history")" = 1 ]
}

@test "safety_01 ten upgrades at once apply every revision once" {
	line_of 5
	for i in $(seq 10); do
		mig-apply upgrade --lock-wait 60s > "log.$i" 2>&1 &
		pids[i]=$!
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	rows_are r005
	[ "$(sql -c "select string_agg(revision, ' ' order by id) from mig.history")" = "r001 r002 r003 r004 r005" ]
}

@test "safety_02 SIGKILL in the middle of a statement: the next upgrade completes" {
	line_of 1
	revision r002 r001 "Slow" <<< $'-- migrate:up\ncreate table slow as select 1 as i from pg_sleep(5);\ncreate table after (i int);'
	mig-apply upgrade > first.log 2>&1 &
	first=$!
	until_running "pg_sleep(5)"
	kill -KILL $first
	wait $first || true
	rows_are r001
	sed -i 's/pg_sleep(5)/pg_sleep(0)/' migrations/r002_slow.sql
	expect 0 mig-apply upgrade
	rows_are r002
	[ "$(sql -c "select count(*) from slow")" = 1 ]
	[ "$(sql -c "select count(*) from mig.history where revision = 'r002'")" = 1 ]
}

@test "Ctrl-C cancels the statement and rolls the revision back" {
	line_of 1
	revision r002 r001 "Slow" <<< $'-- migrate:up\ncreate table half (i int);\nselect pg_sleep(30);'
	# bash starts background commands with INT ignored
	env --default-signal=INT mig-apply upgrade > first.log 2>&1 &
	first=$!
	until_running "pg_sleep(30)"
	kill -INT $first
	status=0
	wait $first || status=$?
	cat first.log
	[ "$status" = 130 ]
	rows_are r001
	[ "$(sql -c "select to_regclass('half') is null")" = t ]
	[ "$(sql -c "select count(*) from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'")" = 0 ]
}

@test "a locked table: tries again until it is free" {
	line_of 1
	expect 0 mig-apply upgrade
	revision r002 r001 "Alter" <<< $'-- migrate:up\nalter table t1 add column x int;'
	psql -Xq -c "begin; lock table t1; select pg_sleep(2); commit" > /dev/null &
	holder=$!
	until_running "pg_sleep(2)"
	expect 0 mig-apply upgrade --lock-timeout 300ms
	says "trying again in"
	says "select pg_sleep(2)"
	wait $holder
	rows_are r002
}

@test "a locked table: gives up with 13 and names who holds it" {
	line_of 1
	expect 0 mig-apply upgrade
	revision r002 r001 "Alter" <<< $'-- migrate:up\ncreate table first (i int);\nalter table t1 add column x int;'
	PGAPPNAME=nightly-report psql -Xq -c "begin; lock table t1; select pg_sleep(20); commit" > /dev/null &
	holder=$!
	until_running "pg_sleep(20)"
	expect 13 mig-apply upgrade --lock-timeout 700ms --lock-retries 1
	says "55P03"
	says "r002_alter.sql:7:1"
	says "nightly-report"
	expect 13 mig-apply upgrade --lock-timeout 200ms --lock-retries 0
	says "given up after try 1:"
	kill $holder
	rows_are r001
	[ "$(sql -c "select to_regclass('first') is null")" = t ]
}

@test "safety_02 killed at any moment, again and again: the next upgrade completes" {
	for i in 1 2 3 4; do
		revision "r00$i" "$([ $i = 1 ] || echo "r00$((i - 1))")" "Step $i" <<-END
			-- migrate:up
			create table s$i as select 1 as i from pg_sleep(0.05);
			insert into s$i select 2 from pg_sleep(0.05);

			-- migrate:verify
			select count(*) = 2 from s$i;

			-- migrate:down
			drop table s$i;
		END
	done
	for round in $(seq "${ROUNDS:-6}"); do
		mig-apply upgrade > "log.$round" 2>&1 &
		sleep "0.$((RANDOM % 50 + 10))"
		kill -KILL $! 2> /dev/null || true
		wait $! || true
		expect 0 mig-apply upgrade
		rows_are r004
		[ "$(sql -c "select (select count(*) from s1) + (select count(*) from s2)
			+ (select count(*) from s3) + (select count(*) from s4)")" = 8 ]
		[ "$(sql -c "select count(*) from mig.history where direction = 'up'")" = $((round * 4)) ]
		expect 0 mig-apply downgrade base -y
	done
}

@test "a lost connection is 10, and the next upgrade completes" {
	revision r001 "" "Slow" <<< $'-- migrate:up\ncreate table slow as select 1 as i from pg_sleep(3);'
	{
		until_running "pg_sleep(3)"
		sql -c "select pg_terminate_backend(pid) from pg_stat_activity
			where query like '%pg_sleep(3)%' and pid <> pg_backend_pid()" > /dev/null
	} &
	expect 10 mig-apply upgrade
	wait
	sed -i 's/pg_sleep(3)/pg_sleep(0)/' migrations/r001_slow.sql
	expect 0 mig-apply upgrade
	rows_are r001
}

@test "safety_02 losing the run key cancels the running statement" {
	revision r001 "" "Slow" <<< $'-- migrate:up\ncreate table slow as select 1 as i from pg_sleep(20);'
	{
		until_running "pg_sleep(20)"
		sql -c "select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
			where locktype = 'advisory' and mode = 'ExclusiveLock'
			and pg_stat_activity.datname = 'postgres'" postgres > /dev/null
	} &
	expect 13 mig-apply upgrade
	wait
	[ "$(sql -c "select to_regclass('slow') is null")" = t ]
	[ "$(sql -c "select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep(20)%' and pid <> pg_backend_pid()")" = 0 ]
}

@test "safety_02 a key that was lost while the last statement ran: nothing is committed" {
	line_of 1
	expect 0 mig-apply upgrade
	revision r002 r001 "Table" <<< $'-- migrate:up\ncreate table second (i int);'
	revision r003 r002 "Lose" <<-'END'
		-- migrate:up
		do $$
		declare holder int;
		begin
			create table third (i int);
			select pid into strict holder from pg_locks where locktype = 'advisory'
				and mode = 'ExclusiveLock' and database = (select oid from pg_database where datname = 'postgres');
			perform pg_terminate_backend(holder);
			while exists (select from pg_locks where pid = holder) loop
				perform pg_sleep(0.01);
			end loop;
		end $$;
	END
	expect 13 mig-apply upgrade
	says "the session that held the run key"
	rows_are r002
	[ "$(sql -c "select to_regclass('third') is null and to_regclass('second') is not null")" = t ]
	[ "$(sql -c "select count(*) from mig.history where revision = 'r003'")" = 0 ]
}

@test "a migration that deallocates all prepared statements is run, and those behind it" {
	line_of 1
	revision r002 r001 "All" <<< $'-- migrate:up\ndeallocate all;\n-- migrate:down\nselect 1;'
	revision r003 r002 "Table" <<< $'-- migrate:up\ncreate table third (i int);\n-- migrate:down\ndrop table third;'
	expect 0 mig-apply upgrade
	rows_are r003
	[ "$(sql -c "select string_agg(revision, ' ' order by id) from mig.history")" = "r001 r002 r003" ]
	expect 0 mig-apply downgrade base -y
	rows_are ""
}

@test "safety_21 a schema mig of somebody else is refused" {
	line_of 1
	sql -c "drop role if exists stranger" -c "create role stranger" -c "create schema mig authorization stranger"
	expect 17 mig-apply upgrade
	says "stranger"
	[ "$(sql -c "select to_regclass('t1') is null and to_regclass('alembic_version') is null")" = t ]
	sql -c "drop schema mig" -c "drop role stranger"
}

@test "safety_21 rights of others on the tables of mig are refused before anything runs" {
	line_of 2
	expect 0 mig-apply upgrade +1
	sql -c "drop role if exists stranger" -c "create role stranger"
	sql -c "grant insert on mig.history to stranger"
	expect 17 mig-apply upgrade
	says "stranger has INSERT on mig.history"
	[ "$(sql -c "select to_regclass('t2') is null")" = t ]
	sql -c "revoke all on mig.history from stranger"
	sql -c "alter table mig.history owner to stranger"
	expect 17 mig-apply upgrade
	says "mig.history belongs to stranger"
	sql -c "alter table mig.history owner to owner"
	expect 0 mig-apply upgrade
	rows_are r002
	sql -c "drop role stranger"
}

@test "another tool's table of the same name is refused" {
	line_of 1
	sql -c "create table alembic_version (number int)"
	expect 17 mig-apply upgrade
	says "no text column version_num"
}

@test "no migrations, no database, no permission" {
	expect 14 mig-apply upgrade
	says "no folder of migrations"
	line_of 1
	expect 10 mig-apply upgrade -d "dbname=nosuch_database"
	sql -c "drop role if exists reader" -c "create role reader login"
	expect 11 env PGUSER=reader mig-apply upgrade
	says "42501"
	sql -c "drop role reader"
	nothing_written
}

@test "safety_12 in a run, own writes are reported before each commit, lost counters are said" {
	line_of 1
	revision r002 r001 "Rows" <<< $'-- migrate:up\ninsert into t1 values (1), (2), (3);'
	revision r003 r002 "Truncate" <<< $'-- migrate:up\ntruncate t1;'
	mig_yaml "" false
	expect 0 mig-apply upgrade r001
	proof=state/shop/production/runs/20261120T010203Z-1a2b3c/proof.json
	mkdir -p "$(dirname "$proof")"
	echo '{"kind":"reading"}' > $proof
	expect 0 in_a_run 20261120T010203Z-1a2b3c mig-apply upgrade r002
	cat $proof
	[ "$(wc -l < $proof)" = 2 ]
	tail -1 $proof | grep -q '"own"'
	tail -1 $proof | grep -q '3'
	rm gate
	expect 0 in_a_run 20261120T010203Z-1a2b3c mig-apply upgrade r003 -y
	cat $proof
	grep '"unknown"' $proof | grep -q 'revision r003: TRUNCATE t1'
}

@test "safety_12 in a run, rows of a revision that was rolled back are reported too" {
	line_of 1
	revision r002 r001 "Rows" <<< $'-- migrate:up\ninsert into t1 values (1), (2), (3);\nselect 1/0;'
	mig_yaml "" false
	expect 0 mig-apply upgrade r001
	proof=state/shop/production/runs/20261120T010203Z-1a2b3c/proof.json
	mkdir -p "$(dirname "$proof")"
	echo '{"kind":"reading"}' > $proof
	expect 11 in_a_run 20261120T010203Z-1a2b3c mig-apply upgrade r002
	cat $proof
	[ "$(wc -l < $proof)" = 2 ]
	tail -1 $proof | grep '"own"' | grep -q 3
	[ "$(sql -c "select count(*) from t1")" = 0 ]
}

@test "a connection lost in COMMIT: the server is asked what became of it" {
	line_of 1
	expect 0 mig-apply upgrade
	sql <<-'END'
		create function slow_commit() returns trigger language plpgsql as
			$$ begin perform pg_sleep(3); return null; end $$;
		create constraint trigger slow after insert on t1 deferrable initially deferred
			for each row execute function slow_commit();
		create function defer_again() returns trigger language plpgsql as
			$$ begin set constraints all deferred; insert into t1 values (99); return null; end $$;
		create trigger defer_again after insert on mig.history for each row execute function defer_again();
	END
	revision r002 r001 "Slow" <<< $'-- migrate:up\ninsert into t1 values (1);'
	{
		until_running "COMMIT"
		sql -c "select pg_terminate_backend(pid) from pg_stat_activity
			where query = 'COMMIT' and datname = current_database()" > /dev/null
	} &
	expect 10 mig-apply upgrade
	says "it was rolled back"
	wait
	rows_are r001
	sql -c "drop trigger slow on t1" -c "drop trigger defer_again on mig.history"

	# committed here, but never acknowledged: waits for a standby that does not exist
	psql -Xq -c "alter system set synchronous_standby_names = 'nobody'" -c "select pg_reload_conf()" > /dev/null
	{
		until_running "COMMIT"
		sleep 0.5
		psql -Xq -c "alter system reset synchronous_standby_names" > /dev/null
		sql -c "select pg_terminate_backend(pid) from pg_stat_activity
			where query = 'COMMIT' and datname = current_database()" > /dev/null
		sql -c "select pg_reload_conf()" > /dev/null
	} &
	sed -i 's/^insert.*/set local synchronous_commit = on; &/' migrations/r002_slow.sql
	expect 10 mig-apply upgrade
	says "it is committed"
	wait
	rows_are r002
	expect 0 mig-apply upgrade
	says "was already at"
}
