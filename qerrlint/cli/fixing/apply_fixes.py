# SPDX-License-Identifier: GPL-2.0-or-later
"""What `check --diff` and `check --fix` do with the findings shown: write a diff, or change files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qerrlint.cli.tell import tell
from qerrlint.errors import InputError, UsageError

if TYPE_CHECKING:
    from qerrlint.cli.settings import Settings
    from qerrlint.result import Reported
    from qerrlint.review.fixes.fixed_files import Refused
    from qerrlint.source.source import Source


def refuse_objects(source: Source) -> None:
    """Raise UsageError unless the tree lies in files that may be written."""
    from qerrlint.source.directory import DirectorySource

    if not isinstance(source, DirectorySource):
        raise UsageError(f"{source.root}: --fix changes files of a work tree, not git's objects (use --diff)")


def print_diff(source: Source, settings: Settings, shown: Sequence[Reported]) -> None:
    """Write the fixes as a unified diff to standard output, what was refused to standard error."""
    from qerrlint.review.fixes.fixed_files import fix_files, unified

    refused: list[Refused] = []
    stream = sys.stdout.buffer
    for file in fix_files(source, shown, settings.all_rules, settings.reach):
        refused += file.refused
        for line in unified([file]):
            stream.write(line)
    stream.flush()
    tell_refused(refused)


def make_fixes(source: Source, settings: Settings, shown: Sequence[Reported]) -> list[Reported]:
    """Change the files; return the findings that are left. Says on standard error what was done."""
    from qerrlint.report.wording import count
    from qerrlint.review.fixes.fixed_files import Refused, fix_files
    from qerrlint.review.folding import folded
    from qerrlint.source.directory import DirectorySource
    from qerrlint.source.writing import replace_file

    assert isinstance(source, DirectorySource)
    refused: list[Refused] = []
    mended: list[Reported] = []
    written = 0
    for file in fix_files(source, shown, settings.all_rules, settings.reach):
        refused += file.refused
        if file.old == file.new:
            continue
        try:
            replace_file(source, file.path, file.old, file.new)
        except InputError as error:
            refused += [Refused(item, str(error)) for item in file.mended]
            continue
        written += 1
        mended += file.mended
    tell_refused(refused)
    if not settings.options.quiet:
        told = len(folded(mended, settings.all_rules))
        tell(f"fixed {count(told, 'finding')} in {count(written, 'file')}", head="")
    done = {id(item) for item in mended}
    return [item for item in shown if id(item) not in done]


def tell_refused(refused: Sequence[Refused]) -> None:
    """Name on standard error the findings that were not fixed, and why."""
    for item in refused:
        place = item.found.place
        text = f"{place.path}:{place.line}: {item.found.rule}: not fixed: {item.reason}"
        print(text.encode("utf-8", "backslashreplace").decode("utf-8"), file=sys.stderr)
