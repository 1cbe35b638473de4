# SPDX-License-Identifier: GPL-2.0-or-later
"""The code line and the mark under it: tabs, wide and combining characters, bytes, long lines."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qerrlint.report.jsontext import indented, write_json
from qerrlint.report.printable import excerpt, one_line, printable, without_surrogates


def under(source: str, needle: str) -> str:
    """The text that stands over the mark for `needle`, by terminal cells of width one."""
    raw, part = source.encode(), needle.encode()
    at = raw.index(part)
    shown = excerpt(source, at + 1, at + 1 + len(part))
    return shown.text[shown.indent : shown.indent + shown.length]


@pytest.mark.parametrize("lead", ["", "    ", "\t", "  \t", "\t\t  ", "\tif (x) {\t"])
def test_the_mark_is_under_its_text_behind_tabs(lead: str) -> None:
    assert under(f"{lead}f(errp);", "f(errp)") == "f(errp)"
    assert "\t" not in excerpt(f"{lead}f(errp);", 1, 2).text


def test_tabs_go_to_the_next_stop_of_eight() -> None:
    shown = excerpt("ab\tc", 4, 5)
    assert (shown.text, shown.indent, shown.length) == ("ab      c", 8, 1)


def test_columns_are_bytes_and_wide_characters_take_two_cells() -> None:
    source = '/* 終了 é */ f("終");'
    start = len("/* 終了 é */ ".encode()) + 1
    shown = excerpt(source, start, start + len('f("終")'.encode()))
    # Three blanks and signs, two wide ones, and one of width one: 3 + 4 + 1 + 1 + 4.
    assert (shown.indent, shown.length) == (13, 7)


def test_a_combining_character_takes_no_cell() -> None:
    assert excerpt("e\u0301x", 4, 5).indent == 1


def test_a_byte_that_is_not_utf8_is_four_cells() -> None:
    shown = excerpt(b"\xe9 f();".decode("utf-8", "surrogateescape"), 3, 6)
    assert (shown.text, shown.indent, shown.length) == (r"\xe9 f();", 5, 3)


def test_blanks_before_the_text_are_not_marked() -> None:
    shown = excerpt("\tf(errp)", 1, None)
    assert (shown.indent, shown.length) == (8, 7)
    assert excerpt("a   b", 2, 4).length == 2


def test_without_an_end_the_mark_goes_to_the_end_of_the_line_and_no_further() -> None:
    shown = excerpt("  error_setg(errp,   ", 3, None)
    assert (shown.text, shown.indent, shown.length) == ("  error_setg(errp,", 2, 16)


@pytest.mark.parametrize(("column", "end"), [(0, 0), (50, 60), (3, 3), (3, 1), (-5, 900)])
def test_columns_that_do_not_fit_still_give_a_mark(column: int, end: int) -> None:
    shown = excerpt("x = y;", column, end)
    assert shown.text == "x = y;"
    assert shown.length >= 1
    assert shown.indent + shown.length <= 7


def test_a_long_line_is_cut_round_the_mark() -> None:
    early = excerpt("f(errp); " + "x" * 500, 1, 8)
    assert early.text.startswith("f(errp); xxx")
    assert early.text.endswith("...")
    assert (early.indent, early.length) == (0, 7)
    source = "y" * 300 + " f(errp); " + "x" * 300
    late = excerpt(source, 302, 309)
    assert late.text[late.indent : late.indent + late.length] == "f(errp)"
    assert late.text.startswith("...")
    assert late.text.endswith("...")
    assert len(late.text) <= 106


def test_a_mark_longer_than_the_cut_ends_with_it() -> None:
    shown = excerpt("f(" + "x" * 500 + ")", 1, 504)
    assert shown.length == 100
    assert len(shown.text) == 103


CONTROLS = (0x07, 0x1B, 0x7F, 0x9B)
INVISIBLE = (0xAD, 0x34F, 0x61C, 0x180E, 0x200B, 0x202E, 0x2066, 0x206F, 0x2800, 0x3164, 0xFE0F)
MORE_INVISIBLE = (0xFEFF, 0xFFA0, 0xFFF9, 0x1D173, 0xE0001, 0xE0041, 0xE0100)


@pytest.mark.parametrize("code", [*CONTROLS, *INVISIBLE, *MORE_INVISIBLE])
def test_what_nobody_sees_is_shown_by_its_number(code: int) -> None:
    shown = printable(f"a{chr(code)}b")
    width = 2 if code < 0x100 else 4 if code < 0x10000 else 8
    assert shown == f"a\\{ {2: 'x', 4: 'u', 8: 'U'}[width] }{code:0{width}x}b"
    assert shown.isascii()
    assert excerpt(f"a{chr(code)}b", 1, None).text == shown


def test_what_is_seen_stays() -> None:
    text = "Für \u0141\u00f3d\u017a \u6f22\u5b57 \U0001f600 e\u0301\u00a0\u2013 \u2192"
    assert printable(text) == text


def test_json_has_what_nobody_sees_as_escapes_of_its_own() -> None:
    for stream in (io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="latin-1")):
        document = {"a\u061c": ["\u3164 \U000e0041", "\x9b2J", "z\u0141", "\x7f"]}
        write_json(document, stream)
        stream.seek(0)
        text = stream.read()
        assert json.loads(text) == document
        assert r'"a\u061c"' in text
        assert r"\u3164 \udb40\udc41" in text
        assert r"\u009b2J" in text
        assert r"\u007f" in text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_indented_as_python_does_it(document: Any) -> None:
    assert indented(document) == json.dumps(document, indent=2, ensure_ascii=False)


def test_ascii_that_nobody_sees_is_escaped_as_well() -> None:
    stream = io.StringIO()
    write_json({"a": "x\x7fy"}, stream)
    assert stream.getvalue() == '{\n  "a": "x\\u007fy"\n}\n'


def test_prose_is_one_printable_line() -> None:
    assert one_line(" a\n\tb \x1b[1m") == r"a b \x1b[1m"
    assert printable("a  b\n") == r"a  b\x0a"
    assert without_surrogates("a\udce9\ud83db\x1b") == "a\\xe9\\ud83db\x1b"


@given(st.text(st.characters(codec=None), max_size=200), st.integers(-3, 300), st.integers(-3, 300))
def test_any_line_and_any_columns_give_a_safe_excerpt(source: str, column: int, end: int) -> None:
    shown = excerpt(source, column, end)
    shown.text.encode("utf-8")
    assert shown.length >= 1
    assert shown.indent >= 0
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in shown.text)
