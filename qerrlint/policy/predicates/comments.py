# SPDX-License-Identifier: GPL-2.0-or-later
"""Comments at a place that say why an error is ignored there, as maintainers ask for them."""

from __future__ import annotations

from qerrlint.checks.comments import admits, comments_at
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span


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


def comment_says_it_stays(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Whether a comment at the call that acquires something says that it is not meant to be freed."""
    unit, place = analysed.unit, observation.primary
    return word_list("meant-to-stay").matches(comments_at(unit, place)) and not admits(unit, place)


def comment_says_it_is_done(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a comment at a message, or above it in its block, says that the work is done already."""
    done = word_list("work-done-already").matches(
        comments_at(analysed.unit, observation.primary, in_block=True)
    )
    return done and observation.slots["form"] == "report" and not admits(analysed.unit, observation.primary)


def _says_why(unit: TranslationUnit, span: Span, in_block: bool = False) -> bool:
    """Whether a comment there says why the failure is ignored, and not that it is still to be handled."""
    excused = word_list("reasons-to-ignore").matches(comments_at(unit, span, in_block))
    return excused and not admits(unit, span)
