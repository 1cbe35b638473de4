# SPDX-License-Identifier: GPL-2.0-or-later
"""The places of a file that a guest can reach and that a check of guests asks about, and their wording."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.trace_steps import decided
from qerrlint.findings import Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import NamedPattern, calls_of
from qerrlint.qemu.guest.branches import Decision
from qerrlint.qemu.guest.entries import GuestEntry, may_have_entries
from qerrlint.qemu.guest.file import GuestFile, GuestVisit, Sample
from qerrlint.qemu.guest.indirect_entries import CALLBACK, may_have_indirect
from qerrlint.qemu.guest.memory_structs import READER
from qerrlint.qemu.guest.walk import ENDS
from qerrlint.source.span import Span

PRINTS = frozenset({"printf", "fprintf", "vfprintf", "puts", "putchar", "fputs", "perror"})
"""Calls that print to the standard streams."""
REPORTS = frozenset({"error_report", "warn_report", "info_report", "error_vreport", "error_printf"})
"""Calls that print to the user of QEMU."""
PUSHES = frozenset({"fifo8_push", "fifo32_push", "fifo8_push_all"})
"""Calls that end QEMU by an assertion where the FIFO is full (util/fifo8.c)."""
FIFOS = frozenset({"fifo8_pop", "fifo32_pop"}) | PUSHES
"""Those, and the ones that do so where it is empty."""
_NAMED = ENDS | PRINTS | REPORTS | FIFOS
_ASSERTS = (b"g_assert",)
_WANTED = calls_of({*_NAMED, "assert", r"g_assert\w*"}, _ASSERTS)
# A directive or a condition of the preprocessor; what stands before it on its line is asked afterwards.
_MACRO = lazy_re(rb"#[ \t]*define[ \t]+(\w+)\(((?:[^\n\\]|\\.|\\\r?\n)*)")
_CONDITION = lazy_re(rb"#[ \t]*(if|endif)")
_STREAMS = rb"\b(?:v?fprintf\s*\(\s*(?:stderr|stdout)\b|(?:printf|puts|perror)\s*\(|(?:%s)\s*\()"
_TO_STREAMS = ("printf", "fprintf", "vfprintf", "puts", "perror")
_PRINTS = NamedPattern(
    lazy_re(_STREAMS % b"|".join(sorted(name.encode() for name in ENDS))), (*_TO_STREAMS, *ENDS)
)
_TELLS = NamedPattern(
    lazy_re(_STREAMS % b"|".join(sorted(name.encode() for name in ENDS | REPORTS))),
    (*_TO_STREAMS, *ENDS, *REPORTS),
)
_ASKS = lazy_re(rb"\bif\b|\?")
_ENDS = calls_of(ENDS)
# What counts in callbacks: no place that is thought never to be reached.
_ENDS_LATER = calls_of(
    {*(ENDS - {"g_assert_not_reached"}), "assert", r"g_assert(?!_not_reached)\w*"}, _ASSERTS
)
# A name that begins with letters which are read one by one.
_SPELT = lazy_re(r"[A-Z][A-Z0-9]")
_ORDER = ("access", "always", "state")
# So many of the decisions of a place are told.
_MOST_DECISIONS = 3


def guest_file(file: AnalysedFile) -> GuestFile:
    """The file as a guest sees it."""
    return GuestFile(file.unit, file.only)


def guest_places(file: AnalysedFile) -> tuple[GuestVisit, ...]:
    """The ends of the program, the messages and the failing assertions that a guest can reach.

    If several paths lead to a place, the one that is best known counts.
    """
    unit = file.unit
    if not _WANTED.may_be_in(unit.text) or not (may_have_entries(unit.data) or may_have_indirect(unit)):
        return ()
    guest = file.once(guest_file)
    macros = file.once(ending_macros) | file.once(printing_macros) | file.once(reporting_macros)
    wanted = _NAMED | macros
    pattern = _WANTED
    if macros - _NAMED:
        pattern = calls_of({*wanted, "assert", r"g_assert\w*"}, _ASSERTS)
    targets = guest.places(pattern)
    if not targets or not (guest.entries or guest.indirect):
        return ()
    best: dict[Span, GuestVisit] = {}
    within = guest.calling(targets)
    # In a callback only a descriptor in guest memory makes a message the guest's.
    reads = READER.is_in(unit.text)
    by_owner = {CALLBACK: within if reads else guest.calling(guest.places(_ENDS_LATER))}
    for visit in guest.visits(within, lambda call: call is None or call.name in wanted, by_owner):
        known = best.get(visit.visit.span)
        if known is None or _rank(visit) < _rank(known):
            best[visit.visit.span] = visit
    return tuple(best[span] for span in sorted(best))


def ending_macros(file: AnalysedFile) -> frozenset[str]:
    """The macros of the file that end QEMU, in all of their definitions."""
    search = _ENDS.pattern.search
    return frozenset(name for name, (texts, _) in _definitions(file, _ENDS) if all(map(search, texts)))


def printing_macros(file: AnalysedFile) -> frozenset[str]:
    """The macros of the file that print to a standard stream, or end QEMU, in all of their definitions.

    One that asks something, or whose only definition stands under a condition, is for debugging.
    """
    return _telling_macros(file, _PRINTS) - file.once(ending_macros)


def reporting_macros(file: AnalysedFile) -> frozenset[str]:
    """The macros of the file that print to the user of QEMU in one of their definitions, and in each of the
    others do so as well, print to a standard stream, or end QEMU."""
    return _telling_macros(file, _TELLS) - file.once(printing_macros) - file.once(ending_macros)


def _telling_macros(file: AnalysedFile, tells: NamedPattern) -> frozenset[str]:
    return frozenset(
        name
        for name, (texts, conditional) in _definitions(file, tells)
        if not (conditional and len(texts) == 1)
        and all(tells.pattern.search(text) and not _ASKS.search(text) for text in texts)
    )


def _definitions(file: AnalysedFile, does: NamedPattern) -> list[tuple[str, tuple[list[bytes], bool]]]:
    """The macros with parameters of a file that has a match of a pattern: the bodies of all definitions, and
    whether one of those stands under a condition."""
    data = file.unit.data
    if not does.may_be_in(file.unit.text):
        return []
    found: dict[str, list[bytes]] = {}
    conditional: set[str] = set()
    conditions = (one for one in _CONDITION.finditer(data) if _begins_line(data, one.start()))
    following = next(conditions, None)
    depth = 0
    macros = (one for one in _MACRO.finditer(data) if _begins_line(data, one.start()))
    for macro in macros:
        while following is not None and following.end() <= macro.start():
            depth += -1 if following[1] == b"endif" else 1
            following = next(conditions, None)
        name = macro[1].decode("latin-1")
        found.setdefault(name, []).append(macro[2])
        if depth > 0:
            conditional.add(name)
    return [(name, (texts, name in conditional)) for name, texts in found.items()]


def _begins_line(data: bytes, at: int) -> bool:
    """Whether nothing but blanks stands before an offset on its line."""
    return not data[data.rfind(b"\n", 0, at) + 1 : at].strip(b" \t")


def _rank(visit: GuestVisit) -> tuple[bool, int, bool, bool, int]:
    return (
        visit.entry.slot.owner == CALLBACK,
        _ORDER.index(visit.decided),
        not within_region(visit),
        not visit.complete,
        len(visit.visit.chain),
    )


def within_region(visit: GuestVisit) -> bool:
    """Whether one of the samples is certainly an access to the region, whatever the region's size is."""
    return visit.region or any(sample.offset in (None, 0) for sample in visit.samples)


