# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree edited at random: a run with a store says byte by byte what one without says, after each edit.

QERRLINT_STORE_EDITS is the number of runs (default 16), QERRLINT_STORE_SEED where they begin,
QERRLINT_STORE_SECONDS the time after which no further run is begun. With -s the number of edits is printed.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from commandline import TREE, Ran, git, run
from deciding_keys import DecidingKeys
from edited_callers import Callers
from edited_devices import Devices
from edited_loads import Loads
from edited_mints import Mints

from qerrlint.engine import check_files
from qerrlint.review.store.earlier_pairs import EarlierPairs

EDITS = int(os.environ.get("QERRLINT_STORE_EDITS", "16"))
SECONDS = float(os.environ.get("QERRLINT_STORE_SECONDS", "inf"))
SEED = int(os.environ.get("QERRLINT_STORE_SEED", "1"))
RESULTS = {
    "bool": "false",
    "int": "-1",
    "void": "",
    "Gong *": "NULL",
    "GongModeList *": "NULL",
    "GongStatus": "GONG_BAD",
}
# What is told of the files of edited_loads, before the first edit or after one.
LOADED = frozenset(
    {
        "parent-method-lost",
        "vmstate-duplicate-field",
        "vmstate-index-unchecked",
        "vmstate-subsection-name",
    }
)
# What a function of a .c file does; {f} and {g} are functions, {m} a macro, {k} a constant.
BODIES = """
    if ({f}(g, errp)) {{ return false; }} return true;
    if ({f}(g, errp) < 0) {{ return false; }} return true;
    {f}(g, errp); {g}(g, errp); return true;
    Error *err = NULL; {f}(g, &err); {g}(g, &err); error_propagate(errp, err); return !err;
    if (g->level == {m}) {{ error_setg(errp, "no"); }} return {m};
    if (!{f}(g, errp)) {{ return {k}; }} return true;
    g->ops->start(g, errp); {f}(g, errp); return true;
    WRAP_GONG(errp, "no"); {f}(g, errp); return false;
    if (!qmp_gong_ring(g->level, errp)) {{ return true; }} return false;
    {f}(g, &error_abort); if (local_{i}(g, errp)) {{ return true; }} return false;
    for (int i = 0; i < {k}; i++) {{ if ({f}(g, errp)) {{ break; }} }} return *errp == NULL;
    if (other_{i}(g, errp)) {{ return true; }} return false;
    error_setg(errp, "no"); return {k};
    if (!g->level) {{ return {k}; }} return 0;
    if (g->ops->start(g, errp)) {{ return true; }} return false;
    if (!g->ops->start(g, errp)) {{ return false; }} return true;
""".strip("\n").splitlines()


