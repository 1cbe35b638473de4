# SPDX-License-Identifier: GPL-2.0-or-later
"""What a review takes over of one comparison for another: the result of a pair of files, where all that it
was made from is the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commandline import TREE, git, run

from qerrlint.review import both_sides
from qerrlint.review.store.earlier_pairs import EarlierPairs

HEADER = """
#include "qapi/error.h"
#define PEG_BAD (-1)
bool peg_first(Error **errp);
void peg_note(Error **errp);
"""
NOTE = '#include "peg.h"\nvoid peg_note(Error **errp)\n{\n}\n'
SETS = '#include "peg.h"\nvoid peg_note(Error **errp)\n{\n    error_setg(errp, "no");\n}\n'
RUN = """
#include "peg.h"
void peg_run(Error **errp)
{
}
"""
TWICE = RUN.replace("{\n", "{\n    peg_note(errp);\n    peg_note(errp);\n")
CODE = '\n#include "peg.h"\nint peg_code(Error **errp)\n{\n    return 0;\n}\n'
FAILS = CODE.replace("return 0;", "if (!peg_first(errp)) {\n        return PEG_BAD;\n    }\n    return 0;")


class Review:
    """The review of a series of states of a small tree, and how many pairs of files were taken over."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tree = top / "qemu"
        (self.tree / "include/qapi").mkdir(parents=True)
        for path in ("VERSION", "include/qapi/error.h"):
            (self.tree / path).write_bytes((TREE / path).read_bytes())
        git(self.tree, "init", "-q", "-b", "main")
        self.taken: list[str] = []
        find = EarlierPairs.find

        def counted(earlier: EarlierPairs, parts: tuple[str, ...], *programs: Any) -> Any:
            found = find(earlier, parts, *programs)
            if found is not None:
                self.taken.append(parts[3])
            return found

        monkeypatch.setattr(EarlierPairs, "find", counted)

    def commit(self, **files: str) -> None:
        for stem, text in files.items():
            path = "include/peg.h" if stem == "peg" else f"hw/{stem}.c"
            (self.tree / path).parent.mkdir(exist_ok=True)
            (self.tree / path).write_text(text)
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "-q", "-m", "state")

    def series(self, patches: int) -> tuple[str | Path, ...]:
        """The arguments that review the last patches."""
        mails = git(self.tree, "format-patch", "--stdout", f"HEAD~{patches}")
        (self.tree.parent / "series.mbox").write_text(mails)
        base = ("--base", f"HEAD~{patches}", "--tree", self.tree)
        return ("patch", self.tree.parent / "series.mbox", *base, "--jobs", "1", "--format", "json")

    def rules(self, patches: int) -> list[tuple[str, str]]:
        """The rules of what the last patches introduce, with the functions."""
        ran = run(*self.series(patches), "--no-cache")
        return [(one["rule"], one["function"]) for one in json.loads(ran.out)["findings"]]


@pytest.fixture
def review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Review:
    return Review(tmp_path, monkeypatch)


def test_a_file_that_one_patch_changes_is_analysed_once(review: Review) -> None:
    review.commit(peg=HEADER, run=RUN, code=CODE)
    review.commit(run=TWICE)
    review.commit(code=FAILS)
    assert review.rules(2) == [("error-set-twice", "peg_run")]
    assert review.taken == ["hw/run.c", "hw/code.c"]


def test_a_body_that_a_later_patch_changes_counts(review: Review) -> None:
    review.commit(peg=HEADER, run=RUN, note=NOTE)
    review.commit(run=TWICE)
    review.commit(note=SETS)
    assert review.rules(2) == [("error-set-twice", "peg_run")]
    assert "hw/run.c" not in review.taken


def test_a_body_that_stays_the_same_for_its_callers_does_not_count(review: Review) -> None:
    review.commit(peg=HEADER, run=RUN, note=SETS)
    review.commit(run=TWICE)
    review.commit(note=SETS.replace('"no"', '"never"'))
    assert review.rules(2) == [("error-set-twice", "peg_run")]
    assert "hw/run.c" in review.taken


def test_what_a_later_patch_declares_otherwise_counts(review: Review) -> None:
    review.commit(peg=HEADER, code=CODE)
    review.commit(code=FAILS)
    review.commit(peg=HEADER.replace("(-1)", "0"))
    review.rules(2)
    assert "hw/code.c" not in review.taken


def test_a_comment_in_a_header_does_not_count(review: Review) -> None:
    review.commit(peg=HEADER, code=CODE)
    review.commit(code=FAILS)
    review.commit(peg="/* Pegs. */\n" + HEADER)
    review.rules(2)
    assert "hw/code.c" in review.taken


def _analysed_again(*_: object) -> None:
    raise AssertionError("analysed again")


def test_what_is_taken_over_is_kept_in_the_store(
    review: Review, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    review.commit(peg=HEADER, run=RUN, code=CODE)
    review.commit(run=TWICE)
    review.commit(code=FAILS)
    with monkeypatch.context() as patch:
        # Larger files look up what makes the store ask again in vain.
        patch.setattr(both_sides, "kept_pair", lambda *_: None)
        first = run(*review.series(2))
    assert review.taken == ["hw/run.c", "hw/code.c"]

    monkeypatch.setattr(both_sides, "_analysed_both", _analysed_again)
    assert run(*review.series(2)) == first


def test_what_is_kept_depends_on_no_selection(
    review: Review, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    review.commit(peg=HEADER, run=RUN, code=CODE)
    review.commit(run=TWICE)
    assert run(*review.series(1), "--select", "int-as-bool").findings == []
    monkeypatch.setattr(both_sides, "_analysed_both", _analysed_again)
    assert run(*review.series(1)).rules == {"error-set-twice"}
