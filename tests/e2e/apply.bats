load ../support/common
load ../support/migrations

@test "a first revision is written, applied, taken back" {
	expect 0 mig-apply revision -m "Add user preferences"
	file=$(ls migrations/*.sql)
	[[ $file =~ ^migrations/[0-9a-f]{12}_add_user_preferences\.sql$ ]]
	grep -q '^-- down_revision:$' "$file"
	cat >> "$file" <<< "drop table preferences;"
	sed -i 's/^-- migrate:up$/&\ncreate table preferences (id int);/' "$file"
	id=$(basename "$file" | cut -c1-12)

	expect 0 mig-apply plan
	says "upgrade 1 revision: <base> -> $id Add user preferences"
	expect 4 mig-apply current --check
	expect 0 mig-apply upgrade
	says "applied $id Add user preferences in"
	says "default is now at $id Add user preferences"
	expect 0 mig-apply current --check
	says "$id Add user preferences (head)"
	sql -c "select * from preferences"
	rows_are "$id"

	expect 0 mig-apply upgrade
	says "was already at"
	expect 0 mig-apply downgrade -1 -y
	says "default is now at <base>"
	rows_are ""
	[ "$(sql -c "select string_agg(direction, ' ' order by id) from mig.history")" = "up down" ]
}

@test "the version table and its rows are Alembic's" {
	line_of 2
	expect 0 mig-apply upgrade r001
	[ "$(sql -c "select format_type(atttypid, atttypmod) from pg_attribute
		where attrelid = 'alembic_version'::regclass and attname = 'version_num'")" = "character varying(32)" ]
	[ "$(sql -c "select conname from pg_constraint where conrelid = 'alembic_version'::regclass")" = alembic_version_pkc ]
	rows_are r001
	expect 0 mig-apply upgrade +1
	rows_are r002
	expect 0 mig-apply downgrade base -y
	rows_are ""
	sql -c "select 1 from alembic_version"
}

@test "the version table of the search path is used, also in another schema" {
	line_of 1
	sql -c "create schema app" -c "alter role owner in database $DB set search_path = app, public"
	expect 0 mig-apply upgrade
	[ "$(sql -c "select version_num from app.alembic_version")" = r001 ]
	[ "$(sql -c "select to_regclass('app.t1') is not null")" = t ]
	expect 0 mig-apply current --check
	sql -c "alter role owner in database $DB reset search_path"
}

# bats test_tags=majors
@test "branches, merge and dependencies keep Alembic's rows" {
	revision aaaa "" "Base" <<< $'-- migrate:up\ncreate table a (i int);\n-- migrate:down\ndrop table a;'
	revision bbbb aaaa "Left" -l left <<< $'-- migrate:up\ncreate table b (i int);\n-- migrate:down\ndrop table b;'
	revision cccc aaaa "Right" <<< $'-- migrate:up\ncreate table c (i int);\n-- migrate:down\ndrop table c;'
	expect 2 mig-apply upgrade
	says '"head" is 2 revisions'
	says "bbbb Left"
	expect 0 mig-apply upgrade heads
	rows_are "bbbb cccc"
	expect 4 mig-apply heads --check
	expect 2 mig-apply downgrade -1
	says "mig-apply downgrade bbbb@-1    # Left"
	says "mig-apply downgrade cccc@-1    # Right"
	rows_are "bbbb cccc"
	expect 0 mig-apply downgrade left@-1 -y
	rows_are cccc
	expect 0 mig-apply upgrade heads
	expect 0 mig-apply revision -m "Merge both" --head bbbb --head cccc --rev-id mmmm
	grep -q '^-- down_revision: bbbb, cccc$' migrations/mmmm_merge_both.sql
	expect 0 mig-apply heads --check
	expect 0 mig-apply upgrade
	rows_are mmmm
	expect 0 mig-apply downgrade -1 -y
	rows_are "bbbb cccc"
	revision xxxx "" "Another base" <<< $'-- migrate:up\nselect 1;'
	revision yyyy xxxx "Needs left" -d left <<< $'-- migrate:up\nselect 1;'
	expect 0 mig-apply upgrade yyyy
	rows_are "cccc yyyy"
	expect 0 mig-apply upgrade heads
	rows_are "mmmm yyyy"
	expect 0 mig-apply current
	says "mmmm Merge both"
	expect 0 mig-apply current --check
}

@test "revision stands on the head, a splice begins a branch" {
	line_of 2
	expect 0 mig-apply revision -m "Third" --rev-id r003
	grep -q '^-- down_revision: r002$' migrations/r003_third.sql
	expect 17 mig-apply revision -m "Beside" --head r001
	says "--splice"
	expect 0 mig-apply revision -m "Beside" --head r001 --splice --rev-id b001 --branch-label side --depends-on r002
	grep -q '^-- branch_labels: side$' migrations/b001_beside.sql
	grep -q '^-- depends_on: r002$' migrations/b001_beside.sql
	expect 2 mig-apply revision -m "Which head?"
	says '"head" is 2 revisions'
	expect 2 mig-apply revision -m "Again" --rev-id r001 --head side@head
	says "in two files"
	expect 2 mig-apply revision
	says "mig-apply revision -m"
	[ "$(find migrations -name '*.sql' | wc -l)" = 4 ]
	expect 0 mig-apply revision -m "Größe: äöü & more, a very long message that goes on and on" --head r003
	ls migrations/*_größe_äöü_more_a_very_long_message.sql
}

@test "history, heads and show speak Alembic's words" {
	line_of 3
	revision b002 r001 "Beside" -l side <<< $'-- migrate:up\nselect 1;'
	expect 0 mig-apply history
	[ "$output" = "* b002 Beside (side) (head)
| * r003 Table 3 (head)
| * r002 Table 2
|/
* r001 Table 1 (branchpoint)" ]
	expect 0 mig-apply heads
	says "r003 Table 3 (head)"
	expect 0 mig-apply show side
	says "Rev: b002 (head)"
	says "Parent: r001 Table 1"
	expect 14 mig-apply show nosuch
	says 'no revision or branch "nosuch"'
	mig-apply history --json | tail -1 | jq -e '.event == "result" and (.revisions | length) == 4
		and (.revisions[-1].base) and (.revisions[-1].branchpoint)'
	expect 0 mig-apply upgrade r002
	expect 0 mig-apply history -i
	says "| * r002 Table 2 (current)"
}

@test "a dry run prints the SQL, takes no key, writes nothing" {
	line_of 2
	mkfifo gate
	psql -Xq -c "select pg_advisory_lock(('x' || left(encode(sha256('mig:run:$DB'::bytea), 'hex'), 16))::bit(64)::bigint)" \
		-c "\\! cat gate" postgres > /dev/null &
	holder=$!
	expect 0 mig-apply upgrade -n
	says "create table t1 (id int primary key);"
	says "insert into \"public\".\"alembic_version\" (version_num) values ('r001');"
	says "update \"public\".\"alembic_version\" set version_num = 'r002' where version_num = 'r001';"
	expect 0 mig-apply plan
	says "r002 Table 2  migrations/r002_table_2.sql: 1 statement"
	echo > gate
	wait $holder
	[ "$(sql -c "select count(*) from pg_class where relnamespace in (select oid from pg_namespace where nspname in ('public', 'mig'))")" = 0 ]
	expect 0 mig-apply upgrade -n r001
	mig-apply upgrade -n > out.sql
	sql -f out.sql 2>&1 | grep -q 'alembic_version" does not exist'
	expect 0 mig-apply upgrade r001
	mig-apply upgrade -n > out.sql
	sql -f out.sql
	rows_are r002
	expect 0 mig-apply current --check
	expect 0 mig-apply downgrade -n r001
	says "drop table t2;"
	rows_are r002
}

@test "plan names what is destructive, and what the policy asks for" {
	line_of 1
	revision r002 r001 "Drop it" <<< $'-- migrate:up\nselect 1;\n  drop table t1;'
	mig_yaml "" true
	expect 0 mig-apply plan
	says "destructive: DROP TABLE t1 (migrations/r002_drop_it.sql:7:3)"
	says "needs a snapshot not older than"
	mig-apply plan --json | tail -1 | jq -e '.destructive and .steps[1].destructive[0].line == 7
		and .steps[1].destructive[0].statement == "DROP TABLE t1" and .from == [] and .to == ["r002"]
		and (.sql | contains("drop table t1"))'
}

@test "a role that may only read the version table can ask where things stand" {
	line_of 2
	expect 0 mig-apply upgrade r001
	sql -c "drop role if exists watcher" -c "create role watcher login" -c "grant select on alembic_version to watcher"
	expect 0 env PGUSER=watcher mig-apply current
	says "r001 Table 1"
	expect 4 env PGUSER=watcher mig-apply current --check
	expect 0 env PGUSER=watcher mig-apply plan
	says "r002 Table 2"
	expect 11 env PGUSER=watcher mig-apply upgrade
	rows_are r001
	sql -c "drop owned by watcher" -c "drop role watcher"
}

@test "plan tells how large the tables are" {
	line_of 1
	expect 0 mig-apply upgrade
	sql -c "insert into t1 select generate_series(1, 5000)" -c "analyze t1"
	revision r002 r001 "Column" <<< $'-- migrate:up\nalter table t1 add column a int;\ncreate index on public.T1 (a);\nupdate nosuch set a = 1;'
	expect 0 mig-apply plan
	[ "$(grep -c '    table t1: about 5000 rows, ' <<< "$output")" = 1 ]
	mig-apply plan --json | tail -1 | jq -e '.steps[0].tables | length == 1 and .[0].rows == 5000 and .[0].bytes > 100000'
}

@test "verify statements must be true, else nothing is kept" {
	revision r001 "" "Checked" <<-END
		-- migrate:up
		create table a (i int);
		insert into a values (1), (2);

		-- migrate:verify
		select count(*) = 2 from a;
		select bool_and(i > 1) from a;

		-- migrate:down
		drop table a;
	END
	expect 1 mig-apply upgrade
	says "migrations/r001_checked.sql:11"
	says "verify of r001 is not true: f"
	[ "$(sql -c "select to_regclass('a') is null")" = t ]
	rows_are ""
	sed -i 's/i > 1/i > 0/' migrations/r001_checked.sql
	expect 0 mig-apply upgrade
	rows_are r001
}

@test "COPY rows, dollar quotes, BEGIN ATOMIC, CRLF and a BOM run as they stand" {
	[ "${cluster_major:-15}" -ge 14 ] || skip "BEGIN ATOMIC came with 14"
	revision r001 "" "All kinds" <<-'END'
		-- migrate:up
		create table a (i int, t text);
		copy a (i, t) from stdin;
		1	it's; -- migrate:down
		2	\N
		\.
		create function f() returns int language sql begin atomic
			select case when true then 1 end; select count(*)::int from a; end;
		do $x$ begin perform ';'; end $x$;

		-- migrate:verify
		select f() = 2;

		-- migrate:down
		drop function f();
		drop table a;
	END
	revision r002 r001 "From Windows" <<< $'-- migrate:up\ncreate table b (i int);\n-- migrate:down\ndrop table b;'
	sed -i 's/$/\r/; 1s/^/\xef\xbb\xbf/' migrations/r002_from_windows.sql
	expect 0 mig-apply upgrade
	rows_are r002
	[ "$(sql -c "select t from a where i = 1")" = "it's; -- migrate:down" ]
	expect 0 mig-apply downgrade base -y
	[ "$(sql -c "select count(*) from pg_proc where proname = 'f'")" = 0 ]
	# the checksum does not depend on line ends
	expect 0 mig-apply upgrade
	sed -i 's/\r$//' migrations/r002_from_windows.sql
	revision r003 r002 "More" <<< $'-- migrate:up\nselect 1;'
	expect 0 mig-apply upgrade
}

@test "stamp moves only the rows" {
	line_of 3
	expect 0 mig-apply stamp -n r002
	says "would be at r002 Table 2"
	[ "$(sql -c "select to_regclass('alembic_version') is null")" = t ]
	expect 0 mig-apply stamp r002
	says "no SQL of any revision was run"
	rows_are r002
	[ "$(sql -c "select to_regclass('t1') is null")" = t ]
	[ "$(sql -c "select revision || ' ' || direction from mig.history")" = "r002 stamp" ]
	expect 0 mig-apply stamp base
	rows_are ""
	sql -c "insert into alembic_version values ('feedfeed')"
	expect 14 mig-apply upgrade
	says "feedfeed, which is in no file"
	expect 0 mig-apply current
	says "feedfeed (in no file of"
	expect 4 mig-apply current --check
	expect 14 mig-apply stamp head
	expect 0 mig-apply stamp --purge head
	rows_are r003
}

@test "results are JSON for the runner" {
	line_of 2
	mig-apply upgrade --json 2>log | tail -1 > result
	jq -e '.event == "result" and .direction == "up" and .applied == ["r001", "r002"]
		and .from == [] and .to == ["r002"]' result
	jq -es 'map(select(.event == "revision_done")) | length == 2' log
	mig-apply current --json | tail -1 | jq -e '.heads == ["r002"] and .at_head'
	mig-apply downgrade r001 -y --json 2>/dev/null | tail -1 |
		jq -e '.direction == "down" and .applied == ["r002"] and .to == ["r001"]'
	expect 2 mig-apply downgrade --json
	tail -1 <<< "$output" | jq -e '.event == "exit" and .code == 2'
}

# bats test_tags=majors
@test "mig.history keeps what ran, when, by whom" {
	line_of 1
	expect 0 mig-apply upgrade
	[ "$(sql -c "select revision, direction, tree, up_sql, down_sql, length(checksum), who, host = '$(hostname)',
		run ~ '^[0-9]{8}T', tool is not null, duration_ms >= 0 from mig.history")" = \
		"r001|up|main|create table t1 (id int primary key);|drop table t1;|64|owner|t|t|t|t" ]
}

@test "migrations: settings reach the session, lock_timeout too" {
	revision r001 "" "Show" <<-END
		-- migrate:up
		create table seen as select current_setting('work_mem') as mem, current_setting('lock_timeout') as wait;
	END
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations: {dir: migrations, settings: {work_mem: 7MB}}
		environments: {dev: {database: "dbname=$DB"}}
	END
	expect 0 mig-apply upgrade --lock-timeout 1500ms
	[ "$(sql -c "select * from seen")" = "7MB|1500ms" ]
}

@test "mig and real Alembic agree over random graphs" {
	/usr/bin/python3 -c 'import alembic' 2>/dev/null || skip "python3-alembic is not installed"
	seed=${SEED:-$RANDOM}
	echo "# seed $seed" >&3
	expect 0 /usr/bin/python3 "$BATS_TEST_DIRNAME/../support/alembic_compare.py" \
		"$BUILD/support/graph_ask" "${ROUNDS:-400}" "$seed"
	says " same"
}

@test "real Alembic reads the table that mig left, and goes on from there" {
	/usr/bin/python3 -c 'import alembic, psycopg2' 2>/dev/null || skip "python3-alembic is not installed"
	line_of 2
	expect 0 mig-apply upgrade
	mkdir -p tree/versions
	cat > tree/env.py <<-END
		from alembic import context
		from sqlalchemy import create_engine
		with create_engine("postgresql+psycopg2://").connect() as c:
		    context.configure(connection=c)
		    with context.begin_transaction():
		        context.run_migrations()
	END
	for pair in "r001 None" "r002 'r001'" "r003 'r002'"; do
		set -- $pair
		cat > "tree/versions/$1.py" <<-END
			"""Table"""
			revision = "$1"
			down_revision = $2
			def upgrade(): pass
			def downgrade(): pass
		END
	done
	printf '[alembic]\nscript_location = tree\n' > alembic.ini
	alembic() { /usr/bin/python3 -c 'from alembic.config import main; main()' "$@"; }
	alembic current 2>/dev/null | grep -q '^r002$'
	alembic upgrade head 2>/dev/null
	rows_are r003
	alembic downgrade r001 2>/dev/null
	expect 0 mig-apply current
	says "r001 Table 1"
}

@test "what one revision SETs does not reach the next, nor mig's own rows" {
	sql -c "drop role if exists app_owner" -c "create role app_owner" -c "create schema app authorization app_owner" \
		-c "alter database $DB set timezone = 'Europe/Berlin'"
	revision r001 "" "As another" <<-END
		-- migrate:up
		set role app_owner;
		set search_path = app;
		set lock_timeout = '1h';
		create table t (i int);
	END
	revision r002 r001 "As ourselves" <<-END
		-- migrate:up
		create table seen as select current_user as role, current_setting('search_path') as path,
			current_setting('lock_timeout') as wait, current_setting('timezone') as zone,
			current_setting('default_transaction_read_only') as ro;
	END
	expect 0 mig-apply upgrade
	[ "$(sql -c "select tableowner from pg_tables where schemaname = 'app'")" = app_owner ]
	[ "$(sql -c "select * from public.seen")" = 'owner|"$user", public|2s|Europe/Berlin|off' ]
	rows_are r002
	sql -c "drop schema app cascade" -c "drop role app_owner"
}
