# Trees of dbmate, side by side with the real dbmate (tools/others).
load ../support/common

setup_file() {
	common_setup_file
	DBMATE=$("$BATS_TEST_DIRNAME/../../tools/others" dbmate) || skip "no dbmate to compare with"
	export DBMATE
}
setup() {
	common_setup
	PATH=$DBMATE:$PATH
	export DBMATE_NO_DUMP_SCHEMA=true
	# shellcheck disable=SC2154 # set by the cluster
	url_of "$DB"
	mkdir -p db/migrations
}

url_of() {
	export DATABASE_URL="postgres://$PGUSER@/$1?host=$PGHOST&port=$PGPORT&sslmode=disable"
}

# migration NUMBER NAME UP DOWN [OPTIONS]
migration() {
	printf -- '-- migrate:up %s\n%s\n\n-- migrate:down %s\n%s\n' "${5:-}" "$3" "${5:-}" "$4" > "db/migrations/$1_$2.sql"
}

# three of them: 001, 002, 010
three() {
	migration 001 first "create table a (i int primary key);" "drop table a;"
	migration 002 second $'create table b (i int references a);\ninsert into a values (1);' $'drop table b;\ndelete from a;'
	migration 010 third "alter table a add note text default 'größe; -- migrate:down';" "alter table a drop note;"
}

versions() {
	[ "$(sql -c "select to_regclass('schema_migrations')")" ] || return 0
	sql -c "select string_agg(version, ' ' order by version) from schema_migrations having count(*) > 0"
}

# The schema without what only mig has.
schema_of() {
	plain_dump -s -N mig "$@" | grep -v '^--' | grep -v '^$'
}

@test "what mig applies, dbmate finds applied, and the reverse" {
	three
	expect 0 mig-apply upgrade
	says "applied 010 third"
	[ "$(versions)" = "001 002 010" ]
	expect 0 dbmate status
	says "Pending: 0"
	expect 0 dbmate --no-dump-schema up
	[[ $output != *Applying* ]]
	[ "$(versions)" = "001 002 010" ]
	expect 0 mig-apply current --check
	[ "$output" = "010 third (head)" ]

	createdb "${DB}_other"
	url_of "${DB}_other"
	expect 0 dbmate up
	PGDATABASE=${DB}_other expect 0 mig-apply current --check
	PGDATABASE=${DB}_other expect 0 mig-apply upgrade
	says "was already at 010 third"
	diff <(schema_of "$DB") <(schema_of "${DB}_other")

	expect 0 mig-apply downgrade -1 -y
	says "took back 010 third"
	expect 0 dbmate rollback
	says "Rolling back: 002_second.sql"
	expect 0 mig-apply current
	[ "$output" = "001 first" ]
	url_of "$DB"
	expect 0 dbmate rollback
	expect 0 mig-apply downgrade -1 -y
	diff <(schema_of "$DB") <(schema_of "${DB}_other")
	expect 0 mig-apply downgrade base -y
	expect 2 mig-apply downgrade -1 -y
	says "0 applied"
	dropdb "${DB}_other"
}

# series_agrees [OPTIONS OF PG_DUMP]: the three databases of the series have one schema
series_agrees() {
	diff <(schema_of "$@" "$DB") <(schema_of "$@" "${DB}_mig")
	diff <(schema_of "$@" "$DB") <(schema_of "$@" "${DB}_both")
}

series_upgrades() {
	url_of "$DB"
	expect 0 dbmate up
	url_of "${DB}_mig"
	expect 0 mig-apply upgrade
	url_of "${DB}_both"
	expect 0 mig-apply upgrade
	PGDATABASE=$DB versions > theirs
	diff theirs <(PGDATABASE=${DB}_mig versions)
	diff theirs <(PGDATABASE=${DB}_both versions)
}

