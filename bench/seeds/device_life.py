# SPDX-License-Identifier: GPL-2.0-or-later
"""Defects of the life of a device: what is acquired stays, sizes of types are wrong, instance_init does more
than it may."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seeds.device_text import DeviceText, device_text
from seeds.seed import Defect, SeedFile, Splice, file_kind

_UNREALIZE = "unrealize|exit|uninit"
_SIZE = r"^[ \t]*\.{}\s*=\s*sizeof\s*\(\s*(?:struct )?(\w+)\s*\)\s*,?[ \t]*\n"


def _released(text: DeviceText, slots: str) -> Iterator[Defect]:
    for name in dict.fromkeys(name for name, _ in text.stored(slots)):
        for one in text.releases(name):
            yield text.cut(name, one.start, one.end, anywhere=True)


@file_kind("unrealize-release", "devices", r"->(?:unrealize|exit)\s*=")
def unrealize_release(file: SeedFile) -> Iterator[Defect]:
    """unrealize no longer releases one of the things that it releases."""
    text = device_text(file)
    if text.may_be_unplugged:
        yield from _released(text, _UNREALIZE)


@file_kind("finalize-release", "devices", r"\.instance_finalize\s*=")
def finalize_release(file: SeedFile) -> Iterator[Defect]:
    """instance_finalize no longer releases one of the things that instance_init acquires."""
    text = device_text(file)
    inits = " ".join(text.body(name) for name, _ in text.stored("instance_init"))
    for name in dict.fromkeys(name for name, _ in text.stored("instance_finalize")):
        for one in text.releases(name):
            if re.search(rf"\b{one.member}\b", inits) or text.may_be_unplugged:
                yield text.cut(name, one.start, one.end, anywhere=True)


def _without(text: DeviceText, slots: str) -> Iterator[Defect]:
    """The functions of the slots taken out, with the stores."""
    for name, stored in text.stored(slots):
        if any(text.releases(name)) and len(re.findall(rf"\b{name}\b", text.code)) == 2:
            store = Splice(*text.line(stored.start(), stored.end()), b"")
            yield Defect(name, (store, Splice(*text.functions[name], b"")), anywhere=True)


@file_kind("unrealize-missing", "devices", r"->(?:unrealize|exit)\s*=")
def unrealize_missing(file: SeedFile) -> Iterator[Defect]:
    """A type has no unrealize."""
    text = device_text(file)
    if text.may_be_unplugged:
        yield from _without(text, _UNREALIZE)


@file_kind("finalize-missing", "devices", r"\.instance_finalize\s*=")
def finalize_missing(file: SeedFile) -> Iterator[Defect]:
    """A type has no instance_finalize."""
    yield from _without(device_text(file), "instance_finalize")


@file_kind("only-stopped", "devices", r"\b(?:timer_free|qemu_bh_delete)\b")
def only_stopped(file: SeedFile) -> Iterator[Defect]:
    """A timer or a bottom half is stopped where it was freed."""
    text = device_text(file)
    slots = f"{_UNREALIZE}|instance_finalize" if text.may_be_unplugged else "instance_finalize"
    for name in dict.fromkeys(name for name, _ in text.stored(slots)):
        for one in text.releases(name):
            stop = {"timer_free": "timer_del", "qemu_bh_delete": "qemu_bh_cancel"}.get(one.call)
            if stop is not None:
                at = text.code.index(one.call, one.start)
                yield text.cut(name, at, at + len(one.call), stop, anywhere=True)


def _size_missing(text: DeviceText, member: str, used: str) -> Iterator[Defect]:
    for found in re.finditer(_SIZE.format(member), text.code, re.MULTILINE):
        if re.search(used.format(found[1]), text.code):
            yield text.cut(text.function_at(found.start()), *found.span())


@file_kind("class-size-missing", "devices", r"\.class_size\b")
def class_size_missing(file: SeedFile) -> Iterator[Defect]:
    """A type whose own class struct is used has no class_size."""
    yield from _size_missing(device_text(file), "class_size", r"\b{}\s*\*")


@file_kind("instance-size-missing", "devices", r"\.instance_size\b")
def instance_size_missing(file: SeedFile) -> Iterator[Defect]:
    """A type whose own state struct is used has no instance_size."""
    yield from _size_missing(device_text(file), "instance_size", r"\b{}\s*\*\s*\w+\s*=")


@file_kind("instance-size-of-another", "devices", r"\.instance_size\b")
def instance_size_of_another(file: SeedFile) -> Iterator[Defect]:
    """instance_size is that of another struct, which the file declares and which is no object."""
    text = device_text(file)
    structs = re.findall(r"^struct (\w+) \{\n\s+(?:u?int\w*|bool|char|size_t) ", text.code, re.MULTILINE)
    structs += re.findall(
        r"^typedef struct \w* ?\{\n\s+(?:u?int\w*|bool|char|size_t) [^}]*\} (\w+);", text.code, re.MULTILINE
    )
    for found in re.finditer(_SIZE.format("instance_size"), text.code, re.MULTILINE):
        if structs and re.search(rf"\b{found[1]}\s*\*\s*\w+\s*=", text.code):
            new = text.text[found.start() : found.end()].replace(f"({found[1]}", f"(struct {structs[0]}")
            if f"struct {structs[0]} " not in text.code:
                new = new.replace(f"struct {structs[0]}", structs[0])
            yield text.cut(text.function_at(found.start()), *found.span(), new)


@file_kind("global-in-init", "devices", r"\.instance_init\b")
def global_in_init(file: SeedFile) -> Iterator[Defect]:
    """instance_init registers a reset handler, which nothing takes back."""
    text = device_text(file)
    for name in dict.fromkeys(name for name, _ in text.stored("instance_init")):
        state = re.search(r"^\s+\w+ \*(\w+) = \w+\(\w+\);", text.body(name), re.MULTILINE)
        if state is not None:
            end = text.code.rfind("}", *text.functions[name])
            new = f"    qemu_register_reset({name}_again, {state[1]});\n"
            yield text.cut(name, end, end, new)
