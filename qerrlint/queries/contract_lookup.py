# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks up what is known of one function and by what evidence: the facts that the rules work with.

It asks Environment, TranslationUnit and Program as the checks do, and finds the places of the name by
`mentions`; it judges nothing and renders nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from qerrlint.c.cut import Piece, cut
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.conventions import by_convention
from qerrlint.domain.effects import Outcome
from qerrlint.engine.check_files import core_files
from qerrlint.errors import UsageError
from qerrlint.ir.code import Call, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_scope import FileScope
from qerrlint.model.program import Program
from qerrlint.model.summary import outcomes_of
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.queries.contract import Body, Contract, Kept, Setter, ShortList, Site, Stored, Way
from qerrlint.queries.mentions import ARGUMENT, CALL, HEAD, MACRO, SLOT, Mention, macro_around, mentions
from qerrlint.records import record
from qerrlint.source.source import Source
from qerrlint.source.span import LineIndex, Span
from qerrlint.source.tree_folders import is_core

_STATIC = lazy_re(rb"\bstatic\b")


@record(frozen=True, slots=True)
class _Definition:
    site: Site
    static: bool


class _Places:
    """Turns offsets into sites; cuts and indexes a file when a place in it is asked for."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts
        self._lines: dict[str, LineIndex] = {}
        self._functions: dict[str, list[Piece]] = {}

    def functions(self, path: str) -> list[Piece]:
        """The functions of a file in source order."""
        if path not in self._functions:
            pieces = cut(path, self._texts[path])
            self._functions[path] = [piece for piece in pieces if piece.kind == "function"]
        return self._functions[path]

    def is_static(self, piece: Piece) -> bool:
        """Whether a function has internal linkage."""
        return bool(_STATIC.search(self._texts[piece.span.path], piece.span.start, piece.body))

    def line(self, path: str, offset: int) -> int:
        """The line of an offset."""
        if path not in self._lines:
            self._lines[path] = LineIndex(self._texts[path])
        return self._lines[path].position(offset)[0]

    def site(self, mention: Mention) -> Site:
        """The mention's place, with the function or macro around it."""
        path, at = mention.path, mention.start
        pieces = self.functions(path)
        around = next((p.name for p in pieces if p.span.start <= at < p.span.end), "")
        if not around:
            macro = macro_around(self._texts[path], at)
            around = f"#define {macro}" if macro else ""
        return Site(path, self.line(path, at), around)


