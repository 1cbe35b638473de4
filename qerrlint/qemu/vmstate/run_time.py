# SPDX-License-Identifier: GPL-2.0-or-later
"""Run time: the functions of a file that run while a device does, and what they do to members of its structs.

Read from the texts of the functions, without a parse: a chain of members is followed from the declared type
of its first name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache

from qerrlint.c.declarations.types import untagged
from qerrlint.c.lexis import occurrences
from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.state_members import StateMember
from qerrlint.records import record

READ = "read"
STORE = "store"
CHANGE = "change"
ADDRESS = "address"
# What stands after and before the name of a function that is handed over, and how far before it that begins.
_NAMED = lazy_re(rb"(?:->|\.)(\w+)")
_AFTER_NAME = lazy_re(rb"\s*[,;)}:]")
_HANDS_OVER = lazy_re(rb"[,=(&?:{]\s*(?:\(\w+\)\s*)?&?\s*\Z")
_FARTHEST = 1000
_BEHIND = lazy_re(r"\s*(?:(\+\+|--)|((?:[-+*/%&|^]|<<|>>)=)|(=)(?!=))")
_BEFORE = lazy_re(r"(\+\+|--|&)\s*\(*\s*\Z")
_TWO = lazy_re(r"&&\s*\(*\s*\Z|[\w)\]]\s*&\s*\(*\s*\Z")
_CALL = lazy_re(r"(\w+)\s*\Z")
# How far before a use the call may begin that it is an argument of.
_LONGEST_CALL = 300
_VALUE = lazy_re(r"\s*=\s*([^;,{}]*)[;,)]")
_CONSTANT = lazy_re(r"(?:-?\s*(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*|[A-Z][A-Z0-9_]*|true|false|NULL)\Z")


@record(frozen=True, slots=True)
class Use:
    """One use of a member: `kind` is "read", "store", "change" (it is read and stored) or "address".

    `value` is the text of what a store stores, "" where it is not seen; `start` and `end` are offsets in the
    file.
    """

    member: StateMember
    function: str
    kind: str
    value: str
    start: int
    end: int

    @property
    def constant(self) -> bool:
        """Whether a store stores a constant."""
        return _CONSTANT.match(self.value.strip(" ()")) is not None


class RunTime:
    """The functions of a file by when they run."""

    def __init__(self, unit: TranslationUnit, setup: Collection[str]) -> None:
        self.unit = unit
        self._setup = frozenset(setup)
        self._texts: dict[str, FunctionText | None] = {}
        self._keys: dict[str, str] = {}
        self._named: dict[str, frozenset[str]] = {}

    def leading_to(self, name: str) -> frozenset[str]:
        """A function of the file and those that call it, directly or not."""
        found = {name}
        waiting = [name]
        while waiting:
            more = set(self.unit.uses.callers.get(waiting.pop(), ())) - found
            found |= more
            waiting += more
        return frozenset(found)

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that run while the device does: those that something else than its setup calls."""
        calls = self.unit.uses.calls
        called = {name for names in calls.values() for name in names}
        roots = {
            name
            for name in calls
            if name not in self._setup and (name not in called or self.is_handed_over(name))
        }
        reached = set(roots)
        waiting = list(roots)
        while waiting:
            for name in calls.get(waiting.pop(), frozenset()) - reached - self._setup:
                reached.add(name)
                waiting.append(name)
        return frozenset(reached)

    def is_handed_over(self, name: str) -> bool:
        """Whether the file takes the address of a function, or defines it for others to call."""
        piece = self.unit.functions[name]
        head = self.unit.data[piece.span.start : piece.body]
        return b"static" not in head or name in self._handed_over

    @cached_property
    def _handed_over(self) -> frozenset[str]:
        """The functions of the file whose names it stores, passes or returns as they are."""
        return frozenset(name for name in self.unit.functions if self._is_handed_over(name.encode("latin-1")))

    def _is_handed_over(self, name: bytes) -> bool:
        data = self.unit.data
        return any(
            _AFTER_NAME.match(data, at + len(name)) and _HANDS_OVER.search(data, max(at - _FARTHEST, 0), at)
            for at in occurrences(data, name)
        )

    def text(self, name: str) -> FunctionText | None:
        """The text of a function of the file."""
        if name not in self._texts:
            declarations = self.unit.environment.files.file(self.unit.path)
            self._texts[name] = function_text(declarations, name) if declarations is not None else None
        return self._texts[name]

    def uses(
        self, members: Iterable[StateMember], within: Collection[str]
    ) -> Mapping[StateMember, list[Use]]:
        """What functions do to some members, in the order of their texts."""
        wanted: dict[tuple[str, str], StateMember] = {}
        for member in members:
            wanted.setdefault((self._key(member.struct), member.path), member)
            if member.owner and member.owner != member.struct and not member.twice:
                wanted.setdefault((self._key(member.owner), member.name), member)
        out: dict[StateMember, list[Use]] = {}
        if not wanted:
            return out
        names = frozenset(key[1].rpartition(".")[2] for key in wanted)
        words = frozenset(name.encode("latin-1") for name in names)
        chain = r"(?<![\w.>])([A-Za-z_]\w*)((?:(?:->|\.)\w+|\[[^\[\]]*\])*(?:->|\.)(?:%s)\b)"
        pattern = lazy_re(chain % "|".join(sorted(names)))
        for name in sorted(within, key=lambda one: self.unit.functions[one].span.start):
            if words.isdisjoint(self.unit.definitions.words(self.unit.functions[name])):
                continue
            if names.isdisjoint(self._members_named(name)):
                continue
            text = self.text(name)
            for use in self._uses_in(text, pattern, wanted) if text is not None else ():
                out.setdefault(use.member, []).append(use)
        return out

    def _members_named(self, name: str) -> frozenset[str]:
        """The members that the text of a function names, of whatever."""
        if name not in self._named:
            piece = self.unit.functions[name]
            found = _NAMED.findall(self.unit.data, piece.body, piece.span.end)
            self._named[name] = frozenset(member.decode("latin-1") for member in found)
        return self._named[name]

    def _uses_in(
        self, text: FunctionText, pattern: re.Pattern[str], wanted: Mapping[tuple[str, str], StateMember]
    ) -> Iterator[Use]:
        types: dict[str, str] = {}
        for found in pattern.finditer(text.code):
            root = found[1]
            if root not in types:
                types[root] = _declared(text, root)
            member = self._member(types[root], found[2], wanted) if types[root] else None
            if member is None:
                continue
            end = _after_indices(text.code, found.end())
            kind, value = _kind(text.code, found.start(), end)
            if kind == READ and _is_told(text.code, found.start()):
                continue
            yield Use(member, text.name, kind, value, text.start + found.start(), text.start + end)

    def _key(self, struct: str) -> str:
        """The place where a struct is declared, the same for its tag and its typedefs; else its name."""
        if struct not in self._keys:
            layout = layouts_of(self.unit.environment).of_name(struct, self.unit.path)
            self._keys[struct] = f"{layout.path}:{layout.start}" if layout is not None else struct
        return self._keys[struct]

    def _member(
        self, struct: str, chain: str, wanted: Mapping[tuple[str, str], StateMember]
    ) -> StateMember | None:
        """The member that a chain names whose first name is a pointer to a struct, or one."""
        layouts = layouts_of(self.unit.environment)
        parts = re.findall(r"\w+", re.sub(r"\[[^\[\]]*\]", "", chain))
        starts = [(one, 0) for one in self._naming(struct, parts[0])]
        for position, part in enumerate(parts):
            following: list[tuple[str, int]] = []
            for name, begin in starts:
                path = ".".join(parts[begin : position + 1])
                if position == len(parts) - 1 and (self._key(name), path) in wanted:
                    return wanted[self._key(name), path]
                layout = layouts.of_name(name, self.unit.path) if begin == position else None
                field = layout.field(part) if layout is not None else None
                inner = untagged(field.type.rstrip(" *")) if field is not None else ""
                if inner and inner not in ("struct", "union") and position + 1 < len(parts):
                    following += [(one, position + 1) for one in self._naming(inner, parts[position + 1])]
            starts += following
        return None

    def _naming(self, struct: str, member: str) -> Iterator[str]:
        """A struct and those that it embeds first, up to the one whose own member a name stands for."""
        layouts = layouts_of(self.unit.environment)
        for name in layouts.chain(struct, self.unit.path)[:4]:
            yield name
            layout = layouts.of_name(name, self.unit.path)
            if layout is not None and layout.field(member) is not None:
                return


