# SPDX-License-Identifier: GPL-2.0-or-later
""".pre-commit-hooks.yaml with the pre-commit program itself, which installs the hooks from this repository.

QERRLINT_PRE_COMMIT names the program; it needs a package index and half a minute. The hooks are those of
the last commit here, because pre-commit takes them from a repository and not from files.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from commandline import FIXTURES, git, scratch_repository

ROOT = FIXTURES.parent
PULSEHUB = "hw/intc/pulsehub.c"
IDS = ("qerrlint-staged", "qerrlint-files", "qerrlint-config")


def test_the_ids_are_those_that_the_page_names() -> None:
    listed = re.findall(r"^- id: (\S+)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.M)
    assert tuple(listed) == IDS
    page = (ROOT / "docs" / "hook.md").read_text()
    assert all(f"`{name}`" in page for name in IDS)


@pytest.fixture
def program() -> str:
    found = os.environ.get("QERRLINT_PRE_COMMIT")
    if not found:
        pytest.skip("QERRLINT_PRE_COMMIT is not set")
    return found


def test_a_defect_is_stopped_and_its_repair_passes(program: str, tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    home = {"PRE_COMMIT_HOME": os.fspath(tmp_path / "home")}

    def ran(*command: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **home}
        return subprocess.run(command, cwd=top, env=environment, capture_output=True, text=True, check=False)

    def commit() -> subprocess.CompletedProcess[str]:
        git(top, "add", "-A")
        return ran("git", "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "x")

    def configure(*hooks: str) -> None:
        lines = "".join(f"      - id: {hook}\n" for hook in hooks)
        revision = git(ROOT, "rev-parse", "HEAD").strip()
        text = f"repos:\n  - repo: {ROOT.as_uri()}\n    rev: {revision}\n    hooks:\n{lines}"
        (top / ".pre-commit-config.yaml").write_text(text)

    configure("qerrlint-staged", "qerrlint-config")
    good = (top / PULSEHUB).read_text()
    assert commit().returncode == 0
    installed = ran(program, "install", "--install-hooks")
    assert installed.returncode == 0, installed.stdout

    (top / PULSEHUB).write_text(good.replace("        return;\n", "        ;\n", 1))
    stopped = commit()
    assert stopped.returncode == 1
    assert "error[error-set-twice]" in stopped.stderr
    assert "qerrlint (configuration)" in stopped.stderr
    (top / PULSEHUB).write_text(good + "\n/* Nothing else. */\n")
    passed = commit()
    assert passed.returncode == 0, passed.stderr

    (top / ".qerrlint.toml").write_text('fail-on = "sometimes"\n')
    refused = commit()
    assert refused.returncode == 1
    assert "fail-on: 'sometimes' is not one of note, warning, error, never" in refused.stderr
    (top / ".qerrlint.toml").write_text('fail-on = "note"\n')
    assert commit().returncode == 0

    # The whole file has a defect that no commit here has brought.
    configure("qerrlint-files")
    git(top, "add", "-A")
    whole = ran(program, "run", "--files", PULSEHUB)
    assert whole.returncode == 1
    assert "int-as-bool" in whole.stdout
