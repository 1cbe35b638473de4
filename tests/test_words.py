# SPDX-License-Identifier: GPL-2.0-or-later
"""Searches for words and for functions to look at: quick ones, which find what plain patterns find."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.c.expressions.int_types import IntType
from qerrlint.c.expressions.typed import Column
from qerrlint.c.lexis import occurrences
from qerrlint.domain.word_lists import WordList
from qerrlint.model.definitions import ABOUT_ERRORS, Definitions, NameUses
from qerrlint.model.file_text import FileText
from qerrlint.qemu.device_lifecycle import phases
from qerrlint.records import record
from qerrlint.source.span import LineIndex, Span

PARTS = ("a", "ab", "_", "b_a", " ", "->", ".", "(", ")", "\n", "=", ";", "&", "9")
TEXTS = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)
WORDS = st.sampled_from(["a", "ab", "b_a", "aba", "a9"])


@settings(deadline=None)
@given(TEXTS, WORDS)
def test_occurrences_are_those_of_a_whole_word(text: str, word: str) -> None:
    found = list(occurrences(text.encode(), word.encode()))
    assert found == [match.start() for match in re.finditer(rf"\b{word}\b", text)]


@settings(deadline=None)
@given(TEXTS)
def test_words_are_runs_of_letters_digits_and_underscores(text: str) -> None:
    assert FileText("x.c", text.encode()).words == {word.encode() for word in re.findall(r"\w+", text)}


@settings(deadline=None)
@given(TEXTS)
def test_lines_begin_behind_line_ends(text: str) -> None:
    data = text.encode()
    lines = LineIndex(data)
    starts = [0, *(at + 1 for at, byte in enumerate(data) if byte == 0x0A)]
    for offset in range(len(data) + 1):
        line = sum(start <= offset for start in starts)
        assert lines.position(offset) == (line, offset - starts[line - 1] + 1)


BODIES = st.sampled_from(
    [
        *("int x;", "Error *err;", "GError *g;", "f(errp);", "f(xerrp);", "error_free(x);", "ErrorX y;"),
        *("n_notifier_add(x);", "local_err = 0;", "NotifierWithReturn n;", "my_blockers();", "terror_x();"),
    ]
)


@settings(deadline=None)
@given(st.lists(BODIES, max_size=6), st.sampled_from(["", "/* Error */\n", "struct S { Error *e; };\n"]))
def test_relevant_functions_are_those_whose_text_matches(bodies: list[str], between: str) -> None:
    text = between.join(f"void f{n}(void)\n{{\n    {body}\n}}\n\n" for n, body in enumerate(bodies))
    data = text.encode()
    found = Definitions(FileText("x.c", data))
    assert found.relevant() == [
        piece for piece in found.functions if ABOUT_ERRORS.search(data, piece.span.start, piece.span.end)
    ]
    assert [found.is_relevant(piece) for piece in found.functions] == [
        piece in found.relevant() for piece in found.functions
    ]


def test_a_function_is_handed_over_where_its_name_is_no_call_and_no_member() -> None:
    def handed(use: str) -> bool:
        text = FileText("x.c", f"void f(void)\n{{\n}}\n\nvoid g(void)\n{{\n    {use}\n}}\n".encode())
        return NameUses(text, Definitions(text)).is_handed_over("f")

    assert handed("h(f);")
    assert handed("x = &f;")
    assert not handed("f();")
    assert not handed("f  (1);")
    assert not handed("s->f = 1; s.f = 2; fg = ff;")


def test_phases_by_all_kinds_of_stores() -> None:
    data = b"""\
    dc->realize = &one;
    static const X x = { .unrealize = two, .bdrv_open =
        three };
    device_class_set_parent_realize(dc, four, &c->parent);
    device_class_set_legacy_reset(dc, five);
    resettable_class_set_parent_phases(rc, NULL, six, NULL, &c->phases);
    qemu_add_vm_change_state_handler(seven, s);
    s->not_realize = eight; surrealize = eight; s->realize == eight;
"""
    names = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    assert phases(data, frozenset(names)) == {
        "one": {"realize"},
        "two": {"unrealize"},
        "three": {"open"},
        "four": {"realize"},
        "five": {"reset"},
        "six": {"reset"},
        "seven": {"state-change"},
    }


@record(frozen=True, slots=True, order=True)
class Place:
    name: str
    at: int = 0


def test_a_record_is_a_value() -> None:
    one, other = Place("x", 1), Place("x", 1)
    assert one == other
    assert len({one, other}) == 1
    assert Place("w", 9) < one < Place("x", 2)
    assert replace(one, at=3) == Place("x", 3)
    assert pickle.loads(pickle.dumps(one)) == one
    assert pickle.loads(pickle.dumps(Span("a.c", 1, 2))) == Span("a.c", 1, 2)
    assert not hasattr(one, "__dict__")


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(-(1 << 70), 1 << 70)), max_size=5),
    st.sampled_from([8, 16, 32, 64]),
    st.booleans(),
)
def test_columns_are_cast_number_by_number(numbers: list[int | None], bits: int, signed: bool) -> None:
    to = IntType(bits, signed)
    column = Column(tuple(numbers), IntType(128, True)).cast(to)
    assert column == Column(tuple(None if n is None else to.wrap(n) for n in numbers), to)


@pytest.mark.parametrize("match", ["part", "prefix", "name", "inside"])
def test_identifiers_are_searched_together_as_one_by_one(match: str) -> None:
    words = WordList("some", "words of a test", match, {"init": "a reason", "un_do": "another"})
    identifiers = ["init", "init_", "_init", "xinit", "a_init_b", "un_do", "undo", "un_do_it", "b", "init2"]
    every = "\n".join(identifiers).encode()
    assert words.among(every) == [one.encode() for one in identifiers if words.matches(one)]
    assert words.among(b"") == []
