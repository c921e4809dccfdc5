# The front door: init, doctor, pins, help, and the way to the other programs.
load ../support/common

# url DATABASE [USER]
url() {
	echo "postgresql://${2:-owner}@/$1?host=$PGHOST&port=$PGPORT"
}

# Two environments: production, with a pin, and staging, without.
two_environments() {
	createdb "${DB}_staging"
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		environments:
		  production:   # the real one
		    database: "$(url "$DB")"
		    production: true
		  staging:
		    database: "$(url "${DB}_staging")"
	END
	expect 0 mig doctor --pin -e production
	says "environment production pinned"
}

@test "init writes a first mig.yaml that doctor reads, and never overwrites" {
	mkdir migrations
	expect 0 mig init -n
	says "database: {env: DATABASE_URL}"
	[ ! -e mig.yaml ]
	expect 0 mig init
	says "wrote mig.yaml"
	says "mig doctor"
	grep -q "format: sql" mig.yaml
	before=$(sha256sum mig.yaml)
	expect 17 mig init
	says "nothing was changed"
	[ "$before" = "$(sha256sum mig.yaml)" ]
	DATABASE_URL=$(url "$DB") expect 0 mig doctor
	says "environment development"
	expect 4 env -u DATABASE_URL mig doctor
	says "environment variable DATABASE_URL is not set"
	says "mig.yaml:"
}

@test "init knows the trees of other tools" {
	mkdir -p a/migrations/versions b/db/migrations
	touch a/migrations/env.py
	expect 0 mig init -c a/mig.yaml
	grep -q "format: alembic" a/mig.yaml
	mkdir -p c/.venv/bin c/db/tree
	touch c/.venv/bin/python c/db/tree/env.py
	printf '[alembic]\nscript_location = db/tree\n' > c/alembic.ini
	expect 0 mig init -c c/mig.yaml
	grep -q "dir: \." c/mig.yaml
	grep -q "python: .venv/bin/python" c/mig.yaml
	expect 0 mig-apply heads -c c/mig.yaml
	expect 0 mig init -c b/mig.yaml --json
	says '"format":"dbmate"'
	grep -q "dir: db/migrations" b/mig.yaml
}

@test "doctor says ok, warn or bad and the next command" {
	expect 0 mig doctor
	says "no mig.yaml here or above"
	says "next: mig init"
	says "may do all that mig's commands need"
	says "pg_dump, version"
	says "libcurl"
	says "libssh2"
	expect 0 mig doctor --json
	echo "$output" | grep '"event":"result"' | jq -e '.good and (.lines | length > 5)'
	expect 4 mig doctor -d "host=$WORK dbname=x"
	says "bad   database"
	expect 4 mig doctor -d "host=$PGHOST port=$PGPORT dbname=nosuch"
	says "nosuch"
}

@test "doctor warns of what a swap would refuse" {
	# the slot first: its making waits for every transaction that is open
	sql -c "select pg_create_logical_replication_slot('slot_$DB', 'test_decoding')" \
		-c "create table t(a int)"
	sql -c "begin; insert into t values (1); prepare transaction 'half $DB'"
	expect 0 mig doctor
	says "prepared transaction in the way of a swap: half $DB"
	says "logical replication slot in the way of a swap: slot_$DB"
	sql -c "rollback prepared 'half $DB'" -c "select pg_drop_replication_slot('slot_$DB')"
	expect 0 mig doctor
	says "no prepared transaction, logical slot or subscription"
}

@test "safety_22 doctor tests the rights of a plain role one by one" {
	sql -c "create role plain_$DB login" -c "create table hidden(a int)" -c "create sequence s" \
		-c "create table rowwise(a int)" -c "alter table rowwise enable row level security" \
		-c "grant select on rowwise to plain_$DB" -c "select lo_create(0)"
	psql -Xqc "select pg_sleep(60)" > /dev/null 2>&1 3>&- &
	expect 4 mig doctor -d "$(url "$DB" "plain_$DB")"
	says "may not read every table (for mig-backup create): 2: public.hidden, public.s"
	says "next: grant pg_read_all_data to plain_$DB"
	says "may not read rows behind row-level security (for mig-backup create): 1: rowwise"
	says "may not read every large object"
	says "may not create in the database"
	says "may not make databases (CREATEDB)"
	says "may not own the database"
	says "may not end other roles' sessions"
	says "may not end the sessions that are here now (for mig-maintenance, mig-restore --swap): superuser owner"
	says "next: grant create on database $DB to plain_$DB"
	says "next: alter database $DB owner to plain_$DB"
	sql postgres -c "select pg_terminate_backend(pid) from pg_stat_activity where query ~ '^select pg_sleep'"
	sql -c "grant pg_read_all_data, pg_signal_backend, pg_read_all_stats to plain_$DB" \
		-c "alter role plain_$DB createdb bypassrls" -c "alter database $DB owner to plain_$DB" \
		-c "alter table hidden owner to plain_$DB" -c "alter table rowwise owner to plain_$DB" \
		-c "alter schema public owner to plain_$DB" \
		-c "select lo_unlink(oid) from pg_largeobject_metadata"
	expect 0 mig doctor -d "$(url "$DB" "plain_$DB")"
	says "plain_$DB may do all that mig's commands need"
	sql -c "revoke connect on database postgres from public"
	expect 0 mig doctor -d "$(url "$DB" "plain_$DB")"
	says "the database postgres cannot be reached"
	sql -c "grant connect on database postgres to public"
}

