# SIGKILL and SIGINT in each step of a real deploy: nothing half-made, the truth told, safe to go on.
load ../support/common
load ../support/deploy
setup() {
	common_setup
	export SENTRY_DSN=
}
teardown() {
	[ -z "${RUNNER:-}" ] || kill -9 "$RUNNER" 2> /dev/null || true
	common_teardown
}

# The migration stays in the middle for a while.
slow_migration() {
	migration aaaa00000001 '' "alter table orders add column colour text default 'red'; select pg_sleep($1)" \
		"alter table orders drop column colour"
}

@test "safety_14 SIGKILL while closing: recover opens again, whatever was switched on" {
	shop
	sed -i 's/maintenance: \[.*/maintenance: [{file: flag}, {command: {enable: [sh, -c, "touch shut; sleep 20"], disable: [rm, -f, shut], status: {run: [sh, -c, "test -e shut"], on: [0], off: [1]}}}]/' mig.yaml
	play_until "step close"
	for _ in $(seq 500); do [ ! -e shut ] || break; sleep 0.02; done
	killed
	[ -e flag ]
	expect 17 mig-run deploy.yaml
	says "mig-run recover"
	expect 20 mig-run recover
	[ ! -e flag ] && [ ! -e shut ]
	expect 14 mig-run recover
}

@test "safety_14 SIGKILL in the backup: no snapshot is listed, recover lifts maintenance" {
	shop
	sql -c "insert into orders select g, repeat('x', 2000) from generate_series(1000, 60000) g"
	play_until "step backup" recovered=59501
	sleep 0.1
	killed
	is_closed
	expect 20 mig-run recover
	is_open
	expect 0 mig-backup list
	[ "$(sql -c "select count(*) from orders")" = 59501 ]
	expect 0 mig-run deploy.yaml wanted=59501
}

@test "safety_02 SIGKILL in the migration: recover waits for its statement, nothing is committed" {
	shop
	slow_migration 3
	play_until "applying aaaa00000001"
	sleep 0.3
	before=$(live_oid)
	killed
	expect 17 mig-run deploy.yaml
	expect 0 mig-run status
	says "died"
	expect 20 mig-run recover
	says "as it was before"
	! has_column || false
	[ "$(live_oid)" = "$before" ]
	is_open
	slow_migration 0
	expect 0 mig-run deploy.yaml
	has_column
}

@test "safety_14 SIGKILL after the migration: changed and not recovered, maintenance stays on" {
	shop
	sed -i 's/run: \[touch, code\]/run: [sleep, "30"]/' deploy.yaml
	play_until "step code"
	sleep 0.2
	killed
	has_column
	is_closed
	expect 21 mig-run recover
	says "not as it was before"
	has_column
}

@test "safety_14 SIGKILL after the migration, recovered fails: kept, and said by everybody" {
	shop
	sed -i 's/run: \[touch, code\]/run: [sleep, "30"]/' deploy.yaml
	play_until "step code" recovered=7
	sleep 0.2
	killed
	expect 21 mig-run recover
	says "recovered does not pass"
	says "maintenance stays on"
	is_closed
	expect 0 mig-maintenance status
	says "closed"
	expect 0 mig-run status
	says "maintenance was kept on"
	expect 17 mig-run deploy.yaml
	is_closed
}

@test "safety_07 SIGKILL in the middle of the swap back: the OID decides, recover knows" {
	shop
	for delay in 0.05 0.3 0.6 0.9; do
		rm -rf state
		sql -c "alter table orders drop column if exists colour" -c "drop table if exists alembic_version" \
			-c "drop schema if exists mig cascade"
		echo "-- killed $delay s into the swap back"
		play_until "restore swap-back" wanted=1
		sleep $delay
		if kill -0 "$RUNNER" 2> /dev/null; then killed; else ends 20; fi
		run mig-run recover
		echo "$status: $output"
		# never unreachable, never half: either the old one with the column, or the copy without
		[ "$(sql -c "select count(*) from orders")" = 500 ]
		case $status in
		20 | 14) ! has_column || false ;;
		21) has_column ;;
		*) false ;;
		esac
		run mig-maintenance off --reason "test"
		is_open
	done
}

@test "SIGINT in the backup: undone, open, no snapshot" {
	shop
	sql -c "insert into orders select g, repeat('x', 2000) from generate_series(1000, 60000) g"
	play_until "step backup" recovered=59501
	sleep 0.1
	kill -INT "$RUNNER"
	ends 20
	is_open
}

@test "SIGINT in the migration: rolled back, undone, open" {
	shop
	slow_migration 20
	play_until "applying aaaa00000001"
	sleep 0.3
	SECONDS=0
	kill -INT "$RUNNER"
	ends 20
	[ $SECONDS -lt 12 ]
	! has_column || false
	is_open
}

@test "SIGINT after the migration: back to the restore point, open" {
	shop
	sed -i 's/run: \[touch, code\]/wait: 30s/; s/undo: \[rm, code\], traffic: true/timeout: 1m/' deploy.yaml
	play_until "step code"
	kill -INT "$RUNNER"
	ends 20
	! has_column || false
	is_open
}

@test "safety_02 the server crashes in the middle: in doubt, closed, recover finds out" {
	shop
	sed -i 's/run: \[touch, code\]/run: [sleep, "60"]/' deploy.yaml
	play_until "step code"
	sleep 0.2
	sql -c checkpoint # the test cluster commits asynchronously
	cluster_restart immediate
	ends 22
	[ -e flag ]
	expect 0 mig-run status
	says "mig-run recover"
	expect 21 mig-run recover "$(basename "$(run_directory)")"
	says "not as it was before"
	has_column
	is_open
}

@test "the same deploy succeeds after each of these" {
	shop
	for step in close backup migrate smoke open; do
		play_until "step $step"
		killed
		run mig-run recover
		[ -n "$(live_oid)" ]
		run mig-maintenance off --reason "looked at it"
	done
	expect 0 mig-run deploy.yaml
	is_open
}
