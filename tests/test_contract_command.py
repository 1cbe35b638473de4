# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint contract`: what it says of functions of fixtures/tree and of trees made for one question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commandline import TREE, Ran, run, scratch_repository

from qerrlint.queries.mentions import Mention, mentions


def contract(name: str, *more: str, tree: Path = TREE) -> dict[str, Any]:
    ran = run("contract", name, "--tree", tree, "--format", "json", *more)
    assert ran.code == 0, ran.err
    found = ran.document
    assert found["schema"] == "qerrlint-contract/1"
    return found


def text(name: str, *more: str, tree: Path = TREE) -> list[str]:
    ran = run("contract", name, "--tree", tree, *more)
    assert ran.code == 0, ran.err
    return [line.strip() for line in ran.out.splitlines()]


def outcomes(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(way["result"], way["error"]) for way in found["body"]["outcomes"]}


def line_of(path: str, words: str, tree: Path = TREE) -> int:
    lines = (tree / path).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A tree with the marks of QEMU's and nothing else in it."""
    (tmp_path / "include/qapi").mkdir(parents=True)
    (tmp_path / "VERSION").write_text("11.0.0\n")
    (tmp_path / "include/qapi/error.h").write_text("typedef struct Error Error;\n")
    return tmp_path


# -- a function with a body ------------------------------------------------------------------------


def test_places_signature_and_convention() -> None:
    found = contract("relay_open")
    assert found["kind"] == "function"
    assert found["signature"]["text"] == "bool relay_open(RelayState *s, const char *name, Error **errp)"
    assert found["definition"]["path"] == "block/relay.c"
    assert found["definition"]["line"] == line_of("block/relay.c", "bool relay_open(")
    assert [site["path"] for site in found["declarations"]] == ["include/block/relay.h"]
    assert (found["out_error"], found["result"], found["exception"]) == (2, "bool", None)
    assert {(way["result"], way["error"]) for way in found["assumed"]} == {
        ("true", "unset"),
        ("false", "set"),
    }


def test_outcomes_come_with_the_lines_that_show_them() -> None:
    found = contract("relay_read")
    ways = {(way["result"], way["error"]): way["lines"] for way in found["body"]["outcomes"]}
    source = (TREE / "block/relay.c").read_text().splitlines()
    assert ways["negative", "set"]
    assert all("return" in source[line - 1] for lines in ways.values() for line in lines)
    assert line_of("block/relay.c", "return -EINVAL;") in ways["negative", "set"]
    assert found["body"]["complete"]
    assert found["body"]["damaged"] is None


def test_a_failure_without_an_error_is_told_apart() -> None:
    ways = contract("quartz_apply_rate")["body"]["outcomes"]
    assert {way["result"] for way in ways if way["failure_without_error"]} == {"negative"}
    assert any(
        line.startswith("negative") and "though this is the failure" in line
        for line in text("quartz_apply_rate")
    )


def test_calls_that_can_set_come_with_their_evidence() -> None:
    setters = contract("relay_open")["body"]["setters"]
    assert [(one["name"], one["into"], one["evidence"], one["always"]) for one in setters] == [
        ("error_setg_errno", "errp", "setter", True),
        ("relay_getlength", "errp", "body", False),
    ]
    assert [one["line"] for one in setters] == sorted(one["line"] for one in setters)
    assert contract("vireo_start_clock")["body"]["setters"][0]["evidence"] == "signature"


def test_an_error_that_is_kept_is_named() -> None:
    (kept,) = contract("quartz_kvm_vm_state")["body"]["keeps_to_itself"]
    assert (kept["setter"], kept["printer"], kept["how"]) == (
        "kvm_device_access",
        "error_report_err",
        "report",
    )
    assert kept["line"] == line_of("hw/timer/quartz_kvm.c", "kvm_device_access(s->dev_fd, QUARTZ_KVM_TICKS")


