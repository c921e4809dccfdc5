# shellcheck shell=bash
# What the demo prints: see demo. Works in the scene's folder, with what scene_prove found.
# shellcheck disable=SC2154 # acknowledged, lost, inside, turned_away, other: from scene.sh

bold=
plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m'
	plain=$'\e[0m'
fi

title() {
	printf '\n%s== %s ==%s\n\n' "$bold" "$1" "$plain"
}

tell() {
	printf '%s\n' "$*"
}

type_in() {
	printf '%s$ %s%s\n' "$bold" "$*" "$plain"
}

fail() {
	printf '\ndemo: %s\n' "$1" >&2
	exit 1
}

# One line per step of a run, from its journal: when (since its start), how long, how it ended.
report_timeline() {
	local began open
	tell "$2, run $(basename "$1"):"
	jq -rs -f "$scene_source/timeline.jq" "$1/journal.jsonl" |
		while IFS=$'\t' read -r at took what state; do
			printf '  %8s  %7s  %-22s %s\n' "$at" "$took" "$what" "$state"
		done
	read -r began _ _ open < <(scene_closing "$1")
	tell "  users were kept out for $(seconds $((open - began)))"
	tell ""
}

seconds() {
	printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
}

# Every table of the undone run: as it was when writes stopped, and before they began again.
report_tables() {
	local base closed reopened name count hash again
	base=run/$(basename "$1")
	closed=$base.closed
	reopened=$base.reopened
	[ -s "$closed" ] && [ -s "$reopened" ] || return 1
	tell "Every table and sequence, read with psql after writes had stopped, and again before they"
	tell "were let in, after the bad migration and the way back:"
	tell ""
	printf '  %-26s %9s  %-34s %s\n' name rows "content when writes stopped" "after recovery"
	while read -r name count hash; do
		again=$(awk -v name="$name" '$1 == name { print $2, $3 }' "$reopened")
		if [ "$again" = "$count $hash" ]; then again=equal; else again="DIFFERENT: $again"; fi
		printf '  %-26s %9s  %-34s %s\n' "${name#public.}" "$count" "$hash" "$again"
	done < "$closed"
	tell ""
	cmp -s "$closed" "$reopened"
}

report_orders() {
	scene_prove "$@" || return 1
	tell "$acknowledged orders were acknowledged to the client: $lost of them are missing in the" \
		"database."
	tell "$turned_away times it was turned away (503); $inside orders were accepted between closing" \
		"and reopening."
	[ "$other" = 0 ] || tell "$other requests were answered otherwise: see run/orders.log."
	[ "$acknowledged" -gt 0 ] && [ "$turned_away" -gt 0 ] && [ "$lost $inside $other" = "0 0 0" ]
}

# The receiver keeps an event only when the whole envelope is exactly as the protocol has it.
report_alert() {
	local event
	! grep -Lx 200 alerts/*.answer | grep . || return 1
	event=$(printf '%s\n' alerts/*.event | tail -n 1)
	[ -s "$event" ] || return 1
	tell "The alert, as the receiver of Sentry envelopes took it:"
	jq -r '"  " + .level + " " + .timestamp + " from " + .logger,
		(.message | split("\n")[] | "  | " + .)' "$event"
}

report_next() {
	title "What to type next"
	tell "make demo KEEP=1      the same, and everything stays up to look around in"
	tell "make check            all tests"
	tell "less examples/shop/playbooks/deploy.yaml examples/shop/mig.yaml"
	tell "build/bin/mig help    the programs; build/bin/mig init starts in a project of yours"
}

# KEEP=1: two files in the scene's folder, one to look around with and one that ends it all.
report_kept() {
	scene_keep
	title "Kept: what to type next"
	tell "cd $SCENE && . ./env      database, secrets and programs of the scene"
	tell "mig status                is anything running, how does the database stand"
	tell "mig-backup list           the restore points of both deploys"
	tell "mig-restore copies        the database that the bad migration made, displaced by the swap"
	tell "mig-apply history"
	tell "mig-run list; ls .mig/shop/production/runs/*"
	tell "curl -s $SHOP_URL/orders"
	tell "psql \"\$DATABASE_URL\""
	tell ""
	tell "bash $SCENE/stop    ends everything and removes it"
}
