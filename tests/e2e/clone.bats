# mig-backup create --method clone: a restore point in the same server (safety 20).
load ../support/common
load ../support/copies
load ../support/maintenance
load ../support/migrations
setup() {
	common_setup
	write_config
	sed -i 's|maintenance:.*|maintenance: [{database: no-connections}]|' mig.yaml
	printf '    policy: {swap_back: allow, restore: allow, destructive: allow}\n' >> mig.yaml
	make_live
}

clones() {
	sql postgres -c "select datname from pg_database where datname like '${DB}__c_%' order by 1"
}

# nothing_left: no clone, and the live database takes connections
nothing_left() {
	[ -z "$(clones)" ] || {
		echo "left: $(clones)"
		return 1
	}
	[ "$(rows_of "$DB")" = 10 ]
}

# an ordinary application
app_role() {
	sql postgres -c "drop role if exists app_$BATS_TEST_NUMBER" -c "create role app_$BATS_TEST_NUMBER login"
	sql -c "grant all on t to app_$BATS_TEST_NUMBER"
}

@test "safety_20 a clone is swapped in at once, with everything, and can be swapped out again" {
	app_role
	sql -c "alter database $DB set work_mem = '7MB'" -c "comment on database $DB is 'our shop'"
	expect 0 mig-maintenance on
	expect 0 mig-backup create --method clone
	says "a restore point on the same disk, not a snapshot"
	local clone
	clone=$(clones)
	[ "$(rows_of "$clone")" = 10 ]
	expect 0 mig-restore copies
	says "$clone"
	says "a restore point, no backup"
	sql -c "delete from t where a > 3"
	expect 17 mig-restore swap "$clone"
	says "accept-loss"
	expect 0 mig-restore swap "$clone" --accept-loss
	[ "$(rows_of "$DB")" = 10 ]
	[ -z "$(clones)" ]
	expect 0 mig-maintenance off
	[ "$(psql -XAtq -U "app_$BATS_TEST_NUMBER" -c 'select count(*) from t')" = 10 ]
	[ "$(sql -c 'show work_mem')" = 7MB ]
	[ "$(sql -c "select shobj_description(oid, 'pg_database') from pg_database where datname = '$DB'")" = "our shop" ]
	expect 0 mig-maintenance on
	expect 0 mig-restore undo --accept-loss
	[ "$(rows_of "$DB")" = 3 ]
}

@test "safety_20 a clone is no snapshot: not listed, not latest, not counted where a backup is required" {
	mig-maintenance on > /dev/null
	expect 0 mig-backup create --method clone --json
	[ "$(jq -r 'select(.event == "result").clone' <<< "$output" 2> /dev/null | tail -1)" = "$(clones)" ]
	[ "$(jq -r 'select(.event == "result").snapshot' <<< "$output" 2> /dev/null | tail -1)" = null ]
	expect 0 mig-backup list --json
	says '"count":0'
	expect 14 mig-backup show latest
	expect 14 mig-restore latest
	expect 14 mig-verify backup latest
	revision r001 "" "Gone" <<< $'-- migrate:up\ndrop table t;'
	sed -i 's|^environments:|migrations: {dir: migrations, format: sql}\nenvironments:|' mig.yaml
	sed -i 's|policy:.*|policy: {destructive: {require_backup: 1h}}|' mig.yaml
	mig-maintenance off > /dev/null
	expect 17 mig-apply upgrade head
	says "backup"
	[ "$(rows_of "$DB")" = 10 ]
	expect 0 mig-restore drop "$(clones)"
	says "would be dropped"
	expect 0 mig-restore drop "$(clones)" --yes
	nothing_left
}

@test "safety_20 without the fence, held by us, there is no clone: 17" {
	expect 17 mig-backup create --method clone
	says "needs the fence"
	nothing_left
	# a file tells the application, and keeps nobody out
	sed -i "s|maintenance:.*|maintenance: [{file: $WORK/closed}]|" mig.yaml
	mig-maintenance on > /dev/null
	expect 17 mig-backup create --method clone
	says "needs the fence"
	mig-maintenance off > /dev/null
	sed -i 's|maintenance:.*|maintenance: [{database: no-connections}]|' mig.yaml
	# somebody opened it behind our back
	mig-maintenance on > /dev/null
	sql postgres -c "grant connect on database $DB to public"
	expect 17 mig-backup create --method clone
	says "needs the fence"
	sql postgres -c "revoke connect on database $DB from public"
	# a run holds maintenance, and a hand asks
	mig-maintenance off > /dev/null
	run_key 20260101T000000Z-abcdef
	mig-maintenance on > /dev/null
	expect 0 mig-backup create --method clone
	sql postgres -c "drop database $(clones)"
	kill_background
	unset MIG_RUN
	expect 17 mig-backup create --method clone --lock-wait 5s
	says "held by somebody else"
	# its lease has ended
	mig-maintenance on --adopt --lease 1s > /dev/null
	sleep 1.2
	expect 17 mig-backup create --method clone
	says "lease"
	nothing_left
	[ -z "$(ls "$STATE/intents" 2> /dev/null)" ]
}

