# SPDX-License-Identifier: GPL-2.0-or-later
"""SARIF 2.1.0 (OASIS, plus errata 01) for code scanning and viewers.

Columns of SARIF count characters, those of a Result bytes. Paths are relative to SRCROOT, percent-encoded
byte by byte, so any name of a file survives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TextIO
from urllib.parse import quote

from qerrlint import __version__
from qerrlint.lazy_patterns import lazy_re
from qerrlint.policy.baseline import REASON as IN_BASELINE
from qerrlint.report.jsontext import write_json
from qerrlint.report.printable import characters, one_line, printable
from qerrlint.report.wording import Gap, circumstances, gaps, patch_name
from qerrlint.result import Place, Reported, ReportedFix, Result, RuleInfo
from qerrlint.rules.rule import page_sections

Json = dict[str, Any]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "SRCROOT"
_FINGERPRINT = "qerrlint/v1"
# What SARIF would take for a link: C has calls through a table, `ops[i](errp)`.
_LINK = lazy_re(r"\[(?=[^][]*\]\()")
_BASELINE = {"introduced": "new", "persisting": "unchanged", "fixed": "absent"}
# GitHub and others sort by these; the names are theirs.
_PROBLEM = {"error": "error", "warning": "warning", "note": "recommendation"}
_NOTIFICATIONS = {
    "file": "A file was not analysed",
    "function": "A function was not analysed",
    "patch": "A patch was not applied",
    "part": "A function was analysed in part",
    "notice": "A notice about the run",
}


def write(result: Result, stream: TextIO) -> None:
    """Write one log with one run."""
    write_json(document(result), stream)


def document(result: Result) -> Json:
    """The log as plain dicts and lists."""
    spoke = {found.rule for found in result.findings}
    rules = [rule for rule in result.rules if rule.id in spoke] or _rules_of(result.findings)
    index = {rule.id: number for number, rule in enumerate(rules)}
    missing = gaps(result)
    invocation = {
        "executionSuccessful": not any(gap.fatal for gap in missing),
        "toolExecutionNotifications": [
            *map(_gap, missing),
            *(_notification("notice", "note", notice) for notice in result.notices),
        ],
    }
    root = "root of the QEMU tree" if result.tree.root is not None else "root of the tree the patches are for"
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(rules)},
                "invocations": [invocation],
                "originalUriBaseIds": {_ROOT: {"description": {"text": root}}},
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "command": result.command,
                    "revision": result.tree.revision,
                    "baseFoundBy": result.tree.base_found_by,
                    "reach": result.tree.reach,
                },
                "results": [_result(found, result, index) for found in result.findings],
            }
        ],
    }


def _driver(rules: Sequence[RuleInfo]) -> Json:
    return {
        "name": "qerrlint",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": list(map(_rule, rules)),
        "notifications": [
            {"id": kind, "shortDescription": {"text": text}} for kind, text in _NOTIFICATIONS.items()
        ],
    }


def _rules_of(findings: Iterable[Reported]) -> list[RuleInfo]:
    """The rules that have findings, for a Result that lists none."""
    seen = {found.rule: found for found in findings}
    return [
        RuleInfo(name, name, found.severity, found.confidence, found.advice, "")
        for name, found in sorted(seen.items())
    ]


def _rule(rule: RuleInfo) -> Json:
    sections = page_sections(rule.page)
    told = [sections.get(name, "").strip() for name in ("What it flags", "Why it matters", "What to do")]
    text = "\n\n".join(part for part in told if part) or rule.advice or rule.title
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": told[0] or rule.title},
        "help": {"text": text, "markdown": rule.page.strip() or text},
        "defaultConfiguration": {"enabled": rule.selected, "level": rule.severity},
        "properties": {
            "precision": rule.confidence,
            "problem.severity": _PROBLEM[rule.severity],
            "tags": ["error-handling"],
        },
    }


def _result(found: Reported, result: Result, index: dict[str, int]) -> Json:
    location = _location(found.place)
    if found.function:
        kind = "variable" if found.of_variable else "function"
        location["logicalLocations"] = [{"name": printable(found.function), "kind": kind}]
    out: Json = {
        "ruleId": found.rule,
        "ruleIndex": index.get(found.rule, -1),
        "level": found.severity,
        "message": {"text": _prose(found.message)},
        "locations": [location],
        "partialFingerprints": {_FINGERPRINT: found.fingerprint},
    }
    if found.steps:
        steps = [(step.place, _prose(step.message)) for step in found.steps]
        steps.append((found.place, _prose(found.message)))
        way = [{"location": _location(place, text)} for place, text in steps]
        out["codeFlows"] = [{"threadFlows": [{"locations": way}]}]
    if found.status is not None:
        out["baselineState"] = _BASELINE[found.status]
    if found.suppressed is not None:
        kind = "external" if found.suppressed == IN_BASELINE else "inSource"
        out["suppressions"] = [{"kind": kind, "justification": one_line(found.suppressed)}]
    if found.fixes:
        out["fixes"] = list(map(_fix, found.fixes))
    raised = found.raised_by
    out["properties"] = {
        "confidence": found.confidence,
        "circumstances": list(circumstances(found, result)),
        "relation": found.relation,
        "patch": patch_name(found.patch, result) or None,
        "transient": found.transient,
        "raisedBy": None
        if raised is None
        else {"from": printable(raised.sender), "messageId": raised.message_id},
        "advice": one_line(found.advice),
    }
    return out


def _fix(fix: ReportedFix) -> Json:
    replacements: dict[str, list[Json]] = {}
    for edit in fix.edits:
        replacements.setdefault(edit.place.path, []).append(
            {"deletedRegion": _region(edit.place), "insertedContent": {"text": edit.text}}
        )
    return {
        "description": {"text": one_line(fix.description)},
        "artifactChanges": [
            {"artifactLocation": _artifact(path), "replacements": edits}
            for path, edits in replacements.items()
        ],
    }


def _location(place: Place, message: str | None = None) -> Json:
    location: Json = {
        "physicalLocation": {"artifactLocation": _artifact(place.path), "region": _region(place)}
    }
    return location if message is None else {**location, "message": {"text": message}}


def _artifact(path: str) -> Json:
    return {"uri": quote(path.encode("utf-8", "surrogateescape")), "uriBaseId": _ROOT}


def _region(place: Place) -> Json:
    end_source = place.end_source or (place.source if place.end_line == place.line else "")
    return {
        "startLine": place.line,
        "startColumn": characters(place.source, place.column),
        "endLine": place.end_line,
        "endColumn": characters(end_source, place.end_column),
    }


def _prose(text: str) -> str:
    """A message of one line with nothing in it that reads as a link (SARIF 2.1.0, 3.11.6)."""
    return _LINK.sub(r"\\[", one_line(text))


def _gap(gap: Gap) -> Json:
    level = "error" if gap.fatal else "note" if gap.kind == "part" else "warning"
    out = _notification(gap.kind, level, gap.text)
    if gap.path is not None:
        place: Json = {"artifactLocation": _artifact(gap.path)}
        if gap.kind in ("function", "part"):
            place["region"] = {"startLine": gap.line}
        out["locations"] = [{"physicalLocation": place}]
    return out


def _notification(kind: str, level: str, text: str) -> Json:
    descriptor = {"id": kind, "index": list(_NOTIFICATIONS).index(kind)}
    return {"descriptor": descriptor, "level": level, "message": {"text": _prose(text)}}
