"""What mig-apply lets the Python of an Alembic tree do.

mig-apply hands this text to the tree's own interpreter, followed by one call of main(). The tree's
env.py and revision files run as under Alembic itself; what is added hangs on the connection that
env.py gives to context.configure(): it must be to mig's own database, gets mig's settings and its
work key, and writes the row of mig.history before each revision's commit.

Events go to mig-apply as lines of JSON; whatever the tree prints goes to stderr.
"""
import sys

# A types.py or json.py of the tree's folder must not hide Python's own.
sys.path[:] = [path for path in sys.path if path]

import gc

# Nothing of what is imported becomes garbage: looking for it would be a quarter of the start.
gc.disable()

import io
import json
import os
import re
import time
import traceback

EVENTS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


class Refused(Exception):
    """Said by this file, for a person; `kind` is what mig-apply makes of it."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def tell(event, **fields):
    note(event, **fields)
    EVENTS.flush()


def note(event, **fields):
    """Told with the next event: each one that is sent wakes mig-apply."""
    fields["event"] = event
    EVENTS.write(json.dumps(fields) + "\n")


ONE = "select txid_current()"  # the same twice in one transaction

# Words of a statement that may end a transaction; where they stand for something else, no harm is done.
ENDING = re.compile(r"\b(commit|end|prepare|rollback|abort)\b", re.IGNORECASE)


COMMIT = re.compile(r"\s*(commit|end)(\s+(work|transaction))?\s*;?\s*\Z", re.IGNORECASE)
BACK = re.compile(r"\s*(rollback|abort)\b", re.IGNORECASE)
OF_SAVEPOINTS = re.compile(  # SQLAlchemy's own, of which its events tell
    r"(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) sa_savepoint_\d+\Z"
)
SHOWN = 20


def brief(statement):
    words = " ".join(statement.split())
    return words if len(words) <= 100 else words[:97] + "..."


def shown(statements):
    if len(statements) <= SHOWN:
        return statements
    return statements[:SHOWN] + ["... and %d more" % (len(statements) - SHOWN)]


def quoted(name):
    return '"%s"' % name.replace('"', '""')


PLAIN = re.compile(r"[A-Za-z0-9_ .+/-]*\Z")


def literal(text):
    """SQL of any text without a character that a driver could take for its own."""
    if text is None:
        return "null"
    if PLAIN.match(text):
        return "'%s'" % text
    return "convert_from(decode('%s', 'hex'), 'UTF8')" % text.encode("utf-8").hex()


class Watch:
    """Follows the connections that env.py gives to Alembic, and the steps on them."""

    def __init__(self, request):
        self.request = request
        self.attached = []
        self.reached = False  # a context had our database and our version table
        self.step = None
        self.inside = False  # in its upgrade() or downgrade()
        self.marked = None  # its mark is in the transaction, "alone", or "gone" with a rollback
        self.loose = False  # the step has the driver's own connection: nobody sees what it ends by it
        self.seen = []  # statements of the step, in short, that were not rolled back
        self.durable = 0  # so many of them are committed
        self.settled = False  # so is the last of them, once it has ended
        self.savepoints = []  # how many there were before each that is open
        self.own = (None, None, None)  # then: SQLAlchemy's connection, its proxy, the driver's
        self.followed = set()  # classes whose commit() is ours
        self.due = None  # the version table to write next: the row of mig.history goes with it
        self.began = 0
        self.transaction = None
        self.foreign = set()  # connections to other databases, by id()
        self.kept = []  # so that these ids stay theirs
        self.mine = True  # the context at work is that of our version table

    # The driver's cursor, beside SQLAlchemy's own idea of the transaction: had SQLAlchemy begun
    # one, Alembic would leave the commits to env.py.
    @staticmethod
    def ask(connection, sql):
        cursor = connection.connection.cursor()
        try:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None
        finally:
            cursor.close()

    def attach(self, connection):
        """False: the connection is to another database, and mig.yaml says that this is meant."""
        how = self.request
        settings = [
            "select set_config('lock_timeout', '%d', false)" % how["lock_timeout"],
            "select set_config('application_name', %s, false)" % literal(how["name"]),
            "select set_config('default_transaction_read_only', 'off', false)",
        ]
        if not self.is_here(connection):
            return False
        if not self.ask(connection, "select pg_try_advisory_lock_shared(%d)" % how["work"])[0]:
            raise Refused("busy", "the work key of the database is held by another program")
        for sql in settings:
            self.ask(connection, sql)
        for name, value in how["settings"]:
            try:
                self.ask(
                    connection,
                    "select set_config(%s, %s, false)" % (literal(name), literal(value)),
                )
            except Exception as error:
                error.mig_context = "migrations: settings: " + name
                raise
        version = self.ask(connection, "select current_setting('server_version_num')::int")[0]
        if version >= 140000:
            self.ask(connection, "select set_config('client_connection_check_interval', '1s', false)")
        row = self.ask(
            connection,
            "select pg_backend_pid(), current_setting('lock_timeout')::interval"
            " = interval '%d milliseconds'"
            " and current_setting('application_name') = left(%s, 63)"
            " and current_setting('default_transaction_read_only') = 'off',"
            " current_user::text,"
            " has_schema_privilege('mig', 'usage') and has_table_privilege('mig.history', 'insert')"
            " and (select bool_and(has_table_privilege('mig.history_step', name))"
            " from unnest(array['select', 'insert', 'delete']) name)"
            % (how["lock_timeout"], literal(how["name"])),
        )
        if not row[1]:
            raise Refused("settings", "the connection of env.py does not keep mig's settings")
        if not row[3]:
            raise Refused(
                "rights", "role \"%s\" of env.py may not write mig.history" % row[2]
            )
        autocommit = self.ask(connection, ONE) != self.ask(connection, ONE)
        if not connection.in_transaction():
            connection.connection.commit()
        self.version = version
        self.attached.append(row[0])
        tell("attach", pid=row[0], user=row[2], autocommit=autocommit)
        return True

    def is_here(self, connection):
        """False: it is to another database, and mig.yaml says that this is meant."""
        nonce = self.request["nonce"]
        if connection.dialect.name != "postgresql":
            return self.elsewhere(connection.dialect.name)
        # The key is held by mig-apply alone: who gets it here is in another database.
        if self.ask(connection, "select pg_try_advisory_lock_shared(%d)" % nonce)[0]:
            self.ask(connection, "select pg_advisory_unlock_shared(%d)" % nonce)
            return self.elsewhere(self.ask(connection, "select current_database()")[0])
        return True

    def elsewhere(self, name):
        if not self.request["others"]:
            raise Refused(
                "elsewhere",
                "env.py connects to database \"%s\" of another place than mig, which works on "
                "\"%s\"" % (name, self.request["database"]),
            )
        return False

    def is_ours(self, context):
        """Alembic's version table of this context is the one that mig reads."""
        if not context.connection or id(context.connection) in self.foreign:
            return False
        name = quoted(context.version_table)
        if context.version_table_schema:
            name = "%s.%s" % (quoted(context.version_table_schema), name)
        row = self.ask(
            context.connection,
            "select coalesce(to_regclass(%s)::oid::bigint, 0),"
            " coalesce(to_regclass(%s)::oid::bigint, 0)"
            % (literal(name), literal(self.request["version_table"])),
        )
        return row[0] == row[1]

    def check_table(self, context):
        """Before Alembic makes a version table that is not there."""
        if context.connection and not self.request["others"] and not self.is_ours(context):
            raise Refused(
                "rows",
                "env.py keeps its rows in table %s, mig in %s"
                % (context.version_table, self.request["version_table"]),
            )

    def begin(self, revision, connection):
        self.step = revision
        self.marked = self.due = None
        self.loose = self.settled = False
        self.seen, self.durable, self.savepoints = [], 0, []
        self.began = time.monotonic()
        tell("begin", revision=revision)
        if self.request.get("own"):
            self.transaction = self.ask(connection, "select txid_current()")[0]
            self.ask(connection, "savepoint mig_revision")

    def guarded(self, step, context):
        run = step.migration_fn

        def migration_fn(**options):
            self.inside = True
            try:
                run(**options)
            except Exception as error:
                self.inside = False
                error.mig_fate = self.fate(error)  # before all is rolled back
                if self.request.get("own"):
                    self.report_failed(context.connection)
                raise
            self.inside = False
            self.due = context.version_table

        migration_fn.__name__ = run.__name__  # Alembic logs it: "Running upgrade a -> b"
        step.migration_fn = migration_fn
        return step

    def report_failed(self, connection):
        """The server counts rows that are rolled back, too: behind a savepoint they can be told."""
        try:
            self.ask(connection, "rollback to savepoint mig_revision")
            self.report_own(connection)
            tell("told")
        except Exception as error:
            tell("unknown", reason="revision %s was rolled back: %s" % (self.step, error))

    def mark(self, connection):
        """
        A row that goes with what the step is about to commit of itself, by autocommit_block(), commit()
        or COMMIT, and that its last transaction takes away: what is found there later is half applied.
        """
        how = self.request
        alone = self.is_alone(connection)
        if self.marked == "alone" or self.marked == "inside" and not alone:
            return
        try:
            self.ask(
                connection,
                "insert into mig.history_step (revision, direction, number, checksum, statement, state,"
                " host, run, tree) values (%s, %s, 0, %s, %s, 'begun', %s, %s, %s)"
                " on conflict do nothing"
                % (
                    literal(self.step),
                    literal(how["direction"]),
                    literal(how["files"][self.step]["checksum"]),
                    literal("\n".join(
                        ["upgrade()" if how["direction"] == "up" else "downgrade()"]
                        + shown(self.seen)
                    )),
                    literal(how["host"]),
                    literal(how["run"]),
                    literal(how["tree"]),
                ),
            )
        except Exception as error:
            if sqlstate_of(error) != "25P02":  # of a transaction that has failed nothing is committed
                raise
            return
        self.marked = "alone" if alone else "inside"

    @staticmethod
    def is_alone(connection):
        return getattr(connection.connection, "autocommit", False) is True

    def committed(self, conn, *_):
        """Before SQLAlchemy's commit; that of the whole step comes when it is not inside any more."""
        if self.inside:
            self.mark(conn)
            self.durable = len(self.seen)

    def rolled_back(self, conn):
        self.unsure()
        del self.seen[self.durable:]

    def savepoint(self, conn, name):
        self.savepoints.append(len(self.seen))

    def released(self, conn, name, context):
        if self.savepoints:
            self.savepoints.pop()

    def rolled_back_to(self, conn, name, context):
        before = self.savepoints.pop() if self.savepoints else 0
        del self.seen[max(self.durable, before):]

    def see(self, statement, alone):
        """Never more than what is committed: a textual ROLLBACK TO takes all of it out."""
        self.settled = alone or COMMIT.match(statement) is not None
        if OF_SAVEPOINTS.match(statement) or self.settled and not alone:
            return
        if BACK.match(statement):
            del self.seen[self.durable:]
        else:
            self.seen.append(brief(statement))

    def fate(self, error):
        """What a step that failed has left, as far as it was seen: committed, rolled back."""
        failed = getattr(error, "statement", None) is not None
        kept = len(self.seen) if self.settled and not failed else self.durable
        undone = self.seen[kept:len(self.seen) - 1 if failed else None]
        return {"kept": shown(self.seen[:kept]), "undone": shown(undone), "loose": self.loose}

    def taken(self, conn):
        """The revision has asked for the driver's own connection, and may commit by it."""
        if id(conn) not in self.foreign:
            self.loose = True
            self.mark(conn)
            self.unsure()
            self.follow_commits(conn)

    def follow_commits(self, conn):
        """
        The driver's commit() gets the mark, too, since a rollback() before it takes the first one
        away. Of psycopg2, whose connection is none of Python's, only that of SQLAlchemy's proxy.
        """
        proxy = conn.connection
        own = driver_of(proxy)
        self.own = (conn, proxy, own)
        for kind in (type(own), type(proxy)):
            if kind in self.followed:
                return
            try:
                kind.commit = self.marking(getattr(kind, "commit", None))
            except TypeError:
                continue
            self.followed.add(kind)
            return

    def marking(self, given):
        def commit(it, *arguments, **options):
            conn, proxy, own = self.own
            asking = sys._getframe(1).f_globals.get("__name__", "")
            if self.inside and (it is own or it is proxy) and not is_inner(asking):
                self.mark(conn)
                self.unsure()
            if given:
                return given(it, *arguments, **options)
            return driver_of(it).commit(*arguments, **options)

        return commit

    def unsure(self):
        """Whether the mark is there still: the next statement sees to it."""
        if self.marked == "inside":
            self.marked = "gone"

    def statement(self, conn, cursor, statement, parameters, context, executemany):
        if self.step and self.request.get("own"):
            tell("statement", revision=self.step, sql=statement)
        if self.inside:
            alone = self.is_alone(conn)
            if alone or self.settled:
                self.durable = len(self.seen)
            ends = self.loose or ENDING.search(statement)
            if ends or self.marked or alone:
                self.mark(conn)
            if ends:
                self.unsure()
            self.see(statement, alone)
        if self.due and writes_table(statement, self.due):
            statement = self.history() + statement
        return statement, parameters

    def history(self):
        """
        The row of mig.history, and the end of the mark: put before the first statement on the version
        table they need no way to the server of their own.
        """
        how = self.request
        known = how["files"][self.step]
        self.due = None
        unmark = (
            "mig_mark as (delete from mig.history_step where tree = %s and revision = %s"
            " and direction = %s), "
            % (literal(how["tree"]), literal(self.step), literal(how["direction"]))
        )
        return (
            "with %smig_history as (insert into mig.history (revision, direction, checksum, up_sql,"
            " duration_ms, host, run, tool, tree, detail)"
            " values (%s, %s, %s, %s, %d, %s, %s, %s, %s, %s::jsonb)) "
            % (
                unmark if self.marked else "",
                literal(self.step),
                literal(how["direction"]),
                literal(known["checksum"]),
                literal(source_of(known["path"])),
                int((time.monotonic() - self.began) * 1000),
                literal(how["host"]),
                literal(how["run"]),
                literal(how["tool"]),
                literal(how["tree"]),
                literal(known["detail"]),
            )
        )

    def applied(self, ctx, step, heads, run_args):
        """Alembic calls it behind the version row, inside the revision's transaction."""
        if not self.mine:
            return
        if self.due:
            self.ask(ctx.connection, self.history() + "select")
        if self.request.get("own"):
            self.report_own(ctx.connection)
        note("written", revision=self.step)

    def report_own(self, connection):
        if self.ask(connection, "select txid_current()")[0] != self.transaction:
            tell("unknown", reason="revision %s commits inside itself" % self.step)
        if self.version >= 150000:
            self.ask(connection, "select pg_stat_force_next_flush()")
        else:
            time.sleep(1.1)
        parts = {}
        for name, sql in self.request["own"].items():
            row = self.ask(connection, sql)
            parts[name] = json.loads(row[0]) if row and isinstance(row[0], str) else row[0]
        tell("own", own=parts)


