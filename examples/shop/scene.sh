# shellcheck shell=bash
# The scene of the demo, of its test and of the soak: a private cluster, the shop with its rows, a
# client that never stops ordering, a receiver for alerts. Source it with BUILD set, then:
#
#	scene_start ROWS     sets SCENE (its folder, working directory from then on) and starts everything
#	scene_release REF    lays the release's migrations beside the others, as a checkout would
#	scene_deploy REF     plays deploy.yaml; sets RUN (the run's folder); returns mig-run's exit status
#	scene_answers        waits until the shop takes orders again
#	scene_client MS      one more client; scene_quiet stops them all
#	scene_prove RUN..    sets acknowledged, lost, inside, turned_away, other (numbers of orders)
#	scene_stop           ends everything and removes the folder
#
# Roles: shop_owner deploys (owns the database, may create databases, see and end sessions, is no
# superuser), shop_app is the application's own.

scene_source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/cluster.sh
source "$scene_source/../../tests/support/cluster.sh"

scene_start() {
	SCENE=$(mktemp -d "${TMPDIR:-/tmp}/mig-demo.XXXXXX")
	scene_pids=
	mkdir "$SCENE/run" "$SCENE/alerts" "$SCENE/migrations"
	cp -R "$scene_source"/{mig.yaml,playbooks,releases} \
		"$scene_source"/{fingerprint,switch} "$SCENE"
	cluster_start || return 1
	scene_roles || return 1
	cd "$SCENE" || return 1
	scene_environment
	scene_release v1
	./switch v1 > /dev/null || return 1
	scene_program receiver "$BUILD/support/sentry" --port-file run/receiver.port \
		--record alerts || return 1
	SENTRY_DSN=http://0123456789abcdef0123456789abcdef@127.0.0.1:$(< run/receiver.port)/7
	export SENTRY_DSN
	scene_fill "$1" || return 1
	scene_open
}

scene_roles() {
	psql -Xq -v ON_ERROR_STOP=1 <<-END
		create role shop_owner login createdb in role pg_signal_backend, pg_read_all_stats;
		create role shop_app login;
		create database shop owner shop_owner;
	END
}

# The administrator's connection is kept apart, so that nothing uses it by accident.
scene_environment() {
	local server="host=$PGHOST port=$PGPORT"

	admin="$server dbname=shop user=$PGUSER"
	app="$server dbname=shop user=shop_app"
	export DATABASE_URL="postgresql://shop_owner@/shop?host=$PGHOST&port=$PGPORT"
	unset PGHOST PGPORT PGUSER PGDATABASE
	SHOP_BYPASS=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	export SHOP_BYPASS
	export PATH="$BUILD/bin:$PATH"
	unset MIG_RUN MIG_ENV MIG_CONFIG MIG_JSON
}

# scene_program NAME COMMAND..: in the background, in a session of its own; ready when it has
# written run/NAME.port
scene_program() {
	local name=$1 tries=0
	shift
	setsid "$@" > "run/$name.log" 2>&1 < /dev/null &
	scene_pids="$scene_pids $!"
	until [ -s "run/$name.port" ]; do
		tries=$((tries + 1))
		if [ $tries = 100 ] || ! kill -0 $! 2>/dev/null; then
			echo "$name did not start:" >&2
			cat "run/$name.log" >&2
			return 1
		fi
		sleep 0.1
	done
}

# The environment is tied to its database; the policy of production wants a snapshot before any
# migration, be the database empty.
scene_fill() {
	mig doctor --pin > run/fill.log || return 1
	mig-backup create --label empty --quiet >> run/fill.log || return 1
	mig-apply upgrade head --quiet >> run/fill.log || return 1
	psql -Xq -v rows="$1" -f "$scene_source/rows.sql" "$DATABASE_URL"
}

scene_open() {
	scene_program shop "$BUILD/shop/shop" --database "$app" --maintenance run/maintenance \
		--current current --port-file run/shop.port || return 1
	SHOP_URL=http://127.0.0.1:$(< run/shop.port)
	sed -i "s|http://127.0.0.1:8080|$SHOP_URL|" mig.yaml
	scene_client 10
	scene_answers
}

# One more client, that rests so many milliseconds between orders.
scene_client() {
	setsid "$BUILD/shop/writer" "$SHOP_URL/orders" run/orders.log "$1" 2>> run/writer.log &
	writer_pids="${writer_pids:-} $!"
}

# The next order that is sent from now on is acknowledged within ten seconds.
scene_answers() {
	local since
	since=$(date +%s%3N)
	for _ in $(seq 100); do
		[ -e run/orders.log ] &&
			tail -n 20 run/orders.log | awk -v since="$since" \
				'$1 > since && $3 == 201 { found = 1 } END { exit !found }' && return
		sleep 0.1
	done
	echo "the shop takes no orders; its last answers:" >&2
	tail -n 5 run/orders.log >&2
	return 1
}

scene_count() {
	psql -XAtq "$admin" -c "select (select count(*) from customers)
		+ (select count(*) from products) + (select count(*) from orders)
		+ (select count(*) from order_items)"
}

scene_quiet() {
	local pid
	for pid in ${writer_pids:-}; do
		kill "$pid" 2> /dev/null
		wait "$pid"
	done
	writer_pids=
}

scene_release() {
	cp "releases/$1"/*.sql migrations/
}

scene_deploy() {
	local status
	mig-run playbooks/deploy.yaml "ref=$1"
	status=$?
	# shellcheck disable=SC2034 # for the caller
	RUN=$(printf '%s\n' .mig/shop/production/runs/* | tail -n 1)
	return $status
}

# When a run began to close the shop, had closed it, began to open it again, had opened it (ms).
scene_closing() {
	jq -rs 'def ms: (.[0:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber);
		def at(kind; condition): first(.[] | select(.record == kind and condition)).at | ms;
		def opens: .step == "open" or .phase == "lift";
		[at("intent"; .step == "close"), at("done"; .step == "close"), at("intent"; opens),
			at("done"; opens)] | map(tostring) | join(" ")' "$1/journal.jsonl"
}

scene_prove() {
	local run
	for run in "$@"; do
		scene_closing "$run"
	done > run/closings
	scene_judge
}

# The same for closings that stand in run/closings already.
scene_judge() {
	local answer
	answer=$(psql -XAtq -F ' ' -v ON_ERROR_STOP=1 -f "$scene_source/prove.sql" "$admin") || return 1
	# shellcheck disable=SC2034 # for the caller
	read -r acknowledged lost inside turned_away other <<< "$answer"
}

scene_stop() {
	local pid
	scene_quiet
	for pid in ${scene_pids:-}; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	scene_pids=
	cluster_stop
	cd /
	[ -z "${SCENE:-}" ] || rm -rf "$SCENE"
}

# Leaves everything running: ./env to look around with, ./stop to end it.
scene_keep() {
	{
		printf 'export %s=%q\n' DATABASE_URL "$DATABASE_URL" SHOP_BYPASS "$SHOP_BYPASS" \
			SENTRY_DSN "$SENTRY_DSN" SHOP_URL "$SHOP_URL"
		printf 'PATH=%q:$PATH\n' "$BUILD/bin"
	} > env
	cat > stop <<-END
		#!/bin/bash
		# Ends what the demo left running, and removes it.
		source $(printf %q "$scene_source/../../tests/support/cluster.sh")
		CLUSTER=$(printf %q "$CLUSTER")
		kill $scene_pids 2> /dev/null
		cluster_stop
		cd / && rm -rf $(printf %q "$SCENE")
	END
	chmod 700 env stop
}
