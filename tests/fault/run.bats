# Whole deploys that go wrong: what the run ends with, where the database is, who is let in.
load ../support/common
load ../support/http
load ../support/deploy
teardown() {
	[ -z "${WRITER:-}" ] || kill "$WRITER" 2> /dev/null || true
	http_stop
	common_teardown
}

@test "a good deploy: migrated, open, no trace in the way" {
	shop
	expect 0 mig-run deploy.yaml
	has_column
	is_open
	[ -e code ]
	[ "$(journal 'select(.record=="end").state')" = ok ]
}

@test "safety_13 a bad deploy returns to this run's restore point, never to latest" {
	shop
	expect 0 mig-backup create
	sql -c "insert into orders values (1000)"
	before=$(live_oid)
	expect 20 mig-run deploy.yaml wanted=1 recovered=501
	says "first error: step smoke"
	[ "$(journal 'select(.record=="intent" and .step=="swap-back").argv[1]')" = \
		"$(journal 'select(.record=="done" and .step=="backup").out.snapshot')" ]
	! has_column || false
	[ "$(sql -c "select count(*) from orders")" = 501 ]
	[ "$(live_oid)" != "$before" ]
	[ ! -e code ]
	is_open
}

@test "safety_13 every provider is switched on again before the restore" {
	shop
	expect 20 mig-run deploy.yaml wanted=1
	[ "$(journal 'select(.record=="intent" and .phase=="restore").step' | xargs)" = "close-again swap-back" ]
}

@test "safety_14 maintenance is lifted once, last, after recovered" {
	shop
	expect 20 mig-run deploy.yaml wanted=1
	order=$(journal 'select(.record=="intent" and (.phase=="recovered" or .phase=="lift" or .phase=="restore")).phase' | uniq | xargs)
	[ "$order" = "restore recovered lift" ]
}

