# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch-ids, by which `git format-patch --base` names the patches in front of a series; git computes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qerrlint.patch.series import Patch, Series
from qerrlint.source.gitprocess import Git


def patch_ids(series: Iterable[Series], git: Git) -> dict[int, str]:
    """The stable patch-id of every patch, by the id() of the Patch; those that git gives none are left out.

    Raises InputError when git is missing. Nothing is written, and the patch is only read.
    """
    found: dict[int, str] = {}
    for one in series:
        for patch in one.patches:
            ident = _patch_id(patch, git)
            if ident is not None:
                found[id(patch)] = ident
    return found


def _patch_id(patch: Patch, git: Git) -> str | None:
    """`git patch-id` reads the diff and drops the mail around it; "-- " of the signature ends it."""
    diff = re.search(rb"^diff --git .*", patch.message.body, re.M | re.S)
    if diff is None:
        return None
    text = re.split(rb"^-- \n", diff[0], maxsplit=1, flags=re.M)[0]
    code, out, _ = git.try_run(("patch-id", "--stable"), stdin=text)
    match = re.match(rb"[0-9a-f]{40,64}", out)
    return match[0].decode("ascii") if code == 0 and match else None
