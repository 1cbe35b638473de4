# SPDX-License-Identifier: GPL-2.0-or-later
"""BodiesElsewhere: what functions of other files do with a pointer: whether they keep the one that they are
handed, and whether what they return is new.

The body is looked for in the C file of the header that declares the function, and in the files beside that
one. It is read by its words, no path is followed: each place where the pointer stands has to be known to
leave it alone. What is not understood counts as kept.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qerrlint.c.declarations.types import Signature, parse_signature
from qerrlint.c.lexis import bare
from qerrlint.c.surroundings import (
    argument_position,
    callee_before,
    closing,
    enclosing,
    is_asked,
    without_parentheses,
)
from qerrlint.checks.ownership.release_sites import is_freeing, may_release
from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import arguments_at
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.type_graph import TypeGraph, graph_of
from qerrlint.records import record

_DEEPEST = 5
_MOST_ALIASES = 3
_ERRORS = frozenset({"Error *", "GError *"})
"""Who has an Error the rules on Errors say."""
_LONGEST = 40_000
"""Bodies that are longer than this are not read."""
_HOMES = {
    "qemu": ("util",),
    "sysemu": ("system", "softmmu", ""),
    "system": ("system",),
    "monitor": ("monitor",),
    "migration": ("migration",),
}
"""The folders of the C files of headers whose own folder is named otherwise."""
_COMMANDS = "qmp_"
"""How the functions of the commands begin, which the schema declares."""
_RETURN = lazy_re(r"\breturn\b\s*([^;]*);")
MAKING = lazy_re(
    r"(?:\([\w\s*]{1,60}\)\s*)?"
    r"(g_(?:try_)?new0?|g_(?:try_)?malloc0?(?:_n)?|g_str(?:n?dup|dup_v?printf)|g_memdup2?"
    r"|g_str(?:concat|joinv?|escape)|g_build_filename|g_base64_(?:en|de)code|g_ascii_str(?:down|up)"
    r"|g_path_get_(?:base|dir)name|g_utf8_to_utf16|g_utf16_to_utf8|qemu_allocate_irqs|bitmap_new)\s*\("
)
"""The calls that return new memory, with the cast before them."""
# What ends the program where there is no memory; with a size that cannot be 0.
_ABORTING = lazy_re(
    r"(?:\([\w\s*]{1,60}\)\s*)?(?:g_new0?|g_slice_new0?|object_new|qdev_new|g_malloc0?\s*\(\s*sizeof)\b"
)
_BYTES = lazy_re(r"(?:char|gchar|guchar|uint8_t|unsigned char|void) \*\Z")
# A call of a function that is the whole of an expression, as far as its beginning shows.
_CALLED = lazy_re(r"([a-z_]\w*)\s*\([^;?]*\)\Z")
_ASKING = frozenset({"if", "while", "assert", "g_assert", "sizeof", "for", "switch"})
# A variable of a statement that gives it a value; what it points to is no variable.
_ALIAS = lazy_re(r"(?:\A|[;{}])\s*(?:(?:const\s+)?(?:struct\s+)?\w+\s*\*\s*(?:const\s+)?)?(\w+)\s*=\s*\Z")
_PART = lazy_re(r"\s*(?:->\s*\w+|\[[^\[\]]*\])(?:\s*(?:->|\.)\s*\w+|\[[^\[\]]*\])*")
_PLAIN = lazy_re(r"[A-Za-z_]\w*\Z")
_CASTS = lazy_re(r"\(\s*(?:const\s+)?(?:struct\s+)?\w+\s*\*+\s*\)\s*\Z")


@record(frozen=True, slots=True)
class _Search:
    """What is looked through for a place that keeps or frees a pointer.

    `text`: a body that has the pointer. `depth`: how many calls lie between it and the function that is asked
    about. `aliases`: the variables that hold the pointer as well, and are looked at already. `returned`: to
    return it is no way to keep it.
    """

    text: FunctionText
    depth: int = 0
    aliases: frozenset[str] = frozenset()
    returned: bool = False


class BodiesElsewhere:
    """What is known of the functions of one tree by their bodies; each answer is worked out once."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._graph: TypeGraph = graph_of(environment)
        self._borrowing: dict[Any, Any] = {}
        self._making: dict[Any, Any] = {}
        self._under_way: set[tuple[str, str, int]] = set()

    def borrows(self, unit: TranslationUnit, name: str, position: int) -> bool:
        """Whether a function or macro that a file calls keeps nothing of the pointer at a position, nor frees
        it."""
        signature = unit.signature(name)
        if signature is None:
            return not self._keeps_in_macro(unit.path, name, position, 0)
        return self._borrows(signature, name, position, 0)

    def makes(self, unit: TranslationUnit, name: str) -> bool:
        """Whether a function that a file calls returns nothing but memory that it has just made."""
        signature = unit.signature(name)
        made = signature.returns if signature is not None else ""
        if signature is None or not made.endswith("*") or made.startswith("const ") or made in _ERRORS:
            return False
        asked = self._environment.asked
        return asked.recall(self._making, (name, signature.path), lambda: self._makes(signature, name))

    def never_null(self, unit: TranslationUnit, name: str) -> bool:
        """Whether a function that a file calls returns nothing but memory that an allocator which ends the
        program on failure has just made."""
        texts = self.bodies(unit.path, name, unit.signature(name))
        return bool(texts) and all(_returns_memory(text) for text in texts)

    def ignores(self, unit: TranslationUnit, name: str, position: int) -> bool:
        """Whether the body of a function of another file never mentions one of its parameters."""
        signature = unit.signature(name)
        texts = self.definitions(signature, name) if signature is not None else ()
        return bool(texts) and all(_ignores(text, position) for text in texts)

    def keeps_expression(self, text: FunctionText, start: int, end: int) -> bool:
        """Whether a pointer, the expression between two offsets of a body, is kept or freed by what stands
        around it."""
        return self._keeps_here(_Search(text), start, end)

    def _borrows(self, signature: Signature, name: str, position: int, depth: int) -> bool:
        if position >= len(signature.params) or depth > _DEEPEST:
            return False
        if not signature.params[position].type.endswith("*"):
            return False
        key = (name, signature.path or "", position)
        if key in self._under_way:
            # The answer must not depend on which function of a circle is asked first.
            return False
        self._under_way.add(key)
        try:
            return self._environment.asked.recall(
                self._borrowing, (*key, depth), lambda: self._leaves_alone(signature, name, position, depth)
            )
        finally:
            self._under_way.discard(key)

    def _leaves_alone(self, signature: Signature, name: str, position: int, depth: int) -> bool:
        texts = self.definitions(signature, name)
        return bool(texts) and all(self._leaves(text, position, depth) for text in texts)

    def _leaves(self, text: FunctionText, position: int, depth: int) -> bool:
        own = parse_signature(text.head.encode("latin-1", "replace"), text.path, text.head_start)
        if own is None or position >= len(own.params):
            return False
        return not self._keeps(_Search(text, depth), own.params[position].name)

    def _makes(self, signature: Signature, name: str) -> bool:
        texts = self.definitions(signature, name, widely=False)
        # A struct that goes through several hands mostly has a function that frees it.
        plain = _BYTES.match(signature.returns) is not None
        return bool(texts) and all(self._returns_new(text, plain) for text in texts)

    def _returns_new(self, text: FunctionText, plain: bool) -> bool:
        """Whether each value that a function returns is NULL, or memory that nothing else holds.

        `plain`: that it is bytes, which a callee may have made as well.
        """
        new = False
        for found in _RETURN.finditer(text.code):
            value = found[1].strip()
            if value in ("NULL", "0"):
                continue
            if _PLAIN.match(value):
                if not self.is_new(text, value):
                    return False
            elif not value.endswith(")") or not (
                MAKING.match(value) or (plain and self._passes_on(text, value))
            ):
                return False
            new = True
        return new

    def _passes_on(self, text: FunctionText, value: str) -> bool:
        """Whether a returned call is one of a function that returns nothing but new bytes itself."""
        called = _CALLED.match(value)
        if called is None or word_list("lookups").matches(called[1]):
            return False
        name = called[1]
        key = (name, text.path, -1)
        if key in self._under_way:
            return False
        self._under_way.add(key)
        try:
            own = self._graph.function(text.path, name)
            if own is not None:
                return self._returns_new(own, plain=True)
            signature = self._environment.signature(name, text.path)
            return signature is not None and self._makes(signature, name)
        finally:
            self._under_way.discard(key)

    def is_new(self, text: FunctionText, name: str) -> bool:
        """Whether a variable of a function holds nothing but new memory that it keeps nowhere."""
        if not _is_declared(text, name):
            return False
        given = re.findall(rf"(?<![\w.>]){name}\s*=(?!=)\s*([^;]*);", text.code)
        made = [value for value in given if value.strip() != "NULL"]
        if not made or not all(MAKING.match(value.strip()) for value in made):
            return False
        return not self._keeps(_Search(text, 1, frozenset({name}), returned=True), name)

    # -- where a pointer stands -----------------------------------------------------------------------

    def _keeps(self, search: _Search, name: str) -> bool:
        """Whether a body seems to keep or free the pointer in a variable."""
        code = search.text.code
        if not name or len(code) > _LONGEST or len(search.aliases) > _MOST_ALIASES:
            return True
        places = list(re.finditer(rf"(?<![\w.])(?<!->){re.escape(name)}\b", code))
        inside = replace(search, aliases=search.aliases | {name})
        # A body that does nothing with it is a stub.
        return not places or any(self._keeps_here(inside, found.start(), found.end()) for found in places)

    def _keeps_here(self, search: _Search, start: int, end: int) -> bool:
        """Whether the expression between two offsets, which is the pointer, is kept by what stands around."""
        code = search.text.code
        start, end = without_parentheses(code, start, end)
        before, after = code[max(start - 200, 0) : start].rstrip(), code[end : end + 200].lstrip()
        part = _PART.match(code, end)
        if part is not None:
            address = re.search(r"(?<!&)&\s*\(?\s*\Z", code[max(start - 20, 0) : start])
            if address is None:
                return False
            # The address of a part is as good as the pointer.
            start, end = start - len(address[0]), part.end()
            before, after = code[max(start - 200, 0) : start].rstrip(), code[end : end + 200].lstrip()
        if is_asked(before, after) or re.match(r"=(?!=)|\+\+|--|\+=", after):
            return False
        if before.endswith("return"):
            return not search.returned
        opened = enclosing(code, start)
        callee = callee_before(code, opened)
        if opened > 0 and callee is not None and callee[1] not in ("return", "defined"):
            return self._keeps_as_argument(search, callee, opened, start)
        alias = _ALIAS.search(_CASTS.sub("", before))
        if alias is None or not _is_declared(search.text, alias[1]):
            return True
        return alias[1] not in search.aliases and self._keeps(search, alias[1])

    def _keeps_as_argument(self, search: _Search, callee: re.Match[str], opened: int, start: int) -> bool:
        """Whether the pointer at an offset is kept by the callee whose parenthesis opens before it."""
        name, code = callee[1], search.text.code
        if name in _ASKING or (search.returned and is_freeing(name)):
            # What a function frees it does not return.
            return False
        given = arguments_at(code.encode("latin-1"), opened)
        if given is None:
            return True
        if name.isupper():
            # A cast: the pointer is what stands around it.
            end = closing(code, opened)
            return len(given) != 1 or end < 0 or self._keeps_here(search, callee.start(1), end)
        return self._callee_keeps(
            search.text.path, name, argument_position(code, opened, start), search.depth
        )

    def _callee_keeps(self, path: str, name: str, position: int, depth: int) -> bool:
        """Whether a function or macro that a file calls keeps its argument at a position, by the word lists,
        its body or its prototype."""
        borrowed = word_list("borrowed-arguments")
        if borrowed.matches(f"{name}/{position + 1}") or borrowed.matches(name):
            return False
        inside = self._graph.function(path, name)
        if inside is None and word_list("borrowing-prefixes").matches(name) and not may_release(name):
            return False
        if word_list("keeping-parts").matches(name) or word_list("keeps-constant-arguments").matches(name):
            return True
        if inside is not None:
            own = parse_signature(inside.head.encode("latin-1", "replace"), inside.path, inside.head_start)
            return own is None or not self._borrows_inside(own, inside, position, depth + 1)
        signature = self._environment.signature(name, path)
        if signature is None:
            return self._keeps_in_macro(path, name, position, depth)
        if position >= len(signature.params):
            return True
        kind = signature.params[position].type
        if kind.startswith("const ") and kind.count("*") == 1:
            return False
        return not self._borrows(signature, name, position, depth + 1)

    def _keeps_in_macro(self, path: str, name: str, position: int, depth: int) -> bool:
        """Whether a macro that a file sees keeps the pointer at a position; what is no macro keeps it."""
        macro = self._environment.macro(name, path)
        if macro is None or macro.params is None or position >= len(macro.params) or depth >= _DEEPEST:
            return True
        code = bare(b"{" + macro.body.encode("latin-1", "replace") + b";}").decode("latin-1")
        body = FunctionText(name, macro.path, "", macro.start, macro.start, code)
        return self._keeps(_Search(body, depth + 1), macro.params[position])

    def _borrows_inside(self, own: Signature, text: FunctionText, position: int, depth: int) -> bool:
        """As _borrows(), of a function of the file that the caller stands in."""
        if position >= len(own.params) or depth > _DEEPEST:
            return False
        key = (text.name, text.path, position)
        if key in self._under_way:
            # The answer must not depend on which function of a circle is asked first.
            return False
        self._under_way.add(key)
        try:
            return self._environment.asked.recall(
                self._borrowing, (*key, depth), lambda: self._leaves(text, position, depth)
            )
        finally:
            self._under_way.discard(key)

    def does_nothing(self, unit: TranslationUnit, name: str) -> bool:
        """Whether a function has an empty body, in the file itself or where a header's function is found."""
        found = self.bodies(unit.path, name, unit.signature(name))
        return bool(found) and all(not text.code.strip("{} \t\n") for text in found)

    # -- where a function is defined ------------------------------------------------------------------

    def bodies(self, path: str, name: str, signature: Signature | None) -> tuple[FunctionText, ...]:
        """The bodies that a call in a file may run: that of the file itself, else those that are found by the
        signature which the file sees."""
        own = self._graph.function(path, name)
        if own is not None:
            return (own,)
        return self.definitions(signature, name) if signature is not None else ()

    def definitions(self, signature: Signature, name: str, widely: bool = True) -> tuple[FunctionText, ...]:
        """The bodies of a function that a header declares: that of the header's own C file, or that of the
        file with the function's name, or (`widely`) those of the files in one of the header's folders."""
        path = signature.path
        if name.startswith(_COMMANDS) and (path is None or not path.endswith(".h")):
            return self._named_like(name, name.removeprefix(_COMMANDS))
        if path is None or not path.endswith(".h"):
            return ()
        stem = path.removesuffix(".h").removeprefix("include/")
        top, _, rest = stem.partition("/")
        homes = [posixpath.join(home, rest) for home in _HOMES.get(top, ())] if rest else []
        for candidate in (f"{home}.c" for home in dict.fromkeys((stem, *homes))):
            found = self._graph.function(candidate, name)
            if found is not None:
                return (found,)
        texts = self._named_like(name, name)
        folders = dict.fromkeys(posixpath.dirname(one) for one in (stem, *homes))
        for folder in folders if not texts and widely else ():
            texts = tuple(self._beside(f"{folder}/", name)) if folder else ()
            if texts:
                break
        return texts

    def _named_like(self, name: str, words: str) -> tuple[FunctionText, ...]:
        """The bodies of a function in the files whose names are the longest beginning of some words."""
        # That no other file defines it is known by the name.
        self._environment.asked.add(f"f:{name}")
        likely = (self._graph.function(path, name) for path in self._graph.named_like(words))
        return tuple(text for text in likely if text is not None)

    def _beside(self, folder: str, name: str) -> Iterator[FunctionText]:
        word = rb"(?m)^[\w* \t]*\b%s[ \t]*\(" % name.encode()
        for path in self._graph.beside(folder, word):
            if self._environment.files.contains(path, word, [name.encode()]):
                found = self._graph.function(path, name)
                if found is not None:
                    yield found


