#!/usr/bin/env bats
# mig-alert against a strict stand-in for Sentry.
bats_require_minimum_version 1.5.0
load ../support/common
load ../support/http
setup() { alert_setup; }
teardown() {
	http_stop
	common_teardown
}

event() {
	jq -r "$1" "$WORK/arrived/${2:-1}.event"
}

@test "an alert arrives whole" {
	sentry_start
	export MIG_RUN=20261120T010203Z-1a2b3c:4711 MIG_STEP=smoke
	expect 0 mig-alert send sentry --level fatal --title "Deploy undone" --tag db=shop --tag "a b=c=d" \
		--release shop@1.4 --fingerprint mig-run,deploy,smoke --transaction deploy/smoke \
		--body "GET /health: expected 200, got 503" \
		--breadcrumb "2026-11-20T01:02:03Z mig.step info backup ok 41.2 s" \
		--breadcrumb "2026-11-20T01:03:03.5Z mig.step error smoke failed"
	says "sentry: sent"
	[ "$(cat arrived/1.answer)" = 200 ]
	[ "$(event .level)" = fatal ]
	[ "$(event .message)" = $'Deploy undone\nGET /health: expected 200, got 503' ]
	[ "$(event .environment)" = production ]
	[ "$(event .release)" = shop@1.4 ]
	[ "$(event .transaction)" = deploy/smoke ]
	[ "$(event '.tags["mig.run"]')" = 20261120T010203Z-1a2b3c ]
	[ "$(event '.tags["mig.step"], .tags.db, .tags.project, .tags.a_b' | xargs)" = "smoke shop shop c=d" ]
	[ "$(event '.fingerprint | join(",")')" = mig-run,deploy,smoke ]
	[ "$(event '.breadcrumbs.values[1] | .timestamp, .level, .category, .message' | xargs)" = \
		"2026-11-20T01:03:03.500Z error mig.step smoke failed" ]
	[ "$(spooled)" = 0 ]
}

@test "the envelope is exact to the byte" {
	sentry_start
	expect 0 mig-alert send sentry --title "Größe: 3 €"
	[ "$(wc -l < arrived/1.body)" = 3 ]
	[ "$(sed -n 2p arrived/1.body | jq -r .length)" = $(($(sed -n 3p arrived/1.body | wc -c) - 1)) ]
	[ "$(sed -n 1p arrived/1.body | jq -r .event_id)" = "$(event .event_id)" ]
	[ "$(sed -n 1p arrived/1.body | jq -r 'keys | join(",")')" = event_id,sdk,sent_at ]
	grep -q '^POST /api/7/envelope/$' arrived/1.head
	grep -q "^X-Sentry-Auth: Sentry sentry_key=$SENTRY_KEY, sentry_version=7, sentry_client=mig.alert/" arrived/1.head
	grep -q '^Content-Type: application/x-sentry-envelope$' arrived/1.head
	never grep -qi '^expect\|^authorization' arrived/1.head
}

@test "the body comes from standard input" {
	sentry_start
	printf 'line one\nline two\n' > body
	expect 0 mig-alert send sentry --title T --body - < body
	[ "$(event .message)" = $'T\nline one\nline two' ]
}

@test "neither environment nor secrets travel" {
	sentry_start
	export PRIVATE_THING=do-not-send-4711 PGPASSWORD=hunter2-4711
	expect 0 mig-alert send sentry --title "password is hunter2-4711" --body "dsn $SENTRY_DSN key $SENTRY_KEY" \
		--tag pw=hunter2-4711 --breadcrumb "2026-11-20T01:02:03Z c info hunter2-4711"
	never grep -rq 'do-not-send-4711\|hunter2-4711' arrived
	never grep -q "$SENTRY_KEY" arrived/1.body
	[ "$(event '.message')" = $'password is ***\ndsn *** key ***' ]
	[[ $output != *hunter2* && $output != *$SENTRY_KEY* ]]
}

