# Revisions without a transaction: "transaction: off", statement by statement, exactly once.
load ../support/common
load ../support/migrations

setup() {
	common_setup
	[ -z "${DB:-}" ] || sql -c "create table log (n int); create table items (id int primary key, a int, b int);
		insert into items select i, i % 10, i % 7 from generate_series(1, 2000) i"
}

# off ID PARENT MESSAGE < BODY
off() { revision "$1" "$2" "$3" -h "transaction: off"; }

steps_are() {
	local got
	got=$(sql -c "select coalesce(string_agg(number || ' ' || state, ', ' order by number), '') from mig.history_step")
	[ "$got" = "$1" ] || {
		echo "expected steps \"$1\", found \"$got\""
		return 1
	}
}

log_is() { [ "$(sql -c "select string_agg(n::text, ' ' order by n) from log")" = "$1" ]; }

@test "statements that no transaction allows are run, and recorded with the others" {
	off r001 "" "Without" <<-END
		-- migrate:up
		create index concurrently items_a on items (a);
		insert into log values (1);
		vacuum items;
		reindex index concurrently items_a;
		create index concurrently if not exists items_b on items using btree (b desc, a) where b > 2;
		copy log from stdin;
		2
		3
		\\.
		-- migrate:verify
		select count(*) = 3 from log;
		-- migrate:down
		drop index concurrently items_a;
		drop index concurrently if exists items_b;
		delete from log;
	END
	expect 0 mig-apply plan -v
	expect 0 mig-apply upgrade
	rows_are r001
	steps_are ""
	[ "$(sql -c "select count(*) from pg_index where indrelid = 'items'::regclass and indisvalid")" = 3 ]
	[ "$(sql -c "select direction from mig.history")" = up ]
	expect 0 mig-apply downgrade -1 -y
	[ "$(sql -c "select count(*) from pg_index where indrelid = 'items'::regclass")" = 1 ]
	rows_are ""
}

@test "a statement that fails leaves the others done; the next upgrade goes on there" {
	off r001 "" "Stops" <<-END
		-- migrate:up
		insert into log values (1);
		create index concurrently items_a on items (a);
		insert into log values (2) returning nosuch;
		insert into log values (3);
	END
	line_of_next
	expect 11 mig-apply upgrade
	says "migrations/r001_stops.sql:9:38"
	says "42703"
	says "what ran before is kept"
	steps_are "1 done, 2 done"
	rows_are ""
	expect 0 mig-apply current
	says "half applied: r001 Stops: 2 statements are done; go on: mig-apply upgrade r001"
	mig-apply current --json | tail -1 | jq -e '.half_applied == [{"revision": "r001", "direction": "up", "done": 2}] and (.at_head | not)'
	expect 4 mig-apply current --check

	sed -i 's/create index concurrently items_a/create index concurrently items_aa/' migrations/r001_stops.sql
	expect 17 mig-apply upgrade
	says "migrations/r001_stops.sql:8: statement 2 of r001 is another one than the one that was run"
	sed -i 's/items_aa/items_a/; s/ returning nosuch//' migrations/r001_stops.sql
	expect 0 mig-apply upgrade
	log_is "1 2 3"
	rows_are r002
	steps_are ""
}

line_of_next() {
	revision r002 r001 "Next" <<< $'-- migrate:up\ncreate table next (i int);\n-- migrate:down\ndrop table next;'
}

@test "a unique index that cannot be built leaves nothing INVALID behind" {
	off r001 "" "Unique" <<< $'-- migrate:up\ninsert into log values (1);\ncreate unique index concurrently items_a on items (a);'
	expect 11 mig-apply upgrade
	says "23505"
	[ "$(sql -c "select to_regclass('items_a') is null")" = t ]
	steps_are "1 done"
	sql -c "delete from items where id > 9"
	expect 0 mig-apply upgrade
	log_is 1
	[ "$(sql -c "select indisvalid from pg_index where indexrelid = 'items_a'::regclass")" = t ]
}

