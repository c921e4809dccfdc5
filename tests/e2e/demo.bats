# The whole demo once, with fewer rows.
load ../support/common
setup() { common_setup; }
teardown() { common_teardown; }

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