def access(visit: GuestVisit) -> str:
    """What the guest does to get to a place, as words: "a write of 4 bytes at offset 0x8"."""
    return access_text(visit.entry, _example(visit) if visit.decided == "access" else None)


def access_text(entry: GuestEntry, sample: Sample | None) -> str:
    """An access at an entry as words, with offset, size and value where the sample counts."""
    word = entry.slot.access
    out = f"{'an' if word[0] in 'aeiouAEIOUS' else 'a'} {word}"
    if sample is None:
        return out
    if sample.size is not None:
        out += f" of {sample.size} byte{'s' if sample.size != 1 else ''}"
    if sample.offset is not None:
        out += f" at offset {sample.offset:#x}"
    # A value without a size is that of a parameter, which may hold fewer bits than it was tried with.
    if sample.value is not None and (sample.size is not None or sample.value < 1 << 32):
        mask = (1 << (8 * sample.size)) - 1 if sample.size is not None else -1
        out += f" with the value {sample.value & mask:#x}"
    return out


def _example(visit: GuestVisit) -> Sample:
    """The access to tell: one that is surely in the region where its size is not known."""
    inside = [sample for sample in visit.samples if sample.offset in (None, 0)] if not visit.region else ()
    return (inside or visit.samples)[0]


def steps(file: AnalysedFile, visit: GuestVisit) -> Iterable[Step]:
    """How the guest gets to a place: the function it enters, the calls from there, the tests right before."""
    unit = file.unit
    piece = unit.functions[visit.entry.function]
    head = Span(unit.path, piece.span.start, piece.body)
    slot = visit.entry.slot
    where = f" of {visit.entry.table.name}" if visit.entry.table is not None else ""
    if slot.owner == CALLBACK:
        yield Step(
            head, f"{visit.entry.function}() is a callback, which runs in the state that the guest has set up"
        )
    else:
        yield Step(head, f"a guest enters {visit.entry.function}(), {_article(slot.owner)} function{where}")
    for call in visit.visit.chain:
        yield Step(call.span, f"calls {call.name}()")
    for decision in visit.visit.decisions[:_MOST_DECISIONS]:
        edge = decision.edge
        if edge.span is None or visit.visit.span == edge.span:
            continue
        yield Step(edge.span, decided(unit, edge.span, edge.taken is True, edge.case))


def _article(name: str) -> str:
    """A name with its article, as it is read aloud: an I2CSlaveClass, a USBDeviceClass."""
    vowels = "AEFHILMNORSX" if _SPELT.match(name) else "AEIO"
    return f"{'an' if name[:1].upper() in vowels else 'a'} {name}"


def in_last_arm(visit: GuestVisit) -> bool:
    """Whether no case of a switch leads to a place."""
    return any(
        decision.edge.taken is False and switched(visit, decision) for decision in visit.visit.decisions
    )


def switched(visit: GuestVisit, decision: Decision) -> bool:
    """Whether a test is that of a `switch`."""
    edge = decision.edge
    return edge.case is not None or any(
        other.case is not None and other.span == edge.span for other in visit.visit.function.edges()
    )
