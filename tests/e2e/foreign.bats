load ../support/common
load ../support/copies
load ../support/dumps
load ../support/every_kind

dump_of() {
	plain_dump --no-comments "$1" | sort
}

make_shop() {
	sql <<-END
		create role "shop $BATS_TEST_NUMBER";
		create table orders (id int generated always as identity primary key, note text, doc jsonb);
		insert into orders (note, doc) select repeat(E'semi;\n\\\\.\ttab''', i % 9), '{"a": 1}'
			from generate_series(1, 4000) i;
		insert into orders (note) values (E'\\\\! touch hacked'), (E'-- x\n;\n'), ('\$a\$'), (null);
		create table items (id int references orders, n int); insert into items select i, i from generate_series(1, 50) i;
		create index on items (n);
		create function f() returns text language plpgsql as \$f\$
		begin
			-- a ; and a \ in it
			return '\\';
		end \$f\$;
		create view v as select ';' || note as "odd ""; name" from orders;
		create materialized view totals as select count(*) from orders;
		select lo_from_bytea(77, decode(repeat('ab', 30000), 'hex'));
		alter table items owner to "shop $BATS_TEST_NUMBER";
		grant select on orders to "shop $BATS_TEST_NUMBER";
	END
}

copy_of() {
	sql -c "select datname from pg_database where datname like '${DB}\\_\\_r\\_%'" postgres
}

copies() {
	sql -c "select count(*) from pg_database where datname like '${DB}\\_\\_%'" postgres
}

# comes_back FORM WORD
comes_back() {
	make_dump "$1"
	expect 0 mig-restore ./dump
	says "NOT PROVED: a dump carries no hashes"
	says "2 tables, 4054 rows"
	says "of PostgreSQL 15."
	local copy
	copy=$(copy_of)
	diff <(dump_of "$DB") <(dump_of "$copy")
	expect 0 mig-restore drop "$copy" --yes
	[ "$(copies)" = 0 ]
	expect 0 mig-restore ./dump --to-db "${DB}_new" --json
	says '"proved":false'
	says "\"form\":\"$2\",\"server\":\"15."
	diff <(dump_of "$DB") <(dump_of "${DB}_new")
	sql -c "drop database ${DB}_new" postgres
	rm -r dump
}

@test "archives of pg_dump come back equal: custom, directory, tar" {
	make_shop
	comes_back custom custom
	comes_back directory directory
	comes_back folder directory
	comes_back tar tar
}

@test "SQL text of pg_dump comes back equal: plain, as inserts, in gzip, in zstd" {
	make_shop
	for form in plain inserts gzip zstd; do
		comes_back $form plain
	done
}

@test "commands of psql in a dump are refused before anything runs" {
	make_live
	pg_dump "$DB" > good
	for line in '\! touch hacked' '\connect postgres' '\i /etc/passwd' '\restrict a `touch hacked`' \
		'select 1 \! touch hacked' 'select 1; \! touch hacked' '\copy t from program $$touch hacked$$'; do
		{ head -20 good; printf '%s\n' "$line"; tail -n +21 good; } > bad
		expect 17 mig-restore ./bad
		says "line 21"
		[ ! -e hacked ]
		[ "$(copies)" = 0 ]
	done
	{ cat good; echo '\! touch hacked'; } > bad
	expect 17 mig-restore ./bad
	[ ! -e hacked ]
}

@test "a dump that reaches outside of its database is refused before anything runs" {
	make_live
	pg_dump "$DB" > good
	for statement in "alter system set work_mem = '1MB';" "create /* x */ role hacked;" \
		"copy t from program 'touch hacked';"; do
		{ echo --; echo '-- PostgreSQL database dump'; echo "$statement"; cat good; } > bad
		expect 17 mig-restore ./bad
		says "outside of its database"
	done
	[ "$(rows_of "$DB")" = 10 ]
	[ "$(copies)" = 0 ]
}

