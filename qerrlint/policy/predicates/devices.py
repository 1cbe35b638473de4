# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates about device models (the family `devices`)."""

from __future__ import annotations

from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation
from qerrlint.qemu.device_tables import RegionTable


def region_may_refuse(_file: AnalysedFile, observation: Observation) -> bool:
    """The region's table has a function that is asked before each access."""
    region = observation.subject
    return isinstance(region, RegionTable) and region.text("valid", "accepts") not in ("", "NULL")
