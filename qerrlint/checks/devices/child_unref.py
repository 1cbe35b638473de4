# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: the reference that a parent holds to a part of its own struct is dropped by somebody else, or once
more.

object_initialize_child() leaves one reference, that of the child property (qom/object.c). Functions that
realize a device and drop a reference are for those that qdev_new() has made. When an object is destroyed its
children lose their parent before instance_finalize runs (object_finalize()).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_lifecycle import FINALIZE, phases
from qerrlint.qemu.device_tables import arguments_at
from qerrlint.source.span import Span

# What makes a child of memory that lies in its parent: the child is the third argument of each.
_MAKES = lazy_re(rb"\b(?:object_initialize_child(?:_with_props)?|sysbus_init_child_obj)\s*\(")
_CHILD = 2
_DROPS = lazy_re(rb"\b(\w+_realize_and_unref|object_unref)\s*\(")
_TAKES = lazy_re(rb"\bobject_ref\s*\(")
_CAST = lazy_re(r"(?:[A-Z_][A-Z0-9_]*\s*|\(\s*(?:struct\s+)?\w+\s*\*\s*\)\s*)?\((.*)\)\Z", re.DOTALL)
_POINTER_CAST = lazy_re(r"\(\s*(?:struct\s+)?\w+\s*\*\s*\)\s*")
_MEMBER = lazy_re(r"&.*(?:->|\.)\s*(\w+)\s*(?:\[[^\[\]]*\]\s*)*\Z", re.DOTALL)
_NAME = lazy_re(r"[A-Za-z_]\w*\Z")
# Regions are children of their owner, the second argument (include/system/memory.h).
_REGIONS = lazy_re(rb"\bmemory_region_init\w*\s*\(")
_UNPARENTS = lazy_re(rb"\bobject_unparent\s*\(")
_OWNER = lazy_re(r"(?:OBJECT\s*\(\s*)?\w+\s*\)?\Z")
_LAST = lazy_re(r"&?[^&]*(?:->|\.)\s*(\w+)\s*(?:\[[^\[\]]*\]\s*)*\Z", re.DOTALL)
_DEFINES_TYPE = b"OBJECT_DEFINE_"


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    words = unit.text.words
    if b"object_initialize_child" not in unit.data and b"sysbus_init_child_obj" not in words:
        return
    if b"_and_unref" not in unit.data and b"object_unref" not in words:
        return
    made = {member: span for _, member, span in _members(unit, _MAKES, _CHILD)}
    referred = {member for _, member, _ in _members(unit, _TAKES, 0)}
    for callee, member, span in _members(unit, _DROPS, 0) if made else ():
        function = unit.definitions.function_at(span.start)
        if member not in made or member in referred or not function:
            continue
        yield Observation(
            event="child-unref",
            function=function,
            primary=span,
            key=unit.text.on_one_line(span),
            slots={
                "callee": callee,
                "object": member,
                "how": "unref" if callee == "object_unref" else "realize",
            },
            trail=(Step(made[member], f"{member} becomes a child of its parent here"),),
        )


def _unparented(file: AnalysedFile) -> Iterator[Observation]:
    """The children that lose their parent in functions that only instance_finalize runs."""
    unit = file.unit
    words = unit.text.words
    if b"object_unparent" not in words:
        return
    if b"instance_finalize" not in words and _DEFINES_TYPE not in unit.data:
        return
    ending = _ending(unit)
    made = dict(_children(unit)) if ending else {}
    for found, arguments in _calls(unit, _UNPARENTS):
        function = unit.definitions.function_at(found.start())
        member = _LAST.match(_plain(arguments[0])) if function in ending and arguments else None
        if function is None or member is None or member[1] not in made:
            continue
        span = Span(unit.path, found.start(), found.end() - 1)
        yield Observation(
            event="child-unref",
            function=function,
            primary=span,
            key=unit.text.on_one_line(span),
            slots={"callee": "object_unparent", "object": member[1], "how": "finalize"},
            trail=(Step(made[member[1]], f"{member[1]} becomes a child of its owner here"),),
        )


