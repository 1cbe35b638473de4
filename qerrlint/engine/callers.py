# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings whose severity the callers in other files decide, judged anew when those are known.

The analysis of a file reads that file and its headers only, so that its outcome can be kept. How callers in
other files treat a failure without an Error is worked out afterwards, for the few functions that have one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from qerrlint.engine.internal_errors import Fault, contained
from qerrlint.engine.located import Located, Resolver
from qerrlint.engine.mentions import Mentions
from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.source import git_blob_id

if TYPE_CHECKING:
    from qerrlint.engine.kept.kept_results import KeptResults
    from qerrlint.ir.code import Call
    from qerrlint.model.program import Program
    from qerrlint.model.translation_unit import TranslationUnit
    from qerrlint.rules.rule import RuleSet

EVENT = "failure-without-error"
"""The event that the callers have a say in."""

_WORDS = lazy_re(r"\w+")
_STORED = lazy_re(rb"=\s*&?\s*([A-Za-z_]\w*)\s*[,;}]")


def uses_of(unit: TranslationUnit) -> frozenset[str]:
    """The functions, function-pointer members and tables that a file calls with an Error pointer, and the
    functions of other files whose addresses it stores."""
    out: set[str] = set()
    for piece in unit.definitions.relevant():
        function = unit.lowering.function(piece)
        for call in function.calls if function is not None else ():
            if _hands_error_pointer(call):
                out.add(_name_of(call))
    out |= {name.decode() for name in _STORED.findall(unit.data)} - unit.functions.keys()
    return frozenset(out)


def _hands_error_pointer(call: Call) -> bool:
    """Whether an argument may be an `Error **`: errp by its name, or the address of something."""
    from qerrlint.ir.code import Addr, Var

    return any(
        isinstance(arg, Addr) or (isinstance(arg, Var) and arg.path.endswith("errp")) for arg in call.args
    )


def _name_of(call: Call) -> str:
    """The function's name, the last member of a path, or the table of `table[i]`."""
    head, bracket, _ = call.name.partition("[")
    return head if bracket else _WORDS.findall(call.name)[-1]


def with_callers(
    found: Sequence[Located],
    program: Program,
    mentions: Mentions,
    rules: RuleSet,
    faults: list[Fault],
    kept: KeptResults | None = None,
) -> list[Located]:
    """The findings, those of functions whose callers have a say judged anew with all callers at hand.

    An error of this program goes to `faults`; the findings of its file stay as the file alone shows them.
    """
    asked = _concerned(found, rules)
    again: dict[str, list[Located]] = {}
    program.mentioning = mentions
    resolver = Resolver(program)
    here: list[Fault] = []
    for path, names in sorted(asked.items()):
        with suppress(InputError), contained(path, here):
            digest = _digest(program, path)
            if digest is None:
                continue
            parts = _parts(path, digest, names)
            judged = kept.find(parts, (program,)) if kept is not None else None
            unit = program.unit(path) if judged is None else None
            if unit is not None:
                from qerrlint.engine.kept.kept_reads import look_into, looked_up, lookups_of
                from qerrlint.model.lookups import EVERYTHING, Lookups
                from qerrlint.model.reads import OUTLINE

                lookups = program.environment.asked
                lookups.now = Lookups()
                if OUTLINE in unit.reads.answers:
                    lookups.add(EVERYTHING)  # what it looked up counted for another result
                judged = _judged(unit, rules, names, resolver)
                if kept is not None:
                    look_into(unit, [item.finding for item in judged], program)
                    keys = looked_up(unit.reads.questions(), lookups_of(unit.reads, lookups)).keys
                    kept.keep(parts, judged, (unit.reads,), (keys,))
                # All that its checks have looked up would count for each file whose caller it is.
                program.forget(path)
            if judged is not None:
                again[path] = judged
    program.mentioning = None
    faults += [replace(fault, reason=f"{fault.reason}, while its callers were asked") for fault in here]
    return _settled(found, again, rules)


def known_with_callers(
    found: Sequence[Located], digests: Mapping[str, str], rules: RuleSet, kept: KeptResults | None
) -> list[Located] | None:
    """As with_callers(), where the store has it all for this very tree; else None.

    `digests` are those of the files. No program is needed for that.
    """
    again: dict[str, list[Located]] = {}
    for path, names in _concerned(found, rules).items():
        digest = digests.get(path)
        judged = kept.exact(_parts(path, digest, names)) if kept is not None and digest is not None else None
        if judged is None:
            return None
        again[path] = judged
    return _settled(found, again, rules)


def _digest(program: Program, path: str) -> str | None:
    """The digest of a file, which is not cut for that; None where there is no such file."""
    unit = program.known_unit(path)
    if unit is not None:
        return unit.digest
    data = program.source.read(path)
    return git_blob_id(data) if data is not None else None


def _concerned(found: Sequence[Located], rules: RuleSet) -> dict[str, set[str]]:
    """For each file the functions of which callers have something to say."""
    asked: dict[str, set[str]] = defaultdict(set)
    for item in found:
        if rules.get(item.finding.rule).event == EVENT:
            asked[item.path].add(item.finding.function)
    return asked


def _parts(path: str, digest: str, names: Iterable[str]) -> tuple[str, ...]:
    return ("callers", path, digest, *sorted(names))


def _settled(
    found: Sequence[Located], again: Mapping[str, Iterable[Located]], rules: RuleSet
) -> list[Located]:
    """The findings, those of the event in the files that were judged anew as they are told now."""
    now = {_key(item): item for judged in again.values() for item in judged}
    return [
        settled
        for item in found
        if (
            settled := now.get(_key(item))
            if item.path in again and rules.get(item.finding.rule).event == EVENT
            else now.get(_key(item), item)
        )
        is not None
    ]


def _judged(
    unit: TranslationUnit, rules: RuleSet, names: Collection[str], resolver: Resolver
) -> list[Located]:
    """What is found of these functions of a file where the callers have a say."""
    from qerrlint.engine.analyse_file import analyse_unit

    report = analyse_unit(unit, rules, names, event=EVENT)
    return [
        resolver.locate(finding, report.advice[finding.fingerprint])
        for finding in report.findings
        if rules.get(finding.rule).event == EVENT
    ]


def _key(item: Located) -> tuple[str, str, str]:
    return item.path, item.finding.rule, item.finding.fingerprint
