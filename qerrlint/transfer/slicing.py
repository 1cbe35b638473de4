# SPDX-License-Identifier: GPL-2.0-or-later
"""Slicing: which branches and values of a function can matter to what its interpretation observes.

Observed are the Error pointers, what is printed or freed, calls that do not return, and the value returned. A
branch matters when something observed, or another branch that matters, is control dependent on it, or when it
tests a value that flows into something observed. Facts of other values are not kept, so that branches on them
do not multiply the states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qerrlint.absint.control_dependence import controlled
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect
from qerrlint.domain.error import ERROR, ERRP, OBJECTS
from qerrlint.domain.terms import Term, Terms
from qerrlint.ir.code import Addr, Result, Var, root
from qerrlint.transfer.sites import AssignSite, CallSite, DeclareSite, DerefSite, ReturnSite, Site, SiteBlock

# Below this number of branching blocks there are too few paths for slicing to pay.
WORTHWHILE = 8


@dataclass(slots=True)
class Slice:
    """`branches[b]`: the tests on the edges of block b matter. `terms`: the mask of the values that matter,
    `values` of those among them that flow into something observed; the others only decide a branch. `inside`:
    for the number of a term the mask of the terms that are made of it."""

    branches: list[bool]
    terms: int
    values: int
    inside: dict[int, int]

    def matters(self, target: Term) -> bool:
        """Whether an assignment to a place changes a value that matters."""
        return self.terms & (target.bit | self.inside.get(target.index, 0)) != 0


def slice_of(
    signature: Signature | None,
    types: dict[str, str],
    terms: Terms,
    blocks: Sequence[SiteBlock],
    marked: bool,
) -> Slice | None:
    """The slice of a function, None where it has too few branches. `marked`: what is printed, and what
    follows, is observed as well."""
    if sum(1 for block in blocks if len(block.edges) > 1) < WORTHWHILE:
        return None
    seeds = _Seeds(signature, types, terms, marked)
    for number, block in enumerate(blocks):
        for site in block.events:
            seeds.look_at(site, 1 << number)
    seeds.follow_copies()
    return _Closure(terms, blocks, seeds).run()


class _Seeds:
    """What is observed by itself: blocks, terms, and the variables of the objects that setters are handed."""

    def __init__(
        self, signature: Signature | None, types: dict[str, str], terms: Terms, marked: bool
    ) -> None:
        self._types = types
        self._all = terms
        self._marked = marked
        params = signature.params if signature is not None else ()
        self._errors = any(param.type in (ERROR, ERRP) for param in params)
        # The calls whose result may tell what became of an Error.
        self._telling: set[int] = set()
        # The places that hold such a result, and the assignments from one place to another.
        self._told = 0
        self._copies: list[tuple[int, int]] = []
        self.blocks = 0
        self.terms = 0
        self.owners: set[str] = set()

    def look_at(self, site: Site, bit: int) -> None:
        """Add what a site in a block (its number as a mask) observes."""
        if isinstance(site, CallSite):
            self._call(site, bit)
        elif isinstance(site, AssignSite):
            self._assign(site, bit)
        elif isinstance(site, ReturnSite):
            if site.event.value is not None:
                self.terms |= site.value.reads
                self.blocks |= bit
            elif self._errors:
                self.blocks |= bit
        elif isinstance(site, DerefSite) or (isinstance(site, DeclareSite) and site.event.type in OBJECTS):
            self.blocks |= bit
            self._errors = True

    def _is_error(self, path: str) -> bool:
        type_ = self._types.get(path.removeprefix("*"))
        return type_ == ERRP or type_ in OBJECTS

    def _assign(self, site: AssignSite, bit: int) -> None:
        value = site.event.value
        if self._is_error(site.event.target):
            self.blocks |= bit
            self.terms |= site.value.reads
        elif isinstance(value, (Var, Addr)):
            if self._is_error(value.path):
                self.blocks |= bit
        elif isinstance(value, Result) and value.call in self._telling:
            self.terms |= site.target.bit | site.value.reads
            self._told |= site.target.bit
        if site.source is not None:
            self._copies.append((site.source.bit, site.target.bit))

    def follow_copies(self) -> None:
        """A copy of a result that may tell what became of an Error tells it too."""
        changed = True
        while changed:
            changed = False
            for source, target in self._copies:
                if self._told & source and not self._told & target:
                    self._told |= target
                    self.terms |= target | source
                    changed = True

    def _call(self, site: CallSite, bit: int) -> None:
        """Add the block of a call that is observed, and the terms whose values it depends on."""
        effect, named, special = site.effect, site.traits, site.special
        if effect.errp is not None or effect.makes_error or effect.evidence == "body":
            self._telling.add(site.call.index)
        if (
            _concerns_errors(effect)
            or named.prints
            or named.frees
            or named.about_errors
            or special.prints
            or (self._marked and not named.harmless)
        ):
            self.blocks |= bit
            self.terms |= site.result.bit
            if special.asks is not None:
                self.terms |= special.asks.bit
            if special.returned is not None:
                self.terms |= special.returned[0].reads
            if special.errno is not None:
                self.terms |= special.errno[0].reads
            if isinstance(site.target, Var):
                # Where the pointer is NULL, the result alone tells of a failure.
                self.terms |= self._all.of(site.target.path).bit
            for _, _, term in site.inputs:
                self.owners.add(root(term.text))
                if named.about_errors:
                    self.terms |= term.bit


def _concerns_errors(effect: Effect) -> bool:
    """Whether a call does anything to an Error, or ends the path."""
    return (
        effect.errp is not None
        or effect.consumes is not None
        or effect.clears is not None
        or effect.keeps
        or effect.noreturn
        or effect.makes_error
        or effect.evidence in ("setter", "body")
    )


class _Closure:
    """Finds the branches that control, or test, what matters; what flows into their tests matters as well."""

    def __init__(self, terms: Terms, blocks: Sequence[SiteBlock], seeds: _Seeds) -> None:
        self._terms = terms
        self._observed = seeds.blocks
        self._mattering = seeds.terms
        self._controls = controlled([[edge.target for edge in block.edges] for block in blocks])
        self._inside: dict[int, int] = {}
        for term in terms.all:
            for part in (term.owner, term.left, term.right, term.pointee_of):
                if part is not None:
                    self._inside[part.index] = self._inside.get(part.index, 0) | term.bit
        self._tested = [0] * len(blocks)
        self._open: list[int] = []
        self._about: list[int] = []
        self._branches = [False] * len(blocks)
        self._assigns: list[tuple[int, int, int]] = []
        # The sides of tests whether two places are equal: what is known of one then holds for the other.
        self._compared: list[tuple[int, int]] = []
        for number, block in enumerate(blocks):
            for site in block.events:
                if isinstance(site, AssignSite):
                    self._assigns.append((1 << number, self._written(site.target), site.value.reads))
            if len(block.edges) > 1:
                for edge in block.edges:
                    for test in edge.tests:
                        self._tested[number] |= test.value.reads
                        self._compare(test.term)
                if _about_object(block, seeds.owners):
                    # A member of an object that a setter was handed: that may be how its failure shows.
                    self._about.append(number)
                else:
                    self._open.append(number)

    def run(self) -> Slice:
        """The least fixpoint: what matters only grows."""
        values = self._flow(self._mattering)
        for number in self._about:
            self._take(number)
        changed = True
        while changed:
            changed = False
            still = []
            for number in self._open:
                if self._controls[number] & self._observed or self._tested[number] & self._mattering:
                    self._take(number)
                    changed = True
                else:
                    still.append(number)
            self._open = still
            left = []
            for one in self._assigns:
                bit, written, read = one
                if self._mattering & written:
                    self._observed |= bit
                    self._mattering |= read
                    changed = True
                else:
                    left.append(one)
            self._assigns = left
        return Slice(self._branches, self._mattering, values, self._inside)

    def _written(self, target: Term) -> int:
        """The terms whose value an assignment may change: the place, what is inside it, its equations."""
        return target.bit | self._inside.get(target.index, 0)

    def _compare(self, tested: Term | None) -> None:
        if tested is None or tested.left is None or tested.right is None or tested.by_constant:
            return
        one, other = tested.left.bit, tested.right.bit
        self._compared += [(one, other), (other, one)]

    def _flow(self, values: int) -> int:
        """The values that flow, by assignments and by tests of equality, into those of a mask."""
        flows = [(written, read) for _, written, read in self._assigns] + self._compared
        changed = True
        while changed:
            changed = False
            for written, read in flows:
                if values & written and read & ~values:
                    values |= read
                    changed = True
        return values

    def _take(self, number: int) -> None:
        """A branch matters: what its tests read does, and so do the branches that decide whether it is
        reached."""
        self._branches[number] = True
        self._observed |= 1 << number
        self._mattering |= self._tested[number]


def _about_object(block: SiteBlock, owners: set[str]) -> bool:
    """Whether a member of one of the objects is tested."""
    return any(
        test.is_place and test.term is not None and not test.term.local and root(test.term.text) in owners
        for edge in block.edges
        for test in edge.tests
    )
