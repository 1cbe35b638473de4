# SPDX-License-Identifier: GPL-2.0-or-later
"""Members that keep the address of an Error that is gone, where no other code can read them."""

from __future__ import annotations

import re

from qerrlint.checks.errors.pointers.error_use_after_free import member_of
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import subject_of
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Var, root


def object_is_released(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function releases the object itself after the Error of its member."""
    owner = root(observation.slots["error"])
    return _is_dangling(observation) and any(
        call.span > consumer.span
        and (word_list("releases-of-objects").matches(call.name) or call.name.startswith("g_"))
        and any(isinstance(arg, Var) and arg.path == owner for arg in call.args)
        for consumer in subject_of(observation).calls
        for call in analysed.function.calls
    )


def function_ends_the_object(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function, by its name, ends the object that the member belongs to."""
    return _is_dangling(observation) and word_list("ends-of-objects").matches(analysed.name)


def member_is_a_blocker(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the member holds the reason of a migration blocker."""
    member = re.escape(member_of(observation.slots["error"]).encode())
    blocks = rb"\bmigrate_(?:add|del)_blocker\w*\s*\([^;]*\b" + member + rb"\b"
    return _is_dangling(observation) and re.search(blocks, analysed.unit.data) is not None


def _is_dangling(observation: Observation) -> bool:
    return observation.slots["how"] == "dangling"
