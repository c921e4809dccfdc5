load ../support/common
load ../support/migrations
load ../support/alembic
setup() {
	need_alembic
	PACKAGES=$(XDG_CACHE_HOME=$TREE_CACHE sqlalchemy_2) || skip "Debian's archive cannot be reached"
	common_setup
}

# goes_both_ways TEMPLATE SCHEME [PYTHONPATH]
goes_both_ways() {
	alembic_init "$1" "$2" "${3:-}"
	py_line 2
	py a003 "'a002'" "Look" <<-END
		def upgrade():
		    op.execute("create table seen as select current_setting('lock_timeout') as wait,"
		               " current_setting('application_name') as name, txid_current() as id,"
		               " current_setting('work_mem') as memory,"
		               " (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as keys")
		    op.execute("create table rows as select 100 as percent where 'a%' like 'a%'")

		def downgrade():
		    op.drop_table("seen")
		    op.drop_table("rows")
	END
	sed -i 's/^  dir: alembic/&\n  settings: {work_mem: 7MB, "shop.tenant": "x y"}/' mig.yaml
	sql -c "alter database $DB set default_transaction_read_only = on"
	py a004 "'a003'" "Broken" < <(printf 'def upgrade():\n    op.execute("create table half (i int)")\n    op.execute("insert into nosuch values (1)")\ndef downgrade(): pass\n')
	expect 11 mig-apply upgrade --lock-timeout 1234ms --json
	says '3 of 4 revisions are committed, the last is a003 Look'
	says 'a004 Broken: relation'
	says 'alembic/versions/a004_.py:18:1'
	says 'statement: insert into nosuch'
	says 'nothing of this revision was kept'
	rows_are a003
	[ "$(sql -c "select to_regclass('half') is null")" = t ]
	[ "$(sql -c "select wait || '|' || keys || '|' || memory || '|' || (name like 'mig-apply%') from seen")" = "1234ms|1|7MB|true" ]
	# the row of mig.history is of the revision's own transaction
	[ "$(sql -c "select h.xmin::text::bigint = s.id from mig.history h, seen s where revision = 'a003'")" = t ]
	[ "$(sql -c "select count(*) from mig.history where up_sql like '%def upgrade%' and checksum ~ '^[0-9a-f]{64}\$'")" = 3 ]
	writes_are_reported_and_a_held_lock_is_met
	a_part_that_is_committed_is_marked
	expect 0 mig-apply upgrade
	says "is now at a005 Alter"
	expect 0 mig-apply downgrade base --yes
	rows_are ""
	[ "$(sql -c "select count(*) from pg_class where relname ~ '^t[0-9]\$|^seen\$'")" = 0 ]
	[ "$(sql -c "select count(*) from mig.history_step")" = 0 ]
	stays_on_our_database "$2"
}

writes_are_reported_and_a_held_lock_is_met() {
	local run=20261120T010203Z-1a2b3c proof oid
	proof=state/shop/production/runs/$run/proof.json
	mkdir -p "$(dirname "$proof")"
	echo '{"kind":"reading"}' > "$proof"
	py a004 "'a003'" "Rows" < <(printf 'def upgrade(): op.execute("insert into t1 values (1), (2), (3)")\ndef downgrade(): pass\n')
	py a005 "'a004'" "Alter" < <(printf 'def upgrade(): op.execute("alter table t2 add column x int")\ndef downgrade(): pass\n')
	psql -Xq -c "begin; lock table t2" -c "select pg_sleep(60)" > /dev/null 2>&1 3>&- &
	local holder=$!
	until_true sql_is 1 "select count(*) from pg_locks where relation = 't2'::regclass and mode = 'AccessExclusiveLock'"
	expect 13 in_a_run $run mig-apply upgrade --lock-timeout 300ms --lock-retries 0
	says "a005 Alter: "
	rows_are a004
	kill $holder
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()" > /dev/null
	wait $holder || true
	oid=$(sql -c "select 't1'::regclass::oid")
	sed -n 2p "$proof" | jq -e ".record == \"own\" and .tables[\"$oid\"][:3] == [3, 0, 0]"
}

