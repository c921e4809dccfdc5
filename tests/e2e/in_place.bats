# --in-place: over the live database, by a role that may not make databases, in one transaction.
load ../support/common
load ../support/copies
setup() {
	common_setup
	sql postgres -c "drop role if exists plain_$BATS_TEST_NUMBER" -c "create role plain_$BATS_TEST_NUMBER login" \
		-c "alter database $DB owner to plain_$BATS_TEST_NUMBER"
	sql -c "alter schema public owner to plain_$BATS_TEST_NUMBER"
	write_config "policy: {restore: allow}"
}
teardown() {
	! mountpoint -q "$CLUSTER/small_$BATS_TEST_NUMBER" || umount -l "$CLUSTER/small_$BATS_TEST_NUMBER"
	common_teardown
}

as_plain() { export PGUSER=plain_$BATS_TEST_NUMBER; }
as_owner() { export PGUSER=owner; }

dump_of() {
	PGUSER=owner plain_dump "$DB" -N mig | sort
}

make_shop() {
	sql <<-END
		create type mood as enum ('sad', 'ok');
		create schema "wei""rd";
		create table customers (id bigint generated always as identity primary key, name text not null,
			doubled int generated always as (length(name) * 2) stored, feeling mood default 'ok');
		insert into customers (name) select 'name ' || i from generate_series(1, 500) i;
		create table orders (id serial primary key, customer bigint not null references customers, note text);
		insert into orders (customer, note) select 1 + i % 500, repeat(md5(i::text), 5) from generate_series(1, 2000) i;
		create index on orders (customer);
		create table days (d date not null, v int, unique (d, v)) partition by range (d);
		create table days_1 partition of days for values from ('2026-01-01') to ('2026-02-01');
		create table days_2 partition of days for values from ('2026-02-01') to ('2027-01-01') partition by list (v);
		create table days_2_rest partition of days_2 default;
		insert into days select date '2026-01-01' + i, i from generate_series(0, 99) i;
		create table moods (m mood, n int) partition by hash (m);
		create table moods_0 partition of moods for values with (modulus 2, remainder 0);
		create table moods_1 partition of moods for values with (modulus 2, remainder 1);
		insert into moods select (array['sad', 'ok'])[1 + i % 2]::mood, i from generate_series(1, 100) i;
		create view names as select name from customers;
		create materialized view totals as select count(*) from orders;
		create function f(mood) returns int language sql as 'select 1';
	END
}

make_more() {
	sql <<-END
		create function g() returns trigger language plpgsql as 'begin return new; end';
		create trigger t before insert on orders for each row execute function g();
		create aggregate longest (text) (sfunc = textcat, stype = text);
		create operator === (leftarg = int, rightarg = int, function = int4eq);
		create domain positive as int check (value > 0);
		create table "wei""rd"."t	a""b" (x positive);
		insert into "wei""rd"."t	a""b" values (1);
		alter default privileges in schema public grant select on tables to public;
		grant usage on schema public to public;
		comment on table orders is 'o''r';
		select lo_from_bytea(77, 'abc'), lo_from_bytea(78, '');
		comment on large object 77 is 'it';
		create publication news for table orders;
		create statistics s on id, customer from orders;
	END
}

change_everything() {
	sql <<-END
		drop schema "wei""rd" cascade;
		create schema later; create table later.t (a int);
		drop materialized view totals;
		delete from moods; drop table orders cascade;
		update customers set name = 'changed';
		create table new_one (a int references customers);
		alter default privileges in schema public grant insert on tables to public;
		alter default privileges revoke execute on functions from public;
		grant create on schema public to public;
		create domain other as text; create function h(other) returns int language sql as 'select 1';
		create type mood_2 as (a other); alter table customers add column c mood_2;
		select lo_create(79);
	END
}

