# A deploy that has to be undone, killed at random moments: whatever the moment, nothing is lost,
# the truth is told, and the next deploy goes through. KILLS=N rounds; SEED repeats a series.
load ../support/common
load ../support/deploy
setup() {
	common_setup
	export SENTRY_DSN=
}
teardown() {
	[ -z "${RUNNER:-}" ] || kill -9 "$RUNNER" 2> /dev/null || true
	common_teardown
}

# every database that was derived from ours is listed by `copies`
all_are_listed() {
	local name
	expect 0 mig-restore copies
	while read -r name; do
		[ -z "$name" ] || says "$name"
	done < <(sql -c "select datname from pg_database where datname like '$DB\\_\\_%'" postgres)
}

@test "SIGKILL at random moments of a deploy and of its way back" {
	shop
	RANDOM=${SEED:=$((RANDOM))}
	echo "# seed $SEED" >&3
	for round in $(seq "${KILLS:-5}"); do
		moment=$((RANDOM % 2500))
		echo "-- round $round: killed after $moment ms"
		mig-run deploy.yaml wanted=1 > log 2>&1 3>&- &
		RUNNER=$!
		sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
		killed
		run mig-run recover
		echo "recover: $status: $output"
		case $status in
		0 | 14) ;; # nothing was begun, or it had ended
		20)
			! has_column || false
			is_open
			;;
		21)
			# changed, and open only if that is known to work
			[ -e flag ] || has_column
			;;
		*) false ;;
		esac
		[ "$(sql -c "select count(*) from orders")" = 500 ]
		all_are_listed
		run mig-maintenance off --reason "looked at it"
		is_open
		sql -c "alter table orders drop column if exists colour" \
			-c "drop table if exists alembic_version"
	done
	expect 0 mig-run deploy.yaml
	has_column
	is_open
}