def driver_of(proxy):
    """SQLAlchemy has called it dbapi_connection since 1.4.24."""
    return getattr(proxy, "dbapi_connection", None) or proxy.connection


def writes_table(statement, name):
    words = re.match(r"(insert into|update|delete from)\s+([^\s(]+)", statement, re.IGNORECASE)
    return words and words.group(2).replace('"', "").split(".")[-1] == name


def source_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().replace("\x00", "")


def watch_connections(watch):
    """Every connection that env.py configures is watched, in one transaction per revision."""
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import event

    configure = EnvironmentContext.configure

    def configured(self, connection=None, **options):
        if connection is None or watch.step is not None:
            pass
        elif not watch.attach(connection):
            watch.foreign.add(id(connection))
            watch.kept.append(connection)
        else:
            event.listen(connection, "before_cursor_execute", watch.statement, retval=True)
            event.listen(connection, "commit", watch.committed)
            event.listen(connection, "prepare_twophase", watch.committed)
            event.listen(connection, "rollback", watch.rolled_back)
            event.listen(connection, "savepoint", watch.savepoint)
            event.listen(connection, "rollback_savepoint", watch.rolled_back_to)
            event.listen(connection, "release_savepoint", watch.released)
        callbacks = options.get("on_version_apply") or ()
        callbacks = tuple(callbacks) if hasattr(callbacks, "__iter__") else (callbacks,)
        options["on_version_apply"] = callbacks + (watch.applied,)
        options["transaction_per_migration"] = True
        return configure(self, connection=connection, **options)

    run_migrations = MigrationContext.run_migrations

    def checked(self, **options):
        watch.check_table(self)
        return run_migrations(self, **options)

    EnvironmentContext.configure = configured
    MigrationContext.run_migrations = checked
    watch_driver(watch)


