#!/usr/bin/python3
"""Headers of revision files: where mig reads one without Python, Python must say the same.

header_fuzz.py PYTHON_ASK ROUNDS SEED

Headers as people and templates write them must be read without asking; mutated ones are read right
or asked for.
"""
import collections
import json
import random
import resource
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")
NAMES = ("revision", "down_revision", "branch_labels", "depends_on")
ANNOTATIONS = ("", "", ": str", ": str | None", ": Union[str, Sequence[str], None]", ": 'x = y'",
               ": Union[\n    str,\n    None,\n]", ": Dict[str, int]")
PIECES = ("=", "'", '"', "'''", '"""', "\\", "\n", "\r\n", "    ", "\t", "#", ";", ",", "(", ")",
          "[", "]", "+", "None", "if True:\n    ", "for x in 'a': ", "revision", "depends_on",
          " = ", "f", "r", "b", "del ", "'a' 'b'", ".lower()", "def f():\n    ",
          "class A:\n    ", "pass\n", ":", "\f", "\\\n", "x = 1; ", "lambda: ", "*", "'é'", "True",
          "global revision\n", "@f\n", "{", "}", "0")


def quote(dice, text):
    return dice.choice(("'%s'", '"%s"', "'''%s'''", '"""%s"""', "r'%s'", 'u"%s"')) % text


def text_of(dice, text):
    if len(text) > 2 and dice.random() < 0.1:
        return "(%s\n    %s)" % (quote(dice, text[:2]), quote(dice, text[2:]))
    return quote(dice, text)


def value_of(dice, name):
    kind = dice.random()
    if name != "revision" and kind < 0.3:
        return "None"
    if name == "revision" or kind < 0.6:
        return text_of(dice, "%06x" % dice.randrange(1 << 24))
    items = [text_of(dice, "%04x" % dice.randrange(65536)) for _ in range(dice.randrange(1, 4))]
    space = dice.choice(("", " ", "\n    ", " # why\n\n  "))
    inner = ("," + (space or " ")).join(items)
    style = dice.randrange(3)
    if style == 2 and "\n" not in inner:
        return inner + ("," if len(items) == 1 else "")
    if style == 0:
        return "[%s%s%s]" % (space, inner, dice.choice(("", ",")))
    return "(%s%s,%s)" % (space, inner, space)


def header(dice):
    end = dice.choice(("\n", "\n", "\r\n"))
    lines = [dice.choice(('"""Message\n\nRevision ID: x\n"""', "'''One'''", "# a comment", "")),
             "" if dice.random() < 0.5 else "x = {'down_revision': 1}['down_revision']"]
    names = list(NAMES) if dice.random() < 0.8 else list(NAMES[:2])
    for name in names:
        lines.append("%s%s = %s%s" % (name, dice.choice(ANNOTATIONS), value_of(dice, name),
                                      dice.choice(("", "", "  # noqa", ";"))))
    lines += ["", "def upgrade():", dice.choice(("    revision = 'no'", "    x = 1")), "    pass", "", "def downgrade():",
              "    pass", ""]
    return end.join(line.replace("\n", end) for line in lines)


def mutate(dice, text):
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(text) + 1)
        cut = dice.choice((0, 0, 1, 1, 3, dice.randrange(20)))
        text = text[:at] + dice.choice(PIECES + ("",) * 10) + text[at + cut:]
    return text


class Any:
    def __getitem__(self, _):
        return self

    def __or__(self, _):
        return self


def python_says(text):
    names = {name: Any() for name in ("Union", "Sequence", "str", "Dict", "int")}
    names["__builtins__"] = {}
    try:
        exec(compile(text, "header", "exec"), names)
    except Exception:
        return None
    said = {}
    for name in NAMES:
        value = names.get(name)
        said[name] = list(value) if isinstance(value, (list, tuple)) else value
    return said


def main():
    program, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)
    child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))  # 'a' * 999999999 is refused
    counts = collections.Counter()
    for number in range(rounds):
        text = header(dice)
        mutated = number % 4 > 0
        text = mutate(dice, text) if mutated else text
        data = text.encode()
        child.stdin.write(b"%d\n%s" % (len(data), data))
        child.stdin.flush()
        line = child.stdout.readline().decode().strip()
        if not line:
            print("it died at round %d of seed %d: %r" % (number, seed, text))
            return 1
        real = python_says(text)
        if line == "asks":
            name = "asked" if mutated else "ASKED WITHOUT NEED"
        elif real is None:
            name = "no Python" if mutated else "NO PYTHON"
        else:
            name = "same" if json.loads(line) == real else "DIFFERENT"
        counts[name] += 1
        if name.isupper():
            print("round %d of seed %d: %s\n%s\nmig: %s\nPython: %s"
                  % (number, seed, name, text, line, real))
            return 1
    for name, count in sorted(counts.items()):
        print("%6d %s" % (count, name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