@test "safety_12 a client that keeps writing: no swap, maintenance stays on, 21, alert" {
	sentry_start
	shop
	sql -c "create table clicks(n int)"
	before=$(live_oid)
	# it ignores what read-only means, and comes back whenever it is thrown out
	while :; do
		psql -Xqc "begin read write" -c "insert into clicks values (1)" -c commit || sleep 0.05
	done > /dev/null 2>&1 3>&- &
	WRITER=$!
	expect 21 mig-run deploy.yaml wanted=1
	kill $WRITER
	wait $WRITER 2> /dev/null || true
	WRITER=
	says "first error: step smoke"
	says "maintenance stays on"
	[ "$(live_oid)" = "$before" ]
	has_column
	is_closed
	jq -e '.level == "fatal"' "$WORK"/arrived/*.event
	expect 0 mig-maintenance status
	says "closed"
	# the next deploy does not walk over it
	expect 17 mig-run deploy.yaml
	is_closed
}

@test "policy swap_back never: the rung is struck out, the schema stays, a person is called" {
	SWAP_BACK=never shop
	before=$(live_oid)
	expect 21 mig-run deploy.yaml wanted=1
	says "rung restore is struck out"
	[ "$(live_oid)" = "$before" ]
	has_column
	# recovered passes: users need not wait for the person
	is_open
}

@test "policy downgrade allow: undo goes back by the down section, no swap" {
	DOWNGRADE=allow shop
	before=$(live_oid)
	expect 20 mig-run deploy.yaml wanted=1
	[ "$(live_oid)" = "$before" ]
	! has_column || false
	is_open
	[ "$(journal 'select(.record=="intent" and .phase=="undo" and .step=="migrate").argv | join(" ")')" = "mig-apply downgrade base" ]
}

@test "a migration with a syntax error: place, SQLSTATE, nothing left, 20" {
	shop
	migration aaaa00000001 '' "alter tabel orders add colour text" "select 1"
	before=$(live_oid)
	expect 20 mig-run deploy.yaml
	says "42601"
	says "aaaa00000001_step.sql:6"
	[ "$(live_oid)" = "$before" ]
	[ ! -e code ]
	is_open
}

@test "the second of two migrations fails: the first is taken back, too" {
	shop
	migration aaaa00000002 aaaa00000001 "alter table nosuch add x int" "select 1"
	before=$(live_oid)
	expect 20 mig-run deploy.yaml
	says 'relation "nosuch" does not exist'
	! has_column || false
	[ "$(live_oid)" != "$before" ]
	is_open
}

@test "safety_12 what a migration wrote before it was rolled back is accounted for" {
	shop
	migration aaaa00000002 aaaa00000001 "update orders set note = 1; select 1/0" "select 1"
	expect 20 mig-run deploy.yaml
	says "division by zero"
	! has_column || false
	is_open
}

@test "safety_12 a migration that truncates: nothing can be proved, no swap, maintenance stays on" {
	shop
	sql -c "create table clicks(n int)"
	migration aaaa00000002 aaaa00000001 "truncate clicks" "select 1"
	before=$(live_oid)
	expect 21 mig-run deploy.yaml wanted=1
	says "no proof that writes"
	[ "$(live_oid)" = "$before" ]
	is_closed
}

@test "the second of two migrations fails, downgrade allowed: down to where it was" {
	DOWNGRADE=allow shop
	migration aaaa00000002 aaaa00000001 "alter table nosuch add x int" "select 1"
	before=$(live_oid)
	expect 20 mig-run deploy.yaml
	! has_column || false
	[ "$(live_oid)" = "$before" ]
	is_open
}

@test "safety_14 where it cannot be told how far a migration came, nothing is called undone" {
	LADDER=undo SWAP_BACK=never shop
	migration aaaa00000002 aaaa00000001 "select pg_sleep(3); select 1/0" "select 1"
	play_until "applied aaaa00000001"
	echo broken > migrations/aaaa00000003_broken.sql
	cp migrations/aaaa00000001_step.sql migrations/aaaa00000004_same.sql
	ends 22
	[ -e flag ]
	has_column
	[ "$(journal 'select(.record=="end").maintenance')" = kept ]
}

@test "safety_14 what was closed in part is lifted, too" {
	shop
	cat > deploy.yaml <<-END
		mig: 1
		name: deploy
		steps:
		  - {id: close, maintenance: "on", only: [file]}
		  - {id: bad, run: ["false"]}
	END
	expect 20 mig-run deploy.yaml
	[ ! -e flag ]
	is_open
}

@test "safety_14 recovered does not pass after the restore: maintenance stays on" {
	shop
	expect 21 mig-run deploy.yaml wanted=1 recovered=7
	! has_column || false
	is_closed
	says "maintenance stays on"
}

@test "safety_14 an undo that fails keeps maintenance on, whatever recovered says" {
	shop
	sed -i 's/undo: \[rm, code\]/undo: ["false"]/' deploy.yaml
	expect 21 mig-run deploy.yaml wanted=1
	! has_column || false
	is_closed
}

@test "safety_08 a prepared transaction in the way of the swap: nothing is swapped, 21" {
	shop
	sed -i 's/touch, code\]/psql, -Xqc, "begin read write; create table t(); prepare transaction '"'p$DB'"'"]/' deploy.yaml
	sed -i 's/undo: \[rm, code\], traffic: true/undo: ["true"]/' deploy.yaml
	before=$(live_oid)
	expect 21 mig-run deploy.yaml wanted=1
	[ "$(live_oid)" = "$before" ]
	is_closed
	sql -c "rollback prepared 'p$DB'"
}

@test "safety_11 maintenance held by a person: the run is refused and leaves it alone" {
	shop
	expect 0 mig-maintenance on
	expect 17 mig-run deploy.yaml
	says "step close"
	is_closed
	expect 0 mig-maintenance status
	says "by hand"
}

@test "a provider that fails half-way: what was closed is opened again" {
	shop
	sed -i 's/maintenance: \[.*/maintenance: [{file: flag}, {command: {enable: ["false"], disable: ["true"], status: {run: ["true"], on: [3], off: [0]}}}]/' mig.yaml
	run mig-run deploy.yaml
	echo "$output"
	[ "$status" = 20 ] || [ "$status" = 1 ] || [ "$status" = 16 ]
	[ ! -e flag ]
	expect 0 mig-maintenance status
	says "open"
}

