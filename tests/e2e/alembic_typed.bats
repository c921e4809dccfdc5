# What is typed for env.py, and what it gets: as from Alembic's own command line.
load ../support/common
load ../support/migrations
load ../support/alembic
setup() {
	need_alembic
	common_setup
}

# env.py that notes what it gets
noting_tree() {
	alembic_tree "    policy: {downgrade: allow}"
	py_line 2
	sed -i '/^engine/i got = open("got", "a")\nprint(context.get_x_argument(), context.get_x_argument(as_dictionary=True), context.get_tag_argument(), file=got)\ngot.close()' alembic/env.py
	cat > alembic/offline <<-'END'
		if context.is_offline_mode():
		    context.configure(url=os.environ["DATABASE_URL"], literal_binds=True)
		    with context.begin_transaction():
		        context.run_migrations()
		    raise SystemExit
	END
	sed -i '/^engine/{
		r alembic/offline
		N
	}' alembic/env.py
}

@test "-x NAME=VALUE reaches env.py from every verb that runs it, before the verb and behind it" {
	noting_tree
	expect 0 mig-apply -x tenant=a upgrade a001
	expect 0 alembic -x tenant=a current
	[ "$(sed -n 1p got)" = "$(sed -n 2p got)" ]
	[ "$(sed -n 1p got)" = "['tenant=a'] {'tenant': 'a'} None" ]
	rm got
	two="['a=1', 'b=x=y \"z\"'] {'a': '1', 'b': 'x=y \"z\"'} None"
	for words in "upgrade -n a002" "upgrade a002" "downgrade -n -1" "downgrade -1" "upgrade --sql a001:a002" "script base:a001" "revision -m More" \
		"check" "doctor" "doctor --replay"; do
		run mig-apply $words -x a=1 --x-arg 'b=x=y "z"'
		case $words in
		revision*) # asks no env.py unless alembic.ini says so, as in Alembic
			[ ! -e got ] || return 1
			continue
			;;
		esac
		[ "$(head -1 got)" = "$two" ] || {
			echo "$words: $(cat got)" "$output"
			return 1
		}
		rm got
	done
	expect 0 mig-apply upgrade heads
	[ "$(cat got)" = "[] {} None" ]
	expect 2 mig-apply current -x a=1
	says "env.py"
	expect 2 mig-apply upgrade -x
	says "--x-arg needs a value"
	echo "revision_environment = true" >> alembic.ini
	rm got
	expect 0 mig-apply revision -m "Much more" -x tenant=b --head heads --splice
	[ "$(cat got)" = "['tenant=b'] {'tenant': 'b'} None" ]
}

@test "-x may choose the database, which must be mig's own" {
	noting_tree
	sed -i 's/^engine.*/engine = create_engine("postgresql+psycopg2:\/\/\/" + context.get_x_argument(as_dictionary=True)["db"])/' alembic/env.py
	expect 17 mig-apply upgrade -x db=postgres
	says 'env.py connects to database "postgres"'
	expect 0 mig-apply upgrade -x db=$PGDATABASE
	rows_are a002
	expect 1 mig-apply downgrade -1
	says "KeyError: 'db'"
	rows_are a002
}

@test "-x of a Flask-Migrate tree: as from flask db upgrade -x" {
	flask_app
	export DATABASE_URL="postgresql://?host=$PGHOST&port=$PGPORT&dbname=$PGDATABASE&user=$PGUSER"
	expect 0 mig init
	mkdir bin
	ln -s /usr/bin/python3 bin/python3
	PATH=$WORK/bin:$PATH
	expect 0 mig-apply revision -m "Users"
	echo 'open("got", "a").write(str(context.get_x_argument()) + "\n")' >> migrations/env.py
	expect 0 mig-apply upgrade -x tenant=a -x b
	DATABASE_URL=postgresql+psycopg2:// expect 0 python3 -m flask db upgrade -x tenant=a -x b
	expect 0 mig-apply downgrade base -y
	[ "$(cat got)" = "['tenant=a', 'b']
['tenant=a', 'b']
[]" ]
}

@test "of several trees those that have env.py get -x and --tag" {
	noting_tree
	revision v001 "" "Vectors" <<< $'-- migrate:up\ncreate table v (i int);'
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations:
		  main: {dir: alembic, python: /usr/bin/python3}
		  ai: {dir: migrations, version_table: ai_version}
		environments:
		  test: {database: "dbname=$PGDATABASE"}
	END
	expect 2 mig-apply upgrade -t ai -x a=1
	says "-x is handed to env.py"
	expect 0 mig-apply upgrade -x a=1 --tag blue
	[ "$(cat got)" = "['a=1'] {'a': '1'} blue" ]
	[ "$(sql -c "select version_num from ai_version")" = v001 ]
}

# The statements of --sql alone, one a line, in one way of writing.
statements() {
	grep -v '^--' | tr '\n\t' '  ' | tr 'A-Z"' 'a-z ' | tr ';' '\n' |
		sed 's/ returning .*//; s/alembic_version\.//g; s/ *= */ = /g; s/constraint *[a-z_]* *//; s/  */ /g; s/^ //; s/ $//; s/( /(/g; s/ )/)/g' |
		{ grep -vE '^(|begin|commit|drop table .*)$' || true; }
}

@test "stamp --sql: the statements of Alembic's" {
	noting_tree
	py b001 "'a001'" "Branch" <<< $'def upgrade(): pass\ndef downgrade(): pass'
	py m001 "('a002', 'b001')" "Merge" <<< $'def upgrade(): pass\ndef downgrade(): pass'
	for words in a001 a001:a002 a002:a001 a002 m001:a002 "a001:a002 a001:b001" a001:a001 base:m001 "a002 b001"; do
		alembic stamp --sql $words > theirs 2> log || { cat log; return 1; }
		mig-apply stamp --sql $words > ours
		statements < theirs > theirs.list
		statements < ours > ours.list
		diff theirs.list ours.list || {
			echo "stamp --sql $words"
			cat theirs ours
			return 1
		}
	done
	nothing_written
	expect 2 mig-apply stamp --sql a001:a002 b001:m001
	says "two beginnings"
	expect 2 mig-apply stamp --sql --purge a001
	expect 2 mig-apply stamp a001:a002
	says "mig-apply stamp --sql a001:a002"
	expect 14 mig-apply stamp --sql nosuch
	# it can be fed to psql, and both then stand there
	mig-apply stamp --sql a001 | sql
	rows_are a001
	mig-apply stamp --sql current:m001 | sql
	rows_are m001
	expect 0 alembic current
	says "m001 (head)"
	[ "$(mig-apply stamp --sql current:m001)" = "" ]
	mig-apply stamp --sql m001:base --json | jq -e '.direction == "stamp" and .from == "m001" and .to == "base" and (.sql | contains("delete from"))'
}

@test "what Alembic logs is what it logs by itself" {
	noting_tree
	sed -i '1i import logging, sys; logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)' alembic/env.py
	py a003 "'a002'" "Fails" <<< $'def upgrade(): op.execute("select 1 / 0")\ndef downgrade(): pass'
	expect 1 alembic upgrade head
	grep -o "Running upgrade.*" <<< "$output" > theirs
	expect 11 mig-apply upgrade
	grep -o "Running upgrade.*" <<< "$output" > ours
	[ "$(wc -l < ours)" = 3 ]
	diff theirs ours
}
