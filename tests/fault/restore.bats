# Restores that fail: each row breaks one thing, expects its exit code, the live database untouched,
# and no database left that `copies` does not list.
load ../support/common
load ../support/copies

snapshot() {
	expect 0 mig-backup create
	FILE=$(find "$WORK" -name '*.mig.tar' | head -1)
	[ -n "$FILE" ]
}

# fails STATUS TEXT ARGS..: nothing but the live database is there afterwards
fails() {
	local wanted=$1 text=$2
	shift 2
	expect "$wanted" mig-restore "$@"
	says "$text"
	[ "$(databases)" = "$DB" ]
	[ -z "$(find "$STATE/intents" -name 'create-*' 2>/dev/null)" ]
}

@test "missing roles and extensions are listed, all of them, before anything is made" {
	sql postgres -c "create role gone_1" -c "create role gone_2"
	sql -c "create table t (a int)" -c "alter table t owner to gone_1" \
		-c "grant select on t to gone_2"
	snapshot
	sql -c "drop owned by gone_1, gone_2" -c "drop role gone_1, gone_2"
	fails 17 'role "gone_1", role "gone_2"' latest
	says "CREATE ROLE"
}

@test "a missing tablespace is listed before anything is made" {
	sql -c "set allow_in_place_tablespaces = on" -c "create tablespace elsewhere location ''"
	sql -c "create table t (a int) tablespace elsewhere"
	snapshot
	sql -c "alter table t set tablespace pg_default"
	sql -c "drop tablespace elsewhere"
	fails 17 'tablespace "elsewhere"' latest
}

@test "a role that may not give things to their owners: 17 before anything is made, with what to type" {
	sql postgres -c "create role shop_owner" -c "create role \"Odd one\"" -c "create role plain login createdb"
	sql -c "create table t (a int)" -c "insert into t values (1), (2)" \
		-c "alter database $DB owner to plain" -c "select lo_create(77)" -c "alter large object 77 owner to \"Odd one\"" \
		-c "alter default privileges for role shop_owner grant select on tables to public" \
		-c "create publication p for table t" -c "alter schema public owner to plain" \
		-c "alter table t owner to plain" -c "alter publication p owner to plain" > /dev/null
	snapshot
	pg_dump -Fc --no-publications -f "$WORK/a.dump"
	pg_dump -f "$WORK/a.sql"
	local what
	for what in "$FILE" "$WORK/a.dump" "$WORK/a.sql"; do
		PGUSER=plain fails 17 'is no member of it' "$what" -d "dbname=$DB user=plain"
		says 'GRANT "Odd one" TO "plain";'
		says 'GRANT "shop_owner" TO "plain";'
		says "--role-map 'Odd one=plain'"
		says "--role-map 'shop_owner=plain'"
	done
	# of definitions alone, or rows alone, other roles are needed
	PGUSER=plain fails 17 'role "shop_owner" owns some of it' "$FILE" -d "dbname=$DB user=plain" \
		--schema-only --to-db "${DB}_new"
	[[ $output != *"Odd one"* ]]
	PGUSER=plain expect 0 mig-restore "$FILE" -d "dbname=$DB user=plain" --schema-only --to-db "${DB}_new" \
		--role-map shop_owner=plain
	PGUSER=plain expect 17 mig-restore "$FILE" -d "dbname=$DB user=plain" --data-only --to-db "${DB}_new" -n
	says "--role-map 'Odd one=plain'"
	[[ $output != *shop_owner* ]]
	dropdb "${DB}_new"
	PGUSER=plain expect 0 mig-restore "$WORK/a.dump" -d "dbname=$DB user=plain" --to-db "${DB}_new" \
		--role-map 'Odd one=plain' --role-map 'shop_owner=plain'
	dropdb "${DB}_new"
	sql -c 'grant "Odd one", shop_owner to plain'
	PGUSER=plain expect 0 mig-restore "$WORK/a.dump" -d "dbname=$DB user=plain" --to-db "${DB}_new"
	dropdb "${DB}_new"
	sql postgres -c "drop database $DB with (force)" -c "drop role plain, shop_owner, \"Odd one\""
	createdb "$DB"
}

