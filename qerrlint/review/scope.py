# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions a change can have an effect on: in the changed files, and in callers it never touched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from qerrlint.c.cut import OTHER
from qerrlint.c.declarations.types import Signature
from qerrlint.c.gaps import ENCODING, MACRO, TANGLED, Gap
from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.program import Program
from qerrlint.model.summary import Summary
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_lifecycle import SETUP, TEARDOWN, phases
from qerrlint.records import record
from qerrlint.source.source import C_SUFFIXES

_SETTING_UP = SETUP | {"instance-init", "attach"}
_IDENTIFIER = lazy_re(rb"[A-Za-z_]\w+")
_INCLUDE = lazy_re(rb"^[ \t]*#[ \t]*include\b.*$", re.MULTILINE)
_COMMENT = lazy_re(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
_FUNCTION_TYPE = lazy_re(r"[\w*] ?\((?!\*).*\)$")
# The classes of a few buses have an init beside their exit (hw/audio/intel-hda.h).
_INITS = lazy_re(rb"(?:->|\.)init[ \t]*=[ \t]*&?([A-Za-z_]\w*)\s*[,;}]")
# A call with members among its arguments, and a member.
_CALLED_WITH = lazy_re(rb"\b([A-Za-z_]\w{1,80})\s{0,9}\(([^;{}]{0,300}(?:->|\.)[^;{}]{0,300})")
_MEMBER = lazy_re(rb"(?:->|\.)\s{0,9}([A-Za-z_]\w*)")
CALLER_FILES = 400
"""How many files with callers are looked at, unless a run says otherwise; what is left out is named."""


@record(frozen=True, slots=True)
class FilePair:
    """A changed file: its path before and after, None where there is none."""

    old: str | None
    new: str | None


@record(frozen=True, slots=True)
class ContractChange:
    """A function whose callers meet something new; `where` is its file afterwards, `what` a sentence.

    `also` are sentences of further differences.
    """

    name: str
    where: str
    line: int
    what: str
    also: tuple[str, ...] = ()


def is_c(path: str | None) -> bool:
    """Whether a path is C to be analysed."""
    return path is not None and path.endswith(C_SUFFIXES)


def unit_of(program: Program, path: str | None) -> TranslationUnit | None:
    """The unit of a C file; None for any other file, and for None."""
    return program.unit(path) if path is not None and is_c(path) else None


def changed_functions(before: TranslationUnit | None, after: TranslationUnit | None) -> set[str]:
    """Names of functions that one side has and the other has not, or has with another text.

    Where a file defines a name several times (arms of an `#if`), all of these definitions are compared.
    """
    old, new = _texts(before), _texts(after)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def changed_tables(before: TranslationUnit | None, after: TranslationUnit | None) -> set[str]:
    """Names of initialised variables that one side has and the other has not, or has with another text."""
    old, new = _tables(before), _tables(after)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _tables(unit: TranslationUnit | None) -> dict[str, list[bytes]]:
    """The texts of the initialised variables of each name, in source order."""
    found: dict[str, list[bytes]] = {}
    for piece in unit.definitions.pieces if unit is not None else ():
        if unit is not None and piece.kind == OTHER and piece.name:
            found.setdefault(piece.name, []).append(unit.text.of(piece.span))
    return found


def _texts(unit: TranslationUnit | None) -> dict[str, list[bytes]]:
    """The texts of the definitions of each name, in source order."""
    if unit is None:
        return {}
    by_name = unit.definitions.by_name
    return {name: [unit.text.of(piece.span) for piece in pieces] for name, pieces in by_name.items()}


def between_functions(unit: TranslationUnit) -> list[bytes]:
    """The texts before, between and after a file's functions, in order."""
    parts: list[bytes] = []
    at = 0
    for span in (piece.span for piece in unit.definitions.functions):
        parts.append(unit.data[at : span.start])
        at = span.end
    return [*parts, unit.data[at:]]


def _declarations(unit: TranslationUnit) -> bytes:
    """What stands between functions, without includes, comments and blanks."""
    text = _COMMENT.sub(b"", b"".join(between_functions(unit)))
    return b"".join(_INCLUDE.sub(b"", text).split())


def touched(before: TranslationUnit | None, after: TranslationUnit | None) -> set[str]:
    """The functions of a changed file to analyse: the changed ones and those that call them, directly or not;
    all of them when something outside functions (a type, a macro, a prototype) has changed.

    The file's tables (initialised variables) are among them: what is said of one rests on functions as well.
    """
    changed = changed_functions(before, after)
    tables = _tables(before).keys() | _tables(after).keys()
    names = set(before.functions if before is not None else ()) | set(
        after.functions if after is not None else ()
    )
    if before is None or after is None or _declarations(before) != _declarations(after):
        return names | tables
    mentions: dict[str, frozenset[bytes]] = {}
    for unit in (before, after):
        for piece in unit.definitions.functions:
            found = frozenset(_IDENTIFIER.findall(unit.data, piece.span.start, piece.span.end))
            mentions[piece.name] = mentions.get(piece.name, frozenset()) | found
    while True:
        words = {name.encode() for name in changed}
        more = {name for name in names - changed if not words.isdisjoint(mentions[name])}
        if not more:
            return changed | _setting_up(before, after, changed) | _keeping(before, after, changed) | tables
        changed |= more


def _setting_up(before: TranslationUnit, after: TranslationUnit, changed: set[str]) -> set[str]:
    """The functions that run in the setup phases of the file's devices, where the change reaches a phase that
    undoes them: what they acquire may be released no longer."""
    if not any(b"realize" in unit.data or b"instance_" in unit.data for unit in (before, after)):
        return set()
    served = [phases(unit.data, frozenset(unit.functions)) for unit in (before, after)]
    moved = {
        name for name in served[0].keys() | served[1].keys() if served[0].get(name) != served[1].get(name)
    }
    if not any(one.get(name, frozenset()) & TEARDOWN for one in served for name in changed | moved):
        return set()
    found: set[str] = set()
    for unit, serving in zip((before, after), served, strict=True):
        calls = unit.uses.calls
        level = {name for name, its in serving.items() if its & _SETTING_UP}
        level |= {stored[1].decode() for stored in _INITS.finditer(unit.data)} & unit.functions.keys()
        while level:
            found |= level
            level = {callee for name in level for callee in calls.get(name, ())} - found
    return found


def _keeping(before: TranslationUnit, after: TranslationUnit, changed: set[str]) -> set[str]:
    """The functions that give a value to a member which a changed function releases on one side only: what
    they keep there is released no longer, or is released now."""
    old, new = ({member for _, member in releases_of(unit, changed)} for unit in (before, after))
    members = b"|".join(sorted(old ^ new))
    if not members:
        return set()
    handed = rb"&[\w.>\[\]-]{0,80}\b(?:%b)\b"
    assigned = rb"(?:->|\.)\s{0,9}(?:%b)\b(?:\[[^\]]{0,80}\])?\s{0,9}=(?!=)"
    given = re.compile(handed % members + b"|" + assigned % members)
    return {
        piece.name
        for unit in (before, after)
        for piece in unit.definitions.functions
        if given.search(unit.data, piece.body, piece.span.end) is not None
    }


def releases_of(unit: TranslationUnit, names: set[str]) -> set[tuple[bytes, bytes]]:
    """The releasing calls of some functions of a file, each with a member that stands in its arguments."""
    releases = word_list("releases")
    return {
        (call[1], member)
        for piece in unit.definitions.functions
        if piece.name in names
        for call in _CALLED_WITH.finditer(unit.data, piece.body, piece.span.end)
        if releases.matches(call[1].decode("latin-1").lower())
        for member in _MEMBER.findall(call[2])
    }


def reached_gaps(before: TranslationUnit | None, after: TranslationUnit, names: set[str]) -> list[Gap]:
    """The gaps of a changed file that a change reaches: of another text than before, or that use one of the
    functions `names`; a macro that defines functions also where its uses change."""
    old_texts = {before.text.of(gap.span) for gap in before.definitions.gaps} if before is not None else set()
    words = {name.encode() for name in names}
    return [
        gap
        for gap in after.definitions.relevant_gaps()
        if (text := after.text.of(gap.span)) not in old_texts
        or not words.isdisjoint(_IDENTIFIER.findall(text))
        or (gap.kind == MACRO and _uses(before, gap.name) != _uses(after, gap.name))
    ]


def _uses(unit: TranslationUnit | None, macro: str) -> list[bytes]:
    """The lines outside of functions that apply a macro."""
    text = b"".join(between_functions(unit)) if unit is not None else b""
    return re.findall(rb"^[ \t]*%s\b.*$" % re.escape(macro.encode()), text, re.MULTILINE)


def unreadable(unit: TranslationUnit) -> bool:
    """Whether a file as a whole cannot be read as C."""
    return any(gap.kind in (ENCODING, TANGLED) for gap in unit.definitions.gaps)


def contract_changes(before: Program, after: Program, pairs: Iterable[FilePair]) -> list[ContractChange]:
    """Functions with external linkage whose signature or use of Errors a change alters."""
    out: list[ContractChange] = []
    for pair in pairs:
        old, new = unit_of(before, pair.old), unit_of(after, pair.new)
        if old is None or new is None:
            continue
        out += _changed_prototypes(before, after, old, new)
        for name in sorted(changed_functions(old, new)):
            if name not in old.functions or name not in new.functions or new.is_static(name):
                continue
            signature = new.signature(name)
            if signature is not None and _named_by_macro(signature):
                continue
            differences = tuple(_differences(old, new, name))
            if differences:
                line, _ = new.text.lines.position(new.functions[name].span.start)
                out.append(ContractChange(name, new.path, line, differences[0], differences[1:]))
    return out


def _changed_prototypes(
    before: Program, after: Program, old: TranslationUnit, new: TranslationUnit
) -> list[ContractChange]:
    """Functions that a header declares otherwise now; a definition that changes speaks for itself."""
    out: list[ContractChange] = []
    if not new.path.endswith(".h"):
        return out
    was, now = before.environment.files.file(old.path), after.environment.files.file(new.path)
    if was is None or now is None:
        return out
    for name in sorted(was.functions.keys() & now.functions.keys()):
        first, second = was.signature(name), now.signature(name)
        if first is None or second is None or second.span is None or _named_by_macro(second):
            continue
        differences = tuple(_prototype_differences(name, first, second))
        if differences:
            line, _ = new.text.lines.position(second.span.start)
            out.append(ContractChange(name, new.path, line, differences[0], differences[1:]))
    return out


def _named_by_macro(signature: Signature) -> bool:
    """Whether what looks like the name is a macro that makes one: no function returns a function."""
    return _FUNCTION_TYPE.search(signature.returns) is not None


def _prototype_differences(name: str, was: Signature, now: Signature) -> Iterator[str]:
    if was.errp is None and now.errp is not None:
        yield f"{name}() now takes an Error **"
    if was.returns != now.returns:
        yield f"{name}() now returns {now.returns} instead of {was.returns}"
    took = [p.type for p in was.params]
    takes = [p.type for number, p in enumerate(now.params) if was.errp is not None or number != now.errp]
    if took != takes or was.variadic != now.variadic:
        yield f"{name}() has other parameters now"


def _differences(old: TranslationUnit, new: TranslationUnit, name: str) -> Iterator[str]:
    """What callers of a function meet that they did not before, by its signature first."""
    was, now = old.signature(name), new.signature(name)
    if was is not None and now is not None:
        yield from _prototype_differences(name, was, now)
    # Where the type of the result is another one, so are the results.
    retyped = was is not None and now is not None and was.returns != now.returns
    before, after = old.interpretation.summary(name), new.interpretation.summary(name)
    if before is not None and after is not None:
        what = _summary_difference(name, before, after)
        if what is None and not retyped and before.complete and after.complete:
            what = _other_results(name, before, after, now is not None and now.errp is not None)
        if what is not None:
            yield what


def _summary_difference(name: str, before: Summary, after: Summary) -> str | None:
    if after.may_set and not before.may_set:
        return f"{name}() now sets an Error"
    if before.may_set and not after.may_set:
        return f"{name}() no longer sets an Error"
    if before.consumes != after.consumes:
        return f"{name}() now treats the Error it is given differently"
    if after.fails and not before.fails:
        return f"{name}() can now fail"
    return None


def _other_results(name: str, before: Summary, after: Summary, takes_error: bool) -> str | None:
    """How the results of two bodies of one function differ, whose types are the same.

    A number that is no status and comes with no Error says nothing of errors.
    """
    if set(before.outcomes) == set(after.outcomes) or not (takes_error or before.fails or after.fails):
        return None
    was, now = ({replace(o, tolerant=False) for o in one.outcomes} for one in (before, after))
    if was == now:
        accepts = any(outcome.tolerant for outcome in after.outcomes)
        return f"{name}() {'now' if accepts else 'no longer'} accepts an Error that is set already"
    return f"{name}() now returns other results{' with its Error' if takes_error else ''}"