def test_callers_in_all_files() -> None:
    found = contract("quartz_apply_rate")["callers"]
    called = {(site["path"], site["function"]) for site in found["items"]}
    assert ("hw/arm/vireo.c", "vireo_start_clock") in called
    assert found["total"] == len(found["items"])
    assert found["files"] == len({path for path, _ in called})


def test_where_its_address_goes() -> None:
    stored = contract("quartz_kvm_realize")["address"]["items"]
    assert [(one["member"], one["holder"], one["function"]) for one in stored] == [
        ("realize", "dc", "quartz_kvm_class_init")
    ]
    (handed,) = contract("quartz_kvm_vm_state")["address"]["items"]
    assert (handed["member"], handed["argument_of"]) == (None, "qemu_add_vm_change_state_handler")


def test_lists_are_bounded_and_counted() -> None:
    whole, one = contract("error_setg", "--limit", "0"), contract("error_setg", "--limit", "1")
    assert whole["callers"]["total"] == len(whole["callers"]["items"]) > 5
    assert one["callers"]["items"] == whole["callers"]["items"][:1]
    assert one["callers"]["total"] == whole["callers"]["total"]
    more = whole["callers"]["total"] - 1
    assert f"and {more} more (--limit 0 shows all)" in text("error_setg", "--limit", "1")


def test_the_same_bytes_for_the_same_question() -> None:
    first = run("contract", "relay_open", "--tree", TREE)
    assert first.out == run("contract", "relay_open", "--tree", TREE).out
    assert "\x1b" not in first.out
    assert first.err == ""


