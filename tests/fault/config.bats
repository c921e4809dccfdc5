# What bad input gets: each row is {name, break, expected exit code, expected text}. The break is
# shell; its last command is the program.
load ../support/common

setup_file() {
	common_setup_file
	createuser limited
	createuser nobody_here
	psql -Xqc "alter role limited password 'right-one'" postgres
	# over TCP a password is asked for
	cluster_as sed -i '1i host all limited 127.0.0.1/32 scram-sha-256' "$CLUSTER/data/pg_hba.conf"
	psql -Xqc "select pg_reload_conf()" postgres > /dev/null
}

setup() {
	common_setup
	url="postgresql://owner@/$DB?host=$PGHOST&port=$PGPORT"
	tcp="postgresql://limited@127.0.0.1:$PGPORT/$DB"
}

# config LINE..: a mig.yaml with these lines under its one environment
config() {
	printf 'mig: 1\nproject: shop\nenvironments:\n  test:\n' > mig.yaml
	printf '    %s\n' "$@" >> mig.yaml
}

# book STEP..: p.yaml with these steps, in an environment
book() {
	config "database: '$url'"
	printf 'mig: 1\nname: n\nsteps:\n' > p.yaml
	printf '  - %s\n' "$@" >> p.yaml
}

cluster_listen=1

