# SPDX-License-Identifier: GPL-2.0-or-later
"""Defects that a guest reaches: the program ends or prints, a division by 0, an index without its test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from seeds.device_text import DeviceText, device_text
from seeds.seed import Defect, SeedFile, file_kind

_SLOTS = r"(?:read|write)(?:_with_attrs)?"
_LOGS = r"qemu_log_mask\s*\(\s*LOG_GUEST_ERROR[^;]*;"
_NEEDS = r"LOG_GUEST_ERROR"
_HEAD = re.compile(r"if \([^{}]*\)\s*\{\Z")
_REFUSES = r"^[ \t]+if \(([^{};]*?(?:>=|>)[^{};]*)\) \{"

Ends = Callable[[str], str]


def _entered(text: DeviceText) -> list[str]:
    """The functions of the regions of a file."""
    return list(dict.fromkeys(name for name, _ in text.stored(_SLOTS)))


def _called(text: DeviceText) -> list[str]:
    """The functions that those call."""
    entered = _entered(text)
    bodies = " ".join(text.body(name) for name in entered)
    return [name for name in text.functions if name not in entered and re.search(rf"\b{name}\s*\(", bodies)]


def _ending(text: DeviceText, names: list[str], place: str, ends: Ends) -> Iterator[Defect]:
    """What logs an error of the guest does something else: in a last arm, or behind a test."""
    for name in names:
        for found in text.found_in(_LOGS, name):
            before = text.code[: found.start()].rstrip()
            fits = before.endswith("default:") if place == "default" else _HEAD.search(before) is not None
            if text.stands_alone(found.start()) and fits:
                yield text.cut(name, *found.span(), ends(text.text[found.start() : found.end()]))


def _as(call: str) -> Ends:
    return lambda old: re.sub(r"^qemu_log_mask\s*\(\s*LOG_GUEST_ERROR\s*,\s*", f"{call}(", old)


def _plain(statement: str) -> Ends:
    return lambda _: statement


@file_kind("default-aborts", "devices", _NEEDS)
def default_aborts(file: SeedFile) -> Iterator[Defect]:
    """The last arm of a region's function calls abort() instead of logging the error."""
    text = device_text(file)
    yield from _ending(text, _entered(text), "default", _plain("abort();"))


@file_kind("default-ends", "devices", _NEEDS)
def default_ends(file: SeedFile) -> Iterator[Defect]:
    """The last arm of a region's function calls hw_error()."""
    text = device_text(file)
    yield from _ending(text, _entered(text), "default", _as("hw_error"))


@file_kind("default-asserts", "devices", _NEEDS)
def default_asserts(file: SeedFile) -> Iterator[Defect]:
    """The last arm of a region's function calls g_assert_not_reached()."""
    text = device_text(file)
    yield from _ending(text, _entered(text), "default", _plain("g_assert_not_reached();"))


@file_kind("default-prints", "devices", _NEEDS)
def default_prints(file: SeedFile) -> Iterator[Defect]:
    """The last arm of a region's function calls printf()."""
    text = device_text(file)
    yield from _ending(text, _entered(text), "default", _as("printf"))


@file_kind("test-ends", "devices", _NEEDS)
def test_ends(file: SeedFile) -> Iterator[Defect]:
    """Behind a test a region's function calls hw_error()."""
    text = device_text(file)
    yield from _ending(text, _entered(text), "test", _as("hw_error"))


@file_kind("test-asserts", "devices", _NEEDS)
def test_asserts(file: SeedFile) -> Iterator[Defect]:
    """Behind a test a region's function calls g_assert_not_reached()."""
    text = device_text(file)
    yield from _ending(text, _entered(text), "test", _plain("g_assert_not_reached();"))


@file_kind("test-prints", "devices", _NEEDS)
def test_prints(file: SeedFile) -> Iterator[Defect]:
    """Behind a test a region's function calls printf()."""
    text = device_text(file)
    yield from _ending(text, _entered(text), "test", _as("printf"))


@file_kind("callee-ends", "devices", _NEEDS)
def callee_ends(file: SeedFile) -> Iterator[Defect]:
    """A function that a region's function calls ends QEMU where it logged an error of the guest."""
    text = device_text(file)
    for place in ("default", "test"):
        yield from _ending(text, _called(text), place, _as("hw_error"))


@file_kind("value-asserted", "devices", r"uint64_t \w+")
def value_asserted(file: SeedFile) -> Iterator[Defect]:
    """A write asserts that the value is below 16."""
    text = device_text(file)
    for name in dict.fromkeys(name for name, _ in text.stored("write")):
        value = re.search(r"uint64_t (\w+)", text.body(name).partition("{")[0])
        cases = list(text.found_in(r"^[ \t]+case [\w ()/.]+:[ \t]*\n(?!\s*case)", name))
        if value is not None and cases:
            at = cases[len(cases) // 2].end()
            yield text.cut(name, at, at, f"        assert({value[1]} < 16);\n")


@file_kind("register-asserted", "devices", r"uint64_t \w+")
def register_asserted(file: SeedFile) -> Iterator[Defect]:
    """A write asserts that the register which it has set is even."""
    text = device_text(file)
    stores = r"^([ \t]+)(\w+->\w+(?:\[\w+\])?)\s*=\s*(?:value|val|data|val64)(?:\s*&\s*0x[fF]+)?;[ \t]*\n"
    for name in dict.fromkeys(name for name, _ in text.stored("write")):
        for found in text.found_in(stores, name):
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
