# SPDX-License-Identifier: GPL-2.0-or-later
"""CommitPrograms: the programs of the trees of many commits, with what successive ones have in common."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TypeVar

from qerrlint.history.word_index import WordIndex
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.program import Program
from qerrlint.review.scope import FilePair
from qerrlint.source.commit_trees import CommitTrees

T = TypeVar("T")

# Scanned declarations that are kept from commit to commit, in bytes of the files.
_CACHE_BYTES = 12 << 20
# Files that are analysed with one program.
_FILES_OF_PROGRAM = 30


class CommitPrograms:
    """Makes the programs of commits."""

    def __init__(self, trees: CommitTrees) -> None:
        self._trees = trees
        self.index = WordIndex(trees)
        """The words of the files of all trees that were added to it."""
        self._cache = DeclarationCache()
        self._latest: tuple[str, Program] | None = None

    def between(
        self, parent: str, commit: str, pairs: Sequence[FilePair], work: Callable[[Program, Program], T]
    ) -> T:
        """What some work does with the programs of two commits, which differ in these pairs of files. Raises
        InputError."""
        if self._cache.size > _CACHE_BYTES:
            self._cache = DeclarationCache()
        before = self._before(parent, pairs)
        after = self.program(commit)
        with closing(before):
            try:
                out = work(before, after)
            except BaseException:
                after.close()
                raise
        self._latest = commit, after
        return out

    def program(self, commit: str) -> Program:
        """The program of a commit's tree. Raises InputError."""
        files = self._trees.files(commit)

        def candidates(names: Iterable[str]) -> set[str]:
            # Reading a tree's words takes seconds, and most commits do without.
            self.index.add_tree(files)
            return self.index.mentioning(names)

        return Program(self._trees.tree(commit, candidates), cache=self._cache)

    def _before(self, parent: str, pairs: Sequence[FilePair]) -> Program:
        """The program of a parent's tree. Where that is the commit that was looked at last, it is the program
        of then, which knows its headers and often the same files."""
        if self._latest is None:
            return self.program(parent)
        (commit, program), self._latest = self._latest, None
        if commit == parent:
            program.keep_units(pair.old for pair in pairs if pair.old is not None)
            return program
        program.close()
        return self.program(parent)

    def in_turn(self, program: Program, paths: Sequence[str]) -> Iterator[tuple[str, Program]]:
        """Files of a program's tree, each with a program to analyse it with.

        A commit may concern hundreds of files in all folders. What a program has come to know for these would
        not fit into memory, so after some of them the next ones get a program of their own.
        """
        for start in range(0, len(paths), _FILES_OF_PROGRAM):
            using = program
            if start:
                self._cache = DeclarationCache()
                using = self.program(program.source.revision or "")
                using.environment.files.type_names = program.environment.files.type_names
                gc.collect(1)
            for path in paths[start : start + _FILES_OF_PROGRAM]:
                yield path, using
                using.forget(path)
            if using is not program:
                using.close()
