# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a type as text: a page of lines with places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qerrlint.device_page import Access, DevicePage, Field, Held, Member, Place, Region
from qerrlint.report.printable import one_line, printable
from qerrlint.report.terminal import AMBER, BLANK, DIM, FRAME, Line, prose, verbatim

_PHASES = ("class_init", "instance_init", "realize", "complete", "reset", "unrealize", "finalize")
_WIDTH = 16
_PHASE = 14
_SECTIONS = ("phases", "acquires", "regions", "properties", "migrates", "state", "members")
_MOST_NAMED = 4


def lines(pages: Sequence[DevicePage]) -> Iterator[Line]:
    """The pages, one after the other, an empty line between them."""
    for number, page in enumerate(pages):
        if number:
            yield BLANK
        yield from _page(page)


def _page(page: DevicePage) -> Iterator[Line]:
    kind = "abstract type" if page.abstract else "type"
    made = f", by {page.macro}()" if page.macro else ""
    yield prose((printable(page.name), f"bold {FRAME}"), (f"  {kind}, {_at(page.at)}{made}", ""))
    parents = " < ".join(page.parents) or "none"
    yield _row("parents", parents + ("" if page.complete else " < not found in this tree"))
    if page.interfaces:
        yield _row("interfaces", ", ".join(page.interfaces))
    yield _row("structs", f"{page.instance_struct or 'not known'}, class {page.class_struct or 'not known'}")
    if page.bus:
        how = "can be unplugged" if page.unpluggable else "cannot be unplugged"
        by = "" if page.user_creatable else ", not made by the user"
        some = (
            f"; class_init sets {', '.join(page.conditional)} on some paths only" if page.conditional else ""
        )
        yield _row("bus", f"{page.bus}, {how}{by}{some}")
    told = facts(page)
    for head in _SECTIONS:
        yield from _section(head, [text for section, text in told if section == head])


def facts(page: DevicePage) -> list[tuple[str, str]]:
    """The sections of a page and their lines, in order."""
    out = [("phases", text) for text in _phases(page)]
    out += [("acquires", _held(one)) for one in page.held]
    out += [("regions", _region(one)) for one in page.regions]
    out += [("properties", ", ".join(page.properties))] if page.properties else []
    out.append(("migrates", _state(page)))
    out += [("state", _field(one)) for one in page.fields]
    return out + [("members", text) for text in _members(page.members)]


def _row(head: str, text: str) -> Line:
    return prose((f"  {head:<{_WIDTH - 2}}", DIM), (one_line(text), ""), indent=_WIDTH)


def _section(head: str, texts: Sequence[str]) -> Iterator[Line]:
    for number, text in enumerate(texts):
        style = AMBER if text.endswith("never released") else ""
        row = (f"  {'' if number else head:<{_WIDTH - 2}}", DIM), (printable(text), style)
        # A field is a row of a table; the others are told after a phase, or begin with a name.
        indent = _WIDTH + (_PHASE + 1 if head in ("phases", "acquires") else 2)
        yield verbatim(*row) if head == "state" else prose(*row, indent=indent)


def _phases(page: DevicePage) -> list[str]:
    out = []
    for phase in _PHASES:
        for one in page.phases:
            if one.phase == phase:
                owner = f", of {one.owner}" if one.owner != page.name else ""
                out.append(f"{phase:<{_PHASE}} {one.function}() in .{one.slot}{owner}  {_at(one.at)}")
    return out


def _held(one: Held) -> str:
    back = ", ".join(f"{name}()" for name in one.released)
    if not back:
        back = "another file" if one.elsewhere else ""
    if not back and one.by_property:
        back = "its property"
    told = f"released by {back}" if back else "never released"
    what = f" into {one.object}" if one.object else ""
    return f"{one.phase:<{_PHASE}} {one.call}(){what} in {one.function}()  {_at(one.at)}: {told}"


def _region(one: Region) -> str:
    told = one.bytes is None or one.size == f"{one.bytes:#x}"
    size = one.size if told else f"{one.size} = {one.bytes:#x}"
    reads = f"read {one.read or 'none'}, write {one.write or 'none'}" if one.known else "callbacks not found"
    return f"{one.table}: {size} bytes, {reads}  {_at(one.at)}"


def _state(page: DevicePage) -> str:
    state = page.state
    if state is None:
        helpers = " or ".join(f"{name}()" for name in page.class_helpers)
        return f"nothing, unless {helpers} of another file describes it" if helpers else "nothing"
    name = f' "{state.name}", version {state.version}' if state.name else ""
    if state.unmigratable:
        name += ", which says that it cannot be migrated"
    return f"{state.variable}{name}" + (f"  {_at(state.at)}" if state.at is not None else "")


def _field(one: Field) -> str:
    offset = f"{one.offset:>6}" if one.offset is not None else "     ?"
    size = f"{one.size:>6}" if one.size is not None else "     ?"
    return f"{offset} {size}  {one.type} {one.name}".rstrip()


def _members(found: Sequence[Member]) -> Iterator[str]:
    unused = []
    for one in found:
        uses = (("written by", one.written), ("read by", one.read), ("address taken by", one.address))
        told = [f"{verb} {_accesses(accesses)}" for verb, accesses in uses if accesses]
        if told:
            yield f"{one.name}: {'; '.join((_kept(one), *told))}"
        else:
            unused.append(one.name)
    if unused:
        yield f"not used in this file: {', '.join(unused)}"


def _kept(one: Member) -> str:
    said = ["migrates" if one.description else "not migrated"]
    if one.reset is not None:
        said.append("reset" if one.reset else "not reset")
    if one.property:
        said.append("a property")
    return ", ".join(said)


def _accesses(found: Sequence[Access]) -> str:
    named = ", ".join(
        f"{one.function}()" + (f" ({', '.join(one.when)})" if one.when else "") for one in found[:_MOST_NAMED]
    )
    return named + (f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else "")


def _at(place: Place) -> str:
    return f"{place.path}:{place.line}"
