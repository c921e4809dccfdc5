#!/usr/bin/env bats
# mig-verify smoke against a real server and a real database.
bats_require_minimum_version 1.5.0
load ../support/common
load ../support/http
load ../support/migrations
teardown() {
	http_stop
	common_teardown
}

# checks TEXT: smoke.yaml
checks() {
	printf 'checks:\n%s\n' "$1" > smoke.yaml
}

# an environment with a smoke base, a bypass header from a secret, and its own checks
configure() {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		environments:
		  production:
		    database: "host=$PGHOST port=$PGPORT user=owner dbname=$DB"
		    smoke: {base: "$HTTPD", header: {X-Maintenance-Bypass: {env: BYPASS}}, checks: [smoke.yaml]}
	END
	export BYPASS=let-me-in-4711
}

@test "an http check looks at status, duration, headers, JSON and body" {
	httpd_start '{"/health": [{"body": "{\"db\":\"ok\",\"list\":[{\"n\":7}],\"pi\":3.14}",
		"headers": {"Content-Type": "application/json; charset=utf-8"}}]}'
	checks '  - http: {get: "/health"}
    expect:
      status: 200
      duration: "< 5s"
      header Content-Type: {contains: json}
      header content-type: {match: "application/json.*"}
      json $.db: ok
      json $.list[0].n: ">= 7"
      json $.pi: 3.14
      json $.list: {equals: "[{\"n\":7}]"}
      body: {contains: "\"db\"", not_match: "error|Traceback"}'
	expect 0 mig-verify smoke --base "$HTTPD" smoke.yaml
	says "pass     GET /health"
}

@test "a failure shows what was expected, what came, and the first lines of the body" {
	httpd_start '{"/health": [{"status": 503, "body": "one\ntwo\nthree\nfour\nfive\nsix\n"}]}'
	checks '  - http: {get: "/health"}
    expect: {status: 200}
  - run: ["true"]
    expect: {exit: 0}'
	expect 4 mig-verify smoke --base "$HTTPD" smoke.yaml
	says "fail     GET /health"
	says "expected status 200"
	says "got      status 503"
	says "answer   one"
	says "five"
	[[ $output != *six* ]]
	says "pass     true"
	says "1 of 2 checks failed"
}

@test "the result under --json names every check" {
	httpd_start '{"/a": [{}], "/b": [{"status": 500, "body": "boom"}]}'
	checks '  - {name: first, http: {get: /a}, expect: {status: 200}}
  - http: {get: /b}
    expect: {status: 200}'
	run --separate-stderr mig-verify smoke --json --base "$HTTPD" smoke.yaml
	[ "$status" = 4 ]
	result=${lines[-1]}
	[ "$(jq -r '.event, .verdict, .rounds' <<< "$result" | xargs)" = "result fail 1" ]
	[ "$(jq -r '.checks[0] | .name, .kind, .verdict' <<< "$result" | xargs)" = "first http pass" ]
	[ "$(jq -r '.checks[1].expected, .checks[1].got, .checks[1].excerpt' <<< "$result" | xargs)" = "status 200 status 500 boom" ]
	jq -e '.checks[1].ms >= 0' <<< "$result"
	[ "$(tail -n 1 <<< "$stderr" | jq -r '.event, .code, .class' | xargs)" = "exit 4 no" ]
}

@test "without a status of its own an http check wants success" {
	httpd_start '{"/slow": [{"status": 500}], "/gone": [{"status": 204}]}'
	checks '  - {http: {get: /slow}, expect: {duration: "< 5s"}}'
	expect 4 mig-verify smoke --base "$HTTPD" smoke.yaml
	says 'expected status matches "2.."'
	checks '  - {http: {get: /gone}, expect: {duration: "< 5s"}}'
	expect 0 mig-verify smoke --base "$HTTPD" smoke.yaml
}

