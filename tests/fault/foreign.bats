# Dumps that are damaged, and loads of them that are broken off: exit code, and nothing left over.
load ../support/common
load ../support/copies
load ../support/dumps

# In a copy, and only there, its index takes a minute.
make_shop() {
	sql <<-'END'
		create table t (a int, note text);
		insert into t select i, repeat(md5(i::text), i % 9) from generate_series(1, 4000) i;
		create table one (a int);
		insert into one values (1);
		create function slow(a int) returns int language plpgsql immutable as $$
		begin
			if current_database() like '%\_\_r\_%' and current_setting('my.fast', true) is null then
				perform pg_sleep(60);
			end if;
			return a;
		end $$;
		select lo_from_bytea(77, decode(repeat('ab', 30000), 'hex'));
	END
}

# refused STATUS TEXT PATH: with its reason, and nothing is made
refused() {
	expect "$1" timeout 20 mig-restore "$3"
	says "$2"
	[ "$(databases)" = "$DB" ]
	[ -z "$(find "$STATE/intents" -name 'create-*' 2> /dev/null)" ]
}

@test "a dump that is cut short anywhere is refused, whatever its form" {
	make_shop
	local form size cut
	for form in custom raw tar plain inserts gzip zstd; do
		make_dump $form
		size=$(stat -c %s dump)
		for cut in 700 $((size / 10)) $((size / 2)) $((size * 9 / 10)) $((size - 100)); do
			head -c "$cut" dump > short
			echo "$form $cut of $size"
			refused 15 "" ./short
		done
		rm dump
	done
}

