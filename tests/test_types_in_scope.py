# SPDX-License-Identifier: GPL-2.0-or-later
"""Types, enumerators, macros and declarations as one file of a tree sees them."""

from __future__ import annotations

import pytest

from qerrlint.model.environment import Environment
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.model.types_in_scope import declared_type
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

HEADER = """
typedef struct Peg Peg;
struct Peg {
    int width;
    Peg *next;
    bool (*turn)(Peg *p, Error **errp);
};
typedef struct Peg const *PegRef;
typedef Peg *PegPointer;
typedef Peg PegAlias;
typedef PegAlias PegSecond;
typedef struct { int depth; } Hole;
typedef struct Unseen Unseen;
typedef int PegTurn(Peg *p, Error **errp);
typedef PegTurn *PegTurnPointer;
typedef enum { WOOD_OAK, WOOD_ASH = 5, WOOD_ELM } Wood;
enum Grain { GRAIN_FINE };
typedef enum Grain GrainAlias;
#define PEG_WIDTH 3
#define PEG_DEPTH (0x10)
#define PEG_SUM (1 + 2)
#define PEG_CALL() 3
"""
OTHER = """
struct Peg { int other; };
struct Far {
    int far;
    bool (*turn)(struct Far *f, int how, Error **errp);
};
typedef enum { FAR_ONE } FarKind;
#define PEG_WIDTH 4
"""


def tree(reach: str = "headers", **more: str) -> tuple[Environment, TranslationUnit]:
    files = {
        "include/peg.h": HEADER,
        "include/far.h": OTHER,
        "hw/a.c": '#include "peg.h"\n',
        "VERSION": "9.0.0\n",
        **{name.replace("__", "/"): text for name, text in more.items()},
    }
    source = OverlaySource(EmptySource(), {name: data.encode() for name, data in files.items()})
    unit = Program(source, reach).unit("hw/a.c")
    assert unit is not None
    return unit.environment, unit


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("struct Peg", ["width", "next", "turn"]),
        ("Peg", ["width", "next", "turn"]),
        ("PegPointer", ["width", "next", "turn"]),
        ("PegRef", ["width", "next", "turn"]),
        ("PegSecond", ["width", "next", "turn"]),
        ("Hole", ["depth"]),
        ("Unseen", []),
        ("struct Unseen", []),
        ("Wood", []),
        ("struct Far", []),
        ("Nothing", []),
        ("int", []),
    ],
)
def test_members(name: str, members: list[str]) -> None:
    environment, _ = tree()
    for _ in range(2):
        assert [member.name for member in environment.members(name, "hw/a.c")] == members


def test_the_whole_tree_is_seen_where_that_is_the_reach() -> None:
    environment, _ = tree("tree")
    assert [member.name for member in environment.members("struct Far", "hw/a.c")] == ["far", "turn"]
    # What the file includes goes first.
    assert environment.members("struct Peg", "hw/a.c")[0].name == "width"
    assert environment.enum_constants("FarKind", "hw/a.c") == (("FAR_ONE", 0),)


def test_typedefs_that_go_round_end() -> None:
    environment, _ = tree(**{"hw/a.c": "typedef Round Round;\ntypedef Back Forth;\ntypedef Forth Back;\n"})
    for name in ("Round", "Back", "Forth"):
        assert environment.members(name, "hw/a.c") == ()
        assert environment.callback_signature(name, "hw/a.c") is None


@pytest.mark.parametrize(
    ("name", "constants"),
    [
        ("Wood", (("WOOD_OAK", 0), ("WOOD_ASH", 5), ("WOOD_ELM", 6))),
        ("Grain", (("GRAIN_FINE", 0),)),
        ("enum Grain", (("GRAIN_FINE", 0),)),
        ("GrainAlias", (("GRAIN_FINE", 0),)),
        ("FarKind", ()),
        ("PegMode", (("PEG_MODE_ONE", 0), ("PEG_MODE__MAX", 1))),
        ("None", ()),
    ],
)
def test_enumerators(name: str, constants: object) -> None:
    environment, _ = tree(**{"qapi/peg.json": "{ 'enum': 'PegMode', 'data': [ 'one' ] }\n"})
    assert environment.enum_constants(name, "hw/a.c") == constants


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("PegTurn", ("int", 1)), ("PegTurnPointer", ("int", 1)), ("Peg", None), ("Nothing", None)],
)
def test_typedefs_of_functions(name: str, wanted: object) -> None:
    environment, _ = tree()
    found = environment.callback_signature(name, "hw/a.c")
    assert (None if found is None else (found.returns, found.errp)) == wanted


def test_generated_types() -> None:
    schema = (
        "{ 'enum': 'PegMode', 'data': [ 'one' ] }\n{ 'struct': 'PegInfo', 'data': { 'name': 'str' } }\n"
        "{ 'command': 'peg-open' }\n"
    )
    environment, _ = tree(**{"qapi/peg.json": schema})
    found = {name: environment.typedef(name, "hw/a.c") for name in ("PegMode", "PegModeList", "PegInfo")}
    assert [(t.kind, t.target) for t in found.values() if t is not None] == [
        ("enum", "enum PegMode"),
        ("struct", "struct PegModeList"),
        ("struct", "struct PegInfo"),
    ]
    assert environment.typedef("peg-open", "hw/a.c") is None


def test_members_of_one_name_in_several_structs() -> None:
    both = '#include "peg.h"\n#include "far.h"\n'
    alone = tree()[0].pointer_signature("turn", "hw/a.c")
    assert alone is not None
    assert (alone.errp, len(alone.params)) == (1, 2)
    assert tree(**{"hw/a.c": both})[0].pointer_signature("turn", "hw/a.c") is None
    assert tree()[0].pointer_signature("width", "hw/a.c") is None


