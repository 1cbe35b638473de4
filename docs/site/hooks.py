# SPDX-License-Identifier: GPL-2.0-or-later
"""Hooks of MkDocs: README.md and CHANGELOG.md as pages, and links that lead out of docs/."""

from __future__ import annotations

import os
import posixpath
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Pages made of files above docs/, by their names in the site.
_PAGES = {"index.md": "README.md", "changelog.md": "CHANGELOG.md"}
_LINK = re.compile(r"(\]\()([^)#\s]*)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages; called when the files of docs/ are known."""
    from mkdocs.structure.files import File

    root = os.path.dirname(config.config_file_path)
    for name, source in _PAGES.items():
        with open(os.path.join(root, source), encoding="utf-8") as file:
            files.append(File.generated(config, name, content=file.read()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between pages as the site has them, links to other files of the repository to its address.

    Raises FileNotFoundError for a link to a file that does not exist, so that the build fails.
    """
    root = os.path.dirname(config.config_file_path)
    here = os.path.dirname(_PAGES.get(page.file.src_uri, posixpath.join("docs", page.file.src_uri)))
    by_source = {source: name for name, source in _PAGES.items()}

    def resolved(match: re.Match[str]) -> str:
        target = match[2]
        if not target or ":" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(here, target))
        if not os.path.exists(os.path.join(root, path)):
            raise FileNotFoundError(f"{page.file.src_uri}: link to {path}, which does not exist")
        if path in by_source:
            return f"{match[1]}{by_source[path]}{match[3]}"
        if path.startswith("docs/") and not os.path.isdir(os.path.join(root, path)):
            return f"{match[1]}{path.removeprefix('docs/')}{match[3]}"
        return f"{match[1]}{_address(root)}/{path}{match[3]}"

    return _LINK.sub(resolved, markdown)


def _address(root: str) -> str:
    """Where the repository's files can be read, by [project.urls]."""
    with open(os.path.join(root, "pyproject.toml"), "rb") as file:
        urls = tomllib.load(file)["project"]["urls"]
    changes: str = urls["Changelog"]
    return changes.rpartition("/")[0]
