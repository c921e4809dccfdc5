# What every program has in common: help, version, man page, usage errors, JSON errors.
bats_require_minimum_version 1.5.0
load ../support/common

setup() {
	PATH=$BUILD/bin:$PATH
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/mig-test.XXXXXX")
	export XDG_STATE_HOME=$WORK/state HOME=$WORK
	unset MIG_RUN MIG_ENV MIG_CONFIG MIG_JSON DATABASE_URL
	cd "$WORK" || return 1
}

each_program() {
	local program
	for program in "$BUILD"/bin/mig*; do
		"$@" "$(basename "$program")" || {
			echo "in $program"
			return 1
		}
	done
}

help_is_there() {
	expect 0 "$1" --help
	says "usage"
	says "--json"
	expect 0 "$1" --version
	says "mig) 0."
}
@test "every program has help and a version" { each_program help_is_there; }

unknown_option() {
	expect 2 "$1" --jsno
	says "unknown option --jsno"
	says "did you mean --json"
}
@test "every program answers a near miss of an option" { each_program unknown_option; }

unknown_option_json() {
	run --separate-stderr "$1" --json --nonsense-option
	[ "$status" = 2 ]
	jq -e '.event == "exit" and .code == 2 and .class == "usage"' <<< "${stderr_lines[-1]}"
}
@test "under MIG_JSON the last line of a failure is an exit event" {
	export MIG_JSON=1
	each_program unknown_option_json
}

man_is_clean() {
	LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$BUILD/man/$1.1" > page 2> complaints
	[ ! -s complaints ] || {
		cat complaints
		return 1
	}
	grep -q 'EXIT STATUS' page
	grep -q 'DESCRIPTION' page
}
@test "every program has a man page that formats without warnings" { each_program man_is_clean; }

options_are_in_man() {
	local option
	LC_ALL=C.UTF-8 man -E ascii -l "$BUILD/man/$1.1" > page
	for option in $("$1" --help | grep -oE '^  (-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		grep -q -- "$option" page || {
			echo "$option is not in the man page"
			return 1
		}
	done
}
@test "help and man page name the same options" { each_program options_are_in_man; }

verbs_belong() {
	[ "$1" != mig ] || return 0 # its verbs are the names of the others
	local verb
	for verb in $("$1" --print-verbs); do
		run "$BUILD/bin/$([ "$1" = mig-alert ] && echo mig-backup || echo mig-alert)" "$verb"
		[[ $output = *"mig-"*" $verb"* ]] || {
			echo "$verb typed at another program is not answered with $1 $verb: $output"
			return 1
		}
	done
}
@test "a verb typed at the wrong program is answered with the right one" { each_program verbs_belong; }

@test "a password on the command line is refused" {
	expect 2 mig-backup list -d "postgresql://u:hunter22@127.0.0.1/x"
	[[ $output != *hunter22* ]]
}

@test "libpq and libcrypto are loaded by who needs them, and their absence is said" {
	mkdir migrations broken
	printf -- '-- revision: r1\n-- down_revision:\n-- message: One\n\n-- migrate:up\nselect 1;\n' > migrations/r1_one.sql
	: > broken/libpq.so.5
	export LD_LIBRARY_PATH=$PWD/broken
	expect 0 mig-apply heads
	says "r1 One (head)"
	DATABASE_URL=postgres://somewhere/else expect 0 mig-apply history
	expect 1 mig-apply current
	says "PostgreSQL's client library cannot be loaded: $PWD/broken/libpq.so.5: file too short"
	says "hint: install it"
	rm broken/libpq.so.5
	: > broken/libcrypto.so.3
	expect 1 mig-apply heads # takes checksums
	says "OpenSSL's libcrypto cannot be loaded"
	says "apt-get install libssl3"
	expect 0 mig-apply --help
	rm broken/libcrypto.so.3
	for program in "$BUILD"/bin/*; do # none is linked with it
		expect 0 "$program" --version
	done
}

@test "make install puts programs, man pages, docs and completion in place" {
	case $BUILD in */san) export SAN=1 ;; */coverage) export COVERAGE=1 ;; esac # not built anew
	make -s -C "$BATS_TEST_DIRNAME/../.." install BUILD="$BUILD" DESTDIR="$WORK/root" PREFIX=/usr
	expect 0 "$WORK/root/usr/bin/mig-run" --version
	[ -s "$WORK/root/usr/share/man/man1/mig-run.1" ]
	[ -s "$WORK/root/usr/share/doc/mig/safety.md" ]
	[ -s "$WORK/root/usr/share/mig/playbooks/deploy.yaml" ]
	[ -x "$WORK/root/usr/share/mig/hooks/systemd-status" ]
	grep -q -- --plan "$WORK/root/usr/share/bash-completion/completions/mig-run"
	[ "$(stat -c %a "$WORK/root/usr/bin/mig-run")" = 755 ]
}