def is_inner(module):
    return module.startswith("sqlalchemy.") and not module.startswith("sqlalchemy.ext.")


def watch_driver(watch):
    """Who asks a Connection for the driver's own; SQLAlchemy and this file do so all the time."""
    from sqlalchemy.engine import Connection

    given = Connection.connection

    def connection(self):
        asking = sys._getframe(1).f_globals.get("__name__", "")
        if watch.inside and not is_inner(asking) and asking != __name__:
            watch.taken(self)
        return given.__get__(self)

    Connection.connection = property(connection)


def steps_of(script, watch, how):
    """Just the steps of mig's plan, in its order; Alembic keeps the version table."""
    from alembic.runtime.migration import MigrationStep

    def theirs(heads):
        find = script._upgrade_revs if how["direction"] == "up" else script._downgrade_revs
        return find(how["target"], heads)

    def steps(heads, context):
        watch.mine = not how["others"] or watch.is_ours(context)
        if not watch.mine:
            if context.connection and id(context.connection) not in watch.foreign:
                tell("unknown", reason="env.py works on version table %s, too" % context.version_table)
            yield from theirs(heads)
            return
        watch.reached = True
        if sorted(heads) != sorted(how["heads"]):
            raise Refused(
                "rows",
                "table %s of env.py says %s, mig read %s"
                % (
                    context.version_table,
                    ", ".join(sorted(heads)) or "<base>",
                    ", ".join(sorted(how["heads"])) or "<base>",
                ),
            )
        for revision in how["steps"]:
            step = step_of(script, MigrationStep, how, revision)
            watch.begin(revision, context.connection)
            yield watch.guarded(step, context)
        watch.step = None
        EVENTS.flush()

    return steps


