load ../support/common
load ../support/copies
setup() {
	common_setup
	COPY=${DB}__r_0123456789
	write_config
}

closed() { expect 0 mig-maintenance on; }
swap() { expect "$1" mig-restore swap "$COPY" --accept-loss --yes; }

@test "safety_06 a live name of 63 bytes in two-byte characters keeps its copies apart" {
	local live=ééééééééééééééééééééééééééééééé1 displaced
	sql -c "drop database if exists \"$live\" with (force)" -c "create database \"$live\"" postgres
	export PGDATABASE=$live
	DB=$live COPY=éééééééééééééééé__r_0123456789
	write_config
	make_live
	make_copy "$COPY"
	closed
	swap 0
	displaced=$(sql -c "select datname from pg_database where datname ~ '__b_'" postgres)
	[ "$(rows_of "$live")" = 12 ]
	[ "$(printf %s "$displaced" | wc -c)" -le 63 ]
	[[ $displaced =~ ^é+__b_[0-9a-f]{10}$ ]]
	expect 0 mig-restore drop "$displaced" --yes
	[ "$(rows_of "$live")" = 12 ]
	[ -z "$(oid_of "$displaced")" ]
	sql -c "drop database \"$live\" with (force)" postgres
}

@test "safety_06 a database without mig's mark is listed as such, and neither dropped nor swapped" {
	sql -c "create database $COPY" postgres
	expect 0 mig-restore copies
	says "no mark of mig"
	expect 17 mig-restore drop "$COPY" --yes
	says "does not bear mig's mark"
	expect 17 mig-restore swap "$COPY" --accept-loss --yes
	[ -n "$(oid_of "$COPY")" ]
	expect 14 mig-restore drop "$DB" --yes
	[ -n "$(oid_of "$DB")" ]
}

@test "safety_06 a mark that bears another database's OID does not count" {
	make_copy "$COPY"
	sql -c "drop database $COPY" -c "create database $COPY" postgres
	sql -c "comment on database $COPY is '{\"mig\":1,\"purpose\":\"restored\",\"oid\":1,\"of\":\"$DB\"}'" postgres
	expect 17 mig-restore drop "$COPY" --yes
	[ -n "$(oid_of "$COPY")" ]
}

@test "safety_06 a copy that somebody renamed, or made live by hand, is theirs" {
	make_copy "$COPY"
	sql postgres -c "alter database $COPY rename to ${DB}_mine"
	expect 0 mig-restore copies
	says "renamed by somebody"
	expect 17 mig-restore drop "${DB}_mine" --yes
	says "given its name by somebody else"
	expect 17 mig-restore swap "${DB}_mine" --accept-loss --yes
	sql postgres -c "drop database $DB" -c "alter database ${DB}_mine rename to $DB"
	expect 17 mig-restore drop "$DB" --yes
	says "is the live one"
	[ "$(rows_of "$DB")" = 12 ]
}

@test "safety_06 drop lists what would go, and does it only with --yes" {
	make_copy "$COPY"
	expect 0 mig-restore drop "$COPY"
	says "would be dropped: $COPY"
	[ -n "$(oid_of "$COPY")" ]
	expect 0 mig-restore drop "$COPY" --yes -n
	[ -n "$(oid_of "$COPY")" ]
	expect 0 mig-restore drop "$COPY" --yes
	[ -z "$(oid_of "$COPY")" ]
	expect 0 mig-restore copies
	[[ $output != *"$COPY"* ]]
}

@test "safety_06 killed between CREATE DATABASE and its mark: listed by the intent, and dropped" {
	mkdir -p "$STATE/intents"
	echo "{\"intent\":\"create\",\"database\":\"$COPY\",\"of\":\"$DB\"}" \
		> "$STATE/intents/create-1.json"
	sql -c "create database $COPY" postgres
	expect 0 mig-restore copies
	says "$COPY"
	says "not complete"
	expect 17 mig-restore swap "$COPY" --accept-loss --yes
	expect 0 mig-restore drop "$COPY" --yes
	[ -z "$(oid_of "$COPY")" ]
	[ ! -e "$STATE/intents/create-1.json" ]
}

@test "safety_06 a copy of another database is not touched" {
	make_copy "$COPY"
	sql -c "create database ${DB}_other" postgres
	expect 17 mig-restore drop -d "${DB}_other" "$COPY" --yes
	says "belongs to \"$DB\""
	[ -n "$(oid_of "$COPY")" ]
	sql -c "drop database ${DB}_other" postgres
}

