#!/usr/bin/python3
"""Random trees run by plain Alembic and by mig-apply, side by side: the same steps, the same rows.

alembic_trees.py ROUNDS SEED   (PGDATABASE is the one for mig; PGDATABASE_theirs for Alembic)

Each revision adds a line with its id and direction to table steps. After each command steps and
alembic_version must be equal in both databases; where one refuses, the other must refuse. The one
listed difference that can occur (docs/alembic-differences.md) ends its round and is counted.
"""
import os
import random
import shutil
import subprocess
import sys

BODY = '''"""Revision {id}"""
from alembic import op

revision = {id!r}
down_revision = {down!r}
branch_labels = None
depends_on = {depends!r}


def upgrade():
    op.execute("insert into steps(step) values ('{id} up')")


def downgrade():
    op.execute("insert into steps(step) values ('{id} down')")
'''


def make_tree(rng):
    shutil.rmtree("alembic/versions", ignore_errors=True)
    os.makedirs("alembic/versions")
    ids, heads = [], []
    for number in range(rng.randint(2, 9)):
        name = "r%02d%04x" % (number, rng.randrange(65536))
        down, depends = None, None
        if heads and rng.random() < 0.9:
            if len(heads) > 1 and rng.random() < 0.4:
                down = tuple(rng.sample(heads, 2))
            else:
                down = rng.choice(heads if rng.random() < 0.7 else ids)
        gone = down if isinstance(down, tuple) else (down,)
        if not down and ids and rng.random() < 0.3:
            depends = rng.choice(ids)
        heads = [head for head in heads if head not in gone] + [name]
        ids.append(name)
        with open("alembic/versions/%s.py" % name, "w", encoding="utf-8") as file:
            file.write(BODY.format(id=name, down=down, depends=depends))
    return ids


def ask(database, sql):
    return subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql],
        check=True, capture_output=True, text=True,
    ).stdout


def state(database):
    exists = ask(database, "select to_regclass('alembic_version') is not null").strip() == "t"
    rows = ask(database, "select version_num from alembic_version order by 1") if exists else ""
    return rows, ask(database, "select step from steps order by n")


def run(command, **env):
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **env}, check=False
    )
    return done.returncode, done.stdout + done.stderr


def compare(ours, theirs, verb, target):
    mine = run(["mig-apply", verb, target, "--yes"], PGDATABASE=ours)
    # the order of files that newer releases of Alembic have; 1.8 takes that of the file system
    alembic = (
        "import os; names = os.listdir; os.listdir = lambda path: sorted(names(path));"
        "from alembic.config import main; main()"
    )
    real = run(
        ["/usr/bin/python3", "-c", alembic, verb, target],
        PGDATABASE=theirs, DATABASE_URL="postgresql+psycopg2://",
    )
    if bool(mine[0]) == bool(real[0]) and state(ours) == state(theirs):
        return "same"
    if not mine[0] and "overlaps with other requested revisions" in real[1]:
        return "rows-that-imply-each-other"
    print("differ:", verb, target)
    print("mig:", mine, state(ours))
    print("alembic:", real, state(theirs))
    return None


def main():
    rounds, seed = int(sys.argv[1]), int(sys.argv[2])
    ours, theirs = os.environ["PGDATABASE"], os.environ["PGDATABASE_theirs"]
    counts = {"same": 0}
    for number in range(rounds):
        rng = random.Random(seed * 100003 + number)
        ids = make_tree(rng)
        for database in (ours, theirs):
            ask(database, "drop schema if exists mig cascade; drop table if exists alembic_version,"
                " steps; create table steps(n serial, step text)")
        commands = [("upgrade", rng.choice(ids + ["heads"])) for _ in range(2)]
        commands += [("downgrade", rng.choice(ids + ["base"])), ("upgrade", "heads")]
        for verb, target in commands:
            answer = compare(ours, theirs, verb, target)
            if not answer:
                print("round", number, "of seed", seed)
                return 1
            counts[answer] = counts.get(answer, 0) + 1
            if answer != "same":
                break
    print(", ".join("%d %s" % (count, name) for name, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
