# SPDX-License-Identifier: GPL-2.0-or-later
"""The review of a series: which patch introduces, repairs or breaks what, and who has said so already."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace

from qerrlint.engine.file_report import FileReport
from qerrlint.engine.located import Located, Resolver, uncovered
from qerrlint.model.program import Program
from qerrlint.patch.series import Series
from qerrlint.patch.stacks import Stack
from qerrlint.result import (
    Coverage,
    Damaged,
    RaisedBy,
    Reported,
    Result,
    SeriesInfo,
    Skipped,
    TreeInfo,
)
from qerrlint.review.compare import Compared, anchored
from qerrlint.review.contract_report import contract_report
from qerrlint.review.exempted import exempted_by_change
from qerrlint.review.parallel import Comparison, Setting, compare_all
from qerrlint.review.relaxations import gate_changes
from qerrlint.review.report_model import as_reported, reportable, summary
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.scope import is_c
from qerrlint.review.series.apply_series import Stage, apply_series, union
from qerrlint.review.series.remarks import Topic, about
from qerrlint.rules.rule import RuleSet
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import Source

Unfit = Callable[[Result, Sequence[Series], Sequence[Stage], RuleSet], Result]
"""What makes a Result of one and of the stages that it comes from."""


def review_series(
    base: Source,
    stack: Stack,
    options: ReviewOptions,
    tree: TreeInfo,
    notices: Sequence[str] = (),
    beneath: Sequence[Series] = (),
    unfit: Unfit | None = None,
) -> Result:
    """Apply the patches to `base` one by one and report what each did; all statuses, unfiltered.

    The patches of `beneath` are applied first and not reviewed. `unfit` adds what there is to say of changes
    that do not fit.
    """
    notes = [*notices]
    if beneath:
        under, stages = apply_series(base, beneath)
        base = OverlaySource(under, stages[-1].changes) if stages else under
        notes += [
            f'"{stage.patch.title}", which comes before the series: {problem}'
            for stage in stages
            for problem in stage.problems
            if stage.skipped
        ]
    start, stages = apply_series(base, stack.series)
    result = review_stages(start, stack.series, stages, options, tree, notes)
    if unfit is not None:
        result = unfit(result, stack.series, stages, options.rules)
    wanted = [tuple((one.kind, one.ident, one.found) for one in own) for own in stack.prerequisites]
    series = (replace(info, prerequisites=own) for info, own in zip(result.series, wanted, strict=True))
    return replace(result, series=tuple(series))


def review_stages(
    base: Source,
    series: Sequence[Series],
    stages: Sequence[Stage],
    options: ReviewOptions,
    tree: TreeInfo,
    notices: Sequence[str] = (),
    age: str | None = None,
) -> Result:
    """The review of patches whose stages are made already. `age` is that of the API where no tree tells."""
    at_hand = [path for stage in stages for path in stage.maps if is_c(path)]
    setting = Setting(tree.reach, at_hand, age, any(one.missing for one in series))
    programs = setting.programs([base, *(OverlaySource(base, stage.changes) for stage in stages)])
    pairs = union(stages)
    comparisons = [Comparison(n, n + 1, stage.pairs) for n, stage in enumerate(stages)]
    if len(stages) != 1:
        comparisons.append(Comparison(0, len(stages), pairs))
    rules = options.rules
    compared = compare_all(programs, setting, comparisons, options)
    steps, net = compared[: len(stages)], compared[-1]
    broken = [skipped for step in (*steps, net) for skipped in step.skipped]
    # Seen after one patch and not after another, a finding would be called repaired.
    unknown = {skipped.path for skipped in broken}
    told = [
        item
        for item in _Attribution(stages, steps, net, programs, rules.everything()).reported()
        if item.place.path not in unknown
    ]
    found = reportable(told, rules)
    found = sorted([*found, *_gate_changes(stages, programs, rules)], key=sort_key)
    problems = [problem for one in series for problem in one.problems]
    seen = {report.path for report in net.reports}
    beyond = [left for one in (*steps, net) for left in one.left_out if left.path not in seen]
    return Result(
        command="patch",
        tree=tree,
        findings=tuple(found),
        coverage=coverage(
            net.reports,
            Resolver(programs[-1]),
            [*(Skipped(*left) for stage in stages for left in stage.skipped), *broken, *beyond],
        ),
        patches=tuple(
            replace(stage.info(), series=number)
            for number, one in enumerate(series, 1)
            for stage in stages
            if stage.series is one
        ),
        summary=summary(found),
        notices=tuple(dict.fromkeys([*notices, *problems])),
        series=tuple(_info(one, tree) for one in series),
        contracts=contract_report(programs[-1], net.contracts, net.changed, net.mentioning),
        exempted=exempted_by_change(
            net.reports, Resolver(programs[-1]), (base, programs[-1].source), pairs, rules
        ),
    )


def _gate_changes(stages: Sequence[Stage], programs: Sequence[Program], rules: RuleSet) -> Iterator[Reported]:
    """What each patch does to the configuration and the baseline."""
    for number, stage in enumerate(stages):
        after = programs[number + 1]
        for found in gate_changes(programs[number].source, after, stage.pairs, rules):
            lines = stage.maps.get(found.path)
            yield replace(
                as_reported(found),
                status="introduced",
                relation="added-line" if lines is not None and found.place.line in lines.added else None,
                patch=number + 1,
                diff_line=lines.to_diff(found.place.line) if lines is not None else None,
            )


def _info(one: Series, tree: TreeInfo) -> SeriesInfo:
    total = next((patch.total for patch in one.patches), None)
    return SeriesInfo(one.title, one.message_id, one.version, total, one.missing, (), tree)


class _Attribution:
    """Gives each finding its status, its patch and the patch's line."""

    def __init__(
        self,
        stages: Sequence[Stage],
        steps: Sequence[Compared],
        net: Compared,
        programs: Sequence[Program],
        rules: RuleSet,
    ) -> None:
        """`programs` are the trees before the first stage and after each."""
        self._stages = stages
        self._programs = programs
        self._rules = rules
        self._steps = steps
        self._net = net
        series = {id(stage.series): stage.series for stage in stages}
        self._remarks = [pair for one in series.values() for pair in one.remarks()]
        self._came = [_by_fingerprint(step.delta.introduced) for step in steps]
        self._went = [_by_fingerprint(step.delta.fixed) for step in steps]
        self._gained = net.gained.union(*(step.gained for step in steps))

    def reported(self) -> list[Reported]:
        """All findings, sorted by path, line, column, rule."""
        out: list[Reported] = []
        final = {found.finding.fingerprint for found in self._net.delta.introduced}
        final |= {after.finding.fingerprint for _, after in self._net.delta.persisting} | self._net.beside
        placed: set[str] = set()
        for found in self._net.delta.introduced:
            number = self._introducer(found)
            origin = self._came[number].get(found.finding.fingerprint, found)
            out.append(self._introduced(found, origin, number, transient=False))
            placed.add(found.finding.fingerprint)
        for number, step in enumerate(self._steps):
            for found in step.delta.introduced:
                fingerprint = found.finding.fingerprint
                if fingerprint not in final and fingerprint not in placed:
                    placed.add(fingerprint)
                    out.append(self._introduced(found, found, number, transient=True))
        out += [
            replace(as_reported(found, self._gained), status="fixed", patch=self._repairer(found))
            for found in self._net.delta.fixed
        ]
        out += [
            replace(
                as_reported(after, self._gained),
                status="persisting",
                relation="added-line" if self._is_added(after) else None,
            )
            for _, after in self._net.delta.persisting
        ]
        return sorted(out, key=sort_key)

    def _is_added(self, found: Located) -> bool:
        """Whether the last patch that changes the finding's file adds its line."""
        maps = (stage.maps[found.path] for stage in reversed(self._stages) if found.path in stage.maps)
        lines = next(maps, None)
        return lines is not None and found.place.line in lines.added

    def _introducer(self, found: Located) -> int:
        """The last patch that introduces the finding (0-based): an earlier one may have been repaired."""
        numbers = [i for i, came in enumerate(self._came) if found.finding.fingerprint in came]
        return numbers[-1] if numbers else len(self._steps) - 1

    def _repairer(self, found: Located, start: int = 0) -> int | None:
        """The first patch (1-based) from `start` (0-based) on that repairs the finding."""
        numbers = range(start, len(self._went))
        return next((i + 1 for i in numbers if found.finding.fingerprint in self._went[i]), None)

    def _introduced(self, found: Located, origin: Located, number: int, transient: bool) -> Reported:
        stage, step = self._stages[number], self._steps[number]
        lines = stage.maps.get(origin.path)
        if lines is not None:
            found = _as_anchored(found, origin, lines.added)
            origin = anchored(origin, lines.added)
        diff_line = lines.to_diff(origin.place.line) if lines is not None else None
        return replace(
            as_reported(found, self._gained),
            status="introduced",
            relation=step.relation(origin, lines.added if lines is not None else ()),
            patch=number + 1,
            transient=transient,
            repaired_by=self._repairer(found, number + 1) if transient else None,
            diff_line=diff_line,
            quote_line=diff_line if diff_line is not None else _leading_line(stage, origin),
            raised_by=self._raised(number, origin, diff_line),
        )

    def _raised(self, number: int, found: Located, diff_line: int | None) -> RaisedBy | None:
        """The first reply that remarks on the finding in this patch."""
        stage = self._stages[number]
        on_it = [remark for patch, remark in self._remarks if patch is stage.patch]
        if not on_it:
            return None
        topic = Topic(
            self._rules.get(found.finding.rule),
            found.path,
            diff_line,
            found.finding.function,
            f"{found.finding.message} {found.advice} {found.place.source}",
            self._shown_lines(number, found),
        )
        remark = next((remark for remark in on_it if about(remark, topic)), None)
        return RaisedBy(remark.sender, remark.message_id) if remark is not None else None

    def _shown_lines(self, number: int, found: Located) -> frozenset[int]:
        """The lines of the patch that show the function of a finding."""
        unit, lines = self._programs[number + 1].unit(found.path), self._stages[number].maps.get(found.path)
        pieces = unit.definitions.by_name.get(found.finding.function, ()) if unit is not None else ()
        if unit is None or lines is None:
            return frozenset()
        ends = [
            (unit.text.lines.position(piece.span.start)[0], unit.text.lines.position(piece.span.end)[0])
            for piece in pieces
        ]
        return frozenset(
            place for line, place in lines.new_places.items() if any(a <= line <= b for a, b in ends)
        )


