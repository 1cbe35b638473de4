# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON as text that any reader and any stream accepts."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
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


def indented(value: Any, margin: str = "\n") -> str:
    """What json.dumps() makes of a value with indent=2 and ensure_ascii=False, in half of its time.

    The keys have to be texts. `margin` is what each line begins with, the line end before it included.
    """
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is int:
        return repr(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    inner = margin + "  "
    if kind is dict:
        rows = [f"{encode_basestring(key)}: {indented(one, inner)}" for key, one in value.items()]
        return "{" + inner + f",{inner}".join(rows) + margin + "}" if rows else "{}"
    if kind is list:
        items = [indented(one, inner) for one in value]
        return "[" + inner + f",{inner}".join(items) + margin + "]" if items else "[]"
    # Of any other class; the text of no value has a line end in it.
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", margin)
