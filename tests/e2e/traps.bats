# Traps of a logical dump that no other file walks into: what PostgreSQL lets go wrong in silence.
load ../support/common
teardown() {
	[ -z "${STANDBY:-}" ] || standby_stop
	common_teardown
}

# comes_back: the newest snapshot, restored, gives the pg_dump output of the live database
comes_back() {
	dropdb --if-exists -f copy
	expect 0 mig-restore latest --to-db copy || return 1
	diff <(dump "$DB") <(dump copy)
}

dump() {
	plain_dump "$1" | LC_ALL=C sort
}

@test "foreign keys in a circle, and to the table itself" {
	sql <<-'END'
		create table person (id int primary key, boss int references person, team int);
		create table team (id int primary key, lead int not null references person deferrable initially deferred);
		alter table person add foreign key (team) references team;
		begin;
		insert into team select i, i from generate_series(1, 50) i;
		insert into person select i, 51 - i, i from generate_series(1, 50) i;
		commit;
	END
	expect 0 mig-backup create
	comes_back
	dropdb copy
}

# bats test_tags=majors
@test "materialized views upon each other, unpopulated ones, with unique indexes" {
	sql <<-'END'
		create table t as select i from generate_series(1, 100) i;
		create materialized view zz as select i, i * 2 j from t;
		create unique index on zz (i);
		create materialized view mm as select count(*) n from zz;
		create view v as select n from mm;
		create materialized view aa as select n + 1 m from v;
		create materialized view never as select 1 / 0 x with no data;
	END
	expect 0 mig-backup create
	comes_back
	[ "$(sql -d copy -c "select m from aa")" = 101 ]
	[ "$(sql -d copy -c "select relispopulated from pg_class where relname = 'never'")" = f ]
	dropdb copy
}

@test "rows of a foreign table are elsewhere: its definition alone is kept" {
	[ -e "$cluster_share/extension/file_fdw.control" ] || skip "no contrib modules"
	printf '1\n2\n' > numbers.csv
	chmod -R go+rX "$WORK"
	sql -c "create extension file_fdw" -c "create server files foreign data wrapper file_fdw" \
		-c "create foreign table numbers (i int) server files options (filename '$WORK/numbers.csv')" \
		-c "create table mine (i int)" -c "insert into mine select i from numbers"
	expect 0 mig-backup create
	rm numbers.csv
	expect 0 mig-restore latest --to-db copy
	[ "$(sql -d copy -c "select count(*) from mine")" = 2 ]
	[ "$(sql -d copy -c "select relkind from pg_class where relname = 'numbers'")" = f ]
	dropdb copy
}

@test "checks and defaults whose functions stand in another schema; domains; generated columns" {
	sql <<-'END'
		create schema app;
		create function app.even(i int) returns boolean immutable language sql as 'select i % 2 = 0';
		create function app.doubled(i int) returns int immutable language plpgsql as 'begin return i * 2; end';
		create domain app.even_number as int check (app.even(value));
		create table app.t (
			id int generated always as identity primary key,
			n app.even_number check (app.even(n)),
			twice int generated always as (app.doubled(n)) stored,
			d int default app.doubled(21));
		insert into app.t (n) select i * 2 from generate_series(1, 20) i;
		create index on app.t (app.doubled(n)) where app.even(n);
	END
	expect 0 mig-backup create
	comes_back
	[ "$(sql -d copy -c "insert into app.t (n) values (4) returning id, twice, d")" = "21|8|42" ]
	dropdb copy
}

@test "a sequence that may not be read stops the snapshot: no value is guessed" {
	sql -c "drop role if exists half" -c "create role half login" -c "create table t (i int)" \
		-c "create sequence s" -c "select nextval('s')" -c "grant select on t to half" \
		-c "grant usage on sequence s to half"
	PGUSER=half expect 11 mig-backup create
	says "sequence"
	expect 0 mig-backup list
	[ -z "$(mig-backup list -q)" ]
	sql -c "drop owned by half" -c "drop role half"
}