a_part_that_is_committed_is_marked() {
	mv alembic/versions/a005_.py .
	py a005 "'a004'" "Dies" < <(printf 'import os\ndef upgrade():\n    op.execute("insert into t1 values (4)")\n    with op.get_context().autocommit_block():\n        op.execute("insert into t1 values (5)")\n    os._exit(7)\ndef downgrade(): pass\n')
	expect 1 mig-apply upgrade
	says "a005 Dies is half applied: it has committed a part of itself"
	rows_are a004
	expect 17 mig-apply upgrade
	PGOPTIONS="-c default_transaction_read_only=off" 	sql -c "delete from t1 where id in (4, 5)"
	expect 0 mig-apply stamp a004
	# by the driver's own connection, behind a rollback() that takes the mark away
	py a005 "'a004'" "Dies" < <(printf 'import os\ndef upgrade():\n    own = op.get_bind().connection\n    own.rollback()\n    own.cursor().execute("insert into t1 values (6)")\n    own.commit()\n    os._exit(7)\ndef downgrade(): pass\n')
	expect 1 mig-apply upgrade
	says "a005 Dies is half applied: it has committed a part of itself"
	[ "$(sql -c "select count(*) from t1 where id = 6")" = 1 ]
	PGOPTIONS="-c default_transaction_read_only=off" sql -c "delete from t1 where id = 6"
	expect 0 mig-apply stamp a004
	# without a commit nothing is there, and nothing is said to be
	sed -i 's/    own.commit()/    own.rollback()/' alembic/versions/a005_.py
	expect 1 mig-apply upgrade
	says "nothing of this revision was kept"
	mv a005_.py alembic/versions/
}

# A URL of its own in alembic.ini is obeyed, and refused where it leads elsewhere.
stays_on_our_database() {
	local url="$1/elsewhere?host=$PGHOST&port=$PGPORT&user=$PGUSER"
	[[ $1 != *pg8000* ]] || url="$1$PGUSER@/elsewhere?unix_sock=$PGHOST/.s.PGSQL.$PGPORT"
	psql -Xqc "drop database if exists elsewhere with (force)" -c "create database elsewhere" postgres
	sed -i "s,^sqlalchemy.url.*,sqlalchemy.url = $(sed 's/[&,]/\\&/g' <<< "$url")," alembic.ini
	expect 17 mig-apply upgrade
	says 'connects to database "elsewhere"'
	says "DATABASE_URL"
	[ "$(psql -XAtqc "select count(*) from pg_class where relname in ('t1', 'alembic_version')" elsewhere)" = 0 ]
}

@test "psycopg2, SQLAlchemy 1.4: a tree as alembic init writes it" {
	goes_both_ways generic postgresql+psycopg2://
}

@test "psycopg2, SQLAlchemy 2: a tree as alembic init writes it" {
	goes_both_ways generic postgresql+psycopg2:// "$PACKAGES"
}

@test "psycopg 3, SQLAlchemy 2: a tree as alembic init writes it" {
	goes_both_ways generic postgresql+psycopg:// "$PACKAGES"
}

@test "psycopg 3, async: a tree as alembic init -t async writes it" {
	goes_both_ways async postgresql+psycopg:// "$PACKAGES"
}

@test "pg8000, SQLAlchemy 2: a tree as alembic init writes it" {
	goes_both_ways generic postgresql+pg8000:// "$PACKAGES"
}

@test "asyncpg, SQLAlchemy 1.4: a tree as alembic init -t async writes it" {
	goes_both_ways async postgresql+asyncpg://
}

@test "asyncpg, SQLAlchemy 2: a tree as alembic init -t async writes it" {
	goes_both_ways async postgresql+asyncpg:// "$PACKAGES"
}
