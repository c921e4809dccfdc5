# What people type at three in the morning: rightly, wrongly, and out of cron.
load ../support/common
setup_file() { common_setup_file; }
teardown_file() { common_teardown_file; }
setup() { common_setup; }
teardown() { common_teardown; }

@test "safety_22 latest, labels, times and status mean the database that is connected to" {
	sql -c "create table mine (i int)"
	sql -c "drop database if exists crm" -c "create database crm" postgres
	mig-backup create -q --label nightly
	mig-backup create -q --label nightly -d crm
	local own
	own=$(mig-backup list --json | jq -r 'select(.database == "'"$DB"'").snapshot')
	for word in latest label:nightly @now; do
		[ "$(mig-backup show $word --json 2> /dev/null | jq -r .snapshot)" = "$own" ]
	done
	expect 0 mig-backup list
	says "of database crm"
	# the other one is young enough, but it is not asked for
	expect 4 mig-backup status -d postgres --max-age 1h
	says "no snapshot of database postgres"
	expect 0 mig-backup status --max-age 1h
	says "$own"
	# of two others nobody can know which is meant
	expect 14 mig-restore -d postgres latest -n
	says "chosen by their id"
	rm state/mig/default/default/snapshots/"$own"*
	expect 0 mig-restore latest -n
	says "of database crm: there is none of $DB"
	expect 4 mig-backup status --max-age 1h
	sql -c "drop database crm" postgres
}
