# SPDX-License-Identifier: GPL-2.0-or-later
"""Metamorphic test of the rules: the same code in other shapes, of which the same should be said.

    python bench/variants.py [--seed S] [--rounds N] [--most N] [--rule RULE...] [--only REWRITE...]
    python bench/variants.py --labels FILE... --git DIR [--most N]
    python bench/variants.py --show RULE REWRITE [--json FILE]

Takes the fixtures, or the functions that labels name at the parent of the fix, and applies each of the
transformations of `bench/rewrites`, which keep the meaning: in the first round wherever it can be applied,
in the others at one place of each function that the seed chooses. A variant that does not parse is dropped.
For each finding of a function that was changed it counts whether it is still made (kept, lost), and for each
function whether something is said that was not said before (false). Where a function loses a finding and
gets one of another rule of the family, the defect is still told (other).
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asking import report_on, unit_of

from qerrlint.source.toml import read_toml

if TYPE_CHECKING:
    from rewrites.body import Body, Change

    from qerrlint.c.cut import Piece
    from qerrlint.findings import Finding
    from qerrlint.rules.rule import RuleSet
    from qerrlint.source.source import Source

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
NOT_RULES = frozenset({"fuzz", "mail", "macros", "patches", "tree"})
# Functions that a transformation made, which belong to the one that it was made for.
_MADE = re.compile(r"_(?:part|call)_\d+$|^neutral_")
_SURE = ("medium", "high")

RuleCounts = Counter[tuple[str, str]]  # rule and function


@dataclass
class Subject:
    """A file that is known to have findings, and how the tool is asked about it.

    functions: those that are transformed, None for all; gained: what may be found in a variant besides.
    """

    path: str
    data: bytes
    ask: Callable[[bytes], Iterable[Finding]]
    functions: frozenset[str] | None = None
    gained: frozenset[tuple[str, str]] = frozenset()

    @cached_property
    def said(self) -> list[Finding]:
        return list(self.ask(self.data))

    @cached_property
    def bodies(self) -> list[tuple[Piece, Body]]:
        """The functions that can be transformed."""
        from rewrites.body import Body, Declared

        from qerrlint.c.cut import FUNCTION, cut

        declared = Declared(self.data.decode("latin-1"))
        out = []
        for piece in cut(self.path, self.data):
            if piece.kind != FUNCTION or (self.functions is not None and piece.name not in self.functions):
                continue
            body = Body(piece, self.data, declared)
            if not body.damaged:
                out.append((piece, body))
        return out


@dataclass(frozen=True)
class Loss:
    """One deviation: the finding that is no longer made, or that is made besides."""

    kind: str
    rule: str
    rewrite: str
    path: str
    function: str
    message: str
    before: str = field(default="", repr=False)
    after: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        return f"{self.path}:{self.function}"

    def diff(self) -> str:
        """What the transformation changed."""
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), "before", "after", "", "", 2, ""
        )
        return "\n".join(lines)


@dataclass
class Tally:
    """The counts of a run."""

    kept: Counter[tuple[str, str]] = field(default_factory=Counter)  # rule, rewrite
    losses: list[Loss] = field(default_factory=list)
    silent: Counter[str] = field(default_factory=Counter)  # rewrite: functions of which nothing new is said
    variants: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


# -- what is transformed -------------------------------------------------------------------------------


def fixtures(part: str = "") -> Iterator[Subject]:
    """The fixtures that are about a file as it is."""
    import marks

    from qerrlint.rules.loader import load_rules

    every = load_rules()
    for path in sorted((ROOT / "fixtures").glob("*/*.c")):
        name = f"{path.parent.name}/{path.name}"
        data = path.read_bytes()
        if path.parent.name in NOT_RULES or part not in name or marks.versions(data)[0] is not None:
            continue
        text = marks.blank(data)
        asked = every.select(
            [r.id for r in every if r.id == path.parent.name or (r.enabled and not r.change_only)]
        )
        missed = frozenset(_missed(data))
        yield Subject(name, text, _asking(path.name, asked), gained=missed)


def _missed(data: bytes) -> Iterator[tuple[str, str]]:
    """Rule and function of the marks of what is not found yet."""
    import marks

    from qerrlint.c.cut import cut
    from qerrlint.source.span import LineIndex

    lines = LineIndex(data)
    for miss in marks.parse(data).misses:
        for piece in cut("a.c", data):
            if lines.position(piece.span.start)[0] <= miss.line <= lines.position(piece.span.end)[0]:
                yield miss.rule, piece.name


def _asking(path: str, rules: RuleSet) -> Callable[[bytes], Iterable[Finding]]:
    def ask(data: bytes) -> Iterable[Finding]:
        from single import report_of

        return [one for one in report_of(path, data, rules).findings if one.allowed is None]

    return ask


def labelled(files: Sequence[str], git: str, most: int, seed: int) -> Iterator[Subject]:
    """The functions that labels name, each at the parent of the fix, where something is said of them."""
    from qerrlint.errors import QerrlintError
    from qerrlint.replay.labels import load_labels
    from qerrlint.source.git_tree import GitSource
    from qerrlint.source.repository import Repository

    labels = {(one.fix, one.file, one.function): one for file in files for one in load_labels(file)}
    drawn = [labels[key] for key in sorted(labels)]
    random.Random(seed).shuffle(drawn)
    repository = Repository(git)
    for label in drawn[:most]:
        try:
            parent = repository.first_parent(label.fix)
            if parent is None:
                continue
            with GitSource(git, parent) as source:
                subject = _labelled(source, label.file, label.function)
                if subject is not None and subject.said:
                    yield subject
        except QerrlintError as error:
            print(f"{label.fix[:10]} {label.file}: {error}", file=sys.stderr)


def _labelled(source: Source, path: str, function: str) -> Subject | None:
    from qerrlint.model.include_graph import DeclarationCache

    data = source.read(path)
    if data is None:
        return None
    declarations = DeclarationCache()

    def ask(text: bytes) -> Iterable[Finding]:
        unit = unit_of(source, path, text, declarations)
        only = {piece.name for piece in unit.definitions.pieces if owner(piece.name) == function}
        return [one for one in report_on(unit, only).findings if one.allowed is None]

    return Subject(path, data, ask, frozenset({function}))


# -- variants ------------------------------------------------------------------------------------------


def owner(function: str) -> str:
    """The function that one belongs to which a transformation made."""
    return _MADE.sub("", function)


def chosen(changes: Sequence[Change], random_: random.Random, single: bool) -> list[Change]:
    """Changes that do not touch each other: one, or as many as there are."""
    order = list(changes)
    random_.shuffle(order)
    if single:
        return order[:1]
    taken: list[Change] = []
    for change in order:
        start, end = change.hull
        if all(end <= one.hull[0] or one.hull[1] <= start for one in taken) or not change.edits:
            if not change.edits and taken:
                continue
            taken.append(change)
    return taken


def applied(body: Body, changes: Sequence[Change]) -> str | None:
    """The function's new text with what stands in front of it and behind it; None where it does not parse."""
    from qerrlint.c.cut import cut
    from qerrlint.c.parse import parse_piece

    text = body.text
    edits = [(edit.start, number, edit) for c in changes for number, edit in enumerate(c.edits)]
    for _, _, edit in sorted(edits, key=lambda one: one[:2], reverse=True):
        text = text[: edit.start] + edit.new + text[edit.end :]
    text = "".join(c.front for c in changes) + text + "".join(c.behind for c in changes)
    data = text.encode("latin-1")
    pieces = cut("a.c", data)
    wanted = 1 + sum(bool(c.front) + bool(c.behind) for c in changes)
    if len(pieces) != wanted or any(parse_piece(piece, data).damage is not None for piece in pieces):
        return None
    return text


