# A second program while a run is at work: each row is {program, exit code}; a refusal says who holds
# the key and since when, and changes nothing. What only reads is not held up.
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

rows=(
	"another run|mig-run deploy.yaml|13"
	"recover|mig-run recover|14"
	"a migration|mig-apply upgrade|13"
	"a downgrade|mig-apply downgrade -1 --yes|13"
	"a stamp|mig-apply stamp head|13"
	"a snapshot|mig-backup create|13"
	"a restore|mig-restore latest|13"
	"closing|mig-maintenance on|13"
	"opening|mig-maintenance off|13"
	"what would be applied|mig-apply plan|0"
	"where it is|mig-apply current|0"
	"the plan of a run|mig-run deploy.yaml --plan|0"
	"snapshots|mig-backup list|0"
	"status|mig status|0"
	"status of maintenance|mig-maintenance status|0"
	"status of runs|mig-run status|0"
	"copies|mig-restore copies|0"
)

@test "a second program during a run: 13, who holds the key and since when; reading is free" {
	local row name command code failed=0
	shop
	mig-backup create -q
	sed -i 's/run: \[touch, code\]/run: [sleep, "120"]/' deploy.yaml
	play_until "step code"
	id=$(basename "$(run_directory)")
	for row in "${rows[@]}"; do
		IFS='|' read -r name command code <<< "$row"
		# shellcheck disable=SC2086 # words of a command
		run $command
		if [ "$status" != "$code" ] ||
			{ [ "$code" = 13 ] && ! [[ $output =~ "mig-run $id".*since\ 20[0-9]{2}- ]]; }; then
			echo "$name: wanted $code, got $status: $output"
			failed=1
		fi
	done
	[ $failed = 0 ]
	kill -0 "$RUNNER"
	is_closed
	[ "$(find state -name '*.mig.tar' | wc -l)" = 2 ]
}