# bats test_tags=majors
@test "settings of the role, the database and the client do not reach the rows" {
	sql -c "drop role if exists odd" -c "create role odd superuser login" \
		-c "alter role odd set datestyle = 'German, DMY'" -c "alter role odd set extra_float_digits = -3" \
		-c "alter role odd set bytea_output = escape" -c "alter role odd set intervalstyle = iso_8601" \
		-c "alter role odd set timezone = 'Asia/Kathmandu'" -c "alter role odd set standard_conforming_strings = off" \
		-c "alter role odd set xmloption = document" -c "alter role odd set statement_timeout = '4ms'" \
		-c "alter role odd set default_transaction_read_only = on" \
		-c "alter role odd set client_encoding = latin1" -c "alter role odd set row_security = on" \
		-c "alter role odd set search_path = nowhere" -c "alter role odd set array_nulls = off"
	sql <<-'END'
		create table t (d date, f float8, b bytea, i interval, z timestamptz, x xml, s text, a text[], m money);
		insert into t values ('2026-02-03', 0.1 + 0.2, '\x00ff5c', '1 year 2 days 3:04:05', '2026-02-03 04:05:06+00',
			'a <b/> c', E'back\\slash ''quote'' \u20ac', '{a,NULL,"NULL"}', 12.34);
	END
	PGUSER=odd PGOPTIONS="-c datestyle=SQL,DMY" PGCLIENTENCODING=SQL_ASCII expect 0 mig-backup create --label odd
	expect 0 mig-backup create --label plain
	local hash
	for hash in odd plain; do
		mig-backup show label:$hash --tables --json | jq -r 'select(.event == "table") | .hash' > $hash
	done
	cmp odd plain
	PGUSER=odd expect 0 mig-restore label:odd --to-db copy
	diff <(dump "$DB") <(dump copy)
	dropdb copy
	sql -c "drop role odd"
}

@test "event triggers do not fire while a database is made" {
	sql <<-'END'
		create table seen (tag text);
		create function note() returns event_trigger language plpgsql as
			$$ begin insert into public.seen values (tg_tag); end $$;
		create event trigger noting on ddl_command_end execute function note();
		create table t (i int primary key);
		create materialized view m as select count(*) from t;
	END
	local before
	before=$(sql -c "select count(*) from seen")
	[ "$before" -ge 2 ]
	expect 0 mig-backup create
	comes_back
	[ "$(sql -d copy -c "select count(*) from seen")" = "$before" ]
	sql -d copy -c "create table later (i int)"
	[ "$(sql -d copy -c "select count(*) from seen")" = "$((before + 1))" ]
	dropdb copy
	# nor in place
	printf 'mig: 1\nproject: shop\nenvironments:\n  dev: {database: "dbname=%s", maintenance: [{file: flag}]}\n' \
		"$DB" > mig.yaml
	expect 0 mig-maintenance on
	expect 0 mig-backup create --label now
	local closed
	closed=$(sql -c "select count(*) from seen")
	sql -c "create table later (i int)"
	expect 0 mig-backup create
	expect 0 mig-restore label:now --in-place --accept-loss --yes
	[ "$(sql -c "select count(*) from seen")" = "$closed" ]
	[ "$(sql -c "select to_regclass('later') is null")" = t ]
	expect 0 mig-maintenance off
	sql -c "drop event trigger noting"
}

@test "trap 13: a view put in a table's place is never read" {
	sql <<-'END'
		create table t (i int); insert into t select generate_series(1, 500);
		create table called (at timestamptz);
		create function evil() returns int language sql volatile as
			'insert into public.called values (now()); select -1';
	END
	touch go
	(while [ -e go ]; do
		psql -Xq -c "begin; alter table t rename to aside; create view t as select evil() i; commit" \
			-c "begin; drop view t; alter table aside rename to t; commit" > /dev/null 2>&1
	done) 3>&- &
	local round
	for round in 1 2 3 4; do
		run mig-backup create --lock-timeout 5s
		[ "$status" = 0 ] || [ "$status" = 13 ]
		[ "$status" != 0 ] || mig-backup show latest --tables --json | jq -es '[.[] | select(.event == "table" and
			(.name == "t" or .name == "aside")) | .rows] == [500]'
	done
	rm go
	wait
	[ "$(sql -c "select count(*) from called")" = 0 ]
}

@test "trap 14: temporary tables of others are not seen" {
	psql -Xqc "create temporary table mine as select 1 a" -c "select pg_sleep(60)" > /dev/null 2>&1 3>&- &
	local i
	for i in $(seq 500); do
		[ "$(sql -c "select count(*) from pg_class where relname = 'mine'")" = 0 ] || break
		sleep 0.1
	done
	[ "$(sql -c "select relpersistence from pg_class where relname = 'mine'")" = t ]
	sql -c "create table t (i int)"
	expect 0 mig-backup create
	[ "$(mig-backup show latest --tables --json | jq -r 'select(.event == "table") | .name')" = t ]
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'pg_sleep.60' and pid <> pg_backend_pid()" > /dev/null
}

# extension NAME: its control file, and its script out of stdin
extension() {
	[ -w "$cluster_share/extension" ] || skip "extensions cannot be added here"
	printf "default_version = '1'\n" > "$cluster_share/extension/$1.control"
	cat > "$cluster_share/extension/$1--1.sql"
}

