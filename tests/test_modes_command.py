# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint modes`: the matrix of small trees in each age of the API, and its three renderings."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commandline import TREE, run, scratch_repository
from jsonschema import Draft202012Validator

import qerrlint

SCHEMA = json.loads(
    (Path(qerrlint.__file__).parent / "report/schema/qerrlint-modes-1.schema.json").read_text()
)

MISC = """\
typedef struct NotifierWithReturn NotifierWithReturn;
void migration_add_notifier(NotifierWithReturn *notify, MigrationNotifyFunc func);
void migration_add_notifier_mode(NotifierWithReturn *notify, MigrationNotifyFunc func, MigMode mode);
void migration_add_notifier_modes(NotifierWithReturn *notify, MigrationNotifyFunc func, unsigned modes);
void precopy_add_notifier(NotifierWithReturn *n);
"""
BLOCKER = """\
int migrate_add_blocker(Error **reasonp, Error **errp);
int migrate_add_blocker_normal(Error **reasonp, Error **errp);
int migrate_add_blocker_modes(Error **reasonp, unsigned modes, Error **errp);
"""
HUB = """\
#include "migration/misc.h"
#include "migration/blocker.h"

#define HUB_CPR (BIT(MIG_MODE_CPR_TRANSFER) | BIT(MIG_MODE_CPR_EXEC))

typedef struct HubState {
    Error *blocker;
    NotifierWithReturn notifier;
    bool old;
} HubState;

static Error *hub_all_blocker;

static void hub_listen(HubState *s, NotifierWithReturn *n, unsigned modes)
{
    migration_add_notifier_modes(n, hub_notify, modes);
}

bool hub_realize(HubState *s, Error **errp)
{
    Error **reason = &s->blocker;
    unsigned modes = BIT(MIG_MODE_NORMAL);

    if (s->old) {
        modes |= BIT(MIG_MODE_CPR_REBOOT);
    }
    if (hub_count > 1) {
        return false;
    }
    hub_listen(s, &s->notifier, ~0u & HUB_CPR);
    return migrate_add_blocker_modes(reason, modes, errp) == 0;
}

void hub_block_all(Error **errp)
{
    if (!hub_all_blocker) {
        migrate_add_blocker(&hub_all_blocker, errp);
    } else {
        precopy_add_notifier(&hub_precopy);
    }
}

void hub_block_some(HubState *s, unsigned modes, Error **errp)
{
    migrate_add_blocker_modes(&s->blocker, modes | s->more, errp);
}

#define HUB_BLOCK(s) migrate_add_blocker(&(s)->blocker, NULL)
"""


def make(top: Path, modes: tuple[str, ...], files: dict[str, str]) -> Path:
    """A tree with the marks of QEMU's, the modes and these files."""
    files = {"VERSION": "11.0.0\n", "include/qapi/error.h": "typedef struct Error Error;\n", **files}
    if modes:
        data = ", ".join(f"'{mode}'" for mode in modes)
        files["qapi/migration.json"] = f"{{ 'enum': 'MigMode',\n  'data': [ {data} ] }}\n"
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    return top


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return make(
        tmp_path,
        ("normal", "cpr-reboot", "cpr-transfer", "cpr-exec"),
        {"include/migration/misc.h": MISC, "include/migration/blocker.h": BLOCKER, "hw/hub.c": HUB},
    )


def matrix(tree: Path, *more: str) -> dict[str, Any]:
    ran = run("modes", "--tree", tree, "--format", "json", *more)
    assert ran.code == 0, ran.err
    Draft202012Validator(SCHEMA).validate(ran.document)
    return ran.document


def marks(found: dict[str, Any]) -> dict[str, str]:
    """The cells of each object as one word, a dot for an empty one."""
    return {
        f"{one['holder']} {one['name']}": "".join(cell or "." for cell in one["cells"].values())
        for one in found["objects"]
    }


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


def test_objects_modes_and_what_is_exempt(hub: Path) -> None:
    found = matrix(hub)
    assert marks(found) == {
        "hw/hub.c hub_all_blocker": "BBBB",
        "HubState blocker": "Bb..",
        "HubState notifier": "..NN",
    }
    blocker = next(one for one in found["objects"] if one["name"] == "blocker")
    assert blocker["exempt"] == ["MIG_MODE_CPR_TRANSFER", "MIG_MODE_CPR_EXEC"]
    (call,) = blocker["registrations"]
    assert (call["path"], call["line"]) == ("hw/hub.c", line_of(HUB, "return migrate_add_blocker_modes"))
    assert (call["always"], call["sometimes"]) == (["MIG_MODE_NORMAL"], ["MIG_MODE_CPR_REBOOT"])
    assert call["conditions"] == []


