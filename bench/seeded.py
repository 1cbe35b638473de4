# SPDX-License-Identifier: GPL-2.0-or-later
"""Recall on code that nobody has looked at: a defect is put into right code, and the tool is asked.

    python bench/seeded.py --tree QEMU [--subject errors|devices] [--seed S] [--most N] [--only KIND...]
    python bench/seeded.py --tree QEMU --only KIND --show              # each defect that is not told
    python bench/seeded.py --tree QEMU --json FILE

Draws files of the tree with the seed, and in each at most one place for each kind of defect of `bench/seeds`,
until there are so many of a kind (`--most`). Each is edited by itself, the file replaced by an overlay, and
the tool is asked before and after (reach: headers). A function of which something is said before is left out.
A defect is told when a finding of medium or high confidence is new, in the function and within 8 lines of the
edit, or one of its steps is; `low` counts those told with low confidence only, `exempt` those of the others
of which an exemption took something away.

A module of `bench/seeds` registers kinds: `@function_kind(name, subject, needs)` on a generator from a
SeedFunction to Changes (`rewrites.body`: edits of the function's text), `@file_kind(...)` on one from a
SeedFile to Defects (edits of the file's bytes, the function or table that is wrong then, and whether the
finding may be anywhere in the file). Modules are found by listing. An edit has to make a defect whatever
the function is.
"""

from __future__ import annotations

import argparse
import difflib
import json
import pkgutil
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path

import seeds
from asking import report_on, unit_of
from seeds.seed import KINDS, Defect, Kind, SeedFile

from qerrlint.engine.file_report import FileReport
from qerrlint.findings import Finding
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.source.open_tree import open_tree
from qerrlint.source.source import Source
from qerrlint.source.span import LineIndex

NEAR = 8
_SURE = ("medium", "high")
_NO_CODE_OF_QEMU = ("tests/", "subprojects/", "scripts/", "roms/", "disas/", "linux-headers/", "contrib/")


@dataclass(frozen=True)
class Seeded:
    """One defect and what became of it.

    outcome: told, low, exempt, silent; "" for one that does not count, as something is said of the function
    before or the edit does not parse. rules: those that tell it; exemptions: what took something away.
    """

    kind: str
    path: str
    function: str
    outcome: str
    rules: tuple[str, ...] = ()
    exemptions: tuple[str, ...] = ()
    diff: str = field(default="", repr=False)


def load_kinds(subject: str = "", only: Sequence[str] = ()) -> list[Kind]:
    """The kinds of all modules of `bench/seeds`, those of a subject, or those named."""
    for module in pkgutil.iter_modules(seeds.__path__):
        import_module(f"seeds.{module.name}")
    unknown = set(only) - set(KINDS)
    if unknown:
        raise SystemExit(f"no kind: {', '.join(sorted(unknown))} (known: {', '.join(KINDS)})")
    return [
        kind
        for name, kind in KINDS.items()
        if (not only or name in only) and (not subject or kind.subject == subject)
    ]


def drawn(source: Source, kinds: Sequence[Kind], seed: int, most: int) -> Iterator[tuple[Kind, str, Defect]]:
    """Defects of each kind: files in an order that the seed chooses, one place of a file for each kind."""
    paths = sorted(p for p in source.paths() if p.endswith(".c") and not p.startswith(_NO_CODE_OF_QEMU))
    random.Random(seed).shuffle(paths)
    left = {kind.name: most for kind in kinds}
    declarations = DeclarationCache()
    for path in paths:
        wanting = [kind for kind in kinds if left[kind.name]]
        if not wanting:
            return
        data = source.read(path) or b""
        wanting = [kind for kind in wanting if kind.needs.search(data)]
        if not wanting:
            continue
        file = SeedFile(path, data, unit_of(source, path, data, declarations))
        for kind in wanting:
            places = list(kind.defects(file))
            if places:
                left[kind.name] -= 1
                yield kind, path, random.Random(f"{seed}/{kind.name}/{path}").choice(places)


def tried(source: Source, kind: str, path: str, defect: Defect, declarations: DeclarationCache) -> Seeded:
    """A defect put into its file, and what the tool says of it."""
    data = source.read(path)
    assert data is not None
    new = defect.applied(data)
    only = None if defect.anywhere else {defect.function}
    before = report_on(unit_of(source, path, data, declarations), only)
    after = report_on(unit_of(source, path, new, declarations), only)
    said = [one for one in before.findings if one.function == defect.function and one.confidence in _SURE]
    damaged = any(one.function == defect.function for one in after.damaged)
    if damaged or (said and not defect.anywhere):
        return Seeded(kind, path, defect.function, "")
    known = {one.fingerprint for one in before.findings}
    found = [one for one in after.findings if one.fingerprint not in known and _is_near(one, defect, new)]
    sure = [one.rule for one in found if one.confidence in _SURE]
    taken = _taken(before, after, defect)
    outcome = "told" if sure else "low" if found else "exempt" if taken else "silent"
    rules = tuple(sorted(set(sure or [one.rule for one in found])))
    return Seeded(kind, path, defect.function, outcome, rules, taken, _diff(data, new, path, defect.function))