@test "in place by a plain role: everything is as in the snapshot, maintenance and history kept" {
	sql -c "create extension hstore" -c "create extension ltree schema pg_catalog"
	as_plain
	make_shop
	make_more
	sql -c "alter table customers add column h hstore default 'a=>1'"
	expect 0 mig-backup create --label wanted
	local before
	before=$(dump_of)
	change_everything
	expect 17 mig-restore label:wanted --in-place --accept-loss
	says "mig-maintenance on"
	expect 0 mig-maintenance on
	expect 17 mig-restore label:wanted --in-place --accept-loss
	says "taken since maintenance began"
	says "mig-backup create"
	expect 0 mig-backup create
	expect 17 mig-restore label:wanted --in-place
	says "later.t"
	says "--accept-loss"
	[ "$(dump_of)" != "$before" ]
	expect 0 mig-restore label:wanted --in-place --accept-loss --json
	says '"in_place":true,"proved":true'
	diff <(echo "$before") <(dump_of)
	expect 0 mig-maintenance status
	says closed
	expect 0 mig-maintenance off
	expect 0 mig-restore label:wanted -n
	says "tables are equal"
	[ "$(sql -c 'select lo_get(77)')" = '\x616263' ]
	sql -c "insert into customers (name) values ('next')"
	[ "$(sql -c 'select max(id) from customers')" = 501 ]
	# and back, with history this time
	sql -c "create table mig.history (id bigint generated always as identity primary key,
		at timestamptz not null default clock_timestamp(), revision text not null, direction text not null,
		tree text not null default 'main', checksum text, up_sql text, down_sql text, duration_ms bigint,
		who text not null default session_user, host text, run text, tool text, detail jsonb)"
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	expect 0 mig-restore latest --in-place --accept-loss
	[ "$(sql -c "select direction, detail->>'in_place' from mig.history")" = "swapped_back|true" ]
}

@test "in place: what stands in the way is named, nothing is changed" {
	local i
	as_plain
	make_shop
	as_owner
	sql -c "create table theirs (a int)" -c "grant select on theirs to plain_$BATS_TEST_NUMBER" \
		-c "create schema owned_elsewhere"
	as_plain
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	local before
	before=$(dump_of)
	expect 17 mig-restore latest --in-place --accept-loss
	says "schema owned_elsewhere belongs to owner"
	expect 17 mig-restore latest --in-place -n
	[ "$(dump_of)" = "$before" ]
	as_owner
	sql -c "drop schema owned_elsewhere"
	as_plain
	# the schema's owner may drop the table, and not give it back
	expect 17 mig-restore latest --in-place -n
	says 'role "owner" owns some of it'
	expect 0 mig-restore latest --in-place -n --role-map "owner=plain_$BATS_TEST_NUMBER"
	says "against snapshot"
	expect 2 mig-restore latest --in-place --swap
	expect 2 mig-restore latest --in-place -j 4
	expect 2 mig-restore latest --in-place --to-db x
	expect 2 mig-restore latest --in-place --no-proof
	expect 0 mig-backup create --schema public --label part
	expect 17 mig-restore label:part --in-place --accept-loss
	says "a part of the database"
	for i in 1 2 3; do
		sql -c "select count(lo_create(i)) from generate_series(${i}0001, ${i}3500) i"
	done
	expect 17 mig-restore latest --in-place --accept-loss
	says "in one transaction"
	says "max_locks_per_transaction = "
	for i in 1 2 3; do
		sql -c "select count(lo_unlink(i)) from generate_series(${i}0001, ${i}3500) i"
	done
	as_owner
	psql -Xq -c "create table locked (a int)" -c "begin" -c "insert into locked values (1)" -c "prepare transaction 'p1'"
	as_plain
	expect 17 mig-restore latest --in-place --accept-loss
	says "prepared transaction p1"
	as_owner
	sql -c "rollback prepared 'p1'"
}

@test "in place: SQL that fails at the end, rows that come out differently: rolled back, all as before" {
	as_plain
	make_shop
	sql <<-END
		create function meddle() returns int language sql volatile as
			'update public.orders set note = note || ''x'' where id = 1; select 1';
		create materialized view mischief as select meddle();
	END
	expect 0 mig-backup create --label bad
	sql -c "drop materialized view mischief" -c "insert into customers (name) values ('new')"
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	local before
	before=$(dump_of)
	expect 15 mig-restore label:bad --in-place --accept-loss
	says "public.orders: the same number of rows, other contents"
	says "nothing was changed"
	[ "$(dump_of)" = "$before" ]
	expect 0 mig-maintenance status
	says closed
	# somebody holds a table: 13 after ten seconds, nothing changed
	psql -Xqc "begin; lock table customers in access share mode; select pg_sleep(14)" > /dev/null 3>&- &
	is_locked() { [ -n "$(sql -c "select 1 from pg_locks where relation = 'customers'::regclass")" ]; }
	until_true is_locked
	expect 13 mig-restore latest --in-place --accept-loss
	[ "$(dump_of)" = "$before" ]
}

