# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels: known defects of a project's history, and which rules answer which class of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qerrlint.errors import InputError, UsageError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.rules.rule import RuleSet
from qerrlint.source.user_file import read_named

NO_RULE = frozenset({"other"})
"""Classes that no rule answers, whatever a rule's front matter says."""

FORM = frozenset({"message", "redundant"})
"""Classes of form rather than of behaviour."""

CORE = frozenset(
    (
        *("double-set", "stale-local", "uninit", "leak", "use-after-consume", "unset-failure", "set-success"),
        *("deref-unguarded", "guard-prepend", "unchecked-call", "wrong-check", "errno-arg", "errp-arg"),
    )
)
"""The classes that a function's body and its callees' declarations decide, where the scope is intra."""

# A class is answered by the rules whose front matter names it, and by these, which see the same defect from
# another side. The answer to a leak that is also an unset-failure needs no row: `also` is looked up alike.
_FURTHER_RULES: Mapping[str, tuple[str, ...]] = {
    "double-set": ("unchecked-call", "stale-error", "blocker-set-twice"),
    "unchecked-call": ("error-set-twice", "success-with-error"),
    "set-success": ("unchecked-call", "int-as-bool"),
}
# One family of rules answers both of these classes.
_SAME_RULES: Mapping[str, tuple[str, ...]] = {
    "blocker": ("blocker", "notifier"),
    "notifier": ("blocker", "notifier"),
}

_COMMIT = lazy_re(r"[0-9a-f]{7,64}\Z")


@record(frozen=True, slots=True)
class Label:
    """A defect that the commit `fix` mended: `file`, `function`, `line` are where it is in the fix's parent.

    `defect` is its class (the key "class" of a label file), `also` further ones; `scope` says how much must
    be known to see it (intra, interproc, semantic); `introduced` is the commit that brought it in, or None.
    """

    fix: str
    file: str
    function: str
    line: int
    defect: str
    also: tuple[str, ...]
    scope: str
    introduced: str | None
    confidence: str
    why: str

    @property
    def place(self) -> str:
        """Where it is, and in the parent of which commit."""
        return f"{self.file}:{self.line} {self.function}() before {self.fix[:10]}"

    def document(self) -> dict[str, Any]:
        """The label as a label file has it."""
        return {
            "fix": self.fix,
            "file": self.file,
            "function": self.function,
            "line": self.line,
            "class": self.defect,
            "also": list(self.also),
            "scope": self.scope,
            "introduced": self.introduced,
            "confidence": self.confidence,
            "why": self.why,
        }


def answering(label: Label, rules: RuleSet) -> frozenset[str]:
    """The ids of the rules of which a finding answers the label."""
    found: set[str] = set()
    for defect in (label.defect, *label.also):
        if defect in NO_RULE:
            continue
        names = _SAME_RULES.get(defect, (defect,))
        found |= {rule.id for rule in rules if not set(names).isdisjoint(rule.labels)}
        found |= {rule_id for rule_id in _FURTHER_RULES.get(defect, ()) if rule_id in rules}
    return frozenset(found)


def load_labels(path: str) -> tuple[Label, ...]:
    """The labels of a file, one JSON object a line; blank lines are passed over.

    Raises InputError, one line that names the file and the line, for what cannot be read or is no label.
    """
    labels: list[Label] = []
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not a JSON object: {error}") from None
        labels.append(label_of(entry, where))
    if not labels:
        raise InputError(f"{path}: no labels in this file")
    return tuple(labels)


def label_of(entry: object, where: str) -> Label:
    """The label that a JSON object holds; raises InputError, which begins with `where`, for anything else."""
    if not isinstance(entry, dict):
        raise InputError(f"{where}: not a JSON object")

    def text(key: str, default: str | None = None) -> str:
        value = entry.get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise InputError(f"{where}: {key!r}: must be a text")
        return value

    line = entry.get("line")
    if not isinstance(line, int) or isinstance(line, bool) or line < 1:
        raise InputError(f"{where}: 'line': must be a number from 1")
    also = entry.get("also") or []
    if not isinstance(also, list) or not all(isinstance(item, str) for item in also):
        raise InputError(f"{where}: 'also': must be a list of texts")
    introduced = entry.get("introduced")
    for key, commit in (("fix", text("fix")), ("introduced", introduced)):
        if commit is not None and not (isinstance(commit, str) and _COMMIT.match(commit)):
            raise InputError(f"{where}: {key!r}: must be a commit id in hexadecimal digits")
    return Label(
        fix=text("fix"),
        file=text("file"),
        function=text("function"),
        line=line,
        defect=text("class"),
        also=tuple(also),
        scope=text("scope"),
        introduced=introduced,
        confidence=text("confidence", ""),
        why=text("why", ""),
    )


def of_classes(labels: Sequence[Label], names: Iterable[str]) -> tuple[Label, ...]:
    """The labels of these classes, all if none is named; raises UsageError for a class that no label has."""
    wanted = set(names)
    known = sorted({label.defect for label in labels})
    for name in sorted(wanted):
        if name not in known:
            raise UsageError(f"no label is of the class {name!r} (known: {', '.join(known)})")
    return tuple(label for label in labels if not wanted or label.defect in wanted)


def _text(path: str) -> str:
    try:
        return read_named(path, "the labels", InputError).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text in UTF-8") from None
