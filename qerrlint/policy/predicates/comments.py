# SPDX-License-Identifier: GPL-2.0-or-later
"""Comments at a place that say why an error is ignored there, as maintainers ask for them."""

from __future__ import annotations

from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# How many lines above a statement a comment on it may begin.
_FARTHEST = 12


def comment_says_why(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a comment at the place, or at a call of the observation, says why the failure is ignored."""
    subject = observation.subject
    calls = subject.calls if isinstance(subject, Subject) else ()
    places = (observation.primary, *(call.span for call in calls))
    return any(_says_why(analysed.unit, place) for place in places)


def comment_in_block_says_why(analysed: AnalysedFunction, observation: Observation) -> bool:
    """The same for an end of the process; one above an earlier statement of its block counts, too."""
    subject = observation.subject
    return (
        isinstance(subject, Subject)
        and subject.exit is not None
        and _says_why(analysed.unit, subject.exit, in_block=True)
    )


def _says_why(unit: TranslationUnit, span: Span, in_block: bool = False) -> bool:
    """Whether a comment on the statement's lines or right above says why the failure is ignored, or one right
    above the block that it begins; with `in_block` one above an earlier statement of the same block, too."""
    lines = unit.lines
    first, _ = lines.position(span.start)
    last, _ = lines.position(span.end)
    above: list[bytes] = []
    line = first - 1
    while line > 0 and first - line <= _FARTHEST:
        text = lines.text(line).strip()
        if text.startswith((b"/*", b"*", b"//")) or text.endswith(b"*/"):
            above.append(text)
        elif line == first - 1 and text.endswith(b"{"):
            pass  # the first statement of a block: a comment above the block is about it, too
        elif not (in_block and text and not above):
            break
        line -= 1
    texts = (*reversed(above), *(lines.text(line) for line in range(first, last + 1)))
    comments = [text for text in texts if b"/*" in text or b"//" in text or text.startswith(b"*")]
    return word_list("reasons-to-ignore").matches(b"\n".join(comments).decode("utf-8", "replace"))
