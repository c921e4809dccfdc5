load ../support/common
load ../support/copies
setup() {
	common_setup
	keys=$BUILD/support/keys
	write_config
}

# What pg_dump says, whatever the order of rows and of enum partitions.
dump_of() {
	plain_dump --no-comments "$1" | sort
}

traits_of() {
	sql postgres -c "select pg_get_userbyid(datdba), datconnlimit, pg_encoding_to_char(encoding),
		datcollate, datctype,
		(select array_agg(x::text order by x::text) from unnest(datacl) x),
		shobj_description(oid, 'pg_database'),
		(select array_agg(setrole::regrole::text || c order by setrole::regrole::text || c)
			from pg_db_role_setting, unnest(setconfig) c where setdatabase = d.oid)
		from pg_database d where datname = '$1'"
}

# A bit of everything that a database may hold.
make_shop() {
	sql <<-END
		create role shop_$BATS_TEST_NUMBER;
		create schema "wei""rd	schema";
		create table customers (id bigint generated always as identity primary key, name text not null,
			note text, doubled int generated always as (length(name) * 2) stored, "Odd ""name" int);
		insert into customers (name, note)
			select 'name ' || i, repeat(E'line\n\ttab\\\\', i % 50) from generate_series(1, 5000) i;
		alter table customers drop column note;
		create table orders (id int primary key, customer bigint not null references customers,
			total numeric(12, 2) check (total >= 0), made timestamptz default now(), doc jsonb);
		insert into orders select i, i, i * 1.5, '2026-01-01', '{"a": [1, null]}' from generate_series(1, 3000) i;
		create index on orders (made);
		create table "wei""rd	schema"."t	a""b" (x float8, b bytea, i interval, m money);
		insert into "wei""rd	schema"."t	a""b" values ('NaN', '\\x00ff', '1 day', 12.34), (0.1, null, '-3h', null);
		create table parent (a int); create table child (b int) inherits (parent);
		insert into parent values (1); insert into child values (2, 3);
		create table nothing (); insert into nothing default values;
		create type mood as enum ('sad', 'ok', 'happy');
		create table moods (m mood, n int) partition by hash (m);
		create table moods_0 partition of moods for values with (modulus 2, remainder 0);
		create table moods_1 partition of moods for values with (modulus 2, remainder 1);
		insert into moods select (array['sad', 'ok', 'happy'])[1 + i % 3]::mood, i from generate_series(1, 300) i;
		create table days (d date not null, v int) partition by range (d);
		create table days_2026 (v int, d date not null);
		alter table days attach partition days_2026 for values from ('2026-01-01') to ('2027-01-01');
		insert into days select date '2026-01-01' + i, i from generate_series(1, 100) i;
		create unlogged table unlogged (a int); insert into unlogged values (1);
		create sequence "Seq" start 42; select nextval('"Seq"');
		create materialized view totals as select count(*) from orders;
		create view names as select name from customers;
		alter table orders enable row level security;
		create policy mine on orders using (true);
		create function f() returns trigger language plpgsql as 'begin return new; end';
		create trigger before_orders before insert on orders for each row execute function f();
		create publication news for table orders;
		select lo_from_bytea(77, decode(repeat('ab', 300000), 'hex')), lo_from_bytea(78, '');
		comment on large object 77 is 'it''s; a ; comment';
		alter large object 77 owner to shop_$BATS_TEST_NUMBER;
		grant select on large object 77 to public;
		alter table customers owner to shop_$BATS_TEST_NUMBER;
	END
}

# bats test_tags=majors
@test "safety_18 every table, sequence, large object and definition comes back equal" {
	make_shop
	expect 0 mig-backup create
	expect 0 mig-restore latest -j 3
	says "proved equal"
	local copy
	copy=$(sql postgres -c "select datname from pg_database where datname like '${DB}__r_%'")
	diff <(dump_of "$DB") <(dump_of "$copy")
	[ "$(sql -d "$copy" -c 'select count(*) from moods')" = 300 ]
	[ "$(sql -d "$copy" -c 'select count from totals')" = 3000 ]
	[ "$(sql -d "$copy" -c 'select n_live_tup > 0 from pg_stat_user_tables where relname = '\''orders'\''')" = t ]
	expect 0 mig-restore copies
	says "proved"
	expect 0 mig-restore latest -n
	says "tables are equal"
}

