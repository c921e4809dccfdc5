# mig-verify backup and data: what a snapshot is worth, and whether a database still is one.
load ../support/common
load ../support/copies

store() {
	echo "$STATE/snapshots"
}

snapshot_of() {
	mig-backup list --json 2> /dev/null | jq -r 'select(.event == "snapshot") | .snapshot' | tail -1
}

# grade_of: what list says of the newest
grade_of() {
	mig-backup list --json 2> /dev/null | jq -r 'select(.event == "snapshot") | .grade' | tail -1
}

grade_file() {
	echo "$(store)/$(snapshot_of).grade.json"
}

flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf "%b" "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "safety_19 a snapshot is sealed, then verified; the grade is kept beside it" {
	make_live
	mig-backup create -q
	[ "$(grade_of)" = sealed ]
	expect 0 mig-backup list
	says "  sealed"
	local file before
	file=$(store)/$(snapshot_of).mig.tar
	before=$(stat -c '%s %Y %Z' "$file"; sha256sum < "$file")
	expect 0 mig-verify backup latest --json
	says '"grade":"verified"'
	[ "$(grade_of)" = verified ]
	[ "$before" = "$(stat -c '%s %Y %Z' "$file"; sha256sum < "$file")" ]
	expect 0 mig-backup show latest
	says "grade      verified"
	jq -e --arg host "$(hostname)" '.mig == "grade" and .acts[0].host == $host and (.acts[0].tool | startswith("mig ")) and .acts[0].at' "$(grade_file)"
	[ "$(stat -c %a "$(grade_file)")" = 600 ]
	expect 0 mig-backup list --json
	[ "$(jq -r 'select(.event == "snapshot").verified_at' <<< "${lines[0]}")" != null ]
}

@test "safety_19 a grade counts only for the very file that it was given to" {
	make_live
	mig-backup create -q
	mig-verify backup latest > /dev/null
	local file
	file=$(store)/$(snapshot_of).mig.tar
	[ "$(grade_of)" = verified ]
	touch -d '2026-01-01 00:00:00' "$file"
	[ "$(grade_of)" = sealed ]
	mig-verify backup latest > /dev/null
	[ "$(grade_of)" = verified ]
	# another manifest in a file of the same size and time
	jq '.manifest_sha256 |= ("0" + .[1:] | if . == $was then "1" + .[1:] else . end)' \
		--arg was "$(jq -r .manifest_sha256 "$(grade_file)")" "$(grade_file)" > changed
	cat changed > "$(grade_file)"
	[ "$(grade_of)" = sealed ]
	# whatever else lies there is no grade, and hides no snapshot
	echo '{"mig": "grade"' > "$(grade_file)"
	[ "$(grade_of)" = sealed ]
	head -c 200000 /dev/zero > "$(grade_file)"
	[ "$(grade_of)" = sealed ]
	expect 0 mig-verify backup latest
	[ "$(grade_of)" = verified ]
}

@test "safety_19 a snapshot given by path has its grade beside it; -n keeps none" {
	make_live
	mkdir elsewhere
	mig-backup create -q --to elsewhere/mine.mig.tar
	expect 0 mig-verify backup elsewhere/mine.mig.tar -n
	[ ! -e elsewhere/mine.grade.json ]
	expect 0 mig-verify backup elsewhere/mine.mig.tar
	[ -e elsewhere/mine.grade.json ]
	expect 0 mig-backup show elsewhere/mine.mig.tar
	says "grade      verified"
}

@test "safety_19 damage that was found stays said until a whole reading finds none" {
	make_live
	mig-backup create -q
	mig-verify backup latest > /dev/null
	local file
	file=$(store)/$(snapshot_of).mig.tar
	cp -p "$file" good
	flip "$file" 600
	expect 15 mig-verify backup latest
	says "member"
	[ "$(grade_of)" = damaged ]
	expect 0 mig-backup list
	says "DAMAGED"
	cp "$(grade_file)" kept
	cat good > "$file"
	[ "$(grade_of)" = sealed ]
	expect 0 mig-verify backup latest
	[ "$(grade_of)" = verified ]
}

@test "safety_19 a grade that cannot be kept is said, and the answer stays" {
	make_live
	mig-backup create -q
	mkdir "$(grade_file)"
	expect 0 mig-verify backup latest --json
	says '"grade_kept":false'
	says "grade_not_kept"
	[ "$(grade_of)" = sealed ]
	[ -z "$(find "$(store)" -name '*.tmp')" ]
}

@test "safety_19 --restore: proved in a scratch database, which is dropped; the time is kept" {
	make_live
	sql -c "create index on t (a)" -c "create view v as select * from t" \
		-c "select lo_from_bytea(77, 'abc')" > /dev/null
	mig-backup create -q
	local before
	before=$(sql postgres -c "select oid from pg_database order by 1")
	expect 0 mig-verify backup latest --restore -j 2
	says "restored and proved equal in"
	[ "$before" = "$(sql postgres -c 'select oid from pg_database order by 1')" ]
	[ "$(grade_of)" = proved ]
	expect 0 mig-backup list
	says "proved (restored in"
	expect 0 mig-backup show latest --json
	jq -e '.grade == "proved" and .restore_seconds > 0 and .proved_at' <<< "$(grep '"result"' <<< "$output")"
	jq -e '.acts | map(.grade) == ["verified", "proved"]' "$(grade_file)"
	jq -e '.acts[1].server | startswith("1")' "$(grade_file)"
	# a later reading keeps the better grade
	expect 0 mig-verify backup latest
	[ "$(grade_of)" = proved ]
	[ -z "$(ls "$STATE/intents" 2> /dev/null)" ]
}

