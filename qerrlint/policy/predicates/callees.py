# SPDX-License-Identifier: GPL-2.0-or-later
"""What the callee is: not declared, a macro, clean-up, or work that the caller can do without."""

from __future__ import annotations

import re
from itertools import pairwise

from qerrlint.absint.reachability import place_of
from qerrlint.c.declarations.types import parse_signature
from qerrlint.c.lexis import bare
from qerrlint.checks.errors.occurrences import of_kind
from qerrlint.checks.errors.value_source import assignments
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.ownership.objects import objects_of
from qerrlint.checks.subject import subject_of
from qerrlint.domain.conventions import fails_by
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import NULL, Addr, Call, Const, Result, Return, Str, Var, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.function_text import FunctionText

# vl.c, softmmu/vl.c or system/vl.c, by the age of the tree.
_COMMAND_LINE = "vl.c"
# The statement behind a call, where it is a test that leaves the function or the block.
_NEXT_TEST = lazy_re(rb"\s*;\s*if\s*\(([^;{}]{1,400})\)\s*\{?\s*(?:return|goto|break|continue)\b")
_BLANKS = lazy_re(rb"\s+")
# The call behind a seek, where something is made of its result.
_NEXT_CALL = lazy_re(rb"\b(?!(?:if|for|while|switch|sizeof)\b)([A-Za-z_]\w*)\s*\(")
_STATEMENT = lazy_re(rb"[;{}]\s*\Z")
# The condition of a block, and the bound of a loop that counts up.
_KEYWORD = lazy_re(r"\b(if|for|while)\s*\Z")
_COUNTED = lazy_re(r"[^;]*;\s*\w+\s*<\s*(\w+)\s*;")
_NOTHING = ("0", "NULL", "false")
# The object whose property is read, the bus that a device is plugged into, and the tests of what it is.
_PROPERTY_OF = lazy_re(rb"object_property_get_\w+\s*\(\s*(?:OBJECT\s*\(\s*)?(\w+)\b")
_PLUGGED_INTO = lazy_re(
    rb"\b(\w+)\s*=\s*(?:(?:BUS|PCI_BUS)\s*\(\s*)?(?:qdev_get_parent_bus|pci_get_bus)\s*\("
)
_IS_ASKED = lazy_re(rb"\bobject_(?:property_find|dynamic_cast)\s*\(")
# What follows an unchecked call where the function works on.
_GOES_ON = ("work", "result")


