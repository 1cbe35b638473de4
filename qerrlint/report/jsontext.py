# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON as text that any reader and any stream accepts."""

from __future__ import annotations

import json
from json.encoder import encode_basestring as _quoted
from typing import Any, TextIO

from qerrlint.report.printable import hidden_escaped, is_utf8, without_surrogates


def write_json(document: Any, stream: TextIO) -> None:
    """Write the document, indented by 2, and a newline.

    A lone surrogate, which stands for a byte that is not UTF-8 and which strict readers refuse, becomes the
    text `\\xNN`; what the stream's encoding lacks, and invisible characters, are escaped as in JSON.
    """
    # A surrogate stands inside a JSON string, where the escape's backslash is itself written as two.
    text = without_surrogates(indented(document), backslash="\\\\")
    text = hidden_escaped(text)
    stream.write((text if is_utf8(stream) else json.dumps(json.loads(text), indent=2)) + "\n")


def indented(document: Any) -> str:
    """What json.dumps(document, indent=2, ensure_ascii=False) gives, in half of the time: with an indent that
    does without its parts in C. The keys of objects have to be strings."""
    return _indented(document, "\n")


def _indented(value: Any, line: str) -> str:
    """A value as text; `line` is the end of a line with the indent of the next."""
    inner = line + "  "
    if isinstance(value, dict) and value:
        # Most values are strings: no call is made for each of them.
        rows = [
            f"{_quoted(key)}: {_quoted(one) if isinstance(one, str) else _indented(one, inner)}"
            for key, one in value.items()
        ]
        return f"{{{inner}{f',{inner}'.join(rows)}{line}}}"
    if isinstance(value, (list, tuple)) and value:
        return f"[{inner}{f',{inner}'.join([_indented(one, inner) for one in value])}{line}]"
    if isinstance(value, str):
        return _quoted(value)
    return repr(value) if type(value) is int else json.dumps(value)
