# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run shows a person: quiet, order, statistics, what is not shown, locales without UTF-8."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commandline import TREE, Ran, git, on_terminal, review_of_demo, run, scratch_repository, spawned

pytestmark = pytest.mark.usefixtures("kept_results")

PULSEHUB = "hw/intc/pulsehub.c"


NOTED = """
bool vireo_probe(VireoState *s, Error **errp)
{
    if (!s->clock_hz) {
        error_setg(errp, "the board has no clock.");
        return false;
    }
    return true;
}
"""


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    """The tree of the fixtures with a finding that is a note, in its first file."""
    top = scratch_repository(tmp_path / "noted")
    with (top / "hw/arm/vireo.c").open("a") as file:
        file.write(NOTED)
    git(top, "commit", "-q", "-a", "-m", "note")
    return top


def check(*arguments: str) -> Ran:
    return run("check", "--tree", TREE, *arguments)


def heads(ran: Ran) -> list[str]:
    """The severities of the findings in a text, in order."""
    return re.findall(r"^\S+:\d+:\d+: (error|warning|note)\[", ran.out, re.M)


def test_quiet_means_nothing_but_findings() -> None:
    loud, quiet = check("hw"), check("hw", "--quiet")
    assert (quiet.code, quiet.err) == (loud.code, "")
    assert heads(quiet) == heads(loud) != []
    assert loud.out.startswith(quiet.out.rstrip("\n"))
    assert "followed path by path" in loud.out
    assert "followed path by path" not in quiet.out
    assert run("check", "--tree", TREE, "--quiet", "hw/core").out == ""


def test_quiet_still_says_why_something_was_not_analysed(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    broken = (
        "\nint odd(Error **errp)\n{\n    if (errp {\n"
        "        error_setg(errp, 5 5);\n    }\n    return @;\n}\n"
    )
    with (top / PULSEHUB).open("a") as file:
        file.write(broken)
    ran = run("diff", "--tree", top, "--quiet")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("qerrlint: odd() was not analysed: ")
    assert ran.err.count("\n") == 1


def test_the_worst_first(noted: Path) -> None:
    order = ["error", "warning", "note"]
    paths = ("hw/arm", "hw/timer")
    by_path = heads(run("check", "--tree", noted, "--sort", "path", *paths))
    found = heads(run("check", "--tree", noted, "--sort", "severity", *paths))
    assert found == sorted(by_path, key=order.index) != by_path
    assert heads(run("check", "--tree", noted, *paths)) == by_path


def test_statistics_by_rule_and_confidence() -> None:
    ran = check("--statistics", "--min-confidence", "low")
    document = check("--format", "json", "--min-confidence", "low").document
    table, _, rest = ran.out.partition("\n\n")
    rows = [line.split() for line in table.splitlines()]
    assert rows[0] == ["rule", "high", "medium", "low", "all"]
    counted = {name: list(map(int, numbers)) for name, *numbers in rows[1:]}
    levels = ("high", "medium", "low")
    for rule in {item["rule"] for item in document["findings"]}:
        mine = [item["confidence"] for item in document["findings"] if item["rule"] == rule]
        assert counted[rule] == [*(mine.count(level) for level in levels), len(mine)]
    assert counted["all"][-1] == len(document["findings"])
    assert "followed path by path" in rest
    assert not heads(ran)


def test_a_whole_tree_shows_errors_and_warnings_and_counts_the_notes(noted: Path) -> None:
    def ran(*arguments: str) -> Ran:
        return run("check", "--tree", noted, *arguments)

    everything = ran("--min-severity", "note")
    notes = heads(everything).count("note")
    assert notes >= 1
    assert heads(ran()) == [severity for severity in heads(everything) if severity != "note"]
    assert f"not shown: {notes} {'note' if notes == 1 else 'notes'} (--min-severity note)" in ran().out
    assert ran("--format", "text", "--output", f"{noted}/out").code == 1
    # Only the text, and only where nothing says otherwise.
    for arguments in (("hw",), ("--fail-on", "note")):
        assert "note" in heads(ran(*arguments))
    assert "note" in {item["severity"] for item in ran("--format", "json").findings}
    (noted / ".qerrlint.toml").write_text('min-severity = "note"\n')
    assert heads(ran()).count("note") == notes


def test_what_is_not_shown_is_counted_with_the_option_that_shows_it() -> None:
    hidden = dict(re.findall(r"(?<=[:,] )\d+ ([a-z ]+) \((--[^)]+)\)", review_of_demo().out.splitlines()[-1]))
    assert "fixed" in hidden
    for option in hidden.values():
        number = int(re.search(rf"(\d+) [a-z ]+ \({option}\)", review_of_demo().out)[1])  # type: ignore[index]
        wider = option.replace("--status ", "--status introduced,").split()
        more = review_of_demo("--format", "json", *wider).findings
        assert len(more) == len(review_of_demo("--format", "json").findings) + number


def test_what_takes_two_options_names_both(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    file = top / "hw/timer/quartz.c"
    file.write_text(file.read_text().replace("#include", "#define ODD 1\n#include", 1))
    select = ("--select", "unguarded-error-prepend")
    one = run("diff", "--tree", top, *select)
    assert one.out.endswith("no findings\nnot shown: 1 persisting (--status persisting)\n")
    two = run("diff", "--tree", top, *select, "--min-severity", "error")
    options = "--status persisting --min-severity warning"
    assert two.out.endswith(f"no findings\nnot shown: 1 persisting warning ({options})\n")
    shown = run("diff", "--tree", top, *select, *options.split(), "--format", "json")
    assert len(shown.findings) == 1


@pytest.mark.parametrize(
    "command",
    [("modes",), ("explain", "error-set-twice"), ("rules",), ("contract", "error_setg"), ("check",)],
)
def test_a_locale_without_utf8(command: tuple[str, ...]) -> None:
    tree = () if command[0] in ("explain", "rules") else ("--tree", TREE)
    code = 1 if command[0] == "check" else 0
    written = {}
    for encoding in ("latin-1", "ascii"):
        for color in ("always", "never"):
            ran = run(*command, *tree, "--color", color, encoding=encoding)
            assert (ran.code, ran.err) == (code, "")
            assert ran.out
            assert ("\x1b[" in ran.out) == (color == "always")
            written[encoding, color] = ran
    # A process of its own also reads its files in that locale.
    locale = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    own = spawned(*command, *tree, "--color", "never", cwd=None, stdin=b"", **locale)
    assert own == written["ascii", "never"]


def test_the_list_of_rules_in_the_configuration_is_wrapped_on_a_terminal() -> None:
    wide = run("config", "--tree", TREE).out
    shown = on_terminal(72, "config", "--tree", TREE)
    assert max(map(len, shown.splitlines())) <= 72
    assert shown.split() == wide.split()
    assert len(wide.splitlines()) < 20 < len(shown.splitlines())