def callee_is_undeclared(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether what a call does to the Error is a guess from its last argument: no declaration is known."""
    return any(analysed.unit.effect(call).evidence == "guess" for call in subject_of(observation).calls)


def callback_sets_no_error(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call that is said to set the Error only hands it to a callback, which never names it.

    The callback is a function of the file.
    """
    subject = subject_of(observation)
    origin = subject.occurrence.first.origin if subject.occurrence is not None else -1
    call = analysed.function.calls[origin] if origin >= 0 else None
    if call is None or not word_list("calls-a-callback").matches(call.name):
        return False
    unit = analysed.unit
    for argument in call.args:
        piece = unit.functions.get(argument.path) if isinstance(argument, Var) else None
        signature = unit.signature(argument.path) if isinstance(argument, Var) and piece is not None else None
        name = signature.out_error if signature is not None else None
        if piece is not None and name:
            body = bare(unit.data[piece.body : piece.span.end])
            return re.search(rb"\b%s\b" % re.escape(name.encode()), body) is None
    return False


def callee_cleans_up(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a callee that keeps its Error to itself is clean-up by its name."""
    return observation.slots["how"] == "below" and word_list("ends-of-objects").matches(
        observation.slots["printer"]
    )


def callee_is_dispensable(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a call with dropped result and NULL for errp is, by its name, nothing that the rest needs.

    A function with errp could tell the failure: there it is enough that the callee prepares something, on a
    path that has not failed and goes on.
    """
    subject = subject_of(observation)
    slots = observation.slots
    dropped = slots["errp"] == "NULL" and not slots["kept"] and slots["how"] != "admitted"
    return dropped and not any(
        word_list("necessary-work").matches(call.name) or _prepares(analysed, call)
        for call in subject.calls
        if not word_list("attempts").matches(call.name)
    )


def _prepares(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a call prepares something, and no failure has been met before it or is returned after it."""
    if not word_list("preparing-work").matches(call.name) or word_list("releases").matches(call.name):
        return False
    if word_list("property-prefixes").matches(call.name) or _sets_back(analysed, call):
        return False
    before_failure = any(o.call == call.index for o in of_kind(analysed, OccurrenceKind.DROPPED_RESULT))
    return before_failure and not word_list("releases").matches(analysed.name) and _goes_on(analysed, call)


def _sets_back(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether the function has called the same callee before, so that the call may restore what was."""
    return any(other.name == call.name and other.span < call.span for other in analysed.function.calls)


def _goes_on(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether what follows a call without a test is neither an error of the function's own nor the return of
    a failure."""
    function, start = analysed.function, place_of(analysed.function, call.index)
    seen: set[int] = set()
    while start is not None:
        number, position = start
        for event in function.blocks[number].events[position + 1 :]:
            if isinstance(event, Call) and analysed.unit.effect(event).evidence == "setter":
                return False
            if isinstance(event, Return):
                value = event.value
                return not (isinstance(value, Const) and fails_by(analysed.kind, value.signs))
        edges = function.blocks[number].edges
        start = (edges[0].target, -1) if len(edges) == 1 and edges[0].target not in seen else None
        seen.add(number)
    return True


def object_is_not_used_again(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call is the last thing that is done to an object that another call has made."""
    if observation.slots["errp"] != "NULL" or observation.slots["kept"]:
        return False
    data, end = analysed.unit.data, analysed.function.span.end
    names = [
        (call, call.args[0].path)
        for call in subject_of(observation).calls
        if call.args and isinstance(call.args[0], Var) and call.args[0].path in analysed.function.locals
    ]
    made = [event.target for event in assignments(analysed.result) if isinstance(event.value, Result)]
    given = [event.target for event in assignments(analysed.result) if event.value != NULL]
    return bool(names) and all(
        made.count(name) == given.count(name) > 0
        and not re.search(rb"\b%s\b" % re.escape(name.encode()), data[call.span.end : end])
        for call, name in names
    )


def property_is_of_the_class(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call reads a property that a macro names, so that the header of the class declares it."""
    return any(
        call.name.startswith("object_property_") and any(isinstance(a, Const) for a in call.args[1:2])
        for call in subject_of(observation).calls
    ) and bool(observation.slots["kept"])


def property_is_constant(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call sets or reads a property whose name stands there as a string or a macro.

    "realized" runs the realize method, which may fail for what the user has asked of a CPU. A bus that the
    user has chosen need not have the property.
    """
    return observation.slots.get("kind") != "processor" and any(
        word_list("property-prefixes").matches(call.name)
        and any(isinstance(a, (Str, Const)) for a in call.args[1:])
        and not _asks_the_parent_bus(analysed, call)
        for call in subject_of(observation).calls
    )


def _asks_the_parent_bus(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a call reads a property of the bus that the device is plugged into, be it of whatever type, and
    nothing before it asks for that type or for the property."""
    data, start = analysed.unit.data, analysed.function.span.start
    asked = _PROPERTY_OF.match(data, call.span.start, call.span.end)
    before = data[start : call.span.start]
    return (
        asked is not None and asked[1] in _PLUGGED_INTO.findall(before) and _IS_ASKED.search(before) is None
    )


def permissions_cannot_be_denied(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call takes no permissions on a block node and shares all of them."""
    return any(
        text_of(before) == "0" and text_of(after) == "BLK_PERM_ALL"
        for call in subject_of(observation).calls
        for before, after in pairwise(call.args)
    )


def file_is_the_command_line(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the file is the one that reads QEMU's command line, where a failure ends QEMU."""
    return analysed.unit.path.rpartition("/")[2] == _COMMAND_LINE


def function_ends_something(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function, by its name, takes something down, so that it goes on whatever fails."""
    return observation.slots["how"] in _GOES_ON and word_list("releases").matches(analysed.name)


def attempt_has_a_rule(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call acquires the object of a pair, whose rule says that nothing tests the attempt."""
    objects = analysed.once(objects_of)
    acquiring = {call for call, _ in objects.calls("acquire")} if objects is not None else set()
    return observation.slots["how"] in _GOES_ON and any(
        call in acquiring for call in subject_of(observation).calls
    )


def filled_has_a_default(file: AnalysedFile, observation: Observation) -> bool:
    """Whether a call whose result is dropped fills a local variable that is declared with a value."""
    call = subject_of(observation).calls[0]
    piece = file.unit.definitions.around(call.span.start)
    filled = [arg.path for arg in call.args if isinstance(arg, Addr) and arg.path.isidentifier()]
    if piece is None or not filled or call.used:
        return False
    before = file.unit.data[piece.body : call.span.start]
    return all(
        re.search(rb"\b%s\s{0,9}=(?!=)" % re.escape(name.encode()), before) is not None for name in filled
    )


def maps_one_byte(file: AnalysedFile, observation: Observation) -> bool:
    """Whether the length that a call which maps memory gets the address of is 1 by all its assignments."""
    call = subject_of(observation).calls[0]
    piece = file.unit.definitions.around(call.span.start)
    lengths = [arg.path for arg in call.args if isinstance(arg, Addr) and arg.path.isidentifier()]
    if piece is None or not call.used:
        return False
    body = file.unit.data[piece.body : piece.span.end]
    for name in lengths:
        values = re.findall(rb"(?<![\w.>])%s\s{0,9}[+*|-]?=(?!=)([^;,]*)" % re.escape(name.encode()), body)
        if values and {value.strip() for value in values} == {b"1"}:
            return True
    return False


def filled_is_tested(file: AnalysedFile, observation: Observation) -> bool:
    """Whether a test behind a call whose result is dropped looks at what the call fills, and leaves."""
    call = subject_of(observation).calls[0]
    behind = _NEXT_TEST.match(file.unit.data, call.span.end)
    if behind is None:
        return False
    condition = _BLANKS.sub(b"", behind[1])
    return any(
        re.search(rb"(?<![\w.>])%s\b" % re.escape(arg.path.encode()), condition) is not None
        for arg in call.args
        if isinstance(arg, Addr)
    )


def seeks_to_the_start(file: AnalysedFile, observation: Observation) -> bool:
    """Whether a call whose result is dropped goes to the start of a file by constants."""
    call = subject_of(observation).calls[0]
    return call.name == "lseek" and [text_of(arg) for arg in call.args[1:]] == ["0", "SEEK_SET"]


def reads_from_there(file: AnalysedFile, observation: Observation) -> bool:
    """Whether the first call behind a seek reads or loads something, and its result is used."""
    call = subject_of(observation).calls[0]
    piece = file.unit.definitions.around(call.span.start)
    if call.name != "lseek" or piece is None:
        return False
    behind = _NEXT_CALL.search(file.unit.data, call.span.end, piece.span.end)
    if behind is None or not word_list("reading").matches(behind[1].decode("latin-1")):
        return False
    return _STATEMENT.search(file.unit.data, call.span.end, behind.start()) is None


def failing_part_is_not_asked_for(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the callee fails only in what it does for an argument that is NULL or 0 in the call.

    Each place of its body that names its errp stands in a block that such an argument keeps it out of.
    """
    unit = analysed.unit
    for call in subject_of(observation).calls:
        nothing = [at for at, arg in enumerate(call.args) if text_of(arg) in _NOTHING]
        errp = unit.effect(call).errp
        if not call.direct or errp is None or not set(nothing) - {errp}:
            continue
        texts = bodies_elsewhere(unit).bodies(unit.path, call.name, unit.signature(call.name))
        if texts and all(_fails_only_for(text, nothing, errp) for text in texts):
            return True
    return False


def _fails_only_for(text: FunctionText, nothing: list[int], errp: int) -> bool:
    """Whether a body names its errp only in blocks that are entered for other values than NULL and 0 of some
    parameters, which it never changes."""
    own = parse_signature(text.head.encode("latin-1"), text.path, text.head_start)
    if own is None or errp >= len(own.params):
        return False
    names = {own.params[at].name for at in nothing if at != errp and at < len(own.params)}
    names = {name for name in names if name and not _is_changed(text.code, name)}
    places = [found.start() for found in re.finditer(rf"\b{re.escape(own.params[errp].name)}\b", text.code)]
    return bool(places) and all(_is_kept_out(text.code, at, names) for at in places)


def _is_changed(code: str, name: str) -> bool:
    word = re.escape(name)
    pattern = rf"(?<![\w.>])(?:{word}\s*(?:[-+*/%&|^]?=(?!=)|\+\+|--)|(?:\+\+|--|&)\s*{word}\b)"
    return re.search(pattern, code) is not None


def _is_kept_out(code: str, at: int, names: set[str]) -> bool:
    """Whether a block round a place is entered only where one of some names is neither NULL nor 0."""
    depth = 0
    for place in range(at - 1, -1, -1):
        depth += (code[place] == "}") - (code[place] == "{")
        if depth < 0:
            depth = 0
            word, condition = _head(code, place)
            if _asks_for(word, condition, names):
                return True
    return False


def _head(code: str, brace: int) -> tuple[str, str]:
    """The keyword and the condition before a brace; empty where it opens no block that has them."""
    end = len(code[:brace].rstrip()) - 1
    depth = 0
    for place in range(end, -1, -1):
        depth += (code[place] == ")") - (code[place] == "(")
        if depth == 0:
            word = _KEYWORD.search(code, max(0, place - 20), place) if code[place] == "(" else None
            return (word[1], code[place + 1 : end]) if word is not None else ("", "")
    return "", ""


def _asks_for(word: str, condition: str, names: set[str]) -> bool:
    if word == "for":
        counted = _COUNTED.match(condition)
        return counted is not None and counted[1] in names
    if not word or "||" in condition:
        return False
    return any(part.strip() in names for part in condition.split("&&"))
