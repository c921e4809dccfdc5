# Every byte of a snapshot counts: {region, change, what is named}, and always exit 15.
# SEED=N repeats a run.
load ../support/common
setup_file() {
	common_setup_file
	export SEED=${SEED:-$RANDOM}
	export GOOD=$CLUSTER/good.mig.tar
	createdb rich
	PGDATABASE=rich psql -Xq -v ON_ERROR_STOP=1 > /dev/null <<-END
		create table t (id int primary key, v text);
		insert into t select i, md5(i::text) from generate_series(1, 3000) i;
		create table empty (a int);
		create table days (d date, v int) partition by range (d);
		create table days_1 partition of days for values from ('2026-01-01') to ('2026-02-01');
		create table days_2 partition of days for values from ('2026-02-01') to ('2026-03-01');
		insert into days select date '2026-01-01' + i, i from generate_series(0, 50) i;
		create sequence s;
		create index on t (v);
		select lo_from_bytea(77, decode(repeat('ab', 300000), 'hex'));
	END
	PATH=$BUILD/bin:$PATH HOME=$CLUSTER mig-backup create -q -d dbname=rich --to "$GOOD"
}
setup() {
	common_setup
	echo "# seed $SEED" >&3
	RANDOM=$SEED
}

# members: block number, length and name of each, as GNU tar sees them
members() {
	tar --block-number -tvf "$GOOD" | grep -v "Block of NULs" | sed -n 's/^block \([0-9]*\): [^ ]* [^ ]* *\([0-9]*\) [^ ]* [^ ]* \(.*\)/\1 \2 \3/p'
}

# change OFFSET: another value there, any but the one that was
change() {
	local byte
	cp "$GOOD" bad.mig.tar
	byte=$(od -An -tu1 -j "$1" -N 1 bad.mig.tar)
	printf "%b" "\\x$(printf %02x $((byte ^ (1 + RANDOM % 255))))" | dd of=bad.mig.tar bs=1 seek="$1" conv=notrunc status=none
}

# found OFFSET NAME WHERE: 15, and NAME is said
found() {
	change "$1"
	run mig-verify backup ./bad.mig.tar
	if [ "$status" != 15 ] || [[ $output != *"$2"* ]]; then
		echo "seed $SEED, $3, offset $1: exit $status, $2 is not said: $output"
		return 1
	fi
}

# digit_exchanged TEXT FIELD: TEXT with another last digit in FIELD
digit_exchanged() {
	python3 -c '
import re, sys
text, field = sys.argv[1:]
print(re.sub(f"({field} *[0-9a-f]*)([0-9a-f])", lambda m: m[1] + ("1" if m[2] != "1" else "2"), text, count=1), end="")
' "$1" "$2"
}

random_in() {
	echo $(($1 + (RANDOM * 32768 + RANDOM) % $2))
}

@test "one changed byte anywhere in a member: header, body, frame, padding" {
	local block length name at tried=0 padding
	while read -r block length name; do
		at=$((block * 512))
		found "$(random_in $at 512)" "$name" "header of $name"
		found "$(random_in $at 100)" "$name" "name field of $name"
		found $((at + 512)) "$name" "first byte of $name"
		found $((at + 512 + length - 1)) "$name" "last byte of $name"
		found "$(random_in $((at + 512)) "$length")" "$name" "body of $name"
		found "$(random_in $((at + 512)) "$length")" "$name" "body of $name"
		padding=$(((512 - length % 512) % 512))
		[ $padding = 0 ] || found "$(random_in $((at + 512 + length)) $padding)" "$name" "padding of $name"
		tried=$((tried + 1))
	done < <(members)
	[ $tried -gt 15 ]
	[ $tried = "$(tar -tf "$GOOD" | wc -l)" ]
}

@test "another offset, length or digit in the trailer, each a trailer by its form: 15, and the trailer is said" {
	local trailer text from
	trailer=$(($(stat -c %s "$GOOD") - 1536))
	text=$(tail -c 1536 "$GOOD" | head -c 143)
	for from in "offset " "length " "sha256 "; do
		cp "$GOOD" bad.mig.tar
		digit_exchanged "$text" "$from" | dd of=bad.mig.tar bs=1 seek="$trailer" conv=notrunc status=none
		run mig-verify backup ./bad.mig.tar
		[ "$status" = 15 ] || { echo "$from: $output" && return 1; }
		[[ $output == *trailer* ]] || { echo "$from: $output" && return 1; }
	done
}

