# SPDX-License-Identifier: GPL-2.0-or-later
"""Which variables and members of a function depend on what a guest hands it, whatever the path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import Assign, Call, Function, Result, Value, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import calls_of
from qerrlint.model.translation_unit import TranslationUnit

READS_MEMORY = {
    **dict.fromkeys(("pci_dma_read", "dma_memory_read", "dma_memory_rw", "sysbus_dma_read"), 2),
    **dict.fromkeys(("cpu_physical_memory_read", "cpu_physical_memory_rw", "physical_memory_read"), 1),
    "address_space_read": -2,
    "address_space_rw": -3,
    "iov_to_buf": 3,
}
"""Functions that read guest memory into a buffer (system/dma.h, system/memory.h, hw/pci/pci_device.h), and
which argument that is, counted from the last one where it is negative."""
_HANDS_ON = 2
# How the lowering names what holds the value of a condition (c/lower).
_TEMPORARY = "$"
_PATH = lazy_re(r"(?<![\w.>$])[A-Za-z_$]\w*(?:(?:->|\.)\w+|\[\w*\])*")


_INDEX = lazy_re(r"\[([^\[\]]+)\]")
_VARIABLE = lazy_re(r"\A(?:\([\w\s*]+\)\s*)?&?\s*|(?:\[0\])?\Z")
_READER = calls_of(READS_MEMORY)


def paths_in(text: str) -> frozenset[str]:
    """The names and member paths in the text of an expression."""
    return frozenset(_PATH.findall(text))


def depends(text: str, tainted: frozenset[str]) -> bool:
    """Whether an expression reads a tainted name or path, or a member of one."""
    return any(
        path in tainted
        or path.partition("[")[0] in tainted
        or re.split(r"->|\.|\[", path, maxsplit=1)[0] in tainted
        for path in paths_in(text)
    )


def chosen(text: str, tainted: frozenset[str]) -> bool:
    """Whether an expression reads an element of an array whose index is tainted."""
    return any(depends(index, tainted) for index in _INDEX.findall(text))


def tainted(function: Function, seeds: Iterable[str], *, calls: bool = True) -> frozenset[str]:
    """The seeds and what is assigned from them, directly or not, with `calls` also as results of any calls,
    without it of those that look something up.

    The value of a condition (`!!x`, `x == 1`, `x ? a : b`), which is stored on its edges, depends on what it
    tests.
    """
    found = set(seeds)
    assigns = [event for event in function.events() if isinstance(event, Assign)]
    conditions = _conditions(function) if any(a.target.startswith(_TEMPORARY) for a in assigns) else {}
    while True:
        known = frozenset(found)
        found.update(
            a.target
            for a in assigns
            if a.target not in known
            and (calls or not isinstance(a.value, Result) or _looks_up(function, a.value))
            and reads(function, a.value, known)
        )
        found.update(
            target
            for target, tested in conditions.items()
            if target not in known and any(reads(function, value, known) for value in tested)
        )
        if len(found) == len(known):
            return known


def _looks_up(function: Function, value: Result) -> bool:
    return word_list("lookups").matches(function.calls[value.call].name)


def _conditions(function: Function) -> Mapping[str, list[Value]]:
    """The temporaries that hold the values of conditions, with what the edges to their assignments test."""
    out: dict[str, list[Value]] = {}
    tests: dict[int, list[Value]] = {}
    for edge in function.edges():
        if edge.tests:
            tests.setdefault(edge.target, []).extend(test.subject for test in edge.tests)
    for number, block in enumerate(function.blocks):
        for event in block.events:
            if isinstance(event, Assign) and event.target.startswith(_TEMPORARY) and number in tests:
                out.setdefault(event.target, []).extend(tests[number])
    return out


def reads(function: Function, value: Value, known: frozenset[str]) -> bool:
    """Whether a value depends on tainted names; the result of a call does so by the arguments."""
    if isinstance(value, Result):
        return any(reads(function, arg, known) for arg in function.calls[value.call].args)
    return depends(text_of(value), known)


def memory_read(unit: TranslationUnit, function: Function, depth: int = 0) -> frozenset[str]:
    """The variables of a function that it, or a callee in the file, reads guest memory into."""
    found: set[str] = set()
    for call in function.calls:
        position = READS_MEMORY.get(call.name)
        if position is not None:
            buffer = -len(call.args) <= position < len(call.args)
            places = [text_of(call.args[position])] if buffer else []
        elif depth < _HANDS_ON and call.direct and (callee := unit.lowered(call.name)) is not None:
            signature = unit.signature(call.name)
            filled = memory_read(unit, callee, depth + 1) if _may_read(unit, call.name) else frozenset()
            params = signature.params if signature is not None else ()
            pairs = zip(params, call.args, strict=False)
            places = [
                text_of(arg) for param, arg in pairs if param.name in filled and param.type.endswith("*")
            ]
        else:
            continue
        found.update(_VARIABLE.sub("", place) for place in places)
    return frozenset(name for name in found if name.isidentifier())


def _may_read(unit: TranslationUnit, name: str) -> bool:
    piece = unit.functions.get(name)
    if piece is None or not _READER.may_be_in(unit.text):
        return False
    return _READER.pattern.search(unit.data, piece.body, piece.span.end) is not None


def guest_data_at(
    unit: TranslationUnit,
    entry: Function,
    seeds: frozenset[str],
    chain: Sequence[Call],
    known: Callable[[Function], frozenset[str]],
) -> frozenset[str]:
    """What depends on data of the guest, `seeds` of an entry or what was read from guest memory, in the
    function that a chain of calls from the entry ends in. `known`: what else is guest data in a function."""
    function, names = entry, tainted(entry, seeds | memory_read(unit, entry) | known(entry))
    for call in chain:
        callee = unit.lowered(call.name)
        if callee is None:
            return frozenset()
        here = memory_read(unit, callee) | known(callee)
        names = tainted(callee, _handed(unit, function, names, call) | here)
        function = callee
    return names


def _handed(unit: TranslationUnit, function: Function, names: frozenset[str], call: Call) -> frozenset[str]:
    """The parameters of a callee that get something tainted, by its value or its address."""
    signature = unit.signature(call.name)
    return frozenset(
        param.name
        for param, arg in zip(signature.params if signature is not None else (), call.args, strict=False)
        if param.name and (reads(function, arg, names) or text_of(arg).lstrip("&") in names)
    )


def tainted_at(
    unit: TranslationUnit,
    entry: Function,
    seeds: frozenset[str],
    chain: Sequence[Call],
    *,
    calls: bool = True,
) -> frozenset[str]:
    """What depends on `seeds` of an entry in the function that a chain of calls from it ends in, with `calls`
    as for tainted()."""
    function, names = entry, tainted(entry, seeds, calls=calls)
    for call in chain:
        callee, signature = unit.lowered(call.name), unit.signature(call.name)
        if callee is None or signature is None:
            return frozenset()
        handed = {
            param.name
            for param, arg in zip(signature.params, call.args, strict=False)
            if param.name and reads(function, arg, names)
        }
        function, names = callee, tainted(callee, handed, calls=calls)
    return names
