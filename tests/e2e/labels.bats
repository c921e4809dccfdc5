# Security labels, with a provider of the tests (support/modules/label.c).
load ../support/common
load ../support/copies

setup_file() {
	export LABELS
	LABELS=$(mktemp -d "${TMPDIR:-/tmp}/mig-labels.XXXXXX")
	chmod 755 "$LABELS"
	cc -shared -fPIC -DPG_MAJOR="$(pg_config --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" \
		-o "$LABELS/label.so" "$BATS_TEST_DIRNAME/../support/modules/label.c"
	cluster_settings="session_preload_libraries = '$LABELS/label.so'"
	common_setup_file
}
teardown_file() {
	common_teardown_file
	rm -rf "$LABELS"
}
setup() {
	common_setup
	write_config
}
teardown() { common_teardown; }

labels="select objtype, objname, provider, label from pg_seclabels where objtype <> 'database'
	order by 1, 2, 3, 4"

labelled() {
	sql > /dev/null <<-'END'
		select lo_from_bytea(77, 'x'), lo_from_bytea(78, 'y'), lo_from_bytea(79, 'z');
		create table t (i int);
		insert into t values (1);
		security label for test on table t is 'table';
		security label for test on large object 77 is E'it''s; \\ "secret"';
		security label for test on large object 79 is 'other';
	END
}

@test "trap 17: large objects keep their security labels, and that is proved" {
	labelled
	mig-backup create -q --to a.mig.tar
	expect 0 mig-restore ./a.mig.tar --to-db "${DB}_new"
	says "proved equal"
	diff <(sql -c "$labels") <(sql -d "${DB}_new" -c "$labels")
	[ "$(sql -d "${DB}_new" -c "$labels" | grep -c "large object")" = 2 ]
	dropdb "${DB}_new"
	mkdir unpacked
	tar -xf a.mig.tar -C unpacked
	sh unpacked/restore.sh "${DB}_new" > /dev/null
	diff <(sql -c "$labels") <(sql -d "${DB}_new" -c "$labels")
	dropdb "${DB}_new"
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	expect 0 mig-restore latest --in-place --accept-loss --yes
	diff <(sql -c "$labels") - <<-'END'
		large object|77|test|it's; \ "secret"
		large object|79|test|other
		table|t|test|table
	END
	expect 0 mig-maintenance off
}

@test "a label that a restore lost is found by its proof" {
	labelled
	mig-backup create -q --to a.mig.tar
	mkdir bin
	printf '#!/bin/sh\n%s "$@" || exit\ncase "$*" in *--section=post-data*) psql -Xq -c "%s" ;; esac\n' \
		"$(command -v pg_restore)" "security label for test on large object 79 is null" > bin/pg_restore
	chmod +x bin/pg_restore
	sql -c "create function f() returns event_trigger language plpgsql as 'begin end'" \
		-c "create event trigger late on sql_drop execute function f()"
	mig-backup create -q --to a2.mig.tar
	PATH=$WORK/bin:$PATH expect 15 mig-restore ./a2.mig.tar
	says "large objects"
}

@test "a label whose provider is not loaded: 17 before anything is made" {
	labelled
	mig-backup create -q --to a.mig.tar
	sql postgres -c "alter system set session_preload_libraries = 'plpgsql'" -c "select pg_reload_conf()" > /dev/null
	until_true eval '[ "$(sql -c "show session_preload_libraries")" = plpgsql ]'
	expect 17 mig-restore ./a.mig.tar
	says 'label provider "test"'
	says "session_preload_libraries"
	[ "$(databases)" = "$DB" ]
	expect 0 mig-restore ./a.mig.tar --no-security-labels --to-db "${DB}_new"
	says "proved equal"
	[ "$(sql -d "${DB}_new" -c "select count(*) from pg_seclabel" -c "select lo_get(77)")" = $'0\n\\x78' ]
	dropdb "${DB}_new"
	local form
	for form in -Fp -Fc; do
		pg_dump $form -f dump
		expect 0 mig-restore ./dump --no-security-labels --to-db "${DB}_new"
		dropdb "${DB}_new"
	done
	sql postgres -c "alter system reset session_preload_libraries" -c "select pg_reload_conf()" > /dev/null
}

@test "safety_07 labels of the live database move with a swap, and back" {
	labelled
	sql -c "security label for test on database $DB is 'live'"
	expect 0 mig-backup create
	expect 0 mig-maintenance on
	expect 0 mig-restore latest --swap --accept-loss --yes
	label() { sql -c "select label from pg_shseclabel where objoid = (select oid from pg_database where datname = '$1')"; }
	[ "$(label "$DB")" = live ]
	expect 0 mig-restore undo --accept-loss --yes
	[ "$(label "$DB")" = live ]
	expect 0 mig-maintenance off
}
