# SPDX-License-Identifier: GPL-2.0-or-later
"""The edits of the form rules, on texts: what comes out, and which fixes are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from single import report_of

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.located import Resolver
from qerrlint.model.program import Program
from qerrlint.result import Place, Reported, ReportedEdit, ReportedFix
from qerrlint.review.fixes.fixed_files import BRINGS, DAMAGES, OVERLAPS, FixedFile, fix_files, unified
from qerrlint.review.report_model import as_reported
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

RULES = load_rules()
FORM = ("error-message-form", "redundant-error-code")
HEAD = """\
typedef struct Lamp { const char *name; Error *last; } Lamp;
bool lamp_lit(Lamp *lamp, Error **errp);
int lamp_dim(Lamp *lamp, int by, Error **errp);
void lamp_off(Lamp *lamp, Error **errp);
"""


def found_in(text: str) -> list[Reported]:
    data = text.encode()
    resolver = Resolver(Program(OverlaySource(EmptySource(), {"a.c": data}), reach="patch"))
    return [
        as_reported(resolver.locate(finding, "advice"))
        for finding in report_of("a.c", data, RULES).findings
        if finding.rule in FORM
    ]


def fixed(text: str, found: list[Reported] | None = None) -> FixedFile:
    source = OverlaySource(EmptySource(), {"a.c": text.encode()})
    (file,) = fix_files(source, found_in(text) if found is None else found, RULES, "patch")
    return file


def function(body: str, errp: bool = True) -> str:
    parameters = "Lamp *lamp, Error **errp" if errp else "Lamp *lamp"
    return f"{HEAD}\nbool lamp_check({parameters})\n{{\n{body}    return true;\n}}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('error_setg(errp, "no oil.\\n");', 'error_setg(errp, "no oil");'),
        ('error_setg(errp, "no "\n               "oil.");', 'error_setg(errp, "no "\n               "oil");'),
        ('error_setg(errp, "Error: no oil");', 'error_setg(errp, "no oil");'),
        (
            'error_setg(errp, "%s: no oil in %s", __func__, lamp->name);',
            'error_setg(errp, "no oil in %s", lamp->name);',
        ),
        (
            'error_setg(errp, "%s: no oil",\n               __func__);',
            'error_setg(errp, "no oil");',
        ),
        (
            'error_setg(errp, "no oil in %s: %s",\n               lamp->name, strerror(-ret));',
            'error_setg_errno(errp, -ret, "no oil in %s",\n                     lamp->name);',
        ),
        (
            'lamp_lit(lamp, errp);\n    error_prepend(errp, "lamp");',
            'lamp_lit(lamp, errp);\n    error_prepend(errp, "lamp: ");',
        ),
        (
            'lamp_lit(lamp, errp);\n    error_append_hint(errp, "Oil?");',
            'lamp_lit(lamp, errp);\n    error_append_hint(errp, "Oil?\\n");',
        ),
    ],
)
def test_message_texts_are_mended(before: str, after: str) -> None:
    guard = "    ERRP_GUARD();\n" if "pend" in before else ""
    file = fixed(function(f"{guard}    {before}\n"))
    assert file.new.decode() == function(f"{guard}    {after}\n")
    assert file.mended
    assert not file.refused
    assert not found_in(file.new.decode())


@pytest.mark.parametrize(
    "call",
    [
        'error_setg(errp, "no oil in %d lamps, %s, at all", 3, strerror(errno));',
        'error_setg(errp, "%s", __func__);',
        'error_setg(errp, "no oil" "\\n");',
    ],
)
def test_what_is_not_mechanical_has_no_fix(call: str) -> None:
    (found,) = found_in(function(f"    {call}\n"))
    assert found.fixes == ()


def test_null_checks_go() -> None:
    before = function(
        "    if (lamp->last) {\n        error_free(lamp->last);\n    }\n    lamp->last = NULL;\n", False
    )
    after = function("    error_free(lamp->last);\n    lamp->last = NULL;\n", False)
    assert fixed(before).new.decode() == after


def test_a_check_with_a_comment_in_it_is_left_to_people() -> None:
    text = function("    if (lamp->last) { /* old */\n        error_free(lamp->last);\n    }\n", False)
    (found,) = found_in(text)
    assert (found.rule, found.fixes) == ("redundant-error-code", ())


def test_a_guard_goes_with_its_blank_line() -> None:
    body = '    error_setg(errp, "no oil");\n'
    assert fixed(function(f"    ERRP_GUARD();\n\n{body}")).new.decode() == function(body)


def test_a_local_error_goes_whole() -> None:
    before = (
        "    Error *err = NULL;\n    int ret;\n\n"
        "    lamp_lit(lamp, &err);\n    if (err) {\n        error_propagate(errp, err);\n"
        "        return false;\n    }\n"
        "    if (!lamp_lit(lamp, &err)) {\n        error_propagate(errp, err);\n"
        "        return false;\n    }\n"
        "    ret = lamp_dim(lamp,\n                   3, &err);\n    if (ret < 0) {\n"
        "        error_propagate(errp, err);\n        return false;\n    }\n"
    )
    after = (
        "    int ret;\n\n"
        "    if (!lamp_lit(lamp, errp)) {\n        return false;\n    }\n"
        "    if (!lamp_lit(lamp, errp)) {\n        return false;\n    }\n"
        "    ret = lamp_dim(lamp,\n                   3, errp);\n"
        "    if (ret < 0) {\n        return false;\n    }\n"
    )
    assert len(found_in(function(before))) == 3
    assert fixed(function(before)).new.decode() == function(after)


def test_a_block_that_would_be_empty_goes_with_its_test() -> None:
    before = (
        "    Error *err = NULL;\n    int ret = lamp_dim(lamp, 3, &err);\n\n"
        "    if (ret < 0) {\n        error_propagate(errp, err);\n    }\n"
    )
    assert fixed(function(before)).new.decode() == function("    int ret = lamp_dim(lamp, 3, errp);\n\n")


def test_an_error_that_is_only_carried_is_put_where_it_belongs() -> None:
    before = (
        "    Error *err = NULL;\n\n    if (!lamp->name) {\n"
        '        error_setg(&err, "no name");\n        goto out;\n    }\n'
        "    lamp_off(lamp, &err);\nout:\n    error_propagate(errp, err);\n"
    )
    after = (
        '    if (!lamp->name) {\n        error_setg(errp, "no name");\n        goto out;\n    }\n'
        "    lamp_off(lamp, errp);\nout:\n"
    )
    assert fixed(function(before)).new.decode() == function(after)


def edited(text: str, *edits: tuple[str, str]) -> Reported:
    """A finding whose one fix puts texts in the place of others."""
    (found, *_) = found_in(text)
    placed = []
    for old, new in edits:
        start = text.index(old)
        line, column = text.count("\n", 0, start) + 1, start - (text.rfind("\n", 0, start) + 1) + 1
        placed.append(ReportedEdit(Place("a.c", line, column, line, column + len(old)), new))
    return replace(found, fixes=(ReportedFix("try it", tuple(placed)),))


SAMPLE = function('    error_setg(errp, "no oil.");\n    lamp_off(lamp, NULL);\n')


def test_a_fix_that_overlaps_another_is_refused() -> None:
    first = edited(SAMPLE, ('oil.");', 'oil");'))
    other = edited(SAMPLE, ('no oil."', '"oil"'))
    file = fixed(SAMPLE, [first, other])
    assert file.mended == (first,)
    assert [(r.found, r.reason) for r in file.refused] == [(other, OVERLAPS)]
    assert file.new.decode() == SAMPLE.replace("oil.", "oil")


def test_equal_fixes_are_one() -> None:
    found = edited(SAMPLE, ('oil.");', 'oil");'))
    file = fixed(SAMPLE, [found, replace(found, message="another")])
    assert len(file.mended) == 2
    assert not file.refused


@pytest.mark.parametrize("new", ["((", "}", ""])
def test_a_fix_that_leaves_no_c_is_refused(new: str) -> None:
    bad, good = (
        edited(SAMPLE, ("lamp_off(lamp, NULL", new + "lamp_offlamp")),
        edited(SAMPLE, ('oil."', 'oil"')),
    )
    file = fixed(SAMPLE, [bad, good])
    assert [r.reason for r in file.refused] == [DAMAGES]
    assert file.mended == (good,)


def test_a_fix_outside_of_functions_is_refused() -> None:
    file = fixed(SAMPLE, [edited(SAMPLE, ("int lamp_dim", "bool lamp_dim"))])
    assert [r.reason for r in file.refused] == [DAMAGES]
    assert file.new == file.old


def test_a_fix_that_brings_a_finding_is_refused_and_the_others_are_made() -> None:
    bad = edited(SAMPLE, ("lamp_off(lamp, NULL)", 'error_setg(errp, "again")'))
    good = edited(SAMPLE, ('oil."', 'oil"'))
    file = fixed(SAMPLE, [bad, good])
    assert [(r.found, r.reason) for r in file.refused] == [(bad, f"{BRINGS} (error-set-twice)")]
    assert file.mended == (good,)
    assert file.new.decode() == SAMPLE.replace("oil.", "oil")


def test_a_suppressed_finding_is_not_mended() -> None:
    found = [replace(item, suppressed="as it is") for item in found_in(SAMPLE)]
    source = OverlaySource(EmptySource(), {"a.c": SAMPLE.encode()})
    assert list(fix_files(source, found, RULES, "patch")) == []


def test_the_diff_says_where_a_last_newline_is_missing() -> None:
    lines = b"".join(unified([FixedFile("a.c", b"x\ra\nb", b"x\ra\nc", (), ())]))
    no_end = b"\\ No newline at end of file\n"
    assert lines == (b"--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n x\ra\n-b\n" + no_end + b"+c\n" + no_end)


# What is missing: the guard, a return, an initial NULL.


def mended_by(text: str, rule: str) -> FixedFile:
    data = text.encode()
    resolver = Resolver(Program(OverlaySource(EmptySource(), {"a.c": data}), reach="patch"))
    found = [
        as_reported(resolver.locate(finding, "advice"))
        for finding in report_of("a.c", data, RULES).findings
        if finding.rule == rule
    ]
    assert found
    if not any(item.fixes for item in found):
        return FixedFile("a.c", data, data, (), ())
    return fixed(text, found)


@pytest.mark.parametrize(
    ("first", "guard"),
    [
        ("    bool lit;\n\n", "    ERRP_GUARD();\n    bool lit;\n\n"),
        ("    Lamp *other = lamp;\n", "    ERRP_GUARD();\n    Lamp *other = lamp;\n"),
        (
            "    const char *name =\n        lamp->name;\n",
            "    ERRP_GUARD();\n    const char *name =\n        lamp->name;\n",
        ),
        ("", "    ERRP_GUARD();\n\n"),
        ("    lamp_dim(lamp, 1, NULL);\n", "    ERRP_GUARD();\n\n    lamp_dim(lamp, 1, NULL);\n"),
    ],
)
def test_the_guard_is_inserted_above_declarations(first: str, guard: str) -> None:
    body = (
        "    if (!lamp_lit(lamp, errp)) {\n"
        '        error_prepend(errp, "lamp: ");\n'
        '        error_append_hint(errp, "Oil?\\n");\n'
        "        return false;\n    }\n"
    )
    file = mended_by(function(first + body), "unguarded-error-prepend")
    assert file.new.decode() == function(guard + body)
    assert len(file.mended) == 2, "one guard for both"


def test_two_rules_that_want_the_guard_get_one() -> None:
    text = function(
        "    lamp_off(lamp, errp);\n    if (*errp) {\n"
        '        error_prepend(errp, "lamp: ");\n        return false;\n    }\n'
    )
    data = text.encode()
    resolver = Resolver(Program(OverlaySource(EmptySource(), {"a.c": data}), reach="patch"))
    found = [
        as_reported(resolver.locate(finding, "advice"))
        for finding in report_of("a.c", data, RULES).findings
        if finding.rule in ("unguarded-error-prepend", "unguarded-errp-dereference")
    ]
    assert len({item.rule for item in found}) == 2
    file = fixed(text, found)
    assert file.new.count(b"ERRP_GUARD();") == 1
    assert not file.refused


def test_no_guard_where_the_parameter_has_another_name() -> None:
    text = function('    lamp_lit(lamp, errp);\n    error_prepend(errp, "a: ");\n').replace("errp", "errorp")
    assert mended_by(text, "unguarded-error-prepend").new == text.encode()


def void(body: str) -> str:
    return f"{HEAD}\nvoid lamp_set(Lamp *lamp, int by, Error **errp)\n{{\n{body}}}\n"


TWICE = """\
    if (by > 9) {
        error_setg(errp, "far too dark");
        return;
    }
    lamp->last = NULL;
