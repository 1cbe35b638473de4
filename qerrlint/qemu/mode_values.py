# SPDX-License-Identifier: GPL-2.0-or-later
"""Which migration modes an argument stands for, by the MigMode, the macros and the callers in the tree.

Locals are followed along each path of their function, parameters to the callers that are in reach.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence

from qerrlint.absint.solver import explore
from qerrlint.c.expressions.arithmetic import NotUnderstoodError, Numbers, evaluate
from qerrlint.ir.code import (
    Assign,
    Call,
    Const,
    Declare,
    Edge,
    Event,
    Function,
    Op,
    Result,
    Return,
    Value,
    Var,
    identifiers,
    text_of,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

MODE = lazy_re(r"\bMIG_MODE_[A-Z0-9_]+\b")
_COUNT = lazy_re(r"MIG_MODE__?MAX\Z|MIG_MODE_ALL\Z")
# How many callers a parameter is followed through, how many macros a macro, and how many expressions are
# evaluated for one argument.
_DEEPEST = 3
_DEEPEST_MACRO = 8
_MOST_WORK = 2000
# include/qemu/bitops.h and include/qemu/osdep.h, where the file does not show them.
_BITS = frozenset({"BIT", "BIT_ULL", "BIT_MASK"})
# The values of the followed locals, by name; None: not known.
_Values = tuple[tuple[str, "int | None"], ...]


def bits_of(number: int, modes: Sequence[tuple[str, int]]) -> frozenset[str]:
    """The modes whose bits are set in `number`."""
    return frozenset(name for name, value in modes if number >> value & 1)


class Evaluator:
    """Evaluates arguments of the calls of one file; `far`: also by callers in other files of the tree."""

    def __init__(self, unit: TranslationUnit, far: bool = False) -> None:
        self._unit = unit
        self._far = far
        self._modes = dict(unit.scope.mig_modes())
        self._seen: dict[tuple[str, int], frozenset[_Values]] = {}
        self._busy: list[str] = []
        self._work = 0

    def argument(self, function: Function, call: Call, position: int) -> Numbers:
        """The values that an argument may have when the call is reached; raises NotUnderstoodError."""
        self._work = 0
        value = call.args[position]
        envs = self._environments(function, call, value)
        out: set[int] = set()
        for env in sorted(envs, key=repr):
            out |= self.value(function, value, dict(env))
        if not out:
            raise NotUnderstoodError("no path leads there")
        return frozenset(out)

    def text(self, function: Function, text: str) -> Numbers:
        """The values of an expression, in C, that reads no local; raises NotUnderstoodError."""
        return evaluate(text, _Scope(self, function, dict.fromkeys(function.locals)))

    def value(self, function: Function, value: Value, env: dict[str, int | None]) -> Numbers:
        """The numbers that a value may be where locals hold what `env` says; raises NotUnderstoodError."""
        return evaluate(expression(function, value), _Scope(self, function, env))

    def _environments(self, function: Function, call: Call, value: Value) -> frozenset[_Values]:
        """What the locals that the value reads hold at the call, on each path."""
        wanted = _followed(function, value)
        if not wanted:
            return frozenset({()})
        key = (f"{function.name} {sorted(wanted)}", call.index)
        if key not in self._seen:
            walk = _LocalValues(self, function, wanted, call.index)
            explore(function, tuple((name, None) for name in sorted(wanted)), walk)
            self._seen[key] = frozenset(walk.at_call)
        return self._seen[key]

    # -- names ------------------------------------------------------------------------------------

    def name(self, function: Function, path: str) -> Numbers:
        """The values of a mode, a macro, a constant or a parameter; raises NotUnderstoodError."""
        if path in self._modes:
            return frozenset({self._modes[path]})
        if _COUNT.match(path) and self._modes:
            return frozenset({max(self._modes.values()) + 1})
        macro = self._unit.environment.macro(path, self._unit.path)
        if macro is not None and macro.params is None and path not in self._busy:
            return self._expanded(function, path, macro.body)
        constant = self._unit.environment.constant(path, self._unit.path)
        if constant is not None:
            return frozenset({constant})
        signature = self._unit.signature(function.name)
        names = [param.name for param in signature.params] if signature is not None else []
        if path in names:
            return self._from_callers(function, path, names.index(path))
        if MODE.fullmatch(path):
            raise NotUnderstoodError(f"{path} is no mode of this tree")
        if path in function.locals:
            raise NotUnderstoodError(f"the value of the local {path} is not known")
        raise NotUnderstoodError(f"the value of {path} is known at run time only")

    def result(self, function: Function, name: str, args: Sequence[str]) -> Numbers:
        """The values of a call of a macro or of a function without parameters; raises NotUnderstoodError."""
        macro = self._unit.environment.macro(name, self._unit.path)
        if macro is not None and macro.params is not None and name not in self._busy:
            if len(macro.params) != len(args):
                raise NotUnderstoodError(f"{name}() has another number of arguments")
            body = macro.body
            given = dict(zip(macro.params, args, strict=True))
            words = "|".join(map(re.escape, macro.params))
            if words:
                body = re.sub(rf"\b(?:{words})\b", lambda m: f"({given[m.group()]})", body)
            return self._expanded(function, name, body)
        if name in _BITS and len(args) == 1:
            return evaluate(f"1 << ({args[0]})", _Scope(self, function, {}))
        callee = self._unit.lowered(name) if not args and name in self._unit.functions else None
        if callee is None or name in self._busy:
            raise NotUnderstoodError(f"what {name}() returns is known at run time only")
        self._busy.append(name)
        try:
            return self._returned(callee)
        finally:
            self._busy.pop()

    def _expanded(self, function: Function, name: str, body: str) -> Numbers:
        self._work += 1
        if len(self._busy) >= _DEEPEST_MACRO or self._work > _MOST_WORK:
            raise NotUnderstoodError(f"the macro {name} leads too far")
        self._busy.append(name)
        try:
            return evaluate(body, _Scope(self, function, {}))
        finally:
            self._busy.pop()

    def _returned(self, callee: Function) -> Numbers:
        returns = list(callee.returns())
        out: set[int] = set()
        for event in returns:
            if event.value is None or _followed(callee, event.value):
                raise NotUnderstoodError(f"what {callee.name}() returns is known at run time only")
            out |= self.value(callee, event.value, {})
        return frozenset(out)

    def _from_callers(self, function: Function, name: str, position: int) -> Numbers:
        """The values that the callers pass for a parameter; raises NotUnderstoodError."""
        if function.name in self._busy or len(self._busy) >= _DEEPEST:
            raise NotUnderstoodError(f"the parameter {name} of {function.name}() comes from too far away")
        self._busy.append(function.name)
        try:
            out: set[int] = set()
            for unit, caller, call in callers(self._unit, function.name, self._far):
                if position >= len(call.args):
                    raise NotUnderstoodError(f"{caller.name}() passes too few arguments to {function.name}()")
                there = self if unit is self._unit else Evaluator(unit, self._far)
                there._busy = self._busy
                out |= there.argument(caller, call, position)
        finally:
            self._busy.pop()
        if not out:
            raise NotUnderstoodError(f"no caller that passes {name} to {function.name}() is in reach")
        return frozenset(out)


def callers(
    unit: TranslationUnit, name: str, far: bool = False
) -> Iterable[tuple[TranslationUnit, Function, Call]]:
    """The direct calls of a function in its file, and (`far`) in the whole tree where it is not static."""
    units = [unit]
    if far and name in unit.functions and not unit.is_static(name):
        for path in unit.program.containing([name]):
            other = unit.program.unit(path) if path != unit.path and path.endswith(".c") else None
            if other is not None:
                units.append(other)
    for one in units:
        for caller in one.uses.definitions_that_mention(name):
            lowered = one.lowering.function(caller)
            for call in lowered.calls if lowered is not None else ():
                if call.direct and call.name == name:
                    assert lowered is not None
                    yield one, lowered, call


def expression(function: Function, value: Value) -> str:
    """The text of a value, with the calls in it as they are written."""
    if isinstance(value, Result):
        return function.calls[value.call].text
    if isinstance(value, Op):
        left = expression(function, value.left)
        if value.right is None:
            return f"{value.op}({left})"
        return f"({left}) {value.op} ({expression(function, value.right)})"
    if isinstance(value, Const) and value.number is not None:
        return f"({value.number})"
    return text_of(value)


def _followed(function: Function, value: Value) -> frozenset[str]:
    """The locals whose assignments decide the value, also those that lowering makes of `?:`."""
    out: set[str] = set()
    waiting = set(identifiers(expression(function, value)))
    assigned: dict[str, list[Value]] = {}
    for event in function.events():
        if isinstance(event, Assign):
            assigned.setdefault(event.target, []).append(event.value)
    while waiting:
        name = waiting.pop()
        if name in out or name not in assigned:
            continue
        out.add(name)
        for source in assigned[name]:
            waiting |= identifiers(expression(function, source))
    return frozenset(out)


class _Scope:
    """The names of an expression at one point of one path."""

    def __init__(self, evaluator: Evaluator, function: Function, env: dict[str, int | None]) -> None:
        self._evaluator = evaluator
        self._function = function
        self._env = env

    def value(self, path: str) -> Numbers:
        known = self._env.get(path, self)
        if isinstance(known, int):
            return frozenset({known})
        if known is None and path in self._function.locals:
            raise NotUnderstoodError(f"the value of the local {path} is not known")
        return self._evaluator.name(self._function, path)

    def result(self, name: str, args: Sequence[str]) -> Numbers:
        if any(identifiers(arg) & self._env.keys() for arg in args):
            args = [self._settled(arg) for arg in args]
        return self._evaluator.result(self._function, name, args)

    def _settled(self, text: str) -> str:
        """An argument that reads a followed local, as a number."""
        numbers = evaluate(text, self)
        if len(numbers) != 1:
            raise NotUnderstoodError(f"`{text}` may have several values")
        return str(next(iter(numbers)))


class _LocalValues:
    """A Domain of the solver: the values of some locals on a path; collects them at one call."""

    def __init__(self, evaluator: Evaluator, function: Function, wanted: frozenset[str], call: int) -> None:
        self._evaluator = evaluator
        self._function = function
        self._wanted = wanted
        self._call = call
        self.at_call: set[_Values] = set()

    def step(self, state: _Values, event: Event) -> Sequence[_Values]:
        if isinstance(event, Call):
            if event.index == self._call:
                self.at_call.add(state)
            return (state,)
        if isinstance(event, Return):
            return ()
        if isinstance(event, Declare) and event.path in self._wanted:
            return (_with(state, event.path, None),)
        if not isinstance(event, Assign) or event.target not in self._wanted:
            return (state,)
        if isinstance(event.value, Var) and event.value.path == event.target:
            return (state,)
        try:
            numbers = self._evaluator.value(self._function, event.value, dict(state))
        except NotUnderstoodError:
            return (_with(state, event.target, None),)
        return tuple(_with(state, event.target, number) for number in sorted(numbers))

    def assume(self, state: _Values, edge: Edge) -> _Values | None:
        return state

    def arrive(self, state: _Values, block: int, loop: bool) -> _Values:
        return state

    def key(self, state: _Values) -> Hashable:
        return state

    def covers(self, one: _Values, other: _Values) -> bool:
        return True

    def widen(self, state: _Values) -> _Values:
        return tuple((name, None) for name, _ in state)


def _with(state: _Values, name: str, value: int | None) -> _Values:
    return tuple((n, value if n == name else v) for n, v in state)
