# SPDX-License-Identifier: GPL-2.0-or-later
"""A bug report on a claim, in the form that QEMU's issue tracker asks for; printed, never sent."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from proofs.claim import Claim, InputFile, Stage, Step

FOUND = Path(__file__).parent.parent / "docs" / "found.md"
_STATUS = re.compile(r"^(?:Proof|Withheld|No proof): .*", re.M | re.S)


class ReportError(Exception):
    """A claim that has no report; its text is one line."""


def report(claim: Claim, statuses: Mapping[str, Mapping[str, str]]) -> str:
    """The report in Markdown; `statuses` are the recorded verdicts by version. Raises ReportError."""
    if claim.withheld:
        raise ReportError(f"{claim.id} is withheld: it goes to QEMU's security contact (docs/security.md)")
    if not claim.stages:
        raise ReportError(f"{claim.id} was not shown by running: {claim.unprovable}")
    versions = [version for version, known in statuses.items() if known.get(claim.id) == "proved"]
    last = claim.stages[-1]
    parts = [
        f"# {claim.title}",
        "## Host environment",
        f"- Operating system: Debian\n- QEMU version: {', '.join(versions) or 'not recorded'}",
        "## Emulated environment",
        f"- Program: {last.qemu}",
        "## Description of problem",
        f"{_outcome(last)}\n\n{entry_of(claim)}".strip(),
        "## Steps to reproduce",
        "\n".join(_steps(claim)),
        "## Additional information",
        f"In `{claim.function}`, {claim.place} (at b07529241a); found by qerrlint, rule {claim.rule}."
        + (f" Present since {claim.since}." if claim.since else ""),
    ]
    return "\n\n".join(parts) + "\n"


def entry_of(claim: Claim) -> str:
    """What docs/found.md says of the claim, without its head and its status; "" where it says nothing."""
    for entry in FOUND.read_text(encoding="utf-8").split("\n\n"):
        if entry.startswith("**") and f"`{claim.id}`" in entry:
            text = _STATUS.sub("", entry).strip()
            return " ".join(re.sub(r"\A\*\*.*?\]\. ", "", text, flags=re.S).split())
    return ""


def _outcome(stage: Stage) -> str:
    end = stage.expect.end
    if end.startswith("SIG"):
        return f"The process ends with {end}{_told(stage)}. It should report the error and go on, or exit."
    if end == "running":
        return f"The process goes on as if nothing had happened{_told(stage)}."
    return f"The process ends with {end}{_told(stage)}."


def _told(stage: Stage) -> str:
    return f" (stderr: `{stage.expect.stderr}`)" if stage.expect.stderr else ""


def _steps(claim: Claim) -> list[str]:
    lines: list[str] = []
    for stage in claim.stages:
        lines += [_file(item) for item in stage.files]
        for command in stage.prepare:
            words = shlex.join([command[0].removeprefix("@"), *command[1:]])
            lines.append(f"`{words}`" + (" (a program of proofs/peers/)" if command[0][0] == "@" else ""))
        if stage.peer:
            lines.append(f"`{shlex.join(stage.peer)}` (a program of proofs/peers/) runs beside it")
        if stage.preload:
            lines.append(f"proofs/peers/{stage.preload}.c is preloaded")
        settings = "".join(f"{key}={value} " for key, value in stage.environment.items())
        lines.append(f"`{settings}{shlex.join([stage.binary, *stage.arguments])}`")
        lines += [_step(step) for step in stage.steps]
    return [f"{number}. {line}" for number, line in enumerate(lines, 1)]


def _file(item: InputFile) -> str:
    if item.accesses:
        return f"`{item.name}`: a guest program ({item.isa}) that does {', '.join(item.accesses)}, then loops"
    if item.words:
        return f"`{item.name}`: the instruction words {', '.join(item.words)}"
    content = f"the bytes {item.hex}" if item.hex else f"the text {json.dumps(item.text)}"
    return f"`{item.name}`: {content}" + (f", {item.size} bytes long" if item.size else "")


def _step(step: Step) -> str:
    times = f", {step.repeat} times" if step.repeat > 1 else ""
    if step.qmp:
        command = {"execute": step.qmp, **({"arguments": step.arguments} if step.arguments else {})}
        return f"QMP: `{json.dumps(command)}`{times}"
    if step.hmp:
        return f"HMP: `{step.hmp}`{times}"
    if step.qtest:
        return f"qtest: `{step.qtest}`{times}"
    if step.script:
        return f"`{shlex.join(step.script)}` (a program of proofs/peers/)"
    if step.connect:
        return f"to the socket {step.connect}: `{step.send}`"
    if step.sleep:
        return f"wait {step.sleep:g} s"
    return (
        f"migrate to the file `{step.migrate}`"
        if step.migrate
        else "wait until the migration has been loaded"
    )
