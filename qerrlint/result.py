# SPDX-License-Identifier: GPL-2.0-or-later
"""Result: everything one run has to say, resolved to lines and ready to render (schema qerrlint/1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import TYPE_CHECKING

from qerrlint.findings import SEVERITIES
from qerrlint.records import record

if TYPE_CHECKING:
    from qerrlint.device_page import DeviceChange


@record(frozen=True, slots=True)
class Place:
    """A resolved place. Lines and columns count from 1, columns in bytes; `source` and `end_source` are
    the texts of its first and last line, for renderings that show code or count columns otherwise."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    source: str = ""
    end_source: str = ""


@record(frozen=True, slots=True)
class ReportedStep:
    """One step of a finding's path."""

    place: Place
    message: str


@record(frozen=True, slots=True)
class ReportedEdit:
    """The text at `place` becomes `text`; an empty place inserts."""

    place: Place
    text: str


@record(frozen=True, slots=True)
class ReportedFix:
    """Edits that together mend a finding, in source order."""

    description: str
    edits: tuple[ReportedEdit, ...]


@record(frozen=True, slots=True)
class RaisedBy:
    """The reply in the same input that already objects to the finding's line.

    `version` is that of the series it answers, None where that is the one under review.
    """

    sender: str
    message_id: str | None
    version: int | None = None


@record(frozen=True, slots=True)
class Reported:
    """A finding with its place resolved and its part in the change under review.

    status: introduced, fixed, persisting, or None for `check`. relation: added-line,
    changed-function, affected-caller, or None. patch, repaired_by: 1-based
    indexes into Result.patches, or None; `transient` says that a later patch of the series repairs it.
    diff_line: 1-based line in the patch's own text, or None. quote_line: the line of that text to quote
    for it, where diff_line is None the nearest one that leads to it. suppressed: the reason given, or None.
    against: new or remaining, where an earlier version of the series was reviewed as well, else None.
    of_variable: `function` names a variable, such as a table, which the finding is about.
    """

    rule: str
    severity: str
    confidence: str
    place: Place
    function: str
    message: str
    advice: str
    fingerprint: str
    steps: tuple[ReportedStep, ...] = ()
    status: str | None = None
    relation: str | None = None
    patch: int | None = None
    transient: bool = False
    repaired_by: int | None = None
    diff_line: int | None = None
    raised_by: RaisedBy | None = None
    suppressed: str | None = None
    fixes: tuple[ReportedFix, ...] = ()
    quote_line: int | None = None
    against: str | None = None
    of_variable: bool = False

    @property
    def inside(self) -> str:
        """The function as messages name it, or the variable; "" for none."""
        return self.function if self.of_variable or not self.function else f"{self.function}()"

    def fails(self, fail_on: str) -> bool:
        """Whether the finding fails a run, by the lowest severity that does or `never`; fixed, earlier and
        allowed findings do not."""
        if fail_on == "never" or self.status in ("fixed", "persisting") or self.suppressed is not None:
            return False
        return SEVERITIES.index(self.severity) >= SEVERITIES.index(fail_on)


@record(frozen=True, slots=True)
class TreeInfo:
    """The tree under analysis; base_found_by: given, base-commit, blobs, date, HEAD,
    directory or none."""

    root: str | None
    revision: str | None
    base_found_by: str
    reach: str


@record(frozen=True, slots=True)
class DiffLine:
    """A line of a diff without its line end. sign: " ", "+", "-", or a backslash for git's remark that
    the file has no last line end. old, new: its line in the file before and after, None on the side that
    lacks it. place: its line in the patch's own text, which Reported.diff_line counts, or None."""

    sign: str
    text: str
    old: int | None
    new: int | None
    place: int | None = None


@record(frozen=True, slots=True)
class DiffHunk:
    """A stretch of a diff; `section` is what stands after the second `@@`."""

    section: str
    lines: tuple[DiffLine, ...]


@record(frozen=True, slots=True)
class DiffFile:
    """What a change does to one file. status: git's letter A, C, D, M or R; a path is None on the side that
    lacks the file."""

    old_path: str | None
    new_path: str | None
    status: str
    binary: bool
    hunks: tuple[DiffHunk, ...]


@record(frozen=True, slots=True)
class PatchInfo:
    """One patch of the input and what became of it; problems are sentences, `diff` is what it changes.

    `series` is the 1-based place in Result.series, `already_applied` says that the tree has all of it.
    """

    index: int
    total: int | None
    version: int
    subject: str
    message_id: str | None
    applied: bool
    files: tuple[str, ...]
    problems: tuple[str, ...] = ()
    diff: tuple[DiffFile, ...] = ()
    already_applied: bool = False
    series: int = 1


@record(frozen=True, slots=True)
class SeriesInfo:
    """One series of the input, and the tree that it was applied to; `missing` are indices of patches.

    `prerequisites` are (kind, id, whether the input has it) of what the series says it builds on.
    """

    title: str
    message_id: str | None
    version: int
    total: int | None
    missing: tuple[int, ...]
    prerequisites: tuple[tuple[str, str, bool], ...]
    tree: TreeInfo


