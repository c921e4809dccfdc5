# shellcheck disable=SC2086 # what is typed is split into words
# What people type who come from Alembic, Flask-Migrate and dbmate: the way they type it.
load ../support/common
load ../support/migrations
load ../support/alembic

# contents of the database, to be compared before and after
contents() {
	plain_dump "$DB" | md5sum
}

# hinted TEXT COMMAND..: usage error whose hint has TEXT
hinted() {
	local text=$1
	shift
	expect 2 "$@"
	grep -q "^hint: .*$text" <<< "$output" || {
		echo "expected a hint: $text"
		echo "got: $output"
		return 1
	}
}

@test "--sql never prints the way that was not asked for" {
	line_of 3
	for typed in "upgrade --sql r003:r001" "upgrade --sql r003:-1" "upgrade --sql r002:base"; do
		hinted "mig-apply downgrade --sql r00" mig-apply $typed
		[[ $output != *"drop table"* ]]
	done
	hinted "mig-apply upgrade --sql r001:r003" mig-apply downgrade --sql r001:r003
	[[ $output != *"create table"* ]]
	expect 0 mig-apply downgrade --sql r002:r002
	[ -z "$output" ]
	expect 0 mig-apply script r003:r002
	says "drop table t3"
}

@test "the hint of downgrade --sql without a beginning works as it stands" {
	line_of 2
	expect 0 mig-apply upgrade
	hinted "mig-apply downgrade --sql current:-1" mig-apply downgrade -1 --sql
	hinted "mig-apply downgrade --sql current:-1" mig-apply downgrade --sql
	expect 0 mig-apply downgrade --sql current:-1
	says "drop table t2"
}

@test "a range without --sql is refused with both commands that may be meant" {
	line_of 2
	hinted "mig-apply upgrade --sql r001:r002; to go there: mig-apply upgrade r002" mig-apply upgrade r001:r002
	hinted "mig-apply downgrade --sql r002:r001; to go there: mig-apply downgrade r001" mig-apply downgrade r002:r001
}

@test "history of a range that is the wrong way round says so, also down to base" {
	line_of 2
	for range in heads:base r002:base r002:r001; do
		expect 2 mig-apply history -r $range
		says "the older one comes first"
	done
	expect 0 mig-apply history -r base:heads
}

@test "every way to see the SQL has the lock timeout that upgrade would have" {
	line_of 1
	for typed in "plan -v" "upgrade -n" "upgrade --sql" script; do
		expect 0 mig-apply $typed
		says "set local lock_timeout = 2000;"
		expect 0 mig-apply $typed --lock-timeout 7s
		says "set local lock_timeout = 7000;"
	done
	need_alembic
	rm -r migrations
	alembic_tree
	py_line 2
	for typed in "plan -v" "upgrade -n" "upgrade --sql" script; do
		expect 0 mig-apply $typed
		[ "$(grep -c "^SET LOCAL lock_timeout = 2000;$" <<< "$output")" = 2 ]
		expect 0 mig-apply $typed --lock-timeout 7s
		says "SET LOCAL lock_timeout = 7000;"
	done
	# what cannot be known before it runs is said; -n writes nothing by env.py either
	py a003 "'a002'" "Asks" <<< $'def upgrade(): op.get_bind().execute(sa.text("select 1")).scalar().bit_length()\ndef downgrade(): pass'
	expect 0 mig-apply upgrade -n
	says "-- upgrade a003 Asks: Alembic runs alembic/versions/a003_.py"
	says "-- their SQL could not be written: AttributeError"
	rm alembic/versions/a003_.py
	cp alembic/env.py .
	echo 'engine.execute("create table made (i int)")' >> alembic/env.py
	expect 0 mig-apply upgrade -n
	says "-- their SQL could not be written: cannot execute CREATE TABLE in a read-only transaction"
	cp env.py alembic/
	sql -c "$(mig-apply script 2> /dev/null)"
	rows_are a002
}

