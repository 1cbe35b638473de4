# SPDX-License-Identifier: GPL-2.0-or-later
"""TranslationUnit: one C file with what is known of its functions, worked out on demand and once.

A unit cuts its file, parses and lowers a function when somebody asks, explores it, and sums it up for its
callers; what stands in other files it asks the Environment. It emits no observation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qerrlint.c.cut import Piece, cut
from qerrlint.c.declarations.types import Signature, parse_signature
from qerrlint.c.lower.function import lower
from qerrlint.c.parse import parse_piece
from qerrlint.c.suppression_comments import Allowance, allowances
from qerrlint.domain.effects import Effect, Outcome
from qerrlint.domain.result import FunctionResult
from qerrlint.ir.code import ANY, Call, Function
from qerrlint.model.call_effects import Callees
from qerrlint.model.summary import Summary, sum_up
from qerrlint.source.span import LineIndex, Span
from qerrlint.transfer.interpretation import interpret

if TYPE_CHECKING:
    from qerrlint.model.program import Program

# What makes a function worth exploring: Error objects, notifiers, blockers.
ERRORISH = re.compile(
    rb"\b(?:Error|errp|error_\w+|local_err|NotifierWithReturn|\w*(?:_blocker|_notifier)\w*)\b"
)
_STATIC = re.compile(rb"\bstatic\b")
_PLAIN = re.compile(r"\(?\s*(-?(?:0[xX][0-9a-fA-F]+|0|[1-9]\d*))[uUlL]*\s*\)?$")
_STORES = re.compile(rb"(?:\.|->)\s*(\w+)\s*=\s*&?\s*([A-Za-z_]\w*)\s*[,;}]")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_WRAPS = re.compile(r"\berror_setg(?:_errno)?\s*\(\s*\(?(\w+)\)?\s*,")
# Registrations of callbacks that may report an Error, and the slot they end up in.
_REGISTERS = re.compile(
    rb"\b(?:(?:migration|precopy|postcopy)_add_notifier|notifier_with_return_list_add)\w*\s*\([^;]*;|"
    rb"\bnotify\s*=[^,;]*[,;]"
)


@dataclass(frozen=True, slots=True)
class Damage:
    """A function that the front end could not make sense of."""

    piece: Piece
    reason: str


class TranslationUnit:
    """One file's functions and facts."""

    def __init__(self, path: str, data: bytes, program: Program) -> None:
        self.path = path
        self.data = data
        self.program = program
        self.environment = program.environment
        self.typedefs = program.environment.typedefs(path)
        self.pieces = tuple(cut(path, data))
        self.functions: dict[str, Piece] = {}
        for piece in self.pieces:
            if piece.kind == "function":
                self.functions.setdefault(piece.name, piece)
        self.damage: dict[str, Damage] = {}
        self._lines: LineIndex | None = None
        self._slots: dict[str, frozenset[str]] | None = None
        self._constants: dict[str, int | None] = {}
        self._registered: frozenset[bytes] | None = None
        self._lowered: dict[str, Function | None] = {}
        self._signatures: dict[str, Signature | None] = {}
        self._results: dict[str, FunctionResult | None] = {}
        self._summaries: dict[str, Summary | None] = {}
        self._busy: set[str] = set()
        self._callees = Callees(self)

    def close(self) -> None:
        """Drop all that the unit holds; it must not be asked anything afterwards.

        A unit and its parts refer to each other. Without this they would wait for the garbage collector,
        whose walks over them cost a whole-tree check a quarter of its time.
        """
        self.__dict__.clear()

    @property
    def lines(self) -> LineIndex:
        """The file's lines, indexed on first use."""
        if self._lines is None:
            self._lines = LineIndex(self.data)
        return self._lines

    @property
    def allowances(self) -> tuple[Allowance, ...]:
        """The comments of the file that allow a finding, or mean to, in source order."""
        return allowances(self.path, self.data, self.pieces)

    def text(self, piece: Piece) -> bytes:
        """The bytes of a piece."""
        return self.data[piece.span.start : piece.span.end]

    def on_one_line(self, span: Span) -> str:
        """The text of a place of this file, each run of blanks as one."""
        return " ".join(self.data[span.start : span.end].decode("utf-8", "replace").split())

    def relevant(self) -> list[Piece]:
        """The functions that have to do with errors, notifiers or blockers, in source order."""
        return [p for p in self.functions.values() if ERRORISH.search(self.data, p.span.start, p.span.end)]

    def signature(self, name: str) -> Signature | None:
        """A function's signature as seen from this file: its own definition first, then the Environment."""
        if name not in self._signatures:
            piece = self.functions.get(name)
            found = None
            if piece is not None:
                head = self.data[piece.span.start : piece.body]
                found = parse_signature(head, self.path, piece.span.start)
            self._signatures[name] = found or self.environment.signature(name, self.path)
        return self._signatures[name]

    def lowered(self, name: str) -> Function | None:
        """The flow of a function of this file; None where there is none or it is damaged."""
        if name not in self._lowered:
            flow = None
            piece = self.functions.get(name)
            if piece is not None:
                parsed = parse_piece(piece, self.data)
                if parsed.damage is not None:
                    self.damage[name] = Damage(piece, parsed.damage)
                else:
                    flow = lower(parsed, self.data, self.constant)
            self._lowered[name] = flow
        return self._lowered[name]

    def is_damaged(self, name: str) -> bool:
        """Whether the front end cannot make sense of a function of this file."""
        if name not in self._lowered:
            return parse_piece(self.functions[name], self.data).damage is not None
        return self._lowered[name] is None

    def result(self, name: str) -> FunctionResult | None:
        """The exploration of a function of this file; None where it is damaged or being explored."""
        if name not in self._results:
            function = self.lowered(name)
            if function is None or name in self._busy:
                return None
            self._busy.add(name)
            try:
                self._results[name] = interpret(function, self.signature(name), self._callees.effect)
            finally:
                self._busy.discard(name)
        return self._results[name]

    def mig_modes(self) -> tuple[tuple[str, int], ...]:
        """The migration modes (C constant, value): the tree's, or without a tree the file's own enum."""
        if self._has_no_tree:
            own = [(n, v) for n, v in self.environment.enum_constants("MigMode", self.path) if v is not None]
            if own:
                return tuple((n, v) for n, v in own if not n.endswith("__MAX"))
        return self.environment.mig_modes()

    def mig_events(self) -> tuple[tuple[str, int], ...]:
        """The kinds of migration events (C constant, value): the tree's, or without a tree the file's own."""
        own = self.environment.enum_constants("MigrationEventType", self.path) if self._has_no_tree else ()
        known = [(n, v) for n, v in own if v is not None and not n.endswith("_MAX")]
        return tuple(known) or tuple(
            (name, value) for value, name in enumerate(self.environment.mig_events())
        )

    @property
    def _has_no_tree(self) -> bool:
        return self.environment.reach == "patch"

    def is_handed_over(self, name: str) -> bool:
        """Whether the file uses a function's name without calling it: its address goes somewhere."""
        return re.search(rb"(?<![\w.>])%s\b(?!\s*\()" % name.encode(), self.data) is not None

    def slots_of(self, name: str) -> frozenset[str]:
        """The function-pointer members that this file stores a function in."""
        if self._slots is None:
            table: dict[str, set[str]] = {}
            for found in _STORES.finditer(self.data):
                table.setdefault(found.group(2).decode(), set()).add(found.group(1).decode())
            self._slots = {function: frozenset(members) for function, members in table.items()}
        return self._slots.get(name, frozenset())

    def deals_with_errors(self, name: str) -> bool:
        """Whether a function of this file has anything to do with Error objects by its text."""
        piece = self.functions.get(name)
        return piece is not None and bool(ERRORISH.search(self.data, piece.span.start, piece.span.end))

    def summary(self, name: str) -> Summary | None:
        """What callers may know of a function of this file; None for a damaged or recursive one."""
        if name not in self._summaries:
            piece = self.functions.get(name)
            if piece is None or name in self._busy:
                return None
            result = self.result(name)
            if result is None:
                return None
            self._summaries[name] = sum_up(self, result)
        return self._summaries[name]

    @property
    def is_busy(self) -> bool:
        """Whether a function is being explored: what is learnt of its callees meanwhile may be partial."""
        return bool(self._busy)

    def is_static(self, name: str) -> bool:
        """Whether a function of this file has internal linkage."""
        piece = self.functions[name]
        return bool(_STATIC.search(self.data, piece.span.start, piece.body))

    def comment_above(self, name: str) -> str:
        """The comment right above a function of this file on one line without its stars; "" for none."""
        start = self.functions[name].span.start
        text = self.data[max(0, start - 2000) : start].rstrip()
        opening = text.rfind(b"/*")
        if not text.endswith(b"*/") or opening < 0:
            return ""
        return " ".join(re.sub(rb"\n\s*\*(?!/)", b" ", text[opening:]).decode("utf-8", "replace").split())

    def macro_effect(self, name: str) -> Effect | None:
        """What a function-like macro that wraps error_setg does; None for any other name."""
        macro = self.environment.macro(name, self.path)
        if macro is None or macro.params is None:
            return None
        found = _WRAPS.search(macro.body)
        if found is None or found.group(1) not in macro.params:
            return None
        return Effect(
            errp=macro.params.index(found.group(1)), outcomes=(Outcome(ANY, True),), evidence="setter"
        )

    def constant(self, name: str) -> int | None:
        """The number that an object-like macro stands for, where its body is just that; else None."""
        if name not in self._constants:
            self._constants[name] = self._number(name)
        return self._constants[name]

    def _number(self, name: str) -> int | None:
        if not name.isupper():
            # Enumerators in lower case are looked for in the file itself only: most such names are variables.
            return self.environment.own_constant(name, self.path)
        macro = self.environment.macro(name, self.path)
        if macro is not None:
            found = _PLAIN.match(macro.body) if macro.params is None else None
            return int(found.group(1), 0) if found is not None else None
        return self.environment.constant(name, self.path)

    def is_macro(self, name: str) -> bool:
        """Whether a name is a function-like macro as seen from this file."""
        return self.environment.macro(name, self.path) is not None

    def callers_of(self, name: str) -> list[str]:
        """The functions of this file whose bodies mention `name`, itself left out, in source order."""
        word = re.compile(rb"\b" + name.encode() + rb"\b")
        return [
            n for n, p in self.functions.items() if n != name and word.search(self.data, p.body, p.span.end)
        ]

    def mentions(self, name: str) -> int:
        """How often the file's code mentions a function beside its own declarations and definition."""
        every = len(re.findall(rb"\b" + name.encode() + rb"\b", self.data))
        heads = len(
            re.findall(rb"^[A-Za-z_][^;{}()=]*\b" + name.encode() + rb"\s*\(", self.data, re.MULTILINE)
        )
        return every - heads

    def is_registered_notifier(self, name: str) -> bool:
        """Whether this file hands the function's address to a notifier registration or slot."""
        if self._registered is None:
            self._registered = frozenset(
                word for found in _REGISTERS.finditer(self.data) for word in _WORD.findall(found.group())
            )
        return name.encode() in self._registered

    def effect(self, call: Call) -> Effect:
        """What a call in this file may do with Errors."""
        return self._callees.effect(call)