@test "safety_15 past the pivot the database is not taken back" {
	shop
	sed -i 's/^on_failure/  - {id: late, run: ["false"]}\non_failure/' deploy.yaml
	before=$(live_oid)
	expect 21 mig-run deploy.yaml
	says "first error: step late"
	has_column
	[ "$(live_oid)" = "$before" ]
	! journal 'select(.record=="intent").phase' | grep -qx restore || false
	is_open
}

@test "safety_15 a pivot that fails counts as passed" {
	shop
	sed -i 's/maintenance: \[.*/maintenance: [{file: flag}, {command: {enable: [touch, shut], disable: [sh, -c, "test -e may_open \&\& rm shut"], status: {run: [sh, -c, "test -e shut"], on: [0], off: [1]}}}]/' mig.yaml
	before=$(live_oid)
	expect 21 mig-run deploy.yaml
	says "first error: step open"
	has_column
	[ "$(live_oid)" = "$before" ]
	! journal 'select(.record=="intent").phase' | grep -qx restore || false
	touch may_open
	expect 0 mig-maintenance off
}

@test "safety_16 the lease of maintenance is renewed while the run lives" {
	shop
	sed -i 's/maintenance: "on"/maintenance: "on", lease: 3s/; s/run: \[touch, code\]/run: [sleep, "4"]/; s/undo: \[rm, code\], //' deploy.yaml
	mig-run deploy.yaml > log 2>&1 3>&- &
	runner=$!
	for _ in $(seq 500); do ! grep -q "step code" log || break; sleep 0.05; done
	sleep 3.2
	expect 0 mig-maintenance status --json
	jq -e '.lease_over == false' <<< "${lines[-1]}"
	wait $runner
	is_open
}

@test "checks that need writes wait until the pivot is passed" {
	shop
	needy='{sql: "select 1", expect: {value: 2}, needs: [writes]}'
	sed -i "s/\(id: smoke, checks: \[\)/\1$needy, /" deploy.yaml
	expect 0 mig-run deploy.yaml
	sed -i "s/^on_failure/  - {id: after, checks: [$needy]}\non_failure/" deploy.yaml
	expect 21 mig-run deploy.yaml
	says "first error: step after"
	is_open
}

@test "the shipped playbooks: deploy, nightly backup, restore drill" {
	shop
	shipped=$BATS_TEST_DIRNAME/../../playbooks
	expect 0 mig-run lint "$shipped/deploy.yaml" "$shipped/nightly-backup.yaml" "$shipped/restore-drill.yaml"
	expect 0 mig-run "$shipped/deploy.yaml" ref=v1.4 --plan
	expect 0 mig-run "$shipped/deploy.yaml" ref=v1.4
	has_column
	is_open
	expect 0 mig-run "$shipped/nightly-backup.yaml"
	expect 0 mig-run "$shipped/restore-drill.yaml"
	[ -z "$(sql -c "select datname from pg_database where datname like '$DB\_\_r%'" postgres)" ]
	# a broken snapshot: the drill says so, and nothing was changed
	snapshot=$(find state -name '*.mig.tar' | sort | tail -1)
	printf 'X' | dd of="$snapshot" bs=1 seek=2000 conv=notrunc status=none
	expect 15 mig-run "$shipped/restore-drill.yaml"
}

@test "the plan names the way back of each step, and the policy" {
	shop
	expect 0 mig-run deploy.yaml --plan
	says "mig-restore '<snapshot of backup>' --swap --proof"
	says "rm code"
	says "users may have written"
	[ ! -e flag ]
	sed -i 's/swap_back: allow/swap_back: never/' mig.yaml
	expect 0 mig-run deploy.yaml --plan
	says "the database stays as migrated"
	[[ $output != *"mig-restore"* ]]
}
