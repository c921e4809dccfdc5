load ../support/common
load ../support/migrations
load ../support/alembic
setup() {
	need_alembic
	common_setup
}

# env_py < what stands between "engine = ..." and the end
env_py() {
	{
		printf 'import os\nfrom alembic import context\nfrom sqlalchemy import create_engine, text\n\n'
		printf 'engine = create_engine(os.environ["DATABASE_URL"])\n'
		cat
	} > alembic/env.py
}

newer_packages() {
	PACKAGES=$(XDG_CACHE_HOME=$TREE_CACHE sqlalchemy_2) || skip "Debian's archive cannot be reached"
	sed -i "s,{dir: alembic,{environment: {PYTHONPATH: $PACKAGES}&," mig.yaml
	sed -i "s/}{dir/}, dir/" mig.yaml
}

@test "env.py's own advisory lock, timeouts, callbacks and transaction_per_migration stay in force" {
	alembic_tree
	py_line 1
	py a002 "'a001'" "Look" <<-'END'
		def upgrade():
		    op.execute("create table seen as select current_setting('lock_timeout') as wait,"
		               " current_setting('statement_timeout') as statement,"
		               " exists(select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and objid = 4711) as locked")

		def downgrade():
		    op.drop_table("seen")
	END
	env_py <<-'END'
		def noted(ctx, step, heads, run_args):
		    ctx.connection.execute(text("insert into noted values ('%s')" % step.up_revision_id))

		with engine.connect() as connection:
		    connection.execute(text("select pg_advisory_lock(4711)"))
		    connection.execute(text("create table if not exists noted (revision text)"))
		    context.configure(connection=connection, transaction_per_migration=True, on_version_apply=noted)
		    connection.execute(text("set lock_timeout = '7s'"))
		    connection.execute(text("set statement_timeout = '8s'"))
		    with context.begin_transaction():
		        context.run_migrations()
		    connection.execute(text("select pg_advisory_unlock(4711)"))
	END
	expect 0 mig-apply upgrade
	rows_are a002
	[ "$(sql -c "select wait || '|' || statement || '|' || locked from seen")" = "7s|8s|true" ]
	[ "$(sql -c "select string_agg(revision, ' ' order by revision) from noted")" = "a001 a002" ]
	[ "$(sql -c "select count(*) from mig.history")" = 2 ]
	expect 0 mig-apply downgrade base --yes
}

@test "env.py that hands DATABASE_URL to set_main_option(): through a socket as it stands, else told" {
	alembic_init generic postgresql+psycopg2://
	py_line 1
	sed -i 's/^config = context.config$/&\nimport os\nconfig.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])/' alembic/env.py
	expect 0 mig-apply upgrade
	rows_are a001
	expect 0 mig-apply downgrade base --yes
	sql -c "create role \"odd %role\" superuser login"
	expect 3 mig-apply upgrade -d "dbname=$DB user='odd %role'"
	says 'url.replace("%", "%%")'
	sed -i 's/os.environ\["DATABASE_URL"\]/&.replace("%", "%%")/' alembic/env.py
	expect 0 mig-apply upgrade -d "dbname=$DB user='odd %role'"
	rows_are a001
}

@test "a search path in the connection is that of env.py, too" {
	alembic_tree
	py_line 1
	sql -c "create schema shop"
	sed -i "s,^    database: .*,    database: {env: DATABASE_URL}," mig.yaml
	export DATABASE_URL="postgresql+psycopg2://$PGUSER@/$DB?host=$PGHOST&port=$PGPORT&options=-csearch_path%3Dshop"
	expect 0 mig-apply upgrade
	[ "$(sql -c "select version_num from shop.alembic_version")" = a001 ]
	[ "$(sql -c "select to_regclass('shop.t1')")" = shop.t1 ]
	expect 0 /usr/bin/python3 -c 'from alembic.config import main; main()' current
	says "a001 (head)"
}

