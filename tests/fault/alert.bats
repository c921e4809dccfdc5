#!/usr/bin/env bats
# Receivers that misbehave: a row is {script, expected exit code, what waits, how many requests}.
bats_require_minimum_version 1.5.0
load ../support/common
load ../support/http
setup() { alert_setup; }
teardown() {
	http_stop
	common_teardown
}

# row SCRIPT CODE WAITING REQUESTS WORDS: one alert, then a second that shows what is sent again
row() {
	rm -rf arrived state
	sentry_start "$1"
	expect "$2" mig-alert send sentry --title first || { echo "row: $1"; return 1; }
	says "$5" || { echo "row: $1"; return 1; }
	[ "$(spooled)" = "$3" ] || { echo "row $1: $(spooled) wait"; return 1; }
	mig-alert send sentry --title second || true
	[ "$(arrived)" = "$4" ] || { echo "row $1: $(arrived) requests"; return 1; }
	sentry_stop
}

@test "any answer ends a message, no answer keeps it" {
	row "200" 0 0 2 "sent"
	row "400" 16 0 2 "answered 400"
	row "401" 16 0 2 "mig-alert test sentry"
	row "413" 16 0 2 "answered 413"
	row "503" 16 0 2 "answered 503"
	row "close" 0 1 3 "it waits"
	# half an answer: the event may be stored, a second one would double it
	row "half" 0 0 2 "sent"
}

@test "a receiver that asks for silence gets it" {
	# nothing is sent again after 429, and nothing new before the time is over
	row "429:60:error" 16 0 1 "it may have kept the alert"
	row "429" 16 0 1 "answered 429"
	row "429:60:transaction" 16 0 2 "answered 429"
	row "429:60:default;error" 16 0 1 "answered 429"
	row "429:60:" 16 0 1 "answered 429"
	# limits hold on any status
	row "200:60:error" 0 0 1 "sent"
	row "200:60:monitor" 0 0 2 "sent"
}

@test "silence has an end, also a fraction of a second" {
	sentry_start "200:1.5:error"
	expect 0 mig-alert send sentry --title one
	expect 0 mig-alert send sentry --title two
	says "asked for silence until"
	[ "$(spooled)" = 1 ]
	expect 12 mig-alert test sentry
	sleep 1.7
	expect 0 mig-alert flush
	[ "$(spooled)" = 0 ]
	[ "$(arrived)" = 3 ]
}

@test "a receiver that stalls costs ten seconds, not the deploy" {
	sentry_start "stall"
	start=$SECONDS
	expect 0 mig-alert send sentry --title one
	[ $((SECONDS - start)) -ge 9 ]
	[ $((SECONDS - start)) -le 14 ]
	says "it waits"
	[ "$(spooled)" = 1 ]
}

@test "two programs do not send the same message" {
	export SENTRY_DSN=http://$SENTRY_KEY@127.0.0.1:1/7
	for n in 1 2 3 4 5; do expect 0 mig-alert send sentry --title "m$n"; done
	sentry_start
	mig-alert flush > one 2>&1 3>&- &
	first=$!
	mig-alert flush > two 2>&1 3>&- || true
	wait $first || true
	expect 0 mig-alert flush
	[ "$(arrived)" = 5 ]
	[ "$(spooled)" = 0 ]
	[ "$(cat arrived/*.event | jq -r .message | sort | xargs)" = "m1 m2 m3 m4 m5" ]
}

@test "a killed program leaves its message in the spool" {
	sentry_start "stall"
	mig-alert send sentry --title one > out 2>&1 3>&- &
	pid=$!
	for _ in $(seq 500); do
		[ "$(arrived)" = 0 ] || break
		sleep 0.1
	done
	kill -9 $pid
	wait $pid || true
	[ "$(spooled)" = 1 ]
	expect 0 mig-alert flush
	[ "$(spooled)" = 0 ]
}

@test "a spool that cannot be written keeps no alert back" {
	sentry_start
	mkdir -p state/shop/production
	: > "$SPOOL"
	expect 0 mig-alert send sentry --title one
	says "cannot wait in the spool"
	[ "$(arrived)" = 1 ]
	sentry_stop
	expect 12 mig-alert send sentry --title two
}

@test "a damaged message does not stand in the way" {
	sentry_start
	mkdir -p "$SPOOL"
	printf '{"receiver":' > "$SPOOL/1795223894680-x.json"
	touch -d now "$SPOOL/1795223894680-x.json"
	mv "$SPOOL/1795223894680-x.json" "$SPOOL/$(date +%s%3N)-x.json"
	expect 0 mig-alert flush
	says "not a message"
	[ "$(spooled)" = 0 ]
}

