# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions of QMP commands have the prototypes that QAPI generates from the schema."""

from __future__ import annotations

import pytest

from qerrlint.c.qapi import QapiCommand, QapiMember, qapi_command, qapi_members
from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.model.program import Program
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

SCHEMA = b"""\
{ 'enum': 'FerryKind', 'data': [ 'car', 'foot' ] }
{ 'struct': 'FerryBase', 'data': { 'line': 'str', '*fee': 'int' } }
{ 'struct': 'Ferry', 'base': 'FerryBase',
  'data': { '*kind': 'FerryKind', 'boats': ['str'] } }
{ 'struct': 'Odd', 'data': { 'a': { 'type': 'str', 'if': 'CONFIG_A' } } }
{ 'command': 'ferry-stop' }
{ 'command': 'ferry_name', 'data': { 'to-line': 'str', '*at': 'int' }, 'returns': 'str' }
{ 'command': 'ferry-plan',
  'data': { '*kind': 'FerryKind', '*name': 'str', '*boats': ['Ferry'], '*info': 'Ferry', 'all': 'bool' },
  'returns': 'Ferry' }
{ 'command': 'ferry-set', 'data': 'Ferry' }
{ 'command': 'ferry-box', 'boxed': true, 'data': 'Ferry', 'returns': ['Ferry'] }
{ 'command': 'ferry-odd', 'data': 'Odd', 'returns': 'int' }
{ 'command': 'ferry-raw', 'data': { 'a': 'any' }, 'returns': 'any', 'gen': false }
{ 'command': 'query-kind', 'returns': 'FerryKind', 'allow-preconfig': true }
{ 'command': 'query-names', 'returns': ['str'] }
"""


def program(version: bytes = b"9.1.50\n", code: bytes = b"") -> Program:
    files = {"qapi/ferry.json": SCHEMA, "VERSION": version, "hw/ferry.c": code}
    return Program(OverlaySource(EmptySource(), files))


def prototype(name: str, version: bytes = b"9.1.50\n") -> str | None:
    signature = program(version).environment.signature(name, "hw/ferry.c")
    if signature is None:
        return None
    assert signature.errp == (-1 if signature.variadic else len(signature.params) - 1)
    params = ", ".join(f"{param.type} {param.name}".replace("* ", "*") for param in signature.params)
    return f"{signature.returns} ({params})"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("qmp_ferry_stop", "void (Error **errp)"),
        ("qmp_ferry_name", "char * (const char *to_line, bool has_at, int64_t at, Error **errp)"),
        (
            "qmp_ferry_plan",
            "Ferry * (bool has_kind, FerryKind kind, const char *name, bool has_boats, FerryList *boats, "
            "Ferry *info, bool all, Error **errp)",
        ),
        (
            "qmp_ferry_set",
            "void (const char *line, bool has_fee, int64_t fee, bool has_kind, FerryKind kind, "
            "strList *boats, Error **errp)",
        ),
        ("qmp_ferry_box", "FerryList * (Ferry *arg, Error **errp)"),
        ("qmp_ferry_odd", "int64_t (Error **errp)"),
        ("qmp_ferry_raw", None),
        ("qmp_query_kind", "FerryKind (Error **errp)"),
        ("qmp_query_names", "strList * (Error **errp)"),
        ("qmp_marshal_ferry_stop", "void (QDict *args, QObject **ret, Error **errp)"),
        ("qmp_marshal_absent", None),
        ("qmp_absent", None),
        ("qmp_ferry-stop", None),
    ],
)
def test_prototypes(name: str, wanted: str | None) -> None:
    assert prototype(name) == wanted


def test_schemas_of_tests_declare_nothing() -> None:
    schema = b"{ 'command': 'ferry-stop' }\n"
    for path, declared in (("qapi/ferry.json", True), ("tests/qapi-schema/ferry.json", False)):
        files = {path: schema, "hw/ferry.c": b""}
        environment = Program(OverlaySource(EmptySource(), files)).environment
        assert (environment.signature("qmp_ferry_stop", "hw/ferry.c") is not None) is declared


def test_before_8_0_each_optional_argument_has_a_flag() -> None:
    assert prototype("qmp_ferry_plan", b"7.2.0\n") == (
        "Ferry * (bool has_kind, FerryKind kind, bool has_name, const char *name, bool has_boats, "
        "FerryList *boats, bool has_info, Ferry *info, bool all, Error **errp)"
    )


def test_a_definition_goes_before_the_schema() -> None:
    made = program(code=b"int qmp_ferry_stop(int n, Error **errp)\n{\n    return 0;\n}\n")
    signature = made.environment.signature("qmp_ferry_stop", "hw/ferry.c")
    assert signature is not None
    assert (signature.returns, signature.errp) == ("int", 1)


