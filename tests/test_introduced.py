# SPDX-License-Identifier: GPL-2.0-or-later
"""What a change introduces is what was not there: renamed, split, moved and rewritten code brings nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from qerrlint.result import TreeInfo
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.revision_review import review_change
from qerrlint.review.scope import FilePair
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

FIXTURES = Path(__file__).parent.parent / "fixtures"
HEAD = """\
typedef struct Vane { int angle; bool fixed; } Vane;
int vane_turn(Vane *v, int by, Error **errp);
bool vane_lock(Vane *v, Error **errp);
int vane_read(Vane *v);
void vane_note(Vane *v, int what);
"""
# A second set behind an error_setg(), a success with the Error set, and a failure that sets none.
BODY = """
int vane_start(Vane *v, Error **errp)
{
    int ret;

    if (v->angle > 360) {
        error_setg(errp, "vane: %d is no angle", v->angle);
    }
    ret = vane_turn(v, 3, errp);
    if (ret < 0) {
        return ret;
    }
    if (vane_read(v) < 0) {
        return -EIO;
    }
    return 0;
}
"""
FILE = HEAD + BODY


def statuses(before: Mapping[str, str], after: Mapping[str, str], renamed: str = "") -> dict[str, list[str]]:
    """The rules of the findings by status, of a change; `renamed`: vane.c has this name now."""

    def source(files: Mapping[str, str]) -> OverlaySource:
        return OverlaySource(EmptySource(), {path: text.encode() for path, text in files.items()})

    pairs = [
        FilePair(path if path in before else None, path if path in after else None)
        for path in sorted(before.keys() | after.keys())
    ]
    if renamed:
        pairs = [FilePair("vane.c", renamed)]
    tree = TreeInfo(None, None, "none", "patch")
    result = review_change(source(before), source(after), pairs, ReviewOptions(load_rules()), tree)
    out: dict[str, list[str]] = {"introduced": [], "fixed": [], "persisting": []}
    for found in result.findings:
        out[found.status or ""].append(found.rule)
    return out


def of(before: str, after: str) -> dict[str, list[str]]:
    return statuses({"vane.c": HEAD + before}, {"vane.c": HEAD + after})


def test_the_code_has_three_findings() -> None:
    assert sorted(of("", BODY)["introduced"]) == [
        "error-set-twice",
        "failure-without-error",
        "success-with-error",
    ]


@pytest.mark.parametrize(
    ("what", "after"),
    [
        ("callee", FILE.replace("vane_turn", "vane_rotate")),
        ("callees", FILE.replace("vane_turn", "vane_rotate").replace("vane_read", "vane_fetch")),
        ("variable", FILE.replace("ret ", "status ").replace("ret;", "status;")),
        ("error pointer", FILE.replace("errp", "error_out")),
        ("function", FILE.replace("vane_start", "vane_begin")),
        ("all of them", FILE.replace("vane_", "fan_").replace("ret ", "status ").replace("ret;", "status;")),
        ("blanks", FILE.replace("    ", "\t").replace(", ", ",")),
        ("order of operands", FILE.replace("ret < 0", "0 > ret")),
        ("a comment", FILE.replace("return -EIO;", "return -EIO; /* nobody home */")),
    ],
    ids=lambda value: value if "\n" not in value else "",
)
def test_what_is_renamed_was_there(what: str, after: str) -> None:
    found = statuses({"vane.c": FILE}, {"vane.c": after})
    assert not found["introduced"], what
    assert not found["fixed"]
    assert len(found["persisting"]) == 3


def test_a_renamed_file_with_renamed_functions() -> None:
    after = FILE.replace("vane_", "fan_")
    found = statuses({"vane.c": FILE}, {"fan.c": after}, renamed="fan.c")
    assert not found["introduced"]


def test_a_function_that_is_split() -> None:
    part = """
static int vane_check(Vane *v, Error **errp)
{
    if (vane_read(v) < 0) {
        return -EIO;
    }
    return vane_turn(v, 5, errp);
}
"""
    rest = BODY.replace(
        """    if (vane_read(v) < 0) {
        return -EIO;
    }
    return 0;