@test "safety_19 a whole restore by mig-restore, proved, gives the grade and its time; a part of one does not" {
	make_live
	mig-backup create -q
	local back=${DB}_back
	for part in "--no-proof" "--schema-only" "--no-security-labels" "--role-map $PGUSER=$PGUSER"; do
		# shellcheck disable=SC2086 # words
		expect 0 mig-restore latest --to-db "$back" $part --json
		says '"graded":false'
		dropdb "$back"
		[ "$(grade_of)" = sealed ]
	done
	expect 0 mig-restore latest --table public.t --into-schema rescue
	[ "$(grade_of)" = sealed ]
	expect 0 mig-restore latest --to-db "$back" --json
	says '"graded":true'
	[ "$(grade_of)" = proved ]
	jq -e '.acts | map(.grade) == ["proved"]' "$(grade_file)"
	jq -e '.acts[0] | (.server | startswith("1")) and .ms > 0 and (.tool | startswith("mig "))' "$(grade_file)"
	expect 0 mig-backup list
	says "proved (restored in"
	# side by side, from a path, too
	rm "$(grade_file)"
	expect 0 mig-restore "$(store)/$(snapshot_of).mig.tar"
	[ "$(grade_of)" = proved ]
	# what was found damaged is not taken back by it
	jq '.acts[0].grade = "damaged" | .acts[0].why = "its restore.sh"' "$(grade_file)" > changed
	cat changed > "$(grade_file)"
	[ "$(grade_of)" = damaged ]
	dropdb "$back"
	expect 0 mig-restore "$(snapshot_of)" --to-db "$back" --json
	says '"graded":false'
	[ "$(grade_of)" = damaged ]
}

@test "safety_19 --restore of what cannot be restored: no grade, and no database stays" {
	make_live
	sql -c "create schema s" -c "create function s.f() returns int language sql as 'select count(*)::int from public.t'" \
		-c "create materialized view mv as select s.f() as n" > /dev/null
	mig-backup create -q
	sql postgres -c "create role nocreate login"
	expect 17 mig-verify backup latest --restore -d "dbname=$DB user=nocreate"
	says "may not make databases"
	[ "$(grade_of)" = verified ]
	[ "$(databases)" = "$DB" ]
	sql postgres -c "drop role nocreate"
	expect 2 mig-verify backup latest -j 2
	expect 2 mig-verify backup latest --restore -j 99
	expect 2 mig-verify backup latest --restore -n
	expect 14 mig-verify backup label:none --restore
	PGPORT=1 expect 10 mig-verify backup latest --restore
	[ "$(databases)" = "$DB" ]
}

@test "safety_06 --restore killed at random moments: listed, and gone with the next one" {
	sql -c "create table t (a int, b text)" \
		-c "insert into t select i, md5(i::text) from generate_series(1, 30000) i" \
		-c "create index on t (b)"
	mig-backup create -q
	local left=0
	for _ in 1 2 3 4 5 6; do
		mig-verify backup latest --restore > /dev/null 2>&1 &
		sleep "0.$((RANDOM % 5 + 1))"
		kill -9 $! 2> /dev/null || true
		wait $! 2> /dev/null || true
		[ "$(databases | wc -l)" = 1 ] || left=$((left + 1))
	done
	[ "$left" -gt 0 ]
	if [ "$(databases | grep -c __s_)" -gt 0 ]; then
		expect 0 mig-restore copies
		says "scratch"
		expect 17 mig-restore swap "$(databases | grep __s_ | head -1)" --accept-loss
	fi
	until_true sql_is 0 "select count(*) from pg_stat_activity where application_name like 'mig-%'" postgres
	expect 0 mig-verify backup latest --restore
	[ "$(databases)" = "$DB" ]
	expect 0 sql -c "select count(*) from t"
}

@test "--restore leaves another verification's database alone, and waits for no run" {
	sql -c "create table t (a int, b text)" \
		-c "insert into t select i, md5(i::text) from generate_series(1, 100000) i"
	mig-backup create -q
	"$BUILD/support/keys" run 20260101T000000Z-abcdef 300000 > started 2>&1 3>&- &
	until_true grep -q : started
	mig-verify backup latest --restore > first 2>&1 &
	local first=$!
	until_true sql_is 1 "select count(*) from pg_database where datname like '${DB}__s_%'" postgres
	expect 0 mig-verify backup latest --restore
	wait $first
	grep -q "proved equal" first
	[ "$(databases)" = "$DB" ]
}

@test "SIGINT while it restores: ended by the signal, the scratch database gone" {
	sql -c "create table t (a int, b text)" \
		-c "insert into t select i, md5(i::text) from generate_series(1, 200000) i"
	mig-backup create -q
	mig-verify backup latest --restore > out 2>&1 &
	local pid=$!
	until_true sql_is 1 "select count(*) from pg_database where datname like '${DB}__s_%'" postgres
	kill -INT $pid
	local status=0
	wait $pid || status=$?
	[ "$status" = 130 ] || { cat out; return 1; }
	[ "$(databases)" = "$DB" ]
	[ "$(grade_of)" = verified ]
}