def test_a_helper_stands_for_its_callers(hub: Path) -> None:
    notifier = next(one for one in matrix(hub)["objects"] if one["name"] == "notifier")
    (call,) = notifier["registrations"]
    assert call["line"] == line_of(HUB, "hub_listen(s, &s->notifier")
    assert (call["function"], call["callee"], call["via"]) == (
        "hub_realize",
        "migration_add_notifier_modes",
        "hub_listen()",
    )


def test_a_helper_of_another_file(hub: Path) -> None:
    make(
        hub,
        (),
        {
            "hw/hub.c": HUB.replace("static void hub_listen", "void hub_listen"),
            "hw/port.c": "void port_up(PortState *p)\n{\n"
            "    hub_listen(NULL, &p->late, BIT(MIG_MODE_NORMAL));\n}\n",
        },
    )
    found = marks(matrix(hub))
    # The modes are those of all callers.
    assert found["PortState late"] == "n.nn"
    assert found["HubState notifier"] == "n.nn"


def test_conditions_are_those_around_the_call(hub: Path) -> None:
    found = matrix(hub)
    every = next(one for one in found["objects"] if one["name"] == "hub_all_blocker")
    assert every["registrations"][0]["conditions"] == ["!hub_all_blocker"]
    (listed,) = found["listed"]
    assert (listed["kind"], listed["name"]) == ("listed", "hub_precopy")
    assert listed["registrations"][0]["conditions"] == ["hub_all_blocker"]


def test_what_is_not_understood_is_named_with_the_reason(hub: Path) -> None:
    found = matrix(hub)
    reasons = {one["line"]: one["reason"] for one in found["not_understood"]}
    assert reasons == {
        line_of(HUB, "modes | s->more"): "no caller that passes modes to hub_block_some() is in reach",
        line_of(HUB, "#define HUB_BLOCK"): "it stands outside of all functions, in a macro",
    }
    assert found["calls"] == 6


def test_a_damaged_function_is_named(hub: Path) -> None:
    broken = "void port_up(PortState *p)\n{\n    if ((( {\n    migrate_add_blocker(&p->blocker, NULL);\n}\n"
    make(hub, (), {"hw/port.c": broken})
    (one,) = (u for u in matrix(hub, "hw/port.c")["not_understood"])
    assert one["function"] == "port_up"
    assert one["reason"].startswith("port_up() cannot be read: ")


def test_paths_narrow_it(hub: Path) -> None:
    make(hub, (), {"hw/port.c": "void f(void)\n{\n}\n"})
    assert matrix(hub, "hw/port.c")["objects"] == []
    assert matrix(hub, "hw")["calls"] == 6
    ran = run("modes", "--tree", hub, "hw/none.c")
    assert (ran.code, ran.err) == (3, "qerrlint: hw/none.c: no such file or folder\n")


def test_lists_that_end_with_minus_one(tmp_path: Path) -> None:
    """8.2 to 10.1: errp in the second place, then the modes."""
    blocker = (
        "#define MIG_MODE_ALL MIG_MODE__MAX\n"
        "int migrate_add_blocker_modes(Error **reasonp, Error **errp, MigMode mode, ...);\n"
    )
    code = (
        '#include "migration/blocker.h"\n'
        "void f(HubState *s, PortState *p, Error **errp)\n{\n"
        "    migrate_add_blocker_modes(&s->blocker, errp, MIG_MODE_CPR_REBOOT, MIG_MODE_NORMAL, -1);\n"
        "    migrate_add_blocker_modes(&p->blocker, errp, MIG_MODE_ALL);\n"
        "    migrate_add_blocker_modes(&p->odd, MIG_MODE_CPR_REBOOT, errp);\n}\n"
    )
    files = {"include/migration/blocker.h": blocker, "hw/hub.c": code}
    found = matrix(make(tmp_path, ("normal", "cpr-reboot", "cpr-transfer"), files))
    assert marks(found) == {"HubState blocker": "BB.", "PortState blocker": "BBB", "PortState odd": ".B."}
    by_name = {one["name"]: one["registrations"][0]["by_name"] for one in found["objects"]}
    assert by_name == {"blocker": False, "odd": True}


