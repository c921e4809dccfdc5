# pg_wal of the server while a restore writes: what keeps all of it (a slot left behind, archiving
# that fails) stops the restore before the disk is full. The live database and the server stay.
load ../support/common
load ../support/copies
setup_file() {
	export cluster_settings="max_wal_size = 64MB
		min_wal_size = 32MB
		archive_mode = on
		archive_command = 'true'"
	common_setup_file
	PGDATABASE=postgres psql -Xq <<-END
		create table wide as select g as id, repeat(md5(g::text), 30) as name
			from generate_series(1, 250000) g;
		checkpoint;
	END
	cd "$BATS_FILE_TMPDIR" || return 1
	export SNAPSHOT=$BATS_FILE_TMPDIR/wide.mig.tar
	PATH=${BUILD:-$BATS_TEST_DIRNAME/../../build}/bin:$PATH HOME=$PWD XDG_STATE_HOME=$PWD/state \
		mig-backup create -q -d dbname=postgres --to "$SNAPSHOT"
	PGDATABASE=postgres pg_dump -f "$BATS_FILE_TMPDIR/wide.plain" postgres
	PGDATABASE=postgres pg_dump -Fc -f "$BATS_FILE_TMPDIR/wide.custom" postgres
	PGDATABASE=postgres psql -Xqc "drop table wide" -c checkpoint
}
setup() {
	common_setup
	write_config
	back=${DB}_back
	sql -c "create table here (a int)" -c "insert into here values (7)"
}
teardown() {
	sql postgres -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots
		where not active" > /dev/null
	sql postgres -c "alter system reset all" -c "select pg_reload_conf()" -c checkpoint > /dev/null
	common_teardown
}

# as_before: nothing is left of the restore, the live database answers
as_before() {
	[ "$(databases)" = "$DB" ]
	[ "$(sql -c "select a from here")" = 7 ]
	[ -z "$(ls "$STATE/intents" 2> /dev/null)" ]
}

wal_size() {
	sql postgres -c "select sum(size)::bigint from pg_ls_waldir()"
}

left_behind() {
	sql postgres -c "select pg_create_physical_replication_slot('left_behind', true)" > /dev/null
}

@test "safety_06 a replication slot that was left behind: the restore stops at the limit, names it, leaves nothing" {
	left_behind
	local at_first
	at_first=$(wal_size)
	expect 12 mig-restore "$SNAPSHOT" --to-db "$back" --max-wal "$((at_first + (32 << 20)))"
	says "pg_wal has grown to"
	says "replication slot left_behind, not in use, keeps"
	says "pg_drop_replication_slot"
	says "all that this restore writes stays in the server's pg_wal"
	as_before
	# at its limit already: nothing is even made
	expect 12 mig-restore "$SNAPSHOT" --max-wal 16MiB
	as_before
	# in one transaction, too: it is rolled back
	expect 0 mig-restore "$SNAPSHOT" --to-db "$back" --schema-only
	expect 12 mig-restore "$SNAPSHOT" --to-db "$back" --data-only --max-wal "$(($(wal_size) + (32 << 20)))"
	says "pg_wal has grown to"
	[ "$(sql -d "$back" -c "select count(*) from wide")" = 0 ]
	dropdb "$back"
	# enough is allowed; and without the slot the limit is no longer reached
	expect 0 mig-restore "$SNAPSHOT" --to-db "$back" --max-wal 2GiB
	dropdb "$back"
	sql postgres -c "select pg_drop_replication_slot('left_behind')" -c checkpoint > /dev/null
	expect 0 mig-restore "$SNAPSHOT" --to-db "$back" --max-wal 600MiB
	dropdb "$back"
}

@test "safety_06 a replication slot that was left behind stops the load of a dump, too" {
	left_behind
	local form
	for form in plain custom; do
		expect 12 mig-restore "$BATS_FILE_TMPDIR/wide.$form" --max-wal "$(($(wal_size) + (32 << 20)))"
		says "pg_wal has grown to"
		as_before
	done
}

@test "safety_06 pg_wal grows under a role that may not look into it: what slots keep is counted" {
	sql postgres -c "create role plain login createdb" -c "grant plain to owner"
	left_behind
	PGUSER=plain expect 12 mig-restore "$SNAPSHOT" --to-db "$back" --max-wal 32MiB -d "dbname=$DB user=plain" \
		--role-map owner=plain
	says "pg_wal has grown to"
	says "left_behind"
	as_before
	sql postgres -c "drop role plain"
}

@test "safety_06 archiving fails: the restore stops at the limit and says since when" {
	sql postgres -c "alter system set archive_command = 'false'" -c "select pg_reload_conf()" \
		-c "select pg_switch_wal()" > /dev/null
	for _ in $(seq 500); do
		[ "$(sql postgres -c "select failed_count > 0 from pg_stat_archiver")" = f ] || break
		sleep 0.1
	done
	expect 12 mig-restore "$SNAPSHOT" --to-db "$back" --max-wal "$(($(wal_size) + (32 << 20)))"
	says "archiving has failed since"
	as_before
}

@test "safety_06 a slot in use that would lose what it needs: the restore stops before it does" {
	sql postgres -c "alter system set max_slot_wal_keep_size = '96MB'" -c "select pg_reload_conf()" > /dev/null
	left_behind
	mkdir received
	pg_receivewal -D received -S left_behind 3>&- &
	local receiver=$!
	for _ in $(seq 500); do
		[ "$(sql postgres -c "select active from pg_replication_slots")" = f ] || break
		sleep 0.1
	done
	kill -STOP $receiver
	run timeout 60 mig-restore "$SNAPSHOT" --to-db "$back"
	kill -CONT $receiver
	kill $receiver
	wait $receiver || true
	[ "$status" = 12 ]
	says "replication slot left_behind, which is in use, is about to lose"
	[ "$(sql postgres -c "select wal_status <> 'lost' from pg_replication_slots")" = t ]
	as_before
}

@test "safety_06 the disk of pg_wal fills up: the restore stops while there is room, the server lives" {
	[ "$(id -u)" = 0 ] || skip "needs to mount a small file system"
	mkdir small
	mount -t tmpfs -o "size=$((($(wal_size) >> 20) + 200))m" tmpfs small 2> /dev/null || skip "cannot mount here"
	cluster_as "$cluster_bin/pg_ctl" -D "$CLUSTER/data" -m fast -w -s stop
	chmod 755 "$WORK"
	cp -a "$CLUSTER/data/pg_wal" small/
	mv "$CLUSTER/data/pg_wal" "$CLUSTER/pg_wal"
	ln -s "$WORK/small/pg_wal" "$CLUSTER/data/pg_wal"
	cluster_as "$cluster_bin/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/data/log" -w -s start
	left_behind
	local started
	started=$(sql postgres -c "select pg_postmaster_start_time()")
	run mig-restore "$SNAPSHOT" --to-db "$back"
	[ "$started" = "$(sql postgres -c "select pg_postmaster_start_time()")" ]
	cluster_as "$cluster_bin/pg_ctl" -D "$CLUSTER/data" -m fast -w -s stop
	rm "$CLUSTER/data/pg_wal"
	cp -a small/pg_wal "$CLUSTER/data/pg_wal"
	umount small
	cluster_as "$cluster_bin/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/data/log" -w -s start
	[ "$status" = 12 ]
	says "pg_wal has only"
	says "left_behind"
	as_before
}
