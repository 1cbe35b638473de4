# SPDX-License-Identifier: GPL-2.0-or-later
"""A name that a file defines several times, once in each arm of an #if: each definition is a function."""

from __future__ import annotations

from single import report_of

from qerrlint.engine.check_files import core_files
from qerrlint.model.interpretation import joined
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.queries.contract_lookup import find_contract
from qerrlint.review.compare import compare
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.scope import FilePair, changed_functions, touched
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

TWO = b"""
#ifdef CONFIG_DIAL
static int dial_open(Dial *d, Error **errp)
{
    return 0;
}
#else
static int dial_open(Dial *d, Error **errp)
{
    error_setg(errp, "no dial");
    return -1;
}
#endif

static int dial_use(Dial *d, Error **errp)
{
    return dial_open(d, errp);
}
"""
TWICE = b'    error_setg(errp, "no dial");\n    error_setg(errp, "really none");\n'
SECOND = TWO.replace(b'    error_setg(errp, "no dial");\n', TWICE)


def unit_of(data: bytes) -> TranslationUnit:
    unit = Program(OverlaySource(EmptySource(), {"dial.c": data}), reach="patch").unit("dial.c")
    assert unit is not None
    return unit


def outcomes(unit: TranslationUnit, name: str) -> set[tuple[int, bool | None]]:
    summary = unit.interpretation.summary(name)
    assert summary is not None
    return {(outcome.signs, outcome.sets) for outcome in summary.outcomes}


def test_each_definition_is_counted_and_interpreted() -> None:
    report = report_of("dial.c", TWO)
    assert (report.functions, report.explored, report.damaged) == (3, 3, ())


def test_the_second_definition_has_its_findings() -> None:
    assert [f.rule for f in report_of("dial.c", SECOND).findings] == ["error-set-twice"]


def test_equal_findings_of_both_are_both_reported() -> None:
    both = SECOND.replace(b"    return 0;\n", TWICE + b"    return -1;\n")
    found = report_of("dial.c", both).findings
    assert [(f.rule, f.function) for f in found] == [("error-set-twice", "dial_open")] * 2
    assert len({f.fingerprint for f in found}) == 2


def test_callers_see_the_outcomes_of_both() -> None:
    unit = unit_of(TWO)
    alone = [joined((body,)) for body in unit.interpretation.bodies("dial_open")]
    assert [s is not None and s.may_set for s in alone] == [False, True]
    both = outcomes(unit, "dial_open")
    assert both == {(o.signs, o.sets) for s in alone if s is not None for o in s.outcomes}
    assert outcomes(unit, "dial_use") == both


def test_one_damaged_definition_makes_the_join_incomplete() -> None:
    unit = unit_of(TWO.replace(b"    return 0;\n", b"    return (0;\n"))
    summary = unit.interpretation.summary("dial_open")
    assert summary is not None
    assert not summary.complete
    call = unit.lowering.function(unit.functions["dial_use"]).calls[0]  # type: ignore[union-attr]
    assert unit.effect(call).evidence == "signature"
    report = report_of("dial.c", unit.data)
    assert [item.function for item in report.damaged] == ["dial_open"]
    assert report.explored == 2


def test_all_definitions_damaged_give_no_summary() -> None:
    unit = unit_of(TWO.replace(b"return 0;", b"return (0;").replace(b"-1;", b"(1;"))
    assert unit.interpretation.summary("dial_open") is None


def test_a_unit_with_another_definition_chosen() -> None:
    unit = unit_of(TWO)
    first, second = unit.definitions.by_name["dial_open"]
    view = unit.with_definition(second)
    assert unit.with_definition(first) is unit
    assert unit.functions["dial_open"] is first
    assert view.functions["dial_open"] is second
    assert list(view.functions) == list(unit.functions)
    result = view.result("dial_open")
    assert result is not None
    assert result is not unit.result("dial_open")
    assert result.function is view.lowered("dial_open")
    assert view.interpretation.summary("dial_open") == unit.interpretation.summary("dial_open")


def test_a_change_of_the_second_definition_is_a_change() -> None:
    before, after = unit_of(TWO), unit_of(SECOND)
    assert changed_functions(before, after) == {"dial_open"}
    assert touched(before, after) == {"dial_open", "dial_use"}
    assert changed_functions(before, unit_of(TWO)) == set()


def test_a_definition_that_goes_is_a_change() -> None:
    arm = TWO[TWO.index(b"#else") : TWO.index(b"#endif")]
    assert changed_functions(unit_of(TWO), unit_of(TWO.replace(arm, b""))) == {"dial_open"}


def test_a_review_introduces_what_the_second_definition_gains() -> None:
    sides = [Program(OverlaySource(EmptySource(), {"dial.c": data}), reach="patch") for data in (TWO, SECOND)]
    done = compare(sides[0], sides[1], [FilePair("dial.c", "dial.c")], ReviewOptions(load_rules()))
    assert [item.finding.rule for item in done.delta.introduced] == ["error-set-twice"]
    assert done.changed == {("dial.c", "dial_open")}


def test_contract_shows_the_ways_of_both() -> None:
    source = OverlaySource(EmptySource(), {"dial.c": TWO})
    assert core_files(source) == ["dial.c"]
    contract = find_contract(source, "dial_open")
    assert contract.body is not None
    assert sorted(line for way in contract.body.ways for line in way.lines) == [5, 11]
    assert [setter.line for setter in contract.body.setters] == [10]
    assert len(contract.other_definitions) == 1