@test "texts are cleaned and cut, never refused" {
	sentry_start
	long=$(printf 'ä%.0s' $(seq 6000))
	expect 0 mig-alert send sentry --title "$long" --release "a/b\\c d" --transaction "x
y" --tag "$long=v" --tag "k=$long" --tag "bad=$(printf '\377x')" --fingerprint "$long"
	[ "$(event .message | tr -d '\n' | wc -c)" = 8192 ]
	[ "$(event .release)" = a-b-c-d ]
	[ "$(event .transaction)" = "x y" ]
	[ "$(event .tags.k | tr -d '\n' | wc -c)" = 200 ]
	[ "$(event .tags.bad)" = '?x' ]
	expect 0 mig-alert send sentry --title T --release latest
	[ "$(event .release 2)" = null ]
}

@test "the result under --json names every receiver" {
	sentry_start
	run --separate-stderr mig-alert send sentry --title T --json
	[ "$status" = 0 ]
	[ "$(jq -r '.event, (.receivers[0] | .receiver, .outcome, .status)' <<< "${lines[-1]}" | xargs)" = "result sentry sent 200" ]
	[ "$(jq -r '.receivers[0].id' <<< "${lines[-1]}")" = "$(event .event_id)" ]
}

@test "test tells the truth about every receiver" {
	sentry_start
	expect 0 mig-alert test
	says "sentry: sent"
	[ "$(event .level)" = info ]
	event .message | grep -q "nothing is wrong"
	sentry_stop
	expect 12 mig-alert test sentry
	says "Couldn't connect"
}

@test "a dry run sends nothing" {
	sentry_start
	expect 0 mig-alert send sentry --title "Backup failed" -n
	says "would alert sentry: error: Backup failed"
	expect 3 mig-alert send sentri --title "Backup failed" -n
	says "did you mean sentry"
	[ "$(arrived)" = 0 ]
	[ "$(spooled)" = 0 ]
}

@test "receivers may have names of their own; an empty address is a mistake" {
	sentry_start
	sed -i '$d' mig.yaml
	cat >> mig.yaml <<-END
		      ops: {kind: sentry, dsn: {env: SENTRY_DSN}, environment: other place}
		      sentry: {dsn: {env: EMPTY}}
	END
	expect 0 mig-alert send ops --title T
	[ "$(event .environment)" = other-place ]
	# an alert that goes nowhere is worse than none: whoever wants none removes the receiver
	EMPTY='' expect 3 mig-alert send sentry --title T
	says EMPTY
	[ "$(arrived)" = 1 ]
}

@test "what waits goes with the next alert, in order" {
	sentry_start
	sentry_stop
	expect 0 mig-alert send sentry --title one
	says "it waits"
	expect 0 mig-alert send sentry --title two
	[ "$(spooled)" = 2 ]
	[ "$(stat -c %a "$SPOOL")" = 700 ]
	[ "$(stat -c %a "$SPOOL"/*.json | sort -u)" = 600 ]
	# neither the address nor a time of sending is kept
	never grep -q "sent_at\|$SENTRY_KEY\|127.0.0.1" "$SPOOL"/*.json
	sentry_start
	expect 0 mig-alert send sentry --title three
	[ "$(for n in 1 2 3; do event .message $n; done | xargs)" = "three one two" ]
	[ "$(spooled)" = 0 ]
}

@test "flush sends what waits, and says what stays" {
	export SENTRY_DSN=http://$SENTRY_KEY@127.0.0.1:1/7
	expect 0 mig-alert send sentry --title one
	expect 12 mig-alert flush
	says "0 sent, 0 rejected, 1 still waiting"
	sentry_start
	expect 0 mig-alert flush
	says "1 sent, 0 rejected, 0 still waiting"
	[ "$(event .message)" = one ]
	[ "$(spooled)" = 0 ]
	expect 0 mig-alert flush --json
	says '"sent":0'
}
