# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a method takes the place of the one that the parent type has stored, and does not call it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.life_cycle import life_cycle
from qerrlint.checks.devices.phase_functions import PhaseFunctions, has_types
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.function_text import NOT_CALLED, FunctionText
from qerrlint.qemu.type_graph import RESET_SLOTS, Phase, QomType, TypeGraph
from qerrlint.records import record
from qerrlint.source.span import Span

_METHODS = ("realize", "unrealize", "reset")
# How a method calls the one that it has taken the place of, whatever the class calls it.
_CHAINS = lazy_re(
    r"\bparent_(?:\w*_)?(?:realize|unrealize|reset|phases|init|exit)\w*|\bobject_class_get_parent\b"
    r"|(?:->|\.)\s*(?:realize|unrealize|reset|legacy_reset|init|exit|enter|hold)\s*\("
)
_CALL = lazy_re(r"(?<!->)(?<!\.)\b([a-z_]\w*)\s*\(")
_STORE = lazy_re(r"->\s*(?:\w+\s*(?:\.|->)\s*)*(\w+)\s*(?:\[[^\]]*\]\s*)*(?:[|&^+-]?=(?!=)|\+\+|--)")
_CONDITION = lazy_re(r"\b(?:if|while|g_assert|assert)\s*(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))")
_SETS_ERROR = lazy_re(r"\s*\{?\s*error_set\w*\s*\(")
_ARGUMENTS = lazy_re(r"\b\w+\s*\([^()]*\)")
_WORD = lazy_re(r"[A-Za-z_]\w*")
# What a condition asks about: members and constants; a local variable has another name elsewhere.
_ASKED = lazy_re(r"->\s*((?:\w+\s*(?:\.|->)\s*)*\w+)|\b([A-Z][A-Z0-9_]{2,})\b")
# Calls of the replaced method are followed so far: what it does by itself, and by its helpers.
_DEEPEST = 3


@record(frozen=True, slots=True)
class LostMethod:
    """A method of `type` that takes the place of one of its ancestor `parent`; `struct` is that of the class
    in which both store it."""

    type: QomType
    parent: str
    phase: str
    struct: str


def _run(file: AnalysedFile) -> Iterator[Observation]:
    if not has_types(file.unit):
        return
    life = life_cycle(file)
    told: set[str] = set()
    for of in life.types:
        for own in of.phases:
            if own.owner != of.name or own.path != file.unit.path or own.phase not in _METHODS:
                continue
            if own.function in told or not file.asks([own.function]):
                continue
            replaced = _replaced(of, own)
            text = life.text(own.function)
            if not replaced or text is None:
                continue
            method = _Method(life, own.function)
            lost = next((found for one in replaced for found in method.lost(one)), None)
            if lost is not None:
                told.add(own.function)
                yield _observation(of, own, replaced[0], text, lost)


def _replaced(of: QomType, own: Phase) -> tuple[Phase, ...]:
    """The methods of the nearest ancestor that has any of this kind, and that run no longer."""
    inherited = [one for one in of.phases if one.owner != of.name and _takes_place(own, one)]
    nearest = inherited[0].owner if inherited else ""
    found = tuple(one for one in inherited if one.owner == nearest)
    # The parent's own function, stored once more, is no other one.
    return () if any(one.function == own.function for one in found) else found


def _takes_place(own: Phase, other: Phase) -> bool:
    if own.phase != other.phase:
        return False
    if own.phase != "reset":
        return own.slot == other.slot and _struct(own) == _struct(other)
    legacy = [one.slot in RESET_SLOTS and not one.slot.startswith("phases.") for one in (own, other)]
    if own.slot == other.slot:
        return _struct(own) == _struct(other)
    if not legacy[0]:
        return legacy[1] and own.slot == "phases.hold" and _struct(other) == "DeviceClass"
    return _struct(own) == "DeviceClass" and (not legacy[1] or _struct(other) == "DeviceClass")


def _struct(phase: Phase) -> str:
    return phase.struct or ("ResettableClass" if phase.slot.startswith("phases.") else "DeviceClass")


def _observation(of: QomType, own: Phase, replaced: Phase, text: FunctionText, lost: str) -> Observation:
    start = text.head_start + max(0, text.head.find(own.function))
    return Observation(
        event="parent-method-lost",
        function=own.function,
        primary=Span(text.path, start, start + len(own.function)),
        key=own.function,
        slots={
            "method": own.function,
            "replaced": replaced.function,
            "parent": replaced.owner,
            "lost": lost,
            "slot": own.slot.rpartition(".")[2].removeprefix("legacy_"),
        },
        trail=(
            Step(replaced.span, f"{replaced.owner} stores {replaced.function}()"),
            Step(own.span, f"{of.name} stores {own.function}() in its place"),
        ),
        certainty="medium",
        subject=LostMethod(of, replaced.owner, own.phase, _struct(own)),
    )


class _Method:
    """What a method does, with the functions of its file that it calls."""

    def __init__(self, life: PhaseFunctions, function: str) -> None:
        texts = (life.text(name) for name in life.reached([function]))
        self._code = "\n".join(text.code for text in texts if text is not None)
        self._graph: TypeGraph = life.graph

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(_WORD.findall(self._code))

    @cached_property
    def _asked(self) -> frozenset[str]:
        """The words of what it asks, without those of calls in there."""
        asked = (_ARGUMENTS.sub("", found[1][1:-1]) for found in _CONDITION.finditer(self._code))
        return frozenset(word for text in asked for word in _WORD.findall(text))

    def lost(self, replaced: Phase) -> Iterator[str]:
        """What the replaced method does and this one does not, in words; nothing where this one calls it."""
        if _CHAINS.search(self._code) is None and replaced.function not in self._words:
            yield from self._missing(replaced.path, replaced.function, 0)

    def _missing(self, path: str, function: str, depth: int) -> Iterator[str]:
        text = self._graph.function(path, function)
        if text is None or depth > _DEEPEST:
            return
        for found in _CONDITION.finditer(text.code):
            asked = [one[1] or one[2] for one in _ASKED.finditer(_ARGUMENTS.sub("", found[1]))]
            refused = _SETS_ERROR.match(text.code, found.end()) is not None
            missing = [one for one in asked if _WORD.findall(one)[-1] not in self._asked]
            if refused and missing:
                yield f"tests {''.join(missing[0].split())}"
        for found in _STORE.finditer(text.code):
            if found[1] not in self._words:
                yield f"sets {found[1]}"
        for name in dict.fromkeys(found[1] for found in _CALL.finditer(text.code)):
            if name in self._words or name in NOT_CALLED or _only_tells(name):
                continue
            if self._graph.function(path, name) is not None:
                yield from self._missing(path, name, depth + 1)
            else:
                yield f"calls {name}()"


def _only_tells(name: str) -> bool:
    return word_list("tells-only").matches(name)


CHECKS = (
    FileCheck(
        "parent-method-lost",
        "devices",
        # method: the function; replaced: the one in whose place it stands; parent: the type that stores that
        # one; lost: something that it does, as a verb and its object; slot: realize, reset, hold, exit.
        (event("parent-method-lost", "method", "replaced", "parent", "lost", "slot"),),
        _run,
    ),
)