# bats test_tags=majors
@test "safety_07 owner, privileges, limit, settings and comment move with the name" {
	sql postgres <<-END
		create role swap_owner; create role swap_app login; create role swap_reader;
		alter database $DB owner to swap_owner;
		revoke all on database $DB from public;
		grant connect on database $DB to swap_app with grant option;
		set role swap_app; grant connect on database $DB to swap_reader; reset role;
		alter database $DB connection limit 55;
		alter database $DB set work_mem = '8MB';
		alter database $DB set search_path = "\$user", public, "A, b";
		alter role swap_app in database $DB set statement_timeout = '5s';
		create role "We""ird Role" login;
		grant temp on database $DB to "We""ird Role";
		alter role "We""ird Role" in database $DB set "shop.motto" = E'it''s a \\\\ = "b"\nc';
		alter database $DB set temp_tablespaces = '';
		comment on database $DB is E'our "shop"\n{"mig": 1}';
	END
	make_live
	make_copy "$COPY"
	sql -c "alter database $COPY set geqo = off" -c "grant temp on database $COPY to swap_reader" postgres
	state() {
		sql postgres -c "select pg_get_userbyid(datdba), datconnlimit,
			(select array_agg(x::text order by x::text) from unnest(datacl) x),
			shobj_description(oid, 'pg_database'),
			(select array_agg(setrole::regrole::text || c order by setrole::regrole::text || c)
				from pg_db_role_setting, unnest(setconfig) c where setdatabase = d.oid)
			from pg_database d where datname = '$DB'"
	}
	local before
	before=$(state)
	closed
	swap 0
	[ "$(rows_of "$DB")" = 12 ]
	[ "$(state)" = "$before" ]
	[[ $before = *"swap_reader=c/swap_app"* ]]
	[[ $before = *'shop.motto=it'* ]]
	expect 0 mig-restore copies
	says "displaced"
}

@test "safety_07 undo is a swap: the first one back, the other displaced" {
	make_live
	make_copy "$COPY"
	local live copy
	live=$(oid_of "$DB") copy=$(oid_of "$COPY")
	closed
	swap 0
	[ "$(oid_of "$DB")" = "$copy" ]
	expect 0 mig-restore undo --accept-loss --yes
	[ "$(oid_of "$DB")" = "$live" ]
	[ "$(rows_of "$DB")" = 10 ]
	expect 0 mig-restore undo --accept-loss --yes
	[ "$(oid_of "$DB")" = "$copy" ]
	[ "$(databases | wc -l)" = 2 ]
}

@test "safety_07 sessions in the live database and in the copy are ended" {
	make_live
	make_copy "$COPY"
	closed
	sql -c "select pg_sleep(60)" > live.out 2>&1 3>&- &
	sql -d "$COPY" -c "select pg_sleep(60)" > copy.out 2>&1 3>&- &
	both() {
		[ "$(sql -c "select count(*) from pg_stat_activity where query ~ '^select pg_sleep'" postgres)" = 2 ]
	}
	until_true both
	swap 0
	wait
	grep -q "terminating connection" live.out
	grep -q "terminating connection" copy.out
}

@test "safety_07 50 clients in tight loops: each is back at once, after two failed connects at worst" {
	make_live
	make_copy "$COPY"
	closed
	"$BUILD/support/reconnect" "dbname=$DB" 50 4 > clients 3>&- &
	sleep 1.5
	swap 0
	wait
	cat clients
	read -r _ connects _ failures _ in_a_row _ gap < clients
	[ "$connects" -gt 200 ]
	# ended while it connects, then waiting for a name that moves: two, on a busy machine
	[ "$in_a_row" -le 2 ]
	[ "$failures" -le 100 ]
	[ "$gap" -lt 3000 ]
	[ "$(rows_of "$DB")" = 12 ]
}

@test "safety_07 SIGKILL at random moments: before or after, and always reachable" {
	local seed=${SEED:-$RANDOM} round live copy now began whole after=0
	RANDOM=$seed
	make_live
	make_copy "$COPY"
	live=$(oid_of "$DB") copy=$(oid_of "$COPY")
	closed
	began=$(date +%s%N)
	swap 0
	whole=$((($(date +%s%N) - began) / 1000000))
	nobody() {
		[ -z "$(sql -c "select pid from pg_stat_activity where application_name ~ '^mig-restore'" postgres)" ]
	}
	for round in $(seq "${ROUNDS:-10}"); do
		local before pause swapper
		before=$(oid_of "$DB")
		pause=$(printf '0.%03d' $((RANDOM % (whole * 3 / 2 + 50) % 1000)))
		mig-restore undo --accept-loss --yes > undo.out 2>&1 3>&- &
		swapper=$!
		sleep "$pause"
		kill -9 $swapper 2>/dev/null || true
		wait $swapper 2>/dev/null || true
		until_true nobody
		now=$(oid_of "$DB")
		[ "$now" = "$live" ] || [ "$now" = "$copy" ]
		[ "$now" = "$before" ] || after=$((after + 1))
		sql -d "$DB" -c "select 1" > /dev/null
		[ "$(databases | wc -l)" = 2 ]
		expect 0 mig-restore copies
		says "displaced"
	done
	echo "# seed $seed: $after of $round committed before the kill, within $whole ms" >&3
	expect 0 mig-restore undo --accept-loss --yes
}

