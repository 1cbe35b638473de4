# SPDX-License-Identifier: GPL-2.0-or-later
"""Rule files: read and validate one rules/<id>.md; does not find them and does not word findings.

TOML front matter between `+++` lines (id, title, since, analysis, event, severity, confidence, message,
advice; optional fix, where, labels, subject, fold, enabled, touched-only, change-only, uses, [[case]] and
[[pair]] tables), then the rule's page under HEADINGS. The form of a [[pair]] is rulepairs'.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from qerrlint.checks.check import EventType
from qerrlint.domain.ownership import Pair
from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, SEVERITIES
from qerrlint.lazy_patterns import lazy_re
from qerrlint.rules.pairs import parse_pairs
from qerrlint.rules.rule import FENCE, HEADINGS, SLOT, Case, Rule, Where, page_sections
from qerrlint.source.parsed_tables import BUNDLED
from qerrlint.source.toml import TomlError, read_toml

LABELS = frozenset(
    (
        *("abort-fatal", "blocker", "cleanup-missing", "deref-unguarded", "double-set", "errno-arg"),
        *("errp-arg", "guard-prepend", "leak", "message", "notifier", "other", "redundant"),
        *("report-in-errp", "set-success", "stale-local", "swallowed", "unchecked-call", "uninit"),
        *("unset-failure", "use-after-consume", "wrong-check"),
        # Device models: tables, life cycle, state, guest.
        *("class-size", "deleted-not-freed", "device-not-migrated", "device-not-reset", "direct-receive"),
        *("double-acquire", "failed-realize-leak", "global-in-init", "guest-abort", "guest-division"),
        *("guest-print", "instance-size", "local-leak", "lock-held", "lost-pointer", "mmio-field-twice"),
        *("mmio-index-range", "mmio-no-callback", "no-flush-after-enable", "phase-leak"),
        *("state-not-migrated", "state-not-reset", "vmstate-layout-changed", "vmstate-shape"),
        *("use-after-free", "vmstate-twice", "vmstate-unterminated", "vmstate-wrong-struct", "wrong-phase"),
    )
)
"""The classes of labelled defects (`qerrlint replay`) that a rule may answer."""

Events = Mapping[str, Mapping[str, EventType]]
"""The events by their families and names."""

FOLDS = ("", "function", "name")
"""Which findings are told as one: those of a function, or the notes on functions of one name."""

_TEXTS = ("id", "title", "since", "analysis", "event", "severity", "confidence", "message", "advice")
_KEYS = frozenset(
    (
        *(*_TEXTS, "fix", "where", "labels", "subject", "fold", "enabled", "touched-only", "change-only"),
        *("case", "pair", "uses"),
    )
)
_CASE_KEYS = frozenset(("where", "message", "severity", "confidence", "advice"))
_ID = lazy_re(r"[a-z]+(?:-[a-z]+)*\Z")


@lru_cache(maxsize=256)
def parse_rule(data: bytes, path: str, trusted: bool = False) -> Rule:
    """One rule from the bytes of its file; `path` serves for messages and gives the stem.

    A `trusted` file is known to fit the events of the checks, which are not imported for it.
    Raises UsageError, one line that begins with `path`, when anything is missing, unknown or ill-formed.
    """
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 (byte {error.start})") from error
    head, found, page = text.removeprefix("+++\n").partition("\n+++\n")
    if not text.startswith("+++\n") or not found:
        raise UsageError(f"{path}: does not begin with TOML front matter between two `+++` lines")
    try:
        # One line more, for the opening `+++`, so that the position in the message is the file's.
        table = (BUNDLED.table if trusted else read_toml)(b"\n" + head.encode("utf-8"))
    except TomlError as error:
        raise UsageError(f"{path}: bad TOML in the front matter: {error}") from error
    rule = _rule(table, path, page, None if trusted else _events())
    sections = page_sections(page)
    if not page.lstrip("\n").startswith("## "):
        raise UsageError(f"{path}: text between the front matter and the first heading is shown nowhere")
    if tuple(sections) != HEADINGS:
        missing = [heading for heading in HEADINGS if heading not in sections]
        fault = f"no heading `## {missing[0]}`" if missing else "headings are not " + " · ".join(HEADINGS)
        raise UsageError(f"{path}: {fault}")
    for heading, body in sections.items():
        if not body:
            raise UsageError(f"{path}: nothing under `## {heading}`")
        if heading in ("Bad", "Good") and not FENCE.search(body):
            raise UsageError(f"{path}: no example (a ```c block) under `## {heading}`")
    return rule


def _events() -> Events:
    from qerrlint.checks.registry import events

    return events()


def _words(table: Mapping[str, Any], key: str, path: str) -> tuple[str, ...]:
    """The words that a key has; none where it is missing."""
    words = table.get(key, [])
    if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
        raise UsageError(f"{path}: {key!r} is not a list of words")
    return tuple(words)


def _flag(table: Mapping[str, Any], key: str, path: str, default: bool) -> bool:
    """The truth value that a key has."""
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise UsageError(f"{path}: {key!r} is neither true nor false")
    return value


def _rule(table: Mapping[str, Any], path: str, page: str, events: Events | None) -> Rule:
    if unknown := sorted(table.keys() - _KEYS):
        raise UsageError(f"{path}: unknown key {unknown[0]!r} (known: {', '.join(sorted(_KEYS))})")
    for key in _TEXTS:
        if key not in table:
            raise UsageError(f"{path}: no {key!r} in the front matter")
        _one_line(table[key], key, path)
    stem = path.rpartition("/")[2].removesuffix(".md")
    if table["id"] != stem or not _ID.match(stem):
        raise UsageError(
            f"{path}: id {table['id']!r} is not the file's stem, or not lower-case words with '-'"
        )
    emission = _emission(table, path, events) if events is not None else None
    labels = _words(table, "labels", path)
    subject = _words(table, "subject", path)
    fold = table.get("fold", "")
    if fold not in FOLDS:
        raise UsageError(f"{path}: fold {fold!r} is not one of {', '.join(filter(None, FOLDS))}")
    if strange := [label for label in labels if label not in LABELS]:
        raise UsageError(f"{path}: unknown label {strange[0]!r} (known: {', '.join(sorted(LABELS))})")
    cases = table.get("case", [])
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise UsageError(f"{path}: 'case' is not an array of tables ([[case]])")
    _check_words(table, emission, path)
    if "fix" in table:
        _one_line(table["fix"], "fix", path)
    where = _where(table.get("where", {}), emission, path)
    pairs, uses = _pairs(table, emission, path)
    return Rule(
        **{key: table[key] for key in _TEXTS},
        where=where,
        labels=labels,
        subject=subject,
        fold=fold,
        cases=tuple(
            _case(case, dict(where), emission, f"{path}: case {n}") for n, case in enumerate(cases, 1)
        ),
        enabled=_flag(table, "enabled", path, default=True),
        path=path,
        page=page,
        touched_only=_flag(table, "touched-only", path, default=False),
        change_only=_flag(table, "change-only", path, default=False),
        pairs=pairs,
        uses=uses,
        fix=table.get("fix"),
    )


def _emission(table: Mapping[str, Any], path: str, events: Events) -> EventType:
    """The event that the rule listens to."""
    if (emitted := events.get(table["analysis"])) is None:
        raise UsageError(
            f"{path}: unknown analysis {table['analysis']!r} (known: {', '.join(sorted(events))})"
        )
    if (emission := emitted.get(table["event"])) is None:
        raise UsageError(
            f"{path}: analysis {table['analysis']!r} has no event {table['event']!r}"
            f" (known: {', '.join(sorted(emitted))})"
        )
    return emission


def _pairs(
    table: Mapping[str, Any], emission: EventType | None, path: str
) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The pairs that the file defines, and the names of those that it takes from other files."""
    pairs, uses = parse_pairs(table.get("pair", []), path), table.get("uses", [])
    if not isinstance(uses, list) or not all(isinstance(name, str) for name in uses):
        raise UsageError(f"{path}: 'uses' is not a list of names of pairs")
    if emission is None:
        return pairs, tuple(uses)
    if "pair" not in emission.slots:
        if pairs or uses:
            raise UsageError(f"{path}: pairs are for events of an analysis that follows them")
    elif not pairs and not uses:
        raise UsageError(f"{path}: needs a [[pair]], or 'uses' with the names of pairs")
    return pairs, tuple(uses)


