# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace of a path: the places that it came through, shared between states as a linked list."""

from __future__ import annotations

from qerrlint.source.span import Span


class Trail:
    """One place on a path, with those before it; never changed.

    kind: "branch" (with `taken`; the note tells an assertion), "set", "gone", "loop", or "joined" where the
    path became one of several that are no longer told apart. `case`: of a branch into a case of a `switch`
    the place of its value.
    """

    __slots__ = ("before", "case", "joined", "kind", "note", "span", "taken")

    def __init__(
        self,
        before: Trail | None,
        kind: str,
        span: Span,
        note: str = "",
        taken: bool | None = None,
        case: Span | None = None,
    ) -> None:
        self.before = before
        self.kind = kind
        self.span = span
        self.note = note
        self.taken = taken
        self.case = case
        self.joined: bool = kind == "joined" or (before is not None and before.joined)

    def __repr__(self) -> str:
        return f"Trail({self.kind!r}, {self.span!r}, {self.note!r}, {self.taken!r}, before={self.before!r})"


def places(trail: Trail | None) -> list[Trail]:
    """The places in the order of the path."""
    out: list[Trail] = []
    while trail is not None:
        out.append(trail)
        trail = trail.before
    out.reverse()
    return out


def is_joined(trail: Trail | None) -> bool:
    """Whether the path has been joined with others, so that it may be one that no execution takes."""
    return trail is not None and trail.joined