@lru_cache(maxsize=1024)
def _declaring(name: str) -> re.Pattern[str]:
    """Finds the declarations of a variable. Many functions have variables of the same names."""
    return re.compile(
        rf"(?:^|[(,;{{])\s*(?:const\s+)?(?:struct\s+)?([A-Za-z_]\w*)(?:\s*\*+\s*(?:const\s+)?|\s+)"
        rf"(?:\w+\s*(?:=[^;]*?)?,\s*\**)*{re.escape(name)}\b(?!\s*\()"
    )


def _declared(text: FunctionText, name: str) -> str:
    """The struct that a parameter or local of a function points to, or is."""
    pattern = _declaring(name)
    for where in (text.code, text.head):
        for found in pattern.finditer(where):
            if found[1] not in ("return", "else", "goto", "case", "sizeof"):
                return found[1]
    return ""


def _is_told(code: str, at: int) -> bool:
    """Whether a place is in the arguments of a call that only says what happens."""
    words = word_list("telling-calls")
    depth = 0
    for place in range(at - 1, max(-1, at - _LONGEST_CALL), -1):
        char = code[place]
        if char in ";{}":
            return False
        depth += (char == ")") - (char == "(")
        if depth < 0:
            depth = 0
            name = _CALL.search(code, max(0, place - 80), place)
            if name is not None and words.matches(name[1]):
                return True
    return False


def _after_indices(code: str, at: int) -> int:
    while True:
        found = re.compile(r"\s*\[").match(code, at)
        if found is None:
            return at
        depth, at = 1, found.end()
        while at < len(code) and depth:
            depth += (code[at] == "[") - (code[at] == "]")
            at += 1


def _kind(code: str, start: int, end: int) -> tuple[str, str]:
    behind = _BEHIND.match(code, end)
    if behind is not None:
        if behind[3]:
            value = _VALUE.match(code, end)
            return STORE, value[1].strip() if value is not None else ""
        return CHANGE, ""
    before = _BEFORE.search(code, max(0, start - 20), start)
    if before is not None:
        if before[1] != "&":
            return CHANGE, ""
        if _TWO.search(code, max(0, start - 40), start) is None:
            return ADDRESS, ""
    return READ, ""
