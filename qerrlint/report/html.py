# SPDX-License-Identifier: GPL-2.0-or-later
"""One self-contained HTML page: the diff of each patch with its findings in place; for check by file.

No picture, nothing from other places, and one script, which belongs to this program, for two keys; a content
security policy enforces it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TextIO

from qerrlint.findings import SEVERITIES
from qerrlint.lazy_patterns import lazy_re
from qerrlint.report.html_devices import device_section
from qerrlint.report.htmltext import code, credit, finding, page_head, prose, repeated, resource, said
from qerrlint.report.printable import printable, with_references
from qerrlint.report.wording import (
    contract_line,
    count,
    gaps,
    grouped,
    looked_at,
    patch_title,
    position,
    settled,
    standing,
    tally,
)
from qerrlint.result import DiffFile, DiffHunk, DiffLine, PatchInfo, Reported, Result

# Where a finding stands in a diff: a line of the patch's text, or a path and a line of it after the change.
Spot = int | tuple[str, int]

# A statement goes on after a line that ends in an operator or leaves a parenthesis open.
_GOES_ON = lazy_re(r"(?:[,=?+|&^<>]|&&|\|\||[-*/%])\s*\Z")
_REST_OF_STATEMENT = 8
_STATUS = {"A": "new file", "C": "copied", "D": "deleted", "M": "", "R": "renamed"}
_NUMBERS = '<td class="n"></td><td class="n"></td>'
_ROWS = {"+": "added", "-": "removed"}


def write(result: Result, stream: TextIO) -> None:
    """Write the page; where it does not come out as UTF-8, with character references."""
    stream.write(with_references("\n".join(_Page(result).lines()) + "\n", stream))


class _Page:
    """The page of one Result; it numbers the findings, so that each has an anchor of its own."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._standing = ordered(standing(result))
        self._anchors = {id(found): f"finding-{n}" for n, found in enumerate(self._standing, 1)}
        self._groups = grouped(self._standing)
        self._lead = {id(found): group[0] for group in self._groups for found in group}
        self._brief = settled(result)

    def lines(self) -> Iterator[str]:
        """The page, line by line."""
        title = f"qerrlint: {_title(self._result)}"
        yield from page_head(title, resource("page.css"), resource("page.js"))
        yield f"<body>\n<header>\n<h1>{said(title)}</h1>"
        yield f"<p><strong>{said(tally(self._result))}</strong></p>"
        yield f'<p class="dim">{said(looked_at(self._result))}</p>'
        yield from _listed("Contract changes", [said(contract_line(one)) for one in self._result.contracts])
        yield from _listed("Notes", [prose(notice) for notice in self._result.notices])
        yield from _listed("Not analysed, or only in part", [prose(gap.text) for gap in gaps(self._result)])
        yield from _listed("Findings", [self._link(group) for group in self._groups], "findings")
        yield from device_section(self._result.devices)
        yield "</header>\n<main>"
        if self._result.patches:
            yield from self._series()
        elif self._result.diff:
            yield from self._change()
        else:
            yield from self._files(self._standing)
            yield from _credits(self._brief)
        yield "</main>\n</body>\n</html>"

    def _link(self, group: Sequence[Reported]) -> str:
        found, *others = group
        kind = f'<span class="{said(found.severity)}">{said(found.severity)}</span>'
        also = f" (also at {', '.join(map(self._place, others))})" if others else ""
        return f"{self._place(found)} {kind} {said(found.rule)}: {prose(found.message)}{also}"

    def _place(self, found: Reported) -> str:
        return f'<a href="#{self._anchors[id(found)]}"><code>{said(position(found.place))}</code></a>'

    def _box(self, found: Reported, with_code: bool) -> Iterator[str]:
        """A finding in its box, with links to those before and after it in the list."""
        at = self._standing.index(found)
        links = []
        if at > 0:
            links.append(("prev", "previous", self._anchors[id(self._standing[at - 1])]))
        if at + 1 < len(self._standing):
            links.append(("next", "next", self._anchors[id(self._standing[at + 1])]))
        lead = self._lead[id(found)]
        if lead is found:
            yield from finding(found, self._result, self._anchors[id(found)], with_code, links)
        else:
            yield from repeated(found, self._anchors[id(found)], self._place(lead), links)

    def _series(self) -> Iterator[str]:
        patches = self._result.patches
        yield "<nav><h3>Patches</h3><ul>"
        for number, patch in enumerate(patches, 1):
            own = [found for found in self._standing if found.patch == number]
            said_of = count(len(own), "finding") if own else "no findings"
            yield f'<li><a href="#patch-{number}">{said(patch_title(patch))}</a>: {said_of}</li>'
        yield "</ul></nav>"
        for number, patch in enumerate(patches, 1):
            yield f'<section id="patch-{number}"><h2>{said(patch_title(patch))}</h2>'
            yield from self._patch(number, patch)
            yield "</section>"
        rest = [found for found in self._standing if not _in_series(found, patches)]
        if rest:
            yield "<section><h2>Present before the series</h2>"
            yield from self._files(rest)
            yield "</section>"
        yield from _credits([found for found in self._brief if not _in_series(found, patches)])

    def _patch(self, number: int, patch: PatchInfo) -> Iterator[str]:
        if patch.message_id:
            yield f'<p class="dim">&lt;{said(patch.message_id.strip("<>"))}&gt;</p>'
        yield from _listed("", [prose(problem) for problem in patch.problems])
        own = [found for found in self._standing if found.patch == number]
        spots: dict[Spot, list[Reported]] = {}
        for found in own:
            if found.diff_line is not None:
                spots.setdefault(found.diff_line, []).append(found)
        yield from self._diff(patch.diff, spots, own)
        yield from _credits([found for found in self._brief if found.patch == number])

    def _change(self) -> Iterator[str]:
        spots: dict[Spot, list[Reported]] = {}
        for found in self._standing:
            spots.setdefault((found.place.path, found.place.line), []).append(found)
        yield from self._diff(self._result.diff, spots, self._standing)
        yield from _credits(self._brief)

    def _diff(
        self, diff: Sequence[DiffFile], spots: dict[Spot, list[Reported]], own: Sequence[Reported]
    ) -> Iterator[str]:
        """The files of a diff with the findings at their spots, then those that no line of it shows."""
        shown: set[int] = set()
        for file in diff:
            rows = list(self._rows(file, spots, shown))
            shows_findings = any('<tr class="says">' in row for row in rows)
            yield f'<details class="file"{" open" if shows_findings or not own else ""}>'
            yield f"<summary>{_names(file)}</summary>"
            if rows:
                yield '<div class="scroll"><table class="diff">'
                yield from rows
                yield "</table></div>"
            yield "</details>"
        rest = [found for found in own if id(found) not in shown]
        if rest:
            yield "<h3>On lines that the diff does not show</h3>"
            for found in rest:
                yield from self._box(found, True)

    def _rows(self, file: DiffFile, spots: dict[Spot, list[Reported]], shown: set[int]) -> Iterator[str]:
        for hunk in file.hunks:
            waiting: list[_Waiting] = []
            yield f'<tr class="hunk">{_NUMBERS}<td>{code(_header(hunk))}</td></tr>'
            for line in hunk.lines:
                kind = _ROWS.get(line.sign, "")
                numbers = "".join(f'<td class="n">{number or ""}</td>' for number in (line.old, line.new))
                yield f'<tr class="{kind}">{numbers}<td>{code(line.sign + line.text)}</td></tr>'
                for found in _at(file, line, spots):
                    if id(found) not in shown:
                        shown.add(id(found))
                        waiting.append(_Waiting(found, found.place.end_line - found.place.line))
                if line.sign != "-":
                    yield from self._due(waiting, line)
            yield from self._due(waiting, None)

    def _due(self, waiting: list[_Waiting], line: DiffLine | None) -> Iterator[str]:
        """The boxes whose statement ends with a line, or (None) with the hunk; they leave `waiting`."""
        for item in list(waiting):
            if line is not None and not item.ends_with(line):
                continue
            waiting.remove(item)
            yield f'<tr class="says">{_NUMBERS}<td>'
            yield from self._box(item.found, False)
            yield "</td></tr>"

    def _files(self, found: Sequence[Reported]) -> Iterator[str]:
        for path, own in groupby(
            sorted(found, key=lambda item: item.place.path), key=lambda item: item.place.path
        ):
            yield f"<section><h2><code>{said(printable(path))}</code></h2>"
            for item in own:
                yield from self._box(item, True)
            yield "</section>"


