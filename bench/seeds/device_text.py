# SPDX-License-Identifier: GPL-2.0-or-later
"""What the edits of device models ask about a file: functions by slots, statements, releases, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from qerrlint.c.cut import FUNCTION
from seeds.seed import Defect, SeedFile, Splice

_TEXT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
_ACQUIRES = re.compile(
    r"\b(?:timer_new\w*|qemu_bh_new\w*|aio_bh_new|g_new0?|g_malloc0?(?:_n)?|g_strdup\w*|g_\w+_new\w*|object_new"
    r"|qemu_new_nic|ptimer_init|virtio_add_queue|qemu_allocate_irqs?|address_space_init|\w+_create"
    r"|memory_listener_register|\w+_add_\w+|event_notifier_init|qemu_register_reset|vmstate_register\w*"
    r"|graphic_console_init|\w+_new|\w+_register)\s*\("
)
# What is released with the device, or need not be released (rules/words.toml, goes-with-its-device).
_RELEASES = re.compile(
    r"(?<![\w>.])(?!trace_|\w*realize_and_unref|\w*(?:mutex|cond|lockcnt|rwlock)_|msi_uninit)"
    r"(\w+_(?:free|unref|delete|destroy|cleanup|unregister|del_subregion|del_nic|uninit|finalize|deinit)|g_free)"
    r"\s*\(([^;{}]*)\);"
)
_MEMBER = re.compile(r"(?:->|\.)(\w+)")
_NO_UNPLUG = re.compile(r"hotpluggable\s*=\s*false|user_creatable\s*=\s*false")
_PLUGGED = re.compile(r"TYPE_(?:PCI|USB|VIRTIO|SCSI|HDA_CODEC|CCID_CARD|VIRTIO_SERIAL)_?(?:DEVICE|PORT)?\b")


@dataclass(frozen=True)
class Release:
    """A statement of a function that releases what a member of the device holds."""

    function: str
    start: int
    end: int
    call: str
    member: str


class DeviceText:
    """A file as text: comments and strings are blanks in `code`, offsets are those of the file."""

    def __init__(self, file: SeedFile) -> None:
        self.file = file
        self.text = file.text
        self.code = _TEXT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), file.text)
        self.functions = {
            one.name: (one.span.start, one.span.end) for one in file.pieces if one.kind == FUNCTION
        }

    def body(self, name: str) -> str:
        """The text of a function."""
        start, end = self.functions[name]
        return self.code[start:end]

    def found_in(self, pattern: str, name: str) -> Iterator[re.Match[str]]:
        """The matches of a pattern in a function, at offsets of the file."""
        yield from re.compile(pattern, re.MULTILINE).finditer(self.code, *self.functions[name])

    def stored(self, slots: str) -> Iterator[tuple[str, re.Match[str]]]:
        """The functions of the file that are stored in one of the slots, with the store."""
        for found in re.finditer(rf"(?:->|\.)\s*(?:{slots})\s*=\s*&?(\w+)\s*[,;]", self.code):
            if found[1] in self.functions:
                yield found[1], found

    def of_slot(self, slots: str) -> list[str]:
        """The functions of the file that are stored in one of the slots."""
        return list(dict.fromkeys(name for name, _ in self.stored(slots)))

    def with_callees(self, name: str) -> str:
        """The text of a function and of those of the file that it calls, directly or not."""
        seen, waiting = {name: self.body(name)}, [name]
        while waiting:
            for called in re.findall(r"\b(\w+)\s*\(", seen[waiting.pop()]):
                if called in self.functions and called not in seen:
                    seen[called] = self.body(called)
                    waiting.append(called)
        return " ".join(seen.values())

    @cached_property
    def resets(self) -> list[str]:
        """The functions of the file by which its types are reset."""
        legacy = re.findall(r"device_class_set_legacy_reset\s*\(\s*\w+\s*,\s*(\w+)\s*\)", self.code)
        stored = [*self.of_slot(r"phases\.(?:hold|enter|exit)|reset"), *legacy]
        return [name for name in dict.fromkeys(stored) if name in self.functions]

    def line(self, start: int, end: int) -> tuple[int, int]:
        """The whole lines around two offsets."""
        return self.code.rfind("\n", 0, start) + 1, self.code.find("\n", end) + 1

    def stands_alone(self, at: int) -> bool:
        """Whether a statement that begins at an offset is one of a list, and no arm of an `if` by itself."""
        start = self.code.rfind("\n", 0, at) + 1
        before = self.code[:start].rstrip()
        return not self.code[start:at].strip() and before.endswith((";", "{", "}", ":"))

    def function_at(self, at: int) -> str:
        """The function around an offset, or the variable whose initialiser is there."""
        for name, (start, end) in self.functions.items():
            if start <= at < end:
                return name
        tables = re.compile(r"^(?:static )?(?:const )?\w+ (\w+)(?:\[\w*\])?\s*=\s*\{", re.MULTILINE)
        return next((one[1] for one in reversed([*tables.finditer(self.code, 0, at)])), "")

    def cut(self, function: str, start: int, end: int, new: str = "", *, anywhere: bool = False) -> Defect:
        """The defect that the text between two offsets becomes another one."""
        return Defect(function, (Splice(start, end, new.encode("latin-1")),), anywhere=anywhere)

    @cached_property
    def may_be_unplugged(self) -> bool:
        """Whether the devices of the file sit on a bus from which they can be unplugged, and may be."""
        return _PLUGGED.search(self.code) is not None and _NO_UNPLUG.search(self.code) is None

    def releases(self, function: str) -> Iterator[Release]:
        """The statements of a function that release something which the file acquires and nothing else in it
        releases."""
        start, end = self.functions[function]
        for found in _RELEASES.finditer(self.code, start, end):
            members = _MEMBER.findall(found[2])
            if not members or not self.stands_alone(found.start()):
                continue
            word = re.compile(rf"\b{members[-1]}\b")
            same = re.findall(rf"\b{found[1]}\s*\(([^;{{}}]*)\)", self.code)
            if sum(word.search(one) is not None for one in same) != 1 or not self._acquires(word):
                continue
            yield Release(function, *self.line(found.start(), found.end()), found[1], members[-1])

    def _acquires(self, member: re.Pattern[str]) -> bool:
        """Whether a statement of the file that names the member acquires something."""
        statements = re.finditer(rf"[^;{{}}]*{member.pattern}[^;{{}}]*;", self.code)
        return any(_ACQUIRES.search(one[0]) and not _RELEASES.search(one[0]) for one in statements)

    def tables(self, kind: str) -> Iterator[tuple[str, int, int]]:
        """The initialised variables of a type: name, start and end of what is between the braces."""
        pattern = re.compile(
            rf"^(?:static )?(?:const )?{kind}\s+(\w+)\s*=\s*\{{(.*?)^\}};", re.MULTILINE | re.DOTALL
        )
        for found in pattern.finditer(self.code):
            yield found[1], found.start(2), found.end(2)


_KNOWN: WeakKeyDictionary[object, DeviceText] = WeakKeyDictionary()


def device_text(file: SeedFile) -> DeviceText:
    """The text of a file, made once for all kinds."""
    known = _KNOWN.get(file.unit)
    if known is None:
        known = _KNOWN[file.unit] = DeviceText(file)
    return known
