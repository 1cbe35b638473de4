# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a QOM type, as data: of a tree, and before and after a change."""

from __future__ import annotations

from qerrlint.records import record


@record(frozen=True, slots=True)
class Place:
    """A line of a file."""

    path: str
    line: int


@record(frozen=True, slots=True)
class PhaseFunction:
    """A function of a phase, the slot that it is stored in, the place of that, the type that stores it."""

    phase: str
    function: str
    slot: str
    owner: str
    at: Place


@record(frozen=True, slots=True)
class Held:
    """What a setup phase takes: by which call, into what, and the functions that give it back.

    `by_property`: the field belongs to a property, which frees its value when the object goes.
    """

    phase: str
    function: str
    call: str
    object: str
    at: Place
    released: tuple[str, ...]
    elsewhere: bool
    by_property: bool = False


@record(frozen=True, slots=True)
class Region:
    """A region: the table of its callbacks, the text of its size and the number that it comes to.

    `known`: the table has been found; where it has not, nothing is known of its callbacks.
    """

    table: str
    read: str
    write: str
    size: str
    bytes: int | None
    at: Place
    known: bool = True


@record(frozen=True, slots=True)
class Field:
    """A field of the state struct: its type, with dimensions, its offset and size where known."""

    name: str
    type: str
    offset: int | None
    size: int | None


@record(frozen=True, slots=True)
class Access:
    """A function that uses a member of the state struct, and when it runs.

    `when`: "guest" (an access of the guest's leads to it), "setup", "reset", "undoing", "migration" (a
    callback of a description leads to it); none of them where only timers, other devices and the like do.
    """

    function: str
    when: tuple[str, ...]


@record(frozen=True, slots=True)
class Member:
    """A number, an array of numbers or a timer in the state struct, or in what that embeds ("fifo.level").

    `description` is the variable of the VMStateDescription that holds it, "" for none. `reset`: whether a
    reset names it, None where the type has no reset. `property`: whether a property sets it. `address`: those
    that hand its address on, to be read or written elsewhere.
    """

    name: str
    kind: str
    description: str
    reset: bool | None
    property: bool
    written: tuple[Access, ...]
    read: tuple[Access, ...]
    address: tuple[Access, ...]


@record(frozen=True, slots=True)
class State:
    """A description of the migrated state: the variable, its name, version and place.

    `unmigratable`: it says that the device cannot be migrated.
    """

    variable: str
    name: str
    version: str
    at: Place | None
    unmigratable: bool = False


@record(frozen=True, slots=True)
class DevicePage:
    """One type. `parents` are its ancestors, the nearest first; `complete` whether all of them were found.

    `state` is what migrates, None where the type (and its parents) describe nothing. `class_helpers` are
    functions of other files that its class_init hands the class: what they store is not seen. `conditional`:
    the flags of the class that its class_init sets on some paths only.
    """

    name: str
    written: str
    at: Place
    abstract: bool
    macro: str
    parents: tuple[str, ...]
    complete: bool
    interfaces: tuple[str, ...]
    instance_struct: str
    class_struct: str
    bus: str
    user_creatable: bool
    unpluggable: bool
    phases: tuple[PhaseFunction, ...]
    held: tuple[Held, ...]
    regions: tuple[Region, ...]
    properties: tuple[str, ...]
    class_helpers: tuple[str, ...]
    state: State | None
    fields: tuple[Field, ...]
    members: tuple[Member, ...]
    conditional: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class DeviceChange:
    """A type before and after a change; None on the side that lacks it.

    `touched` are functions that its phases or the callbacks of its regions reach, and whose text is another.
    """

    before: DevicePage | None
    after: DevicePage | None
    touched: tuple[str, ...]