@test "what only superusers may make, and a tablespace without CREATE: 17 before anything is made" {
	sql postgres -c "create role plain login createdb" -c "create role giver" \
		-c "grant giver to plain"
	sql -c "set allow_in_place_tablespaces = on" -c "create tablespace elsewhere location ''"
	sql -c "create function f() returns event_trigger language plpgsql as 'begin end'" \
		-c "create event trigger e on ddl_command_start execute function f()" \
		-c "create table t (a int) tablespace elsewhere" -c "create publication all_of_it for all tables" \
		-c "grant select on t to giver with grant option" -c "set role giver" \
		-c "grant select on t to public"
	snapshot
	PGUSER=plain fails 17 'role "plain" may not restore this' "$FILE" -d "dbname=$DB user=plain"
	says 'for superusers alone: CREATE EVENT TRIGGER e'
	says 'for superusers alone: CREATE PUBLICATION all_of_it FOR ALL TABLES'
	says 'privileges that role "giver" gave can be given again by a superuser alone'
	says 'tablespace "elsewhere": no CREATE on it'
	says 'Or restore as a superuser'
	PGUSER=plain fails 17 'role "plain" may not restore this' "$FILE" --no-tablespaces -d "dbname=$DB user=plain"
	[[ $output != *elsewhere* ]]
	sql -c "drop event trigger e" -c "drop table t" -c "drop tablespace elsewhere"
	sql postgres -c "drop database $DB with (force)" -c "drop role plain, giver"
	createdb "$DB"
}

@test "a snapshot that is truncated, or not there" {
	make_live
	snapshot
	head -c 3000 "$FILE" > "$WORK/short.mig.tar"
	fails 15 "short.mig.tar" "$WORK/short.mig.tar"
	fails 14 "none" "$WORK/none.mig.tar"
	fails 14 "no snapshot" 20250101
}

@test "a file that is missing, none, or asked for what it cannot give: said also where there is no server" {
	make_live
	snapshot
	pg_dump -Fc -f good.dump "$DB"
	echo "no dump" > none.dump
	head -c 3000 "$FILE" > short.mig.tar
	export PGHOST=/nowhere
	expect 14 mig-restore ./missing.dump
	says "./missing.dump: No such file"
	expect 14 mig-restore missing.mig.tar --to-db x
	says "missing.mig.tar: No such file"
	expect 15 mig-restore none.dump
	says "is not a snapshot and not a dump of pg_dump"
	expect 15 mig-restore short.mig.tar
	says "short.mig.tar"
	expect 2 mig-restore good.dump --in-place
	says "a dump has none"
	for file in good.dump "$FILE"; do
		expect 10 mig-restore "$file"
		says "no server on that socket"
	done
}

@test "one flipped byte among the rows: 15, the member named, the copy gone" {
	sql -c "create table t as select i, md5(i::text) from generate_series(1, 20000) i"
	snapshot
	local at
	at=$(grep -abo 'copy.zst' "$FILE" | head -1 | cut -d: -f1)
	cp "$FILE" "$WORK/broken.mig.tar"
	chmod u+w "$WORK/broken.mig.tar"
	printf '\xff' | dd of="$WORK/broken.mig.tar" bs=1 seek=$((at + 20000)) conv=notrunc status=none
	if cmp -s "$FILE" "$WORK/broken.mig.tar"; then
		printf '\x00' | dd of="$WORK/broken.mig.tar" bs=1 seek=$((at + 20000)) conv=notrunc status=none
	fi
	fails 15 ".copy.zst" "$WORK/broken.mig.tar"
}

