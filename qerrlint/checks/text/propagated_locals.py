# SPDX-License-Identifier: GPL-2.0-or-later
"""Error locals that only receive an Error and propagate it to errp, and the edits that remove them.

What a call does to its Error comes from its effects. A local is left alone where errp may hold an Error
already: error_propagate() keeps the first one, a second set would assert (include/qapi/error.h).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from qerrlint.absint.reachability import after, reaches
from qerrlint.checks.text.statement_text import ELSE, Text, null_checked, realigned
from qerrlint.findings import Edit, Observation
from qerrlint.ir.code import ANY, NEG, ZERO, Addr, Call, Return, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

GUARDS = frozenset({"ERRP_GUARD", "ERRP_AUTO_PROPAGATE"})

_JUMP = rb"(?:return\b[^;{}]*|goto\s+\w+\s*);"
_IF_NOT = lazy_re(rb"\bif\s*\(\s*(?P<not>!)?\s*\Z")
_STORED = lazy_re(rb"(?P<type>[\w\s*]*[\s*])?(?P<to>[\w.>\-]+)\s*=\s*\Z")


@record(frozen=True, slots=True)
class _Pair:
    """A call with `&local` and the error_propagate() after it.

    `propagate` is the offset of the latter, `words` counts the local's name in both, `edits` is None where
    the shape is not one that can be edited, `leaves` says that the function returns right after it.
    """

    call: Call
    propagate: int
    words: int
    edits: tuple[Edit, ...] | None
    certainty: str
    leaves: bool


def redundant(
    text: Text,
    form: str,
    place: Span,
    name: str,
    callee: str,
    edits: tuple[Edit, ...],
) -> Observation:
    """The observation of one piece of redundant code: `name` is the Error, `callee` who takes or sets it."""
    return Observation(
        event="redundant-error-code",
        function=text.function.name,
        primary=place,
        key=f"{form} {name} {callee}",
        slots={"form": form, "error": name, "callee": callee, "errp": text.errp or "errp"},
        edits=edits,
    )


def propagated_locals(text: Text) -> Iterator[Observation]:
    """Error locals that errp could replace."""
    errp = text.errp
    if errp is None:
        return
    moves = [call for call in text.function.calls if call.name == "error_propagate" and len(call.args) == 2]
    propagated = {call.args[1] for call in moves if call.args[0] == Var(errp)}
    for name, type_text in text.function.locals.items():
        if type_text != "Error *" or Var(name) not in propagated:
            continue
        setters = [call for call in text.function.calls if Addr(name) in call.args]
        if setters and _are_free(text, setters):
            yield from (
                _paired(text, name, setters, in_full=True)
                or _collected(text, name, setters)
                or _paired(text, name, setters, in_full=False)
            )


def _are_free(text: Text, calls: Sequence[Call]) -> bool:
    """Whether errp cannot hold an Error yet where each of the calls is made."""
    places = {call.index for call in calls}
    for other in text.function.calls:
        if Var(text.errp or "") not in other.args or other.name in GUARDS:
            continue
        if not text.unit.effect(other).noreturn and reaches(
            text.function, other.index, places, _failing(text, other)
        ):
            return False
    return True


def _failing(text: Text, call: Call) -> int:
    """The signs of the call's result when it may have set its Error."""
    signs = 0
    for outcome in text.unit.effect(call).outcomes:
        signs |= outcome.signs if outcome.sets is not False else 0
    return signs or ANY


def _declaration(text: Text, name: str) -> tuple[int, int] | None:
    found = re.compile(rb"\bError\s*\*\s*%s\s*=\s*NULL\s*;" % name.encode()).search(text.code, text.body())
    return found.span() if found else None


def _is_setter(text: Text, call: Call, name: str) -> bool:
    effect = text.unit.effect(call)
    return (
        effect.errp is not None
        and effect.evidence != "guess"
        and effect.errp < len(call.args)
        and call.args[effect.errp] == Addr(name)
        and not effect.keeps
    )