@pytest.mark.parametrize(
    ("text", "errp"),
    [
        ("struct One {\n    PegTurn *spin;\n};", 1),
        ("struct One {\n    PegTurnPointer spin;\n};", 1),
        ("struct One {\n    PegTurn *spin;\n};\nstruct Two {\n    int (*spin)(Peg *p, Error **errp);\n};", 1),
        (
            "struct One {\n    PegTurn *spin;\n};\nstruct Two {\n    void (*spin)(Peg *p, Error **errp);\n};",
            None,
        ),
        ("struct One {\n    PegTurn *spin;\n};\nstruct Two {\n    int (*spin)(Error **errp);\n};", None),
        ("struct One {\n    PegTurn *spin;\n};\nstruct Two {\n    int (*spin)(Peg *p, int n);\n};", None),
        ("struct One {\n    Nothing *spin;\n};", None),
    ],
)
def test_a_member_counts_where_all_structs_agree(text: str, errp: int | None) -> None:
    environment, _ = tree(**{"hw/a.c": f'#include "peg.h"\n{text}\n'})
    found = environment.pointer_signature("spin", "hw/a.c")
    assert (found.errp if found is not None else None) == errp


OWN = """#include "peg.h"
enum {
    own = 7,
    OWN_NEXT
};
#define OWN_MACRO 9u
#define OWN_LONG ( 0x20ULL )
#define OWN_NEGATIVE -4
#define OWN_OCTAL 0777
"""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("PEG_WIDTH", 3),
        ("PEG_DEPTH", 16),
        ("PEG_SUM", None),
        ("PEG_CALL", None),
        ("WOOD_ELM", 6),
        ("GRAIN_FINE", 0),
        ("FAR_ONE", None),
        ("own", 7),
        ("OWN_NEXT", 8),
        ("OWN_MACRO", 9),
        ("OWN_LONG", 0x20),
        ("OWN_NEGATIVE", -4),
        ("OWN_OCTAL", None),
    ],
)
def test_constants(name: str, wanted: int | None) -> None:
    _, unit = tree(**{"hw/a.c": OWN})
    for _ in range(2):
        assert unit.scope.constant(name) == wanted


MODES = "typedef enum MigMode { MIG_MODE_NORMAL, MIG_MODE_CPR, MIG_MODE__MAX } MigMode;\n"
EVENTS = (
    "typedef enum MigrationEventType { MIG_EVENT_SETUP, MIG_EVENT_DONE, MIG_EVENT_MAX } MigrationEventType;\n"
)


def test_modes_and_events_of_the_file_itself_where_there_is_no_tree() -> None:
    _, unit = tree("patch", **{"hw/a.c": MODES + EVENTS})
    assert unit.scope.mig_modes() == (("MIG_MODE_NORMAL", 0), ("MIG_MODE_CPR", 1))
    assert unit.scope.mig_events() == (("MIG_EVENT_SETUP", 0), ("MIG_EVENT_DONE", 1))
    _, plain = tree("patch", **{"hw/a.c": "int a;\n"})
    bundled = [name for name, _ in plain.scope.mig_modes()]
    assert bundled[0] == "MIG_MODE_NORMAL"
    assert len(bundled) > 1
    assert not any(name.endswith("_MAX") for name in bundled)
    assert plain.scope.mig_events()


def test_modes_of_a_tree_are_those_of_its_schema() -> None:
    schema = "{ 'enum': 'MigMode', 'data': [ 'normal', 'dowel' ] }\n"
    _, unit = tree(**{"hw/a.c": MODES, "qapi/migration.json": schema})
    assert unit.scope.mig_modes() == (("MIG_MODE_NORMAL", 0), ("MIG_MODE_DOWEL", 1))


BLOCKER = "include__migration__blocker.h"


@pytest.mark.parametrize(
    ("text", "age"),
    [
        (None, "10.2-on"),
        ("int migrate_add_blocker(Error *reason, Error **errp);\n", "to-8.1"),
        ("int migrate_add_blocker(Error **reasonp, Error **errp);\n", "8.2-to-10.1"),
        (
            "int migrate_add_blocker(Error **reasonp, Error **errp);\n"
            "int migrate_add_blocker_modes(Error **reasonp, Error **errp, MigMode mode, ...);\n",
            "8.2-to-10.1",
        ),
        *(
            (f"int migrate_add_blocker_modes(Error **reasonp, {word} modes, Error **errp);\n", "10.2-on")
            for word in ("unsigned", "uint32_t", "uint64_t", "int")
        ),
        ("int migrate_add_blocker_modes(Error **reasonp, MigMode modes, Error **errp);\n", "8.2-to-10.1"),
    ],
)
def test_the_age_of_a_tree(text: str | None, age: str) -> None:
    assert tree(**({} if text is None else {BLOCKER: text}))[0].age == age
    assert tree("patch", **({} if text is None else {BLOCKER: text}))[0].age == "10.2-on"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"static Peg *peg;\n", "Peg *"),
        (b"typedef Peg *peg;\n", ""),
        (b"typedef int other;\nint peg = 3;\n", "int"),
        (b"int pegs;\n", ""),
        (b"    int peg;\n", ""),
    ],
)
def test_the_type_of_a_variable_of_a_text(text: bytes, wanted: str) -> None:
    assert declared_type(text, "peg").removeprefix("static ") == wanted