@test "SQL alone is asked from an env.py that may write nothing, whatever options the connection has" {
	alembic_tree
	py_line 1
	sed -i '/^with engine/i with engine.begin() as writer:\n    writer.exec_driver_sql("create table leaked (i int)")' alembic/env.py
	for options in "" "-csearch_path=public"; do
		expect 0 mig-apply upgrade -n -d "dbname=$DB options='$options'"
		says "their SQL could not be written: "
		says "read-only transaction"
	done
	[ "$(sql -c "select to_regclass('leaked') is null")" = t ]
}

@test "env.py with a transaction of its own: all revisions or none" {
	alembic_tree
	py_line 2
	env_py <<-'END'
		with engine.connect() as connection, connection.begin():
		    context.configure(connection=connection)
		    context.run_migrations()
	END
	expect 0 mig-apply upgrade
	rows_are a002
	py a003 "'a002'" "Fine" < <(printf 'def upgrade(): op.execute("create table fine (i int)")\ndef downgrade(): pass\n')
	py a004 "'a003'" "Broken" < <(printf 'def upgrade(): op.execute("select 1/0")\ndef downgrade(): pass\n')
	expect 11 mig-apply upgrade
	says "a004 Broken: division by zero"
	says "nothing"
	rows_are a002
	[ "$(sql -c "select count(*) from mig.history")" = 2 ]
	[ "$(sql -c "select to_regclass('fine') is null")" = t ]
}

@test "env.py that never commits: nothing is said to be done" {
	alembic_tree
	py_line 1
	env_py <<-'END'
		connection = engine.connect()
		transaction = connection.begin()
		context.configure(connection=connection)
		context.run_migrations()
		transaction.rollback()
	END
	expect 1 mig-apply upgrade
	says "Alembic ended well, but 1 of 1 revision is not committed"
	[ "$(sql -c "select to_regclass('t1') is null")" = t ]
}

@test "an engine that commits each statement: said before, and when a revision fails" {
	alembic_tree
	py_line 1
	env_py <<-'END'
		with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
		    context.configure(connection=connection)
		    with context.begin_transaction():
		        context.run_migrations()
	END
	expect 0 mig-apply upgrade
	says "commits each statement by itself"
	rows_are a001
	py a002 "'a001'" "Half" < <(printf 'def upgrade():\n    op.execute("create table half (i int)")\n    op.execute("select 1/0")\ndef downgrade(): pass\n')
	expect 11 mig-apply upgrade
	says "has committed a part of itself"
	[ "$(sql -c "select to_regclass('half') is not null")" = t ]
	rows_are a001
}

@test "commits inside a revision go as under plain Alembic: raw, get_bind().commit() of SQLAlchemy 2" {
	alembic_tree
	newer_packages
	py_line 1
	py a002 "'a001'" "Raw" < <(printf 'def upgrade():\n    op.execute("create table r (i int)")\n    op.get_bind().connection.commit()\n    op.execute("insert into r values (1)")\ndef downgrade(): op.drop_table("r")\n')
	py a003 "'a002'" "Block" < <(printf 'def upgrade():\n    with op.get_context().autocommit_block():\n        op.execute("create index concurrently r_i on r (i)")\n    op.execute("insert into r values (2)")\ndef downgrade(): op.drop_index("r_i")\n')
	expect 0 mig-apply upgrade
	rows_are a003
	[ "$(sql -c "select sum(i) from r")" = 3 ]
	[ "$(sql -c "select count(*) from mig.history")" = 3 ]
	py a004 "'a003'" "Bind" < <(printf 'from sqlalchemy import text\ndef upgrade():\n    bind = op.get_bind()\n    bind.execute(text("insert into r values (5)"))\n    bind.rollback()\n    bind.execute(text("insert into r values (4)"))\n    bind.commit()\n    bind.execute(text("select 1/0"))\ndef downgrade(): pass\n')
	expect 11 mig-apply upgrade
	says "a004 Bind: division by zero"
	says "has committed a part of itself"
	rows_are a003
	[ "$(sql -c "select sum(i) from r")" = 7 ]
}