@test "--to-db gives the recorded owner, privileges, limit, settings, comment, encoding and locale" {
	sql postgres <<-END
		create role to_owner; create role to_app login;
		drop database $DB;
		create database $DB owner to_owner encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0
			connection limit 33;
		revoke all on database $DB from public;
		grant connect on database $DB to to_app;
		alter database $DB set search_path = "a b", public;
		alter role to_app in database $DB set work_mem = '7MB';
		comment on database $DB is 'our shop';
	END
	sql -c "create table \"tä\" (\"ö\" text)" -c "insert into \"tä\" values ('é'), (null)" \
		-c "create sequence \"ß\"" -c "comment on table \"tä\" is 'Übersicht'"
	expect 0 mig-backup create
	expect 0 mig-restore latest --to-db "${DB}_new" --json
	says '"copy":"'"${DB}_new"'"'
	expect 0 mig-restore latest -n
	says "the table is equal"
	[ "$(traits_of "$DB")" = "$(traits_of "${DB}_new")" ]
	[[ $(traits_of "${DB}_new") = *"our shop"* ]]
	[[ $(traits_of "${DB}_new") = *LATIN1* ]]
	diff <(dump_of "$DB") <(dump_of "${DB}_new")
	expect 0 mig-restore copies
	[[ $output != *"${DB}_new"* ]]
	expect 17 mig-restore latest --to-db "${DB}_new"
	says "exists already"
	sql -c "drop database ${DB}_new" postgres
}

@test "a database without an encoding: bytes come back as they are" {
	sql postgres <<-END
		drop database $DB;
		create database $DB encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0;
	END
	sql -c "create table t (a text)" -c "insert into t values (E'caf\\xe9'), (E'\\xff\\xfe')"
	expect 0 mig-backup create
	expect 0 mig-restore latest
	local copy
	copy=$(databases | grep __r_)
	[ "$(sql -d "$copy" -c "select string_agg(encode(a::bytea, 'hex'), ' ' order by a) from t")" = "636166e9 fffe" ]
	expect 0 mig-restore latest -n
	says "the table is equal"
}

@test "a live database that is gone comes back under its own name" {
	sql -c "create table t (a int)" -c "insert into t values (7)"
	expect 0 mig-backup create
	expect 0 mig-restore latest
	sql -c "drop database $DB" postgres
	expect 10 mig-restore latest
	expect 0 mig-restore copies
	says "${DB}__r_"
	expect 0 mig-restore drop "$(databases)" --yes
	expect 0 mig-restore latest --to-db "$DB"
	[ "$(sql -c 'select a from t')" = 7 ]
}

