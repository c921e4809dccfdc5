# mig-apply doctor: each inconsistency is made, found, and mended by the command it prints.
load ../support/common
load ../support/migrations
load ../support/alembic

# mend CHECK: runs the command behind "next:" of that finding
mend() {
	local next
	next=$(mig-apply doctor --json 2> /dev/null | tail -1 | jq -r --arg check "$1" \
		'[.findings[] | select(.check == $check)][0].remedy')
	echo "mending with: $next"
	eval "$next"
}

scratch_is_gone() {
	[ "$(sql -c "select count(*) from pg_database where datname like '${DB}\\_\\_s\\_%'")" = 0 ]
}

@test "nothing to mend" {
	line_of 2
	expect 0 mig-apply doctor
	says "files and database agree"
	mig-apply upgrade
	expect 0 mig-apply doctor
	mig-apply doctor --json | tail -1 | jq -e '.good and .findings == []'
	expect 0 mig-apply doctor --replay
	says "the schema is that of r002 Table 2, as the version table says"
	scratch_is_gone
}

@test "an id in two files: history still draws, doctor gives another id" {
	line_of 2
	revision r002 r001 "The other" <<< $'-- migrate:up\nselect 1;\n-- migrate:down\nselect 1;'
	expect 0 mig-apply history
	says "* r002"
	says "revision r002 is in migrations/r002_table_2.sql (Table 2) and in migrations/r002_the_other.sql (The other)"
	mig-apply history --json | tail -1 | jq -e '.problems[0].check == "doubled id"'
	expect 3 mig-apply upgrade
	expect 4 mig-apply doctor
	says "1 thing to mend"
	mend "doubled id"
	expect 4 mig-apply heads --check
	expect 0 mig-apply doctor
	says "note  heads"
	mend heads
	expect 0 mig-apply upgrade
}

@test "of two files with one id the one that was applied keeps it, else the older one" {
	line_of 2
	mig-apply upgrade
	revision r002 r001 "A colleague's" -h "created: 2026-01-02T00:00:00Z" <<-END
		-- migrate:up
		create table colleague (id int);
		-- migrate:down
		drop table colleague;
	END
	expect 4 mig-apply doctor
	says "revision r002 is in migrations/r002_table_2.sql (Table 2) and in"
	mend "doubled id"
	expect 0 mig-apply status
	says "edited     nothing"
	mend heads
	expect 0 mig-apply upgrade
	[ "$(sql -c "select count(*) from colleague")" = 0 ]
	# nothing is applied: the times in their headers decide, whatever their names
	revision r003 r002 "B" -h "created: 2026-01-03T00:00:00Z" <<< "-- migrate:up"
	revision r003 r002 "A" -h "created: 2026-01-04T00:00:00Z" <<< "-- migrate:up"
	expect 0 mig-apply history
	says "revision r003 is in migrations/r003_b.sql (B) and in migrations/r003_a.sql (A)"
}

@test "an id with characters that mean something to sed gets another, too" {
	line_of 1
	for name in one two; do
		printf -- '-- revision: a/b.*[c]\n-- down_revision: r001\n-- migrate:up\n' > migrations/$name.sql
	done
	expect 3 mig-apply heads
	mend "doubled id"
	expect 0 mig-apply heads
	[ "$(grep -c . <<< "$output")" = 2 ]
}

@test "the same in an Alembic tree" {
	need_alembic
	alembic_tree
	py_line 2
	sed 's/t2/t3/' alembic/versions/a002_.py > alembic/versions/z.py
	expect 0 mig-apply history
	says "revision a002 is in alembic/versions/a002_.py (Table 2) and in alembic/versions/z.py"
	expect 3 mig-apply heads
	mend "doubled id"
	expect 4 mig-apply heads --check
}

@test "two files of dbmate with one number: the one that was not applied gets another name" {
	mkdir -p db/migrations
	printf -- '-- migrate:up\ncreate table a (i int);\n-- migrate:down\ndrop table a;\n' > db/migrations/001_ours.sql
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations: {dir: db/migrations}
		environments: {dev: {database: "dbname=$DB"}}
	END
	mig-apply upgrade
	sed 's/table a/table b/' db/migrations/001_ours.sql > db/migrations/001_before.sql
	expect 3 mig-apply upgrade
	says "mig-apply doctor prints the command"
	mend "doubled id"
	expect 0 mig-apply upgrade
	says "before"
	expect 0 mig-apply current --check
	[ -e db/migrations/001_ours.sql ]
}

