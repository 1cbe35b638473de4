# SPDX-License-Identifier: GPL-2.0-or-later
"""Places that a guest can reach by the code, and where nothing is wrong, or the guest does not get there."""

from __future__ import annotations

import re

from qerrlint.c.lexis import without_comments
from qerrlint.checks.arguments.bound_off_by_one import OffByOne
from qerrlint.checks.arguments.overflow_before_widening import Widened
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest import mmio_index_range
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import NEG, POS, ZERO, Assign, Function, Result, identifiers
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_tables import region_tables, region_uses
from qerrlint.qemu.function_text import NOT_CALLED, function_text
from qerrlint.qemu.guest.branches import Decision
from qerrlint.qemu.guest.file import GuestVisit
from qerrlint.qemu.guest.sample_scope import is_arithmetic
from qerrlint.qemu.guest.taint import depends

_CONDITION = lazy_re(rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b([^\n]*)", re.MULTILINE)
# `#ifdef NAME`, `#if defined(NAME)`
_IS_DEFINED = lazy_re(r"([A-Za-z_]\w*)|defined\s*\(?\s*([A-Za-z_]\w*)\s*\)?")
_USER_ONLY = lazy_re(r"CONFIG_USER_ONLY|defined\s*\(?\s*CONFIG_USER_ONLY\s*\)?")
_COMMENT_BEFORE = lazy_re(rb"(?:\*/|//[^\n]*)\s*\Z")
_ENDS_NEXT = lazy_re(rb"\s*;\s*(?:abort|exit|hw_error|g_assert_not_reached)\s*\(")
# How far back the end of a comment is looked for.
_FARTHEST = 400
_INVOKED = lazy_re(rb"\b([A-Za-z_]\w*)\s*\(\s*\Z")
_EXIT = lazy_re(r"exit\s*\((.*)\)\Z", re.DOTALL)
_DEEPEST = 4
_CURRENT_CPU = frozenset({"current_cpu", "qemu_get_cpu"})


def comment_says_unreachable(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether a comment right above the assertion tells why it is not reached.

    Where the region has a valid.accepts the walk has asked that one, which is what such comments rely on.
    """
    data = analysed.unit.data
    table = _visit(observation).entry.table
    if table is not None and table.value.get("valid", "accepts") is not None:
        return False
    start = observation.primary.start
    line = data.rfind(b"\n", 0, start) + 1
    return (
        observation.slots["form"] == "unreachable"
        and not data[line:start].strip()
        and _COMMENT_BEFORE.search(data, max(0, line - _FARTHEST), line) is not None
    )


def exit_was_asked_for(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the guest asks the device to end QEMU: with the status that it wrote, or with success."""
    found = _EXIT.match(analysed.unit.text.on_one_line(observation.primary))
    if found is None:
        return False
    status = found[1].strip()
    return status in ("0", "EXIT_SUCCESS") or (not status.isdigit() and not status.isupper())


def host_failure_decides(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether a test right before the place looks at what a call returned: a failure of the host."""
    visit = _visit(observation)
    return visit.decided == "state" and any(
        _tests_a_result(analysed, visit.visit.function, decision) for decision in visit.visit.decisions
    )


def current_cpu_decides(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether a test right before the place asks which CPU makes the access."""
    visit = _visit(observation)
    function = visit.visit.function
    return any(
        _CURRENT_CPU & identifiers(path) or _holds_current_cpu(analysed, function, path)
        for decision in visit.visit.decisions
        for path in decision.reads
    )


def region_is_read_as_rom(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the guest's reads go to a ROM's contents: a ROM device that never leaves that mode."""
    visit = _visit(observation)
    table = visit.entry.table
    data = analysed.unit.data
    if table is None or visit.entry.writes or b"memory_region_rom_device_set_romd" in data:
        return False
    makers = {use.maker for use in region_uses(analysed.unit.path, data) if use.table == table.table.name}
    return bool(makers) and all("rom_device" in maker for maker in makers)


def stands_under_debug_switch(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the place is built only with a debug switch.

    That is a macro with such a name, or one that neither what the file sees nor the build defines.
    """
    return any(
        word_list("debug-switches").matches(condition) or _is_defined_nowhere(analysed, condition)
        for condition in _open_conditions(analysed.unit.data, observation.primary.start)
    )


def stands_in_user_emulation(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the place is built for user-mode emulation only, where a process runs and no guest."""
    conditions = _open_conditions(analysed.unit.data, observation.primary.start)
    return any(_USER_ONLY.fullmatch(condition) for condition in conditions)


def _open_conditions(data: bytes, at: int) -> list[str]:
    """The conditions of the #if arms around a place, outermost first; "!" before one that does not hold."""
    found: list[str] = []
    for line in _CONDITION.finditer(data, 0, at):
        word, condition = line[1], without_comments(line[2].decode("latin-1"), " ").strip()
        if word in (b"if", b"ifdef"):
            found.append(condition)
        elif word == b"ifndef":
            found.append(f"!{condition}")
        elif not found:
            continue
        elif word == b"endif":
            found.pop()
        elif word == b"elif":
            found[-1] = condition
        else:
            found[-1] = found[-1][1:].strip() if found[-1].startswith("!") else f"!{found[-1]}"
    return [condition for condition in found if not condition.startswith("!")]


def _is_defined_nowhere(analysed: AnalysedFile, condition: str) -> bool:
    """Whether a condition asks for one name that neither the file, its headers nor the build may define."""
    found = _IS_DEFINED.fullmatch(condition)
    name = found[1] or found[2] if found is not None else ""
    return (
        bool(name) and not word_list("build-names").matches(name) and not analysed.unit.scope.is_macro(name)
    )


def process_ends_after_it(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the statement behind the message ends QEMU, which guest-abort reports."""
    return _ENDS_NEXT.match(analysed.unit.data, observation.primary.end) is not None


def debug_flag_decides(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether a test right before the place reads a flag that switches messages on."""
    return any(
        "debug" in name.lower()
        for decision in _visit(observation).visit.decisions
        for path in decision.reads
        for name in identifiers(path)
    )


def stands_in_a_macro(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the call is an argument of a macro of the file, which decides whether it is built."""
    unit = analysed.unit
    start = observation.primary.start
    before = unit.data[max(0, start - _FARTHEST) : start]
    found = _INVOKED.search(before)
    return found is not None and unit.scope.is_macro(found[1].decode("latin-1"))


def device_is_for_tests(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the device exists to test QEMU or a kernel, by the name of its file."""
    name = analysed.unit.path.rpartition("/")[2].partition(".")[0]
    return word_list("test-devices").matches(name)


def _visit(observation: Observation) -> GuestVisit:
    assert isinstance(observation.subject, GuestVisit)
    return observation.subject


def _tests_a_result(analysed: AnalysedFile, function: Function, decision: Decision) -> bool:
    """Whether a test is of what a call returned: by way of a variable, or at once where it asks a callee of
    another file for a negative number."""
    if decision.known:
        return False
    own = any(edge is decision.edge for edge in function.edges())
    for test in decision.edge.tests if own else ():
        called = function.calls[test.subject.call] if isinstance(test.subject, Result) else None
        if called is None or test.allow not in (NEG, ZERO | POS) or called.name.isupper():
            continue
        if called.name not in analysed.unit.functions:
            return True
    results = {
        event.target
        for event in function.events()
        if isinstance(event, Assign)
        and isinstance(event.value, Result)
        and not function.calls[event.value.call].name.isupper()
        and not _only_works_out(analysed, function.calls[event.value.call].name)
    }
    return any(path in results for path in decision.reads)


def _only_works_out(analysed: AnalysedFile, name: str, depth: int = 0) -> bool:
    """Whether a function only calculates, or one of the file calls nothing but such functions and says what
    happens: the host has no part in what it returns."""
    if is_arithmetic(name):
        return True
    declarations = analysed.unit.environment.files.file(analysed.unit.path)
    text = function_text(declarations, name) if declarations is not None else None
    if text is None or depth > _DEEPEST or "*(" in text.code or "->(" in text.code:
        return False
    telling = word_list("telling-calls")
    return all(
        called.isupper() or telling.matches(called) or _only_works_out(analysed, called, depth + 1)
        for called in text.called() - NOT_CALLED
    )


def _holds_current_cpu(analysed: AnalysedFile, function: Function, path: str) -> bool:
    """Whether a variable of the function is set from the current CPU."""
    names = frozenset(
        event.target
        for event in function.events()
        if isinstance(event, Assign)
        and b"current_cpu" in analysed.unit.data[event.span.start : event.span.end]
    )
    return depends(path, names)


def access_takes_its_bits(file: AnalysedFile, observation: Observation) -> bool:
    """Whether a read callback returns the number, of which the memory core takes what the access has."""
    one = observation.subject
    if not isinstance(one, Widened) or not one.sign or one.how != "returned":
        return False
    unit = file.unit
    return any(region.read == observation.function for region in region_tables(unit.path, unit.data))


def guest_index_tells_it(file: AnalysedFile, observation: Observation) -> bool:
    """Whether mmio-index-range says the same of the access, with what the guest does."""
    one = observation.subject
    if not isinstance(one, OffByOne):
        return False
    return any(
        told.primary.start < one.access.end and one.access.start < told.primary.end
        for told in file.once(_guest_indexes)
    )


def _guest_indexes(file: AnalysedFile) -> tuple[Observation, ...]:
    return tuple(mmio_index_range.run(file))
