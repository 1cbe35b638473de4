# SPDX-License-Identifier: GPL-2.0-or-later
"""Statements to blocks and edges: branches, loops, jumps, and the arms of an `#if` inside a body.

A loop has an edge back to its head. A FOREACH macro runs its body zero or more times; a block under a WITH_
macro runs once, and `break` leaves it. Each arm of an `#if` is one way through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qerrlint.c.lower.builder import Switch, tests_of
from qerrlint.c.lower.conditions import compare
from qerrlint.c.lower.declarations import declaration
from qerrlint.c.lower.expressions import truth
from qerrlint.c.lower.lowering import Lowering, StatementHandler
from qerrlint.c.normalise import ALWAYS, LOOP
from qerrlint.c.switched_off import asked_name
from qerrlint.ir.code import ANY, NONZERO, POS, ZERO, Assign, Const, Opaque, Return, Test, Value, text_of
from qerrlint.lazy_patterns import lazy_re

if TYPE_CHECKING:
    from tree_sitter import Node

# What may be a label at the beginning of a line.
_LABELS = lazy_re(r"(?m)^[ \t]*([A-Za-z_]\w*):(?!:)")
_ARMS = frozenset({"preproc_else", "preproc_elif", "preproc_elifdef"})
_ASSIGNABLE = frozenset({"identifier", "field_expression", "pointer_expression"})
# The macros of include/qemu/queue.h that find the next element through the variable; those with _SAFE do not.
_STEPS = lazy_re(r"Q?(?:LIST|SLIST|SIMPLEQ|STAILQ|TAILQ)_FOREACH(?:_REVERSE|_RCU)?")
# So much of a loop macro's call becomes part of the value that its variable gets.
_MACRO_NAME = 24


def _skip(_fn: Lowering, _node: Node) -> None:
    """What does nothing: comments, directives, types."""


def _compound(fn: Lowering, node: Node) -> None:
    for child in node.named_children:
        fn.statement(child)


def _expression(fn: Lowering, node: Node) -> None:
    for child in node.named_children:
        if child.type != "comment":
            fn.value(child, used=False)


def _attributed(fn: Lowering, node: Node) -> None:
    for child in node.named_children:
        if child.type != "attribute_declaration":
            fn.statement(child)


# -- branches -------------------------------------------------------------------------------------


def _if(fn: Lowering, node: Node) -> None:
    condition, first = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
    if condition is None or first is None:
        return
    out = fn.out
    rewrite = fn.rewrites.get(node.start_byte)
    if rewrite is not None and rewrite.kind == ALWAYS:
        fn.value(condition)
        done = out.new()
        _loop_body(fn, first, done, done)
        out.jump(done)
        out.here = done
        return
    second = node.child_by_field_name("alternative")
    yes, done = out.new(), out.new()
    no = out.new() if second is not None else done
    fn.branch(condition, yes, no)
    out.here = yes
    fn.statement(first)
    out.jump(done)
    if second is not None:
        out.here = no
        for child in second.named_children:
            if child.type != "comment":
                fn.statement(child)
        out.jump(done)
    out.here = done


def _switch(fn: Lowering, node: Node) -> None:
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    if condition is None or body is None:
        return
    out = fn.out
    subject = fn.value(condition)
    dispatch, done = out.here, out.new()
    switch = Switch(subject, fn.source.span(condition), [])
    out.switches.append(switch)
    out.breaks.append(done)
    out.here = None
    fn.statement(body)
    out.breaks.pop()
    out.switches.pop()
    out.jump(done)
    out.here = dispatch
    others: list[Test] = []
    # Where there is a `case 0:`, the constants whose numbers are not known stand for other numbers.
    zeros = [one for one, _, _ in switch.cases if isinstance(one, Const) and one.signs == ZERO]
    nonzero = tests_of(compare(subject, "==", zeros[0])[1]) if zeros else ()
    fallback = done
    for value, place, block in switch.cases:
        if value is None:
            fallback = block
            continue
        holds, fails = compare(subject, "==", value)
        unlike = () if isinstance(value, Const) and value.signs != ANY else nonzero
        out.go(block, (*tests_of(holds), *unlike), switch.span, True, place)
        others.extend(tests_of(fails))
    out.go(fallback, tuple(others), switch.span, False)
    out.here = done


def _case(fn: Lowering, node: Node) -> None:
    out = fn.out
    if not out.switches:
        return
    value_node = node.child_by_field_name("value")
    block = out.new()
    here, out.here = out.here, None
    value: Value | None = None
    if value_node is not None:
        value = fn.value(value_node)
        if not isinstance(value, Const):
            value = Opaque(text_of(value))
    out.here = here
    place = fn.source.span(value_node) if value_node is not None else None
    out.switches[-1].cases.append((value, place, block))
    out.enter(block)
    for child in node.named_children:
        if value_node is None or child.id != value_node.id:
            fn.statement(child)


def _preprocessed(fn: Lowering, node: Node) -> None:
    """`#if` inside a body: every arm is a way through; without `#else` there is one past all of them."""
    out = fn.out
    done = out.new()
    arm: Node | None = node
    complete = False
    earlier: set[str] = set()
    while arm is not None:
        following = arm.child_by_field_name("alternative")
        complete = complete or arm.type == "preproc_else"
        if _is_never_built(fn, arm):
            arm = following
            complete = complete or (arm is not None and arm.type == "preproc_else")
            continue
        block, other = out.new(), out.new()
        built, left_out = _tests_of_arm(fn, arm)
        out.go(block, built)
        if following is not None or not complete:
            out.go(other, left_out)
        out.here = block
        heads = [arm.child_by_field_name("name"), arm.child_by_field_name("condition")]
        skipped = {head.id for head in heads if head is not None}
        children = [c for c in arm.named_children if c.id not in skipped and c.type not in _ARMS]
        labels = {name for child in children for name in _LABELS.findall(fn.source.raw(child))}
        outer, again = out.renamed, labels & earlier
        if again:
            out.renamed = {**outer, **{name: f"{name}#{arm.start_byte}" for name in again}}
        earlier |= labels
        for child in children:
            fn.statement(child)
        out.renamed = outer
        out.jump(done)
        out.here = other
        arm = following
    if not complete:
        out.go(done)
    out.here = done


def _is_never_built(fn: Lowering, arm: Node) -> bool:
    """Whether an arm stands under `#if 0`, or asks for a macro that the file shows to be off."""
    condition = arm.child_by_field_name("condition")
    if condition is not None:
        text = fn.source.raw(condition)
        name = asked_name(text)
        return fn.source.is_switched_off(name) if name else fn.source.text(condition) == "0"
    named, word = arm.child_by_field_name("name"), arm.child(0)
    if named is None or word is None or word.type.endswith("ndef"):
        return False
    return fn.source.is_switched_off(fn.source.raw(named))


def _tests_of_arm(fn: Lowering, arm: Node) -> tuple[tuple[Test, ...], tuple[Test, ...]]:
    """The tests of the ways into an arm and past it, where the function asks for the same thing again: what
    is built once is built there, too."""
    condition, named, word = (
        arm.child_by_field_name("condition"),
        arm.child_by_field_name("name"),
        arm.child(0),
    )
    asked = condition or named
    if asked is None or word is None:
        return (), ()
    text = fn.source.raw(asked).strip()
    negated = text.startswith("!") or word.type.endswith("ndef")
    text = text.removeprefix("!").strip()
    name = asked_name(text) if condition is not None else text
    if not fn.source.is_asked_again(name or text):
        return (), ()
    subject = Opaque(f"defined({name})" if name else f"#if {' '.join(text.split())}")
    built, left_out = (Test(subject, NONZERO),), (Test(subject, ZERO),)
    return (left_out, built) if negated else (built, left_out)


# -- loops ----------------------------------------------------------------------------------------


def _loop_body(fn: Lowering, body: Node, on_break: int, on_continue: int) -> None:
    fn.out.breaks.append(on_break)
    fn.out.continues.append(on_continue)
    fn.statement(body)
    fn.out.breaks.pop()
    fn.out.continues.pop()


def _while(fn: Lowering, node: Node) -> None:
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    if condition is None or body is None:
        return
    rewrite = fn.rewrites.get(node.start_byte)
    if rewrite is not None and rewrite.kind == LOOP:
        _foreach(fn, node, condition, body)
        return
    out = fn.out
    head, inside, done = out.new(), out.new(), out.new()
    out.blocks[head].loop = True
    out.enter(head)
    fn.branch(condition, inside, done)
    out.here = inside
    _loop_body(fn, body, done, head)
    out.jump(head)
    out.here = done


def _foreach(fn: Lowering, node: Node, condition: Node, body: Node) -> None:
    """A FOREACH macro: its variable takes unknown values, in zero or more iterations.

    That is its first argument; where a macro begins with something else, the other variables of the function
    that it names. The macros of include/qemu/queue.h find the next element through the last one, after the
    body."""
    first, *others = _arguments(condition)
    out = fn.out
    head, inside, done = out.new(), out.new(), out.new()
    out.blocks[head].loop = True
    out.enter(head)
    out.go(inside)
    out.go(done)
    out.here = inside
    macro = fn.source.start_of(node, _MACRO_NAME).split("(")[0].strip()
    step = head
    if first.type in _ASSIGNABLE:
        variable, span = fn.source.lvalue(first), fn.source.span(first)
        out.emit(Assign(variable, Const(f"<{macro}>", POS), span, stated=False))
        if _STEPS.fullmatch(macro):
            step = out.new()
    for other in others if first.type != "identifier" else ():
        name = fn.source.text(other)
        if other.type == "identifier" and name in out.locals:
            out.emit(Assign(name, Const(f"<{macro}>", POS), fn.source.span(other), stated=False))
    _loop_body(fn, body, done, step)
    out.jump(step)
    if step != head:
        out.here = step
        out.emit(Assign(variable, Opaque(f"{variable}->next"), span, stated=False))
        out.jump(head)
    out.here = done


def _arguments(condition: Node) -> list[Node]:
    """The arguments of a macro that became the condition of a loop; that itself where it has none."""
    waiting = [condition.named_children[0] if condition.named_child_count else condition]
    found: list[Node] = []
    while waiting:
        one = waiting.pop()
        if one.type == "comma_expression":
            waiting += reversed(one.named_children)
        else:
            found.append(one)
    return found


def _do(fn: Lowering, node: Node) -> None:
    body, condition = node.child_by_field_name("body"), node.child_by_field_name("condition")
    if body is None or condition is None:
        return
    out = fn.out
    head, test, done = out.new(), out.new(), out.new()
    out.blocks[head].loop = fn.source.text(condition) not in ("(0)", "(false)")
    out.enter(head)
    _loop_body(fn, body, done, test)
    out.enter(test)
    fn.branch(condition, head, done)
    out.here = done


def _for(fn: Lowering, node: Node) -> None:
    body = node.child_by_field_name("body")
    if body is None:
        return
    initialiser = node.child_by_field_name("initializer")
    condition, update = node.child_by_field_name("condition"), node.child_by_field_name("update")
    if initialiser is not None:
        if initialiser.type == "declaration":
            declaration(fn, initialiser)
        else:
            fn.value(initialiser, used=False)
    out = fn.out
    head, inside, step, done = out.new(), out.new(), out.new(), out.new()
    out.blocks[head].loop = True
    out.enter(head)
    if condition is not None:
        fn.branch(condition, inside, done)
    else:
        out.jump(inside)
    out.here = inside
    _loop_body(fn, body, done, step)
    out.jump(step)
    out.here = step
    if update is not None:
        fn.value(update, used=False)
    out.jump(head)
    out.here = done


# -- jumps ----------------------------------------------------------------------------------------


def _break(fn: Lowering, _node: Node) -> None:
    fn.out.jump(fn.out.breaks[-1] if fn.out.breaks else None)


def _continue(fn: Lowering, _node: Node) -> None:
    fn.out.jump(fn.out.continues[-1] if fn.out.continues else None)


def _goto(fn: Lowering, node: Node) -> None:
    out = fn.out
    label = node.child_by_field_name("label")
    if label is None:
        out.jump(None)
        return
    name = _name_of(fn, label)
    target = out.label(name)
    if name in out.placed:  # a jump back
        out.blocks[target].loop = True
    out.jump(target)


def _name_of(fn: Lowering, label: Node) -> str:
    """The name of a label; in an arm of an #if whose other arms have one of that name another one."""
    name = fn.source.raw(label)
    return fn.out.renamed.get(name, name)


