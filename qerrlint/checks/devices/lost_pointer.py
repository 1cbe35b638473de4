# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a pointer is freed through a struct that a callee has zeroed before, so that NULL is freed, or right
before a callee goes through it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from qerrlint.c.declarations.types import parse_signature
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.qemu.type_graph import graph_of
from qerrlint.source.span import Span

_FREED = lazy_re(r"\b(g_free)\s*\(\s*([\w\->.]+)(->|\.)(\w+)\s*[,)]")
_ANY_FREED = lazy_re(rb"\bg_free\s*\(\s*\w+(?:->|\.)\w+(?:->|\.)")
_BY_ADDRESS = lazy_re(r"\b([a-z_]\w*)\s*\(\s*(&?)\s*([\w\->.]+)\s*[,)]")
_ZEROES = r"\bmemset\s*\(\s*{0}\s*,\s*0\s*,|\*\s*{0}\s*=\s*\(\s*(?:struct\s+)?\w+\s*\)\s*\{{"
_CALLED = lazy_re(r"\b([a-z_]\w*)\s*\(([^;{}()]*)\)\s*;")
_FIRST = lazy_re(r"[A-Za-z_]\w*")
_DEEPEST = 2


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"g_free" not in file.asked.words or not _ANY_FREED.search(unit.data):
        return
    declarations = unit.program.environment.files.file(unit.path)
    freeing = {
        name
        for name, piece in unit.functions.items()
        if _ANY_FREED.search(unit.data, piece.body, piece.span.end) is not None
    }
    for name in unit.functions if declarations is not None else ():
        assert declarations is not None
        text = function_text(declarations, name)
        if text is not None and ("g_free" in text.code or not freeing.isdisjoint(text.called())):
            yield from _in_function(unit, text)


def _in_function(unit: TranslationUnit, text: FunctionText) -> Iterator[Observation]:
    for freed in _FREED.finditer(text.code):
        found = _zeroed_before(unit, text, freed.start(), freed[2], freed[3], freed[4])
        if found is not None:
            yield _observation(text, freed, found, None)
            continue
        later = _used_later(unit, text, freed)
        if later is not None:
            yield _observation(text, freed, later, None)
    yield from _in_helpers(unit, text)


def _in_helpers(unit: TranslationUnit, text: FunctionText) -> Iterator[Observation]:
    """What a static function of the file frees that the function calls after a callee which zeroes."""
    for called in _CALLED.finditer(text.code):
        if called[1] not in unit.functions or called[1] == text.name or not unit.is_static(called[1]):
            continue
        helper, signature = _definition(unit, called[1]), unit.signature(called[1])
        if helper is None or signature is None or "free" not in helper.code:
            continue
        names = {
            param.name: arg.strip()
            for param, arg in zip(signature.params, called[2].split(","), strict=False)
        }
        for freed in _FREED.finditer(helper.code):
            first = _FIRST.match(freed[2])
            given = names.get(first[0], "") if first is not None else ""
            # One that the helper is handed itself has another text there.
            if first is None or first[0] == freed[2] or not given.isidentifier():
                continue
            struct = given + freed[2][first.end() :]
            found = _zeroed_before(unit, text, called.start(), struct, freed[3], freed[4])
            if found is not None:
                step = Span(text.path, text.start + called.start(), text.start + called.end(1))
                yield _observation(helper, freed, found, Step(step, f"{text.name}() calls {called[1]}()"))


def _used_later(
    unit: TranslationUnit, text: FunctionText, freed: re.Match[str]
) -> tuple[str, str, Step] | None:
    """The callee after a release that goes through the freed member of the struct that it is handed; None
    for none. Only the block of the release and those inside of it are looked at."""
    struct, arrow, member = freed[2], freed[3], freed[4]
    for call in _BY_ADDRESS.finditer(text.code, freed.end()):
        between = text.code[freed.end() : call.start()]
        if _set_between(between, struct, member) or _leaves(between):
            return None
        if call[3] != struct or bool(call[2]) != (arrow == "."):
            continue
        # Another callee before it may set the member.
        if call[1] in ("memset", "g_free") or not _goes_through(unit, call[1], member):
            return None
        span = Span(text.path, text.start + call.start(), text.start + call.end(1))
        return call[1], "freed", Step(span, f"{call[1]}() goes through {member} of {struct} here")
    return None