@test "half applied revisions block what would be built on them" {
	revision r000 "" "Base" <<< $'-- migrate:up\nselect 1;\n-- migrate:down\nselect 1;'
	off r001 r000 "Half" <<< $'-- migrate:up\ninsert into log values (1);\nselect 1 / 0;\n-- migrate:down\ndelete from log;\nselect 1 / 0;'
	expect 11 mig-apply upgrade
	rows_are r000
	expect 17 mig-apply downgrade -1 -y
	says "r001 Half is half applied"
	rows_are r000
	sed -i 's/^select 1 \/ 0;$/select 1;/' migrations/r001_half.sql
	expect 0 mig-apply upgrade
	sed -i '$s/.*/select 1 \/ 0;/' migrations/r001_half.sql
	expect 11 mig-apply downgrade -1 -y
	rows_are r001
	expect 0 mig-apply current
	says "half taken back: r001 Half: 1 statement is done; go on: mig-apply downgrade -1"
	expect 17 mig-apply upgrade
	says "half taken back"
	expect 0 mig-apply stamp r000
	steps_are ""
	rows_are r000
}

@test "an INVALID index that was there before is never dropped, nor taken for the new one" {
	sql -c "insert into items values (5000, 1)"
	run sql -c "create unique index concurrently items_a on items (a)"
	off r001 "" "Index" <<< $'-- migrate:up\ncreate index concurrently if not exists items_a on items (a);'
	expect 17 mig-apply upgrade
	says "an INVALID index items_a is there already"
	[ "$(sql -c "select indisvalid from pg_index where indexrelid = 'items_a'::regclass")" = f ]
	rows_are ""
}

@test "what was interrupted is looked up: done, not done, left over, or in doubt" {
	off r001 "" "Interrupted" <<-'END'
		-- migrate:up
		create index concurrently items_a on items (a);
		insert into log values (1);
	END
	begun() { # begun BEFORE: as a program that died would have left it
		sql <<-END
			delete from log; delete from mig.history; delete from alembic_version; delete from mig.history_step;
			insert into mig.history_step (revision, direction, number, checksum, statement, state, before)
			values ('r001', 'up', 1, encode(sha256('create index concurrently items_a on items (a)'), 'hex'), 'CREATE INDEX', 'begun', $1);
		END
	}
	expect 0 mig-apply upgrade
	# never begun on the server
	sql -c "drop index items_a"
	begun null
	expect 0 mig-apply current
	says "interrupted in CREATE INDEX"
	expect 0 mig-apply upgrade
	log_is 1
	[ "$(sql -c "select indisvalid from pg_index where indexrelid = 'items_a'::regclass")" = t ]
	# done: not built again
	oid=$(sql -c "select 'items_a'::regclass::oid")
	begun null
	expect 0 mig-apply upgrade
	log_is 1
	[ "$(sql -c "select 'items_a'::regclass::oid")" = "$oid" ]
	# its own INVALID index is dropped and built again
	sql -c "update pg_index set indisvalid = false where indexrelid = 'items_a'::regclass"
	begun null
	expect 0 mig-apply upgrade
	says "the INVALID index items_a that an interrupted statement of r001 left is dropped"
	log_is 1
	[ "$(sql -c "select indisvalid from pg_index where indexrelid = 'items_a'::regclass")" = t ]
	[ "$(sql -c "select 'items_a'::regclass::oid")" != "$oid" ]
	# INVALID, but it is another one: by definition, by table, by when it came
	for other in "on items (b)" "on items (a desc)" "on items using hash (a)" "on items (a) where a > 1" "on log (n)"; do
		sql -c "drop index items_a" -c "create index items_a $other" \
			-c "update pg_index set indisvalid = false where indexrelid = 'items_a'::regclass"
		begun null
		expect 22 mig-apply upgrade
		says "nothing tells whether it was done"
		says "update mig.history_step set state = 'done' where id ="
		[ "$(sql -c "select indisvalid from pg_index where indexrelid = 'items_a'::regclass")" = f ]
	done
	id=$(sql -c "select id from mig.history_step")
	sql -c "update mig.history_step set state = 'done' where id = $id"
	expect 0 mig-apply upgrade
	log_is 1
}