def _labeled(fn: Lowering, node: Node) -> None:
    label = node.child_by_field_name("label")
    if label is not None:
        name = _name_of(fn, label)
        fn.out.placed.add(name)
        fn.out.enter(fn.out.label(name))
    for child in node.named_children:
        if label is None or child.id != label.id:
            fn.statement(child)


def _return(fn: Lowering, node: Node) -> None:
    values = [child for child in node.named_children if child.type != "comment"]
    value = truth(fn, values[0]) if values else None
    fn.out.emit(Return(value, fn.source.span(node)))
    fn.out.here = None


STATEMENTS: dict[str, StatementHandler] = {
    "compound_statement": _compound,
    "else_clause": _compound,
    "expression_statement": _expression,
    "attributed_statement": _attributed,
    "declaration": declaration,
    "if_statement": _if,
    "switch_statement": _switch,
    "case_statement": _case,
    "preproc_if": _preprocessed,
    "preproc_ifdef": _preprocessed,
    "while_statement": _while,
    "do_statement": _do,
    "for_statement": _for,
    "break_statement": _break,
    "continue_statement": _continue,
    "goto_statement": _goto,
    "labeled_statement": _labeled,
    "return_statement": _return,
    **dict.fromkeys(
        (
            "comment",
            "preproc_def",
            "preproc_function_def",
            "preproc_call",
            "preproc_include",
            "preproc_directive",
            "type_definition",
            "struct_specifier",
            "enum_specifier",
            "union_specifier",
            "gnu_asm_expression",
            ";",
        ),
        _skip,
    ),
}
