# SPDX-License-Identifier: GPL-2.0-or-later
"""What the model knows of a tree beside the file at hand: includes, generated functions, constants, units."""

from __future__ import annotations

import gc
import weakref

import pytest

from qerrlint.c.declarations.types import Signature
from qerrlint.engine.changes.file_facts import facts_of
from qerrlint.engine.changes.tree_changes import TreeChanges
from qerrlint.engine.kept.kept_reads import looked_up
from qerrlint.model.environment import Environment
from qerrlint.model.include_graph import Files
from qerrlint.model.lookups import LookupRecorder
from qerrlint.model.program import Program
from qerrlint.model.qapi_schema import generated_signature
from qerrlint.model.reads import OUTLINE, Digests, Reads
from qerrlint.model.seen_environment import SeenEnvironment
from qerrlint.qemu.type_graph import graph_of
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource


def tree(*paths: str) -> OverlaySource:
    return OverlaySource(EmptySource(), dict.fromkeys(paths, b"int x;\n"))


@pytest.mark.parametrize(
    ("paths", "name", "from_path", "wanted"),
    [
        (["hw/a/b.h"], "b.h", "hw/a/c.c", "hw/a/b.h"),
        (["include/b.h", "b.h"], "b.h", "hw/a/c.c", "include/b.h"),
        (["b.h"], "b.h", "hw/a/c.c", "b.h"),
        (["b.h"], "../../b.h", "hw/a/c.c", "b.h"),
        (["target/arm/cpu.h", "target/ppc/cpu.h"], "cpu.h", "hw/arm/c.c", "target/arm/cpu.h"),
        (["target/arm/cpu.h", "target/ppc/cpu.h"], "cpu.h", "block/arm/c.c", None),
        (["target/arm/cpu.h", "target/ppc/cpu.h"], "cpu.h", "hw/c.c", None),
        (["target/microblaze/cpu.h"], "cpu.h", "hw/c.c", "target/microblaze/cpu.h"),
        (["linux-user/arm/x.h"], "x.h", "linux-user/arm/c.c", "linux-user/arm/x.h"),
        (["host/include/generic/x.h"], "x.h", "a.c", "host/include/generic/x.h"),
        (["linux-user/include/x.h"], "x.h", "a.c", "linux-user/include/x.h"),
        (["hw/x/y.h"], "y.h", "hw/x/deep/down/c.c", "hw/x/y.h"),
        (["block/x/deep/y.h", "block/x/y.h"], "y.h", "block/x/deep/down/c.c", "block/x/deep/y.h"),
        (["hw/y.h"], "y.h", "hw/x/c.c", "hw/y.h"),
        (["y.h", "host/include/generic/y.h"], "y.h", "hw/arm/c.c", "y.h"),
        (["target/arm/x/cpu.h"], "x/cpu.h", "hw/c.c", None),
    ],
)
def test_what_an_include_means(paths: list[str], name: str, from_path: str, wanted: str | None) -> None:
    files = Files(tree(*paths), follow=True)
    assert files.resolve(name, from_path) == wanted
    assert files.resolve(name, from_path) == wanted


def test_without_a_tree_no_include_is_found() -> None:
    assert Files(None, follow=False).resolve("b.h", "a.c") is None


def text_of(signature: Signature | None) -> tuple[str, list[str], int | None] | None:
    if signature is None:
        return None
    return signature.returns, [param.type for param in signature.params], signature.errp


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("qapi_free_Peg", None, ("void", ["Peg *"], None)),
        ("visit_type_Peg", "struct", ("bool", ["Visitor *", "const char *", "Peg **", "Error **"], 3)),
        ("visit_type_Peg", "enum", ("bool", ["Visitor *", "const char *", "Peg *", "Error **"], 3)),
        ("visit_type_Peg_members", "struct", ("bool", ["Visitor *", "Peg *", "Error **"], 2)),
        ("qapi_event_send_peg", None, ("void", [], None)),
        ("peg", None, None),
    ],
)
def test_generated_functions(name: str, kind: str | None, wanted: object) -> None:
    found = generated_signature(name, kind)
    assert text_of(found) == wanted
    if found is not None:
        assert found.variadic == name.startswith("qapi_event_send_")
        assert found.path is None


SCHEMA = """
{ 'enum': 'PegMode', 'data': [ 'one' ] }
{ 'struct': 'Peg', 'data': { 'name': 'str' } }
{ 'command': 'peg-open', 'data': { 'name': 'str' }, 'returns': 'any' }
"""


