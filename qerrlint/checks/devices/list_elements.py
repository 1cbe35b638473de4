# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: elements that a file makes for a list, and that no function ever frees.

Read from the texts of the file and of the files beside it that know the elements' type. The check is silent
as soon as any of them seems to free an element, or hands one to something whose elements another may free.
Two things make a finding: a list that an element leaves, and a list of a device that can go away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from qerrlint.c.lexis import bare
from qerrlint.checks.check import FileCheck
from qerrlint.checks.devices.life_cycle import LifeCycle, life_cycle
from qerrlint.checks.devices.phase_leak import PHASE_LEAK
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.local_uses import is_storing
from qerrlint.checks.ownership.release_sites import may_release
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.type_graph import QomType
from qerrlint.qemu.unplugging import may_be_unplugged
from qerrlint.records import record
from qerrlint.source.span import Span

PAIR = "memory"
"""The pair of what g_free() frees."""
_INSERTS = lazy_re(r"\bQ(?:TAILQ|LIST|SIMPLEQ|SLIST)_INSERT_(?:HEAD|TAIL|AFTER|BEFORE)(?:_RCU)?\s*\(")
_REMOVES = lazy_re(r"\bQ(?:TAILQ|LIST|SIMPLEQ|SLIST)_REMOVE(?:_RCU)?\s*\(([^;]*)\)\s*;")
_LISTED = lazy_re(rb"Q(?:TAILQ|LIST|SIMPLEQ|SLIST)_INSERT_")
_MADE = lazy_re(
    r"(?<![\w>.])(\w+)\s*=\s*(?:\([^()]*\)\s*)?(g_new0?|g_malloc0?|g_slice_new0?|g_memdup2?)\s*\("
)
_CALL = lazy_re(r"\b([a-z_]\w*)\s*\(([^;{}]{0,400})")
_AUTO = r"\bg_auto(?:free\s+(?:struct\s+)?{0}\b|ptr\s*\(\s*{0}\s*\))"
_VARIABLE = r"(?<![\w.>])(?:struct\s+)?{0}\b\s*(\*[^;(){{}}=]{{0,200}})"
_ROOT = lazy_re(r"&?\s*(\w+)\s*(?:->|\.)")
# Another place that gets the element, or a call that is handed it.
_KEPT = (
    r"=\s*{0}\s*;|\breturn\s+{0}\s*;"
    r"|(?<!\w)(?!trace_|assert|g_assert|if\b|while\b)\w+\s*\((?:[^;{{}}]*[(,&*]\s*)?{0}\s*[,)]"
)


@record(frozen=True, slots=True)
class Element:
    """An element that a function makes and puts into a list: the function, the type, the call that makes it,
    the head of the list as written, and where."""

    function: str
    type: str
    call: str
    head: str
    span: Span


def _leaves(file: AnalysedFile) -> Iterator[Observation]:
    """The elements that leave their list and are lost."""
    for one in file.once(_never_freed):
        yield from _leaving(life_cycle(file), one)


def _stay(file: AnalysedFile) -> Iterator[Observation]:
    """The elements that stay when the device that has their list goes."""
    for one in file.once(_never_freed):
        yield from _with_device(life_cycle(file), one)


def _never_freed(file: AnalysedFile) -> tuple[Element, ...]:
    """The elements of lists, one of each type, that nothing frees."""
    if _LISTED.search(file.unit.data) is None:
        return ()
    life = life_cycle(file)
    out: dict[str, Element] = {}
    freed: set[str] = set()
    for one in _elements(life):
        if one.type not in out and one.type not in freed:
            if _is_freed(life, one):
                freed.add(one.type)
            else:
                out[one.type] = one
    return tuple(out.values())


