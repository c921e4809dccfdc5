# shellcheck shell=bash
# Trees of Alembic for tests.

need_alembic() {
	/usr/bin/python3 -c 'import alembic, psycopg2' 2>/dev/null || skip "python3-alembic is not installed"
}

alembic() {
	DATABASE_URL=postgresql+psycopg2:// /usr/bin/python3 -c 'from alembic.config import main; main()' "$@"
}

# alembic.ini, alembic/env.py as `alembic init` writes it but for the URL, mig.yaml.
alembic_tree() {
	mkdir -p alembic/versions
	printf '[alembic]\nscript_location = alembic\n' > alembic.ini
	cp /usr/lib/python3/dist-packages/alembic/templates/generic/script.py.mako alembic/
	cat > alembic/env.py <<-'END'
		import os
		from alembic import context
		from sqlalchemy import create_engine

		engine = create_engine(os.environ["DATABASE_URL"])
		with engine.connect() as connection:
		    context.configure(connection=connection)
		    with context.begin_transaction():
		        context.run_migrations()
	END
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		migrations: {dir: alembic, python: /usr/bin/python3}
		environments:
		  production:
		    database: "dbname=$PGDATABASE"
		$1
	END
}

# py ID PARENTS MESSAGE < BODY; PARENTS as Python writes them
py() {
	{
		printf '"""%s\n\nRevision ID: %s\nCreate Date: 2026-01-02 03:04:05.000006\n\n"""\n' "$3" "$1"
		printf 'from alembic import op\nimport sqlalchemy as sa\n\n'
		printf "revision = '%s'\ndown_revision = %s\nbranch_labels = None\ndepends_on = None\n\n\n" "$1" "$2"
		cat
	} > "alembic/versions/$1_.py"
}

# A line of N revisions a001.., each with one table.
py_line() {
	local i previous=None id
	for ((i = 1; i <= $1; i++)); do
		id=$(printf 'a%03d' "$i")
		py "$id" "$previous" "Table $i" <<-END
			def upgrade():
			    op.create_table('t$i', sa.Column('id', sa.Integer, primary_key=True))


			def downgrade():
			    op.drop_table('t$i')
		END
		previous="'$id'"
	done
}

# A Flask application with Flask-Migrate, its tree as `flask db init` writes it.
flask_app() {
	local templates=/usr/lib/python3/dist-packages/flask_migrate/templates/flask
	/usr/bin/python3 -c 'import flask_migrate, flask_sqlalchemy, psycopg2' 2>/dev/null ||
		skip "python3-flask-migrate is not installed"
	mkdir -p migrations/versions
	cat > app.py <<-'END'
		import os
		from flask import Flask
		from flask_migrate import Migrate
		from flask_sqlalchemy import SQLAlchemy

		app = Flask(__name__)
		app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
		db = SQLAlchemy(app)
		Migrate(app, db)


		class User(db.Model):
		    id = db.Column(db.Integer, primary_key=True)
		    name = db.Column(db.Text)
	END
	cp $templates/env.py $templates/script.py.mako migrations/
	cp $templates/alembic.ini.mako migrations/alembic.ini
}

# alembic_init TEMPLATE SCHEME [PYTHONPATH]: a tree as `alembic init -t TEMPLATE` writes it, not a line
# changed; the driver is that of the scheme. PYTHONPATH chooses another Alembic and SQLAlchemy.
alembic_init() {
	local packages=${3:-/usr/lib/python3/dist-packages}
	local templates=$packages/alembic/templates/$1
	mkdir -p alembic/versions
	sed 's/\${script_location}/alembic/; s/^%%/%/' "$templates/alembic.ini.mako" > alembic.ini
	cp "$templates/env.py" "$templates/script.py.mako" alembic/
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		migrations:
		  dir: alembic
		  python: /usr/bin/python3
		  environment: {DATABASE_URL: "$2", PYTHONPATH: "$packages"}
		environments:
		  production:
		    database: "dbname=$PGDATABASE"
	END
}

# Debian 13's SQLAlchemy 2, Alembic, psycopg 3 and pg8000, unpacked for tests alone
sqlalchemy_2() {
	"$BATS_TEST_DIRNAME/../../tools/debs" sqlalchemy-2 2>/dev/null
}

# Packages are kept outside of the home that each test has for itself.
setup_file() {
	common_setup_file
	export TREE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}
}

# Two trees of their own, ai/ beside the main one, both with table alembic_version
two_alembic_trees() {
	alembic_tree ""
	py_line 2
	mkdir ai
	mv alembic alembic.ini ai/
	sed -i "s/'a00/'v00/g; s/'t\([12]\)'/'v\1'/; s/Table/Vectors/" ai/alembic/versions/*.py
	alembic_tree ""
	py_line 2
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		state_dir: state
		migrations:
		  main: {dir: alembic, python: /usr/bin/python3}
		  ai: {dir: ai/alembic, python: /usr/bin/python3}
		environments:
		  test:
		    database: "dbname=$PGDATABASE"
		    policy: {downgrade: allow}
	END
}
