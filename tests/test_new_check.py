# SPDX-License-Identifier: GPL-2.0-or-later
"""A new check costs its module, a rule's page and a fixture, and no list elsewhere names any of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import marks
import pytest
from commandline import run
from test_fixtures import faults_of_example, faults_of_fixture

import qerrlint.checks
from qerrlint.checks import registry
from qerrlint.errors import UsageError
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule_file import parse_rule

RULE = "abort-with-errp"
MODULE = '''\
"""The event abort-with-errp: a function with errp ends the program instead of setting an Error."""

from qerrlint.checks.check import Check, event
from qerrlint.findings import Observation


def run(analysed):
    """The calls of abort() in a function that could report a failure."""
    for call in analysed.function.calls if analysed.errp is not None else ():
        if call.name == "abort":
            yield Observation(
                event="abort-with-errp",
                function=analysed.name,
                primary=call.span,
                key=call.text,
                slots={"errp": analysed.errp},
            )


CHECKS = (Check("abort-with-errp", "errors", (event("abort-with-errp", "errp"),), run),)
'''
PAGE = """\
+++
id = "abort-with-errp"
title = "A function with errp calls abort()"
since = "0.1.0"
analysis = "errors"
event = "abort-with-errp"
severity = "warning"
confidence = "high"
message = "abort() ends QEMU, though {errp} could report the failure"
advice = "set an Error and return"
+++

## What it flags

abort() in a function with an `Error **errp`.

## Why it matters

The caller would have handled the failure.

## Bad

```c
static bool quill_dip(int ink, Error **errp)
{
    if (ink < 0) {
        abort();
    }
    return true;
}
```

## Good

```c
static bool quill_dip(int ink, Error **errp)
{
    if (ink < 0) {
        error_setg(errp, "no ink");
        return false;
    }
    return true;
}
```

## What to do

Set an Error.

## Not flagged

- Functions without errp.

## Origin

A test.
"""
FIXTURE = """\
static bool quill_dip_bad(int ink, Error **errp)
{
    if (ink < 0) {
        abort(); /* want abort-with-errp "errp could report" */
    }
    return true;
}

static void quill_wipe_ok(int ink)
{
    if (ink < 0) {
        abort();
    }
}
"""


def forget() -> None:
    """Let the checks be listed anew, and the rule files be compared with their events."""
    for cached in (registry.checks, registry.events, registry.path_sensitive, parse_rule):
        cached.cache_clear()


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the module in a package path of its own, the page in rules/ and the fixture in its."""
    for folder in ("checks", "rules", f"fixtures/{RULE}"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "checks" / "abort_with_errp.py").write_text(MODULE)
    (tmp_path / "rules" / f"{RULE}.md").write_text(PAGE)
    (tmp_path / "fixtures" / RULE / "quill.c").write_text(FIXTURE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with monkeypatch.context() as patched:
        patched.setattr(qerrlint.checks, "__path__", [*qerrlint.checks.__path__, str(tmp_path / "checks")])
        forget()
        yield tmp_path
    sys.modules.pop("qerrlint.checks.abort_with_errp", None)
    forget()


def test_the_command_finds_what_the_new_check_sees(written: Path) -> None:
    ran = run(
        "check", f"fixtures/{RULE}", "--rules", "rules", "--select", RULE, "--format", "json", "--jobs", "1"
    )
    assert ran.code == 1
    assert [(found["rule"], found["line"], found["message"]) for found in ran.findings] == [
        (RULE, 4, "abort() ends QEMU, though errp could report the failure")
    ]
    assert run("explain", RULE, "--rules", "rules").code == 0


def test_its_page_and_its_fixture_are_judged_like_all_others(written: Path) -> None:
    every = load_rules(["rules"])
    for sort in ("bad", "good"):
        for text in every.get(RULE).examples[sort]:
            assert faults_of_example(RULE, sort, text, every) == set()
    fixture = written / "fixtures" / RULE / "quill.c"
    assert faults_of_fixture(fixture, every) == []
    fixture.write_bytes(marks.blank(fixture.read_bytes()))
    assert len(faults_of_fixture(fixture, every)) == 1


def test_without_the_module_the_page_is_refused(written: Path) -> None:
    (written / "checks" / "abort_with_errp.py").unlink()
    forget()
    with pytest.raises(UsageError, match=r"abort-with-errp\.md: .* no event 'abort-with-errp'"):
        load_rules(["rules"])


def test_an_event_of_two_checks_is_refused(written: Path) -> None:
    (written / "checks" / "abort_again.py").write_text(MODULE)
    forget()
    with pytest.raises(ValueError, match="'abort-with-errp' is emitted by two checks"):
        registry.checks()
    sys.modules.pop("qerrlint.checks.abort_again", None)
