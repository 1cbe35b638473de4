# SPDX-License-Identifier: GPL-2.0-or-later
"""modes: which migration modes a path blocks, and for which modes it is notified.

Mode sets are read by the names of the MIG_MODE_ constants in the arguments, against the tree's MigMode; the
shape of the registration functions (a variadic list, a set of bits, one mode) comes from their declarations.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from qerrlint.analyses.analysis import Analysis
from qerrlint.facts.unit import Unit
from qerrlint.findings import Observation, Step
from qerrlint.flow.explore import explore
from qerrlint.source.span import Span
from qerrlint.syntax.cut import Piece
from qerrlint.syntax.ir import Addr, Call, Edge, Event, Function, Return, Var, root

_MODE = re.compile(r"\bMIG_MODE_[A-Z0-9_]+\b")
_ALL = "MIG_MODE_ALL"
_REGISTRATION = re.compile(rb"\b(?:migrate_add_blocker\w*|migration_add_notifier\w*)\s*\(")
# Which modes a registration stands for where no mode is written (migration/blocker.h, migration/misc.h).
_FIXED_BLOCKERS: dict[str, str | None] = {
    "migrate_add_blocker": None,
    "migrate_add_blocker_internal": None,
    "migrate_add_blocker_normal": "MIG_MODE_NORMAL",
}
_FIXED_NOTIFIERS: dict[str, str | None] = {"migration_add_notifier": "MIG_MODE_NORMAL"}


@dataclass(frozen=True, slots=True)
class Registration:
    """A blocker added or a notifier registered: for which object, for which modes."""

    kind: str
    call: int
    object: str
    modes: frozenset[str]
    selective: bool


def run(unit: Unit, piece: Piece) -> Iterable[Observation]:
    """The observations of one function."""
    if not _REGISTRATION.search(unit.data, piece.span.start, piece.span.end):
        return
    function = unit.lowered(piece.name)
    if function is None:
        return
    for call in function.calls:
        yield from _form(unit, function, call)
    yield from _coverage(unit, function)


# -- the form of a mode argument ----------------------------------------------------------------


def _form(unit: Unit, function: Function, call: Call) -> Iterator[Observation]:
    """What is wrong with the way a call writes its modes."""
    if not call.direct or not call.name.endswith(("_modes", "_mode")):
        return
    signature = unit.signature(call.name)
    if signature is None:
        return
    texts = [unit.on_one_line(span) for span in call.arg_spans]

    def seen(kind: str, span: Span, slots: dict[str, str], key: str) -> Observation:
        return Observation(
            "modes", kind, function.name, span, f"{call.text} {key}", {"callee": call.name, **slots}
        )

    if signature.variadic:
        last = texts[-1] if texts else ""
        if last not in ("-1", _ALL):
            yield seen("unterminated-list", call.arg_spans[-1] if texts else call.span, {"last": last}, "end")
        for text, span in zip(texts, call.arg_spans, strict=True):
            if text.startswith("BIT(") and (modes := _MODE.findall(text)):
                slots = {"mode": modes[0], "meaning": _as_number(unit, modes[0]), "form": "bit-in-list"}
                yield seen("mode-not-a-bit", span, slots, text)
    sets = {
        i for i, p in enumerate(signature.params) if p.type in ("unsigned int", "uint32_t", "unsigned long")
    }
    for position, (text, span) in enumerate(zip(texts, call.arg_spans, strict=True)):
        if position not in sets:
            continue
        for term in _terms(text):
            if _MODE.fullmatch(term) and term != _ALL:
                slots = {"mode": term, "meaning": _as_bits(unit, term), "form": "bare-mode"}
                yield seen("mode-not-a-bit", span, slots, term)
        named = [m for m in _MODE.findall(text) if m != _ALL]
        for mode in dict.fromkeys(m for m in named if named.count(m) > 1):
            yield seen("duplicate-mode", span, {"mode": mode}, mode)
    if signature.variadic:
        named = [t for t in texts if _MODE.fullmatch(t)]
        for mode in dict.fromkeys(m for m in named if named.count(m) > 1):
            place = [s for s, t in zip(call.arg_spans, texts, strict=True) if t == mode][-1]
            yield seen("duplicate-mode", place, {"mode": mode}, mode)


def _terms(text: str) -> list[str]:
    """The terms of an or-expression, without outer parentheses."""
    return [
        term.strip("() ~") if not term.strip().startswith("BIT") else term.strip() for term in text.split("|")
    ]


def _as_number(unit: Unit, mode: str) -> str:
    value = dict(unit.mig_modes()).get(mode)
    return f"the number {1 << value}, which is no mode" if value is not None else "a number that is no mode"


def _as_bits(unit: Unit, mode: str) -> str:
    """What a bare mode number is when it is read as a set of bits."""
    modes = {value: name for name, value in unit.mig_modes()}
    value = next((v for v, name in modes.items() if name == mode), None)
    if value is None:
        return "another set"
    names = [modes[bit] for bit in sorted(modes) if value & (1 << bit)]
    return "the set of " + " and ".join(names) if names else "the empty set"


# -- what a path blocks and what it is told --------------------------------------------------------


class _Registrations:
    """A flow Domain: the set of registrations made so far on a path."""

    def __init__(self, known: dict[int, Registration]) -> None:
        self._known = known
        self.ends: set[frozenset[int]] = set()

    def step(self, state: frozenset[int], event: Event) -> Iterable[frozenset[int]]:
        if isinstance(event, Call) and event.index in self._known:
            return (state | {event.index},)
        if isinstance(event, Return):
            self.ends.add(state)
        return (state,)

    def assume(self, state: frozenset[int], edge: Edge) -> frozenset[int] | None:
        return state

    def arrive(self, state: frozenset[int], block: int, loop: bool) -> frozenset[int]:
        return state

    def key(self, state: frozenset[int]) -> Hashable:
        return state

    def join(self, state: frozenset[int]) -> frozenset[int]:
        return state


def _coverage(unit: Unit, function: Function) -> Iterator[Observation]:
    """CPR modes that a mode-selective blocker exempts without a notifier; notifiers for blocked modes."""
    known = {c.index: r for c in function.calls if (r := registration(unit, c)) is not None}
    if {r.kind for r in known.values()} != {"blocker", "notifier"}:
        return
    domain = _Registrations(known)
    explore(function, frozenset(), domain)
    reported: set[tuple[str, int, str]] = set()
    ends = sorted((sorted(end) for end in domain.ends), key=lambda e: (-len(e), e))
    for end in ends:
        made = [known[index] for index in end]
        for blocker in (r for r in made if r.kind == "blocker"):
            notifiers = [r for r in made if r.kind == "notifier" and r.object == blocker.object]
            if blocker.selective:
                yield from _uncovered(unit, function, blocker, notifiers, reported)
            else:
                # A blocker of all modes under a condition of its own is a fallback.
                notifiers = [n for n in notifiers if all(blocker.call in e for e in ends if n.call in e)]
            yield from _blocked(unit, function, blocker, notifiers, reported)


def _uncovered(
    unit: Unit,
    function: Function,
    blocker: Registration,
    notifiers: list[Registration],
    reported: set[tuple[str, int, str]],
) -> Iterator[Observation]:
    """CPR modes that the blocker exempts and no notifier of its object is registered for."""
    every = [name for name, _ in unit.mig_modes()]
    covered = frozenset().union(*(n.modes for n in notifiers))
    cpr_covered = [m for m in every if m in covered and "_CPR_" in m]
    call = function.calls[blocker.call]
    exempt = [m for m in every if m not in blocker.modes and "_CPR_" in m]
    missing = [m for m in exempt if m not in covered]
    if not cpr_covered or not missing or ("uncovered", blocker.call, "") in reported:
        return
    reported.add(("uncovered", blocker.call, ""))
    yield Observation(
        "modes",
        "uncovered-mode",
        function.name,
        call.span,
        f"{call.text} {missing}",
        {
            "object": blocker.object or function.name,
            "exempt": ", ".join(_word(m) for m in exempt),
            "covered": ", ".join(_word(m) for m in cpr_covered),
            "missing": ", ".join(_word(m) for m in missing),
        },
        tuple(
            Step(
                function.calls[n.call].span, f"the notifier is registered for {_listed(n.modes, every)} only"
            )
            for n in notifiers
        ),
    )


def _blocked(
    unit: Unit,
    function: Function,
    blocker: Registration,
    notifiers: list[Registration],
    reported: set[tuple[str, int, str]],
) -> Iterator[Observation]:
    """CPR modes that a notifier is registered for although the blocker of its object blocks them."""
    every = [name for name, _ in unit.mig_modes()]
    call = function.calls[blocker.call]
    for notifier in notifiers:
        for mode in every:
            ident = ("blocked", notifier.call, mode)
            if mode not in notifier.modes & blocker.modes or "_CPR_" not in mode or ident in reported:
                continue
            reported.add(ident)
            place = function.calls[notifier.call]
            yield Observation(
                "modes",
                "notified-blocked",
                function.name,
                place.span,
                f"{place.text} {mode}",
                {"object": blocker.object or function.name, "mode": _word(mode), "blocker": call.name},
                (Step(call.span, f"the blocker names {_listed(blocker.modes, every)}"),),
            )


def _word(mode: str) -> str:
    """A mode as users write it: cpr-transfer for MIG_MODE_CPR_TRANSFER."""
    return mode.removeprefix("MIG_MODE_").lower().replace("_", "-")


def _listed(modes: frozenset[str], every: list[str]) -> str:
    return ", ".join(_word(m) for m in every if m in modes)


def registration(unit: Unit, call: Call) -> Registration | None:
    """What a call registers, or None; the modes are read by the names in its arguments."""
    if not call.direct or not call.args:
        return None
    every = frozenset(name for name, _ in unit.mig_modes())
    if call.name.startswith("migrate_add_blocker"):
        kind = "blocker"
        fixed = _FIXED_BLOCKERS
    elif call.name.startswith("migration_add_notifier"):
        kind = "notifier"
        fixed = _FIXED_NOTIFIERS
    else:
        return None
    first = call.args[0]
    path = first.path if isinstance(first, (Addr, Var)) else call.text
    # Storage that is no member has no object of its own: the registering function stands for it.
    owner = root(path) if path != root(path) else ""
    if call.name in fixed:
        only = fixed[call.name]
        return Registration(
            kind, call.index, owner, every if only is None else frozenset({only}), only is not None
        )
    text = " ".join(unit.on_one_line(span) for span in call.arg_spans[1:])
    named = frozenset(_MODE.findall(text))
    if not named:
        return None
    modes = every if _ALL in named else named & every
    if "~" in text:
        modes = every - modes
    return Registration(kind, call.index, owner, modes, _ALL not in named)


MODES = Analysis("modes", 1, run)
