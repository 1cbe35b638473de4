# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions are callbacks of notifiers, by the types that the tree declares.

A notifier is a struct with a pointer to a function that gets the struct itself. The callback can report a
failure where it has an `Error **` or returns a result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.declarations.types import Signature, untagged
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.migration_events import EVENT_POINTER

# What QEMU calls such structs: NotifierWithReturn, RAMBlockNotifier, MemoryListener.
_FAMILY = lazy_re(r"(?:struct )?(\w*(?:Notifier|Listener)\w*) \*\Z")
_NOTIFIER = "NotifierWithReturn *"
_BY_TYPEDEF = ("NotifierWithReturnFunc", "MigrationNotifyFunc")


def is_fallible_callback(unit: TranslationUnit, name: str) -> bool:
    """Whether a function is the callback of a notifier and can report a failure."""
    signature = unit.signature(name)
    if signature is None or not signature.params:
        return False
    found = _FAMILY.match(signature.params[0].type)
    if signature.errp is not None:
        if signature.params[0].type == _NOTIFIER or unit.uses.is_registered_notifier(name):
            return True
    elif unit.scope.result_kind(signature) not in ("int", "bool"):
        return False
    if found is None or not unit.uses.is_handed_over(name):
        return False
    return any(_same_shape(signature, shape) for shape in _shapes(unit, found.group(1)))


def is_migration_notifier(unit: TranslationUnit, name: str) -> bool:
    """Whether a function has the type of a migration notifier, and returns a result to its caller."""
    signature = unit.signature(name)
    if signature is None or EVENT_POINTER not in [param.type for param in signature.params]:
        return False
    shape = unit.environment.callback_signature("MigrationNotifyFunc", unit.path)
    return shape is not None and _same_shape(signature, shape)


def _shapes(unit: TranslationUnit, struct: str) -> Iterator[Signature]:
    """The types of the functions that the struct points to."""
    found = False
    for member in unit.environment.members(struct, unit.path) or unit.environment.members(
        f"struct {struct}", unit.path
    ):
        shape = member.signature
        if shape is None and re.match(r"\w+ ?\*?\Z", member.type):
            shape = unit.environment.callback_signature(member.type.rstrip(" *"), unit.path)
        if shape is not None and shape.params:
            found = True
            yield shape
    if not found:
        for typedef in _BY_TYPEDEF:
            shape = unit.environment.callback_signature(typedef, unit.path)
            if shape is not None:
                yield shape


def _same_shape(signature: Signature, shape: Signature) -> bool:
    """Whether a function has the type of a callback, the types of its further parameters aside."""
    return (
        len(signature.params) == len(shape.params)
        and signature.errp == shape.errp
        and signature.returns == shape.returns
        and bool(shape.params)
        and untagged(signature.params[0].type) == untagged(shape.params[0].type)
    )