# What a revision may do to commit a part of itself, its name first.
ways_to_commit() {
	cat <<-'END'
		raw|op.get_bind().connection.commit()
		text|op.execute("commit")
		block|with op.get_context().autocommit_block(): op.execute("select 1")
		texts|op.execute("select 1; commit")
		back|op.execute("rollback")
		cursor|raw = op.get_bind().connection; raw.cursor().execute("insert into r values (3)"); raw.commit()
		nested|raw = op.get_bind().connection; raw.rollback(); op.execute("select 1"); raw.rollback(); op.execute("insert into r values (3)"); raw.commit()
		level|op.get_bind().connection.connection.set_isolation_level(0); op.execute("insert into r values (3)")
	END
}

@test "a revision that commits nothing of itself writes no mark; one transaction has it all" {
	alembic_tree
	py_line 2
	expect 0 mig-apply upgrade
	expect 0 mig-apply downgrade -1 --yes
	[ "$(sql -c "select is_called from mig.history_step_id_seq")" = f ]
	[ "$(sql -c "select count(*) from mig.history h, alembic_version v, pg_class c where h.id = 3 and h.xmin = v.xmin")" != 0 ]
	# what has failed can commit nothing, however it ends
	py a003 "'a001'" "Tries" < <(printf 'def upgrade():\n    try:\n        op.execute("select 1/0")\n    except Exception:\n        op.get_bind().connection.rollback()\n    op.execute("create table tried (i int)")\ndef downgrade(): pass\n')
	rm alembic/versions/a002_.py
	expect 0 mig-apply upgrade
	rows_are a003
	[ "$(sql -c "select count(*) from mig.history_step")" = 0 ]
}

@test "a revision that was killed behind a commit of its own is refused until somebody says what is there" {
	alembic_tree
	py_line 1
	py a002 "'a001'" "Rows" < <(printf 'def upgrade(): op.execute("create table r (i int)")\ndef downgrade(): op.drop_table("r")\n')
	expect 0 mig-apply upgrade
	while IFS='|' read -r name way; do
		echo "case: $name"
		py a003 "'a002'" "Half" < <(printf 'import os, signal\ndef upgrade():\n    op.execute("insert into r values (1)")\n    %s\n    op.execute("insert into r values (2)")\n    os.path.exists("go") or os.kill(os.getpid(), signal.SIGKILL)\ndef downgrade():\n    op.execute("delete from r")\n    %s\n    op.execute("delete from r")\n' "$way" "$way")
		expect 1 mig-apply upgrade
		says "a003 Half is half applied: it has committed a part of itself"
		expect 17 mig-apply upgrade
		says "a003 Half is half applied: it has committed a part of itself"
		says "hint: compare alembic/versions/a003_.py with the database (psql -d $DB)"
		says "when nothing of it is there: mig-apply stamp a002; when all is: mig-apply stamp a003"
		expect 17 mig-apply downgrade base --yes
		expect 0 mig-apply current
		says "half applied: a003 Half: it has committed a part of itself"
		mig-apply current --json | tail -1 | jq -e '.half_applied[0] | .split and .revision == "a003"'
		expect 4 mig-apply doctor
		says "half done"
		rows_are a002
		sql -c "truncate r"
		expect 0 mig-apply stamp a002
		touch go
		expect 0 mig-apply upgrade
		rows_are a003
		expect 0 mig-apply downgrade -1 --yes
		[ "$(sql -c "select count(*) from mig.history_step")" = 0 ]
		rm go
	done < <(ways_to_commit)
	# without a commit nothing is there: it begins anew
	py a003 "'a002'" "Whole" < <(printf 'import os, signal\ndef upgrade():\n    op.execute("insert into r values (1)")\n    os.path.exists("go") or os.kill(os.getpid(), signal.SIGKILL)\ndef downgrade(): pass\n')
	expect 1 mig-apply upgrade
	says "nothing of this revision was kept"
	touch go
	expect 0 mig-apply upgrade
	[ "$(sql -c "select count(*) from r")" = 1 ]
}

