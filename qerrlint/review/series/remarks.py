# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a reviewer's remark is about a finding: it stands at its place, and speaks of its subject."""

from __future__ import annotations

import re

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.thread import Remark
from qerrlint.records import record
from qerrlint.rules.rule import Rule

# An identifier of several words, such as a macro's or a function's: hardly a word of plain English.
_NAME = lazy_re(r"\b[A-Za-z]\w*_\w+")
# Names that every finding mentions tell nothing of this one.
_COMMON = frozenset({"local_err", "error_setg"})


@record(frozen=True, slots=True)
class Topic:
    """What a remark has to be about: `rule` at `line` of the patch (None: the patch does not show it), in
    `function`, which the patch shows in `shown`; `text` is what the finding says, and its statement."""

    rule: Rule
    path: str
    line: int | None
    function: str
    text: str
    shown: frozenset[int] = frozenset()


def about(remark: Remark, topic: Topic) -> bool:
    """Whether a remark is about the topic.

    Near its line (the quote above or below the remark shows it) one word of the rule's subject, or a name
    that the finding uses, is enough; of a rule about the form of a text names do not count, because they
    stand in every remark on the line. Elsewhere in the function both are needed, or a name that is the
    subject, such as a macro's. A remark that names the function and the rule, or its file, counts anywhere.
    """
    said = remark.remark
    subject = [word for word in topic.rule.subject or _words(topic.rule.id) if _mentions(said, word)]
    names = (set(_NAME.findall(said)) & set(_NAME.findall(topic.text))) - _COMMON
    shown = {*remark.covers, *remark.below}
    if remark.path == topic.path and topic.line is not None and topic.line in shown:
        return bool(subject) or (bool(names) and not topic.rule.touched_only)
    if remark.path == topic.path and shown & topic.shown:
        return bool(subject) and (bool(names) or any(_NAME.fullmatch(word) for word in subject))
    if topic.line is not None or not topic.function:
        return False
    if re.search(rf"\b{re.escape(topic.function)}\b", said) is None:
        return False
    return topic.rule.id in said or topic.path in said or remark.path == topic.path


def _words(ident: str) -> list[str]:
    """The words of a rule's id that carry its meaning."""
    return [word for word in ident.split("-") if len(word) > 3 and word != "error"]


def _mentions(text: str, word: str) -> bool:
    """Whether a word of the text begins with `word`; in capitals only where `word` is written so."""
    flags = re.IGNORECASE if word == word.lower() else 0
    start = r"(?<![A-Za-z0-9_])" if word[:1].isalnum() else ""
    return re.search(start + re.escape(word), text, flags) is not None