def test_git_objects_and_files_say_the_same(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    there, here = contract("relay_open", "--rev", "HEAD", tree=top), contract("relay_open")
    assert len(there.pop("tree")["revision"]) == 40
    assert here.pop("tree")["revision"] is None
    assert there == here


# -- functions of other kinds ----------------------------------------------------------------------


def test_only_declared() -> None:
    found = contract("kvm_open_device")
    assert (found["kind"], found["body"], found["definition"]) == ("declared", None, None)
    assert found["declarations"][0]["path"] == "accel/kvm/kvm-device.c"
    assert text("kvm_open_device")[0].startswith("kvm_open_device: only declared")


def test_a_consumer_and_a_setter_come_with_the_tables_reason() -> None:
    found = contract("error_report_err")
    assert (found["fact"]["consumes"], found["fact"]["how"]) == (0, "report")
    assert found["fact"]["reason"]
    assert contract("error_setg")["fact"]["sets"] == 0


def test_an_exception_to_the_convention(small: Path) -> None:
    (small / "a.c").write_text(
        "int qapi_enum_parse(const void *lookup, const char *buf, int def, Error **errp);\n"
    )
    found = contract("qapi_enum_parse", tree=small)
    assert found["exception"]["fails"] == "error-only"
    assert found["exception"]["reason"]
    assert any(
        "exception to the convention: no result shows" in line for line in text("qapi_enum_parse", tree=small)
    )


def test_a_function_that_no_file_declares_but_a_bundled_contract(small: Path) -> None:
    found = contract("qdev_realize", tree=small)
    assert (found["kind"], found["callers"]["total"]) == ("bundled", 0)


def test_a_function_of_the_c_library_that_the_table_of_facts_knows(small: Path) -> None:
    (small / "a.c").write_text("void leave(void)\n{\n    exit(1);\n}\n")
    found = contract("exit", tree=small)
    assert (found["kind"], found["signature"], found["noreturn"]) == ("bundled", None, True)
    assert [site["function"] for site in found["callers"]["items"]] == ["leave"]
    assert "never returns; ends the process" in text("exit", tree=small)


def test_a_damaged_function_says_so(small: Path) -> None:
    (small / "a.c").write_text("void odd(Error **errp)\n{\n    if (( {{ ) @ }} ]\n    x;\n}\n")
    found = contract("odd", tree=small)
    assert found["body"]["damaged"]
    assert any(line.startswith("nothing, it could not be read") for line in text("odd", tree=small))


def test_the_static_functions_of_two_files_are_told_apart(small: Path) -> None:
    for name, value in (("a", "-1"), ("b", "0")):
        (small / f"{name}.c").write_text(
            f"static int probe(Error **errp)\n{{\n    return {value};\n}}\n"
            f"int user_{name}(Error **errp)\n{{\n    return probe(errp);\n}}\n"
        )
    first, second = contract("probe", tree=small), contract("probe", "--in", "b.c", tree=small)
    assert (first["definition"]["path"], second["definition"]["path"]) == ("a.c", "b.c")
    assert [site["path"] for site in first["other_definitions"]] == ["b.c"]
    assert [site["function"] for site in second["callers"]["items"]] == ["user_b"]
    assert outcomes(second) == {("0", "unset")}


def test_a_stub_gives_way_to_the_function(small: Path) -> None:
    (small / "stubs").mkdir()
    (small / "a-stub.c").write_text("int probe(void)\n{\n    return 1;\n}\n")
    (small / "stubs/p.c").write_text("int probe(void)\n{\n    return 1;\n}\n")
    (small / "z.c").write_text("int probe(void)\n{\n    return 0;\n}\n")
    assert contract("probe", tree=small)["definition"]["path"] == "z.c"


def test_tests_and_firmware_are_left_out_and_counted(small: Path) -> None:
    (small / "a.c").write_text("void probe(void)\n{\n}\n")
    (small / "tests").mkdir()
    (small / "tests/t.c").write_text("void t(void)\n{\n    probe();\n}\n")
    found = contract("probe", tree=small)
    assert (found["callers"]["total"], found["files_left_out"]) == (0, 1)
    assert contract("probe", "--in", "tests/t.c", tree=small)["callers"]["total"] == 1


# -- refusals --------------------------------------------------------------------------------------


def refused(ran: Ran, code: int, *words: str) -> None:
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.count("\n") == 1
    assert all(word in ran.err for word in words), ran.err


def test_an_unknown_function_is_refused_with_near_names() -> None:
    refused(run("contract", "relay_opne", "--tree", TREE), 2, "relay_opne: nothing in", "(near: relay_open")


@pytest.mark.parametrize("name", ["a b", "1x", "x->y", "", "\x1b[31m"])
def test_what_is_no_name(name: str) -> None:
    refused(run("contract", name, "--tree", TREE), 2)


def test_no_such_file_to_look_from() -> None:
    refused(run("contract", "relay_open", "--in", "gone.c", "--tree", TREE), 2, "gone.c: no such file in")


def test_not_a_tree(tmp_path: Path) -> None:
    refused(run("contract", "relay_open", "--tree", tmp_path), 3, "not a QEMU tree")


# -- mentions --------------------------------------------------------------------------------------

SAMPLE = b"""\
/* f() in a comment */
static int f(int a);
#define CALLS_F(x) \\
    f(x)
#define f g
int
f(int a)
{
    g("f()", f(1)); // f(2)
    s->f(3);
    s.f = f;
    t->hook = f;
    register_it(s, (f), &f);
    return f;
}
static const Ops ops = {
    .hook = f,
};
static Fn *table[] = { f };
"""


def test_each_mention_is_told_for_what_it_is() -> None:
    found = [
        (SAMPLE.count(b"\n", 0, one.start) + 1, one.kind, one.of, one.holder)
        for one in mentions("a.c", SAMPLE, "f")
    ]
    assert found == [
        (2, "head", "", ""),
        (4, "call", "", ""),
        (5, "macro", "", ""),
        (7, "head", "", ""),
        (9, "call", "", ""),
        (11, "slot", "f", "s"),
        (12, "slot", "hook", "t"),
        (13, "argument", "register_it", ""),
        (13, "argument", "register_it", ""),
        (14, "other", "", ""),
        (17, "slot", "hook", "Ops"),
        (19, "other", "", ""),
    ]


def test_mentions_of_hostile_text_end() -> None:
    data = b"f(" * 5000 + b"\\\n" * 1000 + b"f"
    found = list(mentions("a.c", data, "f"))
    assert isinstance(found[0], Mention)
    assert json.dumps(len(found))
