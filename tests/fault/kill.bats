# SIGINT and SIGKILL in each kind of step: exit code, end state, what status and recover say after.
load ../support/common
setup() {
	common_setup
	cat > mig.yaml <<-END
		mig: 1
		project: t
		state_dir: state
		environments:
		  dev: {database: "dbname=$DB"}
	END
	rm -f a undone
}
teardown() {
	[ -z "${RUNNER:-}" ] || kill -9 "$RUNNER" 2> /dev/null || true
	common_teardown
}

# play_until TEXT: plays the book on stdin until its log shows TEXT; sets RUNNER
play_until() {
	{ printf 'mig: 1\nname: book\n'; cat; } > book.yaml
	rm -f log
	mig-run book.yaml > log 2>&1 3>&- &
	RUNNER=$!
	local i
	for i in $(seq 200); do
		! grep -q "$1" log || return 0
		kill -0 $RUNNER 2> /dev/null || break
		sleep 0.05
	done
	echo "never came to: $1 ($i)"
	cat log
	return 1
}

# ends STATUS: the runner ends by itself with it
ends() {
	local got=0
	wait "$RUNNER" || got=$?
	RUNNER=
	[ $got = "$1" ] || {
		echo "expected exit $1, got $got"
		cat log
		return 1
	}
}

killed() {
	kill -9 "$RUNNER"
	wait "$RUNNER" 2> /dev/null || true
	RUNNER=
}

# A first step with an effect and an undo, and then the step that is interrupted.
steps() {
	printf 'steps:\n  - {id: a, run: [touch, a], undo: [touch, undone]}\n  - {id: x, %s}\n' "$1"
}

long='run: [sleep, "60"]'
check='checks: [{sql: "select pg_sleep(60)", expect: {value: 1}, timeout: 50s}]'

# name ; step ; exit code after one SIGINT ; was the first step undone?
interrupted='
a pause                          ; wait: 60s                                      ; 20 ; yes
checks                           ; CHECK                                          ; 20 ; yes
a plain command                  ; LONG                                           ; 22 ; yes
shell                            ; shell: "sleep 60"                              ; 22 ; yes
a command whose probe says no    ; LONG, probe: [sh, -c, "exit 4"]                ; 20 ; yes
a command whose probe says done  ; LONG, probe: ["true"], undo: ["true"]          ; 20 ; yes
traffic                          ; LONG, traffic: true                            ; 22 ; yes
'

