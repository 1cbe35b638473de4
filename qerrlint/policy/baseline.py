# SPDX-License-Identifier: GPL-2.0-or-later
"""Baseline: findings that are known and accepted, one a line of a text file.

    0123456789abcdef error-set-twice quartz_realize hw/timer/quartz.c

Fingerprint, rule, function (`-`: none), path. The fingerprint alone names the finding; the path tells
equal ones apart. Lines are sorted by path, function, rule and fingerprint, so that the file is the same
whoever writes it and two branches that change it mostly merge. `#` begins a comment line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from qerrlint.errors import UsageError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.result import Reported
from qerrlint.source.source import Source
from qerrlint.source.user_file import read_named

DEFAULT = ".qerrlint-baseline"
"""The file at the tree's root that is read when the configuration names no other."""

REASON = "in the baseline"
"""The reason of a suppression that the baseline makes."""

_HEAD = (
    "# qerrlint baseline 1: findings that are known and do not count. Written by `qerrlint baseline`.\n"
    "# fingerprint rule function path\n"
)
_LINE = lazy_re(
    r"(?P<fingerprint>[0-9a-f]{16}) (?P<rule>[a-z]+(?:-[a-z]+)*) (?P<function>\S+) (?P<path>.+)\Z"
)


@record(frozen=True, slots=True)
class Entry:
    """One accepted finding."""

    fingerprint: str
    rule: str
    function: str
    path: str

    def __str__(self) -> str:
        """The entry as it stands in the file."""
        return f"{self.fingerprint} {self.rule} {self.function} {self.path}"


def entry_of(found: Reported) -> Entry:
    """The entry that accepts a finding."""
    function = "".join(found.function.split()) or "-"
    return Entry(found.fingerprint, found.rule, function, found.place.path.replace("\n", "?"))


def parse(data: bytes, name: str) -> tuple[Entry, ...]:
    """The entries of a file, in its order. Raises UsageError, one line with `name` and the line's number."""
    text = data.decode("utf-8", "surrogateescape")
    out: list[Entry] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None:
            raise UsageError(f"{name}: line {number}: not `fingerprint rule function path`")
        out.append(Entry(**found.groupdict()))
    return tuple(out)


def beyond(entries: Iterable[Entry], others: Iterable[Entry]) -> list[Entry]:
    """The entries, in their order, that name a finding more often than `others` do."""
    left = Counter(entry.fingerprint for entry in others)
    out: list[Entry] = []
    for entry in entries:
        left[entry.fingerprint] -= 1
        if left[entry.fingerprint] < 0:
            out.append(entry)
    return out


def render(entries: Iterable[Entry]) -> bytes:
    """The file with these entries."""
    lines = sorted(entries, key=lambda e: (e.path, e.function, e.rule, e.fingerprint))
    return (_HEAD + "".join(f"{entry}\n" for entry in lines)).encode("utf-8", "surrogateescape")


@record(frozen=True, slots=True)
class Matched:
    """The entry that accepts a finding, by the index of the finding; `stale` are those that accept none."""

    accepted: dict[int, Entry]
    stale: tuple[Entry, ...]


def match(found: Sequence[Reported], entries: Sequence[Entry], exists: Callable[[str], bool]) -> Matched:
    """Which entry accepts which of the findings (by index): each entry one, in the order of the findings.

    An entry of another file accepts a finding only where that file is gone: moved or renamed.
    """
    waiting = Counter((entry.fingerprint, entry.path) for entry in entries)
    by_key = {(entry.fingerprint, entry.path): entry for entry in entries}
    accepted: dict[int, Entry] = {}

    def take(index: int, key: tuple[str, str]) -> bool:
        if waiting[key] <= 0:
            return False
        waiting[key] -= 1
        accepted[index] = by_key[key]
        return True

    # What a change has fixed needs no entry; what was there before takes its own before what is new.
    order = [i for i, item in enumerate(found) if item.status != "fixed"]
    order.sort(key=lambda i: found[i].status == "introduced")
    left = [i for i in order if not take(i, (found[i].fingerprint, found[i].place.path))]
    gone: dict[str, list[str]] = {}
    for entry in sorted(by_key.values(), key=lambda e: e.path):
        if not exists(entry.path):
            gone.setdefault(entry.fingerprint, []).append(entry.path)
    for i in left:
        paths = gone.get(found[i].fingerprint, ())
        any(take(i, (found[i].fingerprint, path)) for path in paths)
    stale = [
        by_key[key]
        for key, count in sorted(waiting.items(), key=lambda kc: kc[0][::-1])
        for _ in range(count)
    ]
    return Matched(accepted, tuple(stale))


@record(frozen=True, slots=True)
class Baseline:
    """The accepted findings and the file that they stand in; `origin` is None where there is no such file."""

    entries: tuple[Entry, ...] = ()
    origin: str | None = None


def load_baseline(source: Source | None, given: str | None = None, configured: str | None = None) -> Baseline:
    """The file `given`, else the one of the tree that is `configured`, else DEFAULT at its root, else none.

    Raises UsageError, one line that names the file, for what cannot be read or is no baseline.
    """
    if given is not None:
        return Baseline(parse(read_named(given, "the baseline", UsageError), given), given)
    name = configured or DEFAULT
    found = source.read(name) if source is not None else None
    return Baseline(parse(found, name), name) if found is not None else Baseline()