@test "a random series by mig, by dbmate and by both ends alike" {
	seed=${SEED:-$RANDOM}
	echo "# seed $seed" >&3
	RANDOM=$seed
	createdb "${DB}_mig"
	createdb "${DB}_both"
	used=""
	for turn in $(seq 14); do
		case $((RANDOM % 3)) in
		0) # one or two new files, often older than what is applied
			for _ in $(seq $((1 + RANDOM % 2))); do
				n=$((RANDOM % 900 + 100))
				[[ $used = *" $n "* ]] && continue
				used="$used $n "
				migration $n "table_$n" "create table t$n (i int);" "drop table t$n;"
			done
			continue
			;;
		1) by_mig="mig-apply upgrade" by_dbmate="dbmate up" ;;
		2) by_mig="mig-apply downgrade -1 -y" by_dbmate="dbmate rollback" ;;
		esac
		[ "$used" ] || continue
		echo "turn $turn: $by_mig"
		url_of "$DB"
		run $by_dbmate
		wanted=$((status != 0))
		url_of "${DB}_mig"
		run $by_mig
		[ $((status != 0)) = $wanted ]
		url_of "${DB}_both"
		if ((RANDOM % 2)); then run $by_mig; else run $by_dbmate; fi
		[ $((status != 0)) = $wanted ]
		diff <(PGDATABASE=$DB versions) <(PGDATABASE=${DB}_mig versions)
		diff <(PGDATABASE=$DB versions) <(PGDATABASE=${DB}_both versions)
	done
	# A rollback that dbmate refuses makes its table all the same; what mig refuses writes nothing.
	# So the table itself is compared behind an upgrade.
	series_agrees -T schema_migrations
	[ ! "$used" ] || series_upgrades
	series_agrees
	dropdb "${DB}_mig"
	dropdb "${DB}_both"
}

@test "a pending file older than applied ones is applied, unless strict" {
	three
	rm db/migrations/002_second.sql
	expect 0 mig-apply upgrade
	three
	expect 4 mig-apply current --check
	says "010 third"
	expect 0 mig-apply plan
	says "002 second"
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations: {dir: db/migrations, strict: true}
		environments: {development: {database: {env: DATABASE_URL}}}
	END
	expect 17 mig-apply upgrade
	says "002 second is pending, but the later 010 third is applied"
	run dbmate up --strict
	[ "$status" != 0 ]
	[[ $output = *"out of order"* ]]
	[ "$(versions)" = "001 010" ]
	sed -i 's/, strict: true//' mig.yaml
	expect 0 mig-apply upgrade
	[ "$(versions)" = "001 002 010" ]
	expect 0 dbmate status
	says "Pending: 0"
	expect 0 mig-apply downgrade -1 -y
	[ "$(versions)" = "001 002" ]
}

@test "targets count over files, whatever is applied between" {
	three
	expect 0 mig-apply upgrade +1
	[ "$(versions)" = 001 ]
	expect 0 mig-apply upgrade 002
	expect 0 mig-apply upgrade +1
	[ "$(versions)" = "001 002 010" ]
	expect 2 mig-apply upgrade +1
	says "0 pending"
	expect 14 mig-apply upgrade 003
	expect 0 mig-apply downgrade 001 -y
	[ "$(versions)" = 001 ]
	expect 0 mig-apply heads
	[ "$output" = "010 third (head)" ]
	expect 0 mig-apply history -i
	says "001 first (applied)"
	expect 0 mig-apply stamp 002
	[ "$(versions)" = "001 002" ]
	expect 0 dbmate status
	says "[X] 002_second.sql"
	expect 0 mig-apply stamp base
	[ "$(versions)" = "" ]
	expect 0 dbmate status
	says "Pending: 3"
}

@test "a migration that fails leaves no row, names its place, and dbmate agrees" {
	three
	migration 005 broken $'create table c (i int);\nselect nosuch;' "drop table c;"
	expect 11 mig-apply upgrade
	says "migrations/005_broken.sql:3:8"
	says "42703"
	[ "$(versions)" = "001 002" ]
	[ "$(sql -c "select to_regclass('c') is null")" = t ]
	expect 0 dbmate status
	says "[ ] 005_broken.sql"
}

@test "another table, in a schema of its own, is where dbmate looks for it" {
	three
	export DBMATE_MIGRATIONS_TABLE=app.steps
	expect 0 mig-apply upgrade
	[ "$(sql -c "select count(*) from app.steps")" = 3 ]
	expect 0 dbmate status
	says "Pending: 0"
	sql -c "drop schema app cascade" -c "drop table b, a"
	expect 0 dbmate up
	expect 0 mig-apply current --check
	expect 0 mig init --from dbmate
	grep -q 'version_table: app.steps' mig.yaml
	unset DBMATE_MIGRATIONS_TABLE
	expect 0 mig-apply current --check
	expect 0 mig-apply downgrade base -y
	[ "$(sql -c "select count(*) from app.steps")" = 0 ]
}