def _ending(unit: TranslationUnit) -> frozenset[str]:
    """The functions that run when an object is destroyed, and at no other time, as far as the file shows."""
    served = phases(unit.data, frozenset(unit.functions))
    found = {name for name, when in served.items() if when == FINALIZE}
    calls = unit.uses.calls
    below = {callee for name in found for callee in calls.get(name, ()) if callee in unit.functions}
    for name in below - served.keys():
        signature = unit.signature(name)
        callers = {other for other, callees in calls.items() if name in callees}
        if signature is not None and signature.static and callers <= found:
            found = found | {name}
    return frozenset(found)


def _children(unit: TranslationUnit) -> Iterator[tuple[str, Span]]:
    """The members of structs that become children of an object, each with the place."""
    yield from ((member, span) for _, member, span in _members(unit, _MAKES, _CHILD))
    for found, arguments in _calls(unit, _REGIONS):
        if len(arguments) > 1 and arguments[1] != "NULL" and _OWNER.match(arguments[1]):
            member = _LAST.match(_plain(arguments[0]))
            if member is not None:
                yield member[1], Span(unit.path, found.start(), found.end() - 1)


def _calls(unit: TranslationUnit, calls: re.Pattern[bytes]) -> Iterator[tuple[re.Match[bytes], list[str]]]:
    """The calls outside of comments, each with its arguments."""
    for found in calls.finditer(unit.data):
        if not unit.text.in_comment(found.start()):
            arguments = arguments_at(unit.data, found.end() - 1)
            if arguments is not None:
                yield found, arguments


def _members(
    unit: TranslationUnit, calls: re.Pattern[bytes], position: int
) -> Iterator[tuple[str, str, Span]]:
    """The calls that are handed a part of a struct by address: callee, member and place of the call."""
    for found, arguments in _calls(unit, calls):
        if position >= len(arguments):
            continue
        given = _plain(arguments[position])
        if _NAME.match(given):
            given = _assigned(unit, found.start(), given)
        member = _MEMBER.match(given)
        if member is not None:
            callee = found[0].decode().rstrip("( \t\n")
            span = Span(unit.path, found.start(), found.start() + len(callee))
            yield callee, member[1], span


def _plain(text: str) -> str:
    """An expression without casts and parentheses around it."""
    while True:
        inner = _CAST.match(text)
        if inner is not None and _closes(inner[1]):
            text = inner[1].strip()
            continue
        shorter = _POINTER_CAST.sub("", text, count=1) if text.startswith("(") else text
        if shorter == text:
            return re.sub(r"\A&\s*\((.*)\)\Z", r"&\1", text, flags=re.DOTALL)
        text = shorter


def _closes(text: str) -> bool:
    """Whether each parenthesis of a text is closed in it, and none before it is opened."""
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return not depth


def _assigned(unit: TranslationUnit, at: int, name: str) -> str:
    """What a variable got last in the text of the function before a place; "" where that is not seen."""
    piece = unit.definitions.around(at)
    if piece is None:
        return ""
    pattern = rb"(?<![\w.>])%s\s*=(?!=)([^;]*);" % re.escape(name.encode())
    values = [found[1] for found in re.finditer(pattern, unit.data[piece.body : at])]
    return _plain(" ".join(values[-1].decode("utf-8", "replace").split())) if values else ""


CHILD_UNREF = event("child-unref", "callee", "object", how="realize unref finalize")
"""callee: the call that drops the reference; object: the member; how: what the call does besides, or that it
runs in instance_finalize."""

CHECKS = (
    FileCheck("child-unref", "devices", (CHILD_UNREF,), _run),
    FileCheck("child-unparented", "devices", (CHILD_UNREF,), _unparented),
)
