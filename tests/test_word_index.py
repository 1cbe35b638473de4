# SPDX-License-Identifier: GPL-2.0-or-later
"""The index of the words of many trees: what it names, and what a new content of a file adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from qerrlint.history.word_index import WordIndex
from qerrlint.source.commit_trees import CommitTrees

BLOBS = {
    "1": b"int gong_start(void);\n",
    "2": b"int gong_stop(void);\nint gong_start(void);\n",
    "3": b"int gong_stop(void);\n",
    "4": b'#include "hw/gong.h"\nint bell_ring(int gong_stop);\n',
}


class Blobs:
    """The part of CommitTrees that the index asks."""

    def blobs(self, blobs: Iterable[str]) -> Iterator[bytes | None]:
        return map(BLOBS.get, blobs)


def index_of(*trees: dict[str, str]) -> WordIndex:
    made = WordIndex(cast("CommitTrees", Blobs()))
    for tree in trees:
        made.add_tree(tree)
    return made


def test_it_names_the_files_of_all_trees() -> None:
    index = index_of({"a.h": "1", "b.c": "4"}, {"a.h": "2", "b.c": "4"}, {"a.h": "3"})
    assert index.mentioning(["gong_start"]) == {"a.h"}
    assert index.mentioning(["gong_stop"]) == {"a.h", "b.c"}
    assert index.mentioning(["bell_ring", "none"]) == {"b.c"}
    assert index.reaching(["include/hw/gong.h"]) == {"b.c"}


def test_a_word_comes_back_with_a_later_content() -> None:
    for trees in (["1", "3", "1"], ["3", "1", "2"], ["missing", "1"], ["1", "missing", "2"]):
        index = index_of(*({"a.h": blob} for blob in trees))
        assert index.mentioning(["gong_start"]) == {"a.h"}


def test_a_new_content_adds_only_its_new_words() -> None:
    index = index_of({"a.h": "1"})
    index.mentioning([])
    size = index.size
    index.add_tree({"a.h": "2"})
    index.mentioning([])
    assert index.size == size + 1