""",
        "    return vane_check(v, errp);\n",
    )
    assert "failure-without-error" not in of(BODY, part + rest)["introduced"]


def test_a_function_that_moves_to_another_file_under_another_name() -> None:
    before = {"vane.c": HEAD + BODY, "fan.c": HEAD}
    after = {"vane.c": HEAD, "fan.c": HEAD + BODY.replace("vane_start", "fan_start")}
    found = statuses(before, after)
    assert not found["introduced"]
    assert len(found["persisting"]) == 3


TURNS_TWICE = """
int vane_swing(Vane *v, Error **errp)
{
    vane_turn(v, v->angle, errp);
    return vane_turn(v, 20, errp);
}
"""


def test_a_function_that_moves_to_another_file_with_other_arguments() -> None:
    """Its name stays, and what it calls; who calls it hands over what it looked up before."""
    before = {"vane.c": HEAD + TURNS_TWICE, "fan.c": HEAD}
    moved = (
        TURNS_TWICE.replace("Vane *v,", "Vane *v, int by,").replace("v->angle", "by").replace("20", "by + 2")
    )
    found = statuses(before, {"vane.c": HEAD, "fan.c": HEAD + moved})
    assert (found["introduced"], found["fixed"]) == ([], [])
    assert found["persisting"]


def test_a_function_of_the_name_that_stays_brings_nothing() -> None:
    """The defect is mended in one file, and a function of the same name in another one has it anew."""
    mended = TURNS_TWICE.replace("    vane_turn(v, v->angle, errp);\n", "")
    static = TURNS_TWICE.replace("int vane_swing", "static int vane_swing").replace("20", "30 + 4 * v->angle")
    before = {"vane.c": HEAD + TURNS_TWICE, "fan.c": HEAD}
    found = statuses(before, {"vane.c": HEAD + mended, "fan.c": HEAD + static})
    assert "error-set-twice" in found["introduced"]


def test_a_statement_that_is_written_anew() -> None:
    before = """
int vane_open(Vane *v, Error **errp)
{
    if (!vane_lock(v, errp)) {
        error_setg(errp, "vane: no lock: %d", v->angle);
        return -EIO;
    }
    return 0;
}
"""
    after = before.replace(
        'error_setg(errp, "vane: no lock: %d", v->angle)', 'error_setg_errno(errp, 5, "no lock")'
    )
    found = of(before, after)
    assert not found["introduced"]
    assert found["persisting"] == ["error-set-twice"]


def test_many_functions_are_renamed_at_once() -> None:
    """400 functions, each of them with a finding: no number of them is too large."""
    one = """
int vane_start_{n}(Vane *v, Error **errp)
{{
    if (v->angle > {n}) {{
        vane_note(v, {n});
        return -EIO;
    }}
    return vane_turn(v, {n}, errp);
}}
"""
    before = "".join(one.format(n=n) for n in range(400))
    found = of(before, before.replace("vane_start_", "vane_begin_"))
    assert not found["introduced"]
    assert len(found["persisting"]) == 400


def test_an_old_flaw_on_a_touched_line_persists() -> None:
    before = """
void vane_fail(Vane *v, Error **errp)
{
    error_setg(errp, "vane: angle %d.", v->angle);
}
"""
    found = of(before, before.replace("v->angle", "v->angle + 1"))
    assert not found["introduced"]
    assert of(before, before.replace("angle %d", "Angle of %d"))["introduced"] == []


def test_another_flaw_of_a_text_is_introduced() -> None:
    before = """
void vane_fail(Vane *v, Error **errp)
{
    error_setg(errp, "vane: angle %d.", v->angle);
}
"""
    found = of(before, before.replace('angle %d."', 'angle %d\\n"'))
    assert found["introduced"] == ["error-message-form"]


def test_another_defect_of_the_same_rule_is_introduced() -> None:
    after = BODY.replace(
        "    return 0;\n",
        "    if (!v->fixed) {\n        vane_note(v, 7);\n        return -ENODEV;\n    }\n    return 0;\n",
    )
    found = of(BODY, after)
    assert found["introduced"] == ["failure-without-error"]
    assert len(found["persisting"]) == 3


def test_a_defect_that_goes_does_not_excuse_a_new_one_elsewhere() -> None:
    mended = BODY.replace("        return -EIO;\n", '        error_setg(errp, "no");\n        return -EIO;\n')
    other = """
int vane_stop(Vane *v, Error **errp)
{
    if (v->fixed) {
        return -EBUSY;
    }
    return vane_turn(v, 0, errp);
}
"""
    found = of(BODY, mended + other)
    # The new error_setg() stands behind one that may have set errp.
    assert sorted(found["introduced"]) == ["error-set-twice", "failure-without-error"]
    assert "failure-without-error" in found["fixed"]


def test_the_finding_is_told_at_the_line_that_brings_it_about() -> None:
    """An unchecked call is added in front of an error_setg() that was there: the call is the mistake."""
    before = """
