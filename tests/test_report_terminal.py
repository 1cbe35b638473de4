# SPDX-License-Identifier: GPL-2.0-or-later
"""Text on a terminal: when it has colours, that they can be read, and how prose is wrapped."""

from __future__ import annotations

import io
import re

import pytest
from test_report import SERIES, rendered

from qerrlint.report import render
from qerrlint.report import terminal as terminal_module
from qerrlint.report.terminal import Line, Look, look_of, prose, verbatim, wrapped

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize(
    ("wish", "no_color", "force", "term", "on_terminal", "in_pipe"),
    [
        ("auto", "", "", "xterm", True, False),
        ("auto", "1", "", "xterm", False, False),
        ("auto", "", "1", "xterm", True, True),
        ("auto", "1", "1", "xterm", False, False),
        ("auto", "", "", "dumb", False, False),
        ("always", "1", "", "xterm", True, True),
        ("never", "", "1", "xterm", False, False),
    ],
)
def test_when_there_are_colours(
    wish: str,
    no_color: str,
    force: str,
    term: str,
    on_terminal: bool,
    in_pipe: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("FORCE_COLOR", force)
    monkeypatch.setenv("TERM", term)
    for stream, coloured in ((Terminal(), on_terminal), (io.StringIO(), in_pipe)):
        look = look_of(stream, wish)
        assert look.colour is coloured
        render(SERIES, "text", stream, look)
        assert ("\x1b[" in stream.getvalue()) is coloured


def test_colours_change_no_text() -> None:
    stream = io.StringIO()
    render(SERIES, "text", stream, Look(colour=True))
    assert ESCAPES.sub("", stream.getvalue()) == rendered(SERIES)


def test_colours_can_be_read_on_black_and_on_white() -> None:
    """The contrast of WCAG 2, of which 3 is the least for bold text."""

    def luminance(red: float, green: float, blue: float) -> float:
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in (red, green, blue)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def levels(number: int) -> tuple[float, float, float]:
        if number >= 232:
            grey = (8 + 10 * (number - 232)) / 255
            return grey, grey, grey
        steps = (0, 95, 135, 175, 215, 255)
        cube = number - 16
        red, green, blue = (steps[part] / 255 for part in (cube // 36, cube // 6 % 6, cube % 6))
        return red, green, blue

    styles = {
        value for name, value in vars(terminal_module).items() if name.isupper() and isinstance(value, str)
    }
    numbers = {int(found[1]) for style in styles if (found := re.search(r"color\((\d+)\)", style))}
    assert len(numbers) == 5
    for number in numbers:
        own = luminance(*levels(number))
        assert min((own + 0.05) / 0.05, 1.05 / (own + 0.05)) >= 3.8, number


def texts(line: Line, width: int | None) -> list[str]:
    return ["".join(text for text, _ in part).rstrip() for part in wrapped(line, width)]


def test_prose_is_wrapped_between_words() -> None:
    line = prose(("hw/a.c:1:2", "bold"), (": error[rule]", "red"), (": the error is set twice", ""), indent=4)
    assert texts(line, None) == ["hw/a.c:1:2: error[rule]: the error is set twice"]
    assert texts(line, 30) == ["hw/a.c:1:2: error[rule]: the", "    error is set twice"]
    assert texts(line, 25) == ["hw/a.c:1:2: error[rule]:", "    the error is set", "    twice"]
    first = next(iter(wrapped(line, 30)))
    assert {style: text for text, style in first if text.strip()} == {
        "bold": "hw/a.c:1:2",
        "red": "error[rule]",
        "": "the",
    }
    assert texts(verbatim(("code " * 20, "")), 30) == [("code " * 20).rstrip()]


def test_a_word_longer_than_the_width_is_not_broken() -> None:
    path = "a/very/long/path/that/no/terminal/holds.c"
    assert texts(prose((f"see {path} there", ""), indent=2), 20) == ["see", f"  {path}", "  there"]
    assert texts(prose((path, ""), indent=2), 20) == [path]


def test_wide_characters_count_two_cells() -> None:
    assert texts(prose(("終終終終 終終終終", ""), indent=0), 10) == ["終終終終", "終終終終"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_rendering_keeps_within_the_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = Terminal()
    render(SERIES, "text", stream, look_of(stream))
    lines = ESCAPES.sub("", stream.getvalue()).splitlines()
    # A word, such as a path, may be longer than the narrowest terminal.
    assert all(len(line) <= width or " " not in line.strip() for line in lines)
    assert len(lines) > len(rendered(SERIES).splitlines()) or width == 200
    unwrapped = " ".join(ESCAPES.sub("", stream.getvalue()).split())
    assert width == 40 or unwrapped == " ".join(rendered(SERIES).split())