@test "safety_20 --max-offline: too long by the estimate is 17, too long in truth is 124, nothing stays" {
	mig-maintenance on > /dev/null
	expect 17 mig-backup create --method clone --max-offline 500ms
	says "would keep everybody out"
	says "max-offline"
	nothing_left
	# a prepared transaction is waited for: longer than is allowed, or until the server gives up
	sql -c "begin" -c "insert into t values (11)" -c "prepare transaction 'stays_$DB'"
	expect 124 mig-backup create --method clone --max-offline 2s
	says "longer than the 2.0 s that are allowed"
	expect 17 mig-backup create --method clone --max-offline 20s
	says "prepared transaction"
	sql -c "rollback prepared 'stays_$DB'"
	nothing_left
	[ -z "$(ls "$STATE/intents" 2> /dev/null)" ]
	expect 0 mig-backup create --method clone --max-offline 20s
}

@test "safety_20 wrong use of a clone" {
	for words in "--label x" "--to f.mig.tar" "--level 3" "-j 2" "--lock-timeout 3s"; do
		# shellcheck disable=SC2086 # two words
		expect 2 mig-backup create --method clone $words
	done
	expect 2 mig-backup create --method copy
	expect 2 mig-backup create --max-offline 3s
	expect 2 mig-backup create --method clone --max-offline soon
	expect 2 mig-backup create --method clone --max-offline -1s
	nothing_left
	PGPORT=1 expect 10 mig-backup create --method clone
	sql postgres -c "drop role if exists weak" -c "create role weak login"
	sql -c "grant all on schema public to weak" -c "grant connect on database $DB to weak"
	expect 17 mig-backup create --method clone -d "dbname=$DB user=weak"
	nothing_left
	sql -c "revoke all on schema public from weak" -c "revoke connect on database $DB from weak"
	sql postgres -c "drop role weak"
}

@test "safety_20 a role that may not make databases, a session that stays: said, and nothing stays" {
	sql postgres -c "create role owner_$BATS_TEST_NUMBER login" \
		-c "alter database $DB owner to owner_$BATS_TEST_NUMBER"
	local as="dbname=$DB user=owner_$BATS_TEST_NUMBER"
	expect 0 mig-maintenance on -d "$as"
	expect 11 mig-backup create --method clone -d "$as"
	says "permission denied to create database"
	nothing_left
	# a superuser, whom the fence does not keep out, and whom this role may not end
	sql postgres -c "alter role owner_$BATS_TEST_NUMBER createdb"
	sql -c "alter table t owner to owner_$BATS_TEST_NUMBER"
	psql -Xq -c "select pg_sleep(60)" > /dev/null 2>&1 &
	until_true sleepers 1
	expect 17 mig-backup create --method clone -d "$as"
	says "session"
	nothing_left
	sql postgres -c "select pg_terminate_backend(pid) from pg_stat_activity where datname = '$DB'" > /dev/null
	until_true sleepers 0
	expect 0 mig-backup create --method clone -d "$as"
	expect 0 mig-restore swap "$(clones)" --accept-loss -d "$as"
}

sleepers() {
	[ "$(sql postgres -c "select count(*) from pg_stat_activity where datname = '$DB' and query ~ 'pg_sleep'")" = "$1" ]
}

@test "safety_06 clone of a 63-byte name, and of one with quotes and blanks" {
	local name clone
	for name in "$(printf 'ü%.0s' {1..31})x" 'a"b c%s'; do
		sql postgres -c "create database \"${name//\"/\"\"}\""
		sed -i "s|database: .*dbname=.*|database: {env: NAMED}|" mig.yaml
		export NAMED="dbname='$name'"
		expect 0 mig-maintenance on
		expect 0 mig-backup create --method clone --json
		clone=$(jq -r 'select(.event == "result").clone' <<< "$(grep '"clone"' <<< "$output")")
		[ "${#clone}" -gt 5 ]
		expect 0 mig-restore swap "$clone" --accept-loss
		expect 0 mig-maintenance off
		sql postgres -c "drop database \"${name//\"/\"\"}\""
	done
}

