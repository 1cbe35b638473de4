# SPDX-License-Identifier: GPL-2.0-or-later
"""LocalUses: what a function does with the pointer in a local variable: reads through it, or hands it on.

For a callee its body in the file decides, then rules/words.toml, then the type of the parameter (a pointer
to const is borrowed). What is not known hands the pointer on.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache

from qerrlint.absint.reachability import after
from qerrlint.c.declarations.types import Param, untagged
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.ownership.release_sites import is_freeing, may_release
from qerrlint.checks.ownership.result_questions import is_handed_on_as_failure
from qerrlint.domain.casts import cast_if_it_is
from qerrlint.domain.ownership import Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import (
    ANY,
    NONZERO,
    NULL,
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Const,
    Event,
    Function,
    Op,
    Opaque,
    Result,
    Return,
    Value,
    Var,
    is_cast,
    root,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

_SCALAR = lazy_re(
    r"(?:const )?(?:(?:unsigned|signed)(?: \w+)*|bool|char|short|int|long(?: \w+)*|s?size_t|gsize|gssize|"
    r"u?int\d+_t|ptrdiff_t|off_t|hwaddr|dma_addr_t|ram_addr_t|target_u?long|float|double)\Z"
)
_DEEPEST = 3
_MOST_OF_CALLBACK = 2
_DELETES_ITS_BH = b"qemu_bh_delete"
_ERRORS = frozenset({"Error *", "GError *"})
# The signs of the results of a call that has not failed, by the sort of the result.
_SUCCEEDS = {"int": (ZERO, POS), "bool": (NONZERO,), "pointer": (NONZERO,), "void": (ANY,)}


@lru_cache(maxsize=2048)
def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.])(?<!->){re.escape(name)}(?!\w)")


def _text_hands(text: str, name: str) -> bool:
    """Whether an expression's text has the pointer itself, and not what it points to or a comparison."""
    for found in _word(name).finditer(text):
        behind, before = text[found.end() : found.end() + 2], text[: found.start()].rstrip("(")
        if behind[:1] in ("[", ".") or behind in ("->", "==", "!="):
            if re.search(r"(?:^|[^&\w)\]])&\(*\Z", text[: found.start()]) and behind not in ("==", "!="):
                return True
            continue
        if before.endswith(("*", "==", "!=", "!")):
            continue
        return True
    return False


