# A snapshot that was taken while maintenance was on holds nothing of it: each provider, closed by
# hand and by a run, and all at once.
load ../support/common
load ../support/copies
setup() {
	common_setup
	sql postgres -c "drop role if exists closed_app" -c "create role closed_app login"
	sql -c "create table t (a int)" -c "insert into t values (1)" -c "grant all on t to closed_app" \
		-c "alter role closed_app in database $DB set work_mem = '7MB'"
	sql postgres -c "revoke connect on database $DB from public" -c "grant connect on database $DB to closed_app"
}
teardown() {
	sql postgres -c "drop database if exists ${DB}_new" -c "revoke all on database $DB from closed_app" \
		-c "alter role closed_app in database $DB reset all"
	sql -c "drop owned by closed_app"
	sql postgres -c "drop role closed_app"
	common_teardown
}

# closed_with PROVIDER..: mig.yaml with these
closed_with() {
	write_config
	sed -i "s|    maintenance: .*|    maintenance: [$(
		IFS=,
		echo "$*"
	)]|" mig.yaml
	export PGAPPNAME=
}

# open_and_whole DATABASE: the application can write, and nobody holds or closes anything
open_and_whole() {
	PGUSER=closed_app sql -d "$1" -c "insert into t values (2)"
	[ "$(sql -d "$1" -c "select count(*) from t")" = 2 ]
	[ "$(sql -d "$1" -c "show default_transaction_read_only")" = off ]
	[ "$(PGUSER=closed_app sql -d "$1" -c "show work_mem")" = 7MB ]
	[ "$(sql -d "$1" -c "select has_database_privilege('closed_app', '$1', 'connect'),
		has_database_privilege('public', '$1', 'connect')")" = "t|f" ]
	[ "$1" = "$DB" ] || [ "$(sql -d "$1" -c "select count(*) from mig.maintenance")" = 0 ]
	[ -z "$(sql -d "$1" -c "select setconfig from pg_db_role_setting where setrole = 0 and setdatabase =
		(select oid from pg_database where datname = '$1')")" ]
	printf 'mig: 1\nproject: new\nenvironments:\n  e: {database: "dbname=%s", maintenance: [{file: %s/none}, {database: read-only}, {database: no-connections, roles: [closed_app]}]}\n' \
		"$1" "$WORK" > new.yaml
	MIG_CONFIG=$WORK/new.yaml expect 0 mig-maintenance assert open
	MIG_CONFIG=$WORK/new.yaml expect 0 mig-maintenance status
	[[ $output != *run:* ]]
	sql -d "$1" -c "delete from t where a = 2"
}

# snapshot_holds_nothing: closes, takes a snapshot, opens again; then looks at both databases
snapshot_holds_nothing() {
	expect 0 mig-maintenance on
	expect 0 mig-maintenance assert closed
	expect 0 mig-backup create --label closed
	# restored while all is closed, and afterwards
	expect 0 mig-restore label:closed --to-db "${DB}_new"
	open_and_whole "${DB}_new"
	expect 0 mig-maintenance assert closed
	sql postgres -c "drop database ${DB}_new"
	expect 0 mig-maintenance off
	open_and_whole "$DB"
	expect 0 mig-restore label:closed --to-db "${DB}_new"
	open_and_whole "${DB}_new"
}

flag=$BATS_RUN_TMPDIR/closed_flag
file="{file: $flag}"
command="{command: {enable: [touch, $flag.2], disable: [rm, $flag.2], status: {run: [test, -e, $flag.2], 'on': ['0'], 'off': ['1']}}}"
read_only="{database: read-only}"
fence="{database: no-connections, roles: [closed_app]}"

@test "safety_11 closed by a file: nothing of it in the snapshot" {
	closed_with "$file"
	snapshot_holds_nothing
}

@test "safety_11 closed by a command: nothing of it in the snapshot" {
	closed_with "$command"
	snapshot_holds_nothing
}

# bats test_tags=majors
@test "safety_11 closed by database: read-only: nothing of it in the snapshot" {
	closed_with "$read_only"
	snapshot_holds_nothing
}

# bats test_tags=majors
@test "safety_11 closed by database: no-connections: nothing of it in the snapshot" {
	closed_with "$fence"
	snapshot_holds_nothing
}

@test "safety_11 closed by all providers, by a run: nothing of it in the snapshot, and no run" {
	closed_with "$file" "$command" "$read_only" "$fence"
	"$BUILD/support/keys" run 20261120T010203Z-1a2b3c 60000 > run.out 2>&1 3>&- &
	local run=$!
	until_true grep -q : run.out
	MIG_RUN=$(< run.out)
	export MIG_RUN
	snapshot_holds_nothing
	kill $run
}

@test "every provider that there is has its test here" {
	local row count=0
	for row in $(sed -n 's/^	&maint_\(.*\),$/\1/p' "$BATS_TEST_DIRNAME/../../lib/maint/providers.c"); do
		count=$((count + 1))
		case $row in
		file | command | read_only | no_connections) ;;
		*)
			echo "no test for $row"
			return 1
			;;
		esac
	done
	[ $count = 4 ]
}
