# SPDX-License-Identifier: GPL-2.0-or-later
"""Imports run strictly downwards, and each outside package is imported in its own layer only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import qerrlint

ROOT = Path(qerrlint.__file__).parent
LAYERS = (
    ("cli",),
    ("report",),
    ("replay",),
    ("queries",),
    ("review",),
    ("engine",),
    ("policy",),
    ("rules",),
    ("checks",),
    ("qemu",),
    ("model",),
    ("transfer",),
    ("domain",),
    ("absint",),
    ("c",),
    ("result",),
    ("findings",),
    ("ir",),
    ("patch",),
    ("source",),
    ("errors",),
)
RANK: dict[str, float] = {name: rank for rank, names in enumerate(LAYERS) for name in names}
OUTSIDE = {
    "tree_sitter": {"c"},
    "tree_sitter_c": {"c"},
    "pycparser": {"c"},
    "click": {"cli"},
    "rich": {"cli", "report"},
}
MODULES = sorted(ROOT.rglob("*.py"))


def layer_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, early, late or for types only."""
    tree = ast.parse(path.read_bytes(), str(path))
    package = ("qerrlint", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            if module == "qerrlint":
                yield from (f"qerrlint.{alias.name}" for alias in node.names)
            else:
                yield module


def inner(path: Path) -> Iterator[str]:
    for module in imported(path):
        head, *rest = module.split(".")
        if head == "qerrlint" and rest and rest[0] != "__version__":
            yield rest[0]


def test_every_module_belongs_to_a_layer() -> None:
    strangers = {layer_of(path) for path in MODULES} - RANK.keys() - {"__init__", "__main__"}
    assert not strangers


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path: Path) -> None:
    own = layer_of(path)
    rank = RANK.get(own, -1)
    upwards = [
        name for name in inner(path) if name != own and RANK.get(name, -1) <= rank and not same(own, name)
    ]
    assert not upwards, f"{own}/ must not import {', '.join(upwards)}"


def same(one: str, other: str) -> bool:
    return any(one in names and other in names for names in LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_outside_packages_stay_in_their_layer(path: Path) -> None:
    for module in imported(path):
        allowed = OUTSIDE.get(module.partition(".")[0])
        assert allowed is None or layer_of(path) in allowed, f"{module} is imported outside {allowed}"


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("qerrlint.rules.rule", ("rich", "click", "tree_sitter", "pycparser", "tomllib", "tomli")),
        ("qerrlint.report", ("rich", "json", "tree_sitter", "pycparser")),
        ("qerrlint.report.text", ("rich", "json", "tree_sitter", "pycparser")),
        ("qerrlint.cli.explain", ("rich", "tree_sitter", "pycparser")),
        ("qerrlint.cli.rules", ("rich", "tree_sitter", "pycparser")),
    ],
)
def test_start_up_imports_nothing_heavy(module: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & set({unwanted!r})))"
    # Without the site packages' start-up hooks, which import what they like.
    got = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, check=True
    )
    assert got.stdout.split() == []


def test_the_check_itself_sees_an_upward_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "absint" / "bad.py"
    file.parent.mkdir()
    file.write_text("def late():\n    from qerrlint.model import environment\n    from ..c import cut\n")
    assert list(inner(file)) == ["model", "c"]
    with pytest.raises(AssertionError, match="absint/ must not import model"):
        test_imports_run_downwards(file)
