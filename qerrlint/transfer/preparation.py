# SPDX-License-Identifier: GPL-2.0-or-later
"""The preparation of a function's frame: its sites, the values that matter, and where they are live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

from qerrlint.absint.liveness import live_masks
from qerrlint.absint.reachability import asserted, is_assertion, loop_around
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.casts import casts
from qerrlint.domain.conventions import ERRNO_ARGUMENT
from qerrlint.domain.effects import Effect
from qerrlint.domain.error import ERRP, FATAL
from qerrlint.domain.out_parameter import out_parameter
from qerrlint.domain.terms import Term, Terms
from qerrlint.ir.code import (
    NONZERO,
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Const,
    Declare,
    Deref,
    Edge,
    Event,
    Function,
    Op,
    Opaque,
    Result,
    Test,
    Value,
    Var,
    root,
    text_of,
)
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.operands import UNKNOWN, Operand, Variable, operand
from qerrlint.transfer.sites import (
    NOTHING_SPECIAL,
    AssignSite,
    CallSite,
    DeclareSite,
    DerefSite,
    Guard,
    Input,
    ReturnSite,
    Site,
    SiteBlock,
    Special,
    TestSite,
    Traits,
    is_soft,
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
        self._terms = frame.terms
        # The mask of what the event at hand asks for the value of, and of all that any event reads.
        self._asked = 0
        self._read = 0
        # Results are looked at in the block of their call, or on its edges: no fact of one outlives the
        # block.
        self._results = 0
        self._asserted = asserted(frame.function)

    def run(self, slicing: bool) -> None:
        """Make the sites, slice the function if wanted, and work out liveness."""
        frame = self._frame
        asked: list[list[int]] = []
        for number, block in enumerate(frame.function.blocks):
            chosen = not is_assertion(frame.function, number)
            events: list[Site] = []
            masks: list[int] = []
            for event in block.events:
                self._asked = 0
                events.append(self._site(event))
                masks.append(self._asked)
            frame.blocks.append(
                SiteBlock(events, [self._guard(edge, chosen) for edge in block.edges], block.loop)
            )
            asked.append(masks)
        sliced = None
        if slicing:
            sliced = slice_of(frame.signature, frame.types, self._terms, frame.blocks, self._marks())
        if sliced is not None:
            frame.values = sliced.values
        self._liveness(asked, sliced)
        if not slicing:
            # What else is observed asks for the results of calls that the function itself does not use.
            frame.used |= self._results

    def _liveness(self, asked: list[list[int]], sliced: Slice | None) -> None:
        """Which terms are used and assigned by each block, and what follows from that."""
        frame = self._frame
        used: list[int] = []
        killed: list[int] = []
        for number, block in enumerate(frame.blocks):
            uses = kills = 0
            for site, mask in zip(block.events, asked[number], strict=True):
                if isinstance(site, AssignSite):
                    if mask and (sliced is None or sliced.matters(site.target)):
                        uses |= mask & ~kills
                    kills |= site.target.bit
                else:
                    uses |= mask & ~kills
            for guard in block.edges:
                for test in guard.tests:
                    self._read |= test.value.reads
                    if sliced is None or sliced.branches[number]:
                        uses |= test.value.reads & ~kills
            used.append(uses & ~self._results)
            killed.append(kills)
        frame.live = live_masks(
            used, killed, [[edge.target for edge in block.edges] for block in frame.blocks]
        )
        frame.used = self._read
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
        waits = [_waits_in(block) for block in blocks]
        out = [0] * len(blocks)
        for head in heads:
            out[head] = reduce(or_, (waits[one] for one in loop_around(function, head)), 0)
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

    # -- sites -----------------------------------------------------------------------------------------

    def _site(self, event: Event) -> Site:
        if isinstance(event, Call):
            return self._call(event)
        if isinstance(event, Assign):
            return self._assign(event)
        if isinstance(event, Declare):
            return DeclareSite(event, self._terms.of(event.path))
        if isinstance(event, Deref):
            return DerefSite(event, self._terms.of(event.path))
        value = event.value
        if value is None:
            return ReturnSite(event, UNKNOWN, "", None)
        returned = self._ask(value)
        constant = value.text if isinstance(value, Const) and not _is_number(value) else ""
        of = returned.term if isinstance(value, (Var, Result)) and isinstance(returned, Variable) else None
        return ReturnSite(event, returned, constant, of)

    def _ask(self, value: Value) -> Operand:
        """The operand of a value that an event asks for."""
        asked = operand(value, self._terms)
        self._asked |= asked.reads
        self._read |= asked.reads
        return asked

    def _call(self, call: Call) -> CallSite:
        effect, named = self._frame.effects[call.index], traits(call.name)
        if call.index in self._asserted and not named.harmless:
            named = replace(named, harmless=True)
        result = self._terms.of(f"#{call.index}")
        self._results |= result.bit
        special = self._special(call, effect, named)
        self._read |= self._asked
        inputs, values, addresses = self._inputs(call, effect, named.about_errors)
        target = call.args[effect.errp] if effect.errp is not None and effect.errp < len(call.args) else None
        plain = (
            special is NOTHING_SPECIAL
            and not named.prints
            and effect.errp is None
            and effect.clears is None
            and effect.consumes is None
            and effect.evidence not in ("setter", "body")
            and not (effect.keeps or effect.noreturn or effect.makes_error)
        )
        return CallSite(call, effect, named, result, inputs, values, addresses, target, special, plain)

    def _special(self, call: Call, effect: Effect, named: Traits) -> Special:
        """What only some calls have; asks for the answers of predicates and casts."""
        terms, name, args = self._terms, call.name, call.args
        place = ERRNO_ARGUMENT.get(name)
        casts_ = name == "object_dynamic_cast" and len(args) == 2
        prints = self._frame.telling and (
            named.prints or (name == "fprintf" and call.text.startswith("fprintf(stderr"))
        )
        if not (
            named.predicate
            or casts_
            or prints
            or named.frees
            or place is not None
            or effect.returns is not None
        ):
            return NOTHING_SPECIAL
        special = Special(prints=prints)
        if named.predicate:
            special.asks = terms.of(call.text)
            self._asked |= special.asks.bit
        if casts_:
            of = terms.type_of(call)
            special.cast = (of, terms.equation(of, text_of(args[1])))
            self._asked |= terms.equations_of(of).bit
        if named.frees and args and isinstance(args[0], Var):
            special.frees = terms.of(args[0].path)
        if place is not None and len(args) > place:
            special.errno = (operand(args[place], terms), text_of(args[place]))
        if effect.returns is not None and effect.returns < len(args):
            argument = args[effect.returns]
            special.returned = (operand(argument, terms), terms.of(text_of(argument)))
        return special

    def _inputs(self, call: Call, effect: Effect, about_errors: bool) -> tuple[list[Input], int, int]:
        """The arguments that are places, and their masks; a status that is handed to a call about errors is
        asked for."""
        terms, inputs, values, addresses = self._terms, [], 0, 0
        for position, arg in enumerate(call.args):
            if isinstance(arg, Var):
                term = terms.of(arg.path)
                self._read |= term.bit
                if about_errors or position == effect.returns or self._may_be_null(position, effect, term):
                    self._asked |= term.bit
                if position not in (effect.errp, effect.clears, effect.into):
                    inputs.append((position, False, term))
                    values |= term.place
            elif isinstance(arg, Addr):
                if arg.path in FATAL:
                    self._frame.fatal = True
                if position not in (effect.errp, effect.clears, effect.into):
                    term = terms.of(arg.path)
                    inputs.append((position, True, term))
                    addresses |= term.bit
            elif isinstance(arg, Op):
                self._read |= operand(arg, terms).reads
        return inputs, values, addresses

    def _may_be_null(self, position: int, effect: Effect, term: Term) -> bool:
        """Whether an argument is an `Error **` of which the state may know only that it is NULL or not: the
        callee then reports its failure by the result alone. Of the out-parameter it knows the pointee."""
        return position == effect.errp and term.text != self._frame.errp_parameter

    def _assign(self, event: Assign) -> AssignSite:
        terms, value = self._terms, event.value
        target = terms.of(event.target)
        assigned = self._ask(value)
        site = AssignSite(event, target, assigned, self._frame.is_error(target))
        owner = target.owner
        site.keeps = (
            event.stated
            and self._outlives(event.target)
            and not (isinstance(value, Const) and value.signs == ZERO)
        )
        if isinstance(value, Var):
            assert isinstance(assigned, Variable)
            source = site.source = site.copied = assigned.term
            site.unsigned = _is_unsigned(self._frame.types.get(value.path, ""))
            if source.owner is not None and source.owner is not owner:
                site.owners = (source.owner,) if owner is None else (owner, source.owner)
                return site
        elif isinstance(value, Result):
            assert isinstance(assigned, Variable)
            site.copied = assigned.term
            if self._frame.effects[value.call].makes_error:
                site.made_by = value.call
        elif isinstance(value, Const):
            site.is_null = value.signs == ZERO
            if not _is_number(value):
                site.equation = terms.equation(target, value.text)
        elif isinstance(value, Addr):
            site.addressed = value.path
            if value.path in FATAL:
                self._frame.fatal = True
        if owner is not None:
            site.owners = (owner,)
        return site

    def _outlives(self, path: str) -> bool:
        """Whether a place is in memory that outlives the function: no local, and nothing inside one."""
        if path.isidentifier():
            return path not in self._frame.types
        if path.startswith("$"):
            return False
        return "->" in path or "*" in path or self._frame.types.get(root(path), "*").endswith("*")

    def _guard(self, edge: Edge, chosen: bool) -> Guard:
        tests = [self._test(test) for test in edge.tests]
        soft = any(test.soft for test in tests)
        return Guard(edge.target, tests, edge.span, edge.taken, soft, asserted=not chosen)

    def _test(self, test: Test) -> TestSite:
        subject, allow = test.subject, test.allow
        while isinstance(subject, Op) and subject.op == "!":
            allow = (ZERO if allow & NONZERO else 0) | (NONZERO if allow & ZERO else 0)
            subject = subject.left
        value = operand(subject, self._terms)
        term = value.term if isinstance(value, Variable) else None
        is_place = isinstance(subject, Var)
        answers = None
        if isinstance(subject, Result):
            call = self._frame.function.calls[subject.call]
            answers = self._terms.of(call.text) if traits(call.name).predicate else None
        soft = (
            test.allow == POS
            and term is not None
            and term.left is not None
            and isinstance(test.subject, Opaque)
            and is_soft(term.constant)
        )
        is_error = is_place and term is not None and self._frame.is_error(term)
        is_plain = subject is test.subject and (is_place or isinstance(subject, Result))
        return TestSite(test, allow, value, term, is_place, is_error, is_plain, answers, soft)


def _is_number(constant: Const) -> bool:
    """Whether a constant is written as a number."""
    return constant.text.lstrip("-(").isdigit()


def _is_unsigned(type_text: str) -> bool:
    """Whether it is an integer type without sign: what is taken from such a variable is no negative
    status."""
    first, _, rest = type_text.partition(" ")
    if first == "unsigned":
        return "*" not in rest
    return not rest and (first in ("size_t", "hwaddr", "bool") or first.startswith("uint"))


def _waits_in(block: SiteBlock) -> int:
    """The mask of the terms that a loop may wait for in a block: all behind a call, else those it tests."""
    if any(isinstance(site, CallSite) for site in block.events):
        return -1
    return reduce(or_, (test.value.reads for edge in block.edges for test in edge.tests), 0)
