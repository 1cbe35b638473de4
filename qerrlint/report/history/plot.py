# SPDX-License-Identifier: GPL-2.0-or-later
"""The plot of a history as SVG: findings standing over time by family of rules, and what each release added.

The drawing has no script and no font of its own. Its colours are set by CSS, which follows the reader's
light or dark scheme; each area has its name beside it, so no colour must be told from another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from itertools import pairwise

from qerrlint.history.run import History, Point
from qerrlint.report.history.tables import Count, by_release, day

_WIDTH, _HEIGHT = 960, 600
_LEFT, _RIGHT = 56, 190
_TOP, _AREA = 86, 310
_BARS, _BAR_HEIGHT = 450, 52
_ROW = 15
_MOST_FAMILIES = 9
# Fill colours for light and dark, of about equal weight in their scheme.
_COLOURS = (
    ("#3b6fb6", "#6c9fe0"),
    ("#d9822b", "#e8a35c"),
    ("#3f9c6d", "#63bd8f"),
    ("#b5485d", "#dc7a8c"),
    ("#7a5fa8", "#a68cd3"),
    ("#2f98a6", "#5cbfcc"),
    ("#a68a1f", "#cdb34d"),
    ("#8a6148", "#b98d72"),
    ("#6b7685", "#97a3b3"),
)


def plot(history: History, title: str, note: str = "") -> str:
    """The SVG text, ended by a newline. `note` stands below the title."""
    order = _families(history.points)
    points = _folded(history.points, order)
    return "\n".join(
        (*_head(title, note), *_areas(points, order, history), *_bars(history, points), "</svg>", "")
    )


def _families(points: Sequence[Point]) -> list[str]:
    """The families by what stands of them on the whole, the largest first."""
    total: dict[str, int] = {}
    for point in points:
        for name, number in point.standing.items():
            total[name] = total.get(name, 0) + max(number, 0)
    names = sorted(total, key=lambda name: (-total[name], name))
    return names if len(names) <= _MOST_FAMILIES else [*names[: _MOST_FAMILIES - 1], "other"]


def _folded(points: Sequence[Point], order: Sequence[str]) -> list[tuple[int, list[int]]]:
    """Time and counts in the order of the families; what has no area of its own is "other"."""
    out = []
    for point in points:
        row = [max(point.standing.get(name, 0), 0) for name in order]
        if order and order[-1] == "other":
            row[-1] = sum(max(n, 0) for name, n in point.standing.items() if name not in order)
        out.append((point.time, row))
    return out


def _head(title: str, note: str) -> Iterator[str]:
    light = "".join(f".f{i}{{fill:{one}}}" for i, (one, _) in enumerate(_COLOURS))
    dark = "".join(f".f{i}{{fill:{two}}}" for i, (_, two) in enumerate(_COLOURS))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="12">'
    )
    yield (
        "<style>"
        "svg{background:#ffffff}text{fill:#3a4250}.title{font-size:18px;font-weight:600;fill:#1c222c}"
        ".quiet{fill:#6a7482}.grid{stroke:#e3e7ec}.axis{stroke:#aab2bd}"
        ".mark{stroke:#9aa3af;stroke-dasharray:2 3}"
        f".area{{stroke:#ffffff;stroke-width:.7}}.in{{fill:#c2503f}}.out{{fill:#3f9c6d}}{light}"
        "@media (prefers-color-scheme: dark){"
        "svg{background:#14181f}text{fill:#c6cdd8}.title{fill:#eef1f5}.quiet{fill:#8d97a5}.grid{stroke:#262d38}"
        f".axis{{stroke:#4a5463}}.mark{{stroke:#5b6675}}.area{{stroke:#14181f}}.in{{fill:#e07a69}}"
        f".out{{fill:#63bd8f}}{dark}}}"
        "</style>"
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<text class="title" x="{_LEFT}" y="32">{escape(title)}</text>'
    if note:
        yield f'<text class="quiet" x="{_LEFT}" y="52">{escape(note)}</text>'


class _Scale:
    """Places on the drawing; x of a time, y of a number of findings."""

    def __init__(self, first: int, last: int, most: int) -> None:
        self._first = first
        self._span = max(last - first, 1)
        self.step = _step(most)
        self.most = max(-(-most // self.step), 1) * self.step

    def x(self, time: float) -> float:
        width = _WIDTH - _LEFT - _RIGHT
        return round(_LEFT + width * (time - self._first) / self._span, 1)

    def y(self, number: float) -> float:
        return round(_TOP + _AREA * (1 - number / self.most), 1)


def _step(most: int) -> int:
    """A round number of which five or fewer make up the height."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if factor * size * 5 >= most:
                return factor * size
        size *= 10


def _areas(points: Sequence[tuple[int, list[int]]], order: Sequence[str], history: History) -> Iterator[str]:
    scale = _Scale(points[0][0], points[-1][0], max((sum(row) for _, row in points), default=1))
    for number in range(0, scale.most + 1, scale.step):
        y = scale.y(number)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}"/>'
        yield f'<text class="quiet" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{number}</text>'
    stacked = [(time, _running(row)) for time, row in points]
    for index, name in reversed(list(enumerate(order))):
        top = " ".join(_steps(scale, [(time, row[index + 1]) for time, row in stacked]))
        bottom = " ".join(reversed(list(_steps(scale, [(time, row[index]) for time, row in stacked]))))
        yield f'<path class="area f{index}" d="M{top} L{bottom} Z"><title>{escape(name)}</title></path>'
    yield from _marks(scale, history)
    yield from _years(scale, points[0][0], points[-1][0])
    yield from _names(scale, order, points, stacked[-1][1])


