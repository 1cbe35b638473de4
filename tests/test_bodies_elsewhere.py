# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bodies of functions in other files tell of a pointer: who keeps it, and whether it is new."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import run

HEADER = """
Tray *tray_new(int width);
void tray_weigh(Tray *tray, int mark);
void heap_tray_note(Tray *tray);
"""
USER = """
#include "store/tray.h"

void *g_malloc0(size_t size);
void g_free(void *mem);

int store_check(int width)
{
    Tray *tray = g_malloc0(width);

    tray_weigh(tray, width);
    return width > 3;
}
"""
MAKING = USER.replace("g_malloc0(width)", "tray_new(width)")
NEW = """
Tray *tray_new(int width)
{
    Tray *t = g_new0(Tray, 1);

    t->width = width;
%s    return t;
}
"""
EARLY = "    if (width < 0) {\n        %s\n    }\n"
WEIGH = "void tray_weigh(Tray *tray, int mark)\n{\n%s}\n"


def found(folder: Path, user: str, files: dict[str, str], rule: str = "missing-cleanup") -> list[str]:
    """The functions in which a rule finds something in a tree of some files."""
    texts = {"VERSION": "10.2.50\n", "store/check.c": user, "include/store/tray.h": HEADER, **files}
    for path, text in texts.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "include/qapi").mkdir(exist_ok=True)
    (folder / "include/qapi/error.h").write_text("typedef struct Error Error;\n")
    ran = run("check", "store/check.c", "--tree", str(folder), "--select", rule, "--format", "json")
    return [finding["function"] for finding in ran.document["findings"]]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        pytest.param("    tray->mark = mark;\n", False, id="written to"),
        pytest.param("    if (tray && !tray->full) {\n        *tray = empty;\n    }\n", False, id="asked"),
        pytest.param("    Tray *t = (Tray *)tray;\n\n    t[mark].full = true;\n", False, id="alias"),
        pytest.param("    Tray *t = TRAY(tray);\n\n    t->full = true;\n", False, id="cast macro"),
        pytest.param("    tray_fill(tray, mark);\n", False, id="helper that writes"),
        pytest.param("    heap_tray_note(tray);\n", False, id="function of another file"),
        pytest.param("    memset(tray, 0, sizeof(*tray));\n", False, id="C library"),
        pytest.param("    Mark *m = &tray->marks[mark];\n\n    m->set = true;\n", False, id="a part is read"),
        pytest.param("    last = tray;\n", True, id="global"),
        pytest.param("    Tray **slot = &last;\n\n    *slot = tray;\n", True, id="stored through a pointer"),
        pytest.param("    Mark *m = &tray->marks[mark];\n\n    last = m;\n", True, id="a part is stored"),
        pytest.param("    Tray *t = tray;\n\n    last = t;\n", True, id="alias that is stored"),
        pytest.param("    s->tray = tray;\n", True, id="member"),
        pytest.param("    g_free(tray);\n", True, id="freed"),
        pytest.param("    QTAILQ_INSERT_TAIL(&trays, tray, next);\n", True, id="list"),
        pytest.param("    tray_link(&tray->node);\n", True, id="a part is handed on"),
        pytest.param("    tray_keep(tray);\n", True, id="helper that keeps"),
        pytest.param("    tray_round(tray);\n", True, id="a circle of functions"),
        pytest.param("    return tray;\n", True, id="returned"),
        pytest.param("    Pack p = { tray, mark };\n\n    use(&p);\n", True, id="list of an initialiser"),
        pytest.param("    abort();\n", True, id="stub"),
    ],
)
def test_a_callee_of_another_file(tmp_path: Path, body: str, kept: bool) -> None:
    helpers = (
        "static void tray_fill(Tray *tray, int mark)\n{\n    tray->mark = mark;\n}\n"
        "static void tray_keep(Tray *tray)\n{\n    last = tray;\n}\n"
        "static void tray_round(Tray *tray)\n{\n    tray_weigh(tray, 1);\n}\n"
    )
    files = {
        "store/tray.c": '#include "store/tray.h"\n' + helpers + WEIGH % body,
        "store/note.c": "void heap_tray_note(Tray *tray)\n{\n    tray->noted = true;\n}\n",
    }
    assert found(tmp_path, USER, files) == ([] if kept else ["store_check"])