def apply(config, how):
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    watch = Watch(how)
    watch_connections(watch)
    script = ScriptDirectory.from_config(config)
    try:
        with EnvironmentContext(
            config,
            script,
            fn=steps_of(script, watch, how),
            as_sql=False,
            starting_rev=None,
            destination_rev=how["target"],
            tag=how.get("tag"),
        ):
            script.run_env()
    except Exception as error:
        error.mig_revision = watch.step
        raise
    if not watch.attached:
        raise Refused("detached", "env.py gave no connection to context.configure()")
    if not watch.reached:
        raise Refused("rows", "env.py never came to table %s" % how["version_table"])


def script(config, how):
    """The steps as SQL, by env.py's offline mode; one transaction each, as when they run."""
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationStep
    from alembic.script import ScriptDirectory

    os.environ.setdefault("DATABASE_URL", "postgresql://")
    scripts = ScriptDirectory.from_config(config)
    configure = EnvironmentContext.configure
    config.output_buffer = io.StringIO()

    def configured(self, *arguments, **options):
        options["transaction_per_migration"] = True
        return configure(self, *arguments, **options)

    def steps(heads, context):
        context._version.drop = lambda *_, **__: None  # Alembic itself leaves the table there
        for revision in how["steps"]:
            yield waiting(step_of(scripts, MigrationStep, how, revision), context, how)

    EnvironmentContext.configure = configured
    with EnvironmentContext(
        config,
        scripts,
        fn=steps,
        as_sql=True,
        starting_rev=tuple(how["heads"]) or "base",
        destination_rev=how["target"],
        tag=how.get("tag"),
    ):
        scripts.run_env()
    text = config.output_buffer.getvalue()
    if not text and how["steps"]:
        raise Refused("offline", "env.py wrote no SQL in its offline mode")
    for start in range(0, len(text), 65536):
        tell("sql", text=text[start:start + 65536])


