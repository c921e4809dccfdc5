# Two readings prove that writes stopped, or say why not (safety 12).
load ../support/common
setup_file() {
	common_setup_file
	sql -c "create role app login" -c "create role plain login" postgres
}
setup() {
	common_setup
	w=$BUILD/support/writes
	proof=$WORK/proof.json
	sql -c "create table orders (id serial primary key, item text)" \
		-c "create table visits (n int)" \
		-c "insert into orders (item) select 'x' from generate_series(1, 10)" \
		-c "grant all on all tables in schema public to app" \
		-c "grant all on all sequences in schema public to app"
}

as_app() { sql -U app -c "$1"; }

# idle_after SQL: a session of the application that runs it and stays connected
idle_after() {
	coproc APP { psql -XAtq -U app 2>&1; }
	echo "$1; select 'done';" >&"${APP[1]}"
	local line=
	until [ "$line" = "done" ]; do read -r -t 5 -u "${APP[0]}" line || return 1; done
}

# bats test_tags=majors
@test "safety_12 nobody wrote: stopped" {
	"$w" begin "$proof"
	as_app "select count(*) from orders"
	expect 0 "$w" end "$proof"
	says "stopped: 4 tables and 1 sequence are as mig left them"
}

# bats test_tags=majors
@test "safety_12 each kind of write by somebody else is seen" {
	local sql
	for sql in "insert into orders (item) values ('y')" "update orders set item = 'z' where id = 1" \
		"delete from orders where id = 2"; do
		"$w" begin "$proof"
		as_app "$sql"
		expect 0 "$w" end "$proof"
		says "seen: "
		says "public.orders"
	done
}

@test "safety_12 a sequence that moved without a row is seen" {
	"$w" begin "$proof"
	as_app "select nextval('orders_id_seq')"
	expect 0 "$w" end "$proof"
	says "seen: sequence public.orders_id_seq has moved"
}

@test "safety_12 a sequence that was never called and is set to another start is seen" {
	sql -c 'create sequence "My ""odd"" one"' -c 'grant all on sequence "My ""odd"" one" to public'
	"$w" begin "$proof"
	as_app "select setval('\"My \"\"odd\"\" one\"', 700, false)"
	expect 0 "$w" end "$proof"
	says 'seen: sequence public.My "odd" one has moved'
}

@test "safety_12 a large object is seen" {
	"$w" begin "$proof"
	as_app "select lo_from_bytea(0, 'abc')"
	expect 0 "$w" end "$proof"
	says "seen: "
	says "pg_largeobject"
}

# bats test_tags=majors
@test "safety_12 a write whose counters an idle session still keeps is seen: it is ended first" {
	"$w" begin "$proof"
	idle_after "select count(*) from orders; insert into visits values (1)"
	expect 0 "$w" end "$proof"
	says "seen: 1 row of public.visits was inserted by somebody else"
}

@test "safety_12 a write before R0 whose counters an idle session kept is not counted" {
	idle_after "select count(*) from orders; insert into visits values (1)"
	"$w" begin "$proof"
	expect 0 "$w" end "$proof"
	says "stopped"
}

@test "safety_12 a transaction that was open at R0 is ended and loses nothing unseen" {
	idle_after "begin; insert into visits values (1)"
	"$w" begin "$proof"
	expect 0 "$w" end "$proof"
	says "stopped"
	[ "$(sql -c 'select count(*) from visits')" = 0 ]
}

# bats test_tags=majors
@test "safety_12 what mig itself wrote and reported is subtracted" {
	sql -c "create table kept (i int)" -c "insert into kept values (1)"
	"$w" begin "$proof"
	"$w" own "$proof" "insert into orders (item) select 'm' from generate_series(1, 5)"
	"$w" own "$proof" "update orders set item = 'n' where id < 4; create table new (i int); insert into new values (1)"
	"$w" own "$proof" "delete from new; alter table kept add column note text default random()::text"
	"$w" own "$proof" "select lo_from_bytea(0, 'abc')"
	expect 0 "$w" end "$proof"
	says "stopped"
	as_app "insert into orders (item) values ('y')"
	expect 0 "$w" end "$proof"
	says "seen: 1 row of public.orders was inserted"
}

@test "safety_12 many short transactions of mig's own are counted once each" {
	"$w" begin "$proof"
	for _ in 1 2 3 4 5 6; do "$w" own "$proof" "insert into visits values (1)"; done
	expect 0 "$w" end "$proof"
	says "stopped"
}

@test "safety_12 a session of mig that does not report is seen" {
	"$w" begin "$proof"
	"$w" silent "$proof" "insert into visits values (1)"
	expect 0 "$w" end "$proof"
	says "seen: 1 row of public.visits"
}

@test "safety_12 a failed transaction that rolls back to a savepoint can report" {
	"$w" begin "$proof"
	"$w" undone "$proof" "insert into visits select generate_series(1, 7); select 1 / 0"
	expect 0 "$w" end "$proof"
	says "stopped"
}

@test "safety_12 a rollback that wrote rows and was not reported is not stopped" {
	"$w" begin "$proof"
	sql -c "begin; insert into visits values (1); rollback"
	expect 0 "$w" end "$proof"
	says "seen: 1 row of public.visits"
}

@test "safety_12 a dropped table is unknown" {
	"$w" begin "$proof"
	"$w" own "$proof" "drop table visits"
	expect 0 "$w" end "$proof"
	says "unknown: public.visits was dropped"
}