class LocalUses:
    """The uses of the local pointers of one function."""

    def __init__(self, unit: TranslationUnit, function: Function, depth: int = 0) -> None:
        """`depth`: how many calls away the function is from the one that is asked about."""
        self._unit = unit
        self._function = function
        self._depth = depth
        self._harmless: dict[str, bool] = {}
        self._lent: dict[tuple[int, str], bool] = {}
        self._passing: dict[str, tuple[int, ...]] = {}
        self.structs: set[str] = set()
        """The local variables that are an object themselves, and no pointer to it."""
        signature = unit.signature(function.name)
        self._params = {param.name for param in signature.params} if signature is not None else set()

    def is_own(self, path: str) -> bool:
        """Whether a path is a variable that the function has for itself, and that does not free itself."""
        if path.startswith("$"):
            return True
        own = path in self._function.locals or path in self._params
        return own and path.isidentifier() and path not in self._function.autos

    def is_parameter(self, name: str) -> bool:
        """Whether a name is that of a parameter of the function."""
        return name in self._params

    def hands(self, value: Value | None, name: str) -> bool:
        """Whether a value has the pointer in it, or its address or that of a part of what it points to."""
        if isinstance(value, Result):
            if name == f"#{value.call}":
                return True
            call = self._function.calls[value.call]
            if is_cast(call):
                return self.hands(call.args[0], name)
            cast = cast_if_it_is(call)
            return cast is not None and self.hands(cast, name)
        if isinstance(value, (Var, Addr)):
            path = value.path
            if path == name:
                return True
            if root(path) == name:
                return isinstance(value, Addr)
            return not name.startswith("#") and name in path and _text_hands(path, name)
        if isinstance(value, Op):
            if value.op == "!":
                return False
            return self.hands(value.left, name) or self.hands(value.right, name)
        return isinstance(value, Opaque) and not name.startswith("#") and _text_hands(value.text, name)

    def is_passed_by_assignment(self, event: Assign, name: str) -> bool:
        """Whether an assignment hands the pointer on."""
        if name in self.structs:
            return event.value == Addr(name)
        if not self.hands(event.value, name):
            return False
        kind = self._function.locals.get(event.target)
        if kind is not None and _SCALAR.match(kind):
            # A number that is the object itself, a descriptor, has two names then.
            return self._is_number(name) and event.target != name and event.value == Var(name)
        if not self.is_own(event.target) or (kind is not None and not kind.endswith("*")):
            return True
        return event.target != name and not self.is_harmless(event.target)

    def assigned(self, name: str) -> list[Value]:
        """The values that are assigned to a variable."""
        return [event.value for event in self._function.assignments(name)]

    def is_passed_by_return(self, value: Value | None, name: str) -> bool:
        """Whether a returned value hands the pointer on."""
        if name in self.structs:
            return False
        # A member that is returned may be an array inside of the object.
        return self.hands(value, name) or (
            isinstance(value, Var) and root(value.path) == name and not self._lies_elsewhere(value.path, name)
        )

    def _lies_elsewhere(self, path: str, name: str) -> bool:
        """Whether a member of an object is a pointer, and what it points to no part of the object."""
        member = path.removeprefix(f"{name}->")
        kind = untagged(self._function.locals.get(name, "")).rstrip(" *")
        return _points(f"{kind}.{member}")

    def is_passed_by_call(self, call: Call, _pair: Pair, name: str) -> bool:
        """Whether a call may keep the pointer, or release what it points to."""
        return self._keeps(call, name) and not self.is_lent(call, name)

    def is_lent(self, call: Call, name: str) -> bool:
        """Whether the function frees what it hands to a call on every path from there to a good return.

        A callee that takes something over does so when it succeeds: what the function frees then has stayed
        its own, also on the paths on which it forgets it. What it frees only where the call has failed tells
        nothing, and neither does a call whose name says that it stores what it is handed, or whose body gives
        it to a callback.
        """
        if name in self.structs or call.name.isupper() or is_storing(call.name) or may_release(call.name):
            return False
        key = (call.index, name)
        if key not in self._lent:
            self._lent[key] = self._is_freed_after(call, name) and not self._is_left_to_callback(call, name)
        return self._lent[key]

    def _is_left_to_callback(self, call: Call, name: str) -> bool:
        """Whether a callee of the file registers the pointer for a callback of the file, which has it."""
        unit = self._unit
        function = unit.lowered(call.name) if call.direct and call.name in unit.functions else None
        signature = unit.signature(call.name) if function is not None else None
        if function is None or signature is None:
            return False
        params = {
            Var(param.name)
            for param, arg in zip(signature.params, call.args, strict=False)
            if arg == Var(name)
        }
        # So is a struct that the callee stores it into.
        params |= {
            Var(root(event.target))
            for block in function.blocks
            for event in block.events
            if isinstance(event, Assign) and "->" in event.target and event.value in params
        }
        return any(
            is_storing(inner.name)
            and not params.isdisjoint(inner.args)
            and any(isinstance(arg, Var) and arg.path in unit.functions for arg in inner.args)
            for inner in function.calls
        )

    def _is_freed_after(self, call: Call, name: str) -> bool:
        """Whether each path on which a call has not failed frees a variable before a good return."""
        signs: tuple[int, ...] = (ANY,)
        if call.used:
            signature = self._unit.signature(call.name) if call.direct else None
            kind = self._unit.scope.result_kind(signature)
            signs = _SUCCEEDS.get(kind, ())
            if kind == "int" and is_handed_on_as_failure(self._function, call):
                signs = (ZERO,)
        elif any(isinstance(a, Addr) and self._function.locals.get(a.path) in _ERRORS for a in call.args):
            # The Error alone tells whether the call failed.
            return False

        def frees(event: Event) -> bool:
            if not isinstance(event, Call) or not event.args or not is_freeing(event.name):
                return False
            return self._by_value(event.args[0], name) and self.hands(event.args[0], name)

        def gives_up(event: Event) -> bool:
            # A constant in its place shows that it has another owner now.
            return assigns(event) and isinstance(event, Assign) and isinstance(event.value, (Const, Op))

        def ends_well(event: Event) -> bool:
            return event in self._good_returns

        def assigns(event: Event) -> bool:
            return isinstance(event, Assign) and event.target == name

        function, at = self._function, call.index
        if not signs or after(function, at, gives_up, ANY, frees):
            return False
        return all(
            after(function, at, frees, sign, assigns) and not after(function, at, ends_well, sign, frees)
            for sign in signs
        )

    @cached_property
    def _good_returns(self) -> frozenset[Return]:
        """The returns that tell of no failure: by their values, and those that no statement encloses."""
        signature = self._unit.signature(self._function.name)
        kind = self._unit.scope.result_kind(signature)
        returns = list(self._function.returns())
        if kind == "void" and signature is not None and signature.errp is not None:
            # Which of its returns is a failure the Error alone tells.
            return frozenset(returns)
        return frozenset(
            event
            for event in returns
            if event.implicit
            or self._is_unconditional(event)
            or (event.value is not None and _is_success(kind, event.value))
        )

    def _is_unconditional(self, event: Return) -> bool:
        """Whether a return stands in no other statement: at the end, or before the labels of failures."""
        before = self._unit.data[self._function.body : event.span.start]
        return before.count(b"{") - before.count(b"}") == 1 and not before.rstrip().endswith((b")", b"else"))

    def _keeps(self, call: Call, name: str) -> bool:
        if call.used and (is_cast(call) or cast_if_it_is(call) is not None):
            return False
        if name in self.structs:
            # What stands in the function's own frame has no other owner; a callee may release it. One that
            # resets it leaves it to be used again.
            releases = may_release(call.name) and not call.name.endswith("_reset")
            return releases and any(self.hands(arg, name) for arg in call.args)
        if call.used and _returns_its_argument(call.name):
            return any(self.hands(arg, name) for arg in call.args[:1])
        return any(
            self.hands(arg, name) and not (self._by_value(arg, name) and self.is_borrowed(call, position))
            for position, arg in enumerate(call.args)
        )

    def _is_number(self, name: str) -> bool:
        """Whether a variable holds a number, and no pointer."""
        return _SCALAR.match(self._function.locals.get(name, "")) is not None

    @staticmethod
    def _by_value(arg: Value, name: str) -> bool:
        """Whether an argument is not the address of the variable."""
        return not (isinstance(arg, Addr) and arg.path == name)

    def is_harmless(self, name: str) -> bool:
        """Whether a variable that gets the pointer as well neither hands it on nor releases it."""
        if name not in self._harmless:
            self._harmless[name] = False
            events = self._function.events()
            self._harmless[name] = self.is_own(name) and not any(self.passes(one, name) for one in events)
        return self._harmless[name]

    def passes(self, event: Event, name: str) -> bool:
        """Whether an event hands the pointer in a variable on, or releases it."""
        if isinstance(event, Call):
            return self._keeps(event, name) and not self.is_lent(event, name)
        if isinstance(event, Assign):
            return event.target != name and self.is_passed_by_assignment(event, name)
        return isinstance(event, Return) and self.is_passed_by_return(event.value, name)

    def passing_blocks(self, name: str) -> tuple[int, ...]:
        """The blocks of the function in which an event hands the pointer in a variable on, or releases it."""
        if name not in self._passing:
            self._passing[name] = tuple(
                number
                for number, block in enumerate(self._function.blocks)
                if any(self.passes(event, name) for event in block.events)
            )
        return self._passing[name]

    def is_borrowed(self, call: Call, position: int) -> bool:
        """Whether a callee only reads or writes through the pointer that it is handed at a position."""
        name = call.name
        if not call.direct or name in self._function.locals or name in self._params:
            return False
        if (callback := self._callback(call, position)) is not None:
            return callback
        if name in self._unit.functions:
            return self._depth < _DEEPEST and self._body_borrows(name, position)
        arg = call.args[position]
        if isinstance(arg, Var) and self._is_number(arg.path):
            # Whoever is told the number of a descriptor may close it.
            return _leaves_open(name)
        if _is_known_to_borrow(name, position):
            return True
        if _begins_as_borrower(name) and not self._is_macro(name):
            return True
        signature = self._unit.signature(name)
        if _keeps_constants(name):
            return False
        if signature is None:
            # Macros in capitals declare, loop and store; those in small letters stand for a function.
            stores = name.isupper() or is_storing(name) or may_release(name)
            return not stores and bodies_elsewhere(self._unit).borrows(self._unit, name, position)
        if position >= len(signature.params):
            # What is formatted is copied.
            return signature.variadic and any(_is_text(param) for param in signature.params)
        if _is_constant(signature.params[position]):
            return True
        if is_storing(name) or may_release(name):
            return False
        return bodies_elsewhere(self._unit).borrows(self._unit, name, position)

    def _is_macro(self, name: str) -> bool:
        """Whether a name in small letters is that of a macro that the file sees: its body tells more."""
        unit = self._unit
        return not name.isupper() and unit.environment.macro(name, unit.path) is not None

    def _callback(self, call: Call, position: int) -> bool | None:
        """Of the argument of a callback of the file that runs once: whether the callback leaves it alone.

        None for other calls and arguments. A bottom half that its callback does not delete may run again.
        """
        places = _callback_of(call.name)
        if places is None or position != places[1] or places[0] >= len(call.args):
            return None
        function = call.args[places[0]]
        piece = self._unit.functions.get(function.path) if isinstance(function, Var) else None
        signature = self._unit.signature(piece.name) if piece is not None else None
        if piece is None or signature is None or len(signature.params) > _MOST_OF_CALLBACK:
            return None
        if (
            call.name.endswith("_bh_new")
            and _DELETES_ITS_BH not in self._unit.data[piece.body : piece.span.end]
        ):
            return None
        at = next((n for n, param in enumerate(signature.params) if param.type == "void *"), None)
        return at is not None and self._depth < _DEEPEST and self._body_borrows(piece.name, at)

    def _body_borrows(self, name: str, position: int) -> bool:
        unit = self._unit
        signature = unit.signature(name)
        function = unit.lowering.function(unit.functions[name])
        if signature is None or position >= len(signature.params) or function is None:
            return False
        inside = LocalUses(unit, function, self._depth + 1)
        return inside.is_harmless(signature.params[position].name)


