# One Alembic tree in several folders, and two trees that would share a version table.
load ../support/common
load ../support/migrations
load ../support/alembic
setup() {
	need_alembic
	common_setup
}

# locations "LINE of alembic.ini".. : folders alembic/versions and ai/versions of one env.py, one table
locations() {
	alembic_tree "    policy: {downgrade: allow}"
	printf '%s\n' "$@" >> alembic.ini
	py_line 2
	mkdir -p ai/versions
	py v001 None "Vectors" <<< $'def upgrade():\n    op.execute("create table v (i int)")\ndef downgrade():\n    op.execute("drop table v")'
	py v002 "'v001'" "Models" <<< $'def upgrade():\n    op.execute("create table m (i int)")\ndef downgrade():\n    op.execute("drop table m")'
	sed -i "s/^branch_labels = None/branch_labels = ('ai',)/; s/^depends_on = None/depends_on = 'a001'/" alembic/versions/v001_.py
	mv alembic/versions/v00?_.py ai/versions/
}

@test "version_locations: several folders, one env.py, one table, as Alembic has it" {
	locations 'version_locations = %(here)s/alembic/versions %(here)s/ai/versions'
	expect 0 mig-apply heads
	says "a002 Table 2 (head)"
	says "v002 Models (ai) (head)"
	expect 2 mig-apply upgrade head
	says '"heads" for all'
	expect 0 mig-apply upgrade ai@head
	rows_are "v002"
	expect 0 alembic current
	says "v002 (head)"
	expect 0 mig-apply upgrade heads
	rows_are "a002 v002"
	alembic upgrade heads 2>&1 | grep -c Running && false
	expect 0 mig-apply current --check
	expect 2 mig-apply downgrade -1
	says "mig-apply downgrade a002@-1"
	expect 0 mig-apply downgrade ai@-1
	rows_are "a002 v001"
	expect 0 alembic downgrade ai@base
	expect 0 mig-apply current
	[ "$output" = "a002 Table 2 (head)" ]
	# a new revision lies where its branch does
	expect 0 mig-apply revision -m "More models" --head ai@head --rev-id v003
	[ -e ai/versions/v003_more_models.py ]
	expect 0 mig-apply revision -m "More tables" --head a002 --rev-id a003
	[ -e alembic/versions/a003_more_tables.py ]
	expect 0 mig-apply upgrade heads
	rows_are "a003 v003"
	expect 0 alembic downgrade base
	rows_are ""
}

# many COUNT: a line m0001.., one file each, in alembic/versions
many() {
	/usr/bin/python3 - "$1" <<-'END'
		import sys
		for i in range(1, int(sys.argv[1]) + 1):
		    down = "None" if i == 1 else f"'m{i - 1:04}'"
		    with open(f"alembic/versions/m{i:04}_.py", "w") as file:
		        file.write(f'"""Step {i}"""\nrevision = "m{i:04}"\ndown_revision = {down}\n' + "# padding\n" * (i % 50))
	END
}

@test "hundreds of files are read by whoever is free: each has its own text, the first bad one is told" {
	alembic_tree
	many 700
	mkdir alembic/versions/later
	mv alembic/versions/m065?_.py alembic/versions/later/
	for file in alembic/versions/later/*.py; do
		ln -s "later/${file##*/}" "alembic/versions/link_${file##*/}"
	done
	expect 0 mig-apply history
	[ "$(grep -c . <<< "$output")" = 700 ]
	awk '{ want = 700 - NR + 1; if ($2 != sprintf("m%04d", want) || $4 != want) exit 1 }' <<< "$output"
	expect 0 mig-apply show m0655 -v
	says "link_m0655_.py"
	for name in m0600 m0300; do
		truncate -s 65M "alembic/versions/${name}_.py"
		expect 1 mig-apply heads
		says "${name}_.py is larger than"
	done
}

@test "recursive_version_locations: folders inside count, once, also behind a link that leads back" {
	alembic_tree
	py_line 3
	mkdir -p alembic/versions/2025/spring
	mv alembic/versions/a002_.py alembic/versions/2025/
	mv alembic/versions/a003_.py alembic/versions/2025/spring/
	ln -s .. alembic/versions/2025/spring/back
	expect 0 mig-apply heads
	[ "$output" = "a001 Table 1 (head)" ]
	echo 'recursive_version_locations = true' >> alembic.ini
	expect 0 mig-apply history
	[ "$(awk '{ printf "%s ", $2 }' <<< "$output")" = "a003 a002 a001 " ]
}

@test "version_path_separator: os, and folders relative to where one types alembic" {
	locations 'version_locations = alembic/versions:ai/versions' 'version_path_separator = os'
	expect 0 mig-apply upgrade heads
	rows_are "a002 v002"
	expect 0 alembic current
	says "v002 (head)"
}