@test "trap 15: configuration tables of an extension that refer to one another" {
	extension mig_refer <<-'END'
		create table z_head (id int primary key, above int references z_head);
		create table a_line (id int primary key, head int not null references z_head);
		select pg_extension_config_dump('a_line', '');
		select pg_extension_config_dump('z_head', '');
	END
	sql -c "create extension mig_refer" -c "insert into z_head values (1, null), (2, 1)" \
		-c "insert into a_line select i, 1 + i % 2 from generate_series(1, 50) i"
	expect 0 mig-backup create
	expect 0 mig-restore latest -j 3 --to-db copy
	[ "$(sql -d copy -c "select count(*), sum(head) from a_line")" = "50|75" ]
	[ "$(sql -d copy -c "select string_agg(id || coalesce('<' || above, ''), ' ' order by id) from z_head")" = "1 2<1" ]
	dropdb copy
	rm "$cluster_share"/extension/mig_refer*
}

# later_extension NAME: a configuration table of it refers to a younger one; rows of its own and ours
later_extension() {
	extension "$1" <<-'END'
		create table z_line (id int primary key, head int not null);
		create table m_head (id int primary key, own bool default true);
		alter table z_line add foreign key (head) references m_head;
		insert into m_head values (1, false);
		insert into z_line values (0, 1);
		select pg_extension_config_dump('z_line', 'where id > 0');
		select pg_extension_config_dump('m_head', 'where own');
	END
	sql -c "create extension $1" -c "insert into m_head values (2), (3)" \
		-c "insert into z_line select i, 1 + i % 2 from generate_series(1, 50) i"
}

# later_is_in DATABASE: the rows of a later_extension are there, with those of its script, and nothing twice
later_is_in() {
	[ "$(sql -d "$1" -c "select count(*), sum(head) from z_line")" = "51|76" ]
	[ "$(sql -d "$1" -c "select count(*) from m_head")" = 3 ]
}

@test "trap 15: a configuration table refers to a younger one; rows of the extension's script are in the way" {
	later_extension mig_later
	expect 0 mig-backup create --to a.mig.tar
	expect 0 mig-verify backup ./a.mig.tar
	expect 0 mig-restore ./a.mig.tar -j 3 --to-db copy
	later_is_in copy
	sql -d copy -c "delete from z_line where id > 0" -c "delete from m_head where own"
	expect 0 mig-restore ./a.mig.tar --data-only --to-db copy
	later_is_in copy
	dropdb copy
	createdb copy
	mig-backup cat ./a.mig.tar | psql -Xqo /dev/null copy
	later_is_in copy
	dropdb copy
	mkdir unpacked
	tar -xf a.mig.tar -C unpacked
	sh unpacked/restore.sh copy > /dev/null
	later_is_in copy
	dropdb copy
	rm "$cluster_share"/extension/mig_later*
}

@test "trap 15: the same out of dumps of pg_dump" {
	later_extension mig_dumped
	pg_dump -Fc -f a.dump
	pg_dump -Fd -j2 -f a.dir
	pg_dump -f a.sql
	local dump
	for dump in a.dump a.dir a.sql; do
		expect 0 mig-restore "./$dump" -j 3 --to-db copy
		later_is_in copy
		dropdb copy
	done
	rm "$cluster_share"/extension/mig_dumped*
}

@test "trap 15: configuration tables that refer to one another in a circle" {
	extension mig_circle <<-'END'
		create table team (id int primary key, chief int);
		create table person (id int primary key, team int not null references team);
		create table badge (person int primary key references person);
		alter table team add constraint chief foreign key (chief) references person;
		select pg_extension_config_dump('team', '');
		select pg_extension_config_dump('person', '');
		select pg_extension_config_dump('badge', '');
	END
	sql -c "create extension mig_circle" -c "insert into team values (1), (2)" \
		-c "insert into person values (1, 1), (2, 1), (3, 2)" \
		-c "update team set chief = id + 1" -c "insert into badge values (2)"
	expect 0 mig-backup create
	expect 0 mig-restore latest -j 3 --to-db copy
	[ "$(sql -d copy -c "select sum(chief), (select count(*) from badge) from team")" = "5|1" ]
	[ "$(sql -d copy -c "select count(*) filter (where condeferrable) from pg_constraint where contype = 'f'")" = 0 ]
	expect 1 psql -Xd copy -c "update team set chief = 9"
	dropdb copy
	mig-backup cat latest > /dev/null 2> said
	grep -q "refer to one another in a circle: public.team, public.person" said
	rm "$cluster_share"/extension/mig_circle*
}