@test "SIGINT in each kind of step: nothing new is begun, what was done is undone" {
	while IFS=';' read -r name step code undone; do
		[ -n "${name// /}" ] || continue
		step=${step//LONG/$long} step=${step//CHECK/$check}
		echo "-- $name"
		rm -f a undone
		play_until "step x" < <(steps "$(xargs -0 <<< "$step")")
		sleep 0.2
		kill -INT "$RUNNER"
		ends "${code// /}"
		[ "${undone// /}" = no ] || [ -e undone ]
		expect 0 mig-run list
		[[ ${lines[-1]} != *died* ]]
	done <<< "$interrupted"
}

@test "SIGINT before anything was changed: 130" {
	play_until "step x" <<-'END'
		steps:
		  - {id: x, run: [sleep, "60"], probe: [sh, -c, "exit 4"]}
	END
	kill -INT "$RUNNER"
	ends 130
}

@test "the child's whole group goes with it, with grace" {
	play_until "step x" < <(steps 'shell: "trap \"echo asked; exit 0\" TERM; sleep 60 & wait", traffic: true')
	sleep 0.3
	kill -TERM "$RUNNER"
	ends 22
	grep -q asked "$(ls state/t/dev/runs/*/02-x.log)"
}

@test "the second signal skips undo and runs always; the third ends at once" {
	cat > book.txt <<-'END'
		steps:
		  - {id: a, run: [touch, a], undo: [touch, undone]}
		  - {id: b, run: [touch, b], undo: [sleep, "60"]}
		  - {id: x, wait: 60s}
		always:
		  - {id: last, run: [touch, always]}
	END
	play_until "step x" < book.txt || true
	play_until_undo() { for _ in $(seq 500); do ! grep -q "undo b" log || return 0; sleep 0.05; done; return 1; }
	sleep 0.2
	kill -INT "$RUNNER"
	play_until_undo
	kill -INT "$RUNNER"
	ends 21
	[ -e always ]
	[ ! -e undone ]
}

@test "HUP does not stop a run" {
	play_until "step x" <<-'END'
		steps:
		  - {id: a, run: [touch, a]}
		  - {id: x, run: [sh, -c, "sleep 1; touch survived"]}
	END
	kill -HUP "$RUNNER"
	ends 0
	[ -e survived ]
}

# name ; step ; what the next run says (exit code) ; what recover says (exit code, words)
died='
a pause after a command  ; wait: 60s               ; 17 ; 21 ; not as it was before
checks after a command   ; CHECK                   ; 17 ; 21 ; not as it was before
a plain command          ; LONG                    ; 17 ; 21 ; cannot be told
traffic                  ; LONG, traffic: true     ; 17 ; 21 ; not as it was before
'

@test "SIGKILL in each kind of step: the next run is refused, recover says what is true" {
	while IFS=';' read -r name step next code words; do
		[ -n "${name// /}" ] || continue
		step=${step//LONG/$long} step=${step//CHECK/$check}
		echo "-- $name"
		rm -rf state
		play_until "step x" < <(
			steps "$(xargs -0 <<< "$step")"
			echo 'recovered: [{sql: "select 1", expect: {value: 1}}]'
		)
		sleep 0.2
		killed
		expect 0 mig-run status
		says "died"
		says "mig-run recover"
		expect "${next// /}" mig-run book.yaml
		says "died in step x"
		expect "${code// /}" mig-run recover
		says "$(xargs <<< "$words")"
		expect 14 mig-run recover
	done <<< "$died"
}

@test "SIGKILL before any effect: nothing to recover, the next run begins" {
	play_until "step x" <<-'END'
		steps:
		  - {id: x, wait: 60s}
	END
	killed
	expect 0 mig-run recover
	says "had changed nothing"
	play_until "step x" <<-'END'
		steps:
		  - {id: x, wait: 60s}
	END
	killed
	sed -i 's/60s/10ms/' book.yaml
	expect 0 mig-run book.yaml
}

@test "safety_02 after SIGKILL the children are gone and nobody holds the key" {
	play_until "step x" < <(steps 'shell: "echo $$ > child; exec sleep 60"')
	sleep 0.3
	killed
	sleep 0.3
	[[ $(ps -o stat= -p "$(cat child)") != [SRD]* ]]
	expect 21 mig-run recover
}

@test "recover leaves a living run alone" {
	play_until "step x" < <(steps 'run: [sleep, "60"]')
	run=$(basename state/t/dev/runs/*)
	expect 13 mig-run recover "$run"
	says "still alive"
}

@test "safety_02 without the run key nothing is changed any more, not even by an always-step" {
	play_until "step x" <<-'END'
		steps:
		  - {id: x, run: [sleep, "60"]}
		always:
		  - {id: touch, run: [touch, always]}
		  - {id: look, checks: [{sql: "select 1", expect: {value: "1"}}]}
	END
	sleep 0.3
	psql -Xqtc "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'mig-run%'" postgres
	ends 22
	[ ! -e always ]
	grep -q "always look.*: ok" log
}

@test "safety_02 a run whose key session dies stops and is in doubt" {
	play_until "step x" < <(steps 'run: [sleep, "60"]')
	sleep 0.3
	psql -Xqtc "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'mig-run%'" postgres
	ends 22
	grep -q "run key is gone" log
	[ ! -e undone ]
	expect 21 mig-run recover
}
