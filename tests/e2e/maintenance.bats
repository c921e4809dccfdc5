# mig-maintenance by hand and as the child of a run; the conformance suite of all providers.
load ../support/common
load ../support/maintenance
setup_file() {
	common_setup_file
	sql -c "create role app login" -c "create role other login" -c "create role deploy login" postgres
}
setup() {
	common_setup
	sql -c "create table orders (id serial primary key, item text)" \
		-c "grant all on orders, orders_id_seq to app, other"
	switch=$WORK/switch
	config "{file: flag}"
}

# conform ITEM: the contract of every provider
conform() {
	config "$1"
	local before between
	before=$(world)
	expect 0 mig-maintenance status
	[ "${lines[0]}" = open ]
	expect 0 mig-maintenance on
	[[ ${lines[*]} = *"closed, held by hand since 20"* ]]
	expect 0 mig-maintenance assert closed
	between=$(world)
	[ "$between" != "$before" ]
	expect 0 mig-maintenance on
	[ "$(world)" = "$between" ]
	expect 0 mig-maintenance off
	[ "$(world)" = "$before" ]
	expect 0 mig-maintenance assert open
	expect 0 mig-maintenance off
	[ "$(world)" = "$before" ]
	# a second closing begins anew
	expect 0 mig-maintenance on
	expect 0 mig-maintenance off
	[ "$(world)" = "$before" ]
	# what could not be switched off is told, and the closing is still held
	expect 0 mig-maintenance on
	[ "$(world)" = "$between" ]
	expect 0 mig-maintenance off
}

@test "-q: on, renew, off and assert print nothing; status does, and what is wrong" {
	local words
	for words in on renew "assert closed" off; do
		# shellcheck disable=SC2086 # a verb and its operand
		expect 0 mig-maintenance $words -q
		[ -z "$output" ] || { echo "$words -q said: $output"; return 1; }
	done
	expect 0 mig-maintenance status -q
	says "open"
	expect 0 mig-maintenance on -q --json
	says '"state":"closed"'
	expect 4 mig-maintenance assert open -q
	says "not open"
	expect 0 mig-maintenance off -q
}

