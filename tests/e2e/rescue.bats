# Single tables of a snapshot beside the live ones, and rows brought back from them.
load ../support/common
load ../support/copies

make_shop() {
	sql <<-END
		create schema "wei""rd";
		create type mood as enum ('sad', 'ok');
		create sequence numbers;
		create table customers (id bigint generated always as identity primary key, name text not null
			check (name <> ''), doubled int generated always as (length(name) * 2) stored,
			code int default nextval('numbers'), feeling mood default 'ok');
		insert into customers (name) select 'name ' || i from generate_series(1, 50) i;
		create table orders (id serial primary key, customer bigint not null references customers,
			total numeric(12, 2) default 1.5, note text unique);
		insert into orders (customer, note) select 1 + i % 50, 'note; "' || i from generate_series(1, 200) i;
		create index on orders (customer) where total > 1;
		create index on orders (lower(note));
		create table "wei""rd"."a.b (c" (x int, "q""" text default 'it''s (');
		insert into "wei""rd"."a.b (c" values (1, 'y');
		create table days (d date not null, v int, primary key (d)) partition by range (d);
		create table days_1 (v int, d date not null);
		alter table days attach partition days_1 for values from ('2026-01-01') to ('2026-02-01');
		create table days_2 partition of days for values from ('2026-02-01') to ('2027-01-01');
		insert into days select date '2026-01-01' + i, i from generate_series(0, 99) i;
		create table parent (a int); create table child (b int) inherits (parent);
		create function shout() returns trigger language plpgsql as 'begin new.note := upper(new.note); return new; end';
		create trigger shout before insert on orders for each row execute function shout();
	END
}

state_of_live() {
	plain_dump "$DB" -n public -n '"wei""rd"' | md5sum
}

@test "--table into a schema: rows proved, keys and indexes there, no sequence, no foreign key, live untouched" {
	make_shop
	expect 0 mig-backup create
	sql -c "delete from orders where id <= 10" -c "update customers set name = 'changed' where id = 3"
	local before
	before=$(state_of_live)
	expect 0 mig-restore latest --table public.orders,public.customers,public.days --into-schema rescue
	says "public.orders: 200 rows, proved equal to the snapshot, are in rescue.orders"
	says "public.days: 100 rows"
	[ "$(state_of_live)" = "$before" ]
	[ "$(sql -c 'select count(*), min(name) from rescue.customers')" = "50|name 1" ]
	[ "$(sql -c 'select doubled from rescue.customers where id = 1')" = 12 ]
	[ "$(sql -c "select string_agg(contype::text, '' order by contype::text) from pg_constraint
		where connamespace = 'rescue'::regnamespace")" = cpppu ]
	[ "$(sql -c "select count(*) from pg_indexes where schemaname = 'rescue'")" = 6 ]
	[ "$(sql -c "select count(*) from pg_trigger t join pg_class c on c.oid = tgrelid
		where relnamespace = 'rescue'::regnamespace")" = 0 ]
	# no default draws from a sequence, the others are there
	[ "$(sql -c "select string_agg(column_name || '=' || column_default, ' ' order by column_name) from information_schema.columns
		where table_schema = 'rescue' and is_generated = 'NEVER' and column_default is not null")" = "feeling='ok'::mood total=1.5" ]
	[ "$(sql -c "select relkind from pg_class where oid = 'rescue.days'::regclass")" = r ]
	sql -c "drop sequence numbers cascade" # nothing of ours holds on to it
	expect 0 mig-restore copies
	says "schema rescue: 3 tables of snapshot"
	expect 0 mig-restore drop rescue
	says "with --yes this would be dropped: schema rescue"
	expect 0 mig-restore drop rescue --yes
	[ -z "$(sql -c "select from pg_namespace where nspname = 'rescue'")" ]
	expect 14 mig-restore drop rescue --yes
}

