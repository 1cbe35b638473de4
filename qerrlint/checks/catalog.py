# SPDX-License-Identifier: GPL-2.0-or-later
"""The catalogue: which analyses there are, which events each emits, and which slots an event fills.

A rule file may name only what stands here; nothing in this module knows how an analysis works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Emission:
    """One kind of event: its slots, and for a slot with a closed set of values that set."""

    slots: Mapping[str, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Declared:
    """What rules may know of an analysis: its name and the events it emits."""

    name: str
    emits: Mapping[str, Emission]


def _event(*free: str, **closed: str) -> Emission:
    slots: dict[str, frozenset[str] | None] = dict.fromkeys(free)
    slots.update({name: frozenset(values.split()) for name, values in closed.items()})
    return Emission(slots)


CATALOG: Mapping[str, Declared] = {
    declared.name: declared
    for declared in (
        Declared(
            "errorflow",
            {
                # error: the Error expression; callee: who sets it now; first: who set it before.
                "set-again": _event("error", "callee", "first", how="definite possible"),
                # error: a local Error pointer; callee: who is handed it now; by: who took it before.
                "stale-pass": _event("error", "callee", "by"),
                "uninitialized": _event("error", "callee", use="passed tested consumed"),
                "gone-used": _event("error", "callee", "by", how="again dangling"),
                "null-reported": _event("error", "callee"),
                # callee: who set it; how: whether a test has shown that it is set.
                "leaked": _event("error", "callee", how="definite possible"),
                # value: the returned expression; kind: what the result is by the convention; origin: the
                # callee whose status is passed on ("" if none).
                "failure-unset": _event("function", "value", "origin", "errp", kind="int bool pointer void"),
                "success-set": _event("function", "value", "callee", "errp", kind="int bool pointer void"),
                # kept: the variable that holds the result where one does ("" else).
                "unchecked": _event("function", "callee", "errp", "kept"),
                # printer: who prints or frees; setter: whose Error it was ("" for a text of its own).
                "printed-not-set": _event("function", "printer", "errp", form="report exit exit-below"),
                "dropped": _event(
                    "function", "printer", "setter", "errp", how="report free null callback below"
                ),
                "wrong-test": _event(
                    "subject", "callee", form="errp-itself error-never-set sign-of-bool sign-of-pointer"
                ),
                "dead-branch": _event("condition", "callee", "fatal"),
                "wrong-errno": _event(
                    "callee", "value", form="negative-constant negative-result result-is-errno"
                ),
                "freed-argument": _event("callee", "argument", "by"),
                # errp: the parameter; text: the expression; guard: the macro of this tree's age.
                # setter: whether the function itself has just set the Error that is extended.
                "errp-deref": _event("errp", "text", "guard"),
                # callers: whether all of them have the guard, or an Error of their own.
                "errp-prepend": _event(
                    "errp",
                    "callee",
                    "guard",
                    form="prepend hint",
                    setter="own callee",
                    callers="any guarded",
                ),
            },
        ),
        Declared(
            "calls",
            {
                # argument: its text; position: 1-based;
                # count/wanted: numbers of arguments; prototype: its text.
                "wrong-argument": _event(
                    "callee",
                    "argument",
                    "position",
                    "count",
                    "wanted",
                    "prototype",
                    problem="not-an-error error-elsewhere too-few too-many never-set",
                ),
                # callee: what can fail for an outer reason; fatal: error_abort or error_fatal.
                "abort-recoverable": _event(
                    "callee", "fatal", "function", place="any errp instance-init", kind="callee setter"
                ),
                # value: the returned expression; type: the function's declared return type.
                "int-as-bool": _event(
                    "value", "type", direction="int-from-bool-function bool-from-int-function"
                ),
            },
        ),
        Declared(
            "form",
            {
                # callee: whose text it is; form: what is wrong with it.
                "message-form": _event(
                    "callee",
                    form="newline line-break advice period prefix function-name strerror errno-number "
                    "separator hint-newline",
                ),
                # error: the Error pointer (of a guard: errp); callee: who takes or sets it, or the guard.
                "redundant": _event("error", "callee", "errp", form="null-check carried result-tells guard"),
                "errp-signature": _event("errp", form="not-last void"),
            },
        ),
        Declared(
            "roles",
            {
                # callee: what can fail; printer: who prints the error inside callee (or "");
                # remedy: a sentence, empty or about an existing variant that takes errp.
                # outlet: how the notifier could tell of it ("the errp", "the result").
                "notifier-drop": _event(
                    "callee", "printer", "remedy", "outlet", strength="prints discards unknown"
                ),
                # events: the constants; value: what is returned; cause: a half sentence.
                "fails-outside-setup": _event("events", "value", "cause", how="returns sets"),
                # first, second: the two lists, or the two members.
                "list-mismatch": _event("first", "second", "callee", form="list member"),
            },
        ),
        Declared(
            "machine",
            {
                # pair: its name in the rule files; object: the path of what is taken; acquire, release,
                # prepare, discard: the calls; other: another function; when: at a failing exit, at any other,
                # or no function ever gives back; elsewhere: whether another place of the file does.
                "left-held": _event(
                    "pair", "object", "acquire", "release", when="failing return never", elsewhere="yes no"
                ),
                "unreachable": _event("pair", "object", "acquire", "release", phase="setup other"),
                "unchecked-acquire": _event("pair", "object", "acquire"),
                "prepared-twice": _event(
                    "pair", "object", "prepare", "other", how="two-functions reset state-change"
                ),
                "discarded": _event("pair", "object", "acquire", "discard", how="failed held"),
                "not-discarded": _event("pair", "object", "acquire", "discard"),
                "left-dangling": _event("pair", "object", "discard", "other"),
                # callee: who tells the notifiers; what: the constant; other: who tells every end.
                "ended-twice": _event("callee", "what", "other"),
            },
        ),
        Declared(
            "modes",
            {
                "unterminated-list": _event("callee", "last"),
                # mode: the constant; meaning: what the bare number is as a set of bits.
                "mode-not-a-bit": _event(
                    "callee", "mode", "meaning", form="bare-mode bit-in-list bit-for-mode"
                ),
                "duplicate-mode": _event("callee", "mode"),
                # object: state struct or function; exempt, covered, missing: lists of mode names.
                "uncovered-mode": _event("object", "exempt", "covered", "missing"),
                "notified-blocked": _event("object", "mode", "blocker"),
                # object: what is registered; siblings: a half sentence on who names both modes.
                "transfer-without-exec": _event("object", "callee", "siblings", what="blocker notifier"),
            },
        ),
        # Comments `qerrlint: allow`, judged where a file's findings are there (engine/allowing).
        Declared(
            "allowances",
            {
                # rule: what is allowed; scope: this line, or the whole of a function; fault: a sentence.
                "present": _event("rule", "reason", "scope", "fault"),
                "unused": _event("rule", "reason", "scope", "fault"),
                "invalid": _event("rule", "reason", "scope", "fault"),
            },
        ),
        # What a change does to the files that the gate itself goes by (review/gate).
        Declared(
            "gate",
            {
                # what: what is laxer now, with its values before and after.
                "configuration": _event("what"),
                # count: how many findings, as words; entries: the first of them.
                "baseline": _event("count", "entries"),
            },
        ),
    )
}
