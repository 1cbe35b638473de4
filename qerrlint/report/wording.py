# SPDX-License-Identifier: GPL-2.0-or-later
"""The wording of findings, and of what was not analysed, that several formats share.

All text from here is printable: it has no control characters of a patch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.report.printable import one_line, printable
from qerrlint.result import Damaged, PatchInfo, Place, Reported, ReportedContract, Result, TreeInfo

_RELATIONS = {
    "added-line": "on a line that it adds",
    "changed-function": "in a function that it changes",
    "affected-caller": "in a caller that it does not touch",
}
_RELATIONS_OF_TABLES = {
    **_RELATIONS,
    "changed-function": "in a table that it changes",
    "affected-caller": "in a table that it does not touch",
}
_FOUND_BY = {
    "given": "as given",
    "base-commit": "named by the base-commit trailer",
    "blobs": "found by the blobs of the index lines",
    "date": "taken by the date of the mail",
    "HEAD": "taken from HEAD",
    "directory": "the files as they are",
    "none": "no tree",
}
_REACH = {
    "tree": "declarations from the whole tree",
    "headers": "declarations from included headers",
    "patch": "declarations from the patch only",
}
_TAGS = lazy_re(r"(?:\[[^]]*\]\s*)+")


NOT_ANALYSED = "not-analysed"
"""The rule name of a gap, for formats that require one."""


@record(frozen=True, slots=True)
class Gap:
    """Something that was not, or not wholly, analysed. kind: file, function, patch, or part (of a function).

    `line` is 1 and `function` empty where the whole file is meant; `path` is None where no file is known.
    `fatal`: it had to be analysed (the exit code is 3, if there are no findings).
    """

    kind: str
    path: str | None
    line: int
    function: str
    text: str
    fatal: bool


def standing(result: Result) -> list[Reported]:
    """The findings after the change that are not allowed, in the result's order."""
    return [found for found in result.findings if found.status != "fixed" and found.suppressed is None]


def settled(result: Result) -> list[Reported]:
    """The other findings: those that the change fixes and those that are allowed."""
    return [found for found in result.findings if found.status == "fixed" or found.suppressed is not None]


def grouped(found: Sequence[Reported]) -> list[list[Reported]]:
    """The findings in groups of one patch or change that say the same, in the order of the first of each.

    Findings of a tree as it is are not grouped: they have no change in common.
    """
    groups: dict[tuple[object, ...], list[Reported]] = {}
    for number, item in enumerate(found):
        key: tuple[object, ...] = (number,)
        if item.status is not None:
            who = item.raised_by
            key = (
                *(item.rule, item.severity, item.confidence, one_line(item.message), item.advice),
                *(item.status, item.patch, item.transient, item.repaired_by, item.against, item.suppressed),
                *((who.sender, who.message_id, who.version) if who is not None else ()),
            )
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def also_at(others: Sequence[Reported]) -> str:
    """The places of the other findings of a group, with their functions; the empty text for none."""
    return ", ".join(
        position(item.place) + (f" in {printable(item.inside)}" if item.inside else "") for item in others
    )


def by_reason(problems: Iterable[str]) -> list[str]:
    """The problems of a patch, "FILE: REASON" each, with all files of one reason in one of them."""
    files: dict[str, list[str]] = {}
    for problem in problems:
        path, colon, reason = one_line(problem).rstrip(".").partition(": ")
        if colon and " " not in path:
            files.setdefault(reason, []).append(path)
        else:
            files.setdefault(one_line(problem).rstrip("."), [])
    return [f"{', '.join(paths)}: {reason}" if paths else reason for reason, paths in files.items()]