@dataclass
class Model:
    """What the tree is made from; `draw` decides all."""

    draw: random.Random
    functions: dict[str, tuple[str, bool]] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, list[str]] = field(default_factory=dict)
    comments: dict[str, int] = field(default_factory=dict)
    wrapper: str = "error_setg(errp, __VA_ARGS__)"
    start: str = "bool"
    command: str = "'int'"
    mode: str = "GongMode"
    header: str = "include/hw/gong.h"
    own_header: bool = False
    devices: Devices | None = None
    callers: Callers | None = None
    mints: Mints | None = None
    left_out: frozenset[str] = frozenset()

    def begin(self) -> Model:
        self.devices = Devices(self.draw).begin()
        self.callers = Callers(self.draw).begin()
        self.mints = Mints(self.draw)
        for number in range(5):
            self.functions[f"gong_{number}"] = self.signature()
        self.macros = {"GONG_ZERO": "0", "GONG_MINUS": "(-1)"}
        self.constants = {"GONG_GOOD": 0, "GONG_BAD": -1}
        for file in ("hw/gong.c", "hw/bell.c", "chardev/ring.c", "block/peal.c"):
            self.bodies[file] = [self.body() for _ in range(4)]
        return self

    def signature(self) -> tuple[str, bool]:
        return self.draw.choice(list(RESULTS)), self.draw.random() < 0.8

    def body(self) -> str:
        names = list(self.functions) or ["gong_0"]
        constants = [*self.constants, *self.macros, "GONG_OTHER"]
        return self.draw.choice(BODIES).format(
            f=self.draw.choice(names),
            g=self.draw.choice(names),
            m=self.draw.choice([*self.macros, "GONG_OTHER"]),
            k=self.draw.choice(constants),
            i=self.draw.randrange(4),
        )

    def edit(self) -> str:
        """One edit, and what it was."""
        assert self.devices is not None
        assert self.callers is not None
        assert self.mints is not None
        edits = self.draw.choice(
            (self.devices.edits, self.mints.edits, self.mints.edits, self.callers.edits, self.edits)
        )()
        name, change = self.draw.choice([one for one in edits if one[0] not in self.left_out])
        change()
        return name

    def edits(self) -> Iterator[tuple[str, Callable[[], object]]]:
        draw, bodies = self.draw, self.bodies
        file = draw.choice(list(bodies))
        name = draw.choice([*self.functions, f"gong_{draw.randrange(9)}"])

        def put(where: dict[str, Any], key: str, value: Any) -> Callable[[], None]:
            return lambda: where.__setitem__(key, value)

        def attribute(key: str, *values: str) -> Callable[[], None]:
            return lambda: setattr(self, key, draw.choice(values))

        yield "prototype", put(self.functions, name, self.signature())
        yield "prototype gone", lambda: self.functions.pop(name, None)
        macro = draw.choice(("GONG_ZERO", "GONG_OTHER"))
        yield "macro", put(self.macros, macro, str(draw.randrange(-2, 3)))
        yield "macro gone", lambda: self.macros.pop("GONG_OTHER", None)
        constant = draw.choice(("GONG_GOOD", "GONG_BAD", "GONG_OTHER"))
        yield "constant", put(self.constants, constant, draw.randrange(-2, 3))
        yield "wrapper", attribute("wrapper", "error_setg(errp, __VA_ARGS__)", "gong_note(errp)")
        yield "member", attribute("start", "bool", "int", "void")
        yield "schema", attribute("command", "'int'", "'str'", "'GongMode'")
        yield "schema's names", attribute("mode", "GongMode", "GongOther")
        place = draw.randrange(len(bodies[file]))
        yield "body", lambda: bodies[file].__setitem__(place, self.body())
        yield "more", lambda: bodies[file].append(self.body())
        yield "less", lambda: bodies[file].pop() if len(bodies[file]) > 1 else None
        yield "comment", put(self.comments, draw.choice((self.header, file)), draw.randrange(5))
        yield "file gone", lambda: bodies.pop(file) if len(bodies) > 2 else None
        yield "file", put(bodies, f"hw/new{draw.randrange(3)}.c", [self.body()])
        yield "file renamed", lambda: bodies.__setitem__(f"hw/name{place % 3}.c", bodies.pop(file))
        yield "header", attribute("header", "include/hw/gong.h", "include/hw/tam/gong.h")
        yield "own header", lambda: setattr(self, "own_header", not self.own_header)

    def files(self) -> dict[str, str]:
        out = {path: self.c_file(path, bodies) for path, bodies in self.bodies.items()}
        include = self.header.removeprefix("include/")
        out[self.header] = self.head()
        out["include/hw/all.h"] = f'#include "{include}"\n'
        out["qapi/gong.json"] = (
            "##\n# @GongMode:\n##\n{ 'enum': '" + self.mode + "', 'data': [ 'a', 'b' ] }\n"
            f"{{ 'command': 'gong-ring', 'data': {{ 'level': 'int' }}, 'returns': {self.command} }}\n"
        )
        if self.own_header:
            # Nearer to files of hw/ than the one that all.h has.
            out["hw/hw-gong.h"] = "int gong_1(Gong *g, Error **errp);\n#define GONG_ZERO 7\n"
        assert self.devices is not None
        assert self.callers is not None
        assert self.mints is not None
        return {**self.devices.files(), **self.callers.files(), **self.mints.files(), **out}

    def head(self) -> str:
        lines = ["/* line */\n" * self.comments.get(self.header, 0)]
        lines += ['#include "qapi/error.h"\n', "typedef struct Gong Gong;\n"]
        lines.append("typedef enum GongStatus {\n")
        lines += [f"    {name} = {value},\n" for name, value in self.constants.items()]
        lines += ["} GongStatus;\n", "typedef struct GongOps {\n"]
        lines += [f"    {self.start} (*start)(Gong *g, Error **errp);\n", "} GongOps;\n"]
        lines += ["struct Gong {\n", "    int level;\n", "    GongOps *ops;\n", "};\n"]
        lines += [f"#define {name} {value}\n" for name, value in self.macros.items()]
        lines += [f"bool other_{number}(Gong *g, Error **errp);\n" for number in range(2)]
        lines.append(f"#define WRAP_GONG(errp, ...) {self.wrapper}\n")
        for name, (returns, fails) in self.functions.items():
            blank = "" if returns.endswith("*") else " "
            lines.append(f"{returns}{blank}{name}(Gong *g{', Error **errp' if fails else ''});\n")
        return "".join(lines)

    def c_file(self, path: str, bodies: list[str]) -> str:
        stem = path.rpartition("/")[2].removesuffix(".c")
        text = "/* line */\n" * self.comments.get(path, 0)
        text += '#include "hw/all.h"\n#include "hw-gong.h"\n#include "qapi/qapi-commands-gong.h"\n\n'
        for number, body in enumerate(bodies):
            own = f"static bool local_{number}(Gong *g, Error **errp)"
            text += (
                f"{own if number < 2 else f'bool {stem}_{number}(Gong *g, Error **errp)'}\n{{\n{body}}}\n\n"
            )
        return text


