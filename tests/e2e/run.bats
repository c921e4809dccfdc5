# mig-run with plain commands as steps: order, undo, the ladder, exit codes, journal, directory.
load ../support/common
setup_file() { common_setup_file; }
teardown_file() { common_teardown_file; }
setup() {
	common_setup
	cat > mig.yaml <<-END
		mig: 1
		project: t
		state_dir: state
		environments:
		  dev: {database: "dbname=$DB"}
	END
}
teardown() { common_teardown; }

# book: the playbook on stdin becomes book.yaml
book() {
	{ printf 'mig: 1\nname: book\n'; cat; } > book.yaml
}

# run_directory: of the last run
run_directory() {
	printf '%s\n' state/t/dev/runs/* | tail -1
}

journal() {
	jq -r "$1" "$(run_directory)/journal.jsonl"
}

@test "steps run in order and the run ends with 0" {
	book <<-'END'
		inputs: {ref: {match: 'v[0-9]+'}}
		steps:
		  - {id: one, run: [touch, "one-${inputs.ref}"]}
		  - {id: two, shell: 'test -e "one-$MIG_INPUT_REF" && touch two'}
	END
	expect 0 mig-run book.yaml ref=v7
	[ -e one-v7 ]
	[ -e two ]
	says "end: everything was done"
	[ "$(journal 'select(.record=="intent").step' | xargs)" = "one two" ]
	[ "$(journal 'select(.record=="end").code')" = 0 ]
	ls "$(run_directory)"/01-one.log "$(run_directory)"/02-two.log
}

@test "a failed step: what was done is undone in reverse, exit 20, first error first" {
	book <<-'END'
		steps:
		  - {id: a, run: [sh, -c, "echo do-a >> log"], undo: [sh, -c, "echo undo-a >> log"]}
		  - {id: b, run: [sh, -c, "echo do-b >> log"], undo: [sh, -c, "echo undo-b >> log"]}
		  - {id: c, run: [sh, -c, "echo broken pipe in the cellar; exit 3"]}
		  - {id: d, run: [touch, never]}
	END
	expect 20 mig-run book.yaml
	says "step c: sh ended with exit code 3"
	says "broken pipe in the cellar"
	[ "$(xargs < log)" = "do-a do-b undo-b undo-a" ]
	[ ! -e never ]
}

@test "failed before anything was changed: the step's own code" {
	book <<-'END'
		steps:
		  - {id: look, run: [mig-verify, smoke, nothing.yaml]}
		  - {id: b, run: [touch, never]}
	END
	expect 3 mig-run book.yaml
	[ ! -e never ]
}