def _collected(text: Text, name: str, setters: list[Call]) -> list[Observation]:
    """A local that calls set, and that one error_propagate() propagates in every case.

    Under the guard errp may have text added to its Error as well.
    """
    function = text.function
    extending = [call for call in setters if text.unit.effect(call).keeps and call.args[0] == Addr(name)]
    setters = [call for call in setters if call not in extending]
    if not setters or (extending and not any(call.name in GUARDS for call in function.calls)):
        return []
    errp = text.errp or ""
    moves = [c for c in function.calls if c.name == "error_propagate" and c.args == (Var(errp), Var(name))]
    declared = _declaration(text, name)
    if len(moves) != 1 or declared is None or not all(_is_setter(text, call, name) for call in setters):
        return []
    move = moves[0]
    check = null_checked(text, move)
    if len(text.words(name)) != 2 + len(setters) + len(extending) + (check is not None):
        return []

    # While the local holds the Error no other call may read errp, or set it.
    taken = {call.index for call in setters} | {
        call.index for call in function.calls if Var(errp) in call.args and call.name not in GUARDS
    }
    for call in setters:
        if _meets(text, call, taken - {move.index}, move) or _escapes(text, call, move, name, check is None):
            return []
    semicolon = text.code.index(b";", text.offset(move.span.end)) + 1
    start, end = check or (text.offset(move.span.start), semicolon)
    if check is None and not text.begins_statement(start):
        return []
    edits: list[Edit | None] = [text.removed(*declared), text.removed(start, end)]
    edits += [_handed(text, call, name) for call in (*setters, *extending)]
    callee = f"{setters[0].name}()" if len(setters) == 1 else "several calls"
    return [redundant(text, "carried", move.span, name, callee, _whole(edits))]


def _meets(text: Text, call: Call, others: Collection[int], move: Call) -> bool:
    """Whether one of the calls `others` can come after the call has failed and before the move."""
    return after(
        text.function,
        call.index,
        lambda event: isinstance(event, Call) and event.index in others,
        _failing(text, call),
        barrier=lambda event: isinstance(event, Call) and event.index == move.index,
    )


def _escapes(text: Text, call: Call, move: Call, name: str, always: bool) -> bool:
    """Whether a failure of the call can leave the function without the move.

    Where the move is not made `always`, but under a NULL check, passing the check counts.
    """
    checks = {
        number
        for number, block in enumerate(text.function.blocks)
        if any(test.subject == Var(name) for edge in block.edges for test in edge.tests)
    }
    if len(checks) != (0 if always else 1):
        return True
    return after(
        text.function,
        call.index,
        lambda event: isinstance(event, Return),
        _failing(text, call),
        barrier=lambda event: isinstance(event, Call) and event.index == move.index,
        closed=checks,
    )


def _handed(text: Text, call: Call, name: str) -> Edit | None:
    """The edit that puts errp in the place of `&local`."""
    span = call.arg_spans[call.args.index(Addr(name))]
    plain = b"".join(text.unit.data[span.start : span.end].split()) == b"&" + name.encode()
    return Edit(span, text.errp or "") if plain else None


def _whole(edits: list[Edit | None]) -> tuple[Edit, ...]:
    """All of the edits in order, or none of them."""
    known = [edit for edit in edits if edit is not None]
    return tuple(sorted(known, key=lambda e: e.span)) if len(known) == len(edits) else ()


def _paired(text: Text, name: str, setters: list[Call], in_full: bool) -> list[Observation]:
    """Calls whose result tells of their failure, each with its own error_propagate() after it.

    `in_full`: only if the local has no other use.
    """
    pairs = [pair for call in setters if (pair := _pair(text, name, call)) is not None]
    if not pairs:
        return []
    declared = _declaration(text, name)
    rest = len(text.words(name)) - sum(pair.words for pair in pairs)
    edits: tuple[Edit, ...] = ()
    if declared is not None and rest == 1:
        parts: list[Edit | None] = [text.removed(*declared)]
        for pair in pairs:
            parts += [None] if pair.edits is None else pair.edits
        edits = _whole(parts)
    elif in_full:
        return []
    else:
        pairs = [pair for pair in pairs if pair.leaves]
    out = []
    for pair in pairs:
        own = edits if rest == 1 else pair.edits or ()
        place = text.span(pair.propagate, text.code.index(b";", pair.propagate))
        seen = redundant(text, "result-tells", place, name, pair.call.name, own)
        out.append(replace(seen, certainty=pair.certainty))
    return out


def _pair(text: Text, name: str, call: Call) -> _Pair | None:
    unit = text.unit
    effect = unit.effect(call)
    if not _is_setter(text, call, name) or effect.evidence not in ("body", "signature"):
        return None
    failing, success = effect.signs_by_error() or (0, 0)
    if failing not in (ZERO, NEG) or failing & success or not success:
        return None
    signature = unit.signature(call.name) if call.direct else None
    is_bool = signature is not None and signature.returns in ("bool", "gboolean")
    # That a pointer or an int without a body at hand follows the convention is not shown by anything.
    certainty = "high" if is_bool or effect.evidence == "body" else "medium"
    return _tested(text, name, call, failing, certainty) or _retested(text, name, call, failing, certainty)