@dataclass(slots=True)
class _Waiting:
    """A finding whose statement is being shown: `lines` to the end of its place, `more` of the statement."""

    found: Reported
    lines: int
    more: int = _REST_OF_STATEMENT
    depth: int = 0

    def ends_with(self, line: DiffLine) -> bool:
        """Whether the statement ends with a line, the next one that is shown of the file after the change."""
        self.depth += line.text.count("(") - line.text.count(")")
        if self.lines > 0:
            self.lines -= 1
            return False
        if self.more == 0 or (self.depth <= 0 and not _GOES_ON.search(line.text)):
            return True
        self.more -= 1
        return False


def ordered(found: Sequence[Reported]) -> list[Reported]:
    """The worst first, of equal ones in the order given."""
    return sorted(found, key=lambda item: -SEVERITIES.index(item.severity))


def _at(file: DiffFile, line: DiffLine, spots: dict[Spot, list[Reported]]) -> Iterator[Reported]:
    if line.place is not None:
        yield from spots.get(line.place, ())
    elif line.new is not None and file.new_path is not None:
        yield from spots.get((file.new_path, line.new), ())


def _in_series(found: Reported, patches: Sequence[PatchInfo]) -> bool:
    return found.patch is not None and 1 <= found.patch <= len(patches)


def _title(result: Result) -> str:
    if result.patches:
        first = patch_title(result.patches[0])
        return first if len(result.patches) == 1 else f"{len(result.patches)} patches, from {first}"
    if result.command == "diff":
        return f"what changes from {result.tree.revision or 'the tree'}"
    return f"{result.command} {result.tree.root or ''}".strip()


def _names(file: DiffFile) -> str:
    names = [name for name in (file.old_path, file.new_path) if name is not None]
    text = " → ".join(dict.fromkeys(names))
    remarks = [_STATUS.get(file.status, ""), "binary" if file.binary else ""]
    return f'{said(printable(text))} <span class="dim">{", ".join(filter(None, remarks))}</span>'


def _header(hunk: DiffHunk) -> str:
    def span(numbers: list[int]) -> str:
        return f"{numbers[0] if numbers else 0},{len(numbers)}"

    old = [line.old for line in hunk.lines if line.old is not None]
    new = [line.new for line in hunk.lines if line.new is not None]
    return f"@@ -{span(old)} +{span(new)} @@ {hunk.section.strip()}".rstrip()


def _listed(title: str, items: Sequence[str], anchor: str = "") -> Iterator[str]:
    """A list of texts that are escaped already, and nothing where there are none."""
    if items:
        yield f"<h3>{said(title)}</h3>" if title else ""
        yield f'<ul id="{anchor}">' if anchor else "<ul>"
        yield from (f"<li>{item}</li>" for item in items)
        yield "</ul>"


def _credits(found: Sequence[Reported]) -> Iterator[str]:
    if found:
        yield "<h3>Fixed or allowed</h3><ul>"
        yield from map(credit, found)
        yield "</ul>"