def _elements(life: LifeCycle) -> Iterator[Element]:
    """The elements that the functions of the file make and put into a list themselves."""
    for name, piece in life.unit.functions.items():
        if life.unit.data.find(b"_INSERT_", piece.body, piece.span.end) < 0:
            continue
        text = life.text(name)
        for made in _MADE.finditer(text.code) if text is not None else ():
            assert text is not None
            kind = _declared(f"{text.head}\n{text.code}", made[1])
            inserted = _inserted(text.code, made[1], made.end())
            if kind and inserted:
                span = Span(text.path, text.start + made.start(2), text.start + made.end(2))
                yield Element(name, kind, made[2], inserted, span)


def _declared(text: str, name: str) -> str:
    """The struct that a variable of a function points to; "" for none."""
    found = re.search(rf"\b([A-Za-z_]\w*)\s*\*\s*(?:[\w*,\s]*,\s*\*\s*)?{name}\s*[;=,)]", text)
    return found[1] if found is not None and found[1] not in ("void", "char", "return") else ""


def _inserted(code: str, name: str, start: int) -> str:
    """The head of the list that a variable is put into after an offset; "" for none."""
    for found in _INSERTS.finditer(code, start):
        end = code.find(";", found.end())
        head, _, rest = code[found.end() : end].partition(",")
        if re.match(rf"\s*{name}\s*,", rest):
            return " ".join(head.split())
    return ""


def _is_freed(life: LifeCycle, one: Element) -> bool:
    """Whether a file that knows a type seems to free, or to give away, an object of it: this one, one beside
    it, or one of the folder that the type's header belongs to."""
    kind, head = one.type, _last(one.head)
    word = rb"\b%s\b" % kind.encode()
    files, path = life.graph.environment.files, life.unit.path
    if _frees(_chunks(life.unit.data), kind, head):
        return True
    declared = life.graph.environment.types.body(kind, path)
    homes = [path] if declared is None else [path, declared[0].path.removeprefix("include/")]
    for other in dict.fromkeys(one for home in homes for one in life.graph.beside(home, word)):
        if other != path and files.contains(other, word, [kind.encode()]):
            declarations = files.file(other)
            if declarations is not None and _frees(_chunks(declarations.data), kind, head):
                return True
    return False


@lru_cache(maxsize=8)
def _chunks(data: bytes) -> tuple[str, ...]:
    """The functions and other braced things of a file, comments and literals blanked."""
    return tuple(re.split(r"\n\}", bare(data).decode("latin-1")))


def _frees(chunks: tuple[str, ...], kind: str, head: str) -> bool:
    """Whether the functions of a file seem to free an object of a type or to hand it to who may: a variable
    of the type, a member, or what is at an end of the list in the member `head`."""
    variable, auto = re.compile(_VARIABLE.format(kind)), re.compile(_AUTO.format(kind))
    members: set[str] = set()
    for chunk in chunks:
        names = {
            name
            for found in (variable.finditer(chunk) if kind in chunk else ())
            for name in re.findall(r"\w+", found[1])
        }
        members |= names
        if names and (auto.search(chunk) or _gives_away(chunk, names, r"(?<![\w>.])")):
            return True
    ends = re.compile(rf"_(?:FIRST|LAST|NEXT|PREV)\w*\s*\([^;()]*\b{re.escape(head)}\b")
    return any(
        _gives_away(chunk, members, r"(?:->|\.)")
        or any(ends.search(found[2]) and may_release(found[1]) for found in _CALL.finditer(chunk))
        for chunk in chunks
    )


def _gives_away(chunk: str, names: set[str], before: str) -> bool:
    """Whether a call that may free or keep what it is handed gets one of some variables."""
    if not names:
        return False
    handed = re.compile(rf"{before}(?:{'|'.join(sorted(names))})\s*[,)]")
    return any(
        handed.search(found[2]) and (may_release(found[1]) or is_storing(found[1]))
        for found in _CALL.finditer(chunk)
    )