def _changes(body: Body, name: str) -> list[Change]:
    from rewrites.body import REWRITES

    def fits(change: Change) -> bool:
        start, end = change.hull
        return "\n#" not in body.text[start:end]

    return [change for change in REWRITES[name](body) if fits(change)]


def variant(subject: Subject, texts: dict[int, str]) -> bytes:
    """The file with the new texts of some functions, by the number of the function."""
    out, end = [], 0
    for number, (piece, _) in enumerate(subject.bodies):
        if number in texts:
            out += [subject.data[end : piece.span.start], texts[number].encode("latin-1")]
            end = piece.span.end
    return b"".join([*out, subject.data[end:]])


def _counted(found: Iterable[Finding], sure: bool) -> RuleCounts:
    return Counter((f.rule, owner(f.function)) for f in found if not sure or f.confidence in _SURE)


def run_subject(subject: Subject, names: Sequence[str], rounds: int, seed: int, tally: Tally) -> None:
    """All variants of a file."""
    for name in names:
        for number in range(rounds):
            _run_round(subject, name, number, seed, tally)


def _run_round(subject: Subject, name: str, number: int, seed: int, tally: Tally) -> None:
    texts: dict[int, str] = {}
    used: dict[int, list[Change]] = {}
    for place, (piece, body) in enumerate(subject.bodies):
        changes = _changes(body, name)
        if not changes or (number and len(changes) == 1):
            continue
        drawn = chosen(
            changes, random.Random(f"{seed}/{number}/{subject.path}/{piece.key}/{name}"), bool(number)
        )
        text = applied(body, drawn)
        if text is None:
            tally.dropped[name] += 1
            continue
        texts[place], used[place] = text, drawn
    if not texts:
        return
    tally.variants += 1
    now = list(subject.ask(variant(subject, texts)))
    before, maybe = _counted(subject.said, True), _counted(subject.said, False)
    after = _counted(now, True)
    for place in texts:
        piece = subject.bodies[place][0]
        twice = any(change.twice for change in used[place])
        losses = list(_deviations(subject, name, piece.name, (before, maybe, after), twice, now))
        losses = paired(losses)
        for rule, count in _of(before, piece.name).items():
            lost = sum(loss.kind in ("lost", "other") and loss.rule == rule for loss in losses)
            tally.kept[rule, name] += count - lost
        if not any(loss.kind == "false" for loss in losses):
            tally.silent[name] += 1
        if losses:
            cause = _cause(subject, name, place, texts, losses[0], twice)
            before_, after_ = subject.bodies[cause][1].text, texts[cause]
            tally.losses += [replace(loss, before=before_, after=after_) for loss in losses]


