# SPDX-License-Identifier: GPL-2.0-or-later
"""What the phases of a device take, and where its files give that back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from qerrlint.c.declarations.types import untagged
from qerrlint.c.lexis import occurrences
from qerrlint.checks.devices.acquisitions import Acquisitions, Taken
from qerrlint.checks.devices.phase_functions import SETUP, UNDOING
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.ownership import RESULT, Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import QomType

_PART = lazy_re(rb"(?:\[[^\]]{0,80}\])?\s{0,9}(?:->|\.)\s{0,9}\w")
_OF_MEMBER = lazy_re(r"->|\.\w")
_ENDS = (b";", b"{", b"}")
# fifo8_num_free() and similar functions return the free space; they release nothing.
_FREES = lazy_re(
    rb"\b(?!\w*(?:num|nr|is|has|get)_free)\w*(?:free|destroy|cleanup|unref|delete|release|fini)\w*\s*\("
)
# A parameter by which a function gets a state struct.
_STRUCT_POINTER = lazy_re(
    r"(?:struct\s+)?(?!(?:Device|Bus)State\b|Object\b|Error\b)([A-Z]\w*[a-z]\w*)\s*\*\Z"
)
# A pointer to a struct, or to such a pointer.
_POINTS = lazy_re(r"[A-Z]\w*[a-z]\w*\*+\Z")
_MADE_BY_CALL = lazy_re(r"\s*(?:g_str|g_new|g_malloc|object_get_canonical_path|qemu_find_file|NULL\b)")
# A variable that gets what stands next, through a cast or not.
_ALIAS = lazy_re(rb"(?<![\w.>])(\w+)\s*=\s*(?:[A-Z_][A-Z0-9_]*\s*\(\s*)?(?:\w+\s*(?:->|\.)\s*)+\Z")
_PLAIN_CALL = lazy_re(r"\s*([a-z_]\w*)\s*\(([^()]*)\)\s*\Z")
_CALLED = lazy_re(r"\b([a-z_]\w*)\s*\(")
# A plain variable, through a cast or not.
_COPIED = lazy_re(r"\s*(?:\(\s*[\w ]+\**\s*\)\s*)?([A-Za-z_]\w*)\s*\Z")
_CONSTANTS = frozenset({"true", "false"})
_WORDS = lazy_re(r"[A-Za-z_]\w*")
_DEEPEST = 4
_MEMORY = frozenset({"memory", "aligned buffer"})
# What stands behind a member that is named whole, and not an element or a part of what it points to.
_WHOLE = r"(?!\s*(?:\[[^\]]*\]\s*)?(?:->|\.))(?!\s*\[)"
_IS_WHOLE = lazy_re(_WHOLE.encode())


class LifeCycle(Acquisitions):
    """The phases of the types of one file, with what they take and give back."""

    def __init__(self, file: AnalysedFile) -> None:
        super().__init__(file)
        self._named: dict[str, Sequence[tuple[str, str, int]]] = {}

    def releasing(self, one: Taken) -> tuple[str, ...]:
        """The functions of the file that give back what a member holds, or seem to.

        A function that names a releasing call counts where the call, or what it is handed to, names the
        member; and where it is handed a variable, if the function, or one that calls it, mentions the member.
        """
        pair, member = one.pair, one.member
        out: dict[str, None] = {}
        word = re.compile(rf"\b{re.escape(member)}\b")
        # Of memory the pointer itself is freed: elements, and what they point to, are others.
        pointer = pair.name in _MEMORY and not one.place.endswith("]")
        element = one.place.endswith("]") and pair.name not in _MEMORY
        whole = re.compile(rf"{word.pattern}{_WHOLE}") if pointer else word
        unnamed = {move.call for move in pair.release if move.object < RESULT}
        kind = self._type_of(one) if pointer else ""
        for name, call, at in self._release_calls(pair):
            if not member or call in unnamed:
                out[name] = None
                continue
            statement = self._statement(at)
            direct = whole.search(statement) is not None
            if direct or (
                not _OF_MEMBER.search(statement)
                and self._mentions(name, word)
                and not self._frees_another(name, call, statement, word, pointer)
                and not (kind and self._frees_type(name, call, statement, kind))
            ):
                out[name] = None
        if member:
            out.update(dict.fromkeys(self._freeing(member, pointer, element)))
        return tuple(out)

    def _frees_another(
        self, name: str, call: str, statement: str, member: re.Pattern[str], pointer: bool
    ) -> bool:
        """Whether what a call releases is a variable that the function gets from calls only, which do not
        name the member and are handed nothing that leads to it: a name that it has made, say.

        With `pointer` also one that the function sets, and never from the member.
        """
        text = self.text(name)
        given = re.search(rf"\b{call}\s*\(\s*(\w+)\s*\)", statement)
        if text is None or given is None:
            return False
        if _comes_of_calls(self.unit, text, given[1], member):
            return True
        return pointer and not self._may_hold(text, given[1], member)

    def _type_of(self, one: Taken) -> str:
        """The type of the member that holds something, blanks left out, where it is a pointer to a struct."""
        layouts = layouts_of(self.graph.environment)
        struct, found = one.type.instance_struct, ""
        for part in re.findall(r"\w+", re.sub(r"\[[^\]]*\]", "", one.place))[1:]:
            layout = layouts.of_name(struct, one.type.path)
            field = layout.field(part) if layout is not None else None
            if field is None:
                return ""
            struct, found = field.type.rstrip(" *"), field.type
        plain = untagged(found).replace(" ", "")
        return plain if _POINTS.match(plain) else ""

    def _frees_type(self, name: str, call: str, statement: str, kind: str) -> bool:
        """Whether what a call releases is a variable that the function declares as another pointer to a
        struct, or to such a pointer, than `kind`."""
        text = self.text(name)
        given = re.search(rf"\b{call}\s*\(\s*(\w+)\s*\)", statement)
        if text is None or given is None:
            return False
        declared = re.findall(
            rf"(?:^|[(,;{{}}])\s*(?:const\s+)?(?:struct\s+)?([A-Za-z_]\w*)\s*((?:\*\s*)+)(?:const\s+)?{given[1]}\s*[=;,)]",
            f"{text.head};{text.code}",
        )
        types = {f"{base}{stars.replace(' ', '')}" for base, stars in declared}
        return len(types) == 1 and all(_POINTS.match(one) for one in types) and kind not in types

    def _may_hold(self, text: FunctionText, name: str, member: re.Pattern[str], depth: int = 0) -> bool:
        """Whether a variable of a function may hold what a member points to: the function sets it from that,
        from a function of the file that mentions the member, or in a way that is not seen."""
        given = re.compile(rf"(?<![\w>.]){name}\s*=(?!=)([^;]*);")
        values = given.findall(text.code)
        in_sight = rf"&\s*{name}\b|FOREACH\w*\s*\(\s*{name}\b"
        if not values or depth > _DEEPEST or re.search(in_sight, text.code):
            return True
        if re.search(rf"\b{name}\s*[,)]", text.head):
            return True
        for value in values:
            called = (self.text(one) for one in _CALLED.findall(value) if one in self.unit.functions)
            if re.search(rf"{member.pattern}{_WHOLE}", value) or any(
                one is not None and member.search(one.code) for one in called
            ):
                return True
            copied = _COPIED.match(value)
            source = copied[1] if copied is not None else "NULL"
            if source != "NULL" and self._may_hold(text, source, member, depth + 1):
                return True
        return False

    def _release_calls(self, pair: Pair) -> Sequence[tuple[str, str, int]]:
        """The places in functions of the file that name a releasing call: function, call, offset."""
        known = self._named.get(pair.name)
        if known is None:
            known = self._named[pair.name] = [
                (function, name, at)
                for name in sorted({move.call for move in pair.release})
                if name.encode() in self.unit.text.words
                for at in occurrences(self.unit.data, name.encode())
                if pair.releasing.match(self.unit.data, at)
                and (function := self.unit.definitions.function_at(at))
            ]
        return known

    def _freeing(self, member: str, pointer: bool, element: bool) -> Iterator[str]:
        """The functions of the file in which a call that frees, by its name, is handed a member; with
        `pointer` no element of it and nothing that it points to, with `element` not the memory of all."""
        data, word = self.unit.data, member.encode()
        for at in occurrences(data, word) if word in self.unit.text.words else ():
            if pointer and _IS_WHOLE.match(data, at + len(word)) is None:
                continue
            start = max(data.rfind(mark, 0, at) for mark in _ENDS) + 1
            found = _FREES.search(data, start, at)
            if found is not None and _frees_part(data, found, at + len(word), element):
                continue
            if found is None:
                alias = _ALIAS.search(data, start, at)
                piece = self.unit.definitions.around(at) if alias is not None else None
                if alias is not None and piece is not None and _frees_alias(data, alias, piece.span.end):
                    yield piece.name
            elif function := self.unit.definitions.function_at(found.start()):
                yield function

    def _statement(self, at: int) -> str:
        """The text of the statement around an offset of the file."""
        data = self.unit.data
        start = max(data.rfind(mark, 0, at) for mark in _ENDS) + 1
        end = data.find(b";", at)
        return data[start : end if end >= 0 else len(data)].decode("latin-1")

    def _mentions(self, name: str, word: re.Pattern[str]) -> bool:
        """Whether a function, or one that calls it, mentions a word."""
        for one in (name, *self.unit.uses.callers_of(name)):
            text = self.text(one)
            if text is not None and word.search(text.code):
                return True
        return False

    def may_undo(self, name: str, of: QomType) -> bool:
        """Whether a function of the file runs when an object of a type goes, or other files can call it."""
        family = [one for one in self.types if of in one.lineage or one in of.lineage]
        entries = [entry.function for one in family for entry in self.entries(one, *UNDOING)]
        return name in self.reached(entries) or any(
            not self.unit.is_static(one) for one in (name, *self.unit.uses.callers_of(name))
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

    def is_released_by_ancestor(self, one: Taken) -> bool:
        """Whether what undoes an ancestor of the type, in another file, gives it back."""
        for entry in one.type.phases:
            if entry.phase in UNDOING and entry.path != self.unit.path:
                text = self.graph.function(entry.path, entry.function)
                if text is not None and _releases(text.code.encode("latin-1"), one.pair, one.member):
                    return True
        return False

    @cached_property
    def _neighbours(self) -> tuple[str, ...]:
        """The other C files in the folder of this one that see the struct of one of its types."""
        known = {of.instance_struct for of in (*self.types, *(one.type for one in self.outside))}
        for one in self.outside:
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


def _frees_part(data: bytes, call: re.Match[bytes], end: int, element: bool) -> bool:
    """Whether a call frees memory that a part of a member holds, and not the member, which ends at `end`; of
    an `element` whether it frees the memory of all of them."""
    name = call[0].rstrip(b" \t(").decode("latin-1")
    other = _PART.match(data, end) is not None or (element and data[end : end + 1] == b")")
    return other and word_list("memory-releases").matches(name)


def _frees_alias(data: bytes, alias: re.Match[bytes], end: int) -> bool:
    """Whether a call that frees, by its name, is handed a variable after that gets a member."""
    freed = re.compile(rb"%s[^;]*\b%s\b(?!\s*(?:->|\.|\[))" % (_FREES.pattern, alias[1]))
    return freed.search(data, alias.end(), end) is not None


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
        return any(pair.releasing.match(data, at) for call in calls for at in occurrences(data, call))
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