@test "conformance: file" { conform "{file: flag}"; }
@test "conformance: command" { conform "$(command_item)"; }
@test "conformance: database read-only" { conform "{database: read-only}"; }
@test "conformance: database no-connections" { conform "{database: no-connections, roles: [app]}"; }
@test "conformance: every provider of the table is in this suite" {
	rows=$(grep -c '^	&maint_' "$BATS_TEST_DIRNAME/../../lib/maint/providers.c")
	[ "$(grep -c '^@test "conformance: .* { conform ' "$BATS_TEST_FILENAME")" = "$rows" ]
}
# bats test_tags=majors
@test "conformance: all together, in order and in reverse order" {
	conform "{file: flag}
      - $(command_item)
      - {database: read-only}
      - {database: no-connections, roles: [app]}"
	expect 0 mig-maintenance on -v
	[[ $output = *"file "*": on (tells)"*"command "*": on"*"read-only: on (advice)"*"no-connections: on (fence)"* ]]
	expect 0 mig-maintenance off
	[[ $output = *"no-connections: off"*"read-only: off"*"command "*": off"*"file "*": off"* ]]
}

# --- what was before ---

@test "safety_11 a setting that was there before is there afterwards, with its neighbours" {
	sql -c "alter database $DB set work_mem = '5MB'" \
		-c "alter database $DB set default_transaction_read_only = off" \
		-c "alter database $DB set random_page_cost = 2"
	conform "{database: read-only}"
}

@test "safety_11 an explicit ACL comes back entry by entry" {
	sql -c "revoke connect on database $DB from public" -c "grant connect, temp on database $DB to other" \
		-c "grant connect on database $DB to app with grant option"
	conform "{database: no-connections, roles: [app, other]}"
}

@test "safety_11 an owner without superuser gets the rights back as they were" {
	sql -c "alter database $DB owner to deploy" -c "grant all on orders to deploy" \
		-c "revoke connect on database $DB from public" -c "grant connect on database $DB to app" \
		-c "grant pg_signal_backend to deploy"
	export PGUSER=deploy
	conform "{database: no-connections, roles: [app]}"
}

@test "safety_11 a file that was there before stays" {
	touch flag
	expect 0 mig-maintenance on
	expect 0 mig-maintenance off
	[ -e flag ]
	says "as it was before"
}

@test "safety_11 what was before is recorded before the change, once per closing" {
	config "{database: read-only}" "{file: flag}"
	sql -c "alter database $DB set default_transaction_read_only = off"
	expect 0 mig-maintenance on
	row=$(sql -c "select owner, generation, database_oid = (select oid from pg_database where datname = '$DB'),
		providers -> 0 -> 'before' ->> 'setting' from mig.maintenance where lifted is null")
	[ "$row" = "hand|1|t|off" ]
	expect 0 mig-maintenance on
	[ "$(sql -c "select providers -> 0 -> 'before' ->> 'setting' from mig.maintenance where lifted is null")" = off ]
	[ "$(jq -r '.providers[0].before.setting' state/mig/shop/test/maintenance.json)" = off ]
	expect 0 mig-maintenance off
	[ "$(sql -c "select count(*) from mig.maintenance where lifted is not null")" = 1 ]
	expect 0 mig-maintenance on
	[ "$(sql -c "select generation from mig.maintenance where lifted is null")" = 2 ]
}

@test "safety_11 a provider struck from the configuration is still switched off" {
	config "{file: flag}" "{database: read-only}"
	expect 0 mig-maintenance on
	config "{database: read-only}"
	expect 0 mig-maintenance status
	says "not configured any more"
	expect 0 mig-maintenance off
	[ ! -e flag ]
}

@test "safety_11 without its state file a provider that is not configured stops off, and nothing is guessed" {
	config "{file: flag}" "{database: read-only}"
	expect 0 mig-maintenance on
	rm state/mig/shop/test/maintenance.json
	config "{database: read-only}"
	expect 3 mig-maintenance off
	says "is not configured any more"
	config "{file: flag}" "{database: read-only}"
	expect 0 mig-maintenance off
	[ ! -e flag ]
}

@test "safety_11 a row of another database is unknown: it stays closed" {
	expect 0 mig-maintenance on
	sql postgres -c "alter database $DB rename to ${DB}_away" \
		-c "create database $DB template ${DB}_away"
	expect 0 mig-maintenance status
	[ "${lines[0]%%,*}" = unknown ]
	says "belongs to the database with OID"
	expect 17 mig-maintenance on
	expect 17 mig-maintenance off
	says "stays as it is"
	[ -e flag ]
	expect 4 mig-maintenance assert live-or-owned
	expect 0 mig-maintenance off --reason "the copy is complete"
	[ ! -e flag ]
	sql postgres -c "drop database ${DB}_away"
}

@test "safety_11 a database without the record it should have is unknown" {
	expect 0 mig-maintenance on
	sql postgres -c "drop database $DB" -c "create database $DB"
	expect 0 mig-maintenance status
	[ "${lines[0]%%,*}" = unknown ]
	expect 17 mig-maintenance off
	expect 0 mig-maintenance off --reason "it was made anew"
	[ ! -e flag ]
}

@test "safety_11 an older generation is unknown" {
	expect 0 mig-maintenance on
	sed -i 's/"generation": 1/"generation": 3/' state/mig/shop/test/maintenance.json
	expect 0 mig-maintenance status
	[ "${lines[0]%%,*}" = unknown ]
	says "generation 1"
}

@test "safety_11 the swap hands the row over: copy's OID, generation + 1" {
	expect 0 mig-maintenance on
	sql postgres -c "drop database if exists ${DB}_copy" -c "create database ${DB}_copy"
	"$BUILD/support/handover" "$DB" "${DB}_copy"
	sql postgres -c "alter database $DB rename to ${DB}_old" \
		-c "alter database ${DB}_copy rename to $DB"
	expect 0 mig-maintenance status
	says "closed, held by hand"
	[ "$(sql -c "select generation from mig.maintenance where lifted is null")" = 2 ]
	expect 0 mig-maintenance off
	# and back by hand: the displaced one still says it is held, from an older time
	sql postgres -c "alter database $DB rename to ${DB}_copy" \
		-c "alter database ${DB}_old rename to $DB"
	expect 0 mig-maintenance status
	[ "${lines[0]%%,*}" = unknown ]
	sql postgres -c "drop database ${DB}_copy"
}

# --- owners and keys ---

@test "safety_11 on and off need the run key: 13, who and since when" {
	"$BUILD/support/keys" run 20261120T010203Z-1a2b3c 300000 > started 2>&1 3>&- &
	until_true grep -q : started
	expect 13 mig-maintenance on
	says "held by mig-run 20261120T010203Z-1a2b3c"
	[ ! -e flag ]
	expect 0 mig-maintenance status
	MIG_RUN=$(cat started) expect 0 mig-maintenance on
	says "closed, held by run:20261120T010203Z-1a2b3c"
	expect 13 mig-maintenance off
	MIG_RUN=$(cat started) expect 0 mig-maintenance assert live-or-owned
	MIG_RUN=$(cat started) expect 0 mig-maintenance off
}

@test "safety_11 maintenance of another run is refused with 17, unless it is adopted" {
	expect 0 mig-maintenance on
	run_key 20261120T010203Z-1a2b3c
	expect 17 mig-maintenance on
	says "held by hand"
	expect 17 mig-maintenance off
	expect 0 mig-maintenance on --adopt
	says "held by run:20261120T010203Z-1a2b3c"
	kill -9 "$run_pid"
	run_key 20261120T010203Z-ffffff
	expect 17 mig-maintenance on
	expect 17 mig-maintenance off
	[ -e flag ]
}

@test "safety_14 by hand after a dead run: its last intent is shown, then it is lifted" {
	run_key 20261120T010203Z-1a2b3c
	expect 0 mig-maintenance on
	kill -9 "$run_pid"
	unset MIG_RUN
	journal=state/mig/shop/test/runs/20261120T010203Z-1a2b3c/journal.jsonl
	cat > "$journal" <<-'END'
		{"record":"start","at":"2026-11-20T01:02:03Z"}
		{"record":"intent","step":"migrate","kind":"database","argv":["mig-apply","upgrade","head"],"at":"2026-11-20T01:02:09Z"}
	END
	expect 4 mig-maintenance assert live-or-owned
	expect 17 mig-maintenance off
	says "died while it may have been changing the database: step migrate (database): mig-apply upgrade head"
	says "mig-run recover 20261120T010203Z-1a2b3c"
	[ -e flag ]
	echo '{"record":"done","step":"migrate","kind":"database"}' >> "$journal"
	echo '{"record":"intent","step":"co' >> "$journal"
	expect 0 mig-maintenance off
	says "the last it did: step migrate"
	[ ! -e flag ]
}

@test "safety_14 a database intent without done gives way to --reason only" {
	run_key 20261120T010203Z-1a2b3c
	expect 0 mig-maintenance on
	kill -9 "$run_pid"
	unset MIG_RUN
	echo '{"record":"intent","step":"migrate","kind":"database","argv":["mig-apply"]}' \
		> state/mig/shop/test/runs/20261120T010203Z-1a2b3c/journal.jsonl
	expect 17 mig-maintenance off --yes
	expect 0 mig-maintenance off --reason "looked at it: nothing was applied"
	[ ! -e flag ]
}

@test "safety_14 by hand after a dead run whose journal is on another host" {
	run_key 20261120T010203Z-1a2b3c
	expect 0 mig-maintenance on
	kill -9 "$run_pid"
	unset MIG_RUN
	expect 17 mig-maintenance off
	says "its journal is not on this host"
	[ -e flag ]
	expect 0 mig-maintenance off --reason "looked at the database: it is as it was"
	[ ! -e flag ]
}

@test "safety_14 --adopt does not stand for a reason" {
	run_key 20261120T010203Z-1a2b3c
	expect 0 mig-maintenance on
	kill -9 "$run_pid"
	unset MIG_RUN
	echo '{"record":"intent","step":"migrate","kind":"database","argv":["mig-apply"]}' \
		> state/mig/shop/test/runs/20261120T010203Z-1a2b3c/journal.jsonl
	expect 17 mig-maintenance off --adopt
	[ -e flag ]
}

@test "safety_16 a lease has an end, is renewed by its owner, and lifts nothing" {
	expect 0 mig-maintenance on --lease 1s
	sleep 1.2
	expect 0 mig-maintenance status
	says "lease ended 20"
	says "closed"
	[ -e flag ]
	expect 4 mig-maintenance assert live-or-owned
	expect 0 mig-maintenance renew --lease 10m
	says "lease ends 20"
	expect 0 mig-maintenance assert live-or-owned
	expect 0 mig-maintenance off
	expect 17 mig-maintenance renew
}

