# SPDX-License-Identifier: GPL-2.0-or-later
"""A function as the transformations see it: its syntax tree, its variables, what its file declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tree_sitter import Node

from qerrlint.c.cut import Piece
from qerrlint.c.parse import parse_piece

LISTS = ("compound_statement", "case_statement")
LEAVING = ("return_statement", "goto_statement", "break_statement", "continue_statement")
LOOPS = ("while_statement", "for_statement", "do_statement")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_PROTOTYPE = re.compile(
    r"^((?:[A-Za-z_]\w*[ \t]+)+\**)(\w+)\(([^(){};]*)\)\s*(?:G_GNUC_\w+(?:\(\d+, \d+\))?\s*)*[;{]",
    re.MULTILINE,
)
_STRUCT = re.compile(r"\b(?:typedef\s+)?(?:struct|union)\s*(\w*)\s*\{([^{}]*)\}\s*(\w*)\s*;")
_FIELD = re.compile(r"^\s*((?:(?:const|unsigned|struct|enum|union) )*\w+)\s+(\**)(\w+);", re.MULTILINE)
_PARAMETER = re.compile(
    r"\s*((?:(?:const|unsigned|struct|enum|union)\s+)*\w+)\s+((?:\**(?:const\s)?)*)(\w+)\s*"
)
_STORAGE = re.compile(r"\b(?:static|inline|extern|coroutine_fn|G_GNUC_\w+|QEMU_\w+)\b\s*")
SCOPED = re.compile(r"\b(?:g_auto\w*|QEMU_LOCK_GUARD|WITH_\w+|RCU_READ_LOCK_GUARD|ERRP_GUARD|GRAPH_\w+)\b")
GUARDED = re.compile(r"\b(?:QEMU_LOCK_GUARD|WITH_\w+|RCU_READ_LOCK_GUARD|GRAPH_\w+GUARD\w*)\b")


@dataclass(frozen=True, slots=True)
class Edit:
    """The text from `start` to `end`, offsets in the function's text, becomes `new`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """Edits that belong together, and functions that they need in front of the function or behind it.

    twice: statements are copied, so that one defect may be told more than once.
    """

    edits: tuple[Edit, ...]
    front: str = ""
    behind: str = ""
    twice: bool = False

    @property
    def hull(self) -> tuple[int, int]:
        """The part of the text that no other change may touch."""
        starts, ends = [edit.start for edit in self.edits], [edit.end for edit in self.edits]
        return (min(starts), max(ends)) if self.edits else (0, 0)


@dataclass(frozen=True, slots=True)
class Local:
    """A variable or parameter of a function: the type's words, its stars, whether it is an array."""

    name: str
    base: str
    stars: int
    array: bool
    parameter: bool

    def declared(self, name: str) -> str:
        """The declaration of a variable of this type."""
        return f"{self.base} {'*' * self.stars}{name}"


class Declared:
    """What a file declares: results and parameters of functions, members of structs."""

    def __init__(self, text: str) -> None:
        plain = _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
        self.functions: dict[str, tuple[str, str]] = {}
        for found in _PROTOTYPE.finditer(plain):
            result = " ".join(_STORAGE.sub("", found[1]).split())
            if result.split(" ")[0] not in ("return", "else", "goto", "typedef"):
                self.functions.setdefault(found[2], (result, found[3]))
        self.members: dict[tuple[str, str], tuple[str, int]] = {}
        for found in _STRUCT.finditer(plain):
            for member in _FIELD.finditer(found[2]):
                for owner in {found[1], found[3]} - {""}:
                    self.members[owner, member[3]] = (member[1], len(member[2]))

    def result(self, function: str) -> str | None:
        """The type that a function returns, ready for a name behind it; None where there is none."""
        found = self.functions.get(function)
        if found is None or found[0] == "void":
            return None
        return found[0] if found[0].endswith("*") else f"{found[0]} "

    def parameters(self, function: str) -> list[Local] | None:
        """The parameters of a function, None where a wrapper could not declare them."""
        if function not in self.functions:
            return None
        text = self.functions[function][1].strip()
        out = []
        for one in [] if text in ("", "void") else text.split(","):
            found = _PARAMETER.fullmatch(one)
            if found is None:
                return None
            out.append(Local(found[3], found[1], found[2].count("*"), False, True))
        return out

    def member(self, base: str, name: str) -> tuple[str, int] | None:
        """The words and stars of a member's type."""
        return self.members.get((base.replace("const ", "").replace("struct ", "").strip(), name))


