# SPDX-License-Identifier: GPL-2.0-or-later
"""Defects that a guest reaches: the program ends or prints, a division by 0, an index without its test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seeds.device_text import DeviceText, device_text
from seeds.seed import Defect, SeedFile, file_kind

_SLOTS = r"(?:read|write)(?:_with_attrs)?"
_HEAD = re.compile(r"if \(([^{};]*)\)\s*\{\Z")
_CALLS = re.compile(r"\b[A-Za-z_]*[a-z]\w*\s*\(")
_REFUSES = r"^[ \t]+if \(([^{};]*?(?:>=|>)[^{};]*)\) \{"
_ARM, _TEST = "the last arm", "a test"
_ENTERED, _CALLED = "a region's function", "a function that a region's function calls"


@dataclass(frozen=True)
class _Ending:
    """A kind of defect: what logs something does something else.

    `call` is a statement, or the name of a function that is handed what was logged. `places` are what the
    place is behind, `functions` whose it is, `mask` is what it logged.
    """

    kind: str
    call: str
    places: tuple[str, ...]
    functions: str = _ENTERED
    mask: str = "LOG_GUEST_ERROR"

    @property
    def says(self) -> str:
        """The kind in words."""
        return f"Behind {' or '.join(self.places)} of {self.functions}, which logs {self.mask}: {self.call}."

    def defects(self, file: SeedFile) -> Iterator[Defect]:
        """The places of a file."""
        text = device_text(file)
        head = rf"qemu_log_mask\s*\(\s*{self.mask}\s*,"
        for place in self.places:
            for name in _entered(text) if self.functions == _ENTERED else _called(text):
                for found in text.found_in(rf"{head}[^;]*;", name):
                    if text.stands_alone(found.start()) and _is_behind(text, name, found.start(), place):
                        rest = re.sub(head, "", text.text[found.start() : found.end()]).lstrip()
                        new = self.call if self.call.endswith(";") else f"{self.call}({rest}"
                        yield text.cut(name, *found.span(), new)


def _entered(text: DeviceText) -> list[str]:
    """The functions of the regions of a file."""
    return list(dict.fromkeys(name for name, _ in text.stored(_SLOTS)))


def _called(text: DeviceText) -> list[str]:
    """The functions that those call."""
    entered = _entered(text)
    bodies = " ".join(text.body(name) for name in entered)
    return [name for name in text.functions if name not in entered and re.search(rf"\b{name}\s*\(", bodies)]


def _is_behind(text: DeviceText, name: str, at: int, place: str) -> bool:
    """Whether an offset is at the begin of a place: of a test, one that the guest can bring about."""
    before = text.code[text.functions[name][0] : at].rstrip()
    if place == _ARM:
        return before.endswith("default:")
    found = _HEAD.search(before)
    return found is not None and _is_guests(text, name, found[1])


def _is_guests(text: DeviceText, name: str, condition: str) -> bool:
    """Whether a test reads the written value, or members that a write keeps as it is, and nothing else: what
    the size of a region, a property or a callee decides may never be so."""
    value = re.search(r"\buint64_t (\w+)", text.body(name).partition("{")[0])
    paths = re.findall(r"[A-Za-z_]\w*(?:(?:->|\.)\w+)*", re.sub(r"0[xX]\w+", "0", condition))
    read = {path for path in paths if not path.isupper()}
    kept = {found[4] for _, found in _kept(text)}
    chosen = {value[1]} if value is not None and not _is_changed(text, name, value[1]) else set()
    members = {path for path in read if "->" in path and path.split("->")[-1] in kept}
    return bool(read) and read <= chosen | members and not _CALLS.search(condition)


def _is_changed(text: DeviceText, name: str, variable: str) -> bool:
    """Whether a function changes a parameter."""
    changes = rf"(?<![\w>.]){variable}\s*(?:[-+*/|&^]|<<|>>)?=(?!=)"
    return re.search(changes, text.body(name).partition("{")[2]) is not None


for _one in (
    _Ending("default-aborts", "abort();", (_ARM,)),
    _Ending("default-ends", "hw_error", (_ARM,)),
    _Ending("default-exits", "exit(1);", (_ARM,)),
    _Ending("default-asserts", "g_assert_not_reached();", (_ARM,)),
    _Ending("default-prints", "printf", (_ARM,)),
    _Ending("unimplemented-ends", "hw_error", (_ARM, _TEST), mask="LOG_UNIMP"),
    _Ending("test-ends", "hw_error", (_TEST,)),
    _Ending("test-fails", "assert(false);", (_TEST,)),
    _Ending("test-asserts", "g_assert_not_reached();", (_TEST,)),
    _Ending("test-prints", "printf", (_TEST,)),
    _Ending("callee-ends", "hw_error", (_ARM, _TEST), functions=_CALLED),
):
    file_kind(_one.kind, "devices", _one.mask, _one.says)(_one.defects)


@file_kind("value-asserted", "devices", r"uint64_t \w+")
def value_asserted(file: SeedFile) -> Iterator[Defect]:
    """A write asserts that the value is below 16."""
    text = device_text(file)
    for name in dict.fromkeys(name for name, _ in text.stored("write")):
        value = re.search(r"uint64_t (\w+)", text.body(name).partition("{")[0])
        cases = list(text.found_in(r"^[ \t]+case [\w ()/.]+:[ \t]*\n(?!\s*case)", name))
        if value is not None and cases and not _is_changed(text, name, value[1]):
            at = cases[len(cases) // 2].end()
            over = re.findall(r"switch \(([^{}]*)\) \{", text.code[text.functions[name][0] : at])
            if over and re.search(rf"\b{value[1]}\b", over[-1]):
                continue
            yield text.cut(name, at, at, f"        assert({value[1]} < 16);\n")


@file_kind("register-asserted", "devices", r"uint64_t \w+")
def register_asserted(file: SeedFile) -> Iterator[Defect]:
    """A write asserts that the register which it has set is even."""
    text = device_text(file)
    stores = r"^([ \t]+)(\w+->\w+(?:\[\w+\])?)\s*=\s*(?:value|val|data|val64)(?:\s*&\s*0x[fF]+)?;[ \t]*\n"
    for name in dict.fromkeys(name for name, _ in text.stored("write")):
        changed = any(_is_changed(text, name, one) for one in ("value", "val", "data", "val64"))
        for found in text.found_in(stores, name) if not changed else ():
            if text.stands_alone(found.start() + len(found[1])):
                yield text.cut(name, found.end(), found.end(), f"{found[1]}assert(({found[2]} & 1) == 0);\n")


def _block_end(text: DeviceText, start: int, end: int) -> int:
    """The end of the braces that open behind an offset; the offset itself where something follows them."""
    depth = 0
    for at in range(text.code.index("{", start), end):
        depth += (text.code[at] == "{") - (text.code[at] == "}")
        if not depth:
            behind = text.code[at + 1 :].lstrip(" ")
            return start if behind.startswith("else") else text.code.find("\n", at) + 1
    return start


def _unbounded(text: DeviceText, names: list[str]) -> Iterator[Defect]:
    """Tests without which a name indexes an array of the file's structs with a constant length."""
    for name in names:
        _, end = text.functions[name]
        for found in text.found_in(_REFUSES, name):
            behind = _block_end(text, found.end() - 1, end)
            refused = "return" in text.code[found.end() : behind]
            for word in re.findall(r"\b[a-z]\w*\b", found[1]) if refused else ():
                indexed = re.search(rf"(?:->|\.)(\w+)\[\s*{word}\s*\]", text.code[behind:end])
                length = indexed and re.search(rf"\b{indexed[1]}\s*\[\s*([A-Z]\w+|\d+)\s*\]", text.code)
                if length and length[1] in found[1]:
                    yield text.cut(name, found.start(), behind)
                    break


