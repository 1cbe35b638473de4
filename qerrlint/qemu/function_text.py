# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a function's body in any file of the tree, without a parse: for facts that plain scans tell."""

from __future__ import annotations

from functools import lru_cache

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.c.lexis import bare, brace_end
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

NOT_CALLED = frozenset({"if", "while", "for", "switch", "return", "sizeof", "do", "else"})
"""What stands before a parenthesis and is no call."""

_CALL = lazy_re(r"\b([A-Za-z_]\w*)\s*\(")


@lru_cache(maxsize=1024)
def _called(code: str) -> frozenset[str]:
    return frozenset(_CALL.findall(code))


@record(frozen=True, slots=True)
class FunctionText:
    """A function's head and body. `code` is the body from its brace on, comments and literals blanked; an
    offset in it plus `start` is one in the file."""

    name: str
    path: str
    head: str
    head_start: int
    start: int
    code: str

    def called(self) -> frozenset[str]:
        """The names that stand before a parenthesis in the body."""
        return _called(self.code)


def function_text(declarations: FileDeclarations, name: str) -> FunctionText | None:
    """The function that a file defines as `name`; None where it defines none."""
    found = declarations.definition(name)
    if found is None:
        return None
    head, brace = found
    data = declarations.data
    closing = data.find(b"\n}", brace)
    text = bare(data[brace : closing + 2 if closing >= 0 else len(data)])
    end = brace_end(text, 0)
    code = text[: end if end >= 0 else len(text)].decode("latin-1")
    return FunctionText(name, declarations.path, data[head:brace].decode("latin-1"), head, brace, code)
