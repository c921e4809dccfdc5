# Secrets: a whole deploy that goes wrong, by a role with a password and a way in behind maintenance.
# Neither may stand anywhere but where it was given.
load ../support/common
load ../support/deploy
load ../support/http

PASSWORD=pass-4711-word
BYPASS=bypass-4712-header

setup_file() {
	export cluster_listen=1
	common_setup_file
	sql -c "set password_encryption = 'scram-sha-256'" \
		-c "create role deployer login superuser password '$PASSWORD'"
	cluster_as sed -i '1i host all deployer 127.0.0.1/32 scram-sha-256' "$CLUSTER/data/pg_hba.conf"
	sql -c "select pg_reload_conf()" > /dev/null
}
setup() {
	common_setup
	sentry_start
}
teardown() {
	[ -z "${WATCHER:-}" ] || kill "$WATCHER" 2> /dev/null || true
	sentry_stop
	common_teardown
}

# The command line of every process of the machine, again and again; what grep looks for is in a file,
# or it would see itself.
watch_command_lines() {
	printf '%s\n' "$PASSWORD" "$BYPASS" > needles
	while :; do
		cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\0' '\n' | grep -F -f needles >> seen || true
	done
}

# deploy_that_fails DATABASE: each test puts the password elsewhere
deploy_that_fails() {
	shop
	sed -i "s|^    database: .*|    database: $1|; s|alerts: .*|alerts: {sentry: {dsn: {env: SENTRY_DSN}}}\n    smoke: {base: \"http://127.0.0.1:1\", header: {X-Bypass: {env: BYPASS}}}|" mig.yaml
	sed -i 's|{id: smoke, checks: .*|{id: smoke, checks: [{http: {get: /}, expect: {status: 200}}]}|' deploy.yaml
	export BYPASS
	watch_command_lines 3>&- &
	WATCHER=$!
	expect 20 mig-run deploy.yaml --json --verbose
	printf '%s\n' "$output" > said
	mig-run deploy.yaml wanted=1 -v --plan >> said 2>&1 || true
	mig-run status --json >> said 2>&1
	mig doctor >> said 2>&1 || true
	mig-backup list --json --show-settings >> said 2>&1
	mig-apply upgrade --show-settings >> said 2>&1
	kill $WATCHER
	WATCHER=
}

nowhere() {
	local secret
	[ ! -s seen ]
	[ -s said ]
	for secret in "$PASSWORD" "$BYPASS"; do
		! grep -F -- "$secret" said || return 1
		! grep -rFl -- "$secret" state "$WORK/arrived" || return 1
		! pg_dumpall --no-role-passwords | grep -F -- "$secret" || return 1
	done
	! grep -rF -- "$SENTRY_KEY" said state || return 1
}

@test "a password in the connection, a header for smoke checks: never said, kept, or on a command line" {
	export URL="postgresql://deployer:$PASSWORD@127.0.0.1:$PGPORT/$DB"
	deploy_that_fails '{env: URL}'
	unset URL
	nowhere
}

@test "a password in PGPASSWORD" {
	export PGPASSWORD=$PASSWORD
	deploy_that_fails "\"host=127.0.0.1 user=deployer dbname=$DB\""
	unset PGPASSWORD
	nowhere
}

@test "a password in a file" {
	printf 'host=127.0.0.1 port=%s user=deployer dbname=%s password=%s\n' "$PGPORT" "$DB" "$PASSWORD" > secret
	chmod 600 secret
	deploy_that_fails '{file: secret}'
	nowhere
}

@test "the watcher of command lines can see" {
	watch_command_lines 3>&- &
	WATCHER=$!
	sh -c 'sleep 1; : '"$BYPASS"
	kill $WATCHER
	WATCHER=
	[ -s seen ]
}
