# Several trees of migrations in one project, by name.
load ../support/common
load ../support/migrations
load ../support/alembic

# two_trees "keys of main" "keys of ai"
two_trees() {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		migrations:
		  ai: {dir: ai/migrations${2:+, $2}}
		  main: {dir: migrations${1:+, $1}}
		environments:
		  test:
		    database: "dbname=$PGDATABASE"
		    policy: {downgrade: allow}
	END
	line_of 2
	mkdir -p ai
	(
		cd ai || return
		revision v001 "" "Vectors" -l vectors <<< $'-- migrate:up\ncreate table v (i int);\n-- migrate:down\ndrop table v;'
		revision v002 v001 "Models" <<< $'-- migrate:up\ncreate table m (i int);\n-- migrate:down\ndrop table m;'
	)
}

rows_of() {
	sql -c "select coalesce(string_agg(version_num, ' ' order by version_num), '') from $1"
}

@test "two trees with a table each: all by default, -t picks one" {
	two_trees "" "version_table: ai_version"
	expect 0 mig-apply upgrade
	says "test is now at r002 Table 2"
	says "test is now at v002 Models"
	[ "$(rows_of alembic_version)" = r002 ]
	[ "$(rows_of ai_version)" = v002 ]
	[ "$(sql -c "select string_agg(tree || ' ' || revision, ',' order by id) from mig.history")" = "main r001,main r002,ai v001,ai v002" ]
	expect 0 mig-apply current
	[ "$output" = "main:
r002 Table 2 (head)

ai:
v002 Models (vectors) (head)" ]
	expect 0 mig-apply current --check
	expect 0 mig-apply -t ai downgrade -1
	[ "$(rows_of ai_version)" = v001 ]
	[ "$(rows_of alembic_version)" = r002 ]
	expect 4 mig-apply current --check
	says "tree ai: the database is not at head"
	expect 0 mig-apply current --check -t main
	mig-apply current --json | tail -1 | jq -e '.at_head == false and .heads == ["r002", "v001"]
		and (.trees | length == 2) and .trees[1].tree == "ai" and .trees[0].at_head'
	mig-apply upgrade --json | tail -1 | jq -e '.applied == ["v002"] and .direction == "up"'
	expect 0 mig-apply history --applied -t ai
	[ "${#lines[@]}" = 4 ]
}

@test "revisions and labels find their tree, and a tree's name is a branch" {
	two_trees "" "version_table: ai_version"
	expect 0 mig-apply upgrade v001
	[ "$(rows_of ai_version)" = v001 ]
	[ "$(sql -c "select to_regclass('alembic_version') is null")" = t ]
	expect 0 mig-apply upgrade vectors@head
	[ "$(rows_of ai_version)" = v002 ]
	expect 0 mig-apply upgrade main@+1
	[ "$(rows_of alembic_version)" = r001 ]
	expect 0 mig-apply downgrade ai@base
	[ "$(rows_of ai_version)" = "" ]
	expect 0 mig-apply show r002
	says "Rev: r002 (head)"
	expect 0 mig-apply history -r v001:
	[ "${lines[0]}" = "* v002 Models (vectors) (head)" ]
	expect 0 mig-apply script r001:r002
	says "create table t2"
	expect 14 mig-apply upgrade nosuch
	says "no tree of migrations knows nosuch"
	expect 14 mig-apply upgrade vectros@head
	says "did you mean vectors?"
	expect 2 mig-apply heads -t aj
	says "did you mean -t ai?"
	expect 2 mig-apply revision -m "Which?"
	says "-t main, -t ai"
	expect 0 mig-apply revision -m "More vectors" -t ai --rev-id v003
	[ -e ai/migrations/v003_more_vectors.sql ]
	expect 0 mig-apply revision -m "By its head" --head r002 --rev-id r003
	[ -e migrations/r003_by_its_head.sql ]
}

@test "two trees in one version table leave each other's rows alone" {
	two_trees
	expect 0 mig-apply upgrade
	[ "$(rows_of alembic_version)" = "r002 v002" ]
	expect 0 mig-apply current --check
	expect 0 mig-apply downgrade -1 -t ai
	[ "$(rows_of alembic_version)" = "r002 v001" ]
	expect 0 mig-apply current -t main
	[ "$output" = "r002 Table 2 (head)" ]
	expect 0 mig-apply stamp --purge r001
	[ "$(rows_of alembic_version)" = "r001 v001" ]
	expect 0 mig-apply stamp base -t ai
	[ "$(rows_of alembic_version)" = "r001" ]
	sql -c "insert into alembic_version values ('zzzz')"
	expect 14 mig-apply upgrade
	says "zzzz"
	[ "$(rows_of alembic_version)" = "r001 zzzz" ]
}

@test "an Alembic tree and one of SQL, side by side" {
	need_alembic
	alembic_tree
	py_line 2
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		migrations:
		  main: {dir: alembic, python: /usr/bin/python3}
		  ai: {dir: migrations, version_table: ai_version}
		environments:
		  test:
		    database: "dbname=$PGDATABASE"
		    policy: {downgrade: allow}
	END
	revision v001 "" "Vectors" <<< $'-- migrate:up\ncreate table v (i int);\n-- migrate:down\ndrop table v;'
	expect 0 mig-apply upgrade
	[ "$(rows_of alembic_version)" = a002 ]
	[ "$(rows_of ai_version)" = v001 ]
	expect 0 alembic current
	says "a002 (head)"
	[ "$(sql -c "select string_agg(tree || ' ' || revision, ',' order by id) from mig.history")" = "main a001,main a002,ai v001" ]
	expect 0 mig-apply downgrade -1 -t main
	[ "$(rows_of alembic_version)" = a001 ]
	expect 0 mig-apply status
	says "pending    1 revision: mig-apply upgrade"
	sed -i 's/create table v (i int)/create table v (i bigint)/' migrations/v001_*.sql
	expect 17 mig-apply upgrade
	says "tree ai: migrations/v001_vectors.sql: v001 Vectors was edited"
	[ "$(rows_of alembic_version)" = a002 ]
}

@test "two trees of Alembic: a version table each; one for both is refused before anything runs" {
	need_alembic
	two_alembic_trees
	expect 17 mig-apply upgrade
	says "trees main and ai keep their rows in one table, alembic_version"
	says 'version_table="ai_version"'
	nothing_written
	expect 17 mig-apply plan -t ai
	sed -i 's/connection=connection/&, version_table="ai_version"/' ai/alembic/env.py
	sed -i 's,{dir: ai/alembic,&\, version_table: ai_version,' mig.yaml
	expect 0 mig-apply upgrade
	[ "$(rows_of ai_version)" = v002 ]
	expect 0 alembic current
	says "a002 (head)"
	cd ai
	expect 0 alembic current
	says "v002 (head)"
	cd ..
	expect 0 mig-apply downgrade ai@-1
	[ "$(rows_of alembic_version) $(rows_of ai_version)" = "a002 v001" ]
	expect 0 mig-apply downgrade v001 -t ai
	expect 0 mig-apply current
	says "v001 Vectors 1"
}

@test "SQL of several trees can be fed to psql" {
	two_trees "" "version_table: ai_version"
	mig-apply upgrade --sql heads > all.sql
	grep -q '^-- main:$' all.sql
	sql -f all.sql
	[ "$(rows_of alembic_version) $(rows_of ai_version)" = "r002 v002" ]
	mig-apply script heads:base > none.sql
	sql -f none.sql
	[ "$(rows_of alembic_version)$(rows_of ai_version)" = "" ]
	mig-apply plan -v | sql
	[ "$(rows_of alembic_version) $(rows_of ai_version)" = "r002 v002" ]
}

@test "a target that is counted moves one tree: where several could move, a choice is asked for" {
	two_trees "" "version_table: ai_version"
	expect 2 mig-apply upgrade +1
	says '"+1" could mean 2 trees of migrations: main, ai'
	says "mig-apply upgrade -t main +1    # from <base>"
	says "mig-apply upgrade -t ai +1    # from <base>"
	[ "$(sql -c "select to_regclass('alembic_version') is null and to_regnamespace('mig') is null")" = t ]
	expect 2 mig-apply plan +1
	says "mig-apply plan -t ai +1"
	expect 2 mig-apply upgrade -n +1
	says "mig-apply upgrade -t ai -n +1"
	expect 0 mig-apply upgrade -t ai +1
	expect 0 mig-apply upgrade heads
	[ "$(rows_of alembic_version) $(rows_of ai_version)" = "r002 v002" ]
	for target in -1 previous -2 current:-1; do
		expect 2 mig-apply downgrade $([ $target != current:-1 ] || echo --sql) $target
		says "\"$target\" could mean 2 trees of migrations: main, ai"
		says "$target    # from v002 Models"
	done
	expect 2 mig-apply stamp -1
	says "mig-apply stamp -t main -1    # from r002 Table 2"
	[ "$(rows_of alembic_version) $(rows_of ai_version)" = "r002 v002" ]
	eval "$(mig-apply downgrade -1 2>&1 | grep -o 'mig-apply downgrade -t ai -1')"
	[ "$(rows_of alembic_version) $(rows_of ai_version)" = "r002 v001" ]
	# one alone can be meant: the other one is at its end
	expect 0 mig-apply upgrade +1
	[ "$(rows_of ai_version)" = v002 ]
	expect 0 mig-apply downgrade base -t ai
	expect 0 mig-apply downgrade -1
	[ "$(rows_of alembic_version)$(rows_of ai_version)" = "r001" ]
	expect 0 mig-apply downgrade base
	expect 2 mig-apply downgrade -1
}

@test "advice for one of several trees leaves the others alone when it is typed as it stands" {
	two_trees
	mig-apply upgrade -t main
	mig-apply stamp heads -t ai
	[ "$(rows_of alembic_version)" = "r002 v002" ]
	expect 4 mig-apply doctor --replay -t ai
	says "the schema is that of <base>; the version table says v002 Models"
	says "next: mig-apply stamp --purge ai@base"
	eval "$(sed -n 's/.*next: \(mig-apply stamp.*\)/\1/p' <<< "$output")"
	[ "$(rows_of alembic_version)" = r002 ]
	(cd ai && revision v003 v001 "Other" <<< $'-- migrate:up\nselect 1;')
	expect 4 mig-apply heads --check -t ai
	eval "$(sed -n 's/.*make them one: \(mig-apply merge ai@heads.*\)/\1/p' <<< "$output")"
	expect 0 mig-apply heads --check -t ai
}

@test "doctor's advice names the tree, also when the database cannot be asked about its files" {
	two_trees
	(cd ai && revision v003 v001 "Other" <<< $'-- migrate:up\nselect 1;' && rm migrations/v002_*)
	(cd ai && revision v004 v002 "On what is gone" <<< $'-- migrate:up\nselect 1;')
	expect 4 env PGHOST=/nowhere PGPORT=1 mig-apply doctor -t ai
	says "down_revision v002 is in no file"
	says "next: mig-apply merge ai@heads"
}

@test "what is half taken back in one of several trees is gone on with in that tree alone" {
	two_trees "" "version_table: ai_version"
	(
		cd ai || return
		revision v003 v002 "Half" -h "transaction: off" <<< $'-- migrate:up\nselect 1;\n-- migrate:down\ncreate table a (i int);\nselect 1 / (select count(*) from a);'
	)
	expect 0 mig-apply upgrade
	expect 11 mig-apply downgrade ai@-1
	expect 0 mig-apply status -t ai
	says "half taken back: v003 Half: 1 statement is done: mig-apply downgrade ai@-1"
	expect 17 mig-apply upgrade -t ai
	says "go on with it first: mig-apply downgrade ai@-1"
	sql -c "insert into a values (1)"
	expect 0 mig-apply downgrade ai@-1
	[ "$(rows_of alembic_version) $(rows_of ai_version)" = "r002 v002" ]
}
