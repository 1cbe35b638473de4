# SPDX-License-Identifier: GPL-2.0-or-later
"""The applier against `git apply` on generated files: every outcome is the same, or is said to be another.

    python bench/apply_against_git.py --count 100000 --seed 1

Files have few different lines, so that hunks fit in many places; hunks are of any order, context and stated
place, and the file that they meet has changed since. A case fails when the bytes differ, when git refuses
what is applied here without a remark, or when git applies what is refused here (but for a change that is said
to be in the file already). Failing cases are printed; the exit code is 1 if there are any.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qerrlint.patch.apply import AlreadyApplied, HunkMismatch, apply_change
from qerrlint.patch.diffparser import parse_diff

_BATCH = 400


@dataclass(frozen=True)
class Case:
    """A file's bytes (None: there is none) and a git diff of it."""

    number: int
    old: bytes | None
    diff: bytes

    @property
    def name(self) -> str:
        return f"f{self.number}"


def cases(count: int, seed: int) -> Iterator[Case]:
    """`count` cases, the same for the same seed."""
    chance = random.Random(seed)
    for number in range(count):
        yield _case(chance, number)


def _case(chance: random.Random, number: int) -> Case:
    alphabet = [b"%d" % n for n in range(chance.choice((1, 2, 2, 3, 3, 5, 12, 40)))]
    if chance.random() < 0.2:
        alphabet.append(b"")
    old = [chance.choice(alphabet) for _ in range(chance.choice((0, 1, 2, 4, 8, 15, 30)))]
    kind = chance.random()
    name = b"f%d" % number
    head = b"diff --git a/%s b/%s\n" % (name, name)
    names = b"--- a/%s\n+++ b/%s\n" % (name, name)
    if kind < 0.03:
        added = b"".join(b"+" + line + b"\n" for line in old or [b"x"])
        head += b"new file mode 100644\n--- /dev/null\n+++ b/%s\n" % name
        diff = head + b"@@ -0,0 +1,%d @@\n" % max(len(old), 1) + added
        return Case(number, chance.choice((None, None, b"", b"".join(line + b"\n" for line in old))), diff)
    if kind < 0.06 and old:
        gone = b"".join(b"-" + line + b"\n" for line in old)
        head += b"deleted file mode 100644\n--- a/%s\n+++ /dev/null\n" % name
        diff = head + b"@@ -1,%d +0,0 @@\n" % len(old) + gone
        return Case(number, _joined(chance, _changed(chance, old, alphabet, 0.3)), diff)
    hunks = _hunks(chance, old, alphabet)
    target = _changed(chance, old, alphabet, 0.35)
    return Case(number, _joined(chance, target), head + names + b"".join(hunks))


def _joined(chance: random.Random, lines: Sequence[bytes]) -> bytes:
    data = b"".join(line + b"\n" for line in lines)
    return data[:-1] if chance.random() < 0.03 else data


def _changed(
    chance: random.Random, old: Sequence[bytes], alphabet: Sequence[bytes], share: float
) -> list[bytes]:
    """The file with lines put in or left out at a few places, in a share of the cases."""
    lines = list(old)
    while chance.random() < share:
        at = chance.randint(0, len(lines))
        if chance.random() < 0.6:
            lines[at:at] = [chance.choice(alphabet) for _ in range(chance.randint(1, 4))]
        else:
            del lines[at : at + chance.randint(1, 3)]
    return lines


def _hunks(chance: random.Random, old: Sequence[bytes], alphabet: Sequence[bytes]) -> list[bytes]:
    """Hunks from top to bottom with some context, their numbers now and then wrong, sometimes shuffled."""
    found: list[bytes] = []
    width = chance.choice((0, 1, 1, 2, 3, 3))
    at = drift = 0
    while at <= len(old) and len(found) < 5:
        start = at + chance.randint(0, 6)
        if start > len(old):
            break
        gone = min(chance.choice((0, 1, 1, 2)), len(old) - start)
        new = [chance.choice([*alphabet, b"new"]) for _ in range(chance.choice((0, 1, 1, 2, 3)))]
        if not gone and not new:
            new = [b"new"]
        above = min(width if chance.random() < 0.9 else chance.randint(0, 3), start - at)
        below = min(width if chance.random() < 0.9 else chance.randint(0, 3), len(old) - start - gone)
        first = start - above
        old_count, new_count = above + gone + below, above + len(new) + below
        wrong = chance.choice((0, 0, 0, 0, 0, -2, -1, 1, 2, 9)) if chance.random() < 0.5 else 0
        old_line = max(first + (1 if old_count else 0) + wrong, 0)
        new_line = max(first + drift + (1 if new_count else 0) + wrong, 0)
        text = b"@@ -%d,%d +%d,%d @@\n" % (old_line, old_count, new_line, new_count)
        text += b"".join(b" " + line + b"\n" for line in old[first:start])
        text += b"".join(b"-" + line + b"\n" for line in old[start : start + gone])
        text += b"".join(b"+" + line + b"\n" for line in new)
        text += b"".join(b" " + line + b"\n" for line in old[start + gone : start + gone + below])
        found.append(text)
        drift += len(new) - gone
        at = start + gone + below
    if not found:
        found.append(b"@@ -1,1 +1,1 @@\n-x\n+y\n")
    if chance.random() < 0.05:
        chance.shuffle(found)
    return found