@test "the table of another tool under that name is refused" {
	three
	sql -c "create table schema_migrations (version bigint primary key, dirty boolean not null)"
	expect 17 mig-apply upgrade
	says "has no text column version"
	[ "$(sql -c "select to_regclass('a') is null")" = t ]
}

@test "rows of files that are gone are kept, as dbmate keeps them" {
	three
	expect 0 mig-apply upgrade
	rm db/migrations/001_first.sql
	expect 0 mig-apply current --check
	says "001 (in no file of"
	migration 011 fourth "create table d (i int);" "drop table d;"
	expect 0 mig-apply upgrade
	[ "$(versions)" = "001 002 010 011" ]
	expect 0 dbmate status
	says "Pending: 0"
}

@test "downgrade --from-history takes back what is newer than this checkout, in the order of the names" {
	three
	migration 011 fourth "create table d (i int);" "drop table d; -- as it was"
	migration 012 without "create index concurrently d_i on d (i);" "drop index concurrently d_i;" "transaction:false"
	expect 0 mig-apply upgrade
	mkdir newer
	mv db/migrations/01[12]* db/migrations/002* newer/
	expect 0 mig-apply downgrade --from-history -n -1
	says "drop index concurrently d_i"
	expect 0 mig-apply downgrade --from-history -1 -y
	says "from mig.history, to take back 012 without:"
	[ "$(versions)" = "001 002 010 011" ]
	expect 0 mig-apply downgrade --from-history 001 -y
	says "drop table d; -- as it was"
	says "took back 010 third"
	says "took back 002 second"
	[ "$(versions)" = "001" ]
	[ "$(sql -c "select to_regclass('d') is null and to_regclass('b') is null")" = t ]
	# older ones that mig never saw are left alone; of a newer one the step back would be wrong
	sql -c "insert into schema_migrations values ('000')"
	expect 0 mig-apply downgrade --from-history -n -1
	sql -c "insert into schema_migrations values ('013')"
	expect 14 mig-apply downgrade --from-history -1 -y
	says "mig.history has no down SQL of revision 013"
	[ "$(versions)" = "000 001 013" ]
	sql -c "delete from schema_migrations where version <> '001'"
	mv newer/* db/migrations/
	expect 0 dbmate up
	expect 0 mig-apply current --check
}

@test "files that cannot be run are refused by name when their turn comes" {
	while IFS='|' read -r name body says; do
		rm -f db/migrations/*
		printf '%b' "$body" > "db/migrations/001_$name.sql"
		echo "case: $name"
		sql -c "drop table if exists schema_migrations"
		expect 3 mig-apply upgrade
		says "migrations/001_$name.sql"
		says "$says"
		[ "$(sql -c "select to_regclass('schema_migrations') is null")" = t ]
		expect 0 mig-apply history
		run dbmate up
		[ "$status" != 0 ]
		sql -c "drop table if exists a, schema_migrations"
	done <<-'END'
		no_up|-- migrate:down\ndrop table a;\n|"-- migrate:down" before "-- migrate:up"
		no_down|-- migrate:up\ncreate table a (i int);\n|no line "-- migrate:down"
		sql_first|create table a (i int);\n-- migrate:up\n-- migrate:down\n|SQL before "-- migrate:up"
		two_ups|-- migrate:up\ncreate table a (i int);\n-- migrate:down\n-- migrate:up\nselect 1;\n-- migrate:down\n|a second "-- migrate:up"
		two_downs|-- migrate:up\nselect 1;\n-- migrate:down\n-- migrate:down\n|a second "-- migrate:down"
	END
}

@test "directives are read as dbmate reads them: line ends, blanks, options, strings" {
	printf -- '-- remark\r\n\r\n--migrate:up\r\ncreate table a (i int);\r\n--\tmigrate:down transaction:true\r\ndrop table a;\r\n' > db/migrations/1_crlf.sql
	printf -- '-- migrate:upx is none\n--  migrate:up foo:bar\nselect 1; -- migrate:down\n-- migrate:down\n' > db/migrations/2_words.sql
	printf -- '-- migrate:up\n-- migrate:down' > db/migrations/3_empty.sql
	mkdir db/migrations/4_folder.sql
	touch db/migrations/notes.sql db/migrations/x5.sql
	expect 0 mig-apply upgrade
	[ "$(versions)" = "1 2 3" ]
	expect 0 dbmate status
	says "Pending: 0"
	expect 0 mig-apply downgrade base -y
	expect 0 dbmate up
	expect 0 mig-apply current --check
}

@test "a new revision is a file that dbmate runs" {
	three
	expect 0 mig-apply revision -m "Add user preferences"
	file=$(ls db/migrations/2*_add_user_preferences.sql)
	[ "$(cat "$file")" = "$(printf -- '-- migrate:up\n\n\n-- migrate:down\n\n')" ]
	expect 0 dbmate up
	says "_add_user_preferences.sql"
	expect 0 mig-apply current --check
	expect 2 mig-apply revision -m "Beside" --head 001 --splice
	says "files of format dbmate know no branches"
	expect 2 mig-apply revision -m "Named" --rev-id abc
}

@test "init knows the tree, takes over dbmate's settings, and says what is not done" {
	three
	mv db/migrations db/steps
	printf 'DBMATE_MIGRATIONS_DIR="./db/steps"\nDBMATE_STRICT=true\nDATABASE_URL=postgres://u:secret@h/d\n' > .env
	expect 0 mig init
	says "found migrations in db/steps (dbmate)"
	says "db/schema.sql is not written"
	grep -q 'database: {env: DATABASE_URL}' mig.yaml
	grep -q 'strict: true' mig.yaml
	[ "$(grep -c secret mig.yaml)" = 0 ]
	expect 0 mig-apply upgrade
	expect 0 dbmate -d db/steps status
	says "Pending: 0"
	rm mig.yaml .env
	expect 14 mig init --from dbmate
	says "no tree of dbmate"
	expect 2 mig init --from rails
	says "known: alembic, dbmate, sql"
	[ ! -e mig.yaml ]
}

@test "an applied migration that was edited afterwards is refused" {
	three
	expect 0 mig-apply upgrade
	sed -i 's/create table a (i int primary key)/create table a (i bigint primary key)/' db/migrations/001_first.sql
	expect 17 mig-apply upgrade
	says "001 first was edited after it was applied"
}

@test "the connection as dbmate is given it: search_path, also of a schema that is not there, and socket" {
	three
	expect 0 mig init
	export DATABASE_URL="postgres://$PGUSER@/$DB?socket=$PGHOST&port=$PGPORT&search_path=shop,public"
	expect 0 env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE mig-apply upgrade
	[ "$(sql -c "select count(*) from shop.schema_migrations")" = 3 ]
	expect 0 dbmate --url "postgres://$PGUSER@/$DB?host=$PGHOST&port=$PGPORT&search_path=shop,public&sslmode=disable" status
	says "Pending: 0"
	expect 0 mig-apply downgrade base --yes
	export DATABASE_URL="postgres://$PGUSER:secret@h/d?sslmod=disable"
	expect 3 mig-apply current
	says 'libpq knows no parameter "sslmod"'
	[[ $output != *secret* ]]
}

@test "what dbmate has taken back and applied anew is stamped, as the refusal says" {
	three
	expect 0 mig-apply upgrade
	dbmate rollback && dbmate rollback
	sed -i 's/create table b (i int/create table b (j int, i int/' db/migrations/002_second.sql
	dbmate up
	expect 17 mig-apply upgrade
	eval "$(sed -n 's/.*did dbmate itself apply what the file says now? \(mig-apply stamp .*\), then \(mig-apply stamp .*\)/\1 \&\& \2/p' <<< "$output")"
	expect 0 mig-apply upgrade
	[ "$(versions)" = "001 002 010" ]
	# an older one is pending: no stamp could say that
	migration 005 between "select 1;" ""
	dbmate rollback
	sed -i 's/größe/höhe/' db/migrations/010_third.sql
	mig-apply upgrade
	sed -i 's/höhe/länge/' db/migrations/010_third.sql
	migration 000 before "select 1;" ""
	expect 17 mig-apply upgrade
	[[ $output != *"did dbmate itself"* ]]
}
