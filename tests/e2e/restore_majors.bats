# A snapshot that one major version of PostgreSQL took, restored by another.
load ../support/common
load ../support/copies
load ../support/every_kind
setup() {
	common_setup
	write_config
	forge=$BATS_TEST_DIRNAME/../support/forge.py
}

# another_text ROWS: a snapshot of an older major, of which ROWS rows of t are written differently here
another_text() {
	sql <<-END
		create table t (id int primary key, v text);
		insert into t select i, 'as 11 writes it' from generate_series(1, 100) i;
		create table innocent (a int); insert into innocent values (1);
		create function meddle() returns int language sql volatile as
			'update public.t set v = ''as 15 writes it'' where id <= $1; select 1';
		create materialized view mischief as select meddle() with no data;
	END
	mig-backup create -q --to mine.mig.tar
	sql -c "refresh materialized view mischief" -c "update t set v = 'as 11 writes it'"
	mig-backup create -q --to mine.mig.tar.2 && mv -f mine.mig.tar.2 mine.mig.tar
	"$forge" mine.mig.tar old.mig.tar 'm["database"]["server_version_num"] = 110022'
}

@test "safety_18 a hash that differs in a restore into another major is not provable: 1, with the rows" {
	another_text 2
	expect 15 mig-restore ./mine.mig.tar
	expect 1 mig-restore ./old.mig.tar
	says "not provable: public.t has as many rows, and another hash, on PostgreSQL 15 than on 11"
	says "only in the snapshot: 1	as 11 writes it"
	says "only in the database: 2	as 15 writes it"
	says "--no-proof"
	[[ $output != *innocent* ]]
	[ "$(databases)" = "$DB" ]
	expect 1 mig-restore ./old.mig.tar --json
	[ "$(sed -n 's/.*"event":"exit","code":\([0-9]*\).*/\1/p' <<< "$output")" = 1 ]
	expect 1 mig-verify backup ./old.mig.tar --restore
	says "not provable"
	# it is not taken for damaged
	expect 0 mig-verify backup ./old.mig.tar
	expect 1 mig-restore ./old.mig.tar --keep-failed
	local copy
	copy=$(databases | grep __r_)
	expect 17 mig-restore swap "$copy" --accept-loss --yes
	expect 0 mig-restore drop "$copy" --yes
	expect 0 mig-restore ./old.mig.tar --to-db "${DB}_new" --no-proof
	[ "$(sql -d "${DB}_new" -c "select count(*) from t where v = 'as 15 writes it'")" = 2 ]
	sql postgres -c "drop database ${DB}_new"
	# another number of rows is no matter of text
	sql -c "create or replace function meddle() returns int language sql volatile as
		'update public.t set v = ''x''; delete from public.innocent; select 1'"
	mig-backup create -q --to mine2.mig.tar
	"$forge" mine2.mig.tar old2.mig.tar 'm["database"]["server_version_num"] = 110022'
	expect 15 mig-restore ./old2.mig.tar
	says "public.innocent: 0 rows, the snapshot has 1"
	says "public.t: not provable"
}

@test "safety_18 not provable in place: rolled back, all as before" {
	another_text 1
	mig-maintenance on > /dev/null
	mig-backup create -q
	local before
	before=$(plain_dump "$DB" | md5sum)
	expect 1 mig-restore ./old.mig.tar --in-place --accept-loss --yes
	says "not provable"
	says "nothing was changed"
	[ "$(plain_dump "$DB" | md5sum)" = "$before" ]
	expect 0 mig-maintenance off
}

# taken_by MAJOR: a snapshot of objects of every kind from a server of that major, in $WORK/MAJOR.mig.tar
taken_by() {
	local mine=$CLUSTER bin=$cluster_bin
	(
		cluster_major=$1
		# shellcheck source=tests/support/cluster.sh
		source "$BATS_TEST_DIRNAME/../support/cluster.sh"
		cluster_start
		trap cluster_stop EXIT
		createdb shop
		export PGDATABASE=shop
		every_kind > /dev/null
		sql -c "show server_version" > "$WORK/version"
		mig-backup create -q -d dbname=shop --to "$WORK/$1.mig.tar"
		pg_dump --no-publications shop | grep -v -e restrict -e '^--' -e default_table_access_method |
			LC_ALL=C sort > "$WORK/$1.sql"
	)
	[ "$CLUSTER" = "$mine" ] && [ "$cluster_bin" = "$bin" ]
}

@test "safety_18 every kind of object from 13 and 14, proved on 15" {
	local major
	sql postgres -c "drop role if exists backup_reader" -c "create role backup_reader"
	for major in 13 14; do
		"$BATS_TEST_DIRNAME/../../tools/others" "postgresql-$major" > /dev/null || continue
		taken_by $major
		[[ $(< version) = $major.* ]]
		expect 0 mig-restore "$WORK/$major.mig.tar" --to-db "${DB}_new"
		says "proved"
		diff "$major.sql" <(pg_dump --no-publications "${DB}_new" |
			grep -v -e restrict -e '^--' -e default_table_access_method | LC_ALL=C sort)
		expect 0 mig-verify data --against "$WORK/$major.mig.tar" -d "dbname=${DB}_new"
		sql postgres -c "drop database ${DB}_new"
	done
	sql postgres -c "drop role backup_reader"
}
