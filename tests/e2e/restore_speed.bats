# What a restore does to be fast, and what must not change by it: statistics as tables finish, the
# compression of long values, helpers of index builds.
load ../support/common
load ../support/copies
setup() {
	common_setup
	write_config
	back=${DB}_back
}

# position TEXT: the line of the file `ran` where it first comes
position() {
	grep -niF -m1 "$1" ran | cut -d: -f1 | grep . || { echo "did not run: $1"; return 1; }
}

@test "statistics follow each table's own indexes; those that need more come at the end" {
	sql <<-END
		create table large (id int primary key, name text);
		create index on large (name);
		create table small (id int primary key, a int);
		create table extended (a int, b int);
		create statistics both_of_it on a, b from extended;
		create table expressed (name text);
		create index expressed_lower on expressed (lower(name));
		create table parts (id int) partition by range (id);
		create table parts_1 partition of parts for values from (0) to (1000);
		insert into large select g, md5(g::text) from generate_series(1, 20000) g;
		insert into small select g, g % 3 from generate_series(1, 500) g;
		insert into extended select g % 10, g % 5 from generate_series(1, 500) g;
		insert into expressed select 'N' || g % 7 from generate_series(1, 500) g;
		insert into parts select generate_series(1, 500);
	END
	expect 0 mig-backup create
	statements_of mig-restore latest --to-db "$back" --jobs 1
	large=$(position 'copy "public"."large"')
	index=$(position 'create index large_name_idx')
	analyzed=$(position 'analyze "public"."large"')
	small=$(position 'copy "public"."small"')
	((large < index && index < analyzed && analyzed < small))
	(($(position 'create statistics') < $(position 'analyze "public"."extended"')))
	(($(position 'create index expressed_lower') < $(position 'analyze "public"."expressed"')))
	[ "$(grep -ci 'analyze "public"' ran)" = 6 ]
	# statistics of tables, of an expression, of several columns, of a whole partitioned table
	[ "$(sql -d "$back" -c "select count(*) from pg_stats where schemaname = 'public'
		and tablename in ('large', 'small', 'extended', 'expressed', 'parts', 'parts_1')")" = 9 ]
	[ "$(sql -d "$back" -c "select n_distinct from pg_stats where tablename = 'expressed_lower'")" = 7 ]
	[ "$(sql -d "$back" -c "select count(*) from pg_stats_ext where statistics_name = 'both_of_it'
		and n_distinct is not null")" = 1 ]
}

compression_in() {
	sql -d "$1" -c "select distinct pg_column_compression(body) from documents order by 1"
}

@test "long values are compressed with lz4 where nobody has chosen" {
	sql <<-END
		create table documents (id int primary key, body text, old text compression pglz);
		insert into documents select g, repeat('word ' || g || ' ', 3000), repeat('old ' || g, 3000)
			from generate_series(1, 100) g;
	END
	[ "$(compression_in "$DB")" = pglz ]
	expect 0 mig-backup create
	expect 0 mig-restore latest --to-db "$back"
	says "proved equal"
	[ "$(compression_in "$back")" = lz4 ]
	# the column's own choice
	[ "$(sql -d "$back" -c "select distinct pg_column_compression(old) from documents")" = pglz ]
	diff <(plain_dump -s "$DB") <(plain_dump -s "$back")
	# and a person's
	dropdb "$back"
	sql -c "alter role owner set default_toast_compression = 'pglz'"
	run mig-restore latest --to-db "$back"
	sql -c "alter role owner reset default_toast_compression"
	[ "$status" = 0 ]
	[ "$(compression_in "$back")" = pglz ]
	# a standby may be built without it
	dropdb "$back"
	sql -c "select from pg_create_physical_replication_slot('standby')"
	run mig-restore latest --to-db "$back"
	sql -c "select pg_drop_replication_slot('standby')"
	[ "$status" = 0 ]
	[ "$(compression_in "$back")" = pglz ]
}

@test "helpers of the server build an index only where nothing else is left to do" {
	sql <<-END
		create table wide (id int, name text);
		create index on wide (name);
		create table other (id int primary key);
		insert into wide select g, md5(g::text) from generate_series(1, 300000) g;
		insert into other select generate_series(1, 100);
	END
	expect 0 mig-backup create
	statements_of mig-restore latest --to-db "$back" --jobs 2
	[ "$(grep -c 'set max_parallel_maintenance_workers = 0' ran)" -ge 2 ]
	! grep -q 'reset max_parallel_maintenance_workers' ran || false # the proof fills the gap
	dropdb "$back"
	statements_of mig-restore latest --to-db "$back" --jobs 2 --no-proof
	(($(position 'reset max_parallel_maintenance_workers') < $(position 'create index wide_name_idx')))
	dropdb "$back"
	statements_of mig-restore latest --to-db "$back" --jobs 1
	! grep -q 'max_parallel_maintenance_workers' ran || false
}