def _cause(subject: Subject, name: str, place: int, texts: dict[int, str], loss: Loss, twice: bool) -> int:
    """The function whose change alone has the effect: the function itself, or one that it calls."""
    before, maybe = _counted(subject.said, True), _counted(subject.said, False)
    for one in [place, *(other for other in texts if other != place)]:
        now = list(subject.ask(variant(subject, {one: texts[one]})))
        said = (before, maybe, _counted(now, True))
        found = _deviations(subject, name, subject.bodies[place][0].name, said, twice, now)
        if any((again.kind, again.rule) == (loss.kind, loss.rule) for again in found):
            return one
    return place


def _of(said: RuleCounts, function: str) -> dict[str, int]:
    return {rule: count for (rule, name), count in said.items() if name == function}


def _deviations(
    subject: Subject,
    name: str,
    function: str,
    said: tuple[RuleCounts, RuleCounts, RuleCounts],
    twice: bool,
    now: Sequence[Finding],
) -> Iterator[Loss]:
    """What is no longer said of a function, and what is said besides."""
    before, maybe, after = said
    for rule, count in _of(before, function).items():
        left = after[rule, function]
        message = next(f.message for f in subject.said if (f.rule, owner(f.function)) == (rule, function))
        least = min(count, 1) if twice and left else count
        for _ in range(left, least):
            yield Loss("lost", rule, name, subject.path, function, message)
    for rule, count in _of(after, function).items():
        most = maybe[rule, function]
        if count > most and not (twice and most) and (rule, function) not in subject.gained:
            message = next(f.message for f in now if (f.rule, owner(f.function)) == (rule, function))
            yield Loss("false", rule, name, subject.path, function, message)


def paired(losses: list[Loss]) -> list[Loss]:
    """The deviations of a function: a lost finding and one of the same family in its place are one."""
    from qerrlint.rules.loader import load_rules

    family = {rule.id: rule.analysis for rule in load_rules()}
    out = []
    wrong = [one for one in losses if one.kind == "false"]
    for loss in losses:
        instead = [one for one in wrong if family[one.rule] == family[loss.rule]]
        if loss.kind == "lost" and instead:
            wrong.remove(instead[0])
            out.append(replace(loss, kind="other", message=f"{loss.message} -> {instead[0].rule}"))
        elif loss.kind == "lost":
            out.append(loss)
    return out + wrong


def justified(loss: Loss) -> str | None:
    """Why a deviation is none that wants mending, by the table; None where it says nothing."""
    for row in justified_rows():
        named = loss.rule in row["rules"] or "*" in row["rules"]
        if named and loss.rewrite in row["rewrites"] and loss.kind in row["kinds"]:
            reason: str = row["reason"]
            return reason
    return None


@cache
def justified_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_toml(
        (Path(__file__).parent / "rewrites" / "justified.toml").read_bytes()
    )["row"]
    return rows