def waiting(step, context, how):
    """The SQL waits for locks as long as an upgrade would."""
    run = step.migration_fn

    def migration_fn(**options):
        context.impl.static_output("SET LOCAL lock_timeout = %d;" % how["lock_timeout"])
        run(**options)

    migration_fn.__name__ = run.__name__
    if how["lock_timeout"] and context.dialect.name == "postgresql":
        step.migration_fn = migration_fn
    return step


def step_of(scripts, steps, how, revision):
    make = steps.upgrade_from_script if how["direction"] == "up" else steps.downgrade_from_script
    return make(scripts.revision_map, scripts.get_revision(revision))


def look_here(how):
    """What only compares must look at mig's own database, too."""
    from alembic.runtime.environment import EnvironmentContext

    configure = EnvironmentContext.configure
    watch = Watch(how)

    def configured(self, connection=None, **options):
        if connection is not None:
            watch.is_here(connection)
            if not connection.in_transaction():
                connection.connection.commit()
        return configure(self, connection=connection, **options)

    EnvironmentContext.configure = configured


def runs_env(config):
    """env.py runs for every new revision: also a template may ask the database."""
    from alembic import util

    return util.asbool(config.get_main_option("revision_environment"))


def revision(config, how):
    from alembic import command

    if how["options"]["autogenerate"] or runs_env(config):
        if "nonce" not in how:
            raise Refused("no-database", "env.py runs for a new revision, and has no database")
        look_here(how)
    if how["options"]["autogenerate"] and config.cmd_opts:
        config.cmd_opts.autogenerate = True  # Flask-Migrate's env.py asks
    made = command.revision(config, **how["options"])
    for script in made if isinstance(made, list) else [made]:
        if script:
            tell("revision", revision=script.revision, path=os.path.abspath(script.path))


