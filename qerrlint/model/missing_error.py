# SPDX-License-Identifier: GPL-2.0-or-later
"""What callers make of a failure without an Error: noticed by its result, taken for success, or fatal.

A function breaks its contract when it fails and sets no Error. Its callers decide how bad that is: one that
tests the result notices the failure; one that tests the Error alone takes it for a success; one that reports
the Error dereferences NULL. A caller that passes the result on leaves it to its own callers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from qerrlint.c.cut import FUNCTION
from qerrlint.c.initialisers import tables
from qerrlint.domain.conventions import FAILURE, fails_by, succeeds_by
from qerrlint.domain.error import WARN
from qerrlint.ir.code import (
    Addr,
    Call,
    Const,
    Value,
    Var,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.after_failure import AfterFailure, FailingCall
from qerrlint.model.translation_unit import TranslationUnit, WholeProgram
from qerrlint.records import record
from qerrlint.source.span import Span

COPES, ANSWER, IGNORED, UNKNOWN, SUCCESS, CRASH = "cope", "answer", "ignored", "unknown", "success", "crash"
"""What callers make of the failure: each notices it by the result; takes it for an answer, no failure;
takes no notice of a bool result; not known; one takes it for a success; one dereferences NULL."""

# From the harmless to the worst. A caller that cannot be judged leaves open what the others make of it.
_ORDER = (COPES, ANSWER, IGNORED, UNKNOWN, SUCCESS, CRASH)

# How many callers a failure is followed through that only pass it on.
_DEEPEST = 8
# A function that more files mention is not followed.
_MOST_FILES = 40
# So many files are looked into for the type of a struct, where more of them use its member's name.
_MOST_LOOKED_INTO = 400
_ENDS_PROGRAM = (Addr("error_abort"), Addr("error_fatal"))
# Files of user-mode emulation, and files of the system emulator: never linked into one program.
_USER = lazy_re(r"(?:^|/)(?:bsd-user|common-user|linux-user|user)/|/user(?:-\w+)?\.c$")
_SYSTEM = lazy_re(r"(?:audio|hw|migration|monitor|net|softmmu|system|ui)/|.*/(?:softmmu|system)(?:-\w+)?\.c$")


@record(frozen=True, slots=True)
class Fate:
    """What a caller makes of the failure: `how` is one of the words above, `caller` its name, `span` the call
    in it, `reader` the function that it hands the NULL Error to."""

    how: str
    caller: str = ""
    span: Span | None = None
    reader: str = ""


_NOT_KNOWN = Fate(UNKNOWN)


@record(frozen=True, slots=True)
class _Contract:
    """What the result of the function is (result_kind), and which argument is its out-error (-1: none)."""

    kind: str
    errp: int


@record(frozen=True, slots=True)
class _Pointer:
    """How calls through a pointer are told: a pattern of the callee's text with a word in it; `own`: only the
    file that stores the address has such calls; `owner`: the type of the struct that holds the pointer, ""
    where it is not known."""

    pattern: str
    word: str
    own: bool
    owner: str = ""


class MissingErrors:
    """Asks the callers of functions in one program.

    `mentioning` gives the paths of the files that mention a name. Without it callers in other files are not
    at hand, and the fate of what they can see is unknown.
    """

    def __init__(
        self, program: WholeProgram, mentioning: Callable[[str], Sequence[str]] | None = None
    ) -> None:
        self._program = program
        self._mentioning = mentioning

    def fate(self, unit: TranslationUnit, name: str, code: str = "") -> Fate:
        """The worst that callers make of a failure of the function `name`, which `unit` defines.

        `code` is the constant that it returns then, where that is known.
        """
        answered = unit.environment.command_result(name)
        if answered:
            # qmp_marshal_x() is generated: it hands the NULL object to its visitor where no Error is set.
            return Fate(CRASH, name.replace("qmp_", "qmp_marshal_", 1), None, f"visit_type_{answered}")
        fates = self._fates(unit, name, code, frozenset())
        return max(fates, key=lambda fate: _ORDER.index(fate.how), default=_NOT_KNOWN)

    def _fates(self, unit: TranslationUnit, name: str, code: str, above: frozenset[str]) -> list[Fate]:
        if name in above:
            return []  # a caller that calls itself adds nothing
        if len(above) > _DEEPEST or name not in unit.functions:
            return [_NOT_KNOWN]
        above |= {name}
        contract = _contract(unit, name)
        static = unit.is_static(name)
        fates: list[Fate] = [] if static or self._mentioning is not None else [_NOT_KNOWN]
        called = False
        for file in self._files(unit, name, static):
            if file is not unit and name in file.functions:
                continue
            if _are_of_two_emulators(file.path, unit.path):
                continue
            for site in _calls(file, name, lambda call: call.name == name):
                called = True
                fates += self._at(site, contract, code, above)
            fates += self._through_pointers(file, name, contract, code, above)
        # Where every caller leads back here, no caller outside adds anything.
        return fates if fates or called else [_NOT_KNOWN]

    def _files(
        self, unit: TranslationUnit, word: str, own: bool, owner: str = ""
    ) -> Iterator[TranslationUnit]:
        """The files that may call by a word; where too many mention it, those that also mention `owner`."""
        self._program.unit_about(unit.path, word)
        yield unit
        paths = () if own or self._mentioning is None else self._mentioning(word)
        many = len(paths) > _MOST_FILES
        if many and (not owner or len(paths) > _MOST_LOOKED_INTO):
            return
        sought = re.escape(owner.encode())
        named = [
            path for path in paths if path != unit.path and (not many or self._program.holds(path, sought))
        ]
        for path in named if len(named) <= _MOST_FILES else ():
            other = self._program.unit_about(path, word)
            if other is not None:
                yield other

    def _through_pointers(
        self, file: TranslationUnit, name: str, contract: _Contract, code: str, above: frozenset[str]
    ) -> Iterator[Fate]:
        """The fates where the function is called through pointers that a file stores its address in."""
        members = file.uses.slots_of(name)
        handed = re.findall(rb"[(,=&?:{]\s*" + re.escape(name.encode()) + rb"\s*[,;)}:]", file.data)
        stored = file.uses.stores_of(name)
        tables = _tables(file, name) if len(handed) > stored else set()
        if len(handed) > stored + len(tables):
            yield _NOT_KNOWN
        for member in sorted(members):
            if file.environment.api.tolerates_unset(member):
                yield Fate(COPES)
            else:
                pattern = rf"(?:->|\.){re.escape(member)}$"
                called = _Pointer(pattern, member, False, _owner(file, member, name))
                yield from self._through(file, called, contract, code, above)
        for table in sorted(tables):
            called = _Pointer(rf"^{re.escape(table)}\[", table, True)
            yield from self._through(file, called, contract, code, above)

    def _through(
        self, file: TranslationUnit, called: _Pointer, contract: _Contract, code: str, above: frozenset[str]
    ) -> Sequence[Fate]:
        """The fates at calls through a member or table; which of them gets this function is not known."""
        if f"->{called.word}" in above:
            return ()
        if self._mentioning is None and not called.own:
            return (_NOT_KNOWN,)
        through = re.compile(called.pattern)
        fates = [
            fate
            for other in self._files(file, called.word, called.own, called.owner)
            for site in _calls(other, called.word, lambda call: through.search(call.name) is not None)
            for fate in self._at(site, contract, code, above | {f"->{called.word}"})
        ]
        bad = [fate for fate in fates if fate.how in (SUCCESS, CRASH)]
        if bad and len(bad) < len(fates):
            return (_NOT_KNOWN,)
        return fates or (_NOT_KNOWN,)

    def _at(self, site: FailingCall, contract: _Contract, code: str, above: frozenset[str]) -> Sequence[Fate]:
        """The fates of the failure at one call: by the Error that the call gets, and by the tests after
        it."""
        failing = FAILURE.get(contract.kind)
        if not 0 <= contract.errp < len(site.call.args) or failing is None:
            return (_NOT_KNOWN,)
        given = site.call.args[contract.errp]
        if isinstance(given, Const) or given == Addr(WARN):
            return (_fate(site, COPES),)
        signature = site.unit.with_definition(site.piece).signature(site.piece.name)
        own = signature.out_error if signature is not None else None
        if given == Var(own or ""):
            error = Var(f"*{own}")
        elif isinstance(given, Addr):
            error = Var(given.path)
        else:
            return (_NOT_KNOWN,)
        after = AfterFailure(site, error, own, failing, code)
        if after.reader is not None:
            return (_fate(site, CRASH, after.reader.name),)
        if after.compared or (contract.kind == "bool" and after.question):
            return (_fate(site, ANSWER),)
        unnoticed = IGNORED if contract.kind == "bool" else SUCCESS
        if not after.asked:
            noticed_by_error = given == Var(own or "") or after.error_tested
            is_noticed = noticed_by_error or given in _ENDS_PROGRAM
            return (_fate(site, unnoticed if is_noticed else UNKNOWN),)
        if isinstance(given, Addr) and not after.propagated:
            return (_fate(site, COPES),)
        return self._passed_on(site, after, code, above)

    def _passed_on(
        self, site: FailingCall, after: AfterFailure, code: str, above: frozenset[str]
    ) -> Sequence[Fate]:
        """The fates of a failure that a caller notices while it leaves its own Error as it is."""
        unit = site.unit.with_definition(site.piece)
        signature = unit.signature(site.piece.name)
        kind = unit.scope.result_kind(signature)
        if not after.returned:
            return (_fate(site, COPES),)
        if kind == "void":
            return (_fate(site, COPES if after.forgiven else SUCCESS),)
        passing = [(value, names) for value, names in after.returned if _passes(kind, value, names)]
        if not passing:
            return (_NOT_KNOWN,)
        same = all(value in names for value, names in passing)
        return self._fates(site.unit, site.piece.name, code if same else "", above)


def _fate(site: FailingCall, how: str, reader: str = "") -> Fate:
    return Fate(how, site.piece.name, site.call.span, reader)


def _are_of_two_emulators(caller: str, definition: str) -> bool:
    """Whether a caller is linked with another definition of the name: user-mode emulation and the system
    emulator may each have one (gdbstub/user.c and gdbstub/system.c)."""
    pairs = ((caller, definition), (definition, caller))
    return any(_USER.search(one) and _SYSTEM.match(other) for one, other in pairs)


def _contract(unit: TranslationUnit, name: str) -> _Contract:
    signature = unit.signature(name)
    if signature is None or signature.errp is None:
        return _Contract("unknown", -1)
    return _Contract(unit.scope.result_kind(signature), signature.errp)


def _passes(kind: str, value: Value | None, names: frozenset[Value]) -> bool:
    """Whether a caller returns a failure, too: the result itself, or a constant that means one."""
    if isinstance(value, Const) and value not in names:
        return fails_by(kind, value.signs) or not succeeds_by(kind, value.signs)
    return True


def _calls(unit: TranslationUnit, word: str, wanted: Callable[[Call], bool]) -> Iterator[FailingCall]:
    """The calls in the functions of a file that mention a word."""
    for piece in unit.uses.definitions_that_mention(word):
        function = unit.lowering.function(piece)
        for call in function.calls if function is not None else ():
            if function is not None and wanted(call):
                yield FailingCall(unit, piece, function, call)


def _tables(unit: TranslationUnit, name: str) -> set[str]:
    """The arrays of function pointers of a file that hold a function's address, by designated index."""
    stored = re.compile(rb"\]\s*=\s*&?\s*" + re.escape(name.encode()) + rb"\s*[,}]")
    return {
        piece.name
        for piece in unit.definitions.pieces
        if piece.kind != FUNCTION and stored.search(unit.data, piece.span.start, piece.span.end)
    }


def _owner(unit: TranslationUnit, member: str, name: str) -> str:
    """The type of a table of the file whose member holds a function; "" where none does."""
    for table in tables(unit.path, unit.data):
        stored = table.value.get(member)
        if stored is not None and stored.text.lstrip("& ") == name:
            return table.type.split()[-1]
    return ""
