# SPDX-License-Identifier: GPL-2.0-or-later
"""TOML read from untrusted files, with limits far beyond any real file of settings."""

from __future__ import annotations

import re
import sys
from typing import Any

from qerrlint.lazy_patterns import lazy_re

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LARGEST = 1024 * 1024
_DEEPEST = 32
_PART = r"(?:[\w-]+|\"[^\"\n]{0,200}\"|'[^'\n]{0,200}')"
# The parser takes time that grows with the square of the parts of one dotted key.
_DEEP_KEY = lazy_re(rf"^[ \t]*(?:\[{{1,2}}[ \t]*)?{_PART}(?:[ \t]*\.[ \t]*{_PART}){{{_DEEPEST}}}", re.M)
_DIGITS = lazy_re(r"\d[\d_]{400}")


class TomlError(ValueError):
    """A text that is not read as TOML; its text says why, in one line."""


def read_toml(data: bytes) -> dict[str, Any]:
    """The table in a file; raises TomlError."""
    if len(data) > _LARGEST:
        raise TomlError(f"larger than {_LARGEST >> 10} KiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TomlError(f"not UTF-8 (byte {error.start})") from None
    if _DEEP_KEY.search(text) is not None:
        raise TomlError(f"a key with more than {_DEEPEST} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise TomlError("nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise TomlError(" ".join(str(error).split())) from None
    except (ValueError, OverflowError):
        # Python's own limits, of which the parser says nothing: thousands of digits in a number.
        what = "a number with too many digits" if _DIGITS.search(text) else "a value that cannot be read"
        raise TomlError(what) from None
