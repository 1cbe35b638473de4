# SPDX-License-Identifier: GPL-2.0-or-later
"""The VMStateDescriptions of a file, as the checks of migration ask for them."""

from __future__ import annotations

from collections.abc import Mapping

from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation
from qerrlint.qemu.vmstate.description import Description, VMField, descriptions
from qerrlint.source.span import Span


def vmstates(file: AnalysedFile) -> tuple[Description, ...]:
    """The descriptions of the file, in its order."""
    return descriptions(file.unit.environment, file.unit.path, file.unit.data)


def by_variable(file: AnalysedFile) -> Mapping[str, Description]:
    """The descriptions of the file by the names of their variables."""
    return {one.variable: one for one in file.once(vmstates)}


def seen(
    event: str,
    description: Description,
    span: Span,
    key: str,
    slots: Mapping[str, str],
    certainty: str = "high",
) -> Observation:
    """An observation of a description; its variable stands for the function."""
    return Observation(
        event=event,
        function=description.variable,
        primary=span,
        key=key,
        slots={"description": description.variable, **slots},
        certainty=certainty,
        subject=description,
    )


def written(field: VMField) -> str:
    """A field as it stands in the table."""
    return f"{field.macro}({field.name or field.info or '...'})" if field.macro else field.name