def _propagation(text: Text, name: str) -> bytes:
    errp = re.escape((text.errp or "").encode())
    return rb"(?P<move>error_propagate\s*\(\s*%s\s*,\s*%s\s*\)\s*;)" % (errp, re.escape(name.encode()))


def _tested(text: Text, name: str, call: Call, failing: int, certainty: str) -> _Pair | None:
    """`if (!f(.., &err)) { error_propagate(errp, err); ...` and `ret = f(.., &err); if (ret < 0) {` alike."""
    code = text.code
    start, end = text.offset(call.span.start), text.offset(call.span.end)
    before = _IF_NOT.search(code, max(0, start - 80), start)
    move = _propagation(text, name)
    jump = rb"(?P<jump>\s*%s)?" % _JUMP
    if before is not None:
        if (before.group("not") is not None) != (failing == ZERO):
            return None
        test = rb"\s*\)" if failing == ZERO else rb"\s*<\s*0\s*\)"
        found = re.compile(test + rb"\s*\{\s*" + move + jump).match(code, end)
    else:
        target = _target(text, call)
        if target is None:
            return None
        to = re.escape(target)
        test = rb"(?:!\s*%s|%s\s*==\s*NULL)" % (to, to) if failing == ZERO else rb"%s\s*<\s*0" % to
        found = re.compile(rb"\s*;\s*if\s*\(\s*" + test + rb"\s*\)\s*\{\s*" + move + jump).match(code, end)
    if found is None:
        return None
    gone = text.removed(*found.span("move"))
    emptied = re.compile(rb"\s*\}").match(code, found.end("move"))
    if emptied is not None:
        # Nothing is left of the block: the whole test goes, unless the call stands in it.
        test_at = code.index(b"if", end) if before is None else 0
        keeps = before is not None or ELSE.match(code, emptied.end())
        gone = None if keeps else text.removed(test_at, emptied.end())
    handed = _handed(text, call, name)
    edits = (handed, gone) if handed is not None and gone is not None else None
    leaves = found.group("jump") is not None and found.group("jump").lstrip().startswith(b"return")
    return _Pair(call, found.start("move"), 2, edits, certainty, leaves)


def _target(text: Text, call: Call) -> bytes | None:
    """What the statement stores the call's result in; None if it is no such statement."""
    start = text.offset(call.span.start)
    before = max(text.code.rfind(byte, 0, start) for byte in (b";", b"{", b"}")) + 1
    found = _STORED.fullmatch(text.code, before, start)
    return found.group("to") if found is not None else None


def _retested(text: Text, name: str, call: Call, failing: int, certainty: str) -> _Pair | None:
    """`f(.., &err); if (err) { error_propagate(errp, err); return; }`, with or without the result stored.

    None where the function tests the stored result for failure further down: by its own account such a
    result need not mean that f() set an Error.
    """
    code = text.code
    start, end = text.offset(call.span.start), text.offset(call.span.end)
    word = re.escape(name.encode())
    found = re.compile(
        rb"\s*;\s*if\s*\(\s*(?P<test>%s(?:\s*!=\s*NULL)?)\s*\)\s*\{\s*%s\s*(?P<jump>%s)\s*\}"
        % (word, _propagation(text, name), _JUMP)
    ).match(code, end)
    if found is None or ELSE.match(code, found.end()):
        return None
    handed, gone = _handed(text, call, name), text.removed(*found.span("move"))
    target = _target(text, call)
    edits: tuple[Edit, ...] | None = None
    if handed is not None and gone is not None:
        sign = " < 0" if failing == NEG else ""
        negation = "!" if failing == ZERO else ""
        if target is not None:
            tested = f"{negation}{target.decode('latin-1')}{sign}"
            edits = (handed, Edit(text.span(*found.span("test")), tested), gone)
        elif text.begins_statement(start) and text.is_plain(end, found.start("move")):
            brace = code.index(b"{", end)
            edits = (
                Edit(text.span(start, start), f"if ({negation}"),
                *realigned(text.unit.data, call, len(f"if ({negation}")),
                handed,
                Edit(text.span(end, brace), f"{sign}) "),
                gone,
            )
    leaves = found.group("jump").startswith(b"return")
    if target is not None:
        to = re.escape(target)
        again = rb"!\s*%s(?![\w.]|->)|(?<![\w.>])%s\s*(?:==\s*NULL|<\s*0)" % (to, to)
        if re.compile(again).search(code, found.end()):
            return None
    is_bool = failing == ZERO and certainty == "high"
    if not is_bool and text.unit.effect(call).evidence != "body":
        certainty = "low"  # no test here confirms that the result tells of a failure
    return _Pair(call, found.start("move"), 3, edits, certainty, leaves)
