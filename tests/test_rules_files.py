# SPDX-License-Identifier: GPL-2.0-or-later
"""Each fault of a rule file is refused with one line that names the file and the fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from qerrlint.errors import UsageError
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import HEADINGS, page_sections
from qerrlint.rules.rule_file import parse_rule
from qerrlint.source.bundled import rules_folder

HEAD = {
    "id": '"own-rule"',
    "title": '"t"',
    "since": '"0.1.0"',
    "analysis": '"errors"',
    "event": '"error-set-twice"',
    "severity": '"error"',
    "confidence": '"high"',
    "message": '"{callee}() sets {error}"',
    "advice": '"a"',
}
CODE = "```c\nint f(void)\n{\n    return 0;\n}\n```\n"


def page(**changed: str | None) -> str:
    body = {heading: CODE if heading in ("Bad", "Good") else "Prose.\n" for heading in HEADINGS}
    merged = {**body, **{key.replace("_", " "): text for key, text in changed.items()}}
    return "".join(f"## {heading}\n\n{text}\n" for heading, text in merged.items() if text is not None)


def text(tail: str = "", body: str | None = None, **changed: str | None) -> bytes:
    head = "".join(f"{key} = {value}\n" for key, value in {**HEAD, **changed}.items() if value is not None)
    return f"+++\n{head}{tail}+++\n\n{page() if body is None else body}".encode()


def case(lines: str) -> bytes:
    return text(f"[[case]]\n{lines}\n")


def test_a_right_file_is_taken_whole() -> None:
    rule = parse_rule(
        text(
            'where = { how = "possible" }\nlabels = ["double-set"]\n'
            '[[case]]\nwhere = { callee = "error_setg" }\nseverity = "note"\n'
        ),
        "own/own-rule.md",
    )
    assert (rule.id, rule.path, rule.where) == ("own-rule", "own/own-rule.md", (("how", "possible"),))
    assert rule.labels == ("double-set",)
    assert rule.cases[0].where == (("callee", "error_setg"),)
    assert (rule.cases[0].severity, rule.cases[0].message) == ("note", None)
    assert rule.examples == {"bad": ("int f(void)\n{\n    return 0;\n}\n",)} | {"good": rule.examples["bad"]}


def test_carriage_returns_do_not_matter() -> None:
    assert parse_rule(text().replace(b"\n", b"\r\n"), "own-rule.md") == parse_rule(text(), "own-rule.md")


def test_the_bundled_rules_fit_the_checks() -> None:
    for rule in load_rules():
        parse_rule((rules_folder() / rule.path).read_bytes(), rule.path)


def test_a_heading_inside_code_is_none() -> None:
    sections = page_sections("## Bad\n```c\n## not a heading\n```\n## Good\nx\n")
    assert list(sections) == ["Bad", "Good"]
    assert "## not a heading" in sections["Bad"]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\xff\xfe", "not UTF-8 (byte 0)"),
        (b"", "does not begin with TOML front matter between two `+++` lines"),
        (b"+++\nid = 1\n", "does not begin with TOML front matter between two `+++` lines"),
        (text("= 1\n"), "bad TOML in the front matter: Invalid statement (at line 11, column 1)"),
        (text("colour = 1\n"), "unknown key 'colour' (known: advice, "),
        (text(title=None), "no 'title' in the front matter"),
        (text(title="3"), "'title' is not one line of text"),
        (text(message='"a\\nb"'), "'message' is not one line of text"),
        (text(id='"other-rule"'), "id 'other-rule' is not the file's stem"),
        (text(analysis='"errorflw"'), "unknown analysis 'errorflw' (known: arguments, devices, errors, "),
        (text(event='"set"'), "analysis 'errors' has no event 'set' (known: "),
        (text(severity='"fatal"'), "severity 'fatal' is not one of note, warning, error"),
        (text(confidence='"sure"'), "confidence 'sure' is not one of low, medium, high"),
        (text(message='"{caller} sets"'), "message slot {caller} is not emitted (emitted: error, "),
        (text(message='"{callee sets"'), "a brace in 'message' belongs to no {slot}"),
        (text(message='"{error.args}"'), "a brace in 'message' belongs to no {slot}"),
        (text('where = "how"\n'), "'where' is not a table"),
        (text('where = { caller = "x" }\n'), "where: slot 'caller' is not emitted"),
        (text("where = { how = 1 }\n"), "where: how is not compared with a string"),
        (
            text('where = { how = "maybe" }\n'),
            "where: how is never 'maybe' (values: again, definite, possible)",
        ),
        (text('labels = ["double"]\n'), "unknown label 'double' (known: abort-fatal, "),
        (text('labels = "double-set"\n'), "'labels' is not a list of words"),
        (text("enabled = 1\n"), "'enabled' is neither true nor false"),
        (text('touched-only = "yes"\n'), "'touched-only' is neither true nor false"),
        (text("case = 1\n"), "'case' is not an array of tables ([[case]])"),
        (case('severity = "note"'), "case 1: needs a 'where' table and something that it changes"),
        (
            case('where = { how = "possible" }'),
            "case 1: needs a 'where' table and something that it changes",
        ),
        (case('where = { how = "possible" }\ntitle = "x"'), "case 1: unknown key 'title'"),
        (case('where = { how = "possible" }\nmessage = "{x}"'), "case 1: message slot {x} is not emitted"),
        (case('where = { how = "possible" }\nseverity = 1'), "case 1: 'severity' is not one line of text"),
        (
            text('where = { how = "definite" }\n[[case]]\nwhere = { how = "possible" }\nadvice = "b"\n'),
            "case 1: never fits: the rule's own 'where' wants how = 'definite'",
        ),
        (text(body=page(Origin=None)), "no heading `## Origin`"),
        (text(body=page(More="x\n")), "headings are not What it flags · "),
        (text(body=page(Origin="")), "nothing under `## Origin`"),
        (text(body=page(Bad="No code.\n")), "no example (a ```c block) under `## Bad`"),
        (
            text(body="Lost.\n" + page()),
            "text between the front matter and the first heading is shown nowhere",
        ),
    ],
)
def test_a_fault_is_refused_in_one_line_that_names_the_file(data: bytes, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_rule(data, "rules.d/own-rule.md")
    message = str(caught.value)
    assert message.startswith(f"rules.d/own-rule.md: {fault}")
    assert "\n" not in message


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the rule folder: No such file or directory"):
        load_rules([tmp_path / "none"])
    with pytest.raises(UsageError, match=r"no rule file \(\*\.md\) in this folder"):
        load_rules([tmp_path])


def test_a_second_rule_of_the_same_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "int-as-bool.md").write_bytes(
        (Path(__file__).parent.parent / "rules" / "int-as-bool.md").read_bytes()
    )
    with pytest.raises(UsageError, match=r"int-as-bool is already defined \(int-as-bool\.md\)"):
        load_rules([tmp_path])


def test_a_readme_in_a_rule_folder_is_no_rule(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("our own rules\n")
    (tmp_path / "own-rule.md").write_bytes(text())
    assert load_rules([tmp_path]).get("own-rule").path == f"{tmp_path}/own-rule.md"
