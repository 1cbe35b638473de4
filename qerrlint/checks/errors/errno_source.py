# SPDX-License-Identifier: GPL-2.0-or-later
"""Where errno comes from at a place that reads it: the call whose failure the path has seen; walks blocks
backwards.

From that place the blocks are walked back to the tests that lead to it. What stands after the nearest test
is looked at: a callee that leaves errno alone, one whose result is the error number, or one that sets errno.
Where any path back shows a call that may have set errno and failed, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from qerrlint.absint.reachability import incoming_edges
from qerrlint.checks.errors.printed_failures import prints_failures
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.error import FATAL
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import (
    NEG,
    NONZERO,
    POS,
    ZERO,
    Addr,
    Call,
    Const,
    Edge,
    Event,
    Op,
    Opaque,
    Result,
    Value,
    Var,
    identifiers,
    text_of,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

ERRNO = Var("errno")
_MINUS_ERRNO = "-errno"
_CONSTANT = lazy_re(r"-E[A-Z0-9]+\Z")
# The sources whose call has done so much by itself that an errno from before it is gone.
_TOLD = ("told", "printed")
_RELATION = lazy_re(r"[=<>]")
_RESULT = lazy_re(r"#(\d+)\Z")
# The signs that only a success has, by the kind of the result.
_SUCCESS = {"int": (ZERO, POS, ZERO | POS), "bool": (POS, NONZERO), "pointer": (POS, NONZERO)}


@record(frozen=True, slots=True)
class ErrnoSource:
    """`kind`: "unset" (no callee on the path sets errno), "status" (what `call` returns is the error number),
    "told" (`call` tells its failure by an Error, and need not set errno), "printed" (`call` reports its
    failure to the user itself, which may change errno).
    `call`: the callee that was tested; None where none was called at all."""

    kind: str
    call: Call | None


def errno_source(analysed: AnalysedFunction, reader: Event) -> ErrnoSource | None:
    """The source of errno at an event that reads it; None where a call may have set it."""
    return _Walk(analysed).source(reader)


def leaves_errno(name: str) -> bool:
    """Whether a callee of that name does not touch errno, or is none (a macro in capitals)."""
    return (
        name.isupper()
        or word_list("predicates").matches(name)
        or word_list("calls-without-errno").matches(name)
        or word_list("functions-without-errno").matches(name)
    )


def _keeps_errno(name: str) -> bool:
    """Whether a callee with an Error leaves the errno of its failure as well; GLib makes GErrors of it."""
    return name.startswith("g_") or word_list("errno-with-error").matches(name)


def returns_errno(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether what a callee returns on failure is the error number, negated: by the table, or by its body."""
    if not call.direct:
        return False
    return analysed.unit.environment.api.returns_errno(call.name) or _body_returns_errno(analysed, call.name)


def _body_returns_errno(analysed: AnalysedFunction, name: str) -> bool:
    """Whether all failures of a function of this file are `-errno` or named constants.

    One is a constant, or the function reports to the user, which may change errno.
    """
    unit = analysed.unit
    if name not in unit.functions or name == analysed.name:
        return False
    signature, result = unit.signature(name), unit.result(name)
    if signature is None or signature.errp is not None or result is None or not result.complete:
        return False
    seen = any(word_list("user-messages").matches(call.name) for call in result.function.calls)
    for leaving in result.returns:
        if not leaving.signs & NEG:
            continue
        code = leaving.constant or text_of(leaving.value or ERRNO)
        if _CONSTANT.match(code):
            seen = True
        elif code != _MINUS_ERRNO:
            return False
    return seen