def check(config, how):
    """Alembic's own check, which it has since 1.9, for all of them."""
    from alembic.autogenerate import RevisionContext
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    look_here(how)
    script = ScriptDirectory.from_config(config)
    arguments = dict(message=None, autogenerate=True, sql=False, head="head", splice=False)
    arguments.update(branch_label=None, version_path=None, rev_id=None, depends_on=None)
    made = RevisionContext(config, script, arguments)

    def compare(heads, context):
        made.run_autogenerate(heads, context)
        return []

    with EnvironmentContext(
        config, script, fn=compare, as_sql=False, template_args=made.template_args
    ):
        script.run_env()
    # several where env.py works on several databases
    operations = made.generated_revisions[-1].upgrade_ops_list
    differences = [difference for each in operations for difference in each.as_diffs()]
    if differences:
        for difference in differences:
            print(difference)
        raise Refused("differs", "the models have %d changes that no revision makes" % len(differences))


def headers(how):
    """The headers that are no literals: the files are run, as Alembic does for every command."""
    from importlib.util import module_from_spec, spec_from_file_location
    from alembic.script import ScriptDirectory

    if not how["flask"]:
        ScriptDirectory.from_config(config_of(how))  # minds prepend_sys_path
    for number, file in enumerate(how["files"]):
        spec = spec_from_file_location("revision_%d" % number, file["path"])
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        if not hasattr(module, "down_revision"):
            raise Refused("header", "%s: no line \"down_revision = ...\"" % file["path"])
        names = {
            name: as_json(getattr(module, name, None))
            for name in ("revision", "down_revision", "branch_labels", "depends_on")
        }
        tell("header", index=file["index"], **names)


