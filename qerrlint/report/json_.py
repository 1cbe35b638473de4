# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON for programs: a Result as a document of schema/qerrlint-1.schema.json.

Fields are only added to the schema: each keeps its name and meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from qerrlint import __version__
from qerrlint.report.jsontext import write_json
from qerrlint.result import Damaged, PatchInfo, Reported, ReportedExemption, ReportedFix, Result, SeriesInfo

if TYPE_CHECKING:
    from qerrlint.result import Against

SCHEMA = "qerrlint/1"
"""The schema id that every document names."""


def write(result: Result, stream: TextIO) -> None:
    """Write the document and a newline; bytes that are not UTF-8 stand in it as the text `\\xNN`."""
    write_json(document(result), stream)


def document(result: Result) -> dict[str, Any]:
    """The document as plain dicts and lists, its keys in the order of the schema."""
    tree, coverage = result.tree, result.coverage
    return {
        "schema": SCHEMA,
        "tool": {"name": "qerrlint", "version": __version__},
        "command": result.command,
        "tree": {
            "root": tree.root,
            "revision": tree.revision,
            "base_found_by": tree.base_found_by,
            "reach": tree.reach,
        },
        "patches": [_patch(patch) for patch in result.patches],
        "findings": [_finding(found, result.patches) for found in result.findings],
        "coverage": {
            "files": coverage.files,
            "functions": coverage.functions,
            "explored": coverage.explored,
            "damaged": [_damaged(damaged) for damaged in coverage.damaged],
            "incomplete": [_damaged(damaged) for damaged in coverage.incomplete],
            "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in coverage.skipped],
        },
        "summary": {
            status: result.summary.get(status, 0)
            for status in ("introduced", "fixed", "persisting", "suppressed")
        },
        "notices": list(result.notices),
        "series": [_series(one) for one in result.series],
        "against": None if result.against is None else _against(result.against),
        "exempted": [_exempted(found) for found in result.exempted],
        "contracts": [
            {
                "name": one.name,
                "path": one.path,
                "line": one.line,
                "changes": list(one.what),
                "callers": one.callers,
                "not_updated": [
                    {"path": caller.path, "line": caller.line, "function": caller.function}
                    for caller in one.not_updated
                ],
            }
            for one in result.contracts
        ],
    }


def _exempted(found: ReportedExemption) -> dict[str, Any]:
    return {
        "exemption": found.exemption,
        "effect": found.effect,
        "rule": found.rule,
        "path": found.path,
        "line": found.line,
        "function": found.function,
        "reason": found.reason,
    }


def _series(one: SeriesInfo) -> dict[str, Any]:
    return {
        "title": one.title,
        "message_id": one.message_id,
        "version": one.version,
        "total": one.total,
        "missing": list(one.missing),
        "prerequisites": [
            {"kind": kind, "id": ident, "found": found} for kind, ident, found in one.prerequisites
        ],
        "revision": one.tree.revision,
        "base_found_by": one.tree.base_found_by,
    }


def _against(against: Against) -> dict[str, Any]:
    outcomes = [sequel.outcome for sequel in against.findings]
    return {
        "version": against.version,
        "title": against.title,
        "message_id": against.message_id,
        "revision": against.tree.revision,
        "base_found_by": against.tree.base_found_by,
        "findings": [
            {
                "rule": sequel.found.rule,
                "path": sequel.found.place.path,
                "line": sequel.found.place.line,
                "function": sequel.found.function,
                "message": sequel.found.message,
                "fingerprint": sequel.found.fingerprint,
                "raised_by": _raised(sequel.found),
                "outcome": sequel.outcome,
                "now": None
                if sequel.now is None
                else {
                    "path": sequel.now.place.path,
                    "line": sequel.now.place.line,
                    "fingerprint": sequel.now.fingerprint,
                },
            }
            for sequel in against.findings
        ],
        "remarks": [
            {
                "from": remark.sender,
                "message_id": remark.message_id,
                "patch": remark.patch,
                "path": remark.path,
                "line": remark.line,
                "rule": remark.rule,
                "outcome": remark.outcome,
            }
            for remark in against.remarks
        ],
        "summary": {
            **{outcome: outcomes.count(outcome) for outcome in ("addressed", "remaining", "unknown")},
            "new": against.new,
        },
    }


def _patch(patch: PatchInfo) -> dict[str, Any]:
    return {
        "index": patch.index,
        "total": patch.total,
        "version": patch.version,
        "subject": patch.subject,
        "message_id": patch.message_id,
        "applied": patch.applied,
        "files": list(patch.files),
        "problems": list(patch.problems),
        "series": patch.series,
        "already_applied": patch.already_applied,
    }


def _finding(found: Reported, patches: Sequence[PatchInfo]) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "severity": found.severity,
        "confidence": found.confidence,
        "path": found.place.path,
        "line": found.place.line,
        "column": found.place.column,
        "end_line": found.place.end_line,
        "end_column": found.place.end_column,
        "function": found.function,
        "message": found.message,
        "advice": found.advice,
        "steps": [
            {
                "path": step.place.path,
                "line": step.place.line,
                "column": step.place.column,
                "message": step.message,
            }
            for step in found.steps
        ],
        "fingerprint": found.fingerprint,
        "status": found.status,
        "relation": found.relation,
        "patch": _index(found.patch, patches),
        "transient": found.transient,
        "repaired_by": _index(found.repaired_by, patches),
        "diff_line": found.diff_line,
        "raised_by": _raised(found),
        "suppressed": None if found.suppressed is None else {"reason": found.suppressed},
        "fixes": [_fix(fix) for fix in found.fixes],
        "series": patches[found.patch - 1].series
        if found.patch is not None and found.patch <= len(patches)
        else None,
        "against": found.against,
    }


def _raised(found: Reported) -> dict[str, Any] | None:
    raised = found.raised_by
    if raised is None:
        return None
    return {"from": raised.sender, "message_id": raised.message_id, "version": raised.version}


def _index(number: int | None, patches: Sequence[PatchInfo]) -> int | None:
    """The patch's own index in its series (2 of "2/7"), by which `patches` names it."""
    if number is None or number > len(patches):
        return number
    return patches[number - 1].index


def _fix(fix: ReportedFix) -> dict[str, Any]:
    return {
        "description": fix.description,
        "edits": [
            {
                "path": edit.place.path,
                "start_line": edit.place.line,
                "start_column": edit.place.column,
                "end_line": edit.place.end_line,
                "end_column": edit.place.end_column,
                "text": edit.text,
            }
            for edit in fix.edits
        ],
    }


def _damaged(damaged: Damaged) -> dict[str, Any]:
    return {
        "path": damaged.path,
        "line": damaged.line,
        "function": damaged.function,
        "reason": damaged.reason,
    }
