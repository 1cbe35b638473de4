# SPDX-License-Identifier: GPL-2.0-or-later
"""FileScope: the declarations that one file sees, its own first, then those of the Environment."""

from __future__ import annotations

import re

from qerrlint.c.declarations.types import Signature, result_kind, untagged
from qerrlint.domain.effects import Effect, Outcome
from qerrlint.ir.code import ANY
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment

# Longer numbers fit into no type of C, and Python refuses to read those of some thousand digits.
_PLAIN = lazy_re(r"\(?\s*(-?(?:0[xX][0-9a-fA-F]{1,64}|0|[1-9][0-9]{0,63}))[uUlL]*\s*\)?$")
_GLIB_LISTS = frozenset({"GList *", "GSList *"})
_LIST = lazy_re(r"(?:struct )?(\w+List) \*$")
_WRAPS = lazy_re(r"\berror_setg(?:_errno)?\s*\(\s*\(?(\w+)\)?\s*,")


class FileScope:
    """What names mean in the file `path`; `typedefs` looks up the target of a typedef."""

    def __init__(self, environment: Environment, path: str) -> None:
        self.environment = environment
        self.path = path
        self.typedefs = environment.typedefs(path)
        self._constants: dict[str, int | None] = {}

    def signature(self, name: str) -> Signature | None:
        """The first declaration of a function that the file sees; None where nothing declares it."""
        return self.environment.signature(name, self.path)

    def result_kind(self, signature: Signature | None) -> str:
        """The sort of result that a function has (c.declarations.types.result_kind); "unknown" for None."""
        return result_kind(signature, self.typedefs) if signature is not None else "unknown"

    def pointer_signature(self, member: str) -> Signature | None:
        """The signature of a function-pointer member of that name, whatever the struct."""
        return self.environment.pointer_signature(member, self.path)

    def is_list(self, type_text: str) -> bool:
        """Whether a type is a pointer to a list of which NULL is the empty one: GLib's, QAPI's, and a
        struct of such a name that has the next one of its kind."""
        if type_text in _GLIB_LISTS or self.environment.is_list(type_text):
            return True
        found = _LIST.match(type_text)
        if found is None:
            return False
        structs = (f"struct {found[1]}", found[1])
        following = (self.environment.member(struct, "next", self.path) for struct in structs)
        return any(one is not None and untagged(one.type) == f"{found[1]} *" for one in following)

    def is_macro(self, name: str) -> bool:
        """Whether a name is a macro as seen from this file."""
        return self.environment.macro(name, self.path) is not None

    def macro_effect(self, name: str) -> Effect | None:
        """What a function-like macro that wraps error_setg does; None for any other name."""
        macro = self.environment.macro(name, self.path)
        if macro is None or macro.params is None:
            return None
        found = _WRAPS.search(macro.body)
        if found is None or found.group(1) not in macro.params:
            return None
        # One that sets an Error only where there is none does no harm to one that is set.
        errp = re.escape(found.group(1))
        asks = rf"!\s*\(?\s*\*\s*\(?\s*{errp}\b|\*\s*\(?\s*{errp}\s*\)?\s*\)?\s*==\s*NULL\b"
        tolerant = re.search(asks, macro.body[: found.start()]) is not None
        return Effect(
            errp=macro.params.index(found.group(1)),
            outcomes=(Outcome(ANY, True, tolerant=tolerant),),
            evidence="setter",
        )

    def constant(self, name: str) -> int | None:
        """The number that an enumerator, or an object-like macro whose body is just a number, stands for."""
        if name not in self._constants:
            self._constants[name] = self._number(name)
        return self._constants[name]

    def _number(self, name: str) -> int | None:
        if not name.isupper():
            # Enumerators in lower case are looked for in the file itself only: most such names are variables.
            return self.environment.own_constant(name, self.path)
        macro = self.environment.macro(name, self.path)
        if macro is not None:
            found = _PLAIN.match(macro.body) if macro.params is None else None
            return int(found.group(1), 0) if found is not None else None
        return self.environment.constant(name, self.path)

    def mig_modes(self) -> tuple[tuple[str, int], ...]:
        """The migration modes (C constant, value): the tree's, or without a tree the file's own enum."""
        if self._has_no_tree:
            own = [(n, v) for n, v in self.environment.enum_constants("MigMode", self.path) if v is not None]
            if own:
                return tuple((n, v) for n, v in own if not n.endswith("__MAX"))
        return self.environment.mig_modes()

    def mig_events(self) -> tuple[tuple[str, int], ...]:
        """The kinds of migration events (C constant, value): the tree's, or without a tree the file's own."""
        own = self.environment.enum_constants("MigrationEventType", self.path) if self._has_no_tree else ()
        known = [(n, v) for n, v in own if v is not None and not n.endswith("_MAX")]
        return tuple(known) or tuple(
            (name, value) for value, name in enumerate(self.environment.mig_events())
        )

    @property
    def _has_no_tree(self) -> bool:
        return self.environment.reach == "patch"
