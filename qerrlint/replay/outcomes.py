# SPDX-License-Identifier: GPL-2.0-or-later
"""Outcomes of a replay: what became of each label, and the journal that lets a later run take them up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from qerrlint.errors import InputError
from qerrlint.records import record
from qerrlint.replay.labels import Label, label_of

NEAR_LINES = 8
"""How far from the label's line a finding or one of its steps may be to count as near."""


@record(frozen=True, slots=True)
class FoundItem:
    """A finding in a labelled function: `distance` in lines from the label's, None where the label's file has
    no part in it; `status` is None at the parent of the fix."""

    rule: str
    line: int
    confidence: str
    message: str
    fingerprint: str
    distance: int | None = None
    status: str | None = None


@record(frozen=True, slots=True)
class Outcome:
    """What became of one label.

    `unfit` says why it does not apply (then it counts nowhere), `unanalysed` why its function was not
    (wholly) analysed, `crashed` names an internal error. `answers` are the findings that answer the label,
    `others` the rest of what the function got. `submitted` is None where the introducing commit is not known
    or not looked at, or where `unfit_change` says why that change does not apply; `at_submission` is what the
    review of that change said of the function, whatever the status.
    """

    label: Label
    answers: tuple[FoundItem, ...] = ()
    others: tuple[FoundItem, ...] = ()
    quiet: bool = False
    unfit: str | None = None
    unanalysed: str | None = None
    crashed: str | None = None
    submitted: bool | None = None
    unfit_change: str | None = None
    at_submission: tuple[FoundItem, ...] = ()

    @property
    def found(self) -> bool:
        """Whether a rule that answers the label speaks in its function."""
        return bool(self.answers)

    @property
    def near(self) -> bool:
        """Whether one of these findings, or a step of it, is near the label's line."""
        return any(said.distance is not None and said.distance <= NEAR_LINES for said in self.answers)

    def joined(self, other: Outcome) -> Outcome:
        """The two halves of a label's outcome as one: either is that of the introducing change."""
        at_fix, change = (self, other) if other.is_of_change else (other, self)
        return replace(
            at_fix,
            crashed=at_fix.crashed or change.crashed,
            submitted=change.submitted,
            unfit_change=change.unfit_change,
            at_submission=change.at_submission,
        )

    @property
    def is_of_change(self) -> bool:
        """Whether it says something of the change that introduced the defect."""
        return self.submitted is not None or self.unfit_change is not None


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """One outcome as plain JSON values."""
    out: dict[str, Any] = {"label": outcome.label.document(), "found": outcome.found, "near": outcome.near}
    for field in fields(Outcome):
        value = getattr(outcome, field.name)
        if isinstance(value, tuple):
            out[field.name] = [asdict(said) for said in value]
        elif field.name != "label":
            out[field.name] = value
    return out


def _outcome(entry: Mapping[str, Any], where: str) -> Outcome:
    values: dict[str, Any] = {field.name: entry[field.name] for field in fields(Outcome)}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(FoundItem(**said) for said in value)
    values["label"] = label_of(entry["label"], where)
    return Outcome(**values)


class Journal:
    """A file to which each outcome is appended, and which says what an earlier run of the same tool has done.

    "The same tool" means the same program text and rules, reach and choice about submission: outcomes of any
    other are passed over, and so is a last line that was cut short. Raises InputError for a file that cannot
    be read or written, or that holds something else.
    """

    def __init__(self, path: str, reach: str, submission: bool) -> None:
        self._path = path
        self._run = {"build": build(), "reach": reach, "submission": submission}
        self._tail = b""

    def done(self) -> dict[Label, Outcome]:
        """The outcomes of labels that need not be looked at again; none when the file is not there."""
        try:
            data = Path(self._path).read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read: {error.strerror}") from None
        *lines, tail = data.split(b"\n")
        self._tail = tail
        found: dict[Label, Outcome] = {}
        for number, line in enumerate(lines, 1):
            where = f"{self._path}:{number}"
            try:
                entry = json.loads(line)
                if entry["run"] == self._run:
                    outcome = _outcome(entry, where)
                    if outcome.crashed is None:
                        found[outcome.label] = outcome
            except (ValueError, LookupError, TypeError):
                raise InputError(f"{where}: not an outcome of a replay") from None
        return found

    def append(self, outcome: Outcome) -> None:
        """Write one outcome to the file's end."""
        line = json.dumps({"run": self._run, **outcome_document(outcome)}) + "\n"
        try:
            with open(self._path, "r+b" if self._tail else "ab") as stream:
                if self._tail:
                    stream.seek(-len(self._tail), 2)
                    stream.truncate()
                    self._tail = b""
                stream.write(line.encode("ascii"))
        except OSError as error:
            raise InputError(f"{self._path}: cannot be written: {error.strerror}") from None


def build() -> str:
    """Twelve hex digits over the program's text, rules and contracts: a changed tool has another one."""
    import hashlib

    from qerrlint.engine.store.cache_key import add_folder
    from qerrlint.source.bundled import program_folders

    digest = hashlib.sha256()
    for folder in program_folders():
        add_folder(digest, folder)
    return digest.hexdigest()[:12]