def _leaves(code: str) -> bool:
    """Whether a text may lead elsewhere than to its end: a block ends, or a path does."""
    depth = 0
    for found in re.finditer(r"[{}]|\b(?:return|goto|break|continue)\b", code):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth < 0 or (found[0].isalpha() and not depth):
            return True
    return False


def _goes_through(unit: TranslationUnit, callee: str, member: str) -> bool:
    """Whether a function reads elements through a member of what its first parameter points to, before it
    gives the member another value."""
    text = _definition(unit, callee)
    if text is None:
        return False
    signature = parse_signature(text.head.encode("latin-1", "replace"), text.path, text.head_start)
    if signature is None or not signature.params or not signature.params[0].type.endswith("*"):
        return False
    place = rf"\b{re.escape(signature.params[0].name)}->{re.escape(member)}\b"
    used = re.search(rf"{place}\s*(?:\[|->|\+\s*\w)", text.code)
    given = re.search(rf"{place}\s*=(?!=)", text.code)
    return used is not None and (given is None or used.start() < given.start())


def _zeroed_before(
    unit: TranslationUnit, text: FunctionText, end: int, struct: str, arrow: str, member: str
) -> tuple[str, str, Step] | None:
    """The callee before an offset that zeroes a struct, how, and the step; None for none."""
    for call in _BY_ADDRESS.finditer(text.code, 0, end):
        handed = call[3] == struct and bool(call[2]) == (arrow == ".")
        if not handed or call[1] in ("memset", "sizeof", "g_free"):
            continue
        if _set_between(text.code[call.end() : end], struct, member):
            continue
        if not _reaches(text.code, call.end(), end):
            continue
        how = _zeroes(unit, call[1], 0)
        if how is not None:
            span = Span(text.path, text.start + call.start(), text.start + call.end(1))
            return call[1], how, Step(span, f"{call[1]}() zeroes {struct}")
    return None


def _observation(
    text: FunctionText, freed: re.Match[str], found: tuple[str, str, Step], caller: Step | None
) -> Observation:
    callee, how, step = found
    place = f"{freed[2]}{freed[3]}{freed[4]}"
    return Observation(
        event="lost-pointer",
        function=text.name,
        primary=Span(text.path, text.start + freed.start(), text.start + freed.end()),
        key=f"{freed[1]}({place})",
        slots={"callee": callee, "place": place, "free": freed[1], "struct": freed[2], "how": how},
        trail=(step,) if caller is None else (step, caller),
        group=("lost-pointer", text.name, place),
    )


def _set_between(code: str, struct: str, member: str) -> bool:
    """Whether the member is set anew between the call and the release."""
    return re.search(rf"{re.escape(struct)}(?:->|\.){member}\s*=(?!=)", code) is not None


def _reaches(code: str, after: int, freed: int) -> bool:
    """Whether the release may follow the call: no return ends the block that the call stands in before it.

    A goto after the call may lead past that return.
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
    graph = graph_of(unit.program.environment)
    found = graph.function(unit.path, name)
    if found is not None:
        return found
    signature = unit.signature(name)
    path = signature.path if signature is not None else None
    if path is None or not path.endswith(".h"):
        return None
    stem = path.removesuffix(".h").removeprefix("include/")
    folder = posixpath.dirname(stem)
    for candidate in dict.fromkeys((f"{stem}.c", f"{folder}/{posixpath.basename(folder)}.c")):
        found = graph.function(candidate, name)
        if found is not None:
            return found
    return None


CHECKS = (
    FileCheck(
        "lost-pointer",
        "devices",
        # callee: zeroes `struct`, always or when it fails; place: what is freed afterwards, by `free`.
        (event("lost-pointer", "callee", "place", "free", "struct", how="always on-failure freed"),),
        _run,
    ),
)