def _as_anchored(found: Located, origin: Located, added: Container[int]) -> Located:
    """The finding of the whole series at the place that its patch gives it, where the tree still has it."""
    own = anchored(origin, added).place
    if own == origin.place:
        return found
    same = [step.place.line for step in found.steps if step.place.source == own.source]
    return anchored(found, same[-1:])


def _leading_line(stage: Stage, found: Located) -> int | None:
    """The line of the patch that leads to a finding on a line that it does not show: that of the first
    step that it shows, else the nearest one in the finding's file, else the patch's first line."""
    for step in found.steps:
        lines = stage.maps.get(step.place.path)
        line = lines.to_diff(step.place.line) if lines is not None else None
        if line is not None:
            return line
    lines = stage.maps.get(found.path)
    if lines is not None and lines.new_places:
        nearest = min(lines.new_places, key=lambda line: (abs(line - found.place.line), line))
        return lines.new_places[nearest]
    return min((place for lines in stage.maps.values() for place in lines.new_places.values()), default=None)


def _by_fingerprint(found: Sequence[Located]) -> dict[str, Located]:
    """The findings by fingerprint; the first of equal ones."""
    return {item.finding.fingerprint: item for item in reversed(found)}


def sort_key(found: Reported) -> tuple[str, int, int, str, str]:
    """The order of every output."""
    return (found.place.path, found.place.line, found.place.column, found.rule, found.fingerprint)


def coverage(reports: Sequence[FileReport], resolver: Resolver, skipped: Sequence[Skipped]) -> Coverage:
    """How much of the after side was looked at; of what was skipped each file and reason once."""
    damaged: list[Damaged] = []
    incomplete: list[Damaged] = []
    for report in reports:
        hurt, part = uncovered(report, resolver)
        damaged += hurt
        incomplete += part
    return Coverage(
        files=len({report.path for report in reports}),
        functions=sum(report.functions for report in reports),
        explored=sum(report.explored for report in reports),
        damaged=tuple(damaged),
        incomplete=tuple(incomplete),
        skipped=tuple(dict.fromkeys(skipped)),
    )