@test "what a half applied revision has committed is shown, and each advised command works as it stands" {
	alembic_tree "    policy: {downgrade: allow}"
	py_line 2
	expect 0 mig-apply upgrade
	py a003 "'a002'" "Names" <<-'END'
		def upgrade():
		    op.execute("alter table t1 add column name text")
		    if not op.get_context().as_sql:
		        with op.get_bind().begin_nested() as inner:
		            op.execute("create table undone (i int)")
		            inner.rollback()
		    with op.get_context().autocommit_block():
		        op.execute("create index concurrently t1_name on t1 (name)")
		    op.execute("insert into t2 values (7)")
		    op.execute("insert into nosuch values (1)")


		def downgrade():
		    op.drop_column("t1", "name")
		    op.get_bind().execute(sa.text("commit"))
		    op.execute("delete from t2")
		    raise ValueError("no more")
	END
	expect 11 mig-apply upgrade
	says "statement: insert into nosuch"
	says $'\n  committed: alter table t1 add column name text\n  committed: create index concurrently t1_name on t1 (name)\n  rolled back: insert into t2 values (7)\nhint: compare'
	[[ $output != *undone* ]]
	expect 17 mig-apply -e production upgrade
	says $'\n  committed: alter table t1 add column name text\n  what it did behind that was not noted'
	says "mig-apply -e production stamp a002"
	expect 0 mig-apply status
	says "1 revision, but first what is half applied: see below"
	expect 4 mig-apply doctor -e production
	says "  committed: alter table t1 add column name text"
	mig-apply current --json | tail -1 | jq -e '.half_applied[0] | .begun == "upgrade()" and .committed == ["alter table t1 add column name text"]'
	local look nothing all
	look=$(sed -n 's/.*database (\(psql [^)]*\)).*/\1/p' <<< "$output")
	[ "$(env -u PGDATABASE bash -c "$look -XAtc 'select count(*) from t1 where name is null'")" = 0 ]
	nothing=$(sed -n 's/.*nothing of it is there: \(mig-apply[^;]*\);.*/\1/p' <<< "$output")
	all=$(sed -n 's/.*when all is: \(mig-apply.*\)$/\1/p' <<< "$output")
	# back by hand
	sql -c "alter table t1 drop column name"
	eval "$nothing"
	expect 0 mig-apply doctor
	expect 11 mig-apply upgrade
	# forth by hand
	sql -c "insert into t2 values (7)"
	eval "$all"
	expect 0 mig-apply doctor
	rows_are a003
	expect 1 mig-apply downgrade -1
	says "a003 Names is half taken back"
	says "  committed: ALTER TABLE t1 DROP COLUMN name"
	says "  rolled back: delete from t2"
	says "when nothing of it is taken back: mig-apply stamp a003; when all is: mig-apply stamp a002"
}

@test "a schema per tenant, and a second engine: others must be said in mig.yaml" {
	alembic_tree
	py t01 None "Table" < <(printf 'def upgrade(): op.execute("create table t (i int)")\ndef downgrade(): op.drop_table("t")\n')
	py t02 "'t01'" "More" < <(printf 'def upgrade(): op.execute("insert into t values (1)")\ndef downgrade(): op.execute("delete from t")\n')
	sql -c "create schema one" -c "create schema two"
	env_py <<-'END'
		other = create_engine(os.environ["DATABASE_URL"])
		with other.connect() as connection:
		    tenants = [row[0] for row in connection.execute(text("select nspname from pg_namespace where nspname in ('one', 'two') order by 1"))]
		for tenant in tenants:
		    with engine.connect() as connection:
		        connection.execute(text("set search_path to " + tenant))
		        context.configure(connection=connection, version_table_schema=tenant)
		        with context.begin_transaction():
		            context.run_migrations()
	END
	sed -i 's/{dir: alembic,/{dir: alembic, version_table: one.alembic_version, others: true,/' mig.yaml
	expect 0 mig-apply upgrade t01
	expect 0 mig-apply upgrade
	[ "$(sql -c "select (select version_num from one.alembic_version) || (select version_num from two.alembic_version) || (select count(*) from two.t)")" = "t02t021" ]
	[ "$(sql -c "select count(*) from mig.history")" = 2 ]
	expect 0 mig-apply downgrade base --yes
	[ "$(sql -c "select to_regclass('one.t') is null and to_regclass('two.t') is null")" = t ]
	sed -i 's/one.alembic_version/three.alembic_version/; s/$/ /' mig.yaml
	sql -c "create schema three"
	expect 17 mig-apply upgrade
	says "env.py never came to table"
}

