# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways of returning that break the convention by their form and are no fault."""

from __future__ import annotations

import re

from qerrlint.absint.reachability import place_of, reaches_without
from qerrlint.checks.errors.failing_labels import leaves_over_failures
from qerrlint.checks.errors.return_states import returns_new_object, zero_comes_with_error
from qerrlint.checks.errors.value_source import branches, returned_code
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import subject_of
from qerrlint.domain.error import ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import ReturnState
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import NEG, POS, ZERO, Addr, Const, Result, Var, identifiers
from qerrlint.lazy_patterns import lazy_re

# How deep the statements of a function's own block are indented (docs/devel/style.rst of QEMU).
_INDENT = 4
# How far after an error_setg() the end of its block is looked for, in bytes.
_FARTHEST = 2000
_TRUTH_OF_STATUS = lazy_re(r"return\s+(?:!\s*(\w+)|(\w+)\s*==\s*0)\s*;?\Z")
_JUMP = lazy_re(rb"\b(?:return|goto|break|continue)\b")


def _returned(observation: Observation) -> ReturnState | None:
    return subject_of(observation).returned


def code_is_no_failure(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the returned code asks the caller to come again, or says that there is nothing to do."""
    leaving = _returned(observation)
    return leaving is not None and leaving.soft


def false_is_an_answer(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function asks a question or looks something up, by its name.

    What it reports as an error is no answer, nor what it sets an Error for, where its false or NULL comes
    with an Error elsewhere.
    """
    if observation.event == "error-printed-not-set" and any(
        call.name.startswith("error_report") for call in subject_of(observation).calls
    ):
        return False
    leaving = _returned(observation)
    if leaving is None or (leaving.error.sure and leaving.signs == POS and zero_comes_with_error(analysed)):
        return False
    return (
        analysed.kind in ("bool", "pointer")
        and word_list("questions").matches(analysed.name)
        and not analysed.unit.environment.command_result(analysed.name)
    )


def nonzero_may_be_a_value(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the value is only known to be other than 0, and is no variable for a status by its name."""
    leaving = _returned(observation)
    if leaving is None or analysed.kind != "int" or leaving.signs != NEG | POS:
        return False
    name = leaving.value.path.rstrip("0123456789") if isinstance(leaving.value, Var) else ""
    return not word_list("status-variables").matches(name)


def error_was_propagated(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether error_propagate() was called for errp on the path."""
    leaving = _returned(observation)
    return leaving is not None and leaving.propagated


def failure_is_documented(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the comment above the function says that it may fail so without an Error.

    In general words, or by naming the very code for something that it does not call an error while it
    describes the errors apart ("-EIO to drop the connection, any other negative value for an error").
    """
    leaving = _returned(observation)
    if leaving is None:
        return False
    text = analysed.unit.text.comment_above(analysed.piece.span.start)
    if word_list("contracts-without-error").matches(text):
        return True
    code = returned_code(leaving)
    if not code.startswith("-"):
        return False
    named = re.compile(rf"(?<![\w-]){re.escape(code)}(?!\w)")
    clauses = re.split(r"[,;.]\s", text)
    errors = [clause for clause in clauses if word_list("words-for-failure").matches(clause)]
    apart = [clause for clause in clauses if named.search(clause) and clause not in errors]
    return bool(apart) and any(re.search(r"errp|-\w|negative", clause) for clause in errors)


def slot_is_documented(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a comment above the slot of the function says that it may fail without an Error."""
    if _returned(observation) is None:
        return False
    unit = analysed.unit
    files = unit.environment.files
    phrases = "|".join(
        r"[\s*]+".join(map(re.escape, phrase.split()))
        for phrase in word_list("contracts-without-error").words
    )
    inside = rb"(?:[^*]|\*(?!/))*"
    for member in sorted(unit.uses.slots_of(analysed.name)):
        word = member.encode("latin-1", "replace")
        pattern = rb"/\*%s(?i:%s)%s\*/\s*[\w\s*]*\(\s*\*\s*%s\s*\)" % (
            inside,
            phrases.encode("latin-1"),
            inside,
            re.escape(word),
        )
        if any(files.contains(path, pattern, (word,)) for path in files.reached(unit.path)):
            return True
    return False


def help_was_asked_for(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the path has passed a test that asks for help and found that it is wanted."""
    leaving = _returned(observation)
    for place in branches(leaving) if leaving is not None else ():
        text = analysed.unit.text.on_one_line(place.span)
        if place.taken and "help" in text and not text.startswith("!"):
            return True
    return False


def slot_fails_silently(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function stands in a slot whose contract allows a failure without an Error."""
    api = analysed.unit.environment.api
    return _returned(observation) is not None and any(
        api.allows_unset(member) for member in analysed.unit.uses.slots_of(analysed.name)
    )


def function_is_a_stub(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function does nothing but return."""
    return not analysed.function.calls and not any(edge.tests for edge in analysed.function.edges())


def false_is_usual(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether false or NULL without an Error is not the odd one out.

    It is where others leave by the same return with an Error, or where more returns have one than have none.
    At a tie it is where it stands in the body of an `if`; elsewhere it may mean "no" or "none". It is where
    what is returned is made of a status that was not 0 (`return !ret`), where the function makes what it
    returns else, and where a caller looks into the Error after it.
    """
    if observation.slots.get("callers") == "crash":
        return False
    leaving = _returned(observation)
    if leaving is None or analysed.kind not in ("bool", "pointer") or _is_made_of_status(analysed, leaving):
        return False
    if analysed.unit.environment.command_result(analysed.name) or analysed.once(returns_new_object):
        return False
    zero = [e for e in analysed.result.returns if e.signs == ZERO]
    with_error = {e.span for e in zero if e.error.state is not ErrorState.NULL}
    without = {e.span for e in zero if e.error.state is ErrorState.NULL}
    if leaving.span in with_error or len(without) < len(with_error):
        return False
    _, column = analysed.unit.text.lines.position(leaving.span.start)
    return len(without) != len(with_error) or column <= _INDENT + 1


def _is_made_of_status(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether a bool is the negation of a status, or its comparison with 0, after a test of the status."""
    found = _TRUTH_OF_STATUS.match(analysed.unit.text.on_one_line(leaving.span))
    if analysed.kind != "bool" or found is None:
        return False
    name = found[1] or found[2]
    return word_list("status-variables").matches(name.rstrip("0123456789")) and any(
        name in identifiers(analysed.unit.text.on_one_line(place.span)) for place in branches(leaving)[:-1]
    )


def return_is_shared(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a block ends between what a void function printed and the return.

    A return after a label to which only failures come is not shared with a success.
    """
    leaving = _returned(observation)
    replaced = observation.slots.get("how", "").startswith("replaced")
    if leaving is None or analysed.kind != "void" or replaced:
        return False
    ends = b"}" in analysed.unit.data[observation.primary.end : leaving.span.start]
    return ends and not leaves_over_failures(analysed, leaving)


def result_is_passed_on(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the result that is returned is that of the callee that set the Error."""
    leaving = _returned(observation)
    return leaving is not None and leaving.origin >= 0 and leaving.origin == leaving.error.origin


def result_is_a_value(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function sets its own Error, no result is negative and some are numbers: no status."""
    leaving = _returned(observation)
    if leaving is None or analysed.kind != "int" or leaving.error.origin < 0:
        return False
    if analysed.unit.effect(analysed.function.calls[leaving.error.origin]).evidence != "setter":
        return False
    returns = analysed.result.returns
    numbers = any(e.signs & POS and not isinstance(e.value, Const) for e in returns)
    return numbers and not any(e.signs & NEG for e in returns)


def result_of_qmp_command(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function implements a QMP command with an int result; a static one cannot."""
    return (
        _returned(observation) is not None
        and analysed.kind == "int"
        and analysed.name.startswith("qmp_")
        and not analysed.unit.is_static(analysed.name)
    )


def void_function_may_go_on(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a void function does not, by its name, bring something about that the Error has prevented."""
    occurrence = subject_of(observation).occurrence
    goes_on = occurrence is not None and occurrence.kind in (OccurrenceKind.GOES_ON, OccurrenceKind.FAILED_ON)
    return goes_on and not word_list("work-that-fails").matches(analysed.name)


def block_ends_in_a_jump(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the block of the error_setg() ends in a jump."""
    return (
        _goes_on(observation)
        and _JUMP.search(_rest_of_block(analysed.unit.data, observation.primary.end)) is not None
    )


def only_the_setter_leads_there(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the work after the error_setg() is reached by way of it alone: no success shares it."""
    if not _goes_on(observation):
        return False
    subject = subject_of(observation)
    assert subject.occurrence is not None
    setter = place_of(analysed.function, subject.calls[0].index)
    work = place_of(analysed.function, subject.occurrence.call)
    if setter is None or work is None:
        return False
    return setter[0] == work[0] or not reaches_without(analysed.function, work[0], avoiding=setter[0])


def work_restores_what_was_saved(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the work after the error_setg() puts back what an earlier call of the same function has saved.

    Both calls get the address of one object, as different arguments.
    """
    if not _goes_on(observation):
        return False
    subject = subject_of(observation)
    assert subject.occurrence is not None
    work = analysed.function.calls[subject.occurrence.call]
    earlier = (
        call.args
        for call in analysed.function.calls
        if call.name == work.name and call.span < subject.calls[0].span
    )
    return any(
        isinstance(arg, Addr) and arg in args and args.index(arg) != position
        for args in earlier
        for position, arg in enumerate(work.args)
    )


def failures_come_there_too(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the work after the call is done as well where the function has set an Error before it.

    It undoes something then, whatever the outcome of the call is.
    """
    subject = subject_of(observation)
    if subject.occurrence is None or observation.slots["how"] != "work":
        return False
    unasked = place_of(analysed.function, subject.calls[0].index)
    work = place_of(analysed.function, subject.occurrence.call)
    if unasked is None or work is None or unasked[0] == work[0]:
        return False
    setters = (
        place_of(analysed.function, call.index)
        for call in analysed.function.calls
        if call.span < subject.calls[0].span
        and call.args
        and call.args[0] == Var(analysed.errp or "")
        and analysed.unit.effect(call).evidence == "setter"
    )
    return any(
        setter is not None and reaches_without(analysed.function, work[0], unasked[0], start=setter[0])
        for setter in setters
    )


def cleanup_only_fails(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """No return of the clean-up, a function of the file, tells of success."""
    function = analysed.unit.lowered(str(observation.slots["cleanup"]))
    returns = function.returns() if function is not None else ()
    returned = [event.value for event in returns if event.value is not None]
    failures = {value for value in returned if isinstance(value, Const) and value.signs == NEG}
    return bool(failures) and all(value in failures or isinstance(value, Result) for value in returned)


def _goes_on(observation: Observation) -> bool:
    occurrence = subject_of(observation).occurrence
    return occurrence is not None and occurrence.kind is OccurrenceKind.GOES_ON


def _rest_of_block(data: bytes, start: int) -> bytes:
    """The text from a place to the end of the block that it stands in."""
    depth = 0
    end = min(start + _FARTHEST, len(data))
    for at in range(start, end):
        if data[at] == 0x7B:
            depth += 1
        elif data[at] == 0x7D:
            depth -= 1
            if depth < 0:
                return data[start:at]
    return data[start:end]
