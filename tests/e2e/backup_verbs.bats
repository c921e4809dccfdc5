# What is done with snapshots once they are there: copy, keep, status, cat.
load ../support/common
load ../support/every_kind

two_stores() {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		stores:
		  near: $WORK/near
		  offsite: {url: "file://$WORK/offsite"}
		environments:
		  test: {database: "dbname=$DB", stores: [near]}
		  other: {database: "dbname=postgres", stores: [near]}
	END
}

# of FILTER: one value out of the last result line
of() {
	jq -r "select(.event == \"result\") | $1" out
}

@test "copy: into a store by name, into a folder, byte for byte" {
	two_stores
	sql -c "create table t as select i, md5(i::text) v from generate_series(1, 5000) i"
	mig-backup create -q -e test
	expect 0 mig-backup copy latest offsite -e test
	says "every checksum right"
	cmp near/shop/test/*.mig.tar offsite/shop/test/*.mig.tar
	expect 0 mig-backup copy latest ./some/folder -e test
	cmp near/shop/test/*.mig.tar some/folder/*.mig.tar
	[ "$(stat -c %a some/folder/*.mig.tar)" = 600 ]
	# without a server, and from a path
	mkdir deep
	PGHOST=/nonexistent expect 0 mig-backup copy some/folder/*.mig.tar deep/ -e test
	expect 0 mig-verify backup deep/*.mig.tar -e test
	[ -z "$(find . -name '*.partial')" ]
	mig-backup copy latest offsite -e test --json > out 2> log
	[ "$(of .copied)" = false ]
	[ "$(of .store)" = offsite ]
	# a file of that name that is another one
	printf x >> deep/*.mig.tar
	expect 17 mig-backup copy latest ./deep -e test
	says "is not this snapshot"
}

@test "list, status and latest tell a store that is not there from an empty one; create makes it" {
	two_stores
	sql -c "create table t (i int)"
	local words
	for words in "list" "status" "show latest"; do
		# shellcheck disable=SC2086 # a verb and its operand
		run mig-backup $words -e test
		says "store near: there is no $WORK/near/shop/test: nothing was backed up into it yet, or its disk is not mounted"
	done
	[ "$status" = 14 ]
	[ ! -e near ]
	expect 0 mig-backup create -e test
	[[ $output != *mounted* ]]
	expect 0 mig-backup list -e test
	[[ $output != *mounted* ]]
	mv near unmounted
	expect 4 mig-backup status --max-age 1d -e test
	says "mounted"
	# the folder of no configuration comes with its first snapshot
	rm mig.yaml
	expect 0 mig-backup list -d "dbname=$DB"
	says "has no snapshots"
	[[ $output != *mounted* ]]
}

@test "copy: a damaged snapshot is not copied, and nothing is left" {
	sql -c "create table t as select i, md5(i::text) v from generate_series(1, 5000) i"
	mig-backup create -q --to good.mig.tar
	local size at
	size=$(stat -c %s good.mig.tar)
	for at in 100 700 $((size / 2)) $((size - 4000)); do
		cp good.mig.tar bad.mig.tar
		printf '\xff\x01' | dd of=bad.mig.tar bs=1 seek="$at" conv=notrunc status=none
		expect 15 mig-backup copy ./bad.mig.tar ./there
		[ -z "$(ls -A there 2> /dev/null)" ]
	done
}

@test "copy: wrong words" {
	two_stores
	sql -c "create table t ()"
	mig-backup create -q -e test
	expect 2 mig-backup copy latest -e test
	expect 2 mig-backup copy latest ofsite -e test
	says 'did you mean "offsite"?'
	expect 2 mig-backup copy latest ./mig.yaml -e test
	says "is not a folder"
	expect 14 mig-backup copy latest~1 offsite -e test
	expect 2 mig-backup copy latest offsite -e test -n
	[ ! -e offsite ]
}

@test "copy: no faster than --rate-limit" {
	sql -c "create table t as select md5(i::text) || md5((-i)::text) v from generate_series(1, 30000) i"
	mig-backup create -q --to a.mig.tar
	local size began
	size=$(stat -c %s a.mig.tar)
	began=$(date +%s%N)
	expect 0 mig-backup copy ./a.mig.tar ./slow --rate-limit $((size / 2))
	[ $((($(date +%s%N) - began) / 1000000)) -ge 1500 ]
	cmp a.mig.tar slow/*.mig.tar
}

@test "keep: a mark in every store, carried by copies, shown, taken away" {
	two_stores
	sed -i 's/stores: \[near\]}$/stores: [near, offsite]}/' mig.yaml
	sql -c "create table t ()"
	mig-backup create -q -e test --label first
	mig-backup create -q -e test
	expect 0 mig-backup keep label:first -e test --reason "audit 2026"
	says "store near, store offsite"
	expect 0 mig-backup keep label:first -e test
	says "was already kept"
	[ "$(find near offsite -name '*.keep.json' | wc -l)" = 2 ]
	expect 0 mig-backup list -e test
	[ "$(grep -c '  kept' <<< "$output")" = 2 ]
	expect 0 mig-backup show label:first -e test
	says "kept       audit 2026"
	expect 0 mig-backup show latest -e test
	[[ $output != *kept* ]]
	mig-backup list -e test --json | jq -es '[.[] | select(.event == "snapshot" and .keep)] | length == 2'
	expect 0 mig-backup copy label:first ./copies -e test
	jq -e '.reason == "audit 2026"' copies/*.keep.json
	expect 0 mig-backup keep label:first --off -e test
	[ -z "$(find near offsite -name '*.keep.json')" ]
	expect 0 mig-backup keep label:first --off -e test
	says "was already not kept"
	# by path
	expect 0 mig-backup keep copies/*.mig.tar --off -e test
	[ -z "$(find copies -name '*.keep.json')" ]
	expect 14 mig-backup keep label:none -e test
	expect 2 mig-backup keep -e test
}

@test "status --max-age: 0 young enough, 4 not or none, something else when it cannot be known" {
	two_stores
	expect 4 mig-backup status --max-age 1h -e test
	says "there is no snapshot"
	expect 0 mig-backup status -e test
	says "newest    none"
	sql -c "create table t ()"
	mig-backup create -q -e test
	expect 0 mig-backup status --max-age 1h -e test
	PGHOST=/nonexistent expect 0 mig-backup status --max-age 1h -e test
	sleep 1.1
	expect 4 mig-backup status --max-age 1s -e test
	says "old"
	expect 4 mig-backup status --max-age 0 -e test
	mig-backup status --max-age 1h -e test --json > out
	[ "$(of .young)" = true ]
	[ "$(of .max_age_seconds)" = 3600 ]
	[ "$(of '.age_seconds < 60')" = true ]
	[ "$(of .running)" = "[]" ]
	run mig-backup status --max-age 0 -e test --json
	[ "$status" = 4 ]
	says '"young":false'
	says '"event":"exit"'
	expect 2 mig-backup status --max-age 26 -e test
	expect 2 mig-backup status --max-age -1h -e test
	# a file that is none does not count, whatever its name
	rm near/shop/test/*.mig.tar
	echo nonsense > near/shop/test/20990101T000000Z-ffffff.mig.tar
	expect 4 mig-backup status --max-age 1h -e test
	says "not a snapshot"
	# the store cannot be looked at
	rm -r near
	echo > near
	run mig-backup status --max-age 1h -e test
	[ "$status" = 12 ]
}

# a schema with everything that a filter may hit
parts_of_a_database() {
	sql <<-'END'
		create schema app; create schema audit; create schema "Odd.Name";
		create table orders (id serial primary key, what text);
		insert into orders (what) select 'o' || i from generate_series(1, 50) i;
		create table order_lines (id bigint generated always as identity primary key,
			order_id int references orders);
		insert into order_lines (order_id) select i from generate_series(1, 20) i;
		create table app.users (id int primary key);
		insert into app.users select generate_series(1, 7);
		create table audit.log (at timestamptz default now(), what text);
		insert into audit.log (what) select 'x' from generate_series(1, 500);
		create table audit.log_old as select * from audit.log;
		create table "Odd.Name"."Upper" (i int);
		insert into "Odd.Name"."Upper" values (1);
		create sequence app.free;
		create view app.seen as select * from app.users;
		create function app.f() returns int language sql as 'select 1';
		create table part (k int) partition by range (k);
		create table part_1 partition of part for values from (0) to (10);
		insert into part values (1), (2);
		select lo_from_bytea(4711, 'abc');
	END
}

tables_of() {
	mig-backup show "$1" --tables --json 2> /dev/null |
		jq -r 'select(.event == "table") | "\(.schema).\(.name)=\(.rows)"' | LC_ALL=C sort | tr '\n' ' '
}

# as_pg_dump FILE PG_DUMP-OPTIONS..: restored, it is what pg_dump with these options would restore
as_pg_dump() {
	local file=$1
	shift
	createdb by_mig
	createdb by_pg_dump
	for schema in app audit "Odd.Name"; do
		psql -Xqc "create schema \"$schema\"" by_mig
		psql -Xqc "create schema \"$schema\"" by_pg_dump
	done
	mkdir -p unpacked
	tar -xf "$file" -C unpacked
	sed -i '/^zstd -dcq globals/d' unpacked/restore.sh
	# schemas are there already
	(cd unpacked && zstd -dcq pre-data.sql.zst | sed 's/^CREATE SCHEMA /CREATE SCHEMA IF NOT EXISTS /' | zstd -q -o new && mv new pre-data.sql.zst)
	sh unpacked/restore.sh by_mig 2> restore.log || {
		cat restore.log
		return 1
	}
	pg_dump "$@" | sed 's/^CREATE SCHEMA /CREATE SCHEMA IF NOT EXISTS /' | psql -Xq -v ON_ERROR_STOP=1 by_pg_dump > /dev/null
	diff <(plain_dump by_mig | LC_ALL=C sort) <(plain_dump by_pg_dump | LC_ALL=C sort)
	dropdb by_mig
	dropdb by_pg_dump
	rm -r unpacked
}

@test "create --table, --schema, --exclude-..: what pg_dump means by them, and no more" {
	parts_of_a_database
	expect 0 mig-backup create --to a.mig.tar --table 'order*'
	says "it holds a part of the database"
	[ "$(tables_of ./a.mig.tar)" = "public.order_lines=20 public.orders=50 " ]
	as_pg_dump a.mig.tar --table 'order*'
	expect 0 mig-backup create --to b.mig.tar --schema app --schema '"Odd.Name"'
	[ "$(tables_of ./b.mig.tar)" = "Odd.Name.Upper=1 app.users=7 " ]
	as_pg_dump b.mig.tar --schema app --schema '"Odd.Name"'
	expect 0 mig-backup create --to c.mig.tar --exclude-schema 'a*' --exclude-table 'part*' -j 1
	[ "$(tables_of ./c.mig.tar)" = "Odd.Name.Upper=1 public.order_lines=20 public.orders=50 " ]
	as_pg_dump c.mig.tar --exclude-schema 'a*' --exclude-table 'part*' --blobs
	expect 0 mig-backup create --to d.mig.tar --exclude-table-data 'audit.log*' --exclude-table-data ORDER_LINES
	[ "$(tables_of ./d.mig.tar)" = "Odd.Name.Upper=1 app.users=7 audit.log=0 audit.log_old=0 public.order_lines=0 public.orders=50 public.part_1=2 " ]
	as_pg_dump d.mig.tar --exclude-table-data 'audit.log*' --exclude-table-data ORDER_LINES
	expect 0 mig-backup show ./d.mig.tar
	says "left out   rows of audit.log"
	says "partial    --exclude-table-data=audit.log* --exclude-table-data=ORDER_LINES"
	expect 0 mig-backup show ./a.mig.tar
	says "left out   table app.users"
	says "left out   view app.seen"
	for file in a b c d; do
		expect 0 mig-verify backup ./$file.mig.tar
	done
	# a partition without its root is a table
	expect 0 mig-backup create --to e.mig.tar --table part_1
	[ "$(tables_of ./e.mig.tar)" = "public.part_1=2 " ]
	expect 0 mig-verify backup ./e.mig.tar
}

@test "create with a filter needs no right on what is left out" {
	parts_of_a_database
	psql -Xqc "drop role if exists narrow" -c "create role narrow login" postgres
	sql -c "grant usage on schema app to narrow" -c "grant select on app.users, app.free, app.seen to narrow" \
		-c "revoke all on orders, audit.log from public"
	expect 0 mig-backup create -d "dbname=$DB user=narrow" --schema app
	expect 11 mig-backup create -d "dbname=$DB user=narrow"
	# and what is left out is not locked
	psql -Xqc "begin" -c "lock table orders" -c "select pg_sleep(30)" > /dev/null &
	sleep 0.5
	expect 0 mig-backup create --schema app --lock-timeout 2s
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()" > /dev/null
	psql -Xqc "drop owned by narrow" -c "drop role narrow"
}

@test "a snapshot of a part is never the latest, nor counted, nor put in place" {
	parts_of_a_database
	mig-backup create -q --label part --table orders
	expect 14 mig-backup show latest
	expect 14 mig-backup show @now
	expect 4 mig-backup status --max-age 1h
	expect 0 mig-backup show label:part
	mig-backup create -q --label whole
	mig-backup create -q --label part --table orders
	expect 0 mig-backup show latest
	says "label      whole"
	mig-backup list --json 2> /dev/null | jq -es '[.[] | select(.event == "snapshot") | .partial] == [true, false, true]'
	expect 17 mig-restore label:part --swap --accept-loss
	says "a part of the database"
	printf 'mig: 1\nname: x\nsteps:\n  - {id: b, run: [mig-backup, create, --exclude-table, t], restore_point: true}\n' > x.yaml
	expect 3 mig-run lint ./x.yaml
	says "is no restore point"
	[ "$(sql -c "select count(*) from pg_database where datname like '${DB}\\_\\_%'" postgres)" = 0 ]
	# beside the live one it may be restored, but that copy is not put in place either
	expect 0 mig-restore label:part --json
	local copy
	copy=$(sql -c "select datname from pg_database where datname like '${DB}\\_\\_r\\_%'" postgres)
	[ "$(psql -XAtc "select count(*) from orders" "$copy")" = 50 ]
	expect 17 mig-restore swap "$copy" --accept-loss
	says "a part of the database"
	expect 0 mig-restore drop "$copy" --yes
}

@test "create: wrong words, and patterns that nothing matches" {
	parts_of_a_database
	expect 14 mig-backup create --table nothing_here
	says "--table nothing_here: nothing in this database matches"
	expect 14 mig-backup create --exclude-table-data 'audit.nothing*'
	expect 14 mig-backup create --schema App_
	expect 14 mig-backup create --table users # of app, which is not in the search path
	says "SCHEMA.TABLE"
	expect 14 mig-backup create --table orders --exclude-table typo
	expect 2 mig-backup create --table orders --schema app
	expect 2 mig-backup create --table a.b.c
	expect 2 mig-backup create --schema a.b
	expect 2 mig-backup create --table ''
	expect 2 mig-backup create --to -
	says "mig-backup cat"
	expect 2 mig-backup create --to "$WORK"
	says "is a folder"
	expect 12 mig-backup create --to nowhere/x.mig.tar
	expect 2 mig-backup create --max-duration 5
	expect 2 mig-backup create --rate-limit fast
	expect 2 mig-backup create --method clone --table orders
	[ -z "$(find . -name '*.mig.tar*')" ]
}

@test "create --max-duration and --rate-limit" {
	sql -c "create table t as select md5(i::text) || md5((-i)::text) v from generate_series(1, 60000) i"
	expect 124 mig-backup create --rate-limit 100kB --max-duration 2s
	says "not done within 2.0 s"
	[ -z "$(find "$XDG_STATE_HOME" -name '*.mig.tar*')" ]
	local began
	began=$(date +%s%N)
	expect 0 mig-backup create --rate-limit 1MB --max-duration 1h
	[ $((($(date +%s%N) - began) / 1000000)) -ge 1500 ]
	expect 0 mig-verify backup latest
}

@test "status tells of a backup that runs, and of one that was killed" {
	sql -c "create table t as select md5(i::text) || md5((-i)::text) v from generate_series(1, 60000) i"
	mig-backup create --rate-limit 300kB > log 2>&1 &
	local taking=$! found=
	for _ in $(seq 500); do
		mig-backup status --json > out
		found=$(of '.running[0] | select(.done > 0) | "\(.life) \(.phase) \(.pid)"')
		[ -z "$found" ] || break
		sleep 0.1
	done
	[ "$found" = "running rows $taking" ]
	[ "$(of '.running[0] | .total >= .done')" = true ]
	expect 0 mig-backup status
	says "rows, "
	kill -KILL $taking
	wait $taking || true
	expect 0 mig-backup status
	says "died in phase rows"
	mig-backup status --json > out
	[ "$(of '.running[0].life')" = dead ]
	for _ in $(seq 500); do
		[ "$(sql -c "select count(*) from pg_stat_activity where application_name like 'mig-backup%'")" != 0 ] || break
		sleep 0.1
	done
	mig-backup create -q
	mig-backup status --json > out
	[ "$(of .running)" = "[]" ]
	[ -z "$(ls -A "$XDG_STATE_HOME/mig/default/default/backups")" ]
}

contents() {
	plain_dump "$1" | LC_ALL=C sort
}

@test "cat: psql alone makes the same database of it, without a server to read from" {
	psql -Xqc "drop role if exists backup_reader" postgres
	every_kind
	sql -c "alter table app.nothing owner to owner" -c "create event trigger et on ddl_command_end execute function pg_catalog.event_trigger_none()" 2> /dev/null || true
	mig-backup create -q
	createdb copy
	PGHOST=/nonexistent mig-backup cat latest -q > all.sql
	expect 0 psql -Xq -v ON_ERROR_STOP=1 -o /dev/null -f all.sql copy
	[ -z "$output" ]
	diff <(contents "$DB") <(contents copy)
	# again: the tables are there already, and nothing at all is changed
	psql -Xqc "delete from app.child" copy
	run psql -Xq -o /dev/null -f all.sql copy
	[ "$status" != 0 ]
	[ "$(psql -XAtc "select count(*) from app.child" copy)" = 0 ]
	dropdb copy
	# as a pipe, with old habits
	createdb copy
	mig-backup cat latest | psql -Xq -1 copy > /dev/null 2>&1
	diff <(contents "$DB") <(contents copy)
	dropdb copy
	psql -Xqc "drop owned by backup_reader" -c "drop role backup_reader"
}

@test "cat: a stream that ends early changes nothing" {
	sql -c "create table t as select i, md5(i::text) v from generate_series(1, 20000) i" \
		-c "select lo_from_bytea(4711, decode(repeat('00ff61', 300000), 'hex'))" > /dev/null
	mig-backup create -q --to a.mig.tar
	mig-backup cat ./a.mig.tar > all.sql
	createdb copy
	local size length
	size=$(stat -c %s all.sql)
	for length in $((size / 100)) $((size / 2)) $((size * 9 / 10)) $((size - 20)); do
		head -c $length all.sql | psql -Xq copy > /dev/null 2>&1 || true
		[ "$(psql -XAtc "select count(*) from pg_class where relname = 't'" copy)" = 0 ]
		[ "$(psql -XAtc "select count(*) from pg_largeobject_metadata" copy)" = 0 ]
	done
	psql -Xq copy < all.sql > /dev/null
	[ "$(psql -XAtc "select md5(lo_get(4711))" copy)" = "$(sql -c "select md5(lo_get(4711))")" ]
	dropdb copy
	# damaged among the rows
	cp a.mig.tar bad.mig.tar
	printf '\xff\x01' | dd of=bad.mig.tar bs=1 seek=$(($(stat -c %s bad.mig.tar) / 2)) conv=notrunc status=none
	run bash -c 'mig-backup cat ./bad.mig.tar > bad.sql'
	[ "$status" = 15 ]
	! grep -q '^COMMIT' bad.sql || false
	# nobody listens
	run bash -c 'mig-backup cat ./a.mig.tar | head -c 10 > /dev/null; exit ${PIPESTATUS[0]}'
	[ "$status" = 12 ]
}

@test "cat --table: some tables, as pg_dump would have them; or their rows alone; wrong words" {
	parts_of_a_database
	sql -c "create type app.mood as enum ('sad', 'fine')" \
		-c "create function app.low(text) returns text language sql immutable as 'select lower(\$1)'" \
		-c "create table app.\"Rich\" (id int generated by default as identity, m app.mood default 'fine', t text, n int check (n > 0))" \
		-c "create index \"an Index\" on app.\"Rich\" (app.low(t))" \
		-c "create function app.tr() returns trigger language plpgsql as 'begin return new; end'" \
		-c "create trigger tr before insert on app.\"Rich\" for each row execute function app.tr()" \
		-c "comment on index app.\"an Index\" is 'it'" -c "comment on column app.\"Rich\".n is 'n'" \
		-c "grant select on app.\"Rich\" to public" -c "insert into app.\"Rich\" (t, n) values ('A', 1), ('B', 2)" \
		-c "alter table order_lines add foreign key (id) references app.users not valid"
	mig-backup create -q
	createdb copy
	mig-backup cat latest --table 'app."Rich"' --table 'order*' --table part > some.sql
	psql -Xq -v ON_ERROR_STOP=1 -o /dev/null -f some.sql copy
	local names=(-t 'app."Rich"' -t orders -t order_lines -t 'part*')
	# but for the foreign key to a table that is not there
	diff <(pg_dump "${names[@]}" | grep -v -e restrict -e '^--' -e '^$' | LC_ALL=C sort) \
		<(pg_dump "${names[@]}" copy | grep -v -e restrict -e '^--' -e '^$' | LC_ALL=C sort) |
		grep '^[<>]' > different
	[ "$(wc -l < different)" = 2 ]
	grep -q '^< .*FOREIGN KEY (id) REFERENCES app.users(id)' different
	[ "$(psql -XAtc 'select nextval($$orders_id_seq$$)' copy)" = 51 ]
	[ "$(psql -XAtc "select count(*) from pg_class where relname in ('users', 'log', 'free')" copy)" = 0 ]
	dropdb copy
	expect 2 mig-backup cat latest --data-only
	mig-backup cat latest --table 'order*' --table app.users --data-only > rows.sql
	sql -c "alter table order_lines drop constraint order_lines_id_fkey" -c "truncate orders, order_lines, app.users"
	sql -q -f rows.sql > /dev/null
	[ "$(sql -c "select (select count(*) from orders), (select count(*) from order_lines), (select count(*) from app.users)")" = "50|20|7" ]
	! grep -q audit rows.sql || false
	expect 14 mig-backup cat latest --table nothing
	says "has no table nothing"
	expect 14 mig-backup cat latest --table audit.orders
	expect 2 mig-backup cat latest --table a.b.c
	expect 2 mig-backup cat
	expect 2 mig-backup cat latest --json
	expect 14 mig-backup cat latest~1
	expect 14 mig-backup cat ./none.mig.tar
}

@test "cat: hostile names, SQL_ASCII and LATIN1" {
	local encoding
	sql <<-'END'
		create table "ro""b'; drop schema public; --
		line" ("back\slash" int, "$$" text);
		insert into "ro""b'; drop schema public; --
		line" values (1, E'\\.'), (2, E'\\! echo hacked'), (3, E'a\n\\.\nb');
	END
	mig-backup create -q
	createdb copy
	mig-backup cat latest | psql -Xq copy > out 2>&1
	diff <(contents "$DB") <(contents copy)
	dropdb copy
	for encoding in LATIN1 SQL_ASCII; do
		psql -Xqc "drop database if exists odd" \
			-c "create database odd encoding $encoding template template0 locale 'C'" \
			-c "create database copy encoding $encoding template template0 locale 'C'" postgres
		PGCLIENTENCODING=LATIN1 psql -Xq odd <<< $'create table "caf\xe9" (t text); insert into "caf\xe9" values (E\'na\xefve\');'
		PGDATABASE=odd mig-backup create -q
		PGDATABASE=odd mig-backup cat latest | psql -Xq copy > /dev/null
		diff <(contents odd) <(contents copy)
		dropdb odd
		dropdb copy
	done
}

@test "a snapshot of a part is compared with as much of the live database" {
	parts_of_a_database
	mig-backup create -q --label part --schema app --exclude-table-data app.users
	mig-backup create -q --label orders --table 'order*'
	sql -c "insert into audit.log values (now(), 'y')" -c "insert into app.users values (100)"
	expect 0 mig-verify data --against label:part
	says "a part of the database (--schema=app --exclude-table-data=app.users), and no more was compared"
	expect 0 mig-verify data --against label:orders --json
	grep '"result"' <<< "$output" | jq -es '.[0].partial == ["--table=order*"] and
		([.[0].compared[].name] | sort == ["public.order_lines", "public.order_lines_id_seq", "public.orders", "public.orders_id_seq"])'
	sql -c "delete from order_lines where id = 1"
	expect 4 mig-verify data --against label:orders
	# what it held is gone; what its pattern matches is new; all of it is gone
	sql -c "drop table order_lines" -c "create table order_new ()"
	expect 4 mig-verify data --against label:orders --json
	grep '"result"' <<< "$output" | jq -es '[.[0].compared[] | "\(.name) \(.state)"] | sort ==
		["public.order_lines missing", "public.order_lines_id_seq missing", "public.order_new not in the snapshot", "public.orders equal", "public.orders_id_seq equal"]'
	sql -c "drop table order_new, orders" -c "drop schema app cascade"
	expect 4 mig-verify data --against label:orders
	says "public.orders"
	says missing
	expect 4 mig-verify data --against label:part
}

@test "safety_12 the snapshot of a run says what was known about writes" {
	load ../support/deploy
	export SENTRY_DSN=
	shop
	expect 0 mig-run deploy.yaml
	expect 0 mig-backup show latest
	says "writes     first reading at 20"
	sed -i 's/{database: read-only}/{database: no-connections}/' mig.yaml
	migration bbbb00000001 aaaa00000001 "alter table orders add column size int" \
		"alter table orders drop column size"
	sed -i '/id: smoke/d' deploy.yaml
	expect 0 mig-run deploy.yaml
	expect 0 mig-backup show latest
	says "writes     fenced since 20"
	# by hand nothing is known
	mig-backup create -q
	expect 0 mig-backup show latest
	[[ $output != *writes* ]]
}

@test "progress: a bar with rate and time left on a terminal, lines elsewhere, events under --json" {
	command -v script > /dev/null || skip "needs script to make a terminal"
	sql -c "create table t as select md5(i::text) || md5((-i)::text) v from generate_series(1, 60000) i"
	script -qec "mig-backup create --rate-limit 700kB" /dev/null < /dev/null > typed 2>&1
	tr '\r' '\n' < typed > lines
	grep -qE '\[#+\.*\] backup: .* of .* \([0-9]+ %\), .*/s, .* left' lines
	# the bar is gone in the end, the result stands on a line of its own
	grep -q '^.\{0,5\}snapshot 20' lines
	mig-backup create --rate-limit 2MB > out 2> log
	! grep -q $'[\r\e]' log || false
	mig-backup create --rate-limit 700kB --json > out 2> log
	jq -es 'any(.[]; .event == "progress" and .what == "backup" and .unit == "bytes" and .total >= .done)' log
	mig-backup create --rate-limit 2MB -q 2> log
	[ ! -s log ]
}

