# SPDX-License-Identifier: GPL-2.0-or-later
"""How a call writes its migration modes: unterminated lists, numbers for bits, the same bit twice.

The shape that is wanted comes from the declaration in the tree. Which modes a path blocks is no matter
here.
"""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.arithmetic import NotUnderstoodError
from qerrlint.findings import Observation
from qerrlint.ir.code import Assign, Call, Function, Var
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.mode_values import MODE, Evaluator
from qerrlint.qemu.registrations import ModeArguments, mode_arguments
from qerrlint.source.span import Span

_ALL = "MIG_MODE_ALL"
_END = ("-1", _ALL)


def written_modes(unit: TranslationUnit, function: Function, call: Call) -> Iterator[Observation]:
    """What is wrong with the way a call writes its modes."""
    if not call.direct or not call.name.endswith(("_modes", "_mode")):
        return
    signature = unit.signature(call.name)
    if signature is None:
        return
    texts = [unit.on_one_line(span) for span in call.arg_spans]
    taken = mode_arguments(signature)
    if signature.variadic:
        last = texts[-1] if texts else ""
        if last not in _END:
            span = call.arg_spans[-1] if texts else call.span
            yield _seen("unterminated-mode-list", function, call, span, "end", {"last": last})
        bits = [
            (text, span)
            for text, span in zip(texts, call.arg_spans, strict=True)
            if text.startswith("BIT(") and MODE.search(text)
        ]
        for text, span in bits:
            yield _bit(unit, function, call, text, span, "bit-in-list")
        named = [text for text in texts if MODE.fullmatch(text)]
        for mode in dict.fromkeys(m for m in named if named.count(m) > 1):
            place = [s for s, t in zip(call.arg_spans, texts, strict=True) if t == mode][-1]
            yield _seen("duplicate-mode", function, call, place, mode, {"mode": mode})
    elif taken is not None and taken.first < len(texts):
        if taken.form == "set":
            yield from _in_set(unit, function, call, taken)
        elif texts[taken.first].startswith("BIT(") and MODE.search(texts[taken.first]):
            text, span = texts[taken.first], call.arg_spans[taken.first]
            yield _bit(unit, function, call, text, span, "bit-for-mode")


def _seen(
    kind: str, function: Function, call: Call, span: Span, key: str, slots: dict[str, str]
) -> Observation:
    return Observation(kind, function.name, span, f"{call.text} {key}", {"callee": call.name, **slots})


def _bit(
    unit: TranslationUnit, function: Function, call: Call, text: str, span: Span, form: str
) -> Observation:
    mode = MODE.findall(text)[0]
    slots = {"mode": mode, "meaning": _as_number(unit, mode), "form": form}
    return _seen("mode-not-a-bit", function, call, span, text, slots)


def _in_set(
    unit: TranslationUnit, function: Function, call: Call, taken: ModeArguments
) -> Iterator[Observation]:
    """The terms of a set of bits: in the argument, or in what is assigned to the local that stands there."""
    evaluator = Evaluator(unit)
    span = call.arg_spans[taken.first]
    value = call.args[taken.first]
    places = [(unit.on_one_line(span), span)]
    if isinstance(value, Var):
        signature = unit.signature(function.name)
        params = {p.name: p.type for p in signature.params} if signature is not None else {}
        if (function.locals.get(value.path) or params.get(value.path)) == "MigMode":
            meaning = "another set than that of its mode"
            slots = {"mode": value.path, "meaning": meaning, "form": "bare-mode"}
            yield _seen("mode-not-a-bit", function, call, span, value.path, slots)
            return
        places += _assignments(unit, function, value.path)
    for text, place in places:
        terms = [_bare(term) for term in _terms(text)]
        for mode in dict.fromkeys(t for t in terms if MODE.fullmatch(t) and t != _ALL and _is_mode(unit, t)):
            slots = {"mode": mode, "meaning": _as_bits(unit, mode), "form": "bare-mode"}
            yield _seen("mode-not-a-bit", function, call, place, mode, slots)
        written = [term for term in terms if not MODE.fullmatch(term)]
        bits = [bit for term in written if (bit := _single_bit(evaluator, function, term)) is not None]
        names = {value: name for name, value in unit.mig_modes()}
        for bit in dict.fromkeys(b for b in bits if bits.count(b) > 1):
            mode = names.get(bit, f"bit {bit}")
            yield _seen("duplicate-mode", function, call, place, mode, {"mode": mode})


def _is_mode(unit: TranslationUnit, name: str) -> bool:
    modes = dict(unit.mig_modes())
    return name in modes or not modes


def _assignments(unit: TranslationUnit, function: Function, local: str) -> list[tuple[str, Span]]:
    """What is assigned to a local in so many words, as text and place."""
    out = []
    for block in function.blocks:
        for event in block.events:
            if isinstance(event, Assign) and event.target == local and event.stated:
                text = unit.on_one_line(event.span).partition("=")[2].strip(" ;")
                out.append((text, event.span))
    return out


def _terms(text: str) -> list[str]:
    """The terms of an or-expression; parentheses hold what is inside together."""
    out, depth, start = [], 0, 0
    text = _bare(text)
    for at, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if char == "|" and depth == 0 and text[at - 1 : at] != "|" and text[at + 1 : at + 2] != "|":
            out.append(text[start:at])
            start = at + 1
    return [*out, text[start:]]


def _bare(text: str) -> str:
    """Text without the parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for at, char in enumerate(text):
            depth += (char == "(") - (char == ")")
            if depth == 0 and at < len(text) - 1:
                return text
        text = text[1:-1].strip()
    return text


def _single_bit(evaluator: Evaluator, function: Function, term: str) -> int | None:
    """The number of the one bit that a term stands for, None for anything else."""
    try:
        numbers = evaluator.text(function, term)
    except NotUnderstoodError:
        return None
    number = next(iter(numbers)) if len(numbers) == 1 else 0
    return number.bit_length() - 1 if number > 0 and number & (number - 1) == 0 else None


def _as_number(unit: TranslationUnit, mode: str) -> str:
    value = dict(unit.mig_modes()).get(mode)
    return f"the number {1 << value}, which is no mode" if value is not None else "a number that is no mode"


def _as_bits(unit: TranslationUnit, mode: str) -> str:
    """What a bare mode number is when it is read as a set of bits."""
    modes = {value: name for name, value in unit.mig_modes()}
    value = next((v for v, name in modes.items() if name == mode), None)
    if value is None:
        return "another set"
    names = [modes[bit] for bit in sorted(modes) if value & (1 << bit)]
    return "the set of " + " and ".join(names) if names else "the empty set"
