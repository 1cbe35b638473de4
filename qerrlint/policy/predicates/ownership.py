# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates about what is acquired, and by whom it is released (the family `ownership`)."""

from __future__ import annotations

import re

from qerrlint.absint.reachability import blocks_after, blocks_before, guards, loop_around, place_of
from qerrlint.absint.trace import places
from qerrlint.c.lexis import bare
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import HeldObject
from qerrlint.checks.ownership.left_held import NeverReleased
from qerrlint.checks.ownership.left_in_local import LocalObject
from qerrlint.checks.ownership.local_acquires import SHOWN
from qerrlint.checks.ownership.prepared_twice import Preparation
from qerrlint.checks.ownership.release_sites import is_freeing, may_release
from qerrlint.domain.ownership import tail
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import NULL, TRUE, ZERO, Addr, Assign, Call, Const, Function, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.policy.calls_in_file import calls_in_file
from qerrlint.qemu.device_lifecycle import FINALIZE, RECURRING

# An enumerator, or a macro for a constant.
_STATE = lazy_re(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
# A condition that is one member, right before a statement.
_IF_MEMBER = lazy_re(rb"\bif\s*\(\s*!?\s*(\w+)(?:->|\.)[\w.>-]+\s*\)\s*\{?\s*\Z")
# A condition that begins with a constant of the build, and what stands behind it up to a statement.
_IF_CONSTANT = lazy_re(rb"\bif\s*\(\s*!?[A-Z][A-Z0-9_]{3,}\s*(?:&&[^;{}]*)?\)\s*(?:\{[^{}]*)?\Z")
_NEAR = 200
_ASKED = lazy_re(rb"\bif\s*\(\s*!?\s*([a-z_]\w*)\s*\(")


# -- left-held and not-discarded --------------------------------------------------------------------


def local_is_unreachable(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """The object is prepared in a local variable, which `unreachable` is about."""
    one = observation.subject
    return isinstance(one, HeldObject) and one.is_local and bool(one.seen.pair.prepare)


def finalize_releases(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """instance_finalize releases (or discards) the object."""
    one = observation.subject
    if not isinstance(one, HeldObject):
        return False
    pair, member, sites = one.seen.pair, tail(one.seen.object), one.objects.sites
    if observation.event == "not-discarded":
        return bool(sites.discarding_at_the_end(pair, member))
    return one.outlives and sites.in_phase(FINALIZE, pair, member)


def caller_releases(analysed: AnalysedFunction, observation: Observation) -> bool:
    """A caller of the function in the same file releases (or discards) the object."""
    one = observation.subject
    if not isinstance(one, HeldObject):
        return False
    pair, member, sites = one.seen.pair, tail(one.seen.object), one.objects.sites
    if observation.event == "not-discarded":
        callers = sites.above(analysed.name) - {analysed.name}
        return any(sites.discards(caller, pair, member) for caller in callers)
    return one.outlives and sites.released_by_callers(analysed.name, pair, member)


def other_phase_may_release(analysed: AnalysedFunction, observation: Observation) -> bool:
    """The function does not run in a setup phase alone, and never releases the object itself."""
    one = observation.subject
    if not isinstance(one, HeldObject) or one.objects.sites.only_in_setup(analysed.name):
        return False
    if observation.event == "not-discarded":
        return not one.is_local
    return one.outlives and not one.releases_itself


def may_be_released_elsewhere(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Another file can see the member: no struct of this file declares it, or it lies deeper in one."""
    never = observation.subject
    if not isinstance(never, NeverReleased):
        return False
    member, unit = tail(never.path).encode(), analysed.unit
    declared = any(
        piece.kind != "function" and unit.data.find(member, piece.span.start, piece.span.end) >= 0
        for piece in unit.definitions.pieces
    )
    return not declared or never.path.count(".") + never.path.count("->") != 1


def flag_tells_of_it(analysed: AnalysedFunction, observation: Observation) -> bool:
    """The block that acquires the object sets a flag of something that outlives the function."""
    one = observation.subject
    if not isinstance(one, HeldObject):
        return False
    place = place_of(analysed.function, one.seen.call)
    return place is not None and any(
        isinstance(event, Assign) and event.value == TRUE and "->" in event.target
        for event in analysed.function.blocks[place[0]].events
    )


def loops_take_and_release(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Loops make and release what no place holds: as many iterations of the one as of the other."""
    one = observation.subject
    if not isinstance(one, HeldObject) or not one.seen.object.startswith("("):
        return False
    place = place_of(analysed.function, one.seen.call)
    return place is not None and bool(loop_around(analysed.function, place[0])) and one.releases_itself


def asks_for_any_length(_analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """The function asks whether the length that the call has filled in is 0: then nothing is mapped."""
    one = observation.subject
    if not isinstance(one, LocalObject):
        return False
    call = one.function.calls[one.seen.call]
    lengths = {
        Var(arg.path)
        for arg in call.args
        if isinstance(arg, Addr) and not one.function.locals.get(arg.path, "*").endswith("*")
    }
    return any(test.subject in lengths and test.allow == ZERO for test in one.function.tests())


def number_of_object_is_missing(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """The path ends since a number is 0 that the function takes out of the object where there is one.

    `id = object->id;` gives what is made a number, and 0 says that nothing was made.
    """
    one = observation.subject
    if not isinstance(one, LocalObject):
        return False
    tests = [place for place in places(one.seen.trail) if place.kind == "branch"]
    name = analysed.unit.text.on_one_line(tests[-1].span) if tests and tests[-1].taken is False else ""
    return bool(name) and any(
        isinstance(event.value, Var) and event.value.path.startswith(f"{one.seen.object}->")
        for event in one.function.assignments(name)
    )


def list_is_of_caller(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """The call adds to a list that the function was handed: it is a part of the caller's list then."""
    one = observation.subject
    if not isinstance(one, LocalObject):
        return False
    signature = analysed.unit.signature(one.function.name)
    params = {param.name for param in signature.params} if signature is not None else set()
    call = one.function.calls[one.seen.call]
    return one.seen.object in params and Var(one.seen.object) in call.args[:1]


def name_says_locked(_analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """The function's name says that its caller gets the lock."""
    one = observation.subject
    named = word_list("locks-for-caller").matches(observation.function)
    return isinstance(one, LocalObject) and one.seen.pair.shown and named


def process_ends_there(_analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Whether memory or a file is what a local of main() holds where main() returns."""
    return observation.function == "main" and isinstance(observation.subject, LocalObject)


def release_is_configured(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """A release of what a local variable holds stands under a condition that is a constant of the build."""
    one = observation.subject
    if not isinstance(one, LocalObject):
        return False
    data, name = analysed.unit.data, one.seen.object
    return any(
        _IF_CONSTANT.search(data, max(call.span.start - _NEAR, 0), call.span.start) is not None
        for call in one.function.calls
        if (call.name == one.released or may_release(call.name)) and Var(name) in call.args
    )


def callee_takes_what_is_there(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """A variable loses what it holds to a function of the file that gets its address and reads it there."""
    one = observation.subject
    if not isinstance(one, LocalObject) or one.seen.kind != "lost" or one.seen.pair.name != SHOWN:
        return False
    held = Addr(one.seen.object)
    return any(
        call.span == one.seen.span and held in call.args and _reads_behind(analysed.unit, call, held)
        for call in one.function.calls
    )


def _reads_behind(unit: TranslationUnit, call: Call, held: Addr) -> bool:
    """Whether a function of the file reads the pointer whose address it gets before it sets it."""
    piece, signature = unit.functions.get(call.name), unit.signature(call.name)
    position = call.args.index(held)
    if piece is None or signature is None or position >= len(signature.params):
        return False
    name = re.escape(signature.params[position].name.encode())
    body = bare(unit.data[piece.body : piece.span.end])
    first = re.search(rb"\*\s*%s\b(\s*=(?!=))?" % name, body)
    return first is not None and first[1] is None


def member_decides_release(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Only a release that a member of something else decides tells that the object is the function's own."""
    one = observation.subject
    if not isinstance(one, LocalObject) or one.seen.kind != "exit" or one.seen.failing:
        return False
    if one.seen.pair.name != SHOWN:
        return False
    data, name = analysed.unit.data, one.seen.object
    releases = [
        call.span.start for call in one.function.calls if is_freeing(call.name) and Var(name) in call.args
    ]
    found = [_IF_MEMBER.search(data, max(at - _NEAR, 0), at) for at in releases]
    return bool(found) and all(test is not None and test[1] != name.encode() for test in found)


def loop_hands_it_on(_analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """A loop on the path to the exit, which the acquiring call does not stand in, hands the pointer on."""
    one = observation.subject
    if not isinstance(one, LocalObject):
        return False
    function = one.function
    place = place_of(function, one.seen.call)
    passing = one.uses.passing_blocks(one.seen.object)
    if place is None or not passing:
        return False
    between = blocks_after(function, place[0]) & blocks_before(function, one.seen.span)
    return any(
        place[0] not in around and not _is_replaced(function, number, one.seen.object)
        for number in passing
        if number in between and (around := loop_around(function, number))
    )


def value_is_taken_over(_analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """The variable is set to NULL or a negative number right after a call that was handed what it holds."""
    one = observation.subject
    if not isinstance(one, LocalObject) or one.seen.kind != "lost":
        return False
    for block in one.function.blocks:
        before: Call | None = None
        for event in block.events:
            if isinstance(event, Call):
                before = event
            elif (
                isinstance(event, Assign) and event.target == one.seen.object and event.span == one.seen.span
            ):
                empty = event.value == NULL or (
                    isinstance(event.value, Const)
                    and event.value.number is not None
                    and event.value.number < 0
                )
                return empty and before is not None and Var(event.target) in before.args
    return False


def _is_replaced(function: Function, number: int, name: str) -> bool:
    """Whether a block frees what a variable holds and gives it another value at once."""
    freed = False
    for event in function.blocks[number].events:
        if isinstance(event, Call) and is_freeing(event.name) and Var(name) in event.args:
            freed = True
        elif freed and isinstance(event, Assign) and event.target == name:
            return event.value != NULL
    return False


# -- unchecked-acquire, unreachable -----------------------------------------------------------------


def may_be_meant_to_stay(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """No setup phase that can still fail acquires the object."""
    return observation.slots["phase"] == "other"


# -- prepared-twice ---------------------------------------------------------------------------------


def phase_releases_first(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """A recurring phase of the object releases the member."""
    found = observation.subject
    return (
        isinstance(found, Preparation)
        and found.runs_again
        and found.objects.sites.in_phase(RECURRING, found.handling.pair, found.member)
    )


def state_is_tested_and_set(analysed: AnalysedFunction, observation: Observation) -> bool:
    """The function runs only outside of a state, and enters it: `if (!is_in(s, READY)) { f(s); }`.

    The state is a constant that the function mentions beside its tests; the test stands in it, or in all of
    its callers.
    """
    found, unit = observation.subject, analysed.unit
    if not isinstance(found, Preparation) or not found.runs_again:
        return False
    function = found.objects.function
    states = _states_entered(unit, function)
    if not states or _is_outside(unit, function, found.call.index, states):
        return bool(states)
    calls = calls_in_file(unit, analysed.name)
    return bool(calls) and all(_is_outside(unit, caller, call.index, states) for caller, call in calls)


def _states_entered(unit: TranslationUnit, function: Function) -> set[str]:
    """The constants that a function stores or hands over."""
    return {
        name
        for event in function.events()
        if isinstance(event, Assign) or (isinstance(event, Call) and not event.used)
        for name in _STATE.findall(unit.text.on_one_line(event.span))
    }


def _is_outside(unit: TranslationUnit, function: Function, call: int, states: set[str]) -> bool:
    """Whether a call stands after a test that found the object to be in none of some states."""
    place = place_of(function, call)
    return place is not None and any(
        edge.span is not None
        and all(test.allow == ZERO for test in edge.tests)
        and not states.isdisjoint(_STATE.findall(unit.text.on_one_line(edge.span)))
        for edge in guards(function, place[0])
    )


def callers_are_unknown(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Not exactly the second of the two functions has external linkage."""
    found, unit = observation.subject, analysed.unit
    if not isinstance(found, Preparation) or found.runs_again:
        return False
    return not unit.is_static(analysed.name) or unit.is_static(found.other)


def ask_one_question(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Both functions call the same function in a condition before they prepare the member."""
    found, unit = observation.subject, analysed.unit
    if not isinstance(found, Preparation) or found.runs_again:
        return False
    mine = _ASKED.findall(unit.data, unit.functions[analysed.name].body, found.call.span.start)
    theirs = _ASKED.findall(unit.data, unit.functions[found.other].body, found.start)
    return not set(mine).isdisjoint(theirs)
