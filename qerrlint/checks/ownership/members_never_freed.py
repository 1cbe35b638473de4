# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of memory that a member of a heap struct holds: the struct is freed, the member never.

Read from the texts of the file and of those beside it that know the struct. The check is silent as soon as
any of them does anything with a member of that name but to read through it, to lend it, and to give it
memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from qerrlint.c.lexis import bare
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.bodies_elsewhere import BodiesElsewhere, bodies_elsewhere
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.type_graph import TypeGraph, graph_of
from qerrlint.records import record
from qerrlint.source.span import Span

PAIR = "memory"
"""The pair of what g_free() frees."""
# All repetitions are bounded: a hostile file must not cost more than its length.
_MADE = lazy_re(
    r"\b(\w{1,60})->(\w{1,60})\s{0,20}=\s{0,80}(?:\([\w\s*]{1,60}\)\s{0,20})?"
    r"(g_new0?|g_malloc0?(?:_n)?|g_strdup|g_strdup_printf|g_strndup|g_memdup2?)\s{0,9}\("
)
# As _MADE, from what can be searched for quickly.
_MADE_BYTES = lazy_re(
    rb"->\w{1,60}\s{0,20}=\s{0,80}(?:\([\w\s*]{1,60}\)\s{0,20})?g_(?:new|malloc|str|memdup)"
)
_FREED = lazy_re(r"\b(g_free|g_slice_free|qemu_aio_unref|qemu_aio_release|g_free_rcu)\s{0,9}\(")
_ASSIGNED = lazy_re(r"\s*=(?!=)\s*([^;]*);")
_BASE = lazy_re(r"\w[\w.\[\]]*(?:->[\w.\[\]]+)*\s*\Z")
_LONGEST = 200
_NOTHING = frozenset({"NULL", "0"})
_MAKING = lazy_re(r"(?:\([\w\s*]{1,60}\)\s*)?(?:g_new0?|g_malloc0?(?:_n)?|g_str\w+|g_memdup2?)\s*\(")


@record(frozen=True, slots=True)
class Member:
    """A member that a function gives new memory: the struct, the names, the call, where, and
    the function's own place."""

    struct: str
    member: str
    function: str
    call: str
    place: str
    span: Span
    around: Span


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The members of heap structs of the file that hold memory which nothing frees."""
    unit = file.unit
    if b"free" not in unit.data or _MADE_BYTES.search(unit.data) is None:
        return
    graph = graph_of(unit.program.environment)
    told: set[tuple[str, str]] = set()
    for one in _members(unit, graph):
        key = (one.struct, one.member)
        if key in told:
            continue
        told.add(key)
        freed = _freed(unit, graph, one)
        if freed is not None and not _may_be_freed(unit, graph, one):
            yield _observation(one, freed)


def _members(unit: TranslationUnit, graph: TypeGraph) -> Iterator[Member]:
    """The members of structs that functions of the file give new memory."""
    for name, piece in unit.functions.items():
        if _MADE_BYTES.search(unit.data, piece.body, piece.span.end) is None:
            continue
        text = graph.function(unit.path, name)
        for made in _MADE.finditer(text.code) if text is not None else ():
            assert text is not None
            struct = _struct(text, made[1])
            if struct:
                start = text.start + made.start()
                span = Span(text.path, start, text.start + made.end(3))
                yield Member(struct, made[2], name, made[3], f"{made[1]}->{made[2]}", span, piece.span)


def _struct(text: FunctionText, name: str) -> str:
    """The struct that a variable of a function points to; "" for none."""
    found = re.search(rf"\b([A-Za-z_]\w*)\s*\*\s*(?:const\s+)?{name}\s*[;=,)]", f"{text.head}\n{text.code}")
    return found[1] if found is not None and found[1] not in ("void", "char", "return") else ""


def _freed(unit: TranslationUnit, graph: TypeGraph, one: Member) -> Step | None:
    """The place where another function of the file frees such a struct; None where none frees it as plain
    memory."""
    struct = one.struct
    for name, piece in unit.functions.items():
        if name == one.function or unit.data.find(struct.encode(), piece.span.start, piece.span.end) < 0:
            continue
        text = graph.function(unit.path, name)
        for found in _FREED.finditer(text.code) if text is not None else ():
            assert text is not None
            handed = re.match(r"\s*(\w+)\s*\)", text.code[found.end() :])
            if handed is not None and _struct(text, handed[1]) == struct:
                span = Span(text.path, text.start + found.start(), text.start + found.end(1))
                return Step(span, f"{found[1]}() frees the {struct} in {name}()")
    return None


def _may_be_freed(unit: TranslationUnit, graph: TypeGraph, one: Member) -> bool:
    """Whether a file that knows the struct may free a member of that name, or share what it holds."""
    bodies = bodies_elsewhere(unit)
    member = re.compile(rf"(?:->|\.)\s*{one.member}\b")
    for path in _knowing(unit, graph, one.struct):
        declarations = graph.file(path)
        data = declarations.data if declarations is not None else b""
        if one.member.encode() in data and any(
            _is_shared(bodies, text, found) and not _is_undone(text, found, one)
            for text in _chunks(path, data)
            for found in member.finditer(text.code)
        ):
            return True
    return False


def _knowing(unit: TranslationUnit, graph: TypeGraph, struct: str) -> Iterator[str]:
    """The file, and those beside it that know a struct."""
    yield unit.path
    word = rb"\b%s\b" % struct.encode()
    for path in graph.beside(unit.path, word):
        if path != unit.path and graph.environment.files.contains(path, word, [struct.encode()]):
            yield path


@lru_cache(maxsize=8)
def _chunks(path: str, data: bytes) -> tuple[FunctionText, ...]:
    """The functions and other braced things of a file, comments and literals blanked."""
    out: list[FunctionText] = []
    start = 0
    for code in re.split(r"(?<=\n\})", bare(data).decode("latin-1")):
        out.append(FunctionText("", path, "", 0, start, code))
        start += len(code)
    return tuple(out)


def _is_shared(bodies: BodiesElsewhere, text: FunctionText, found: re.Match[str]) -> bool:
    """Whether the member, where it stands, is freed, handed on, or given what is no new memory."""
    base = _BASE.search(text.code, max(found.start() - _LONGEST, 0), found.start())
    if base is None:
        return True
    given = _ASSIGNED.match(text.code, found.end())
    if given is not None:
        value = given[1].strip()
        return value not in _NOTHING and _MAKING.match(value) is None
    return bodies.keeps_expression(text, base.start(), found.end())


def _is_undone(text: FunctionText, found: re.Match[str], one: Member) -> bool:
    """Whether the function that makes the memory frees it there: another one has to free what it leaves."""
    start = text.start + found.start()
    return (
        one.around.start <= start < one.around.end
        and re.search(r"\bg_free\s*\(\s*[\w.>\-]*\Z", text.code[: found.start()]) is not None
    )


def _observation(one: Member, freed: Step) -> Observation:
    return Observation(
        event="left-held",
        function=one.function,
        primary=one.span,
        key=f"{one.call} {one.struct} {one.member}",
        slots={
            "pair": PAIR,
            "object": one.place,
            "acquire": one.call,
            "release": "g_free()",
            "when": "member",
            "elsewhere": "yes",
        },
        trail=(freed,),
        certainty="medium",
        subject=one,
    )


CHECKS = (
    FileCheck(
        "members-never-freed",
        "ownership",
        (LEFT_HELD,),
        run,
    ),
)
