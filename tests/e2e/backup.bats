load ../support/common
load ../support/every_kind

store() {
	echo "$XDG_STATE_HOME/mig/default/default/snapshots"
}

newest() {
	find "$(store)" -name '*.mig.tar' | sort | tail -1
}

# everything that pg_dump sees, in an order that does not depend on the rows' places
contents() {
	plain_dump "$1" | LC_ALL=C sort
}

# restores with the script alone: mig is not in PATH
restore_without_mig() {
	rm -rf unpacked
	mkdir unpacked
	tar -xf "$1" -C unpacked
	PATH=/usr/bin:/bin sh unpacked/restore.sh "$2"
}

same_after_restore() {
	dropdb --if-exists -f "$2"
	restore_without_mig "$(newest)" "$2" || return 1
	diff <(contents "$1") <(contents "$2")
}

# rows TABLE: the row count that the newest snapshot tells
rows() {
	mig-backup show latest --tables --json |
		jq -r --arg name "$1" 'select(.event == "table" and .name == $name) | .rows'
}

@test "a snapshot is taken, listed and shown" {
	sql -c "create table orders (id int primary key, what text)" \
		-c "insert into orders select i, 'thing ' || i from generate_series(1, 1000) i" \
		-c "create table alembic_version (version_num text)" \
		-c "insert into alembic_version values ('3f9c1a7be2d4')"
	expect 0 mig-backup create --label before
	says "2 tables, 1001 rows"
	[ "$(stat -c %a "$(newest)")" = 600 ]
	expect 0 mig-backup list
	says "label: before"
	says "3f9c1a7be2d4"
	expect 0 mig-backup show label:before
	says "public.alembic_version: 3f9c1a7be2d4"
	expect 0 mig-backup show latest --tables
	says "1000 rows"
	expect 0 mig-verify backup latest
	says "is sound"
}

@test "the revisions of all trees of migrations are in the manifest, of dbmate's the newest" {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations:
		  main: {dir: migrations}
		  ai: {dir: ai, version_table: ai_version}
		  old: {dir: old, version_table: "app.steps"}
		environments: {development: {database: "dbname=$DB"}}
	END
	sql -c "create table alembic_version (version_num text); create table ai_version (version_num varchar(32));
		create schema app; create table app.steps (version varchar primary key);
		create table other_version (version_num text); create schema golang; create table golang.schema_migrations (version bigint);
		create schema rails; create table rails.schema_migrations (version text);
		insert into alembic_version values ('3f9c1a7be2d4'), ('aa00'); insert into ai_version values ('v002');
		insert into app.steps values ('9'), ('10'), ('8'); insert into rails.schema_migrations values ('20260101')"
	expect 0 mig-backup create --json
	tail -1 <<< "$output" | jq -e '.revisions == ["9", "v002", "3f9c1a7be2d4", "aa00", "20260101"]'
	expect 0 mig-backup show latest
	says "app.steps: 9"
	says "public.ai_version: v002"
	says "public.alembic_version: 3f9c1a7be2d4, aa00"
	[[ $output != *other_version:* ]]
	[[ $output != *golang.schema_migrations:* ]]
}

@test "the result line has the documented keys, and -q says nothing" {
	sql -c "create table t (i int)" -c "insert into t values (1)"
	mig-backup create --json -q > out 2> log
	[ "$(jq -r .event out)" = result ]
	[ "$(jq -r .store out)" = local ]
	[ "$(jq -r .rows out)" = 1 ]
	[ -s "$(jq -r .path out)" ]
	[ "$(jq .bytes out)" = "$(stat -c %s "$(jq -r .path out)")" ]
	[ ! -s log ]
	mig-backup create -q > out 2> log
	[ ! -s log ]
	[ ! -s out ]
}

