# SPDX-License-Identifier: GPL-2.0-or-later
"""The titles of patches that the input lacks, as replies and the cover letter tell; it sorts no mails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.listed_numbers import listed_numbers
from qerrlint.patch.subject import Subject, folded, parse_subject

# The list that `git format-patch --cover-letter` makes: each author with the number of patches, then titles.
_AUTHOR = lazy_re(r"^\S.*\((\d{1,4})\):$")
_TITLE = lazy_re(r"^  (\S.*)$")
# So many missing patches are named by their titles.
_NAMED = 4
_GOES_ON = lazy_re(r"^    (\S.*)$")


def missing_titles(
    missing: Sequence[int], cover: str, known: Mapping[int | None, str], answered: Iterable[Subject]
) -> dict[int, str]:
    """The titles of missing patches by index, as far as they can be told.

    `cover` is the text of the cover letter, `known` the titles at hand by index, `answered` the
    subjects of replies within the series.
    """
    found = {
        subject.index: subject.title
        for subject in answered
        if subject.index is not None and subject.index in missing and subject.title
    }
    authors = listed(cover)
    if len(authors) == 1:
        (titles,) = authors
        for index in missing:
            if index <= len(titles):
                found.setdefault(index, titles[index - 1])
        return found
    # With several authors the list is in their order: it tells one title when only one is left over.
    have = {folded(title) for title in (*known.values(), *found.values())}
    left = [title for titles in authors for title in titles if folded(title) not in have]
    open_ = [index for index in missing if index not in found]
    if len(left) == len(open_) == 1:
        found[open_[0]] = left[0]
    return found


def listed(cover: str) -> list[list[str]]:
    """The titles of a cover letter's list, for each author in the order of the patches."""
    authors: list[list[str]] = []
    wanted = 0
    for line in cover.split("\n"):
        head = _AUTHOR.match(line)
        if head is not None:
            authors.append([])
            wanted = int(head[1])
        elif wanted:
            title, more = _TITLE.match(line), _GOES_ON.match(line)
            if title is not None:
                authors[-1].append(parse_subject(title[1]).title)
            elif more is not None and authors[-1]:
                authors[-1][-1] += " " + more[1]
            else:
                wanted = 0
    return [titles for titles in authors if titles]


def missing_sentence(missing: Sequence[int], total: int, titles: Mapping[int, str]) -> str:
    """One sentence that names what is missing; of more than a few the numbers only."""
    if len(missing) > _NAMED:
        titles = {}
    if len(missing) == 1:
        return f"patch {listed_numbers(missing, titles)} of {total} is missing"
    return f"patches {listed_numbers(missing, titles)} of {total} are missing"
