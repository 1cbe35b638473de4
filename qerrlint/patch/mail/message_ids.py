# SPDX-License-Identifier: GPL-2.0-or-later
"""Message-ids as users give them: bare, in angle brackets, or in the address of an archive's page."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from qerrlint.lazy_patterns import lazy_re

_IDENT = lazy_re(r"[^\s/@<>]+@[^\s/@<>]+")
_URL = lazy_re(r"https?://", re.I)


def is_address(text: str) -> bool:
    """Whether a text is the address of a page."""
    return _URL.match(text) is not None


def message_id(text: str) -> str | None:
    """The message-id that a text is, or that the path of an address has; None where there is none.

    public-inbox (lore.kernel.org/LIST/MSGID/, /r/MSGID, with T, t or raw after it) and Patchew
    (patchew.org/PROJECT/MSGID/) put it into the path, percent-encoded.
    """
    if is_address(text):
        parts = [unquote(part) for part in urlsplit(text).path.split("/")]
    else:
        parts = [text.strip().removeprefix("id:").strip("<>")]
    return next((part for part in reversed(parts) if _IDENT.fullmatch(part)), None)