"""
SEVERAL_LINES = """\
    if (by > 3 &&
        lamp->last) {
        error_setg(errp, "too %d",
                   by);
    }
"""
ELSE_IF = """\
    if (by < 0) {
        by = 0;
    } else if (by > 3) {
        error_setg(errp, "too dark");
    }
"""


@pytest.mark.parametrize(
    ("branch", "after"),
    [
        (
            '    if (by > 3) {\n        error_setg(errp, "too dark");\n    }\n',
            '    if (by > 3) {\n        error_setg(errp, "too dark");\n        return;\n    }\n',
        ),
        (SEVERAL_LINES, SEVERAL_LINES.replace("by);\n", "by);\n        return;\n")),
        (ELSE_IF, ELSE_IF.replace('dark");\n', 'dark");\n        return;\n')),
    ],
)
def test_a_missing_return(branch: str, after: str) -> None:
    assert mended_by(void(branch + TWICE), "error-set-twice").new.decode() == void(after + TWICE)


@pytest.mark.parametrize(
    "text",
    [
        # Something else is done in the branch, or there is another one.
        void('    if (by > 3) {\n        error_setg(errp, "too dark");\n        by = 3;\n    }\n' + TWICE),
        void(
            '    if (by > 3) {\n        error_setg(errp, "a");\n    } else {\n        by = 1;\n    }\n'
            + TWICE
        ),
        # No braces to put it into; a function with a result; one that cleans up behind a label.
        void('    if (by > 3)\n        error_setg(errp, "too dark");\n' + TWICE),
        function(
            '    if (lamp->last) {\n        error_setg(errp, "a");\n    }\n    error_setg(errp, "b");\n'
        ),
        void(
            '    if (by > 3) {\n        error_setg(errp, "a");\n    }\n'
            + TWICE
            + "out:\n    lamp->last = NULL;\n"
        ),
        # The first set is that of a callee, whose result is to be tested.
        void("    if (by > 3) {\n        lamp_off(lamp, errp);\n    }\n" + TWICE),
    ],
)
def test_no_return_where_it_is_not_all_that_is_missing(text: str) -> None:
    assert mended_by(text, "error-set-twice").new == text.encode()


def test_a_missing_initial_null() -> None:
    body = (
        "    {0}\n    int ret = 0;\n\n    lamp_lit(lamp, &err);\n"
        "    if (err) {{\n        error_free(err);\n    }}\n"
    )
    before = function(body.format("Error *err;"), False)
    assert mended_by(before, "uninitialized-error").new.decode() == function(
        body.format("Error *err = NULL;"), False
    )
    several = function(body.format("Error *other = NULL, *err;"), False)
    assert mended_by(several, "uninitialized-error").new == several.encode()


def test_a_colon_that_announces_hints_is_no_flaw() -> None:
    colon = '    error_setg(errp, "lamp must be one of:");\n'
    hint = '    error_append_hint(errp, "%s\\n", lamp->name);\n'
    alone = [one for one in found_in(function(colon)) if "colon" in one.message]
    announced = [
        one for one in found_in(function(f"    ERRP_GUARD();\n{colon}{hint}")) if "colon" in one.message
    ]
    assert [len(one.fixes) for one in alone] == [1]
    assert announced == []


def test_a_tree_older_than_the_guard_gets_none() -> None:
    code = function("    lamp_off(lamp, errp);\n    if (*errp) {\n        return false;\n    }\n")
    said = {}
    for header in (b"#define ERRP_GUARD() x\n", b"typedef struct Error Error;\n"):
        files = {"a.c": code.encode(), "include/qapi/error.h": header}
        unit = Program(OverlaySource(EmptySource(), files)).unit("a.c")
        assert unit is not None
        (found,) = (f for f in analyse_unit(unit, RULES).findings if f.rule == "unguarded-errp-dereference")
        said[found.message.partition(":")[0]] = len(found.fixes)
    assert said == {"`*errp` without ERRP_GUARD()": 1, "`*errp` without a local Error": 0}
