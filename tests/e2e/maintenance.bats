# mig-maintenance by hand and as the child of a run; the conformance suite of all providers.
load ../support/common
setup_file() {
	cluster_settings="log_statement = 'ddl'" common_setup_file
	sql -c "create role app login" -c "create role other login" -c "create role deploy login" postgres
}
teardown_file() { common_teardown_file; }
setup() {
	common_setup
	sql -c "create table orders (id serial primary key, item text)" \
		-c "grant all on orders, orders_id_seq to app, other"
	switch=$WORK/switch
	config "{file: flag}"
}
teardown() {
	if [ -n "$(jobs -p)" ]; then
		# shellcheck disable=SC2046 # a list of numbers
		kill -9 $(jobs -p) 2>/dev/null || true
	fi
	common_teardown
}

# config ITEM..: mig.yaml with these maintenance providers
config() {
	{
		printf 'mig: 1\nproject: shop\nenvironments:\n  test:\n    database: "dbname=%s"\n' "$DB"
		[ $# = 0 ] || printf '    maintenance:\n'
		[ $# = 0 ] || printf '      - %s\n' "$@"
	} > mig.yaml
}

# a stand-in for a service: a file that the commands make and remove
command_item() {
	cat <<-END
		{command: {enable: [touch, $switch], disable: [rm, -f, $switch], status: {run: [test, -e, $switch], "on": ["0"], "off": ["1"]}}}
	END
}

# everything that a provider may change, in one text
world() {
	ls "$WORK/flag" "$switch" 2>/dev/null
	sql postgres -c "select datname, datacl::text, (select string_agg(setrole || setconfig::text, ';')
		from pg_db_role_setting where setdatabase = d.oid)
		from pg_database d where datname = '$DB'"
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

@test "conformance: file" { conform "{file: flag}"; }
@test "conformance: command" { conform "$(command_item)"; }
@test "conformance: database read-only" { conform "{database: read-only}"; }
@test "conformance: database no-connections" { conform "{database: no-connections, roles: [app]}"; }
@test "conformance: every provider of the table is in this suite" {
	rows=$(grep -c '^	&maint_' "$BATS_TEST_DIRNAME/../../lib/maint/providers.c")
	[ "$(grep -c '^@test "conformance: .* { conform ' "$BATS_TEST_FILENAME")" = "$rows" ]
}
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
	"$BUILD/support/keys" run 20261120T010203Z-1a2b3c 20000 > started 2>&1 3>&- &
	until grep -q : started; do sleep 0.05; done
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

run_key() {
	rm -f started
	"$BUILD/support/keys" run "$1" 30000 > started 2>&1 3>&- &
	until grep -q : started; do sleep 0.05; done
	run_pid=$!
	MIG_RUN=$(cat started)
	export MIG_RUN
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
	expect 0 mig-maintenance off
	says "its journal is not on this host"
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

# --- the fence and its lesser relatives ---

@test "safety_10 read-only is advice: BEGIN READ WRITE passes it, and R1 sees it" {
	config "{file: flag}" "{database: read-only}"
	expect 0 mig-maintenance on
	run sql -U app -c "insert into orders (item) values ('x')"
	[ "$status" != 0 ]
	expect 0 "$BUILD/support/writes" end state/mig/shop/test/proof.json
	says "stopped"
	sql -U app -c "begin read write; insert into orders (item) values ('x'); commit"
	expect 0 "$BUILD/support/writes" end state/mig/shop/test/proof.json
	says "seen: 1 rows of public.orders"
}

@test "safety_10 read-only ends the sessions that began before, and after, those of its own time" {
	config "{database: read-only}"
	psql -XAtq -U app -c "select pg_sleep(60)" > slept 2>&1 3>&- &
	sleep 0.5
	expect 0 mig-maintenance on --drain 300ms
	until grep -q terminating slept; do sleep 0.1; done
	[ "$(sql -c "select count(*) from pg_stat_activity where usename = 'app'")" = 0 ]
}

@test "safety_10 a drain lets an open transaction finish" {
	config "{database: read-only}"
	psql -XAtq -U app -c "insert into orders (item) select 'x' from pg_sleep(1.5)" > slept 2>&1 3>&- &
	sleep 0.5
	expect 0 mig-maintenance on --drain 10s
	[ "$(sql -c "select count(*) from orders")" = 1 ]
}

@test "safety_10 behind the fence the application cannot connect; superusers are listed" {
	sql postgres -c "drop role if exists boss" -c "create role boss login superuser"
	config "{database: no-connections, roles: [app]}"
	expect 0 mig-maintenance on
	says "the fence does not keep superusers out: boss"
	run sql -U app -c "select 1"
	[ "$status" = 2 ]
	sql postgres -c "drop role boss"
	expect 0 mig-maintenance off
	sql -U app -c "select 1"
}

@test "safety_10 a role that still gets in: 17, and everything is as before" {
	sql -c "grant connect on database $DB to other"
	before=$(world)
	config "{file: flag}" "{database: no-connections, roles: [app]}"
	expect 17 mig-maintenance on
	says "these roles can still connect to $DB: other"
	[ "$(world)" = "$before" ]
	expect 0 mig-maintenance assert open
	config "{file: flag}" "{database: no-connections, roles: [app, other]}"
	expect 0 mig-maintenance on
}

@test "safety_10 a role that gets in through membership: 17" {
	sql postgres -c "create role inside login in role deploy" -c "alter database $DB owner to deploy"
	config "{database: no-connections, roles: [app]}"
	expect 17 mig-maintenance on
	says "inside"
	sql postgres -c "drop role inside"
}

@test "safety_10 mig's own role cannot be fenced off" {
	config "{database: no-connections, roles: [owner]}"
	expect 3 mig-maintenance on
	says "mig itself connects as this role"
}

@test "safety_10 the database provider can be opened alone; that never counts as lifted" {
	config "{file: flag}" "{database: no-connections, roles: [app]}"
	expect 0 mig-maintenance on
	expect 0 mig-maintenance off --only database
	says "partial, held by hand"
	sql -U app -c "select 1"
	[ -e flag ]
	expect 4 mig-maintenance assert open
	expect 4 mig-maintenance assert closed
	# before a restore everything is switched on again
	expect 0 mig-maintenance on
	says "closed, held by hand"
	run sql -U app -c "select 1"
	[ "$status" = 2 ]
	expect 0 mig-maintenance off
}

@test "safety_12 R0 is taken once per run, and a write while the fence was open is seen" {
	run_key 20261120T010203Z-1a2b3c
	proof=state/mig/shop/test/runs/20261120T010203Z-1a2b3c/proof.json
	config "{file: flag}" "{database: no-connections, roles: [app]}"
	MIG_JSON=1 expect 0 mig-maintenance on
	says "\"proof\":\"$WORK/$proof\""
	r0=$(head -1 $proof)
	expect 0 mig-maintenance off --only database
	sql -U app -c "insert into orders (item) values ('x')"
	expect 0 mig-maintenance on
	[ "$(head -1 $proof)" = "$r0" ]
	expect 0 "$BUILD/support/writes" end $proof
	says "seen: 1 rows of public.orders"
}

@test "safety_12 where readings cannot tell, the fence that stood all the time is the proof" {
	config "{database: no-connections, roles: [app]}"
	proof=state/mig/shop/test/proof.json
	expect 0 mig-maintenance on
	"$BUILD/support/writes" own $proof "drop table orders"
	expect 0 "$BUILD/support/writes" end $proof
	says "stopped: the fence stood all the time (the readings: public.orders was dropped"
	expect 0 mig-maintenance off --only database
	expect 0 mig-maintenance on
	expect 0 "$BUILD/support/writes" end $proof
	says "unknown: "
}

@test "safety_12 the proof of a run needs the run: its key session must live" {
	run_key 20261120T010203Z-1a2b3c
	expect 0 mig-maintenance on
	kill -9 "$run_pid"
	sleep 0.5
	expect 0 "$BUILD/support/writes" end state/mig/shop/test/runs/20261120T010203Z-1a2b3c/proof.json
	says "unknown: the session that lived since the first reading is gone"
}

# --- command providers ---

@test "safety_17 an exit code that is neither on nor off is unknown, and unknown is never off" {
	config '{command: {enable: ["true"], disable: ["true"], status: {run: [sh, -c, "exit 3"], "on": ["0"], "off": ["1"]}}}'
	expect 16 mig-maintenance on
	says "ended with 3, which is neither on nor off"
	expect 0 mig-maintenance status
	[ "${lines[0]}" = unknown ]
	expect 22 mig-maintenance assert open
	expect 22 mig-maintenance assert closed
}

@test "safety_17 on and off are read back" {
	config "$(command_item | sed 's/touch/echo/; s/enable/timeout: 500ms, enable/')"
	expect 16 mig-maintenance on
	says "was switched on, but is off"
	expect 0 mig-maintenance assert open
}

@test "safety_17 a command that fails, is missing or hangs: 16 or 1, and nothing stays on" {
	local item='status: {run: [test, -e, SWITCH], "on": ["0"], "off": ["1"]}}}'
	item=${item/SWITCH/$switch}
	config "{file: flag}" "{command: {enable: [sh, -c, \"echo broken; exit 7\"], disable: [\"true\"], $item"
	expect 16 mig-maintenance on
	says "ended with 7"
	says "broken"
	[ ! -e flag ]
	config "{file: flag}" "{command: {enable: [./not-there], disable: [\"true\"], $item"
	run mig-maintenance on
	[ "$status" != 0 ]
	[ ! -e flag ]
	config "{file: flag}" "{command: {enable: [sleep, 30], disable: [\"true\"], timeout: 500ms, $item"
	expect 16 mig-maintenance on
	[ ! -e flag ]
	expect 0 mig-maintenance assert open
}

@test "safety_17 names of commands are relative to the file that names them" {
	mkdir hooks sub
	printf '#!/bin/sh\ntouch "%s"\n' "$switch" > hooks/close
	printf '#!/bin/sh\nrm "%s"\n' "$switch" > hooks/open
	chmod +x hooks/*
	config "{command: {enable: [hooks/close], disable: [hooks/open], status: {run: [test, -e, $switch], \"on\": [\"0\"], \"off\": [\"1\"]}}}"
	cd sub
	expect 0 mig-maintenance on
	expect 0 mig-maintenance off
}

@test "safety_17 the shipped systemd hook: a failed or misspelt unit is neither on nor off" {
	hook=$BATS_TEST_DIRNAME/../../hooks/systemd-status
	mkdir bin
	cat > bin/systemctl <<-'END'
		#!/bin/sh
		for unit; do :; done
		case $unit in
		running) printf 'LoadState=loaded\nActiveState=active\n' ;;
		stopped) printf 'LoadState=loaded\nActiveState=inactive\n' ;;
		crashed) printf 'LoadState=loaded\nActiveState=failed\n' ;;
		*) printf 'LoadState=not-found\nActiveState=inactive\n' ;;
		esac
	END
	chmod +x bin/systemctl
	PATH=$PWD/bin:$PATH
	expect 0 "$hook" running
	expect 3 "$hook" stopped
	expect 1 "$hook" crashed
	expect 1 "$hook" misspelt
}

# --- bad input ---

@test "no provider, an unknown one, a misspelt word: 3 with the place and the remedy" {
	config
	expect 3 mig-maintenance on
	says "has no maintenance provider"
	expect 0 mig-maintenance assert open
	config "{fiel: flag}"
	expect 3 mig-maintenance status
	says "mig.yaml:7:"
	says "did you mean file?"
	config "{database: readonly}"
	expect 3 mig-maintenance status
	says "database takes read-only or no-connections"
	config "{file: flag}" "{file: flag}"
	expect 3 mig-maintenance status
	says "is listed twice"
	config '{command: {enable: [a], disable: [b], status: {run: [c], "on": ["0", "300"], "off": ["1"]}}}'
	expect 3 mig-maintenance status
	says "\"300\" is not an exit code"
	config '{command: {enable: [a], disable: [b], status: {run: [c], "on": ["0"], "off": ["0"]}}}'
	expect 3 mig-maintenance status
	says "cannot mean on and off"
	config "{file: nowhere/flag}"
	expect 3 mig-maintenance on
	says "no folder"
}

@test "a wrong word or provider name is 2 with the nearest" {
	expect 2 mig-maintenance assert close
	says "did you mean closed?"
	expect 2 mig-maintenance on --only datbase
	says "no maintenance provider is called"
}

@test "with the database unreachable status answers from the state file" {
	config "{file: flag}" "{database: read-only}"
	expect 0 mig-maintenance on
	PGPORT=1 expect 0 mig-maintenance status
	says "closed, held by hand"
	says "database read-only (advice): unknown, the database is unreachable"
	PGPORT=1 expect 10 mig-maintenance off
	PGPORT=1 expect 10 mig-maintenance assert closed
	expect 0 mig-maintenance off
}

@test "a file switched on by somebody else is not ours to lift" {
	touch flag
	expect 0 mig-maintenance status
	[ "${lines[0]}" = partial ]
	expect 17 mig-maintenance off
	says "was not switched on by mig"
	[ -e flag ]
}

@test "safety_21 a schema mig that somebody else made is refused" {
	sql -c "grant create on database $DB to app"
	sql -U app -c "create schema mig" -c "create table mig.maintenance (id int)"
	expect 17 mig-maintenance on
	says "schema mig in database $DB is not mig's own: schema mig belongs to app"
	[ ! -e flag ]
}

@test "safety_21 rights of others on schema mig are refused, named, and can be taken away" {
	expect 0 mig-maintenance on
	expect 0 mig-maintenance off
	sql -c "grant usage on schema mig to app"
	expect 17 mig-maintenance on
	says "app has USAGE on schema mig"
	sql -c "revoke all on schema mig from app"
	expect 0 mig-maintenance on
}