@test "messages that waited a week, and those over fifty, are dropped and said" {
	export SENTRY_DSN=http://$SENTRY_KEY@127.0.0.1:1/7
	mkdir -p "$SPOOL"
	old=$(($(date +%s%3N) - 8 * 86400 * 1000))
	printf '{"receiver":"sentry","id":"x","kept":{}}' > "$SPOOL/$old-x.json"
	expect 0 mig-alert send sentry --title one
	says "waited over 7 days"
	[ "$(spooled)" = 1 ]
	now=$(date +%s%3N)
	for n in $(seq 60); do printf '{"receiver":"sentry","id":"x","kept":{}}' > "$SPOOL/$((now - n))-x.json"; done
	expect 0 mig-alert send sentry --title two
	says "more than 50 others"
	[ "$(spooled)" = 50 ]
	grep -q two "$SPOOL"/*.json
}

@test "one receiver's failure keeps no other from its message" {
	sentry_start
	sed -i '$d' mig.yaml
	cat >> mig.yaml <<-END
		      slack: {url: {env: NOWHERE}}
		      broken: {kind: sentry, dsn: "http://nonsense"}
		      sentry: {dsn: {env: SENTRY_DSN}}
	END
	expect 3 mig-alert send slack broken nosuch sentry --title T
	says 'alerts of kind "slack" are not supported'
	says "not a Sentry DSN"
	says 'no alert receiver "nosuch"'
	says "sentry: sent"
	[ "$(arrived)" = 1 ]
}

@test "what a person mistypes is said" {
	sentry_start
	expect 2 mig-alert send sentry
	says "--title"
	expect 2 mig-alert send sentry --title T --level fatl
	says "did you mean fatal"
	expect 2 mig-alert send sentry --title T --tag nonsense
	says "KEY=VALUE"
	expect 2 mig-alert send sentry --title T --breadcrumb "now info"
	says "TIME CATEGORY LEVEL MESSAGE"
	expect 2 mig-alert send --title T
	expect 3 mig-alert send sentri --title T
	says "did you mean sentry"
	unset SENTRY_DSN
	expect 3 mig-alert send sentry --title T
	says "SENTRY_DSN"
	SENTRY_DSN=https://secretkey4711@host expect 3 mig-alert send sentry --title T
	says "mig.yaml:8:"
	[[ $output != *secretkey4711* ]]
	[ "$(arrived)" = 0 ]
}

@test "the stand-in refuses what is not the protocol" {
	sentry_start
	good='{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","sent_at":"2025-11-20T20:15:04.733Z"}'
	event='{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","timestamp":"2025-11-20T20:15:04.512Z","platform":"c","level":"error","message":"m"}'
	item="{\"type\":\"event\",\"length\":${#event}}"
	auth="X-Sentry-Auth: Sentry sentry_key=$SENTRY_KEY, sentry_version=7, sentry_client=t/1"
	url=http://127.0.0.1:$SENTRY_PORT/api/7/envelope/
	post() { # CODE BODY [CURL OPTION..]
		local wanted=$1
		printf '%b' "$2" > sent
		shift 2
		got=$(curl -s -o answer -w '%{http_code}' -H 'Expect:' -H 'Content-Type: application/x-sentry-envelope' \
			--data-binary @sent "$@")
		[ "$got" = "$wanted" ] || { echo "wanted $wanted, got $got: $(cat answer) for $*"; return 1; }
	}
	post 200 "$good\n$item\n$event\n" -H "$auth" "$url"
	post 404 "$good\n$item\n$event\n" -H "$auth" "${url%/}"
	post 404 "$good\n$item\n$event\n" -H "$auth" "${url/api\/7/api\/x}"
	post 401 "$good\n$item\n$event\n" "$url"
	post 401 "$good\n$item\n$event\n" -H "$auth" -H "Authorization: Bearer x" "$url"
	post 401 "$good\n$item\n$event\n" -H "$auth" "$url?sentry_key=$SENTRY_KEY"
	post 400 "$good\n$item\n$event\n" -H "${auth/0123/012}" "$url"
	post 401 "$good\n$item\n$event\n" -H "${auth%, sentry_client*}" "$url"
	post 400 "$good\n$item\n$event" -H "$auth" "$url"
	post 400 "$good\n$item\n$event\n\n" -H "$auth" "$url"
	post 400 "$good\r\n$item\n$event\n" -H "$auth" "$url"
	post 400 "$good\n${item/${#event}/$((${#event} - 1))}\n$event\n" -H "$auth" "$url"
	post 400 "$good\n$item\n$event\n$item\n$event\n" -H "$auth" "$url"
	post 400 "${good/9ec7/9EC7}\n$item\n$event\n" -H "$auth" "$url"
	post 400 "$good\n$item\n${event/9ec7/9ec8}\n" -H "$auth" "$url"
	post 400 "${good/\}/,\"sent_at\":\"2025-11-20T20:15:04Z\"\}}\n$item\n$event\n" -H "$auth" "$url"
	post 400 "$good\n$item\n${event/error/errox}\n" -H "$auth" "$url"
	post 400 "$good\n$item\n$event\n" -H "$auth" -H "Content-Type: text/plain" "$url"
	big=$(head -c 1100000 /dev/zero | tr '\0' x)
	fat=${event/\"m\"/\"$big\"}
	post 413 "$good\n${item/${#event}/${#fat}}\n$fat\n" -H "$auth" "$url"
	[ "$(grep -l '^200' arrived/*.answer | wc -l)" = 1 ]
}
