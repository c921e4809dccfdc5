# A revision without a transaction, killed between and in its statements: every statement is run
# exactly once, whatever the moment. KILLS=N rounds; SEED repeats a series.
load ../support/common
load ../support/migrations

setup() {
	common_setup
	sql -c "create table log (n int);
		create type mood as enum ('sad');
		create table items (id int primary key, a int, b int);
		insert into items select i, i % 10, i % 7 from generate_series(1, 40000) i"
	revision r001 "" "Killed" -h "transaction: off" <<-'END'
		-- migrate:up
		insert into log select 1 from pg_sleep(0.05);
		create index concurrently items_a on items (a);
		insert into log values (2);
		insert into log select 3 from pg_sleep(0.05);
		reindex index concurrently items_a;
		create unique index concurrently if not exists items_id on items (id, b desc) include (a) where b > 1;
		drop index concurrently items_b;
		insert into log values (4);
		vacuum items;
		alter type mood add value 'glad';
		insert into log select 5 from pg_sleep(0.05) where 'glad'::mood > 'sad';
		-- migrate:down
		create type other as enum ('sad');
		drop type mood;
		alter type other rename to mood;
		drop index concurrently if exists items_id;
		delete from log;
		drop index concurrently if exists items_a;
		create index concurrently items_b on items (b);
	END
	sql -c "create index items_b on items (b)"
}
teardown() {
	[ -z "${VICTIM:-}" ] || kill -9 "$VICTIM" 2> /dev/null || true
	common_teardown
}

invalid() { sql -c "select count(*) from pg_index where not indisvalid and indexrelid::regclass::text !~ '_ccnew'"; }

# killed_after MS COMMAND..
killed_after() {
	local ms=$1
	shift
	"$@" > victim.log 2>&1 3>&- &
	VICTIM=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -9 $VICTIM 2> /dev/null || true
	wait $VICTIM 2> /dev/null || true
	VICTIM=
}

@test "SIGKILL at random moments: the next upgrade goes on exactly where it was" {
	RANDOM=${SEED:=$RANDOM}
	echo "# seed $SEED" >&3
	for round in $(seq "${KILLS:-4}"); do
		tries=0
		while :; do
			moment=$((RANDOM % 400))
			echo "-- round $round: killed after $moment ms"
			killed_after $moment mig-apply upgrade
			[ "$(sql -c "select count(*) from (select n from log group by n having count(*) > 1) twice")" = 0 ]
			((++tries < 4)) || break
			[ "$(sql -c "select to_regclass('alembic_version')")" = "" ] ||
				[ "$(sql -c "select count(*) from alembic_version")" = 0 ] || break
		done
		expect 0 mig-apply upgrade
		[ "$(sql -c "select string_agg(n::text, '' order by n) from log")" = 12345 ]
		[ "$(sql -c "select count(*) from pg_index where indrelid = 'items'::regclass and indisvalid")" = 3 ]
		[ "$(invalid)" = 0 ]
		[ "$(sql -c "select count(*) from mig.history_step")" = 0 ]
		rows_are r001
		killed_after $((RANDOM % 300)) mig-apply downgrade base -y
		run mig-apply downgrade base -y
		rows_are ""
		[ "$(sql -c "select count(*) from log")" = 0 ]
		[ "$(invalid)" = 0 ]
		sql -c 'drop index if exists items_a_ccnew, items_id_ccnew'
	done
}

@test "SIGKILL while the server builds on: its work is waited for and not done twice" {
	psql -Xq <<< $'begin;\nupdate items set a = a where id = 1;\n\\! sleep 3\ncommit;' > /dev/null 3>&- &
	holder=$!
	sleep 0.3
	killed_after 900 mig-apply upgrade
	[ "$(sql -c "select state from mig.history_step where number = 2")" = begun ]
	expect 0 mig-apply upgrade
	wait $holder
	[ "$(sql -c "select string_agg(n::text, '' order by n) from log")" = 12345 ]
	[ "$(invalid)" = 0 ]
	rows_are r001
}