@test "an old pg_dump is told" {
	mkdir old
	printf '#!/bin/sh\necho "pg_dump (PostgreSQL) 12.3"\n' > old/pg_dump
	chmod +x old/pg_dump
	PATH=$WORK/old:$PATH expect 4 mig doctor
	says "is version 12, older than the server"
	says "next: install postgresql-client-"
	printf '#!/bin/sh\necho "pg_dump (PostgreSQL) 17.5 (Debian 17.5-1)"\n' > old/pg_dump
	PATH=$WORK/old:$PATH run mig doctor
	says "version 17.5, lacks the fix of CVE-2025-8714 (17.6 has it)"
}

@test "safety_22 a pin is written in place, and a wrong connection is refused" {
	two_environments
	grep -q "production:   # the real one" mig.yaml
	grep -q "    pin: {system: \"[0-9]*\", dbname: \"$DB\"}" mig.yaml
	expect 0 mig doctor --pin -e production
	says "already pinned"
	expect 0 mig doctor -e production
	says "this is the database of environment production"
	# -e and -d that disagree, one unpinned, one pinned elsewhere
	expect 4 mig doctor -e production -d "$(url "${DB}_staging")"
	says "this is not the database that environment production is pinned to"
	says "pinned:  system"
	says "mig doctor --pin -e production --reason"
	expect 4 mig doctor -e staging -d "$(url "$DB")"
	says "leads to the database of production"
	says "next: if production is meant: -e production"
}

@test "safety_22 -d alone takes the policy of the environment whose pin matches" {
	two_environments
	expect 4 mig doctor -d "$(url "${DB}_staging")"
	says "several environments and none is chosen: production, staging"
	expect 0 mig doctor -d "$(url "$DB")"
	says "environment production (production)"
	expect 0 mig doctor -d "$(url "$DB")" --json
	expect 2 mig doctor --show-settings
	says "-e production"
}

@test "safety_22 a pin that another environment has is refused" {
	two_environments
	expect 17 mig doctor --pin -e staging -d "$(url "$DB")"
	says "environment production is already pinned to this database"
	before=$(sha256sum mig.yaml)
	sed -i 's/dbname: .*}/&/; s/pin: {system/pin: {host: elsewhere, port: "1", system/' mig.yaml
	expect 0 mig doctor --pin -e staging -d "$(url "$DB")"
	grep -q "staging:" mig.yaml
	grep -q "host: \"$PGHOST\", port: \"$PGPORT\"" mig.yaml
	[ "$before" != "$(sha256sum mig.yaml)" ]
}

@test "a pin moves only with a reason, which is kept" {
	two_environments
	before=$(sha256sum mig.yaml)
	expect 17 mig doctor --pin -e production -d "$(url "${DB}_staging")"
	says "is pinned to another database"
	says "mig.yaml:5:10"
	says '--reason "why"'
	expect 0 mig doctor --pin -e production -d "$(url "${DB}_staging")" --reason "moved" -n
	says "would be"
	[ "$before" = "$(sha256sum mig.yaml)" ]
	expect 0 mig doctor --pin -e production -d "$(url "${DB}_staging")" --reason "moved house"
	grep -q "dbname: \"${DB}_staging\"" mig.yaml
	jq -e '.reason == "moved house" and .to.dbname == "'"${DB}_staging"'"' \
		"$XDG_STATE_HOME/mig/shop/production/pins.jsonl"
}

@test "--show-settings tells each value's origin and never a password" {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		environments:
		  production:
		    database: {env: SHOP_URL}
		    production: true
	END
	export SHOP_URL="postgresql+psycopg2://u:s3cr3tpass@localhost/shop"
	expect 0 mig doctor --show-settings
	says "postgresql://u:***@localhost/shop"
	says "env SHOP_URL"
	says '"value": "never"'
	[[ $output != *s3cr3tpass* ]]
	expect 2 mig doctor --show-settings -d "$SHOP_URL"
	says "~/.pgpass"
	[[ $output != *s3cr3tpass* ]]
}

