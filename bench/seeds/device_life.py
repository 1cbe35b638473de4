# SPDX-License-Identifier: GPL-2.0-or-later
"""Defects of the life of a device: what is acquired stays, sizes of types are wrong, instance_init does more
than it may."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.qemu.type_graph import graph_of
from seeds.device_text import DeviceText, Release, device_text
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


def _sizes(text: DeviceText, member: str, used: str) -> Iterator[re.Match[str]]:
    """The lines that give a type of the file the size of a struct which the file uses, where the parent has
    another one. Of abstract types only the classes count: types that derive from them mostly inherit these,
    and have instances of their own."""
    own = {
        (row.values[member].span.start, row.struct(member))
        for of in graph_of(text.file.unit.environment).of_file(text.file.path)
        if member in (row := of.row).values and (member == "class_size" or not row.abstract)
        if of.parent is not None and of.parent.struct(member) not in ("", row.struct(member))
    }
    for found in re.finditer(_SIZE.format(member), text.code, re.MULTILINE):
        given = any(found.start() <= at < found.end() and struct for at, struct in own)
        if given and re.search(used.format(found[1]), text.code):
            yield found


def _size_missing(text: DeviceText, member: str, used: str) -> Iterator[Defect]:
    for found in _sizes(text, member, used):
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
    for found in _sizes(text, "instance_size", r"\b{}\s*\*\s*\w+\s*="):
        if structs:
            new = text.text[found.start() : found.end()].replace(f"({found[1]}", f"(struct {structs[0]}")
            if f"struct {structs[0]} " not in text.code:
                new = new.replace(f"struct {structs[0]}", structs[0])
            yield text.cut(text.function_at(found.start()), *found.span(), new)


# What reaches beyond the object, as statements on the state `{0}`.
_GLOBALS = (
    "qemu_register_reset({0}_again, {0});",
    "vmstate_register(NULL, 0, &vmstate_again, {0});",
    "qemu_add_vm_change_state_handler(run_again, {0});",
    "address_space_init(&{0}->again, get_system_memory(), NULL);",
    "qemu_add_machine_init_done_notifier(&{0}->again);",
)


@file_kind("global-in-init", "devices", r"\.instance_init\b")
def global_in_init(file: SeedFile) -> Iterator[Defect]:
    """instance_init registers something with the whole program, which nothing takes back."""
    text = device_text(file)
    for name in dict.fromkeys(name for name, _ in text.stored("instance_init")):
        state = re.search(r"^\s+\w+ \*(\w+) = \w+\(\w+\);", text.body(name), re.MULTILINE)
        end = text.code.rfind("}", *text.functions[name])
        for one in _GLOBALS if state is not None else ():
            yield text.cut(name, end, end, f"    {one.format(state[1])}\n" if state is not None else "")


_HANDLERS = (
    r"^[ \t]+(?:qemu_del_vm_change_state_handler|notifier_remove|migration_remove_notifier"
    r"|qemu_unregister_reset|qemu_remove_\w+_notifier|device_listener_unregister|memory_listener_unregister|vmstate_unregister"
    r"|qemu_input_handler_unregister|qemu_unregister_\w+|qemu_free_irqs?|address_space_destroy)"
    r"\s*\([^;{}]*;[ \t]*\n"
)


@file_kind("handler-left", "devices", r"->(?:unrealize|exit)\s*=|\.instance_finalize\s*=")
def handler_left(file: SeedFile) -> Iterator[Defect]:
    """What is registered with the whole program, or a line of interrupts, stays when the device goes."""
    text = device_text(file)
    if text.may_be_unplugged:
        for name in dict.fromkeys(name for name, _ in text.stored(f"{_UNREALIZE}|instance_finalize")):
            for found in text.found_in(_HANDLERS, name):
                call = found[0].split("(")[0].strip()
                at = found.start() + len(found[0]) - len(found[0].lstrip())
                if text.stands_alone(at) and len(re.findall(rf"\b{call}\b", text.code)) == 1:
                    yield text.cut(name, *found.span(), anywhere=True)


# What must not be done twice to what a member holds.
_ONCE = re.compile(
    r"g_free|g_hash_table_(?:destroy|unref)|p?timer_free|qemu_bh_delete|fifo(?:8|32)_destroy|qemu_del_nic"
    r"|qemu_vfree|g_array_unref|qemu_free_irqs"
)


def _undoing(text: DeviceText) -> list[str]:
    return list(dict.fromkeys(name for name, _ in text.stored(f"{_UNREALIZE}|instance_finalize")))


@file_kind("released-twice", "devices", r"->(?:unrealize|exit)\s*=|\.instance_finalize\s*=")
def released_twice(file: SeedFile) -> Iterator[Defect]:
    """A function releases a member again at its end."""
    text = device_text(file)
    for name in _undoing(text):
        end = text.code.rfind("}", *text.functions[name])
        for one in text.releases(name):
            rest = text.code[one.end : end]
            if _ONCE.fullmatch(one.call) and "return" not in rest and _stays(text, one, rest):
                yield text.cut(name, end, end, text.text[one.start : one.end])


def _stays(text: DeviceText, one: Release, rest: str) -> bool:
    """Whether a member is released on every path, by a statement of the function's own block, and not set
    after that."""
    flat = re.match(r"(?:    |\t)\S", text.code[one.start : one.end]) is not None
    return flat and not re.search(rf"\b{one.member}\b[^;=]*=[^=]", rest)


@file_kind("released-by-both", "devices", r"\.instance_finalize\s*=")
def released_by_both(file: SeedFile) -> Iterator[Defect]:
    """instance_finalize frees a member again that unrealize has freed."""
    text = device_text(file)
    finalizes = [(name, text.body(name)) for name, _ in text.stored("instance_finalize")]
    if len(finalizes) != 1 or len(text.of_slot(_UNREALIZE)) != 1:
        return
    name, body = finalizes[0]
    finalize = re.search(r"\w+ \*(\w+) = \w+\(", body)
    for one in text.releases(text.of_slot(_UNREALIZE)[0]):
        rest = text.code[one.end : text.functions[one.function][1]]
        given = re.match(r"\s*\w+\s*\(\s*(\w+)->[\w.]+\s*\);", text.code[one.start : one.end])
        same = finalize is not None and given is not None and finalize[1] == given[1]
        if same and _ONCE.fullmatch(one.call) and "return" not in rest and _stays(text, one, rest):
            end = text.code.rfind("}", *text.functions[name])
            yield text.cut(name, end, end, text.text[one.start : one.end], anywhere=True)


@file_kind("released-too-early", "devices", r"\.instance_finalize\s*=")
def released_too_early(file: SeedFile) -> Iterator[Defect]:
    """unrealize releases what instance_init makes, and instance_finalize does not."""
    text = device_text(file)
    inits = " ".join(text.body(name) for name in text.of_slot("instance_init"))
    for name in text.of_slot("instance_finalize"):
        for target in text.of_slot(_UNREALIZE)[:1]:
            state = re.search(r"\w+ \*(\w+) = \w+\(", text.body(target))
            end = text.code.rfind("}", *text.functions[target])
            for one in text.releases(name):
                made = re.search(rf"->{one.member}\s*=\s*\w+\(", inits) is not None
                statement = text.text[one.start : one.end]
                if made and state is not None and re.search(rf"\b{state[1]}->{one.member}\b", statement):
                    splices = (Splice(one.start, one.end, b""), Splice(end, end, statement.encode("latin-1")))
                    yield Defect(name, splices, anywhere=True)


@file_kind("used-when-freed", "devices", r"->(?:unrealize|exit)\s*=|\.instance_finalize\s*=")
def used_when_freed(file: SeedFile) -> Iterator[Defect]:
    """A function clears the memory that it has freed."""
    text = device_text(file)
    for name in _undoing(text):
        for one in text.releases(name):
            given = re.match(r"(\s*)g_free\s*\(\s*([\w>.-]+)\s*\);", text.code[one.start : one.end])
            if given is not None:
                new = f"{given[1]}memset({given[2]}, 0, 1);\n"
                yield text.cut(name, one.end, one.end, new)


_MAKES = (
    r"^[ \t]+((\w+)->\w+)\s*=\s*(?:timer_new\w*|qemu_bh_new\w*|ptimer_init|g_new0?|g_malloc0?)"
    r"\s*\(([^;{}]*)\);[ \t]*\n"
)


@file_kind("made-again", "devices", r"reset")
def made_again(file: SeedFile) -> Iterator[Defect]:
    """A reset makes anew what realize or instance_init makes, and does not free what is there."""
    text = device_text(file)
    for name in text.resets:
        state = re.search(r"\b(\w+) \*(\w+) = [\w()]+[;(]", text.body(name))
        for setup in text.of_slot("realize|init|instance_init") if state is not None else ():
            for made in text.found_in(_MAKES, setup):
                known = {made[2], "NULL", *re.findall(r"\b[a-zA-Z_]\w*\s*\(", made[3])}
                locals_ = set(re.findall(r"(?<![\w>.])([a-z]\w*)\b(?!\s*\()", made[3])) - known
                assert state is not None
                same = re.search(rf"\b{state[1]} \*{made[2]} = ", text.body(setup)) is not None
                if made[2] == state[2] and same and locals_ <= text.functions.keys():
                    end = text.code.rfind("}", *text.functions[name])
                    yield text.cut(name, end, end, f"    {made[0].strip()}\n")
