# SPDX-License-Identifier: GPL-2.0-or-later
"""AnalysedFunction: what a check is run on, and what an exemption's predicate is asked about."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, cast

from qerrlint.c.cut import Piece
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.ownership import Pair
from qerrlint.domain.result import FunctionResult
from qerrlint.ir.code import Function
from qerrlint.model.translation_unit import TranslationUnit

T = TypeVar("T")


class AnalysedFunction:
    """One function with the fixpoint of its interpretation and the file that it stands in.

    `pairs` are the acquire/release pairs of all rule files.
    """

    def __init__(
        self,
        unit: TranslationUnit,
        piece: Piece,
        function: Function,
        result: FunctionResult,
        pairs: tuple[Pair, ...] = (),
    ) -> None:
        self.unit = unit
        self.piece = piece
        self.function = function
        self.result = result
        self.pairs = pairs
        self._kept: dict[object, Any] = {}

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name

    @property
    def signature(self) -> Signature | None:
        """The signature of its definition."""
        return self.result.signature

    @property
    def errp(self) -> str | None:
        """The name of its own out-parameter of type `Error **`; None where it has none."""
        return self.result.errp

    @cached_property
    def kind(self) -> str:
        """What its result is: bool, int, pointer, void or unknown (c.declarations.types.result_kind)."""
        return self.unit.scope.result_kind(self.signature)

    def once(self, compute: Callable[[AnalysedFunction], T]) -> T:
        """compute(self), remembered: for facts that several checks or predicates ask for."""
        if compute not in self._kept:
            self._kept[compute] = compute(self)
        return cast("T", self._kept[compute])