@test "help speaks of topics and programs" {
	expect 0 mig help
	says "exit-codes"
	expect 0 mig help exit-codes
	says "17    refused"
	expect 0 mig help configuration
	says "environments.NAME.policy.swap_back"
	for topic in environments secrets units; do
		expect 0 mig help $topic
		[ "${#lines[@]}" -ge 4 ]
	done
	expect 2 mig help exit-code
	says "did you mean: mig help exit-codes"
	expect 0 mig help verify
	says "mig-verify"
}

@test "the example configuration is read and holds every key" {
	example=$BATS_TEST_DIRNAME/../../etc/mig.yaml.example
	DATABASE_DIRECT_URL=$(url "$DB") expect 0 mig doctor --show-settings -c "$example" -e production
	says '"policy.destructive"'
	mig help configuration | sed -n 's/^\([a-z]*[.a-zA-Z_]*\) .*/\1/p' | grep -v '^mig.yaml' |
		while read -r key; do
			grep -qE "(^|[ {])${key##*.}: " "$example" || grep -q "^ *${key##*.}:" "$example" || {
				echo "not in the example: $key"
				exit 1
			}
		done
}

@test "doctor reads the parts that other programs use" {
	mkdir migrations
	printf -- '-- revision: aaaaaaaaaaaa\n-- migrate:up\nselect 1;\n' > migrations/a.sql
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		environments:
		  test:
		    database: "$(url "$DB")"
		    maintenance: [{file: closed}]
		    smoke: {checks: [{sql: "select 1", expect: {value: "1"}}]}
		    alerts: {sentry: {dsn: {env: NO_DSN_HERE}}}
	END
	expect 4 mig doctor
	says "1 revision (sql)"
	says "file $WORK/closed"
	says "1 check"
	says "environment variable NO_DSN_HERE is not set"
	says "no dead-man switch"
	sed -i 's,{env: NO_DSN_HERE},"http://key@127.0.0.1/1",' mig.yaml
	expect 0 mig doctor
	says "mig.yaml:8:28: a secret stands in this file"
	sed -i 's/{file: closed}/{fil: closed}/; s/expect: {value/expect: {valeu/' mig.yaml
	expect 4 mig doctor
	says "mig.yaml:6:"
	says "mig.yaml:7:"
}

@test "words of the front door lead to their programs, with all options" {
	mkdir doors
	cp "$(command -v mig)" doors/mig
	printf '#!/bin/sh\necho "backup: $*"\n' > doors/mig-backup
	printf '#!/bin/sh\necho "apply: $*"; exit 13\n' > doors/mig-apply
	chmod +x doors/*
	PATH=$WORK/doors:$PATH expect 0 mig -e prod backup create --label "a b"
	says "backup: -e prod create --label a b"
	PATH=$WORK/doors:$PATH expect 13 mig upgrade head
	says "apply: upgrade head"
	PATH=$WORK/doors:$PATH expect 13 mig apply stamp x
	says "apply: stamp x"
	expect 2 mig bakcup
	says "did you mean: mig backup"
	expect 2 mig create
	says "mig-backup create"
	expect 2 mig doctor --pn
	says "did you mean --pin?"
}

# Waits until status says a text; 10 s.
status_says() {
	for _ in $(seq 500); do
		run mig status
		[[ $output = *"$1"* ]] && return 0
		sleep 0.2
	done
	says "$1"
}

@test "status says that nothing is running, and what there is to go back to" {
	expect 0 mig status
	says "nothing: the run key is free"
	says "maintenance  open"
	says "no run that died"
	says "copies       none"
	says "none; take one: mig backup create"
	expect 0 mig backup create
	expect 0 mig restore latest
	expect 0 mig status
	says "${DB}__r_"
	says "restored"
	says "(1 in all)"
	expect 0 mig status --json
	echo "$output" | jq -e 'select(.event == "result") | .copies[0].purpose == "restored"
		and .snapshot.count == 1 and .running == null and .maintenance.state == "open"'
	expect 10 mig status -d "host=$WORK dbname=x"
	says "maintenance"
	expect 4 mig doctor -d "host=$WORK dbname=x"
}

@test "status says what runs, since when, how to stop it, and what died" {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		environments:
		  test:
		    database: "$(url "$DB")"
		    maintenance: [{file: closed}]
	END
	cat > slow.yaml <<-END
		mig: 1
		name: slow
		steps:
		  - {id: close, maintenance: "on"}
		  - {id: slow, run: [sleep, "60"]}
		  - {id: open, maintenance: "off", pivot: true}
	END
	mig run ./slow.yaml > run.log 2>&1 3>&- &
	status_says "step slow"
	says "mig-run"
	says "since 20"
	says "maintenance  closed, held by run:"
	says "stop it (it undoes what it did): kill -INT"
	says "what runs now lifts it"
	pid=$(sed -n 's/.*kill -INT \([0-9]*\).*/\1/p' <<< "$output")
	kill -9 "$pid"
	status_says "died in step slow"
	says "nothing: the run key is free"
	says "lift it, if that is safe: mig run recover 20"
	run_died=$(sed -n 's/.*recover \(20[0-9TZa-f-]*\).*/\1/p' <<< "$output" | head -1)
	# whoever changes something next is told, too
	expect 0 mig backup create
	says "run $run_died does not live any more; why: mig status"
	expect 0 mig restore latest
	says "to lift it: mig-run recover $run_died, or mig-maintenance off"
	expect 0 mig apply revision -m "first"
	expect 0 mig upgrade
	says "run $run_died does not live any more; why: mig status"
	expect 0 mig status --json
	echo "$output" | jq -e 'select(.event == "result") | .attention and (.unfinished | length) == 1'
}