@test "the multidb template: another database only where mig.yaml says so" {
	PACKAGES=$(XDG_CACHE_HOME=$TREE_CACHE sqlalchemy_2) || skip "Debian's archive cannot be reached"
	alembic_init multidb postgresql+psycopg2:// "$PACKAGES"
	psql -Xqc "drop database if exists second with (force)" -c "create database second" postgres
	sed -i "s,^databases = .*,databases = ours\, theirs,; s/^\[engine1\]/[ours]/; s/^\[engine2\]/[theirs]/" alembic.ini
	sed -i "0,/^sqlalchemy.url = .*/s,,sqlalchemy.url = postgresql+psycopg2:///$DB," alembic.ini
	sed -i "s,^sqlalchemy.url = driver.*,sqlalchemy.url = postgresql+psycopg2:///second," alembic.ini
	py m01 None "Both" <<-'END'
		def upgrade(engine_name):
		    globals()["upgrade_%s" % engine_name]()

		def downgrade(engine_name):
		    globals()["downgrade_%s" % engine_name]()

		def upgrade_ours():
		    op.execute("create table ours (i int)")

		def downgrade_ours():
		    op.drop_table("ours")

		def upgrade_theirs():
		    op.execute("create table theirs (i int)")

		def downgrade_theirs():
		    op.drop_table("theirs")
	END
	expect 17 mig-apply upgrade
	says 'connects to database "second"'
	nothing_written
	sed -i 's/^  dir: alembic/&\n  others: true/' mig.yaml
	expect 0 mig-apply upgrade
	rows_are m01
	[ "$(psql -XAtqc "select count(*) from theirs, alembic_version where version_num = 'm01'" second)" = 0 ]
	[ "$(sql -c "select count(*) from mig.history")" = 1 ]
	expect 0 mig-apply downgrade base --yes
	[ "$(psql -XAtqc "select to_regclass('theirs') is null" second)" = t ]
}

@test "Flask-Migrate with several databases: revision --autogenerate, upgrade and check go over all" {
	flask_app
	rm -r migrations
	sed -i 's/^db = .*/app.config["SQLALCHEMY_BINDS"] = {"second": os.environ["SECOND"]}\n&/' app.py
	printf '\n\nclass Log(db.Model):\n    __bind_key__ = "second"\n    id = db.Column(db.Integer, primary_key=True)\n' >> app.py
	psql -Xqc "drop database if exists second with (force)" -c "create database second" postgres
	export DATABASE_URL="postgresql://$PGUSER@/$DB?host=$PGHOST&port=$PGPORT"
	export SECOND="postgresql://$PGUSER@/second?host=$PGHOST&port=$PGPORT"
	/usr/bin/python3 -m flask db init --multidb > init.log 2>&1
	expect 0 mig init
	grep -q '^  python:' mig.yaml || sed -i 's,^  format: alembic,&\n  python: /usr/bin/python3,' mig.yaml
	expect 17 mig-apply revision --autogenerate -m "Both"
	says "does it work on several databases on purpose? migrations: {others: true}"
	sed -i 's/^  format: alembic/&\n  others: true/' mig.yaml
	expect 0 mig-apply revision --autogenerate -m "Both"
	expect 0 mig-apply upgrade
	[ "$(psql -XAtqc "select count(*) from log" second)" = 0 ]
	expect 0 mig-apply check
	sed -i '/class Log/,$s/id = .*/&\n    note = db.Column(db.Text)/' app.py
	expect 4 mig-apply check
	says "the models have 1 changes that no revision makes"
}

