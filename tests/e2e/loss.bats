# The loss report row by row, and --export-lost.
load ../support/common
load ../support/copies

# Tables with a key, a composite one, without one, and partitioned; then a snapshot.
make_tables() {
	sql <<-'END'
		create table customers (id bigint generated always as identity primary key, name text, note text);
		insert into customers (name, note) select 'name ' || i, E'tab\there\\' from generate_series(1, 1000) i;
		create table "or""ders
		\! touch hacked" (id int, part int, customer bigint references customers, total numeric(9,2),
			doubled numeric generated always as (total * 2) stored, primary key (part, id));
		insert into "or""ders
		\! touch hacked" select i, i % 7, i, i from generate_series(1, 500) i;
		create table log (line text);
		insert into log select 'line ' || i % 10 from generate_series(1, 100) i;
		create table days (d date not null, v int, primary key (d)) partition by range (d);
		create table days_1 (v int, d date not null);
		alter table days attach partition days_1 for values from ('2026-01-01') to ('2027-01-01');
		insert into days select date '2026-01-01' + i, i from generate_series(0, 99) i;
		create table same (a int primary key); insert into same values (1), (2);
	END
	expect 0 mig-backup create
}

change_tables() {
	sql <<-'END'
		delete from "or""ders
		\! touch hacked" where id <= 4;
		insert into customers (name, note) values ('new', null), ('newer', E'\\N'), ('newest', '');
		update customers set note = 'other' where id in (10, 11);
		insert into "or""ders
		\! touch hacked" select i, 0, 1001, i from generate_series(1001, 1005) i;
		update "or""ders
		\! touch hacked" set total = 0 where id = 400;
		insert into log values ('line 1'), ('alone');
		delete from log where ctid = (select min(ctid) from log where line = 'line 2');
		update days set v = -1 where d = '2026-02-01';
		delete from days where d = '2026-01-01';
	END
}

# counts TABLE ADDED REMOVED CHANGED: what the last loss event says of it
counts() {
	local got
	got=$(sed -n '/"event":"loss"/p' <<< "$output" | jq -r --arg t "$1" \
		'.tables[] | select(.table | startswith($t)) | "\(.added) \(.removed) \(.changed)"')
	[ "$got" = "$2 $3 $4" ] || {
		echo "$1: $got, wanted $2 $3 $4"
		return 1
	}
}

all_counts() {
	counts public.customers 3 0 2
	counts 'public.or"ders' 5 4 1
	counts public.log 2 1 0
	counts public.days 0 1 1
	counts public.same 0 0 0
}

@test "safety_09 the loss report counts rows exactly: against a snapshot, and against a copy" {
	make_tables
	change_tables
	expect 0 mig-restore latest -n --json
	all_counts
	expect 0 mig-restore latest
	local copy
	copy=$(databases | grep __r_)
	expect 0 mig-restore swap "$copy" -n --json
	all_counts
	expect 0 mig-restore latest -n
	says "other rows: 3 lost, 0 back, 2 changed"
	says "other rows: 2 lost, 1 back, 0 changed (no key to tell changed)"
	[ ! -e hacked ]
}

@test "safety_09 tables and columns that one side lacks: rows are compared by what both have" {
	make_tables
	sql -c "alter table customers add column email text default 'x'" \
		-c "update customers set name = 'changed' where id = 1" \
		-c "create table extra (a int)" -c "insert into extra values (1), (2)" -c "drop table same"
	expect 0 mig-restore latest -n --json --export-lost lost
	counts public.customers 0 0 1
	counts public.extra 2 0 0
	counts public.same 0 2 0
	[ "$(cat lost/*.whole.copy | wc -l)" = 1000 ]
	grep -q "a table that would be gone" lost/README.md
	[ "$(jq -r 'select(.event == "loss").export.rows' <<< "$output")" = 3 ]
}

