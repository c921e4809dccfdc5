# Databases that are not in UTF-8: names, comments, definitions and rows come back byte for byte, by
# every way to restore them.
load ../support/common
load ../support/copies
setup() { common_setup; }
teardown() {
	sql postgres -c "drop database if exists ${DB}_new" -c "drop role if exists \"caf_$BATS_TEST_NUMBER\""
	common_teardown
}

# odd_database ENCODING: $DB in it; E (e with an acute accent) and U are bytes of no valid UTF-8
odd_database() {
	sql postgres -c "drop database $DB" \
		-c "create database $DB encoding $1 template template0 locale 'C'" -c "create role \"caf_$BATS_TEST_NUMBER\""
	write_config
	sed -e 's/E_/\xe9/g' -e 's/U_/\xfc/g' <<-'END' | PGCLIENTENCODING=$1 psql -Xq -v ON_ERROR_STOP=1
		create schema "schE_ma";
		create type "schE_ma"."U_t" as enum ('trE_s', 'bien');
		create table "schE_ma"."tE_" ("id" int primary key, "nU_m" text default 'dE_faut', m "schE_ma"."U_t",
			constraint "chE_ck" check ("nU_m" <> 'interdU_t'));
		comment on table "schE_ma"."tE_" is 'commE_nt; U_ ''';
		comment on column "schE_ma"."tE_"."nU_m" is 'colU_mn';
		insert into "schE_ma"."tE_" select i, 'rE_w ' || i, 'trE_s' from generate_series(1, 300) i;
		create index "idE_x" on "schE_ma"."tE_" ("nU_m") where "nU_m" <> 'E_';
		create view "vU_e" as select "nU_m" as "E_", 'U_ber'::text as lit from "schE_ma"."tE_" where "nU_m" like 'rE_%';
		comment on view "vU_e" is 'vE_';
		create materialized view "mE_" as select count(*) as "nE_" from "vU_e" where "E_" <> 'E_';
		create materialized view "mU_" as select "nE_" from "mE_";
		create unique index "mE_i" on "mE_" ("nE_");
		create function "fE_"() returns text language sql immutable as $$ select 'E_t U_'::text $$;
		create function "trU_"() returns trigger language plpgsql as $$ begin new."nU_m" := coalesce(new."nU_m", 'E_'); return new; end $$;
		create trigger "trE_" before insert on "schE_ma"."tE_" for each row execute function "trU_"();
		create sequence "sE_q"; select setval('"sE_q"', 7) as x \gset
		create table "pE_" ("kE_" text, v int) partition by list ("kE_");
		create table "pE__1" partition of "pE_" for values in ('E_', 'a');
		create table "pE__2" partition of "pE_" for values in ('U_');
		insert into "pE_" values ('E_', 1), ('U_', 2);
		create table "refE_" (id int references "schE_ma"."tE_");
		insert into "refE_" values (5);
		create publication "pubE_" for table "schE_ma"."tE_";
		select lo_from_bytea(9, '\xe9fc') as x \gset
		comment on large object 9 is 'grE_s';
	END
}

dump_of() {
	LC_ALL=C pg_dump --exclude-schema=mig "$1" | grep -av -e '^\\restrict' -e '^\\unrestrict' -e '^--' | LC_ALL=C sort
}

same_as_live() {
	cmp <(dump_of "$DB") <(dump_of "$1")
	[ "$(sql -d "$1" -c "select string_agg(c.relname || ' ' || pg_relation_size(c.oid)::text, ' ') from pg_class c where relkind = 'm' and not relispopulated")" = "" ]
}

# every_way: all of them, in the encoding of the database
every_way() {
	mig-backup create -q --label "l"
	expect 0 mig-verify backup latest
	expect 0 mig-restore latest -j 3
	local copy
	copy=$(databases | grep __r_)
	same_as_live "$copy"
	expect 0 mig-verify data --against latest -d "dbname=$copy"
	expect 0 mig-restore drop "$copy" --yes
	expect 0 mig-restore latest -j 1 --to-db "${DB}_new"
	same_as_live "${DB}_new"
	sql postgres -c "drop database ${DB}_new"
	# as text, for other roles
	expect 0 mig-restore latest --to-db "${DB}_new" --role-map "owner=caf_$BATS_TEST_NUMBER"
	cmp <(dump_of "$DB" | grep -av ' OWNER TO ') <(dump_of "${DB}_new" | grep -av ' OWNER TO ')
	sql postgres -c "drop database ${DB}_new"
	expect 0 mig-restore latest --schema-only --to-db "${DB}_new"
	expect 0 mig-restore latest --data-only --to-db "${DB}_new"
	sql -d "${DB}_new" -c "$(printf 'refresh materialized view "m\xe9"; refresh materialized view "m\xfc"')"
	same_as_live "${DB}_new"
	sql postgres -c "drop database ${DB}_new"
	# a change is found, listed, exported and brought back
	export PGCLIENTENCODING=$1
	sql -c "$(printf 'insert into "sch\xe9ma"."t\xe9" values (1000, '"'n\xe9w'"', '"'bien'"')')"
	expect 0 mig-restore latest -n --export-lost lost
	says "1 lost"
	grep -aq "$(printf 'n\xe9w')" lost/*.copy
	expect 4 mig-verify data --against latest --rows 3
	# in place
	local closed
	expect 0 mig-maintenance on
	mig-backup create -q --label closed
	closed=$(dump_of "$DB" | md5sum)
	sql -c "$(printf 'drop view "v\xfce" cascade; drop function "f\xe9"')"
	mig-backup create -q
	expect 0 mig-restore label:closed --in-place --accept-loss --yes
	[ "$(dump_of "$DB" | md5sum)" = "$closed" ]
	expect 0 mig-restore label:l --swap --accept-loss --yes
	expect 0 mig-maintenance off
	(cd lost && psql -Xq -v ON_ERROR_STOP=1 -f load.sql)
	[ "$(dump_of "$DB" | grep -ac "$(printf 'n\xe9w')")" = 1 ]
	unset PGCLIENTENCODING
}

# bats test_tags=majors
@test "LATIN1: names, comments, views and rows by every way" {
	odd_database LATIN1
	every_way LATIN1
}

@test "SQL_ASCII: names, comments, views and rows by every way" {
	odd_database SQL_ASCII
	every_way SQL_ASCII
}
