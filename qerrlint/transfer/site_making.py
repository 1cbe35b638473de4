# SPDX-License-Identifier: GPL-2.0-or-later
"""The sites of a function's events and edges: what the transfer functions need to know of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from qerrlint.absint.reachability import tested_at
from qerrlint.domain.conventions import ERRNO_ARGUMENT
from qerrlint.domain.effects import Effect
from qerrlint.domain.error import FATAL
from qerrlint.domain.terms import Term
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
from qerrlint.lazy_patterns import lazy_re
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
    Special,
    TestSite,
    Traits,
    is_soft,
    traits,
)
from qerrlint.transfer.unsteady import unsteady

# As c.lower.conditions writes comparisons: each as one of three relations.
_RELATIONS = ("==", "<", ">")
_RELATION = lazy_re(r"==|<|>")


class SiteMaker:
    """Makes the sites of one frame's function.

    `read`: the mask of the terms that the events seen so far read. `results`: that of the results of their
    calls. `frame.fatal` is set where `&error_abort` or `&error_fatal` is met.
    """

    def __init__(self, frame: Frame, assertions: Collection[int]) -> None:
        """`assertions`: the blocks that end in one."""
        self.read = 0
        self.results = 0
        self._frame = frame
        self._terms = frame.terms
        # The mask of what the event at hand asks for the value of.
        self._asked = 0
        self._asserted = tested_at(frame.function, assertions)
        self._unsteady = unsteady(frame.function, frame.types)
        self._excluded = _excluded(frame.function)

    def site(self, event: Event) -> tuple[Site, int]:
        """The site of an event, and the mask of the terms whose values the event asks for."""
        self._asked = 0
        return self._site(event), self._asked

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
        self.read |= asked.reads
        return asked

    def _call(self, call: Call) -> CallSite:
        effect, named = self._frame.effects[call.index], traits(call.name)
        if call.index in self._asserted and not named.harmless:
            named = replace(named, harmless=True)
        result = self._terms.result(call.index)
        self.results |= result.bit
        special = self._special(call, effect, named)
        self.read |= self._asked
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
                self.read |= term.bit
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
                self.read |= operand(arg, terms).reads
        return inputs, values, addresses

    def _may_be_null(self, position: int, effect: Effect, term: Term) -> bool:
        """Whether an argument is an `Error **` of which the state may know only that it is NULL or not: the
        callee then reports its failure by the result alone. Of the out-parameter it knows the pointee."""
        return position == effect.errp and term.text != self._frame.errp_parameter

    def _assign(self, event: Assign) -> AssignSite:
        """The site of an assignment."""
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
            site.unsteady = event.span.start in self._unsteady
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
        return "->" in path or "*" in path or self._frame.types.get(root(path), "*").endswith("*")

    def guard(self, edge: Edge, chosen: bool) -> Guard:
        """The guard of an edge; `chosen`: its block does not end in an assertion."""
        excluded = (
            Test(Opaque(text), ZERO)
            for test in edge.tests
            if test.allow == POS and isinstance(test.subject, Opaque)
            for text in self._excluded.get(test.subject.text, ())
        )
        tests = [self._test(test) for test in (*edge.tests, *excluded)]
        soft = any(test.soft for test in tests)
        return Guard(edge.target, tests, edge.span, edge.taken, soft, asserted=not chosen, case=edge.case)

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


def _excluded(function: Function) -> dict[str, list[str]]:
    """For each comparison of a function those of the same operands that do not hold where it does: of
    `i < n` that is `i == n`, where the function tests it."""
    texts = {test.subject.text for test in function.tests() if isinstance(test.subject, Opaque)}
    found: dict[str, list[str]] = {}
    for text in sorted(texts) if len(texts) > 1 else ():
        for at in _RELATION.finditer(text):
            left, right = text[: at.start()], text[at.end() :]
            others = (f"{left}{relation}{right}" for relation in _RELATIONS if relation != at[0])
            found.setdefault(text, []).extend(one for one in others if one in texts)
    return {text: others for text, others in found.items() if others}


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
