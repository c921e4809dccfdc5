# The whole demo once, with fewer rows.
load ../support/common
teardown() {
	[ -z "${SCENE:-}" ] || scene_stop
	common_teardown
}

common_setup() {
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/mig-test.XXXXXX")
	export TMPDIR=$WORK HOME=$WORK BUILD
	[ "$(id -u)" != 0 ] || chmod 755 "$WORK"
}

# running TEXT: some process has it in its command line
running() {
	local line
	for process in /proc/[0-9]*/cmdline; do
		line=$(tr '\0' ' ' < "$process" 2>/dev/null)
		[[ $line != *"$1"* ]] || return 0
	done
	return 1
}

@test "safety_12 safety_13 safety_14 the demo: a good deploy, and a bad one caught and undone" {
	DEMO_ROWS=5000 expect 0 "$BATS_TEST_DIRNAME/../../examples/shop/demo"
	says "exit 0"
	says "exit 20"
	says " 0 of them are missing"
	says " 0 orders were accepted between"
	# nothing is left: no folder, no process
	[ -z "$(ls -A "$WORK")" ]
	! running "$WORK"
}

@test "the proof of the demo notices a lost order, one accepted inside, and one turned away outside" {
	source "$BATS_TEST_DIRNAME/../../examples/shop/scene.sh"
	scene_start 2000
	for _ in $(seq 300); do
		[ "$(grep -c ' 201 ' run/orders.log)" -lt 5 ] || break
		sleep 0.1
	done
	scene_quiet
	mkdir run/r
	printf '{"record":"%s","step":"%s","state":"ok","at":"2026-01-01T00:00:0%s.000Z"}\n' \
		intent close 1 'done' close 2 intent open 3 'done' open 4 > run/r/journal.jsonl
	scene_prove run/r
	[ "$acknowledged" -ge 5 ]
	[ "$lost $inside $turned_away $other" = "0 0 0 0" ]

	reference=$(awk '$3 == 201 { print $5; exit }' run/orders.log)
	psql -Xq "$admin" -c "delete from orders where reference = '$reference'"
	closed=$(date -u -d 2026-01-01T00:00:02Z +%s)
	awk -v ms="${closed}500" '$3 == 201 && ++n == 2 { print ms, ms, 201, $4, $5; exit }' \
		run/orders.log > inside
	cat inside >> run/orders.log
	echo "${closed}500 ${closed}500 503 - x" >> run/orders.log
	echo "$((closed + 60))500 $((closed + 60))500 503 - y" >> run/orders.log
	scene_prove run/r
	status_line="$lost $inside $turned_away $other"
	scene_stop
	echo "lost, inside, turned away, other: $status_line"
	[ "$status_line" = "1 1 1 1" ]
}