def _case(table: Mapping[str, Any], outer: Mapping[str, str], emission: EventType | None, at: str) -> Case:
    if unknown := sorted(table.keys() - _CASE_KEYS):
        raise UsageError(f"{at}: unknown key {unknown[0]!r} (known: {', '.join(sorted(_CASE_KEYS))})")
    for key in sorted(table.keys() - {"where"}):
        _one_line(table[key], key, at)
    _check_words(table, emission, at)
    where = _where(table.get("where", {}), emission, at)
    if not where or len(table) == 1:
        raise UsageError(f"{at}: needs a 'where' table and something that it changes")
    for slot, value in where:
        if outer.get(slot, value) != value:
            raise UsageError(f"{at}: never fits: the rule's own 'where' wants {slot} = {outer[slot]!r}")
    return Case(where, **{key: value for key, value in table.items() if key != "where"})


def _one_line(value: object, key: str, at: str) -> None:
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        raise UsageError(f"{at}: {key!r} is not one line of text")


def _check_words(table: Mapping[str, Any], emission: EventType | None, at: str) -> None:
    for key, known in (("severity", SEVERITIES), ("confidence", CONFIDENCES)):
        if key in table and table[key] not in known:
            raise UsageError(f"{at}: {key} {table[key]!r} is not one of {', '.join(known)}")
    message = table.get("message", "")
    for slot in SLOT.findall(message):
        if emission is not None and slot not in emission.slots:
            raise UsageError(
                f"{at}: message slot {{{slot}}} is not emitted (emitted: {', '.join(emission.slots)})"
            )
    if set(SLOT.sub("", message)) & set("{}"):
        raise UsageError(f"{at}: a brace in 'message' belongs to no {{slot}}")


def _where(table: object, emission: EventType | None, at: str) -> Where:
    if not isinstance(table, dict):
        raise UsageError(f"{at}: 'where' is not a table")
    for slot, value in table.items():
        if emission is not None and slot not in emission.slots:
            raise UsageError(
                f"{at}: where: slot {slot!r} is not emitted (emitted: {', '.join(emission.slots)})"
            )
        if not isinstance(value, str):
            raise UsageError(f"{at}: where: {slot} is not compared with a string")
        closed = emission.slots[slot] if emission is not None else None
        if closed is not None and value not in closed:
            raise UsageError(f"{at}: where: {slot} is never {value!r} (values: {', '.join(sorted(closed))})")
    return tuple(table.items())