@test "trap 16: without rows sequences keep their values all the same" {
	sql -c "create table t (id int generated always as identity, s serial)" -c "create sequence alone increment by 3" \
		-c "insert into t select from generate_series(1, 41)" -c "select nextval('alone'), nextval('alone')" > /dev/null
	expect 0 mig-backup create --exclude-table-data '*' --to none.mig.tar
	expect 0 mig-restore ./none.mig.tar --to-db copy
	[ "$(sql -d copy -c "select count(*) from t")" = 0 ]
	[ "$(sql -d copy -c "insert into t default values returning id, s")" = "42|42" ]
	[ "$(sql -d copy -c "select nextval('alone')")" = 7 ]
	dropdb copy
}

@test "trap 20: rows come back in the order in which they lay" {
	sql -c "create table t as select i, repeat('x', 50) v from generate_series(1, 40000) i" \
		-c "create index on t using brin (i)"
	expect 0 mig-backup create
	expect 0 mig-restore latest -j 3 --to-db copy
	[ "$(sql -d copy -c "select count(*) from (select i, lag(i) over (order by ctid) p from t) x where p > i")" = 0 ]
	dropdb copy
}

@test "trap 32: neither the settings of psql nor of libpq reach what is read or restored" {
	sql -c "create table t (i int)" -c "insert into t values (1), (2)"
	printf '%s\n' '\! touch hacked' "set default_transaction_read_only = on;" > psqlrc
	cp psqlrc .psqlrc
	export PSQLRC=$WORK/psqlrc PGOPTIONS="-c default_transaction_read_only=on -c search_path=nowhere"
	expect 0 mig-backup create --to a.mig.tar
	expect 0 mig-restore ./a.mig.tar --to-db copy
	unset PGOPTIONS
	[ "$(sql -d copy -c "select count(*) from t")" = 2 ]
	dropdb copy
	mkdir unpacked
	tar -xf a.mig.tar -C unpacked
	sh unpacked/restore.sh copy > /dev/null
	[ "$(sql -d copy -c "select count(*) from t")" = 2 ]
	[ ! -e hacked ] && [ ! -e unpacked/hacked ]
	dropdb copy
}

# standby_start: a standby of the cluster, on a socket of its own in $STANDBY
standby_start() {
	STANDBY=$(mktemp -d "${TMPDIR:-/tmp}/mig-pg.XXXXXX")
	[ "$(id -u)" != 0 ] || chown postgres "$STANDBY"
	cluster_as pg_basebackup -h "$PGHOST" -p "$PGPORT" -U owner -D "$STANDBY/data" -R -c fast --no-sync
	cluster_as tee -a "$STANDBY/data/postgresql.conf" > /dev/null <<-END
		unix_socket_directories = '$STANDBY'
		hot_standby_feedback = on
	END
	cluster_as "$cluster_bin/pg_ctl" -D "$STANDBY/data" -l "$STANDBY/log" -w -s start 3>&-
}

standby_stop() {
	cluster_as "$cluster_bin/pg_ctl" -D "$STANDBY/data" -m immediate -s stop || true
	rm -rf "$STANDBY"
	STANDBY=
}

# bats test_tags=majors
@test "a standby can be read: the snapshot says so, without unlogged rows" {
	sql -c "create table t as select i from generate_series(1, 3000) i" \
		-c "create unlogged table fast as select 1 a" -c "create sequence s" -c "select nextval('s')"
	standby_start
	PGHOST=$STANDBY expect 0 mig-backup create
	says "standby"
	[ "$(mig-backup show latest --tables --json | jq -r 'select(.event == "table" and .name == "t") | .rows')" = 3000 ]
	expect 0 mig-verify backup latest
	PGHOST=$STANDBY expect 17 mig-restore latest
	says "standby"
	standby_stop
	expect 0 mig-restore latest --to-db copy
	[ "$(sql -d copy -c "select count(*) from t")" = 3000 ]
	[ "$(sql -d copy -c "select nextval('s')")" = 2 ]
	[ "$(sql -d copy -c "select relpersistence from pg_class where relname = 'fast'")" = u ]
	dropdb copy
}

@test "what fails only at the commit of a round trip is told, and the session goes on" {
	sql -c "create table p (i int primary key)" \
		-c "create table c (i int references p deferrable initially deferred)"
	"$BUILD/support/pipeline" "dbname=$DB" "insert into c values (99)" "select 7" > out
	diff out - <<-'END'
		together: failed, 1 done
		after: worked
		each: worked: failed worked
		after: worked
	END
	[ "$(sql -c "select count(*) from c")" = 0 ]
}
