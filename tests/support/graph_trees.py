#!/usr/bin/python3
"""Random graphs as trees of Alembic and as native files, run for real: Alembic and mig must agree.

graph_trees.py GRAPHS SEED [-v]

For each graph a random series of upgrade, downgrade and stamp is done three times: by Alembic
itself, by mig on the same tree, and by mig on native files. After each command the steps that ran
(each revision writes its name into a table) and the rows of the version table must be the same, or
all must refuse. Differences that docs/alembic-differences.md names are counted under their name,
and the series goes on from mig's rows; any other is printed and fails. Databases NAME_alembic, NAME_tree and NAME_native,
where NAME is PGDATABASE, are made and dropped.
"""
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import psycopg2
from alembic import command
from alembic.config import Config
from alembic.script import base

import alembic_compare as pure

COMMANDS = 6
HERE = os.path.dirname(os.path.abspath(__file__))
ENV = '''
import os
from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

engine = create_engine(os.environ["DATABASE_URL"], poolclass=NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
'''
REVISION = '''"""Revision {id}"""
from alembic import op

revision = '{id}'
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {depends!r}


def upgrade():
    op.execute("insert into steps(step) values ('{id}')")


def downgrade():
    op.execute("insert into steps(step) values ('{id}')")
'''
NATIVE = '''-- revision: {id}
-- down_revision: {down}
-- branch_labels: {labels}
-- depends_on: {depends}
-- message: Revision {id}

-- migrate:up
insert into steps(step) values ('{id}');

-- migrate:down
insert into steps(step) values ('{id}');
'''
MIG = '''mig: 1
project: graphs
state_dir: {state}
migrations: {{dir: {folder}, python: {python}}}
environments:
  main:
    database: "dbname={database}"
    policy: {{destructive: allow}}
'''


def one_or_many(names):
    return None if not names else names[0] if len(names) == 1 else tuple(names)


class Database:
    def __init__(self, name):
        self.name = name
        admin = psycopg2.connect(dbname="postgres")
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute('drop database if exists "%s" with (force)' % name)
            cursor.execute('create database "%s"' % name)
        admin.close()
        self.connection = psycopg2.connect(dbname=name)
        self.connection.autocommit = True
        self.seen = 0

    def ask(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return [row[0] for row in cursor.fetchall()] if cursor.description else None

    def begin(self):
        self.ask("drop schema if exists mig cascade; drop table if exists alembic_version, steps;"
                 "create table steps (n serial, step text)")
        self.seen = 0

    def steps(self):
        done = self.ask("select step from steps where n > %d order by n" % self.seen)
        self.seen = self.ask("select coalesce(max(n), 0) from steps")[0]
        return done

    def rows(self):
        if not self.ask("select to_regclass('alembic_version')")[0]:
            return []
        return self.ask('select version_num from alembic_version order by version_num collate "C"')

    def set_rows(self, rows):
        self.ask("create table if not exists alembic_version (version_num varchar(32) not null"
                 " constraint alembic_version_pkc primary key); delete from alembic_version")
        for row in rows:
            self.ask("insert into alembic_version values ('%s')" % row)
        self.steps()

    def drop(self):
        self.connection.close()
        admin = psycopg2.connect(dbname="postgres")
        admin.autocommit = True
        admin.cursor().execute('drop database "%s" with (force)' % self.name)
        admin.close()


class Tree:
    """A graph's files, in both formats."""

    def __init__(self, folder, rows, databases):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        for path in ("tree/alembic/versions", "native/migrations"):
            os.makedirs(os.path.join(folder, path))
        self.write("tree/alembic.ini", "[alembic]\nscript_location = %(here)s/alembic\n")
        self.write("tree/alembic/env.py", ENV)
        for kind, place in (("tree", "alembic"), ("native", "migrations")):
            self.write(kind + "/mig.yaml", MIG.format(
                state=os.path.join(folder, "state"), folder=place, database=databases[kind].name,
                python=os.path.join(HERE, "fork_python")))
        for number, (name, down, depends, labels) in enumerate(rows):
            self.write("tree/alembic/versions/%02d_%s.py" % (number, name), REVISION.format(
                id=name, down=one_or_many(down), labels=one_or_many(labels),
                depends=one_or_many(depends)))
            self.write("native/migrations/%02d_%s.sql" % (number, name), NATIVE.format(
                id=name, down=", ".join(down), labels=", ".join(labels),
                depends=", ".join(depends)))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)


VERBS = {"up": "upgrade", "down": "downgrade", "stamp": "stamp"}


def by_alembic(tree, database, verb, target):
    """(steps, rows) or None, and why it refused."""
    os.environ["DATABASE_URL"] = "postgresql+psycopg2:///" + database.name
    config = Config(os.path.join(tree.folder, "tree/alembic.ini"))
    try:
        getattr(command, VERBS[verb])(config, target)
    except (SystemExit, pure.CommandError, pure.rev.RevisionError) as error:
        return None, str(error)
    except Exception as error:
        return None, "%s: %s" % (type(error).__name__, error)
    return (database.steps(), database.rows()), ""


