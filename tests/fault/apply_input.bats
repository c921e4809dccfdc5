# What bad input gets: a message, a hint, an exit code; nothing is written.
load ../support/common
load ../support/migrations
load ../support/alembic

# refused CODE TEXT COMMAND..: ends with it, says it, and says what to do next
refused() {
	local code=$1 text=$2
	shift 2
	run "$@" --json
	echo "$output"
	[ "$status" = "$code" ]
	tail -1 <<< "$output" | jq -e --argjson code "$code" --arg text "$text" '.event == "exit" and .code == $code
		and ((.error + " " + (.detail // "") + " " + .hint) | contains($text)) and (.hint | length > 5)' > /dev/null
}

one() {
	rm -rf migrations
	mkdir migrations
	printf '%b' "$1" > migrations/x.sql
}

@test "SQL files that cannot be read right: each has its message and what to do" {
	while IFS='|' read -r body code text; do
		echo "case: $text"
		one "$body"
		refused "$code" "$text" mig-apply upgrade
		refused "$code" "$text" mig-apply plan
		nothing_written
	done <<-'END'
		-- migrate:up\nselect 1;\n|3|revision: ID
		-- revision: a1\n-- down_revision: a0\n-- migrate:up\n|3|is in no file
		-- revision: a1\n-- down_revision: a1\n-- migrate:up\n|3|its own
		-- revision: a1\n-- migrate:up\nselect \0000;\n|3|NUL byte
		-- revision: a1\n-- migrate:up\nselect 'abc;\n|11|does not end
		-- revision: a1\n-- migrate:up\nselect $x$ abc $y$;\n|11|does not end
		-- revision: a1\n-- migrate:up\n\\\\restrict abc\n|11|psql
		-- revision: a-1\n-- migrate:up\n|3|cannot be a revision id
	END
}

@test "Python files that cannot be read right" {
	need_alembic
	alembic_tree
	while IFS='|' read -r body code text; do
		echo "case: $text"
		rm -f alembic/versions/*
		printf '%b' "$body" > alembic/versions/x.py
		refused "$code" "$text" mig-apply upgrade
		nothing_written
	done <<-'END'
		revision = 'a1'\n|3|no line
		revision = 'a1'\ndown_revision = 'a0'\n|3|is in no file
		revision = 'a1'\ndown_revision = None\nx = '\0000'\n|3|NUL byte
		revision = 'a1'\ndown_revision = f('\n|3|only Python can read
		revision = 'a1'\ndown_revision = None\n\nx = 'abc\n|3|x.py:4: SyntaxError: unterminated string
	END
}

@test "two files with one id, and a circle" {
	revision aaaa "" "One" <<< '-- migrate:up'
	revision aaaa "" "Two" <<< '-- migrate:up'
	refused 3 "migrations/aaaa_one.sql and migrations/aaaa_two.sql" mig-apply upgrade
	rm migrations/*
	revision aaaa bbbb "One" <<< '-- migrate:up'
	revision bbbb aaaa "Two" <<< '-- migrate:up'
	refused 3 "migrations/bbbb_two.sql" mig-apply upgrade
	refused 3 "aaaa -> bbbb -> aaaa" mig-apply history
	nothing_written
}

@test "targets that are unknown, near, ambiguous, or no targets" {
	revision 3f9c1a7be2d4 "" "Preferences" -l prefs <<< $'-- migrate:up\nselect 1;'
	revision 3f9d00000000 3f9c1a7be2d4 "More" <<< $'-- migrate:up\nselect 1;'
	while IFS='|' read -r words code text; do
		echo "case: $words"
		# shellcheck disable=SC2086 # they are words
		refused "$code" "$text" mig-apply $words
		nothing_written
	done <<-'END'
		upgrade 3f9c1a7be2d5|14|did you mean 3f9c1a7be2d4 Preferences?
		upgrade xprefs@head|14|prefs
		upgrade haed|14|did you mean head?
		upgrade 3f9|2|3f9d00000000 More
		show 3f9|2|3f9c1a7be2d4 Preferences
		upgrade head@|14|it names no branch
		upgrade @head|2|nothing is named
		upgrade 3f9c-1|2|mig-apply downgrade base
		upgrade 3f9c:|2|mig-apply upgrade head
		downgrade 3f9d:|2|mig-apply downgrade base
		stamp +1|14|here nothing is counted
		show prefs@-1|14|here nothing is counted
		upgrade +9|2|+9
		upgrade -1|2|upgrade takes +N
		upgrade prefs@+9|2|+9
		stamp nosuch|14|mig-apply history
		script nosuch:|14|mig-apply history
		history -r nosuch:|14|mig-apply history
		merge 3f9c1a7be2d4 nosuch|14|mig-apply history
		rebase nosuch --onto head|14|mig-apply history
		revision -m x --head nosuch|14|mig-apply history
		downgrade|2|mig-apply downgrade -1
		downgrade -1|2|mig-apply current
		downgrade 3f9c1a7be2d4|2|mig-apply upgrade 3f9c1a7be2d4
	END
}

# Root may read all: as the user of the server, who may not write here either.
as_other() {
	if [ "$(id -u)" = 0 ]; then
		chmod 755 . migrations
		setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/tmp "$@"
	else
		"$@"
	fi
}

@test "what is no readable file: a dangling link, a folder, a pipe, no permission" {
	mkdir migrations
	ln -s nowhere migrations/x.sql
	refused 14 "migrations/x.sql" mig-apply upgrade
	rm migrations/x.sql
	line_of 1
	mkdir migrations/y.sql
	refused 3 "migrations/y.sql is no regular file" mig-apply upgrade
	rmdir migrations/y.sql
	mkfifo migrations/y.sql
	refused 3 "migrations/y.sql is no regular file" timeout 20 mig-apply upgrade
	rm migrations/y.sql
	chmod 0 migrations/r001*
	refused 1 "may not: give it the right" as_other "$BUILD/bin/mig-apply" upgrade
	refused 1 "migrations/r001_table_1.sql" as_other "$BUILD/bin/mig-apply" history
	nothing_written
	mkdir -p db/migrations
	rm -rf migrations
	mkfifo db/migrations/002_x.sql
	printf -- '-- migrate:up\n-- migrate:down\n' > db/migrations/001_x.sql
	echo 'mig: 1
project: shop
migrations: {dir: db/migrations, format: dbmate}
environments: {dev: {database: "dbname='"$DB"'"}}' > mig.yaml
	refused 3 "db/migrations/002_x.sql is no regular file" timeout 20 mig-apply upgrade
	nothing_written
	need_alembic
	alembic_tree
	mkfifo alembic/versions/x.py
	refused 3 "alembic/versions/x.py is no regular file" timeout 20 mig-apply upgrade
	nothing_written
}

@test "CRLF and a byte order mark are read; history and rebase keep them" {
	printf '\xef\xbb\xbf-- revision: r001\r\n-- down_revision:\r\n\r\n-- migrate:up\r\ncreate table t (a text);\r\ninsert into t values (E'"'"'x'"'"');\r\n-- migrate:down\r\ndrop table t;\r\n' > x
	mkdir migrations
	mv x migrations/x.sql
	expect 0 mig-apply upgrade
	expect 0 mig-apply history
	says "* r001"
	expect 0 mig-apply downgrade -1 -y
}

@test "a file of 50 MB runs, one that is larger than 64 MiB is refused" {
	mkdir migrations
	{
		printf -- '-- revision: big1\n-- migrate:up\ncreate table big (i int, t text);\ncopy big from stdin;\n'
		yes "1	$(printf '%0500d' 0)" | head -100000
		printf '\\.\n-- migrate:down\ndrop table big;\n'
	} > migrations/big.sql
	[ "$(stat -c %s migrations/big.sql)" -gt 50000000 ]
	expect 0 mig-apply upgrade
	[ "$(sql -c "select count(*) from big")" = 100000 ]
	expect 0 mig-apply downgrade -1 -y
	sql -c "drop table alembic_version" -c "drop schema mig cascade"
	yes -- "-- $(printf '%0500d' 0)" | head -40000 >> migrations/big.sql
	refused 1 "big.sql" mig-apply upgrade
	nothing_written
}

@test "a version table with rows that no file knows" {
	line_of 2
	mig-apply upgrade
	sql -c "update alembic_version set version_num = 'ffff'"
	refused 14 "ffff, which is in no file here" mig-apply upgrade
	refused 14 "ffff" mig-apply downgrade -1
	refused 14 "ffff" mig-apply plan
	expect 0 mig-apply current
	says "ffff (in no file of"
	rows_are ffff
	need_alembic
	rm -r migrations
	alembic_tree
	py_line 1
	refused 14 "revision identified by 'ffff'" mig-apply check
	refused 14 "mig-apply doctor" mig-apply revision --autogenerate -m "Nothing"
	[ "$(ls alembic/versions)" = a001_.py ]
}

@test "a role that may not make mig.history leaves no version table either" {
	line_of 1
	psql -Xqc "create role maker_$DB login" -c "grant create on schema public to maker_$DB" -c "revoke create on database $DB from public"
	PGUSER=maker_$DB refused 11 "permission denied" mig-apply upgrade
	nothing_written
	psql -Xqc "drop owned by maker_$DB" -c "drop role maker_$DB"
}

@test "safety_21 a schema mig of somebody else" {
	line_of 1
	psql -Xqc "create role other_$DB" -c "create schema mig authorization other_$DB"
	refused 17 "is not mig's own" mig-apply upgrade
	refused 17 "is not mig's own" mig-apply stamp head
	nothing_written
	psql -Xqc "drop schema mig" -c "drop role other_$DB"
}

@test "safety_21 doctor sees a schema mig of somebody else, and its command mends it" {
	line_of 1
	psql -Xqc "create role other_$DB" -c "create schema mig authorization other_$DB"
	expect 4 mig-apply doctor
	says "schema mig belongs to other_$DB"
	eval "${lines[1]#*then: }"
	expect 0 mig-apply doctor
	expect 0 mig-apply upgrade
	psql -Xqc "drop role other_$DB"
}

@test "a version table that was made by hand: a row without a revision, two rows for one" {
	line_of 2
	sql -c "create table alembic_version (version_num varchar(32))" \
		-c "insert into alembic_version values ('r001'), (null)"
	for verb in upgrade current status; do
		refused 17 "has a row without a revision" mig-apply $verb
	done
	expect 17 mig-apply stamp r001
	eval "${lines[1]#hint: }"
	sql -c "insert into alembic_version values ('r001')"
	expect 17 mig-apply upgrade
	says "has two rows for revision r001"
	eval "${lines[1]#hint: }"
	expect 0 mig-apply upgrade
	rows_are r002
}

@test "safety_21 a mig.history of another shape is another program's" {
	line_of 1
	sql -c "create schema mig" -c "create table mig.history (id int)"
	for verb in upgrade current doctor; do
		refused 17 "alter schema mig rename to" mig-apply $verb
	done
	expect 17 mig-apply upgrade
	eval "$(sed -n 's/^hint: .*: psql/psql/p' <<< "$output")"
	expect 0 mig-apply upgrade
	rows_are r001
}

@test "rows that nobody knows: is it the right database? stamp --purge is kept in mig.history" {
	line_of 2
	sql -c "create table alembic_version (version_num varchar(32))" -c "insert into alembic_version values ('zzz')"
	refused 14 "is $DB the right database" mig-apply upgrade
	refused 14 "is in no git repository" mig-apply plan
	expect 0 mig-apply stamp --purge r001
	expect 0 mig-apply stamp base
	expect 0 mig-apply history --applied
	[[ ${lines[0]} = *"stamp: no longer at r001 Table 1"* ]]
	[[ ${lines[1]} = *"stamp: no longer at zzz"* ]]
	[[ ${lines[2]} = *"stamp r001 Table 1"* ]]
	mig-apply history --applied --json | tail -1 | jq -e '[.applied[] | .taken_out // false] == [true, true, false]'
}

@test "stamp takes out a row that implies its target, which is there already" {
	line_of 3
	expect 0 mig-apply stamp r001
	sql -c "insert into alembic_version values ('r003')"
	expect 0 mig-apply stamp r001
	says "is now at r001 Table 1"
	rows_are r001
}

@test "the database of another project: by its pin, and by its version rows" {
	line_of 1
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		environments:
		  test:
		    database: "dbname=$PGDATABASE"
		    pin: {system: "1", dbname: other}
	END
	refused 17 "is pinned to" mig-apply upgrade
	refused 17 "is pinned to" mig-apply doctor
	nothing_written
	rm mig.yaml
	psql -Xqc "create table alembic_version (version_num varchar(32) primary key)" -c "insert into alembic_version values ('0a1b2c3d4e5f')"
	refused 14 "0a1b2c3d4e5f" mig-apply upgrade
	[ "$(sql -c "select count(*) from pg_namespace where nspname = 'mig'")" = 0 ]
	sql -c "drop table alembic_version" -c "create table alembic_version (number int)"
	refused 17 "no text column version_num" mig-apply upgrade
}

@test "env.py elsewhere, and an interpreter without Alembic" {
	need_alembic
	alembic_tree
	py_line 1
	sql -c "create database ${DB}_else" postgres
	sed -i 's|create_engine(.*)|create_engine("postgresql+psycopg2:///'"${DB}_else"'")|' alembic/env.py
	refused 17 "connects to database" mig-apply upgrade
	[ "$(sql -c "select to_regclass('t1') is null")" = t ]
	sql -c "drop database ${DB}_else with (force)" postgres
	sql -c "drop table if exists alembic_version" -c "drop schema if exists mig cascade"
	sed -i 's|python: /usr/bin/python3|python: /nowhere/python|' mig.yaml
	refused 3 "no Python" mig-apply upgrade
	printf '#!/bin/sh\nexec /usr/bin/python3 -S -I "$@"\n' > python
	chmod +x python
	sed -i "s|python: /nowhere/python|python: $PWD/python|" mig.yaml
	refused 3 "no module alembic" mig-apply upgrade
	[ "$(sql -c "select to_regclass('t1') is null")" = t ]
}