def _leaving(life: LifeCycle, one: Element) -> Iterator[Observation]:
    """The places where an element leaves its list, and the function keeps it nowhere."""
    heads = {" ".join(head.split()) for head in _heads(life, one.type)}
    if len({_last(head) for head in heads}) > 1:
        # It may go from one list to the other and back.
        return
    for name, piece in life.unit.functions.items():
        text = life.text(name) if life.unit.data.find(b"_REMOVE", piece.body, piece.span.end) >= 0 else None
        for found in _REMOVES.finditer(text.code) if text is not None else ():
            assert text is not None
            parts = [part.strip() for part in found[1].split(",")]
            element = parts[-2] if len(parts) > 1 else ""
            if not element.isidentifier() or _declared(f"{text.head}\n{text.code}", element) != one.type:
                continue
            if re.search(_KEPT.format(element), text.code[found.end() :]):
                continue
            span = Span(text.path, text.start + found.start(), text.start + found.end() - 1)
            yield Observation(
                event="left-held",
                function=name,
                primary=span,
                key=f"{element} {one.type}",
                slots={
                    "pair": PAIR,
                    "object": element,
                    "acquire": one.call,
                    "release": "g_free()",
                    "when": "dropped",
                    "elsewhere": "yes",
                },
                trail=(Step(one.span, f"{one.call}() allocates the elements in {one.function}()"),),
                certainty="medium",
                subject=one,
            )


def _heads(life: LifeCycle, kind: str) -> Iterator[str]:
    """The heads of the lists into which functions of the file put elements of a type."""
    for name, piece in life.unit.functions.items():
        text = life.text(name) if _LISTED.search(life.unit.data, piece.body, piece.span.end) else None
        for found in _INSERTS.finditer(text.code) if text is not None else ():
            assert text is not None
            head, _, rest = text.code[found.end() : text.code.find(";", found.end())].partition(",")
            element = rest.partition(",")[0].strip()
            if element.isidentifier() and _declared(f"{text.head}\n{text.code}", element) == kind:
                yield head


def _last(head: str) -> str:
    return re.split(r"->|\.", head)[-1]


def _with_device(life: LifeCycle, one: Element) -> Iterator[Observation]:
    """An element of a list whose head a device has that can go away."""
    text, base = life.text(one.function), _ROOT.match(one.head)
    struct = _declared(f"{text.head}\n{text.code}", base[1]) if text is not None and base is not None else ""
    of = _device(life, struct, one.function) if struct else None
    if of is None:
        return
    yield Observation(
        event="phase-leak",
        function=one.function,
        primary=one.span,
        key=f"{one.call} {one.type} {_last(one.head)}",
        slots={
            "pair": PAIR,
            "object": f"the elements of {one.head.lstrip('&')}",
            "acquire": one.call,
            "release": "g_free()",
            "phase": "element",
        },
        trail=(Step(of.row.span, f"{of.name} has the list, and can go away"),),
        certainty="medium",
        subject=one,
        group=("phase-leak", one.type),
    )


def _device(life: LifeCycle, struct: str, function: str) -> QomType | None:
    """A type of the folder whose objects are such structs and that may be unplugged, or of this file that
    runs the function in its instance_init."""
    word = rb"\b%s\b" % struct.encode()
    buses = word_list("buses-with-unplug")
    for path in dict.fromkeys((life.unit.path, *life.graph.beside(life.unit.path, word))):
        if not life.graph.environment.files.contains(path, word, [struct.encode()]):
            continue
        for of in life.graph.of_file(path):
            if of.instance_struct != struct:
                continue
            started = [entry.function for entry in life.entries(of, "instance_init")]
            if may_be_unplugged(of, buses) or function in life.reached(started):
                return of
    return None


CHECKS = (
    FileCheck(
        "list-elements",
        "ownership",
        (LEFT_HELD,),
        _leaves,
    ),
    FileCheck(
        "device-elements",
        "devices",
        (PHASE_LEAK,),
        _stay,
    ),
)