int vane_set(Vane *v, Error **errp)
{
    if (v->angle > 360) {
        error_setg(errp, "vane: %d is no angle", v->angle);
        return -EINVAL;
    }
    return 0;
}
"""
    after = before.replace("{\n    if", "{\n    vane_turn(v, 1, errp);\n    if", 1)
    files = [OverlaySource(EmptySource(), {"vane.c": (HEAD + text).encode()}) for text in (before, after)]
    tree = TreeInfo(None, None, "none", "patch")
    result = review_change(
        files[0], files[1], [FilePair("vane.c", "vane.c")], ReviewOptions(load_rules()), tree
    )
    found = next(found for found in result.findings if found.rule == "error-set-twice")
    assert (found.status, found.relation) == ("introduced", "added-line")
    assert "vane_turn" in found.place.source
    assert (found.steps[-1].message, "error_setg" in found.steps[-1].place.source) == (
        "the defect is here",
        True,
    )


CONSTANT = """
int vane_fix(Vane *v, Error **errp)
{
    if (v->fixed) {
        error_setg_errno(errp, EBUSY, "vane: it is fixed already");
        return -EBUSY;
    }
    return vane_turn(v, 4, errp);
}
"""


def test_a_function_whose_old_name_another_function_gets() -> None:
    """Its lines stay where they are, under a new name; the old one is that of a wrapper."""
    after = CONSTANT.replace("int vane_fix(Vane *v,", "static int vane_fix_once(Vane *v, int by,")
    wrapper = "\nint vane_fix(Vane *v, Error **errp)\n{\n    return vane_fix_once(v, 4, errp);\n}\n"
    found = of(CONSTANT, after.replace("v, 4,", "v, by,") + wrapper)
    assert (found["introduced"], found["persisting"]) == ([], ["wrong-errno"])
    # A second one of the same text is another.
    twice = CONSTANT + CONSTANT.replace("vane_fix", "vane_fix_again")
    assert of(CONSTANT, twice)["introduced"] == ["wrong-errno"]


def test_what_is_said_of_a_whole_function_goes_with_the_part_that_is_split_off() -> None:
    """A reset that keeps its first half under another name, and the rest in a new function."""
    before = (FIXTURES / "state-not-reset/cellos.c").read_text()
    head = "static void viola_reset_bad(DeviceState *dev)\n{"
    split = before.replace(
        head, f"static void viola_setup(DeviceState *dev)\n{{\n    s->ready = true;\n}}\n\n{head}"
    ).replace("viola_reset_bad", "viola_reset")
    after = split.replace("    s->meter = 0;\n", "", 1).replace("s->ready = true;", "s->meter = 0;")
    assert after.count("viola_reset") == 2
    found = statuses({"hw/viola.c": before}, {"hw/viola.c": after})
    assert "state-not-reset" in found["persisting"]
    assert found["introduced"] == []
    # Another member that the new function leaves is news.
    more = after.replace("    s->volume = 0;\n", "", 1)
    assert statuses({"hw/viola.c": before}, {"hw/viola.c": more})["introduced"] == ["state-not-reset"]


def test_another_slot_of_the_features_is_asked_at_loading_too() -> None:
    after = (FIXTURES / "state-not-migrated/carillons.c").read_text()
    before = after.replace("set_features_ex", "set_features")
    assert before != after
    found = statuses({"hw/carillon.c": before}, {"hw/carillon.c": after})
    assert found["introduced"] == []


# Three calls that hand on one Error, of which none is looked at: one mistake, told at the second call.
CHAIN = """
void vane_raise(Vane *v, Error **errp)
{
    vane_turn(v, 1, errp);
    vane_note(v, 1);
    vane_turn(v, 2, errp);
    vane_note(v, 2);
    vane_turn(v, 3, errp);
    vane_note(v, 3);
}
"""
SECOND = "    vane_turn(v, 2, errp);\n    vane_note(v, 2);\n"


def test_a_call_that_is_put_into_a_chain_repairs_nothing() -> None:
    before = CHAIN.replace(SECOND, "")
    found = of(before, CHAIN)
    assert "error-set-twice" in found["introduced"]
    assert found["fixed"] == []


def test_a_call_that_goes_from_a_chain_introduces_nothing() -> None:
    found = of(CHAIN, CHAIN.replace(SECOND, ""))
    assert found["introduced"] == []
    assert "error-set-twice" in found["persisting"]


def test_a_chain_that_is_cut_is_repaired() -> None:
    returned = "    if (vane_turn(v, {0}, errp) < 0) {{\n        return;\n    }}\n"
    after = CHAIN
    for number in (1, 2, 3):
        after = after.replace(f"    vane_turn(v, {number}, errp);\n", returned.format(number))
    found = of(CHAIN, after)
    assert "error-set-twice" in found["fixed"]
    assert found["introduced"] == []


UNCHECKED = """
void vane_raise(Vane *v, Error **errp)
{
    vane_lock(v, errp);
    vane_note(v, 1);
}
"""
SET_AGAIN = UNCHECKED.replace("    vane_note(v, 1);\n", "    vane_note(v, 1);\n    vane_turn(v, 3, errp);\n")


def test_a_second_set_behind_an_unchecked_call_repairs_nothing() -> None:
    found = of(UNCHECKED, SET_AGAIN)
    assert "error-set-twice" in found["introduced"]
    assert found["fixed"] == []


def test_an_unchecked_call_was_there_where_its_second_set_goes() -> None:
    found = of(SET_AGAIN, UNCHECKED)
    assert found["introduced"] == []
    assert "error-set-twice" in found["fixed"]
    assert "unchecked-call" in found["persisting"]