# bats test_tags=majors
@test "restore.sh brings every kind of table and object back without mig" {
	every_kind
	psql -Xqc "alter database $DB set work_mem = '7MB'" -c "alter database $DB set search_path = app, public" \
		-c "comment on database $DB is 'a database'"
	expect 0 mig-backup create
	same_after_restore "$DB" copy
	[ "$(psql -XAtc 'show search_path' copy)" = "app, public" ]
	[ "$(psql -XAtc 'show work_mem' copy)" = 7MB ]
	[ "$(psql -XAtc "select count(*) from only app.parent" copy)" = 1 ]
	[ "$(psql -XAtc "select description from pg_shdescription join pg_database d on objoid = d.oid where datname = 'copy'" copy)" = "a database" ]
	[ "$(psql -XAtc "select md5(lo_get(4711))" copy)" = "$(sql -c "select md5(lo_get(4711))")" ]
	# mig-restore makes the same of it
	expect 0 mig-restore latest --to-db by_mig
	diff <(contents "$DB") <(contents by_mig)
	dropdb by_mig
	# hashes are the same for the same rows: a second snapshot, of the copy, tells the same
	mig-backup show latest --tables --json | jq -c 'select(.event == "table") | [.name, .rows, .hash]' | sort > first
	PGDATABASE=copy mig-backup create -q
	mig-backup show latest --tables --json | jq -c 'select(.event == "table") | [.name, .rows, .hash]' | sort > second
	grep -v enums_ first > first.but
	grep -v enums_ second > second.but
	diff first.but second.but
	expect 0 mig-verify backup latest
	dropdb copy
	psql -Xqc "drop owned by backup_reader" -c "drop role backup_reader"
}

@test "rows larger than a member, and many of them" {
	sql -c "create table big (id int, t text)" \
		-c "insert into big select 1, string_agg(md5(random()::text), '') from generate_series(1, 1000000)" \
		-c "insert into big select i, repeat(md5(i::text), 10000) from generate_series(2, 20) i" \
		-c "insert into big select i, string_agg(md5(random()::text), '') from generate_series(21, 60) i,
			generate_series(1, 10000) group by i" \
		-c "insert into big values (100, ''), (101, null)"
	expect 0 mig-backup create
	expect 0 mig-verify backup latest
	[ "$(tar -tf "$(newest)" | grep -c 'copy.zst$')" -ge 3 ]
	[ "$(tar -tvf "$(newest)" | awk '/copy.zst$/ && $3 > 8 * 1024 * 1024' | wc -l)" = 0 ]
	restore_without_mig "$(newest)" copy
	local sum="select md5(string_agg(id || coalesce(md5(t), 'null'), ',' order by id)) from big"
	[ "$(sql -c "$sum")" = "$(psql -XAtc "$sum" copy)" ]
	dropdb copy
}

# parts TABLE FILE: how many parts of it the snapshot has
parts() {
	tar -tf "$2" | grep "^data/$(sql -c "select '$1'::regclass::oid::int")/.*zst$" |
		cut -d/ -f3 | cut -d. -f1 | sort -u | wc -l
}

