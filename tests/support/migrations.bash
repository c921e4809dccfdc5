# shellcheck shell=bash
# Revision files for tests.
#
#	revision ID PARENTS MESSAGE [-d DEPENDS] [-l LABELS] [-h "extra header line"] < BODY
#
# BODY is all that follows the header; PARENTS comma-separated, "" for a base.
revision() {
	local id=$1 parents=$2 message=$3
	shift 3
	mkdir -p migrations
	{
		echo "-- revision: $id"
		echo "-- down_revision: $parents"
		echo "-- message: $message"
		while [ $# -gt 1 ]; do
			case $1 in
			-d) echo "-- depends_on: $2" ;;
			-l) echo "-- branch_labels: $2" ;;
			-h) echo "-- $2" ;;
			esac
			shift 2
		done
		echo
		cat
	} > "migrations/${id}_$(tr ' A-Z' '_a-z' <<< "$message").sql"
}

# A line of N revisions r001.., each with one table.
line_of() {
	local i previous="" id
	for ((i = 1; i <= $1; i++)); do
		id=$(printf 'r%03d' "$i")
		revision "$id" "$previous" "Table $i" <<-END
			-- migrate:up
			create table t$i (id int primary key);

			-- migrate:down
			drop table t$i;
		END
		previous=$id
	done
}

rows_are() {
	local got
	got=$(sql -c "select coalesce(string_agg(version_num, ' ' order by version_num), '') from alembic_version")
	[ "$got" = "$1" ] || {
		echo "expected version rows \"$1\", found \"$got\""
		return 1
	}
}

mig_yaml() { # mig_yaml "policy lines, indented by four"
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		migrations: {dir: migrations}
		environments:
		  production:
		    database: "dbname=$PGDATABASE"
		    production: ${2:-true}
		$1
	END
}

# in_a_run ID COMMAND..: as a child of a run that holds the run key
in_a_run() {
	local id=$1 holder pid got
	shift
	mkfifo gate
	PGAPPNAME="mig-run $id migrate" psql -XAtq postgres > holder.out <<-END &
		select pg_advisory_lock(('x' || left(encode(sha256('mig:run:$DB'::bytea), 'hex'), 16))::bit(64)::bigint);
		select pg_backend_pid();
		\! cat gate
	END
	holder=$!
	for _ in $(seq 500); do
		pid=$(grep -E '^[0-9]+$' holder.out) && break
		sleep 0.05
	done
	MIG_RUN=$id:$pid "$@"
	got=$?
	echo > gate
	wait $holder
	return $got
}

nothing_written() {
	local left
	left=$(sql -c "select coalesce(string_agg(relname, ' '), '') from pg_class c
		join pg_namespace n on n.oid = relnamespace where nspname in ('public', 'mig')")
	[ "$left" = "" ] || {
		echo "left behind: $left"
		return 1
	}
}
