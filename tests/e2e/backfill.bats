# "-- migrate:backfill": one UPDATE in batches along a key, behind its revision.
load ../support/common
load ../support/migrations

setup() {
	common_setup
	sql -c "create table users (id bigint primary key, email text, uid uuid unique not null default gen_random_uuid())" \
		-c "insert into users select i * 3, 'User' || i from generate_series(1, 1000) i" \
		-c "create table batches (n int)" -c "analyze users"
	sql <<-'END'
		create function note() returns trigger language plpgsql as $$ declare n int; begin
			select count(*) into n from changed; insert into batches values (n); return null; end $$;
		create trigger note after update on users referencing new table as changed for each statement execute function note();
	END
}
teardown() {
	[ -z "${VICTIM:-}" ] || kill -9 "$VICTIM" 2> /dev/null || true
	common_teardown
}

# filled OPTIONS UPDATE
filled() {
	rm -rf migrations
	revision r001 "" "Lower" <<-END
		-- migrate:up
		alter table users add lower text;

		-- migrate:backfill $1
		$2

		-- migrate:verify
		select count(*) = 0 from users where lower is null;

		-- migrate:down
		alter table users drop lower;
	END
	revision r002 r001 "Next" <<< $'-- migrate:up\nalter table users alter lower set not null;\n-- migrate:down\nalter table users alter lower drop not null;'
}

detail() { sql -c "select detail->>'$1' from mig.history where direction = 'backfill' order by id desc limit 1"; }

@test "every row is updated once, in batches, before what stands on it" {
	filled "table=users key=id batch=300" "update users u set lower = lower(u.email)
		where lower is null or u.email = 'none';"
	expect 0 mig-apply upgrade
	says "backfill of r001: 1000 rows of users changed in 4 batches"
	rows_are r002
	[ "$(sql -c "select string_agg(n::text, ' ') from batches")" = "300 300 300 100" ]
	[ "$(detail state)" = done ]
	[ "$(sql -c "select string_agg(direction, ' ' order by id) from mig.history")" = "up backfill up" ]
	expect 0 mig-apply current --check
	expect 0 mig-apply upgrade
	says "was already at"
	expect 0 mig-apply downgrade base -y
}

@test "other keys, other shapes of the statement" {
	while IFS='|' read -r options update; do
		echo "case: $options: $update"
		sql -c "alter table users drop column if exists lower" -c "drop table if exists alembic_version" \
			-c "truncate batches" -c "drop schema if exists mig cascade"
		filled "$options" "$(printf '%b' "$update")"
		expect 0 mig-apply upgrade
		[ "$(sql -c "select count(*) from users where lower = lower(email)")" = 1000 ]
		[ "$(sql -c "select sum(n) from batches")" = 1000 ]
	done <<-'END'
		table=users key=uid batch=400|update users set lower = lower(email);
		table=public.users key=id batch=999 pause=1ms|update only public.users set lower = lower(email) -- all of them
		table=users key=id batch=1000000|update users set lower = (select lower(email) where 1 = 1)\n\twhere(users.id > 0)
		table=users key=id|with w as (select 1 as one where true) update users as u set lower = lower(u.email) from w where w.one = 1;
	END
}

@test "killed between batches: the next upgrade goes on behind the last one" {
	filled "table=users key=id batch=50 pause=100ms" "update users set lower = lower(email);"
	mig-apply upgrade > victim.log 2>&1 3>&- &
	VICTIM=$!
	for _ in $(seq 500); do
		[ "$(sql -c "select count(*) > 2 from batches")" = f ] || break
		sleep 0.05
	done
	kill -9 $VICTIM
	wait $VICTIM || true
	VICTIM=
	rows_are r001
	expect 4 mig-apply current --check
	says "backfill open: r001 Lower:"
	says "of about 1000 rows of users; go on: mig-apply upgrade"
	sql -c "update mig.history set detail = detail || '{\"estimate\": 0}' where direction = 'backfill'" # nobody had counted them
	expect 4 mig-apply current --check
	[[ $output = *" rows of users; go on: mig-apply upgrade"* && $output != *"about"* ]]
	mig-apply current --json | tail -1 | jq -e '.backfills[0].revision == "r001" and .backfills[0].passed >= 100'
	expect 17 mig-apply downgrade -1 -y
	says "the backfill of r001 is open"
	sed -i 's/pause=100ms/pause=1ms/' migrations/r001_lower.sql
	mv migrations/r002_next.sql .
	expect 0 mig-apply upgrade
	rows_are r001
	[ "$(sql -c "select count(*) || ' ' || sum(n) || ' ' || max(n) from batches")" = "20 1000 50" ]
	mv r002_next.sql migrations
	expect 0 mig-apply upgrade
	rows_are r002
}

