load ../support/common
setup() {
	common_setup
	keys=$BUILD/support/keys
}

# start WORD COMMAND..: runs it in the background until it has printed a line with WORD
start() {
	local word=$1
	shift
	"$@" > "$WORK/started" 2>&1 3>&- &
	started=$!
	until_true grep -q "$word" "$WORK/started" || {
		cat "$WORK/started"
		return 1
	}
}

locks_of() {
	sql -c "select count(*) from pg_locks where locktype = 'advisory'" postgres
}

@test "safety_01 a second run is refused with 13 and told who holds the key and since when" {
	start 20261120T010203Z-1a2b3c "$keys" run 20261120T010203Z-1a2b3c 300000
	expect 13 "$keys" hold "mig-apply upgrade" 0
	says "the run key of database $DB is held by mig-run 20261120T010203Z-1a2b3c migrate "
	says "since 2"
	says "--lock-wait"
	expect 13 "$keys" run 20261120T010203Z-ffffff 0
	expect 0 "$keys" who
	says "mig-run 20261120T010203Z-1a2b3c migrate"
}

@test "safety_01 a role without rights reads the holder and the start from its name" {
	sql -c "drop role if exists plain" -c "create role plain login"
	start 20261120T010203Z-1a2b3c "$keys" run 20261120T010203Z-1a2b3c 300000
	PGUSER=plain expect 0 "$keys" who
	says "mig-run 20261120T010203Z-1a2b3c migrate"
	says "2026-11-20T01:02:03Z"
}

@test "safety_01 keys are in database postgres: the target can be renamed while they are held" {
	start held "$keys" hold "mig-apply upgrade" 300000
	sql -c "alter database $DB rename to ${DB}_x" postgres
	sql -c "alter database ${DB}_x rename to $DB" postgres
	expect 13 "$keys" hold "mig-apply upgrade" 0
}

@test "safety_01 the holder is idle outside of a transaction: CREATE INDEX CONCURRENTLY is not held up" {
	sql -c "create table a (i int)"
	start held "$keys" hold "mig-apply upgrade" 300000
	LOCK_WAIT_MS=5000 "$keys" hold "mig-apply upgrade" 0 > /dev/null 2>&1 3>&- &
	sql -c "set statement_timeout = '5s'" -c "create index concurrently on a (i)"
}

@test "safety_01 keys of two databases do not meet" {
	start held "$keys" hold "mig-apply upgrade" 300000
	sql -c "drop database if exists ${DB}_2" -c "create database ${DB}_2" postgres
	PGDATABASE=${DB}_2 expect 0 "$keys" hold "mig-apply upgrade" 0
}

@test "safety_01 --lock-wait waits for the holder" {
	start held "$keys" hold "mig-apply upgrade" 1500
	LOCK_WAIT_MS=10000 expect 0 "$keys" hold "mig-apply upgrade" 0
}

@test "safety_01 keys are free at once after a program has ended" {
	for _ in 1 2 3 4 5; do
		expect 0 "$keys" hold "mig-apply upgrade" 0
	done
	[ "$(locks_of)" = 0 ]
}

