# SPDX-License-Identifier: GPL-2.0-or-later
"""Each predicate of an exemption by itself: where it holds, and the neighbours where it does not.

An example is a C text. The exemption is applied alone; in the functions whose names end in `_taken` it must
take an observation away (or lower it), and those that end in `_left` must have an observation that it leaves.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import cast

import pytest
from single import unit_of

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.reset_leftovers import Forgotten
from qerrlint.checks.migration.state_not_migrated import Lost
from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.findings import Observation
from qerrlint.policy.exemption_rows import Exemption
from qerrlint.policy.exemptions import Exemptions, load_exemptions, predicates
from qerrlint.policy.observed_paths import without_zero
from qerrlint.policy.predicates import guest, migration
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.guest.file import GuestVisit
from qerrlint.qemu.vmstate.description import Description, VMField
from qerrlint.qemu.vmstate.run_time import Use
from qerrlint.qemu.vmstate.state_members import StateMember
from qerrlint.rules.loader import load_rules
from qerrlint.source.span import Span

ROWS = {row.id: row for row in load_exemptions().rows}
VAT = """
typedef struct Vat {
    int level;
    int code;
    bool open;
    const char *name;
    Error *err;
    struct Vat *next;
} Vat;

int vat_fill(Vat *v, Error **errp);
bool vat_check(Vat *v, Error **errp);
Vat *vat_make(Vat *v, Error **errp);
void vat_heat(Vat *v, Error **errp);
int vat_count(Vat *v);
bool vat_holds(Vat *v);
Vat *vat_twin(Vat *v);
void vat_work(Vat *v);
"""
_NAME = re.compile(r"\b(\w+_(?:taken|left))\([^;{}]*\)\n\{")


def observed(row: Exemption, text: str, path: str = "hw/misc/vat.c") -> tuple[set[str], set[str]]:
    """The functions in which the row alone takes something away, and those with a finding of its events."""
    rules = load_rules()
    ids = [rule.id for rule in rules if rule.event in row.events]
    alone = Exemptions((row,), predicates())
    report = analyse_unit(unit_of(path, text.encode()), rules.select(ids), exemptions=alone)
    return {one.function for one in report.exempted}, {one.function for one in report.findings}


def judge(ident: str, text: str, path: str = "hw/misc/vat.c") -> None:
    taken, found = observed(ROWS[ident], VAT + text, path)
    names = _NAME.findall(text)
    assert names
    assert taken == {name for name in names if name.endswith("_taken")}
    assert {name for name in names if name.endswith("_left")} <= found


def functions(head: str, bodies: dict[str, str]) -> str:
    """One function a body; `{}` in the head is its name."""
    return "\n".join(f"{head.format(name)}\n{{\n{body}\n}}\n" for name, body in bodies.items())


INT = "static int {}(Vat *v, int n, Error **errp)"
BOOL = "static bool {}(Vat *v, int n, Error **errp)"
POINTER = "static Vat *{}(Vat *v, int n, Error **errp)"
VOID = "static void {}(Vat *v, int n, Error **errp)"
SETS = '    if (n > 9) {\n        error_setg(errp, "too many");\n        return %s;\n    }\n'


# -- ways of returning -----------------------------------------------------------------------------------


def test_codes_that_are_no_failure() -> None:
    judge(
        "answer-code",
        functions(
            INT,
            {
                "again_taken": "    if (n) {\n        return -EAGAIN;\n    }\n    return vat_fill(v, errp);",
                "compared_taken": (
                    "    int ret = vat_count(v);\n    if (ret == -EAGAIN) {\n        return ret;\n    }\n"
                    "    return vat_fill(v, errp);"
                ),
                "failure_left": "    if (n) {\n        return -EIO;\n    }\n    return vat_fill(v, errp);",
            },
        ),
    )


def test_names_that_ask() -> None:
    negative = SETS % "false" + "    if (v->open) {\n        return false;\n    }\n    return true;"
    null = SETS % "NULL" + "    if (v->open) {\n        return NULL;\n    }\n    return v;"
    minus = SETS % "-1" + "    if (v->open) {\n        return -1;\n    }\n    return 0;"
    judge("question", functions(BOOL, {"vat_is_taken": negative, "vat_drain_left": negative}))
    judge("question", functions(POINTER, {"vat_find_taken": null, "vat_drain_left": null}))
    judge("question", functions(INT, {"vat_is_left": minus, "vat_find_left": minus}))


def test_what_is_not_0_may_be_a_value() -> None:
    def passed(name: str, test: str = "{0}") -> str:
        return (
            f"    int {name} = vat_count(v);\n    if ({test.format(name)}) {{\n"
            f"        return {name};\n    }}\n"
            "    return vat_fill(v, errp);"
        )

    judge(
        "nonzero-value",
        functions(
            INT,
            {
                "number_taken": passed("number"),
                "unnamed_taken": passed("v1"),
                "status_left": passed("ret"),
                "numbered_left": passed("ret2"),
                "short_left": passed("rc"),
                "negative_left": passed("number", "{0} < 0"),
                "constant_left": "    if (n) {\n        return -1;\n    }\n    return vat_fill(v, errp);",
            },
        ),
    )


COLLECTED = """    Error *err = NULL;
    int status = 0;
    bool good = vat_collect(v, &status, &err);

    if (!good || status < 0) {{
        {};
        return status;
    }}
    return 0;"""


def test_what_was_propagated() -> None:
    judge(
        "propagated-error",
        "bool vat_collect(Vat *v, int *status, Error **errp);\n"
        + functions(
            INT,
            {
                "collected_taken": COLLECTED.format("error_propagate(errp, err)"),
                "freed_left": COLLECTED.format("error_free(err)"),
            },
        ),
    )


@pytest.mark.parametrize(
    ("comment", "code", "taken"),
    [
        ("Returns -EPIPE at the end of file.", "-EPIPE", True),
        ("Fails without an error.", "-EPIPE", True),
        ("Fills the vat.", "-EPIPE", False),
        # By naming the very code for what is no error, while it describes the errors apart.
        ("Returns -EPIPE to stop, any other negative value for an error.", "-EPIPE", True),
        ("Returns -EPIPE to stop, or sets errp on failure.", "-EPIPE", True),
        ("Returns -EPIPE to stop; -EIO on error.", "-EPIPE", True),
        ("Returns -EPIPE to stop, any other negative value for an error.", "-EIO", False),
        ("Returns -EPIPEX to stop, any other negative value for an error.", "-EPIPE", False),
        ("Returns x-EPIPE to stop, any other negative value for an error.", "-EPIPE", False),
        ("Returns -EPIPE on error, any other negative value never.", "-EPIPE", False),
        ("Returns -EPIPE to stop, and may see an error.", "-EPIPE", False),
        ("Returns -EPIPE, and 1 otherwise.", "-EPIPE", False),
        ("Returns 1 to stop, any other negative value for an error.", "ret", False),
    ],
)
def test_what_the_comment_above_documents(comment: str, code: str, taken: bool) -> None:
    name = "vat_drain_taken" if taken else "vat_drain_left"
    body = f"    int ret = vat_count(v);\n    if (ret < 0) {{\n        return {code};\n    }}\n"
    judge("documented-failure", f"/* {comment} */\n" + functions(INT, {name: body + "    return 0;"}))


def test_requests_for_help() -> None:
    def asking(test: str) -> str:
        return f"    if ({test}) {{\n        return -1;\n    }}\n    return vat_fill(v, errp);"

    judge(
        "help-request",
        "bool vat_wants_help(Vat *v);\n"
        + functions(
            INT,
            {
                "asked_taken": asking("vat_wants_help(v)"),
                "earlier_taken": (
                    "    if (vat_wants_help(v)) {\n        if (n) {\n            return -1;\n"
                    "        }\n    }\n"
                    "    return vat_fill(v, errp);"
                ),
                "other_left": asking("vat_holds(v)"),
                "refused_left": asking("!vat_wants_help(v)"),
                "passed_left": (
                    "    if (vat_wants_help(v)) {\n        return vat_fill(v, errp);\n    }\n    return -1;"
                ),
            },
        ),
    )


def test_slots_whose_callers_need_no_error() -> None:
    body = "    if (n) {\n        return -EIO;\n    }\n    return vat_fill(v, errp);"
    slots = (
        "static const VatOps vat_ops = {\n    .run = run_taken,\n    .level = level_left,\n};\n"
        "static const VatOps vat_more = {\n    .level = second_taken,\n    .run = second_taken,\n};\n"
    )
    text = functions(INT, dict.fromkeys(("run_taken", "level_left", "second_taken", "nowhere_left"), body))
    judge("silent-slot", text + slots)


def test_stubs() -> None:
    judge(
        "stub",
        functions(
            INT,
            {
                "plain_taken": "    return -ENOSYS;",
                "assigning_taken": "    int ret = -ENOSYS;\n    return ret;",
                "testing_left": "    if (n) {\n        return -ENOSYS;\n    }\n    return 0;",
                "calling_left": "    vat_work(v);\n    return -ENOSYS;",
                "looping_left": "    while (n) {\n        n--;\n    }\n    return -ENOSYS;",
            },
        ),
    )


def test_false_that_is_usual() -> None:
    inside = "    if (v->open) {\n        return false;\n    }\n    return true;"
    twice = "    if (v->level) {\n        return false;\n    }\n"
    judge(
        "usual-false",
        functions(
            BOOL,
            {
                # As many with an Error as without: the one in the body of an `if`.
                "tie_left": SETS % "false" + inside,
                "more_with_left": (
                    SETS % "false"
                    + "    if (n < 0) {\n"
                    + '        error_setg(errp, "too few");\n        return false;\n    }\n'
                    + inside
                ),
                "more_without_taken": SETS % "false" + twice + inside,
                "none_with_taken": inside,
                "end_taken": SETS % "false"
                + "    if (v->open) {\n        return true;\n    }\n    return false;",
                "end_of_more_left": (
                    SETS % "false"
                    + "    if (n < 0) {\n"
                    + '        error_setg(errp, "too few");\n        return false;\n    }\n'
                    + "    if (v->open) {\n        return true;\n    }\n    return false;"
                ),
                "same_return_left": (
                    '    if (n > 9) {\n        error_setg(errp, "x");\n        goto out;\n    }\n'
                    "    if (n > 5) {\n        goto out;\n    }\n    return true;\nout:\n    return false;"
                ),
            },
        ),
    )
    null = SETS % "NULL" + "    if (v->open) {\n        return NULL;\n    }\n    return v;"
    minus = SETS % "-1" + "    if (v->open) {\n        return -1;\n    }\n    return 0;"
    made = twice.replace("false", "NULL") + "    Vat *w = %s;\n    return w;"
    judge(
        "usual-false",
        functions(
            POINTER,
            {
                "null_left": null,
                # Who makes what he returns has no other reason for NULL.
                "made_left": made % "g_new0(Vat, 1)",
                "found_taken": made % "vat_twin(v)",
            },
        ),
    )
    judge("usual-false", functions(INT, {"minus_left": minus}))


def test_returns_that_a_success_shares() -> None:
    heats = (
        "    Error *err = NULL;\n\n    vat_heat(v, &err);\n    if (err) {\n        error_report_err(err);\n"
    )
    judge(
        "shared-return",
        functions(
            VOID,
            {
                "end_taken": heats + "    }\n    v->open = true;\n    return;",
                "in_block_left": heats + "        return;\n    }\n    v->open = true;",
                "label_of_failures_left": heats
                + "        goto fail;\n    }\n    v->open = true;\n    return;\nfail:\n    v->open = false;",
                "label_of_all_taken": heats
                + "        goto out;\n    }\n    v->open = true;\nout:\n    v->level = 0;\n    return;",
                "printed_taken": ('    if (n) {\n        error_report("no vat");\n    }\n    return;'),
                "replaced_left": heats + '        error_setg(errp, "no heat");\n    }\n    return;',
            },
        ),
    )
    status = heats + "        n = -1;\n    }\n    return n ? -EIO : 0;"
    judge("shared-return", functions(INT, {"status_left": status}))


def test_results_that_are_passed_on() -> None:
    broken = (
        "static int vat_fill_badly(Vat *v, Error **errp)\n{\n    if (v->level) {\n"
        '        error_setg(errp, "full");\n        return 0;\n    }\n    return vat_fill(v, errp);\n}\n'
    )
    passed = (
        "    Error *err = NULL;\n    int ret = vat_fill_badly(v, &err);\n    if (err) {{\n"
        "        vat_work(v);\n        error_propagate(errp, err);\n        return {};\n    }}\n    return 0;"
    )
    judge(
        "passed-on-result",
        broken + functions(INT, {"same_taken": passed.format("ret"), "other_left": passed.format("0")}),
    )
    own = '    if (n) {\n        error_setg(errp, "full");\n    }\n    return 0;'
    judge("passed-on-result", functions(INT, {"own_left": own}))


def test_results_that_are_numbers() -> None:
    def failing(value: str, other: str) -> str:
        return (
            "    int port = vat_count(v);\n    if (port < 0) {\n"
            f'        error_setg(errp, "none");\n        return {value};\n    }}\n    return {other};'
        )

    calls = (
        "    unsigned now = v->level;\n    int level = now;\n    if (vat_fill(v, errp) < 0) {\n"
        "        return 0;\n    }\n"
        "    return level;"
    )
    judge(
        "value-result",
        functions(
            INT,
            {
                "number_taken": failing("0", "port"),
                "constants_left": failing("0", "0"),
                "negative_left": SETS % "-1" + failing("0", "port"),
                "of_callee_left": calls,
                "variable_left": "    int level = 0;\n" + failing("level", "level"),
            },
        ),
    )
    judge("value-result", functions(BOOL, {"truth_left": SETS % "false" + failing("true", "port")}))


def test_results_of_commands() -> None:
    body = (
        "    int ret = vat_fill(v, errp);\n    if (ret < 0) {\n        vat_work(v);\n"
        "        return 0;\n    }\n"
        "    return ret;"
    )
    row = ROWS["qmp-result"]
    for result, taken in (("int64_t", {"qmp_vat"}), ("int", {"qmp_vat"}), ("static int", set())):
        assert observed(row, f"{VAT}{result} qmp_vat(Vat *v, Error **errp)\n{{\n{body}\n}}\n")[0] == taken
    assert observed(row, f"{VAT}int hmp_vat(Vat *v, Error **errp)\n{{\n{body}\n}}\n") == (set(), {"hmp_vat"})
    truth = (SETS % "false").replace("n >", "v->level >") + body.replace("return 0", "return true")
    assert observed(row, f"{VAT}bool qmp_vat(Vat *v, Error **errp)\n{{\n{truth}\n}}\n") == (
        set(),
        {"qmp_vat"},
    )


def test_predicates_that_guard_a_call_and_its_report() -> None:
    def guarded(first: str, second: str) -> str:
        return (
            f"    Error *err = NULL;\n\n    if ({first}) {{\n        n = vat_fill(v, &err);\n    }}\n"
            f"    if ({second}) {{\n        error_report_err(err);\n    }}"
        )

    judge(
        "guarded-report",
        "bool vat_is_full(Vat *v);\nbool vat_is_open(Vat *v);\n"
        + functions(
            "static void {}(Vat *v, Vat *w, int n)",
            {
                "two_taken": guarded("vat_is_full(v)", "vat_is_open(v) && n < 0"),
                "same_left": guarded("vat_is_full(v)", "vat_is_full(w) && n < 0"),
                "one_left": guarded("n > 3", "vat_is_open(v) && n < 0"),
                "both_true_left": (
                    "    Error *err = NULL;\n\n    if (n > 3) {\n        n = vat_fill(v, &err);\n    }\n"
                    "    if (vat_is_full(v)) {\n        if (vat_is_open(v)) {\n"
                    "            error_report_err(err);\n        }\n    }"
                ),
            },
        ),
    )


def test_calls_after_which_nothing_is_done_to_an_object() -> None:
    def dropped(errp: str, behind: str = "", made: str = "vat_twin(v)") -> str:
        return f"    Vat *w = {made};\n\n    vat_init_it(w, {errp});\n{behind}    vat_work(v);"

    judge(
        "last-use",
        "int vat_init_it(Vat *v, Error **errp);\n"
        + functions(
            VOID,
            {
                "last_taken": dropped("NULL"),
                "used_left": dropped("NULL", "    vat_work(w);\n"),
                "given_left": dropped("NULL", made="v"),
                "handed_left": dropped("errp"),
                "member_left": (
                    "    v->next = vat_twin(v);\n\n    vat_init_it(v->next, NULL);\n    vat_work(v);"
                ),
            },
        ),
    )


def test_blockers_that_stand_in_for_a_notifier() -> None:
    def realize(add: str) -> str:
        return (
            '    if (s->old_host) {\n        error_setg(&s->blocker, "old");\n'
            f"        if ({add} < 0) {{\n            return false;\n        }}\n    }}\n"
            "    migration_add_notifier_mode(&s->notifier, vat_notify, MIG_MODE_CPR_REBOOT);\n"
            "    return true;"
        )

    judge(
        "fallback-blocker",
        "typedef struct VatHub {\n    Error *blocker;\n    NotifierWithReturn notifier;\n    bool old_host;\n"
        "} VatHub;\n"
        "static int vat_notify(NotifierWithReturn *n, MigrationEvent *e, Error **errp)\n{\n    return 0;\n}\n"
        + functions(
            "static bool {}(VatHub *s, Error **errp)",
            {
                "every_taken": realize("migrate_add_blocker(&s->blocker, errp)"),
                "one_mode_left": realize(
                    "migrate_add_blocker_modes(&s->blocker, BIT(MIG_MODE_CPR_REBOOT), errp)"
                ),
            },
        ),
    )


@pytest.mark.parametrize(
    ("parameter", "first", "tested", "between", "name"),
    [
        ("int n", "", "vat_hot", "", "vat_taken"),
        ("int n", "", "vat_hot", "n = 1;", "vat_taken"),
        # It may be another one when the function is called.
        ("int n", "", "vat_hot", "vat_hot = vat_holds(v);", "vat_left"),
        # What the callers test is a global variable, not the parameter or the local one of that name.
        ("bool vat_hot", "", "vat_hot", "", "vat_left"),
        ("int n", "    bool vat_hot = v->open;\n", "vat_hot", "", "vat_left"),
        # Nor a member: the callers may test that of another object.
        ("int n", "", "v->open", "", "vat_left"),
    ],
)
def test_a_global_that_the_callers_test(
    parameter: str, first: str, tested: str, between: str, name: str
) -> None:
    judge(
        "same-global",
        "static bool vat_hot;\n"
        + functions(
            f"static Vat *{{}}(Vat *v, {parameter}, Error **errp)",
            {
                name: f"{first}    if ({tested}) {{\n    if (v->level > 9) {{\n"
                '        error_setg(errp, "full");\n        return NULL;\n    }\n        return v;\n    }\n'
                "    if (!v->name) {\n        return NULL;\n    }\n    return v;"
            },
        )
        + functions(
            "void {}(Vat *v)",
            {
                "vat_start": f"    Error *err = NULL;\n    int n = 0;\n    if ({tested}) {{\n    {between}\n"
                f"    if (!{name}(v, n, &err)) {{\n        error_report_err(err);\n    }}\n    }}"
            },
        ),
    )


@pytest.mark.parametrize(
    ("guard", "name"),
    [
        ("running && !vat_is(v, VAT_STATE_HOT)", "vat_taken"),
        # Another test, one of another state, and one that finds the object to be in the state.
        ("running", "vat_left"),
        ("running && !vat_is(v, VAT_STATE_COLD)", "vat_left"),
        ("running && vat_is(v, VAT_STATE_HOT)", "vat_left"),
    ],
)
def test_a_state_that_is_tested_and_entered(guard: str, name: str) -> None:
    judge(
        "state-tested-and-set",
        "static Error *vat_blocker;\nbool vat_is(Vat *v, int state);\n"
        f"static void {name}(void *opaque, bool running, RunState state)\n{{\n    Vat *v = opaque;\n\n"
        f"    if ({guard}) {{\n        v->code = VAT_STATE_HOT;\n"
        '        error_setg(&vat_blocker, "a hot vat cannot be migrated");\n'
        "        migrate_add_blocker(&vat_blocker, &error_fatal);\n    }\n}\n"
        + functions(
            "static void {}(void *opaque)",
            {"vat_watch": f"    qemu_add_vm_change_state_handler({name}, opaque);"},
        ),
    )


def test_objects_that_a_user_makes_ask_for_the_machine() -> None:
    text = (
        "typedef struct VatObject {{\n    Object parent;\n}} VatObject;\n"
        "static void {0}(Object *obj)\n{{\n    {1};\n}}\n"
        "static const TypeInfo vat_info = {{\n    .name = TYPE_VAT,\n    .parent = TYPE_OBJECT,\n"
        "    .instance_size = sizeof(VatObject),\n    .instance_init = {0},\n{2}}};\n"
    )
    users = "    .interfaces = (InterfaceInfo[]) {\n        { TYPE_USER_CREATABLE },\n        { }\n    },\n"
    asks, registers = "vat_read(qdev_get_machine())", "qemu_register_reset(vat_reset, obj)"
    for name, call, interfaces in (
        ("asks_taken", asks, users),
        ("registers_left", registers, users),
        ("plain_left", asks, ""),
    ):
        judge("users-object", text.format(name, call, interfaces))


def test_state_that_tells_of_a_reset() -> None:
    code = {
        "vat_asks": b"{ v->level = 1; qemu_system_reset_request(0); }",
        "vat_clears": b"{ v->level = 0; }",
    }
    data = b"".join(code.values())
    pieces, at = {}, 0
    for name, body in code.items():
        pieces[name] = SimpleNamespace(body=at, span=SimpleNamespace(end=at + len(body)))
        at += len(body)
    file = cast(AnalysedFile, SimpleNamespace(unit=SimpleNamespace(data=data, functions=pieces)))

    def tells(*uses: Use) -> bool:
        one = Forgotten("Vat", "level", cast(FunctionText, None), (), uses=uses)
        found = Observation("state-not-reset", "", Span("a.c", 0, 1), "k", {}, subject=one)
        return migration.state_tells_of_the_reset(file, found)

    asks = use("store", "true", "vat_asks")
    assert tells(asks)
    # Others may take it back, and read it.
    for value in ("0", "false"):
        assert tells(asks, use("store", value, "vat_clears"))
        assert not tells(use("store", value, "vat_clears"))
    assert tells(asks, use("read", function="vat_clears"))
    assert not tells(asks, use("store", "true", "vat_clears"))
    assert not tells()


GOES_ON = '    if (n) {\n        error_setg(errp, "full");\n    }\n    vat_work(v);'


def test_void_functions_that_go_on() -> None:
    judge(
        "work-after-error",
        functions(VOID, {"vat_show_taken": GOES_ON, "vat_realize_left": GOES_ON, "vat_open_left": GOES_ON}),
    )
    # A result shows the failure.
    shown = '    if (n) {\n        error_setg(errp, "full");\n    }\n    return 0;'
    judge("work-after-error", functions(INT, {"vat_show_left": shown}))


def test_blocks_that_end_in_a_jump() -> None:
    jumps = (
        '    while (n) {\n        if (v->open) {\n            error_setg(errp, "full");\n'
        "            vat_work(v);\n            %s;\n        }\n        n--;\n    }"
    )
    nested = (
        '    error_setg(errp, "full");\n    if (v->open) {\n        v->open = false;\n    }\n'
        "    vat_work(v);\n"
    )
    judge(
        "jump-after-error",
        functions(
            VOID,
            {
                "vat_realize_taken": jumps % "break",
                "vat_start_taken": jumps % "return",
                "vat_init_taken": jumps % "continue",
                "vat_load_left": jumps % "n = 0",
                "vat_plug_left": GOES_ON + "\n    return;",
                # The jump stands in a block inside, or behind one.
                "vat_open_taken": f"    if (n) {{\n{nested}        return;\n    }}\n    v->level = 0;",
                "vat_create_left": f"    if (n) {{\n{nested}    }}\n    v->level = 0;\n    return;",
            },
        ),
    )


def test_work_that_only_the_setter_leads_to() -> None:
    sets = '    error_setg(errp, "full");\n'
    arm = f"    if (n) {{\n        v->open = true;\n    }} else {{\n    {sets}        vat_work(v);\n    }}"
    common = f"    if (n) {{\n        goto out;\n    }}\n{sets}out:\n    vat_work(v);"
    # The work stands in another block, to which nothing else leads.
    behind = (
        f"    if (n) {{\n        return;\n    }}\n{sets}    if (v->open) {{\n        vat_work(v);\n    }}\n"
        "    v->level = 0;"
    )
    around = (
        f"    if (n) {{\n        goto work;\n    }}\n{sets}    if (v->open) {{\nwork:\n"
        f"        vat_work(v);\n    }}"
    )
    judge(
        "work-of-the-failure",
        functions(
            VOID,
            {
                "vat_realize_taken": arm,
                "vat_init_taken": behind,
                "vat_create_left": around,
                "vat_open_left": common,
                "vat_start_left": GOES_ON,
                "vat_plug_taken": sets + "    vat_work(v);",
                "vat_setup_taken": sets + "    if (n) {\n        vat_work(v);\n    }",
                "vat_load_taken": f"    while (n) {{\n        n--;\n    }}\n{sets}    while (v->open) {{\n"
                + "        vat_work(v);\n    }",
            },
        ),
    )
    shown = SETS % "-1" + '    if (n) {\n        error_setg(errp, "x");\n    }\n    return 0;'
    judge("work-of-the-failure", functions(INT, {"vat_realize_left": shown}))


# -- whose failure it is -----------------------------------------------------------------------------------

CALLEES = """
ssize_t vat_read(Vat *v, void *buf, size_t size, Error **errp);
int vat_parse(Vat *v, char **rest, Error **errp);
int vat_measure(Vat *v, size_t *left, Error **errp);
Vat *vat_put(Vat *v, Vat **other, Error **errp);
static int vat_word(char *text, char **rest, Error **errp)
{
    *rest = NULL;
    if (!*text) {
        error_setg(errp, "no words");
        return -EINVAL;
    }
    *rest = vat_space(text);
    return 0;
}
static int vat_cut_word(char *text, char **rest, Error **errp)
{
    if (!*text) {
        error_setg(errp, "no words");
        return -EINVAL;
    }
    *rest = vat_space(text);
    text = NULL;
    return 0;
}
static int vat_own_word(char *text, char **rest, Error **errp)
{
    if (!*text) {
        error_setg(errp, "no words");
        return -EINVAL;
    }
    *rest = vat_space(text);
    return 0;
}
"""


def fails(before: str, test: str, value: str = "-EINVAL") -> str:
    return f"{before}    if ({test}) {{\n        return {value};\n    }}\n    return 0;"


def test_the_error_of_a_callee() -> None:
    ret, rest = "    int ret = {};\n", "    char *rest;\n    int ret = {};\n"
    judge(
        "error-of-callee",
        CALLEES
        + functions(
            INT,
            {
                # What the call wrote where it points to: a pointer that is NULL.
                "pointer_taken": fails(rest.format("vat_parse(v, &rest, errp)"), "ret < 0 || !rest"),
                "stores_null_left": fails(rest.format('vat_word("", &rest, errp)'), "ret < 0 || !rest"),
                "stores_none_taken": fails(rest.format('vat_own_word("", &rest, errp)'), "ret < 0 || !rest"),
                "stores_else_taken": fails(rest.format('vat_cut_word("", &rest, errp)'), "ret < 0 || !rest"),
                "number_left": fails(
                    "    size_t left;\n    int ret = vat_measure(v, &left, errp);\n", "ret < 0 || left != 0"
                ),
                "untested_taken": fails(
                    "    size_t left;\n    int ret = vat_measure(v, &left, errp);\n    v->code = ret;\n",
                    "left != 0",
                ),
                "other_left": fails(rest.format("vat_parse(v, &rest, errp)"), "ret < 0 || v->open"),
                "longer_name_left": fails(
                    "    char *rest;\n    char *rest2 = NULL;\n    int ret = vat_parse(v, &rest, errp);\n",
                    "ret < 0 || !rest2",
                ),
                "without_errp_left": fails(
                    "    int ret = vat_fill(v, errp);\n    int end = vat_count(v);\n    v->code = ret;\n",
                    "end < 0",
                ),
            },
        ),
    )
    assert ret
    size = "    ssize_t got = vat_read(v, buf, n, errp);\n"
    judge(
        "error-of-callee",
        CALLEES
        + functions(
            "static int {}(Vat *v, void *buf, int n, Error **errp)",
            {
                "short_left": fails(size, "got != n"),
                "less_left": fails(size, "got < n"),
                "number_taken": fails(size, "got != 1"),
                "inline_left": fails("", "vat_read(v, buf, n, errp) != n"),
                "inline_taken": fails("", "vat_read(v, buf, n, errp) != 1"),
            },
        ),
    )


def test_the_error_of_a_callee_whose_result_is_dropped() -> None:
    def testing(before: str, test: str, behind: str = "") -> str:
        failing = f"    if ({test}) {{\n        return NULL;\n    }}\n"
        return SETS % "NULL" + before + failing + behind + "    return v;"

    judge(
        "error-of-callee",
        functions(
            POINTER,
            {
                "member_taken": testing("    vat_heat(v, errp);\n", "!v->next"),
                "deeper_taken": testing("    vat_heat(v, errp);\n", "!v->next->next"),
                "other_member_left": testing(
                    "    Vat *w = vat_twin(v);\n    vat_heat(v, errp);\n", "!w->next"
                ),
                "suffix_left": testing("    Vat *vv = vat_twin(v);\n    vat_heat(v, errp);\n", "!vv->next"),
                "inside_left": testing("    vat_heat(v, errp);\n", "!n->v->next"),
                "behind_left": testing("", "!v->next", "    vat_heat(v, errp);\n"),
                "null_left": testing("    vat_heat(v, NULL);\n", "!v->next"),
                "used_left": testing("    int r = vat_fill(v, errp);\n    v->code = r;\n", "!v->next"),
                # A call whose result is used stands between the one whose result is dropped and the test.
                "earlier_left": testing(
                    "    vat_heat(v, errp);\n    int r = vat_fill(v, errp);\n    v->code = r;\n", "!v->next"
                ),
            },
        ),
    )


def test_callees_that_never_fail() -> None:
    always = "static int {}(Vat *v)\n{{\n    v->level++;\n    return {};\n}}\n"
    callees = always.format("vat_always", "0") + always.format("vat_sometimes", "v->open ? -1 : 0")
    told = (
        "static int vat_told(Vat *v, Error **errp)\n{\n    v->level++;\n    return 0;\n}\n"
        "static Vat *vat_first(Vat *v)\n{\n    v->level++;\n    return v;\n}\n"
    )
    judge(
        "callee-without-failure",
        callees
        + told
        + functions(
            INT,
            {
                "never_taken": fails("    int ret = vat_always(v);\n", "ret < 0"),
                "never_null_taken": fails("    Vat *w = vat_first(v);\n", "!w"),
                "sometimes_left": fails("    int ret = vat_sometimes(v);\n", "ret < 0"),
                "elsewhere_left": fails("    int ret = vat_count(v);\n", "ret < 0"),
                "member_left": fails("    v->code = vat_always(v);\n", "v->code < 0"),
                "another_left": fails("    int ret = vat_always(v);\n    ret = n;\n", "ret < 0"),
            },
        ).replace("return 0;\n}", "return vat_fill(v, errp);\n}"),
    )


APART = """
static Vat *vat_spare_%s(Vat *v, Error **errp)
{
    if (v->level > 8) {
        error_setg(errp, "too many");
        return NULL;
    }
    if (!v->next) {
        return NULL;
    }
    return v->next;
}
"""
CODED = """
static int vat_spare_%s(Vat *v, Error **errp)
{
    if (!v->next) {
        return -ENODEV;
    }
    return vat_fill(v, errp);
}
"""


@pytest.mark.parametrize(
    ("callee", "callers", "taken"),
    [
        (APART, ["w = F(v, errp);\n    if (!w && *errp) {\n        return -1;\n    }"], True),
        (APART, ["if (!F(v, &err)) {\n        if (err) {\n            return -1;\n        }\n    }"], True),
        (APART, ["w = F(v, errp);\n    if (!w) {\n        return -1;\n    }"], False),
        # All of them have to.
        (APART, ["w = F(v, errp);\n    if (!w && *errp) {\n        return -1;\n    }", "F(v, errp);"], False),
        (APART, [], False),
        (CODED, ["if (F(v, errp) == -ENODEV) {\n        return 0;\n    }"], True),
        (CODED, ["if (F(v, errp) == -ENODEVX) {\n        return 0;\n    }"], False),
        (CODED, ["if (F(v, errp) == -EIO) {\n        return 0;\n    }"], False),
        (CODED, ["if (F(v, errp) != -ENODEV) {\n        return 0;\n    }"], False),
    ],
)
def test_callers_that_tell_an_outcome_apart(callee: str, callers: list[str], taken: bool) -> None:
    name = "taken" if taken else "left"
    uses = "".join(
        f"int vat_use{number}(Vat *v, Error **errp)\n{{\n    ERRP_GUARD();\n    Error *err = NULL;\n"
        f"    Vat *w;\n\n"
        f"    {use.replace('F(', f'vat_spare_{name}(')}\n    return 0;\n}}\n"
        for number, use in enumerate(callers)
    )
    judge("outcome-told-apart", callee % name + uses)
    # Of a function with external linkage others may make something else.
    taken_now, _ = observed(ROWS["outcome-told-apart"], VAT + (callee % name).replace("static ", "") + uses)
    assert taken_now == set()


NEVER = "static int {}(Vat *v, int *value, Error **errp)"
NOT_NULL = fails("", "!value").replace("return 0;", "return vat_fill(v, errp);")


@pytest.mark.parametrize(
    ("use", "taken"),
    [
        ('if (!F(v, errp)) {\n        error_prepend(errp, "vat: ");\n    }', False),
        ("if (!F(v, errp)) {\n        return;\n    }\n    vat_work(v);", True),
    ],
)
def test_false_is_a_failure_where_a_caller_looks_into_the_error(use: str, taken: bool) -> None:
    name = "vat_sealed_taken" if taken else "vat_sealed_left"
    callee = f"static bool {name}(Vat *v, Error **errp)\n{{\n    return vat_count(v) >= 0;\n}}\n"
    caller = f"void vat_use(Vat *v, Error **errp)\n{{\n    ERRP_GUARD();\n    {use.replace('F', name)}\n}}\n"
    assert observed(ROWS["usual-false"], VAT + callee + caller)[0] == ({name} if taken else set())


@pytest.mark.parametrize(
    ("body", "callers", "taken"),
    [
        (NOT_NULL, ["int x; F(v, &x, errp);"], True),
        (NOT_NULL.replace("!value", "value == NULL"), ["int x; F(v, &x, errp);"], True),
        (NOT_NULL.replace("!value", "v->open"), ["int x; F(v, &x, errp);"], False),
        (NOT_NULL.replace("!value", "value"), ["int x; F(v, &x, errp);"], False),
        (NOT_NULL, ["F(v, value, errp);"], False),
        (NOT_NULL, ["F(v, NULL, errp);"], False),
        (NOT_NULL, [], False),
        (NOT_NULL, ["int x; F(v, &x, errp);", "F(v, value, errp);"], False),
        # Something else that mentions it may call it, too.
        (NOT_NULL, ["int x; F(v, &x, errp); v->name = F;"], False),
        ("    value = vat_where(v);\n" + NOT_NULL, ["int x; F(v, &x, errp);"], False),
    ],
)
def test_parameters_that_are_never_null(body: str, callers: list[str], taken: bool) -> None:
    name = "vat_at_taken" if taken else "vat_at_left"
    uses = "".join(
        f"void vat_use{number}(Vat *v, int *value, Error **errp)\n{{\n    {use.replace('F', name)}\n}}\n"
        for number, use in enumerate(callers)
    )
    row = ROWS["parameter-never-null"]
    text = VAT + functions(NEVER, {name: body}) + uses
    assert observed(row, text)[0] == ({name} if taken else set())
    assert observed(row, text.replace("static ", ""))[0] == set()


def test_a_parameter_that_is_passed_on_is_asked_for_above() -> None:
    row = ROWS["parameter-never-null"]
    below = VAT + functions(NEVER, {"vat_at": NOT_NULL, "vat_above": "    return vat_at(v, value, errp);"})
    good = "void vat_use(Vat *v, Error **errp)\n{\n    int x;\n    vat_above(v, &x, errp);\n}\n"
    assert observed(row, below + good)[0] == {"vat_at"}
    assert observed(row, below + good.replace("&x", "NULL"))[0] == set()
    assert observed(row, below)[0] == set()
    # The parameters are matched by their places.
    shifted = below.replace("vat_above(Vat *v, int *value,", "vat_above(int *value, Vat *v,")
    assert observed(row, shifted + good.replace("(v, &x", "(&x, v"))[0] == {"vat_at"}
    assert observed(row, shifted + good.replace("(v, &x", "(NULL, v"))[0] == set()


def test_errors_that_are_extended() -> None:
    def extending(call: str, between: str = "") -> str:
        return (
            f"    if (v->open) {{\n        {call}\n        return -EIO;\n    }}\n"
            f"{between}    return vat_fill(v, errp);"
        )

    judge(
        "extended-error",
        functions(
            INT,
            {
                "prepended_taken": extending('error_prepend(errp, "vat: ");'),
                "hinted_taken": extending('error_append_hint(errp, "Empty it.");'),
                "worked_left": extending("vat_work(v);"),
                "other_left": extending('error_prepend(&v->err, "vat: ");'),
                "before_left": '    error_prepend(errp, "vat: ");\n' + extending("v->level = 0;"),
                "behind_left": extending("v->level = 0;", '    error_prepend(errp, "vat: ");\n'),
                "another_way_left": extending(
                    'if (n) {\n            error_prepend(errp, "vat: ");\n'
                    "            return -EINVAL;\n        }"
                ).replace("return -EINVAL", "return vat_fill(v, errp)"),
            },
        ),
    )


def test_conditions_that_are_constant() -> None:
    def constant(before: str, test: str = "most > VAT_MOST") -> str:
        return before + f"    if ({test}) {{\n        return -EINVAL;\n    }}\n    return vat_fill(v, errp);"

    judge(
        "constant-condition",
        "#define VAT_MOST 31\n"
        + functions(
            INT,
            {
                "local_taken": constant("    int most = 31;\n"),
                "macro_taken": constant("    int most = VAT_MOST;\n"),
                "both_taken": constant("    int most = 31;\n    int least = 3;\n", "most > least"),
                "one_left": constant("    int most = 31;\n", "most > n"),
                "twice_left": constant("    int most = 31;\n    most = 3;\n"),
                "counted_left": constant("    int most = vat_count(v);\n"),
                "handed_left": constant("    int most = 31;\n    vat_most(&most);\n"),
                "parameter_left": constant("    n = 31;\n", "n > VAT_MOST"),
                "macro_left": constant("", "VAT_MOST"),
            },
        ),
    )


def test_the_status_of_an_object() -> None:
    def status(before: str, value: str = "ret") -> str:
        return (
            f"    int ret;\n{before}    if (ret < 0) {{\n        return {value};\n    }}\n"
            f"    return vat_fill(v, errp);"
        )

    judge(
        "status-of-object",
        functions(
            INT,
            {
                "member_taken": status("    ret = v->code;\n"),
                "direct_taken": (
                    "    if (v->code < 0) {\n        return v->code;\n    }\n    return vat_fill(v, errp);"
                ),
                "chosen_taken": status("    ret = n ? v->code : 0;\n"),
                "counted_left": status("    ret = vat_count(v);\n"),
                "earlier_left": status("    ret = v->code;\n    ret = vat_count(v);\n"),
                "later_left": status("    ret = vat_count(v);\n").replace(
                    "    return vat_fill", "    ret = v->code;\n    return vat_fill"
                ),
                "constant_left": status("    ret = v->code;\n", "-EIO"),
                "parameter_left": status("    ret = n;\n"),
            },
        ),
    )
    printed = (
        "    bool bad = v->open;\n"
        '    if (!bad) {\n        error_report("x");\n        return bad;\n    }\n'
        "    return vat_check(v, errp);"
    )
    assert observed(ROWS["status-of-object"], VAT + functions(BOOL, {"truth": printed}))[0] == set()


def message(call: str, taken: bool) -> str:
    name = "told_taken" if taken else "told_left"
    return f"static void {name}(Vat *v, Error *err, Error **errp)\n{{\n    {call};\n}}\n"


@pytest.mark.parametrize(
    ("ident", "call", "taken"),
    [
        ("information-in-sentences", 'info_report("The vat is full.")', True),
        ("information-in-sentences", 'error_report("The vat is full.")', False),
        ("several-sentences", 'error_report("It is full. Nothing was added.")', True),
        ("several-sentences", 'error_report("is it full? Nothing was added.")', True),
        ("several-sentences", 'error_report("the vat is full.")', False),
        ("several-sentences", 'error_report("level 1.5 is too much.")', False),
        ("printed-lines", 'error_report("the vat\\nis full")', True),
        ("printed-lines", 'error_setg(errp, "the vat\\nis full")', False),
        ("printed-lines", 'error_report("the vat is full. Consider another")', True),
        ("printed-lines", 'error_setg(errp, "the vat is full. Consider another")', False),
        ("system-text-alone", 'error_setg(errp, "%s", strerror(v->code))', True),
        ("system-text-alone", 'error_setg(errp, " %s ", strerror(v->code))', True),
        ("system-text-alone", 'error_setg(errp, "no vat: %s", strerror(v->code))', False),
        ("system-text-alone", 'error_setg(errp, "%s%s", v->name, strerror(v->code))', True),
        ("system-text-alone", 'error_setg(errp, "%d", errno)', False),
        ("system-text-alone", 'error_setg(errp, "%s", errno)', True),
        ("own-separator", 'error_prepend(errp, "vat - ")', True),
        ("own-separator", 'error_prepend(errp, "vat\\n")', True),
        ("own-separator", 'error_prepend(errp, "vat;")', True),
        ("own-separator", 'error_prepend(errp, "(vat")', False),
        ("own-separator", 'error_prepend(errp, "vat>")', True),
        *(("own-separator", f'error_prepend(errp, "vat{end}")', False) for end in "x1_'`)]}:."),
        ("value-at-end-of-prefix", 'error_prepend(errp, "vat %s")', True),
        ("value-at-end-of-prefix", 'error_prepend(errp, "vat %c")', True),
        ("value-at-end-of-prefix", 'error_prepend(errp, "vat %d")', False),
        ("value-at-end-of-prefix", 'error_prepend(errp, "vats")', False),
        ("value-at-end-of-hint", 'error_append_hint(errp, "Use %s")', True),
        ("value-at-end-of-hint", 'error_append_hint(errp, "Use %d")', False),
        ("value-at-end-of-hint", 'error_append_hint(errp, "Use vats")', False),
        ("continued-hint", 'error_append_hint(errp, "Use"); error_append_hint(errp, " a vat.\\n")', True),
        ("continued-hint", 'error_append_hint(errp, "Use"); error_printf(" a vat.\\n")', True),
        ("continued-hint", 'error_append_hint(errp, "Use"); vat_hint(v, errp)', True),
        ("continued-hint", 'error_append_hint(errp, "Use"); vat_hint(v, &err)', False),
        ("continued-hint", 'error_append_hint(errp, "Use"); vat_add(v, errp)', False),
        ("continued-hint", 'error_append_hint(errp, "Use"); vat_hint(v, NULL)', False),
        ("continued-hint", 'error_append_hint(errp, "Use:"); error_printf(" a vat.\\n")', True),
        ("continued-hint", 'error_append_hint(errp, "Use:"); vat_work(v)', False),
        ("continued-hint", 'vat_hint(v, errp); error_append_hint(errp, "Use")', False),
    ],
)
def test_the_forms_of_messages(ident: str, call: str, taken: bool) -> None:
    if "Use" in call and "; error_append" in call and taken:
        # The second call has its own newline, the first has none.
        assert observed(ROWS[ident], VAT + message(call, taken))[0] == {"told_taken"}
    else:
        judge(ident, message(call, taken))


def test_information_of_other_forms() -> None:
    """The exemptions of one form say nothing of another."""
    for ident in ("information-in-sentences", "several-sentences", "value-at-end-of-hint", "continued-hint"):
        judge(ident, message('info_report("The vat is. Full\\n")', False))
        judge(ident, message('error_prepend(errp, "vat %s")', False))


def test_guards_with_a_comment() -> None:
    def guarded(behind: str, name: str = "commented") -> str:
        return (
            f"static int {name}(Vat *v, Error **errp)\n{{\n    ERRP_GUARD();{behind}\n    /* below */\n"
            "    return vat_fill(v, errp);\n}\n"
        )

    row = ROWS["commented-guard"]
    assert observed(row, VAT + guarded(" /* for later */"))[0] == {"commented"}
    assert observed(row, VAT + guarded(" // for later"))[0] == {"commented"}
    assert observed(row, VAT + guarded("")) == (set(), {"commented"})
    assert observed(row, VAT + guarded(" ;"))[0] == set()


@pytest.mark.parametrize(
    ("ident", "head", "taken"),
    [
        ("prescribed-name", "void qmp_vat(Vat *v, Error **errp)", True),
        ("prescribed-name", "void hmp_vat(Vat *v, Error **errp)", True),
        ("prescribed-name", "void vat_realize(Vat *v, Error **errp)", True),
        ("prescribed-name", "void vat_get_level(Vat *v, Error **errp)", True),
        ("prescribed-name", "void vat_level_get(Vat *v, Error **errp)", False),
        ("prescribed-name", "void vat_level_cb(Vat *v, Error **errp)", True),
        ("prescribed-name", "void vat_cb_level(Vat *v, Error **errp)", False),
        ("prescribed-name", "void vat_drain(Vat *v, Error **errp)", False),
        ("prescribed-name", "void vat_xqmp_level(Vat *v, Error **errp)", False),
        ("opaque-parameter", "void vat_drain(Visitor *v, Error **errp)", True),
        ("opaque-parameter", "void vat_drain(Vat *v, void *opaque, Error **errp)", True),
        ("opaque-parameter", "void vat_drain(Vat *v, Error **errp)", False),
        ("opaque-parameter", "void vat_drain(VisitorX *v, Error **errp)", False),
    ],
)
def test_signatures_that_somebody_else_prescribes(ident: str, head: str, taken: bool) -> None:
    name = head.split("(", maxsplit=1)[0].rsplit(maxsplit=1)[-1]
    text = VAT + f'static {head}\n{{\n    error_setg(errp, "full");\n}}\n'
    assert observed(ROWS[ident], text) == ({name} if taken else set(), set() if taken else {name})


def test_addresses_that_are_taken() -> None:
    drain = 'static void vat_drain(Vat *v, Error **errp)\n{\n    error_setg(errp, "full");\n}\n'
    row = ROWS["address-taken"]
    assert observed(row, VAT + drain) == (set(), {"vat_drain"})
    called = "void vat_use(Vat *v)\n{\n    vat_drain(v, &error_abort);\n}\n"
    assert observed(row, VAT + drain + called) == (set(), {"vat_drain"})
    assert observed(row, VAT + drain + called.replace("vat_drain(v", "vat_run(v, vat_drain"))[0] == {
        "vat_drain"
    }


def member(name: str) -> StateMember:
    return StateMember("Vat", name, "Vat", name, "number")


def use(kind: str, value: str = "", function: str = "vat_run", end: int = 0) -> Use:
    return Use(member("level"), function, kind, value, 0, end)


def lost(*uses: Use, form: str = "state") -> Observation:
    one = Lost(cast(Description, None), member("level"), form, uses)
    return Observation("state-not-migrated", "", Span("a.c", 0, 1), "k", {"member": "level"}, subject=one)


def of_file(data: bytes = b"", path: str = "hw/misc/vat.c") -> AnalysedFile:
    return cast(AnalysedFile, SimpleNamespace(unit=SimpleNamespace(data=data, path=path)))


@pytest.mark.parametrize(
    ("uses", "form", "derived"),
    [
        ([use("store", "v->level + 1")], "state", True),
        ([use("store", "v.level")], "state", True),
        ([use("store", "v->level"), use("store", "0")], "state", True),
        ([use("store", "v->level"), use("read"), use("address")], "state", True),
        ([use("store", "v->level")], "register", False),
        ([], "state", False),
        ([use("read")], "state", False),
        ([use("store", "0"), use("store", "true")], "state", False),
        ([use("store", "value")], "state", False),
        ([use("store", "v->level"), use("store", "value")], "state", False),
        ([use("store", "v->level"), use("change")], "state", False),
    ],
)
def test_state_that_is_worked_out_from_other_state(uses: list[Use], form: str, derived: bool) -> None:
    assert migration.state_is_derived(of_file(), lost(*uses, form=form)) is derived


@pytest.mark.parametrize(
    ("uses", "data", "compared"),
    [
        ([use("read", end=1)], b"x != y", True),
        ([use("read", end=1)], b"x == y", True),
        ([use("read", end=1)], b"x)) == y", True),
        ([use("read", end=1)], b"x < y", False),
        ([use("read", end=1)], b"x + 1 == y", False),
        ([use("read", end=1), use("store", end=5)], b"x == y = z", True),
        ([use("read", end=1), use("change", end=5)], b"x == y += z", False),
        ([use("read", end=1), use("read", end=5)], b"x == y < z", False),
        ([use("store", end=1)], b"x == y", False),
        ([use("read", end=1), use("read", function="vat_stop", end=1)], b"x == y", False),
        ([], b"", False),
    ],
)
def test_state_that_is_only_compared(uses: list[Use], data: bytes, compared: bool) -> None:
    assert migration.state_is_compared_only(of_file(data), lost(*uses)) is compared


@pytest.mark.parametrize(
    ("uses", "guards"),
    [
        ([use("store", "true"), use("read"), use("store", "false")], True),
        ([use("store", "1"), use("store", "0")], True),
        ([use("store", "true"), use("store", "1"), use("store", "0")], True),
        ([use("store", "false"), use("store", "true")], False),
        ([use("store", "0")], False),
        ([use("store", "n"), use("store", "0")], False),
        ([use("change"), use("store", "0")], False),
        ([use("address", "1"), use("store", "0")], False),
        ([use("store", "1"), use("store", "0", function="vat_stop")], False),
        ([], False),
    ],
)
def test_state_that_guards_one_function(uses: list[Use], guards: bool) -> None:
    assert migration.state_guards_one_function(of_file(), lost(*uses)) is guards


def test_what_state_predicates_ask_is_lost_state() -> None:
    other = Observation("state-not-migrated", "", Span("a.c", 0, 1), "k", {"member": "level"})
    for ask in (
        migration.state_is_derived,
        migration.state_is_compared_only,
        migration.state_guards_one_function,
        migration.contents_of_buffer,
    ):
        assert ask(of_file(), other) is False


@pytest.mark.parametrize(
    ("path", "name", "outlives", "host"),
    [
        ("hw/rtc/vat.c", "count", True, False),
        ("/rtc/hw/misc/vat.c", "count", False, False),
        ("hw/misc/vat.c", "rtc_count", True, False),
        ("hw/misc/VAT-RTC.c", "count", True, False),
        ("hw/misc/vat.c", "RTC", True, False),
        ("hw/misc/vat.c", "count", False, False),
        ("hw/vfio/vat.c", "count", False, True),
        ("vfio/hw/misc/vat.c", "count", False, False),
        ("hw/misc/vat.c", "warned", False, True),
        ("hw/misc/XEN.c", "count", False, True),
    ],
)
def test_state_by_the_names_of_file_and_member(path: str, name: str, outlives: bool, host: bool) -> None:
    named = Observation("state-not-reset", "", Span("a.c", 0, 1), "k", {"member": name})
    assert migration.state_outlives_reset(of_file(path=path), named) is outlives
    assert migration.state_serves_the_host(of_file(path=path), named) is host


@pytest.mark.parametrize(
    ("name", "array", "buffer"),
    [
        ("buf", True, True),
        ("rx.buf", True, True),
        ("rx_FIFO", True, True),
        ("buf.count", True, False),
        ("bufs", True, False),
        ("buf", False, False),
    ],
)
def test_the_contents_of_buffers(name: str, array: bool, buffer: bool) -> None:
    one = Forgotten("Vat", name, cast(FunctionText, None), (), array)
    seen = Observation("state-not-reset", "", Span("a.c", 0, 1), "k", {"member": name}, subject=one)
    assert migration.contents_of_buffer(of_file(), seen) is buffer


def test_devices_that_block_migration() -> None:
    assert migration.device_blocks_migration(of_file(b"migrate_add_blocker(&v->reason)"), lost())
    assert not migration.device_blocks_migration(of_file(b"migrate_del_blocker(&v->reason)"), lost())


def test_needed_of_a_nested_description() -> None:
    span = Span("a.c", 0, 1)

    def described(variable: str, needed: str = "", *nested: str) -> Description:
        fields = tuple(cast(VMField, SimpleNamespace(vmsd=one)) for one in nested)
        callbacks = {"needed": needed} if needed else {}
        rest = (True, True, span, span)
        return Description(variable, "vat", "a.c", span, "1", "0", False, fields, (), callbacks, (), *rest)

    def asked(what: str, nested: str) -> bool:
        others = (described("vmstate_pot"), described("vmstate_tub", "", "vmstate_lid", nested))
        file = cast(AnalysedFile, SimpleNamespace(once=lambda key: others))
        one = described("vmstate_vat", "vat_needed")
        seen = Observation("vmstate-shape", "", span, "k", {"what": what}, subject=one)
        return migration.needed_is_not_asked(file, seen)

    assert asked("vat_needed()", "vmstate_vat")
    assert not asked("vat_needed()", "vmstate_pot")
    assert not asked("vat_pre_save()", "vmstate_vat")


def test_members_that_keep_the_address_of_a_freed_error() -> None:
    def freeing(behind: str, before: str = "") -> str:
        return f"    {before}error_free(v->err);\n    {behind}"

    head = "static void {}(Vat *v, Vat *w)"
    judge(
        "released-object",
        functions(
            head,
            {
                "vat_out_taken": freeing("vat_free(v);"),
                "vat_g_taken": freeing("g_clear(v);"),
                "vat_number_taken": freeing("g_clear(3, v);"),
                "vat_gx_left": freeing("xg_clear(v);"),
                "vat_other_left": freeing("vat_free(w);"),
                "vat_work_left": freeing("vat_work(v);"),
                "vat_first_left": freeing("", "vat_free(v);\n    "),
                "vat_member_left": freeing("vat_free(v->next);"),
                "vat_nothing_left": freeing(""),
            },
        ),
    )
    judge("ended-object", functions(head, {"vat_free_taken": freeing(""), "vat_drain_left": freeing("")}))
    used = (
        "    Error *err = NULL;\n\n    if (!vat_check(v, &err)) {\n        error_report_err(err);\n"
        "        vat_note(error_get_pretty(err));\n        vat_free(v);\n    }"
    )
    for ident in ("released-object", "ended-object", "blocker-reason"):
        judge(ident, functions(head, {"vat_free_left": used}))
    blocks = "void vat_block(Vat *v)\n{\n    migrate_%s_blocker(&v->%s, NULL);\n}\n"
    row = ROWS["blocker-reason"]
    plain = VAT + functions(head, {"vat_x": freeing("vat_work(v);"), "vat_y": freeing("")})
    assert observed(row, plain)[0] == set()
    assert "vat_x" in observed(row, plain)[1]
    assert "vat_x" in observed(row, plain + blocks % ("add", "err"))[0]
    assert "vat_x" in observed(row, plain + blocks % ("del", "err"))[0]
    assert observed(row, plain + blocks % ("add", "error"))[0] == set()
    assert observed(row, plain + blocks % ("move", "err"))[0] == set()


def test_calls_without_which_the_rest_works() -> None:
    def dropped(call: str, before: str = "", behind: str = "vat_work(v);") -> str:
        return f"    {before}vat_{call};\n    {behind}\n"

    heads = "".join(
        f"int vat_{name}(Vat *v, Error **errp);\n"
        for name in ("init_it", "note", "setup_it", "to_x", "unset_to")
    )
    head = "static void {}(Vat *v, Error **errp)"
    row = ROWS["dispensable-call"]

    def taken(body: str, name: str = "vat_run") -> bool:
        took, found = observed(row, VAT + heads + functions(head, {name: body}))
        assert took | found == {name}
        return name in took

    assert taken(dropped("note(v, NULL)"))
    assert not taken(dropped("init_it(v, NULL)"))
    assert not taken(dropped("setup_it(v, NULL)"))
    assert not taken(dropped("init_it(v, NULL)", behind="for (;;) {\n        vat_work(v);\n    }"))
    # By its name it takes back what was set.
    assert taken(dropped("unset_to(v, NULL)"))
    # It restores what was, or the function takes something down, or a failure has been met or follows.
    assert taken(dropped("init_it(v, NULL)", "vat_init_it(v, NULL);\n    ", ""))
    assert taken(dropped("init_it(v, NULL)"), "vat_free")


@pytest.mark.parametrize(
    ("call", "taken"),
    [
        ("exit(0)", True),
        ("exit(EXIT_SUCCESS)", True),
        ("exit ( 0 )", True),
        ("exit(1)", False),
        ("exit(01)", False),
        ("exit(EXIT_FAILURE)", False),
    ],
)
def test_exits_that_are_no_failure(call: str, taken: bool) -> None:
    name = "vat_taken" if taken else "vat_left"
    judge(
        "successful-exit",
        functions(VOID, {name: (f"    if (n) {{\n        {call};\n    }}\n    vat_heat(v, errp);")}),
    )


def test_exits_behind_an_error() -> None:
    exits = "    if (n) {\n        %sexit(1);\n    }\n    vat_heat(v, errp);"
    judge(
        "exit-after-error",
        functions(
            VOID,
            {
                "set_taken": exits % 'error_setg(errp, "x");\n        ',
                "unset_left": exits % "",
                "printed_left": exits % 'error_report("x");\n        ',
            },
        ),
    )


def visit_at(
    form: str = "exit", text: bytes = b"", at: bytes = b"exit", **more: object
) -> tuple[AnalysedFile, Observation]:
    """The observation of a place that a guest reaches, in a file of this text."""
    start = text.index(at)
    span = Span("hw/misc/vat.c", start, text.index(b";", start))
    line = " ".join(text[span.start : span.end].decode().split())
    unit = SimpleNamespace(
        data=text,
        path="hw/misc/vat.c",
        text=SimpleNamespace(on_one_line=lambda _: line),
        scope=SimpleNamespace(is_macro=lambda name: name == "DPRINT"),
    )
    entry = SimpleNamespace(table=more.get("table"), writes=False)
    decisions = more.get("decisions", ())
    found = SimpleNamespace(decisions=decisions, function=more.get("function"))
    subject = object.__new__(GuestVisit)
    for name, value in (("entry", entry), ("visit", found)):
        object.__setattr__(subject, name, value)
    seen = Observation("guest-abort", "vat_write", span, "k", {"form": form}, subject=subject)
    return cast(AnalysedFile, SimpleNamespace(unit=unit)), seen


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (b"exit(0);", True),
        (b"exit(EXIT_SUCCESS);", True),
        (b"exit(value);", True),
        (b"exit((value << 1) | 1);", True),
        (b"exit( 0 );", True),
        (b"exit(1);", False),
        (b"exit(EXIT_FAILURE);", False),
        (b"exit(VAT_CODE);", False),
    ],
)
def test_exits_that_the_guest_asks_for(text: bytes, asked: bool) -> None:
    assert guest.exit_was_asked_for(*visit_at(text=text)) is asked
    assert not guest.exit_was_asked_for(*visit_at(text=b"abort();", at=b"abort"))


@pytest.mark.parametrize(
    ("text", "form", "unreachable"),
    [
        (b"/* never */\n    g_assert();", "unreachable", True),
        (b"// never\n    g_assert();", "unreachable", True),
        (b"/* never */\n\n    g_assert();", "unreachable", True),
        (b"/* never */\n    f(); g_assert();", "unreachable", False),
        (b"/* never */\n    f();\n    g_assert();", "unreachable", False),
        (b"    g_assert();", "unreachable", False),
        (b"/* never */\n    g_assert();", "exit", False),
        (b"/* never */" + b" " * 500 + b"\n g_assert();", "unreachable", False),
    ],
)
def test_comments_that_say_that_a_place_is_not_reached(text: bytes, form: str, unreachable: bool) -> None:
    file, seen = visit_at(form, text, b"g_assert")
    assert guest.comment_says_unreachable(file, seen) is unreachable

    def table(accepts: object) -> SimpleNamespace:
        return SimpleNamespace(
            value=SimpleNamespace(get=lambda *path: accepts if path == ("valid", "accepts") else None)
        )

    file, seen = visit_at(form, text, b"g_assert", table=table(None))
    assert guest.comment_says_unreachable(file, seen) is unreachable
    file, seen = visit_at(form, text, b"g_assert", table=table("f"))
    assert not guest.comment_says_unreachable(file, seen)


@pytest.mark.parametrize(
    ("above", "debug"),
    [
        (b"#ifdef DEBUG_VAT\n", True),
        (b"#if defined(VAT_DEBUG)\n", True),
        (b"#ifndef DEBUG_VAT\n", False),
        (b"#ifdef CONFIG_VAT\n", False),
        (b"#ifdef DEBUG_VAT\n#endif\n", False),
        (b"#ifdef DEBUG_VAT\n#else\n", False),
        (b"#ifdef CONFIG_VAT\n#elif defined(DEBUG_VAT)\n", True),
        (b"#ifdef DEBUG_VAT\n#elif defined(CONFIG_VAT)\n", False),
        (b"#ifdef DEBUG_VAT\n#ifdef CONFIG_VAT\n", True),
        (b"#ifdef DEBUG_VAT\n#ifdef CONFIG_VAT\n#endif\n", True),
        (b"#ifdef CONFIG_VAT\n#ifdef DEBUG_VAT\n#endif\n", False),
        (b"#endif\n#ifdef DEBUG_VAT\n", True),
        (b"#else\n  # ifdef DEBUG_VAT\n", True),
        (b"#ifdef VAT_TALKS\n", True),
        (b"#if VAT_LEVEL > 3\n", False),
    ],
)
def test_places_that_are_built_with_a_debug_switch_only(above: bytes, debug: bool) -> None:
    assert guest.stands_under_debug_switch(*visit_at(text=above + b"printf(x);", at=b"printf")) is debug
    behind = b"printf(x);\n" + above
    assert not guest.stands_under_debug_switch(*visit_at(text=behind, at=b"printf"))


def test_calls_that_are_arguments_of_a_macro() -> None:
    for text, inside in (
        (b"DPRINT(printf(x));", True),
        (b"DPRINT ( printf(x));", True),
        (b"f(printf(x));", False),
        (b"DPRINT(1); printf(x);", False),
    ):
        assert guest.stands_in_a_macro(*visit_at(text=text, at=b"printf")) is inside


def test_flags_that_switch_messages_on() -> None:
    for path, debug in (("s->debug", True), ("vatDebug", True), ("s->mode", False)):
        decision = SimpleNamespace(reads=frozenset({"n", path}), known=False)
        assert (
            guest.debug_flag_decides(*visit_at(text=b"printf(x);", at=b"printf", decisions=(decision,)))
            is debug
        )
    assert not guest.debug_flag_decides(*visit_at(text=b"printf(x);", at=b"printf"))


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("hw/misc/pc-testdev.c", True),
        ("hw/testdev/vat.c", False),
        ("testdev.c", True),
        ("hw/misc/vat.c", False),
    ],
)
def test_devices_by_the_name_of_their_file(path: str, tests: bool) -> None:
    seen = Observation("guest-print", "vat_write", Span(path, 0, 1), "k")
    assert guest.device_is_for_tests(of_file(path=path), seen) is tests


def test_an_exit_is_no_way_of_returning() -> None:
    """What the exemptions say of returns says nothing of an end of the process."""
    exits = "    if (n) {\n        exit(1);\n    }\n    return %s;"
    slot = "static const VatOps vat_ops = {\n    .run = run_left,\n};\n"
    judge("silent-slot", functions(INT, {"run_left": exits % "vat_fill(v, errp)"}) + slot)
    judge("question", functions(BOOL, {"vat_is_left": exits % "vat_check(v, errp)"}))
    judge("propagated-error", functions(INT, {"vat_left": exits % "vat_fill(v, errp)"}))
    judge("help-request", functions(INT, {"vat_left": exits % "vat_fill(v, errp)"}))
    judge(
        "shared-return", functions(VOID, {"vat_left": (exits % "").replace("return ;", "vat_heat(v, errp);")})
    )
    documented = "/* Fails without an error. */\n"
    judge("documented-failure", documented + functions(INT, {"vat_left": exits % "vat_fill(v, errp)"}))


def test_a_truth_that_is_made_of_a_status() -> None:
    def made(name: str, value: str, test: str = "{0}") -> str:
        return (
            f"    int {name} = vat_count(v);\n    if ({test.format(name)}) {{\n"
            f"        v->level = 0;\n    }}\n"
            f"    return {value.format(name)};"
        )

    judge(
        "usual-false",
        functions(
            BOOL,
            {
                "negated_left": made("ret", "!{0}"),
                "numbered_left": made("ret2", "!{0}"),
                "compared_left": made("rc", "{0} == 0", "{0} < 0"),
                "number_taken": made("count", "!{0}"),
            },
        ),
    )


def test_an_error_that_goes_with_a_status() -> None:
    row = ROWS["error-of-status"]

    def taken(test: str, head: str) -> bool:
        body = (
            f"    if ({test}) {{\n        error_report_err(err);\n        return;\n    }}\n    v->level = 0;"
        )
        took, found = observed(row, f"{VAT}static void vat({head}, Error *err)\n{{\n{body}\n}}\n")
        assert took | found == {"vat"}
        return "vat" in took

    for kind in ("int", "bool", "unsigned", "size_t", "ssize_t", "int64_t", "uint32_t", "off_t", "long"):
        assert taken("ret", f"Vat *v, {kind} ret"), kind
    assert taken("ret < 0", "Vat *v, int ret")
    assert not taken("v->open", "Vat *v, int ret")
    assert not taken("w", "Vat *v, Vat *w")
    assert not taken("w", "Vat *v, interval w")


def test_what_is_filled_has_a_value_before() -> None:
    def reading(where: str, before: str) -> str:
        call = f"xen_host_pci_get_byte(v->host, 4, {where});"
        return f"    uint8_t now;\n    uint8_t level = 0;\n\n    {before}\n    {call}"

    judge(
        "default-stays",
        "int xen_host_pci_get_byte(XenHostPCIDevice *d, int pos, uint8_t *value);\n"
        + functions(
            VOID,
            {
                "local_taken": reading("&level", ""),
                "unset_left": reading("&now", ""),
                "compared_left": reading("&now", "now == n;"),
                "member_left": reading("&v->level", "v->level = 3;"),
            },
        ),
    )


def test_regions_that_are_asked_first() -> None:
    text = "static uint64_t vat_read(void *opaque, hwaddr at, unsigned size)\n{\n    return 1;\n}\n"
    table = "static const MemoryRegionOps vat_ops = {\n    .read = vat_read,\n    .valid.accepts = %s,\n};\n"
    body = '    memory_region_init_io(&v->mem, v, &vat_ops, v, "vat", 8);'
    for accepts, taken in (("vat_accepts", True), ("NULL", False)):
        took, found = observed(ROWS["accepts"], text + table % accepts + functions(VOID, {"vat_start": body}))
        assert (bool(took), bool(found)) == (taken, not taken)


def test_cleanup_that_only_fails() -> None:
    def undo(name: str, returned: str) -> str:
        return f"static int {name}(Vat *v)\n{{\n    vat_work(v);\n    return {returned};\n}}\n"

    def starting(cleanup: str) -> str:
        return (
            "    int ret = vat_fill(v, NULL);\n\n    if (ret < 0) {\n        goto fail;\n    }\n"
            f"    return 0;\nfail:\n    ret = {cleanup}(v);\n    return ret;"
        )

    returned = {"fails_taken": "-1", "works_left": "0", "named_left": "VAT_SHUT"}
    judge(
        "cleanup-fails",
        "".join(undo(f"vat_undo_{number}", value) for number, value in enumerate(returned.values()))
        + functions(
            "static int {}(Vat *v)",
            {name: starting(f"vat_undo_{number}") for number, name in enumerate(returned)},
        ),
    )


@pytest.mark.parametrize(
    ("text", "taken", "wanted"),
    [
        ("v", True, ("v", True)),
        ("v == 0", True, ("v", False)),
        ("v == NULL ", False, ("v", True)),
        ("v != 0", True, ("v", True)),
        (" v->next != NULL", False, ("v->next", False)),
        ("v != 3", True, ("v != 3", True)),
        ("v != 0 && n", True, ("v != 0 && n", True)),
    ],
)
def test_a_condition_without_its_comparison_with_nothing(
    text: str, taken: bool, wanted: tuple[str, bool]
) -> None:
    assert without_zero(text, taken) == wanted
