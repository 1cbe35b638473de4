# SPDX-License-Identifier: GPL-2.0-or-later
"""The path that an observation rests on, and the conditions that stand on it."""

from __future__ import annotations

from qerrlint.absint.trace import Trail
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import HeldObject
from qerrlint.checks.ownership.left_in_local import LocalObject
from qerrlint.checks.subject import Subject
from qerrlint.findings import Observation
from qerrlint.ir.code import Function
from qerrlint.lazy_patterns import lazy_re

_IS_ZERO = lazy_re(r"\s*==\s*(?:0|NULL)\Z")
_IS_NOT_ZERO = lazy_re(r"\s*!=\s*(?:0|NULL)\Z")
_UNEQUAL = lazy_re(r"\s*!=\s*(?=[^=])")
# Two plain operands in an order that their opposite denies.
_NOT_ABOVE = lazy_re(r"([\w.>\[\]-]+?)(<=|>=)([\w.>\[\]-]+)")
_OPPOSITES = {"<=": ">", ">=": "<"}


def trail_of(observation: Observation) -> Trail | None:
    """The trace of the path of an observation; None where it rests on none."""
    subject = observation.subject
    if isinstance(subject, LocalObject | HeldObject):
        return subject.seen.trail
    if isinstance(subject, Subject):
        if subject.occurrence is not None:
            return subject.occurrence.trail
        if subject.returned is not None:
            return subject.returned.trail
    return None


def function_of(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> Function | None:
    """The function that the path goes through."""
    if isinstance(observation.subject, LocalObject):
        return observation.subject.function
    return analysed.function if isinstance(analysed, AnalysedFunction) else None


def without_zero(text: str, taken: bool) -> tuple[str, bool]:
    """A condition without a comparison with 0 or NULL, and whether what is left of it is true."""
    text = text.strip()
    found = _IS_ZERO.search(text)
    if found is not None:
        return text[: found.start()].strip(), not taken
    found = _IS_NOT_ZERO.search(text)
    return (text[: found.start()].strip() if found is not None else text), taken


def as_asked(text: str, taken: bool) -> tuple[str, bool]:
    """A condition without blanks, and whether it holds: `!=` is read as the opposite of `==`, `<=` and `>=`
    between two plain operands as those of `>` and `<`."""
    if _UNEQUAL.search(text) is not None and text.count("!=") == 1:
        return "".join(text.replace("!=", "==").split()), not taken
    text = "".join(text.split())
    ordered = _NOT_ABOVE.fullmatch(text)
    if ordered is not None:
        return f"{ordered[1]}{_OPPOSITES[ordered[2]]}{ordered[3]}", not taken
    return text, taken
