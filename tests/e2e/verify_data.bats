# mig-verify data --against SNAPSHOT: is the database still what the snapshot says?
load ../support/common
load ../support/copies

make_all() {
	sql > /dev/null <<-END
		create table t (id int primary key, v text);
		insert into t select i, md5(i::text) from generate_series(1, 1000) i;
		create table empty (a int);
		create table nothing (); insert into nothing default values;
		create table gen (a int, b int generated always as (a * 2) stored); insert into gen values (1);
		create table days (d date not null, v int) partition by range (d);
		create table days_1 (v int, d date not null);
		alter table days attach partition days_1 for values from ('2026-01-01') to ('2026-02-01');
		create table days_2 partition of days for values from ('2026-02-01') to ('2026-03-01');
		insert into days select date '2026-01-01' + i, i from generate_series(0, 50) i;
		create type mood as enum ('sad', 'ok', 'happy');
		create table moods (m mood, n int) partition by hash (m);
		create table moods_0 partition of moods for values with (modulus 2, remainder 0);
		create table moods_1 partition of moods for values with (modulus 2, remainder 1);
		insert into moods select (array['sad', 'ok', 'happy'])[1 + i % 3]::mood, i from generate_series(1, 30) i;
		create sequence s; select nextval('s');
		create materialized view mv as select count(*) from t;
		select lo_from_bytea(77, 'abc');
	END
}

result() {
	grep '"event":"result"' <<< "$output" | jq -c "$1"
}

@test "safety_18 equal: 0, every table, leaf, root, sequence and the large objects" {
	make_all
	mig-backup create -q
	sql -c "vacuum full t" -c "update t set v = v" -c "refresh materialized view mv"
	expect 0 mig-verify data --against latest -j 3
	says "equal"
	expect 0 mig-verify data --against latest --json
	[ "$(result '[.verdict, .different, .not_provable]')" = '["equal",0,0]' ]
	[ "$(result '[.compared[] | .name] | sort | join(" ")')" = '"large objects public.days public.days_1 public.days_2 public.empty public.gen public.moods public.moods_0 public.moods_1 public.nothing public.s public.t"' ]
	[ "$(result '.compared[] | select(.name == "public.days") | [.kind, .snapshot_rows, .live_rows]')" = '["partitioned table",51,51]' ]
	# a copy of the database, too, where rows of enums are routed anew
	mig-restore latest --to-db "${DB}_new" > /dev/null
	expect 0 mig-verify data --against latest -d "dbname=${DB}_new" --json
	sql postgres -c "drop database ${DB}_new"
}

# {change, table that is named, state}
@test "safety_18 one change of each kind: 4, and what differs" {
	local change name state
	make_all
	mig-backup create -q
	while IFS='|' read -r change name state; do
		sql -c "$change" > /dev/null
		expect 4 mig-verify data --against latest --json
		[ "$(result ".compared[] | select(.name == \"$name\") | .state")" = "\"$state\"" ] || {
			echo "$change: $(result '.compared[] | select(.state != "equal")')"
			return 1
		}
		expect 4 mig-verify data --against latest
		says "$name"
		sql -c "drop database ${DB}_now" postgres 2> /dev/null || true
		mig-restore latest --to-db "${DB}_now" > /dev/null
		sql postgres -c "drop database $DB with (force)" -c "alter database ${DB}_now rename to $DB"
	done <<-'END'
		update t set v = 'other' where id = 7|public.t|other rows
		insert into t values (0, null)|public.t|other rows
		delete from nothing|public.nothing|other rows
		insert into empty values (null)|public.empty|other rows
		update gen set a = 2|public.gen|other rows
		update days set v = -1 where d = '2026-01-05'|public.days_1|other rows
		update days set v = -1 where d = '2026-01-05'|public.days|other rows
		update moods set n = -1 where n = 3|public.moods|other rows
		drop table empty|public.empty|missing
		create table added (a int)|public.added|not in the snapshot
		alter table t add x int|public.t|other columns
		alter table t rename v to w|public.t|other columns
		create table days_3 partition of days for values from ('2026-03-01') to ('2026-04-01')|public.days_3|not in the snapshot
		drop table days_2|public.days|other rows
		drop table moods|public.moods|missing
		select nextval('s')|public.s|another value
		drop sequence s|public.s|missing
		create sequence s2|public.s2|not in the snapshot
		select lo_put(77, 1, 'x')|large objects|other rows
		select lo_unlink(77)|large objects|other rows
	END
}

@test "safety_18 the same number of rows, exchanged between partitions, is equal at the root alone" {
	make_all
	mig-backup create -q
	sql -c "alter table days detach partition days_2" \
		-c "alter table days detach partition days_1" \
		-c "insert into days_1 select v, d from days_2" -c "truncate days_2" \
		-c "alter table days attach partition days_1 for values from ('2026-01-01') to ('2026-03-01')"
	expect 4 mig-verify data --against latest --json
	[ "$(result '.compared[] | select(.name == "public.days") | .state')" = '"equal"' ]
	[ "$(result '.compared[] | select(.name == "public.days_1") | .state')" = '"other rows"' ]
}

