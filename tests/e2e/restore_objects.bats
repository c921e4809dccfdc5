# What belongs to a database beside its rows, and when it comes back: trap numbers are those of a
# logical dump (materialized views, large objects, event triggers, publications, subscriptions).
load ../support/common
load ../support/copies

copy() {
	databases | grep __r_
}

# in_copy SQL: what it answers in the copy
in_copy() {
	sql -d "$(copy)" -c "$1"
}

@test "trap 17: large objects keep owner, privileges and comment, and that is proved" {
	sql postgres -c "drop role if exists lo_owner" -c "drop role if exists lo_reader" \
		-c "create role lo_owner" -c "create role lo_reader"
	sql > /dev/null <<-'END'
		select lo_from_bytea(77, '\xabcd'), lo_from_bytea(78, ''), lo_from_bytea(79, 'x');
		alter large object 77 owner to lo_owner;
		grant select on large object 77 to public;
		grant update on large object 77 to lo_reader with grant option;
		comment on large object 77 is E'it''s; a ; "comment"\nof two lines';
		revoke all on large object 79 from owner;
	END
	state="select m.oid, pg_get_userbyid(lomowner), lomacl, obj_description(m.oid, 'pg_largeobject')
		from pg_largeobject_metadata m order by 1"
	mig-backup create -q --to good.mig.tar
	expect 0 mig-restore ./good.mig.tar
	diff <(sql -c "$state") <(in_copy "$state")
	mig-restore drop "$(copy)" --yes > /dev/null
	# what does not come back as it was is found: another owner, a privilege less, one object more
	local spoil
	for spoil in "alter large object 78 owner to lo_owner" "revoke select on large object 77 from public" \
		"comment on large object 77 is 'other'" "select lo_create(4711)"; do
		mkdir -p bin
		printf '#!/bin/sh\n%s "$@" || exit\ncase "$*" in *--jobs*--section=post-data*)\n psql -Xq -d "$PGDATABASE" -c "%s" ;; esac\n' \
			"$(command -v pg_restore)" "$spoil" > bin/pg_restore
		chmod +x bin/pg_restore
		sql -c "create or replace function spoiled() returns event_trigger language plpgsql as 'begin end'" \
			-c "drop event trigger if exists late" -c "create event trigger late on sql_drop execute function spoiled()"
		mig-backup create -q --to with.mig.tar 2> /dev/null
		PATH=$WORK/bin:$PATH expect 15 mig-restore ./with.mig.tar
		says "large objects"
		rm -r bin with.mig.tar
	done
	[ "$(databases)" = "$DB" ]
	sql -c "drop owned by lo_owner, lo_reader" -c "drop role lo_owner, lo_reader"
}

# bats test_tags=majors
@test "trap 17: privileges that several gave keep their grantors: large objects, tables, the database; with --role-map, too" {
	local role
	for role in giver taker third other; do
		sql postgres -c "drop role if exists lo_$role" -c "create role lo_$role"
	done
	sql > /dev/null <<-END
		select lo_from_bytea(77, 'x'), lo_from_bytea(78, 'y');
		grant select, update on large object 77 to lo_giver with grant option;
		grant select on large object 77 to lo_taker;
		set role lo_giver;
		grant select on large object 77 to lo_taker with grant option;
		grant update on large object 77 to public;
		set role lo_taker;
		grant select on large object 77 to lo_third;
		reset role;
		create table t (a int);
		grant select on t to lo_giver with grant option;
		grant connect on database $DB to lo_giver with grant option;
		set role lo_giver;
		grant select on t to lo_third;
		grant connect on database $DB to lo_third;
	END
	state() {
		sql -d "$1" -c "select oid, x from pg_largeobject_metadata, unnest(lomacl) x order by 1, x::text" \
			-c "select x from pg_class, unnest(relacl) x where relname = 't' order by x::text" \
			-c "select x from pg_database, unnest(datacl) x where datname = current_database() order by x::text"
	}
	state "$DB" > live
	grep -q lo_third=r/lo_taker live
	[ "$(grep -c '/lo_giver' live)" = 4 ]
	mig-backup create -q
	expect 0 mig-restore latest --to-db "${DB}_new"
	diff live <(state "${DB}_new")
	sql postgres -c "drop database ${DB}_new"
	mig-backup cat latest > all.sql
	sql postgres -c "create database ${DB}_new"
	psql -Xq -v ON_ERROR_STOP=1 -d "${DB}_new" -f all.sql > /dev/null
	# the stream makes no database
	diff <(grep -v '=C*T*c' live) <(state "${DB}_new" | grep -v '=C*T*c')
	sql postgres -c "drop database ${DB}_new"
	expect 0 mig-restore latest --to-db "${DB}_new" --role-map lo_giver=lo_other
	diff <(sed 's/lo_giver/lo_other/g' live | LC_ALL=C sort) <(state "${DB}_new" | LC_ALL=C sort)
	sql postgres -c "drop database ${DB}_new"
	sql -c "drop owned by lo_giver, lo_taker, lo_third, lo_other cascade" -c "drop role lo_giver, lo_taker, lo_third, lo_other"
}

