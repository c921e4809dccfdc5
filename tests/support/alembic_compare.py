#!/usr/bin/python3
"""Random graphs, random states, random targets: real Alembic and mig must agree.

alembic_compare.py GRAPH_ASK ROUNDS SEED

Alembic's own RevisionMap, RevisionStep and HeadMaintainer answer on one side, graph_ask on the
other: the same steps in the same order and the same rows of the version table, or both refuse.
Where mig means to differ (docs/alembic-differences.md) the case is counted under its name; any
other difference is printed and fails.
"""
import collections
import random
import subprocess
import sys
import types
import warnings

from alembic.runtime import migration
from alembic.script import ScriptDirectory
from alembic.script import revision as rev
from alembic.util import CommandError

warnings.simplefilter("ignore")


normalize = rev.RevisionMap._normalize_depends_on


def normalize_in_order(map_, revisions, interim):
    """Several dependencies of one revision come out of a set: in another order in each process."""
    normalize(map_, revisions, interim)
    for revision in revisions:
        left = set(revision._normalized_resolved_dependencies)
        revision._normalized_resolved_dependencies = tuple(
            name for name in dict.fromkeys(revision._resolved_dependencies) if name in left)


rev.RevisionMap._normalize_depends_on = normalize_in_order


class Script(rev.Revision):
    def __init__(self, *args):
        super().__init__(*args)
        self.module = types.SimpleNamespace(upgrade=None, downgrade=None)
        self.doc = "message"


class Heads(migration.HeadMaintainer):
    """The real bookkeeping, over a set instead of a table."""

    def _insert_version(self, version):
        assert version not in self.heads
        self.heads.add(version)

    def _delete_version(self, version):
        self.heads.remove(version)

    def _update_version(self, from_, to_):
        assert to_ not in self.heads
        self.heads.remove(from_)
        self.heads.add(to_)


def random_parents(dice, rows):
    """None (a base), one, two (a merge), seldom three or four."""
    number = len(rows)
    if not number or dice.random() < 0.15:
        return []
    down = []
    for _ in range(1 + (dice.random() < 0.25) + (dice.random() < 0.06) + (dice.random() < 0.06)):
        near = max(0, number - 1 - dice.randrange(4))
        parent = rows[dice.choice([near, near, dice.randrange(number)])][0]
        if parent not in down:
            down.append(parent)
    return down


def random_needs(dice, rows, down):
    """Mostly none; by id or by label."""
    needs = []
    while rows and dice.random() < 0.2:
        name, _, _, labels = dice.choice(rows)
        need = dice.choice(labels) if labels and dice.random() < 0.4 else name
        if name not in down and need not in needs:
            needs.append(need)
    return needs


def random_rows(dice):
    rows = []
    for number in range(2 + dice.randrange(14)):
        down = random_parents(dice, rows)
        depends = random_needs(dice, rows, down)
        labels = ["label%d" % number] if dice.random() < 0.15 else []
        if labels and dice.random() < 0.2:
            labels.append("other%d" % number)
        rows.append(("%04x%02d" % (dice.randrange(65536), number), down, depends, labels))
    dice.shuffle(rows)  # file order is not the order of birth
    return rows


class LabelsFromTheirRevision(rev.RevisionMap):
    """A label goes down from the revision that has it, whatever is above (label-below-a-fork)."""

    def _add_branches(self, revisions, map_):
        super()._add_branches(revisions, map_)
        for revision in revisions:
            at = revision
            while at and not at._is_real_branch_point and not at.is_merge_point:
                at.branch_labels.update(revision._orig_branch_labels)
                at = map_[at.down_revision]


def build(rows, kind=rev.RevisionMap):
    scripts = [Script(i, tuple(d) or None, tuple(n) or None, tuple(l)) for i, d, n, l in rows]
    return kind(lambda: scripts)


def with_labels_from_their_revision(map_):
    """The same graph once more."""
    many = rev.util.to_tuple
    return build([(s.revision, many(s.down_revision, ()), many(s.dependencies, ()),
                   s._orig_branch_labels) for s in map_._generator()], LabelsFromTheirRevision)


def up_steps(map_, current, target):
    found = list(map_.iterate_revisions(target, current, implicit_base=True))
    return [migration.MigrationStep.upgrade_from_script(map_, s) for s in reversed(found)]


def down_steps(map_, current, target, inclusive=False):
    found = map_.iterate_revisions(current, target, inclusive=inclusive, select_for_downgrade=True)
    return [migration.MigrationStep.downgrade_from_script(map_, s) for s in found]


