# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's data: labels, and where each labelled function stands in the revisions looked at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from qerrlint.replay.labels import Label, load_labels

HERE = Path(__file__).parent
LABELS = HERE / "labels"
EXTENTS = HERE / "extents.jsonl"
ROLES = ("before", "after", "unchanged", "introduced")
"""The revisions of a label: before and after its fix; before and after the change that brought it in."""

Key = tuple[str, str, str, int, str]


@dataclass(frozen=True, slots=True)
class Extent:
    """A function (or table) in a file of a revision: its first and last line."""

    revision: str
    path: str
    first: int
    last: int

    @property
    def file(self) -> str:
        """Where an export keeps the file: a folder for the revision, in it the path."""
        return f"{self.revision}/{self.path}"


def key_of(label: Label) -> Key:
    """What tells labels apart."""
    return label.fix, label.file, label.function, label.line, label.defect


def all_labels(names: Iterable[str] = ()) -> list[Label]:
    """The labels of the named files (without their ending), or of all."""
    chosen = list(names) or sorted(path.stem for path in LABELS.glob("*.jsonl"))
    return [label for name in chosen for label in load_labels(str(LABELS / f"{name}.jsonl"))]


def load_extents(path: Path = EXTENTS) -> dict[Key, dict[str, Extent]]:
    """The extents of each label by role; a role that has none is absent."""
    found: dict[Key, dict[str, Extent]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        key = (entry["fix"], entry["file"], entry["function"], entry["line"], entry["class"])
        found[key] = {role: Extent(**entry[role]) for role in ROLES if role in entry}
    return found


def save_extents(labels: Sequence[Label], extents: Mapping[Key, Mapping[str, Extent]]) -> None:
    """Write the extents, one label a line."""
    lines = []
    for label in labels:
        entry: dict[str, object] = dict(
            zip(("fix", "file", "function", "line", "class"), key_of(label), strict=True)
        )
        entry |= {role: asdict(extent) for role, extent in extents[key_of(label)].items()}
        lines.append(json.dumps(entry) + "\n")
    EXTENTS.write_text("".join(lines), encoding="utf-8")
