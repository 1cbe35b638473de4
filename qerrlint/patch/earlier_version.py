# SPDX-License-Identifier: GPL-2.0-or-later
"""The earlier version of a series among the messages of another input; it compares titles, no patches."""

from __future__ import annotations

from collections.abc import Sequence

from qerrlint.errors import UsageError
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.message import Message
from qerrlint.patch.series import Series
from qerrlint.patch.subject import folded


def earlier_version(messages: Sequence[Message], later: Sequence[Series]) -> Series | None:
    """The series that `later` is a new version of: the highest lower version, or, where subjects tell no
    versions, other mails of the same version. None when the messages hold no such series.

    Of several candidates the one that shares most titles is taken; a single one may share none.
    """
    highest = max((one.version for one in later), default=1)
    ids = frozenset(ident for one in later for ident in one.message_ids)
    titles = frozenset(title for one in later for title in _titles(one))
    for version in range(highest, 0, -1):
        try:
            found = assemble(messages, version)
        except UsageError:
            found = assemble(messages) if version == highest == 1 else []
        others = [one for one in found if one.patches and not one.message_ids & ids]
        if version == highest:
            # The same number twice is no v2 and v1 unless the titles say so, or nothing else is there.
            others = [one for one in others if _titles(one) & titles]
        if others:
            return max(others, key=lambda one: len(_titles(one) & titles))
    return None


def successor(earlier: Series, series: Sequence[Series]) -> Series:
    """The one of the series that shares most titles with an earlier version; the first of equal ones."""
    return max(series, key=lambda one: len(_titles(one) & _titles(earlier)))


def _titles(one: Series) -> frozenset[str]:
    own = [one.title, *(patch.title for patch in one.patches)]
    return frozenset(folded(title) for title in own) - {""}