@test "a folder of which a file is cut short, or is missing, is refused" {
	make_shop
	local form largest
	for form in directory folder; do
		make_dump $form
		largest=$(find dump -name '[0-9]*.dat*' -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
		cp "$largest" kept
		truncate -s -20 "$largest"
		refused 15 "cannot be read to its end" ./dump
		truncate -s 20 "$largest"
		refused 15 "cannot be read to its end" ./dump
		rm "$largest"
		refused 15 "cannot be read to its end" ./dump
		cp kept "$largest"
		truncate -s -30 dump/toc.dat
		refused 15 "cannot be read to its end" ./dump
		rm dump/toc.dat
		refused 15 "not a dump of pg_dump" ./dump
		rm -r dump
	done
}

# name	what makes ./bad	exit code	what is said
damages() {
	cat <<-'END'
		empty	: > bad	15	not a snapshot and not a dump
		noise	head -c 5000 /dev/urandom > bad	15	not a snapshot and not a dump
		zeros	head -c 5000000 /dev/zero > bad	15	not a snapshot and not a dump
		a line without end	head -c 5000000 /dev/zero | tr '\0' x > bad	15	not a snapshot and not a dump
		another text	echo 'select 1;' > bad	15	not a snapshot and not a dump
		an empty folder	mkdir bad	15	not a snapshot and not a dump
		another tar	tar cf bad mig.yaml	15	bad
		empty in gzip	: | gzip > bad	15	not a snapshot and not a dump
		empty in zstd	: | zstd -q > bad	15	not a snapshot and not a dump
		a wrong checksum in gzip	gzip < plain > bad; flip bad $(($(stat -c %s bad) - 6))	15	does not decompress
		a flipped byte in gzip	gzip < plain > bad; flip bad 3000	15	bad
		a flipped byte in zstd	zstd -q < plain > bad; flip bad 3000	15	bad
		a frame of zstd without its end	zstd -q < plain | head -c -4 > bad	15	cut short
		noise behind gzip	{ gzip < plain; head -c 99 /dev/urandom; } > bad	15	does not decompress
		an archive in gzip	gzip < custom > bad	17	unpack it first
		an archive in zstd	zstd -q < custom > bad	17	unpack it first
		a tar in gzip	gzip < tar > bad	17	unpack it first
		of a newer pg_dump	{ head -c 5 custom; printf '\001\143'; tail -c +8 custom; } > bad	3	newer pg_dump
		of a whole server	pg_dumpall > bad	17	pg_dumpall
		a flipped byte in rows of an archive	cp custom bad; flip bad $(($(stat -c %s bad) / 2))	15	cannot be read
		a NUL byte	sed 's/^SET row_security.*/select \x00 1;/' plain > bad	15	NUL byte
		a string without end	sed 's/^SET row_security.*/select $x$;/' plain > bad	15	does not end
		rows without end	sed 's/^\\\.$//' plain > bad	15	do not end
		no closing line	grep -v 'dump complete' plain > bad	15	closing line
	END
}

# flip FILE AT
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %02x $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "what is damaged or no dump is refused with its reason" {
	make_shop
	pg_dump -f plain "$DB"
	pg_dump -Fc -f custom "$DB"
	pg_dump -Ft -f tar "$DB"
	local name making status text
	while IFS=$'\t' read -r name making status text <&3; do
		echo "# $name"
		rm -rf bad
		eval "$making"
		refused "$status" "$text" ./bad
	done 3< <(damages)
	refused 14 "absent" ./absent
}

# load_slowly FORM: runs in the background until the index of the copy waits
load_slowly() {
	rm -rf dump
	make_dump "$1"
	mig-restore ./dump > log 2>&1 3>&- &
	LOADER=$!
	until_true sleeps
}

sleeps() {
	[ "$(sql -c "select count(*) from pg_stat_activity where wait_event = 'PgSleep'" postgres)" = 1 ]
}

# ends STATUS: the loader
ends() {
	local got=0
	wait "$LOADER" || got=$?
	[ $got = "$1" ] || {
		echo "expected exit $1, got $got"
		cat log
		return 1
	}
}

nothing_left() {
	[ "$(databases)" = "$DB" ]
}

@test "a load that is interrupted, or loses its session, leaves nothing" {
	make_shop
	sql -c "create index on one (slow(a))"
	local form
	for form in custom plain; do
		load_slowly $form
		kill -TERM $LOADER
		ends 143
		nothing_left
		load_slowly $form
		sql -c "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'" postgres
		ends 10
		nothing_left
		[ "$(rows_of "$DB")" = 4000 ]
	done
}

@test "a load that is killed leaves a copy that is listed as not complete, and is dropped" {
	make_shop
	sql -c "create index on one (slow(a))"
	local form copy
	for form in custom plain; do
		load_slowly $form
		kill -KILL $LOADER
		wait $LOADER || true
		expect 0 mig-restore copies
		says "not complete"
		copy=$(databases | grep __r_)
		expect 17 mig-restore swap "$copy" --accept-loss --yes
		expect 0 mig-restore drop "$copy" --yes
		nothing_left
		until_true eval '! sleeps'
	done
}

@test "a server that goes away during a load: the copy is listed when it is back" {
	make_shop
	sql -c "create index on one (slow(a))"
	load_slowly custom
	cluster_restart immediate
	ends 10
	grep -q "mig-restore drop" log
	expect 0 mig-restore drop "$(databases | grep __r_)" --yes
	nothing_left
	[ "$(rows_of "$DB")" = 4000 ]
}

@test "an error of the server names the statement or the table, and leaves nothing unless asked" {
	make_shop
	pg_dump "$DB" > good
	sed 's/^CREATE FUNCTION/select 1\/0; &/' good > bad
	refused 11 "division by zero" ./bad
	says "bad:$(grep -n 'select 1/0' bad | cut -d: -f1)"
	awk '/^COPY public.t / { print; print "x\ty"; next } 1' good > bad
	refused 11 "COPY t, line 1, column a" ./bad
	sql -c "create function f(a int) returns int language sql immutable as 'select a'" \
		-c "create index broken on one (f(a))" \
		-c "create or replace function f(a int) returns int language sql immutable as 'select a / 0'"
	rm -f bad
	pg_dump -Fc -f bad "$DB"
	refused 11 "CREATE INDEX broken" ./bad
	expect 11 mig-restore ./bad --keep-failed
	says "what there is stays in"
	expect 0 mig-restore drop "$(databases | grep __r_)" --yes
}