@pytest.mark.parametrize(
    ("home", "known"),
    [("store/tray.c", True), ("store/other.c", True), ("hw/tray.c", True), ("hw/x.c", False)],
)
def test_where_a_body_is_looked_for(tmp_path: Path, home: str, known: bool) -> None:
    """The header's own file, those in its folder, and the one that has the function's name."""
    files = {home: WEIGH % "    tray->mark = mark;\n"}
    assert found(tmp_path, USER, files) == (["store_check"] if known else [])


def test_an_error_is_no_memory(tmp_path: Path) -> None:
    """What becomes of an Error the rules on Errors say."""
    making = MAKING.replace("Tray *tray = tray_new", "Error *tray = tray_new")
    new = (NEW % "").replace("Tray *tray_new", "Error *tray_new").replace("g_new0(Tray", "g_new0(Error")
    header = HEADER.replace("Tray *tray_new", "Error *tray_new").replace("Tray *tray", "Error *tray")
    files = {"store/tray.c": WEIGH % "    tray->mark = mark;\n" + new.replace("Tray *t ", "Error *t ")}
    assert found(tmp_path, making, {**files, "include/store/tray.h": header}) == []


@pytest.mark.parametrize(
    ("body", "new"),
    [
        pytest.param("", True, id="new"),
        pytest.param(EARLY % "g_free(t); return NULL;", True, id="freed where it fails"),
        pytest.param(EARLY % "return NULL;", True, id="or NULL"),
        pytest.param(EARLY % "return last;", False, id="or another one"),
        pytest.param("    t = last;\n", False, id="or another value"),
        pytest.param("    last = t;\n", False, id="kept as well"),
    ],
)
def test_what_a_function_of_another_file_returns(tmp_path: Path, body: str, new: bool) -> None:
    files = {"store/tray.c": WEIGH % "    tray->mark = mark;\n" + NEW % body}
    assert found(tmp_path, MAKING, files) == (["store_check"] if new else [])


@pytest.mark.parametrize(
    ("result", "made", "new"),
    [
        pytest.param("tray_make(width)", "uint8_t *", True, id="makes"),
        pytest.param("tray_make(width)", "Tray *", False, id="makes a struct, which others may free"),
        pytest.param("g_base64_decode(text, &width)", "uint8_t *", True, id="a library makes"),
        pytest.param("tray_turn(width)", "uint8_t *", False, id="a circle"),
        pytest.param("tray_find(width)", "uint8_t *", False, id="looks up"),
        pytest.param("tray_lend(width)", "uint8_t *", False, id="returns what there is"),
        pytest.param("tray_far(width)", "uint8_t *", False, id="is not known"),
    ],
)
def test_a_function_of_another_file_returns_what_a_callee_does(
    tmp_path: Path, result: str, made: str, new: bool
) -> None:
    callees = (
        (NEW % "").replace("tray_new", "tray_make")
        + (NEW % "").replace("tray_new", "tray_find")
        + "Tray *tray_lend(int width)\n{\n    return last;\n}\n"
        + "Tray *tray_turn(int width)\n{\n    return tray_new(width);\n}\n"
    )
    maker = f"\nTray *tray_new(int width)\n{{\n    return {result};\n}}\n"
    files = {
        "store/tray.c": WEIGH % "    tray->mark = mark;\n" + callees + maker,
        "include/store/tray.h": HEADER,
    }
    files = {path: text.replace("Tray *", made) for path, text in files.items()}
    assert found(tmp_path, MAKING.replace("Tray *", made), files) == (["store_check"] if new else [])


CALLBACKS = """
#include "store/tray.h"

typedef int (*TrayFunc)(void *opaque, Tray *tray, Error **errp);
int trays_foreach(TrayFunc func, void *opaque, Error **errp);

bool store_ready(Error **errp);

int store_all(void)
{
    Error *err = NULL;

    if (!store_ready(&err)) {
        error_report_err(err);
        return 1;
    }
    if (trays_foreach(heap_tray_check, NULL, NULL)) {
        return 1;
    }
    return 0;
}
"""
CHECKING = """
int heap_tray_check(void *opaque, Tray *tray, Error **errp)
{
    Error *err = NULL;

    tray_lift(tray, &err);
    if (err) {
        %s;
        return -1;
    }
    return 0;
}
"""