def _returns_memory(text: FunctionText) -> bool:
    """Whether each return of a body gives memory that is certainly there."""
    found = [value[1].strip() for value in _RETURN.finditer(text.code)]
    return bool(found) and all(_is_memory(text, value) for value in found)


def _is_memory(text: FunctionText, value: str) -> bool:
    if not _PLAIN.match(value):
        return _ABORTING.match(value) is not None
    if not _is_declared(text, value):
        return False
    given = re.findall(rf"(?<![\w.>]){value}\s*=(?!=)\s*([^;]*);", text.code)
    made = [one.strip() for one in given]
    return bool(made) and all(_ABORTING.match(one) for one in made) and f"&{value}" not in text.code


def _ignores(text: FunctionText, position: int) -> bool:
    own = parse_signature(text.head.encode("latin-1", "replace"), text.path, text.head_start)
    if own is None or position >= len(own.params) or not own.params[position].name:
        return False
    return re.search(rf"\b{re.escape(own.params[position].name)}\b", text.code) is None


def _is_declared(text: FunctionText, name: str) -> bool:
    """Whether a name is a pointer variable of a function's own, and not a static one."""
    found = re.search(rf"(?m)^[^\n;=(]*\*\s*(?:const\s+)?{name}\s*[=;,]", text.code)
    return found is not None and not found[0].lstrip().startswith(("static", "return", "g_auto"))


def bodies_elsewhere(unit: TranslationUnit) -> BodiesElsewhere:
    """The BodiesElsewhere of the tree that a file belongs to, made once."""
    return unit.program.environment.once(BodiesElsewhere)