@test "one table larger than all others together is loaded by all sessions; a smaller one by one, frozen" {
	sql <<-END
		create table most (id int primary key, body text);
		create table other (id int primary key, body text);
		insert into most select g, repeat(md5(g::text), 40) from generate_series(1, 90000) g;
		insert into other select g, md5(g::text) from generate_series(1, 50000) g;
	END
	expect 0 mig-backup create
	statements_of mig-restore latest --to-db "$back" --jobs 2
	says "proved equal"
	[ "$(grep -c 'copy "public"."most" ("id", "body") from stdin$' ran)" -ge 3 ]
	[ "$(grep -c 'copy "public"."other" ("id", "body") from stdin with (freeze)$' ran)" = 1 ]
	! grep -q 'truncate only "public"."most"' ran || false
	[ "$(sql -d "$back" -c "select count(*), max(id) from most")" = "90000|90000" ]
	[ "$(sql -d "$back" -c "select reltuples from pg_class where relname = 'most'")" = 90000 ]
	dropdb "$back"
	statements_of mig-restore latest --to-db "$back" --jobs 1
	[ "$(grep -c 'copy "public"."most" ("id", "body") from stdin with (freeze)$' ran)" = 1 ]
}

@test "a foreign key is checked as soon as its tables are in, and those that act are made in their order" {
	sql <<-END
		create table tiny (id int primary key);
		create table large (id int primary key, tiny int references tiny, name text);
		create table medium (id int primary key, name text);
		create table circle_a (id int primary key, b int);
		create table circle_b (id int primary key, a int references circle_a deferrable initially deferred);
		alter table circle_a add foreign key (b) references circle_b;
		create table tree (id int primary key, up int references tree);
		create table keyed (id int); create unique index keyed_id on keyed (id);
		create table named (id int references keyed (id));
		create table owner (id int primary key);
		create table acting_a (id int references owner);
		create table acting_b (id int references owner on delete cascade, name text);
		create table old (id int); create table young (id int references tiny);
		insert into old values (99);
		alter table old add foreign key (id) references tiny not valid;
		insert into tiny select generate_series(1, 10);
		insert into large select g, 1 + g % 10, repeat(md5(g::text), 3) from generate_series(1, 30000) g;
		insert into medium select g, md5(g::text) from generate_series(1, 10000) g;
		insert into circle_a select g from generate_series(1, 10) g;
		insert into circle_b select g, g from generate_series(1, 10) g;
		update circle_a set b = id;
		insert into tree select g, 1 + g / 2 from generate_series(1, 100) g;
		insert into owner values (1); insert into acting_a values (1);
		insert into acting_b select 1, md5(g::text) from generate_series(1, 1000) g;
	END
	expect 0 mig-backup create
	statements_of mig-restore latest --to-db "$back" --jobs 1
	added=$(position 'ADD CONSTRAINT large_tiny_fkey FOREIGN KEY (tiny) REFERENCES public.tiny(id) NOT VALID')
	checked=$(position 'VALIDATE CONSTRAINT large_tiny_fkey')
	(($(position 'copy "public"."tiny"') < added && added < checked))
	((checked < $(position 'copy "public"."medium"')))
	(($(position 'ADD CONSTRAINT acting_a_id_fkey') < $(position 'ADD CONSTRAINT acting_b_id_fkey')))
	[ "$(grep -c 'VALIDATE CONSTRAINT' ran)" = 8 ]
	diff <(pg_dump "$DB" | grep -v restrict) <(pg_dump "$back" | grep -v restrict)
	dropdb "$back"
	expect 0 mig-restore latest --to-db "$back" --jobs 4
	diff <(pg_dump -s "$DB" | grep -v restrict) <(pg_dump -s "$back" | grep -v restrict)
}

@test "rows that a foreign key refuses end the restore: 11, with the key's name, and no copy is left" {
	sql <<-END
		create table tiny (id int primary key);
		create table large (id int primary key, tiny int references tiny, name text);
		insert into tiny values (1);
		insert into large select g, 1, md5(g::text) from generate_series(1, 30000) g;
		set session_replication_role = replica;
		update large set tiny = 2 where id = 7;
	END
	expect 0 mig-backup create
	expect 11 mig-restore latest --to-db "$back" --jobs 2
	says "large_tiny_fkey"
	[ "$(databases)" = "$DB" ]
}