@test "--table: one partition, hostile names, a second time into the same schema, --json" {
	make_shop
	expect 0 mig-backup create
	expect 0 mig-restore latest --table 'wei"rd.a.b (c' --into-schema 's"x' --json
	says '"schema":"s\"x","proved":true,"tables":1,"rows":1'
	[ "$(sql -c 'select * from "s""x"."a.b (c"')" = "1|y" ]
	expect 0 mig-restore latest --table public.days_1 --into-schema 's"x'
	[ "$(sql -c 'select count(*) from "s""x".days_1')" = 31 ]
	expect 11 mig-restore latest --table public.days_1,public.orders --into-schema 's"x'
	says 'mig-restore drop s"x --yes'
	# one transaction: the other one was not made either
	[ -z "$(sql -c "select to_regclass('\"s\"\"x\".orders')")" ]
	expect 0 mig-restore latest --table public.orders --into-schema other -n
	says "200 rows would be put into other.orders"
	[ -z "$(sql -c "select from pg_namespace where nspname = 'other'")" ]
}

@test "--table: what is asked wrongly, and what cannot be" {
	make_shop
	sql -c "create schema theirs"
	expect 0 mig-backup create
	expect 2 mig-restore latest --table public.orders
	says "--table and --into-schema go together"
	expect 2 mig-restore latest --into-schema x
	expect 2 mig-restore latest --table public.orders --into-schema x --swap
	expect 14 mig-restore latest --table public.order --into-schema x
	says "did you mean public.orders?"
	expect 14 mig-restore latest --table orders --into-schema x
	says "did you mean public.orders?"
	expect 17 mig-restore latest --table public.orders --into-schema theirs
	says 'schema "theirs" exists, and mig did not make it'
	expect 17 mig-restore latest --table public.orders --into-schema public
	expect 17 mig-restore latest --table public.child --into-schema x
	says "inherits"
	expect 14 mig-restore drop theirs --yes
	[ -z "$(sql -c "select from pg_namespace where nspname = 'x'")" ]
	# a mark copied onto another schema makes it no schema of ours
	expect 0 mig-restore latest --table public.orders --into-schema mine
	sql -c "select format('comment on schema theirs is %L', obj_description('mine'::regnamespace, 'pg_namespace'))" \
		| sql -f -
	expect 17 mig-restore latest --table public.customers --into-schema theirs
	expect 14 mig-restore drop theirs --yes
	# what somebody built upon it is not taken along
	sql -c "create view public.uses as select * from mine.orders"
	expect 17 mig-restore drop mine --yes
	says "rule _RETURN on view"
	sql -c "drop view uses" -c "drop table customers cascade" -c "drop type mood cascade"
	expect 11 mig-restore latest --table public.customers --into-schema x
	says "mood"
	says "does not have it any more"
	expect 0 mig-restore drop mine --yes
}

@test "rows --missing: counted, brought back once, keys and sequences right, triggers as asked" {
	make_shop
	expect 0 mig-backup create
	expect 0 mig-restore latest --table public.orders,public.customers,public.days --into-schema rescue
	sql -c "delete from orders where id > 150 or id = 3" -c "update orders set total = 7 where id = 5" \
		-c "update orders set customer = 1 where customer = 50" -c "delete from customers where id = 50" -c "select setval('orders_id_seq', 20)" \
		-c "select setval('customers_id_seq', 10)" -c "delete from days where v < 40"
	expect 0 mig-restore rows public.customers --from-schema rescue --missing -n --json
	says '"missing":1,"inserted":0'
	[ "$(sql -c 'select count(*) from customers')" = 49 ]
	expect 17 mig-restore rows public.customers --from-schema rescue --missing
	says "give --yes"
	expect 0 mig-restore rows public.customers --from-schema rescue --missing --yes
	says "1 row was missing, 1 was brought back"
	[ "$(sql -c 'select name, doubled from customers where id = 50')" = "name 50|14" ]
	says "sequence moved up: public.customers_id_seq to 50"
	# triggers fire: what they changed is said
	sql -c "delete from rescue.orders where id = 3"
	expect 0 mig-restore rows public.orders --from-schema rescue --missing --yes
	says "50 rows were missing, 50 were brought back"
	says "50 of them are not as they were: triggers fired"
	[ "$(sql -c "select note from orders where id = 160")" = 'NOTE; "160' ]
	[ "$(sql -c "select total from orders where id = 5")" = 7.00 ]
	sql -c "insert into orders (customer) values (1)"
	[ "$(sql -c 'select max(id) from orders')" = 201 ]
	# a second time there is nothing to do
	expect 0 mig-restore rows public.orders --from-schema rescue --missing
	says "0 rows were missing"
	sql -c "delete from orders where id between 100 and 110" -c "alter table orders enable always trigger shout"
	expect 0 mig-restore rows public.orders --from-schema rescue --missing --yes --no-triggers
	[ "$(sql -c "select note from orders where id = 105")" = 'note; "105' ]
	[ "$(sql -c "select tgenabled from pg_trigger where tgname = 'shout'")" = A ]
	# through the root of partitions
	expect 0 mig-restore rows public.days --from-schema rescue --missing --yes
	[ "$(sql -c 'select count(*), count(*) filter (where v < 31) from days_1')" = "31|31" ]
}

@test "rows --missing: foreign keys hold, columns come and go, keys by hand; what is asked wrongly" {
	make_shop
	sql -c "create table plain (a int, b int, c text)" -c "insert into plain values (1, 1, 'x'), (2, null, 'y'), (3, 3, 'z')"
	expect 0 mig-backup create
	expect 0 mig-restore latest --table public.orders,public.plain --into-schema rescue
	sql -c "delete from orders where customer = 7" -c "delete from customers where id = 7"
	expect 11 mig-restore rows public.orders --from-schema rescue --missing --yes
	says "orders_customer_fkey"
	[ "$(sql -c 'select count(*) from orders where customer = 7')" = 0 ]
	sql -c "delete from plain" -c "alter table plain drop column c" -c "alter table plain add d int default 9"
	expect 2 mig-restore rows public.plain --from-schema rescue --missing --yes
	says "--key COLUMN"
	expect 14 mig-restore rows public.plain --from-schema rescue --missing --yes --key nope
	expect 0 mig-restore rows public.plain --from-schema rescue --missing --yes --key b
	says "column c is not in the live table"
	says "1 row without a whole key stays in rescue"
	[ "$(sql -c 'select a, b, d from plain order by 1')" = "$(printf '1|1|9\n3|3|9')" ]
	expect 2 mig-restore rows public.orders --from-schema rescue
	expect 2 mig-restore rows public.orders --missing
	expect 14 mig-restore rows public.none --from-schema rescue --missing
	expect 14 mig-restore rows public.customers --from-schema rescue --missing
	expect 17 mig-restore rows public.orders --from-schema public --missing
	says "not one of rescued tables"
}