@file_kind("index-unbounded", "devices", r"MemoryRegionOps")
def index_unbounded(file: SeedFile) -> Iterator[Defect]:
    """A region's function, or one that it calls, no longer tests an index against the length of the array."""
    text = device_text(file)
    yield from _unbounded(text, _entered(text) + _called(text))


@file_kind("zero-allowed", "devices", r"==\s*0\)|\(!")
def zero_allowed(file: SeedFile) -> Iterator[Defect]:
    """A function no longer tests a divisor for 0."""
    text = device_text(file)
    tests = r"^[ \t]+if \((?:!\s*([\w>.-]+(?:\[\w+\])?)|([\w>.-]+) (?:==|<=) 0)\) \{"
    if "MemoryRegionOps" not in text.code:
        return
    for name, (_, end) in text.functions.items():
        for found in text.found_in(tests, name):
            divisor = re.escape(found[1] or found[2])
            behind = _block_end(text, found.end() - 1, end)
            if re.search(rf"return|{divisor}\s*=", text.code[found.end() : behind]) and re.search(
                rf"[/%]=?\s*\(?{divisor}\b|muldiv64\([^;]*{divisor}\)", text.code[behind:end]
            ):
                yield text.cut(name, found.start(), behind)


@file_kind("flush-missing", "devices", r"qemu_flush_queued_packets")
def flush_missing(file: SeedFile) -> Iterator[Defect]:
    """A network device no longer asks for the packets that it has refused."""
    text = device_text(file)
    flushes = list(
        re.finditer(r"^[ \t]+qemu_flush_queued_packets\s*\([^;]*;[ \t]*\n", text.code, re.MULTILINE)
    )
    if len(flushes) == 1 and "can_receive" in text.code:
        found = flushes[0]
        yield text.cut(text.function_at(found.start()), *found.span(), anywhere=True)


