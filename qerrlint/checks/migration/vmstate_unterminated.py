# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-unterminated: a list of fields or subsections has no mark at its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import seen, vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.vmstate.description import Description
from qerrlint.source.span import Span


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The lists of one file that run on after their last element."""
    for one in file.once(vmstates):
        if not one.terminated:
            yield _seen(one, one.fields_span, "fields")
        if not one.sections_end:
            yield _seen(one, one.sections_span, "subsections")


def _seen(one: Description, span: Span, what: str) -> Observation:
    end = Step(Span(span.path, span.end - 1, span.end), "the list ends here, without the mark")
    return replace(seen("vmstate-unterminated", one, span, what, {"what": what}), trail=(end,))


CHECKS = (
    FileCheck(
        "vmstate-unterminated",
        "migration",
        (event("vmstate-unterminated", "description", what="fields subsections"),),
        run,
    ),
)
