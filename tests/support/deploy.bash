# A small shop with one migration and a playbook that deploys it, for tests of whole runs.
# shellcheck shell=bash

# shop: tables, mig.yaml (policy: further lines), one pending migration, deploy.yaml
shop() {
	sql -c "create table orders(id int primary key, note text);
		insert into orders select g from generate_series(1, 500) g"
	mkdir -p migrations
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		migrations: {dir: migrations}
		environments:
		  dev:
		    database: "dbname=$DB"
		    maintenance: [{file: flag}, {database: read-only}]
		    policy: {swap_back: ${SWAP_BACK:-allow}, downgrade: ${DOWNGRADE:-never}, destructive: allow}
		    alerts: {sentry: {dsn: {env: SENTRY_DSN}}}
	END
	migration aaaa00000001 '' "alter table orders add column colour text default 'red'" \
		"alter table orders drop column colour"
	book "select count(colour) from orders"
}

# migration ID PARENT UP DOWN
migration() {
	cat > "migrations/$1_step.sql" <<-END
		-- revision: $1
		-- down_revision: $2
		-- message: step $1

		-- migrate:up
		$3;

		-- migrate:down
		$4;
	END
}

# book QUERY: deploy.yaml, whose smoke check wants QUERY to say $wanted; after undo 500 orders
book() {
	cat > deploy.yaml <<-END
		mig: 1
		name: deploy
		inputs: {wanted: {match: '.*', default: "500"}, recovered: {match: '.*', default: "500"}}
		steps:
		  - {id: close, maintenance: "on"}
		  - {id: backup, run: [mig-backup, create], restore_point: true}
		  - {id: migrate, run: [mig-apply, upgrade, head], undo: policy}
		  - {id: code, run: [touch, code], undo: [rm, code], traffic: true}
		  - {id: smoke, checks: [{sql: "$1", expect: {value: "\${inputs.wanted}"}}]}
		  - {id: open, maintenance: "off", pivot: true}
		on_failure: [${LADDER:-undo, restore}]
		recovered: [{sql: "select count(*) from orders", expect: {value: "\${inputs.recovered}"}}]
		notify: {failure: [sentry], in_doubt: [sentry]}
	END
}

# run_directory: of the last run
run_directory() {
	printf '%s\n' state/shop/dev/runs/* | tail -1
}

journal() {
	jq -r "$1" "$(run_directory)/journal.jsonl"
}

is_open() {
	[ ! -e flag ] && mig-maintenance assert open > /dev/null
}

is_closed() {
	[ -e flag ] && mig-maintenance assert closed > /dev/null
}

has_column() {
	[ "$(sql -c "select count(*) from information_schema.columns where table_name = 'orders' and column_name = 'colour'")" = 1 ]
}

live_oid() {
	sql -c "select oid from pg_database where datname = '$DB'" postgres
}

# play_until TEXT [ARGUMENT..]: plays deploy.yaml until its log shows TEXT; sets RUNNER
play_until() {
	local text=$1 i
	shift
	mig-run deploy.yaml "$@" > log 2>&1 3>&- &
	RUNNER=$!
	for i in $(seq 400); do
		! grep -q -- "$text" log || return 0
		kill -0 $RUNNER 2> /dev/null || break
		sleep 0.02
	done
	echo "never came to: $text ($i)"
	cat log
	return 1
}

killed() {
	kill -9 "$RUNNER" 2> /dev/null || true
	wait "$RUNNER" 2> /dev/null || true
	RUNNER=
}

# ends STATUS: the runner ends by itself with it
ends() {
	local got=0
	wait "$RUNNER" || got=$?
	RUNNER=
	[ $got = "$1" ] || {
		echo "expected exit $1, got $got"
		cat log
		return 1
	}
}