@test "--export-lost writes what load.sql brings back into the restored database" {
	make_tables
	change_tables
	expect 0 mig-restore latest -n --export-lost lost/
	says "14 rows of"
	[ "$(stat -c %a lost)" = 700 ]
	[ "$(stat -c %a lost/* | sort -u)" = 600 ]
	expect 0 mig-restore latest --to-db "${DB}_old"
	(cd lost && psql -Xq -d "${DB}_old" -f load.sql)
	[ ! -e hacked ] && [ ! -e lost/hacked ]
	local table
	for table in customers '"or""ders
		\! touch hacked"'; do
		table=${table//$'\t'/}
		diff <(sql -c "select * from $table where true order by 1, 2" | grep -v '^[1-4]|') \
			<(sql -d "${DB}_old" -c "select * from $table order by 1, 2" | grep -v '^[1-4]|')
	done
	[ "$(sql -d "${DB}_old" -c "select v from days where d = '2026-02-01'")" = -1 ]
	[ "$(sql -d "${DB}_old" -c "insert into customers (name) values ('next') returning id")" = 1004 ]
	sql -c "drop database ${DB}_old" postgres
}

@test "safety_09 columns in another order or under another name: only what differs is counted" {
	sql -c "create table moved (v text, id int primary key, w int)" \
		-c "insert into moved select 'v' || i, i, i from generate_series(1, 100) i" \
		-c "create table renamed (id int primary key, v text)" \
		-c "insert into renamed select i, i from generate_series(1, 100) i" \
		-c "create table apart (a int)" -c "insert into apart values (1)"
	expect 0 mig-backup create
	sql -c "alter table moved drop v" -c "alter table moved add v text" \
		-c "update moved set v = 'v' || id" -c "update moved set v = 'other' where id = 7" \
		-c "delete from moved where id = 8" -c "insert into moved values (101, 1, 'new')" \
		-c "alter table renamed rename v to w" -c "insert into renamed values (101, 'new')" \
		-c "alter table apart rename a to b" -c "insert into apart values (2)"
	expect 0 mig-restore latest -n --json --export-lost lost
	counts public.moved 1 1 1
	counts public.renamed 1 0 0
	counts public.apart 1 0 0
	expect 0 mig-restore latest --to-db "${DB}_old"
	(cd lost && psql -Xq -d "${DB}_old" -f load.sql)
	diff <(sql -c "select v, id, w from moved order by id") \
		<(sql -d "${DB}_old" -c "select * from moved where id <> 8 order by id")
	[ "$(sql -d "${DB}_old" -c "select count(*), count(v) from renamed")" = "101|100" ]
	[ "$(sql -d "${DB}_old" -c "select count(*), count(a) from apart")" = "2|1" ]
	sql -c "drop database ${DB}_old" postgres
}

@test "--export-lost: a folder is whole or not there, and nothing is written over" {
	make_tables
	change_tables
	mkdir full empty && touch full/x
	expect 17 mig-restore latest -n --export-lost full
	says "not empty"
	expect 17 mig-restore latest -n --export-lost full/x
	expect 12 mig-restore latest -n --export-lost no/where
	expect 2 mig-restore latest --export-lost lost
	expect 0 mig-restore latest -n --export-lost empty
	[ -e empty/load.sql ]
	[ "$(ls -d ./*.partial-* 2>/dev/null)" = "" ]
	sql -c "update customers set note = 'z'" -c "create table bad (a int)" -c "insert into bad values (1)"
	(ulimit -f 1; exec mig-restore latest -n --export-lost small) > out 2>&1 && false
	[ ! -e small ]
}

@test "--export-lost with nothing to lose says so" {
	make_tables
	expect 0 mig-restore latest -n --export-lost lost
	grep -q "No row would be lost" lost/README.md
	(cd lost && psql -Xq -d "$DB" -f load.sql)
}

@test "many other rows are compared in several rounds with the same answer" {
	sql -c "create table big (id int primary key, v int)" \
		-c "insert into big select i, i from generate_series(1, 600000) i" \
		-c "create table plain (v int)" -c "insert into plain select i / 2 from generate_series(0, 599999) i"
	expect 0 mig-backup create
	sql -c "update big set v = -v where id % 50 < 1" -c "delete from big where id > 599990" \
		-c "insert into big values (0, 0), (-1, 1)" -c "insert into plain values (7), (7), (-1)"
	expect 0 mig-restore latest -n --json
	counts public.big 2 10 11999
	counts public.plain 3 0 0
}

@test "--export-lost: SIGKILL at random moments: no folder, or a whole one; the next one cleans up" {
	local seed=${SEED:-$RANDOM} round whole done=0
	RANDOM=$seed
	sql -c "create table t (id int primary key, v text)"
	expect 0 mig-backup create
	sql -c "insert into t select i, repeat('x', 100) from generate_series(1, 60000) i"
	whole=$(date +%s%3N)
	expect 0 mig-restore latest -n --export-lost lost
	whole=$(($(date +%s%3N) - whole))
	cat lost/*.copy | md5sum > rows
	rm -r lost
	for round in $(seq "${ROUNDS:-12}"); do
		mig-restore latest -n --export-lost lost > /dev/null 2>&1 3>&- &
		local restore=$!
		sleep "$(printf '0.%03d' $((RANDOM % whole % 1000)))"
		kill -9 $restore 2> /dev/null || true
		wait $restore || true
		[ ! -e lost ] || {
			done=$((done + 1))
			[ -e lost/load.sql ]
			cat lost/*.copy | md5sum | cmp - rows
			rm -r lost
		}
		[ "$(ls -d lost* | wc -l)" -le 1 ]
	done
	echo "# seed $seed: $round kills, $done were too late" >&3
	mkdir lost.partial-x other.partial-x && touch lost.partial-x/y
	expect 0 mig-restore latest -n --export-lost lost
	cat lost/*.copy | md5sum | cmp - rows
	[ "$(ls -d ./*lost* ./*.partial-*)" = "$(printf './lost\n./other.partial-x')" ]
}