@test "sections of alembic.ini: the one whose tree it is, with what [DEFAULT] says and %(names)s" {
	locations
	mkdir -p jobs/versions
	cp alembic/env.py alembic/script.py.mako jobs/
	sed -i 's/context.configure(/&version_table=context.config.get_main_option("rows"), /' */env.py
	cat > alembic.ini <<-'END'
		[DEFAULT]
		rows = alembic_version
		more = %(here)s/ai

		[main]
		script_location = alembic
		Version_Locations = %(Script_Location)s/versions %(more)s/versions
		[jobs]
		script_location : %(here)s/jobs
		rows = jobs_version
		file_template = jobs_%%(rev)s
	END
	sed -i 's,^migrations:.*,migrations: {main: {dir: alembic\, python: /usr/bin/python3}\, jobs: {dir: jobs\, python: /usr/bin/python3\, version_table: jobs_version}},' mig.yaml
	expect 0 mig-apply -t jobs revision -m "First job" --rev-id j001
	[ -e jobs/versions/jobs_j001.py ]
	expect 0 mig-apply upgrade heads
	rows_are "a002 v002"
	[ "$(sql -c "select version_num from jobs_version")" = j001 ]
	expect 0 alembic -n main current
	says "v002 (head)"
	expect 0 alembic -n jobs current
	says "j001 (head)"
	sed -i 's,^migrations:.*,migrations: {dir: .\, format: alembic\, python: /usr/bin/python3},' mig.yaml
	expect 3 mig-apply heads
	says "alembic.ini has several trees: alembic, "
	says "migrations: {main: {dir: alembic}, NAME: {dir: "
}

@test "version_locations in pyproject.toml are refused, not passed over" {
	locations
	rm alembic.ini
	printf '[tool.alembic]\nscript_location = "%%(here)s/alembic"\n\n[tool.other]\nversion_locations = 1\n' > pyproject.toml
	expect 0 mig-apply heads
	says "a002"
	sed -i 's,^script_location.*,&\nversion_locations = [\n  "%(here)s/alembic/versions"\, "%(here)s/ai/versions"],' pyproject.toml
	expect 3 mig-apply heads
	says "pyproject.toml: version_locations of [tool.alembic] are not read"
	printf '[alembic]\nscript_location = alembic\nversion_locations = %%(here)s/alembic/versions %%(here)s/ai/versions\n' > alembic.ini
	expect 0 mig-apply heads
	says "v002"
}

@test "prepend_sys_path holds where a header has to be asked from Python, too" {
	locations 'prepend_sys_path = src:lib' 'version_path_separator = os'
	mkdir src lib
	echo 'BEFORE = "a002"' > lib/names.py
	py a003 "__import__('names').BEFORE" "Computed" <<< $'def upgrade(): pass\ndef downgrade(): pass'
	expect 0 mig-apply heads
	says "a003 Computed"
	expect 0 mig-apply upgrade heads
	rows_are "a003"
	expect 0 alembic current
	says "a003 (head)"
}

@test "two env.py with one table: both ways out work as they are advised" {
	two_alembic_trees
	for words in upgrade "upgrade -t ai" plan "upgrade -n -t main"; do
		expect 17 mig-apply $words
		says "trees main and ai keep their rows in one table, alembic_version: Alembic stops at a row of the other tree"
		says '/ai/alembic/env.py: context.configure(.., version_table="ai_version")'
		says "mig.yaml: ai: {version_table: ai_version, ..}"
		says "version_locations"
	done
	nothing_written
	expect 0 alembic upgrade head
	(cd ai && run alembic current && [ "$status" != 0 ])
	# one tree in two folders, with one entry in mig.yaml
	mkdir one
	cp -r alembic alembic.ini ai mig.yaml one/
	cd one
	echo "version_locations = alembic/versions ai/alembic/versions" >> alembic.ini
	sed -i 's/^  main:.*/  dir: alembic/; s,^  ai:.*,  python: /usr/bin/python3,' mig.yaml
	expect 0 mig-apply upgrade heads
	rows_are "a002 v002"
	expect 0 alembic current
	expect 0 mig-apply downgrade v002@base
	rows_are "a002"
	cd ..
	# a table each
	sed -i 's/connection=connection/&, version_table="ai_version"/' ai/alembic/env.py
	sed -i 's,{dir: ai/alembic,&\, version_table: ai_version,' mig.yaml
	expect 0 mig-apply upgrade
	[ "$(sql -c "select version_num from ai_version")" = v002 ]
	rows_are "a002"
}

@test "a table that has rows of both already: the advice says how they part" {
	two_alembic_trees
	expect 0 alembic upgrade head
	sql -c "insert into alembic_version values ('v001')" -c "create table v1 (id int primary key)"
	for words in "downgrade -t main -1" "upgrade -t ai"; do
		expect 17 mig-apply $words
		says "trees main and ai keep"
		says "mig-apply stamp -t ai v001"
	done
	sed -i 's/connection=connection/&, version_table="ai_version"/' ai/alembic/env.py
	sed -i 's,{dir: ai/alembic,&\, version_table: ai_version,' mig.yaml
	eval "$(grep -o "mig-apply stamp -t ai .*" <<< "$output")"
	eval "$(grep -o "psql -d .*" <<< "$output")"
	expect 0 mig-apply upgrade
	rows_are a002
	[ "$(sql -c "select version_num from ai_version")" = v002 ]
}

@test "a tree of SQL that shares with one of Alembic is refused likewise, and needs no env.py" {
	alembic_tree
	py_line 1
	revision v001 "" "Vectors" <<< $'-- migrate:up\ncreate table v (i int);'
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations:
		  main: {dir: alembic, python: /usr/bin/python3}
		  ai: {dir: migrations}
		environments:
		  test: {database: "dbname=$PGDATABASE"}
	END
	expect 17 mig-apply upgrade
	says "mig.yaml: ai: {version_table: ai_version, ..}"
	[[ $output != *env.py* ]]
	nothing_written
	expect 0 mig-apply current
	expect 0 mig-apply history
}
