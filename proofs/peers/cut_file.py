# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts a file off: cut_file FILE SIZE [leave]; "leave" changes nothing."""

from __future__ import annotations

import os
import sys


def main(path: str, size: str, mode: str = "") -> None:
    """Truncate the file, which must be longer."""
    if os.path.getsize(path) <= int(size):
        sys.exit(f"{path} is not longer than {size}")
    if mode != "leave":
        os.truncate(path, int(size))


if __name__ == "__main__":
    main(*sys.argv[1:])
