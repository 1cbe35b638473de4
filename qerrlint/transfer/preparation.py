# SPDX-License-Identifier: GPL-2.0-or-later
"""The preparation of a function's frame: its sites, the values that matter, and where they are live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_

from qerrlint.absint.liveness import live_masks
from qerrlint.absint.reachability import assertions, loops_around
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.casts import casts
from qerrlint.domain.effects import Effect
from qerrlint.domain.error import ERRP
from qerrlint.domain.out_parameter import out_parameter
from qerrlint.domain.terms import Terms
from qerrlint.ir.code import (
    Call,
    Function,
    Var,
)
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.site_making import SiteMaker
from qerrlint.transfer.sites import (
    AssignSite,
    CallSite,
    Site,
    SiteBlock,
    traits,
)
from qerrlint.transfer.slicing import Slice, slice_of

# Heads of loops times blocks: with more, each loop counts as one that waits for everything.
_MOST_LOOPS = 100_000


def prepare(
    function: Function, signature: Signature | None, effect: Callable[[Call], Effect], sliced: bool = True
) -> Frame:
    """The frame of a function; `effect` tells what a call does. `sliced`: leave out what cannot matter to
    Errors, results and messages; not where something else is observed as well."""
    types = dict(function.locals)
    params = signature.params if signature is not None else ()
    for param in params:
        types.setdefault(param.name, param.type)
    parameter = out_parameter(function, signature)
    errp = parameter.name if parameter is not None else None
    effects = [effect(call) for call in function.calls]
    extends = errp is not None and any(
        known.keeps and call.args and call.args[0] == Var(errp)
        for call, known in zip(function.calls, effects, strict=True)
    )
    terms = Terms()
    out = terms.of("*" + errp) if errp is not None else None
    frame = Frame(function, signature, errp, out, types, terms, effects, dict(casts(function)), extends)
    if parameter is not None:
        frame.errp_parameter = parameter.parameter
    frame.passes_errp = errp is not None and _hands_on(signature, types, function, effects)
    frame.telling = errp is not None or _tells_some(function, effects)
    _Preparation(frame).run(sliced)
    return frame


def _hands_on(
    signature: Signature | None, types: dict[str, str], function: Function, effects: Sequence[Effect]
) -> bool:
    """Whether a function hands its out-parameter to a callee that may set it."""
    return signature is not None and any(
        known.errp is not None
        and known.evidence != "setter"
        and any(isinstance(arg, Var) and types.get(arg.path) == ERRP for arg in call.args)
        for call, known in zip(function.calls, effects, strict=True)
    )


def _tells_some(function: Function, effects: Sequence[Effect]) -> bool:
    """Whether a function without an out-parameter tells the user of failures itself, and asks one callee for
    no Error though it looks at its result."""
    pairs = list(zip(function.calls, effects, strict=True))
    return any(call.used and call.passes_null(known.errp) for call, known in pairs) and any(
        known.how == "report" or traits(call.name).prints for call, known in pairs
    )


class _Preparation:
    """Fills a frame: the sites of all blocks, then which facts matter where."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._assertions = assertions(frame.function)
        self._sites = SiteMaker(frame, self._assertions)

    def run(self, slicing: bool) -> None:
        """Make the sites, slice the function if wanted, and work out liveness."""
        frame = self._frame
        asked: list[list[int]] = []
        for number, block in enumerate(frame.function.blocks):
            chosen = number not in self._assertions
            events: list[Site] = []
            masks: list[int] = []
            for event in block.events:
                site, mask = self._sites.site(event)
                events.append(site)
                masks.append(mask)
            edges = [self._sites.guard(edge, chosen) for edge in block.edges]
            frame.blocks.append(SiteBlock(events, edges, block.loop))
            asked.append(masks)
        sliced = None
        if slicing:
            sliced = slice_of(frame.signature, frame.types, frame.terms, frame.blocks, self._marks())
        if sliced is not None:
            frame.values = sliced.values
        self._liveness(asked, sliced)
        if not slicing:
            # What else is observed asks for the results of calls that the function itself does not use.
            frame.used |= self._sites.results

    def _liveness(self, asked: list[list[int]], sliced: Slice | None) -> None:
        """Which terms are used and assigned by each block, and what follows from that."""
        frame = self._frame
        used: list[int] = []
        killed: list[int] = []
        read = self._sites.read
        for number, block in enumerate(frame.blocks):
            uses = kills = 0
            for site, mask in zip(block.events, asked[number], strict=True):
                if isinstance(site, AssignSite):
                    if mask and (sliced is None or sliced.matters(site.target)):
                        uses |= mask & ~kills
                    kills |= site.target.bit
                else:
                    uses |= mask & ~kills
            tested = 0
            for guard in block.edges:
                for test in guard.tests:
                    tested |= test.value.reads
            read |= tested
            if sliced is None or sliced.branches[number]:
                uses |= tested & ~kills
            # Results are looked at in the block of their call, or on its edges: no fact of one outlives it.
            used.append(uses & ~self._sites.results)
            killed.append(kills)
        frame.live = live_masks(
            used, killed, [[edge.target for edge in block.edges] for block in frame.blocks]
        )
        frame.used = read
        frame.waits = self._waits()
        for block in frame.blocks:
            for guard in block.edges:
                if len(guard.tests) == 1:
                    (test,) = guard.tests
                    test.kept = test.term is not None and frame.live[guard.target] & test.term.alive_by != 0

    def _waits(self) -> list[int]:
        """For each block that is the head of a loop the mask of the terms that other code may change in it:
        all where the loop calls something, else what it tests."""
        function, blocks = self._frame.function, self._frame.blocks
        heads = [number for number, block in enumerate(blocks) if block.loop]
        if len(heads) * len(blocks) > _MOST_LOOPS:
            return [-1] * len(blocks)
        out = [0] * len(blocks)
        for head, around in loops_around(function, heads).items():
            out[head] = reduce(or_, (_waits_in(blocks[one]) for one in around), 0)
        return out

    def _marks(self) -> bool:
        """Whether the marks of a path matter: the function prints, frees, or goes on where an Error may be
        set."""
        frame = self._frame
        if frame.passes_errp:
            return True
        void = frame.signature is not None and frame.signature.returns == "void"
        return frame.telling and any(
            traits(call.name).prints
            or call.name == "fprintf"
            or effect.consumes is not None
            or call.passes_null(effect.errp)
            or (void and effect.evidence == "setter")
            for call, effect in zip(frame.function.calls, frame.effects, strict=True)
        )


def _waits_in(block: SiteBlock) -> int:
    """The mask of the terms that a loop may wait for in a block: all after a call, else those it tests."""
    if any(isinstance(site, CallSite) for site in block.events):
        return -1
    return reduce(or_, (test.value.reads for edge in block.edges for test in edge.tests), 0)