_KEEPS = r"^([ \t]+)((\w+)->(\w+))\s*=\s*(?:value|val|data|val64);[ \t]*\n"


def _kept(text: DeviceText) -> Iterator[tuple[str, re.Match[str]]]:
    """The statements of a region's writes by which they keep a value as it is."""
    for name in text.of_slot(r"write(?:_with_attrs)?"):
        for found in text.found_in(_KEEPS, name):
            if text.stands_alone(found.start() + len(found[1])):
                yield name, found


@file_kind("divided-at-once", "devices", r"uint64_t \w+")
def divided_at_once(file: SeedFile) -> Iterator[Defect]:
    """A write divides by the register that it has set."""
    text = device_text(file)
    for name, found in _kept(text):
        yield text.cut(name, found.end(), found.end(), f"{found[1]}{found[2]} = 1000 / {found[2]};\n")


@file_kind("divided-in-read", "devices", r"uint64_t \w+")
def divided_in_read(file: SeedFile) -> Iterator[Defect]:
    """A read divides by a register that the guest writes as it is."""
    text = device_text(file)
    for _, kept in _kept(text):
        for name in text.of_slot(r"read(?:_with_attrs)?"):
            back = rf"^([ \t]+(?:\w+\s*=|return)\s*){kept[3]}->{kept[4]};[ \t]*\n"
            for found in text.found_in(back, name):
                at = found.start() + len(found[0]) - len(found[0].lstrip())
                others = re.findall(rf"(?:->|\.){kept[4]}\s*(?:[-+*/|&^]|<<|>>)?=[^=]", text.code)
                if text.stands_alone(at) and len(others) <= 3:
                    new = f"{found[1]}1000 / {kept[3]}->{kept[4]};\n"
                    yield text.cut(name, *found.span(), new)


@file_kind("region-larger", "devices", r"memory_region_init_io")
def region_larger(file: SeedFile) -> Iterator[Defect]:
    """A region is larger than the array that the functions of its table index by the offset, with no test."""
    text = device_text(file)
    made = re.compile(r"\bmemory_region_init_io\s*\([^;]*?&(\w+)\s*,[^;]*?,\s*(0x[0-9a-fA-F]+|\d+)\s*\);")
    calls = list(made.finditer(text.code))
    for name, start, end in text.tables("MemoryRegionOps"):
        slot = re.compile(rf"\.{_SLOTS}\s*=\s*(\w+)")
        functions = [one[1] for one in slot.finditer(text.code, start, end) if one[1] in text.functions]
        regions = [one for one in calls if one[1] == name]
        for function in functions if len(regions) == 1 else ():
            offset = re.search(r"\bhwaddr (\w+)", text.body(function))
            word = offset[1] if offset is not None else "no_offset"
            used = list(text.found_in(rf"^.*\b{word}\b.*$", function))[1:]
            plain = [m for m in used if re.search(rf"->\w+\[{word}(?: (?:>> [12]|/ [24]))?\]", m[0])]
            if plain and len(plain) == len([m for m in used if "trace_" not in m[0]]):
                size = regions[0]
                yield text.cut(function, size.start(2), size.end(2), f"{size[2]} * 64", anywhere=True)


@file_kind("fifo-unasked", "devices", r"fifo8_is_empty")
def fifo_unasked(file: SeedFile) -> Iterator[Defect]:
    """A read takes from a FIFO that may be empty."""
    text = device_text(file)
    for name in text.of_slot(r"read(?:_with_attrs)?"):
        for found in text.found_in(r"if \(!(fifo8_is_empty\(&[\w>.-]+\))\) \{[^{}]*fifo8_pop\(", name):
            yield text.cut(name, found.start(1), found.end(1), "false")
        for found in text.found_in(
            r"if \((fifo8_is_empty\(&[\w>.-]+\))\) \{[^{}]*return[^{}]*\}\s*[^{}]*fifo8_pop\(", name
        ):
            yield text.cut(name, found.start(1), found.end(1), "false")


@file_kind("own-receive-called", "devices", r"\bqemu_receive_packet\s*\(")
def own_receive_called(file: SeedFile) -> Iterator[Defect]:
    """A network device that loops a packet back calls its own function, and so may enter itself."""
    text = device_text(file)
    receives = text.of_slot("receive")
    for name in text.functions:
        for found in text.found_in(r"\b(qemu_receive_packet)\s*\(", name):
            for receive in receives[:1]:
                yield text.cut(name, *found.span(1), receive)
