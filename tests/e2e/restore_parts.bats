# Restores of a part, under other roles, elsewhere: --schema-only, --data-only, --role-map,
# --no-tablespaces, another environment's snapshot.
load ../support/common
load ../support/copies

dump_of() {
	plain_dump "$@" | sort
}

make_shop() {
	sql <<-END
		create table a (id int primary key, b int);
		create table b (id int primary key, a int references a not null);
		insert into a select i, i from generate_series(1, 300) i;
		insert into b select i, i from generate_series(1, 300) i;
		alter table a add foreign key (b) references b deferrable;
		create table audit (id bigint generated always as identity, what text);
		create function note() returns trigger language plpgsql as
			'begin insert into public.audit (what) values (tg_table_name); return new; end';
		create trigger note after insert on a for each row execute function note();
		create trigger quiet after insert on b for each row execute function note();
		alter table b disable trigger quiet;
		create sequence s; select setval('s', 77);
		create materialized view m as select count(*) from a;
		select lo_from_bytea(42, 'abc');
	END
}

@test "--schema-only into a new database, then --data-only: constraints, triggers and rows as in the snapshot" {
	make_shop
	expect 0 mig-backup create
	expect 0 mig-restore latest --schema-only --to-db "${DB}_new"
	says "no rows, NOT PROVED"
	diff <(dump_of --schema-only "$DB") <(dump_of --schema-only "${DB}_new")
	[ "$(sql -d "${DB}_new" -c 'select count(*) from a')" = 0 ]
	expect 0 mig-restore latest --data-only --to-db "${DB}_new" -n
	says "would be put into ${DB}_new"
	[ "$(sql -d "${DB}_new" -c 'select count(*) from a')" = 0 ]
	expect 0 mig-restore latest --data-only --to-db "${DB}_new"
	says "proved equal to the snapshot"
	diff <(dump_of "$DB") <(dump_of "${DB}_new")
	# nothing is loaded twice
	expect 17 mig-restore latest --data-only --to-db "${DB}_new" -n
	expect 17 mig-restore latest --data-only --to-db "${DB}_new"
	says "table public.a has rows"
	sql -d "${DB}_new" -c "drop table b cascade"
	expect 17 mig-restore latest --data-only --to-db "${DB}_new"
	says "table public.b is not there"
	# side by side, too; such a copy is never swapped in
	expect 0 mig-restore latest --schema-only
	local copy
	copy=$(databases | grep __r_)
	expect 17 mig-restore swap "$copy" --accept-loss --yes
	says "not complete and proved"
}

@test "--data-only: rows that the constraints refuse, and what is asked wrongly" {
	make_shop
	expect 0 mig-backup create
	expect 0 mig-restore latest --schema-only --to-db "${DB}_new"
	sql -d "${DB}_new" -c "alter table a add constraint small check (id < 300)"
	expect 11 mig-restore latest --data-only --to-db "${DB}_new"
	says "small"
	[ "$(sql -d "${DB}_new" -c 'select count(*) from a')" = 0 ]
	[ "$(sql -d "${DB}_new" -c "select condeferrable from pg_constraint where conname = 'b_a_fkey'")" = f ]
	expect 2 mig-restore latest --data-only
	expect 2 mig-restore latest --data-only --schema-only --to-db x
	expect 2 mig-restore latest --data-only --to-db x --swap
	expect 2 mig-restore latest --schema-only --swap
	expect 2 mig-restore latest --schema-only --in-place
	expect 14 mig-restore latest --data-only --to-db "${DB}_none"
	expect 17 mig-restore latest --data-only --to-db "$DB"
	says "is the live database"
}

