# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a file of one letter: text_file FILE SIZE."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    Path(sys.argv[1]).write_text("a" * int(sys.argv[2]), encoding="ascii")