def gaps(result: Result) -> list[Gap]:
    """What was not analysed: patches, files and functions, and last the functions analysed in part."""
    out = []
    left = [patch for patch in result.patches if not patch.applied]
    for patch in left:
        problems = "; ".join(by_reason(patch.problems))
        text = f"{patch_title(patch)} was not applied" + (f": {problems}" if problems else "")
        out.append(Gap("patch", patch.files[0] if patch.files else None, 1, "", text, not result.partial))
    files = {path for patch in result.patches for path in patch.files}
    without_diff = any(not patch.files for patch in left)
    for skipped in result.coverage.skipped:
        told = (problem for patch in left for problem in patch.problems)
        if any(skipped.path in problem and skipped.reason in problem for problem in told):
            continue
        # Of a patch without a diff the mail is named, which is no file of the tree.
        if without_diff and skipped.path not in files:
            continue
        text = f"{printable(skipped.path)} was not analysed: {one_line(skipped.reason)}"
        out.append(Gap("file", skipped.path, 1, "", text, not result.partial))
    # In a whole tree the grammar never fits all functions; those that a change reaches must be read.
    fatal = result.command != "check" and not result.partial
    out += [_function_gap("function", item, "was not analysed", fatal) for item in result.coverage.damaged]
    return out + [
        _function_gap("part", item, "was analysed in part", False) for item in result.coverage.incomplete
    ]


def _function_gap(kind: str, item: Damaged, what: str, fatal: bool) -> Gap:
    name = f"{printable(item.function)}()" if item.function else f"text of {printable(item.path)}"
    text = f"{name} {what}: {one_line(item.reason)}"
    return Gap(kind, item.path, item.line, item.function, text, fatal)


def account(found: Reported, result: Result) -> Iterator[str]:
    """A finding in lines of text: what happens, its relation to the change, the path to it, what to do."""
    yield one_line(found.message)
    yield from circumstances(found, result)
    for number, step in enumerate(found.steps, 1):
        yield f"{number}. {position(step.place)}: {one_line(step.message)}"
    if found.raised_by is not None:
        yield raised(found)
    if found.advice:
        yield f"help: {one_line(found.advice)}"
    yield f"note: qerrlint explain {found.rule}"


def circumstances(found: Reported, result: Result) -> Iterator[str]:
    """Where the finding is and its relation to the change, one sentence a line."""
    parts = [f"in {printable(found.inside)}"] if found.inside else []
    if found.status == "introduced":
        parts.append(f"introduced by {patch_name(found.patch, result) or 'the change'}")
        relations = _RELATIONS_OF_TABLES if found.of_variable else _RELATIONS
        parts.append(relations.get(found.relation or "", ""))
    elif found.status == "persisting":
        parts.append("present before the change")
    elif found.status == "fixed":
        parts.append(f"repaired by {patch_name(found.patch, result) or 'the change'}")
    if found.against == "remaining":
        parts.append("as in the earlier version")
    elif found.against == "new":
        parts.append("not in the earlier version")
    if found.confidence != "high":
        parts.append(f"{found.confidence} confidence")
    if any(parts):
        yield ", ".join(part for part in parts if part)
    if found.transient:
        by = patch_name(found.repaired_by, result) or "a later patch of the series"
        yield f"repaired by {by}; between the two patches the tree is wrong, which breaks bisection"


def raised(found: Reported) -> str:
    """Who has raised it already, or the empty text."""
    if found.raised_by is None:
        return ""
    message_id = f" in <{found.raised_by.message_id.strip('<>')}>" if found.raised_by.message_id else ""
    version = found.raised_by.version
    earlier = f", on version {version}: it is still there" if version is not None else ""
    return one_line(f"raised by {found.raised_by.sender}{message_id}{earlier}")


def patch_name(index: int | None, result: Result) -> str:
    """The name of a patch by its 1-based place in the result, or the empty text."""
    if index is None or not 1 <= index <= len(result.patches):
        return ""
    return patch_title(result.patches[index - 1])