@test "other kinds are looked up, too" {
	other=${DB}_made
	off r001 "" "Kinds" <<-END
		-- migrate:up
		create database $other;
		drop database $other;
		drop index concurrently items_b;
		insert into log values (1);
	END
	sql -c "create index items_b on items (b)"
	expect 0 mig-apply upgrade -y
	log_is 1
	run sql -c "select 1" "$other"
	[ "$status" != 0 ]

	off r002 r001 "Procedure" <<-'END'
		-- migrate:up
		create procedure twice() language plpgsql as $$ begin insert into log values (2); commit; insert into log values (3); end $$;
		call twice();
	END
	expect 0 mig-apply upgrade
	log_is "1 2 3"
	# nothing tells whether a procedure has run
	off r003 r002 "Again" <<< $'-- migrate:up\ncall twice();'
	sql -c "insert into mig.history_step (revision, direction, number, checksum, statement, state)
		values ('r003', 'up', 1, encode(sha256('call twice()'), 'hex'), 'CALL', 'begun')"
	expect 22 mig-apply upgrade
	says "nothing tells whether it was done"
	log_is "1 2 3"
	expect 22 mig-apply upgrade
	sql -c "delete from mig.history_step"
	expect 0 mig-apply upgrade
	log_is "1 2 2 3 3"
}

# a subscription s of this database to publication one of database ${DB}_pub, in the same cluster
subscribed() {
	createdb "${DB}_pub"
	sql -d "${DB}_pub" -c "create table one (i int primary key); create table two (i int primary key);
		insert into one values (1); insert into two values (1), (2);
		create publication one for table one; create publication two for table two" \
		-c "select pg_create_logical_replication_slot('$DB', 'pgoutput')" > /dev/null
	sql -c "create table one (i int primary key); create table two (i int primary key)" \
		-c "create subscription s connection 'dbname=${DB}_pub host=$PGHOST port=$PGPORT' publication one
			with (create_slot = false, slot_name = '$DB')"
}

unsubscribed() {
	sql -c "alter subscription s disable" -c "alter subscription s set (slot_name = none)" -c "drop subscription s"
	until_true sql -d "${DB}_pub" -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '$DB'" 2> /dev/null
	dropdb -f "${DB}_pub"
}

publications_are() {
	[ "$(sql -c "select array_to_string(subpublications, ' ') from pg_subscription where subname = 's' and subdbid = (select oid from pg_database where datname = current_database())")" = "$1" ]
}

@test "a subscription that was being altered is altered again; what cannot be said twice is in doubt" {
	[ "${cluster_major:-15}" -ge 14 ] || skip "ALTER SUBSCRIPTION .. DROP PUBLICATION came with 14"
	subscribed
	off r001 "" "Publications" <<-'END'
		-- migrate:up
		insert into log values (1);
		alter subscription s set publication one, two;
		alter subscription s refresh publication;
		insert into log values (2);
	END
	# killed while the subscriber's server asks the publisher, which does not answer
	PGAPPNAME=holder psql -Xq -d "${DB}_pub" <<< $'begin;\nlock table pg_publication;\n\\! sleep 60' > /dev/null 2>&1 3>&- &
	local holder=$!
	until_true sql_is 1 "select count(*) from pg_locks where relation = 'pg_publication'::regclass and granted and mode = 'AccessExclusiveLock'" "${DB}_pub"
	mig-apply upgrade > victim.log 2>&1 3>&- &
	local victim=$!
	until_true sql_is 1 "select count(*) from mig.history_step where state = 'begun'"
	sleep 0.2
	kill -9 $victim
	wait $victim || true
	steps_are "1 done, 2 begun"
	pkill -P $holder || true
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holder'" > /dev/null
	wait $holder || true
	expect 0 mig-apply upgrade
	publications_are "one two"
	log_is "1 2"
	until_true sql_is 3 "select (select count(*) from one) + (select count(*) from two)"

	# done before the death: said again, it changes nothing
	off r002 r001 "Twice" <<< $'-- migrate:up\nalter subscription s set publication one, two;'
	sql -c "insert into mig.history_step (revision, direction, number, checksum, statement, state)
		values ('r002', 'up', 1, encode(sha256('alter subscription s set publication one, two'), 'hex'), 'ALTER SUBSCRIPTION', 'begun')"
	expect 0 mig-apply upgrade
	publications_are "one two"

	off r003 r002 "Once" <<< $'-- migrate:up\nalter subscription s drop publication two;'
	sql -c "insert into mig.history_step (revision, direction, number, checksum, statement, state)
		values ('r003', 'up', 1, encode(sha256('alter subscription s drop publication two'), 'hex'), 'ALTER SUBSCRIPTION', 'begun')"
	expect 22 mig-apply upgrade
	says "ALTER SUBSCRIPTION of r003 was interrupted, and nothing tells whether it was done"
	publications_are "one two"
	sql -c "delete from mig.history_step"
	expect 0 mig-apply upgrade
	publications_are "one"
	unsubscribed
}

