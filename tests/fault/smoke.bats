#!/usr/bin/env bats
# Checks that cannot be made: a row is {name, break, expected exit code, expected words}.
bats_require_minimum_version 1.5.0
load ../support/common
load ../support/http
teardown() {
	http_stop
	[ -z "${OTHER_PID:-}" ] || kill "$OTHER_PID" 2> /dev/null || true
	common_teardown
}

http_check='http: {get: /x}, expect: {status: 200}'

# row NAME CODE WORDS CHECK [OPTION..]: one check that ends with CODE and says WORDS
row() {
	local name=$1 code=$2 words=$3 check=$4
	shift 4
	printf 'checks:\n  - {%s}\n' "$check" > smoke.yaml
	expect "$code" mig-verify smoke "$@" smoke.yaml || { echo "row: $name"; return 1; }
	says "$words" || { echo "row: $name"; return 1; }
	if [ "$code" != 4 ] && [[ $output = *"fail  "* ]]; then
		echo "row $name: an error became a failure"
		return 1
	fi
}

@test "an http check that cannot be made is an error with its own code" {
	httpd_start '{"/x": [{"end": "close"}], "/half": [{"end": "half"}], "/slow": [{"delay_ms": 3000}]}'
	row "nobody listens" 12 "Couldn't connect" "$http_check" --base http://127.0.0.1:1
	row "no such host" 12 "resolve" "$http_check" --base http://no-such-host.invalid
	row "closed without an answer" 12 "no data" "$http_check" --base "$HTTPD"
	row "breaks off in the body" 12 "/half" "http: {get: /half}, expect: {status: 200}" --base "$HTTPD"
	row "too slow" 124 "Timeout" "http: {get: /slow}, timeout: 300ms, expect: {status: 200}" --base "$HTTPD"
	row "https asked of http" 12 "SSL" "$http_check" --base "${HTTPD/http:/https:}"
}

@test "a certificate that nobody vouches for is an error" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
		-subj /CN=localhost -days 2 2> /dev/null
	port=$(cluster_free_port)
	openssl s_server -quiet -www -accept "127.0.0.1:$port" -key key.pem -cert cert.pem 3>&- > /dev/null 2>&1 &
	OTHER_PID=$!
	for _ in $(seq 500); do
		(exec 4<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break
		sleep 0.05
	done
	row "self-signed" 12 "certificate" "$http_check" --base "https://localhost:$port"
}

@test "an answer that a check cannot read is an error or a failure, never a pass" {
	big=$(head -c 1200000 /dev/zero | tr '\0' x)
	httpd_start "{\"/big\": [{\"body\": \"$big\"}], \"/not\": [{\"body\": \"<html>\"}],
		\"/json\": [{\"body\": \"{\\\"a\\\": {\\\"b\\\": null}}\"}]}"
	row "too long to be sure" 1 "longer than a check reads" \
		"http: {get: /big}, expect: {body: {not_match: ERROR}}" --base "$HTTPD"
	row "status is known all the same" 0 "pass" "http: {get: /big}, expect: {status: 200}" --base "$HTTPD"
	row "not JSON" 4 "a body that is not JSON" 'http: {get: /not}, expect: {json $.a: 1}' --base "$HTTPD"
	row "nothing there" 4 "json \$.a.c nothing" 'http: {get: /json}, expect: {json $.a.c: 1}' --base "$HTTPD"
	row "not a number" 4 'json $.a.b null' 'http: {get: /json}, expect: {json $.a.b: "> 0"}' --base "$HTTPD"
	row "no such header" 4 "header x-none nothing" \
		"http: {get: /json}, expect: {header x-none: {not_match: x}}" --base "$HTTPD"
}

@test "a sql check that cannot be made is an error with its own code" {
	row "no such table" 11 "nowhere" "sql: select * from nowhere, expect: {rows: 0}"
	row "syntax" 11 "syntax error" "sql: selec 1, expect: {value: 1}"
	row "nobody listens" 10 "$WORK/none" "sql: select 1, expect: {value: 1}" -d "host=$WORK/none"
	row "no such database" 10 "no_such_db" "sql: select 1, expect: {value: 1}" -d "dbname=no_such_db"
	row "lock in the way" 124 "statement timeout" "sql: select pg_sleep(9), timeout: 200ms, expect: {rows: 1}"
}

@test "a session that dies between two checks breaks only its own" {
	cat > smoke.yaml <<-'END'
		checks:
		  - {name: dies, sql: select pg_terminate_backend(pg_backend_pid()), expect: {rows: 1}}
		  - {name: lives, sql: select 1, expect: {value: 1}}
	END
	run mig-verify smoke smoke.yaml
	[ "$status" = 10 ]
	says "error    dies"
	says "pass     lives"
}

@test "a command check that cannot be made is an error" {
	row "no such program" 1 "no-such-program" "run: [no-such-program-4711], expect: {exit: 0}"
	row "never ends" 124 "not done after" "run: [sleep, '60'], timeout: 300ms, expect: {exit: 0}"
	row "killed" 4 "exit 137" "run: [sh, -c, 'kill -9 \$\$'], expect: {exit: 0}"
	row "not text" 4 "answer" "run: [sh, -c, 'printf \"\\\\377\\\\376x\"'], expect: {stdout: text}"
}

@test "a revision check that cannot be made keeps the code of mig-apply" {
	mkdir migrations
	row "nobody listens" 10 "mig-apply current" "revision: head" -d "host=$WORK/none"
	row "no such revision" 4 "got      revision none" "revision: abcdef"
	printf 'not a revision\n' > migrations/x.sql
	row "a tree that cannot be read" 3 "mig-apply current" "revision: head"
}

@test "a failed check outweighs one that could not be made" {
	httpd_start '{"/x": [{"status": 500}]}'
	cat > smoke.yaml <<-END
		checks:
		  - {http: {get: "http://127.0.0.1:1/"}, expect: {status: 200}}
		  - {http: {get: "$HTTPD/x"}, expect: {status: 200}}
	END
	expect 4 mig-verify smoke smoke.yaml
	says "error    GET http://127.0.0.1:1/"
	says "fail     GET $HTTPD/x"
}

@test "what the environment lacks is said before anything is checked" {
	row "no base" 3 "stands under the smoke base" "$http_check"
	row "secret unset" 3 "NOT_SET_4711" \
		"http: {get: /x, header: {X-A: {env: NOT_SET_4711}}}, expect: {status: 200}" --base http://127.0.0.1:1
	row "negative" 2 "--retry-for" "$http_check" --retry-for -1s
	expect 2 mig-verify smoke
	says "no file of checks"
	expect 3 mig-verify smoke nowhere.yaml
	says "nowhere.yaml"
	printf 'checks: []\n' > smoke.yaml
	expect 3 mig-verify smoke smoke.yaml
	says "smoke.yaml:1:9"
	expect 2 mig-verify smok smoke.yaml
	says smoke
}

@test "an interrupt ends the checks at once, and says so" {
	httpd_start '{"/x": [{"delay_ms": 20000}]}'
	cat > smoke.yaml <<-'END'
		checks:
		  - {http: {get: /x}, timeout: 20s, expect: {status: 200}}
		  - {run: [sleep, "30"], expect: {exit: 0}}
	END
	mig-verify smoke --base "$HTTPD" smoke.yaml > out 2>&1 3>&- &
	pid=$!
	sleep 0.7
	start=$SECONDS
	kill -INT "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" = 130 ]
	[ $((SECONDS - start)) -lt 6 ]
	grep -q interrupted out
}
