# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths as diffs write them: quoting, prefixes, timestamps; it refuses paths that leave the tree."""

from __future__ import annotations

import re

from qerrlint.lazy_patterns import lazy_re

_ESCAPES = {
    b"a": b"\a",
    b"b": b"\b",
    b"t": b"\t",
    b"n": b"\n",
    b"v": b"\v",
    b"f": b"\f",
    b"r": b"\r",
    b'"': b'"',
    b"\\": b"\\",
}
_ESCAPE = lazy_re(rb"\\([0-7]{3}|.)", re.S)
_QUOTED = lazy_re(rb'"((?:[^"\\]|\\.)*)"', re.S)
# The letters of diff.mnemonicPrefix and of the default.
_PREFIX = lazy_re(r"[abciow12]/")
# What plain `diff -u` and `svn diff` write after the name, where the tab in front of it was kept or not.
# Without any repetition: it is looked for at every blank of a line that somebody else has written.
_STAMP = lazy_re(
    rb"\s(?:\d{4}-\d\d-\d\d[ T]\d\d:\d\d|\((?:working copy|revision \d{1,9}|nonexistent)\)"
    rb"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s\w{3}\s[ \d]\d \d\d:\d\d)"
)
# PATH_MAX of Linux: no tree of QEMU, nor any file system that it is checked out to, has longer ones.
_LONGEST = 4096
# What a file system that folds case or knows short names takes for .git (git's verify_path()).
_GIT_DIR = lazy_re(r"(?:\.git|git~1)[ .]*(?::.*)?\Z", re.I | re.S)


class PathError(ValueError):
    """A path that cannot be one of the tree; its text says why."""


def unquote(raw: bytes) -> bytes:
    """Git's C-style quoting undone; a name that is not quoted stays as it is."""
    match = _QUOTED.match(raw)
    if match is None:
        return raw

    def plain(escape: re.Match[bytes]) -> bytes:
        code = escape[1]
        return bytes((int(code, 8) & 0xFF,)) if len(code) == 3 else _ESCAPES.get(code, code)

    return _ESCAPE.sub(plain, match[1])


def header_name(rest: bytes) -> str:
    """The name in a `--- ` or `+++ ` line, without quotes and timestamp, prefix kept."""
    if not rest.startswith(b'"'):
        rest = rest.split(b"\t", 1)[0]
        stamp = _STAMP.search(rest)
        rest = rest[: stamp.start()].rstrip() if stamp is not None else rest.rstrip(b" \r")
    return unquote(rest).decode("utf-8", "surrogateescape")


def git_names(rest: bytes) -> tuple[str, str] | None:
    """Both names of a `diff --git` line; None when they cannot be told apart (a rename with blanks)."""
    if rest.startswith(b'"'):
        first = _QUOTED.match(rest)
        if first is None:
            return None
        return _text(unquote(first[0])), _text(unquote(rest[first.end() :].lstrip()))
    if rest.endswith(b'"'):
        left, _, right = rest.partition(b' "')
        return _text(left), _text(unquote(b'"' + right))
    if rest.count(b" ") == 1:
        left, _, right = rest.partition(b" ")
        return _text(left), _text(right)
    # An unquoted name with blanks: both halves are equal but for the prefix.
    half = len(rest) // 2
    old, new = _text(rest[:half]), _text(rest[half + 1 :])
    plain = strip_pair(old, new)
    return (old, new) if rest[half : half + 1] == b" " and plain[0] == plain[1] else None


def strip_pair(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Both names without the prefixes that git or `diff -r old new` put there; None is /dev/null."""
    if old is None or new is None:
        name = old if new is None else new
        if name is not None and _PREFIX.match(name):
            name = name[2:]
        return (name, None) if new is None else (None, name)
    if _PREFIX.match(old) and _PREFIX.match(new) and (old[0] != new[0] or old[2:] == new[2:]):
        return old[2:], new[2:]
    # A diff without `rename from` is of one file: a prefix, be it old/a/, ends where the names differ.
    left, right = old.split("/"), new.split("/")
    pairs = zip(left, right, strict=False)
    at = next((at for at, (one, other) in enumerate(pairs, 1) if one != other), len(left))
    if left[at:] and left[at:] == right[at:]:
        return "/".join(left[at:]), "/".join(right[at:])
    return old, new


def checked(path: str | None) -> str | None:
    """A path of the tree without `./`.

    Raises PathError when it is absolute, climbs out, is empty or too long, or lies in a git directory.
    """
    if path is None:
        return None
    if len(path) > _LONGEST:
        raise PathError(f"it is longer than {_LONGEST} characters")
    parts = path.split("/")
    while len(parts) > 1 and parts[0] == ".":
        del parts[0]
    path = "/".join(parts)
    if path.startswith("/") or re.match(r"[A-Za-z]:[\\/]", path):
        raise PathError("it is absolute")
    if ".." in parts:
        raise PathError("it leaves the tree")
    if any(map(_GIT_DIR.match, parts)):
        raise PathError("it is in a git directory")
    if not path or "" in parts or "." in parts or "\0" in path or "\n" in path:
        raise PathError("it is not a path of a file")
    return path


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