@pytest.mark.parametrize(
    ("end", "dropped"),
    [
        pytest.param("error_report_err(err)", False, id="reported"),
        pytest.param("error_propagate(errp, err)", True, id="handed on"),
    ],
)
def test_a_callback_of_another_file(tmp_path: Path, end: str, dropped: bool) -> None:
    """One that never looks at its errp loses nothing where it gets NULL."""
    header = HEADER + "int heap_tray_check(void *opaque, Tray *tray, Error **errp);\n"
    files = {"include/store/tray.h": header, "store/tray.c": CHECKING % end}
    assert found(tmp_path, CALLBACKS, files, "dropped-error") == (["store_all"] if dropped else [])


REFUSED = """
#include "store/tray.h"

char *g_strdup_printf(const char *format, ...);
void g_free(void *mem);

void store_label(Store *s, int width)
{
    char *label = g_strdup_printf("tray %d", width);

    s->tray = tray_new(width);
    if (!s->tray) {
        return;
    }
    g_free(label);
}
"""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param("", False, id="new memory"),
        pytest.param(EARLY % "return NULL;", True, id="or NULL"),
        pytest.param("    t = last;\n", True, id="or another value"),
        pytest.param("    tray_swap(&t);\n", True, id="or what a callee puts there"),
    ],
)
def test_a_maker_that_is_never_refused(tmp_path: Path, body: str, told: bool) -> None:
    files = {"store/tray.c": NEW % body}
    assert found(tmp_path, REFUSED, files) == (["store_label"] if told else [])


CALLING = """
#include "store/tray.h"

void store_fill(Tray *tray, Error **errp)
{
    %s(tray, errp);
    tray_weigh(tray, 3);
}
"""
SCHEMA = "{ 'command': 'tray-polish' }\n"


@pytest.mark.parametrize(
    ("callee", "body", "told"),
    [
        pytest.param("heap_tray_wipe", "    tray->mark = 0;\n", False, id="ignored"),
        pytest.param("heap_tray_wipe", "    tray_lift(tray, errp);\n", True, id="handed on"),
    ],
)
def test_a_callee_that_ignores_its_errp(tmp_path: Path, callee: str, body: str, told: bool) -> None:
    """Nothing has to be asked where the body of the callee never looks at its errp."""
    files = {
        "include/store/tray.h": HEADER + f"void {callee}(Tray *tray, Error **errp);\n",
        "store/tray.c": f"void {callee}(Tray *tray, Error **errp)\n{{\n{body}}}\n",
    }
    assert found(tmp_path, CALLING % callee, files, "unchecked-call") == (["store_fill"] if told else [])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param("    mark = 0;\n", False, id="ignored"),
        pytest.param("    lift(errp);\n", True, id="handed on"),
    ],
)
def test_a_command_that_ignores_its_errp(tmp_path: Path, body: str, told: bool) -> None:
    """The schema declares a command, and the file with its name defines it."""
    files = {
        "qapi/qapi-schema.json": SCHEMA,
        "parts/tray.c": f"void qmp_tray_polish(Error **errp)\n{{\n{body}}}\n",
    }
    user = CALLING.replace("%s(tray, errp)", "qmp_tray_polish(errp)")
    assert found(tmp_path, user, files, "unchecked-call") == (["store_fill"] if told else [])


MEMBER = """
static void tray_label(TrayInfo *info, const char *name)
{
    info->label = g_strdup(name);
}

TrayInfo *tray_add(const char *name, bool used)
{
    TrayInfo *info = g_new0(TrayInfo, 1);

    if (used) {
        g_free(info);
        return NULL;
    }
    tray_label(info, name);
    return info;
}
"""


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        pytest.param("{ 'struct': 'TrayInfo', 'data': { 'label': 'str' } }\n", False, id="of the schema"),
        pytest.param(SCHEMA, True, id="of no schema"),
    ],
)
def test_a_struct_of_the_schema_frees_its_members(tmp_path: Path, schema: str, told: bool) -> None:
    """A generated function frees the members of a struct of the schema, wherever the struct goes."""
    files = {"qapi/qapi-schema.json": schema}
    expected = ["tray_label"] if told else []
    assert found(tmp_path, MEMBER, files, "missing-cleanup") == expected
