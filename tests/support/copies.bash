# For tests of copies and swaps: databases that look as mig made them.
# shellcheck shell=bash

# write_config [LINES..]: one environment with a file as its maintenance; state in $STATE
# shellcheck disable=SC2120 # the lines come from tests
write_config() {
	export STATE=$WORK/state/shop/live
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		environments:
		  live:
		    database: "dbname=$DB"
		    maintenance: [{file: $WORK/closed}]
	END
	[ $# = 0 ] || printf '    %s\n' "$@" >> mig.yaml
}

oid_of() {
	sql -c "select oid from pg_database where datname = '$1'" postgres
}

# make_copy NAME [PURPOSE [PROVED]]: a marked copy of $DB with a table of its own contents
make_copy() {
	local name=$1 purpose=${2:-restored} proved=${3:-true} oid
	sql -c "create database \"$name\"" postgres
	sql -d "$name" -c "create table t (a int)" -c "insert into t select generate_series(1, 12)"
	oid=$(oid_of "$name")
	sql postgres <<-END
		comment on database "$name" is '{"mig": 1, "purpose": "$purpose", "oid": $oid, "of": "$DB",
			"run": "test", "made": "2026-01-01T00:00:00.000Z", "proved": $proved}'
	END
}

make_live() {
	sql -c "create table t (a int)" -c "insert into t select generate_series(1, 10)"
}

rows_of() {
	sql -d "$1" -c "select count(*) from t"
}

# databases of this test, one per line
databases() {
	sql -c "select datname from pg_database where datname like '$DB%' order by 1" postgres
}

# What such a file of tests begins with, unless it says otherwise.
setup() {
	common_setup
	# shellcheck disable=SC2119 # none of bats' own
	write_config
}

# statements_of COMMAND..: succeeds; file `ran` gets the statements that the server began meanwhile, one
# a line
statements_of() {
	local from
	from=$(stat -c %s "$CLUSTER/data/log")
	sql -c "alter role owner set log_statement = 'all'"
	run "$@"
	sql -c "alter role owner reset log_statement"
	[ "$status" = 0 ]
	tail -c "+$((from + 1))" "$CLUSTER/data/log" | sed ':a;N;$!ba;s/\n\t/ /g' | grep -o 'statement: .*' | cut -c 12- > ran
}