@test "a parent that is in no file" {
	line_of 3
	git init -q . && git add -A && git -c user.name=t -c user.email=t@localhost commit -qm files
	rm migrations/r002_*
	expect 0 mig-apply history
	says "migrations/r003_table_3.sql: down_revision r002 is in no file"
	expect 4 mig-apply doctor
	mend "missing file"
	expect 0 mig-apply doctor
	expect 0 mig-apply upgrade
}

@test "what no folder can be read from is a finding, too" {
	expect 4 mig-apply doctor
	says "no folder of migrations"
	mkdir migrations
	printf 'create table x (i int);\n' > migrations/x.sql
	expect 4 mig-apply doctor
	says "x.sql"
	expect 10 env PGHOST=/nowhere PGPORT=1 sh -c "rm migrations/x.sql; printf -- '-- revision: x1\n-- migrate:up\nselect 1;\n' > migrations/x1.sql; mig-apply doctor"
}

@test "a mig.yaml that cannot be read is an error, with its place" {
	line_of 1
	printf 'mig: 1\nproject: shop\nmigratons: {dir: migrations}\n' > mig.yaml
	expect 3 mig-apply doctor
	says "mig.yaml:3:1: unknown key"
}

@test "a database ahead of the checkout, and a row that another implies" {
	line_of 3
	git init -q . && git add -A && git -c user.name=t -c user.email=t@localhost commit -qm files
	mig-apply upgrade
	rm migrations/r003_*
	expect 4 mig-apply doctor
	says "bad   ahead         the database is at r003, which is in no file here"
	[[ $output != *"there already"* ]] # what is pending is not known then
	mend ahead
	expect 0 mig-apply doctor
	sql -c "insert into alembic_version values ('r001')"
	expect 4 mig-apply doctor
	says "there is a row for r003 Table 3 and one for r001 Table 1, which it stands on"
	mend rows
	expect 0 mig-apply doctor
	rows_are r003
}