Outcome = bytes | str | None
"""The file's bytes, None for no file, or why there are none."""


def ours(case: Case) -> tuple[Outcome, bool, tuple[str, ...]]:
    """What becomes of the file here, whether it was refused, and the remarks."""
    diff = parse_diff(case.diff)
    assert len(diff.changes) == 1, case.diff
    try:
        applied = apply_change(diff.changes[0], case.old)
    except AlreadyApplied as error:
        return str(error), True, ("already",)
    except HunkMismatch as error:
        return str(error), True, ()
    # Where a hunk was found is said as git says it; other remarks tell of what git would not do.
    return applied.data, False, tuple(note for note in applied.notes if " its stated place" not in note)


class _Git:
    """`git apply` in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        dropped = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        self._env = {name: value for name, value in os.environ.items() if name not in dropped}
        self._env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C"}
        self._env["GIT_CEILING_DIRECTORIES"] = os.fspath(folder.parent)

    def all(self, group: Sequence[Case]) -> dict[int, tuple[Outcome, bool]]:
        """Each case's bytes, and whether git refused it."""
        changed = [case for case in group if b" file mode " not in case.diff.split(b"\n---", 1)[0]]
        alone = [case for case in group if case not in changed]
        found = self._together(changed)
        for case in alone:
            found[case.number] = self.one(case)
        return found

    def _together(self, group: Sequence[Case]) -> dict[int, tuple[Outcome, bool]]:
        """Changes of files in one process; with --reject the files whose hunks do not fit have a .rej."""
        for case in group:
            self._write(case)
        done = self._run(b"".join(case.diff for case in group), "--reject")
        if done not in (0, 1):  # pragma: no cover
            raise SystemExit(f"git apply ended with {done}")
        found: dict[int, tuple[Outcome, bool]] = {}
        for case in group:
            refused = (self._folder / f"{case.name}.rej").exists()
            found[case.number] = (None if refused else (self._folder / case.name).read_bytes(), refused)
        self._clear()
        return found

    def one(self, case: Case, *options: str) -> tuple[Outcome, bool]:
        """One case in a process of its own."""
        self._write(case)
        refused = self._run(case.diff, *options) != 0
        file = self._folder / case.name
        data = None if refused or not file.exists() else file.read_bytes()
        self._clear()
        return data, refused

    def _write(self, case: Case) -> None:
        if case.old is not None:
            (self._folder / case.name).write_bytes(case.old)

    def _run(self, diff: bytes, *options: str) -> int:
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", *options],
            cwd=self._folder,
            input=diff,
            capture_output=True,
            check=False,
            env=self._env,
        )
        return done.returncode

    def _clear(self) -> None:
        for file in self._folder.iterdir():
            file.unlink()


def verdict(case: Case, git: tuple[Outcome, bool], other: _Git) -> str:
    """How the two outcomes compare; what begins with "wrong" is a fault."""
    data, refused, remarks = ours(case)
    expected, git_refused = git
    if refused and git_refused:
        return "both refuse"
    if refused:
        return "said to be in the file already" if remarks else "wrong: git applies it, refused here"
    if not git_refused and data == expected:
        return "same bytes"
    if any("--unidiff-zero" in remark for remark in remarks):
        zero, zero_refused = other.one(case, "--unidiff-zero")
        same = not zero_refused and zero == data
        return "as --unidiff-zero, with a remark" if same else "at its stated line, with a remark"
    if any("would join two lines" in remark for remark in remarks):
        return "a newline at the end of the file, with a remark"
    if git_refused:
        return (
            "git refuses it, applied with a remark" if remarks else "wrong: git refuses it, applied silently"
        )
    return "wrong: other bytes"


def compare(count: int, seed: int, show: int = 3) -> Counter[str]:
    """The verdicts on `count` cases, counted; the first faults of each kind go to standard error."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        git = _Git(Path(folder))
        stream = cases(count, seed)
        while group := [case for case, _ in zip(stream, range(_BATCH), strict=False)]:
            outcomes = git.all(group)
            for case in group:
                found = verdict(case, outcomes[case.number], git)
                counts[found] += 1
                if found.startswith("wrong") and counts[found] <= show:
                    print(found, case, ours(case), outcomes[case.number], sep="\n  ", file=sys.stderr)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options = parser.parse_args()
    print(f"{options.count} cases, seed {options.seed}")
    counts = compare(options.count, options.seed)
    for found, number in counts.most_common():
        print(f"{number:9} {found}")
    return 1 if any(found.startswith("wrong") for found in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
