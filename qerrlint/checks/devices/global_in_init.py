# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: instance_init registers something global; it also runs when a type is only described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.life_cycle import life_cycle
from qerrlint.checks.devices.phase_functions import has_types
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.source.span import Span

_LONGEST_CALL = 300


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    calls = word_list("global-registrations").words
    if not has_types(unit) or not any(name.encode() in unit.text.words for name in calls):
        return
    life = life_cycle(file)
    pattern = _calling(tuple(calls))
    told: set[Span] = set()
    for of in life.types:
        for entry in life.entries(of, "instance_init"):
            for name in life.reached([entry.function]):
                text = life.text(name)
                for found in pattern.finditer(text.code) if text is not None else ():
                    assert text is not None
                    span = Span(text.path, text.start + found.start(1), text.start + found.end(1))
                    if span in told:
                        continue
                    told.add(span)
                    yield Observation(
                        event="global-in-init",
                        function=name,
                        primary=span,
                        key=found[1],
                        slots={"callee": found[1], "init": entry.function, "type": of.name},
                        trail=(Step(entry.span, f"{entry.function}() is the {entry.slot} of {of.name}"),),
                        subject=of,
                        group=(name, of.name, _call_text(text.code, found.start(1))),
                    )


@lru_cache(maxsize=1)
def _calling(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\s*\(")


def _call_text(code: str, start: int) -> str:
    """The text of a call up to the parenthesis that closes it: what is asked for twice is one question."""
    depth = 0
    for at in range(start, min(len(code), start + _LONGEST_CALL)):
        depth += (code[at] == "(") - (code[at] == ")")
        if code[at] == ")" and not depth:
            return "".join(code[start : at + 1].split())
    return code[start : start + _LONGEST_CALL]


CHECKS = (
    FileCheck(
        "global-in-init",
        "devices",
        # callee: the registration; init: the instance_init that leads to it; type: whose it is.
        (event("global-in-init", "callee", "init", "type"),),
        _run,
    ),
)
