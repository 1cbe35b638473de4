# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of device models that a change adds, alters or touches, for formats that show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from qerrlint.cli.options import Options
from qerrlint.cli.settings import Settings, targets

if TYPE_CHECKING:
    from qerrlint.patch.series import Series
    from qerrlint.result import Result
    from qerrlint.source.source import Source

# A change of a macro or a header's helper can touch hundreds.
_MOST = 40


def with_devices(
    result: Result, options: Options, settings: Settings, before: Source, after: Source, paths: Iterable[str]
) -> Result:
    """The result with the types of `paths`, files on either side; as it is where no format shows them."""
    if not any(form == "html" for form, _ in targets(options)):
        return result
    from qerrlint.model.include_graph import DeclarationCache
    from qerrlint.model.program import Program
    from qerrlint.queries.device import device_changes

    files = sorted({path for path in paths if path.endswith(".c")})
    cache = DeclarationCache()
    old, new = (Program(source, settings.reach, files, cache) for source in (before, after))
    found = tuple(islice(device_changes(old, new, files, settings.all_rules.pairs), _MOST))
    return replace(result, devices=found)


def with_devices_of_series(
    result: Result,
    options: Options,
    settings: Settings,
    base: Source,
    series: Sequence[Series],
    beneath: Sequence[Series],
) -> Result:
    """As with_devices(), of the patches of series on their base."""
    if not any(form == "html" for form, _ in targets(options)):
        return result
    from qerrlint.review.series.apply_series import apply_series
    from qerrlint.source.overlay import OverlaySource

    if beneath:
        under, stages = apply_series(base, beneath)
        base = OverlaySource(under, stages[-1].changes) if stages else under
    start, stages = apply_series(base, series)
    paths = {path for stage in stages for path in stage.maps}
    after = OverlaySource(start, stages[-1].changes) if stages else start
    return with_devices(result, options, settings, start, after, paths)