@test "safety_01 a child proves kinship; a stranger with a forged MIG_RUN does not" {
	start :  "$keys" run 20261120T010203Z-1a2b3c 300000
	MIG_RUN=$(cat "$WORK/started")
	export MIG_RUN
	expect 0 "$keys" hold "mig-apply upgrade" 0
	says "held as kin"
	pid=${MIG_RUN#*:}
	MIG_RUN=20261120T010203Z-ffffff:$pid expect 13 "$keys" hold "mig-apply upgrade" 0
	says "does not hold database"
	MIG_RUN=20261120T010203Z-1a2b3c:1 expect 13 "$keys" hold "mig-apply upgrade" 0
	MIG_RUN=nonsense expect 2 "$keys" hold "mig-apply upgrade" 0
	MIG_RUN=20261120T010203Z-1a2b3c:12x expect 2 "$keys" hold "mig-apply upgrade" 0
}

@test "safety_01 two backups exclude each other; a backup and a run do, too" {
	start held "$keys" backup "mig-backup create" 300000
	expect 13 "$keys" backup "mig-backup create" 0
	says "the backup key of database $DB is held by mig-backup"
	expect 13 "$keys" hold "mig-apply upgrade" 0
	says "held by mig-backup"
}

@test "safety_01 a backup inside a run is kin" {
	start : "$keys" run 20261120T010203Z-1a2b3c 300000
	MIG_RUN=$(cat "$WORK/started") expect 0 "$keys" backup "mig-backup create" 0
	expect 13 "$keys" backup "mig-backup create" 0
}

@test "safety_01 a long name is cut at 63 bytes, the host last" {
	start : "$keys" run 20261120T010203Z-1a2b3c-and-a-very-long-tail-of-a-run-id 300000
	name=$(sql -c "select application_name from pg_stat_activity
		where application_name like 'mig-run 20261120T010203Z%'" postgres)
	[ "${#name}" = 63 ]
}

@test "safety_01 where postgres cannot be reached the key is taken in the target, and swap is refused" {
	sql -c "drop role if exists hosted" -c "create role hosted login" \
		-c "revoke connect on database postgres from public" postgres
	export PGUSER=hosted
	start "held in target" "$keys" hold "mig-apply upgrade" 300000
	PGUSER=owner expect 13 "$keys" hold "mig-apply upgrade" 0
	says "held by mig-apply"
	kill -9 "$started"
	PGUSER=owner start held "$keys" hold "mig-apply upgrade" 300000
	expect 13 "$keys" hold "mig-apply upgrade" 0
	kill -9 "$started"
	LOCK_WAIT_MS=5000 expect 17 "$keys" swap "mig-restore swap" 0
	says "cannot be renamed"
	PGUSER=owner sql -c "grant connect on database postgres to public" postgres
}

@test "safety_01 a target that does not exist has a key by its name" {
	PGDATABASE=not_there expect 0 "$keys" hold "mig-restore" 0
}

# Only then does a statement outlive its client: before 14 the server never looks.
blind_server() {
	[ "${cluster_major:-15}" -lt 14 ] || echo "set client_connection_check_interval = 0;"
}

# bats test_tags=majors
@test "safety_02 after kill -9 the next program drains the statement that still runs" {
	sql -c "create table t (i int)"
	# only the server can end it: it never looks at its client
	start working "$keys" work "mig-apply upgrade" "$(blind_server)
		insert into t select 1 from pg_sleep(4)"
	kill -9 "$started"
	[ "$(sql -c 'select count(*) from t')" = 0 ]
	expect 0 "$keys" hold "mig-apply upgrade" 0
	# what it did is decided now: it committed before we were let in
	[ "$(sql -c "select count(*) from pg_stat_activity where query like 'insert%' and datname = '$DB'")" = 0 ]
	[ "$(sql -c 'select count(*) from t')" = 1 ]
}

@test "safety_02 a statement that outlasts the wait is ended, and does not commit" {
	sql -c "create table t (i int)"
	start working "$keys" work "mig-apply upgrade" "$(blind_server)
		insert into t select 1 from pg_sleep(60)"
	kill -9 "$started"
	expect 0 "$keys" drain 200
	[ "$(sql -c 'select count(*) from t')" = 0 ]
	[ "$(sql -c "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()")" = 0 ]
}

@test "safety_02 a work key that cannot be had is 13, and names its holder" {
	sql -c "drop role if exists plain" -c "create role plain login"
	start working "$keys" work "mig-apply upgrade" "select pg_sleep(20)"
	# a role that may not end the owner's session
	PGUSER=plain expect 13 "$keys" drain 200
	says "the work key of database $DB is held by mig-apply upgrade"
	says "it cannot be ended"
}

@test "safety_02 a program whose key session is gone stops with 13" {
	start held "$keys" watch "mig-apply upgrade" 300000
	sql -c "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
		and mode = 'ExclusiveLock'" postgres
	wait "$started" && false
	status=$?
	[ "$(grep -c 'is gone' "$WORK/started")" = 1 ]
}

@test "safety_02 a child whose run has died stops with 13, and cannot begin to work" {
	start : "$keys" run 20261120T010203Z-1a2b3c 300000
	run_program=$started
	MIG_RUN=$(cat "$WORK/started")
	export MIG_RUN
	start held "$keys" watch "mig-apply upgrade" 300000
	kill -9 "$run_program"
	run wait_for "$started"
	until_true grep -q "has ended" "$WORK/started"
	expect 13 "$keys" work "mig-apply upgrade" "select 1"
}

wait_for() {
	wait "$1"
}

@test "safety_02 the swap key waits for programs that change something" {
	start : "$keys" run 20261120T010203Z-1a2b3c 300000
	MIG_RUN=$(cat "$WORK/started")
	export MIG_RUN
	start held "$keys" hold "mig-apply upgrade" 300000
	expect 13 "$keys" swap "mig-restore swap" 300
	says "the swap key of database $DB is held by mig-apply"
	kill -9 "$started"
	expect 0 "$keys" swap "mig-restore swap" 3000
}

@test "safety_03 the server ends the statement of a dead client, and read-only defaults do not bind us" {
	[ "${cluster_major:-15}" -ge 14 ] || skip "before 14 a server never looks at its client"
	sql -c "create table t (i int)" -c "alter database $DB set default_transaction_read_only = on" \
		-c "alter database $DB set statement_timeout = '1s'"
	expect 0 "$keys" work "mig-apply upgrade" "insert into t select 1 from pg_sleep(1.5)"
	start working "$keys" work "mig-apply upgrade" "insert into t select 2 from pg_sleep(60)"
	kill -9 "$started"
	until_true no_sleeper
	[ "$(sql -c 'select count(*) from t')" = 1 ]
}

no_sleeper() {
	[ "$(sql -c "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%'
		and pid <> pg_backend_pid()")" = 0 ]
}

@test "safety_05 a pooler that hides the backend is refused with 17, unless it keeps sessions" {
	mkdir pool
	"$BUILD/support/pooler" "$WORK/pool/.s.PGSQL.$PGPORT" "$PGHOST/.s.PGSQL.$PGPORT" 3>&- &
	until_true test -S "pool/.s.PGSQL.$PGPORT"
	PGHOST=$WORK/pool expect 17 "$keys" hold "mig-apply upgrade" 0
	says "a connection pooler stands between us and the server"
	says "pooler: session"
	[ "$(locks_of)" = 0 ]
	conf() {
		printf 'mig: 1\nproject: shop\nenvironments:\n  test:\n    database: "host=%s dbname=%s"\n' \
			"$WORK/pool" "$DB" > mig.yaml
		printf '    maintenance: [{file: flag}]\n%s\n' "$1" >> mig.yaml
	}
	conf ""
	expect 17 mig-maintenance on
	[ ! -e flag ]
	conf "    pooler: session"
	expect 0 mig-maintenance on
	expect 0 mig-maintenance off
	conf "    direct: \"host=$PGHOST dbname=$DB\""
	expect 0 mig-maintenance on
	expect 0 mig-maintenance off
}
