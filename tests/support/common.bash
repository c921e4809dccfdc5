# Loaded by every bats file: `load ../support/common`.
# setup_file starts one private cluster for the file; each test gets a database of its own, a
# working folder, and the programs first in PATH. A failing test keeps its folder.
# shellcheck shell=bash disable=SC2154 # bats sets status, output and lines
# shellcheck source=tests/support/cluster.sh
source "$BATS_TEST_DIRNAME/../support/cluster.sh"
BUILD=${BUILD:-$BATS_TEST_DIRNAME/../../build}

common_setup_file() {
	cluster_start
	export CLUSTER PGHOST PGPORT PGUSER PGDATABASE
}

common_teardown_file() {
	cluster_stop
}

common_setup() {
	PATH=$BUILD/bin:$PATH
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/mig-test.XXXXXX")
	export XDG_STATE_HOME=$WORK/state HOME=$WORK
	unset MIG_RUN MIG_ENV MIG_CONFIG MIG_JSON
	cd "$WORK" || return 1
	DB=t_$BATS_TEST_NUMBER
	psql -Xqc "drop database if exists $DB with (force)" -c "create database $DB" postgres
	export PGDATABASE=$DB
}

kill_background() {
	if [ -n "$(jobs -p)" ]; then
		# shellcheck disable=SC2046 # a list of numbers
		kill -9 $(jobs -p) 2> /dev/null || true
	fi
}

common_teardown() {
	kill_background
	if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
		cd /
		rm -rf "$WORK"
	else
		echo "# its folder is kept: $WORK" >&3
	fi
}

# expect STATUS COMMAND..: runs it, fails with its output when the exit status differs.
# Output is in $output (stdout and stderr), lines in ${lines[@]}.
expect() {
	local wanted=$1
	shift
	run "$@"
	if [ "$status" != "$wanted" ]; then
		echo "expected exit $wanted, got $status: $*"
		echo "$output"
		return 1
	fi
}

# says TEXT: the last output contains it
says() {
	[[ $output = *"$1"* ]] || {
		echo "expected to read: $1"
		echo "got: $output"
		return 1
	}
}

sql() {
	psql -XAtq -v ON_ERROR_STOP=1 "$@"
}

# until_true COMMAND..: tried again until it succeeds, 50 s at most
until_true() {
	local _
	for _ in $(seq 500); do
		"$@" && return 0
		sleep 0.1
	done
	echo "never true: $*"
	return 1
}

# sql_is TEXT SQL [DATABASE]: this is the answer; what cannot be asked yet is none
sql_is() {
	[ "$(sql "${@:3}" -c "$2" 2> /dev/null)" = "$1" ]
}

# plain_dump OPTIONS..: what pg_dump says, without the word that it draws anew each time
plain_dump() {
	pg_dump "$@" | grep -v '^\\\(un\)\?restrict'
}

# What a file of tests begins and ends with, unless it says otherwise.
setup_file() { common_setup_file; }
teardown_file() { common_teardown_file; }
setup() { common_setup; }
teardown() { common_teardown; }
