# SPDX-License-Identifier: GPL-2.0-or-later
"""The analyses that a run makes, in order."""

from __future__ import annotations

from qerrlint.analyses.analysis import Analysis
from qerrlint.analyses.calls import CALLS
from qerrlint.analyses.errorflow import ERRORFLOW
from qerrlint.analyses.form import FORM
from qerrlint.analyses.modes import MODES
from qerrlint.analyses.roles import ROLES

ANALYSES: tuple[Analysis, ...] = (ERRORFLOW, CALLS, ROLES, MODES, FORM)