# bats test_tags=majors
@test "large tables are read in parts, and are the same as in one piece" {
	sql <<-'END'
		create table wide (id int primary key, t text) with (fillfactor = 60);
		insert into wide select i, repeat(md5(i::text), 4) from generate_series(1, 200000) i;
		delete from wide where id % 7 = 0 or id between 60000 and 110000;
		update wide set t = 'changed' where id % 11 = 0;
		create table toasted (id int, body text);
		alter table toasted alter body set storage external;
		insert into toasted select i, repeat(md5(i::text), 2000) from generate_series(1, 700) i;
		create table small as select i from generate_series(1, 10) i;
	END
	expect 0 mig-backup create -j 2 --to parts.mig.tar
	expect 0 mig-backup create -j 1 --to whole.mig.tar
	# ranges of ctid are scans of the whole table before 14
	if [ "${cluster_major:-15}" -ge 14 ]; then
		[ "$(parts wide parts.mig.tar)" -gt 1 ]
		[ "$(parts toasted parts.mig.tar)" -gt 1 ]
	fi
	[ "$(parts small parts.mig.tar)" = 1 ]
	[ "$(parts wide whole.mig.tar)" = 1 ]
	local file
	for file in parts whole; do
		expect 0 mig-verify backup ./$file.mig.tar
		mig-backup show ./$file.mig.tar --tables --json |
			jq -c 'select(.event == "table") | [.name, .rows, .hash]' > $file
	done
	[ "$(wc -l < parts)" = 3 ]
	diff parts whole
	restore_without_mig parts.mig.tar copy
	diff <(contents "$DB") <(contents copy)
	dropdb copy
	expect 0 mig-restore ./parts.mig.tar --to-db copy
	diff <(contents "$DB") <(contents copy)
	# concatenated in their order, parts are what one reader would have read
	psql -XAtc 'copy wide to stdout' copy | cmp - <(sql -c 'copy wide to stdout')
	dropdb copy
}

@test "memory: twice the longest row, 24 MiB per worker, 32 MiB" {
	sql -c "create table big (id int, t text)" -c "alter table big alter t set storage external" \
		-c "insert into big select 1, repeat(md5('x'), 2500000)" \
		-c "insert into big select i, md5(i::text) from generate_series(2, 100000) i"
	local jobs=2
	expect 0 "$BATS_TEST_DIRNAME/../support/peak" peak mig-backup create -j $jobs
	[ "$(< peak)" -le $(((jobs * 24 + 32) * 1024 + 2 * 80000000 / 1024)) ]
	# the row was really there, so that the figure means something
	[ "$(< peak)" -ge $((80000000 / 1024)) ]
	expect 0 mig-verify backup latest
}

@test "hostile names of databases, schemas, tables and columns" {
	local name
	name=$(printf 'ä%.0s' {1..31})x # 63 bytes
	psql -Xq -v name="$name" postgres <<< 'drop database if exists :"name"; create database :"name";'
	export PGDATABASE=$name
	sql <<-'END'
		create schema "ro""b'; drop schema public; --";
		create table "ro""b'; drop schema public; --"."new
		line	tab" ("back\slash" int, "quote'd" text, "$$" text, "x""y" int generated always as identity);
		insert into "ro""b'; drop schema public; --"."new
		line	tab" ("back\slash", "quote'd") values (1, E'\\.'), (2, 'ü');
		create sequence "se'q\
		uence";
		select nextval(E'"se''q\\\nuence"');
		create table ":target" ("%s%n" int primary key);
		insert into ":target" values (1);
	END
	expect 0 mig-backup create
	says "2 tables, 3 rows"
	expect 0 mig-verify backup latest
	same_after_restore "$name" 'a "copy" of'
	tar -tf "$(newest)" > names
	run grep -v '^[a-zA-Z0-9/._-]*$' names
	[ "$status" = 1 ]
	export PGDATABASE=postgres
	psql -Xq -v name="$name" <<< 'drop database :"name"; drop database "a ""copy"" of";'
}

@test "a database in LATIN1 and one in SQL_ASCII keep their bytes" {
	local encoding
	for encoding in LATIN1 SQL_ASCII; do
		psql -Xqc "drop database if exists odd" \
			-c "create database odd encoding $encoding template template0 locale 'C'" postgres
		PGCLIENTENCODING=LATIN1 psql -Xq odd <<< $'create table "caf\xe9" (t text); insert into "caf\xe9" values (E\'na\xefve\');'
		PGDATABASE=odd expect 0 mig-backup create
		PGDATABASE=odd same_after_restore odd odd2
		expect 0 mig-verify backup latest
		dropdb odd
		dropdb odd2
	done
}

