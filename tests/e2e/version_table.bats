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

# wrong SQL TEXT..: of the version table that SQL makes
wrong() {
	sql -c "$1"
	shift
	refused 17 plan upgrade "upgrade -n" "stamp r001" "stamp -n r001" -- "$@"
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
	sql -c "drop table alembic_version"
	wrong "create table alembic_version (version text primary key)" "has no text column version_num"
	sql -c "drop table alembic_version"
	wrong "create sequence alembic_version" "has no text column version_num"
	sql -c "drop sequence alembic_version"
	wrong "create type alembic_version as (version_num text)" "has no text column version_num"
}

@test "a role that may not write it is told so, with the grant" {
	sql -c "create table alembic_version (version_num varchar(32) primary key)" \
		-c "create role plain_$DB login" -c "grant create on schema public to plain_$DB" \
		-c "grant create on database $DB to plain_$DB" -c "grant select on alembic_version to plain_$DB"
	PGUSER=plain_$DB refused 11 upgrade "stamp r001" -- "role plain_$DB may not change the rows of" "hint: as its owner: psql"
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
}