@test "trap 18: a view that cannot be filled fails the restore with all of them named, unless that is allowed" {
	sql > /dev/null <<-END
		create table t (a int); insert into t values (1), (2);
		create schema other; create table other.hidden (a int); insert into other.hidden values (5);
		create materialized view good as select count(*) as n from t;
		create function unqualified() returns bigint language sql stable as 'select count(*) from t';
		create function broken() returns int language plpgsql as 'begin return (select a from hidden); end';
		create materialized view bad as select unqualified() as n;
		create materialized view on_bad as select n from bad;
		set search_path = public, other;
		create materialized view "w""orse" as select broken() as n;
		create materialized view never as select 1 as one with no data;
		create index on bad (n);
	END
	mig-backup create -q
	expect 11 mig-restore latest
	says "proved, except 3 materialized views that could not be filled"
	says 'public.bad: '
	says 'public.on_bad: '
	says 'public."w""orse": '
	says "allow-unpopulated"
	[ "$(databases)" = "$DB" ]
	expect 11 mig-restore latest --json
	[ "$(grep -c '"event":"unpopulated"' <<< "$output")" = 3 ]
	expect 11 mig-verify backup latest --restore
	[ "$(mig-backup list --json | jq -r 'select(.event == "snapshot").grade')" = verified ]
	expect 11 mig-restore latest --keep-failed
	[ -n "$(copy)" ]
	expect 17 mig-restore swap "$(copy)" --accept-loss --yes
	mig-restore drop "$(copy)" --yes > /dev/null
	expect 0 mig-restore latest --allow-unpopulated --json
	[ "$(grep '"result"' <<< "$output" | jq -c '[.proved, (.unpopulated | length)]')" = '[true,3]' ]
	[ "$(in_copy "select string_agg(matviewname, ' ') from pg_matviews where ispopulated")" = good ]
	[ "$(in_copy 'select n from good')" = 2 ]
	[ "$(in_copy "select count(*) from pg_indexes where indexname = 'bad_n_idx'")" = 1 ]
	expect 0 mig-restore latest --allow-unpopulated --to-db "${DB}_new"
	says "NOT FILLED"
	expect 2 mig-restore latest --in-place --allow-unpopulated
	expect 2 mig-restore latest --schema-only --allow-unpopulated
	sql postgres -c "drop database ${DB}_new"
}

@test "trap 18: views that read one another are filled in their order" {
	sql > /dev/null <<-END
		create table t (a int); insert into t select generate_series(1, 1000);
		create materialized view z1 as select a from t where a % 2 = 0;
		create view between_them as select a from z1;
		create materialized view a2 as select a from between_them where a % 4 = 0;
		create materialized view lone as select max(a) from t;
		create materialized view m3 as select a2.a from a2 join z1 using (a);
		create unique index on m3 (a);
		create materialized view "two $(printf '\t') words;" as select count(*) from m3;
	END
	mig-backup create -q
	expect 0 mig-restore latest -j 3
	[ "$(in_copy 'select count(*) from m3')" = 250 ]
	[ "$(in_copy "select count(*) from pg_matviews where ispopulated")" = 5 ]
}

