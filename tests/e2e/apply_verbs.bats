# The verbs of mig-apply that look, write files and print SQL.
load ../support/common
load ../support/migrations
load ../support/alembic

# base - left (label left), base - right, each with a table
fork() {
	revision aaaa "" "Base" <<< $'-- migrate:up\ncreate table a (i int);\n-- migrate:down\ndrop table a;'
	revision bbbb aaaa "Left" -l left <<< $'-- migrate:up\ncreate table b (i int);\n-- migrate:down\ndrop table b;'
	revision cccc aaaa "Right" <<< $'-- migrate:up\ncreate table c (i int);\n-- migrate:down\ndrop table c;'
}

@test "history draws branches and merges, entries beside their lanes" {
	fork
	revision mmmm "bbbb, cccc" "Both" <<< ""
	revision dddd mmmm "After" -d left <<< $'-- migrate:up\nselect 1;'
	expect 0 mig-apply history
	[ "$output" = "* dddd After (left) (depends on left) (head)
* mmmm Both (left) (mergepoint)
|\\
| * cccc Right
* | bbbb Left (left)
|/
* aaaa Base (branchpoint)" ]
	expect 0 mig-apply history --verbose
	says "* Rev: dddd (head)"
	says "| Parent: mmmm Both"
	says "| * Rev: cccc"
	says "* | Rev: bbbb"
	says "| | Parent: aaaa Base"
	says "  Parent: <base>"
	mig-apply history --json | tail -1 | jq -e '.revisions | length == 5'
}

@test "history -r: ranges with open, relative and current ends" {
	line_of 5
	expect 0 mig-apply history -r r002:r003
	[ "$output" = "* r003 Table 3
* r002 Table 2" ]
	expect 0 mig-apply history -r r004:
	[ "${#lines[@]}" = 2 ]
	expect 0 mig-apply history --range=-1:r003
	[ "${lines[1]}" = "* r002 Table 2" ]
	expect 0 mig-apply history -r:r001
	[ "$output" = "* r001 Table 1" ]
	mig-apply upgrade r003
	expect 0 mig-apply history -r current: -i
	[ "$output" = "* r005 Table 5 (head)
* r004 Table 4
* r003 Table 3 (current)" ]
	expect 0 mig-apply history -r-1:current
	[ "${#lines[@]}" = 2 ]
	mig-apply history -r r004: --json | tail -1 | jq -e '[.revisions[].revision] == ["r005", "r004"]'
	expect 2 mig-apply history -r r004:r002
	says "the older one comes first"
	expect 2 mig-apply history -r r004
	says '"r004" is no range'
	expect 14 mig-apply history -r r009:
	says "did you mean"
}

@test "history --applied: what was done, by whom, how long; also as Markdown" {
	line_of 2
	expect 14 mig-apply history --applied
	says "mig has applied nothing there"
	mig-apply upgrade
	mig-apply downgrade -1 -y
	expect 0 mig-apply history --applied
	[ "${#lines[@]}" = 3 ]
	[[ ${lines[0]} =~ ^20[0-9-]+\ [0-9:]+\ UTC\ \ down\ \ r002\ Table\ 2,\ [0-9.]+\ s,\ by\ owner\ on ]]
	expect 0 mig-apply history --applied --markdown
	[ "${lines[0]}" = "| when (UTC) | what | revision | message | took | who | host |" ]
	says '| up | `r001` | Table 1 |'
	mig-apply history --applied --json | tail -1 | jq -e '.applied | length == 3
		and .[2].revision == "r001" and .[0].direction == "down" and (.[0].duration_ms >= 0) and .[0].who == "owner"'
	expect 2 mig-apply history --markdown
	expect 2 mig-apply history --applied -r r001:
}

@test "every time in JSON has its zone, in whatever zone the server and the host are" {
	line_of 1
	mig_yaml "    stores: [near]
    maintenance: [{file: closed}]
stores:
  near: {url: $WORK/near}" false
	sql -c "alter role owner set timezone = 'Asia/Kolkata'" -c "alter role owner set datestyle = 'German'"
	export TZ=America/New_York
	mig-apply upgrade --json > all 2>&1
	mig-backup create --json >> all 2>&1
	mig-maintenance on --json -y >> all 2>&1 || true
	for words in "mig-apply history --applied" "mig-apply history" "mig-apply current" "mig-apply status" \
		"mig-apply doctor" "mig-backup list" "mig-backup status" "mig-backup show latest" \
		"mig-maintenance status" "mig-restore copies" "mig status"; do
		$words --json >> all 2>&1 || true
	done
	find . -name 'proof.json' -o -name '*.jsonl' | xargs cat >> all
	sql -c "alter role owner reset all"
	[ "$(grep -c '"event": *"result"' all)" -ge 10 ]
	jq -r '.. | strings | select(test("^[0-9]{2,4}[-./][0-9]{2}[-./][0-9]{2,4}[ T]"))' all > times
	[ "$(wc -l < times)" -ge 10 ]
	run grep -vE '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$' times
	[ "$output" = "" ]
}

@test "branches, heads and show, with --verbose and JSON" {
	fork
	expect 0 mig-apply branches
	[ "$output" = "aaaa Base (branchpoint)
     -> bbbb Left (left) (head)
     -> cccc Right (head)" ]
	expect 0 mig-apply branches --verbose
	says "Branches into: bbbb Left, cccc Right"
	mig-apply branches --json | tail -1 | jq -e '.branches[0].revision == "aaaa" and .branches[0].into == ["bbbb", "cccc"]'
	expect 0 mig-apply heads --verbose
	says "Rev: cccc (head)"
	expect 4 mig-apply heads --check
	says "mig-apply merge heads"
	expect 2 mig-apply show
	says '"head" is 2 revisions'
	expect 0 mig-apply show left
	says "Rev: bbbb (head)"
	mig-apply upgrade cccc
	expect 0 mig-apply show current
	says "Rev: cccc (head) (current)"
	expect 0 mig-apply current --verbose
	says "Rev: cccc (head)"
}

@test "merge makes several heads one: by ids, labels, all of them" {
	fork
	expect 0 mig-apply merge left cccc --rev-id m001
	grep -q '^-- down_revision: bbbb, cccc$' migrations/m001_merge_bbbb_and_cccc.sql
	expect 0 mig-apply heads --check
	expect 2 mig-apply merge heads
	says "there is one head"
	rm migrations/m001*
	expect 0 mig-apply merge heads -m "Both" --rev-id m002 --branch-label both
	grep -q '^-- branch_labels: both$' migrations/m002_both.sql
	mig-apply upgrade
	rows_are m002
	mig-apply show m002 --json | tail -1 | jq -e '.revisions[0].mergepoint'
	expect 2 mig-apply merge bbbb left
	says "two revisions or more"
	expect 17 mig-apply merge bbbb m002
	says "bbbb Left is not a head"
	expect 14 mig-apply merge bbbb nosuch
	expect 2 mig-apply merge
	says "is missing"
	[ "$(find migrations -name '*.sql' | wc -l)" = 4 ]
	rm migrations/m002*
	mig-apply merge heads --json | tail -1 | jq -e '.merges == ["bbbb", "cccc"] and (.path | test("merge_bbbb_and_cccc.sql$"))'
}

@test "script prints the SQL as it would run, in either direction, and psql can run it" {
	fork
	revision mmmm "bbbb, cccc" "Both" <<< ""
	expect 0 mig-apply script
	says "create table"
	echo "$output" | psql -Xq -v ON_ERROR_STOP=1
	rows_are mmmm
	expect 0 mig-apply current --check
	expect 0 mig-apply script mmmm:aaaa
	says "-- downgrade mmmm Both"
	echo "$output" | psql -Xq -v ON_ERROR_STOP=1
	rows_are aaaa
	expect 0 mig-apply script current:bbbb
	echo "$output" | psql -Xq -v ON_ERROR_STOP=1
	rows_are bbbb
	expect 0 mig-apply upgrade --sql bbbb:mmmm
	echo "$output" | psql -Xq -v ON_ERROR_STOP=1
	rows_are mmmm
	expect 0 mig-apply downgrade --sql mmmm:-1
	echo "$output" | psql -Xq -v ON_ERROR_STOP=1
	rows_are "bbbb cccc"
	expect 0 mig-apply script left:base
	says "drop table a;"
	expect 0 mig-apply script aaaa:
	says "-- upgrade mmmm Both"
	PGHOST=/nowhere expect 0 mig-apply upgrade --sql aaaa
	says 'create table "alembic_version" (version_num varchar(32)'
	expect 2 mig-apply downgrade --sql aaaa
	says "needs both ends"
	expect 14 mig-apply script aaaa:zzzz
	mig-apply script aaaa:bbbb --json | tail -1 | jq -e '.direction == "up" and .from == "aaaa" and .to == "bbbb" and (.sql | test("create table b"))'
}

@test "script: what needs no transaction, backfills, settings and what a revision SETs run in psql as under mig" {
	line_of 2
	revision s001 r002 "Dumped" <<-'END'
		-- migrate:up
		set search_path = '';
		create table public.side (id int, v text);
		insert into public.side select g from generate_series(1, 10) g;
		-- migrate:verify
		select count(*) = 10 from public.side;
		-- migrate:down
		drop table side;
	END
	revision c001 s001 "Index" -h "transaction: off" <<-'END'
		-- migrate:up
		create unique index concurrently side_id on side (id);
		comment on table side is 'x';
		-- migrate:down
		drop index concurrently side_id;
	END
	revision b001 c001 "Fill" <<-'END'
		-- migrate:up
		alter table side alter id set not null;
		-- migrate:backfill table=side key=id
		update side set v = current_setting('app.words') where v is null
		-- migrate:down
		alter table side alter id drop not null;
	END
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations: {dir: migrations, settings: {app.words: "it's"}}
		environments: {dev: {database: "dbname=$DB", policy: {destructive: allow, downgrade: allow}}}
	END
	psql -Xqc "drop database if exists ${DB}_psql" -c "create database ${DB}_psql" postgres
	mig-apply script > up.sql
	expect 0 psql -Xq -v ON_ERROR_STOP=1 -d "${DB}_psql" -f up.sql
	expect 0 mig-apply upgrade
	diff <(plain_dump -N mig) <(plain_dump "${DB}_psql")
	[ "$(sql -d "${DB}_psql" -c "select distinct v from side")" = "it's" ]
	mig-apply script head:base > down.sql
	expect 0 psql -Xq -v ON_ERROR_STOP=1 -d "${DB}_psql" -f down.sql
	expect 0 mig-apply downgrade base
	diff <(plain_dump -N mig) <(plain_dump "${DB}_psql")
	psql -Xqc "drop database ${DB}_psql" postgres
}

@test "script of an Alembic tree is its own Alembic's offline SQL" {
	need_alembic
	alembic_tree
	py_line 3
	expect 0 mig-apply script
	says "CREATE TABLE t3"
	mig-apply script | psql -Xq -v ON_ERROR_STOP=1
	rows_are a003
	expect 0 mig-apply downgrade --sql a003:a001
	says "DROP TABLE t2"
	mig-apply script a003:a001 | psql -Xq -v ON_ERROR_STOP=1
	rows_are a001
	expect 0 alembic current
	says "a001"
}

@test "--tag reaches env.py, and is refused where there is none" {
	line_of 1
	expect 2 mig-apply upgrade --tag x
	says "--tag is handed to env.py"
	need_alembic
	rm -r migrations
	alembic_tree
	py_line 1
	echo 'open("tag", "a").write(str(context.get_tag_argument()) + "\n")' >> alembic/env.py
	expect 0 mig-apply upgrade --tag blue
	expect 0 mig-apply script --tag green
	[ "$(tr '\n' ' ' < tag)" = "blue green " ]
}

@test "status: all on one page" {
	line_of 3
	expect 0 mig-apply status
	says "current    <base>: nothing is applied"
	says "pending    3 revisions: mig-apply upgrade"
	says "edited     unknown: mig has applied nothing here"
	mig-apply upgrade r002
	expect 0 mig-apply status
	says "current    r002 Table 2"
	says "pending    1 revision: mig-apply upgrade"
	says "             r003 Table 3"
	says "edited     nothing since it was applied"
	says "half done  nothing"
	says "run key    free"
	sed -i 's/create table t1 (id int/create table t1 (id bigint/' migrations/r001_*.sql
	psql -Xq -c "create table big (i int)" -c "insert into big values (1), (1)"
	psql -Xq -c "create unique index concurrently big_i on big (i)" || true
	mkfifo gate
	PGAPPNAME="mig-run someone" psql -Xq -c "select pg_advisory_lock(('x' || left(encode(sha256('mig:run:$DB'::bytea), 'hex'), 16))::bit(64)::bigint)" \
		-c "\\! cat gate" postgres > /dev/null &
	sleep 0.5
	expect 0 mig-apply status
	says "edited     r001 Table 1 (migrations/r001_table_1.sql), applied 20"
	says "half done  index big_i of big is INVALID: psql -d $DB -c 'drop index concurrently big_i'"
	says "run key    mig-run someone (pid "
	mig-apply status --json | tail -1 | jq -e '.heads == ["r002"] and .pending[0].revision == "r003" and .edited == ["r001"]
		and .key.holder == "mig-run someone" and (.half_applied | length == 1)'
	echo > gate
	wait
	cp migrations/r003_*.sql kept.sql
	rm migrations/r002_*.sql migrations/r003_*.sql
	expect 0 mig-apply status
	says "r002 (in no file of"
}

@test "a file that was edited after it was applied is refused with what changed" {
	line_of 2
	mig-apply upgrade
	sed -i 's/create table t2 (id int primary key);/create table t2 (id bigint primary key);/' migrations/r002_*.sql
	expect 17 mig-apply upgrade
	says "error: migrations/r002_table_2.sql: r002 Table 2 was edited after it was applied"
	says "--- migrations/r002_table_2.sql as it was applied"
	says "-create table t2 (id int primary key);"
	says "+create table t2 (id bigint primary key);"
	mig-apply upgrade --json 2>&1 | tail -1 | jq -e '.code == 17 and (.detail | test("\\+create table t2"))'
	need_alembic
	rm -r migrations
	psql -Xqc "drop schema mig cascade" -c "drop table alembic_version, t1, t2"
	alembic_tree
	py_line 1
	mig-apply upgrade
	sed -i "s/'t1', sa.Column('id', sa.Integer/'t1', sa.Column('id', sa.BigInteger/" alembic/versions/a001_.py
	expect 17 mig-apply upgrade
	says "-    op.create_table('t1', sa.Column('id', sa.Integer, primary_key=True))"
	says "+    op.create_table('t1', sa.Column('id', sa.BigInteger, primary_key=True))"
}

@test "what was done last to a revision is told by the ids of mig.history, wherever its rows lie" {
	line_of 2
	mig-apply upgrade
	sed -i 's/create table t2 (id int primary key);/create table t2 (id bigint primary key);/' migrations/r002_*.sql
	mig-apply stamp r001
	mig-apply stamp r002
	psql -Xqc "update mig.history set detail = detail where direction = 'up' and revision = 'r002'"
	[ "$(sql -c "select direction from mig.history where revision = 'r002' order by ctid desc limit 1")" = up ]
	expect 0 mig-apply upgrade
	expect 0 mig-apply status
	says "nothing since it was applied"
	psql -Xqc "delete from mig.history where direction = 'stamp'"
	expect 17 mig-apply upgrade
	says "r002 Table 2 was edited after it was applied"
	expect 0 mig-apply status
	says "r002 Table 2 (migrations/r002_table_2.sql), applied $(date -u +%Y)"
}

@test "words of Flask, Django and other tools are answered with the right command" {
	local row words wanted
	while IFS='|' read -r words wanted; do
		# shellcheck disable=SC2086 # they are words
		expect 2 $words
		says "$wanted"
		# shellcheck disable=SC2086
		$words --json 2>&1 | tail -1 | jq -e '.code == 2 and (.hint | length > 0)'
	done <<-'END'
		mig-apply migrate|mig-apply upgrade
		mig-apply migrate -m x|mig-apply revision --autogenerate -m
		mig-apply db upgrade|without "db": mig-apply upgrade
		mig-apply db migrate|mig-apply revision --autogenerate
		mig-apply db|without "db": mig-apply upgrade
		mig db upgrade|without "db": mig-apply upgrade
		mig migrate|mig-apply upgrade
		mig makemigrations|mig-apply revision --autogenerate -m
		mig-apply makemigrations|mig-apply revision --autogenerate -m
		mig-apply rollback|mig-apply downgrade -1
		mig-apply showmigrations|mig-apply history -i
		mig-apply force 3|mig-apply stamp TARGET
		mig-apply upgarde|did you mean: mig-apply upgrade
		mig-apply create|createdb NAME makes a database; a snapshot: mig-backup create
	END
}

@test "the verbs on a tree of dbmate" {
	mkdir -p db/migrations
	local i
	for i in 1 2 3; do
		printf -- '-- migrate:up\ncreate table d%d (i int);\n\n-- migrate:down\ndrop table d%d;\n' "$i" "$i" \
			> "db/migrations/2026010${i}_table_$i.sql"
	done
	expect 0 mig-apply history
	[ "${#lines[@]}" = 3 ]
	expect 0 mig-apply script
	echo "$output" | psql -Xq -v ON_ERROR_STOP=1
	[ "$(sql -c "select string_agg(version, ' ' order by version) from schema_migrations")" = "20260101 20260102 20260103" ]
	expect 0 mig-apply status
	says "pending    nothing"
	expect 0 mig-apply script 20260103:20260101
	says "drop table d2"
	[[ $output != *"drop table d1"* ]]
	echo "$output" | psql -Xq -v ON_ERROR_STOP=1
	expect 0 mig-apply script 20260101:20260102
	says "create table d2"
	[[ $output != *"create table d1"* ]]
	expect 0 mig-apply doctor
	expect 0 mig-apply doctor --replay
	says "the schema is that of 20260101"
	expect 2 mig-apply merge heads
	expect 2 mig-apply rebase 20260102 --onto 20260101
	says "know no parents"
}
