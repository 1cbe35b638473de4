# SPDX-License-Identifier: GPL-2.0-or-later
"""Text for a terminal: when it has colours, which ones, and how lines of prose are wrapped to its width."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple, TextIO

from qerrlint.records import record
from qerrlint.report.printable import cells, fitted

COLOURS = ("auto", "always", "never")
"""The values of --color."""

# Colours of the 256-colour palette; each has a contrast of at least 3.8 against black and against white.
RED, AMBER, GREEN, TEAL, GREY = "color(160)", "color(130)", "color(28)", "color(31)", "color(243)"
SEVERITIES = {"error": f"bold {RED}", "warning": f"bold {AMBER}", "note": f"bold {TEAL}"}
FRAME = TEAL
DIM = GREY
GOOD = f"bold {GREEN}"

# Prose is not wrapped to less: a word a line is harder to read than a line that the terminal breaks.
_NARROWEST = 40

Segment = tuple[str, str]


class Line(NamedTuple):
    """A line as (text, style) segments. `indent` is the number of blanks before the lines that it goes on in
    where it is wrapped; None: it is never wrapped, as code."""

    segments: tuple[Segment, ...]
    indent: int | None = None

    @property
    def text(self) -> str:
        """The text without styles and without blanks at its end."""
        return "".join(text for text, _ in self.segments).rstrip()


BLANK = Line(())


def prose(*segments: Segment, indent: int = 4) -> Line:
    """A line that may be wrapped between words."""
    return Line(segments, indent)


def verbatim(*segments: Segment) -> Line:
    """A line that is never wrapped."""
    return Line(segments)


@record(frozen=True, slots=True)
class Look:
    """How text is shown: in colours or not; the width to which prose is wrapped, in cells, or None.

    `quiet`: nothing but findings; `statistics`: numbers by rule instead of findings.
    """

    colour: bool = False
    width: int | None = None
    quiet: bool = False
    statistics: bool = False


PLAIN = Look()
"""The look of text in a file or a pipe."""


def look_of(stream: TextIO, wish: str = "auto") -> Look:
    """The look that suits a stream. `wish` is one of COLOURS; with auto the environment decides.

    NO_COLOR (https://no-color.org) comes before FORCE_COLOR; without both there are colours on a terminal
    other than a dumb one. Prose is wrapped on a terminal only, to COLUMNS or to what the terminal says.
    """
    terminal = stream.isatty()
    if wish != "auto":
        colour = wish == "always"
    elif os.environ.get("NO_COLOR"):
        colour = False
    elif os.environ.get("FORCE_COLOR"):
        colour = True
    else:
        colour = terminal and os.environ.get("TERM") not in ("dumb", "unknown")
    return Look(colour, max(shutil.get_terminal_size().columns, _NARROWEST) if terminal else None)


def write_lines(lines: Iterable[Line], stream: TextIO, look: Look) -> None:
    """Write lines; characters that the stream's encoding lacks as escapes. Imports rich only for colours."""
    parts = (part for line in lines for part in wrapped(line, look.width))
    if not look.colour:
        for part in parts:
            stream.write(fitted(Line(tuple(part)).text, stream) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    # Where TERM does not tell of colours, as in a pipe, those of almost every terminal are taken.
    system = "auto" if stream.isatty() else "256"
    console = Console(
        file=stream,
        force_terminal=True,
        color_system=system,  # type: ignore[arg-type]
        no_color=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in parts:
        styled = Text.assemble(*((fitted(text, stream), style) for text, style in part))
        styled.rstrip()
        console.print(styled, soft_wrap=True)


def wrapped(line: Line, width: int | None) -> Iterator[list[Segment]]:
    """The line in parts of at most `width` cells, broken at blanks; a longer word has a part of its own."""
    if width is None or line.indent is None or cells(line.text) <= width:
        yield list(line.segments)
        return
    blank = " " * min(line.indent, width // 2)
    part: list[Segment] = []
    used = 0
    for word, is_blank in _words(line.segments):
        size = sum(cells(text) for text, _ in word)
        if not is_blank and used + size > width and used > len(blank):
            yield part
            part, used = [(blank, "")], len(blank)
        elif is_blank and part == [(blank, "")]:
            continue
        part += word
        used += size
    yield part


def _words(segments: Iterable[Segment]) -> Iterator[tuple[list[Segment], bool]]:
    """The words of a line and the blanks between them, in turn; a word may have several styles."""
    pieces = ((piece, style) for text, style in segments for piece in re.split("( +)", text) if piece)
    for is_blank, run in groupby(pieces, key=lambda piece: piece[0][0] == " "):
        yield list(run), is_blank
