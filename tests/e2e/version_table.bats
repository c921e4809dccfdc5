# What stands where the version table should be is looked at before anything is written.
load ../support/common
load ../support/migrations
load ../support/alembic
setup() {
	common_setup
	line_of 2
	mig_yaml "    policy: {downgrade: allow}" false
}

# refused CODE "VERB WORDS".. -- TEXT..: each command says all of it, and nothing was made
refused() {
	local code=$1 verb text verbs=()
	shift
	while [ "$1" != -- ]; do
		verbs+=("$1")
		shift
	done
	shift
	for verb in "${verbs[@]}"; do
		# shellcheck disable=SC2086 # words
		expect "$code" mig-apply $verb
		for text in "$@"; do
			says "$text"
		done
	done
	[ "$(sql -c "select to_regnamespace('mig') is null and to_regclass('t1') is null")" = t ]
}

# mend: doctor has one finding, and what it prints behind "next:" mends it as it stands
mend() {
	expect 4 mig-apply doctor
	says "bad   table"
	says "1 thing to mend"
	local next
	next=$(sed -n 's/^ *next: //p' <<< "$output")
	[ "$next" = "$(mig-apply doctor --json 2> /dev/null | tail -1 | jq -r '.findings[0].remedy')" ]
	# nothing but what is typed leads to the database
	env -u PGDATABASE bash -c "$next" || {
		echo "does not work as it stands: $next"
		return 1
	}
	expect 0 mig-apply doctor
}

# wrong SQL TEXT..: of the version table that SQL makes
wrong() {
	sql -c "$1"
	shift
	refused 17 plan upgrade "upgrade -n" "stamp r001" "stamp -n r001" -- "$@"
	refused 4 doctor -- "$@"
	mend
}

@test "a view that cannot be written is no version table" {
	wrong "create view alembic_version as select 'r001'::text as version_num where false" \
		"view alembic_version" "cannot be changed" "version_table: NAME in mig.yaml"
}

@test "nor is a materialized view" {
	wrong "create materialized view alembic_version as select 'r001'::text as version_num where false" \
		"materialized view alembic_version" "cannot be changed"
}

@test "nor a foreign table, of which rows are elsewhere" {
	sql -c "create extension file_fdw" -c "create server files foreign data wrapper file_fdw"
	: > "$WORK/rows"
	chmod 755 "$WORK"
	chmod 644 "$WORK/rows"
	wrong "create foreign table alembic_version (version_num text) server files options (filename '$WORK/rows')" \
		"foreign table alembic_version" "cannot be changed"
}

@test "nor a table with a column that wants a value, nor one without version_num, nor a sequence" {
	wrong "create table alembic_version (version_num varchar(32) primary key, project text not null, at timestamptz not null default now())" \
		'table "public"."alembic_version" has a column project that wants a value'
	expect 0 mig-apply stamp r001
	sql -c "drop table alembic_version" -c "drop schema mig cascade"
	wrong "create table alembic_version (project text, version_num varchar(32), primary key (version_num, project))" \
		"has a column project that wants a value"
	sql -c "drop table alembic_version_before"
	wrong "create table alembic_version (version text primary key)" "has no text column version_num"
	sql -c "drop table alembic_version_before"
	wrong "create sequence alembic_version" "has no text column version_num"
	sql -c "drop sequence alembic_version_before"
	wrong "create type alembic_version as (version_num text)" "has no text column version_num"
}

@test "rows that no version table has: two for one revision, and one without" {
	sql -c "create table alembic_version (version_num varchar(32))" \
		-c "insert into alembic_version values ('r001'), ('r001')"
	refused 17 upgrade current -- "has two rows for revision r001"
	mend
	sql -c "insert into alembic_version values (null)"
	refused 17 upgrade current -- "has a row without a revision"
	mend
	rows_are r001
}

@test "a role that may not write it is told so, with the grant" {
	sql -c "create table alembic_version (version_num varchar(32) primary key)" \
		-c "create role plain_$DB login" -c "grant create on schema public to plain_$DB" \
		-c "grant create on database $DB to plain_$DB" -c "grant select on alembic_version to plain_$DB"
	PGUSER=plain_$DB refused 11 upgrade "stamp r001" -- "role plain_$DB may not change the rows of" "hint: as its owner: psql"
	PGUSER=plain_$DB expect 0 mig-apply plan
	PGUSER=plain_$DB expect 11 mig-apply upgrade
	PGUSER=plain_$DB expect 4 mig-apply doctor
	says "bad   table         role plain_$DB may not change the rows of"
	eval "$(sed -n 's/^ *next: as its owner: //p' <<< "$output")"
	PGUSER=plain_$DB expect 0 mig-apply doctor
	sql -c "revoke all on alembic_version from plain_$DB"
	PGUSER=plain_$DB expect 11 mig-apply current
	PGUSER=plain_$DB expect 4 mig-apply doctor
	says "bad   table         role plain_$DB may not read"
	eval "$(sed -n 's/^ *next: as its owner: //p' <<< "$output")"
	PGUSER=plain_$DB expect 0 mig-apply plan
	PGUSER=plain_$DB expect 11 mig-apply upgrade
	eval "$(sed -n 's/^hint: as its owner: //p' <<< "$output")"
	PGUSER=plain_$DB expect 0 mig-apply upgrade
	sql -c "drop schema mig, public cascade" -c "drop owned by plain_$DB" -c "drop role plain_$DB"
}

@test "a view through which rows can be changed is one, as it is for Alembic" {
	sql -c "create schema books" -c "create table books.kept (version_num varchar(32) primary key)" \
		-c "create view alembic_version as select version_num from books.kept"
	expect 0 mig-apply upgrade
	[ "$(sql -c "select version_num from books.kept")" = r002 ]
	expect 0 mig-apply downgrade base
	[ "$(sql -c "select count(*) from books.kept")" = 0 ]
}

@test "of an Alembic tree likewise, before its Python is started" {
	need_alembic
	rm -r migrations
	alembic_tree
	py a001 None "Never run" <<< $'open("ran", "w")\ndef upgrade(): open("ran", "w")\ndef downgrade(): pass'
	sql -c "create view alembic_version as select 'a001'::text as version_num where false"
	expect 17 mig-apply upgrade
	says "view alembic_version"
	[ ! -e ran ]
	[ "$(sql -c "select to_regnamespace('mig') is null")" = t ]
	mend
}