@test "roles that a dump needs are named before anything is made, or mapped" {
	make_shop
	for form in custom plain; do
		make_dump $form
		sql -c "create role other_$BATS_TEST_NUMBER" -c "alter role \"shop $BATS_TEST_NUMBER\" rename to gone"
		expect 17 mig-restore ./dump
		says "role \"shop $BATS_TEST_NUMBER\""
		[ "$(copies)" = 0 ]
		expect 14 mig-restore ./dump --role-map "shopp $BATS_TEST_NUMBER=gone"
		says "did you mean shop $BATS_TEST_NUMBER?"
		expect 0 mig-restore ./dump --to-db "${DB}_new" --role-map "shop $BATS_TEST_NUMBER=other_$BATS_TEST_NUMBER"
		[ "$(sql -d "${DB}_new" -c "select tableowner from pg_tables where tablename = 'items'")" = "other_$BATS_TEST_NUMBER" ]
		sql -c "drop database ${DB}_new" postgres
		sql -c "alter role gone rename to \"shop $BATS_TEST_NUMBER\"" -c "drop role other_$BATS_TEST_NUMBER"
		rm dump
	done
}

@test "a tablespace that a dump needs is named before anything is made, or done without" {
	sql -c "set allow_in_place_tablespaces = on" -c "create tablespace fast location ''"
	sql -c "create table t (a int) tablespace fast"
	for form in custom plain; do
		make_dump $form
		sql -c "alter tablespace fast rename to slow"
		expect 17 mig-restore ./dump
		says 'tablespace "fast"'
		[ "$(copies)" = 0 ]
		expect 0 mig-restore ./dump --no-tablespaces
		mig-restore drop "$(copy_of)" --yes
		sql -c "alter tablespace slow rename to fast"
		rm dump
	done
}

@test "a dump with --create or --clean goes into the copy, and nowhere else" {
	make_live
	sql -c "create table u (id serial primary key)" -c "create table p (a int) partition by list (a)" \
		-c "create table p1 partition of p default" -c "create publication p for table u" \
		-c "select lo_from_bytea(5, 'five')" -c "create view v as select * from t"
	sql -c "alter database $DB set work_mem = '5MB'" -c "create subscription s connection 'dbname=$DB' publication p with (connect = false)"
	pg_dump --create --clean "$DB" > whole
	sql -c "alter subscription s set (slot_name = none)" -c "drop subscription s" -c "delete from t where a > 7"
	expect 0 mig-restore ./whole --to-db "${DB}_new"
	says "left out of the dump: DROP DATABASE"
	says "left out of the dump: CREATE DATABASE"
	says "left out of the dump: CREATE SUBSCRIPTION"
	[ "$(rows_of "$DB")" = 7 ]
	[ "$(rows_of "${DB}_new")" = 10 ]
	[ "$(sql -c "select count(*) from pg_subscription")" = 0 ]
	sql -c "drop database ${DB}_new" postgres
	pg_dump --clean "$DB" > clean
	expect 0 mig-restore ./clean
	{ cat whole; echo '\connect postgres'; } > two
	expect 17 mig-restore ./two
	says "command of psql"
}

@test "the copy of a dump takes the live database's place, with its loss report and a warning" {
	make_live
	pg_dump -Fc -f shop.dump "$DB"
	sql -c "delete from t where a < 3" -c "insert into t values (11)"
	expect 0 mig-restore shop.dump
	local copy
	copy=$(copy_of)
	expect 0 mig-restore copies
	says "complete, of a dump: not proved"
	expect 0 mig-restore swap "$copy" -n
	says "nothing proves that it holds what was dumped"
	says "1 lost"
	expect 0 mig-maintenance on
	expect 17 mig-restore swap "$copy" --yes
	expect 17 mig-restore swap "$copy" --proof proof.json
	says "does not vouch for"
	expect 0 mig-restore swap "$copy" --accept-loss --yes
	[ "$(rows_of "$DB")" = 10 ]
	expect 0 mig-restore undo --accept-loss --yes
	[ "$(rows_of "$DB")" = 9 ]
	expect 0 mig-maintenance off
}

