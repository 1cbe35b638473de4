# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: the reference that a parent holds to a part of its own struct is dropped by somebody else.

object_initialize_child() leaves one reference, that of the child property (qom/object.c). Functions that
realize a device and drop a reference are for those that qdev_new() has made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
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


def _members(
    unit: TranslationUnit, calls: re.Pattern[bytes], position: int
) -> Iterator[tuple[str, str, Span]]:
    """The calls that are handed a part of a struct by address: callee, member and place of the call."""
    data = unit.data
    for found in calls.finditer(data):
        if unit.text.in_comment(found.start()):
            continue
        arguments = arguments_at(data, found.end() - 1)
        if arguments is None or position >= len(arguments):
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


CHECKS = (
    FileCheck(
        "child-unref",
        "devices",
        # callee: the call that drops the reference; object: the member; how: what the call does besides.
        (event("child-unref", "callee", "object", how="realize unref"),),
        _run,
    ),
)
