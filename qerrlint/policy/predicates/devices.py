# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates about device models (the family `devices`)."""

from __future__ import annotations

import re

from qerrlint.checks.arguments.realized_objects import made_here, types_of_member
from qerrlint.checks.devices.acquisitions import COUNTED, Taken
from qerrlint.checks.devices.life_cycle import life_cycle
from qerrlint.checks.devices.parent_method_lost import LostMethod
from qerrlint.checks.devices.parts_by_name import undoing_names
from qerrlint.checks.devices.phase_functions import RUNNING
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.ownership.held import HeldObject
from qerrlint.checks.subject import subject_of
from qerrlint.domain.ownership import tail
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_tables import RegionTable, arguments_at, is_property_field
from qerrlint.qemu.type_graph import QomType, graph_of
from qerrlint.qemu.unplugging import may_be_unplugged

_ERRP = lazy_re(r"\berrp?\b|\blocal_err\b|\bError\b")
_MACHINE = lazy_re(rb"\bDEFINE_\w{0,40}MACHINE\w{0,40}\s{0,9}\(|\bTYPE_MACHINE\b|\bMACHINE_TYPE_NAME\b")

_CALLED = lazy_re(r"\b([a-z_]\w*)\s*\(")

# The pairs of what lies in memory and does nothing by itself.
_PASSIVE = frozenset({"memory", "aligned buffer", "hash table", "array", "balanced tree"})

# What leaves migration out has names of its own since the other functions register the memory (2.10).
_WITHOUT_MIGRATION = ("memory_region_init_ram_nomigrate", "memory_region_init_ram_flags_nomigrate")


def region_may_refuse(_file: AnalysedFile, observation: Observation) -> bool:
    """The region's table has a function that is asked before each access."""
    region = observation.subject
    return isinstance(region, RegionTable) and region.text("valid", "accepts") not in ("", "NULL")


def type_stays(file: AnalysedFile, observation: Observation) -> bool:
    """What realize, or a function that runs later, takes is kept by a type that cannot be unplugged.

    One whose unrealize gives back a part of what realize takes has to give back the rest as well.
    """
    one = observation.subject
    buses = word_list("buses-with-unplug")
    return (
        isinstance(one, Taken)
        and one.phase in ("realize", RUNNING)
        and not may_be_unplugged(one.type, buses)
        and (one.phase == RUNNING or not _gives_back_others(file, one))
    )


def replaces_method_of_core(_file: AnalysedFile, observation: Observation) -> bool:
    """The method that is replaced is one of a type of the core."""
    lost = observation.subject
    return isinstance(lost, LostMethod) and word_list("core-types").matches(lost.parent)


def replaces_method_of_such_a_class(_file: AnalysedFile, observation: Observation) -> bool:
    """The method is one of a class whose types stand for themselves."""
    lost = observation.subject
    return isinstance(lost, LostMethod) and word_list("classes-on-their-own").matches(lost.struct)


def undoes_what_stays(_file: AnalysedFile, observation: Observation) -> bool:
    """The method is the unrealize of a type that cannot be unplugged."""
    lost = observation.subject
    return (
        isinstance(lost, LostMethod)
        and lost.phase == "unrealize"
        and not may_be_unplugged(lost.type, word_list("buses-with-unplug"))
    )


def method_is_empty(file: AnalysedFile, observation: Observation) -> bool:
    """The method has no statement: that nothing is to be done is what it is for."""
    text = life_cycle(file).text(observation.function)
    return text is not None and not text.code.strip("{} \t\n;")


def owner_frees_it(file: AnalysedFile, observation: Observation) -> bool:
    """What a setup phase takes is handed at once to a call that makes a new owner of it, who frees it."""
    one = observation.subject
    text = life_cycle(file).text(one.function) if isinstance(one, Taken) else None
    if text is None or not isinstance(one, Taken):
        return False
    owners = word_list("new-owners")
    place = "".join(one.place.split())
    for found in _CALLED.finditer(text.code):
        if owners.matches(found[1]):
            given = arguments_at(text.code.encode("latin-1", "replace"), found.end() - 1) or ()
            if place in ("".join(argument.split()) for argument in given):
                return True
    return False


def _gives_back_others(file: AnalysedFile, one: Taken) -> bool:
    """Whether the undoing method of a type gives back another thing that its realize takes."""
    life = life_cycle(file)
    family = [of for of in life.types if one.type in of.lineage or of in one.type.lineage]
    undoing = set(life.reached(entry.function for of in family for entry in life.entries(of, "unrealize")))
    return bool(undoing) and any(
        not undoing.isdisjoint(life.releasing(other))
        for other in life.taken()
        if other.phase == "realize" and other.type in family and other.member != one.member
    )


def registers_function_of_another_file(file: AnalysedFile, observation: Observation) -> bool:
    """What is registered is a function that another file defines, and no member holds it."""
    one, unit = observation.subject, file.unit
    return (
        isinstance(one, Taken)
        and not one.member
        and one.place.isidentifier()
        and one.place not in unit.functions
        and unit.signature(one.place) is not None
    )