@test "init finds a tree in a folder of the project, in pyproject.toml, and dbmate's files in migrations/" {
	mkdir -p backend/alembic
	touch backend/alembic/env.py
	expect 0 mig init -n
	says "dir: backend/alembic"
	mkdir -p ai/migrations
	touch ai/migrations/env.py
	expect 2 mig init
	says "ai/migrations, backend/alembic"
	[ ! -e mig.yaml ]
	rm -r ai backend
	mkdir migs
	touch migs/env.py
	printf '[tool.poetry]\n[tool.alembic]\nscript_location = "%%(here)s/migs"\n' > pyproject.toml
	expect 0 mig init -n
	says "dir: migs"
	rm -r migs pyproject.toml
	mkdir migrations
	printf -- '-- migrate:up\nselect 1;\n-- migrate:down\n' > migrations/20260101_first.sql
	expect 0 mig init -n
	says "format: dbmate"
	expect 0 mig init -n --from dbmate
	says "dir: migrations"
}

@test "init names the interpreter of Alembic's command where python3 of PATH is another one" {
	mkdir -p alembic/versions bin tools
	touch alembic/env.py
	printf '#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n' > bin/python3
	printf '#!%s/tools/python3.11\nfrom alembic.config import main\n' "$WORK" > bin/alembic
	chmod +x bin/*
	PATH=$WORK/bin:$PATH expect 0 mig init -n
	says "  python: $WORK/tools/python3.11"
	sed -i "1s,.*,#!$WORK/bin/python3," bin/alembic
	PATH=$WORK/bin:$PATH expect 0 mig init -n
	[[ $output != *"python:"* ]]
	sed -i '1s,.*,#!/usr/bin/env python3,' bin/alembic
	PATH=$WORK/bin:$PATH expect 0 mig init -n
	[[ $output != *"python:"* ]]
	mkdir -p .venv/bin
	touch .venv/bin/python
	sed -i "1s,.*,#!$WORK/tools/python3," bin/alembic
	PATH=$WORK/bin:$PATH expect 0 mig init -n
	says "  python: .venv/bin/python"
}

@test "init passes over an empty folder migrations where a tree has another name" {
	mkdir -p migrations db_migs/versions
	touch db_migs/env.py db_migs/alembic.ini
	expect 0 mig init -n
	says "dir: db_migs"
	printf -- '-- revision: r1\n-- down_revision:\n-- migrate:up\nselect 1;\n' > migrations/r1.sql
	expect 0 mig init -n
	says "dir: migrations"
	# and what is refused makes no such folder
	export DATABASE_URL="dbname=$DB"
	rm -r migrations db_migs
	expect 0 mig init
	expect 2 mig-apply revision -m "First" --autogenerate
	[ ! -e migrations ]
	expect 0 mig-apply revision -m "First"
}

@test "init says which tree it leaves out" {
	mkdir -p alembic/versions db/migrations migrations
	touch alembic/env.py
	expect 0 mig init
	[[ $output != *"left out"* ]]
	rm mig.yaml
	printf -- '-- migrate:up\nselect 1;\n-- migrate:down\n' > db/migrations/20260101_first.sql
	expect 0 mig init
	says "found migrations in alembic (alembic)"
	says "note: db/migrations (dbmate) is left out; that one alone: mig init --from dbmate;"
	grep -q '# left out: db/migrations (dbmate)' mig.yaml
	rm mig.yaml
	expect 0 mig init --from dbmate
	[[ $output != *"left out"* ]]
}

@test "doctor says when the interpreter of an Alembic tree has no Alembic" {
	mkdir -p alembic/versions
	touch alembic/env.py
	printf '#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n' > bare
	chmod +x bare
	printf 'mig: 1\nproject: shop\nstate_dir: state\nmigrations: {dir: alembic, python: ./bare}\nenvironments: {test: {database: "dbname=%s"}}\n' "$DB" > mig.yaml
	expect 4 mig doctor
	says "has no module alembic"
	says "migrations: {python:"
}