def as_json(value):
    return value if value is None or isinstance(value, str) else [str(item) for item in value]


def typed(how):
    """What Alembic's own command line leaves for env.py."""
    from argparse import Namespace

    return Namespace(
        x=how.get("x"), tag=how.get("tag"), sql=how["do"] == "script", config=how.get("ini"),
        name=how.get("section") or "alembic", raiseerr=False, revision=how.get("target")
    )


def config_of(how):
    from alembic.config import Config

    config = Config(
        how.get("ini"), ini_section=how.get("section") or "alembic", cmd_opts=typed(how)
    )
    url = config.get_main_option("sqlalchemy.url")
    if os.environ.get("DATABASE_URL") and (not url or url.startswith("driver://")):
        # what `alembic init` writes can only be meant to be filled in
        config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"].replace("%", "%%"))
    if not config.get_main_option("script_location"):
        config.set_main_option("script_location", how["dir"].replace("%", "%%"))
    return config


def in_flask(how, work):
    from flask.cli import ScriptInfo, load_dotenv

    load_dotenv()
    app = ScriptInfo().load_app()
    with app.app_context():
        if "migrate" not in app.extensions:
            raise Refused("flask", "the application has no Flask-Migrate: Migrate(app, db)")
        config = app.extensions["migrate"].migrate.get_config(how["dir"], x_arg=how.get("x"))
        # without these two, env.py of Flask-Migrate fails or prints
        config.cmd_opts = config.cmd_opts or typed(how)
        work(config, how)


def export_url():
    """The way to mig's database, with the driver that the variable named before."""
    url = os.environ.pop("MIG_DATABASE_URL", None)
    if not url:
        return
    before = os.environ.get("DATABASE_URL", "")
    scheme = before.split("://")[0]
    if scheme.startswith("postgresql+"):
        url = scheme + url[len("postgresql"):]
    if scheme == "postgresql+pg8000":  # it knows a socket by its file only
        url = re.sub(r"\?host=([^&]*)&port=(\d+)", r"?unix_sock=\1/.s.PGSQL.\2", url)
    os.environ["DATABASE_URL"] = url


def sqlstate_of(error):
    origin = getattr(error, "orig", None) or error
    for name in ("pgcode", "sqlstate"):
        if isinstance(getattr(origin, name, None), str):
            return getattr(origin, name)
    first = origin.args[0] if origin.args else None  # pg8000
    return first.get("C") if isinstance(first, dict) else None


def words_of(origin):
    """The server's words alone, as psycopg says them: message, then DETAIL and HINT."""
    first = origin.args[0] if origin.args else None
    if isinstance(first, dict) and "M" in first:  # pg8000
        lines = [first["M"]]
        lines += ["%s: %s" % (title, first[key]) for key, title in
                  (("D", "DETAIL"), ("H", "HINT"), ("W", "CONTEXT")) if first.get(key)]
        return "\n".join(lines)
    # SQLAlchemy puts the class of asyncpg's error before them
    return re.sub(r"^<class '[^']*'>: ", "", str(origin).strip())


def place_of(error, how):
    """The last line of a revision's file on the way to the error."""
    files = {os.path.realpath(file["path"]) for file in how.get("files", {}).values()} \
        if isinstance(how.get("files"), dict) else set()
    place = None
    for frame in traceback.extract_tb(error.__traceback__):
        if os.path.realpath(frame.filename) in files:
            place = {"path": frame.filename, "line": frame.lineno}
    return place