def program(reach: str = "tree", **more: str) -> Program:
    files = {"qapi/peg.json": SCHEMA, "VERSION": "9.0.0\n", "a.c": "int a;\n", **more}
    return Program(OverlaySource(EmptySource(), {name: text.encode() for name, text in files.items()}), reach)


def test_the_schema_of_a_tree() -> None:
    schema = program().environment.schema
    assert text_of(schema.signature("qmp_peg_open")) == ("QObject *", ["const char *", "Error **"], 1)
    marshaller = text_of(schema.signature("qmp_marshal_peg_open"))
    assert marshaller == ("void", ["QDict *", "QObject **", "Error **"], 2)
    assert schema.signature("qmp_peg_shut") is None
    assert schema.signature("qmp_marshal_peg_shut") is None
    for name, last in (("PegMode", "PegMode *"), ("Peg", "Peg **")):
        found = text_of(schema.signature(f"visit_type_{name}"))
        assert found == ("bool", ["Visitor *", "const char *", last, "Error **"], 3)
    assert schema.signature("visit_type_str") is None
    assert schema.signature("visit_type_strList") is not None
    assert schema.is_list("PegList *")
    assert schema.is_list("strList *")
    assert not schema.is_list("DowelList *")
    assert schema.constants("PegMode") == (("PEG_MODE_ONE", 0), ("PEG_MODE__MAX", 1))
    assert schema.constants("Peg") == ()
    assert program("patch").environment.schema.kind("Peg") is None


def test_visitors_return_what_the_tree_says() -> None:
    header = "void visit_start_struct(Visitor *v, const char *name, void **obj, size_t size, Error **errp);\n"
    found = program(**{"include/qapi/visitor.h": header}).environment.schema.signature("visit_type_Peg")
    assert found is not None
    assert found.returns == "void"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("A_NUMBER", 3), ("AN_EXPRESSION", None), ("A_CALL", None), ("low", 2), ("NONE", None)],
)
def test_constants(name: str, wanted: int | None) -> None:
    text = "#define A_NUMBER 3\n#define AN_EXPRESSION (1 + 2)\n#define A_CALL(x) 3\nenum Peg { low = 2 };\n"
    unit = program("patch", **{"a.c": text}).unit("a.c")
    assert unit is not None
    for _ in range(2):
        assert unit.scope.constant(name) == wanted


def test_units_are_kept_and_forgotten() -> None:
    one = program("patch")
    assert one.known_unit("a.c") is None
    unit = one.unit("a.c")
    assert one.unit("a.c") is unit is one.known_unit("a.c")
    one.forget("a.c")
    one.forget("none.c")
    assert one.known_unit("a.c") is None
    assert one.unit("none.c") is None


def test_what_a_file_asked_is_forgotten_with_its_unit() -> None:
    text = "typedef int Peg;\nPeg turn(Peg peg)\n{\n    return peg;\n}\n"
    one = program("patch", **{"a.c": text})
    for _ in range(2):
        unit = one.unit("a.c")
        assert unit is not None
        assert unit.interpretation.summary("turn") is not None
        signature = one.environment.signature("turn", "a.c")
        assert signature is not None
        assert one.environment.result_kind(signature, "a.c") == "int"
        one.forget("a.c")


def test_a_closed_program_does_not_wait_for_the_garbage_collector() -> None:
    one = program("patch", **{"a.c": "int turn(int peg)\n{\n    return peg;\n}\n"})
    unit = one.unit("a.c")
    assert unit is not None
    assert unit.interpretation.summary("turn") is not None
    graph_of(one.environment)
    del unit
    gone = weakref.ref(one), weakref.ref(one.environment)
    gc.disable()
    try:
        one.close()
        del one
        assert [ref() for ref in gone] == [None, None]
    finally:
        gc.enable()


def test_a_definition_parses_before_and_after_it_is_lowered() -> None:
    text = "int good(void)\n{\n    return 0;\n}\n\nint bad(void)\n{\n    return (0;\n}\n"
    for first in (False, True):
        unit = program("patch", **{"a.c": text}).unit("a.c")
        assert unit is not None
        pieces = unit.functions["good"], unit.functions["bad"]
        if first:
            assert [unit.lowering.function(piece) is not None for piece in pieces] == [True, False]
        assert [unit.lowering.parses(piece) for piece in pieces] == [True, False]
        assert [unit.lowering.damage(piece) is None for piece in pieces] == [True, False]