rows=(
	# the command line
	"unknown option|mig-backup create --lable x|2|did you mean --label"
	"unknown option of no near name|mig-apply current --zzzz|2|unknown option --zzzz"
	"unknown verb|mig-backup craete|2|did you mean: mig-backup create"
	"verb of another program|mig-backup upgrade|2|mig-apply upgrade"
	"missing operand|mig-backup show|2|SNAPSHOT"
	"no unit|mig-backup create --lock-wait 5|2|as in 500ms"
	"unknown environment|config 'database: \"\$url\"'; mig-backup list -e tset|2|did you mean -e test"
	"environment without a file|mig-backup list -e test|2|mig init"
	"several environments|config 'database: x'; printf '  b:\\n    database: y\\n' >> mig.yaml; mig-backup list|2|-e test"
	"password on the command line|mig-backup list -d 'host=h password=hunter2222'|2|~/.pgpass"
	"password in a URL|mig-backup list -d 'postgresql://u:hunter2222@h/d'|2|~/.pgpass"
	"unreadable -d|mig-backup list -d 'hots=h'|2|-d: not a connection"
	# the configuration
	"no such configuration|mig-backup list -c none.yaml|3|none.yaml"
	"configuration is a folder|mkdir f; mig-backup list -c f|3|f: Is a directory"
	"empty configuration|: > mig.yaml; mig-backup list|3|mig.yaml:1:1: the file is empty"
	"unknown key|config 'databse: x'; mig-backup list|3|mig.yaml:5:5: unknown key \"databse\""
	"unknown key: the near one|config 'databse: x'; mig-backup list|3|did you mean \"database\""
	"key twice|config 'database: x' 'database: y'; mig-backup list|3|mig.yaml:6:5"
	"alias|config 'database: *x'; mig-backup list|3|aliases"
	"tab|printf 'mig: 1\\n\\tproject: x\\n' > mig.yaml; mig-backup list|3|mig.yaml:2:"
	"wrong type|config 'database: x' 'production: maybe'; mig-backup list|3|expected true or false, not \"maybe\""
	"wrong unit|config 'database: x' 'policy: {upgrade: {require_backup: 24}}'; mig-backup list|3|a duration with its unit"
	"wrong word|config 'database: x' 'policy: {downgrade: sometimes}'; mig-backup list|3|allow, confirm, never"
	"unknown store|config 'database: x' 'stores: [offsite]'; mig-backup list|3|there is no store \"offsite\""
	"a store of another kind|config 'database: x' 'store: \"s3://b/x\"'; mig-backup list|3|s3"
	"variable not set|config 'database: {env: NOT_SET_HERE}'; mig-backup create|3|environment variable NOT_SET_HERE is not set"
	"secret file that others read|echo x > s; chmod 644 s; config 'database: {file: s}'; mig-backup create|3|chmod 600"
	"secret file missing|config 'database: {file: nosuch}'; mig-backup create|3|nosuch"
	"secret command fails|config 'database: {command: [\"false\"]}'; mig-backup create|3|ended with 1"
	"the same pin twice|config 'database: x' 'pin: {system: \"1\", dbname: d}'; printf '  b:\\n    database: y\\n    pin: {system: \"1\", dbname: d}\\n' >> mig.yaml; mig-backup list -e b|3|same pin as test"
	# the database
	"unreachable server|mig-backup create -d 'host=127.0.0.1 port=1 dbname=x'|10|127.0.0.1"
	"unreachable socket|mig-apply current -d \"host=\$WORK dbname=x\"|10|\$WORK"
	"no such database|mig-backup create -d 'nosuch_db'|10|nosuch_db"
	"no such role|mig-backup create -d 'user=nosuch_role'|10|nosuch_role"
	"wrong password|PGPASSWORD=wrong-one mig-backup create -d \"\$tcp\"|10|password authentication failed"
	"no password|mig-backup create -d \"\$tcp\"|10|password"
	"wrong password by mig.yaml|printf 'wrong-one' > s; config 'database: {env: TCP}'; TCP=\"\${tcp/limited@/limited:wrong-one@}\" mig-backup create|10|password authentication failed"
	"no right to connect|sql -c \"revoke connect on database \$DB from public\"; mig-backup create -d \"user=nobody_here\"|10|CONNECT"
	"no right to read|sql -c 'create table secretive(a int)'; mig-backup create -d 'user=nobody_here'|11|GRANT pg_read_all_data"
	"no right to create|mkdir migrations; printf -- '-- revision: aaaaaaaaaaaa\\n-- down_revision:\\n-- message: x\\n-- migrate:up\\ncreate table t(a int);\\n-- migrate:down\\ndrop table t;\\n' > migrations/a.sql; mig-apply upgrade -d 'user=nobody_here'|11|permission denied"
	"no right to make databases|mig-backup create; mig-restore latest -d 'user=nobody_here'|17|CREATEDB"
	"wrong pin|config \"database: '\$url'\" 'pin: {system: \"1\", dbname: shop}'; mig-backup create|17|mig doctor --pin"
	"wrong pin, current|config \"database: '\$url'\" 'pin: {system: \"1\", dbname: shop}'; mig-apply current|17|mig doctor --pin"
	"wrong pin, maintenance|config \"database: '\$url'\" 'pin: {system: \"1\", dbname: shop}' 'maintenance: [{file: f}]'; mig-maintenance on|17|mig doctor --pin"
	"wrong pin, restore|config \"database: '\$url'\" 'pin: {system: \"1\", dbname: shop}'; mig-restore copies|17|mig doctor --pin"
	"wrong pin, smoke|config \"database: '\$url'\" 'pin: {system: \"1\", dbname: shop}'; printf 'checks: [{sql: \"select 1\", expect: {value: \"1\"}}]' > c.yaml; mig-verify smoke c.yaml|17|mig doctor --pin"
	"wrong pin, run|config \"database: '\$url'\" 'pin: {system: \"1\", dbname: shop}'; printf 'mig: 1\\nname: n\\nsteps: [{id: a, run: [\"true\"]}]\\n' > p.yaml; mig-run ./p.yaml|17|mig doctor --pin"
	# files that are not there
	"no playbook of that path|mig-run ./nope.yaml|3|nope.yaml: No such file"
	"no playbook of that name|mig-run nope|14|playbooks/nope.yaml"
	"no file of checks|mig-verify smoke nope.yaml|3|nope.yaml: No such file"
	"no file of checks, in mig.yaml|config \"database: '\$url'\" 'smoke: {checks: [nope.yaml]}'; mig-verify smoke|3|mig.yaml:6:22: no file of checks"
	"no file of checks, in a playbook|book '{id: a, checks: [nope.yaml]}'; mig-run ./p.yaml|3|p.yaml:4:22: no file"
	"no folder of migrations|mig-apply upgrade|14|mig-apply revision"
	"no snapshot file to verify|mig-verify backup ./nope.mig.tar|14|nope.mig.tar: No such file"
	"no snapshot file to restore|mig-restore ./nope.mig.tar|14|nope.mig.tar: No such file"
	"no snapshot at all|mig-restore latest|14|mig-backup create"
	"no copy of that name|mig-restore swap nope|14|mig-restore copies"
	"no run of that name|mig-run recover nope|14|mig-run list"
	# playbooks
	"unknown step in a reference|book '{id: backup, run: [mig-backup, create], out: {snapshot: \".+\"}}' '{id: b, run: [echo, \"\${steps.bakup.out.snapshot}\"]}'; mig-run ./p.yaml|3|p.yaml:5:25: no step \"bakup\""
	"unknown step in a reference: the near one|book '{id: backup, run: [mig-backup, create], out: {snapshot: \".+\"}}' '{id: b, run: [echo, \"\${steps.bakup.out.snapshot}\"]}'; mig-run ./p.yaml|3|did you mean \"backup\""
	"unknown result in a reference|book '{id: a, run: [mig-backup, create], out: {snapshot: \".+\"}}' '{id: b, run: [echo, \"\${steps.a.out.path}\"]}'; mig-run ./p.yaml|3|add to step a: out: {path"
	"unknown key of a step|book '{id: a, rnu: [echo]}'; mig-run ./p.yaml|3|did you mean \"run\""
	"unknown program of the suite|book '{id: a, run: [mig-bakup, create]}'; mig-run ./p.yaml|3|did you mean \"mig-backup\""
	"unknown input|book '{id: a, run: [echo]}'; mig-run ./p.yaml ref=1|2|has no input \"ref\""
	# a target that is there
	"an existing target database|mig-backup create; mig-restore latest --to-db postgres|17|database \"postgres\" exists already"
	"an existing target file|mig-backup create --to a.mig.tar; mig-backup create --to a.mig.tar|17|a.mig.tar"
	# places to write
	"state directory is a file|touch \"\$WORK/state\"; mig-backup create|12|Not a directory"
	"store is a file|touch st; config \"database: '\$url'\" 'store: st'; mig-backup create|12|Not a directory"
)

@test "bad input gets a clear message and the documented exit code" {
	local failed=0 row name break code text wanted
	for row in "${rows[@]}"; do
		IFS='|' read -r name break code text <<< "$row"
		rm -rf "${WORK:?}"/*
		eval "wanted=\"${text//\"/\\\"}\""
		run eval "$break"
		# the next command fits: nobody who has a file is told to write one
		[ ! -e mig.yaml ] || [[ $output != *"write one: mig init"* ]] || status=misleading
		if [ "$status" != "$code" ] || [[ $output != *"$wanted"* ]] || [[ $output = *hunter2222* ]] ||
			[[ $output = *wrong-one* ]]; then
			echo "row \"$name\": wanted $code with \"$wanted\", got $status:"
			echo "$output"
			failed=$((failed + 1))
		fi
		sql -c "grant connect on database $DB to public" -c "set client_min_messages = error" \
			-c "drop table if exists secretive"
	done
	[ "$failed" = 0 ]
}