@test "safety_18 rows that come out differently than they went in: 15, the table named" {
	sql <<-END
		create table t (a int);
		insert into t select generate_series(1, 100);
		create table innocent (a int);
		-- refreshing the view, the last thing a restore does, changes a row
		create function meddle() returns int language sql volatile as
			'update public.t set a = a + 1000 where a = (select min(a) from public.t); select 1';
		create materialized view mischief as select meddle();
	END
	snapshot
	fails 15 "public.t: the same number of rows, other contents" latest
	[[ $output != *innocent* ]]
}

@test "safety_18 a lost row is told by the count" {
	sql <<-END
		create table t (a int);
		insert into t select generate_series(1, 100);
		create function meddle() returns int language sql volatile as
			'delete from public.t where a = (select min(a) from public.t); select 1';
		create materialized view mischief as select meddle();
	END
	snapshot
	fails 15 "public.t: 98 rows, the snapshot has 99" latest
}

@test "--keep-failed leaves the half-made copy, listed as not complete, never to be swapped in" {
	sql -c "create table t (a int)" -c "insert into t values (1)"
	sql -c "create function bad(int) returns bool language sql as 'select \$1 / 0 = 1'"
	sql -c "create function meddle() returns int language sql volatile as
		'insert into public.t values (2); select 1'" -c "create materialized view m as select meddle()"
	snapshot
	expect 15 mig-restore latest --keep-failed
	says "mig-restore drop ${DB}__r_"
	local copy
	copy=$(databases | grep __r_)
	expect 0 mig-restore copies
	says "not complete"
	expect 17 mig-restore swap "$copy" --accept-loss --yes
	says "not complete and proved"
	expect 0 mig-restore drop "$copy" --yes
	[ "$(databases)" = "$DB" ]
}

@test "definitions that the server refuses: 11, with PostgreSQL's words and the object" {
	sql <<-END
		create function positive(int) returns bool language plpgsql immutable as
			'begin return \$1 > (select min(a) from helper); end';
		create table helper (a int);
		insert into helper values (0);
		create table t (a int);
		insert into t values (1);
		create index on t (positive(a));
	END
	snapshot
	fails 11 "post-data" latest
	says "helper"
	says "CREATE INDEX"
}

@test "definitions that pg_restore makes and the server refuses: 11, the object and the server's words come first" {
	sql <<-'END'
		create schema app;
		create function app.answer() returns int language sql immutable as 'select 42';
		create domain app."a type" as int default app.answer();
		create table t (a int primary key);
		create function note() returns trigger language plpgsql as 'begin return new; end';
		create trigger "a trigger" before insert on t for each row execute function note();
	END
	snapshot
	# before the rows: a program that spoils what the archive says; behind them: the function is gone
	mkdir -p bin
	cat > bin/pg_restore <<-END
		#!/bin/sh
		case "\$*" in
		*--exit-on-error*--section=pre-data*) [ "\$SPOIL" != pre ] || psql -Xqc 'create schema app' ;;
		*--exit-on-error*--section=post-data*) [ "\$SPOIL" != post ] || psql -Xqc 'drop function public.note()' ;;
		esac
		exec $(command -v pg_restore) "\$@"
	END
	chmod +x bin/pg_restore
	PATH=$WORK/bin:$PATH SPOIL=pre fails 11 'pre-data of the snapshot: schema "app" already exists: CREATE SCHEMA app;' latest
	says "Command was: CREATE SCHEMA app"
	PATH=$WORK/bin:$PATH SPOIL=post fails 11 'post-data of the snapshot: function public.note() does not exist: CREATE TRIGGER "a trigger"' latest
}

@test "rows that the table refuses: 11, the table named, the server's words" {
	sql <<-END
		create table few (a int);
		insert into few values (1), (2);
		create function allowed() returns int language sql stable as 'select count(*)::int from public.few';
		create table many (v int check (v <= allowed()));
		insert into many select 2 from generate_series(1, 100);
	END
	snapshot
	# the larger table comes first, when the one that its constraint looks at is still empty
	fails 11 "table public.many" latest -j 1
	says "many_v_check"
	says "23514"
}