@pytest.mark.parametrize(
    ("call", "kind", "ways"),
    [
        ("qmp_ferry_stop(errp)", "void", {(7, False), (7, True)}),
        ("qmp_ferry_box(NULL, errp)", "pointer", {(4, False), (2, False), (2, True)}),
        ("qmp_query_names(errp)", "pointer", {(4, False), (2, False), (2, True)}),
        ("qmp_ferry_name(0, 0, 0, errp)", "pointer", {(4, False), (2, True)}),
        ("qmp_ferry_odd(1, 2, errp)", "int", {(6, False), (1, True)}),
        ("qmp_query_kind(errp)", "enum", {(7, None)}),
    ],
)
def test_effects(call: str, kind: str, ways: set[tuple[int, bool | None]]) -> None:
    code = f"void ferry(Error **errp)\n{{\n    {call};\n}}\n"
    unit = program(code=code.encode()).unit("hw/ferry.c")
    assert unit is not None
    function = unit.lowered("ferry")
    assert function is not None
    (made,) = function.calls
    effect = unit.effect(made)
    assert effect.errp == len(made.args) - 1
    assert effect.kind == kind
    assert {(outcome.signs, outcome.sets) for outcome in effect.outcomes} == ways


def test_an_empty_list_is_no_failure() -> None:
    code = b"""
void ferry_show(void)
{
    Error *err = NULL;
    FerryList *list = qmp_ferry_box(NULL, &err);

    if (!list) {
        error_report_err(err);
    }
}
"""
    unit = program(code=code).unit("hw/ferry.c")
    assert unit is not None
    assert [f.rule for f in analyse_unit(unit, load_rules()).findings] == ["null-error-reported"]
    named = unit.data.replace(
        b"FerryList *list = qmp_ferry_box(NULL, ", b"char *list = qmp_ferry_name(0, 0, 0, "
    )
    other = program(code=named).unit("hw/ferry.c")
    assert other is not None
    assert analyse_unit(other, load_rules()).findings == ()


OBJECT = b"""
Ferry *qmp_ferry_plan(Error **errp)
{
    FerryState *s = ferry_find();

    if (!s) {
        return NULL;
    }
    return ferry_plan_of(s);
}
"""


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        # The generated marshaller visits the object, which is NULL.
        (OBJECT, ["failure-without-error"]),
        (OBJECT.replace(b"return NULL;", b'error_setg(errp, "no ferry"); return NULL;'), []),
        # An empty list, no text, and what no schema has.
        (OBJECT.replace(b"Ferry *qmp_ferry_plan", b"FerryList *qmp_ferry_box"), []),
        (OBJECT.replace(b"Ferry *qmp_ferry_plan", b"char *qmp_ferry_name"), []),
        (OBJECT.replace(b"qmp_ferry_plan", b"qmp_ferry_unknown"), []),
    ],
)
def test_a_command_returns_its_object_or_sets_the_error(code: bytes, rules: list[str]) -> None:
    unit = program(code=code).unit("hw/ferry.c")
    assert unit is not None
    found = [f for f in analyse_unit(unit, load_rules()).findings if f.confidence != "low"]
    assert [f.rule for f in found] == rules
    assert all(f.severity == "error" and "visit_type_Ferry" in f.message for f in found)


def test_a_command_as_the_schema_has_it() -> None:
    found = qapi_command(SCHEMA, "ferry_name")
    arguments = (QapiMember("to-line", "str"), QapiMember("at", "int", optional=True))
    assert found == QapiCommand(arguments, "str", boxed=False, generated=True, sure=True)
    assert qapi_command(SCHEMA, "absent") is None
    assert qapi_members(SCHEMA, "FerryBase") == (
        "",
        (QapiMember("line", "str"), QapiMember("fee", "int", True)),
    )
    assert qapi_members(SCHEMA, "Odd") is None
    assert qapi_members(SCHEMA, "FerryKind") is None


@pytest.mark.parametrize(
    "text",
    [
        b"{ 'command': 'x', 'data': [ 'a' ] }",
        b"{ 'command': 'x', 'data': { 'a': [] } }",
        b"{ 'command': 'x', 'data': { 'a': ['b', 'c'] } }",
        b"{ 'command': 'x', 'data': { 'a': {} } }",
        b"{ 'command': 'x', 'data': { 'a': true",
    ],
)
def test_arguments_of_an_unknown_form_are_not_guessed(text: bytes) -> None:
    found = qapi_command(text, "x")
    assert found is not None
    assert not found.sure


def test_a_struct_that_is_its_own_base_ends() -> None:
    schema = b"{ 'struct': 'A', 'base': 'A', 'data': {} }\n{ 'command': 'x', 'data': 'A' }\n"
    made = Program(OverlaySource(EmptySource(), {"qapi/a.json": schema, "a.c": b""}))
    signature = made.environment.signature("qmp_x", "a.c")
    assert signature is not None
    assert (signature.errp, signature.variadic) == (-1, True)
