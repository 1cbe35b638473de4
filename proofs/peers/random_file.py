# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a file of bytes that do not compress: random_file FILE SIZE."""

from __future__ import annotations

import random
import sys
from pathlib import Path

if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(random.Random(1).randbytes(int(sys.argv[2])))
