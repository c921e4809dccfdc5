# A live database whose name has 63 bytes of two-byte letters: every command, and a whole deploy that
# goes wrong, end with that name live and no database that `copies` does not list.
load ../support/common
load ../support/copies
load ../support/deploy
setup() {
	common_setup
	export SENTRY_DSN=
	LIVE=äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüä$BATS_TEST_NUMBER
	[ "$(printf %s "$LIVE" | wc -c)" = 63 ]
	sql -c "create database \"$LIVE\"" postgres
	DB=$LIVE
	export PGDATABASE=$LIVE
}
teardown() {
	sql -c "select format('drop database %I', datname) from pg_database where datname ~ '^äöü'" postgres |
		while read -r drop; do sql -c "$drop" postgres; done
	common_teardown
}

# every database of this cluster that has the live one's beginning is the live one or a copy
all_listed() {
	mig-restore copies --json 2> /dev/null | jq -r 'select(.event == "result").copies[].database' > listed
	echo "$LIVE" >> listed
	sql -c "select datname from pg_database where datname ~ '^äöü'" postgres | sort > there
	diff <(sort listed) there
	# and each name is whole: no half of a letter, no more than 63 bytes
	iconv -f UTF-8 -t UTF-8 there > /dev/null
	[ "$(LC_ALL=C awk '{ print length }' there | sort -n | tail -1)" -le 63 ]
}

@test "safety_06 63 bytes: backup, restore, swap, undo, drop by hand" {
	write_config
	make_live
	expect 0 mig-backup create
	expect 0 mig-verify backup latest
	sql -c "delete from t where a > 3"
	expect 0 mig-restore latest
	all_listed
	copy=$(grep __r_ listed)
	expect 0 mig-maintenance on
	expect 0 mig-restore swap "$copy" --accept-loss --yes
	[ "$(rows_of "$LIVE")" = 10 ]
	all_listed
	expect 0 mig-restore undo --accept-loss --yes
	[ "$(rows_of "$LIVE")" = 3 ]
	all_listed
	expect 0 mig-maintenance off
	expect 0 mig-restore drop "$(grep __b_ listed)" --yes
	[ "$(rows_of "$LIVE")" = 3 ]
	all_listed
	expect 17 mig-restore latest --to-db "$LIVE"
	expect 0 mig-restore latest --to-db "${LIVE%?}9"
	[ "$(rows_of "${LIVE%?}9")" = 10 ]
}

@test "safety_06 63 bytes: a bad deploy is swapped back" {
	shop
	before=$(live_oid)
	expect 20 mig-run deploy.yaml wanted=1
	[ "$(live_oid)" != "$before" ]
	! has_column || false
	is_open
	all_listed
	expect 0 mig-run deploy.yaml
	has_column
}

@test "safety_06 63 bytes: keys, refusals and doctor name it" {
	write_config
	expect 0 mig doctor
	says "$LIVE"
	mig-maintenance on > /dev/null 2>&1
	expect 0 mig status
	says "$LIVE"
	expect 0 mig-maintenance off
}
