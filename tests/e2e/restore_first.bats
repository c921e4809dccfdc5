# The largest tables are loaded while one session makes the definitions of all others; those whose
# rows or definitions could meet something that is not there yet are not.
load ../support/common
load ../support/copies
setup() {
	common_setup
	write_config
	back=${DB}_back
}

first_of() { grep -nF -m1 "$1" ran | cut -d: -f1 | grep . || { echo "did not run: $1"; return 1; }; }
last_of() { grep -nF "$1" ran | tail -1 | cut -d: -f1 | grep .; }

# A catalogue that takes its time; each of them heavier than what is loaded at once
make_small() {
	sql -c "do \$\$ begin for i in 1..$1 loop
		execute format('create table small_%s (id int primary key, name text)', i);
		execute format('insert into small_%s values (%s, null)', i, i); end loop; end \$\$"
}
fill() { sql -c "insert into $1 select g, repeat(md5(g::text), 8) from generate_series(1, ${2:-18000}) g"; }

plain_tables() {
	make_small 150
	sql <<-END
		create type mood as enum ('sad', 'ok');
		create table users (id int primary key);
		create table large (id serial primary key, body text, mood mood default 'ok', own bigint generated always as identity,
			who int references users);
		comment on column large.body is 'long';
		grant select (body) on large to public;
		create view seen as select l.id, s.name from large l join small_7 s using (id);
		create view seen_twice as select * from seen;
		create function size_of(large) returns int language sql as 'select length(\$1.body)';
		create index on large (body);
		create index sized on large (length(body));
		create rule quiet as on delete to large do instead nothing;
	END
	sql -c "insert into large (id, body) select g, repeat(md5(g::text), 8) from generate_series(1, 18000) g"
}

@test "a large table is loaded while the definitions of others are made, with all that belongs to it" {
	plain_tables
	expect 0 mig-backup create
	statements_of mig-restore latest --to-db "$back" --jobs 2
	[ "$status" = 0 ]
	says "proved equal"
	(($(first_of 'copy "public"."large"') < $(last_of 'CREATE TABLE public.small_')))
	# nothing that looks at the table comes behind
	(($(first_of 'CREATE VIEW public.seen_twice') < $(first_of 'copy "public"."large"')))
	(($(last_of 'OWNED BY public.large') < $(first_of 'copy "public"."large"')))
	(($(last_of 'ON TABLE public.large') < $(first_of 'copy "public"."large"')))
	diff <(pg_dump "$DB" | grep -v restrict) <(pg_dump "$back" | grep -v restrict)
	[ "$(sql -d "$back" -c "select last_value from large_id_seq")" = 1 ]
	dropdb "$back"
	# one session, or a small catalogue: everything is made before
	statements_of mig-restore latest --to-db "$back" --jobs 1
	(($(first_of 'copy "public"."large"') > $(last_of 'CREATE TABLE public.small_')))
	dropdb "$back"
	sql -c "create role somebody_$BATS_TEST_NUMBER" -c "alter table large owner to somebody_$BATS_TEST_NUMBER"
	expect 0 mig-backup create
	expect 0 mig-restore latest --to-db "$back" --jobs 2 --role-map "somebody_$BATS_TEST_NUMBER=owner"
	[ "$(sql -d "$back" -c "select tableowner from pg_tables where tablename = 'large'")" = owner ]
}

@test "tables whose rows could look at something else wait for all definitions" {
	make_small 150
	sql <<-END
		create table plain (id int, body text);
		create function known(int) returns bool language plpgsql as 'begin return \$1 > 0 or exists (select from public.small_150); end';
		create table checked (id int check (known(id)), body text);
		create table limited (id int check (id > 0), body text);
		create table named (id int, body text, what regclass default 'small_149');
		create table parent (id int, body text);
		create table child () inherits (parent);
		create domain positive as int;
		create table domained (id positive, body text);
		create table computed (id int, body text, twice int generated always as (id * 2) stored);
	END
	local table
	for table in plain checked limited named parent domained computed; do fill "$table (id, body)"; done
	expect 0 mig-backup create
	statements_of mig-restore latest --to-db "$back" --jobs 4
	[ "$status" = 0 ]
	says "proved equal"
	(($(first_of 'copy "public"."plain"') < $(last_of 'CREATE TABLE public.small_')))
	for table in checked limited named parent domained computed; do
		(($(first_of "copy \"public\".\"$table\"") > $(last_of 'CREATE TABLE public.small_'))) || {
			echo "$table was begun early"
			return 1
		}
	done
	diff <(pg_dump "$DB" | grep -v restrict | sort) <(pg_dump "$back" | grep -v restrict | sort)
}

# terminate PATTERN: the session that runs such a statement, as soon as there is one
terminate() {
	sql postgres -c "do \$\$ begin for i in 1..10000 loop
		perform pg_stat_clear_snapshot();
		if (select bool_or(pg_terminate_backend(pid)) from pg_stat_activity where query like '$1') then
			return;
		end if;
		perform pg_sleep(0.002);
	end loop; raise 'no such session'; end \$\$"
}

@test "a session that dies, of the definitions or of the rows, ends both: 10, and nothing is left" {
	local which killer
	make_small 400
	sql -c "create table plain (id int, body text)"
	fill "plain (id, body)" 40000
	expect 0 mig-backup create
	for which in 'CREATE TABLE public.small_2%' 'copy "public"."plain"%'; do
		terminate "$which" 3>&- &
		killer=$!
		expect 10 mig-restore latest --to-db "$back" --jobs 2
		wait $killer
		[ "$(databases)" = "$DB" ]
	done
	expect 0 mig-restore latest --to-db "$back" --jobs 2
}