# refused_before_loading TEXT WORDS..: 17, and nothing was made
refused_before_loading() {
	local text=$1
	shift
	expect 17 mig-restore "$@"
	says "$text"
	[ "$(copies)" = 0 ]
	[ "$(rows_of "$DB")" = 9 ]
}

@test "safety_09 safety_18 a dump is loaded and takes the live database's place in one command" {
	make_live
	local form
	for form in custom plain; do
		make_dump $form
		sql -c "delete from t where a < 3" -c "insert into t values (11)"
		expect 0 mig-maintenance off
		refused_before_loading "a swap needs maintenance" ./dump --swap --accept-loss --yes
		expect 0 mig-maintenance on
		refused_before_loading "what would be lost is known when the dump is loaded" ./dump --swap --yes
		says "mig-restore swap COPY -n"
		expect 2 mig-restore ./dump --swap --accept-loss --proof proof.json
		says "no run"
		expect 0 mig-restore ./dump --swap --accept-loss --export-lost "lost-$form" --yes
		says "NOT PROVED"
		says "nothing proves that it holds what was dumped"
		says "1 lost"
		says "is live; what was live is"
		[ "$(rows_of "$DB")" = 10 ]
		[ "$(cat "lost-$form/0001.copy")" = 11 ]
		expect 0 mig-restore undo --accept-loss --yes
		[ "$(rows_of "$DB")" = 9 ]
		mig-restore drop "$(copy_or_displaced)" --yes > /dev/null
		sql -c "truncate t" -c "insert into t select generate_series(1, 10)"
		rm -r dump
	done
	expect 0 mig-maintenance off
}

copy_or_displaced() {
	sql -c "select datname from pg_database where datname like '${DB}\_\_%'" postgres
}

@test "trap 31: SQL text of a pg_dump without the fix of CVE-2025-8714 is warned of" {
	make_live
	make_dump plain
	expect 0 mig-restore ./dump -n
	[[ $output != *CVE* ]]
	sed -i 's/^-- Dumped by pg_dump version .*/-- Dumped by pg_dump version 13.21/' dump
	expect 0 mig-restore ./dump -n
	says "written by pg_dump 13.21, without the fix of CVE-2025-8714 (13.22)"
}

@test "safety_18 no run puts the copy of a dump in place; what is not swapped stays, with what to type" {
	make_live
	make_dump custom
	sql -c "delete from t where a < 2"
	printf '    policy: {restore: confirm}\n' >> mig.yaml
	expect 0 mig-maintenance on
	expect 17 mig-restore ./dump --swap --accept-loss < /dev/null
	says "mig-restore swap ${DB}__r_"
	[ "$(rows_of "$DB")" = 9 ]
	[ "$(copies)" = 1 ]
	"$BUILD/support/keys" run 20261120T010203Z-1a2b3c 300000 > run.out 2>&1 3>&- &
	until_true grep -q : run.out
	MIG_RUN=$(cat run.out)
	export MIG_RUN
	expect 17 mig-restore swap "$(copy_of)" --accept-loss --yes
	says "no run puts"
	expect 17 mig-restore ./dump --swap --accept-loss --yes
	says "no run puts"
	unset MIG_RUN
	[ "$(copies)" = 1 ]
	[ "$(rows_of "$DB")" = 9 ]
}

@test "objects of every kind come back as they were, by the loss report" {
	every_kind
	for form in custom plain; do
		make_dump $form
		expect 0 mig-restore ./dump
		expect 0 mig-restore swap "$(copy_of)" -n --json
		says '"different":0'
		diff <(dump_of "$DB") <(dump_of "$(copy_of)")
		mig-restore drop "$(copy_of)" --yes
		rm dump
	done
}