@test "an invalid index that was left over, an edited file, an id too long" {
	line_of 2
	mig-apply upgrade
	psql -Xq -c "insert into t1 values (1), (2)"
	psql -Xq -c "create unique index concurrently left_over on t1 ((1))" || true
	expect 4 mig-apply doctor
	says "bad   half done     index left_over of t1 is INVALID"
	mend "half done"
	expect 0 mig-apply doctor
	# what a REINDEX CONCURRENTLY leaves, also of a TOAST table
	sql -c "create table wide (id int primary key, t text)" -c "create index wide_t_ccnew on wide (t)" -c "create index wide_t_ccold1 on wide (t)"
	toast=$(sql -c "select indexrelid::regclass from pg_index where indrelid = (select reltoastrelid from pg_class where relname = 'wide')")
	sql -c "update pg_index set indisvalid = false where indexrelid in ('wide_t_ccnew'::regclass, 'wide_t_ccold1'::regclass, '$toast'::regclass)"
	expect 4 mig-apply doctor
	says "index wide_t_ccnew of wide is INVALID, left by a REINDEX CONCURRENTLY that was not done"
	says "index wide_t_ccold1 of wide is INVALID, the old one, left by a REINDEX CONCURRENTLY that was done"
	says "index $toast of wide is INVALID"
	for index in wide_t_ccnew wide_t_ccold1; do
		eval "$(sed -n "s/.*next: \(psql.*$index'\)$/\1/p" <<< "$output")"
	done
	eval "$(sed -n 's/.*next: \(psql.*pg_toast.*\)$/\1/p' <<< "$output")"
	sql -c "drop table wide"
	expect 0 mig-apply doctor
	says "whether the schema is that of the revisions: mig-apply doctor --replay"
	sed -i 's/t2 (id int/t2 (id bigint/' migrations/r002_*
	expect 4 mig-apply doctor
	says "+create table t2 (id bigint primary key);"
	sed -i 's/t2 (id bigint/t2 (id int/' migrations/r002_*
	revision r003_with_a_name_that_is_longer_than_32 r002 "Long" <<< $'-- migrate:up\nselect 1;'
	expect 4 mig-apply doctor
	says "the id has 39 characters, the column version_num has room for 32"
	mend "long id"
	expect 0 mig-apply doctor
	expect 0 mig-apply upgrade
}

@test "what is half applied is one finding, with the command that goes on" {
	line_of 1
	revision r002 r001 "Half" -h "transaction: off" <<-'END'
		-- migrate:up
		create table half (i int);
		select 1 / (select count(*) from t1);
		-- migrate:down
		drop table half;
	END
	expect 11 mig-apply upgrade
	expect 4 mig-apply doctor
	says "1 thing to mend"
	says "bad   half done     half applied: r002 Half: 1 statement is done"
	sql -c "insert into t1 values (1)"
	mend "half done"
	expect 0 mig-apply doctor
	rows_are r002
}

@test "tables that are there already: the replay names the revision that the schema matches" {
	line_of 4
	sed -i 's/create table t3.*/create table t3 (id int primary key); alter table t1 add column note text;/' migrations/r003_*
	psql -Xqc "create table t1 (id int primary key)" -c "create table t2 (id int primary key)" \
		-c "create table t3 (id int primary key)" -c "alter table t1 add column note text"
	expect 4 mig-apply doctor
	says 'table "t1" is there already, and r001 Table 1 (pending) makes it'
	says 'column "t1".note is there already, and r003 Table 3 (pending) makes it'
	says "mig-apply doctor --replay"
	expect 4 mig-apply doctor --replay
	says "the schema is that of r003 Table 3; the version table says <base>"
	says "next: mig-apply stamp --purge r003"
	mig-apply doctor --replay --json 2> /dev/null | tail -1 | jq -e '.matches == [["r003"]] and .good == false'
	scratch_is_gone
	mig-apply stamp --purge r003
	expect 0 mig-apply doctor --replay
	expect 0 mig-apply upgrade
	# by hand, and so like no revision
	psql -Xqc "alter table t4 add column extra int"
	expect 4 mig-apply doctor --replay
	says "the nearest is r004 Table 4, where 1 line differs"
	says "-column public.t4.extra integer"
	scratch_is_gone
}

@test "the replay of a database on several heads finds it where its rows say" {
	line_of 2
	revision a1 r001 "Left" <<< $'-- migrate:up\ncreate table left_one (i int);'
	revision a2 a1 "Left two" <<< $'-- migrate:up\ncreate table left_two (i int);'
	revision b1 r001 "Right" <<< $'-- migrate:up\ncreate table right_one (i int);'
	revision b2 b1 "Right two" <<< $'-- migrate:up\ncreate table right_two (i int);'
	mig-apply upgrade a1
	mig-apply upgrade b1
	expect 0 mig-apply doctor --replay
	says "the schema is that of a1 Left, b1 Right, as the version table says"
	mig-apply upgrade heads
	expect 0 mig-apply doctor --replay
	scratch_is_gone
}

@test "the replay of one of several trees: the others stand where they stand, before it and behind it" {
	line_of 2
	mkdir ai
	mv migrations kept
	revision v001 "" "Vectors" <<< $'-- migrate:up\ncreate table v1 (id int references t1);\n-- migrate:down\ndrop table v1;'
	revision v002 v001 "More" <<< $'-- migrate:up\ncreate table v2 (id int);\n-- migrate:down\ndrop table v2;'
	mv migrations ai/
	mv kept migrations
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations:
		  main: {dir: migrations}
		  ai: {dir: ai/migrations, version_table: ai_version}
		environments: {dev: {database: "dbname=$DB"}}
	END
	mig-apply upgrade
	expect 0 mig-apply doctor --replay
	says "the schema is that of r002 Table 2, as the version table says"
	says "the schema is that of v002 More, as the version table says"
	mig-apply stamp --purge ai@base
	expect 4 mig-apply doctor --replay -t ai
	says "the schema is that of v002 More; the version table says <base>"
	eval "$(sed -n 's/.*next: \(mig-apply stamp.*\)/\1/p' <<< "$output")"
	mig-apply stamp -t main r001
	expect 4 mig-apply doctor --replay -t main
	says "the schema is that of r002 Table 2; the version table says r001 Table 1"
	eval "$(sed -n 's/.*next: \(mig-apply stamp.*\)/\1/p' <<< "$output")"
	expect 0 mig-apply doctor --replay
	scratch_is_gone
}

@test "the replay of an Alembic tree" {
	need_alembic
	alembic_tree
	py_line 3
	psql -Xqc "create table t1 (id serial primary key)" -c "create table t2 (id serial primary key)"
	expect 4 mig-apply doctor
	says 't1'
	says "is there already"
	expect 4 mig-apply doctor --replay
	says "the schema is that of a002 Table 2"
	scratch_is_gone
	rows=$(sql -c "select to_regclass('alembic_version') is null")
	[ "$rows" = t ]
}

@test "safety_06 a replay that fails leaves no scratch database" {
	line_of 1
	revision r002 r001 "Broken" <<< $'-- migrate:up\nselect nosuch();'
	expect 11 mig-apply doctor --replay
	says "replaying in a scratch database"
	scratch_is_gone
	[ "$(sql -c "select count(*) from pg_class where relnamespace = 'public'::regnamespace")" = 0 ]
}
