# HTTP servers of a test, started and stopped with it. `load ../support/http`.
# shellcheck shell=bash

# httpd_start JSON: sets HTTPD (its address); its requests are recorded in $WORK/requests
httpd_start() {
	printf '%s' "$1" > "$WORK/routes.json"
	"$BUILD/support/httpd" --port-file "$WORK/httpd.port" --routes "$WORK/routes.json" \
		--record "$WORK/requests" 3>&- &
	HTTPD_PID=$!
	http_wait_port "$WORK/httpd.port" || return 1
	HTTPD=http://127.0.0.1:$(cat "$WORK/httpd.port")
	export HTTPD
}

# sentry_start [SCRIPT]: sets SENTRY_DSN; what arrives is recorded in $WORK/arrived
sentry_start() {
	mkdir -p "$WORK/arrived"
	rm -f "$WORK/sentry.port"
	"$BUILD/support/sentry" --port-file "$WORK/sentry.port" --record "$WORK/arrived" \
		${1:+--script "$1"} 3>&- &
	SENTRY_PID=$!
	http_wait_port "$WORK/sentry.port" || return 1
	SENTRY_PORT=$(cat "$WORK/sentry.port")
	export SENTRY_DSN=http://$SENTRY_KEY@127.0.0.1:$SENTRY_PORT/7
}
SENTRY_KEY=0123456789abcdef0123456789abcdef

sentry_stop() {
	[ -z "${SENTRY_PID:-}" ] || { kill "$SENTRY_PID"; wait "$SENTRY_PID"; } 2> /dev/null || true
	SENTRY_PID=
}

http_stop() {
	[ -z "${HTTPD_PID:-}" ] || { kill "$HTTPD_PID"; wait "$HTTPD_PID"; } 2> /dev/null || true
	HTTPD_PID=
	sentry_stop
}

http_wait_port() {
	local i
	for i in $(seq 500); do
		[ ! -s "$1" ] || return 0
		sleep 0.05
	done
	echo "no port in $1 after $i tries" >&2
	return 1
}

# A working folder without a database, with an environment that alerts Sentry.
alert_setup() {
	PATH=$BUILD/bin:$PATH
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/mig-test.XXXXXX")
	export XDG_STATE_HOME=$WORK/state HOME=$WORK
	unset MIG_RUN MIG_STEP MIG_ENV MIG_CONFIG MIG_JSON DATABASE_URL SENTRY_DSN
	cd "$WORK" || return 1
	cat > mig.yaml <<-'END'
		mig: 1
		project: shop
		state_dir: state
		environments:
		  production:
		    database: "dbname=nowhere"
		    alerts:
		      sentry: {dsn: {env: SENTRY_DSN}}
	END
	SPOOL=$WORK/state/shop/production/spool
}

# How many messages wait.
spooled() {
	find "$SPOOL" -name '*.json' 2> /dev/null | wc -l
}

# How many requests came, good or bad.
arrived() {
	find "$WORK/arrived" -name '*.body' | wc -l
}

# never COMMAND..: fails when it succeeds (a bare "! command" fails no test)
never() {
	if "$@"; then
		echo "should not succeed: $*"
		return 1
	fi
}
