# mig-apply rebase: only the header moves, and only when nobody has the revision.
load ../support/common
load ../support/migrations
load ../support/alembic

teardown() {
	sql -c "drop database if exists ${DB}_two with (force)" postgres
	common_teardown
}

two_envs() {
	sql -c "create database ${DB}_two" postgres
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		migrations: {dir: ${1:-migrations}, python: /usr/bin/python3}
		environments:
		  staging: {database: "dbname=$DB"}
		  production: {database: "dbname=${DB}_two"}
	END
}

# r001 - r002 (head), and mine, begun on r001
private() {
	line_of 2
	cat > migrations/mine.sql <<-'END'
		-- revision: mine
		--   down_revision:   r001   
		-- message: My own
		-- a remark: stays

		-- migrate:up
		create table mine (i int);  -- down_revision: nobody
		-- migrate:down
		drop table mine;
	END
	chmod 644 migrations/mine.sql
}

@test "rebase rewrites the header alone, and the heads are one" {
	private
	two_envs
	expect 4 mig-apply heads --check
	cp migrations/mine.sql before.sql
	expect 0 mig-apply rebase mine --onto r002 -n
	says "-  down_revision:   r001" || says "---   down_revision:   r001"
	says "mine My own would stand on r002 Table 2"
	cmp migrations/mine.sql before.sql
	expect 0 mig-apply rebase mine --onto r002
	says "mine My own stands on r002 Table 2 (migrations/mine.sql)"
	sed 's/^--   down_revision:   r001 *$/--   down_revision:   r002   /' before.sql | cmp - migrations/mine.sql
	[ "$(stat -c %a migrations/mine.sql)" = 644 ]
	expect 0 mig-apply heads --check
	expect 0 mig-apply upgrade -e staging
	rows_are mine
	# again, and JSON
	mig-apply downgrade -e staging r002 -y
	mig-apply rebase mine --onto r001 --json | tail -1 | jq -e '.revision == "mine" and .from == ["r002"] and .onto == "r001"
		and .asked == ["staging", "production"] and .written'
}

@test "an Alembic file keeps its formatting, comments, quotes and line ends" {
	need_alembic
	alembic_tree
	py_line 2
	cat > alembic/versions/mine.py <<-'END'
		"""My own

		Revision ID: mine
		Revises: a001
		Create Date: 2026-01-02

		"""
		from typing import Union  # Revises: nobody

		revision: str = "mine"
		down_revision: Union[str, None] = "a001"  # on the first
		branch_labels = None
		depends_on = None

		def upgrade():
		    pass

		def downgrade():
		    pass
	END
	sed -i 's/$/\r/' alembic/versions/mine.py
	cp alembic/versions/mine.py before.py
	expect 0 mig-apply rebase mine --onto a002
	diff before.py alembic/versions/mine.py | tr -d '\r' > changes || true
	[ "$(cat changes)" = '4c4
< Revises: a001
---
> Revises: a002
11c11
< down_revision: Union[str, None] = "a001"  # on the first
---
> down_revision: Union[str, None] = "a002"  # on the first' ]
	grep -c $'\r$' alembic/versions/mine.py | grep -qx "$(wc -l < before.py)"
	expect 0 alembic heads
	says "mine (head)"
	# a tuple becomes one string, None too
	py base2 None "Another base" <<< $'def upgrade(): pass\ndef downgrade(): pass'
	py tuple $'(\n    "a001",\n)' "Tuple" <<< $'def upgrade(): pass\ndef downgrade(): pass'
	expect 0 mig-apply rebase base2 --onto mine
	grep -q "^down_revision = 'mine'$" alembic/versions/base2_.py
	expect 0 mig-apply rebase tuple --onto base2
	grep -q "^down_revision = 'base2'$" alembic/versions/tuple_.py
	expect 0 alembic heads
	says "tuple (head)"
	py computed '"a00" + "1"' "Computed" <<< $'def upgrade(): pass\ndef downgrade(): pass'
	expect 17 mig-apply rebase computed --onto tuple
	says "its down_revision is computed"
}

@test "a revision that any environment has is not moved" {
	private
	two_envs
	mig-apply upgrade mine -e production -y
	cp migrations/mine.sql before.sql
	expect 17 mig-apply rebase mine --onto r002
	says "mine My own is applied in environment production"
	says "mig-apply merge heads"
	cmp migrations/mine.sql before.sql
	# also below the head
	revision top mine "On top" <<< $'-- migrate:up\nselect 1;'
	mig-apply upgrade top -e production -y
	expect 17 mig-apply rebase mine --onto r002
	# and where the database has what no file here has
	rm migrations/top_*.sql
	expect 17 mig-apply rebase mine --onto r002
	says "may be applied in (it has revisions that are in no file here) environment production"
	cmp migrations/mine.sql before.sql
	expect 0 mig-apply rebase mine --onto r002 --skip-env production
	says "stands on r002"
}

@test "an environment that cannot be asked refuses, unless it is named away" {
	private
	two_envs
	sql -c "drop database ${DB}_two" postgres
	cp migrations/mine.sql before.sql
	expect 17 mig-apply rebase mine --onto r002
	says "environment production could not be asked"
	says "--skip-env production"
	cmp migrations/mine.sql before.sql
	expect 2 mig-apply rebase mine --onto r002 --skip-env prodution
	mig-apply rebase mine --onto r002 --skip-env production --json | tail -1 | jq -e '.skipped == ["production"] and .asked == ["staging"]'
}

@test "--onto head is the head that others made, whatever stands on the revision" {
	private
	expect 0 mig-apply rebase mine --onto head
	says "mine My own stands on r002 Table 2"
	revision theirs r001 "Theirs" <<< '-- migrate:up'
	revision more r001 "More" <<< '-- migrate:up'
	expect 2 mig-apply rebase more --onto head
	says "2 heads do not stand on more More"
	says "name one of them: --onto REV"
}

@test "wrong use of rebase" {
	private
	expect 2 mig-apply rebase mine
	says "mig-apply rebase mine --onto REV"
	expect 2 mig-apply rebase
	expect 14 mig-apply rebase nosuch --onto r002
	expect 14 mig-apply rebase mine --onto nosuch
	expect 2 mig-apply rebase r001 --onto mine
	says "mine My own stands on r001 Table 1 itself"
	expect 2 mig-apply rebase mine --onto mine
	expect 2 mig-apply rebase mine --onto heads
	expect 2 mig-apply rebase r001 --onto head
	says "nothing has to move"
	mig-apply merge heads --rev-id both
	expect 2 mig-apply rebase both --onto r002
	says "is a merge"
	# a base gets the header that it does not have
	printf -- '-- revision: alone\r\n-- message: Alone\r\n-- migrate:up\r\nselect 1;\r\n' > migrations/alone.sql
	expect 0 mig-apply rebase alone --onto both
	[ "$(head -2 migrations/alone.sql)" = $'-- revision: alone\r\n-- down_revision: both\r' ]
	expect 0 mig-apply heads --check
}