@test "event triggers, materialized views and large objects of a dump come back" {
	sql <<-END
		create function stop() returns event_trigger language plpgsql as \$\$
		begin raise exception 'stop'; end \$\$;
		create table t as select 1 as a;
		create materialized view m as select a from t;
		select lo_from_bytea(5, 'five');
		comment on large object 5 is 'five';
		create event trigger guard on ddl_command_start execute function stop();
	END
	for form in custom plain; do
		make_dump $form
		expect 0 mig-restore ./dump
		[ "$(sql -d "$(copy_of)" -c "select a from m" -c "select lo_get(5)" -c "select evtname from pg_event_trigger")" = $'1\n\\x66697665\nguard' ]
		mig-restore drop "$(copy_of)" --yes
		rm dump
	done
}

@test "what needs a manifest is refused for a dump" {
	make_live
	pg_dump "$DB" > dump
	for words in --in-place '--resume x' '--table public.t --into-schema s' --schema-only \
		'--data-only --to-db x' '-n --export-lost out'; do
		# shellcheck disable=SC2086 # options and their values
		expect 2 mig-restore ./dump $words
		says "dump"
	done
	expect 0 mig-restore ./dump -n
	says "it would be loaded, and not proved"
	[ "$(copies)" = 0 ]
	expect 17 mig-restore ./dump --to-db "$DB"
}

@test "mig-verify backup reads a dump to its end, and says what that proves" {
	make_live
	pg_dump -Fc -f shop.dump "$DB"
	expect 0 mig-verify backup shop.dump
	says "is whole: pg_dump's custom format, of PostgreSQL 15."
	says "NOT PROVED"
	expect 0 mig-verify backup shop.dump --json
	says '"rows":10'
	says '"proved":false'
	expect 2 mig-verify backup shop.dump --restore
	says "mig-restore"
	expect 15 mig-backup show shop.dump
	says "mig-restore loads it"
	head -c -50 shop.dump > short.dump
	expect 15 mig-verify backup short.dump
}

@test "a dump brings back a database that is gone" {
	make_live
	pg_dump -f shop.dump "$DB"
	sql -c "drop database $DB" postgres
	expect 0 mig-restore shop.dump --to-db "$DB"
	says "NOT PROVED"
	[ "$(rows_of "$DB")" = 10 ]
}

@test "a refused row of an archive with --role-map names its table" {
	sql -c "create table t (a int)" -c "insert into t values (7), (88888)"
	pg_dump -Fc -Z0 -f dump "$DB"
	sed -i s/88888/x8888/ dump
	expect 11 mig-restore ./dump --role-map owner=owner
	says "dump: TABLE DATA public.t"
	[ "$(copies)" = 0 ]
}

@test "safety_11 a dump of a database under maintenance does not bring maintenance along" {
	make_live
	expect 0 mig-maintenance on
	pg_dump -Fd -f shop "$DB"
	expect 0 mig-restore ./shop
	local copy
	copy=$(copy_of)
	[ "$(sql -d "$copy" -c "select count(*) from mig.maintenance")" = 0 ]
	expect 0 mig-restore swap "$copy" --accept-loss --yes
	expect 0 mig-maintenance assert closed
	expect 0 mig-maintenance off
	expect 0 mig-maintenance assert open
}

@test "a dump that does not end its transaction is refused, and all of its rows are gone" {
	make_live
	pg_dump "$DB" | sed 's/^SET row_security.*/begin;/' > dump
	expect 11 mig-restore ./dump
	says "does not end it"
	[ "$(copies)" = 0 ]
}

@test "a role that may only make databases loads what belongs to it" {
	local role=plain_$BATS_TEST_NUMBER
	sql -c "create role $role login createdb" -c "alter database $DB owner to $role" \
		-c "alter schema public owner to $role"
	PGUSER=$role make_live
	for form in custom plain; do
		make_dump $form
		PGUSER=$role expect 0 mig-restore ./dump --to-db "${DB}_new"
		[ "$(rows_of "${DB}_new")" = 10 ]
		sql -c "drop database ${DB}_new" postgres
		rm dump
	done
}