@record(frozen=True, slots=True)
class Damaged:
    """A function that was not analysed, or not wholly, and why; `function` is "" for a text that may hold
    functions of which no name is known."""

    path: str
    line: int
    function: str
    reason: str


@record(frozen=True, slots=True)
class Skipped:
    """A file that was not analysed, and why; `trace` is Python's where a defect of this program is why."""

    path: str
    reason: str
    trace: str = field(default="", compare=False)


@record(frozen=True, slots=True)
class ReportedExemption:
    """A finding that an exemption took away (`effect` drop), or made less certain (low, medium), and why."""

    exemption: str
    effect: str
    rule: str
    path: str
    line: int
    function: str
    reason: str


@record(frozen=True, slots=True)
class Coverage:
    """How much was looked at: files and functions seen, functions explored, and what was not."""

    files: int = 0
    functions: int = 0
    explored: int = 0
    damaged: tuple[Damaged, ...] = ()
    incomplete: tuple[Damaged, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@record(frozen=True, slots=True)
class RuleInfo:
    """A rule as a rendering may list it; `page` is its Markdown under the fixed headings, `selected` whether
    the run reports it."""

    id: str
    title: str
    severity: str
    confidence: str
    advice: str
    page: str
    selected: bool = True


@record(frozen=True, slots=True)
class ReportedCaller:
    """A function that calls another one, and its place."""

    path: str
    line: int
    function: str


@record(frozen=True, slots=True)
class ReportedContract:
    """A function whose callers meet something new: its place after the change, and what is new, in phrases.

    `callers` is how many functions mention it, None where they are too many to be counted; `not_updated` are
    those whose text the change leaves as it was.
    """

    name: str
    path: str
    line: int
    what: tuple[str, ...]
    callers: int | None
    not_updated: tuple[ReportedCaller, ...]


@record(frozen=True, slots=True)
class Unshown:
    """How many findings a run has and does not show, what they are, and the options that show them."""

    number: int
    what: str
    option: str


ADDRESSED, REMAINING, UNKNOWN, NEW = "addressed", "remaining", "unknown", "new"
LINE_SAME, LINE_CHANGED = "line-same", "line-changed"


@record(frozen=True, slots=True)
class Sequel:
    """A finding of the earlier version and what became of it: addressed, remaining, or unknown (the later
    version could not be read there). `now` is the finding of the later version, where it remains."""

    found: Reported
    outcome: str
    now: Reported | None = None


@record(frozen=True, slots=True)
class RemarkSequel:
    """A reviewer's remark on the earlier version. Where it is on a finding, outcome is that finding's; else
    line-same or line-changed: whether the later version still adds the line that it stands below."""

    sender: str
    message_id: str | None
    patch: int
    path: str
    line: str
    outcome: str
    rule: str | None = None


@record(frozen=True, slots=True)
class Against:
    """The earlier version, the tree it was reviewed on, and what the later one made of what was said; `new`
    is how many findings the later one brings that the earlier one had not."""

    version: int
    title: str
    message_id: str | None
    tree: TreeInfo
    findings: tuple[Sequel, ...]
    remarks: tuple[RemarkSequel, ...]
    new: int

    def shown(self, shows: Callable[[Reported], bool], new: int) -> Against:
        """The same with the findings that pass a filter; `new` is how many new ones do."""
        return replace(self, findings=tuple(s for s in self.findings if shows(s.found)), new=new)


@record(frozen=True, slots=True)
class Result:
    """One run. `findings` is sorted by (path, line, column, rule) and already filtered; the counts in
    `summary` (introduced, fixed, persisting, suppressed) are of all statuses, shown or not. `notices`
    are sentences for the reader (what a run without a tree lacks, patches missing from a series). `diff` is
    the change under review where it does not come as patches; `rules` are all rules of the run, by id.
    `tree` is that of the first series; `against` is what became of an earlier version of them. `exempted` is
    sorted by (path, line, rule); of a change it is what exemptions took away on the after side. `unshown`
    counts the findings that options leave out of `findings`. `fail_on` is the lowest severity that fails the
    run, or never. `partial`: patches are missing on purpose, so what lacks them is no failure of the run.
    `contracts` are those that the change as a whole alters; `devices` are the types of device models that it
    adds, alters or touches, worked out where a format shows them."""

    command: str
    tree: TreeInfo
    findings: tuple[Reported, ...]
    coverage: Coverage
    patches: tuple[PatchInfo, ...] = ()
    summary: dict[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    diff: tuple[DiffFile, ...] = ()
    rules: tuple[RuleInfo, ...] = ()
    series: tuple[SeriesInfo, ...] = ()
    against: Against | None = None
    exempted: tuple[ReportedExemption, ...] = ()
    unshown: tuple[Unshown, ...] = ()
    fail_on: str = "warning"
    partial: bool = False
    contracts: tuple[ReportedContract, ...] = ()
    devices: tuple[DeviceChange, ...] = ()
