# SPDX-License-Identifier: GPL-2.0-or-later
"""What callers make of a failure without an Error: each shape of a caller, and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from qerrlint.model.missing_error import (
    ANSWER,
    COPES,
    CRASH,
    IGNORED,
    SUCCESS,
    UNKNOWN,
    Fate,
    MissingErrors,
)
from qerrlint.model.program import Program, SeenProgram
from qerrlint.model.reads import Reads
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

HEAD = """
typedef struct Keg Keg;
struct Keg { int level; int code; bool open; Keg *next; Error *err; int (*tap)(Keg *k, Error **errp); };
int keg_fill(Keg *k, Error **errp);
bool keg_check(Keg *k, Error **errp);
Keg *keg_make(Keg *k, Error **errp);
void keg_heat(Keg *k, Error **errp);
void keg_work(Keg *k);
void keg_note(int code);
"""
# The functions that fail without an Error, one of each kind.
INT = "static int f(Keg *k, Error **errp)\n{\n    return -ENODEV;\n}\n"
BOOL = "static bool f(Keg *k, Error **errp)\n{\n    return false;\n}\n"
POINTER = "static Keg *f(Keg *k, Error **errp)\n{\n    return NULL;\n}\n"
VOID = "static void f(Keg *k, Error **errp)\n{\n}\n"


def fate(
    text: str, name: str = "f", code: str = "", others: dict[str, str] | None = None, path: str = "keg.c"
) -> Fate:
    """The fate of a failure of a function; `others`: the other files, None where they are not known."""
    files = {path: text, **(others or {})}
    data = {file: (HEAD + body).encode() for file, body in files.items()}
    program = SeenProgram(Program(OverlaySource(EmptySource(), data), "patch"), Reads())
    unit = program.unit(path)
    assert unit is not None

    def mentioning(word: str) -> Sequence[str]:
        return tuple(file for file, body in files.items() if word in body)

    return MissingErrors(program, mentioning if others is not None else None).fate(unit, name, code)


def caller(body: str, head: str = "int g(Keg *k, Error **errp)") -> str:
    return f"{head}\n{{\n    Error *err = NULL;\n    int r;\n    {body}\n}}\n"


PLAIN = "void g(Keg *k)"
NONE = "void g(Keg *k, Error **errp)"


@pytest.mark.parametrize(
    ("body", "head", "how"),
    [
        # A caller that asks for no Error copes, whatever it does.
        ("f(k, NULL);", PLAIN, COPES),
        ("f(k, &error_warn);", PLAIN, COPES),
        ("f(k, &error_fatal);", PLAIN, SUCCESS),
        ("f(k, &error_abort); keg_work(k);", PLAIN, SUCCESS),
        ("r = f(k, &error_abort); if (r < 0) { keg_work(k); }", PLAIN, COPES),
        # It tests the Error alone.
        ("f(k, &err); if (err) { error_report_err(err); return; } keg_work(k);", PLAIN, SUCCESS),
        ("f(k, &err); if (!err) { keg_work(k); return; } error_report_err(err);", PLAIN, SUCCESS),
        ("f(k, &err); keg_work(k);", PLAIN, UNKNOWN),
        ("f(k, &err); if (k->open) { keg_work(k); }", PLAIN, UNKNOWN),
        # A call that lacks an argument tells nothing, and a reader without one reads no Error.
        ("f(k);", PLAIN, UNKNOWN),
        ("if (f(k, &err) < 0) { error_report_err(); }", PLAIN, COPES),
        ("f(k, errp); keg_work(k);", NONE, SUCCESS),
        # It notices the result.
        ("if (f(k, &err) < 0) { keg_work(k); }", PLAIN, COPES),
        ("r = f(k, &err); if (r) { keg_work(k); }", PLAIN, COPES),
        ("r = f(k, &err); r = 0; if (r) { keg_work(k); }", PLAIN, UNKNOWN),
        ("r = f(k, &err); int t = r; if (t < 0) { keg_work(k); }", PLAIN, COPES),
        ("keg_note(f(k, &err));", PLAIN, COPES),
        ("r = f(k, &err); keg_note(r);", PLAIN, COPES),
        ("r = f(k, &err); keg_note(0);", PLAIN, UNKNOWN),
        # A member outlives the function: somebody else asks it.
        ("k->code = f(k, &err);", PLAIN, COPES),
        ("r = f(k, &err); k->code = 0;", PLAIN, UNKNOWN),
        # It reads the Error that is not there.
        ("if (f(k, &err) < 0) { error_report_err(err); }", PLAIN, CRASH),
        ("if (f(k, &err) < 0) { warn_report_err(err); }", PLAIN, CRASH),
        ("if (f(k, &err) < 0) { error_free(err); }", PLAIN, COPES),
        ("if (f(k, &err) < 0) { error_report_err(k->err); }", PLAIN, COPES),
        ('if (f(k, &err) < 0) { error_prepend(&err, "x"); }', PLAIN, CRASH),
        (
            'if (f(k, errp) < 0) { error_prepend(errp, "x"); return -1; } return 0;',
            "int g(Keg *k, Error **errp)",
            CRASH,
        ),
        ('if (f(k, &err) < 0) { error_prepend(errp, "x"); } ', NONE, COPES),
        # The way to the reader is closed for a failure, or for a NULL Error, or there is none.
        ("if (f(k, &err) >= 0) { error_report_err(err); }", PLAIN, COPES),
        ("if (f(k, &err) < 0) { if (err) { error_report_err(err); } }", PLAIN, COPES),
        ("if (f(k, &err) < 0) { if (!err) { return; } error_report_err(err); }", PLAIN, COPES),
        ("if (f(k, &err) < 0) { err = k->err; error_report_err(err); }", PLAIN, COPES),
        ("if (f(k, &err) < 0) { keg_heat(k, &err); error_report_err(err); }", PLAIN, COPES),
        ("if (f(k, &err) < 0) { keg_heat(k, NULL); error_report_err(err); }", PLAIN, CRASH),
        ("if (f(k, &err) < 0) { abort(); error_report_err(err); }", PLAIN, COPES),
        ("if (f(k, &err) < 0) { keg_work(k); error_report_err(err); }", PLAIN, CRASH),
        ("error_report_err(err); f(k, &err);", PLAIN, UNKNOWN),
        ("while (k->open) { if (err) { error_report_err(err); } f(k, &err); }", PLAIN, SUCCESS),
        # What it does with a failure that it leaves to its own caller.
        ("if (f(k, errp) < 0) { return; } keg_work(k);", NONE, SUCCESS),
        ("if (f(k, errp) < 0) { keg_work(k); } keg_note(1);", NONE, SUCCESS),
        ("if (f(k, errp) < 0) { exit(1); } keg_work(k);", NONE, COPES),
        ('if (f(k, errp) < 0) { error_setg(errp, "x"); return; }', NONE, COPES),
        ("if (f(k, errp) < 0) { keg_heat(k, errp); return; }", NONE, COPES),
        ("if (f(k, errp) < 0) { keg_heat(k, NULL); return; }", NONE, SUCCESS),
        ("if (f(k, &err) < 0) { error_propagate(errp, err); return; }", NONE, SUCCESS),
        ("if (f(k, &err) < 0) { error_propagate(errp, k->err); return; }", NONE, COPES),
        ("if (f(k, &err) < 0) { error_propagate(&k->err, err); return; }", NONE, COPES),
        # A test of errp itself is no test of the result; who passes NULL misses nothing.
        ("f(k, errp); if (errp) { keg_work(k); }", NONE, SUCCESS),
        # Something else than a place of an Error.
        ("f(k, k->open ? &err : NULL);", PLAIN, UNKNOWN),
        ("Error **to = &err; if (f(k, to) < 0) { keg_work(k); }", PLAIN, UNKNOWN),
    ],
)
def test_what_a_caller_makes_of_a_status(body: str, head: str, how: str) -> None:
    found = fate(INT + caller(body, head))
    assert (found.how, found.caller) == (how, "g" if found != Fate(UNKNOWN) else "")


@pytest.mark.parametrize(
    ("function", "body", "how"),
    [
        (BOOL, "f(k, &err); keg_work(k);", UNKNOWN),
        (BOOL, "f(k, &error_fatal); keg_work(k);", IGNORED),
        (BOOL, "f(k, &err); if (err) { keg_work(k); }", IGNORED),
        (BOOL, "if (!f(k, &err)) { keg_work(k); }", COPES),
        (BOOL, "if (!f(k, &err)) { error_report_err(err); }", CRASH),
        (BOOL, "if (f(k, &err)) { error_report_err(err); }", COPES),
        (BOOL, "bool has_level = f(k, &err); if (has_level) { keg_work(k); }", ANSWER),
        (BOOL, "bool is_open = f(k, &err); keg_work(k);", ANSWER),
        (BOOL, "bool good = f(k, &err); if (good) { keg_work(k); }", COPES),
        (INT, "int has_level = f(k, &err); if (has_level) { keg_work(k); }", COPES),
        (POINTER, "Keg *w = f(k, &err); if (!w) { error_report_err(err); }", CRASH),
        (POINTER, "Keg *w = f(k, &err); if (w) { error_report_err(err); }", COPES),
        (POINTER, "f(k, &err); if (err) { keg_work(k); }", SUCCESS),
        (VOID, "f(k, &err); if (err) { keg_work(k); }", UNKNOWN),
    ],
)
def test_what_a_caller_makes_of_other_results(function: str, body: str, how: str) -> None:
    assert fate(function + caller(body, PLAIN)).how == how


@pytest.mark.parametrize(
    ("test", "code", "how"),
    [
        ("r == -ENODEV", "-ENODEV", ANSWER),
        ("r == -ENODEV", "-EIO", COPES),
        ("r == -ENODEV", "", COPES),
        ("r == -EIO", "-ENODEV", COPES),
        ("r == 3", "-ENODEV", COPES),
        ("r == KEG_GONE", "-ENODEV", COPES),
        ("k->code == -ENODEV", "-ENODEV", UNKNOWN),
    ],
)
def test_a_result_that_is_compared_with_the_very_code(test: str, code: str, how: str) -> None:
    text = INT + caller(f"r = f(k, &err); if ({test}) {{ keg_work(k); }}", PLAIN)
    assert fate(text, code=code).how == how


@pytest.mark.parametrize(
    ("test", "code", "how"),
    [
        # The comparison keeps the failure from the reader, or leads it there.
        ("r == -EIO", "-ENODEV", COPES),
        ("r == -EIO", "", CRASH),
        ("r == limit", "-ENODEV", CRASH),
        ("r == -ENODEV", "-ENODEV", CRASH),
        ("r != -EIO", "-ENODEV", CRASH),
        ("r != -ENODEV", "-ENODEV", ANSWER),
        ("k->code == -EIO", "-ENODEV", CRASH),
    ],
)
def test_which_side_of_a_comparison_a_failure_takes(test: str, code: str, how: str) -> None:
    body = f"r = f(k, &err); if ({test}) {{ error_report_err(err); }} keg_note(r);"
    assert fate(INT + caller(body, PLAIN), code=code).how == how


def test_the_caller_the_place_and_the_reader_are_named() -> None:
    text = INT + caller("if (f(k, &err) < 0) { error_report_err(err); }", PLAIN)
    found = fate(text)
    assert (found.how, found.caller, found.reader) == (CRASH, "g", "error_report_err")
    assert found.span is not None
    assert (HEAD + text)[found.span.start : found.span.end] == "f(k, &err)"
    twice = "if (f(k, &err) < 0) { if (k->open) { warn_report_err(err); } else { error_report_err(err); } }"
    assert fate(INT + caller(twice, PLAIN)).reader in ("warn_report_err", "error_report_err")


PASSES = (
    "static int h(Keg *k, Error **errp)\n{\n    int r = f(k, errp);\n    if (r < 0) {\n"
    "        return %s;\n    }\n    return 0;\n}\n"
)


@pytest.mark.parametrize(
    ("returned", "above", "how"),
    [
        ("r", "if (h(k, &err) < 0) { error_report_err(err); }", CRASH),
        ("-EIO", "if (h(k, &err) < 0) { error_report_err(err); }", CRASH),
        ("-EIO", "h(k, errp);", SUCCESS),
        # What it returns is no failure: nobody above is asked.
        ("0", "if (h(k, &err) < 0) { error_report_err(err); }", UNKNOWN),
        ("k->code", "if (h(k, &err) < 0) { error_report_err(err); }", CRASH),
        # The code that is compared above is that of this failure only where it is passed on as it is.
        ("r", "r = h(k, &err); if (r == -ENODEV) { keg_work(k); }", ANSWER),
        ("-ENODEV", "r = h(k, &err); if (r == -ENODEV) { keg_work(k); }", COPES),
    ],
)
def test_a_caller_that_passes_a_failure_on(returned: str, above: str, how: str) -> None:
    text = INT + PASSES % returned + caller(above, NONE)
    found = fate(text, code="-ENODEV")
    assert (found.how, found.caller) == (how, "g" if how != UNKNOWN else "")


def test_a_caller_that_makes_a_truth_of_a_failure() -> None:
    head = (
        "static bool h(Keg *k, Error **errp)\n{\n    if (f(k, errp) < 0) {\n        return %s;\n"
        "    }\n    return true;\n}\n"
    )
    above = caller("if (!h(k, &err)) { error_report_err(err); }", PLAIN)
    assert fate(INT + head % "false" + above).how == CRASH
    assert fate(INT + head % "true" + above).how == UNKNOWN
    direct = "static bool h(Keg *k, Error **errp)\n{\n    return f(k, errp) == 0;\n}\n"
    assert fate(INT + direct + above).how == CRASH


def test_the_worst_caller_counts() -> None:
    copes, crashes = "if (f(k, &err) < 0) { keg_work(k); }", "if (f(k, &err) < 0) { error_report_err(err); }"
    succeeds, unknown = "f(k, &error_fatal);", "f(k, &err); keg_work(k);"
    bodies = {COPES: copes, UNKNOWN: unknown, SUCCESS: succeeds, CRASH: crashes}
    order = [COPES, UNKNOWN, SUCCESS, CRASH]
    for one in order:
        for other in order:
            text = caller(bodies[one], "void g1(Keg *k)") + caller(bodies[other], "void g2(Keg *k)")
            assert fate(INT + text).how == max(one, other, key=order.index)


def test_without_callers_nothing_is_known() -> None:
    assert fate(INT) == Fate(UNKNOWN)
    assert fate(INT, "none") == Fate(UNKNOWN)
    # Every caller leads back: nobody outside adds anything, and the function itself was called.
    loop = (
        "static int f(Keg *k, Error **errp)\n{\n    int r = f(k, errp);\n    if (r < 0) {\n"
        "        return r;\n    }\n    return 0;\n}\n"
    )
    assert fate(loop) == Fate(UNKNOWN)
    assert fate(loop + caller("f(k, &error_fatal);", PLAIN)).how == SUCCESS


def test_a_chain_of_callers_is_followed_to_a_depth() -> None:
    def chain(length: int) -> str:
        text = INT
        for number in range(length):
            callee = f"h{number - 1}" if number else "f"
            text += (
                f"static int h{number}(Keg *k, Error **errp)\n{{\n    int r = {callee}(k, errp);\n"
                f"    if (r < 0) {{\n"
                "        return r;\n    }\n    return 0;\n}\n"
            )
        return text + caller(f"if (h{length - 1}(k, &err) < 0) {{ error_report_err(err); }}", PLAIN)

    assert fate(chain(1)).how == CRASH
    assert fate(chain(8)).how == CRASH
    assert fate(chain(9)) == Fate(UNKNOWN)


# -- files --------------------------------------------------------------------------------------------------

OPEN = INT.replace("static ", "")
CRASHES = caller("if (f(k, &err) < 0) { error_report_err(err); }", PLAIN)


def test_callers_in_other_files() -> None:
    assert fate(OPEN) == Fate(UNKNOWN)
    # Without the other files they are unknown, with them they count.
    assert fate(OPEN + CRASHES).how == CRASH
    copes = caller("if (f(k, &err) < 0) { keg_work(k); }", PLAIN)
    assert fate(OPEN + copes).how == UNKNOWN
    assert fate(OPEN + copes, others={}).how == COPES
    assert fate(OPEN, others={"b.c": CRASHES}).how == CRASH
    assert fate(OPEN, others={"b.c": "/* f */"}) == Fate(UNKNOWN)
    # A file with a function of its own of that name calls that one; a static function is nobody else's.
    assert fate(OPEN, others={"b.c": OPEN + CRASHES}) == Fate(UNKNOWN)
    assert fate(INT, others={"b.c": CRASHES}) == Fate(UNKNOWN)
    assert fate(INT + CRASHES, others={"b.c": ""}).how == CRASH


def test_too_many_files_are_not_read() -> None:
    many = {f"b{number}.c": "/* f */" for number in range(39)}
    assert fate(OPEN, others={**many, "b39.c": CRASHES}) == Fate(UNKNOWN)
    many.popitem()
    assert fate(OPEN, others={**many, "b39.c": CRASHES}).how == CRASH


@pytest.mark.parametrize(
    ("definition", "call", "linked"),
    [
        ("gdbstub/user.c", "system/vl.c", False),
        ("gdbstub/user-target.c", "hw/core/keg.c", False),
        ("linux-user/keg.c", "migration/keg.c", False),
        ("a/bsd-user/keg.c", "ui/keg.c", False),
        ("hw/core/keg.c", "linux-user/keg.c", False),
        ("gdbstub/system.c", "linux-user/keg.c", False),
        ("gdbstub/softmmu-x.c", "linux-user/keg.c", False),
        ("gdbstub/keg.c", "linux-user/keg.c", True),
        ("linux-user/keg.c", "util/keg.c", True),
        ("a/hw/keg.c", "linux-user/keg.c", True),
        ("hw/usermode/keg.c", "hw/core/keg.c", True),
    ],
)
def test_files_of_two_emulators(definition: str, call: str, linked: bool) -> None:
    found = fate(OPEN, others={call: CRASHES}, path=definition)
    assert (found.how == CRASH) is linked


# -- pointers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "used", "how"),
    [
        ("k->tap = f;", "if (k->tap(k, &err) < 0) { error_report_err(err); }", CRASH),
        ("k->tap = f;", "if (k->tap(k, &err) < 0) { keg_work(k); }", COPES),
        ("k->tap = f;", "if (k->other(k, &err) < 0) { error_report_err(err); }", UNKNOWN),
        ("k->tap = f;", "if (k->tap2(k, &err) < 0) { error_report_err(err); }", UNKNOWN),
        ("k->tap = f;", "keg_work(k);", UNKNOWN),
        # Handed to somebody: what becomes of it is not known.
        ("keg_install(k, f);", "keg_work(k);", UNKNOWN),
        ("k->tap = f; keg_install(k, f);", "if (k->tap(k, &err) < 0) { keg_work(k); }", UNKNOWN),
        # Where one caller does worse than another, which of them gets this function is not known.
        (
            "k->tap = f;",
            "if (k->tap(k, &err) < 0) { keg_work(k); } if (k->tap(k, &err) < 0) { error_report_err(err); }",
            UNKNOWN,
        ),
    ],
)
def test_calls_through_a_member(stored: str, used: str, how: str) -> None:
    text = INT + f"void s(Keg *k)\n{{\n    {stored}\n}}\n" + caller(used, PLAIN)
    assert fate(text, others={}).how == how
    # Which other files call through the member is not known without them.
    alone = fate(text)
    assert alone.how == UNKNOWN


def test_slots_whose_callers_word_the_failure_themselves() -> None:
    text = INT + "static const KegOps keg_ops = {\n    .%s = f,\n};\n"
    used = caller("if (k->bdrv_open(k, &err) < 0) { error_report_err(err); }", PLAIN)
    assert fate(text % "bdrv_open" + used, others={}).how == COPES
    assert fate(text % "tap" + used, others={}).how == UNKNOWN


def test_calls_through_a_table() -> None:
    table = "static int (*const taps[2])(Keg *k, Error **errp) = {\n    [0] = %s,\n};\n"
    used = caller("if (taps[k->level](k, &err) < 0) { error_report_err(err); }", PLAIN)
    copes = caller("if (taps[0](k, &err) < 0) { keg_work(k); }", PLAIN)
    assert fate(INT + table % "f" + used).how == CRASH
    assert fate(INT + table % "&f" + used).how == CRASH
    assert fate(INT + table % "g2" + used).how == UNKNOWN
    assert fate(INT + table % "f" + copes).how == COPES
    other = used.replace("taps[", "more_taps[")
    assert fate(INT + table % "f" + other).how == UNKNOWN
    both = table % "f" + "void s(Keg *k)\n{\n    keg_install(k, f);\n}\n"
    assert fate(INT + both + copes).how == UNKNOWN
    # A member and a table: both callers are asked.
    stored = "void s(Keg *k)\n{\n    k->tap = f;\n}\n"
    through = caller("if (k->tap(k, &err) < 0) { error_report_err(err); }", "void g2(Keg *k)")
    assert fate(INT + table % "f" + stored + copes + through, others={}).how == CRASH
    assert fate(INT + table % "f" + stored + copes, others={}).how == UNKNOWN


def test_a_caller_that_nobody_calls_leaves_it_open() -> None:
    copes = caller("if (f(k, &err) < 0) { keg_work(k); }", PLAIN)
    assert fate(INT + copes).how == COPES
    assert fate(INT + PASSES % "r" + copes).how == UNKNOWN
    # Two that only call each other add nothing.
    again = (PASSES % "r").replace("return 0;", "return h2(k, errp);")
    other = "static int h2(Keg *k, Error **errp)\n{\n    return h(k, errp);\n}\n"
    assert fate(INT + again + other + copes).how == COPES
    assert fate(INT + copes + other + again).how == COPES


def test_files_that_are_passed_over_hide_no_others() -> None:
    own = {"b.c": OPEN + caller("f(k, &error_fatal);", PLAIN), "c.c": CRASHES}
    assert fate(OPEN, others=own).how == CRASH
    user = {"linux-user/b.c": caller("f(k, &error_fatal);", PLAIN), "z.c": CRASHES}
    assert fate(OPEN, others=user, path="hw/core/keg.c").how == CRASH
    assert fate(OPEN, others={**user, "z.c": "/* f */"}, path="hw/core/keg.c") == Fate(UNKNOWN)


def test_a_command_of_qapi_is_called_by_its_marshaller() -> None:
    schema = (
        "{ 'struct': 'Keg', 'data': { 'level': 'int' } }\n"
        "{ 'command': 'keg-show', 'returns': 'Keg' }\n{ 'command': 'keg-list', 'returns': ['Keg'] }\n"
    )
    text = HEAD + "Keg *qmp_keg_show(Error **errp)\n{\n    return NULL;\n}\n"
    source = OverlaySource(EmptySource(), {"keg.c": text.encode(), "qapi/keg.json": schema.encode()})
    program = SeenProgram(Program(source, "headers"), Reads())
    unit = program.unit("keg.c")
    assert unit is not None
    found = MissingErrors(program).fate(unit, "qmp_keg_show")
    assert found == Fate(CRASH, "qmp_marshal_keg_show", None, "visit_type_Keg")
    assert MissingErrors(program).fate(unit, "qmp_keg_list") == Fate(UNKNOWN)


def test_the_fates_have_the_names_that_rules_ask_for() -> None:
    rules = [rule for rule in load_rules() if rule.event == "failure-without-error"]
    asked = {word for rule in rules for case in rule.cases for slot, word in case.where if slot == "callers"}
    assert asked == {COPES, SUCCESS, CRASH}
    assert len({ANSWER, COPES, CRASH, IGNORED, SUCCESS, UNKNOWN}) == 6


TABLE = "struct KegDriver { int (*init)(Keg *k, Error **errp); };\n"
DRIVER = INT + TABLE + "static struct KegDriver keg_driver = { .init = f };\n"
OPENS = caller("r = d->init(k, &err); if (r < 0) { keg_work(k); }", "int open(Keg *k, struct KegDriver *d)")


@pytest.mark.parametrize(
    ("text", "how"),
    [
        # The one file that knows the struct has the callers; what else has an init() is of other structs.
        (DRIVER, COPES),
        # A member of that name of another table holds another function.
        (
            TABLE.replace("KegDriver", "VatDriver") + "int v(Keg *k, Error **errp);\n"
            "static struct VatDriver vat_driver = { .init = v };\n" + DRIVER,
            COPES,
        ),
        # Whose member it is stored in is not known.
        (INT + "void keg_use(struct KegDriver *d)\n{\n    d->init = f;\n}\n", UNKNOWN),
    ],
)
def test_a_member_with_a_common_name_is_followed_by_the_type_of_its_struct(text: str, how: str) -> None:
    other = caller("x->init(k, &err); keg_work(k);", "void other{}(Keg *k, struct Other *x)")
    others = {f"other{n}.c": other.replace("{}", str(n), 1) for n in range(50)}
    assert fate(text, others={**others, "open.c": TABLE + OPENS}).how == how
