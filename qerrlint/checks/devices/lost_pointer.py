# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a pointer is freed through a struct that a callee has zeroed before, so that NULL is freed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from qerrlint.c.declarations.types import parse_signature
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.source.span import Span

_FREED = re.compile(r"\b(g_free)\s*\(\s*([\w\->.]+)(->|\.)(\w+)\s*[,)]")
_ANY_FREED = re.compile(rb"\bg_free\s*\(\s*\w+(?:->|\.)\w+(?:->|\.)")
_BY_ADDRESS = re.compile(r"\b([a-z_]\w*)\s*\(\s*(&?)\s*([\w\->.]+)\s*[,)]")
_ZEROES = r"\bmemset\s*\(\s*{0}\s*,\s*0\s*,|\*\s*{0}\s*=\s*\(\s*(?:struct\s+)?\w+\s*\)\s*\{{"
_DEEPEST = 2


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"g_free" not in unit.data or not _ANY_FREED.search(unit.data):
        return
    declarations = unit.program.environment.files.file(unit.path)
    for name in unit.functions if declarations is not None else ():
        assert declarations is not None
        text = function_text(declarations, name)
        if text is not None and "free" in text.code:
            yield from _in_function(unit, text)


def _in_function(unit: TranslationUnit, text: FunctionText) -> Iterator[Observation]:
    for freed in _FREED.finditer(text.code):
        struct, arrow = freed[2], freed[3]
        for call in _BY_ADDRESS.finditer(text.code, 0, freed.start()):
            handed = call[3] == struct and bool(call[2]) == (arrow == ".")
            if not handed or call[1] in ("memset", "sizeof", freed[1]):
                continue
            if _set_between(text.code[call.end() : freed.start()], struct, freed[4]):
                continue
            if not _reaches(text.code, call.end(), freed.start()):
                continue
            how = _zeroes(unit, call[1], 0)
            if how is None:
                continue
            start, end = text.start + freed.start(), text.start + freed.end()
            place = f"{struct}{arrow}{freed[4]}"
            step = Span(text.path, text.start + call.start(), text.start + call.end(1))
            yield Observation(
                event="lost-pointer",
                function=text.name,
                primary=Span(text.path, start, end),
                key=f"{freed[1]}({place})",
                slots={"callee": call[1], "place": place, "free": freed[1], "struct": struct, "how": how},
                trail=(Step(step, f"{call[1]}() zeroes {struct}"),),
            )
            break


def _set_between(code: str, struct: str, member: str) -> bool:
    """Whether the member is set anew between the call and the release."""
    return re.search(rf"{re.escape(struct)}(?:->|\.){member}\s*=(?!=)", code) is not None


def _reaches(code: str, after: int, freed: int) -> bool:
    """Whether the release may follow the call: no return ends the block that the call stands in before it.

    A goto behind the call may lead past that return.
    """
    depth = 0
    for at in range(after, freed):
        if code[at] == "{":
            depth += 1
        elif code[at] == "}":
            depth -= 1
        elif depth <= 0 and code.startswith("return", at) and not code[at - 1].isalnum():
            labels = re.findall(r"^[ \t]*(\w+):(?!:)", code[at:freed], re.M)
            return any(re.search(rf"\bgoto\s+{label}\s*;", code[after:freed]) for label in labels)
    return True


def _zeroes(unit: TranslationUnit, callee: str, depth: int) -> str | None:
    """How a function zeroes what its first parameter points to: "always", "on-failure".

    None where it does not, and where its body is not found.
    """
    text = _definition(unit, callee)
    if text is None or depth > _DEEPEST:
        return None
    signature = parse_signature(text.head.encode("latin-1", "replace"), text.path, text.head_start)
    if signature is None or not signature.params or not signature.params[0].type.endswith("*"):
        return None
    parameter = re.escape(signature.params[0].name)
    found = re.search(_ZEROES.format(parameter), text.code)
    if found is not None:
        # At the end nothing of the struct is set again.
        return "always" if not re.search(rf"\b{parameter}->\w+\s*=(?!=)", text.code[found.end() :]) else None
    for call in _BY_ADDRESS.finditer(text.code):
        if call[3] == signature.params[0].name and call[1] != callee and _zeroes(unit, call[1], depth + 1):
            return "on-failure"
    return None


def _definition(unit: TranslationUnit, name: str) -> FunctionText | None:
    """The text of a function: of this file, or of the file that belongs to the header which declares it."""
    files = unit.program.environment.files
    own = files.file(unit.path)
    found = function_text(own, name) if own is not None else None
    if found is not None:
        return found
    signature = unit.signature(name)
    path = signature.path if signature is not None else None
    if path is None or not path.endswith(".h"):
        return None
    stem = path.removesuffix(".h").removeprefix("include/")
    folder = posixpath.dirname(stem)
    for candidate in dict.fromkeys((f"{stem}.c", f"{folder}/{posixpath.basename(folder)}.c")):
        declarations = files.file(candidate)
        found = function_text(declarations, name) if declarations is not None else None
        if found is not None:
            return found
    return None


CHECKS = (
    FileCheck(
        "lost-pointer",
        "devices",
        # callee: zeroes `struct`, always or when it fails; place: what is freed afterwards, by `free`.
        (event("lost-pointer", "callee", "place", "free", "struct", how="always on-failure"),),
        _run,
    ),
)