@test "a child that dies, prints nonsense, or cannot be Python" {
	alembic_tree
	py_line 1
	py a002 "'a001'" "Dies" < <(printf 'import os, signal\ndef upgrade():\n    op.execute("create table half (i int)")\n    os.kill(os.getpid(), signal.SIGKILL)\ndef downgrade(): pass\n')
	expect 1 mig-apply upgrade
	says "a002 Dies: /usr/bin/python3 ended with 137"
	says "1 of 2 revisions is committed, the last is a001"
	rows_are a001
	[ "$(sql -c "select to_regclass('half') is null")" = t ]
	sed -i 's/os.kill.*/os._exit(3)/' alembic/versions/a002_.py
	expect 1 mig-apply upgrade
	says "a002 Dies: /usr/bin/python3 ended with 3"
	printf '#!/bin/sh\necho "not JSON"\necho "{\\"event\\": 5}"\nprintf "\\377\\376\\n"\necho why >&2\n' > python
	chmod +x python
	sed -i 's,/usr/bin/python3,./python,' mig.yaml
	expect 1 mig-apply upgrade
	says "ended without a word from env.py"
	says "why"
	rows_are a001
	printf '#!/bin/sh\necho "{\\"event\\": \\"error\\"}"; exit 1\n' > python
	expect 1 mig-apply upgrade
	printf '\177ELF no program' > python
	expect 3 mig-apply upgrade
	says "migrations: {python: "
	rows_are a001
}

