# No room left, at each place where something is written: exit 12 (or 20 when a run could take back
# what it did), the place named, nothing half-made, maintenance not left on.
load ../support/common
load ../support/deploy
setup() {
	common_setup
	export SENTRY_DSN=
	[ "$(id -u)" = 0 ] || skip "needs to mount a small file system"
	mkdir small
	mount -t tmpfs -o size=2m tmpfs small 2> /dev/null || skip "cannot mount here"
}
teardown() {
	cd /
	! mountpoint -q "$WORK/small" || umount "$WORK/small"
	common_teardown
}

# Until not even one byte fits into a new file.
fill() {
	local i=0
	mkdir -p small/filler
	dd if=/dev/zero of=small/filler/large bs=4k status=none 2> /dev/null || true
	while { printf x > small/filler/$i; } 2> /dev/null; do i=$((i + 1)); done
}

@test "the store is full in a deploy: 20, open again, no snapshot" {
	shop
	mkdir small/store
	sed -i "s|^    maintenance:|    store: small/store\n    maintenance:|" mig.yaml
	sql -c "insert into orders select g, md5(g::text) || md5('x' || g) from generate_series(1000, 100000) g"
	expect 20 mig-run deploy.yaml recovered=99501
	says "No space left on device"
	says "make room"
	[ -z "$(find small -name '*.mig.tar*')" ]
	! has_column || false
	is_open
	expect 0 mig-backup list
}

@test "the state directory is full: nothing is closed, nothing is begun" {
	shop
	mkdir small/state
	sed -i 's|^state_dir: .*|state_dir: small/state|' mig.yaml
	expect 0 mig-maintenance status # makes no file
	fill
	expect 12 mig-maintenance on
	says "No space left on device"
	[ ! -e flag ]
	[ "$(sql -c "show default_transaction_read_only")" = off ]
	expect 12 mig-run deploy.yaml
	says "No space left on device"
	[ ! -e flag ]
	! has_column || false
	expect 12 mig-backup create
	[ -z "$(find small -name '*.mig.tar*')" ]
	rm -r small/filler
	expect 0 mig-run deploy.yaml
	is_open
}

@test "the state directory is full in a restore: no database is made" {
	shop
	mkdir small/state
	expect 0 mig-backup create
	snapshot=$PWD/$(find state -name '*.mig.tar')
	sed -i 's|^state_dir: .*|state_dir: small/state|' mig.yaml
	fill
	expect 12 mig-restore "$snapshot"
	says "No space left on device"
	[ "$(sql -c "select count(*) from pg_database where datname like '$DB%'" postgres)" = 1 ]
}

# still_all ROWS: the live database has them, and nothing else was made
still_all() {
	[ "$(sql -c "select count(*) from orders")" = "$1" ]
	[ "$(sql -c "select count(*) from pg_database where datname like '$DB%'" postgres)" = 1 ]
}

@test "lost rows are exported to a full disk: 12, no folder, nothing swapped; with room it goes on" {
	shop
	sed -i "s/, {database: read-only}//" mig.yaml
	expect 0 mig-maintenance on
	expect 0 mig-backup create
	sql -c "insert into orders select g, md5(g::text) || md5('x' || g) from generate_series(1000, 61000) g"
	local way
	for way in "-n" "--swap --accept-loss --yes"; do
		# shellcheck disable=SC2086
		expect 12 mig-restore latest $way --export-lost small/lost
		says "No space left on device"
		says "small/lost"
		[ -z "$(ls -A small)" ]
		[ "$(sql -c "select count(*) from orders")" = 60501 ]
	done
	still_all 60501
	# not even a folder
	fill
	expect 12 mig-restore latest -n --export-lost small/lost
	[ "$(ls -A small)" = filler ]
	expect 0 mig-restore latest --swap --accept-loss --yes --export-lost lost
	[ "$(sql -c "select count(*) from orders")" = 500 ]
	(cd lost && psql -Xq -f load.sql)
	[ "$(sql -c "select count(*) from orders")" = 60501 ]
	expect 0 mig-maintenance off
}

@test "first files on a full disk: nothing half-written" {
	shop
	fill
	cd small
	rm -rf migrations
	expect 12 mig init
	[ ! -e mig.yaml ]
	export MIG_CONFIG=$WORK/mig.yaml
	sed -i 's|{dir: migrations}|{dir: small/migrations}|' "$WORK/mig.yaml"
	expect 12 mig-apply revision -m "no room"
	[ -z "$(find . -name '*.sql' -size 0)" ]
}