def write(model: Model | Callers | Devices | Loads | Mints, top: Path, old: dict[str, str]) -> dict[str, str]:
    """Bring the tree up to date; the files that it has now."""
    files = model.files()
    for path in old.keys() - files.keys():
        (top / path).unlink()
    for path, text in files.items():
        if old.get(path) != text:
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text)
    return files


def base_tree(top: Path) -> None:
    top.mkdir()
    shutil.copy(TREE / "VERSION", top / "VERSION")
    (top / "include/qapi").mkdir(parents=True)
    shutil.copy(TREE / "include/qapi/error.h", top / "include/qapi/error.h")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(check_files, "ONE_PROCESS_BYTES", 0)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    base_tree(tmp_path / "qemu")
    return tmp_path / "qemu"


def said(*arguments: str | os.PathLike[str]) -> Ran:
    return run(*arguments, "--format", "json", "--min-confidence", "low", "--min-severity", "note")


def test_check(tree: Path) -> None:
    model = Model(random.Random(SEED)).begin()
    if SEED % 2:
        # The old texts of files that have no tables are in git, if anywhere.
        git(tree, "init", "-q", "-b", "main")
    files: dict[str, str] = {}
    seen: set[str] = set()
    done: list[str] = [f"seed {SEED}"]
    end = time.monotonic() + SECONDS
    deciding = DecidingKeys()
    for _ in range(EDITS):
        if time.monotonic() > end:
            break
        files = write(model, tree, files)
        if SEED % 2:
            git(tree, "add", "-A")
        with deciding.watching():
            warm = said("check", "--tree", tree, "--jobs", "1")
        cold = said("check", "--tree", tree, "--jobs", "1", "--no-cache")
        assert warm == cold, done
        assert warm.code in (0, 1)
        seen.add(warm.out)
        done += [model.edit() for _ in range(model.draw.choice((1, 1, 1, 2, 5)))]
    print(f"seed {SEED}: {len(done) - 1} edits, {len(seen)} outputs")
    print("decided alone by", ", ".join(f"{kind} {n}" for kind, n in sorted(deciding.counts.items())))
    assert len(seen) > min(EDITS // 4, 20), "edits that change nothing test nothing"
    assert said("check", "--tree", tree, "--jobs", "1", "--verify-store").code in (0, 1)


def test_callers(tree: Path) -> None:
    """As test_check(), of functions that fail without an Error and of their callers alone."""
    callers = Callers(random.Random(SEED)).begin()
    files: dict[str, str] = {}
    seen: set[str] = set()
    done: list[str] = [f"seed {SEED}"]
    end = time.monotonic() + SECONDS
    while len(done) <= EDITS and time.monotonic() < end:
        files = write(callers, tree, files)
        warm = said("check", "--tree", tree, "--jobs", "1")
        assert warm == said("check", "--tree", tree, "--jobs", "1", "--no-cache"), done
        seen.add(warm.out)
        name, change = callers.draw.choice(list(callers.edits()))
        change()
        done.append(name)
    print(f"seed {SEED}: {len(done) - 1} edits of callers, {len(seen)} outputs")
    assert len(seen) > min(EDITS // 4, 20), "edits that change nothing test nothing"


def test_loads(tree: Path) -> None:
    """As test_check(), of what a stream is loaded into and of methods of parents alone."""
    loads = Loads(random.Random(SEED))
    files: dict[str, str] = {}
    told: set[str] = set()
    done: list[str] = [f"seed {SEED}"]
    end = time.monotonic() + SECONDS
    while len(done) <= EDITS and time.monotonic() < end:
        files = write(loads, tree, files)
        warm = said("check", "--tree", tree, "--jobs", "1")
        assert warm == said("check", "--tree", tree, "--jobs", "1", "--no-cache"), done
        told.update(found["rule"] for found in warm.findings)
        name, change = loads.draw.choice(list(loads.edits()))
        change()
        done.append(name)
    print(f"seed {SEED}: {len(done) - 1} edits, told: {', '.join(sorted(told))}")
    assert told >= LOADED


def test_changes(tree: Path) -> None:
    """The staged change of each edit, and at times the last commits as a series."""
    model = Model(random.Random(SEED)).begin()
    files = write(model, tree, {})
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    seen: set[str] = set()
    done: list[str] = []

    def both(*arguments: str | os.PathLike[str]) -> None:
        warm = said(*arguments)
        assert warm == said(*arguments, "--no-cache"), done
        assert warm == said(*arguments), done
        assert warm.code in (0, 1)
        seen.add(warm.out)

    for number in range(EDITS // 2):
        done.append(model.edit())
        files = write(model, tree, files)
        git(tree, "add", "-A")
        both("diff", "--staged", "--tree", tree)
        git(tree, "commit", "-q", "--allow-empty", "-m", f"edit {number}")
        if number % 6 == 5:
            both("diff", "HEAD~4..HEAD", "--tree", tree)
            mails = git(tree, "format-patch", "--stdout", "HEAD~4")
            (tree.parent / "series.mbox").write_text(mails)
            if "diff --git" in mails:
                both("patch", tree.parent / "series.mbox", "--base", "HEAD~4", "--tree", tree)
    assert len(seen) > min(EDITS // 8, 20)
    verified = said("diff", "HEAD~4..HEAD", "--tree", tree, "--verify-store")
    assert verified == said("diff", "HEAD~4..HEAD", "--tree", tree)


def test_series(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series of edits: the review takes over the results of pairs of files, and says what it says without."""
    model = Model(random.Random(SEED)).begin()
    files = write(model, tree, {})
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    find = EarlierPairs.find
    taken: list[bool] = []
    done: list[str] = [f"seed {SEED}"]

    def counted(self: EarlierPairs, *arguments: Any) -> Any:
        found = find(self, *arguments)
        taken.append(found is not None)
        return found

    for number in range(max(EDITS // 4, 2)):
        for patch in range(4):
            done.append(model.edit())
            files = write(model, tree, files)
            git(tree, "add", "-A")
            git(tree, "commit", "-q", "--allow-empty", "-m", f"series {number} patch {patch}")
        mails = git(tree, "format-patch", "--stdout", "HEAD~4")
        if "diff --git" not in mails:
            continue
        (tree.parent / "series.mbox").write_text(mails)
        series = ("patch", tree.parent / "series.mbox", "--base", "HEAD~4", "--tree", tree, "--no-cache")
        monkeypatch.setattr(EarlierPairs, "find", counted)
        quick = said(*series, "--jobs", "1")
        monkeypatch.setattr(EarlierPairs, "find", lambda *_: None)
        assert quick == said(*series, "--jobs", "1"), done
    print(f"seed {SEED}: {sum(taken)} of {len(taken)} pairs taken over")
    assert sum(taken) > 2
