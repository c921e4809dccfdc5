# The way back from a checkout that has not the file.
load ../support/common
load ../support/migrations
load ../support/alembic

repository() {
	git init -q . && git add -A
	git -c user.name=t -c user.email=t@localhost commit -qm "files"
}

@test "downgrade --from-history takes back what is in no file here, and shows its text" {
	line_of 2
	revision side r002 "A label" -l blue -d r001 <<< $'-- migrate:up\ncreate table s (i int);\n-- migrate:down\ndrop table s; -- as it was'
	revision tip side "The tip" <<< $'-- migrate:up\ncreate table u (i int);\n-- migrate:down\ndrop table u;'
	mig-apply upgrade
	mkdir newer
	mv migrations/side_* migrations/tip_* newer/
	expect 14 mig-apply downgrade -1 -y
	says "tip, which is in no file here"
	says "tip The tip was applied 20"
	says "mig-apply downgrade --from-history -1"
	expect 0 mig-apply history --applied
	says "up    tip The tip, "
	rows_are tip
	expect 0 mig-apply downgrade --from-history -n r002
	says "drop table u;"
	says "drop table s"
	rows_are tip
	expect 0 mig-apply downgrade --from-history -1 -y
	says "from mig.history, to take back tip The tip:"
	says "drop table u;"
	rows_are side
	expect 0 mig-apply downgrade --from-history r001 -y --json
	says '"from_history"'
	rows_are r001
	[ "$(sql -c "select coalesce(to_regclass('s')::text, '') || coalesce(to_regclass('t2')::text, '')")" = "" ]
	expect 0 mig-apply current
	says "r001 Table 1"
}

@test "safety_21 production is asked before SQL out of a table runs, whatever the policy" {
	mig_yaml "    policy: {downgrade: allow, upgrade: {}, destructive: allow}"
	line_of 2
	mig-apply upgrade -y
	rm migrations/r002_*
	expect 17 mig-apply downgrade --from-history -1
	says "drop table t2;"
	rows_are r002
	expect 0 mig-apply downgrade --from-history -1 -y
	rows_are r001
}

@test "safety_21 SQL out of a table that strangers may write is refused" {
	line_of 2
	mig-apply upgrade
	rm migrations/r002_*
	psql -Xqc "create role stranger_$DB" -c "grant usage on schema mig to stranger_$DB"
	expect 17 mig-apply downgrade --from-history -1 -y
	says "schema mig in database $DB is not mig's own"
	rows_are r002
	psql -Xqc "drop owned by stranger_$DB" -c "drop role stranger_$DB"
}

@test "what mig.history does not have is said, with the checkout that has it" {
	line_of 2
	mig-apply upgrade
	repository
	rm migrations/r002_*
	git -c user.name=t -c user.email=t@localhost commit -qam "gone"
	sql -c "update mig.history set down_sql = null where revision = 'r002'"
	expect 14 mig-apply downgrade --from-history -1 -y
	says "mig.history has no down SQL of revision r002"
	says "git -C $PWD/migrations checkout $(git rev-parse --short HEAD~1) -- ."
	eval "$(sed -n 's/^hint: //p' <<< "$output")"
	expect 0 mig-apply downgrade -1 -y
	rows_are r001
	sql -c "truncate alembic_version" -c "insert into alembic_version values ('zzzz')"
	expect 14 mig-apply downgrade --from-history -1 -y
	says "no down SQL of revision zzzz"
	says "no commit of $PWD/migrations has them"
}

@test "an Alembic revision that is missing: the exact git checkout" {
	need_alembic
	alembic_tree
	py_line 3
	repository
	mig-apply upgrade -y
	rm alembic/versions/a003_.py alembic/versions/a002_.py
	git -c user.name=t -c user.email=t@localhost commit -qam "an older checkout"
	expect 14 mig-apply downgrade -1 -y
	says "a003, which is in no file here"
	says "git -C $PWD/alembic checkout $(git rev-parse --short HEAD~1) -- ."
	expect 17 mig-apply downgrade --from-history -1 -y
	says "code of format alembic is not run out of a table"
	hint=$(sed -n 's/^hint: //p' <<< "$output")
	eval "$hint"
	expect 0 mig-apply downgrade -1 -y
	rows_are a002
	# without git it is said
	rm alembic/versions/a002_.py alembic/versions/a003_.py
	mkdir bin
	ln -s "$(command -v psql)" bin/
	PATH=$BUILD/bin:$PWD/bin expect 14 mig-apply downgrade -1 -y
	says "git is not installed here"
}

@test "an Alembic revision that is missing from another of version_locations" {
	need_alembic
	alembic_tree
	printf 'version_locations = %%(here)s/alembic/versions %%(here)s/more\n' >> alembic.ini
	py_line 2
	mkdir more
	mv alembic/versions/a002_.py more/
	repository
	mig-apply upgrade -y
	rm more/a002_.py
	git -c user.name=t -c user.email=t@localhost commit -qam "an older checkout"
	[ ! -e more ] || rmdir more
	expect 14 mig-apply downgrade -1 -y
	says "a002 Table 2 was applied"
	eval "$(sed -n 's/^hint: this checkout is older than the database: //p' <<< "$output")"
	expect 0 mig-apply downgrade -1 -y
	rows_are a001
}

@test "files of an Alembic tree are named as one types them beside mig.yaml, wherever their folder is" {
	need_alembic
	alembic_tree
	mkdir app more
	printf 'version_locations = %%(here)s/alembic/versions %%(here)s/../more\n' >> alembic.ini
	py_line 2
	mv alembic/versions/a002_.py more/
	mv alembic alembic.ini app/
	sed -i 's,dir: alembic,dir: app/alembic,' mig.yaml
	repository
	mig-apply upgrade -y
	sed -i "s/'t2'/'other'/" more/a002_.py
	sed -i "s/'t1'/'other'/" app/alembic/versions/a001_.py
	expect 17 mig-apply upgrade
	eval "$(sed -n 's/^hint: put the text back (\(git log -p -- [^)]*\)).*/\1/p' <<< "$output")" | grep "^+.*create_table('t"
	git -c user.name=t -c user.email=t@localhost checkout -q app
	expect 17 mig-apply upgrade
	says "a002 Table 2 was edited"
	eval "$(sed -n 's/^hint: put the text back (\(git log -p -- [^)]*\)).*/\1/p' <<< "$output")" | grep "^+.*create_table('t2"
}