@test "a partition of which the first half of the detaching is committed is finished" {
	[ "${cluster_major:-15}" -ge 14 ] || skip "DETACH PARTITION .. CONCURRENTLY came with 14"
	sql -c "create table parts (i int) partition by range (i); create table part_1 partition of parts for values from (1) to (2)"
	off r001 "" "Detach" <<< $'-- migrate:up\nalter table parts detach partition part_1 concurrently;\ninsert into log values (1);'
	PGAPPNAME=holder psql -Xq <<< $'begin;\nselect * from parts;\n\\! sleep 60' > /dev/null 2>&1 3>&- &
	local holder=$!
	until_true sql_is 1 "select count(*) from pg_locks l join pg_stat_activity a using (pid) where application_name = 'holder' and relation = 'parts'::regclass"
	mig-apply upgrade > victim.log 2>&1 3>&- &
	local victim=$!
	until_true sql_is 1 "select count(*) from pg_inherits where inhdetachpending"
	kill -9 $victim
	wait $victim || true
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%detach partition%' and pid <> pg_backend_pid()" > /dev/null
	pkill -P $holder || true
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holder'" > /dev/null
	wait $holder || true
	steps_are "1 begun"
	[ "$(sql -c "select count(*) from pg_inherits where inhdetachpending")" = 1 ]
	expect 0 mig-apply upgrade
	[ "$(sql -c "select count(*) from pg_inherits")" = 0 ]
	log_is 1
	rows_are r001
}

@test "a value that is added to an enum stands with its row: it is not added twice" {
	sql -c "create type mood as enum ('sad')"
	off r001 "" "Values" <<< $'-- migrate:up\nalter type mood add value \'glad\';\ninsert into log select 1 where \'glad\'::mood is not null;\nselect 1 / 0;'
	expect 11 mig-apply upgrade
	steps_are "1 done, 2 done"
	sed -i 's,1 / 0,1,' migrations/r001_values.sql
	expect 0 mig-apply upgrade
	log_is 1
	[ "$(sql -c "select enum_range(null::mood)")" = "{sad,glad}" ]
}

@test "the duration of a revision is that of all its statements, whichever command ran them" {
	off r001 "" "Slow" <<< $'-- migrate:up\ninsert into log select 1 from pg_sleep(0.6);\nvacuum items;\nselect 1 / 0;'
	expect 11 mig-apply upgrade
	sed -i 's,1 / 0,1,' migrations/r001_slow.sql
	expect 0 mig-apply upgrade
	[ "$(sql -c "select duration_ms between 600 and 60000 from mig.history")" = t ]
}

@test "the time of a statement that was found done is not known: the duration says so" {
	off r001 "" "Killed" <<< $'-- migrate:up\ncreate index concurrently items_a on items (a);\nselect 1 / 0;'
	expect 11 mig-apply upgrade
	sql -c "update mig.history_step set state = 'begun', duration_ms = null where number = 1"
	sed -i 's,1 / 0,1,' migrations/r001_killed.sql
	expect 0 mig-apply upgrade
	[ "$(sql -c "select detail->'untimed' from mig.history")" = 1 ]
	expect 0 mig-apply history --applied
	[[ $output = *"up    r001 Killed, more than "*" s, by owner"* ]]
	mig-apply history --applied --json | tail -1 | jq -e '.applied[0].took_more'
	expect 0 mig-apply history --applied --markdown
	says "| more than 0"
}