def stamp_steps(map_, current, target):
    directory = ScriptDirectory.__new__(ScriptDirectory)
    directory.revision_map = map_
    return directory._stamp_revs(target, current)


def alembic_answer(map_, verb, current, target):
    heads = Heads(None, current)
    rows = tuple(sorted(current))
    if verb == "stamp":
        for step in stamp_steps(map_, rows, target):
            heads.update_to_step(step)
        return [], sorted(heads.heads)
    up = verb == "up"
    steps = (up_steps if up else down_steps)(map_, rows, None if target == "base" else target)
    for step in steps:
        heads.update_to_step(step)
    return [s.revision.revision for s in steps], sorted(heads.heads)


def random_range(dice, rows):
    some = dice.choice(rows)[0]
    labels = [l for r in rows for l in r[3]] or ["heads"]
    label = dice.choice(labels)
    step = 1 + dice.randrange(3)
    return "%s:%s" % (
        dice.choice([some, some, "", "base", "-%d" % step, some + "-1", label + "@base"]),
        dice.choice([dice.choice(rows)[0], "", "heads", "+%d" % step, label + "@head"]))


def alembic_range(map_, range_):
    """What `alembic history -r` lists."""
    low, _, high = range_.partition(":")
    found = map_.iterate_revisions(high or "heads", low or "base", inclusive=True,
                                   assert_relative_length=False)
    return sorted(s.revision for s in found), []


def counted_down(map_, range_):
    """What "-N:B" lists, N counted from B (Alembic's -N is below the heads); None: two ways down."""
    low, _, high = range_.partition(":")
    try:
        end, = map_.get_revisions(high or "heads")
        place = map_._walk(end, int(low), no_overwalk=False)
    except (rev.RevisionError, ValueError):
        return None
    return alembic_range(map_, "%s:%s" % (getattr(place, "revision", place), high))


def counted_on_the_branch(map_, current, target):
    """What `downgrade LABEL@-N` takes back, N counted from the one revision of the branch that no
    other of it stands on, and what is left; None: there are several, or too few below it."""
    label, _, steps = rev._relative_destination.match(target).groups()
    there = all_below(map_, current)
    branch = [map_.get_revision(name) for name in map_.filter_for_lineage(there, label)]
    tops = {r.revision for r in branch} - {n for r in branch for n in r._normalized_down_revisions}
    if len(tops) != 1:
        return None
    try:
        place, merge = walk_or_merge(map_, map_.get_revision(*tops), int(steps))
        found = down_steps(map_, tuple(sorted(current)), "%s@%s" % (label, place), merge)
    except rev.RevisionError:
        return None
    steps = [step.revision.revision for step in found]
    return steps, implied(map_, there - set(steps))


def walk_or_merge(map_, start, steps):
    """Where -N ends; the last step from a merge ends at the merge, which goes, too."""
    try:
        place, merge = map_._walk(start, steps), False
    except rev.RevisionError:
        place, merge = map_._walk(start, steps + 1), True
    if place is None:
        raise rev.RevisionError("Walked too far")
    return getattr(place, "revision", place), merge


def random_target(dice, rows):
    some = dice.choice(rows)[0]
    labels = [l for r in rows for l in r[3]]
    label = dice.choice(labels) if labels else some
    step = "%s%d" % (dice.choice("+-"), 1 + dice.randrange(3))
    return dice.choice([
        some, some, some[:5], "head", "heads", "base", step, step, some + step, label,
        label + "@head", label + "@" + step, some + "@head", label + "@" + some,
        label + "@base", some + "@" + step, "head" + step, label + "@head" + step,
    ])


class Mig:
    def __init__(self, program):
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)

    def graph(self, rows):
        self.child.stdin.write("graph\n")
        for name, *lists in rows:
            self.child.stdin.write("rev %s|%s\n" % (name, "|".join(",".join(l) for l in lists)))

    def ask(self, verb, current, target):
        self.child.stdin.write("%s %s|%s\n" % (verb, " ".join(sorted(current)), target))
        self.child.stdin.flush()
        word, _, rest = self.child.stdout.readline().rstrip("\n").partition(" ")
        if word == "refused":
            return None, rest
        steps, _, left = rest.partition("|")
        return (steps.split(), left.split()), ""