@test "a second run at the same time: 13, and who holds the key" {
	make_live
	snapshot
	"$BUILD/support/keys" run 20261120T010203Z-1a2b3c 300000 > run.out 2>&1 3>&- &
	until_true grep -q : run.out
	fails 13 "20261120T010203Z-1a2b3c" latest
}

@test "the role may not make databases: 17, nothing left" {
	sql -c "create role plain login" postgres
	make_live
	sql -c "grant all on t to plain"
	snapshot
	PGUSER=plain expect 17 mig-restore latest
	says '"plain" may not make databases'
	says 'ALTER ROLE "plain" CREATEDB'
	says 'GRANT "owner" TO "plain"'
	[ "$(databases)" = "$DB" ]
	[ -z "$(find "$STATE/intents" -name 'create-*' 2>/dev/null)" ]
}

@test "SIGTERM while loading: ended by the signal, the copy removed" {
	sql -c "create table big as select i, repeat('x', 100) t from generate_series(1, 300000) i"
	snapshot
	mig-restore latest > restore.out 2>&1 3>&- &
	local restore=$! status=0
	loading() { grep -q ": rows" restore.out; }
	until_true loading
	kill -TERM $restore
	wait $restore || status=$?
	cat restore.out
	[ "$status" = 143 ]
	[ "$(databases)" = "$DB" ]
	expect 0 mig-restore latest
}

@test "the server crashes while rows are loaded: 10; what is left is listed and dropped" {
	sql -c "create table big as select i, repeat('x', 100) t from generate_series(1, 300000) i"
	snapshot
	mig-restore latest > restore.out 2>&1 3>&- &
	local restore=$! status=0 copy
	loading() { grep -q ": rows" restore.out; }
	until_true loading
	cluster_restart immediate
	wait $restore || status=$?
	cat restore.out
	[ "$status" = 10 ]
	expect 0 mig-restore copies
	for copy in $(databases | grep -v "^$DB\$"); do
		says "$copy"
		expect 0 mig-restore drop "$copy" --yes
	done
	[ "$(databases)" = "$DB" ]
	[ "$(sql -c 'select count(*) from big')" = 300000 ]
	expect 0 mig-restore latest
}

@test "safety_06 SIGKILL at random moments: the copy is listed, dropped by name, and the next restore works" {
	local seed=${SEED:-$RANDOM} round left=0
	RANDOM=$seed
	sql -c "create table t as select i, md5(i::text) from generate_series(1, 30000) i" \
		-c "create index on t (md5)"
	snapshot
	nobody() {
		[ -z "$(sql -c "select pid from pg_stat_activity where application_name ~ '^(mig-restore|pg_restore)'" postgres)" ]
	}
	for round in $(seq "${ROUNDS:-8}"); do
		local restore copy
		mig-restore latest > restore.out 2>&1 3>&- &
		restore=$!
		sleep "$(printf '0.%03d' $((RANDOM % 900)))"
		kill -9 $restore 2>/dev/null || true
		wait $restore 2>/dev/null || true
		until_true nobody
		expect 0 mig-restore copies
		for copy in $(databases | grep -v "^$DB\$"); do
			left=$((left + 1))
			says "$copy"
			expect 0 mig-restore drop "$copy" --yes
			expect 0 mig-restore copies
		done
		[ "$(databases)" = "$DB" ]
		[ "$(sql -c 'select count(*) from t')" = 30000 ]
	done
	echo "# seed $seed: $left copies left by $round kills" >&3
	expect 0 mig-restore latest
}

@test "safety_06 killed before the name is known to the server: the intent alone is no copy" {
	make_live
	mkdir -p "$STATE/intents"
	echo "{\"intent\":\"create\",\"database\":\"${DB}__r_0123456789\",\"of\":\"$DB\"}" \
		> "$STATE/intents/create-1.json"
	expect 0 mig-restore copies
	[[ $output != *"${DB}__r_0123456789"* ]]
	expect 14 mig-restore drop "${DB}__r_0123456789" --yes
}