# -- reports -------------------------------------------------------------------------------------------


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def table(tally: Tally, rules: RuleSet) -> str:
    """The counts by family and by transformation, then the rules and transformations with deviations."""
    other, lost, false = (
        Counter((one.rule, one.rewrite) for one in tally.losses if one.kind == kind)
        for kind in ("other", "lost", "false")
    )
    family = {rule.id: rule.analysis for rule in rules}
    lines = [f"{tally.variants} variants of files, {tally.dropped.total()} changes of functions dropped", ""]

    def block(title: str, of: Callable[[tuple[str, str]], str], silent: Counter[str]) -> None:
        groups: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for place, counts in enumerate((tally.kept, other, lost, false)):
            for key, count in counts.items():
                groups[of(key)][place] += count
        head = f"{title:28}{'kept':>8}{'other':>7}{'lost':>7}{'told':>11}{'false':>7}"
        lines.append(head + (f"{'silent':>9}{'share':>11}" if silent else ""))
        for name, (kept, others, gone, wrong) in sorted(groups.items()):
            told = _share(kept + others, kept + others + gone)
            row = f"{name:28}{kept:>8}{others:>7}{gone:>7}{told:>11}{wrong:>7}"
            quiet = f"{silent[name]:>9}{_share(silent[name], silent[name] + wrong):>11}" if silent else ""
            lines.append(row + quiet)
        lines.append("")

    block("family", lambda key: family.get(key[0], "?"), Counter())
    block("transformation", lambda key: key[1], tally.silent)
    block("all", lambda _: "all", Counter({"all": tally.silent.total()}))
    pairs = sorted(set(lost) | set(false), key=lambda key: (-lost[key] - false[key], key))
    left = Counter(
        (one.rule, one.rewrite) for one in tally.losses if one.kind != "other" and not justified(one)
    )
    lines.append(f"{'rule':30}{'transformation':26}{'kept':>6}{'other':>6}{'lost':>6}{'false':>6}{'open':>6}")
    for key in pairs:
        counts = (tally.kept[key], other[key], lost[key], false[key], left[key])
        lines.append(f"{key[0]:30}{key[1]:26}" + "".join(f"{count:>6}" for count in counts))
    lines.append(f"not in rewrites/justified.toml: {left.total()}")
    return "\n".join(lines)


def show(losses: Iterable[Loss]) -> str:
    """Each deviation with what the transformation changed."""
    return "\n\n".join(
        f"{one.kind}: {one.rule} ({one.rewrite}) {one.place}: {one.message}\n{one.diff()}" for one in losses
    )


def rewrite_names(only: Sequence[str] = ()) -> list[str]:
    """The transformations in the order of their registration; those named, if any is."""
    for module in ("conditions", "flow", "values", "calls"):
        import_module(f"rewrites.{module}")
    from rewrites.body import REWRITES

    unknown = set(only) - set(REWRITES)
    if unknown:
        raise SystemExit(f"no transformation: {', '.join(sorted(unknown))} (known: {', '.join(REWRITES)})")
    return [name for name in REWRITES if not only or name in only]


def main() -> None:
    from qerrlint.rules.loader import load_rules

    parser = argparse.ArgumentParser(description="The same code in other shapes: is the same said of it?")
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--rounds", type=int, default=2, help="the first at all places, the others at one")
    parser.add_argument("--rule", nargs="*", default=(), help="fixtures of these rules alone")
    parser.add_argument("--only", nargs="*", default=(), help="these transformations alone")
    parser.add_argument("--file", default="", help="fixtures with this in their path")
    parser.add_argument(
        "--show", nargs=2, metavar=("RULE", "REWRITE"), help="print the deviations; . for any"
    )
    parser.add_argument("--labels", nargs="*", default=(), help="files of labels instead of the fixtures")
    parser.add_argument("--git", default="", help="the history that labels are about")
    parser.add_argument(
        "--most", type=int, help="so many fixtures (all), or labels (50), drawn with the seed"
    )
    parser.add_argument("--json", help="write the deviations there")
    given = parser.parse_args()
    names = rewrite_names(given.only or ([given.show[1]] if given.show and given.show[1] != "." else ()))
    tally = Tally()
    if given.labels:
        subjects = labelled(given.labels, given.git, given.most or 50, given.seed)
    else:
        every = list(fixtures(given.file))
        subjects = iter(random.Random(given.seed).sample(every, min(given.most or len(every), len(every))))
    for subject in subjects:
        if not given.rule or given.labels or subject.path.split("/")[0] in given.rule:
            run_subject(subject, names, given.rounds, given.seed, tally)
            if given.json:
                Path(given.json).write_text(json.dumps([asdict(one) for one in tally.losses], indent=1))
    if given.show:
        print(show(one for one in tally.losses if given.show[0] in (".", one.rule)))
    print(table(tally, load_rules()))


if __name__ == "__main__":
    main()
