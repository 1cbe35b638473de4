# SPDX-License-Identifier: GPL-2.0-or-later
"""Frame: one function prepared for interpretation: its sites, the values that matter, and where they are
live.

What can be known of an event without a state is worked out once (`preparation`), so that a transfer function
only asks the state. Facts of values that no event and no edge reads are never made: `used` is the mask of the
others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect
from qerrlint.domain.error import OBJECTS
from qerrlint.domain.terms import Term, Terms
from qerrlint.ir.code import Function
from qerrlint.transfer.sites import SiteBlock


@dataclass(slots=True)
class Frame:
    """A function under interpretation.

    `errp` names its out-parameter, `errp_parameter` the parameter that holds it at entry (another one where
    errp is a local), `out` is the term of what it points to. `types` maps locals and parameters to their
    type, `casts` a variable to the one that it is under a cast. `fatal`: &error_abort or &error_fatal stands
    in it; `extends`: it extends the Error behind its out-parameter. `passes_errp`: it hands its out-parameter
    to a callee that may set it, so that work after that call is observed. `telling`: what it tells the user
    of a failure is observed. `live[b]` is the mask of the terms alive at the start of block b, `waits[b]` of
    those that the loop with the head b may wait for. `used` is the mask of the terms that anything reads,
    `values` of those whose facts flow into something observed; facts of the others only decide branches.
    """

    function: Function
    signature: Signature | None
    errp: str | None
    out: Term | None
    types: dict[str, str]
    terms: Terms
    effects: list[Effect]
    casts: dict[str, str]
    extends: bool
    errp_parameter: str = ""
    passes_errp: bool = False
    telling: bool = False
    fatal: bool = False
    blocks: list[SiteBlock] = field(default_factory=list)
    live: list[int] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    used: int = field(init=False)
    values: int = -1
    _shared: tuple[int, int] = (0, 0)
    # The masks of the terms for which that holds, of as many terms as were there when it was asked last.
    _dead: dict[int, tuple[int, int]] = field(default_factory=dict)
    _dropped: dict[tuple[int, int], int] = field(default_factory=dict)
    _deciding: tuple[int, int, int] = (-1, 0, 0)

    def dead(self, known: int, block: int, loop: bool) -> int:
        """The terms of a mask whose facts cannot matter from the start of a block on; at the head of a loop
        also those that other code can change and the loop may wait for."""
        asked = known, block
        found = self._dropped.get(asked)
        if found is None:
            found = self._dropped[asked] = known & self._dead_at(block, loop)
        return found

    def _dead_at(self, block: int, loop: bool) -> int:
        """The mask of the terms made so far whose facts cannot matter from the start of a block on."""
        terms = self.terms.all
        live = self.live[block]
        done, mask = self._dead.get(live, (0, 0))
        if done < len(terms):
            for term in terms[done:]:
                if not live & term.alive_by:
                    mask |= term.bit
            self._dead[live] = len(terms), mask
        return mask | self.changing(block) if loop else mask

    def changing(self, head: int) -> int:
        """The mask of the terms that other code can change while the loop with that head waits for it."""
        waits, mask = self.waits[head], self.shared
        if waits != -1:
            for term in self.terms.all:
                if not term.alive_by & waits:
                    mask &= ~term.bit
        return mask

    def deciding(self, known: int) -> int:
        """The terms of a mask whose facts only decide branches. The constant that a value equals flows where
        the value flows."""
        values = self.values
        if values < 0:
            return 0
        of, done, mask = self._deciding
        terms = self.terms.all
        if of != values:
            done = mask = 0
        if done < len(terms):
            for term in terms[done:]:
                if not values & (term.bit if term.left is None else term.bit | term.left.bit):
                    mask |= term.bit
            self._deciding = values, len(terms), mask
        return known & mask

    @property
    def shared(self) -> int:
        """The mask of the terms that other code can change: all but plain locals, parameters and
        temporaries."""
        done, mask = self._shared
        for term in self.terms.all[done:]:
            if not (term.local and (term.text in self.types or term.text.startswith("$"))):
                mask |= term.bit
        self._shared = (len(self.terms.all), mask)
        return mask

    def is_error(self, term: Term) -> bool:
        """Whether a variable is declared as a pointer to an Error or a GError."""
        return self.types.get(term.text) in OBJECTS

    def is_used(self, term: Term) -> bool:
        """Whether any event or edge of the function reads the term."""
        return self.used & term.alive_by != 0