@test "safety_09 by hand a swap needs maintenance, and the loss accepted" {
	make_live
	make_copy "$COPY"
	swap 17
	says "a swap needs maintenance, and it is open"
	closed
	expect 17 mig-restore swap "$COPY" --yes
	says "public.t"
	says "1 of 1 table differs"
	says "--accept-loss"
	expect 0 mig-restore swap "$COPY" -n
	says "other rows"
	[ "$(rows_of "$DB")" = 10 ]
	swap 0
}

@test "safety_16 a lease that has ended is no maintenance for a swap" {
	make_live
	make_copy "$COPY"
	expect 0 mig-maintenance on --lease 1s
	sleep 1.2
	swap 17
	says "lease of maintenance ended"
	expect 0 mig-maintenance renew
	swap 0
}

@test "safety_09 safety_16 a lease that ends while the copy is loaded: 17, and the copy stays with what to type" {
	make_live
	mig-backup create -q
	mkdir bin
	printf '#!/bin/sh\ncase "$*" in *--section=pre-data*) sleep 7 ;; esac\nexec %s "$@"\n' "$(command -v pg_restore)" > bin/pg_restore
	chmod +x bin/pg_restore
	sql -c "insert into t values (11)"
	expect 0 mig-maintenance on --lease 6s
	PATH=$WORK/bin:$PATH expect 17 mig-restore latest --swap --accept-loss --yes
	says "lease of maintenance ended"
	says "mig-maintenance renew; the copy is complete and stays: mig-restore swap ${DB}__r_"
	[ "$(rows_of "$DB")" = 11 ]
	expect 0 mig-maintenance renew
	expect 0 mig-restore swap "$(databases | grep __r_)" --accept-loss --yes
	[ "$(rows_of "$DB")" = 10 ]
}

@test "safety_09 in production the name is typed; break-glass wants a reason; never is never" {
	make_live
	make_copy "$COPY"
	environment() { write_config "production: true" "policy: {restore: $1}"; }
	environment never
	closed
	expect 17 mig-restore swap "$COPY" --accept-loss --yes --reason why --confirm "$DB"
	says "never"
	environment break-glass
	expect 17 mig-restore swap "$COPY" --accept-loss --yes --confirm "$DB"
	says "--reason"
	expect 17 mig-restore swap "$COPY" --accept-loss --yes --reason why
	says "--confirm $DB"
	expect 17 mig-restore swap "$COPY" --accept-loss --yes --reason why --confirm other
	[ "$(rows_of "$DB")" = 10 ]
	expect 0 mig-restore swap "$COPY" --accept-loss --reason why --confirm "$DB"
	[ "$(rows_of "$DB")" = 12 ]
}

@test "safety_09 a broken glass is alerted, from the spool when nobody listens" {
	make_live
	make_copy "$COPY"
	write_config "production: true" "policy: {restore: break-glass}" \
		"alerts: {sentry: {dsn: 'http://key@127.0.0.1:1/42'}}"
	closed
	expect 0 mig-restore swap "$COPY" --accept-loss --reason "lost orders" --confirm "$DB"
	grep -rq "lost orders" "$STATE/spool"
}

@test "safety_09 the history of the database that is live now says swapped_back" {
	make_live
	make_copy "$COPY"
	sql -d "$COPY" <<-END
		create schema mig;
		create table mig.history (id bigint generated always as identity primary key,
			at timestamptz not null default clock_timestamp(), revision text not null,
			direction text not null, tree text not null default 'main', checksum text,
			up_sql text, down_sql text, duration_ms bigint,
			who text not null default session_user, host text, run text, tool text, detail jsonb);
		create table alembic_version (version_num varchar(32) primary key);
		insert into alembic_version values ('3f9c1a7be2d4');
	END
	closed
	swap 0
	run sql -c "select direction, revision, run is not null, detail->>'displaced' from mig.history"
	echo "$output"
	[[ $output =~ ^swapped_back\|3f9c1a7be2d4\|t\|${DB}__b_[0-9a-f]{10}$ ]]
}

@test "safety_12 a proof counts only inside the run that made it" {
	make_live
	make_copy "$COPY"
	expect 2 mig-restore latest --proof proof.json
	says "--swap"
}