@test "a section without statements is said, a merge has none" {
	revision r001 "" "Empty" <<< $'-- migrate:up\n-- nothing yet\n-- migrate:down\n'
	revision r002 "" "Other" <<< $'-- migrate:up\nselect 1;\n-- migrate:down\nselect 1;'
	revision r003 "r001, r002" "Merge" < /dev/null
	expect 0 mig-apply upgrade
	says 'migrations/r001_empty.sql: nothing stands below "-- migrate:up"'
	[ "$(grep -c "nothing stands" <<< "$output")" = 1 ]
	rows_are r003
	expect 0 mig-apply downgrade base -y
	says 'migrations/r001_empty.sql: nothing stands below "-- migrate:down"'
	[ "$(grep -c "nothing stands" <<< "$output")" = 1 ]
}

@test "what a statement SET holds for those behind it, also after a break" {
	sql -c "create schema other"
	off r001 "" "Sets" <<-'END'
		-- migrate:up
		set search_path = other;
		create table x (i int);
		select 1 / 0;
		create table y (i int);
	END
	line_of_next
	expect 11 mig-apply upgrade
	sed -i 's/select 1 \/ 0;/select 1;/' migrations/r001_sets.sql
	expect 0 mig-apply upgrade
	[ "$(sql -c "select count(*) from pg_tables where schemaname = 'other'")" = 2 ]
	[ "$(sql -c "select schemaname from pg_tables where tablename = 'next'")" = public ]
}

@test "wrong use is refused before anything runs" {
	while IFS='|' read -r name body says; do
		rm -rf migrations
		off r001 "" "$name" <<< "$(printf -- '-- migrate:up\ninsert into log values (1);\n%b' "$body")"
		echo "case: $name"
		expect 17 mig-apply upgrade
		says "$says"
		[ "$(sql -c "select count(*) from log")" = 0 ]
	done <<-'END'
		commit|commit;|transactions are opened and committed by mig
		begin|begin; insert into log values (2); end;|transactions are opened and committed by mig
		unnamed|create index concurrently on items (a);|has no name for its index
	END
	rm -rf migrations
	revision r001 "" "Inside" <<< $'-- migrate:up\ncreate index concurrently items_a on items (a);'
	expect 17 mig-apply upgrade
	says 'the header "-- transaction: off"'
}

@test "dbmate's transaction:false is the same" {
	mkdir -p db/migrations
	printf -- '-- migrate:up transaction:false\ncreate index concurrently items_a on items (a);\ninsert into log values (1);\n-- migrate:down transaction:false\ndrop index concurrently items_a;\n' > db/migrations/001_index.sql
	expect 0 mig-apply upgrade
	[ "$(sql -c "select version from schema_migrations")" = 001 ]
	log_is 1
	expect 0 mig-apply downgrade -1 -y
	[ "$(sql -c "select to_regclass('items_a') is null")" = t ]
}

@test "upgrade --phase expand stops before the first revision of phase contract" {
	revision r001 "" "Expand" -h "phase: expand" <<< $'-- migrate:up\ncreate table e (i int);'
	revision r002 r001 "Contract" -h "phase: contract" <<< $'-- migrate:up\ndrop table e;'
	revision r003 r002 "After" <<< $'-- migrate:up\ncreate table f (i int);'
	expect 0 mig-apply upgrade --phase expand -n
	says "2 revisions are left for later"
	[[ $output != *"drop table"* ]]
	expect 0 mig-apply upgrade --phase expand
	says "is now at r001 Expand"
	rows_are r001
	expect 0 mig-apply upgrade --phase expand
	says "was already at r001 Expand"
	expect 2 mig-apply upgrade --phase contract
	expect 0 mig-apply upgrade -y
	rows_are r003
}

@test "what commits inside is sent to transaction: off, where it runs" {
	revision r001 "" "Commits" <<< $'-- migrate:up\ndo $$ begin create table made (i int); commit; end $$;'
	expect 11 mig-apply upgrade
	says "invalid transaction termination"
	says 'a revision with the header "-- transaction: off"'
	sed -i '/^-- migrate:up/i -- transaction: off' migrations/r001_*.sql
	expect 0 mig-apply upgrade
	[ "$(sql -c "select count(*) from made")" = 0 ]
}