@test "the environment gives base, bypass header and checks" {
	httpd_start '{"/app/health": [{"need": "X-Maintenance-Bypass: let-me-in-4711", "body": "fine"}],
		"/other": [{}]}'
	configure
	sed -i "s|$HTTPD\"|$HTTPD/app/\"|" mig.yaml
	checks "  - {http: {get: /health}, expect: {body: fine}}
  - {http: {get: \"$HTTPD/other\", header: {X-Mine: here}}, expect: {status: 200}}"
	expect 0 mig-verify smoke
	# the bypass header goes to the base and nowhere else
	[ "$(jq -r 'select(.path == "/app/health").headers["X-Maintenance-Bypass"]' requests)" = let-me-in-4711 ]
	[ "$(jq -r 'select(.path == "/other").headers["X-Maintenance-Bypass"]' requests)" = null ]
	[ "$(jq -r 'select(.path == "/other").headers["X-Mine"]' requests)" = here ]
}

@test "a secret that comes back in the answer is not shown" {
	httpd_start '{"/health": [{"status": 500, "body": "you sent let-me-in-4711"}]}'
	configure
	checks '  - {http: {get: /health}, expect: {status: 200}}'
	expect 4 mig-verify smoke
	says "you sent ***"
	[[ $output != *let-me-in-4711* ]]
	expect 4 mig-verify smoke --json
	[[ $output != *let-me-in-4711* ]]
}

@test "methods, bodies and headers are sent as written" {
	httpd_start '{"/orders": [{"status": 201}], "/orders/1": [{"status": 204}]}'
	checks '  - http: {post: /orders, body: "{\"n\":1}", header: {Content-Type: application/json}}
    expect: {status: 201}
  - {http: {delete: /orders/1}, expect: {status: 204}}
  - {http: {head: /orders}, expect: {status: 201}}'
	expect 0 mig-verify smoke --base "$HTTPD" smoke.yaml
	[ "$(jq -r 'select(.method == "POST") | .body, .headers["Content-Type"]' requests | xargs -d '\n')" = '{"n":1} application/json' ]
	[ "$(jq -r .method requests | sort | xargs)" = "DELETE HEAD POST" ]
}

@test "http checks are made side by side" {
	httpd_start '{"/slow": [{"delay_ms": 700}]}'
	checks "$(for i in 1 2 3 4 5 6; do echo "  - {name: c$i, http: {get: /slow}, expect: {status: 200}}"; done)"
	start=$(date +%s%N)
	expect 0 mig-verify smoke --base "$HTTPD" smoke.yaml
	[ $((($(date +%s%N) - start) / 1000000)) -lt 3000 ]
}

@test "redirects are answers, not followed" {
	httpd_start '{"/": [{"status": 302, "headers": {"Location": "/elsewhere"}}], "/elsewhere": [{}]}'
	checks '  - {http: {get: /}, expect: {status: 302, header location: /elsewhere}}'
	expect 0 mig-verify smoke --base "$HTTPD" smoke.yaml
	[ "$(jq -r .path requests | xargs)" = / ]
}

@test "proxies of the environment are not used" {
	httpd_start '{"/": [{}]}'
	checks '  - {http: {get: /}, expect: {status: 200}}'
	http_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 expect 0 mig-verify smoke --base "$HTTPD" smoke.yaml
}

@test "a sql check looks at the first value and the number of rows" {
	sql -c "create table orders as select n, 'o' || n as name from generate_series(1, 5) n"
	checks '  - {sql: "select count(*) from orders", expect: {value: "> 4"}}
  - {sql: "select name from orders order by n", expect: {value: o1, rows: 5}}
  - {sql: "select 1 where false", expect: {rows: 0}}
  - {sql: "select null", expect: {value: "null"}}
  - {sql: "select 9223372036854775807", expect: {value: "> 9223372036854775806"}}'
	expect 0 mig-verify smoke smoke.yaml
	checks '  - {name: none, sql: "select 1 where false", expect: {value: 1}}
  - {name: other, sql: "select 2", expect: {value: 1}}'
	expect 4 mig-verify smoke smoke.yaml
	says "got      value no row"
	says "got      value 2"
	says "2 of 2 checks failed"
}

@test "safety_21 sql checks run READ ONLY with a statement_timeout" {
	sql -c "create table t (n int)"
	checks '  - {sql: "insert into t values (1) returning n", expect: {value: 1}}'
	expect 11 mig-verify smoke smoke.yaml
	says "read-only transaction"
	# one statement only: nothing can end the transaction and write behind it
	checks '  - {sql: "commit; insert into t values (2)", expect: {rows: 0}}'
	expect 11 mig-verify smoke smoke.yaml
	says "multiple commands"
	checks '  - {sql: "select set_config($$transaction_read_only$$, $$off$$, true)", expect: {rows: 1}}'
	expect 11 mig-verify smoke smoke.yaml
	[ "$(sql -c 'select count(*) from t')" = 0 ]
	checks '  - {sql: "select pg_sleep(20)", timeout: 300ms, expect: {rows: 1}}'
	start=$SECONDS
	expect 124 mig-verify smoke smoke.yaml
	says "statement timeout"
	[ $((SECONDS - start)) -lt 8 ]
	checks '  - {sql: "show statement_timeout", timeout: 7s, expect: {value: 7s}}
  - {sql: "show transaction_read_only", expect: {value: "on"}}
  - {sql: "show application_name", expect: {value: mig-verify smoke}}'
	expect 0 mig-verify smoke smoke.yaml
}

@test "a command check looks at exit status and output" {
	checks '  - {run: [sh, -c, "echo hello; exit 3"], expect: {exit: 3, stdout: hello}}
  - {run: [printf, "%s|", a b, $HOME], expect: {stdout: {equals: "a b|$HOME|"}}}'
	expect 0 mig-verify smoke smoke.yaml
	checks '  - {run: [sh, -c, "echo to stdout; echo to stderr >&2; exit 1"], expect: {exit: 0}}'
	expect 4 mig-verify smoke smoke.yaml
	says "got      exit 1"
	says "to stderr"
}

@test "rounds go on until one passes, or so many in a row" {
	httpd_start '{"/health": [{"status": 503}, {"status": 503}, {}], "/flap": [{}, {"status": 500}, {}, {}]}'
	checks '  - {http: {get: /health}, expect: {status: 200}}'
	expect 0 mig-verify smoke --base "$HTTPD" --retry-for 20s --retry-every 50ms smoke.yaml
	says "smoke round 1: fail"
	[ "$(wc -l < requests)" = 3 ]
	rm requests
	checks '  - {http: {get: /flap}, expect: {status: 200}}'
	expect 0 mig-verify smoke --base "$HTTPD" --retry-for 20s --retry-every 50ms --retry-need 2 smoke.yaml
	[ "$(wc -l < requests)" = 4 ]
}

@test "rounds end with the time, and the last answer counts" {
	httpd_start '{"/health": [{"status": 503, "body": "starting"}]}'
	checks '  - {http: {get: /health}, expect: {status: 200}}'
	start=$SECONDS
	expect 4 mig-verify smoke --base "$HTTPD" --retry-for 1s --retry-every 200ms smoke.yaml
	[ $((SECONDS - start)) -le 4 ]
	[ "$(wc -l < requests)" -ge 3 ]
	says "starting"
	# a row of passes is asked for without time to wait for one
	checks '  - {run: ["true"], expect: {exit: 0}}'
	expect 0 mig-verify smoke --json --retry-need 3 --retry-every 10ms smoke.yaml
	says '"rounds":3'
}

@test "checks that need writes are skipped and listed before the pivot" {
	sql -c "create table t (n int)"
	checks '  - {name: order, run: [psql, -Xqc, "insert into t values (1)"], expect: {exit: 0}, needs: [writes]}
  - {run: ["true"], expect: {exit: 0}}'
	expect 0 mig-verify smoke --before-pivot smoke.yaml
	says "skipped  order (needs writes)"
	[ "$(sql -c 'select count(*) from t')" = 0 ]
	expect 0 mig-verify smoke smoke.yaml
	[ "$(sql -c 'select count(*) from t')" = 1 ]
	checks '  - {run: ["true"], expect: {exit: 0}, needs: [writes]}'
	expect 3 mig-verify smoke --before-pivot smoke.yaml
	says "every check needs writes"
}

@test "several files, and lists that name files" {
	mkdir sub
	printf 'checks:\n  - {name: one, run: ["true"], expect: {exit: 0}}\n' > sub/one.yaml
	printf 'mig: 1\nchecks:\n  - {name: two, run: ["true"], expect: {exit: 0}}\n' > two.yaml
	expect 0 mig-verify smoke sub/one.yaml two.yaml
	says one
	says two
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		environments:
		  production:
		    database: "host=$PGHOST port=$PGPORT user=owner dbname=$DB"
		    smoke:
		      checks:
		        - sub/one.yaml
		        - {name: here, sql: select current_database(), expect: {value: $DB}}
	END
	expect 0 mig-verify smoke
	says one
	says here
	# files are relative to the file that names them, also from elsewhere
	cd sub
	expect 0 mig-verify smoke
	says one
}

@test "a file of http checks needs no database" {
	httpd_start '{"/": [{}]}'
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		environments:
		  production:
		    database: {env: NOT_SET_HERE}
		    smoke: {base: "$HTTPD"}
	END
	checks '  - {http: {get: /}, expect: {status: 200}}'
	expect 0 mig-verify smoke smoke.yaml
	checks '  - {sql: select 1, expect: {value: 1}}'
	expect 3 mig-verify smoke smoke.yaml
	says NOT_SET_HERE
}

@test "a dry run reads the files and asks nothing" {
	httpd_start '{"/": [{}]}'
	checks '  - {http: {get: /}, expect: {status: 200}}
  - {run: [touch, made], expect: {exit: 0}}'
	expect 0 mig-verify smoke -n --base "$HTTPD" smoke.yaml
	says "would check http: GET /"
	says "would check run: touch made"
	[ ! -e requests ]
	[ ! -e made ]
	checks '  - {http: {get: /}}'
	expect 3 mig-verify smoke -n smoke.yaml
	says "smoke.yaml:2:5"
}

@test "a revision check asks mig-apply where the database is" {
	line_of 2
	checks '  - revision: head'
	expect 0 mig-apply upgrade r001
	expect 4 mig-verify smoke smoke.yaml
	says "expected revision head"
	says "got      revision r001"
	checks '  - revision: r001'
	expect 0 mig-verify smoke smoke.yaml
	expect 0 mig-apply upgrade head
	expect 4 mig-verify smoke smoke.yaml
	says "got      revision r002"
	checks '  - revision: head'
	expect 0 mig-verify smoke smoke.yaml
	expect 0 mig-verify smoke smoke.yaml --json
	[ "$(jq -r 'select(.event == "result").checks[0].got' <<< "$output")" = "revision head" ]
}