def kind_of(error):
    """What Python and Alembic say in a way of their own, and for which there is an answer."""
    text = str(error)
    known = (
        ("percent", "ValueError", "invalid interpolation syntax"),
        ("behind", "CommandError", "is not up to date"),
        ("locations", "CommandError", "ersion locations"),
        ("unknown", "CommandError", "Can't locate revision"),
        ("flask", "NoAppException", ""),
        ("module", "ModuleNotFoundError", ""),
        ("section", "AttributeError", "has no attribute 'downgrade'"),
        ("section", "AttributeError", "has no attribute 'upgrade'"),
        ("read-only", "PermissionError", ""),
        ("mako", "FileNotFoundError", "script.py.mako"),
    )
    for kind, name, words in known:
        if type(error).__name__ == name and words in text:
            return kind
    return None


def syntax_words(error):
    """Where, as one opens it in an editor, and what."""
    path = os.path.relpath(error.filename)
    path = error.filename if path.startswith("..") else path
    return "%s:%d: %s: %s" % (path, error.lineno or 1, type(error).__name__, error.msg)


def explain(error, how):
    origin = getattr(error, "orig", None) or error
    kind = error.kind if isinstance(error, Refused) else "python"
    message = str(error)
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] in (
        "alembic",
        "flask",
        "flask_migrate",
    ):
        kind, message = "no-module", "%s has no module %s" % (sys.executable, error.name.split(".")[0])
    elif isinstance(error, SyntaxError) and error.filename and os.path.exists(error.filename):
        kind, message = "syntax", syntax_words(error)
    elif kind == "python" and kind_of(error) and not sqlstate_of(error):
        kind = kind_of(error)
        message = words_of(origin)
        if type(error).__name__ != "CommandError":  # Alembic's own words are for a person
            message = "%s: %s" % (type(error).__name__, message)
        if kind in ("module", "section"):
            traceback.print_exception(type(error), error, error.__traceback__)
    elif kind == "python":
        message = words_of(origin) or type(error).__name__
        if not sqlstate_of(error):
            if type(error).__name__ != "CommandError":
                message = "%s: %s" % (type(error).__name__, message)
                traceback.print_exception(type(error), error, error.__traceback__)
    diagnosis = getattr(origin, "diag", None)
    tell("error", error={
        "kind": kind,
        "message": message.split("\n")[0],
        "detail": message,
        "sqlstate": sqlstate_of(error),
        "server_hint": getattr(diagnosis, "message_hint", None),
        "statement": getattr(error, "statement", None),
        "revision": getattr(error, "mig_revision", None),
        "context": getattr(error, "mig_context", None),
        "place": place_of(error, how),
        "fate": getattr(error, "mig_fate", None),
        "disconnected": bool(getattr(error, "connection_invalidated", False)),
    })


def keep_all():
    """Nothing of what there is now is garbage to be looked for."""
    if hasattr(gc, "freeze"):
        gc.freeze()


def import_alembic():
    colours = "mako.ext.pygmentplugin"  # of errors in a browser, with the lexers of 30 languages
    sys.modules.setdefault(colours, None)
    from alembic import util  # noqa: F401
    from alembic.runtime import environment  # noqa: F401
    from alembic.script import ScriptDirectory  # noqa: F401

    if sys.modules[colours] is None:
        del sys.modules[colours]
    keep_all()
    gc.set_threshold(50000)  # objects more instead of 700: of a step some 60 are garbage
    gc.enable()


def main(how):
    verbs = {"apply": apply, "revision": revision, "script": script, "check": check}
    try:
        export_url()
        # Behind the rest: a folder named alembic does not hide the package from its command either.
        sys.path.append(os.getcwd())
        import_alembic()
        if how["do"] == "ready":
            __import__("flask_migrate" if how["flask"] else "alembic")
        elif how["do"] == "headers":
            headers(how)
        elif how["flask"]:
            in_flask(how, verbs[how["do"]])
        else:
            verbs[how["do"]](config_of(how), how)
        keep_all()  # nor is what ends with the program
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and not error.code:
            return
        explain(error, how)
        sys.exit(1)