def find_contract(source: Source, name: str, inside: str | None = None, limit: int = 20) -> Contract:
    """What is known of the function `name`, as seen from the file `inside` if given.

    Lists of places hold the first `limit` (0: all). Raises UsageError, with names that are near, for a name
    that nothing declares.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise UsageError(f"{name}: not the name of a C function")
    if inside is not None and not source.exists(inside):
        raise UsageError(f"{inside}: no such file in {source.root}")
    files = source.containing([name])
    near = [path for path in files if path == inside or is_core(path)] or files
    uses, places = _uses_of(source, near, name)
    definitions, declarations = _heads(name, uses, places)
    macros = [places.site(use) for use in uses if use.kind == MACRO]
    program = Program(source)
    visible = [d for d in definitions if _is_visible(program, d, inside)]
    chosen = visible[0] if visible else None
    uses = [use for use in uses if _is_meant(program, use.path, chosen, definitions)]
    calls = [use for use in uses if use.kind == CALL]
    home = chosen.site.path if chosen else inside or next((s.path for s in (*declarations, *macros)), "")
    home = home or next((use.path for use in calls), "include/qapi/error.h")
    unit = program.unit(home)
    signature = unit.signature(name) if unit is not None else None
    api = program.environment.api
    kind = _kind(chosen is not None, signature, bool(macros))
    if not kind and api.reason(name):
        kind = "bundled"
    if not kind:
        raise UsageError(_unknown(source, name, inside, len(files)))
    result = FileScope(program.environment, home).result_kind(signature)
    has_errp = signature is not None and signature.errp is not None
    place = chosen.site if chosen else macros[0] if kind == "macro" and macros else None
    stores = [use for use in uses if use.kind in (SLOT, ARGUMENT)]
    return Contract(
        name=name,
        kind=kind,
        signature=signature,
        result=result,
        definition=place,
        other_definitions=tuple(d.site for d in definitions if d is not chosen),
        declarations=tuple(declarations),
        fact=api.effect(name),
        fails=api.fails(name),
        reason=api.reason(name),
        noreturn=api.is_noreturn(name) or (signature is not None and signature.noreturn),
        assumed=by_convention(result, name, api.fails(name)) if has_errp and api.effect(name) is None else (),
        body=_body(unit, name) if chosen is not None and unit is not None else None,
        stored=ShortList.of(
            stores, limit, lambda use: Stored(places.site(use), use.of, use.holder, use.kind == ARGUMENT)
        ),
        callers=ShortList.of(calls, limit, places.site),
        caller_files=len({use.path for use in calls}),
        outside=len(files) - len(near),
    )


def _uses_of(source: Source, paths: Iterable[str], name: str) -> tuple[list[Mention], _Places]:
    """Where files mention a name, and the places in these files."""
    texts: dict[str, bytes] = {}
    uses: list[Mention] = []
    for path, data in source.read_many(paths):
        found = list(mentions(path, data, name))
        if found:
            uses += found
            texts[path] = data
    return uses, _Places(texts)


def _heads(name: str, uses: Sequence[Mention], places: _Places) -> tuple[list[_Definition], list[Site]]:
    """The definitions, the likeliest first, and the declarations."""
    definitions: list[_Definition] = []
    declarations: list[Site] = []
    for use in uses:
        if use.kind != HEAD:
            continue
        site = Site(use.path, places.line(use.path, use.start))
        piece = next((p for p in places.functions(use.path) if p.span.start <= use.start < p.span.end), None)
        if piece is None:
            declarations.append(site)
        elif piece.name == name and use.start < piece.body:
            definitions.append(_Definition(site, places.is_static(piece)))
    # A stub stands in for a function that some builds leave out.
    definitions.sort(key=lambda d: (d.static, "stub" in d.site.path, d.site.path, d.site.line))
    return definitions, declarations


def _is_visible(program: Program, definition: _Definition, inside: str | None) -> bool:
    if inside is None or not definition.static:
        return True
    return definition.site.path in program.environment.files.reached(inside)


def _is_meant(
    program: Program, path: str, chosen: _Definition | None, definitions: Sequence[_Definition]
) -> bool:
    """Whether the name in a file means the definition that was chosen."""
    if chosen is None or path == chosen.site.path:
        return True
    if chosen.static and chosen.site.path.endswith(".c"):
        # What the file includes (a .c.inc) is a part of it.
        return path in program.environment.files.reached(chosen.site.path)
    return not any(d.static and d.site.path == path for d in definitions)


def _kind(defined: bool, signature: Signature | None, macro: bool) -> str:
    """Contract.kind, "" for what is no function."""
    if defined:
        return "function"
    if signature is not None and signature.path is not None:
        return "declared"
    if macro:
        return "macro"
    if signature is None:
        return ""
    return "generated" if signature.name.startswith(("qmp_", "visit_type_", "qapi_")) else "bundled"


def _body(unit: TranslationUnit, name: str) -> Body:
    """What the bodies of all definitions of a name show, in lines of the unit's file."""
    pieces = unit.definitions.by_name[name]
    results = [result for piece in pieces if (result := unit.interpretation.result(piece)) is not None]
    summary = unit.interpretation.summary(name)
    if not results or summary is None:
        return Body(unit.lowering.damage(pieces[0]) or "it cannot be interpreted")

    def line(span: Span) -> int:
        return unit.text.lines.position(span.start)[0]

    shown: dict[Outcome, set[int]] = {}
    setters = []
    for result in results:
        kind = unit.scope.result_kind(result.signature)
        for leaving, outcome in outcomes_of(result, kind):
            shown.setdefault(outcome, set()).add(line(leaving.span))
        setters += [setter for call in result.function.calls if (setter := _setter(unit, call)) is not None]
    return Body(
        damaged="",
        ways=tuple(Way(outcome, tuple(sorted(shown.get(outcome, ())))) for outcome in summary.outcomes),
        consumes=summary.consumes,
        clears=summary.clears,
        noreturn=summary.noreturn,
        complete=summary.complete,
        kept=tuple(
            Kept(s.setter, line(s.setter_span), s.printer, line(s.printer_span), s.how)
            for s in summary.swallows
        ),
        setters=tuple(setters),
    )


def _setter(unit: TranslationUnit, call: Call) -> Setter | None:
    """The call as one that may set an Error; None where it cannot."""
    effect = unit.effect(call)
    position = effect.errp
    if position is None or position >= len(call.args) or all(o.sets is False for o in effect.outcomes):
        return None
    line = unit.text.lines.position(call.span.start)[0]
    always = effect.evidence == "setter"
    return Setter(call.name, line, text_of(call.args[position]), effect.evidence, always)


def _unknown(source: Source, name: str, inside: str | None, files: int) -> str:
    """One line for a name that nothing declares, with names that are near."""
    from difflib import get_close_matches

    from qerrlint.c.toplevel import heads

    known = {
        found.decode("latin-1")
        for _, data in source.read_many(core_files(source))
        for found, _, _ in heads(data)
    }

    def grams(text: str) -> set[str]:
        return {text[at : at + 3] for at in range(len(text) - 2)}

    wanted = grams(name)
    # difflib compares letter by letter, which is slow for a whole tree's names.
    likely = sorted(known, key=lambda n: (-len(wanted & grams(n)) / (len(n) + len(name)), n))[:100]
    close = [other for other in get_close_matches(name, likely, 4, 0.7) if other != name]
    where = f"nothing that {inside} sees" if inside is not None else f"nothing in {source.root}"
    mentioned = (
        f", though {files} files mention it" if files > 1 else ", though a file mentions it" if files else ""
    )
    near = f" (near: {', '.join(close)})" if close else ""
    return f"{name}: {where} declares a function of that name{mentioned}{near}"