@test "safety_09 in place: SIGKILL in every stage, at random moments: as before, or as in the snapshot" {
	local seed=${SEED:-$RANDOM} round before wanted now done=0 stage
	local stages=(clearing definitions rows "indexes and constraints" proof)
	RANDOM=$seed
	as_plain
	make_shop
	expect 0 mig-backup create --label wanted
	wanted=$(dump_of)
	sql -c "insert into customers (name) select 'more' from generate_series(1, 100)" -c "drop table orders cascade"
	before=$(dump_of)
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	nobody() {
		[ -z "$(sql -c "select pid from pg_stat_activity where application_name ~ '^mig-restore' and datname = '$DB'" postgres)" ]
	}
	began() { grep -q ": $stage\$" restore.out || ! kill -0 "$restore" 2> /dev/null; }
	for round in $(seq "${ROUNDS:-5}"); do
		stage=${stages[(round - 1) % 5]}
		mig-restore label:wanted --in-place --accept-loss > restore.out 2>&1 3>&- &
		local restore=$!
		until began || ! kill -0 $restore 2> /dev/null; do :; done
		sleep "$(printf '0.%03d' $((RANDOM % 10)))"
		kill -9 $restore 2>/dev/null || true
		wait $restore 2>/dev/null || true
		until_true nobody
		now=$(dump_of)
		[ "$now" = "$before" ] || [ "$now" = "$wanted" ] || {
			echo "seed $seed round $round: neither"
			diff <(echo "$wanted") <(echo "$now") | head -20
			return 1
		}
		[ "$now" != "$wanted" ] || done=$((done + 1))
		[ "$now" != "$wanted" ] || break
	done
	# the first stages are never too late
	[ "$round" -ge 3 ]
	echo "# seed $seed: $round kills, $done were too late" >&3
	expect 0 mig-backup create
	expect 0 mig-restore label:wanted --in-place --accept-loss
	[ "$(dump_of)" = "$wanted" ]
	expect 0 mig-maintenance status
	says closed
}

@test "in place: the disk fills up: 12, rolled back, all as before; with room it goes on" {
	[ "$(id -u)" = 0 ] || skip "needs to mount a small file system"
	local small=$CLUSTER/small_$BATS_TEST_NUMBER before
	mkdir "$small"
	mount -t tmpfs -o size=16m tmpfs "$small" 2> /dev/null || skip "cannot mount here"
	chown postgres:postgres "$small"
	chmod 700 "$small"
	sql postgres -c "create tablespace small location '$small'" \
		-c "grant create on tablespace small to plain_$BATS_TEST_NUMBER"
	as_plain
	sql -c "create table big (i int, t text) tablespace small" \
		-c "insert into big select i, repeat(md5(i::text), 10) from generate_series(1, 15000) i"
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	before=$(dump_of)
	dd if=/dev/zero of="$small/filler" bs=1M count=8 status=none
	expect 12 mig-restore latest --in-place --accept-loss
	says "No space left on device"
	says "nothing was changed"
	[ "$(dump_of)" = "$before" ]
	rm "$small/filler"
	expect 0 mig-restore latest --in-place --accept-loss
	[ "$(dump_of)" = "$before" ]
	sql -c "drop table big"
	as_owner
	sql -c checkpoint
	sql postgres -c "drop tablespace small"
	umount "$small"
}

@test "in place as a step of a run: the run's maintenance permits it, nobody else's does" {
	local id=20261120T010203Z-1a2b3c
	as_plain
	make_shop
	expect 0 mig-backup create --label wanted
	sql -c "drop table orders cascade"
	"$BUILD/support/keys" run $id 300000 > run.out 2>&1 3>&- &
	until_true grep -q : run.out
	MIG_RUN=$(cat run.out)
	export MIG_RUN
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	expect 0 mig-restore label:wanted --in-place --accept-loss
	[ "$(sql -c 'select count(*) from orders')" = 2000 ]
	expect 0 mig-maintenance status
	says "run:$id"
	unset MIG_RUN
	expect 13 mig-restore label:wanted --in-place --accept-loss
	kill %1
	wait %1 || true
	expect 17 mig-restore label:wanted --in-place --accept-loss
	says "maintenance is held by run:$id, not by hand"
}