def by_mig(tree, kind, database, verb, target):
    options = [] if verb == "stamp" else ["--yes"]
    done = subprocess.run(
        ["mig-apply", VERBS[verb], *options, "--", target], cwd=os.path.join(tree.folder, kind),
        env={**os.environ, "DATABASE_URL": "postgresql+psycopg2://"}, capture_output=True,
        text=True, check=False,
    )
    if done.returncode in (2, 4, 5, 14, 17):
        return None, done.stderr
    if done.returncode:
        return None, "exit %d: %s" % (done.returncode, done.stderr)
    return (database.steps(), database.rows()), ""


def is_same_crash(why, reason):
    """Which of several missing rows Alembic stumbles over is another one in each process: a set."""
    rows = why.startswith("KeyError: ") and "in update_to_step\n" in reason
    return "KeyError: " in reason if rows else why in reason


def compare(tree, map_, databases, verb, current, target):
    """What each said, and the names of the differences; None for one that is in no list."""
    answers = {
        "alembic": by_alembic(tree, databases["alembic"], verb, target),
        "tree": by_mig(tree, "tree", databases["tree"], verb, target),
        "native": by_mig(tree, "native", databases["native"], verb, target),
    }
    real, why = answers["alembic"]
    names = []
    for kind in ("tree", "native"):
        mine, reason = answers[kind]
        if real is None and reason.startswith("exit 1:") and is_same_crash(why, reason):
            names.append("alembic-crashes")  # in the child, too: Alembic writes the rows there
        elif mine != real or reason.startswith("exit "):
            names.append(pure.meant(map_, verb, current, target, real, why, mine, reason))
    return answers, names


def series(dice, tree, map_, rows, databases, counts, verbose):
    current = set()
    for number in range(COMMANDS):
        verb = dice.choice(["up"] * 5 + ["down"] * 4 + ["stamp"]) if number else "up"
        target = dice.choice(["heads", pure.random_target(dice, rows)])
        if verb == "stamp" and pure.rev._relative_destination.match(target):
            continue  # not in Alembic's grammar of stamp
        if verb == "down" and target == "heads":
            target = "base" if dice.random() < 0.3 else "-1"
        answers, names = compare(tree, map_, databases, verb, current, target)
        real = answers["alembic"][0]
        if verbose:
            print(verb, sorted(current), target, real, names)
        counts["commands"] += 1
        counts["steps"] += len(real[0]) if real else 0
        if not names:
            counts["same" if real else "same, refused"] += 1
            current = set(real[1]) if real else current
            continue
        if None in names:
            print("rows of the graph:", json.dumps(rows))
            print(verb, sorted(current), target)
            for kind, answer in answers.items():
                print("  %s: %s" % (kind, answer[0] or answer[1]))
            return False
        for name in set(names):
            counts[name] += 1
        current = set(databases["native"].rows())
        for database in databases.values():
            database.set_rows(sorted(current))
    return True


def main():
    graphs, seed = int(sys.argv[1]), int(sys.argv[2])
    verbose = "-v" in sys.argv
    folder = tempfile.mkdtemp(prefix="mig-graphs.")
    os.environ["FORK_PYTHON"] = os.path.join(folder, "fork")
    server = subprocess.Popen([os.path.join(HERE, "fork_python"), os.environ["FORK_PYTHON"]],
                              stdout=subprocess.PIPE)
    server.stdout.readline()
    # newer releases of Alembic read the files in this order; 1.8 takes that of the file system
    listdir = os.listdir
    base.os.listdir = lambda path: sorted(listdir(path))
    name = os.environ["PGDATABASE"]
    databases = {kind: Database("%s_%s" % (name, kind)) for kind in ("alembic", "tree", "native")}
    counts = collections.Counter()
    good = True
    try:
        for number in range(graphs):
            dice = random.Random(seed * 100003 + number)
            rows = pure.random_rows(dice)
            map_ = pure.build(rows)
            try:
                map_._revision_map
            except (pure.rev.RevisionError, KeyError):
                continue
            for database in databases.values():
                database.begin()
            tree = Tree(os.path.join(folder, "graph"), rows, databases)
            counts["graphs"] += 1
            counts["revisions"] += len(rows)
            if not series(dice, tree, map_, rows, databases, counts, verbose):
                print("graph", number, "of seed", seed)
                good = False
                break
    finally:
        server.terminate()
        server.wait()
        for database in databases.values():
            database.drop()
        if good:
            shutil.rmtree(folder, ignore_errors=True)
    for name in ("graphs", "revisions", "commands", "steps"):
        print("%6d %s" % (counts.pop(name), name))
    for name, count in sorted(counts.items()):
        print("%6d %s" % (count, name))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
