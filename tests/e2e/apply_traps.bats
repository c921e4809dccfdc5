# Where Alembic leaves one alone in an emergency, side by side with the real one, on one tree.
load ../support/common
load ../support/migrations
load ../support/alembic

setup() {
	common_setup
	need_alembic
	alembic_tree "    policy: {downgrade: allow}"
}

# a1 - b1, a1 - c1, and m1 that merges them
diamond() {
	py a1 None "Base" <<< $'def upgrade():\n    op.execute("create table a (i int)")\ndef downgrade():\n    op.execute("drop table a")'
	py b1 "'a1'" "Left" <<< $'def upgrade():\n    op.execute("create table b (i int)")\ndef downgrade():\n    op.execute("drop table b")'
	py c1 "'a1'" "Right" <<< $'def upgrade():\n    op.execute("create table c (i int)")\ndef downgrade():\n    op.execute("drop table c")'
}

@test "-1 on a merge point: an error there, the merge alone is undone here" {
	diamond
	py m1 "('b1', 'c1')" "Merge" <<< $'def upgrade(): pass\ndef downgrade(): pass'
	expect 0 alembic upgrade head
	run alembic downgrade -1
	[ "$status" != 0 ]
	says "Ambiguous walk"
	expect 0 mig-apply downgrade -1
	rows_are "b1 c1"
	expect 0 alembic current
	says "b1"
	says "c1"
	expect 0 alembic upgrade head
	rows_are m1
}

@test "-1 on several heads: one of them goes there, a choice is asked for here" {
	diamond
	expect 0 alembic upgrade heads
	expect 2 mig-apply downgrade -1
	says "mig-apply downgrade b1@-1    # Left"
	says "mig-apply downgrade c1@-1    # Right"
	rows_are "b1 c1"
	expect 0 mig-apply downgrade b1@-1
	rows_are c1
	expect 0 alembic upgrade heads
	run alembic downgrade -1
	[ "$(sql -c "select count(*) from alembic_version")" = 1 ]
}

@test "an id in two files: a warning there, an error that names both here" {
	diamond
	cp alembic/versions/c1_.py alembic/versions/d1_.py
	expect 0 alembic heads
	says "present more than once"
	expect 3 mig-apply upgrade heads
	says "revision c1 is in two files: alembic/versions/c1_.py and alembic/versions/d1_.py"
	[ "$(sql -c "select to_regclass('a') is null")" = t ]
}

@test "an id too long for the column: found by the server there, before anything runs here" {
	diamond
	py an_id_that_has_far_more_than_32_characters "'b1'" "Long" <<< $'def upgrade():\n    open("ran", "w")\ndef downgrade(): pass'
	expect 0 alembic upgrade c1
	run alembic upgrade heads
	[ "$status" != 0 ]
	says "value too long for type character varying(32)"
	[ -e ran ]
	rm ran
	expect 17 mig-apply upgrade heads
	says "column version_num has room for 32"
	says "alter version_num type varchar(255)"
	[ ! -e ran ]
	rows_are c1
	eval "$(sed -n 's/^hint: widen it: //p' <<< "$output")"
	expect 0 mig-apply upgrade heads
	rows_are "an_id_that_has_far_more_than_32_characters c1"
}
