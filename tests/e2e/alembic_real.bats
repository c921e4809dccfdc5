# Trees of real programs, out of Debian's packages, as they were released.
load ../support/common
load ../support/migrations
load ../support/alembic
setup() {
	need_alembic
	common_setup
}

# unpacked NAME: PACKAGES is where its modules are
unpacked() {
	PACKAGES=$(XDG_CACHE_HOME=$TREE_CACHE "$BATS_TEST_DIRNAME/../../tools/debs" "$1" 2>/dev/null) ||
		skip "Debian's archive cannot be reached"
}

# real_tree FOLDER MORE-ENVIRONMENT
real_tree() {
	cat > mig.yaml <<-END
		mig: 1
		project: real
		state_dir: state
		migrations:
		  dir: $1
		  python: /usr/bin/python3
		  environment: {PYTHONPATH: "$PACKAGES"$2}
		environments:
		  production:
		    database: "dbname=$PGDATABASE"
	END
}

schema() {
	pg_dump --schema-only --no-owner --exclude-schema=mig | grep -v '^--\|^\\\|^$\|^SE'
}

@test "mailman3: from head to base and back, step by step and at once, as plain Alembic" {
	unpacked mailman3
	printf '[mailman]\nlayout: local\n[paths.local]\nvar_dir: %s/var\n[database]\nclass: mailman.database.postgresql.PostgreSQLDatabase\nurl: postgresql://%s@/%s?host=%s&port=%s\n' \
		"$WORK" "$PGUSER" "$DB" "$PGHOST" "$PGPORT" > mailman.cfg
	export MAILMAN_CONFIG_FILE=$WORK/mailman.cfg
	real_tree "$PACKAGES/mailman/database/alembic" ", MAILMAN_CONFIG_FILE: $MAILMAN_CONFIG_FILE"
	# as mailman itself makes a new database: the models' tables, stamped head
	PYTHONPATH=$PACKAGES /usr/bin/python3 - <<-'END'
		import importlib, pkgutil
		from mailman.config import config
		from mailman.core.initialize import initialize_1
		initialize_1()
		import mailman.model
		for module in pkgutil.iter_modules(mailman.model.__path__):
		    if module.name not in ("docs", "tests"):
		        importlib.import_module("mailman.model." + module.name)
		from mailman.database.model import Model
		from sqlalchemy import create_engine
		Model.metadata.create_all(create_engine(config.database.url))
	END
	[ "$(sql -c "select count(*) > 20 from pg_tables where schemaname = 'public'")" = t ]
	expect 0 mig-apply stamp head
	expect 0 mig-apply downgrade -1 --yes
	expect 0 mig-apply upgrade --yes
	plain_mailman() {
		PYTHONPATH=$PACKAGES /usr/bin/python3 -c 'from alembic.config import main; main()' \
			-c "$PACKAGES/mailman/config/alembic.cfg" "$@" 2> plain.log
	}
	expect 0 mig-apply downgrade base --yes
	rows_are ""
	schema > mig.base
	expect 0 mig-apply upgrade --yes
	rows_are 98224512c9c2
	schema > mig.head
	[ "$(sql -c "select count(*) from mig.history where direction in ('up', 'down')")" = 68 ]
	plain_mailman downgrade base
	schema > plain.base
	plain_mailman upgrade head
	schema > plain.head
	diff mig.base plain.base
	diff mig.head plain.head
	[ "$(plain_mailman current)" = "98224512c9c2 (head)" ]
	expect 0 mig-apply upgrade --yes
	says "was already at 98224512c9c2"
}

@test "buildbot: to head and back; a downgrade that its authors broke stops at its line, under plain Alembic too" {
	unpacked buildbot
	real_tree "$PACKAGES/buildbot/db/migrations" ""
	PYTHONPATH=$PACKAGES /usr/bin/python3 -W ignore - <<-END
		from buildbot.db.model import Model
		from sqlalchemy import create_engine
		Model.metadata.create_all(create_engine("postgresql+psycopg2:///$DB"))
	END
	[ "$(sql -c "select count(*) > 30 from pg_tables where schemaname = 'public'")" = t ]
	plain_buildbot() { # VERB TARGET
		PYTHONPATH=$PACKAGES /usr/bin/python3 -W ignore - "$@" > plain.log 2>&1 <<-END
			import sys
			from alembic import command
			from alembic.config import Config
			config = Config("$PACKAGES/buildbot/db/migrations/alembic.ini")
			config.set_main_option("script_location", "$PACKAGES/buildbot/db/migrations")
			config.set_main_option("sqlalchemy.url", "postgresql+psycopg2:///$DB")
			getattr(command, sys.argv[1])(config, sys.argv[2])
		END
	}
	expect 0 mig-apply stamp head
	expect 0 mig-apply downgrade 060 --yes
	rows_are 060
	expect 1 plain_buildbot downgrade base
	grep -q '060_v3.9_add_builder_projects.py", line 62' plain.log
	grep -q 'column "project" of relation "builders" does not exist' plain.log
	rows_are 060
	expect 11 mig-apply downgrade base --yes
	says "versions/060_v3.9_add_builder_projects.py:62:1: 060 add builder projects: column \"project\" of relation \"builders\" does not exist"
	rows_are 060
	# what its authors meant
	sql -c "alter table builders drop column projectid; drop table projects"
	expect 0 mig-apply stamp 059
	expect 0 mig-apply downgrade base --yes
	rows_are ""
	schema > mig.base
	expect 0 mig-apply upgrade --yes
	rows_are 066
	schema > mig.head
	[ "$(sql -c "select string_agg(revision, ' ' order by id) from (select * from mig.history where direction = 'up' order by id desc limit 8) h")" = "059 060 061 062 063 064 065 066" ]
	expect 0 mig-apply upgrade --yes
	# the same by plain Alembic
	expect 0 mig-apply downgrade 060 --yes
	sql -c "alter table builders drop column projectid; drop table projects"
	expect 0 plain_buildbot stamp 059
	expect 0 plain_buildbot downgrade base
	schema > plain.base
	expect 0 plain_buildbot upgrade head
	rows_are 066
	schema > plain.head
	diff mig.base plain.base
	diff mig.head plain.head
}
