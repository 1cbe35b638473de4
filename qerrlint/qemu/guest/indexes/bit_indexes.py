# SPDX-License-Identifier: GPL-2.0-or-later
"""Bit indexes: the number of a bit that is set in registers, which indexes an array of lines, where the guest
can set bits beyond the array.

Which bits can be set is worked out from the bits that writes leave in each register, along the values of
locals: `|` and `^` may have the bits of both sides, `&` those that both sides have. A member that the guest
does not write has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qerrlint.c.expressions.parser import Binary, Call, Cast, Choice, Constant, Node, Path, Unary, paths
from qerrlint.ir.code import Function
from qerrlint.model.file_text import calls_of
from qerrlint.qemu.guest.file import GuestFile
from qerrlint.qemu.guest.indexes.array_accesses import ArrayAccess, ArrayAccesses
from qerrlint.qemu.guest.indexes.member_indexes import MemberIndexes, StoredNumber
from qerrlint.qemu.guest.members import Member, member_of
from qerrlint.qemu.guest.sample_scope import read
from qerrlint.records import record

# Functions that give the number of the lowest bit, and what is to be subtracted from that.
_LOWEST = {"ctz32": 0, "ctz64": 0, "ctzl": 0, "ffs": 1}
FINDS_BIT = calls_of(_LOWEST)
"""What a file that looks for a bit has in its bytes."""
_FULL = (1 << 64) - 1
_DEEPEST = 6


@record(frozen=True, slots=True)
class BitIndex:
    """An access whose index is the number of a bit: the greatest one that can be set is `greatest`, in
    `member`."""

    access: ArrayAccess
    greatest: int
    member: Member


class BitIndexes:
    """The accesses of one file whose index is the number of a bit."""

    def __init__(self, guest: GuestFile) -> None:
        self._guest = guest
        self._unit = guest.unit
        self._names = guest.names
        self._indexes = MemberIndexes(guest)

    def found(self) -> Iterator[BitIndex]:
        """The accesses, in the order of the text."""
        reached = self._guest.reached
        accesses = ArrayAccesses(self._names, {})
        for name in self._guest.places(FINDS_BIT):
            function = self._unit.lowered(name) if name in reached else None
            for access in accesses.of(name, str.isidentifier) if function is not None else ():
                assert function is not None
                sought = self._sought(function, access)
                one = self._beyond(function, access, sought) if sought is not None else None
                if one is not None:
                    yield one

    def _sought(self, function: Function, access: ArrayAccess) -> Node | None:
        """The value whose lowest bit an index is, where nothing tests the index."""
        name = access.index.strip()
        if access.address or any(name in self._reads(edge.span) for edge in function.edges() if edge.span):
            return None
        values = self._values(function, name)
        node = values[0] if len(values) == 1 else None
        off = 0
        if isinstance(node, Binary) and node.sign == "-" and isinstance(node.right, Constant):
            off, node = node.right.value, node.left
        if not isinstance(node, Call) or _LOWEST.get(node.name) != off or len(node.arguments) != 1:
            return None
        return read(node.arguments[0])

    def _reads(self, span: object) -> frozenset[str]:
        return self._names.reads(span)  # type: ignore[arg-type]

    def _values(self, function: Function, name: str) -> Sequence[Node | None]:
        return [self._names.stored(event) for event in function.assignments(name)]

    def _beyond(self, function: Function, access: ArrayAccess, node: Node) -> BitIndex | None:
        members = list(self._members(function, node, _DEEPEST))
        words = {member.name for member in members}
        if words.isdisjoint(self._indexes.written):
            return None
        stored = self._indexes.stored(words)
        bits = self._bits(function, node, stored, _DEEPEST)
        greatest = bits.bit_length() - 1
        if greatest <= access.most:
            return None
        member = next((one for one in members if self._of(one, stored) >> greatest & 1), None)
        return BitIndex(access, greatest, member) if member is not None else None

    def _members(self, function: Function, node: Node, left: int) -> Iterator[Member]:
        """The members that a value comes from, by way of locals."""
        for path in sorted(paths(node)):
            if not path.isidentifier():
                member = member_of(self._names, function, path)
                if member is not None:
                    yield member
            elif path in function.locals and left:
                for value in self._values(function, path):
                    if value is not None and path not in paths(value):
                        yield from self._members(function, value, left - 1)

    def _of(self, member: Member, stored: Mapping[Member, Sequence[StoredNumber]]) -> int:
        bits = 0
        for one in self._indexes.numbers(member, stored):
            bits |= one.number & _FULL
        return bits

    def _bits(
        self, function: Function, node: Node, stored: Mapping[Member, Sequence[StoredNumber]], left: int
    ) -> int:
        """The bits that may be set in a value."""

        def bits(one: Node) -> int:
            return self._bits(function, one, stored, left)

        if isinstance(node, Constant):
            return node.value & _FULL
        if isinstance(node, Path):
            return self._bits_of(function, node.text, stored, left)
        if isinstance(node, Cast):
            return bits(node.operand) & ((1 << node.type.bits) - 1 if node.type is not None else _FULL)
        if isinstance(node, Unary):
            return self._inverted(node) if node.sign == "~" else 0
        if isinstance(node, Binary) and node.sign in ("|", "^", "&"):
            one, other = bits(node.left), bits(node.right)
            return one & other if node.sign == "&" else one | other
        if isinstance(node, Choice):
            return bits(node.yes) | bits(node.no)
        return 0

    def _inverted(self, node: Unary) -> int:
        """All bits where a member or local is inverted, those that a constant lacks."""
        if isinstance(node.operand, Constant):
            return ~node.operand.value & _FULL
        return _FULL

    def _bits_of(
        self, function: Function, path: str, stored: Mapping[Member, Sequence[StoredNumber]], left: int
    ) -> int:
        if not path.isidentifier():
            member = member_of(self._names, function, path)
            return self._of(member, stored) if member is not None else 0
        number = self._names.constant(path)
        if number is not None and path not in function.locals:
            return number & _FULL
        found = 0
        for value in self._values(function, path) if left else ():
            if value is None or path in paths(value):
                # A step that takes the bit that was found away leaves others.
                masked = isinstance(value, Binary) and value.sign == "^"
                if value is not None and masked:
                    continue
                return 0
            found |= self._bits(function, value, stored, left - 1)
        return found
