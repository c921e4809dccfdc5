# What people type at three in the morning: rightly, wrongly, and out of cron.
load ../support/common

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

@test "safety_18 mig's own closing of maintenance is no difference to a snapshot" {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		environments: {test: {database: "dbname=$DB", policy: {restore: break-glass}, maintenance: [{file: "$WORK/down"}]}}
	END
	sql -c "create table t (i int)" -c "insert into t values (1)"
	mig-maintenance on
	mig-maintenance off
	mig-backup create -q
	sql -c "delete from t"
	expect 0 mig-restore latest
	says "after mig-maintenance on: mig-restore swap"
	says '--accept-loss --reason "why"'
	mig-maintenance on
	expect 0 mig-restore latest --swap --accept-loss --reason "a bad deploy" --confirm "$DB"
	says 'mig-restore undo --accept-loss --reason "why"'
	says "maintenance is still on"
	expect 0 mig-verify data --against latest
	sql -c "insert into t values (2)"
	expect 4 mig-verify data --against latest
}

@test "mig-restore -n ends with a result under --json, and -q is quiet" {
	sql -c "create table t (i int primary key)"
	mig-backup create -q
	[ "$(mig-restore latest -n --json 2> log | tail -1 | jq -c .)" = '{"event":"result","dry_run":true}' ]
	[ "$(mig-restore latest --table public.t --into-schema beside -n --json 2> log | tail -1 | jq -r .event)" = result ]
	[ -z "$(mig-restore latest --to-db "${DB}_quiet" -q 2>&1)" ]
	[ -n "$(mig-restore copies -q)" ]
	dropdb "${DB}_quiet"
}

@test "--role-map with a role that the snapshot does not name is refused before anything is made" {
	sql -c "drop role if exists shop_owner" -c "create role shop_owner" \
		-c "create table t (i int)" -c "alter table t owner to shop_owner"
	mig-backup create -q
	expect 14 mig-restore latest --to-db "${DB}_mapped" --role-map shop_ownr=owner
	says "did you mean shop_owner?"
	[ -z "$(sql -c "select datname from pg_database where datname ~ 'mapped'")" ]
	expect 0 mig-restore latest --to-db "${DB}_mapped" --role-map shop_owner=owner
	[ "$(psql -XAtc "select tableowner from pg_tables where tablename = 't'" "${DB}_mapped")" = owner ]
	dropdb "${DB}_mapped"
	sql -c "drop table t" -c "drop role shop_owner"
}

@test "rows: the table is free while a person is asked, and a missing parent is named" {
	sql -c "create table p (i int primary key)" -c "create table c (i int primary key references p)" \
		-c "insert into p values (1), (2)" -c "insert into c values (1), (2)"
	mig-backup create -q
	sql -c "delete from c" -c "delete from p"
	mig-restore latest -q --table public.p,public.c --into-schema rescue
	expect 11 mig-restore rows public.c --from-schema rescue --missing --yes
	says "mig-restore rows THAT_TABLE --from-schema rescue --missing"
	expect 0 mig-restore rows public.p --from-schema rescue --missing --yes
	# on a terminal that nobody answers yet
	mkfifo answers
	script -qfec "mig-restore rows public.c --from-schema rescue --missing" /dev/null < answers > asked &
	local asking=$!
	exec 5> answers
	timeout 20 bash -c 'until grep -q "y/N" asked; do sleep 0.1; done'
	sql -c "set lock_timeout = '2s'" -c "insert into c values (1)"
	echo y >&5
	wait $asking
	exec 5>&-
	grep -q "1 row was missing, 1 was brought back" asked
	[ "$(sql -c "select count(*) from c")" = 2 ]
}

@test "advice holds the -c, -e and -d that were typed, and works as it stands" {
	cat > other.yaml <<-END
		mig: 1
		project: shop
		environments: {a: {database: "dbname=$DB", maintenance: [{file: "$WORK/down"}]}, b: {database: "dbname=postgres"}}
	END
	sql -c "create table t (i int)"
	expect 14 mig-backup show latest -c other.yaml -e a
	says "make one with mig-backup -c other.yaml -e a create"
	expect 0 mig-backup -c other.yaml -e a create -q
	expect 0 mig-restore latest -c other.yaml -e a
	local line
	line=$(grep -o 'mig-restore -c.*' <<< "$output")
	mig-maintenance on -c other.yaml -e a
	expect 0 bash -c "$line --yes"
	line=$(grep -o 'mig-restore.* drop .*' <<< "$output")
	expect 0 bash -c "$line"
	says "dropped"
	expect 4 mig-backup status -d postgres --max-age 1h
	says "take one: mig-backup -d postgres create"
	# what the environment says, the next command hears too
	MIG_CONFIG=other.yaml MIG_ENV=a expect 14 mig-backup show latest~7
	says "list all: mig-backup list"
	expect 2 mig-backup create -e a -c other.yaml --lable x
	says "usage: mig-backup create"
}