@test "safety_06 a live name of 63 bytes in two-byte characters: restored, swapped, undone" {
	local live=üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü1
	sql -c "create database \"$live\"" postgres
	export PGDATABASE=$live
	DB=$live
	write_config
	make_live
	expect 0 mig-backup create
	expect 0 mig-maintenance on
	expect 0 mig-restore latest --swap --accept-loss --yes
	expect 0 mig-restore undo --accept-loss --yes
	expect 0 mig-maintenance off
	[ "$(rows_of "$live")" = 10 ]
	expect 0 mig-restore copies --json
	[[ $output =~ \"database\":\"(ü|\\u00[fF][cC])+__b_[0-9a-f]{10}\" ]]
	sql -c "select format('drop database %I;', datname) from pg_database where datname ~ 'üü'" postgres |
		sql postgres
}

@test "safety_07 the report lists owner, privileges and settings that a swap keeps" {
	make_live
	sql postgres -c "alter database $DB set work_mem = '8MB'" -c "alter database $DB set geqo = off"
	expect 0 mig-backup create
	sql postgres -c "alter database $DB set work_mem = '9MB'" -c "alter database $DB reset geqo" \
		-c "alter database $DB connection limit 7" -c "create role kept_reader" \
		-c "grant create on database $DB to kept_reader" \
		-c "alter role kept_reader in database $DB set jit = off"
	expect 0 mig-restore latest -n
	says "setting work_mem: 9MB here, 8MB there"
	says "setting geqo: not set here, off there"
	says "setting jit of role kept_reader: off here, not set there"
	says "connection limit: 7 here, -1 there"
	says "privileges: "
	sql postgres -c "alter database $DB owner to kept_reader"
	expect 0 mig-restore latest -n
	says "owner: kept_reader here, owner there"
}

# bats test_tags=majors
@test "by hand: restore, report, swap, undo, drop" {
	make_live
	expect 0 mig-backup create
	sql -c "insert into t values (99)" -c "create table newer (a int)"
	expect 0 mig-maintenance on
	expect 17 mig-restore latest --swap --yes
	says "public.newer"
	says "would be gone"
	says "2 of 2 tables differ"
	[ "$(databases)" = "$DB" ]
	expect 0 mig-restore latest --swap --accept-loss --yes
	[ "$(rows_of "$DB")" = 10 ]
	expect 0 mig-maintenance status
	says "closed"
	expect 0 mig-restore undo --accept-loss --yes
	[ "$(rows_of "$DB")" = 11 ]
	expect 0 mig-maintenance off
	local displaced
	displaced=$(databases | grep __b_)
	expect 0 mig-restore drop "$displaced" --yes
	[ "$(databases)" = "$DB" ]
}

# --- inside a run: the proof decides ---

# begin_run: the run key is held as mig-run does; maintenance is on, R0 taken; RUN_DIR is set
begin_run() {
	"$keys" run 20261120T010203Z-1a2b3c 60000 > run.out 2>&1 3>&- &
	until_true grep -q : run.out
	MIG_RUN=$(cat run.out)
	export MIG_RUN
	PROOF=$STATE/runs/20261120T010203Z-1a2b3c/proof.json
	expect 0 mig-maintenance on
	[ -s "$PROOF" ]
}

# bats test_tags=majors
@test "a role that is no superuser restores what it owns, whoever schema public belongs to" {
	sql postgres -c "create role plain_$DB login createdb" -c "alter database $DB owner to plain_$DB"
	sql -c "grant create on schema public to plain_$DB"
	PGUSER=plain_$DB make_live
	mig-backup create -q --to a.mig.tar
	pg_dump -Fc -f a.dump
	pg_dump -f a.sql
	# from PostgreSQL 15 on nothing of it is the superuser's
	local maps=("")
	[ "$(sql -c "show server_version_num")" -ge 150000 ] || maps+=("--role-map owner=plain_$DB")
	for file in a.mig.tar a.dump a.sql; do
		for map in "${maps[@]}"; do
			# shellcheck disable=SC2086 # two words or none
			PGUSER=plain_$DB expect 0 mig-restore "./$file" -d "dbname=$DB user=plain_$DB" --to-db "${DB}_new" $map
			[ "$(rows_of "${DB}_new")" = 10 ]
			dropdb "${DB}_new"
		done
	done
	sql postgres -c "drop database $DB" -c "drop role plain_$DB" -c "create database $DB"
}

# bats test_tags=majors
@test "safety_12 a run whose writes stopped swaps back without a question" {
	make_live
	begin_run
	expect 0 mig-backup create
	expect 0 mig-restore latest --swap --proof "$PROOF" --json
	says '"swapped":true'
	[ "$(rows_of "$DB")" = 10 ]
	[ "$(databases | wc -l)" = 2 ]
	expect 0 mig-maintenance status
	says "closed"
}

# bats test_tags=majors
@test "safety_12 somebody wrote: 17, the table named, the database untouched" {
	make_live
	begin_run
	expect 0 mig-backup create
	sql -c "insert into t values (99)"
	local live
	live=$(oid_of "$DB")
	expect 17 mig-restore latest --swap --proof "$PROOF"
	says "no proof that writes"
	says "public.t"
	[ "$(oid_of "$DB")" = "$live" ]
	[ "$(rows_of "$DB")" = 11 ]
	[ "$(databases)" = "$DB" ]
}

@test "safety_12 somebody writes while the copy is being restored: 17, the copy stays" {
	make_live
	sql -c "create table big as select i, repeat('x', 200) t from generate_series(1, 200000) i"
	begin_run
	expect 0 mig-backup create
	mig-restore latest --swap --proof "$PROOF" > restore.out 2>&1 3>&- &
	local restore=$!
	copying() { databases | grep -q __r_; }
	until_true copying
	sql -c "insert into t values (99)"
	status=0
	wait $restore || status=$?
	cat restore.out
	[ "$status" = 17 ]
	grep -q "no proof" restore.out
	[ "$(rows_of "$DB")" = 11 ]
	databases | grep __r_
}

# late SQL: what is written after the second reading, before the lock
late() {
	local copy
	make_live
	begin_run
	expect 0 mig-backup create
	expect 0 mig-restore latest
	copy=$(databases | grep __r_)
	run "$BUILD/support/swapper" "$copy" "$PROOF" "$1"
}

@test "safety_12 a write between the second reading and the lock is seen under the lock" {
	late "insert into t values (99)"
	[ "$status" = 17 ]
	says "no proof"
	says "public.t"
	[ "$(rows_of "$DB")" = 11 ]
	databases | grep __r_
}

@test "safety_12 a reader between the second reading and the lock does no harm" {
	late "select count(*) from t"
	says "swapped"
	[ "$status" = 0 ]
	databases | grep __b_
}

@test "safety_12 a proof without its first reading, or of another run, is none" {
	make_live
	expect 0 mig-backup create
	expect 17 mig-restore latest --swap --proof "$WORK/none.json"
	says "only inside the run"
	begin_run
	expect 0 mig-backup create
	: > "$WORK/empty.json"
	expect 17 mig-restore latest --swap --proof "$WORK/empty.json"
	says "no proof"
	[ "$(rows_of "$DB")" = 10 ]
}

@test "safety_09 inside a run, without a proof, the same rules hold as by hand" {
	make_live
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	expect 0 mig-restore latest
	local copy
	copy=$(databases | grep __r_)
	"$keys" run 20261120T010203Z-1a2b3c 60000 > run.out 2>&1 3>&- &
	until_true grep -q : run.out
	MIG_RUN=$(cat run.out) expect 17 mig-restore swap "$copy" --accept-loss --yes
	says "maintenance is held by hand, not by run:20261120T010203Z-1a2b3c"
	MIG_RUN=$(cat run.out) expect 0 mig-maintenance on --adopt
	MIG_RUN=$(cat run.out) expect 17 mig-restore swap "$copy" --yes
	says "--accept-loss"
	MIG_RUN=$(cat run.out) expect 0 mig-restore swap "$copy" --accept-loss --yes
}

@test "safety_13 a snapshot older than the proof is a person's decision" {
	make_live
	expect 0 mig-backup create
	sql -c "insert into t values (99)"
	begin_run
	expect 17 mig-restore latest --swap --proof "$PROOF"
	says "older than the proof"
	[ "$(rows_of "$DB")" = 11 ]
}

@test "safety_13 swap_back: never stays never, proof or not" {
	write_config "policy: {swap_back: never}"
	make_live
	begin_run
	expect 0 mig-backup create
	expect 17 mig-restore latest --swap --proof "$PROOF"
	says "never swaps back"
	[ "$(rows_of "$DB")" = 10 ]
}

# Rows of two sizes: one table is read back while the other's index is built.
make_large() {
	sql <<-END
		create table first (id int primary key, body text);
		insert into first select i, repeat(md5(i::text), 4) from generate_series(1, 120000) i;
		create index on first (md5(body));
		create table second (id int primary key, body text);
		insert into second select i, repeat(md5(i::text), 3) from generate_series(1, 20000) i;
		create table third (n int);
		insert into third values (1), (2);
	END
}

@test "safety_18 larger tables are read back in parts, beside what else there is to do" {
	make_large
	expect 0 mig-backup create
	expect 0 mig-restore latest -j 2 -v
	says "2 tables were read back in parts"
	says "proved equal"
}

@test "safety_18 what is written to a table after it was read back is seen" {
	make_large
	sql <<-END
		create function spoil() returns int language sql volatile as
			'delete from public.second where id = (select min(id) from public.second) returning id';
		create materialized view spoiled as select spoil();
	END
	expect 0 mig-backup create
	expect 15 mig-restore latest -j 2 -v
	says "1 table was read back in parts"
	says "public.second: 19998 rows, the snapshot has 19999"
	[ -z "$(sql postgres -c "select datname from pg_database where datname like '${DB}__r_%'")" ]
}

@test "--no-proof says so everywhere, and such a copy does not become live" {
	make_live
	expect 0 mig-backup create
	expect 2 mig-restore latest --no-proof --swap --accept-loss --yes
	says "exclude each other"
	expect 0 mig-restore latest --no-proof
	says "NOT PROVED"
	local copy
	copy=$(databases | grep __r_)
	expect 0 mig-restore copies
	says "not proved"
	expect 0 mig-maintenance on
	expect 17 mig-restore swap "$copy" --accept-loss --yes
	says "not complete and proved"
	expect 0 mig-maintenance off
	expect 0 mig-restore drop "$copy" --yes
	expect 0 mig-restore latest --no-proof --json
	says '"proved":false'
}

# Whatever stands behind rows, in every form that must not be taken for a plain one.
make_broad() {
	sql <<-'END'
		create extension btree_gist;
		create schema "s;1 ""q""";
		create table big (id bigint primary key, a int not null, b text default 'x', c text,
			constraint "uni;que ""1" unique (a), constraint late unique (a, id) deferrable initially deferred,
			constraint holding unique (id) include (b));
		insert into big select i, i, 'b' || i, repeat('wide ', 40) from generate_series(1, 200000) i;
		create index on big (lower(b)) where b <> 'it''s; -- not a comment';
		create index on big (a desc nulls first, b collate "C") with (fillfactor = 70);
		create index big_expr on big ((a + 1), (b || E'\\x'));
		alter index big_expr alter column 1 set statistics 500;
		create unique index big_key on big (id, a);
		alter table big replica identity using index big_key;
		cluster big using big_pkey;
		create table late_rows (id int);
		insert into late_rows select i from generate_series(1, 7) i;
		create function other(int) returns int language sql immutable as 'select count(*)::int + $1 from public.late_rows';
		create index on big (other(a)) where id < 10;
		create table parted (id int, at date, primary key (id, at), unique (at, id)) partition by range (at);
		create table parted_1 partition of parted for values from ('2026-01-01') to ('2026-07-01');
		create table parted_2 partition of parted for values from ('2026-07-01') to ('2027-01-01') partition by list (id);
		create table parted_2_1 partition of parted_2 default;
		create index on parted (at);
		create index only_here on only parted (id);
		insert into parted select i, date '2026-01-01' + i % 300 from generate_series(1, 2000) i;
		create table refers (id int primary key, p int, at date, foreign key (p, at) references parted);
		insert into refers select id, id, at from parted;
		create table parted_refers (id int references big (a)) partition by hash (id);
		create table parted_refers_0 partition of parted_refers for values with (modulus 1, remainder 0);
		insert into parted_refers select i from generate_series(1, 100) i;
		create table egg (id int primary key, hen int);
		create table hen (id int primary key, egg int references egg on delete cascade deferrable initially deferred);
		alter table egg add foreign key (hen) references hen match full not valid;
		insert into hen values (1, null); insert into egg values (1, 1);
		update hen set egg = 1;
		alter table egg add constraint "self ""one" foreign key (id) references egg;
		create table tree (id int primary key, up int references tree on update set null);
		insert into tree values (1, null), (2, 1);
		create table "s;1 ""q"""."t;
		1" ("i d" int generated by default as identity primary key, "ref'" int references big,
			g int generated always as (1 + 1) stored);
		insert into "s;1 ""q"""."t;
		1" ("ref'") values (5);
		create table spans (during int4range, exclude using gist (during with &&));
		insert into spans values ('[1,3)'), ('[3,9)');
		create materialized view sums as select a % 7 as a, count(*) from big group by 1;
		create unique index on sums (a);
		create view by_key as select id, b from big group by id;
		create statistics counted (ndistinct, dependencies) on a, b from big;
		create function quiet() returns event_trigger language plpgsql as 'begin perform 1; end';
		create event trigger watch on ddl_command_end execute function quiet();
		create function f() returns trigger language plpgsql as 'begin return new; end';
		create constraint trigger checked after insert on big deferrable for each row execute function f();
		create trigger off before insert on big for each row execute function f();
		alter table big disable trigger off;
		create rule swallow as on delete to late_rows do instead nothing;
		alter table late_rows enable row level security, force row level security;
		create policy "some" on late_rows for select using (id > 3);
		comment on index big_key is 'the ''key''; of big';
		comment on constraint "uni;que ""1" on big is 'unique';
		comment on constraint "self ""one" on egg is E'two\nlines';
		comment on statistics counted is 'counted';
		comment on trigger off on big is 'off';
	END
}

schema_of() {
	plain_dump -s "$1"
}

@test "safety_18 every form of index, constraint and trigger: the schema comes back byte for byte" {
	make_broad
	expect 0 mig-backup create
	expect 0 mig-restore latest -j 2
	says "proved equal"
	local copy
	copy=$(databases | grep __r_)
	diff <(schema_of "$DB") <(schema_of "$copy")
	local invalid="select count(*) from pg_constraint where not convalidated"
	[ "$(sql -c "$invalid")" = 1 ]
	[ "$(sql -d "$copy" -c "$invalid")" = 1 ]
	[ "$(sql -d "$copy" -c "select count(*) from pg_index where not indisvalid and indexrelid <> 'only_here'::regclass")" = 0 ]
	# an index over a function that reads another table was built when that table was whole
	[ "$(sql -d "$copy" -c "set enable_seqscan = off" -c "select count(*) from big where other(a) = 8 and id < 10")" = 1 ]
	[ "$(sql -d "$copy" -c "select count(*) from sums")" = 7 ]
}
