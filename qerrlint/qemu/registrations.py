# SPDX-License-Identifier: GPL-2.0-or-later
"""Registrations: the calls that add a migration blocker or a notifier, for which object and for which modes.

How a function takes its modes (as a set of bits, a list, one mode, not at all) comes from its declaration in
the tree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qerrlint.c.declarations.types import Signature, untagged
from qerrlint.c.expressions.arithmetic import NotUnderstoodError
from qerrlint.ir.code import Addr, Assign, Call, Declare, Function, Result, Value, Var, root
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.mode_values import MODE, Evaluator, bits_of, expression
from qerrlint.records import record

BLOCKER, NOTIFIER, LISTED = "blocker", "notifier", "listed"
API = lazy_re(
    r"(?P<blocker>migrate_add_blocker\w*)|(?P<notifier>migration_add_notifier\w*|"
    r"add_migration_state_change_notifier)|"
    r"(?P<listed>precopy_add_notifier|postcopy_add_notifier)"
)
SET_TYPES = frozenset({"unsigned int", "uint32_t", "unsigned long", "uint64_t"})
_MODE_TYPE = "MigMode"
# Their declarations name no mode (migration/blocker.h, migration/misc.h).
_NORMAL_ONLY = frozenset({"migrate_add_blocker_normal"})
_CAST = lazy_re(r"[A-Z][A-Z0-9_]*\Z")


@record(frozen=True, slots=True)
class Object:
    """What is registered. `kind`: member, static (also of a file), local, parameter, or other.

    `holder` is the type of the struct that a member lies in ("" where it is not known), `name` the member's
    path or the variable. `variable` is where a member's path starts, `root` the same with QOM casts undone.
    """

    kind: str
    holder: str
    name: str
    variable: str = ""
    root: str = ""


@record(frozen=True, slots=True)
class Registration:
    """One call. `choices` are the sets of modes that it may stand for, () where they are not understood, with
    the reason; without modes in the tree there is one empty choice. `every` says that the call means all
    modes and names none. `by_name`: the arguments do not fit the prototype, their names were read."""

    kind: str
    call: Call
    object: Object
    choices: tuple[frozenset[str], ...]
    every: bool
    reason: str = ""
    by_name: bool = False

    @property
    def sure(self) -> frozenset[str]:
        """The modes that the call stands for in any case."""
        return frozenset.intersection(*self.choices) if self.choices else frozenset()

    @property
    def possible(self) -> frozenset[str]:
        """The modes that the call may stand for."""
        return frozenset().union(*self.choices)


@record(frozen=True, slots=True)
class ModeArguments:
    """Where a declaration takes its modes: from argument `first` on; `form`: set, list or one."""

    form: str
    first: int


def registrations(unit: TranslationUnit, function: Function, far: bool = False) -> list[Registration]:
    """The registrations that a function makes, in the order of its calls."""
    evaluator: Evaluator | None = None
    out = []
    for call in function.calls:
        found = API.fullmatch(call.name) if call.direct else None
        if found is None or not call.args or call.name == function.name:
            continue
        kind = str(found.lastgroup)
        evaluator = evaluator or Evaluator(unit, far)
        registered = object_of(unit, function, call.args[0])
        out.append(_registration(unit, function, call, kind, registered, evaluator))
    return out


def mode_arguments(signature: Signature) -> ModeArguments | None:
    """Where a function of this signature takes modes; None where it takes none."""
    for position, param in enumerate(signature.params):
        if param.type == _MODE_TYPE:
            return ModeArguments("list" if signature.variadic else "one", position)
        if param.type in SET_TYPES:
            return ModeArguments("set", position)
    return None


def _registration(
    unit: TranslationUnit, function: Function, call: Call, kind: str, registered: Object, evaluator: Evaluator
) -> Registration:
    modes = unit.scope.mig_modes()
    every = frozenset(name for name, _ in modes)
    if not modes or kind == LISTED:
        return Registration(kind, call, registered, (frozenset(),), every=True)
    signature = unit.signature(call.name)
    taken = mode_arguments(signature) if signature is not None else None
    if signature is None or (taken is None and call.name.endswith(("_mode", "_modes"))):
        named = _named(unit, call, every)
        reason = "" if named else f"nothing declares {call.name}()"
        return Registration(kind, call, registered, named, False, reason, by_name=True)
    if taken is None:
        normal = call.name in _NORMAL_ONLY or (kind == NOTIFIER and _has_lists(unit))
        choice = frozenset({modes[0][0]}) if normal else every
        return Registration(kind, call, registered, (choice,), every=not normal)
    try:
        choices, all_of_them = _evaluated(function, call, taken, evaluator, modes)
    except NotUnderstoodError as error:
        named = _named(unit, call, every) if taken.form == "list" else ()
        return Registration(kind, call, registered, named, False, "" if named else str(error), bool(named))
    return Registration(kind, call, registered, choices, all_of_them)


def _has_lists(unit: TranslationUnit) -> bool:
    """Whether the tree keeps notifiers by mode: then migration_add_notifier() means the normal one."""
    for name in ("migration_add_notifier_mode", "migration_add_notifier_modes"):
        signature = unit.signature(name)
        # QEMU 8.2 has modes, and one list for all of them; the bundled contracts of that version have the
        # later declaration, which is why only the tree's own counts.
        if signature is not None and (signature.path is not None or unit.environment.reach == "patch"):
            return True
    return False


def _evaluated(
    function: Function,
    call: Call,
    taken: ModeArguments,
    evaluator: Evaluator,
    modes: Sequence[tuple[str, int]],
) -> tuple[tuple[frozenset[str], ...], bool]:
    """The choices, and whether they are all modes by a word for all; raises NotUnderstoodError."""
    every = frozenset(name for name, _ in modes)
    by_value = {value: name for name, value in modes}
    if taken.first >= len(call.args):
        raise NotUnderstoodError("an argument is missing")
    if taken.form != "set" and any(
        expression(function, arg).startswith("BIT(") for arg in call.args[taken.first :]
    ):
        raise NotUnderstoodError("there is a bit where a mode is expected")
    if taken.form == "set":
        numbers = sorted(evaluator.argument(function, call, taken.first))
        found = tuple(dict.fromkeys(bits_of(number, modes) for number in numbers))
        return found, found == (every,) and not MODE.search(call.text.replace("MIG_MODE__MAX", ""))
    if taken.form == "one":
        numbers = sorted(evaluator.argument(function, call, taken.first))
        if any(number not in by_value for number in numbers):
            raise NotUnderstoodError(f"{numbers[0]} is no mode of this tree")
        return tuple(frozenset({by_value[number]}) for number in numbers), False
    listed: set[str] = set()
    for position in range(taken.first, len(call.args)):
        numbers = sorted(evaluator.argument(function, call, position))
        if len(numbers) != 1:
            raise NotUnderstoodError("a mode of the list may have several values")
        if numbers[0] == -1:
            return (frozenset(listed),), False
        if numbers[0] == max(by_value) + 1:
            return (every,), True
        if numbers[0] not in by_value:
            raise NotUnderstoodError(f"{numbers[0]} is no mode of this tree")
        listed.add(by_value[numbers[0]])
    return (frozenset(listed),), False


def _named(unit: TranslationUnit, call: Call, every: frozenset[str]) -> tuple[frozenset[str], ...]:
    """The modes whose names stand in the arguments, if nothing there takes modes away."""
    found: set[str] = set()
    for span in call.arg_spans[1:]:
        text = unit.text.on_one_line(span)
        if "~" in text or "&" in text[1:]:
            return ()
        found.update(MODE.findall(text))
    known = frozenset(found) & every
    if "MIG_MODE_ALL" in found:
        return (every,)
    return (known,) if known else ()


# -- objects --------------------------------------------------------------------------------------


def object_of(unit: TranslationUnit, function: Function, value: Value) -> Object:
    """What a pointer handed to a registration points to."""
    path, is_address = _origin(function, value)
    if not path:
        return Object("other", "", "")
    start = root(path)
    types = dict(function.locals)
    signature = unit.signature(function.name)
    params = {param.name: param.type for param in signature.params} if signature is not None else {}
    if path != start:
        of = types.get(start) or params.get(start) or _static_type(unit, start)
        rest = path.removeprefix(start).lstrip("->.")
        holder = untagged(of).rstrip(" *")
        return Object("member", holder, rest, start, uncast(function, start))
    if start in params:
        return Object("parameter", "", start)
    if start in types:
        static = any(isinstance(e, Declare) and e.path == start and e.static for e in function.events())
        # What a pointer points to that is no alias is not known.
        if not static and not is_address:
            return Object("other", "", start)
        return Object("static" if static else "local", "", start)
    return Object("static", "", start)


def _static_type(unit: TranslationUnit, name: str) -> str:
    """The type of a variable of the file, "" where it cannot be found."""
    found = re.search(rb"^(?:static\s+)?(?:struct\s+)?(\w+)\s*\*?\s*%s\b" % name.encode(), unit.data, re.M)
    return found[1].decode() if found else ""


def _origin(function: Function, value: Value) -> tuple[str, bool]:
    """The path that is pointed to, and whether `&` stands before it.

    A local that is assigned once, from an address or another pointer, is replaced by what is assigned.
    """
    for _ in range(4):
        if isinstance(value, Addr):
            return value.path, True
        if not isinstance(value, Var):
            return "", False
        given = _assigned(function, value.path)
        if len(given) != 1 or not isinstance(given[0], (Addr, Var)) or value.path not in function.locals:
            return value.path, False
        value = given[0]
    return "", False


def _assigned(function: Function, path: str) -> list[Value]:
    events = function.events()
    return [event.value for event in events if isinstance(event, Assign) and event.target == path]


def uncast(function: Function, name: str) -> str:
    """The variable that a local, which is assigned once, is a QOM cast of; the local itself if it is none."""
    for _ in range(4):
        given = _assigned(function, name)
        if name not in function.locals or len(given) != 1:
            return name
        value = given[0]
        source = None
        if isinstance(value, Var) and value.path.isidentifier():
            source = value.path
        elif isinstance(value, Result):
            call = function.calls[value.call]
            arg = call.args[0] if len(call.args) == 1 else None
            if _CAST.match(call.name) and isinstance(arg, Var) and arg.path.isidentifier():
                source = arg.path
        if source is None or source.startswith("$"):
            return name
        name = source
    return name