@test "a database with an ICU locale comes back with it" {
	psql -Xqc "drop database if exists icu" \
		-c "create database icu template template0 locale_provider icu icu_locale 'de-u-kn' locale 'C.UTF-8'" postgres ||
		skip "this server has no ICU"
	psql -Xqc "create table t (v text primary key)" -c "insert into t values ('a10'), ('a9'), ('ä')" icu
	PGDATABASE=icu expect 0 mig-backup create
	PGDATABASE=icu same_after_restore icu icu2
	[ "$(psql -XAtc "select string_agg(v, ' ' order by v) from t" icu2)" = "ä a9 a10" ]
	dropdb icu
	dropdb icu2
}

@test "safety_18 configuration tables of extensions come with their condition" {
	local folder=$cluster_share/extension
	[ -w "$folder" ] || skip "extensions cannot be added here"
	printf "default_version = '1'\n" > "$folder/mig_test.control"
	cat > "$folder/mig_test--1.sql" <<-'END'
		create table mig_test_config (k text primary key, own boolean default true);
		create table mig_test_fixed (k text);
		insert into mig_test_config values ('shipped', false);
		insert into mig_test_fixed values ('shipped');
		select pg_extension_config_dump('mig_test_config', 'where own');
	END
	sql -c "create extension mig_test" -c "insert into mig_test_config values ('mine')"
	expect 0 mig-backup create
	[ "$(rows mig_test_config)" = 1 ]
	[ -z "$(rows mig_test_fixed)" ]
	same_after_restore "$DB" copy
	[ "$(psql -XAtc "select count(*) from mig_test_config" copy)" = 2 ]
	dropdb copy
	rm "$folder"/mig_test*
}

# bats test_tags=majors
@test "every snapshot is of one moment while others write, truncate and alter" {
	sql -c "create table account (id int primary key, balance int)" \
		-c "insert into account select i, 100 from generate_series(1, 200) i" \
		-c "create table refilled (i int)" -c "insert into refilled select generate_series(1, 1000)"
	touch go
	(while [ -e go ]; do
		for _ in 1 2 3 4 5; do
			echo "begin; update account set balance = balance - 7 where id = $((1 + RANDOM % 200));"
			echo "insert into account values (1000, 0) on conflict do nothing;"
			echo "update account set balance = balance + 7 where id = 1000; commit;"
		done | psql -Xq > /dev/null 2>&1
	done) &
	(while [ -e go ]; do
		psql -Xq > /dev/null 2>&1 <<-END
			begin; truncate refilled; select pg_sleep(0.01);
			insert into refilled select generate_series(1, 1000); commit;
			alter table refilled add column if not exists x int;
			create table short_lived (i int); drop table short_lived;
		END
		sleep 0.1
	done) &
	local round
	for round in 1 2 3 4; do
		expect 0 mig-backup create --label "round $round" --lock-timeout 2m
		[ "$(rows refilled)" = 1000 ]
	done
	rm go
	wait
	restore_without_mig "$(newest)" copy
	[ "$(psql -XAtc 'select sum(balance) from account' copy)" = 20000 ]
	dropdb copy
}

@test "safety_01 there are never two backups of one database at once" {
	sql -c "create table t (i int)"
	sql -c "begin" -c "lock table t" -c "select pg_sleep(20)" > /dev/null &
	local holder=$!
	sleep 0.5
	mig-backup create -q &
	local first=$!
	sleep 1
	expect 13 mig-backup create
	says "mig-backup"
	kill $holder
	psql -Xqc "select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid()" postgres > /dev/null
	wait $first
	expect 0 mig-backup list
}