@test "a child that hangs is ended by an interrupt, and its sessions with it" {
	alembic_tree
	py h1 None "Hangs" < <(printf 'import time\ndef upgrade():\n    op.execute("create table h (i int)")\n    time.sleep(600)\ndef downgrade(): pass\n')
	mig-apply upgrade > out 2>&1 3>&- &
	local pid=$!
	until_true grep -q "applying h1" out
	kill -INT $pid
	local status=0
	wait $pid || status=$?
	[ $status = 130 ]
	[ "$(sql -c "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend' and datname = current_database()")" = 0 ]
	nothing_written
	[ "$(sql -c "select to_regclass('h') is null")" = t ]
}

@test "settings of mig.yaml that cannot be set are named" {
	alembic_tree
	py_line 1
	sed -i 's/{dir: alembic,/{dir: alembic, settings: {work_mem: many},/' mig.yaml
	expect 11 mig-apply upgrade
	says "migrations: settings: work_mem"
	nothing_written
}

@test "a revision that has committed a part of itself is not tried again behind a lock" {
	alembic_tree
	py_line 1
	expect 0 mig-apply upgrade
	py a002 "'a001'" "Half" <<-'END'
		def upgrade():
		    with op.get_context().autocommit_block():
		        op.execute("create table once (i int)")
		    op.execute("alter table t1 add column x int")

		def downgrade():
		    pass
	END
	psql -Xq -c "begin; lock table t1" -c "select pg_sleep(60)" > /dev/null 2>&1 3>&- &
	local holder=$!
	until_true sql_is 1 "select count(*) from pg_locks where relation = 't1'::regclass and mode = 'AccessExclusiveLock'"
	expect 13 mig-apply upgrade --lock-timeout 300ms --lock-retries 5
	says "has committed a part of itself"
	[[ $output != *"trying again"* ]]
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()" > /dev/null
	wait $holder || true
	rows_are a001
}

@test "safety_05 check and revision --autogenerate look at mig's own database, or at none" {
	alembic_tree
	py_line 1
	psql -Xqc "drop database if exists elsewhere with (force)" -c "create database elsewhere" postgres
	sed -i 's,os.environ\["DATABASE_URL"\],"postgresql+psycopg2:///elsewhere",' alembic/env.py
	alembic upgrade head 2>/dev/null # so that it would agree
	sed -i 's/connection=connection/connection=connection, target_metadata=M/; 1i from sqlalchemy import *; M = MetaData(); Table("t1", M, Column("id", Integer, primary_key=True))' alembic/env.py
	for typed in check "revision --autogenerate -m x"; do
		expect 17 mig-apply $typed
		says 'connects to database "elsewhere"'
	done
	[ "$(ls alembic/versions/*.py)" = alembic/versions/a001_.py ]
	sed -i 's,"postgresql+psycopg2:///elsewhere",os.environ["DATABASE_URL"],' alembic/env.py
	expect 17 mig-apply check
	says "mig-apply upgrade, then run it again"
	expect 0 mig-apply upgrade
	expect 0 mig-apply check
}

@test "safety_05 revision_environment: env.py gets the way to the database, as for upgrade" {
	alembic_tree
	py_line 2
	py b001 "'a001'" "Branch" <<< $'def upgrade(): pass\ndef downgrade(): pass'
	echo "revision_environment = true" >> alembic.ini
	sed -i '/^engine/i open("got", "a").write(os.environ["DATABASE_URL"] + "\\n")' alembic/env.py
	expect 0 mig-apply revision -m "More" --head a002
	[ -f "$output" ]
	grep -q "down_revision = 'a002'" "$output"
	expect 0 mig-apply revision -m "Labelled" --head b001 --branch-label side
	expect 0 mig-apply merge heads -m "One"
	[ "$(grep -c "^postgresql://owner@/$DB?host=" got)" = 3 ]
	# the environment is asked for and looked at as it is for an upgrade
	ls alembic/versions > before
	sed -i 's,^  production:,  test: {database: "dbname=nosuch"}\n&,' mig.yaml
	expect 2 mig-apply revision -m "Which"
	says "say which one: -e"
	expect 10 mig-apply revision -m "Nowhere" -e test
	psql -Xqc "drop database if exists elsewhere with (force)" -c "create database elsewhere" postgres
	sed -i 's,create_engine(.*,create_engine("postgresql+psycopg2:///elsewhere"),' alembic/env.py
	expect 17 mig-apply revision -m "Elsewhere" -e production
	says 'connects to database "elsewhere"'
	[ "$(psql -XAtqc "select count(*) from pg_class where relname = 'alembic_version'" elsewhere)" = 0 ]
	ls alembic/versions > after
	diff before after
	# without it nothing is connected to
	sed -i /revision_environment/d alembic.ini
	expect 0 mig-apply revision -m "Plain"
}

@test "what a tree lacks is said with what to do: a module, a function, a template, a folder" {
	alembic_tree
	py_line 1
	sed -i '1i import nothing_there' alembic/env.py
	expect 3 mig-apply upgrade
	says "PYTHONPATH"
	sed -i 1d alembic/env.py
	py a002 "'a001'" "No way back" <<< "def upgrade(): pass"
	expect 0 mig-apply upgrade
	expect 17 mig-apply downgrade -1 -y
	says "write that function"
	rows_are a002
	mkdir more
	echo 'version_locations = alembic/versions more' >> alembic.ini
	expect 2 mig-apply revision -m "New base" --head base
	says "mig-apply revision --version-path FOLDER"
	expect 2 mig-apply revision -m "New base" --head base --version-path alembic
	expect 0 mig-apply revision -m "New base" --head base --version-path more
	[ -e "$output" ] && [[ $output = "$WORK"/more/* ]]
	rm alembic/script.py.mako
	expect 3 mig-apply revision -m "Third" --head a002
	says "templates of the tree's Alembic"
}

@test "a header that Python cannot compute either is imported once" {
	alembic_tree
	py_line 1
	printf 'open("%s/imports", "a").write("x")\nrevision = make()\ndown_revision = "a001"\n' "$PWD" > alembic/versions/b.py
	expect 3 mig-apply current
	says "a header that only Python can read"
	[ "$(cat imports)" = x ]
}