@test "a merge of what is no head, and an id or a label that is taken: nothing is written" {
	line_of 2
	revision b002 r001 "Beside" -l side <<< "-- migrate:up"
	expect 17 mig-apply merge r001 r002
	says "mig-apply merge heads"
	[[ $output != *splice* ]]
	hinted "choose another --rev-id" mig-apply revision -m x --head r002 --rev-id r001
	hinted "choose another --rev-id" mig-apply revision -m x --head r002 --rev-id "a b"
	hinted "choose another --branch-label" mig-apply revision -m x --head r002 --branch-label side
	hinted "leave it out" mig-apply revision -m x --head r002 --version-path migrations
	[ "$(ls migrations | wc -l)" = 3 ]
}

@test "options and words of Alembic, Flask-Migrate and dbmate that mig has not are answered" {
	line_of 1
	while IFS='|' read -r typed text; do
		hinted "$text" mig-apply $typed
	done <<-'END'
		current -x tenant=a|migrations: {environment: {NAME: value}}
		upgrade -x tenant=a|migrations: {placeholders: {NAME: value}}
		-x tenant=a plan head|migrations: {environment: {NAME: value}}
		-n ai upgrade head|-t NAME
		--raiseerr upgrade|leave it out
		current --check-heads|mig-apply current --check
		status --exit-code|mig-apply current --check
		upgrade --directory migrations|migrations: {dir: ..}
		current --sql|upgrade --sql
		list_templates|mig init
		edit head|mig-apply show
		ensure_version|mig-apply upgrade
		rehearse|mig-apply doctor --replay
		lint|mig-apply plan
		create|createdb
		wait|until mig-apply current
		db upgrade|mig-apply upgrade
	END
	printf '[alembic]\nscript_location = alembic\n' > alembic.ini
	expect 3 mig-apply -c alembic.ini upgrade head
	says "mig init writes one"
	expect 10 mig-apply upgrade -d migrations
	says "migrations: {dir: migrations}"
}

@test "heads --resolve-dependencies leaves out what another branch depends on" {
	line_of 1
	revision x001 "" "Beside" -d r001 <<< "-- migrate:up"
	expect 0 mig-apply heads
	[ "${#lines[@]}" = 2 ]
	says "r001 Table 1 (effective head)"
	expect 0 mig-apply heads --resolve-dependencies
	[ "$output" = "x001 Beside (depends on r001) (head)" ]
}

@test "--phase expand goes with --sql; options that mean nothing are usage errors" {
	revision e001 "" "Expand" -h "phase: expand" <<< $'-- migrate:up\ncreate table wide (i int);'
	revision c001 e001 "Contract" -h "phase: contract" <<< $'-- migrate:up\ndrop table wide;'
	expect 0 mig-apply upgrade --sql --phase expand
	says "create table wide"
	says "-- 1 revision is left for later"
	[[ $output != *"drop table"* ]]
	expect 2 mig-apply upgrade --lock-retries -1
	expect 14 mig-apply upgrade previous
	says "mig-apply downgrade previous"
	hinted "mig-apply heads" mig-apply rebase c001 --onto base
}

@test "what would do nothing with what else was typed is a usage error" {
	line_of 1
	hinted "leave out one of them" mig-apply upgrade --sql --lock-retries 3
	says "--lock-retries does nothing with --sql"
	expect 0 mig-apply upgrade -n --lock-retries 3
	hinted "leave out one of them" mig-apply downgrade --sql r001:base --from-history
	hinted "leave out one of them" mig-apply history --applied -r r001:
	hinted "leave out one of them" mig-apply history -i --applied
	hinted "add --applied, or leave it out" mig-apply history --markdown
	for typed in "upgrade -n" upgrade "downgrade -1 -n" script doctor "doctor --replay" "revision -m x"; do
		hinted "leave -x out" mig-apply $typed -x a=1
	done
	mkdir ai
	sed 's/r001/v001/; s/t1/v1/' migrations/r001_* > ai/v001.sql
	printf 'mig: 1\nproject: shop\nmigrations:\n  main: {dir: migrations}\n  ai: {dir: ai, version_table: ai_version}\nenvironments: {test: {database: "dbname=%s"}}\n' "$DB" > mig.yaml
	for typed in "upgrade -n" upgrade script doctor; do
		hinted "leave -x out" mig-apply $typed -x a=1
	done
	[ "$(sql -c "select to_regclass('t1') is null and to_regnamespace('mig') is null")" = t ]
	expect 0 mig-apply upgrade -t main
	mig-apply history -t main -i --json | tail -1 | jq -e '.revisions[0].current'
	mig-apply history -t main --json | tail -1 | jq -e '.revisions[0] | has("current") | not'
}

