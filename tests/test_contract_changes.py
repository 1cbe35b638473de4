# SPDX-License-Identifier: GPL-2.0-or-later
"""The contracts that a change alters, with the callers that it leaves as they were."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from commandline import TREE, git, review_of_demo, run, scratch_repository

QUARTZ, HEADER, VIREO = "hw/timer/quartz.c", "include/hw/timer/quartz.h", "hw/arm/vireo.c"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return scratch_repository(tmp_path / "qemu")


def change(top: Path, path: str, old: str, new: str) -> None:
    text = (top / path).read_text()
    assert old in text
    (top / path).write_text(text.replace(old, new))


def contracts(top: Path) -> dict[str, dict[str, Any]]:
    found = run("diff", "--tree", top, "--format", "json").document["contracts"]
    return {one["name"]: one for one in found}


def test_a_signature_and_its_callers(top: Path) -> None:
    for path in (QUARTZ, HEADER):
        change(top, path, "int quartz_apply_rate(", "bool quartz_apply_rate(")
    change(top, QUARTZ, "return -EDOM;", 'error_setg(errp, "slow");\n        return false;')
    change(top, QUARTZ, "quartz_apply_rate(s, hz, errp) < 0", "!quartz_apply_rate(s, hz, errp)")
    (one,) = contracts(top).values()
    assert (one["name"], one["path"]) == ("quartz_apply_rate", QUARTZ), "the definition, not the prototype"
    assert one["changes"] == ["now returns bool instead of int", "now sets an Error"]
    assert one["callers"] == 2
    (left,) = one["not_updated"]
    assert (left["path"], left["function"]) == (VIREO, "vireo_start_clock")
    lines = (top / VIREO).read_text().splitlines()
    assert "vireo_start_clock" in lines[left["line"] - 1]
    call = "quartz_apply_rate(&s->quartz, s->clock_hz, errp)"
    change(top, VIREO, f"{call} < 0", f"!{call}")
    assert contracts(top)["quartz_apply_rate"]["not_updated"] == []
    text = run("diff", "--tree", top, "--fail-on", "never").out
    assert text.startswith("contract changes\n")
    assert "() now returns bool instead of int, now sets an Error; 2 callers, all updated" in text
    assert "contract changes" not in run("diff", "--tree", top, "--quiet").out


def test_a_new_errp_is_no_other_parameter(top: Path) -> None:
    for path in (QUARTZ, HEADER):
        change(top, path, "quartz_reset(QuartzState *s)", "quartz_reset(QuartzState *s, Error **errp)")
    assert contracts(top)["quartz_reset"]["changes"] == ["now takes an Error **"]


def test_a_static_function_of_the_same_name_is_another(top: Path) -> None:
    other = "hw/misc/other.c"
    (top / "hw/misc").mkdir(exist_ok=True)
    (top / other).write_text(
        '#include "qemu/osdep.h"\nstatic int quartz_apply_rate(int hz)\n{\n    return hz;\n}\n'
        "int other_rate(int hz)\n{\n    return quartz_apply_rate(hz);\n}\n"
    )
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "other")
    change(top, QUARTZ, "return -EDOM;", 'error_setg(errp, "slow");\n        return -EDOM;')
    one = contracts(top)["quartz_apply_rate"]
    assert (one["callers"], {caller["path"] for caller in one["not_updated"]}) == (2, {QUARTZ, VIREO})


def test_no_contract_changes_where_only_bodies_do(top: Path) -> None:
    change(top, QUARTZ, "    s->ticks = 0;\n", "    s->ticks = 1;\n")
    assert contracts(top) == {}
    assert "contract changes" not in run("diff", "--tree", top).out


def test_a_series_as_a_whole_and_its_page() -> None:
    found = review_of_demo("--format", "json").document["contracts"]
    assert [one["name"] for one in found] == ["quartz_apply_rate"]
    page = review_of_demo("--format", "html").out
    assert "<h3>Contract changes</h3>" in page
    assert page.index("Contract changes") < page.index("<h3>Findings</h3>")
    assert run("check", "--tree", TREE, "--format", "json").document["contracts"] == []


def test_of_a_function_that_returns_nothing_any_more_only_the_type_is_told(top: Path) -> None:
    for path in (QUARTZ, HEADER):
        change(top, path, "int quartz_apply_rate(", "void quartz_apply_rate(")
    text = (top / QUARTZ).read_text()
    start = text.index("void quartz_apply_rate(")
    body = text[start : text.index("\n}\n", start)]
    change(top, QUARTZ, body, re.sub(r"return [^;]+;", "return;", body))
    assert contracts(top)["quartz_apply_rate"]["changes"] == ["now returns void instead of int"]


def test_a_name_that_a_macro_makes_is_none(top: Path) -> None:
    path = top / "include/hw/timer/quartz_template.h"
    path.write_text("void glue(quartz_start_, TYPE)(QuartzState *s);\nvoid (*quartz_hook(int kind))(void);\n")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "template")
    change(top, "include/hw/timer/quartz_template.h", "(QuartzState *s)", "(QuartzState *s, int hz)")
    change(top, HEADER, "int quartz_apply_rate(", "bool quartz_apply_rate(")
    change(top, QUARTZ, "int quartz_apply_rate(", "bool quartz_apply_rate(")
    assert list(contracts(top)) == ["quartz_apply_rate"]


SETS = "bool gauge_set(Gauge *g, Error **errp)\n{\n    Error *err = NULL;\n    gauge_turn(g, &err);\n"


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        # A number that is no status: the largest one says nothing of errors.
        (
            "int64_t gauge_level(Gauge *g)\n{\n    return g->level;\n}\n",
            "int64_t gauge_level(Gauge *g)\n{\n    if (g->level > 9) {\n        return INT64_MAX;\n    }\n"
            "    return g->level;\n}\n",
            [],
        ),
        # A status without an Error has other results, none with it.
        (
            "int gauge_read(Gauge *g)\n{\n    return g->broken ? -EIO : 0;\n}\n",
            "int gauge_read(Gauge *g)\n{\n    return g->broken ? -EIO : 1;\n}\n",
            ["now returns other results"],
        ),
        (
            'int gauge_fill(Gauge *g, Error **errp)\n{\n    if (!g) {\n        error_setg(errp, "none");\n'
            "        return -EINVAL;\n    }\n    return 0;\n}\n",
            'int gauge_fill(Gauge *g, Error **errp)\n{\n    if (!g) {\n        error_setg(errp, "none");\n'
            "        return -EINVAL;\n    }\n    return 1;\n}\n",
            ["now returns other results with its Error"],
        ),
        (
            f"{SETS}    error_propagate(errp, err);\n    return !err;\n}}\n",
            "bool gauge_set(Gauge *g, Error **errp)\n{\n    ERRP_GUARD();\n    gauge_turn(g, errp);\n"
            "    return !*errp;\n}\n",
            ["no longer accepts an Error that is set already"],
        ),
    ],
)
def test_other_results(top: Path, before: str, after: str, changes: list[str]) -> None:
    head = '#include "qemu/osdep.h"\ntypedef struct Gauge { int level; bool broken; } Gauge;\n'
    head += "void gauge_turn(Gauge *g, Error **errp);\n"
    path = top / "hw/timer/gauge.c"
    path.write_text(head + before)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "gauge")
    path.write_text(head + after)
    assert [one["changes"] for one in contracts(top).values()] == ([changes] if changes else [])