@test "slips are answered with what was meant" {
	sql -c "create table t (i int)"
	local rows=(
		"mig-restore undoo|2|did you mean: mig-restore undo"
		"mig-restore swpa x|2|did you mean: mig-restore swap"
		"mig-restore list|2|did you mean: mig-backup list"
		"mig-backup restore latest|2|mig-restore SNAPSHOT"
		"mig-backup verify|2|mig-verify backup SNAPSHOT"
		"mig-backup prune|2|nothing removes snapshots yet"
		"mig-backup dump|2|mig-backup create"
		"mig-backup show|2|SNAPSHOT is missing"
		"mig-backup copy latest|2|STORE is missing"
		"mig-backup create -j 0|2|is not 1 or more"
		"mig-backup create --level 0|2|is not 1 or more"
		"mig-verify data|2|mig-verify data --against latest"
		"mig-backup show s3://bucket/x.mig.tar|14|only files of this machine"
		"mig-backup show ./none|14|mig-backup list"
		"mig-backup show @0|2|is not a time"
	)
	local row command status text
	for row in "${rows[@]}"; do
		IFS='|' read -r command status text <<< "$row"
		# shellcheck disable=SC2086 # words
		expect "$status" $command
		says "$text"
	done
	mig-backup create -q
	expect 14 mig-backup show @2h
	expect 0 mig-backup show @0s
}

@test "a refused right is told with who asked, and where the grant is printed" {
	sql -c "drop role if exists plain" -c "create role plain login"
	sql -c "create table t (i int)"
	expect 11 mig-backup create -d "dbname=$DB user=plain"
	mig-backup create -q
	expect 17 mig-restore latest -d "dbname=$DB user=plain"
	says 'ALTER ROLE "plain" CREATEDB'
	sql -c "drop role plain"
}

@test "in place: the way on names the snapshot by its id, since latest will be another" {
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		environments: {test: {database: "dbname=$DB", maintenance: [{file: "$WORK/down"}]}}
	END
	sql -c "create table t (i int)"
	mig-backup create -q
	local id
	id=$(mig-backup show latest --json | jq -r .snapshot)
	sql -c "insert into t values (1)"
	mig-maintenance on
	expect 17 mig-restore latest --in-place --accept-loss --yes
	says "go on with mig-restore $id --in-place"
	expect 0 mig-backup create --label before-restore -q
	expect 0 mig-restore "$id" --in-place --accept-loss --yes
	[ "$(sql -c "select count(*) from t")" = 0 ]
}

@test "without HOME the state is where it is with it" {
	local as=() home
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
	home=$(getent passwd "$("${as[@]}" id -u)" | cut -d: -f6)
	cp -L "$BUILD/bin/mig-backup" /tmp/mig-backup.$$
	chmod 755 /tmp/mig-backup.$$
	cd /
	"${as[@]}" env -i /tmp/mig-backup.$$ list --show-settings > "$WORK/without"
	"${as[@]}" env -i HOME="$home" /tmp/mig-backup.$$ list --show-settings > "$WORK/with"
	rm /tmp/mig-backup.$$
	[ "$(jq -r .state_dir.value "$WORK/without")" = "$home/.local/state/mig/default/default" ]
	cmp "$WORK/with" "$WORK/without"
}

@test "copies: a name that is nearly one is said, another copy's is not" {
	sql -c "create table t (i int)"
	mig-backup create -q
	mig-restore latest -q
	local copy
	copy=$(mig-restore copies --json | jq -r 'select(.event == "result").copies[] | select(.of == "'"$DB"'").database')
	expect 14 mig-restore drop "${copy%?}" --yes
	says "did you mean $copy?"
	expect 14 mig-restore drop "${copy%??????????}0123456789" --yes
	[[ $output != *"did you mean"* ]]
	expect 0 mig-restore drop "$copy" --yes
	expect 0 mig-backup create -q --to one.mig.tar
	expect 17 mig-backup create -q --to one.mig.tar
	says "choose another name"
}

@test "--data-only says what it is doing; maintenance without mig.yaml says how to get one" {
	sql -c "create table t (i int primary key)" -c "insert into t values (1)"
	mig-backup create -q
	mig-restore latest -q --schema-only --to-db "${DB}_shape"
	mig-restore latest --data-only --to-db "${DB}_shape" --json 2> log > out
	[ "$(jq -r 'select(.event == "stage").stage' log | paste -sd,)" = rows,constraints,proof ]
	[ "$(psql -XAtc 'select count(*) from t' "${DB}_shape")" = 1 ]
	dropdb "${DB}_shape"
	expect 3 mig-maintenance on
	says "mig init writes one"
}
