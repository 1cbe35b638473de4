# SPDX-License-Identifier: GPL-2.0-or-later
"""What a release consists of: version, licence, source archive, links, the site of the documents."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from commandline import FIXTURES, git, run

import qerrlint
from qerrlint.cli.reporting import version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = FIXTURES.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_version_is_that_of_the_newest_entry_of_the_changes() -> None:
    entries = re.findall(r"^## (\S+) \(", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert entries[0] == qerrlint.__version__
    assert re.match(
        rf"qerrlint, version {re.escape(qerrlint.__version__)}( \([0-9a-f]{{12}}(-dirty)?\))?\n$",
        run("--version").out,
    )


def test_the_commit_is_that_of_the_build_else_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "qerrlint"
    package.mkdir()
    monkeypatch.setattr(version, "_FOLDER", str(package))
    assert version.described_version() == qerrlint.__version__, "nothing is known"
    (package / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = git(tmp_path, "rev-parse", "--short=12", "HEAD").strip()
    assert version.described_version() == f"{qerrlint.__version__} ({commit})"
    (package / "__init__.py").write_text("# other\n")
    assert version.described_version() == f"{qerrlint.__version__} ({commit}-dirty)"
    (package / "_commit").write_text("0123456789ab\n")
    assert version.described_version() == f"{qerrlint.__version__} (0123456789ab)"


def test_a_package_below_another_repository_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "venv" / "qerrlint"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    monkeypatch.setattr(version, "_FOLDER", str(package))
    assert version.described_version() == qerrlint.__version__


def test_the_licence_is_the_published_text() -> None:
    digest = hashlib.sha256((ROOT / "COPYING").read_bytes()).hexdigest()
    assert digest == "8177f97513213526df2cf6184d8ff986c675afb514d4e68a404010521b880643"
    assert PROJECT["project"]["license-files"] == ["COPYING"]


def test_the_source_archive_has_all_that_the_repository_has() -> None:
    """Its own tests have to pass from it; only what concerns git itself is left out."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a checkout")
    listed = {path.split("/")[0] for path in git(ROOT, "ls-files").splitlines()}
    included = {name.strip("/") for name in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    # hatchling adds these by itself.
    assert listed - included == {".gitignore", "pyproject.toml"}
    assert included - listed == set()


def test_links_of_the_readme_work_on_an_index_page() -> None:
    (rule,) = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    text = re.sub(rule["pattern"], rule["replacement"], (ROOT / "README.md").read_text("utf-8"))
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 10
    assert all(link.startswith(("https://", "#")) for link in links)
    home = PROJECT["project"]["urls"]["Changelog"].rpartition("/")[0]
    assert f"({home}/docs/options.md)" in text


def test_the_index_page_tells_how_to_install_and_not_what_only_a_clone_has() -> None:
    intro, readme = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["fragments"]
    assert "pip install qerrlint" in intro["text"]
    text = (ROOT / readme["path"]).read_text("utf-8")
    assert text.count(readme["start-at"]) == 1
    assert "make test" not in text.partition(readme["start-at"])[2]
    description = PROJECT["project"]["description"]
    assert "errors, device models, migration" in description
    assert qerrlint.__doc__ == f"{description}."


def hooks() -> Any:
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "site" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(name: str, text: str) -> str:
    config = SimpleNamespace(config_file_path=str(ROOT / "mkdocs.yml"))
    source = SimpleNamespace(file=SimpleNamespace(src_uri=name))
    resolved = hooks().on_page_markdown(text, source, config, None)
    assert isinstance(resolved, str)
    return resolved


def test_links_of_the_site() -> None:
    home = PROJECT["project"]["urls"]["Changelog"].rpartition("/")[0]
    for name, link, wanted in (
        ("index.md", "docs/options.md#exit-codes", "options.md#exit-codes"),
        ("index.md", "CHANGELOG.md", "changelog.md"),
        ("index.md", "bench/README.md", f"{home}/bench/README.md"),
        ("options.md", "outputs.md", "outputs.md"),
        ("options.md", "../README.md", "index.md"),
        ("gate.md", "ci/gate.sh", "ci/gate.sh"),
        ("changelog.md", "docs/gate.md", "gate.md"),
        ("modes.md", "#here", "#here"),
        ("modes.md", "https://example.org/x", "https://example.org/x"),
    ):
        assert page(name, f"see [it]({link}).") == f"see [it]({wanted})."
    with pytest.raises(FileNotFoundError, match=r"nowhere\.md"):
        page("options.md", "see [it](nowhere.md)")


def test_the_table_of_contents_names_pages_that_exist() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = set(re.findall(r": ([\w-]+\.md)$", text, re.M))
    # A page that the file does not list is built as well; it is only missing from the table of contents.
    assert listed <= {path.name for path in (ROOT / "docs").glob("*.md")} | {"index.md", "changelog.md"}
    assert len(listed) > 10


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "rules" / "index.html").exists()


def test_no_document_names_a_tag_that_does_not_exist() -> None:
    """A `rev:` that a reader may copy; before the first release there is no tag."""
    assert re.findall(r"^\s+rev: (.*)$", (ROOT / "docs" / "hook.md").read_text("utf-8"), re.M) == ["COMMIT"]
