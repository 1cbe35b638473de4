# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of memory that a member of a heap struct holds: the struct is freed, the member never.

Read from the texts of the file and of those beside it that know the struct. The check is silent as soon as
any of them does anything with a member of that name but to read through it, to lend it, and to give it
memory.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from qerrlint.c.cut import Piece
from qerrlint.c.lexis import bare
from qerrlint.c.surroundings import call_around
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.bodies_elsewhere import BodiesElsewhere, bodies_elsewhere
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.out_parameters import out_parameters
from qerrlint.domain.word_lists import word_list
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
# A member whose address a call gets, which may point it to new memory.
_HANDED = lazy_re(r"&(\w{1,60})->(\w{1,60})\s{0,80}[,)]")
_HANDED_BYTES = lazy_re(rb"&\w{1,60}->\w{1,60}\s{0,80}[,)]")
_FREED = lazy_re(r"\b(g_free|g_slice_free|qemu_aio_unref|qemu_aio_release|g_free_rcu)\s{0,9}\(")
_FREED_MEMBER = lazy_re(r"\bg_free\s{0,9}\(\s{0,9}(\w{1,60})->(\w{1,60})\s{0,9}\)")
_FEWEST_FREED = 2
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
    if b"free" not in unit.data:
        return
    graph = graph_of(unit.program.environment)
    told: set[tuple[str, str]] = set()
    if file.only is not None and not any(_members(unit, graph, file.only)):
        return
    # A member is told where the first function makes it, whoever asks.
    for one in _members(unit, graph):
        key = (one.struct, one.member)
        if key in told:
            continue
        told.add(key)
        if unit.program.environment.schema.kind(one.struct) is not None:
            # A generated function frees it with its members, where the dispatcher sends it, too.
            continue
        freed = _freed(unit, graph, one)
        where = freed or _others_freed(unit, graph, one)
        if where is not None and not _may_be_freed(unit, graph, one):
            yield _observation(one, where, "member" if freed is not None else "sibling")


def _members(
    unit: TranslationUnit, graph: TypeGraph, only: Collection[str] | None = None
) -> Iterator[Member]:
    """The members of structs that functions of the file, all or `only` some, give new memory."""
    for name, piece in unit.functions.items():
        if only is not None and name not in only:
            continue
        makes = _MADE_BYTES.search(unit.data, piece.body, piece.span.end) is not None
        text = graph.function(unit.path, name) if makes or _fills_any(unit, piece) else None
        if text is None:
            continue
        for made in _MADE.finditer(text.code) if makes else ():
            struct = _struct(text, made[1])
            if struct:
                start = text.start + made.start()
                span = Span(text.path, start, text.start + made.end(3))
                yield Member(struct, made[2], name, made[3], f"{made[1]}->{made[2]}", span, piece.span)
        for handed in _HANDED.finditer(text.code):
            call = _filling(unit, text, handed.start())
            struct = _struct(text, handed[1]) if call else ""
            if struct:
                start = text.start + handed.start()
                span = Span(text.path, start, text.start + handed.end(2))
                yield Member(struct, handed[2], name, call, f"{handed[1]}->{handed[2]}", span, piece.span)


def _fills_any(unit: TranslationUnit, piece: Piece) -> bool:
    """Whether a function hands the address of a member to one that may point it to new memory."""
    handed = _HANDED_BYTES.finditer(unit.data, piece.body, piece.span.end)
    return any(out_parameters(unit).fills(unit, piece, found.start()) for found in handed)


def _filling(unit: TranslationUnit, text: FunctionText, at: int) -> str:
    """The function that points what is handed to it at a place to new memory; "" for none."""
    called = call_around(text.code, at)
    if called is None or called[1] not in out_parameters(unit).filled(unit, called[0]):
        return ""
    return called[0]


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


def _others_freed(unit: TranslationUnit, graph: TypeGraph, one: Member) -> Step | None:
    """The place where the end of the struct frees other members that the function makes; None for none."""
    making = graph.function(unit.path, one.function)
    made = {found[2] for found in _MADE.finditer(making.code)} if making is not None else set()
    for name in unit.functions if len(made) >= _FEWEST_FREED else ():
        text = graph.function(unit.path, name) if word_list("ends-of-objects").matches(name) else None
        freed = [*_FREED_MEMBER.finditer(text.code)] if text is not None else []
        ours = [member for member in freed if text is not None and _struct(text, member[1]) == one.struct]
        if text is not None and len({found[2] for found in ours} & made) >= _FEWEST_FREED:
            first = ours[0]
            span = Span(text.path, text.start + first.start(), text.start + first.end())
            return Step(span, f"{name}() frees other members of the {one.struct}")
    return None


def _may_be_freed(unit: TranslationUnit, graph: TypeGraph, one: Member) -> bool:
    """Whether a file that knows the struct may free a member of that name, or share what it holds."""
    bodies = bodies_elsewhere(unit)
    member = re.compile(rf"(?:->|\.)\s*{one.member}\b")
    for path in _knowing(unit, graph, one.struct):
        declarations = graph.file(path)
        data = declarations.data if declarations is not None else b""
        if one.member.encode() in data and any(
            _is_shared(bodies, text, found)
            and not _is_undone(text, found, one)
            and not (_is_handed(text, found) and _filling(unit, text, found.start()))
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


def _is_handed(text: FunctionText, found: re.Match[str]) -> bool:
    """Whether the address of a member is an argument of a call, alone."""
    base = _BASE.search(text.code, max(found.start() - _LONGEST, 0), found.start())
    before = text.code[: base.start()].rstrip() if base is not None else ""
    return before.endswith("&") and text.code[found.end() :].lstrip()[:1] in (",", ")")


def _is_undone(text: FunctionText, found: re.Match[str], one: Member) -> bool:
    """Whether the function that makes the memory frees it there: another one has to free what it leaves."""
    start = text.start + found.start()
    return (
        one.around.start <= start < one.around.end
        and re.search(r"\bg_free\s*\(\s*[\w.>\-]*\Z", text.code[: found.start()]) is not None
    )


def _observation(one: Member, freed: Step, when: str) -> Observation:
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
            "when": when,
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
