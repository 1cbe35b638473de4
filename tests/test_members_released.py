# SPDX-License-Identifier: GPL-2.0-or-later
"""A change of what is released reaches the functions that give the member its value."""

from __future__ import annotations

from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.review.scope import touched
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

LAMP = b"""
static void lamp_set_label(Lamp *lamp, const char *label)
{
    g_free(lamp->label);
    lamp->label = g_strdup(label);
}

static void lamp_set_colours(Lamp *lamp, int count)
{
    lamp->colours[count] = 1;
    lamp_read(&lamp->bulb, count);
}

static bool lamp_is_called(Lamp *lamp, const char *label)
{
    return lamp->label == label;
}

static void lamp_end(Lamp *lamp)
{
    lamp_lock(lamp->mutex);
    bulb_put(lamp->bulb);
    g_free(lamp->label);
}
"""
PUT = b"    bulb_put(lamp->bulb);\n"


def unit_of(data: bytes) -> TranslationUnit:
    unit = Program(OverlaySource(EmptySource(), {"lamp.c": data}), reach="patch").unit("lamp.c")
    assert unit is not None
    return unit


def test_what_is_freed_no_longer_reaches_the_setter() -> None:
    after = LAMP.replace(PUT + b"    g_free(lamp->label);\n", PUT)
    for one, other in ((LAMP, after), (after, LAMP)):
        assert touched(unit_of(one), unit_of(other)) == {"lamp_end", "lamp_set_label"}


def test_an_address_that_is_handed_on_gives_a_value() -> None:
    after = LAMP.replace(PUT, b"")
    assert touched(unit_of(LAMP), unit_of(after)) == {"lamp_end", "lamp_set_colours"}


def test_elements_are_given_values_too() -> None:
    after = LAMP.replace(PUT, PUT + b"    g_free(lamp->colours);\n")
    assert touched(unit_of(LAMP), unit_of(after)) == {"lamp_end", "lamp_set_colours"}


def test_what_is_released_in_another_order_reaches_nothing_else() -> None:
    first, second = PUT, b"    g_free(lamp->label);\n}\n"
    after = LAMP.replace(first + second, b"    g_free(lamp->label);\n" + first + b"}\n")
    assert touched(unit_of(LAMP), unit_of(after)) == {"lamp_end"}


def test_calls_that_release_nothing_reach_nothing_else() -> None:
    after = LAMP.replace(b"    lamp_lock(lamp->mutex);\n", b"    lamp_show(lamp->label);\n")
    assert touched(unit_of(LAMP), unit_of(after)) == {"lamp_end"}