def release_does_nothing(file: AnalysedFile, observation: Observation) -> bool:
    """Each function that the tree declares for giving the object back has an empty body."""
    one = observation.subject
    if not isinstance(one, Taken):
        return False
    unit = file.unit
    declared = [move.call for move in one.pair.release if unit.signature(move.call) is not None]
    return bool(declared) and all(bodies_elsewhere(unit).does_nothing(unit, name) for name in declared)


def type_belongs_to_board(file: AnalysedFile, observation: Observation) -> bool:
    """What realize takes is kept by a type of a file that defines a machine: the board makes the device."""
    one = observation.subject
    return (
        isinstance(one, Taken)
        and one.phase in ("realize", RUNNING)
        and _MACHINE.search(file.unit.data) is not None
    )


def field_is_property(file: AnalysedFile | AnalysedFunction, observation: Observation) -> bool:
    """The field belongs to a property, which frees what it holds when the object is destroyed.

    A reference that the device counts beside the property's own is not the property's to drop.
    """
    one = observation.subject
    if isinstance(one, Taken) and one.pair.name == COUNTED:
        # One that is counted where the field is set by hand is the property's.
        text = life_cycle(file).text(one.function) if isinstance(file, AnalysedFile) else None
        if text is None or re.search(rf"\b{one.member}\s*=(?!=)", text.code) is None:
            return False
    if isinstance(one, HeldObject):
        member = tail(one.seen.object) if not one.is_local else ""
    else:
        member = one.member if isinstance(one, Taken) else ""
    unit = file.unit
    return is_property_field(unit.program.environment, unit.path, unit.data, member)


def memory_waits_for_finalize(_file: AnalysedFile, observation: Observation) -> bool:
    """What instance_finalize alone releases is memory, which does nothing before that."""
    one = observation.subject
    return isinstance(one, Taken) and observation.slots.get("how") == "late" and one.pair.name in _PASSIVE


def finalize_takes_it_back(file: AnalysedFile, observation: Observation) -> bool:
    """A function that instance_finalize runs calls what undoes the registration."""
    of = observation.subject
    if not isinstance(of, QomType):
        return False
    life = life_cycle(file)
    callee = observation.slots["callee"]
    undoing = [
        pair.releasing for pair in file.pairs if any(move.call == callee for move in pair.acquire)
    ]  # fmt: skip
    undoing += [re.compile(rf"\b{name}\b".encode()) for name in undoing_names(callee)]
    entries = [
        entry.function for one in life.types if of in one.lineage for entry in life.entries(one, "finalize")
    ]
    for name in life.reached(entries):
        text = life.text(name)
        if text is not None and any(pattern.search(text.code.encode("latin-1")) for pattern in undoing):
            return True
    return False


def asks_for_the_machine_of_a_user(_file: AnalysedFile, observation: Observation) -> bool:
    """An object that the user makes asks for the machine, which is there by then."""
    of = observation.subject
    return (
        isinstance(of, QomType)
        and observation.slots["callee"] == "qdev_get_machine"
        and any("TYPE_USER_CREATABLE" in one.row.interfaces for one in of.lineage)
    )


def only_sets_memory_up(file: AnalysedFile, observation: Observation) -> bool:
    """The tree is of an age in which a region of RAM or ROM is made without a word to migration."""
    callee = observation.slots["callee"]
    return (
        callee.startswith("memory_region_init_")
        and _is_declared(file, callee)
        and not any(_is_declared(file, name) for name in _WITHOUT_MIGRATION)
    )


def _is_declared(file: AnalysedFile, name: str) -> bool:
    """Whether a file of the tree, and not only a bundled contract, declares a function."""
    found = file.unit.signature(name)
    return found is not None and found.path is not None


def told_as_global(_file: AnalysedFile, observation: Observation) -> bool:
    """What instance_init takes is a registration that global-in-init speaks of."""
    one = observation.subject
    return (
        isinstance(one, Taken)
        and one.phase == "instance_init"
        and word_list("global-registrations").matches(one.move.call)
    )


def child_cannot_fail(analysed: AnalysedFunction, observation: Observation) -> bool:
    """No realize method of the type of what a call realizes, or of its ancestors, uses its errp."""
    call = subject_of(observation).calls[0]
    if not word_list("realizing-parts").matches(call.name):
        return False
    unit = analysed.unit
    made = made_here(unit.data, analysed.function.body, call)
    names = frozenset({made[0]}) if made is not None else types_of_member(unit.data, call)
    graph = graph_of(unit.program.environment)
    types = [graph.find(name, unit.path) for name in sorted(names)]
    return bool(types) and all(of is not None and _realizes_without_errors(of) for of in types)


def _realizes_without_errors(of: QomType) -> bool:
    """Whether each realize method of a type and its ancestors is known, and leaves its errp alone."""
    phases = [phase for phase in of.phases if phase.phase == "realize"]
    texts = [of.graph.function(phase.path, phase.function) for phase in phases]
    return of.complete and all(text is not None and _ERRP.search(text.code) is None for text in texts)
