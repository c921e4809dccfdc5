# For tests of whole databases.
# shellcheck shell=bash

# every_kind: tables and objects of every kind
every_kind() {
	sql <<-'END'
		create role backup_reader;
		create schema app;
		create type app.mood as enum ('sad', 'fine');
		create domain app.positive as int check (value > 0);
		create table app.all_types (
			id bigint generated always as identity primary key,
			twice int generated always as (n * 2) stored,
			n int, m app.mood, p app.positive, big numeric, f float8, r real,
			t text, c char(5), v varchar(9), b bytea, j json, jb jsonb, u uuid, a int[],
			d date, ts timestamp, tz timestamptz, i interval, mo money, x xml, o oid,
			net inet, bits bit varying, rng int4range, pt point, ok boolean);
		insert into app.all_types (n, m, p, big, f, r, t, c, v, b, j, jb, u, a, d, ts, tz, i, mo, x,
			o, net, bits, rng, pt, ok)
		select k, 'fine', k + 1, 'NaN', 'Infinity', 1.1 / (k + 1), E'tab\t nl\n back\\ \r quote''' || k,
			'ab', E'\\.', decode('00ff5c0a', 'hex'), '{"a": [1, null]}', '{"b": "\u00e9"}',
			'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', array[1, null, k], 'infinity',
			'2026-01-02 03:04:05.678901', '0044-03-15 12:00:00+01 BC', '1 year -2 days 03:04:05.6',
			k * 1.5, '<a>&amp;</a>', 123, '10.0.0.0/8', B'1010', '[1,5)', '(1.5,2)', true
		from generate_series(1, 50) k;
		insert into app.all_types (n) values (null);
		create table app.dropped (a int, b int, c text);
		alter table app.dropped drop column b;
		insert into app.dropped values (1, 'x');
		create table app.nothing ();
		insert into app.nothing default values;
		insert into app.nothing default values;
		create table app.empty (i int);
		create table app.parent (i int);
		create table app.child (j int) inherits (app.parent);
		insert into app.parent values (1);
		insert into app.child values (2, 3);
		create table app.part (k int, v text, primary key (k)) partition by range (k);
		create table app.part_low (v text, k int not null);
		alter table app.part attach partition app.part_low for values from (0) to (10);
		create table app.part_high partition of app.part for values from (10) to (100)
			partition by list (k);
		create table app.part_rest partition of app.part_high default;
		insert into app.part select k, 'v' || k from generate_series(0, 99) k;
		create table app.enums (m app.mood, k int) partition by hash (m);
		create table app.enums_0 partition of app.enums for values with (modulus 2, remainder 0);
		create table app.enums_1 partition of app.enums for values with (modulus 2, remainder 1);
		insert into app.enums select unnest(enum_range(null::app.mood)), generate_series(1, 10);
		create unlogged table app.fast (i int);
		insert into app.fast values (7);
		create sequence app.counter increment by 5;
		select nextval('app.counter'), nextval('app.counter');
		create sequence app.untouched;
		create table app.refs (id bigint references app.all_types);
		insert into app.refs values (1);
		alter table app.refs add constraint later check (id > 5) not valid;
		create view app.seen as select * from app.dropped;
		create materialized view app.stored as select count(*) from app.all_types;
		create function app.f() returns trigger language plpgsql as $$ begin return new; end $$;
		create trigger tr before insert on app.dropped for each row execute function app.f();
		create index on app.all_types using gin (jb);
		grant select on app.dropped to backup_reader;
		comment on table app.dropped is 'it''s';
		select lo_from_bytea(4711, decode(repeat('00ff61', 300000), 'hex'));
		select lo_create(4712);
		grant select on large object 4711 to backup_reader;
		comment on large object 4711 is 'large';
	END
}
