# SPDX-License-Identifier: GPL-2.0-or-later
"""The analyses that a run makes, in order."""

from __future__ import annotations

from functools import lru_cache

from qerrlint.analyses.analysis import Analysis
from qerrlint.analyses.calls import CALLS
from qerrlint.analyses.errorflow import ERRORFLOW
from qerrlint.analyses.form import FORM
from qerrlint.analyses.machine import machine
from qerrlint.analyses.modes import MODES
from qerrlint.analyses.roles import ROLES
from qerrlint.facts.pairs import Pair

ANALYSES: tuple[Analysis, ...] = (ERRORFLOW, CALLS, ROLES, MODES, FORM)


@lru_cache(maxsize=4)
def analyses_for(pairs: tuple[Pair, ...]) -> tuple[Analysis, ...]:
    """All analyses, the one that is driven by the tables of the rule files with these pairs."""
    return (*ANALYSES, machine(pairs)) if pairs else ANALYSES