def test_an_environment_that_puts_down_what_it_is_asked() -> None:
    header = b"typedef bool Verdict;\nVerdict peg_check(Peg *p, Error **errp);\n"
    environment = Program(OverlaySource(EmptySource(), {"a.c": header})).environment
    reads = Reads()
    seen = SeenEnvironment(environment, reads)
    signature = seen.signature("peg_check", "a.c")
    assert signature is not None
    assert seen.result_kind(signature, "a.c") == environment.result_kind(signature, "a.c") == "bool"
    assert set(reads.answers) == {("signature", "peg_check", "a.c"), ("typedef", "Verdict", "a.c")}
    assert OUTLINE not in reads.answers
    assert seen.declaring_constant("PEG", "a.c") is None
    assert OUTLINE in reads.answers


def test_no_question_is_answered_without_being_put_down() -> None:
    """A public method of Environment that the other class inherited would read what nobody knows of."""
    public = {name for name in vars(Environment) if not name.startswith("_")}
    assert public - vars(SeenEnvironment).keys() == set()


def test_a_function_of_another_file_that_only_ends_the_program_is_known() -> None:
    """Whatever Error it sets before it does; of others that set one the convention tells better."""
    dies = 'void peg_die(Error **errp)\n{\n    error_setg(errp, "x");\n    exit(1);\n}\n'
    sets = 'void peg_set(Error **errp)\n{\n    error_setg(errp, "x");\n}\n'
    one = program(**{"b.c": dies + sets})
    one.at_hand = ("a.c",)
    known = one.summary("peg_die")
    assert known is not None
    assert known.noreturn
    assert one.summary("peg_set") is None


def test_a_file_at_hand_that_is_gone_hides_no_other() -> None:
    one = program("patch", **{"b.c": "int peg_open(void)\n{\n    return 0;\n}\n"})
    one.at_hand = ("gone.c", "b.c")
    assert one.defining_path("peg_open") == "b.c"


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_numbers_of_the_schema_are_those_of_c(width: int) -> None:
    schema = "".join(
        f"{{ 'command': 'peg-{kind}', 'returns': '{kind}{width}' }}\n" for kind in ("int", "uint")
    )
    found = program(**{"qapi/peg.json": schema}).environment.schema
    for kind in ("int", "uint"):
        assert text_of(found.signature(f"qmp_peg_{kind}")) == (f"{kind}{width}_t", ["Error **"], 0)


def test_a_header_that_declares_a_function_hides_no_definition() -> None:
    one = program(**{"a.h": "int peg_open(int n);\n", "b.c": "int peg_open(int n)\n{\n    return n;\n}\n"})
    files = one.environment.files
    assert files.defining_file("peg_open") == "b.c"
    assert files.defining_file("peg_shut") is None


@pytest.mark.parametrize(
    "path",
    ["qapi/cask.json", "qapi-schema.json", "qga/qapi-schema.json", "storage-daemon/qapi/qapi-schema.json"],
)
def test_where_schemas_lie(path: str) -> None:
    found = program(**{path: "{ 'enum': 'CaskKind', 'data': [ 'oak' ] }\n"}).environment.schema
    assert found.kind("CaskKind") == "enum"


def test_the_reads_of_bodies_count_unless_they_are_left_out() -> None:
    reads, other, body = Reads(), Reads(), Reads()
    reads.include(other)
    other.bodies["peg_open"] = "b.c", "digest", body
    assert list(map(id, reads.all())) == [id(reads), id(other), id(body)]
    assert list(map(id, reads.all(bodies=False))) == [id(reads), id(other)]


def test_a_name_that_is_no_utf_8_has_a_digest() -> None:
    assert Digests().of(("peg\udcff",)) != Digests().of(("peg\udcfe",))


def test_a_file_is_entered_once_however_often_its_names_are_asked_for() -> None:
    one = program(**{"a.h": "int peg_open(int n);\n", "b.c": "int peg_open(int n)\n{\n    return n;\n}\n"})
    environment = one.environment
    assert environment.signature("peg_open", "b.c") is not None
    for _ in range(2):
        environment.files.index_all()
        assert environment.files.defining_file("peg_open") == "b.c"


@pytest.mark.parametrize(("pattern", "concerns"), [(rb"\bpeg_open\b", True), (rb"\bpeg_shut\b", False)])
def test_who_has_searched_a_folder_is_concerned_by_a_file_that_now_holds_it(
    pattern: bytes, concerns: bool
) -> None:
    text = b"int peg_more(void)\n{\n    return peg_open(3);\n}\n"
    found = TreeChanges(
        "", {}, {"hw/peg.c": facts_of("hw/peg.c", "1", text)}, lambda path: None, {"hw/peg.c": text}.get
    )
    asked = LookupRecorder()
    asked.search_folder("hw", pattern)
    assert found.concern(looked_up({}, [asked.now]).keys) == concerns
