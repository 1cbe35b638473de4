# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts on findings, one JSON object a line: reads, checks and merges them; it runs no analysis."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

_TEXTS = ("fingerprint", "rule", "path", "function", "revision", "verdict", "why")
_KEYS = frozenset((*_TEXTS, "line"))
_FORMS = {
    "fingerprint": re.compile(r"[0-9a-f]{8,64}\Z"),
    "rule": re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z"),
    "revision": re.compile(r"[0-9a-f]{7,40}\Z"),
    "path": re.compile(r"(?!/)[^\x00-\x1f]+\Z"),
    "verdict": re.compile(r"true\Z|tolerated\Z|false\Z"),
    "why": re.compile(r"[^\x00-\x1f]*\S[^\x00-\x1f]*\Z"),
}


class VerdictError(Exception):
    """One line that names the file and line, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a finding of `revision` is right, by somebody who read the code; `why` is one line.

    `verdict`: "true" (a maintainer would take a patch), "tolerated" (what is said holds, and nobody would act
    on it) or "false".
    """

    fingerprint: str
    rule: str
    path: str
    line: int
    function: str
    revision: str
    verdict: str
    why: str

    @property
    def key(self) -> tuple[str, str]:
        """What a verdict is known by within its revision."""
        return self.fingerprint, self.path

    @property
    def holds(self) -> bool:
        """Whether what the finding says holds, whatever a maintainer would make of it."""
        return self.verdict != "false"


def parse(text: str, where: str) -> Verdict:
    """The verdict of one line; raises VerdictError, with `where` in front, for anything but a whole one."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise VerdictError(f"{where}: no JSON: {error}") from None
    if not isinstance(found, dict):
        raise VerdictError(f"{where}: not an object")
    missing, unknown = sorted(_KEYS - found.keys()), sorted(found.keys() - _KEYS)
    if missing or unknown:
        raise VerdictError(
            f"{where}: " + (f"no {missing[0]!r}" if missing else f"unknown key {unknown[0]!r}")
        )
    line = found["line"]
    if not isinstance(line, int) or isinstance(line, bool) or line < 1:
        raise VerdictError(f"{where}: 'line' is no line number: {json.dumps(line)}")
    for key in _TEXTS:
        form = _FORMS.get(key)
        if not isinstance(found[key], str) or (form is not None and not form.match(found[key])):
            raise VerdictError(f"{where}: {key!r} cannot be {json.dumps(found[key])}")
    return Verdict(**found)


def load(path: Path) -> list[Verdict]:
    """The verdicts of a file in order; raises VerdictError for a bad line or two verdicts on one finding."""
    verdicts = _lines(path)
    first: dict[tuple[str, str, str], int] = {}
    for number, verdict in verdicts:
        ident = (verdict.revision, *verdict.key)
        if ident in first:
            raise VerdictError(f"{path}:{number}: a second verdict on the finding of line {first[ident]}")
        first[ident] = number
    return [verdict for _, verdict in verdicts]


def _lines(path: Path) -> list[tuple[int, Verdict]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise VerdictError(f"{path}: cannot be read: {why}") from None
    return [
        (number, parse(line, f"{path}:{number}"))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]


def merge(into: Path, files: Iterable[Path]) -> int:
    """Write the verdicts of `into` (if it is there) and of the files there, sorted; return how many.

    Of two verdicts on one finding the later stays: later in a file, or in a later file.
    """
    kept: dict[tuple[str, str, str], Verdict] = {}
    for path in ([into] if into.exists() else []) + list(files):
        for _, verdict in _lines(path):
            ident = (verdict.revision, *verdict.key)
            kept[ident] = verdict
    ordered = sorted(kept.values(), key=lambda v: (v.path, v.line, v.rule, v.fingerprint, v.revision))
    text = "".join(json.dumps(asdict(verdict), ensure_ascii=False) + "\n" for verdict in ordered)
    into.write_text(text, encoding="utf-8", newline="\n")
    return len(ordered)
