# shellcheck shell=bash
# For the tests of maintenance: configurations, a stand-in for a service, the keys of a run.

# config ITEM..: mig.yaml with these maintenance providers
config() {
	{
		printf 'mig: 1\nproject: shop\nenvironments:\n  test:\n    database: "dbname=%s"\n' "$DB"
		[ $# = 0 ] || printf '    maintenance:\n'
		[ $# = 0 ] || printf '      - %s\n' "$@"
	} > mig.yaml
}

# a stand-in for a service: a file that the commands make and remove
command_item() {
	cat <<-END
		{command: {enable: [touch, $switch], disable: [rm, -f, $switch], status: {run: [test, -e, $switch], "on": ["0"], "off": ["1"]}}}
	END
}

# everything that a provider may change, in one text
world() {
	ls "$WORK/flag" "$switch" 2>/dev/null
	sql postgres -c "select datname, datacl::text, (select string_agg(setrole || setconfig::text, ';')
		from pg_db_role_setting where setdatabase = d.oid)
		from pg_database d where datname = '$DB'"
}

# run_key ID: a runner that holds the run key; MIG_RUN for its children
run_key() {
	rm -f started
	"$BUILD/support/keys" run "$1" 300000 > started 2>&1 3>&- &
	until_true grep -q : started
	# shellcheck disable=SC2034 # the tests kill it
	run_pid=$!
	MIG_RUN=$(cat started)
	export MIG_RUN
}