@test "rows that come while it runs do not keep it from ending" {
	filled "table=users key=id batch=100" "update users set lower = lower(email);"
	sql -c "create function more() returns trigger language sql as 'select null::trigger'" 2> /dev/null || true
	sql <<-'END'
		create function grow() returns trigger language plpgsql as $$ begin
			insert into users (id, email, lower) select max(id) + 1, 'x', 'x' from users; return null; end $$;
		create trigger grow after update on users for each statement execute function grow();
	END
	sed -i 's/^alter table users add lower text;/&\nupdate users set id = id where false;/' migrations/r001_lower.sql
	expect 0 mig-apply upgrade
	[ "$(detail batches)" -le 11 ]
}

@test "a verify that is not true, or an UPDATE that fails, leaves it open" {
	filled "table=users key=id batch=400" "update users set lower = lower(email) where id < 1500;"
	expect 1 mig-apply upgrade
	says "migrations/r001_lower.sql:12: verify of r001 is not true: f"
	says "the backfill stays open"
	rows_are r001
	[ "$(detail state)" = open ]
	sql -c "update users set lower = lower(email)"
	expect 0 mig-apply upgrade
	rows_are r002

	sql -c "drop table alembic_version" -c "alter table users drop lower" -c "drop schema mig cascade"
	filled "table=users key=id batch=400" "update users set lower = lower(email) || 1 / (id - 1500);"
	expect 11 mig-apply upgrade
	says "migrations/r001_lower.sql:9:"
	says "22012"
	says "what is done is kept: correct migrations/r001_lower.sql, then: mig-apply upgrade"
	[ "$(detail last)" = 1200 ]
	expect 0 mig-apply stamp r001
	[ "$(detail state)" = "given up" ]
	expect 0 mig-apply current
	[[ $output != *"backfill open"* ]]
}

@test "an UPDATE's own error has its place in the file" {
	filled "table=users key=id batch=400" "update users set lower = lower(email)
		where nosuch = 1;"
	expect 11 mig-apply upgrade
	says "migrations/r001_lower.sql:10:9"
	says "42703"
}

@test "wrong use is refused by its place" {
	while IFS='|' read -r wanted options update says; do
		filled "$options" "$update"
		echo "case: $options: $update"
		expect "$wanted" mig-apply upgrade
		says "migrations/r001_lower.sql:8"
		says "$says"
		[ "$wanted" = 17 ] || [ "$(sql -c "select to_regclass('alembic_version')")" = "" ]
	done <<-'END'
		3|key=id|update users set lower = 'x';|which table?
		3|table=users|update users set lower = 'x';|along which key?
		3|table=users kye=id|update users set lower = 'x';|did you mean key
		3|table=users key=id batch=0|update users set lower = 'x';|"batch=0" is not batch=a number
		3|table=users key=id batch=5x|update users set lower = 'x';|is not batch=a number
		3|table=users key=id pause=soon|update users set lower = 'x';|is not pause=a duration
	END
	while IFS='|' read -r options update says; do
		filled "$options" "$update"
		echo "case: $options: $update"
		expect 17 mig-apply upgrade
		says "$says"
		[ "$(sql -c "select to_regclass('alembic_version')")" = "" ]
	done <<-'END'
		table=users key=id|delete from users;|one UPDATE is needed
		table=users key=id||one UPDATE is needed
		table=users key=id|update users set lower = 'x'; update users set lower = 'y';|one UPDATE is needed
		table=users key=id|update users set lower = 'x' returning id;|RETURNING has nobody
		table=users key=id|update users set lower = 'x' where id > $1;|parameters are mig's own
	END
	while IFS='|' read -r options says; do
		sql -c "drop table if exists alembic_version" -c "alter table users drop column if exists lower" -c "drop schema if exists mig cascade"
		filled "$options" "update users set lower = 'x';"
		echo "case: $options"
		expect 17 mig-apply upgrade
		says "$says"
		[ "$(sql -c "select count(*) from users where lower = 'x'")" = 0 ]
	done <<-'END'
		table=nosuch key=id|there is no such table
		table=users key=nosuch|no such column
		table=batches key=n|the UPDATE is of another table
		table=users key=email|the column is not unique
	END
}
