# SPDX-License-Identifier: GPL-2.0-or-later
"""The declarations of a tree as the analysis of one file sees them: every question is recorded in its Reads.

With model.program.SeenProgram this is all that an analysis knows of other files, so a result can be kept with
what it was made from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from qerrlint.c.declarations.file import FileDeclarations, Macro, TypeName
from qerrlint.c.declarations.types import Declared, Signature, result_kind
from qerrlint.model.environment import Environment
from qerrlint.model.include_graph import Files
from qerrlint.model.lookups import LookupRecorder
from qerrlint.model.qapi_schema import Schema
from qerrlint.model.reads import OUTLINE, Question, Reads
from qerrlint.model.types_in_scope import TypesInScope

T = TypeVar("T")


class SeenEnvironment(Environment):
    """An Environment whose answers are recorded; it answers each question once."""

    def __init__(self, environment: Environment, reads: Reads) -> None:
        self._environment = environment
        self._answers = reads.answers
        self._lookups = reads.lookups
        # The same for every tree, or a part of each key.
        self.api = environment.api
        self.reach = environment.reach

    def forget(self, path: str) -> None:
        """As of Environment; nothing is learnt from it."""
        self._environment.forget(path)

    def close(self) -> None:
        """As of Environment; nothing is learnt from it."""
        self._environment.close()

    # -- what is not asked question by question ---------------------------------------------------

    @property
    def asked(self) -> LookupRecorder:
        """As of Environment; nothing is learnt from it."""
        return self._environment.asked

    @property
    def files(self) -> Files:  # type: ignore[override]
        """As of Environment; all that the tree declares counts as read."""
        self._answers[OUTLINE] = None
        return self._environment.files

    @property
    def types(self) -> TypesInScope:  # type: ignore[override]
        """As of Environment; all that the tree declares counts as read."""
        self._answers[OUTLINE] = None
        return self._environment.types

    @property
    def schema(self) -> Schema:  # type: ignore[override]
        """As of Environment; all that the tree declares counts as read."""
        self._answers[OUTLINE] = None
        return self._environment.schema

    def once(self, compute: Callable[[Environment], T]) -> T:
        """As of Environment, for all files together; all that the tree declares counts as read."""
        self._answers[OUTLINE] = None
        return self._environment.once(compute)

    def declaring_constant(self, name: str, from_path: str) -> FileDeclarations | None:
        """As of Environment; all that the tree declares counts as read."""
        self._answers[OUTLINE] = None
        return self._environment.declaring_constant(name, from_path)

    # -- questions ----------------------------------------------------------------------------------

    def _asked(self, *question: str) -> Any:
        answers = self._answers
        if question not in answers:
            asked = self._environment.asked
            outer, asked.now = asked.now, self._lookups
            try:
                answers[question] = answer(self._environment, question)
            finally:
                asked.now = outer
        return answers[question]

    @property
    def age(self) -> str:
        """As of Environment."""
        return str(self._asked("age"))

    def signature(self, name: str, from_path: str) -> Signature | None:
        """As of Environment."""
        found: Signature | None = self._asked("signature", name, from_path)
        return found

    def typedef(self, name: str, from_path: str) -> TypeName | None:
        """As of Environment."""
        found: TypeName | None = self._asked("typedef", name, from_path)
        return found

    def typedefs(self, from_path: str) -> Callable[[str], str | None]:
        """As of Environment."""

        def target(name: str) -> str | None:
            entry = self.typedef(name, from_path)
            return entry.target if entry is not None else None

        return target

    def result_kind(self, signature: Signature, from_path: str) -> str:
        """As of Environment."""
        return result_kind(signature, self.typedefs(from_path))

    def members(self, struct: str, from_path: str) -> tuple[Declared, ...]:
        """As of Environment."""
        found: tuple[Declared, ...] = self._asked("members", struct, from_path)
        return found

    def member(self, struct: str, name: str, from_path: str) -> Declared | None:
        """As of Environment."""
        found: Declared | None = self._asked("member", struct, name, from_path)
        return found

    def callback_signature(self, type_name: str, from_path: str) -> Signature | None:
        """As of Environment."""
        found: Signature | None = self._asked("callback_signature", type_name, from_path)
        return found

    def pointer_signature(self, member: str, from_path: str) -> Signature | None:
        """As of Environment."""
        found: Signature | None = self._asked("pointer_signature", member, from_path)
        return found

    def enum_constants(self, name: str, from_path: str) -> tuple[tuple[str, int | None], ...]:
        """As of Environment."""
        found: tuple[tuple[str, int | None], ...] = self._asked("enum_constants", name, from_path)
        return found

    def variable_type(self, name: str, from_path: str) -> str:
        """As of Environment."""
        return str(self._asked("variable_type", name, from_path))

    def is_list(self, type_text: str) -> bool:
        """As of Environment."""
        return bool(self._asked("is_list", type_text))

    def command_result(self, name: str) -> str:
        """As of Environment."""
        return str(self._asked("command_result", name))

    def macro(self, name: str, from_path: str) -> Macro | None:
        """As of Environment."""
        found: Macro | None = self._asked("macro", name, from_path)
        return found

    def constant(self, name: str, from_path: str) -> int | None:
        """As of Environment."""
        found: int | None = self._asked("constant", name, from_path)
        return found

    def own_constant(self, name: str, path: str) -> int | None:
        """As of Environment."""
        found: int | None = self._asked("own_constant", name, path)
        return found

    def mig_modes(self) -> tuple[tuple[str, int], ...]:
        """As of Environment."""
        found: tuple[tuple[str, int], ...] = self._asked("mig_modes")
        return found

    def mig_events(self) -> tuple[str, ...]:
        """As of Environment."""
        found: tuple[str, ...] = self._asked("mig_events")
        return found

    def has_guard_macro(self) -> str | None:
        """As of Environment."""
        found: str | None = self._asked("has_guard_macro")
        return found


def answer(environment: Environment, question: Question) -> Any:
    """What an environment says to a question that a SeenEnvironment has recorded."""
    kind, *arguments = question
    if kind == "age":
        return environment.age
    return getattr(environment, kind)(*arguments)
