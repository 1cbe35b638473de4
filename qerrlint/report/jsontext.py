# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON as text that any reader and any stream accepts."""

from __future__ import annotations

import json
from typing import Any, TextIO

from qerrlint.report.printable import hidden_escaped, is_utf8, without_surrogates


def write_json(document: Any, stream: TextIO) -> None:
    """Write the document, indented by 2, and a newline.

    A lone surrogate, which stands for a byte that is not UTF-8 and which strict readers refuse, becomes the
    text `\\xNN`; what the stream's encoding lacks, and invisible characters, are escaped as in JSON.
    """
    # A surrogate stands inside a JSON string, where the escape's backslash is itself written as two.
    text = without_surrogates(json.dumps(document, indent=2, ensure_ascii=False), backslash="\\\\")
    text = hidden_escaped(text)
    stream.write((text if is_utf8(stream) else json.dumps(json.loads(text), indent=2)) + "\n")
