# What is done with snapshots once they are there: copy, keep, status, cat.
load ../support/common
setup_file() { common_setup_file; }
teardown_file() { common_teardown_file; }
setup() { common_setup; }
teardown() { common_teardown; }

two_stores() {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		stores:
		  near: $WORK/near
		  offsite: {url: "file://$WORK/offsite"}
		environments:
		  test: {database: "dbname=$DB", stores: [near]}
		  other: {database: "dbname=postgres", stores: [near]}
	END
}

# of FILTER: one value out of the last result line
of() {
	jq -r "select(.event == \"result\") | $1" out
}

@test "copy: into a store by name, into a folder, byte for byte" {
	two_stores
	sql -c "create table t as select i, md5(i::text) v from generate_series(1, 5000) i"
	mig-backup create -q -e test
	expect 0 mig-backup copy latest offsite -e test
	says "every checksum right"
	cmp near/shop/test/*.mig.tar offsite/shop/test/*.mig.tar
	expect 0 mig-backup copy latest ./some/folder -e test
	cmp near/shop/test/*.mig.tar some/folder/*.mig.tar
	[ "$(stat -c %a some/folder/*.mig.tar)" = 600 ]
	# without a server, and from a path
	mkdir deep
	PGHOST=/nonexistent expect 0 mig-backup copy some/folder/*.mig.tar deep/ -e test
	expect 0 mig-verify backup deep/*.mig.tar -e test
	[ -z "$(find . -name '*.partial')" ]
	mig-backup copy latest offsite -e test --json > out 2> log
	[ "$(of .copied)" = false ]
	[ "$(of .store)" = offsite ]
	# a file of that name that is another one
	printf x >> deep/*.mig.tar
	expect 17 mig-backup copy latest ./deep -e test
	says "is not this snapshot"
}

@test "copy: a damaged snapshot is not copied, and nothing is left" {
	sql -c "create table t as select i, md5(i::text) v from generate_series(1, 5000) i"
	mig-backup create -q --to good.mig.tar
	local size at
	size=$(stat -c %s good.mig.tar)
	for at in 100 700 $((size / 2)) $((size - 4000)); do
		cp good.mig.tar bad.mig.tar
		printf '\xff\x01' | dd of=bad.mig.tar bs=1 seek="$at" conv=notrunc status=none
		expect 15 mig-backup copy ./bad.mig.tar ./there
		[ -z "$(ls -A there 2> /dev/null)" ]
	done
}

@test "copy: wrong words" {
	two_stores
	sql -c "create table t ()"
	mig-backup create -q -e test
	expect 2 mig-backup copy latest -e test
	expect 2 mig-backup copy latest ofsite -e test
	says 'did you mean "offsite"?'
	expect 2 mig-backup copy latest ./mig.yaml -e test
	says "is not a folder"
	expect 14 mig-backup copy latest~1 offsite -e test
	expect 2 mig-backup copy latest offsite -e test -n
	[ ! -e offsite ]
}

@test "copy: no faster than --rate-limit" {
	sql -c "create table t as select md5(i::text) || md5((-i)::text) v from generate_series(1, 30000) i"
	mig-backup create -q --to a.mig.tar
	local size began
	size=$(stat -c %s a.mig.tar)
	began=$(date +%s%N)
	expect 0 mig-backup copy ./a.mig.tar ./slow --rate-limit $((size / 2))
	[ $((($(date +%s%N) - began) / 1000000)) -ge 1500 ]
	cmp a.mig.tar slow/*.mig.tar
}

@test "keep: a mark in every store, carried by copies, shown, taken away" {
	two_stores
	sed -i 's/stores: \[near\]}$/stores: [near, offsite]}/' mig.yaml
	sql -c "create table t ()"
	mig-backup create -q -e test --label first
	mig-backup create -q -e test
	expect 0 mig-backup keep label:first -e test --reason "audit 2026"
	says "store near, store offsite"
	expect 0 mig-backup keep label:first -e test
	says "was already kept"
	[ "$(find near offsite -name '*.keep.json' | wc -l)" = 2 ]
	expect 0 mig-backup list -e test
	[ "$(grep -c '  kept' <<< "$output")" = 2 ]
	expect 0 mig-backup show label:first -e test
	says "kept       audit 2026"
	expect 0 mig-backup show latest -e test
	[[ $output != *kept* ]]
	mig-backup list -e test --json | jq -es '[.[] | select(.event == "snapshot" and .keep)] | length == 2'
	expect 0 mig-backup copy label:first ./copies -e test
	jq -e '.reason == "audit 2026"' copies/*.keep.json
	expect 0 mig-backup keep label:first --off -e test
	[ -z "$(find near offsite -name '*.keep.json')" ]
	expect 0 mig-backup keep label:first --off -e test
	says "was already not kept"
	# by path
	expect 0 mig-backup keep copies/*.mig.tar --off -e test
	[ -z "$(find copies -name '*.keep.json')" ]
	expect 14 mig-backup keep label:none -e test
	expect 2 mig-backup keep -e test
}

@test "status --max-age: 0 young enough, 4 not or none, something else when it cannot be known" {
	two_stores
	expect 4 mig-backup status --max-age 1h -e test
	says "there is no snapshot"
	expect 0 mig-backup status -e test
	says "newest    none"
	sql -c "create table t ()"
	mig-backup create -q -e test
	expect 0 mig-backup status --max-age 1h -e test
	PGHOST=/nonexistent expect 0 mig-backup status --max-age 1h -e test
	sleep 1.1
	expect 4 mig-backup status --max-age 1s -e test
	says "old"
	expect 4 mig-backup status --max-age 0 -e test
	mig-backup status --max-age 1h -e test --json > out
	[ "$(of .young)" = true ]
	[ "$(of .max_age_seconds)" = 3600 ]
	[ "$(of '.age_seconds < 60')" = true ]
	[ "$(of .running)" = "[]" ]
	run mig-backup status --max-age 0 -e test --json
	[ "$status" = 4 ]
	says '"young":false'
	says '"event":"exit"'
	expect 2 mig-backup status --max-age 26 -e test
	expect 2 mig-backup status --max-age -1h -e test
	# a file that is none does not count, whatever its name
	rm near/shop/test/*.mig.tar
	echo nonsense > near/shop/test/20990101T000000Z-ffffff.mig.tar
	expect 4 mig-backup status --max-age 1h -e test
	says "not a snapshot"
	# the store cannot be looked at
	rm -r near
	echo > near
	run mig-backup status --max-age 1h -e test
	[ "$status" = 12 ]
}