@test "one changed byte in the end of the archive" {
	local size
	size=$(stat -c %s "$GOOD")
	for _ in 1 2 3 4 5 6; do
		found "$(random_in $((size - 1024)) 1024)" "no snapshot" "end"
	done
	found $((size - 1)) "no snapshot" "last byte"
}

@test "cut off at every boundary of a member, and beside it: 15, and never listed" {
	local block length name at says
	while read -r block length name; do
		for at in $((block * 512)) $((block * 512 + 512)) $((block * 512 + 512 + length)) \
			$((block * 512 + 512 + (length + 511) / 512 * 512 - 1)); do
			head -c "$at" "$GOOD" > bad.mig.tar
			says="no snapshot"
			[ "$at" -ge 512 ] || says="not a snapshot and not a dump" # nothing says what it was
			expect 15 mig-verify backup ./bad.mig.tar
			says "$says"
		done
	done < <(members)
	mkdir -p state/mig/default/default/snapshots
	cp bad.mig.tar state/mig/default/default/snapshots/20990101T000000Z-ffffff.mig.tar
	expect 0 mig-backup list
	says "not a snapshot"
	expect 14 mig-verify backup latest
}

@test "something added, something in between, two members exchanged" {
	cat "$GOOD" <(head -c 512 /dev/zero) > bad.mig.tar
	expect 15 mig-verify backup ./bad.mig.tar
	cat <(head -c 1024 "$GOOD") <(tail -c +513 "$GOOD") > bad.mig.tar
	expect 15 mig-verify backup ./bad.mig.tar
	cat "$GOOD" "$GOOD" > bad.mig.tar
	expect 15 mig-verify backup ./bad.mig.tar
	local offsets
	mapfile -t offsets < <(members | awk '$3 ~ /copy.sql$/ {print $1}' | head -2)
	cp "$GOOD" bad.mig.tar
	dd if="$GOOD" of=bad.mig.tar bs=512 skip="${offsets[0]}" seek="${offsets[1]}" count=2 conv=notrunc status=none
	dd if="$GOOD" of=bad.mig.tar bs=512 skip="${offsets[1]}" seek="${offsets[0]}" count=2 conv=notrunc status=none
	expect 15 mig-verify backup ./bad.mig.tar
	says "copy.sql"
}

# A file whose checksums are all right, and which lies: rows and contents are computed anew.
@test "a manifest that lies, with checksums to match: 15, and about what" {
	local statement says tried=0
	"$BATS_TEST_DIRNAME/../support/forge.py" "$GOOD" same.mig.tar 'pass'
	expect 0 mig-verify backup ./same.mig.tar
	while IFS='|' read -r statement says; do
		[ -n "$statement" ] || continue
		"$BATS_TEST_DIRNAME/../support/forge.py" "$GOOD" bad.mig.tar "$statement"
		run mig-verify backup ./bad.mig.tar
		if [ "$status" != 15 ] || [[ $output != *"$says"* ]]; then
			echo "$statement: exit $status, \"$says\" is not said: $output"
			return 1
		fi
		tried=$((tried + 1))
	done <<-'END'
		[t for t in m["tables"] if t["name"] == "t"][0]["rows"] += 1|table public.t
		[t for t in m["tables"] if t["name"] == "t"][0]["hash"] = "0" * 32|table public.t
		[t for t in m["tables"] if t["name"] == "t"][0]["bytes"] -= 1|table public.t
		[t for t in m["tables"] if t["name"] == "empty"][0]["rows"] = 1|table public.empty
		[r for r in m["roots"]][0]["rows"] += 1|days
		[r for r in m["roots"]][0]["hash"] = "f" * 32|days
		m["large_objects"]["rows"] += 1|large objects
		m["members"][0]["sha256"] = "0" * 64|RESTORE.md
		m["members"][0]["stored"] += 1|RESTORE.md
		m["members"][-1]["plain"] += 1|bytes
		m["members"].pop(3)|member
		m["members"][5]["offset"] += 512|impossible place
		m["members"].append(m["members"][-1])|member
		[x for x in m["members"] if x.get("table")][0]["table"] = 4711|
		m.pop("tables")|of no table
		m["id"] = 7|id
		m["tables"][0].pop("hash")|hash
		m["mig"] = "else"|
	END
	[ $tried = 18 ]
	"$BATS_TEST_DIRNAME/../support/forge.py" "$GOOD" bad.mig.tar 'm["format"] = 2'
	expect 3 mig-verify backup ./bad.mig.tar
	says "newer"
}