def _is_printed(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a callee has printed a message about each of its failures, and does not put errno back."""
    if not call.direct or word_list("prints-its-failure").matches(call.name):
        return call.direct
    if prints_failures(analysed, call) is None:
        return False
    callee = analysed.unit.lowered(call.name)
    # What it returns of the results of others has not been printed by it.
    return callee is None or (
        all(isinstance(event.value, Const) for event in callee.returns())
        and not any(callee.assignments(ERRNO.path))
    )


class _Walk:
    """The path back from a message through the blocks of one function."""

    def __init__(self, analysed: AnalysedFunction) -> None:
        self._analysed = analysed
        self._function = analysed.function
        self._before = incoming_edges(self._function)

    def source(self, reader: Event) -> ErrnoSource | None:
        """What errno_source() says."""
        start = self._place_of(reader)
        if start is None or self._is_assigned():
            return None
        found: dict[str, ErrnoSource] = {}
        seen: set[int] = set()
        todo: list[tuple[int, int, bool]] = [(*start, False)]
        while todo:
            number, end, decided = todo.pop()
            events = self._function.blocks[number].events[:end]
            if any(self._may_set(event) for event in events):
                return None
            if number == 0 and decided and not self._asks_parameter:
                found.setdefault("entry", ErrnoSource("unset", None))
            for before, edge in self._before.get(number, ()):
                call = self._tested(edge)
                if call is None:
                    if before not in seen:
                        seen.add(before)
                        end_of_block = len(self._function.blocks[before].events)
                        todo.append((before, end_of_block, decided or bool(edge.tests)))
                    continue
                source = self._judged(call)
                # Who tells of its failure has done so much that no older errno counts.
                if source is None or (
                    source.kind not in _TOLD and self._failed_before(before, call, source.kind)
                ):
                    return None
                found.setdefault(source.kind, source)
        if self._is_tested():
            # It seems to know what errno holds; where the error number is the result it does not.
            return found.get("status") if len(found) == 1 else None
        kinds = ("unset", "told", "printed", "status", "entry")
        return next((found[kind] for kind in kinds if kind in found), None)

    @cached_property
    def _asks_parameter(self) -> bool:
        """Whether a parameter is tested for being negative: it is the status of something the caller did."""
        signature = self._analysed.signature
        names = {param.name for param in signature.params} if signature is not None else set()
        return any(
            isinstance(test.subject, Var) and test.subject.path in names and test.allow == NEG
            for test in self._function.tests()
        )

    def _place_of(self, reader: Event) -> tuple[int, int] | None:
        for number, block in enumerate(self._function.blocks):
            for position, event in enumerate(block.events):
                if event is reader:
                    return number, position
        return None

    def _is_assigned(self) -> bool:
        """Whether the function itself assigns errno: then it knows what it holds."""
        return any(self._function.assignments(ERRNO.path))

    def _is_tested(self) -> bool:
        """Whether the function tests errno."""
        return any("errno" in identifiers(text_of(test.subject)) for test in self._function.tests())

    def _may_set(self, event: Event) -> bool:
        return isinstance(event, Call) and not (event.direct and leaves_errno(event.name))

    def _tested(self, edge: Edge) -> Call | None:
        """The call whose result an edge tests; a variable's is the last one before it in the text."""
        for test in edge.tests:
            for value in _subjects(test.subject):
                call = self._call_of(value, edge)
                if call is not None:
                    return call
        return None

    def _call_of(self, value: Value, edge: Edge) -> Call | None:
        calls = self._function.calls
        if isinstance(value, Result):
            return calls[value.call]
        if not isinstance(value, Var) or edge.span is None:
            return None
        limit = edge.span.end
        earlier = [event for event in self._function.assignments(value.path) if event.span.start < limit]
        last = max(earlier, key=lambda event: event.span.start, default=None)
        return calls[last.value.call] if last is not None and isinstance(last.value, Result) else None

    def _judged(self, call: Call) -> ErrnoSource | None:
        """What a tested call says of errno; None where it may have set it."""
        if call.direct and word_list("functions-without-errno").matches(call.name):
            return ErrnoSource("unset", call)
        if returns_errno(self._analysed, call):
            return ErrnoSource("status", call)
        if self._is_told(call):
            return ErrnoSource("told", call)
        return ErrnoSource("printed", call) if _is_printed(self._analysed, call) else None

    def _is_told(self, call: Call) -> bool:
        """Whether a callee of another file tells its failure by an Error: errno is no part of that contract.

        The author of both knows what a callee of this file leaves in errno.
        """
        unit = self._analysed.unit
        errp = unit.effect(call).errp
        if not call.direct or errp is None or errp >= len(call.args) or call.name in unit.functions:
            return False
        given = call.args[errp]
        if isinstance(given, Addr) and given.path in FATAL:
            return False
        return not _keeps_errno(call.name)

    def _failed_before(self, block: int, tested: Call, kind: str) -> bool:
        """Whether a call that may set errno is seen to fail on some path to a block.

        Where the status of `tested` is the error number an answer of true or false is no such failure.
        """
        seen, todo = {block}, [block]
        while todo:
            number = todo.pop()
            for before, edge in self._before.get(number, ()):
                call = self._tested(edge)
                if call is not None and call is not tested and self._fails(call, edge, kind):
                    return True
                if before not in seen:
                    seen.add(before)
                    todo.append(before)
        return False

    def _fails(self, call: Call, edge: Edge, source: str) -> bool:
        """Whether an edge is not certainly the one of a success."""
        if call.direct and leaves_errno(call.name):
            return False
        unit = self._analysed.unit
        signature = unit.signature(call.name) if call.direct else None
        kind = unit.scope.result_kind(signature) if signature is not None else "int"
        if kind == "bool" and source == "status":
            return False
        return not any(test.allow in _SUCCESS.get(kind, ()) for test in edge.tests)


def _subjects(value: Value) -> Iterator[Value]:
    """A tested value and the operands that it is made of, those of a relation included."""
    yield value
    if isinstance(value, Op):
        yield from _subjects(value.left)
        if value.right is not None:
            yield from _subjects(value.right)
    elif isinstance(value, Opaque):
        left = _RELATION.split(value.text, maxsplit=1)[0]
        result = _RESULT.match(left)
        yield Result(int(result.group(1))) if result is not None else Var(left)
