# SPDX-License-Identifier: GPL-2.0-or-later
"""Imports run strictly downwards, and each outside package is imported in its own layer only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache, partial
from pathlib import Path

import pytest

import qerrlint

ROOT = Path(qerrlint.__file__).parent
LAYERS = (
    ("cli",),
    ("report",),
    ("replay",),
    ("watch",),
    ("history",),
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
    ("device_page",),
    ("findings",),
    ("ir",),
    ("patch",),
    ("source",),
    ("errors", "lazy_patterns", "records"),
)
RANK: dict[str, float] = {name: rank for rank, names in enumerate(LAYERS) for name in names}
OUTSIDE = {
    "tree_sitter": {"c"},
    "tree_sitter_c": {"c"},
    "pycparser": {"c"},
    "click": {"cli"},
    "rich": {"cli", "report"},
    "pygls": {"cli"},
    "lsprotocol": {"cli"},
    "distributed": {"engine"},
}
MODULES = sorted(ROOT.rglob("*.py"))
# In one folder, __init__.py left out of the count of 25.
MOST_MODULES = 26


def layer_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0]


def statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """All statements, those inside of others among them; an import is in no expression."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from statements(getattr(node, part, ()))


@cache
def imported_names(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, early, late or for types only, and each name imported from one."""
    tree = ast.parse(path.read_bytes(), str(path))
    package = ("qerrlint", *path.relative_to(ROOT).parent.parts)
    out: list[str] = []
    for node in statements(tree.body):
        if isinstance(node, ast.Import):
            out += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            out += (f"{module}.{alias.name}" for alias in node.names)
    return tuple(out)


def inner(path: Path) -> Iterator[str]:
    for module in imported_names(path):
        head, *rest = module.split(".")
        if head == "qerrlint" and rest and rest[0] != "__version__":
            yield rest[0]


def module_name(path: Path) -> str:
    parts = ("qerrlint", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circles(modules: Sequence[Path]) -> set[frozenset[str]]:
    """The sets of modules that import each other, directly or through others.

    An import for types only counts, and so does one inside of a function.
    """
    names = {module_name(path) for path in modules}
    imports = {
        module_name(path): {found for found in map(partial(known, names), imported_names(path)) if found}
        for path in modules
    }
    below = {name: closure(imports, name) for name in names}
    found = {frozenset(other for other in below[name] if name in below[other]) for name in names}
    return found - {frozenset()}


def known(names: Set[str], imported_name: str) -> str:
    """The module that an import leads to; "" for one outside."""
    while imported_name and imported_name not in names:
        imported_name = imported_name.rpartition(".")[0]
    return imported_name


def closure(imports: Mapping[str, Set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(imports[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imports[name]
    return seen


def test_no_modules_import_each_other() -> None:
    assert circles(MODULES) == set()


def test_every_module_belongs_to_a_layer() -> None:
    strangers = {layer_of(path) for path in MODULES} - RANK.keys() - {"__init__", "__main__"}
    assert not strangers


def upward_imports(path: Path) -> list[str]:
    """The layers that a module imports though they do not lie below its own."""
    own = layer_of(path)
    rank = RANK.get(own, -1)
    return [
        name for name in inner(path) if name != own and RANK.get(name, -1) <= rank and not same(own, name)
    ]


def test_imports_run_downwards() -> None:
    assert {str(path): found for path in MODULES if (found := upward_imports(path))} == {}


def same(one: str, other: str) -> bool:
    return any(one in names and other in names for names in LAYERS)


def test_outside_packages_stay_in_their_layer() -> None:
    imports = {(module.partition(".")[0], path) for path in MODULES for module in imported_names(path)}
    assert {package for package, _ in imports} >= OUTSIDE.keys()
    strays = [
        f"{path} imports {package}"
        for package, path in sorted(imports)
        if package in OUTSIDE and layer_of(path) not in OUTSIDE[package]
    ]
    assert strays == []


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("qerrlint.rules.rule", ("rich", "click", "tree_sitter", "pycparser", "tomllib", "tomli")),
        ("qerrlint.report", ("rich", "json", "tree_sitter", "pycparser")),
        ("qerrlint.report.text", ("rich", "json", "tree_sitter", "pycparser")),
        ("qerrlint.cli.commands.explain", ("rich", "tree_sitter", "pycparser")),
        ("qerrlint.cli.commands.rules", ("rich", "tree_sitter", "pycparser")),
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
    assert upward_imports(file) == ["model"]


def test_the_check_itself_sees_a_circle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "model").mkdir()
    texts = {
        "one": "if TYPE_CHECKING:\n    from qerrlint.model.two import Two\n",
        "two": "def late():\n    from . import three\n",
        "three": "from qerrlint.model import one\n",
        "four": "from qerrlint.model.one import One\n",
    }
    for name, text in texts.items():
        (tmp_path / "model" / f"{name}.py").write_text(text)
    found = circles(sorted(tmp_path.rglob("*.py")))
    assert found == {frozenset(f"qerrlint.model.{name}" for name in ("one", "two", "three"))}


def test_no_folder_has_more_modules_than_a_reader_keeps_in_mind() -> None:
    counts = {folder: len(list(folder.glob("*.py"))) for folder in {path.parent for path in MODULES}}
    assert {str(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}
