load ../support/common
load ../support/migrations
load ../support/alembic
setup() {
	need_alembic
	common_setup
}

@test "a line of revisions goes up and down; plain Alembic agrees at each place" {
	alembic_tree
	py_line 3
	expect 0 mig-apply plan
	says "upgrade 3 revisions: <base> -> a003 Table 3"
	says "a001 Table 1  alembic/versions/a001_.py"
	expect 0 mig-apply upgrade
	says "is now at a003 Table 3"
	rows_are a003
	alembic current 2>/dev/null | grep -q '^a003 (head)$'
	alembic upgrade head 2>&1 | grep -c Running && false
	[ "$(sql -c "select string_agg(revision, ' ' order by id) from mig.history where direction = 'up'")" = "a001 a002 a003" ]
	[ "$(sql -c "select count(*) from mig.history where up_sql like '%create_table%' and checksum ~ '^[0-9a-f]{64}\$' and duration_ms >= 0 and run is not null and tool is not null and host is not null")" = 3 ]
	expect 0 mig-apply downgrade -1 --yes
	says "is now at a002 Table 2"
	rows_are a002
	alembic downgrade base 2>/dev/null
	rows_are ""
	expect 0 mig-apply current
	alembic upgrade a002 2>/dev/null
	expect 0 mig-apply upgrade
	rows_are a003
	expect 0 mig-apply upgrade
	says "was already at a003 Table 3"
	expect 0 mig-apply downgrade base --yes
	rows_are ""
	[ "$(sql -c "select to_regclass('t1') is null")" = t ]
}

