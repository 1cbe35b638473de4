# SPDX-License-Identifier: GPL-2.0-or-later
"""TOML that somebody else has written: what it costs, and that it ends in one line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from commandline import TREE, run

from qerrlint.errors import UsageError
from qerrlint.policy.configuration import load_configuration
from qerrlint.rules.rule_file import parse_rule
from qerrlint.source.toml import TomlError, read_toml

DIGITS = b"9" * 5000
BAD = {
    "digits": (b"x = " + DIGITS, "a number with too many digits"),
    "digits-and-lines": (b"x = " + b"_".join([b"9" * 50] * 100), "a number with too many digits"),
    "hexadecimal": (b"x = 0x" + b"f" * 50_000, None),
    "nested": (b"x = " + b"[" * 50_000, "nested too deeply"),
    "nested-tables": (b"x = " + b"{a = " * 50_000, "nested too deeply"),
    "dotted": (b"a" + b".a" * 50_000 + b" = 1", "a key with more than 32 parts"),
    "dotted-and-quoted": (b"[" + b" . ".join([b'"a"'] * 50_000) + b"]", "a key with more than 32 parts"),
    "latin-1": (b"x = '\xe9'", "not UTF-8 (byte 5)"),
    "nul": (b"x = '\0'", None),
    "large": (b"#" * (1 << 20) + b"\n", "larger than 1024 KiB"),
    "date": (b"x = 2025-02-31", None),
    "year": (b"x = 0000-01-01T00:00:00Z", None),
    "float": (b"x = 1e" + b"9" * 5000, None),
    # Found by the fuzzer: 48 KB of blanks took minutes.
    "blanks": (b"x = 1\n" + b" " * 200_000 + b"=", None),
    "brackets-and-blanks": (b"[[" + b" " * 200_000 + b"=", None),
    "surrogate": (b'x = "\\ud800"', None),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_toml_is_one_line_and_takes_no_time(name: str) -> None:
    data, why = BAD[name]
    start = time.process_time()
    said = ""
    try:
        read_toml(data)
    except TomlError as error:
        said = str(error)
    assert "\n" not in said
    assert (why or "") in said
    assert time.process_time() - start < 5, "the parser takes minutes for the dotted keys"


def test_good_toml_is_read() -> None:
    text = 'a.b."c d".e = 1_000\n[[x]]\ny = "........................................"\n'
    assert read_toml(text.encode()) == {"a": {"b": {"c d": {"e": 1000}}}, "x": [{"y": "." * 40}]}


@pytest.mark.parametrize("name", ["digits", "nested", "dotted", "large"])
def test_configurations_and_rules_end_in_one_clear_line(name: str, tmp_path: Path) -> None:
    data, why = BAD[name]
    assert why is not None
    file = tmp_path / "own.toml"
    file.write_bytes(data)
    with pytest.raises(UsageError, match=f"own.toml: not valid TOML: {why}"):
        load_configuration(None, str(file))
    with pytest.raises(UsageError, match=f"x.md: bad TOML in the front matter: {why}"):
        parse_rule(b"+++\n" + data + b"\n+++\n", "x.md")
    ran = run("check", "--tree", TREE, "--config", file)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"qerrlint: {file}: not valid TOML: {why}\n"


def test_a_patch_that_adds_a_bad_configuration_is_reviewed() -> None:
    for name in ("digits", "nested", "dotted"):
        data, why = BAD[name]
        head = "--- /dev/null\n+++ b/.qerrlint.toml\n@@ -0,0 +1 @@\n+"
        ran = run("patch", "-", "--tree", TREE, stdin=head.encode() + data + b"\n")
        assert (ran.code, ran.err) == (1, ""), ran.err
        assert f".qerrlint.toml: not valid TOML: {why}" in ran.out
