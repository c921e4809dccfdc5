# mig-run with plain commands as steps: order, undo, the ladder, exit codes, journal, directory.
load ../support/common
load ../support/http
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
teardown() {
	http_stop
	common_teardown
}

# book: the playbook on stdin becomes book.yaml
book() {
	{ printf 'mig: 1\nname: book\n'; cat; } > book.yaml
}

# run_directory: of the last run; by time, for ids of one second are in no order
run_directory() {
	# shellcheck disable=SC2012 # names of our own making
	ls -td state/t/dev/runs/* | head -1
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

@test "gates: all run, all are reported, 4 when one said no" {
	book <<-'END'
		gates:
		  - {id: first, run: [mig-verify, smoke, no.yaml]}
		  - {id: second, checks: [{sql: "select 1", expect: {value: 1}}]}
		  - {id: third, run: [test, -e, nothing]}
		steps:
		  - {id: a, run: [touch, never]}
	END
	cat > no.yaml <<-'END'
		checks: [{sql: "select 1", expect: {value: 2}}]
	END
	expect 4 mig-run book.yaml
	says "gate first"
	[ "$(journal 'select(.record=="done") | .step + ":" + .state' | xargs)" = "first:failed second:ok third:failed" ]
	[ ! -e never ]
}

@test "a gate that could not be asked keeps its own code" {
	book <<-'END'
		gates:
		  - {id: first, run: [mig-verify, smoke, gone.yaml]}
		steps:
		  - {id: a, run: [touch, never]}
	END
	expect 3 mig-run book.yaml
	[ ! -e never ]
}

@test "an undo that fails: the rest is undone, exit 21, the first error stays first" {
	book <<-'END'
		steps:
		  - {id: a, run: [touch, a], undo: [rm, a]}
		  - {id: b, run: [touch, b], undo: [sh, -c, "echo cannot; exit 9"]}
		  - {id: c, run: [sh, -c, "echo the real reason; exit 1"]}
	END
	expect 21 mig-run book.yaml
	says "the real reason"
	says "first error: step c"
	says "a person is needed"
	[ ! -e a ]
	[ "$(journal 'select(.record=="end").state')" = page ]
}

@test "recovered decides whether the undo was enough" {
	book <<-'END'
		inputs: {wanted: {match: '[0-9]'}}
		steps:
		  - {id: a, run: [touch, a], undo: [rm, a]}
		  - {id: b, run: ["false"]}
		recovered:
		  - {sql: "select 1", expect: {value: "${inputs.wanted}"}}
	END
	expect 20 mig-run book.yaml wanted=1
	says "the target is as before"
	expect 21 mig-run book.yaml wanted=2
	says "a person is needed"
}

@test "what was done and cannot be undone is not called undone" {
	book <<-'END'
		steps:
		  - {id: a, run: [touch, a]}
		  - {id: b, run: ["false"]}
	END
	expect 21 mig-run book.yaml
}

@test "after the pivot nothing that may touch data is undone, traffic is" {
	book <<-'END'
		steps:
		  - {id: a, run: [touch, a], undo: [rm, a]}
		  - {id: way, run: [touch, way], undo: [rm, way], traffic: true}
		  - {id: open, run: [touch, open], pivot: true}
		  - {id: late, run: ["false"]}
	END
	expect 21 mig-run book.yaml
	[ -e a ]
	[ ! -e way ]
	says "step a is not undone: users may have written since"
}

@test "a step that takes too long is ended, with all that it started" {
	book <<-'END'
		steps:
		  - {id: slow, shell: 'sleep 60 & echo $! > child; wait', timeout: 300ms, traffic: true}
	END
	expect 22 mig-run book.yaml
	says "time is over"
	# gone, or a zombie where nobody reaps
	[[ $(ps -o stat= -p "$(cat child)") != [SRD]* ]]
}

@test "a probe answers what a timeout left open" {
	book <<-'END'
		inputs: {done: {match: '[0-9]'}}
		steps:
		  - id: slow
		    run: [sleep, "60"]
		    timeout: 200ms
		    probe: [sh, -c, "exit ${inputs.done}"]
		    undo: [touch, undone]
	END
	expect 124 mig-run book.yaml done=4
	[ ! -e undone ]
	expect 20 mig-run book.yaml done=0
	[ -e undone ]
	expect 22 mig-run book.yaml done=7
}

@test "the playbook's own timeout ends it between and inside steps" {
	book <<-'END'
		timeout: 500ms
		steps:
		  - {id: a, wait: 400ms}
		  - {id: b, run: [sleep, "60"], probe: ["sh", "-c", "exit 4"]}
		  - {id: c, run: [touch, never]}
	END
	SECONDS=0
	expect 124 mig-run book.yaml
	[ $SECONDS -lt 20 ]
	[ ! -e never ]
}

@test "only the named classes are repeated" {
	book <<-'END'
		inputs: {class: {match: '[a-z]+'}}
		steps:
		  - {id: a, shell: 'echo x >> tries; test "$(wc -l < tries)" -ge 3', retry: {attempts: 5, delay: 1ms, on: [failed]}}
		  - {id: b, shell: 'echo x >> other; false', retry: {attempts: 5, delay: 1ms, on: [lock]}}
	END
	expect 21 mig-run book.yaml class=lock
	[ "$(wc -l < tries)" = 3 ]
	[ "$(wc -l < other)" = 1 ]
}

@test "checks must pass so many times in a row" {
	psql -Xqc "create sequence s"
	book <<-'END'
		steps:
		  - id: smoke
		    checks: [{sql: "select (nextval('s') > 2)::text", expect: {value: "true"}}]
		    retry: {for: 5s, every: 10ms, need: 2}
	END
	# a check is READ ONLY: the sequence may not be moved, which is an error and no pass
	expect 11 mig-run book.yaml
	rm -rf state
	book <<-'END'
		steps:
		  - id: smoke
		    checks: [{sql: "select count(*) from pg_class where relname = 'ready'", expect: {value: 1}}]
		    retry: {for: 20s, every: 50ms, need: 3}
	END
	(
		until [ "$(journal 'select(.record=="done" and .state=="failed").step' | wc -l)" -gt 0 ]; do
			sleep 0.1
		done
		psql -Xqc "create table ready()"
	) > /dev/null 2>&1 3>&- &
	expect 0 mig-run book.yaml
	[ "$(journal 'select(.record=="done" and .state=="ok").step' | wc -l)" = 3 ]
	[ "$(journal 'select(.record=="done" and .state=="failed").step' | wc -l)" -gt 0 ]
}

@test "a result goes into a later step, and must match its declared pattern" {
	book <<-'END'
		steps:
		  - {id: a, run: [echo, '{"colour": "green", "odd": "$(reboot)"}'], out: {colour: '[a-z]+', odd: '[a-z]+'}}
		  - {id: b, run: [touch, "${steps.a.out.colour}"]}
		  - {id: c, run: [touch, "${steps.a.out.odd}"]}
	END
	expect 21 mig-run book.yaml
	[ -e green ]
	says "steps.a.out.odd"
}

@test "a confirmation that nobody gives is a refusal" {
	book <<-'END'
		steps:
		  - {id: go, confirm: {ask: "Migrate ${env.dbname}?", type: "${env.dbname}"}}
		  - {id: a, run: [touch, a]}
	END
	expect 17 mig-run book.yaml
	[ ! -e a ]
	expect 0 mig-run book.yaml --confirm "$DB"
	[ -e a ]
}

@test "a confirmation that comes too late is none" {
	book <<-'END'
		steps:
		  - {id: go, confirm: {ask: "Really?", type: "yes", expires: 300ms}}
	END
	SECONDS=0
	run bash -c 'sleep 4 | script -qec "mig-run book.yaml" /dev/null'
	echo "$output"
	[ "$status" = 17 ]
	says "not confirmed"
}

@test "a notifier that is missing or broken changes nothing" {
	book <<-'END'
		steps:
		  - {id: a, run: ["false"]}
		notify: {start: [nobody], failure: [nobody]}
	END
	expect 1 mig-run book.yaml
	says "receiver nobody is not configured"
	says "first error: step a"
}

@test "always runs after success and failure, and does not mask the first error" {
	book <<-'END'
		inputs: {ok: {match: '(true|false)'}}
		steps:
		  - {id: a, run: ["${inputs.ok}"]}
		always:
		  - {id: last, shell: 'echo x >> always'}
	END
	expect 0 mig-run book.yaml ok=true
	expect 1 mig-run book.yaml ok=false
	[ "$(wc -l < always)" = 2 ]
	book <<-'END'
		steps:
		  - {id: a, run: ["true"]}
		always:
		  - {id: last, run: ["false"]}
	END
	expect 21 mig-run book.yaml
	says "always last"
}

@test "a second run is refused while the first holds the key" {
	book <<-'END'
		steps:
		  - {id: a, run: [sleep, "60"], probe: [sh, -c, "exit 4"]}
	END
	mig-run book.yaml > first.log 2>&1 3>&- &
	first=$!
	for _ in $(seq 500); do grep -q "step a" first.log && break; sleep 0.05; done
	expect 13 mig-run book.yaml
	says "held by mig-run"
	expect 0 mig-run status
	says "running"
	says "now in step a"
	kill -TERM $first
	wait $first || [ $? = 143 ]
}

@test "an unwritable journal: nothing is done" {
	book <<-'END'
		steps:
		  - {id: a, run: [touch, never]}
	END
	rm -rf state
	echo "a file where the folder should be" > state
	run mig-run book.yaml
	[ "$status" = 1 ] || [ "$status" = 12 ]
	says "without a journal nothing is done"
	[ ! -e never ]
}

@test "secrets of the environment do not reach logs, journal or terminal" {
	book <<-'END'
		secrets: [SMOKE_TOKEN]
		steps:
		  - {id: a, shell: 'echo "token is $SMOKE_TOKEN"'}
	END
	export SMOKE_TOKEN=very-secret-value
	expect 0 mig-run book.yaml
	! grep -r very-secret-value state || false
	[[ $output != *very-secret-value* ]]
	says "token is ***"
}

@test "a secret with quotes and backslashes does not reach the journal as JSON either" {
	book <<-'END'
		secrets: [SMOKE_TOKEN]
		steps:
		  - {id: a, shell: 'jq -nc --arg v "$SMOKE_TOKEN" "{v: \$v}"'}
	END
	export SMOKE_TOKEN='ver"y\secret-välue'
	expect 0 mig-run book.yaml
	! grep -r 'secret-v' state || false
	[[ $output != *secret-v* ]]
}

@test "the plan prints every command, asks the gates, and changes nothing" {
	book <<-'END'
		inputs: {ref: {match: 'v[0-9 ]+'}}
		gates:
		  - {id: ready, checks: [{sql: "select 1", expect: {value: 1}}]}
		steps:
		  - {id: a, run: [touch, "file ${inputs.ref}"], undo: [rm, "file ${inputs.ref}"]}
		  - {id: smoke, checks: [{sql: "select 1", expect: {value: 1}}]}
	END
	expect 0 mig-run book.yaml "ref=v 1" --plan
	says "a: touch 'file v 1'"
	says "rm 'file v 1'"
	says "ready: ok"
	[ ! -e "file v 1" ]
	[ ! -e state/t/dev/runs ]
	sed -i 's/value: 1}}\]}$/value: 3}}]}/' book.yaml
	expect 4 mig-run book.yaml "ref=v 1" -n
	says "ready: failed"
	says "a: touch 'file v 1'"
	expect 0 mig-run book.yaml "ref=v 1" -n --no-gates
}

@test "without mig.yaml, by -d: the children reach the same database" {
	rm mig.yaml
	sql -c "create table here()"
	book <<-'END'
		steps:
		  - id: look
		    checks: [{sql: "select count(*) from pg_class where relname = 'here'", expect: {value: 1}}]
		  - {id: close, run: [mig-maintenance, status]}
	END
	unset PGDATABASE
	expect 0 mig-run book.yaml -d "dbname=$DB"
	export DATABASE_URL="postgresql:///$DB"
	expect 0 mig-run book.yaml
	expect 0 mig-run recover "$(basename "$WORK"/state/mig/default/default/runs/* | tail -1)"
	says "nothing to recover"
}

@test "a journal that can be written no more: nothing new is done, not even an undo" {
	long=$(printf 'x%.0s' $(seq 6000))
	book <<-END
		steps:
		  - {id: a, run: [touch, a], undo: [touch, undone]}
		  - {id: full, run: [touch, b, "$long"]}
	END
	run bash -c 'trap "" XFSZ; ulimit -f 4; exec mig-run book.yaml'
	echo "$output"
	[ "$status" = 21 ]
	says "journal"
	[ -e a ]
	[ ! -e b ]
	[ ! -e undone ]
}

@test "lint, list and status" {
	expect 3 mig-run lint /dev/null
	book <<-'END'
		steps:
		  - {id: a, run: ["true"], hosts: web}
	END
	expect 3 mig-run lint book.yaml
	says "book.yaml:4:35"
	says "not available in this version yet"
	book <<-'END'
		steps:
		  - {id: a, run: ["true"]}
	END
	expect 0 mig-run lint book.yaml
	expect 0 mig-run list
	says "no runs"
	expect 0 mig-run book.yaml
	expect 0 mig-run list
	says "ok"
	expect 0 mig-run status
	says "ok"
	expect 14 mig-run recover
	expect 0 mig-run list --json
	jq -e '.runs[0].code == 0' <<< "${lines[-1]}"
}

@test "--json: the report is the last line, events are lines" {
	book <<-'END'
		steps:
		  - {id: a, run: ["false"]}
	END
	mig-run book.yaml --json > out 2> err || [ $? = 1 ]
	jq -es 'last | .event == "result" and .state == "stopped" and .steps[0].state == "failed"' out
	jq -es 'last | .event == "exit" and .code == 1' err
	jq -es 'map(.event) | contains(["step_started", "step_done"])' err
}

@test "--quiet: a good run says nothing, a bad one everything" {
	book <<-'END'
		inputs: {ok: {match: '(true|false)'}}
		steps:
		  - {id: a, run: ["${inputs.ok}"]}
	END
	expect 0 mig-run book.yaml ok=true -q
	[ -z "$output" ]
	expect 1 mig-run book.yaml ok=false -q
	says "first error: step a"
}

@test "a playbook by name is found beside mig.yaml; words that are no input are refused" {
	mkdir playbooks sub
	printf 'mig: 1\nname: x\nsteps:\n  - {id: a, run: [touch, here]}\n' > playbooks/x.yaml
	cd sub
	expect 0 mig-run x
	[ -e ../here ]
	expect 2 mig-run x ref=1
	expect 14 mig-run y
}

@test "an alert tells the first error, the end, and what came before" {
	sentry_start
	cat >> mig.yaml <<-'END'
		    alerts: {sentry: {dsn: {env: SENTRY_DSN}}}
	END
	sed -i 's/^  dev: {\(.*\)}$/  dev:\n    \1/' mig.yaml
	book <<-'END'
		owner: release team
		steps:
		  - {id: a, run: [touch, a], undo: [rm, a]}
		  - {id: b, shell: 'echo the cellar is flooded; exit 1'}
		notify: {failure: [sentry], success: [sentry]}
	END
	expect 20 mig-run book.yaml
	event=$(ls "$WORK"/arrived/*.event)
	grep -q "the cellar is flooded" "$event"
	grep -q "failed and undone" "$event"
	jq -e '.level == "error" and .transaction == "book-dev/b" and .tags."mig.step" == "b"' "$event"
	jq -e '[.breadcrumbs.values[].message] | map(startswith("a undone")) | any' "$event"
	sentry_stop
	# nobody there: the exit code is the same
	expect 20 mig-run book.yaml
	says "first error: step b"
}

# command ; exit code ; words of the answer
mistakes='
mig-run                                       ; 2  ; usage
mig-run nosuch.yaml                           ; 3  ; nosuch.yaml
mig-run nosuch                                ; 14 ; no playbook
mig-run book.yaml --plann                     ; 2  ; --plan
mig-run book.yaml ref=1                       ; 2  ; has no input
mig-run book.yaml -e nowhere                  ; 2  ; nowhere
mig-run book.yaml -d host=/nowhere            ; 10 ; /nowhere
mig-run book.yaml -d dbname=no_such_database  ; 10 ; no_such_database
mig-run book.yaml -c nosuch.yaml              ; 3  ; nosuch.yaml
mig-run recover nosuch                        ; 14 ; no run
mig-run status nosuch                         ; 14 ; no run
mig-run lint book.yaml broken.yaml            ; 3  ; broken.yaml:4:5
mig-run broken.yaml                           ; 3  ; does nothing
'

@test "each mistake: its exit code, what is wrong, nothing is done" {
	book <<-'END'
		steps:
		  - {id: a, run: [touch, never]}
	END
	printf 'mig: 1\nname: x\nsteps:\n  - {id: a}\n' > broken.yaml
	while IFS=';' read -r command code words; do
		[ -n "${command// /}" ] || continue
		read -ra argv <<< "$command"
		expect "${code// /}" "${argv[@]}"
		says "$(xargs <<< "$words")"
		[ ! -e never ]
		[ ! -e state/t/dev/runs ]
	done <<< "$mistakes"
}