@test "safety_12 TRUNCATE by somebody else is unknown, though no counter moves" {
	"$w" begin "$proof"
	as_app "truncate orders"
	expect 0 "$w" end "$proof"
	says "unknown: public.orders was truncated or rewritten by somebody else"
}

@test "safety_12 TRUNCATE by mig's own session is unknown; a rewrite is not" {
	"$w" begin "$proof"
	"$w" own "$proof" "alter table orders alter id type bigint"
	expect 0 "$w" end "$proof"
	says "stopped"
	"$w" own "$proof" "truncate orders"
	expect 0 "$w" end "$proof"
	says "unknown: public.orders was truncated"
}

@test "safety_12 TRUNCATE by somebody else is not hidden by what mig's own session does next" {
	"$w" begin "$proof"
	as_app "truncate orders"
	"$w" own "$proof" "alter table orders add column note text; insert into orders (item) values ('seed')"
	expect 0 "$w" end "$proof"
	says "unknown: public.orders has a new file and rows of mig's own"
	"$w" begin "$proof"
	as_app "truncate orders"
	"$w" own "$proof" "insert into orders (item) values ('seed')"
	"$w" own "$proof" "alter table orders alter id type int"
	"$w" own "$proof" "alter table orders alter id type bigint"
	expect 0 "$w" end "$proof"
	says "unknown: public.orders was truncated or rewritten by somebody else"
}

@test "safety_12 a table that stays locked does not hold up a reading for ever" {
	sql -c "begin" -c "lock table orders in access exclusive mode" -c "prepare transaction 'kept'"
	run timeout 30 "$w" begin "$proof"
	sql -c "rollback prepared 'kept'"
	echo "$output"
	[ "$status" = 13 ] || [ "$status" = 1 ]
	says "lock timeout"
}

@test "safety_12 reset counters are unknown" {
	"$w" begin "$proof"
	sql -c "select pg_stat_reset()"
	expect 0 "$w" end "$proof"
	says "unknown: the counters were reset"
	"$w" begin "$proof"
	sleep 0.1
	sql -c "select pg_stat_reset_single_table_counters('orders'::regclass)"
	expect 0 "$w" end "$proof"
	says "unknown"
}

@test "safety_12 a crash between the readings is unknown" {
	"$w" begin "$proof"
	cluster_restart immediate
	expect 0 "$w" end "$proof"
	says "unknown: "
	says "the server was restarted or crashed"
}

@test "safety_12 the session that has to live from R0 to R1 is gone: unknown" {
	idle_after "select 1"
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'"
	psql -Xq -c "select pg_sleep(30)" postgres > /dev/null 2>&1 3>&- &
	sleep 0.5
	pid=$(sql -c "select pid from pg_stat_activity where query = 'select pg_sleep(30)'" postgres)
	"$w" begin "$proof" "$pid"
	expect 0 "$w" end "$proof"
	says "stopped"
	sql -c "select pg_terminate_backend($pid)" postgres
	sleep 0.2
	expect 0 "$w" end "$proof"
	says "unknown: the session that lived since the first reading is gone"
}

@test "safety_12 a reason reported is unknown; a write seen outranks it" {
	"$w" begin "$proof"
	"$w" unknown "$proof" "the migration runs its own tool"
	expect 0 "$w" end "$proof"
	says "unknown: the migration runs its own tool"
	as_app "insert into visits values (1)"
	expect 0 "$w" end "$proof"
	says "seen"
}

@test "safety_12 ignored tables are passed over" {
	"$w" begin "$proof"
	as_app "insert into visits values (1)"
	expect 0 "$w" end "$proof" public.visits
	says "stopped"
	as_app "update orders set item = 'q'"
	expect 0 "$w" end "$proof" public.visits
	says "seen: 10 rows of public.orders were updated"
}

@test "safety_12 sessions that may not be ended are unknown" {
	sql -c "grant all on all tables in schema public to plain" \
		-c "grant all on all sequences in schema public to plain"
	idle_after "select 1"
	PGUSER=plain "$w" begin "$proof" &
	wait $!
	PGUSER=plain expect 0 "$w" end "$proof"
	says "unknown: a session cannot be ended: backend"
	says "user app"
}

@test "safety_12 a session that does not count is unknown" {
	sql -c "alter role app in database $DB set track_counts = off"
	"$w" begin "$proof"
	as_app "insert into visits values (1)"
	expect 0 "$w" end "$proof"
	says "unknown: track_counts is off"
	sql -c "alter role app in database $DB set track_counts = 'F'"
	"$w" begin "$proof"
	expect 0 "$w" end "$proof"
	says "unknown: track_counts is off"
}

@test "safety_12 another database, or a proof that is cut short, is unknown" {
	"$w" begin "$proof"
	sql -c "drop database if exists ${DB}_o" -c "create database ${DB}_o" postgres
	PGDATABASE=${DB}_o expect 0 "$w" end "$proof"
	says "unknown: the first reading is of another database"
	truncate -s -5 "$proof"
	expect 0 "$w" end "$proof"
	says "unknown: the proof has a line that cannot be read"
}

@test "safety_12 the totals of pg_stat_database move with a write after R1, and only then" {
	"$w" begin "$proof"
	expect 0 "$w" moved "$proof" "select count(*) from orders"
	says "equal"
	expect 0 "$w" moved "$proof" "insert into visits values (1)"
	says "moved"
}

@test "safety_12 the application reconnecting all the time does not hold up a reading" {
	(while :; do psql -XAtq -U app -c "select count(*) from orders" > /dev/null 2>&1; done) 3>&- &
	"$w" begin "$proof"
	expect 0 "$w" end "$proof"
	says "stopped"
}