@test "safety_20 a playbook's restore point may be a clone: a bad migration is swapped back" {
	sed -i 's|^environments:|migrations: {dir: migrations, format: sql}\nenvironments:|' mig.yaml
	revision r001 "" "Added" <<-END
		-- migrate:up
		create table added (a int);
		delete from t;
	END
	cat > deploy.yaml <<-END
		mig: 1
		name: deploy
		steps:
		  - {id: close, maintenance: "on"}
		  - {id: point, run: [mig-backup, create, --method, clone], restore_point: true}
		  - {id: migrate, run: [mig-apply, upgrade, head]}
		  - {id: look, checks: [{sql: "select count(*) from t", expect: {value: 10}}]}
		  - {id: open, maintenance: "off", pivot: true}
		on_failure: [undo, restore]
		recovered: [{sql: "select count(*) from t", expect: {value: 10}}]
	END
	expect 0 mig-run deploy.yaml --plan
	says "mig-restore swap '<clone of point>' --proof"
	expect 20 mig-run deploy.yaml
	grep -q '"state":"ok","code":0.*"applied":\["r001"\]' "$(find "$STATE/runs" -name journal.jsonl)"
	grep -q '"swapped":true' "$(find "$STATE/runs" -name journal.jsonl)"
	[ "$(rows_of "$DB")" = 10 ]
	[ "$(sql -c "select to_regclass('added')")" = "" ]
	[ -z "$(clones)" ]
	expect 0 mig-maintenance assert open
	# and one that works keeps its clone, until somebody drops it
	sed -i 's/delete from t;//' migrations/*.sql
	expect 0 mig-run deploy.yaml
	[ "$(clones | wc -l)" = 1 ]
	expect 0 mig-restore drop "$(clones)" --yes
}

@test "safety_13 --proof vouches for a clone of this run only" {
	expect 2 mig-restore undo --proof x
	make_copy "${DB}__r_0123456789"
	mig-maintenance on > /dev/null
	expect 17 mig-restore swap "${DB}__r_0123456789" --proof "$WORK/proof.json"
	says "does not vouch"
	mig-backup create --method clone -q
	expect 17 mig-restore swap "$(clones)" --proof "$WORK/proof.json"
	says "inside the run"
	# one made before the run began to watch
	run_key 20260101T000000Z-abcdef
	mig-maintenance on --adopt > /dev/null
	cat > proof.json <<-END
		{"record": "reading", "at": "$(date -u -d '+1 second' +%FT%T.000Z)", "database": $(oid_of "$DB")}
	END
	sleep 1.1
	expect 17 mig-restore swap "$(clones)" --proof "$WORK/proof.json"
	says "older than the proof"
	[ "$(rows_of "$DB")" = 10 ]
}

@test "safety_20 SIGKILL at random moments: the live database is reachable, the next clone works" {
	sql -c "create table big as select i, repeat(md5(i::text), 20) as v from generate_series(1, 60000) i"
	mig-maintenance on > /dev/null
	local round pid left=0
	for round in 1 2 3 4 5 6 7 8; do
		mig-backup create --method clone > /dev/null 2>&1 &
		pid=$!
		# at any moment, and while the server copies
		if [ $((round % 2)) = 0 ]; then
			sleep "0.$(printf %02d $((RANDOM % 40)))"
		else
			until ls "$STATE"/intents/* > /dev/null 2>&1 || ! kill -0 $pid 2> /dev/null; do :; done
		fi
		kill -9 $pid 2> /dev/null || true
		wait $pid 2> /dev/null || true
		[ "$(rows_of "$DB")" = 10 ]
		[ -z "$(ls "$STATE/intents" 2> /dev/null)" ] || left=$((left + 1))
	done
	[ "$left" -gt 0 ]
	expect 0 mig-backup create --method clone --lock-wait 10s
	# what the dead ones left is listed, and is removed by name; none that is not complete goes live
	local clone
	for clone in $(clones); do
		if mig-restore copies | grep "$clone" | grep -q "not complete"; then
			expect 17 mig-restore swap "$clone" --accept-loss
		fi
		expect 0 mig-restore drop "$clone" --yes
	done
	nothing_left
}

@test "safety_07 a database on which nobody was granted anything: closed, cloned, swapped, opened" {
	sql postgres -c "revoke all on database $DB from public, owner"
	[ "$(sql postgres -c "select datacl from pg_database where datname = '$DB'")" = "{}" ]
	expect 0 mig-backup create
	expect 0 mig-maintenance on
	expect 0 mig-backup create --method clone
	expect 0 mig-restore swap "$(clones)" --accept-loss
	# what was granted meanwhile is taken back, and the ACL is one that the server can read
	sql postgres -c "grant connect on database $DB to public"
	expect 0 mig-maintenance off
	[ "$(sql postgres -c "select array_ndims(datacl), has_database_privilege('public', oid, 'connect')
		from pg_database where datname = '$DB'")" = "1|f" ]
	# nobody comes in, as before
	expect 4 mig-maintenance assert open
	says "on, and was so before"
	[ "$(sql postgres -c "select datacl from pg_database where datname = '$DB'")" = "{}" ]
	expect 0 mig-restore latest --to-db "${DB}_new"
	[ "$(sql postgres -c "select datacl from pg_database where datname = '${DB}_new'")" = "{}" ]
	sql postgres -c "drop database ${DB}_new"
}
