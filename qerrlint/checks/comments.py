# SPDX-License-Identifier: GPL-2.0-or-later
"""Comments at a place that say why an error is ignored there, as maintainers ask for them."""

from __future__ import annotations

import re

from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# Peter Maydell in the founding thread: a good reason to ignore the error belongs into a comment.
_EXCUSED = re.compile(
    rb"ignor|best[- ]effort|not fatal|non-?fatal|cannot fail|can't fail|never fails|nothing (?:we|to) can|"
    rb"no way to report|cannot recover|can't recover|last resort|"
    rb"harmless|never (?:happen|reach|get here)|not reached|cannot happen|can't happen|on purpose|deliberate|"
    rb"not an error|isn't an error|fall ?back",
    re.IGNORECASE,
)


def excused(unit: TranslationUnit, span: Span, in_block: bool = False) -> bool:
    """Whether a comment on the statement's lines or right above says why the failure is ignored; with
    `in_block` one above an earlier statement of the same block, or above the block, too."""
    lines = unit.lines
    first, _ = lines.position(span.start)
    last, _ = lines.position(span.end)
    texts = [lines.text(line) for line in range(first, last + 1)]
    line, seen = first - 1, False
    while line > 0 and first - line <= 12:
        text = lines.text(line).strip()
        if not text.startswith((b"/*", b"*", b"//")) and not text.endswith(b"*/"):
            if not (in_block and text and not seen):
                break
            line -= 1
            continue
        seen = True
        texts.append(text)
        line -= 1
    comments = b"\n".join(t for t in texts if b"/*" in t or b"//" in t or t.startswith(b"*"))
    return bool(_EXCUSED.search(comments))