@test "headers: annotated, lists, tuples, many lines, comments, computed" {
	alembic_tree
	cat > alembic/versions/a.py <<-'END'
		# a comment first
		"""First tables

		Revision ID: h1
		"""
		from typing import Sequence, Union

		revision: str = "h1"
		down_revision: Union[str, Sequence[str], None] = None
		branch_labels: Union[
		    str, Sequence[str], None
		] = ("main",)  # one
		depends_on = None
		def upgrade(): pass
		def downgrade(): pass
	END
	printf '"""Windows"""\r\nrevision = \x27h2\x27\r\ndown_revision = (\r\n    # the parent\r\n    "h1",\r\n)\r\ndef upgrade(): pass\r\ndef downgrade(): pass\r\n' > alembic/versions/b.py
	cat > alembic/versions/c.py <<-'END'
		'''Other base'''
		revision = 'h3'; 
		down_revision = None
		branch_labels = "ai"
		depends_on = [
		    'h1',
		]
		def upgrade(): pass
		def downgrade(): pass
	END
	cat > alembic/versions/d.py <<-'END'
		"""Merge

		with more text
		"""
		revision = ("h" "4")
		down_revision = "h2", "h3"
		text = """
		down_revision = "no"
		"""
		def upgrade(): pass
		def downgrade(): pass
	END
	cat > alembic/versions/e.py <<-'END'
		"""Computed"""
		number = 5
		revision = f"h{number}"
		down_revision = "h%d" % (number - 1)
		def upgrade(): pass
		def downgrade(): pass
	END
	cp alembic/versions/e.py alembic/versions/.#e.py
	expect 0 mig-apply history
	[ "$output" = "* h5 Computed (main, ai) (head)
* h4 Merge (main, ai) (mergepoint)
|\\
* | h2 Windows (main)
| * h3 Other base (ai) (depends on h1)
* h1 First tables (main)" ]
	alembic history 2>/dev/null > theirs
	for line in "h4 -> h5" "h2, h3 -> h4" "h1 -> h2"; do
		grep -q -- "$line" theirs
	done
	expect 0 mig-apply upgrade
	rows_are h5
	alembic current 2>/dev/null | grep -q '^h5 (head)'
}

@test "reading needs no Python: history, heads, current, plan, show, stamp" {
	alembic_tree
	py_line 2
	sed -i 's,/usr/bin/python3,/no/such/python,' mig.yaml
	expect 0 mig-apply history
	expect 0 mig-apply heads
	says "a002 Table 2 (head)"
	expect 0 mig-apply current
	expect 0 mig-apply plan
	expect 0 mig-apply show a001
	says "Created: 2026-01-02 03:04:05"
	expect 0 mig-apply stamp a001
	rows_are a001
	expect 3 mig-apply upgrade
	says "no Python: /no/such/python"
	says "migrations: {python: "
	rows_are a001
}

@test "an interpreter without Alembic is an error with the way out" {
	alembic_tree
	py_line 1
	mkdir -p .venv/bin bin
	printf '#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n' > bin/python
	cp bin/python .venv/bin/python
	chmod +x bin/python .venv/bin/python
	sed -i 's,/usr/bin/python3,bin/python,' mig.yaml
	expect 3 mig-apply upgrade
	says "has no module alembic"
	says "migrations: {python: .venv/bin/python}"
}

@test "branches, a merge and dependencies keep Alembic's rows, both ways" {
	alembic_tree
	py b0 None "Root" < <(printf 'def upgrade(): pass\ndef downgrade(): pass\n')
	py b1 "'b0'" "Left" < <(printf 'def upgrade(): op.execute("create table l (i int)")\ndef downgrade(): op.drop_table("l")\n')
	py b2 "'b0'" "Right" < <(printf 'def upgrade(): op.execute("create table r (i int)")\ndef downgrade(): op.drop_table("r")\n')
	py b3 "('b1', 'b2')" "Merge" < <(printf 'def upgrade(): pass\ndef downgrade(): pass\n')
	expect 0 mig-apply upgrade b2
	rows_are b2
	expect 0 mig-apply upgrade
	rows_are b3
	expect 0 mig-apply downgrade -1 --yes
	rows_are "b1 b2"
	expect 2 mig-apply downgrade -1 --yes
	expect 0 mig-apply upgrade heads
	rows_are b3
	alembic current 2>/dev/null | grep -q '^b3 (head)'
	expect 0 mig-apply downgrade b1 --yes
	rows_are "b1 b2"
	expect 0 mig-apply downgrade base --yes
	rows_are ""
	alembic upgrade heads 2>/dev/null
	expect 0 mig-apply current --check
}

@test "a migration that fails: its line, statement and SQLSTATE; those before are kept" {
	alembic_tree
	py_line 2
	py a003 "'a002'" "Broken" <<-'END'
		def upgrade():
		    print("on its way")
		    op.create_table('half', sa.Column('i', sa.Integer))
		    op.execute("insert into nosuch values (1)")

		def downgrade():
		    pass
	END
	expect 11 mig-apply upgrade --json
	says "a003 Broken: relation"
	says "alembic/versions/a003_.py:19:1"
	says "statement: insert into nosuch values (1)"
	says "2 of 3 revisions are committed, the last is a002 Table 2"
	says "on its way"
	says "nothing of this revision was kept"
	rows_are a002
	[ "$(sql -c "select to_regclass('half') is null")" = t ]
	[ "$(sql -c "select count(*) from mig.history")" = 2 ]
	sed -i 's/op.execute.*/raise ValueError("not today")/' alembic/versions/a003_.py
	expect 1 mig-apply upgrade
	says "a003 Broken: ValueError: not today"
	says "Traceback"
	rows_are a002
}

@test "safety_05 a URL of env.py that leads elsewhere is refused before the first step" {
	alembic_tree
	py_line 1
	psql -Xqc "drop database if exists elsewhere with (force)" -c "create database elsewhere" postgres
	sed -i 's,os.environ\["DATABASE_URL"\],"postgresql+psycopg2:///elsewhere",' alembic/env.py
	expect 17 mig-apply upgrade
	says 'connects to database "elsewhere"'
	says "DATABASE_URL"
	[ "$(psql -XAtqc "select count(*) from pg_class where relname in ('t1', 'alembic_version')" elsewhere)" = 0 ]
	# and ours is as it was before
	[ "$(sql -c "select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace where nspname in ('mig', 'public')")" = 0 ]
	[ "$(sql -c "select count(*) from pg_namespace where nspname = 'mig'")" = 0 ]
}

@test "another version table in env.py is refused, and goes when it is named" {
	alembic_tree
	py_line 1
	sed -i 's/connection=connection/connection=connection, version_table="versions"/' alembic/env.py
	expect 17 mig-apply upgrade
	says 'env.py keeps its rows in table versions, mig in "public"."alembic_version"'
	[ "$(sql -c "select count(*) from pg_class where relname in ('t1', 'versions')")" = 0 ]
	alembic upgrade head 2>/dev/null
	expect 17 mig-apply upgrade
	says "name it: migrations: {version_table: NAME} in mig.yaml"
	sed -i 's/{dir: alembic,/{dir: alembic, version_table: versions,/' mig.yaml
	expect 0 mig-apply upgrade
	says "was already at a001"
}

@test "autocommit_block and commits inside go on working; a failure behind them says so" {
	alembic_tree
	py c1 None "Table" < <(printf 'def upgrade(): op.create_table("t", sa.Column("i", sa.Integer))\ndef downgrade(): op.drop_table("t")\n')
	py c2 "'c1'" "Index" <<-'END'
		def upgrade():
		    with op.get_context().autocommit_block():
		        op.execute("create index concurrently t_i on t (i)")

		def downgrade():
		    op.drop_index("t_i")
	END
	expect 0 mig-apply upgrade
	rows_are c2
	[ "$(sql -c "select indisvalid from pg_index where indexrelid = 't_i'::regclass")" = t ]
	py c3 "'c2'" "Half" <<-'END'
		def upgrade():
		    with op.get_context().autocommit_block():
		        op.execute("create index concurrently t_i2 on t (i)")
		    op.execute("select 1/0")

		def downgrade():
		    pass
	END
	expect 11 mig-apply upgrade
	says "division by zero"
	says "c3 Half is half applied: it has committed a part of itself"
	rows_are c2
	expect 17 mig-apply plan
	sql -c "drop index t_i2"
	expect 0 mig-apply stamp c2
	sed -i 's,1/0,1,' alembic/versions/c3_.py
	expect 0 mig-apply upgrade
	rows_are c3
}

@test "the connection of env.py has mig's settings and key" {
	alembic_tree
	py s1 None "Look" <<-END
		def upgrade():
		    op.execute("create table seen as select current_setting('lock_timeout') wait,"
		               " current_setting('application_name') as name,"
		               " (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as keys")

		def downgrade():
		    pass
	END
	sql -c "alter database $DB set default_transaction_read_only = on"
	expect 0 mig-apply upgrade --lock-timeout 1234ms
	[ "$(sql -c "select wait || '|' || keys || '|' || (name like 'mig-apply%') from seen")" = "1234ms|1|true" ]
}

@test "a lock that is held: tried again, then 13 with who holds it" {
	alembic_tree
	py_line 1
	expect 0 mig-apply upgrade
	py a002 "'a001'" "Alter" < <(printf 'def upgrade(): op.execute("alter table t1 add column x int")\ndef downgrade(): pass\n')
	PGAPPNAME=holder psql -Xq -c "begin; lock table t1" -c "select pg_sleep(60)" > /dev/null 2>&1 3>&- &
	local holder=$!
	until_true sql_is 1 "select count(*) from pg_locks where relation = 't1'::regclass and mode = 'AccessExclusiveLock'"
	expect 13 mig-apply upgrade --lock-timeout 600ms --lock-retries 1
	says "trying again in"
	says "a002 Alter: "
	rows_are a001
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holder'" > /dev/null
	wait "$holder" || true
	expect 0 mig-apply upgrade
	rows_are a002
}

@test "revision -m writes by the tree's own template" {
	alembic_tree
	py_line 2
	expect 0 mig-apply revision -m "Add user preferences"
	local path=$output
	[ -f "$path" ]
	grep -q "down_revision = 'a002'" "$path"
	grep -q "^def upgrade() -> None:" "$path"
	expect 0 mig-apply heads
	says "Add user preferences (head)"
	expect 17 mig-apply revision -m "Branch" --head a001
	expect 0 mig-apply revision -m "Branch" --head a001 --splice --rev-id beef --branch-label side
	expect 0 mig-apply upgrade heads
	expect 0 mig-apply revision -m "Merge" --head heads
	alembic heads 2>/dev/null | grep -q "(head)"
}

@test "safety_21 a file that was edited after it was applied is refused; its docstring may change" {
	alembic_tree
	py_line 2
	expect 0 mig-apply upgrade
	sed -i 's/Table 1/Table one/; s/$/  /' alembic/versions/a001_.py
	expect 0 mig-apply upgrade
	# a way back that turns out to be wrong can be put right
	sed -i "s/op.drop_table('t2'/op.drop_table('nosuch'/" alembic/versions/a002_.py
	expect 11 mig-apply downgrade -1 --yes
	sed -i "s/op.drop_table('nosuch'/op.drop_table('t2'/" alembic/versions/a002_.py
	expect 0 mig-apply downgrade -1 --yes
	sed -i "s/op.drop_table('t1'/op.drop_table('nosuch'/" alembic/versions/a001_.py
	expect 0 mig-apply upgrade
	sed -i "s/create_table('t1'/create_table('t9'/" alembic/versions/a001_.py
	expect 17 mig-apply upgrade
	says "alembic/versions/a001_.py: a001 Table one was edited after it was applied"
}

@test "what plain Alembic has taken back and applied anew is stamped, as the refusal says" {
	alembic_tree
	py_line 3
	for edited in a003 a002; do
		expect 0 mig-apply downgrade base --yes
		expect 0 mig-apply upgrade
		alembic downgrade a001 2> /dev/null
		sed -i "s/create_table('t[23]'/&, sa.Column('more', sa.Text)/" alembic/versions/${edited}_.py
		alembic upgrade head 2> /dev/null
		expect 17 mig-apply upgrade
		says "$edited Table"
		eval "$(sed -n 's/.*did alembic itself apply what the file says now? \(mig-apply stamp .*\), then \(mig-apply stamp .*\)/\1 \&\& \2/p' <<< "$output")"
		expect 0 mig-apply upgrade
		rows_are a003
	done
}

@test "safety_02 the child's sessions end with the run key" {
	alembic_tree
	py k1 None "Long" < <(printf 'def upgrade():\n    op.execute("create table k (i int)")\n    op.execute("select pg_sleep(60)")\ndef downgrade(): pass\n')
	mig-apply upgrade > out 2>&1 3>&- &
	local pid=$!
	until_true sql_is 1 "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
	psql -XAtqc "select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' and d.datname = 'postgres'" postgres > /dev/null
	wait "$pid" && false
	sleep 0.2
	[ "$(sql -c "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()")" = 0 ]
	[ "$(sql -c "select to_regclass('k') is null")" = t ]
	rows_are ""
}

@test "a Flask-Migrate application is adopted with mig init alone" {
	flask_app
	export DATABASE_URL="postgresql://?host=$PGHOST&port=$PGPORT&dbname=$PGDATABASE&user=$PGUSER"
	expect 0 mig init
	grep -q "format: alembic" mig.yaml
	mkdir bin
	ln -s /usr/bin/python3 bin/python3
	PATH=$WORK/bin:$PATH
	expect 0 mig-apply revision -m "Users"
	expect 0 mig-apply heads
	says "Users (head)"
	sed -i "s/^    pass/    op.create_table('user', sa.Column('id', sa.Integer, primary_key=True))/; 0,/op.create/! s/^    op.create.*/    op.drop_table('user')/" migrations/versions/*.py
	expect 0 mig-apply upgrade
	says "is now at"
	[ "$(sql -c "select count(*) from \"user\"")" = 0 ]
	DATABASE_URL=postgresql+psycopg2:// /usr/bin/python3 -m flask db current 2>/dev/null | grep -q "(head)"
	expect 4 mig-apply check
	says "the models have 1 changes that no revision makes"
	says "'name'"
	expect 0 mig-apply revision -m "Names" --autogenerate
	grep -q "add_column(sa.Column('name', sa.Text" migrations/versions/*names.py
	expect 0 mig-apply upgrade
	expect 0 mig-apply check
	expect 4 mig-apply revision -m "Nothing" --autogenerate
	says "nothing has changed"
	expect 0 mig-apply downgrade base --yes
	rows_are ""
}

# The proof of a run that in_a_run pretends to be.
begin_proof() {
	proof=state/shop/production/runs/20261120T010203Z-1a2b3c/proof.json
	mkdir -p "$(dirname "$proof")"
	echo '{"kind":"reading"}' > $proof
}

@test "safety_12 in a run, the child's own writes are reported before each commit, lost counters are said" {
	alembic_tree
	py_line 1
	py w2 "'a001'" "Rows" < <(printf 'def upgrade(): op.execute("insert into t1 values (1), (2), (3)")\ndef downgrade(): pass\n')
	py w3 "'w2'" "Truncate" < <(printf 'def upgrade(): op.execute("truncate t1")\ndef downgrade(): pass\n')
	py w4 "'w3'" "Commits" < <(printf 'def upgrade():\n    with op.get_context().autocommit_block():\n        op.execute("insert into t1 values (4)")\ndef downgrade(): pass\n')
	expect 0 mig-apply upgrade a001
	begin_proof
	expect 0 in_a_run 20261120T010203Z-1a2b3c mig-apply upgrade w2
	cat $proof
	[ "$(wc -l < $proof)" = 2 ]
	local oid
	oid=$(sql -c "select 't1'::regclass::oid")
	tail -1 $proof | jq -e ".record == \"own\" and .tables[\"$oid\"][:3] == [3, 0, 0]"
	rm gate
	expect 0 in_a_run 20261120T010203Z-1a2b3c mig-apply upgrade w3 -y
	grep '"unknown"' $proof | grep -q 'revision w3: TRUNCATE t1'
	rm gate
	expect 0 in_a_run 20261120T010203Z-1a2b3c mig-apply upgrade w4
	grep '"unknown"' $proof | grep -q 'revision w4 commits inside itself'
	rows_are w4
}

@test "safety_12 in a run, rows of a revision of Alembic that was rolled back are reported too" {
	alembic_tree
	py_line 1
	py w2 "'a001'" "Rows" < <(printf 'def upgrade():\n    op.execute("insert into t1 values (1), (2), (3)")\n    op.execute("select 1/0")\ndef downgrade(): pass\n')
	expect 0 mig-apply upgrade a001
	begin_proof
	expect 11 in_a_run 20261120T010203Z-1a2b3c mig-apply upgrade w2
	cat $proof
	[ "$(wc -l < $proof)" = 2 ]
	tail -1 $proof | grep '"own"' | grep -q 3
	[ "$(sql -c "select count(*) from t1")" = 0 ]
}

@test "Flask-Migrate: the real flask db and mig take turns, with migrations: {command: flask} as without" {
	flask_app
	export DATABASE_URL="postgresql://?host=$PGHOST&port=$PGPORT&dbname=$PGDATABASE&user=$PGUSER"
	expect 0 mig init
	mkdir bin
	ln -s /usr/bin/python3 bin/python3
	PATH=$WORK/bin:$PATH
	flask_db() {
		DATABASE_URL=postgresql+psycopg2:// /usr/bin/python3 -m flask db "$@" 2> flask.log
	}
	expect 0 mig-apply revision -m "Users" --autogenerate
	flask_db upgrade
	expect 0 mig-apply upgrade
	says "was already at"
	expect 0 mig-apply check
	flask_db revision -m "By flask" > /dev/null
	expect 0 mig-apply upgrade
	says "By flask"
	flask_db current | grep -q "(head)"
	sed -i 's/^\( *\)format: alembic.*/&\n\1command: flask/' mig.yaml
	grep -q "command: flask" mig.yaml
	expect 0 mig-apply downgrade -1 --yes
	flask_db downgrade
	rows_are ""
	expect 0 mig-apply upgrade
	flask_db current | grep -q "(head)"
	sed -i 's/command: flask/command: alembic/' mig.yaml
	expect 1 mig-apply downgrade -1 --yes
}

@test "merge writes the tree's own template" {
	alembic_tree
	py_line 1
	py b1 "'a001'" "Left" < <(printf 'def upgrade(): pass\ndef downgrade(): pass\n')
	py b2 "'a001'" "Right" < <(printf 'def upgrade(): pass\ndef downgrade(): pass\n')
	expect 0 mig-apply merge heads -m "Both"
	grep -q "^down_revision = ('b1', 'b2')" alembic/versions/*both.py
	grep -q "^def upgrade() -> None:" alembic/versions/*both.py
	expect 0 mig-apply upgrade
	alembic heads 2>/dev/null | grep -c . | grep -qx 1
	alembic current 2>/dev/null | grep -q "(head) (mergepoint)"
}

@test "mig.history keeps the sources, also with quotes, with the lines of Windows, and with letters that are no UTF-8" {
	alembic_tree
	py_line 3
	printf "\n# 100%% of 'M\\303\\274ller', \\\\n %%(name)s :x \"\"\"\n" >> alembic/versions/a001_.py
	sed -i 's/$/\r/' alembic/versions/a002_.py
	sed -i '1i # coding: latin-1' alembic/versions/a003_.py
	printf '# M\374ller\n' >> alembic/versions/a003_.py
	expect 0 mig-apply upgrade
	rows_are a003
	for i in 1 2 3; do
		sql -c "select encode(convert_to(up_sql, 'UTF8'), 'hex') from mig.history where revision = 'a00$i'" |
			python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' > "kept.$i"
	done
	cmp kept.1 alembic/versions/a001_.py
	cmp kept.2 <(tr -d '\r' < alembic/versions/a002_.py)
	cmp kept.3 <(sed 's/\xfc/\xef\xbf\xbd/' alembic/versions/a003_.py)
}
