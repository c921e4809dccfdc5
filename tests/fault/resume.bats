# A side-by-side restore that died is gone on with: what is in and equal stays, nothing comes twice.
load ../support/common
load ../support/copies

dump_of() {
	plain_dump "$1" | sort
}

make_shop() {
	sql <<-END
		create table t1 (id int primary key, v text unique);
		insert into t1 select i, md5(i::text) from generate_series(1, ${1:-30000}) i;
		create table t2 as select * from t1; create index on t2 (v); create index on t2 (id);
		alter table t2 add foreign key (id) references t1;
		create table t3 as select i, repeat('x', 200) v from generate_series(1, ${1:-30000}) i;
		create type mood as enum ('sad', 'ok');
		create table moods (m mood, n int primary key, unique (n, m)) partition by range (n);
		drop table moods;
		create table moods (m mood, n int) partition by hash (m);
		create table moods_0 partition of moods for values with (modulus 2, remainder 0);
		create table moods_1 partition of moods for values with (modulus 2, remainder 1);
		insert into moods select (array['sad', 'ok'])[1 + i % 2]::mood, i from generate_series(1, 1000) i;
		create index on moods (n);
		create table days (d date primary key, v int) partition by range (d);
		create table days_1 partition of days for values from ('2026-01-01') to ('2026-02-01');
		create table days_2 partition of days for values from ('2026-02-01') to ('2027-01-01');
		insert into days select date '2026-01-01' + i, i from generate_series(0, 99) i;
		create function f() returns trigger language plpgsql as 'begin return new; end';
		create trigger t before insert on t1 for each row execute function f();
		create rule r as on delete to t3 do instead nothing;
		create policy p on t1 using (true); create statistics s on id, v from t1;
		create publication news for table t1;
		create materialized view m as select count(*) from t1;
		create sequence q; select setval('q', 5);
		select lo_from_bytea(10, 'abc'), lo_from_bytea(11, decode(repeat('ab', 300000), 'hex'));
		comment on large object 10 is 'it';
		alter default privileges in schema public grant select on tables to public;
	END
}

nobody() {
	[ -z "$(sql -c "select pid from pg_stat_activity where application_name ~ '^(mig-restore|pg_restore)'" postgres)" ]
}
copy_of() { databases | grep __r_; }

@test "safety_06 killed at random again and again, and gone on with: the end is as if it had never died" {
	local seed=${SEED:-$RANDOM} round copy again=0
	RANDOM=$seed
	make_shop
	expect 0 mig-backup create
	for round in $(seq "${ROUNDS:-3}"); do
		local how=() tries=0
		while :; do
			tries=$((tries + 1))
			mig-restore latest "${how[@]}" > restore.out 2>&1 3>&- &
			local restore=$! status=0
			sleep "$(printf '0.%03d' $((200 + RANDOM % 700)))"
			kill -9 $restore 2>/dev/null || true
			wait $restore 2>/dev/null || status=$?
			until_true nobody
			copy=$(copy_of || true)
			[ "$status" != 0 ] || break
			if [ -n "$copy" ]; then
				how=(--resume "$copy")
				[ $tries -lt 6 ] || break
			fi
		done
		again=$((again + tries))
		[ "$status" = 0 ] || expect 0 mig-restore latest --resume "$copy"
		copy=$(copy_of)
		diff <(dump_of "$DB") <(dump_of "$copy")
		expect 0 mig-restore copies
		says proved
		expect 0 mig-restore drop "$copy" --yes
	done
	echo "# seed $seed: $again tries for $round copies" >&3
}

@test "what is in and equal is not loaded again; half of a table, strange rows and a finished end are mended" {
	make_shop
	sql -c "create function meddle() returns int language sql volatile as
		'insert into public.t3 values (0, null); select 1'" -c "create materialized view mischief as select meddle()"
	expect 0 mig-backup create
	expect 15 mig-restore latest --keep-failed
	local copy before
	copy=$(copy_of)
	says "--resume $copy"
	before=$(sql -d "$copy" -c "select pg_relation_filenode('t1')")
	# somebody's rows in one table, none in another, large objects half there
	sql -d "$copy" -c "delete from t2 where id > 10" -c "select lo_unlink(11)" \
		-c "update moods set n = 0 where n < 5" -c "create or replace function meddle() returns int language sql as 'select 1'"
	expect 0 mig-restore latest --resume "$copy"
	says "tables are in and equal"
	[ "$(sql -d "$copy" -c "select pg_relation_filenode('t1')")" = "$before" ]
	sql -c "drop materialized view mischief cascade" -c "drop function meddle"
	sql -d "$copy" -c "drop materialized view mischief cascade" -c "drop function meddle"
	diff <(dump_of "$DB") <(dump_of "$copy")
	# it is whole now
	expect 17 mig-restore latest --resume "$copy"
	says "no half-made copy"
}

@test "--resume: another snapshot's copy, another name, none at all; --to-db" {
	make_shop 100
	expect 0 mig-backup create
	sql -c "create function meddle() returns int language sql volatile as
		'insert into public.t3 values (0, null); select 1'" -c "create materialized view mischief as select meddle()"
	expect 0 mig-backup create
	expect 15 mig-restore latest --keep-failed
	local copy
	copy=$(copy_of)
	expect 17 mig-restore latest~1 --resume "$copy"
	says "is of snapshot"
	expect 17 mig-restore latest --to-db "${DB}_new" --resume "$copy"
	expect 14 mig-restore latest --resume "${DB}__r_0000000000"
	expect 2 mig-restore latest --resume "$copy" --schema-only
	expect 15 mig-restore latest --resume "$copy"
	says "is a half-made copy" || says "--resume $copy"
	[ "$(copy_of)" = "$copy" ]
	expect 0 mig-restore drop "$copy" --yes
	expect 15 mig-restore latest --to-db "${DB}_new" --keep-failed
	copy=$(databases | grep __r_)
	sql -d "$copy" -c "create or replace function meddle() returns int language sql as 'select 1'"
	expect 17 mig-restore latest --resume "$copy"
	says "--to-db ${DB}_new"
	expect 0 mig-restore latest --to-db "${DB}_new" --resume "$copy"
	[ "$(sql -d "${DB}_new" -c 'select count(*) from t1')" = 100 ]
}