def _running(row: Iterable[int]) -> list[int]:
    out = [0]
    for number in row:
        out.append(out[-1] + number)
    return out


def _steps(scale: _Scale, line: Sequence[tuple[int, int]]) -> Iterator[str]:
    """The points of a step line, whose value holds until the next commit; a point that repeats the value
    before it is left out."""
    last: int | None = None
    for number, (time, value) in enumerate(line):
        if value == last and number < len(line) - 1:
            continue
        if last is not None and value != last:
            yield f"{scale.x(time)} {scale.y(last)}"
        yield f"{scale.x(time)} {scale.y(value)}"
        last = value


def _marks(scale: _Scale, history: History) -> Iterator[str]:
    for one in history.plan.line:
        if one.released:
            x = scale.x(one.time)
            yield f'<line class="mark" x1="{x}" y1="{_TOP - 6}" x2="{x}" y2="{_TOP + _AREA}"/>'
            yield (
                f'<text class="quiet" x="{x}" y="{_TOP - 10}" text-anchor="middle" font-size="11">'
                f"{escape(one.release)}<title>{escape(one.release)}, {day(one.time)}</title></text>"
            )


def _years(scale: _Scale, first: int, last: int) -> Iterator[str]:
    y = _TOP + _AREA
    yield f'<line class="axis" x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}"/>'
    start, end = (datetime.fromtimestamp(time, timezone.utc) for time in (first, last))
    for year in range(start.year, end.year + 1):
        time = datetime(year, 1, 1, tzinfo=timezone.utc).timestamp()
        if first <= time <= last:
            x = scale.x(time)
            yield f'<line class="axis" x1="{x}" y1="{y}" x2="{x}" y2="{y + 5}"/>'
            yield f'<text x="{x}" y="{y + 19}" text-anchor="middle">{year}</text>'
    if start.year == end.year:
        yield f'<text class="quiet" x="{_LEFT}" y="{y + 19}">{day(first)}</text>'
        yield f'<text class="quiet" x="{_WIDTH - _RIGHT}" y="{y + 19}" text-anchor="end">{day(last)}</text>'


def _names(
    scale: _Scale, order: Sequence[str], points: Sequence[tuple[int, list[int]]], stacked: Sequence[int]
) -> Iterator[str]:
    """The name of each area at its right end with what stood of it first and last; names keep apart."""
    x = _WIDTH - _RIGHT
    wanted = [(scale.y((stacked[i] + stacked[i + 1]) / 2), i) for i in range(len(order))]
    places: dict[int, float] = {}
    lowest = float(_TOP + _AREA)
    for y, index in sorted(wanted, reverse=True):
        lowest = min(y, lowest)
        places[index] = lowest
        lowest -= _ROW
    for index, name in enumerate(order):
        y = places[index]
        first, last = points[0][1][index], points[-1][1][index]
        yield f'<rect class="f{index}" x="{x + 10}" y="{y - 8}" width="9" height="9" rx="2"/>'
        yield (
            f'<text x="{x + 25}" y="{y}">{escape(name)} '
            f'<tspan class="quiet" fill="currentColor">{first} → {last}</tspan></text>'
        )


def _bars(history: History, points: Sequence[tuple[int, list[int]]]) -> Iterator[str]:
    """What was introduced (above) and fixed (below) for each release, between the releases before and it."""
    rows = by_release(history)
    spans = _spans(history)
    most = max((max(row.introduced, row.fixed) for row in rows.values()), default=0)
    scale = _Scale(points[0][0], points[-1][0], 1)
    middle = _BARS + _BAR_HEIGHT + 10
    words = "for each release: introduced above, fixed below"
    yield f'<text class="quiet" x="{_LEFT}" y="{_BARS - 6}">{words}</text>'
    for name, (first, last) in spans.items():
        left, right = scale.x(first) + 1.5, scale.x(last) - 1.5
        if right - left < 2:
            continue
        yield from _bar(left, right, middle, rows[name], most, name)
    yield f'<line class="axis" x1="{_LEFT}" y1="{middle}" x2="{_WIDTH - _RIGHT}" y2="{middle}"/>'


def _bar(left: float, right: float, middle: float, row: Count, most: int, name: str) -> Iterator[str]:
    center = round((left + right) / 2, 1)
    for kind, number, sign in (("in", row.introduced, -1), ("out", row.fixed, 1)):
        height = round(_BAR_HEIGHT * number / most, 1) if most else 0
        y = middle - height if sign < 0 else middle
        told = "introduced" if sign < 0 else "fixed"
        yield (
            f'<rect class="{kind}" x="{left:.1f}" y="{y:.1f}" width="{right - left:.1f}" height="{height}">'
            f"<title>{escape(name)}: {number} {told}</title></rect>"
        )
        at = middle - height - 3 if sign < 0 else middle + height + 11
        yield (
            f'<text class="quiet" x="{center}" y="{at:.1f}" text-anchor="middle" '
            f'font-size="10">{number}</text>'
        )


def _spans(history: History) -> Mapping[str, tuple[int, int]]:
    """The time in which the line was made for each release."""
    line = history.plan.line
    starts = [
        number for number, one in enumerate(line) if not number or one.release != line[number - 1].release
    ]
    return {
        line[a].release: (line[a].time, line[min(b, len(line) - 1)].time)
        for a, b in pairwise((*starts, len(line)))
    }