@test "safety_01 a run keeps backups out, but for its own" {
	sql -c "create table t (i int)"
	local id=20261120T010203Z-abcdef key pid
	key="('x' || encode(substr(sha256('mig:run:$DB'), 1, 8), 'hex'))::bit(64)::bigint"
	PGAPPNAME="mig-run $id deploy" psql -Xqc "select pg_advisory_lock($key)" \
		-c "select pg_sleep(60)" postgres > /dev/null &
	local holder=$!
	for _ in $(seq 500); do
		pid=$(sql -c "select pid from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()" postgres)
		[ -z "$pid" ] || break
		sleep 0.1
	done
	expect 13 mig-backup create
	says "mig-run $id"
	MIG_RUN=$id:$pid expect 0 mig-backup create
	MIG_RUN=$id:1 expect 13 mig-backup create
	kill $holder
	sql -c "select pg_terminate_backend($pid)" postgres > /dev/null
}

@test "safety_11 maintenance is never part of a snapshot: the values before are" {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		environments:
		  test:
		    database: "dbname=$DB"
		    maintenance: [{database: read-only}, {database: no-connections}]
	END
	sql -c "create table t (i int)"
	psql -Xqc "alter database $DB set work_mem = '7MB'" postgres
	local before
	before=$(sql -c "select datacl from pg_database where datname = '$DB'")
	expect 0 mig-maintenance on
	[ "$(sql -c "select datacl from pg_database where datname = '$DB'" postgres)" != "$before" ]
	expect 0 mig-backup create --to m.mig.tar
	expect 0 mig-maintenance off
	mig-backup show ./m.mig.tar --tables --json | jq -es 'any(.[]; .name == "maintenance" and .rows == 0)'
	restore_without_mig m.mig.tar copy
	[ "$(psql -XAtc 'select count(*) from mig.maintenance' copy)" = 0 ]
	[ "$(psql -XAtc 'show default_transaction_read_only' copy)" = off ]
	[ "$(psql -XAtc 'show work_mem' copy)" = 7MB ]
	[ "$(psql -XAtc "select has_database_privilege('public', 'copy', 'connect')" copy)" = t ]
	dropdb copy
}

@test "an empty database" {
	expect 0 mig-backup create
	says "0 tables, 0 rows"
	expect 0 mig-verify backup latest
	same_after_restore "$DB" copy
	dropdb copy
}

@test "--to writes one file, and never over another" {
	sql -c "create table t (i int)"
	expect 0 mig-backup create --to "$WORK/mine.mig.tar"
	expect 0 mig-verify backup "$WORK/mine.mig.tar"
	expect 0 mig-backup list
	says "has no snapshots"
	expect 17 mig-backup create --to "$WORK/mine.mig.tar"
	says "exists already"
	[ ! -e "$WORK/mine.mig.tar.partial" ]
}

@test "snapshots go into every store of the environment" {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		stores:
		  near: {url: $WORK/near}
		  far: {url: $WORK/far}
		environments:
		  test: {database: "dbname=$DB", stores: [near, far]}
		  other: {database: "dbname=postgres", stores: [near]}
	END
	sql -c "create table t (i int)"
	expect 0 mig-backup create -e test
	cmp near/shop/test/*.mig.tar far/shop/test/*.mig.tar
	expect 0 mig-verify backup -e test latest
	# safety 22: latest never leaves its environment
	expect 14 mig-verify backup -e other latest
	expect 0 mig-verify backup -e other test:latest
	sed -i "s|$WORK/far|gopher://far/x|" mig.yaml
	expect 3 mig-backup create -e test
	says "no store for gopher:// is known"
	[ "$(find near -name '*.mig.tar*' | wc -l)" = 1 ]
}

@test "wrong words for a snapshot" {
	expect 14 mig-backup show latest
	says "mig-backup create"
	sql -c "create table t (i int)"
	mig-backup create -q
	expect 14 mig-backup show latest~1
	expect 14 mig-backup show label:none
	expect 14 mig-backup show /nonexistent/x.mig.tar
	expect 14 mig-backup show @2001-01-01T00:00:00Z
	says "the oldest is"
	expect 2 mig-backup show newest
	expect 2 mig-backup create --level 77
	expect 2 mig-backup create -j -1
	expect 2 mig-backup create --label ""
	expect 2 mig-backup create --label $'two\nlines'
}