@test "one table alone, by name or with its schema; a partitioned one with its leaves" {
	make_all
	mig-backup create -q
	sql -c "update t set v = '' where id = 1" -c "create schema other" -c "create table other.t (a int)"
	expect 0 mig-verify data --against latest --table days,public.gen --json
	[ "$(result '[.compared[] | .name] | sort | join(" ")')" = '"public.days public.days_1 public.days_2 public.gen"' ]
	expect 0 mig-verify data --against latest -t days_1
	expect 4 mig-verify data --against latest -t t --json
	[ "$(result '[.compared[] | .name + " " + .state] | sort | join(", ")')" = '"other.t not in the snapshot, public.t other rows"' ]
	expect 14 mig-verify data --against latest -t tt
	says "no table tt"
}

@test "--rows shows the first differing rows of both sides" {
	make_all
	mig-backup create -q
	sql -c "update t set v = E'new\tvalue' where id = 7" -c "insert into t values (1001, null), (1001001, repeat('x', 1000))"
	expect 4 mig-verify data --against latest
	[[ $output != *"only in"* ]]
	expect 4 mig-verify data --against latest --rows 2
	says 'only in the snapshot: 7	'"$(echo -n 7 | md5sum | cut -c1-32)"
	says 'only in the database: '
	[ "$(grep -c 'only in the snapshot' <<< "$output")" = 1 ]
	[ "$(grep -c 'only in the database' <<< "$output")" = 2 ]
	expect 4 mig-verify data --against latest --rows 9 --json
	[ "$(result '.compared[] | select(.name == "public.t") | .only_live | length')" = 3 ]
	[ "$(result '.compared[] | select(.name == "public.t") | .only_live | map(length) | max < 250')" = true ]
	# a row that is there twice, and was there once
	sql -c "create table twice (a int)" -c "insert into twice values (1), (2), (2)"
	mig-backup create -q
	sql -c "insert into twice values (1)"
	expect 4 mig-verify data --against latest --rows 5
	says "only in the database: 1"
	[ "$(grep -c 'only in' <<< "$output")" = 1 ]
}

@test "safety_18 across major versions another hash is not provable, with the rows; another number is different" {
	make_all
	mig-backup create -q --to mine.mig.tar
	local forge=$BATS_TEST_DIRNAME/../support/forge.py
	"$forge" mine.mig.tar old.mig.tar 'm["database"]["server_version_num"] = 110022'
	expect 0 mig-verify data --against ./old.mig.tar
	sql -c "update t set v = 'as 15 writes it' where id in (3, 4)"
	expect 1 mig-verify data --against ./old.mig.tar --json
	[ "$(result '[.verdict, .not_provable, .different, .snapshot_major]')" = '["not provable",1,0,11]' ]
	[ "$(result '.compared[] | select(.name == "public.t") | [.state, (.only_live | length)]')" = '["not provable",2]' ]
	expect 1 mig-verify data --against ./old.mig.tar
	says "not provable"
	says "only in the database: 3	as 15 writes it"
	expect 1 mig-verify data --against ./old.mig.tar --rows 0
	[[ $output != *"only in"* ]]
	sql -c "insert into t values (0, '')"
	expect 4 mig-verify data --against ./old.mig.tar
	expect 4 mig-verify data --against ./mine.mig.tar
}

@test "data: one state of the database for all sessions, while somebody writes" {
	sql -c "create table a (n bigint)" -c "create table b (n bigint)" \
		-c "insert into a select generate_series(1, 20000)"
	mig-backup create -q
	# rows move from a to b and back: both tables together always hold all of them
	psql -Xq > /dev/null 2>&1 <<-END &
		select format('with m as (delete from %s where n %% 7 = %s returning n) insert into %s select n from m',
			x.f, i % 7, x.t) from generate_series(1, 4000) i,
			lateral (select case when i % 2 = 0 then 'a' else 'b' end f, case when i % 2 = 0 then 'b' else 'a' end t) x
		\gexec
	END
	local writer=$! round sum moved=0
	for round in 1 2 3 4 5; do
		run mig-verify data --against latest --json -j 2
		[ "$status" = 0 ] || [ "$status" = 4 ]
		sum=$(result '[.compared[] | .live_rows] | add')
		[ "$sum" = 20000 ] || { echo "round $round: $sum"; kill $writer; return 1; }
		[ "$(result '.compared[0].live_rows')" = 20000 ] || moved=$((moved + 1))
	done
	[ $moved -gt 0 ]
	kill $writer 2> /dev/null || true
}

@test "data: wrong use, and what could not be found out, have their own codes" {
	make_all
	mig-backup create -q
	expect 2 mig-verify data
	says "--against"
	expect 2 mig-verify data latest
	expect 2 mig-verify data --against latest --rows -1
	expect 2 mig-verify data --against latest -j 65
	expect 14 mig-verify data --against label:none
	head -c 4096 "$(echo "$WORK"/state/shop/live/snapshots/*.mig.tar)" > bad.mig.tar
	expect 15 mig-verify data --against ./bad.mig.tar
	PGPORT=1 expect 10 mig-verify data --against latest
	sql postgres -c "drop role if exists blind" -c "create role blind login"
	expect 11 mig-verify data --against latest -d "dbname=$DB user=blind"
	says "permission denied"
	sql -c "grant pg_read_all_data to blind" -c "alter table t enable row level security" \
		-c "create policy p on t using (false)"
	expect 11 mig-verify data --against latest -d "dbname=$DB user=blind"
	says "row-level security"
	sql -c "drop policy p on t" -c "drop role blind"
	# it writes nothing
	[ "$(sql -c "select count(*) from pg_class where relname ~ 'mig'")" = 0 ]
}
