# What stands in the way of a swap: each row breaks one thing, expects 17 and everything as before.
load ../support/common
load ../support/copies
setup_file() {
	common_setup_file
	sql -c "create role deployer login createdb"
}
setup() {
	common_setup
	COPY=${DB}__r_0123456789
	write_config
	make_live
	make_copy "$COPY"
	sql postgres <<-END
		alter role deployer createdb;
		alter database $DB owner to deployer;
		alter database $COPY owner to deployer;
	END
	sql -c "alter table t owner to deployer"
	sql -d "$COPY" -c "alter table t owner to deployer"
}
teardown() {
	unset PGUSER
	export PGUSER=owner
	common_teardown
}

# Names, OIDs and traits of this test's databases.
state() {
	PGUSER=owner sql postgres -c "select oid, datname, datdba, datacl, datconnlimit,
		shobj_description(oid, 'pg_database') from pg_database where datname like '$DB%' order by 1" \
		-c "select * from pg_db_role_setting order by 1, 2"
}

closed() { PGUSER=${1:-owner} expect 0 mig-maintenance on; }

# refused TEXT [ROLE]: the swap is refused with that text, and nothing is changed
refused() {
	before=$(state)
	PGUSER=${2:-owner} expect 17 mig-restore swap "$COPY" --accept-loss --yes
	says "$1"
	[ "$(state)" = "$before" ]
	[ "$(rows_of "$DB")" = 10 ]
}

@test "safety_08 a prepared transaction in the live database" {
	closed
	sql -c "begin; insert into t values (99); prepare transaction 'half'"
	refused "prepared transaction 'half'"
	says "COMMIT PREPARED"
	sql -c "rollback prepared 'half'"
}

@test "safety_08 a prepared transaction in the copy" {
	closed
	sql -d "$COPY" -c "begin; insert into t values (99); prepare transaction 'half'"
	refused "prepared transaction 'half'"
	sql -d "$COPY" -c "rollback prepared 'half'"
}

@test "safety_08 a logical replication slot on the live database" {
	closed
	sql -c "select pg_create_logical_replication_slot('stream_$BATS_TEST_NUMBER', 'pgoutput')"
	refused "logical replication slot 'stream_$BATS_TEST_NUMBER'"
	says "pg_drop_replication_slot"
	sql -c "select pg_drop_replication_slot('stream_$BATS_TEST_NUMBER')"
}

@test "safety_08 a subscription in the live database" {
	closed
	sql -c "create subscription news connection 'dbname=x' publication p
		with (connect = false, slot_name = none, enabled = false)"
	refused "subscription news"
	says "DROP SUBSCRIPTION"
	sql -c "drop subscription news"
}

@test "safety_08 a session that this role may not end" {
	closed deployer
	PGUSER=owner sql -c "select pg_sleep(60)" > sleeper 2>&1 3>&- &
	until_true sleeping
	refused "may not be ended by deployer" deployer
	says "pg_signal_backend"
}
sleeping() {
	[ "$(sql postgres -c "select count(*) from pg_stat_activity
		where query ~ '^select pg_sleep' and datname like '$DB%'")" = 1 ]
}

@test "safety_08 a role without CREATEDB" {
	closed deployer
	sql -c "alter role deployer nocreatedb" postgres
	refused "neither CREATEDB nor superuser" deployer
}

@test "safety_08 a role that owns neither database" {
	closed deployer
	sql -c "alter database $COPY owner to owner" postgres
	refused "is owned by owner" deployer
}

@test "safety_08 a setting that this role may not make" {
	closed deployer
	sql -c "alter database $DB set session_replication_role = 'replica'" postgres
	refused "session_replication_role" deployer
}

@test "safety_08 a role's setting in the database that this role may not make" {
	closed deployer
	sql -c "alter role owner in database $DB set work_mem = '9MB'" postgres
	refused "work_mem of role owner" deployer
}

@test "safety_08 the ordinary deployer may: owner of both, CREATEDB" {
	closed deployer
	PGUSER=deployer expect 0 mig-restore swap "$COPY" --accept-loss --yes
	[ "$(rows_of "$DB")" = 12 ]
}

# A backend that is stopped does not leave when asked: the server gives up after five seconds.
stopped_session() {
	sql -d "$1" -c "select pg_sleep(60)" > sleeper 2>&1 3>&- &
	until_true sleeping
	backend=$(sql postgres -c "select pid from pg_stat_activity
		where query ~ '^select pg_sleep' and datname like '$DB%'")
	kill -STOP "$backend"
}

@test "safety_07 a session that does not leave the copy: rolled back after the first rename" {
	closed
	stopped_session "$COPY"
	refused "sessions stay in database \"$COPY\""
	kill -CONT "$backend"
}

@test "safety_07 a session that does not leave the live database: rolled back" {
	closed
	stopped_session "$DB"
	refused "sessions stay in database \"$DB\""
	kill -CONT "$backend"
}

@test "safety_07 SIGTERM between the two renames: ended by the signal, rolled back" {
	closed
	stopped_session "$COPY"
	before=$(state)
	mig-restore swap "$COPY" --accept-loss --yes > swap.out 2>&1 3>&- &
	local swapper=$! status=0
	until_true renaming
	kill -TERM $swapper
	wait $swapper || status=$?
	cat swap.out
	[ "$status" = 143 ]
	kill -CONT "$backend"
	[ "$(state)" = "$before" ]
	[ "$(rows_of "$DB")" = 10 ]
}

@test "safety_07 SIGKILL between the two renames: rolled back, and reachable" {
	closed
	stopped_session "$COPY"
	before=$(state)
	mig-restore swap "$COPY" --accept-loss --yes > swap.out 2>&1 3>&- &
	local swapper=$!
	until_true renaming
	kill -9 $swapper
	[ "$(PGCONNECT_TIMEOUT=10 rows_of "$DB")" = 10 ]
	[ "$(state)" = "$before" ]
	kill -CONT "$backend"
	expect 0 mig-restore swap "$COPY" --accept-loss --yes
	[ "$(rows_of "$DB")" = 12 ]
}

@test "safety_07 the server's session of the swap dies: rolled back, and said so" {
	closed
	stopped_session "$COPY"
	mig-restore swap "$COPY" --accept-loss --yes > swap.out 2>&1 3>&- &
	local swapper=$! a before
	before=$(state)
	until_true renaming
	a=$(sql postgres -c "select pid from pg_stat_activity where query ~ '^alter database'")
	sql postgres -c "select pg_terminate_backend($a)"
	kill -CONT "$backend"
	run wait $swapper
	[ "$(state)" = "$before" ]
	grep -q "not swapped" swap.out
}
renaming() {
	[ "$(sql postgres -c "select count(*) from pg_stat_activity where query ~ '^alter database'")" = 1 ]
}