@test "--role-map: owners, grants, policies, defaults, large objects and database traits; a table of that name stays" {
	local old="old_$BATS_TEST_NUMBER" other='odd "role"_'$BATS_TEST_NUMBER new="new_$BATS_TEST_NUMBER"
	sql postgres -c "create role $old" -c "create role \"odd \"\"role\"\"_$BATS_TEST_NUMBER\" login" -c "create role $new"
	sql <<-END
		create schema $old authorization $old;
		create table $old.$old ($old int);
		alter table $old.$old owner to $old;
		grant select ($old) on $old.$old to "odd ""role""_$BATS_TEST_NUMBER";
		alter default privileges for role $old grant select on tables to "odd ""role""_$BATS_TEST_NUMBER";
		create policy p on $old.$old to $old, "odd ""role""_$BATS_TEST_NUMBER" using ($old in (select $old from $old.$old));
		create function f() returns text language sql as 'select ''alter table x owner to $old; grant select on x to $old''';
		alter function f() owner to $old;
		select lo_from_bytea(42, 'abc');
		alter large object 42 owner to $old;
		grant select on large object 42 to "odd ""role""_$BATS_TEST_NUMBER";
		grant connect on database $DB to "odd ""role""_$BATS_TEST_NUMBER";
		alter role "odd ""role""_$BATS_TEST_NUMBER" in database $DB set work_mem = '7MB';
		alter database $DB owner to $old;
		create index on $old.$old ($old);
	END
	expect 0 mig-backup create
	sql -c "drop owned by $old cascade" -c "drop owned by \"odd \"\"role\"\"_$BATS_TEST_NUMBER\" cascade"
	sql postgres -c "reassign owned by $old to owner" -c "alter role \"odd \"\"role\"\"_$BATS_TEST_NUMBER\" in database $DB reset all" \
		-c "drop role $old, \"odd \"\"role\"\"_$BATS_TEST_NUMBER\""
	expect 17 mig-restore latest --to-db "${DB}_new"
	says "role \"$old\""
	says "--role-map OLD=NEW"
	expect 17 mig-restore latest --to-db "${DB}_new" --role-map "$old=$new"
	[[ $output != *"role \"$old\""* ]]
	expect 2 mig-restore latest --role-map nonsense
	expect 2 mig-restore latest --role-map a=b --role-map a=c
	expect 0 mig-restore latest --to-db "${DB}_new" --role-map "$old=$new" --role-map "$other=$new"
	says "proved equal"
	[ "$(sql -d "${DB}_new" -c "select tableowner from pg_tables where tablename = '$old'")" = "$new" ]
	[ "$(sql -d "${DB}_new" -c "select f()")" = "alter table x owner to $old; grant select on x to $old" ]
	[ "$(sql -d "${DB}_new" -c "select roles from pg_policies")" = "{$new,$new}" ] ||
		[ "$(sql -d "${DB}_new" -c "select roles from pg_policies")" = "{$new}" ]
	[ "$(sql -d "${DB}_new" -c "select lomowner::regrole from pg_largeobject_metadata")" = "$new" ]
	[ "$(sql postgres -c "select pg_get_userbyid(datdba) from pg_database where datname = '${DB}_new'")" = "$new" ]
	[ "$(sql postgres -c "select setrole::regrole from pg_db_role_setting join pg_database d on d.oid = setdatabase
		where datname = '${DB}_new'")" = "$new" ]
}

@test "--no-tablespaces: a missing tablespace is no obstacle" {
	sql -c "set allow_in_place_tablespaces = on" -c "create tablespace gone_$BATS_TEST_NUMBER location ''"
	sql -c "create table t (a int primary key using index tablespace gone_$BATS_TEST_NUMBER) tablespace gone_$BATS_TEST_NUMBER" \
		-c "insert into t select generate_series(1, 10)"
	expect 0 mig-backup create
	sql -c "drop table t" -c "drop tablespace gone_$BATS_TEST_NUMBER"
	expect 17 mig-restore latest
	says "--no-tablespaces"
	expect 0 mig-restore latest --no-tablespaces
	says "proved equal"
	[ "$(rows_of "$(databases | grep __r_)")" = 10 ]
}

@test "another environment's snapshot: loss report, roles, swap under the policy of the own environment" {
	cat >> mig.yaml <<-END
		    policy: {restore: allow}
		  other:
		    database: "dbname=${DB}_other"
		    policy: {restore: never}
	END
	make_live
	sql postgres -c "create database ${DB}_other"
	sql -d "${DB}_other" -c "create table t (a int)" -c "insert into t select generate_series(1, 25)" \
		-c "create table theirs (a int)"
	expect 0 mig-backup create -e other
	expect 14 mig-restore latest -e live
	expect 0 mig-restore other:latest -e live -n
	says "$DB against snapshot"
	says "of ${DB}_other"
	says "public.theirs"
	expect 0 mig-restore other:latest -e live
	[ "$(rows_of "$(databases | grep "^${DB}__r_")")" = 25 ]
	expect 0 mig-maintenance on -e live
	expect 0 mig-restore other:latest -e live --swap --accept-loss
	[ "$(rows_of "$DB")" = 25 ]
	[ "$(rows_of "${DB}_other")" = 25 ]
	expect 17 mig-restore latest -e other --swap --accept-loss
	says "never puts an older state in place"
}