def _is_near(found: Finding, defect: Defect, new: bytes) -> bool:
    """Whether a finding, or one of its steps, is at the defect."""
    if defect.anywhere:
        return True
    if found.function != defect.function:
        return False
    lines = LineIndex(new)
    starts = [defect.moved(one.start) for one in defect.splices] + [defect.moved(p) for p in defect.places]
    ends = [defect.moved(one.start) + len(one.new) for one in defect.splices]
    places = [lines.position(one)[0] for one in starts + ends]
    spans = [found.span, *(step.span for step in found.steps)]
    told = [lines.position(one.start)[0] for one in spans if one.path == found.span.path]
    return any(abs(one - place) <= NEAR for one in told for place in places)


def _taken(before: FileReport, after: FileReport, defect: Defect) -> tuple[str, ...]:
    """The exemptions that took away more of the function than before."""

    def counted(report: FileReport) -> Counter[str]:
        return Counter(
            f"{one.exemption} ({', '.join(one.rules)})"
            for one in report.exempted
            if defect.anywhere or one.function == defect.function
        )

    return tuple(sorted(counted(after) - counted(before)))


def _diff(data: bytes, new: bytes, path: str, function: str) -> str:
    before, after = (text.decode("latin-1").splitlines() for text in (data, new))
    return "\n".join(difflib.unified_diff(before, after, path, function, "", "", 12, ""))


# -- runs ----------------------------------------------------------------------------------------------


class _Worker:
    """What a process keeps between the defects that it tries."""

    source: Source
    declarations: DeclarationCache

    @classmethod
    def start(cls, tree: str) -> None:
        cls.source, cls.declarations = open_tree(tree), DeclarationCache()

    @classmethod
    def run(cls, seed: tuple[str, str, Defect]) -> Seeded:
        return tried(cls.source, *seed, cls.declarations)


def run(tree: str, kinds: Sequence[Kind], seed: int, most: int, jobs: int) -> list[Seeded]:
    """All defects that are drawn, tried by so many processes; the result does not depend on their number."""
    with open_tree(tree) as source:
        every = [(kind.name, path, defect) for kind, path, defect in drawn(source, kinds, seed, most)]
    every.sort(key=lambda one: one[1])  # the headers of a file are read once
    if jobs == 1:
        _Worker.start(tree)
        return [_Worker.run(one) for one in every]
    with ProcessPoolExecutor(jobs, initializer=_Worker.start, initargs=(tree,)) as pool:
        return list(pool.map(_Worker.run, every, chunksize=8))


def table(done: Iterable[Seeded], kinds: Sequence[Kind]) -> str:
    """The counts by kind, with the rules that told it."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    rules: dict[str, Counter[str]] = defaultdict(Counter)
    for one in done:
        counts[one.kind][one.outcome] += 1
        if one.outcome == "told":
            rules[one.kind].update(one.rules)
    lines = [f"{'kind':30}{'seeds':>6}{'told':>6}{'low':>6}{'exempt':>8}{'silent':>8}{'out':>5}  told by"]

    def row(name: str, count: Counter[str], by: str) -> str:
        whole = sum(count[key] for key in ("told", "low", "exempt", "silent"))
        shown = f"{name:30}{whole:>6}{count['told']:>6}{count['low']:>6}{count['exempt']:>8}"
        return f"{shown}{count['silent']:>8}{count['']:>5}  {by}".rstrip()

    for kind in kinds:
        by = ", ".join(f"{rule} {count}" for rule, count in rules[kind.name].most_common(4))
        lines.append(row(kind.name, counts[kind.name], by))
    lines.append(row("all", sum(counts.values(), Counter()), ""))
    return "\n".join(lines)


def show(done: Iterable[Seeded]) -> str:
    """Each defect that is not told, with the edit."""
    return "\n\n".join(
        f"{one.outcome}: {one.kind} {one.path}:{one.function} {' '.join(one.rules + one.exemptions)}\n"
        f"{one.diff}"
        for one in done
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Defects put into right code: are they told?")
    parser.add_argument("--tree", required=True, help="a work tree of QEMU")
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--most", type=int, default=60, help="so many defects of each kind")
    parser.add_argument("--subject", default="", help="kinds of this subject alone")
    parser.add_argument("--only", nargs="*", default=(), help="these kinds alone")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print the defects that are not told")
    parser.add_argument("--show-all", action="store_true", help="print all defects")
    parser.add_argument("--json", help="write what became of each defect there")
    given = parser.parse_args()
    kinds = load_kinds(given.subject, given.only)
    done = run(given.tree, kinds, given.seed, given.most, given.jobs)
    if given.json:
        Path(given.json).write_text(json.dumps([asdict(one) for one in done], indent=1))
    if given.show or given.show_all:
        print(show(one for one in done if one.outcome and (given.show_all or one.outcome != "told")))
    print(f"seed {given.seed}")
    print(table(done, kinds))


if __name__ == "__main__":
    main()