@test "SNAPSHOT is one grammar in mig-backup, mig-verify and mig-restore" {
	two_stores
	sql -c "create table t (i int)"
	mig-backup create -q -e test --label one
	sleep 1.1
	mig-backup create -q -e test --label two
	local id word program
	id=$(mig-backup show label:one -e test --json 2> /dev/null | jq -r .snapshot)
	export MIG_ENV=test TZ=CET-1
	for word in latest~1 "$id" "${id%??}" label:one test:label:one "@1s ago" "near/shop/test/$id.mig.tar" \
		"file://$WORK/near/shop/test/$id.mig.tar"; do
		[ "$word" != "@1s ago" ] || sleep 1
		expect 0 mig-backup show "$word"
		[ "$word" = "@1s ago" ] || says "label      one"
		expect 0 mig-verify backup "$word"
		expect 0 mig-restore "$word" -n
	done
	for word in latest~2 label:none "@2001-01-01 01:00" "@2001-01-01T00:00:00Z" 19990101; do
		for program in "mig-backup show" "mig-verify backup" "mig-restore -n"; do
			expect 14 $program "$word"
		done
	done
	says "no snapshot 19990101"
	expect 14 mig-restore -n "@2001-01-01 01:00"
	says "2001-01-01T00:00:00Z (2001-01-01 01:00:00 CET)"
	for word in newest latest~x "@someday" "@2026-02-30 01:00" nowhere:latest; do
		for program in "mig-backup show" "mig-verify backup" "mig-restore -n"; do
			run $program "$word"
			[ "$status" = 2 ] || [ "$word $status" = "nowhere:latest 3" ] || {
				echo "$program $word: $status $output"
				return 1
			}
		done
	done
	expect 0 mig-backup show @now
	says "snapshot"
	says "CET)"
}