@test "event triggers come last: they fire on nothing of the restore, and keep their state" {
	sql > /dev/null <<-END
		create table t (a int primary key); insert into t values (1);
		create materialized view mv as select * from t; create index on mv (a);
		create table seen (tag text);
		create function note() returns event_trigger language plpgsql as
			'begin insert into public.seen values (tg_tag); raise exception ''nothing may be changed here''; end';
		create event trigger guard on ddl_command_start execute function note();
	END
	sql -c "alter event trigger guard disable" -c "comment on event trigger guard is 'keeps things as they are'" \
		-c "alter event trigger guard enable always"
	state="select evtname, evtevent, evtenabled, obj_description(oid, 'pg_event_trigger') from pg_event_trigger order by 1"
	mig-backup create -q
	expect 0 mig-restore latest
	diff <(sql -c "$state") <(in_copy "$state")
	[ "$(in_copy 'select count(*) from seen')" = 0 ]
	[ "$(in_copy 'select count(*) from mv')" = 1 ]
	run sql -d "$(copy)" -c "create table x ()"
	says "nothing may be changed here"
	# a disabled one comes back disabled
	sql -c "alter event trigger guard disable"
	mig-restore drop "$(copy)" --yes > /dev/null
	mig-backup create -q
	expect 0 mig-restore latest
	[ "$(in_copy "select evtenabled from pg_event_trigger")" = D ]
}

@test "publications come back with their tables, columns and conditions" {
	sql > /dev/null <<-END
		create table a (x int, y int); create table b (z int); create schema s; create table s.c (w int);
		create publication parts for table a (x), b where (z > 3) with (publish = 'insert');
		create publication whole for all tables;
		create publication schema_of for tables in schema s;
		comment on publication parts is 'for the warehouse';
	END
	state="select pubname, puballtables, pubinsert, pubupdate, obj_description(p.oid, 'pg_publication'),
		(select string_agg(schemaname || '.' || tablename || coalesce(attnames::text, '') || coalesce(rowfilter, ''), ' ' order by 1)
		from pg_publication_tables t where t.pubname = p.pubname) from pg_publication p order by 1"
	mig-backup create -q
	expect 0 mig-restore latest
	diff <(sql -c "$state") <(in_copy "$state")
}

@test "subscriptions: none in a copy; disabled and without a slot under a name of its own" {
	sql > /dev/null <<-END
		create table t (a int); insert into t values (1);
		create subscription news connection 'dbname=nowhere host=127.0.0.1 port=1' publication p
			with (connect = false, slot_name = 'precious');
		create subscription "o""dd" connection 'dbname=nowhere' publication p with (connect = false, slot_name = none);
		comment on subscription news is 'from the shop';
	END
	mig-backup create -q
	expect 0 mig-restore latest --json
	says '"event":"subscriptions_not_made"'
	[ "$(in_copy "select count(*) from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())")" = 0 ]
	expect 0 mig-restore drop "$(copy)" --yes
	expect 0 mig-verify backup latest --restore
	expect 0 mig-restore latest --schema-only --to-db "${DB}_empty"
	[ "$(sql -d "${DB}_empty" -c "select count(*) from pg_subscription where subslotname is not null
		and subdbid = (select oid from pg_database where datname = current_database())")" = 0 ]
	sql -d "${DB}_empty" -c "drop subscription news" -c 'drop subscription "o""dd"'
	sql postgres -c "drop database ${DB}_empty"
	expect 0 mig-restore latest --to-db "${DB}_new" --json
	says '"event":"subscriptions_made"'
	[ "$(sql -d "${DB}_new" -c "select subname, subenabled, subslotname, subconninfo, obj_description(oid, 'pg_subscription')
		from pg_subscription where subdbid = (select oid from pg_database where datname = current_database()) order by 1")" = \
		"$(printf 'news|f||dbname=nowhere host=127.0.0.1 port=1|from the shop\no"dd|f||dbname=nowhere|')" ]
	# it can be dropped without reaching anybody
	sql -d "${DB}_new" -c "drop subscription news" -c 'drop subscription "o""dd"'
	sql postgres -c "drop database ${DB}_new"
	sql -c "alter subscription news set (slot_name = none)" -c "drop subscription news" -c 'drop subscription "o""dd"'
}
