# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates about message texts, redundant code and signatures (the family `text`)."""

from __future__ import annotations

import re

from qerrlint.absint.reachability import reaches
from qerrlint.c.declarations.types import Signature
from qerrlint.c.format_string import ends_in_conversion
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.text.error_message_form import (
    Message,
    has_sentences,
)
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, text_of
from qerrlint.lazy_patterns import lazy_re

_INCLUDED = lazy_re(rb"^[ \t]*#[ \t]*include[ \t]*[<\"]([\w./+-]+)[>\"]", re.MULTILINE)


def _message(observation: Observation, *forms: str) -> Message | None:
    """The message of an observation of one of the forms."""
    found = observation.subject if observation.slots["form"] in forms else None
    return found if isinstance(found, Message) else None


def is_information(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """A full stop ends the text of info_report()."""
    message = _message(observation, "period")
    return message is not None and message.call.name.startswith("info_")


def is_several_sentences(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """The full stop at the end of a message closes the last of several sentences."""
    message = _message(observation, "period")
    return message is not None and has_sentences(message.phrase)


def is_printed_text(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """A line break or advice stands in a text that is printed at once and becomes no Error."""
    message = _message(observation, "line-break", "advice")
    return message is not None and not message.is_error


def is_only_system_text(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """The message is nothing but the system's text, or the number, of an errno."""
    message = _message(observation, "strerror", "errno-number")
    return message is not None and not message.format.text.replace("%s", "").strip()


def has_own_separator(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """The text in front of an Error ends in a blank, a newline or punctuation other than ":" and "."."""
    message = _message(observation, "separator")
    if message is None:
        return False
    text = message.format.text
    return text.endswith((" ", "\\n")) or not (text[-1].isalnum() or text[-1] in "_'\"`)]}:.")


def prefix_ends_in_value(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """The text in front of an Error ends in a value that is text."""
    message = _message(observation, "separator")
    return message is not None and _ends_in_text(message.format.text)


def hint_ends_in_value(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """A hint ends in a value that is text."""
    message = _message(observation, "hint-newline")
    return message is not None and _ends_in_text(message.format.text)


def _ends_in_text(format: str) -> bool:
    """Whether a format ends in %s or %c; of a number the last character is known to be a digit."""
    return ends_in_conversion(format) and format.endswith(("s", "c"))


def hint_goes_on(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """A later call of the function adds to the hint."""
    message = _message(observation, "hint-newline") or _message(observation, "hint-for-prefix")
    if message is None:
        return False
    more = {call.index for call in message.function.calls if _adds_to_hint(call, message)}
    return reaches(message.function, message.call.index, more)


def hint_lists_more(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """A text that ends with a colon gets a hint, which says what the colon announces."""
    message = _message(observation, "colon")
    if message is None:
        return False
    error = text_of(message.call.args[0])
    hints = {
        call.index
        for call in message.function.calls
        if "hint" in call.name and any(text_of(arg) == error for arg in call.args)
    }
    return reaches(message.function, message.call.index, hints)


def _adds_to_hint(call: Call, message: Message) -> bool:
    if word_list("hint-continuations").matches(call.name):
        return True
    error = text_of(message.call.args[0])
    return "hint" in call.name and any(text_of(arg) == error for arg in call.args)


def guard_has_comment(analysed: AnalysedFunction, observation: Observation) -> bool:
    """A comment stands on the line of the guard."""
    guard = observation.subject
    if observation.slots["form"] != "guard" or not isinstance(guard, Call):
        return False
    data = analysed.unit.data
    rest = data[guard.span.end :].partition(b"\n")[0]
    return b"/*" in rest or b"//" in rest


def has_prescribed_name(analysed: AnalysedFunction, _observation: Observation) -> bool:
    """By its name the function is a QMP or HMP command, a visitor, a realize, a callback or an accessor."""
    name = analysed.name
    front, _, last = name.rpartition("_")
    return (
        word_list("prescribed-prefixes").matches(name)
        or word_list("prescribed-parts").matches(name)
        or word_list("accessor-parts").matches(front)
        or word_list("callback-endings").matches(last)
    )


def takes_opaque_data(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """A parameter of the function is a Visitor or opaque data."""
    signature = observation.subject
    return isinstance(signature, Signature) and any(
        word_list("callback-parameters").matches(param.type) for param in signature.params
    )


def address_is_taken(analysed: AnalysedFunction, _observation: Observation) -> bool:
    """The file uses the function's name without calling it."""
    return analysed.unit.uses.is_handed_over(analysed.name)


def is_of_a_checksum(_file: AnalysedFile, observation: Observation) -> bool:
    """The function makes a checksum, by its name."""
    parts = observation.function.lower().split("_")
    return not {"checksum", "csum", "cksum"}.isdisjoint(parts)


def is_built_for_little_endian(file: AnalysedFile, observation: Observation) -> bool:
    """The value is right on little-endian hosts, and the file is built for no others, by what it includes."""
    if observation.slots["host"] != "big-endian":
        return False
    words = word_list("little-endian-hosts")
    included = _INCLUDED.findall(file.unit.data)
    return any(words.matches(name.decode("latin-1")) for name in included)