class Body:
    """A function that parses, with what the transformations ask about it."""

    def __init__(self, piece: Piece, data: bytes, declared: Declared) -> None:
        parsed = parse_piece(piece, data)
        self._parsed = parsed
        self.name = piece.name
        self.damaged = parsed.damage is not None or parsed.function is None
        self.text = data[piece.span.start : piece.span.end].decode("latin-1")
        self.declared = declared
        self._fresh = 0
        if parsed.function is not None:
            self.root: Node = parsed.function
            body = parsed.function.child_by_field_name("body")
            assert body is not None
            self.body: Node = body

    def of(self, node: Node | None) -> str:
        """The text of a node."""
        return self.text[node.start_byte : node.end_byte] if node is not None else ""

    def field(self, node: Node, name: str) -> Node | None:
        return node.child_by_field_name(name)

    def fresh(self, stem: str) -> str:
        """A name that the function does not use."""
        self._fresh += 1
        return f"{stem}_{self._fresh}"

    @cached_property
    def nodes(self) -> list[Node]:
        """All named nodes of the body in source order, the outer ones first."""
        return list(walk(self.body))

    def each(self, *types: str) -> list[Node]:
        return [node for node in self.nodes if node.type in types]

    @cached_property
    def lists(self) -> list[tuple[Node, list[Node]]]:
        """Each list of statements with the node that holds it."""
        return [(node, statements_of(node)) for node in self.each(*LISTS) if node.parent is not None]

    @cached_property
    def locals(self) -> dict[str, Local]:
        """The variables and parameters by name."""
        found: dict[str, Local] = {}
        for node in walk(self.root):
            if node.type in ("declaration", "parameter_declaration"):
                for one in self._declared_by(node):
                    found.setdefault(one.name, one)
        return found

    def _declared_by(self, node: Node) -> Iterator[Local]:
        typed = self.field(node, "type")
        if typed is None:
            return
        declarators = node.children_by_field_name("declarator")
        if not declarators:
            return
        base = " ".join(self.text[node.start_byte : declarators[0].start_byte].split())
        for declarator in declarators:
            inner: Node | None = declarator
            stars, array = 0, False
            while inner is not None and inner.type != "identifier":
                if inner.type == "function_declarator":
                    inner = None
                    break
                stars += inner.type == "pointer_declarator"
                array = array or inner.type == "array_declarator"
                inner = self.field(inner, "declarator")
            if inner is not None:
                yield Local(self.of(inner), base, stars, array, node.type == "parameter_declaration")

    @cached_property
    def result(self) -> str | None:
        """The type that the function returns, ready for a name behind it; None for void."""
        head = self.text[: self.body.start_byte]
        before = head[: head.find(self.name + "(")]
        words = " ".join(_STORAGE.sub("", _COMMENT.sub("", before)).split())
        if words in ("void", ""):
            return None
        return words if words.endswith("*") else f"{words} "

    def indent(self, node: Node) -> str:
        """The blanks in front of the line on which a node begins."""
        start = self.text.rfind("\n", 0, node.start_byte) + 1
        line = self.text[start : node.start_byte]
        return line[: len(line) - len(line.lstrip())] or "    "

    def in_list(self, node: Node) -> bool:
        """Whether a statement may get others in front of it; behind a label it would be no declaration."""
        parent = node.parent
        return parent is not None and parent.type == "compound_statement"

    def start(self, node: Node) -> int:
        """Where a statement begins with the comments that belong to it."""
        first = node
        while (above := first.prev_named_sibling) is not None and above.type == "comment":
            last = above.prev_named_sibling
            if last is not None and last.end_point.row == above.start_point.row:
                break  # of the statement in front
            first = above
        return first.start_byte

    def end(self, node: Node) -> int:
        """Where a statement ends with the comment behind it."""
        behind = node.next_named_sibling
        same = behind is not None and behind.start_point.row == node.end_point.row
        return behind.end_byte if behind is not None and same and behind.type == "comment" else node.end_byte

    def before(self, node: Node, text: str) -> tuple[Edit, ...]:
        """Edits that put statements in front of one, in braces with it where it stands alone."""
        indent = self.indent(node)
        if self.in_list(node):
            start = self.start(node)
            return (Edit(start, start, f"{text}\n{indent}"),)
        return (
            Edit(node.start_byte, node.start_byte, f"{{\n{indent}{text}\n{indent}"),
            Edit(node.end_byte, node.end_byte, f"\n{indent}}}"),
        )

    def enclosed(self, node: Node, opening: str, closing: str) -> Edit:
        """An edit that puts something around a statement and its comments."""
        start, end = self.start(node), self.end(node)
        indent = self.indent(node)
        return Edit(start, end, f"{opening}\n{indent}    {self.text[start:end]}\n{indent}{closing}")

    def holds(self, node: Node, *types: str) -> bool:
        return any(inner.type in types for inner in walk(node))

    def escapes(self, node: Node, kinds: Sequence[str] = ("break_statement", "continue_statement")) -> bool:
        """Whether a break or continue in a statement leaves it."""
        if node.type in kinds:
            return True
        if node.type in LOOPS or node.type == "switch_statement":
            kinds = [
                kind for kind in kinds if kind == "continue_statement" and node.type == "switch_statement"
            ]
        return any(self.escapes(child, kinds) for child in node.named_children) if kinds else False

    def uses(self, name: str, within: Node | None = None) -> list[Node]:
        """The places that name a variable."""
        every = self.nodes if within is None else list(walk(within))
        return [node for node in every if node.type == "identifier" and self.of(node) == name]

    def condition(self, node: Node) -> Node | None:
        """What stands inside of the brackets of an if, while or switch."""
        brackets = self.field(node, "condition")
        if brackets is None or brackets.type != "parenthesized_expression":
            return None
        inner = [child for child in brackets.named_children if child.type != "comment"]
        return inner[0] if len(inner) == 1 else None

    def block(self, node: Node, indent: str = "") -> str:
        """A statement as a block."""
        text = self.of(node)
        return text if node.type == "compound_statement" else f"{{\n{indent}    {text}\n{indent}}}"

    def inside(self, node: Node) -> str:
        """The statements of a block without its braces."""
        text = self.of(node)
        return text[1:-1].strip() if node.type == "compound_statement" else text

    def path_type(self, node: Node) -> tuple[str, int] | None:
        """The words and stars of the type of a variable or of a member of one."""
        if node.type == "identifier":
            found = self.locals.get(self.of(node))
            return None if found is None or found.array else (found.base, found.stars)
        if node.type == "parenthesized_expression" and node.named_child_count == 1:
            return self.path_type(node.named_children[0])
        if node.type != "field_expression":
            return None
        argument, name = self.field(node, "argument"), self.field(node, "field")
        owner = self.path_type(argument) if argument is not None else None
        if owner is None or owner[1] != (self.of(self.field(node, "operator")) == "->"):
            return None
        return self.declared.member(owner[0], self.of(name))


def walk(node: Node) -> Iterator[Node]:
    """A node and all named nodes below it, in source order."""
    yield node
    for child in node.named_children:
        yield from walk(child)


def statements_of(node: Node) -> list[Node]:
    """The statements of a block or of a case."""
    value = node.child_by_field_name("value") if node.type == "case_statement" else None
    return [child for child in node.named_children if child.type != "comment" and child != value]


def over(node: Node, text: str) -> Edit:
    """The node becomes the text."""
    return Edit(node.start_byte, node.end_byte, text)


def ends(statement: Node) -> bool:
    """Whether control does not come to the end of a statement, by its last statement."""
    if statement.type in LEAVING:
        return True
    if statement.type == "compound_statement":
        inner = statements_of(statement)
        return bool(inner) and ends(inner[-1])
    return False


Rewrite = Callable[[Body], Iterator[Change]]
REWRITES: dict[str, Rewrite] = {}


def rewrite(name: str) -> Callable[[Rewrite], Rewrite]:
    """Registers a transformation: it yields the changes that can be made to a function, each by itself."""

    def register(function: Rewrite) -> Rewrite:
        assert name not in REWRITES, name
        REWRITES[name] = function
        return function

    return register
