# SPDX-License-Identifier: GPL-2.0-or-later
"""Build hook: writes the commit that an archive or a wheel is built from into the package."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILE = os.path.join("qerrlint", "_commit")


class CommitHook(BuildHookInterface[Any]):
    """Puts qerrlint/_commit into what is built: from git, or as the source archive already has it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files."""
        if version == "editable":
            return
        path = os.path.join(self.root, FILE)
        if os.path.exists(os.path.join(self.root, ".git")):
            command = ("git", "-C", self.root, "rev-parse", "--short=12", "HEAD")
            try:
                commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            except (OSError, subprocess.CalledProcessError):
                return
            path = os.path.join(self.root, "build", "_commit")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(f"{commit}\n")
        if os.path.exists(path):
            build_data["force_include"][path] = FILE
