# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures of functions, read from the text of one declaration; names of types are not resolved.

The type texts are canonical: one blank between words, stars together (``Error **``), ``const`` only where
it qualifies what a pointer points to, attributes and storage classes gone, ``unsigned`` spelt
``unsigned int``. The reading itself is done in declarators.py; pycparser_signatures.py does the same slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qerrlint.c.declarations.declarators import NotADeclarationError, Op, Param, Reader, type_text
from qerrlint.c.declarations.tokens import tokens
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

__all__ = [
    "Declared",
    "Param",
    "Signature",
    "errp_index",
    "parse_declared",
    "parse_signature",
    "result_kind",
    "untagged",
]


@record(frozen=True, slots=True)
class Signature:
    """What a caller may know of a function from its declaration.

    `path` is the file of the declaration, None for generated functions and bundled contracts. `errp` is
    the index of the ``Error **`` out-parameter, found by type, or None; -1 stands for "the last argument"
    of a generated function whose parameters are not known (`variadic` is then true). `span` covers the
    head, without the `;` or the body.
    """

    name: str
    path: str | None
    params: tuple[Param, ...]
    returns: str
    variadic: bool = False
    errp: int | None = None
    static: bool = False
    noreturn: bool = False
    span: Span | None = None

    @property
    def out_error(self) -> str | None:
        """The name of the out-parameter; None where there is none, or its name is not known."""
        return self.params[self.errp].name if self.errp is not None and self.errp >= 0 else None


@record(frozen=True, slots=True)
class Declared:
    """One name of a declaration: its canonical type, and its signature if it is (a pointer to) a function.

    `kind` is "object", "function", "function-pointer" or "array".
    """

    name: str
    type: str
    kind: str
    signature: Signature | None = None


STORE_NAME = lazy_re(r"(?:\w*_)?(?:reasonp?|blockers?|blockerp)\Z")


def errp_index(params: tuple[Param, ...]) -> int | None:
    """Index of the ``Error **`` out-parameter: the last one that is no blocker's store, by type, or None."""
    for index in range(len(params) - 1, -1, -1):
        if params[index].type == "Error **" and not STORE_NAME.match(params[index].name):
            return index
    return None


def _signature(
    reader: Reader,
    base: str,
    const: bool,
    name: str,
    ops: list[Op],
    path: str | None = None,
    span: Span | None = None,
) -> Signature:
    kind, _, params, variadic = ops[0]
    if kind != "()":
        raise NotADeclarationError
    return Signature(
        name,
        path,
        params,
        type_text(base, const, ops[1:]),
        variadic,
        errp_index(params),
        "static" in reader.storage,
        reader.noreturn,
        span,
    )


def parse_signature(text: bytes, path: str | None = None, offset: int = 0) -> Signature | None:
    """The signature whose head is `text` (a declaration up to its `;` or `{`), or None if it is none.

    `offset` is where `text` starts in the file `path`; with a path the result has a span.
    """
    reader = Reader(tokens(text.decode("latin-1")))
    try:
        base = reader.specifiers()
        const = reader.const
        name, ops = reader.declarator()
        if not name or not ops or reader.peek() not in ("", ";", "{"):
            return None
        span = Span(path, offset, offset + len(text.rstrip())) if path is not None else None
        return _signature(reader, base, const, name, ops, path, span)
    except (NotADeclarationError, KeyError, RecursionError):
        return None


def parse_declared(text: str) -> tuple[Declared, ...]:
    """The names that one declaration (of a typedef, a struct's member, a variable) declares; () if none.

    Bit-field widths are skipped and initialisers end the reading.
    """
    return declared_by(tokens(text))


def declared_by(toks: list[str]) -> tuple[Declared, ...]:
    """As parse_declared(), of the tokens of a declaration."""
    reader = Reader(toks)
    out: list[Declared] = []
    try:
        base = reader.specifiers()
        const = reader.const
        while True:
            name, ops = reader.declarator()
            if not name:
                break
            signature = None
            kind = "object"
            if ops and ops[0][0] == "()":
                kind, signature = "function", _signature(reader, base, const, name, ops)
            elif len(ops) > 1 and ops[0][0] == "*" and ops[1][0] == "()":
                kind, signature = "function-pointer", _signature(reader, base, const, name, ops[1:])
            elif ops and ops[0][0] == "[]":
                kind = "array"
            out.append(Declared(name, type_text(base, const, ops), kind, signature))
            while reader.peek() not in ("", ",", ";", "="):
                reader.at += 1
            if reader.peek() != ",":
                break
            reader.at += 1
    except (NotADeclarationError, KeyError, RecursionError):
        pass
    return tuple(out)


_KINDS = {
    "void": "void",
    "bool": "bool",
    "_Bool": "bool",
    "gboolean": "bool",
    **dict.fromkeys(
        [
            "int",
            "short",
            "long",
            "char",
            "ssize_t",
            "off_t",
            "off64_t",
            "int8_t",
            "int16_t",
            "int32_t",
            "int64_t",
            "intptr_t",
            "intmax_t",
            "gint",
            "gint8",
            "gint16",
            "gint32",
            "gint64",
            "gssize",
            "glong",
            "time_t",
            "pid_t",
            "ptrdiff_t",
            "loff_t",
            "ram_addr_diff_t",
            "__int128",
            "gchar",
        ],
        "int",
    ),
    "long long": "int",
    "signed char": "int",
    **dict.fromkeys(
        [
            "size_t",
            "uint8_t",
            "uint16_t",
            "uint32_t",
            "uint64_t",
            "uintptr_t",
            "uintmax_t",
            "guint",
            "guint8",
            "guint16",
            "guint32",
            "guint64",
            "gsize",
            "gulong",
            "hwaddr",
            "ram_addr_t",
            "target_ulong",
            "vaddr",
            "dma_addr_t",
            "mode_t",
            "uid_t",
            "gid_t",
            "socklen_t",
            "pcibus_t",
            "uint",
            "u_int",
        ],
        "unsigned",
    ),
}


def untagged(text: str) -> str:
    """The spelling of a type without `struct` in front: QEMU's typedefs have the names of the tags."""
    return text.removeprefix("struct ")


def result_kind(
    sig: Signature | str, typedefs: Callable[[str], str | None] | Mapping[str, str] | None = None
) -> str:
    """The sort of result: void, bool, int, unsigned, pointer, enum, struct or unknown.

    `sig` is a signature or a canonical type text. `typedefs` gives a typedef's canonical target text (such
    as "int", "struct X", "enum Y"), or None for a name it does not know; signed integers of any width are
    "int", unsigned ones "unsigned", floating ones "unknown".
    """
    text = sig.returns if isinstance(sig, Signature) else sig
    lookup = typedefs.get if isinstance(typedefs, Mapping) else typedefs
    for _ in range(16):
        if text.endswith(("*", ")", "]")):
            return "pointer"
        text = text.removeprefix("const ")
        known = _KINDS.get(text)
        if known:
            return known
        if text.startswith("unsigned "):
            return "unsigned"
        if text.startswith("enum "):
            return "enum"
        if text.startswith(("struct ", "union ")):
            return "struct"
        target = lookup(text) if lookup else None
        if target is None or target == text:
            return "unknown"
        text = target
    return "unknown"
