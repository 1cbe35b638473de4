# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures read with pycparser, a full C grammar; slow, so memoised.

The bundled contracts are read with it, and tests compare types.py to it on real prototypes. Typedefs are not
looked up: an identifier that stands where only a type can stand is taken for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from qerrlint.c.declarations.declarators import Op, Param, integer_type, type_text
from qerrlint.c.declarations.tokens import is_attribute, says_noreturn, tokens
from qerrlint.c.declarations.types import Signature, errp_index

_KEYWORDS = frozenset(
    {
        *("auto", "char", "const", "double", "enum", "extern", "float", "inline", "int", "long", "register"),
        *(
            "restrict",
            "short",
            "signed",
            "static",
            "struct",
            "typedef",
            "union",
            "unsigned",
            "void",
            "volatile",
        ),
        *("_Bool", "_Noreturn"),
    }
)


@lru_cache(maxsize=1)
def _parser() -> Any:
    from pycparser.c_parser import CParser  # type: ignore[import-untyped]

    return CParser()


def _is_name(tok: str) -> bool:
    return (tok[:1].isalpha() or tok[:1] == "_") and tok not in _KEYWORDS


def _plain(toks: list[str]) -> tuple[list[str], bool]:
    """The tokens without attributes, and whether one of those says that the function does not return."""
    out: list[str] = []
    noreturn = False
    at = 0
    while at < len(toks):
        tok = toks[at]
        at += 1
        if not is_attribute(tok):
            out.append(tok)
            continue
        noreturn |= says_noreturn(tok)
        if at < len(toks) and toks[at] == "(" and not tok.endswith("_fn") and toks[at + 1 : at + 2] != ["*"]:
            depth = 0
            while at < len(toks):
                depth += {"(": 1, ")": -1}.get(toks[at], 0)
                noreturn |= toks[at] in ("noreturn", "__noreturn__")
                at += 1
                if not depth:
                    break
    return out, noreturn


def _type_names(toks: list[str]) -> Iterator[str]:
    """The identifiers that stand where C allows only a type's name."""
    for at, tok in enumerate(toks):
        before = toks[at - 1] if at else ""
        if not _is_name(tok) or before in ("struct", "union", "enum"):
            continue
        after = toks[at + 1] if at + 1 < len(toks) else ""
        behind = toks[at + 2] if at + 2 < len(toks) else ""
        beside = after in ("*", "const") or _is_name(after)
        alone = before in ("(", ",", "const") and after in (",", ")") and not (after == ")" and behind == "(")
        of_function = (
            after == "(" and behind == "*" and before in ("", "(", ",", "static", "const", "typedef")
        )
        if beside or alone or of_function:
            yield tok


@lru_cache(maxsize=4096)
def canonical_signature(text: str) -> Signature | None:
    """The signature of one declaration (a prototype, function pointer or typedef of one), or None.

    `text` may end in a semicolon and may hold comments and QEMU's attribute words; it has no body.
    """
    toks, noreturn = _plain(tokens(text))
    while toks and toks[-1] == ";":
        toks.pop()
    prelude = "".join(f"typedef int {name};" for name in sorted(set(_type_names(toks))))
    try:
        unit = _parser().parse(f"{prelude}{' '.join(toks)};")
        return _from_tree(unit.ext[-1], noreturn)
    except Exception:  # pycparser has no common base class for what it raises on odd input
        return None


def _from_tree(declaration: Any, noreturn: bool) -> Signature | None:
    node = declaration.type
    while type(node).__name__ == "PtrDecl":
        node = node.type
    if type(node).__name__ != "FuncDecl" or not declaration.name:
        return None
    params, variadic = _params(node)
    base, const, ops = _type(node.type)
    return Signature(
        declaration.name,
        None,
        params,
        type_text(base, const, ops),
        variadic,
        errp_index(params),
        "static" in declaration.storage,
        noreturn,
    )


def _params(function: Any) -> tuple[tuple[Param, ...], bool]:
    params: list[Param] = []
    variadic = False
    for node in function.args.params if function.args else ():
        if type(node).__name__ == "EllipsisParam":
            variadic = True
            continue
        base, const, ops = _type(node.type)
        if ops and ops[0][0] == "[]":
            ops[0] = ("*", "", (), False)
        elif ops and ops[0][0] == "()":
            ops.insert(0, ("*", "", (), False))
        params.append(Param(getattr(node, "name", None) or "", type_text(base, const, ops)))
    if len(params) == 1 and params[0].type == "void":
        params = []
    return tuple(params), variadic


def _type(node: Any) -> tuple[str, bool, list[Op]]:
    """The base type's text, whether it is const, and the derivation from the declared name outwards."""
    ops: list[Op] = []
    while True:
        kind = type(node).__name__
        if kind == "PtrDecl":
            ops.append(("*", "const" if "const" in node.quals else "", (), False))
        elif kind == "ArrayDecl":
            size = getattr(node.dim, "value", None) or getattr(node.dim, "name", None) or ""
            ops.append(("[]", str(size), (), False))
        elif kind == "FuncDecl":
            params, variadic = _params(node)
            ops.append(("()", "", params, variadic))
        else:
            break
        node = node.type
    base = node.type
    if type(base).__name__ == "IdentifierType":
        words = list(base.names)
        text = integer_type(words) if words[0] in _KEYWORDS else words[0]
    else:
        text = f"{type(base).__name__.lower()} {base.name}"
    return text, "const" in node.quals, ops
