# SPDX-License-Identifier: GPL-2.0-or-later
"""The trail of a path: which places it came through, shared between states as a linked list."""

from __future__ import annotations

from dataclasses import dataclass

from qerrlint.source.span import Span


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """One place on a path and the way there. kind: "branch" (with `taken`), "set", "gone", "loop", or
    "joined" where the path became one of several that are no longer told apart."""

    before: Trail | None
    kind: str
    span: Span
    note: str = ""
    taken: bool | None = None


def places(trail: Trail | None) -> list[Trail]:
    """The places in the order of the path."""
    out: list[Trail] = []
    while trail is not None:
        out.append(trail)
        trail = trail.before
    out.reverse()
    return out


def is_joined(trail: Trail | None) -> bool:
    """Whether the path has been joined with others, so that it may be none that a program can take."""
    while trail is not None:
        if trail.kind == "joined":
            return True
        trail = trail.before
    return False
