# What maintenance does when something is in its way: fences with holes, commands, bad input.
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
	says "seen: 1 row of public.orders"
}

@test "safety_10 read-only ends the sessions that began before, and after, those of its own time" {
	config "{database: read-only}"
	psql -XAtq -U app -c "select pg_sleep(60)" > slept 2>&1 3>&- &
	sleep 0.5
	expect 0 mig-maintenance on --drain 300ms
	until_true grep -q terminating slept
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
	says "seen: 1 row of public.orders"
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

@test "safety_12 the fence is no proof when somebody is found inside it" {
	config "{database: no-connections, roles: [app]}"
	proof=state/mig/shop/test/proof.json
	expect 0 mig-maintenance on
	"$BUILD/support/writes" own $proof "drop table orders"
	coproc INSIDE { psql -XAtq 2>&1; }
	echo "select 'there';" >&"${INSIDE[1]}"
	read -r -t 5 -u "${INSIDE[0]}" line
	[ "$line" = there ]
	expect 0 "$BUILD/support/writes" end $proof
	says "unknown: public.orders was dropped"
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

# --- the table: something breaks while it is switched on ---

# a transaction of the application that is open for 4 s: the drain waits for it
busy_app() {
	psql -XAtq -U app -c "select pg_sleep(4)" > /dev/null 2>&1 3>&- &
	sleep 0.3
}

break_kill() {
	sleep 1
	kill -9 "$1"
}
break_interrupt() {
	sleep 1
	kill -INT "$1"
}
break_key() {
	sleep 1
	sql -c "select pg_terminate_backend(pid) from pg_stat_activity
		where application_name like 'mig-maintenance 2%'" postgres
}
break_server() {
	sleep 1
	(cd / && cluster_restart immediate)
}
break_nothing() { :; }

# broken NAME BREAK STATUS STATE: on with an open transaction in the way, then BREAK
broken() {
	local name=$1 how=$2 wanted=$3 state=$4
	config "{file: flag}" "{database: read-only}"
	local before
	before=$(world)
	busy_app
	mig-maintenance on --drain 20s > out 2>&1 3>&- &
	local program=$!
	"break_$how" "$program" > /dev/null
	local got=0
	wait "$program" || got=$?
	[ "$got" = "$wanted" ] || {
		echo "$name: expected exit $wanted, got $got"
		cat out
		return 1
	}
	expect 0 mig-maintenance status
	[ "${lines[0]%%,*}" = "$state" ] || {
		echo "$name: expected $state: $output"
		return 1
	}
	# whatever happened, the next command gets to either end
	expect 0 mig-maintenance on --drain 100ms
	says "closed, held by hand"
	expect 0 mig-maintenance off
	[ "${lines[-3]}" = open ]
	[ ! -e flag ]
	[ "$(world)" = "$before" ]
}

#                                                     break      exit  state afterwards
@test "safety_11 nothing breaks" {              broken "$BATS_TEST_DESCRIPTION" nothing    0 closed; }
@test "safety_11 SIGKILL while it drains" {     broken "$BATS_TEST_DESCRIPTION" kill     137 partial; }
@test "safety_11 Ctrl-C while it drains" {      broken "$BATS_TEST_DESCRIPTION" interrupt 130 open; }
@test "safety_11 the key session is ended" {    broken "$BATS_TEST_DESCRIPTION" key       13 partial; }
@test "safety_11 the server is restarted" {     broken "$BATS_TEST_DESCRIPTION" server    10 partial; }

@test "safety_11 a state directory that cannot be written: nothing is changed" {
	mkdir -p state/mig
	touch state/mig/shop
	run mig-maintenance on
	[ "$status" != 0 ]
	says "state/mig/shop"
	[ ! -e flag ]
	[ "$(sql -c "select to_regclass('mig.maintenance') is null or not exists (select from mig.maintenance)")" = t ]
}

@test "safety_11 a role that may not change the database: 11, a hint, and nothing stays on" {
	sql -c "create schema mig authorization deploy" -c "grant create on database $DB to deploy"
	config "{file: flag}" "{database: read-only}"
	PGUSER=deploy expect 11 mig-maintenance on
	says "must be owner of database"
	says "hint: "
	[ ! -e flag ]
}

@test "safety_10 a session that may not be ended: the fence does not stand" {
	sql -c "alter database $DB owner to deploy" -c "grant pg_signal_backend to deploy"
	config "{file: flag}" "{database: no-connections, roles: [app]}"
	psql -XAtq -c "select pg_sleep(60)" > /dev/null 2>&1 3>&- &
	sleep 0.5
	PGUSER=deploy expect 17 mig-maintenance on --drain 100ms
	says "a session cannot be ended"
	[ ! -e flag ]
	sql -U app -c "select 1"
}