@lru_cache(maxsize=1024)
def _callback_of(name: str) -> tuple[int, int] | None:
    """Which arguments of a function are a callback that it runs once, and the argument of that."""
    for word in word_list("callbacks-that-run-once").words:
        called, callback, argument = word.split("/")
        if called == name:
            return int(callback) - 1, int(argument) - 1
    return None


def _is_success(kind: str, value: Value) -> bool:
    """Whether a function whose result is of a kind returns a value that tells of no failure."""
    if kind == "pointer":
        return value != NULL
    if isinstance(value, Const):
        return value.text != "false" if kind == "bool" else value.number is not None and value.number >= 0
    return False


def is_storing(name: str) -> bool:
    """Whether a function stores a pointer that it is handed, by the parts of its name."""
    return word_list("keeping-parts").matches(name)


def _is_known_to_borrow(name: str, position: int) -> bool:
    """Whether the word lists say that a callee keeps nothing of the argument at a position."""
    borrowed = word_list("borrowed-arguments")
    return borrowed.matches(f"{name}/{position + 1}") or borrowed.matches(name)


def _begins_as_borrower(name: str) -> bool:
    """Whether the beginning of a name says that the callee keeps nothing of its arguments."""
    return word_list("borrowing-prefixes").matches(name) and not may_release(name)


def _leaves_open(name: str) -> bool:
    """Whether a function leaves the descriptor that it is handed open and with its caller."""
    return word_list("descriptor-uses").matches(name)


def _points(member: str) -> bool:
    """Whether a member, with its struct, points to memory that is no part of the struct."""
    return word_list("members-that-point").matches(member)


def _returns_its_argument(name: str) -> bool:
    """Whether the result of a function is the pointer that it is handed first."""
    return word_list("returns-its-argument").matches(name)


def _keeps_constants(name: str) -> bool:
    """Whether a callee keeps a pointer to const."""
    return word_list("keeps-constant-arguments").matches(name)


def _is_constant(param: Param) -> bool:
    """Whether a parameter is a pointer to something that the callee neither changes nor frees."""
    return param.type.startswith("const ") and param.type.count("*") == 1


def _is_text(param: Param) -> bool:
    return param.type == "const char *"
