# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-unterminated: a list of fields or subsections has no mark at its end."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import seen, vmstates
from qerrlint.findings import Observation


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The lists of one file that run on behind their last element."""
    for one in file.once(vmstates):
        if not one.terminated:
            yield seen("vmstate-unterminated", one, one.fields_span, "fields", {"what": "fields"})
        if not one.sections_end:
            yield seen("vmstate-unterminated", one, one.sections_span, "subsections", {"what": "subsections"})


CHECKS = (
    FileCheck(
        "vmstate-unterminated",
        "migration",
        (event("vmstate-unterminated", "description", what="fields subsections"),),
        run,
    ),
)