def meant(map_, verb, current, target, real, why, mine, reason):
    """The name of the documented difference that this is, or None."""
    if verb == "range":
        if real == ([], []) and "@base:" in target:
            real = alembic_range(with_labels_from_their_revision(map_), target)
            if real == mine:
                return "label-below-a-fork"
        if mine is None and "counts from several" in reason:
            return "minus-n-on-several-heads"
        if real and target[0] == "-":
            return "range-that-counts-down" if mine == counted_down(map_, target) else None
        if mine is None:
            return "nothing-in-a-range" if not real[0] else None
        if real is None:
            return "range-that-alembic-refuses"
        return None
    relative = rev._relative_destination.match(target)
    if verb == "down" and is_of_an_implied_branch(map_, current, relative):
        counted = counted_on_the_branch(map_, current, target)
        if (mine and (mine[0], implied(map_, mine[1]))) == counted:
            return "minus-n-of-an-implied-branch"
    if mine is None:
        if verb == "down" and relative and not relative.group(2) and len(current) > 1:
            return "minus-n-on-several-heads"
        return None
    if real is None:
        if "Ambiguous walk" in why and verb == "down":
            return "undo-of-a-merge"
        if "overlaps" in why:
            return "rows-that-imply-each-other"
        if why.startswith(("AssertionError", "KeyError", "IndexError")):
            return "alembic-crashes"
        return None
    if verb == "stamp" and set(real[1]) < set(mine[1]):
        return "stamp-leaves-other-lines"
    if real[0] == mine[0] and implied(map_, real[1]) == mine[1]:
        return "rows-that-imply-each-other"
    return None


def is_of_an_implied_branch(map_, current, relative):
    """LABEL@-N, and no row on that branch."""
    if not relative or not relative.group(1) or relative.group(2) or int(relative.group(3)) > 0:
        return False
    try:
        return not map_.filter_for_lineage(current, relative.group(1))
    except rev.RevisionError:
        return False


def all_below(map_, rows):
    """The revisions that these rows say are applied."""
    nodes = [map_.get_revision(row) for row in rows]
    return {r.revision for r in map_._get_ancestor_nodes(nodes)} if nodes else set()


def is_sound(map_, verb, current, mine):
    """Whatever Alembic says: each step stands on what is there, and the rows say what is there."""
    steps, rows = mine
    there = all_below(map_, current)
    for step in steps:
        below = set(map_.get_revision(step)._all_down_revisions)
        above = set(map_.get_revision(step)._all_nextrev)
        if verb == "up" and (step in there or below - there):
            return False
        if verb == "down" and (step not in there or above & there):
            return False
        there ^= {step}
    return verb == "stamp" or (all_below(map_, rows) == there and implied(map_, rows) == rows)


def implied(map_, rows):
    """The rows without those that another row stands on."""
    below = set()
    for row in rows:
        node = map_.get_revision(row)
        below |= {r.revision for r in map_._get_ancestor_nodes([node])} - {row}
    return sorted(set(rows) - below)


def main():
    program, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)
    mig = Mig(program)
    counts = collections.Counter()
    bad = 0
    for _ in range(rounds):
        rows = random_rows(dice)
        map_ = build(rows)
        try:
            map_._revision_map
        except rev.RevisionError:
            continue
        mig.graph(rows)
        current = set()
        for _ in range(12):
            target = random_target(dice, rows)
            verb = dice.choice(["up"] * 5 + ["down"] * 4 + ["stamp"] * 2 + ["range"] * 2)
            if verb == "range":
                target = random_range(dice, rows)
            if verb == "stamp" and rev._relative_destination.match(target):
                continue  # not in Alembic's grammar of stamp
            try:
                real = (alembic_range(map_, target) if verb == "range"
                        else alembic_answer(map_, verb, current, target))
                why = ""
            except (rev.RevisionError, CommandError) as error:
                real, why = None, str(error)
            except (AssertionError, KeyError, IndexError, AttributeError, TypeError) as error:
                real, why = None, "%s: %s" % (type(error).__name__, error)
            mine, reason = mig.ask(verb, current, target)
            if verb == "range" and mine:
                mine = sorted(mine[0]), []
            if real == mine:
                counts["same, refused" if mine is None else "same"] += 1
            else:
                name = meant(map_, verb, current, target, real, why, mine, reason)
                counts[name or "DIFFERENT"] += 1
            unsound = mine and verb != "range" and not is_sound(map_, verb, current, mine)
            if unsound or (real != mine and not name):
                bad += 1
                if unsound:
                    counts["UNSOUND"] += 1
                if bad <= 5:
                    print("rows of the graph:", rows)
                    print(verb, sorted(current), target)
                    print("  alembic:", real or why)
                    print("  mig:    ", mine or reason)
            if mine and verb != "range":
                current = set(mine[1])
    for name, count in sorted(counts.items()):
        print("%6d %s" % (count, name))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
