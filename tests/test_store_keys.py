# SPDX-License-Identifier: GPL-2.0-or-later
"""For each kind of key (docs/store.md) an edit of which no other kind tells that a result is another one now.

Were keys of that kind not recorded, the run would take the old result.
"""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from deciding_keys import DecidingKeys
from edited_callers import CALLERS, Callers, CallersFile
from edited_devices import Device, lit
from edited_mints import BESIDE, KEPT, Mints
from test_store_edits import base_tree, said, write

from qerrlint.engine import check_files

# The kinds of which every edit is told by another kind as well.
ALWAYS_WITH_OTHERS = {
    "own": "what a file declares itself lies in the text that `about:` tells of, or all of the file counts",
    "*": "it stands for what has no key, so no other edit could be told by it alone",
}


def mints(**other: Any) -> Mints:
    """The files as they are at first, with some things otherwise."""
    made = Mints(random.Random(0))
    for name, value in other.items():
        assert hasattr(made, name)
        setattr(made, name, value)
    return made


def callers(body: str) -> Callers:
    """Functions that fail without an Error, and one file that calls one of them so."""
    made = Callers(random.Random(0))
    rest = "    return g->tongue > 0;"
    helps = ["error_free(err);", "error_report_err(err);"]
    made.files_of_callers[CALLERS[0]] = CallersFile([body, rest, rest], helps)
    return made


CALLING = (
    "    Error *err = NULL; strike_1(g, &err); tell_1(err); if (err) { return false; } return true;",
    "    return strike_1(g, errp);",
)
# Kinds, and the states of the files; the last edit decides. Where there are three states, the text that it
# changes is known.
EDITS: tuple[tuple[Any, ...], ...] = (
    ("f", mints(), mints(toss="int")),
    ("m", mints(), mints(guard="ERRP_AUTO_PROPAGATE")),
    ("e", mints(), mints(bad=0)),
    ("t see @", mints(), mints(press_struct="typedef")),
    ("body", mints(), mints(faces="")),
    ("member", mints(), mints(hall="MintBad")),
    ("s reach", mints(), mints(main="MintBad")),
    ("s", mints(), mints(gate="MintBad")),
    ("q", mints(), mints(kind="CoinSort")),
    ("q", mints(arguments="'Flip'", flip_members=""), mints(arguments="'Flip'", flip_members="'n': 'int'")),
    ("qs", mints(), mints(result="'int'")),
    ("k", mints(), mints(casts="CoinBase")),
    ("types", mints(press="DeviceState"), mints()),
    ("index", mints(press_name="TYPE_PUNCH"), mints()),
    ("stem", mints(named=""), mints()),
    (
        "text",
        *(
            lit(Device(takes="init"), Device("TYPE_DEVICE"), elsewhere=text)
            for text in ("", "timer_del(s->wick);", "timer_free(s->wick);")
        ),
    ),
    ("dir", mints(weigh_at=""), mints(weigh_at=BESIDE[1])),
    ("defs", mints(), mints(own=KEPT)),
    ("def", mints(own=KEPT), mints(own=KEPT, other_text=1), mints(other_text=1)),
    ("file", mints(), mints(visitor="void")),
    ("mentions", mints(modes=""), mints(modes="both")),
    ("holds", mints(), mints(modes="both")),
    ("about", callers("    return g->tongue > 1;"), callers(CALLING[0]), callers(CALLING[1])),
    ("reach", mints(rim_is="c"), mints(rim_is="c", rim="int")),
    ("f reach", mints(), mints(side="int")),
    ("index", mints(press_name="TYPE_PUNCH", press_seen=True), mints(press_made="macro", press_seen=True)),
    (
        "m see @",
        mints(press_made="macro", press_seen=True),
        mints(press_made="macro", press_seen=True, made_size="DeviceState"),
    ),
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(check_files, "ONE_PROCESS_BYTES", 0)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    base_tree(tmp_path / "qemu")
    return tmp_path / "qemu"


@pytest.mark.parametrize("edit", EDITS, ids=[edit[0] for edit in EDITS])
def test_a_kind_of_key_decides_alone(tree: Path, edit: tuple[Any, ...]) -> None:
    kinds, *states = edit
    files: dict[str, str] = {}
    deciding = DecidingKeys()
    outputs = []
    for state in states:
        files = write(state, tree, files)
        with deciding.watching():
            warm = said("check", "--tree", tree, "--jobs", "1")
        assert warm == said("check", "--tree", tree, "--jobs", "1", "--no-cache")
        outputs.append(warm.out)
    assert outputs[-2] != outputs[-1]
    assert {*kinds.split()} <= deciding.counts.keys()


def test_every_kind_of_key_has_such_an_edit() -> None:
    text = (Path(__file__).parent.parent / "docs/store.md").read_text()
    table = text[text.index("| key | a fact |") : text.index("When files have changed, both contents")]
    keys = [key for row in table.splitlines() for key in re.findall(r"`([^`]+)`", row.partition(" | ")[0])]
    kinds = {"@" if "@" in key else key.partition(":")[0] for key in keys}
    shown = {kind for edit in EDITS for kind in edit[0].split()}
    assert kinds - shown == ALWAYS_WITH_OTHERS.keys()
