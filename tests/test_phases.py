# SPDX-License-Identifier: GPL-2.0-or-later
"""When a function runs, told by the slots that its file stores it in."""

from __future__ import annotations

import pytest

from qerrlint.checks.ownership.release_sites import ReleaseSites
from qerrlint.model.program import Program
from qerrlint.qemu.device_lifecycle import phases
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource


@pytest.mark.parametrize(
    ("stored", "phase"),
    [
        ("dc->realize = loom_x;", "realize"),
        ("k->exit = loom_x;", "unrealize"),
        ("DEVICE_CLASS(oc)->unrealize = loom_x;", "unrealize"),
        ("device_class_set_parent_realize(dc, loom_x, &lc->parent);", "realize"),
        ("device_class_set_parent_unrealize(dc, loom_x,\n        &lc->parent);", "unrealize"),
        ("device_class_set_legacy_reset(dc, loom_x);", "reset"),
        ("resettable_class_set_parent_phases(rc, NULL, loom_x, NULL, &lc->parent);", "reset"),
        ("rc->phases.hold = loom_x;", "reset"),
        ("    .instance_finalize = loom_x,", "finalize"),
        ("    .bdrv_open = loom_x,", "open"),
        ("qemu_add_vm_change_state_handler(loom_x, s);", "state-change"),
        ("s->vmstate = qdev_add_vm_change_state_handler(dev, loom_x, s);", "state-change"),
    ],
)
def test_a_slot_gives_a_phase(stored: str, phase: str) -> None:
    assert phases(stored.encode(), frozenset({"loom_x", "s"})).get("loom_x") == frozenset({phase})


@pytest.mark.parametrize("stored", ["ops->read = loom_x;", "realize = loom_x;", "x = dc->realize;"])
def test_other_stores_give_none(stored: str) -> None:
    assert phases(stored.encode(), frozenset({"loom_x"})) == {}


def test_a_defined_type_has_its_finalize_by_name() -> None:
    names = frozenset({"loom_finalize", "loom_realize"})
    assert phases(b"OBJECT_DEFINE_TYPE(Loom, loom, LOOM, DEVICE)\n", names) == {
        "loom_finalize": frozenset({"finalize"})
    }
    assert phases(b"", names) == {}


def test_only_calls_count_as_calls() -> None:
    source = b"static void a(void)\n{ b(1); x = c; a(0); }\nvoid b(int n)\n{ }\nvoid c(void)\n{ }\n"
    unit = Program(OverlaySource(EmptySource(), {"calls.c": source})).unit("calls.c")
    assert unit is not None
    assert unit.uses.calls == {"a": frozenset({"b"}), "b": frozenset(), "c": frozenset()}
    assert unit.uses.callers == {"b": ["a"]}


SOURCE = b"""
static void low(Loom *s) { }

static void middle(Loom *s)
{
    low(s);
}

static void top_realize(DeviceState *dev, Error **errp)
{
    middle(LOOM(dev));
}

static void also(Loom *s)
{
    low(s);
}

void open_to_all(Loom *s)
{
    also(s);
}

static void class_init(ObjectClass *oc)
{
    DEVICE_CLASS(oc)->realize = top_realize;
}
"""


def test_who_runs_in_a_setup_phase_alone() -> None:
    unit = Program(OverlaySource(EmptySource(), {"a.c": SOURCE}), reach="patch").unit("a.c")
    assert unit is not None
    sites = ReleaseSites(unit)
    assert sites.below("top_realize") == {"top_realize", "middle", "low"}
    assert sites.above("low") == {"low", "middle", "top_realize", "also", "open_to_all"}
    alone = {name for name in unit.functions if sites.only_in_setup(name)}
    assert alone == {"middle", "top_realize"}
    assert sites.runs_in("low") == {"realize"}