def patch_title(patch: PatchInfo) -> str:
    """The patch's number and its subject without the tags, as one line of at most some 90 characters."""
    subject = one_line(_TAGS.sub("", patch.subject, count=1))
    subject = subject if len(subject) <= 72 else subject[:69] + "..."
    if patch.total == 1:
        number = "the patch"
    else:
        number = f"patch {patch.index}" + (f"/{patch.total}" if patch.total else "")
    return f'{number} "{subject}"' if subject else number


def position(place: Place, column: bool = True) -> str:
    """path:line:column"""
    return f"{printable(place.path)}:{place.line}" + (f":{place.column}" if column else "")


def count(number: int, noun: str) -> str:
    """The number and its noun, in the plural where it is not one."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def severities(found: list[Reported]) -> str:
    """How many of each severity, the worst first; the empty text for no findings."""
    return ", ".join(
        count(number, severity)
        for severity in ("error", "warning", "note")
        if (number := sum(item.severity == severity for item in found))
    )


def tally(result: Result) -> str:
    """How many findings there are after the change, and how many it fixes of those that are shown."""
    shown = standing(result)
    text = f"{count(len(shown), 'finding')} ({severities(shown)})" if shown else "no findings"
    brief = settled(result)
    counts = [
        f"{number} {word}"
        for word, number in (
            ("fixed", sum(item.suppressed is None for item in brief)),
            ("suppressed", sum(item.suppressed is not None for item in brief)),
        )
        if number
    ]
    return "; ".join([text, *([", ".join(counts)] if counts else [])])


_NOT_UPDATED = 3


def contract_line(one: ReportedContract) -> str:
    """What a change alters of a function's contract, and how many of its callers it leaves as they were."""
    head = f"{printable(one.path)}:{one.line}: {printable(one.name)}() {', '.join(map(one_line, one.what))}"
    if one.callers is None:
        return f"{head}; too many callers to count"
    text = f"{head}; {count(one.callers, 'caller')}"
    if not one.not_updated:
        return text + ("" if not one.callers else ", updated" if one.callers == 1 else ", all updated")
    named = [
        f"{printable(c.function)}() at {printable(c.path)}:{c.line}" for c in one.not_updated[:_NOT_UPDATED]
    ]
    more = len(one.not_updated) - len(named)
    return f"{text}, {len(one.not_updated)} not updated: {', '.join(named)}" + (
        f" and {more} more" if more else ""
    )


_GROUPS = 5


def not_shown(result: Result) -> str:
    """What findings there are beside those that are shown, with the options that show them."""
    parts = [f"{item.number} {item.what} ({item.option})" for item in result.unshown[:_GROUPS]]
    if rest := sum(item.number for item in result.unshown[_GROUPS:]):
        parts.append(f"{rest} more with several options")
    return f"not shown: {', '.join(parts)}"


def looked_at(result: Result) -> str:
    """How much was analysed, of which tree, and where declarations were searched."""
    coverage, tree = result.coverage, result.tree
    alone = tree.reach == "patch" and result.command == "check"
    reach = "declarations from each file alone" if alone else _REACH.get(tree.reach, tree.reach)
    stated = "each series on its own base" if any(bases(result)) else _base(tree, bool(result.patches))
    return (
        f"{count(coverage.functions, 'function')} in {count(coverage.files, 'file')}, "
        f"{coverage.explored} followed path by path; {stated}; {reach}"
    )


def bases(result: Result) -> list[str]:
    """The base of each series, if they differ."""
    if len({one.tree for one in result.series}) < 2:
        return []
    return [f'"{one_line(one.title)}": {_base(one.tree, True)}' for one in result.series]


def _base(tree: TreeInfo, applied: bool) -> str:
    found_by = _FOUND_BY.get(tree.base_found_by, tree.base_found_by)
    if tree.base_found_by == "none":
        return found_by
    name = printable(tree.revision)[:12] if tree.revision else printable(tree.root or "")
    return f"base {name} ({found_by})" if applied else f"{name} ({found_by})"
