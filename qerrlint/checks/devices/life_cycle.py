# SPDX-License-Identifier: GPL-2.0-or-later
"""What the phases of a device take, and where its files give that back; read from the texts of the functions.

A phase is entered at the functions that the type stores for it, and takes in the functions of the same file
that those call. An object is known by the last member of the place that holds it, `timer` of
`s->ch[i].timer`: loops, aliases and other bases of the same member are no difference. What no member holds is
known by its pair alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from qerrlint.c.lexis import occurrences
from qerrlint.checks.devices.outside_phases import OutsidePhase, outside_phases
from qerrlint.checks.devices.parts_by_name import parts_by_name
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.ownership import RESULT, Move, Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import arguments_at, property_calls
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.qemu.type_graph import Phase, QomType, TypeGraph, graph_of
from qerrlint.source.span import Span

SETUP = ("instance_init", "realize")
SETTER = "property"
"""The phase of the functions that set a property: before realize, and as often as somebody wants to."""
RUNNING = "run"
"""The phase of the other functions of the file, which run as long as the device does."""
UNDOING = ("unrealize", "finalize")
_MEMBER = re.compile(r"(?:->|\.)\s*(\w+)\s*(?:\[[^\]]*\]\s*)*\Z")
_BASE = re.compile(r"[&*(\s]*(\w+)\s*(?:->|\.|\[)")
_CAST = re.compile(r"\s*[A-Z][A-Z0-9_]*\s*\((.*)\)\s*\Z", re.S)
_TARGET = re.compile(r"([&\w\s\->.\[\]()*+]+?)\s*=\s*(?:\(\s*\w+[\s*]*\)\s*|[A-Z][A-Z0-9_]*\s*\(\s*)?\Z")
_BLANKS = re.compile(r"[ \t]+")
_LINES = re.compile(r" ?(?:\n ?)+")
_LONGEST_TARGET = 400
_OF_MEMBER = re.compile(r"->|\.\w")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
_ENDS = (b";", b"{", b"}")
# fifo8_num_free() and similar functions return the free space; they release nothing.
_FREES = re.compile(
    rb"\b(?!\w*(?:num|nr|is|has|get)_free)\w*(?:free|destroy|cleanup|unref|delete|release|fini)\w*\s*\("
)
# A parameter by which a function gets a state struct.
_STRUCT_POINTER = re.compile(
    r"(?:struct\s+)?(?!(?:Device|Bus)State\b|Object\b|Error\b)([A-Z]\w*[a-z]\w*)\s*\*\Z"
)
_MADE_BY_CALL = re.compile(r"\s*(?:g_str|g_new|g_malloc|object_get_canonical_path|qemu_find_file|NULL\b)")
_PLAIN_CALL = re.compile(r"\s*([a-z_]\w*)\s*\(([^()]*)\)\s*\Z")
_CONSTANTS = frozenset({"true", "false"})
_WORDS = re.compile(r"[A-Za-z_]\w*")
_INTO_MEMBER = r"[\w\->.\[\]]+(?:->|\.)\w+(?:\[[^\]]*\])*"
COUNTED = "QOM reference"
"""The pair of calls that count one more user of an object."""
BY_NAME = "part that is undone by name"
"""The pair of functions of another file whose names tell that the second undoes the first."""
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Taken:
    """One acquiring call in a setup phase.

    `member` is the last member of the place that holds the object, "" where no member of the device does.
    `base` is the variable that the place begins with, `place` its text. `phase` is that of the type's life in
    which the function runs, `entry` the function that is stored for the phase.
    """

    pair: Pair
    move: Move
    function: str
    span: Span
    place: str
    member: str
    base: str
    phase: str
    entry: Phase
    type: QomType


class LifeCycle:
    """The phases of the types of one file."""

    def __init__(self, file: AnalysedFile) -> None:
        self.unit: TranslationUnit = file.unit
        self.pairs = tuple(pair for pair in file.pairs if not pair.local and self._is_known(pair))
        self._texts: dict[str, FunctionText | None] = {}
        self._named: dict[str, Sequence[tuple[str, str, int]]] = {}

    def _is_known(self, pair: Pair) -> bool:
        """Whether the tree has a call that releases: where their types are stated, it declares one."""
        unit = self.unit
        if not all(move.type for move in pair.release):
            return True
        if not any(move.call.encode() in unit.data for move in pair.acquire):
            return False
        signatures = ((move, unit.signature(move.call)) for move in pair.release)
        return any(signature is not None and move.applies(signature) for move, signature in signatures)

    @cached_property
    def graph(self) -> TypeGraph:
        """The types of the tree; what has asked for them counts as made from all that the tree declares."""
        return graph_of(self.unit.program.environment)

    @cached_property
    def types(self) -> tuple[QomType, ...]:
        """The types that the file defines."""
        if b"TypeInfo" not in self.unit.data and b"OBJECT_DEFINE_" not in self.unit.data:
            return ()
        return self.graph.of_file(self.unit.path)

    def text(self, name: str) -> FunctionText | None:
        """The text of a function that the file defines."""
        if name not in self._texts:
            declarations = self.graph.file(self.unit.path)
            known = name in self.unit.functions and declarations is not None
            self._texts[name] = function_text(declarations, name) if known and declarations else None
        return self._texts[name]

    def reached(self, names: Iterable[str]) -> tuple[str, ...]:
        """The functions of the file that these call, themselves included, the nearest first."""
        out: dict[str, None] = {}
        level = [name for name in names if self.text(name) is not None]
        for _ in range(_DEEPEST):
            following: list[str] = []
            for name in level:
                if name in out:
                    continue
                out[name] = None
                text = self.text(name)
                following += sorted(text.called() & self.unit.functions.keys()) if text is not None else []
            level = following
        return tuple(out)

    def entries(self, of: QomType, *phases: str) -> list[Phase]:
        """The functions of this file that the type itself stores for the phases."""
        stored = [
            one for one in of.phases
            if one.phase in phases and one.path == self.unit.path and one.owner == of.name
        ]  # fmt: skip
        if "realize" in phases and of.row.abstract and not any(one.phase == "realize" for one in stored):
            # The types that derive from it, in other files, call what it offers them.
            stored += [
                Phase("realize", name, self.unit.path, "realize", "", of.row.span, of.name)
                for name in self.unit.functions
                if name.endswith("_realize") and not self.unit.is_static(name)
            ]
        return stored

    def taken(self) -> Iterator[Taken]:
        """The acquiring calls of the setup phases, for the phase that runs each first, once for each type."""
        seen: dict[tuple[Span, str], str] = {}
        told: set[tuple[Span, str, str]] = set()
        for phase in (*SETUP, SETTER):
            for of, entry, start in self._starts(phase):
                for name in self.reached([start]):
                    for one in self.acquired(name, phase, entry, of):
                        first = seen.setdefault((one.span, one.pair.name), phase)
                        if first == phase and (one.span, one.pair.name, of.name) not in told:
                            told.add((one.span, one.pair.name, of.name))
                            yield one

    def taken_while_running(self) -> Iterator[Taken]:
        """The acquiring calls of the functions that no setup phase runs, into the struct of a type itself."""
        setup = {
            name
            for phase in (*SETUP, SETTER)
            for _, _, start in self._starts(phase)
            for name in self.reached([start])
        }
        for name, piece in self.unit.functions.items():
            if name in setup or not self.acquires(name):
                continue
            for of in self.types:
                entry = Phase(RUNNING, name, self.unit.path, "", "", piece.span, of.name)
                for one in self.acquired(name, RUNNING, entry, of):
                    if one.member and self.is_of_device(one):
                        yield one

    def _starts(self, phase: str) -> Iterator[tuple[QomType, Phase, str]]:
        """The types with a phase that runs functions of the file: what is stored for it, and which."""
        for of in self.types:
            for entry in self.setters(of) if phase == SETTER else self.entries(of, phase):
                yield of, entry, entry.function
        for one in self._outside:
            if one.entry.phase == phase:
                yield one.type, one.entry, one.function

    @cached_property
    def _outside(self) -> tuple[OutsidePhase, ...]:
        """The functions of the file that take something and that setup phases of other files call."""
        taking = {name for name in self.unit.functions if self.acquires(name)} if self._moves else set()
        names = [
            name
            for name in (self.unit.functions if taking else ())
            if not self.unit.is_static(name) and not taking.isdisjoint(self.reached([name]))
        ]
        return tuple(outside_phases(self.graph, self.unit.path, names, SETUP))

    def setters(self, of: QomType) -> list[Phase]:
        """The functions of the file that the type hands to a call which adds a property, getters included."""
        out: dict[str, Phase] = {}
        started = [entry.function for entry in self.entries(of, "class_init", "instance_init")]
        for name in self.reached(started) if b"property_add" in self.unit.data else ():
            text = self.text(name)
            for begin, end, words in property_calls(text.code.encode("latin-1")) if text is not None else ():
                assert text is not None
                span = Span(text.path, text.start + begin, text.start + end)
                for word in words:
                    if word in self.unit.functions:
                        out.setdefault(
                            word, Phase(SETTER, word, self.unit.path, "property", "", span, of.name)
                        )
        return list(out.values())

    @property
    def acquires_any(self) -> bool:
        """Whether the file makes an acquiring call at all, by its bytes."""
        return bool(self._moves)

    def acquires(self, name: str) -> bool:
        """Whether a function of the file makes an acquiring call."""
        piece = self.unit.functions[name]
        return self._any_acquiring.search(self.unit.data, piece.body, piece.span.end) is not None

    def acquired(self, name: str, phase: str, entry: Phase, of: QomType) -> Iterator[Taken]:
        """The acquiring calls of a function of the file, which a phase reaches at `entry`."""
        text = self.text(name)
        if text is None:
            return
        for found in self._acquiring.finditer(text.code):
            paren = text.code.index("(", found.end())
            span = Span(text.path, text.start + found.start(), text.start + found.end())
            for pair, move in self._moves[found[0]]:
                place = self._place(text, pair, move, found.start(), paren)
                if place is not None:
                    member, base = _MEMBER.search(place), _BASE.match(place)
                    names = (member[1] if member else "", base[1] if base else "")
                    yield Taken(pair, move, name, span, place, *names, phase, entry, of)

    @cached_property
    def _moves(self) -> dict[str, list[tuple[Pair, Move]]]:
        """The acquiring calls that the file makes at all, by name."""
        out: dict[str, list[tuple[Pair, Move]]] = {}
        for pair in self.pairs:
            for move in pair.acquire:
                if move.call.encode() in self.unit.text.words:
                    out.setdefault(move.call, []).append((pair, move))
        for pair in self.pairs if has_types(self.unit) else ():
            for made in parts_by_name(self.unit, pair, out) if pair.name == BY_NAME else ():
                out[made.acquire[0].call] = [(made, made.acquire[0])]
        return out

    @cached_property
    def _any_acquiring(self) -> re.Pattern[bytes]:
        return re.compile(self._acquiring.pattern.encode())

    @cached_property
    def _acquiring(self) -> re.Pattern[str]:
        names = "|".join(sorted(map(re.escape, self._moves))) or "(?!)"
        return re.compile(rf"\b(?:{names})\b(?=\s*\()")

    def _place(self, text: FunctionText, pair: Pair, move: Move, start: int, paren: int) -> str | None:
        """The text of what holds the object; "" where nothing does, None where a local or a caller does."""
        if move.object == RESULT:
            before = text.code[:start]
            statement = before[max(before.rfind(mark) for mark in ";{}") + 1 :]
            # Comments are blanks here; the pattern would try each of them as a beginning.
            statement = _LINES.sub("\n", _BLANKS.sub(" ", statement))[-_LONGEST_TARGET:]
            target = _TARGET.search(statement)
            if target is None:
                return "" if not statement.strip() else None
            # What stands on lines before belongs to a directive.
            place = " ".join(target[1].strip().rpartition("\n")[2].split())
            local = place.split()[-1].lstrip("*") if place else ""
            if not _IDENTIFIER.match(local):
                # What a cast or a call gives belongs to whatever that is.
                return place if "(" not in place else None
            # A local that is stored into a member further down, by the function or by one that it returns to.
            stored = re.search(
                rf"({_INTO_MEMBER})\s*=\s*{local}\s*;", text.code[paren:]
            ) or self._stored_by_caller(text.name, local, text.code[paren:])
            # A local that nothing stores belongs to whatever gets it, but for what no other call undoes.
            return stored[1] if stored is not None else ("" if move.type else None)
        if move.object < RESULT:
            return ""
        given = arguments_at(text.code.encode("latin-1"), paren)
        if given is None or len(given) < move.object:
            return None
        place = given[move.object - 1]
        cast = _CAST.match(place)
        if cast is not None and _MEMBER.search(cast[1].strip()):
            place = cast[1].strip()
        if pair.name == BY_NAME:
            return place
        # A reference to what no member holds may be dropped through whatever holds it.
        return place if _MEMBER.search(place) else (None if pair.name == COUNTED else "")

    def _stored_by_caller(self, name: str, local: str, rest: str) -> re.Match[str] | None:
        """The store of a caller into a member, where the function returns what a local variable holds."""
        if not self.unit.is_static(name) or not re.search(
            rf"\breturn\s+(?:[A-Z]\w*\s*\(\s*)?{local}\b", rest
        ):
            return None
        for caller in self.unit.callers_of(name):
            text = self.text(caller)
            call = rf"({_INTO_MEMBER})\s*=\s*(?:[A-Z]\w*\s*\(\s*)?{name}\s*\("
            stored = re.search(call, text.code) if text is not None else None
            if stored is not None:
                return stored
        return None

    def is_of_device(self, one: Taken) -> bool:
        """Whether the variable that the place begins with points to the state struct of the type, or to a
        part of one that another variable points to."""
        text = self.text(one.function)
        struct = re.escape(one.type.instance_struct.removeprefix("struct "))
        if text is None or not struct or not one.base:
            return False
        whole = f"{text.head} {text.code}"
        part = re.search(rf"\b\w+\s*\*\s*{one.base}\s*=\s*&\s*(\w+)\s*->\s*\w+\s*;", text.code)
        names = {one.base, *((part[1],) if part is not None else ())}
        return re.search(rf"\b{struct}\s*\*\s*(?:{'|'.join(sorted(names))})\b", whole) is not None

    # -- where it is given back --------------------------------------------------------------------

    def releasing(self, pair: Pair, member: str) -> tuple[str, ...]:
        """The functions of the file that give back what a member holds, or seem to.

        A function that names a releasing call counts where the call, or what it is handed to, names the
        member; and where it is handed a variable, if the function, or one that calls it, mentions the member.
        """
        out: dict[str, None] = {}
        word = re.compile(rf"\b{re.escape(member)}\b")
        unnamed = {move.call for move in pair.release if move.object < RESULT}
        for name, call, at in self._release_calls(pair):
            if not member or call in unnamed:
                out[name] = None
                continue
            statement = self._statement(at)
            direct = word.search(statement) is not None
            if direct or (
                not _OF_MEMBER.search(statement)
                and self._mentions(name, word)
                and not self._frees_another(name, call, statement, word)
            ):
                out[name] = None
        if member:
            out.update(dict.fromkeys(self._freeing(member)))
        return tuple(out)

    def _frees_another(self, name: str, call: str, statement: str, member: re.Pattern[str]) -> bool:
        """Whether what a call releases is a variable that the function gets from calls only, which do not
        name the member and are handed nothing that leads to it: a name that it has made, say."""
        text = self.text(name)
        given = re.search(rf"\b{call}\s*\(\s*(\w+)\s*\)", statement)
        return text is not None and given is not None and _comes_of_calls(self.unit, text, given[1], member)

    def _release_calls(self, pair: Pair) -> Sequence[tuple[str, str, int]]:
        """The places in functions of the file that name a releasing call: function, call, offset."""
        known = self._named.get(pair.name)
        if known is None:
            known = self._named[pair.name] = [
                (function, name, at)
                for name in sorted({move.call for move in pair.release})
                if name.encode() in self.unit.text.words
                for at in occurrences(self.unit.data, name.encode())
                if (function := self.unit.function_at(at))
            ]
        return known

    def _freeing(self, member: str) -> Iterator[str]:
        """The functions of the file in which a call that frees, by its name, is handed a member."""
        data, word = self.unit.data, member.encode()
        for at in occurrences(data, word) if word in self.unit.text.words else ():
            start = max(data.rfind(mark, 0, at) for mark in _ENDS) + 1
            found = _FREES.search(data, start, at)
            function = self.unit.function_at(found.start()) if found is not None else ""
            if function:
                yield function

    def _statement(self, at: int) -> str:
        """The text of the statement around an offset of the file."""
        data = self.unit.data
        start = max(data.rfind(mark, 0, at) for mark in _ENDS) + 1
        end = data.find(b";", at)
        return data[start : end if end >= 0 else len(data)].decode("latin-1")

    def _mentions(self, name: str, word: re.Pattern[str]) -> bool:
        """Whether a function, or one that calls it, mentions a word."""
        for one in (name, *self.unit.callers_of(name)):
            text = self.text(one)
            if text is not None and word.search(text.code):
                return True
        return False

    def may_undo(self, name: str, of: QomType) -> bool:
        """Whether a function of the file runs when an object of a type goes, or other files can call it."""
        family = [one for one in self.types if of in one.lineage or one in of.lineage]
        entries = [entry.function for one in family for entry in self.entries(one, *UNDOING)]
        return name in self.reached(entries) or any(
            not self.unit.is_static(one) for one in (name, *self.unit.callers_of(name))
        )

    def of_others(self, taken: Taken, names: Iterable[str]) -> frozenset[str]:
        """Those of some functions that only the phases of types run whose objects are other structs, and that
        do not speak of the struct of the one that takes something. A function that takes it for several types
        is theirs as well."""
        of, struct = taken.type, taken.type.instance_struct
        out: set[str] = set()
        for name in names if struct and taken.entry.path == self.unit.path else ():
            running = [one for one, reached in self._running if name in reached]
            shared = any(name in reached and taken.function in reached for _, reached in self._running)
            text = self.text(name)
            if running and text is not None and not re.search(rf"\b{struct}\b", f"{text.head} {text.code}"):
                related = (
                    one.instance_struct in ("", struct) or of in one.lineage or one in of.lineage
                    for one in running
                )
                if not shared and not any(related):
                    out.add(name)
        return frozenset(out)

    @cached_property
    def _running(self) -> tuple[tuple[QomType, frozenset[str]], ...]:
        """The types of the file, each with the functions that its phases run."""
        phases = (*SETUP, *UNDOING, "reset")
        return tuple(
            (of, frozenset(self.reached(entry.function for entry in self.entries(of, *phases))))
            for of in self.types
        )

    def is_released_elsewhere(self, pair: Pair, member: str) -> bool:
        """Whether another file beside this one, or beside the header of its types, gives a member back."""
        files = self.graph.environment.files
        released = pair.releasing.pattern
        if member:
            word = rb"\b%s\b" % member.encode()
            released = rb"(?:%s)[^;{}]*%s|%s[^;{}]*(?:%s)" % (released, word, word, released)
        for path in self._neighbours:
            declarations = files.declared(path)
            data = declarations.data if declarations is not None else b""
            found = _releases(data, pair, member)
            # The pattern says the same, and takes longer.
            files.asked.search(path, released, found)
            if found:
                return True
        return False

    @cached_property
    def _neighbours(self) -> tuple[str, ...]:
        """The other C files in the folder of this one that see the struct of one of its types."""
        known = {of.instance_struct for of in (*self.types, *(one.type for one in self._outside))}
        for one in self._outside:
            signature = self.unit.signature(one.function)
            for param in signature.params if signature is not None else ():
                found = _STRUCT_POINTER.match(param.type)
                if found is not None:
                    known.add(found[1])
        structs = b"|".join(sorted(re.escape(name).encode() for name in known if name))
        if not structs:
            return ()
        contains = self.graph.environment.files.contains
        return tuple(
            path
            for path in self.graph.beside(self.unit.path, structs)
            if path != self.unit.path and contains(path, structs)
        )


def _comes_of_calls(
    unit: TranslationUnit, text: FunctionText, name: str, member: re.Pattern[str], depth: int = 0
) -> bool:
    """Whether a variable of a function holds only what calls return: calls that make a text, or that are
    handed constants and variables which come of such calls themselves."""
    if depth > _DEEPEST or re.search(rf"\b{name}\s*[,)]", text.head):
        return False
    filled = re.findall(rf"(?<![\w>.])(?<!\* ){name}\s*=([^=;][^;]*);", text.code)
    declared = re.findall(rf"\*\s*{name}\s*=([^=;][^;]*);", text.code)
    values = [*filled, *declared]
    if not values or re.search(rf"&\s*{name}\b|FOREACH\w*\s*\(\s*{name}\b", text.code):
        return False
    for value in values:
        call = _PLAIN_CALL.match(value)
        made = _MADE_BY_CALL.match(value) is not None or (call is not None and _makes_text(unit, call[1]))
        words = [w for w in _WORDS.findall(call[2]) if not w.isupper()] if call is not None else [""]
        if member.search(value) is not None:
            return False
        if not made and not all(
            word in _CONSTANTS or (word and _comes_of_calls(unit, text, word, member, depth + 1))
            for word in words
        ):
            return False
    return True


def _makes_text(unit: TranslationUnit, name: str) -> bool:
    """Whether a function returns a text of its caller's, by its type and its name."""
    signature = unit.signature(name)
    return (
        signature is not None
        and signature.returns in ("char *", "gchar *")
        and not word_list("lookups").matches(name)
    )


def _releases(data: bytes, pair: Pair, member: str) -> bool:
    """Whether a text gives back what a member holds; what no member holds by a call alone."""
    calls = sorted({move.call.encode() for move in pair.release})
    if not member:
        return any(True for call in calls for _ in occurrences(data, call))
    # Named with the member in one statement: as its argument, or both as those of g_clear_pointer().
    return any(call in data for call in calls) and any(
        pair.releasing.search(data, *_statement(data, at)) is not None
        for at in occurrences(data, member.encode())
    )


def _statement(data: bytes, at: int) -> tuple[int, int]:
    """Start and end of the text without semicolons and braces around an offset."""
    start = max(data.rfind(mark, 0, at) for mark in _ENDS) + 1
    ends = [end for mark in _ENDS if (end := data.find(mark, at)) >= 0]
    return start, min(ends, default=len(data))


def life_cycle(file: AnalysedFile) -> LifeCycle:
    """The life cycle of a file's types, one object for each file."""
    return file.once(LifeCycle)


def has_types(unit: TranslationUnit) -> bool:
    """Whether a file defines a type at all, by its bytes."""
    return b"TypeInfo" in unit.data or b"OBJECT_DEFINE_" in unit.data