def test_one_list_for_all_modes(tmp_path: Path) -> None:
    """8.2 has modes, but not yet a list of notifiers for each."""
    misc = "void migration_add_notifier(Notifier *notify, void (*func)(Notifier *notifier, void *data));\n"
    code = '#include "migration/misc.h"\nvoid f(HubState *s)\n{\n    migration_add_notifier(&s->n, g);\n}\n'
    files = {"include/migration/misc.h": misc, "hw/hub.c": code}
    assert marks(matrix(make(tmp_path, ("normal", "cpr-reboot"), files))) == {"HubState n": "NN"}


def test_a_tree_without_modes(tmp_path: Path) -> None:
    """Up to 8.1 a blocker blocks migration as such, and is handed over by value."""
    code = (
        "void f(HubState *s, Error **errp)\n{\n    migrate_add_blocker(s->blocker, errp);\n"
        "    add_migration_state_change_notifier(&s->notifier);\n}\n"
    )
    blocker = "int migrate_add_blocker(Error *reason, Error **errp);\n"
    tree = make(tmp_path, (), {"hw/hub.c": code, "include/migration/blocker.h": blocker})
    found = matrix(tree)
    assert found["modes"] == []
    assert [(one["holder"], one["name"], one["kind"]) for one in found["objects"]] == [
        ("HubState", "blocker", "blocker"),
        ("HubState", "notifier", "notifier"),
    ]
    out = run("modes", "--tree", tree).out.splitlines()
    assert out[0].split() == ["object", "migration", "exempt"]
    assert out[2].split() == ["blocker", "B"]
    assert out[4].split() == ["notifier", "N"]


def test_text_in_columns(hub: Path) -> None:
    lines = run("modes", "--tree", hub).out.splitlines()
    head = lines[0]
    assert head.split() == ["object", "normal", "cpr-reboot", "cpr-transfer", "cpr-exec", "exempt"]
    row = next(line for line in lines if line.startswith("  blocker"))
    assert row.split() == ["blocker", "B", "b", "cpr-transfer,", "cpr-exec"]
    assert row.index("cpr-transfer,") == head.index("exempt")
    at = line_of(HUB, "migrate_add_blocker(&hub")
    where = f"hw/hub.c:{at}  migrate_add_blocker() in hub_block_all(), if !hub_all_blocker"
    assert f"      {where}" in lines
    assert lines[-1] == "6 registrations in 3 files: 4 objects; 0 calls inside of the API; 2 not understood"


def test_the_matrix_fits_a_terminal_of_80_columns(hub: Path) -> None:
    """Marks stand below their headings; what does not fit stands in a line of its own."""
    from qerrlint.queries.mode_matrix import find_matrix
    from qerrlint.report.queries.modes_text import lines, word
    from qerrlint.report.terminal import wrapped
    from qerrlint.source.open_tree import open_tree

    with open_tree(hub) as source:
        found = find_matrix(source, ["hw/hub.c"])
    entry = replace(found.rows[0], name="a_blocker_with_a_name_that_is_too_long_for_its_column")
    found = replace(found, rows=(entry, *found.rows[1:]))
    shown = ["".join(text for text, _ in part) for line in lines(found, 80) for part in wrapped(line, 80)]
    assert max(map(len, shown)) <= 80
    head = shown[0]
    assert head.split() == ["object", "normal", "cpr-reboot", "cpr-transfer", "cpr-exec"]
    at = shown.index(f"  {entry.name}")
    marked = {
        name
        for name in head.split()[1:]
        if shown[at + 1][head.index(name) : head.index(name) + len(name)].strip()
    }
    assert marked == {word(mode) for mode, _ in found.modes if entry.cell(mode)}
    assert "      exempt: cpr-transfer, cpr-exec" in shown


def test_the_tree_of_the_fixtures_and_its_revision(tmp_path: Path) -> None:
    """The same from files and from git's objects, without anything in the paths changed."""
    plain = matrix(TREE)
    assert plain["objects"]
    assert plain["not_understood"] == []
    kept = matrix(scratch_repository(tmp_path / "copy"), "--rev", "HEAD")
    assert {**kept, "tree": None} == {**plain, "tree": None}
    assert re.fullmatch(r"[0-9a-f]{40}", kept["tree"]["revision"])