@test "--phase where files have no phases: nothing runs, since all of it would" {
	need_alembic
	line_of 1
	alembic_tree
	py_line 1
	hinted "mig-apply upgrade REV" mig-apply upgrade --phase expand
	says "have no phases"
	hinted "mig-apply upgrade REV" mig-apply upgrade --sql --phase expand
	sed -i 's,^migrations: .*,migrations:\n  main: {dir: migrations}\n  ai: {dir: alembic\, python: /usr/bin/python3\, version_table: ai_version},' mig.yaml
	hinted "-t NAME" mig-apply upgrade --phase expand
	says "tree ai: "
	[ "$(sql -c "select to_regclass('t1') is null")" = t ]
	expect 0 mig-apply upgrade --phase expand -t main
}

@test "files are named as mig.yaml names their folder, so that what is shown can be typed" {
	mkdir -p db/migrations
	printf -- '-- migrate:up\ncreate table t1 (i int);\n-- migrate:down\ndrop table t1;\n' > db/migrations/20260101_first.sql
	expect 0 mig-apply plan
	says " db/migrations/20260101_first.sql: 1 statement"
	printf 'mig: 1\nproject: shop\nstate_dir: state\nmigrations: {dir: ./db/migrations/}\nenvironments: {test: {database: "dbname=%s"}}\n' "$DB" > mig.yaml
	sql -c "create table t1 (j int)"
	expect 11 mig-apply upgrade
	says "correct db/migrations/20260101_first.sql, then run it again; made by hand already? mig-apply doctor"
}

@test "status does not send to upgrade when a version row is in no file; a read-only checkout is said" {
	line_of 2
	sql -c "create table alembic_version (version_num varchar(32))" -c "insert into alembic_version values ('zzz')"
	expect 0 mig-apply status
	says "2 revisions, but first what is in no file: mig-apply doctor"
	[ "$(id -u)" = 0 ] || skip "only root can become another user"
	chmod 755 "$WORK"
	expect 12 setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_STATE_HOME=/nonexistent "$(command -v mig-apply)" revision -m x
	says "is the checkout read-only?"
}

@test "what a stranger types next is in every message" {
	line_of 2
	mig_yaml "    policy: {downgrade: allow}" false
	hinted "it is an option of: mig-apply downgrade" mig-apply upgrade --from-history
	hinted "mig-apply history --help" mig-apply history -r
	hinted "there is one, main: leave -t out" mig-apply heads -t nosuch
	expect 14 mig-apply rebase head --onto nosuch
	says 'no revision or branch "nosuch"'
	revision r009 r001 "Mine" <<< "-- migrate:up"
	expect 0 mig-apply rebase r009 --onto r002
	expect 0 mig-apply rebase head --onto r001
	hinted "mig-apply history" mig-apply revision -m "Needs" --head r002 --depends-on base
	expect 0 mig-apply revision -m "Needs" --depends-on r009@head --rev-id r010 --head r002
	grep -q "^-- depends_on: r009" migrations/r010_needs.sql
	expect 0 mig-apply upgrade r001
	sql -c "drop table t1"
	expect 11 mig-apply downgrade base
	says "gone already? where the schema stands: mig-apply doctor --replay"
}
