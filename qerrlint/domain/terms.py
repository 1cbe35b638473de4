# SPDX-License-Identifier: GPL-2.0-or-later
"""Terms: what a state speaks of, interned for one function; a term is known by a small integer.

A term is the content of a place (a variable, `s->err`, `*errp`), the result of a call (`#3`), an expression,
or an equation (a term equal to a constant, an object of a type). Sets of terms are bit masks. The text of a
term is taken apart here, once, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from qerrlint.ir.code import Call, identifiers, root
from qerrlint.lazy_patterns import lazy_re

# A constant on the right side of an equation: an enumerator, a macro, a number.
_CONSTANT = lazy_re(r"-?(?:[A-Z_][A-Z0-9_]*|\d\w*)\Z")
_PATH = lazy_re(r"[A-Za-z_]\w*(?:(?:->|\.)\w+)*\Z")


@dataclass(slots=True, eq=False)
class Term:
    """One term; never changed once it is made. `index` is its number in the function, `text` what it is
    called in messages.

    Of an equation `left` is the term on its left side and `constant` the text on its right one; `by_constant`
    says that this is a constant, `right` is the term there where both sides are places. `pointee_of` is the
    pointer variable of `*pointer`, `owner` the variable that `owner->member` looks into. `local`: a plain
    identifier or a temporary, which no other code can change.
    """

    index: int
    text: str
    left: Term | None = None
    constant: str = ""
    by_constant: bool = False
    right: Term | None = None
    pointee_of: Term | None = None
    owner: Term | None = None
    local: bool = False
    alive_by: int = 0
    """Mask of the terms of which any one alive keeps a fact of this term alive."""
    bit: int = 0
    """The term as a mask."""
    asks: int = 0
    """Mask of the terms whose facts decide this one: a test of `x == A` also asks for x being another
    constant, one of `x == y` for the signs of both."""
    place: int = 0
    """Mask of the terms that decide which Error pointer it is: the term, and p of `*p`."""
    equations: int = 0
    """Mask of the equations that the term is the left side of."""


class Terms:
    """The terms of one function, made as they are asked for."""

    def __init__(self) -> None:
        self.all: list[Term] = []
        self._by_text: dict[str, Term] = {}
        self._results: dict[int, Term] = {}
        self._reads: dict[int, bool] = {}
        self._readers: dict[tuple[int, int], int] = {}

    def of(self, text: str) -> Term:
        """The term of a text without blanks."""
        found = self._by_text.get(text)
        return found if found is not None else self._make(text)

    def result(self, call: int) -> Term:
        """The term of what call number `call` returned."""
        found = self._results.get(call)
        if found is None:
            found = self._results[call] = self.of(f"#{call}")
        return found

    def equation(self, left: Term, constant: str) -> Term:
        """The term `left == constant`."""
        return self.of(f"{left.text}=={constant}")

    def equations_of(self, left: Term) -> Term:
        """The term that stands for all equations of `left` in a set of live terms."""
        return self.of(f"{left.text}==")

    def type_of(self, call: Call) -> Term:
        """The term of the type of the object that object_dynamic_cast() looks at, casts included."""
        return self.of(f"typeof({call.text.partition('(')[2].rpartition(',')[0]})")

    def reads(self, term: Term, place: Term) -> bool:
        """Whether a term reads the content of a place, or of something inside it."""
        key = term.index << 16 | place.index
        found = self._reads.get(key)
        if found is None:
            found = self._reads[key] = depends(term.text, place.text)
        return found

    def readers(self, place: Term, among: int) -> int:
        """The terms of a mask that read the content of a place, or of something inside it."""
        key = (place.index, among)
        mask = self._readers.get(key)
        if mask is None:
            mask = 0
            while among:
                bit = among & -among
                if self.reads(self.all[bit.bit_length() - 1], place):
                    mask |= bit
                among ^= bit
            self._readers[key] = mask
        return mask

    def _make(self, text: str) -> Term:
        """The term of a text that has none yet, after the terms inside it."""
        made = Term(0, text)
        if text.isidentifier():
            made.local = True
        elif "==" in text:
            self._equate(made, text)
        else:
            made.local = text[:1] == "$"
            if text[:1] == "*":
                made.pointee_of = self.of(text[1:])
                made.place = made.pointee_of.bit
            elif "->" in text:
                name = text[: text.index("->")]
                if name.isidentifier():
                    made.owner = self.of(name)
        index = made.index = len(self.all)
        bit = made.bit = 1 << index
        made.alive_by |= bit
        made.asks |= bit
        made.place |= bit
        if made.left is not None:
            made.left.equations |= bit
        self.all.append(made)
        self._by_text[text] = made
        return made

    def _equate(self, made: Term, text: str) -> None:
        """The sides of an equation."""
        head, _, tail = text.rpartition("==")
        if not tail:
            return
        left = made.left = self.of(head)
        made.constant = tail
        made.by_constant = _CONSTANT.match(tail) is not None
        if _PATH.match(head) and _PATH.match(tail):
            made.right = self.of(tail)
        made.alive_by = made.asks = left.bit | self.equations_of(left).bit
        if made.right is not None and not made.by_constant:
            made.asks |= made.right.bit


def depends(text: str, path: str) -> bool:
    """Whether an expression reads what stands at `path`, or something inside it."""
    if text == path:
        return True
    if path.isidentifier() or path.startswith("$"):
        return path in identifiers(text)
    at = text.find(path)
    while at >= 0:
        end = at + len(path)
        # Neither `ps->lock` nor `s->locked` reads `s->lock`.
        if not (_is_word(text[at - 1 : at] + path[:1]) or _is_word(path[-1:] + text[end : end + 1])):
            return True
        at = text.find(path, at + 1)
    return False


def _is_word(pair: str) -> bool:
    """Whether two characters that stand side by side belong to one word."""
    return len(pair) == 2 and all(char.isalnum() or char == "_" for char in pair)


def root_of(term: Term) -> str:
    """The variable that the term starts from."""
    return root(term.text)
