# SPDX-License-Identifier: GPL-2.0-or-later
"""The analyses that a run makes, in order."""

from __future__ import annotations

from functools import lru_cache

from qerrlint.checks.analysis import Analysis
from qerrlint.checks.calls import CALLS
from qerrlint.checks.errorflow import ERRORFLOW
from qerrlint.checks.form import FORM
from qerrlint.checks.machine import machine
from qerrlint.checks.modes import MODES
from qerrlint.checks.roles import ROLES
from qerrlint.domain.ownership import Pair

ANALYSES: tuple[Analysis, ...] = (ERRORFLOW, CALLS, ROLES, MODES, FORM)


@lru_cache(maxsize=4)
def analyses_for(pairs: tuple[Pair, ...]) -> tuple[Analysis, ...]:
    """All analyses, the one that is driven by the tables of the rule files with these pairs."""
    return (*ANALYSES, machine(pairs)) if pairs else ANALYSES
