# COPY .. FROM STDIN in migrations, and files that are large.
load ../support/common
load ../support/migrations

# copied ROWS: a revision with as many rows of about 50 bytes
copied() {
	{
		printf -- '-- migrate:up\ncreate table t (i int, note text);\ncopy t (i, note) from stdin;\n'
		seq "$1" | sed 's/$/\tthe quick brown fox jumps over the lazy dog;/'
		printf '\\.\n\nselect count(*) from t;\n'
	} | revision r001 "" "Rows"
}

@test "50 MB of rows are sent, and nothing is left of them when a later row is wrong" {
	copied 1000000
	[ "$(stat -c %s migrations/*.sql)" -gt 50000000 ]
	expect 0 mig-apply upgrade
	[ "$(sql -c "select count(*), max(i) from t")" = "1000000|1000000" ]
	sql -c "drop table t, alembic_version, mig.history"
	copied 1000
	sed -i 's/^900\t/nine hundred\t/' migrations/r001_rows.sql
	expect 11 mig-apply upgrade
	says "migrations/r001_rows.sql:7:1"
	says "22P02"
	says "line 900"
	[ "$(sql -c "select to_regclass('t') is null")" = t ]
}

@test "the keys are looked at while rows are sent" {
	copied 300000
	sed -i 's/^create table t .*/&\ncreate function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.001); return new; end $$;\ncreate trigger slow before insert on t for each row execute function slow();/' migrations/r001_rows.sql
	mig-apply upgrade > log 2>&1 3>&- &
	program=$!
	for _ in $(seq 500); do
		pid=$(sql -c "select pid from pg_stat_activity where datname = 'postgres' and application_name like 'mig-apply %'" postgres)
		[ -z "$pid" ] || [ "$(sql -c "select count(*) from pg_stat_activity where query like 'copy t%' and state = 'active'")" = 0 ] || break
		sleep 0.1
	done
	sql -c "select pg_terminate_backend($pid)" postgres
	started=$SECONDS
	for _ in $(seq 150); do
		kill -0 $program 2> /dev/null || break
		sleep 0.1
	done
	kill -9 $program 2> /dev/null || true
	wait $program && status=0 || status=$?
	[ $status = 13 ]
	[ $((SECONDS - started)) -lt 20 ]
	grep -q "the session that held the run key" log
	[ "$(sql -c "select to_regclass('t') is null")" = t ]
}
