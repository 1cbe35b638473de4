# SPDX-License-Identifier: GPL-2.0-or-later
"""Which results a change of a tree concerns: by the names that they have looked up."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

import pytest

from qerrlint.engine.changes.file_facts import FileFacts, facts_of, packed_keys
from qerrlint.engine.changes.include_changes import displaced
from qerrlint.engine.changes.tree_changes import TreeChanges
from qerrlint.model.definitions import Definitions
from qerrlint.model.file_text import FileText
from qerrlint.model.lookups import Lookups
from qerrlint.model.text_about import TextAbout

BELL = b"int bell_ring(int n);\nint bell_stop(void);\n"
TREE = {
    "hw/bell.c": b'#include "bell.h"\n#include "hall.h"\n',
    "hw/hall.h": b'#include "tower.h"\nint hall_open(void);\n',
    "hw/tower.h": b"int tower_high(void);\n",
    "hw/bell.h": BELL,
    "hw/crypt.h": b"#define CRYPT_DEEP 3\nint bell_ring(long n);\n",
    "hw/belfry.c": b"static const TypeInfo belfry = { .name = TYPE_BELFRY };\n"
    b"static void belfry_reset(void)\n{\n    bell_stop();\n}\n"
    b"static void belfry_init(void)\n{\n    bell_ring(1);\n}\n",
}


def facts(tree: Mapping[str, bytes]) -> dict[str, FileFacts]:
    return {path: facts_of(path, str(hash(data)), data) for path, data in tree.items()}


def changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> TreeChanges:
    return TreeChanges("", facts(old), facts(new), old.get, new.__getitem__)


def concerned(new: Mapping[str, bytes], *keys: str, searched: tuple[str, bytes, bool] | None = None) -> bool:
    searches = {searched[:2]: searched[2]} if searched is not None else {}
    return changes(TREE, {**TREE, **new}).concern(packed_keys(keys, searches, {}))


def test_a_name_declared_otherwise_concerns_those_that_include_the_file() -> None:
    bell = {"hw/bell.h": BELL.replace(b"int n", b"long n")}
    assert concerned(bell, "f:bell_ring", "reach:hw/bell.c")
    assert not concerned(bell, "f:bell_stop", "reach:hw/bell.c")
    assert not concerned(bell, "f:bell_ring", "reach:hw/belfry.c")
    assert not concerned({"hw/bell.h": b"/* new */\n" + BELL}, "f:bell_ring", "reach:hw/bell.c")


def test_a_type_declared_otherwise_concerns_those_that_looked_it_up() -> None:
    tree = {**TREE, "hw/bell.h": BELL + b"typedef struct Bell { int high; } Bell;\n"}
    other = tree["hw/bell.h"].replace(b"int high", b"long high")
    asked, body, high, low = (
        packed_keys(["t:struct Bell", *more, "reach:hw/bell.c"], {}, {})
        for more in ([], ["body:struct Bell"], ["member:struct Bell.high"], ["member:struct Bell.low"])
    )
    assert not changes(tree, {**tree, "hw/bell.h": other}).concern(asked)
    assert changes(tree, {**tree, "hw/bell.h": other}).concern(body)
    assert changes(tree, {**tree, "hw/bell.h": other}).concern(high)
    assert not changes(tree, {**tree, "hw/bell.h": other}).concern(low)
    assert changes(tree, TREE).concern(asked)
    assert changes(TREE, tree).concern(asked)
    more = tree["hw/bell.h"] + b"int bell_more(void);\n"
    assert not changes(tree, {**tree, "hw/bell.h": more}).concern(asked)


@pytest.mark.parametrize(
    ("new", "concerned_by"),
    [
        (b"{ 'enum': 'PegMode', 'data': [ 'one' ] }\n{ 'enum': 'PegSort', 'data': [ 'a' ] }\n", "PegMode"),
        (b"{ 'enum': 'PegSort', 'data': [ 'a' ] }\n", "PegMode"),
        (b"# two of them\n{ 'enum': 'PegMode', 'data': [ 'one', 'two' ] }\n", "PegSort"),
    ],
)
def test_a_name_of_a_schema_concerns_where_it_is_defined_otherwise(new: bytes, concerned_by: str) -> None:
    old = b"{ 'enum': 'PegMode', 'data': [ 'one', 'two' ] }\n{ 'enum': 'PegSort', 'data': [ 'a' ] }\n"
    found = changes({**TREE, "qapi/peg.json": old}, {**TREE, "qapi/peg.json": new})
    asked = {name: packed_keys([f"q:{name}"], {}, {}) for name in ("PegMode", "PegSort")}
    assert [name for name, keys in asked.items() if found.concern(keys)] == [concerned_by]
    gone = b"PegMode" not in new
    assert found.concern(packed_keys(["qs:visit_type_PegMode"], {}, {})) is gone


def test_a_search_in_a_file_concerns_where_its_answer_is_another_one() -> None:
    hall = TREE["hw/hall.h"] + b"int hall_shut(void);\n"
    for pattern, found, concerns in (
        (b"hall_shut", False, True),
        (b"hall_shut", True, False),
        (b"hall_open", True, False),
        (b"hall_open", False, True),
    ):
        asked = ("hw/hall.h", pattern, found)
        assert concerned({"hw/hall.h": hall}, "text:hw/hall.h", searched=asked) is concerns
    asked = ("hw/bell.h", b"bell_ring", True)
    assert not concerned({"hw/hall.h": hall}, "text:hw/bell.h", searched=asked)


@pytest.mark.parametrize("kind", ["containing", "mentioning"])
def test_a_file_that_comes_to_hold_a_word_concerns_those_that_searched_for_it(kind: str) -> None:
    def is_concerned(changed: dict[str, bytes]) -> bool:
        asked = packed_keys([], {}, {(kind, "bell_ring"): ("hw/bell.h", "hw/crypt.h", "hw/belfry.c")})
        return changes(TREE, {**TREE, **changed}).concern(asked)

    assert is_concerned({"hw/hall.h": TREE["hw/hall.h"] + b"int bell_ring;\n"})
    assert is_concerned({"hw/bell.h": b"int bell_stop(void);\n"})
    assert not is_concerned({"hw/hall.h": TREE["hw/hall.h"] + b"int bell_rings;\n"})
    assert not is_concerned({"hw/bell.h": BELL + b"int bell_more(void);\n"})


def test_a_header_that_is_included_no_longer_concerns_by_its_names() -> None:
    hall = {"hw/hall.h": b"int hall_open(void);\n"}
    assert concerned(hall, "f:tower_high", "reach:hw/bell.c")
    assert not concerned(hall, "f:hall_open", "reach:hw/bell.c")
    assert not concerned(hall, "f:tower_high", "reach:hw/belfry.c")


def test_a_header_that_is_included_on_another_way_concerns_nobody() -> None:
    hall = {
        "hw/hall.h": b"int hall_open(void);\n",
        "hw/bell.h": BELL + b'#include "tower.h"\n',
    }
    assert not concerned(hall, "f:tower_high", "reach:hw/bell.c")
    assert concerned(hall, "f:tower_high", "reach:hw/hall.h")


def test_another_order_concerns_by_the_names_that_two_headers_declare() -> None:
    two = {"hw/bell.c": b'#include "bell.h"\n#include "crypt.h"\n'}
    turned = {"hw/bell.c": b'#include "crypt.h"\n#include "bell.h"\n'}
    moved = changes({**TREE, **two}, {**TREE, **turned})
    assert moved.concern(packed_keys(["f:bell_ring", "reach:hw/bell.c"], {}, {}))
    assert not moved.concern(packed_keys(["f:bell_stop", "reach:hw/bell.c"], {}, {}))
    assert not moved.concern(packed_keys(["m:CRYPT_DEEP", "reach:hw/bell.c"], {}, {}))


def test_a_name_seen_from_another_file_concerns_by_what_that_file_sees() -> None:
    def keys(*pairs: tuple[str, str]) -> bytes:
        looked_up = Lookups()
        looked_up.pairs.update(pairs)
        return packed_keys(looked_up.everything("hw/belfry.c")[0], {}, {})

    bell = {"hw/bell.h": BELL.replace(b"int n", b"long n")}
    less = {"hw/hall.h": b"int hall_open(void);\n"}
    seen = keys(("f:bell_ring", "hw/bell.c"), ("f:tower_high", "hw/bell.c"))
    apart = keys(("f:hall_open", "hw/bell.c"), ("f:bell_ring", "hw/belfry.c"), ("f:tower_high", "hw/crypt.h"))
    for new in (bell, less):
        assert changes(TREE, {**TREE, **new}).concern(seen)
        assert not changes(TREE, {**TREE, **new}).concern(apart)
    # A name that the file itself sees counts however else it was looked up.
    own = {"hw/belfry.c": b'#include "bell.h"\n' + TREE["hw/belfry.c"]}
    assert changes({**TREE, **own}, {**TREE, **own, **bell}).concern(apart)
    unknown = TreeChanges("", facts(TREE), facts({**TREE, **bell}), lambda path: None, bell.get)
    assert unknown.concern(seen)


def test_a_new_header_that_hides_another_one_concerns_those_that_include_it() -> None:
    nearer = {"include/tower.h": b"", "hw/hall.h": TREE["hw/hall.h"], "tower.h": b""}
    assert not concerned({"tower.h": b"int tower_high(long n);\n"}, "f:tower_high", "reach:hw/bell.c")
    assert not concerned(nearer, "f:hall_open", "reach:hw/bell.c")
    far = {path: data for path, data in TREE.items() if path != "hw/tower.h"} | {"include/tower.h": b""}
    near = far | {"hw/tower.h": TREE["hw/tower.h"]}
    keys = packed_keys(["f:tower_high", "reach:hw/bell.c"], {}, {})
    assert changes(far, near).concern(keys)
    assert changes(near, far).concern(keys)
    assert not changes(near, far).concern(packed_keys(["f:hall_open", "reach:hw/bell.c"], {}, {}))


@pytest.mark.parametrize(
    ("pattern", "is_concerned"), [(rb"\bbell_stop\b", True), (rb"\bbell_crack\b", False)]
)
def test_a_new_file_concerns_by_what_is_searched_for_in_its_folder(
    pattern: bytes, is_concerned: bool
) -> None:
    new = {"hw/gong.c": b"void gong(void)\n{\n    bell_stop();\n}\n"}
    assert concerned(new, "dir:hw", searched=("hw/", pattern, False)) == is_concerned
    assert not concerned(new, "dir:hw/misc", searched=("hw/misc/", pattern, False))


def test_an_edited_file_concerns_by_what_it_comes_to_hold_of_what_is_searched_for_in_its_folder() -> None:
    """It may have come, without that, after the search."""
    pattern = rb"\bbell_crack\b"
    crack = b"static void belfry_end(void)\n{\n    bell_crack();\n}\n"
    before, after = TREE, {**TREE, "hw/belfry.c": TREE["hw/belfry.c"] + crack}
    keys = packed_keys(["dir:hw"], {("hw/", pattern): False}, {})
    assert changes(before, after).concern(keys)
    assert not changes(after, before).concern(keys)
    further = {**after, "hw/belfry.c": b"int more;\n" + after["hw/belfry.c"]}
    assert not changes(after, further).concern(keys)
    # Where the text before is not known, neither is what was found in it.
    unknown = TreeChanges("", facts(after), facts(further), lambda path: None, further.__getitem__)
    assert unknown.concern(keys)
    # What was looked for in the file itself is compared.
    looked = {("hw/", pattern): False, ("hw/belfry.c", pattern): True}
    keys = packed_keys(["dir:hw", "text:hw/belfry.c"], looked, {})
    assert not changes(after, further).concern(keys)


def test_a_file_that_comes_or_goes_concerns_those_that_looked_for_its_name() -> None:
    gong = {"hw/misc/tower_gong.c": b"int more;\n"}
    asked = packed_keys(["stem:tower-gong"], {}, {})
    assert concerned(gong, "stem:tower-gong")
    assert not concerned(gong, "stem:tower")
    assert changes({**TREE, **gong}, TREE).concern(asked)
    assert not changes({**TREE, **gong}, {**TREE, "hw/misc/tower_gong.c": b"int less;\n"}).concern(asked)


def test_a_function_concerns_those_that_have_read_its_text() -> None:
    new = {"hw/belfry.c": TREE["hw/belfry.c"].replace(b"bell_ring(1)", b"bell_ring(2)")}
    assert concerned(new, "defs:hw/belfry.c", "def:hw/belfry.c:belfry_init")
    assert not concerned(new, "defs:hw/belfry.c", "def:hw/belfry.c:belfry_reset")
    moved = {"hw/belfry.c": b"\n" + TREE["hw/belfry.c"]}
    assert not concerned(moved, "defs:hw/belfry.c", "def:hw/belfry.c:belfry_init")


def test_what_tells_of_a_word_concerns_where_it_is_another_text() -> None:
    def is_concerned(new: bytes, word: str) -> bool:
        text = FileText("hw/belfry.c", TREE["hw/belfry.c"])
        told = TextAbout(text, Definitions(text)).digest(word)
        asked = packed_keys([], {}, {("about", "hw/belfry.c", word): told})
        return changes(TREE, {**TREE, "hw/belfry.c": new}).concern(asked)

    ring = TREE["hw/belfry.c"].replace(b"bell_ring(1)", b"bell_ring(2)")
    assert is_concerned(ring, "bell_ring")
    assert not is_concerned(ring, "bell_stop")
    assert not is_concerned(TREE["hw/belfry.c"] + b"/* quiet */\n", "bell_ring")
    gone = {path: data for path, data in TREE.items() if path != "hw/belfry.c"}
    asked = packed_keys([], {}, {("about", "hw/belfry.c", "bell_ring"): "anything"})
    assert changes(TREE, gone).concern(asked)


def test_without_the_old_text_all_of_a_file_counts_as_changed() -> None:
    new = {"hw/belfry.c": b"\n" + TREE["hw/belfry.c"], "hw/bell.c": b"\n" + TREE["hw/bell.c"]}
    now = {**TREE, **new}
    found = TreeChanges("", facts(TREE), facts(now), lambda path: None, now.__getitem__)
    for keys in (
        ("defs:hw/belfry.c", "def:hw/belfry.c:belfry_reset"),
        ("types:hw/belfry.c",),
        ("own:hw/belfry.c", "e:BELL_LOUD"),
        ("reach:hw/bell.c", "f:bell_ring"),
    ):
        assert found.concern(packed_keys(keys, {}, {})), keys
    # A file without any has the same tables as before, whatever else has changed in it.
    assert not found.concern(packed_keys(["types:hw/bell.c"], {}, {}))


def test_displaced_leaves_a_rising_sequence_that_is_longest() -> None:
    draw = random.Random(5)
    for _ in range(200):
        numbers = draw.sample(range(20), 7)
        places = set(displaced(numbers))
        kept = [number for place, number in enumerate(numbers) if place not in places]
        assert kept == sorted(kept)
        longest = max(
            size
            for size in range(8)
            for part in itertools.combinations(numbers, size)
            if list(part) == sorted(part)
        )
        assert len(kept) == longest


def test_an_enumerator_of_unknown_value_concerns_by_its_text() -> None:
    tones = b"enum BellTone { BELL_LOW = BELL_BASE + 1, BELL_HIGH = BELL_BASE + 2 };\n"
    tree = {**TREE, "hw/bell.h": BELL + tones}
    found = changes(tree, {**tree, "hw/bell.h": BELL + tones.replace(b"+ 2", b"+ 3")})
    assert not found.concern(packed_keys(["e:BELL_LOW", "reach:hw/bell.c"], {}, {}))
    assert found.concern(packed_keys(["e:BELL_HIGH", "reach:hw/bell.c"], {}, {}))


@pytest.mark.parametrize("behind", range(4))
def test_a_member_concerns_however_many_declarations_stand_behind_it(behind: int) -> None:
    text = b"struct Rope { int thick; int (*ring)(int n)%s; };\n" % b"".join(
        b"; int m%d" % number for number in range(behind)
    )
    tree = {**TREE, "hw/bell.h": BELL + text}
    found = changes(tree, {**tree, "hw/bell.h": BELL + text.replace(b"ring)(int", b"ring)(long")})
    assert found.concern(packed_keys(["s:ring", "reach:hw/bell.c"], {}, {}))
    assert not found.concern(packed_keys(["s:thick", "reach:hw/bell.c"], {}, {}))


def test_a_member_that_is_commented_out_concerns_in_both_directions() -> None:
    without = {**TREE, "hw/bell.h": b"int a; /* x; int (*ring)(int n); /* */\n"}
    there = {**TREE, "hw/bell.h": b"int a; x; int (*ring)(int n); /* */\n"}
    for old, new in ((without, there), (there, without)):
        assert changes(old, new).concern(packed_keys(["s:ring", "reach:hw/bell.c"], {}, {}))


def test_another_order_concerns_by_all_names_where_a_header_cannot_be_read() -> None:
    two = {**TREE, "hw/bell.c": b'#include "bell.h"\n#include "crypt.h"\n'}
    turned = {**TREE, "hw/bell.c": b'#include "crypt.h"\n#include "bell.h"\n'}
    for unread in ("hw/bell.h", "hw/crypt.h"):
        texts = {path: None if path == unread else data for path, data in turned.items()}
        found = TreeChanges("", facts(two), facts(turned), two.get, texts.__getitem__)
        assert found.concern(packed_keys(["m:ANY", "reach:hw/bell.c"], {}, {}))


def test_the_names_of_a_header_that_is_as_before_need_no_old_text() -> None:
    new = {**TREE, "hw/hall.h": b"int hall_open(void);\n"}
    old_texts = {"hw/hall.h": TREE["hw/hall.h"]}
    found = TreeChanges("", facts(TREE), facts(new), old_texts.get, new.__getitem__)
    assert found.concern(packed_keys(["f:tower_high", "reach:hw/bell.c"], {}, {}))
    assert not found.concern(packed_keys(["f:bell_ring", "reach:hw/bell.c"], {}, {}))


def test_the_types_of_a_file_concern_where_its_tables_differ() -> None:
    tower = TREE["hw/belfry.c"].replace(b"TYPE_BELFRY", b"TYPE_TOWER")
    assert concerned({"hw/belfry.c": tower}, "types:hw/belfry.c")
    assert not concerned({"hw/belfry.c": TREE["hw/belfry.c"] + b"int more;\n"}, "types:hw/belfry.c")


def test_a_type_that_a_macro_comes_to_define_concerns_those_that_looked_for_it() -> None:
    made = {"hw/belfry.c": b"OBJECT_DEFINE_TYPE(GongState, gong, GONG, DEVICE)\n"}
    assert concerned(made, "index:TYPE_GONG")
    assert not concerned(made, "index:TYPE_HALL")


def test_a_file_whose_new_text_cannot_be_read_counts_as_empty() -> None:
    new = {**TREE, "hw/bell.h": b"int bell_ring(int n);\n"}
    texts = {path: None if path == "hw/bell.h" else data for path, data in new.items()}
    found = TreeChanges("", facts(TREE), facts(new), TREE.get, texts.__getitem__)
    assert found.concern(packed_keys(["f:bell_ring", "reach:hw/bell.c"], {}, {}))
