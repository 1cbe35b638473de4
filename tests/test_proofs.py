# SPDX-License-Identifier: GPL-2.0-or-later
"""proofs/: what a claim is, what the runner makes of a scenario on a fake QEMU, claims on a real one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proofs.claim import Claim
from proofs.guest_program import ProgramError, guest_program
from proofs.load import ClaimError, load_claim, load_claims
from proofs.report import ReportError, report
from proofs.results import recorded, results_table
from proofs.verdict import STATUSES
from qerrlint.source.toml import read_toml

ROOT = Path(__file__).parent.parent
CLAIMS = ROOT / "proofs" / "claims"
HEAD = """title = "t"
path = "hw/x.c"
function = "f"
line = 3
rule = "error-set-twice"
trigger = "monitor"
"""
RUN = '[run]\nbinary = "qemu-system-fake"\nsettle = 0.5\n'
CRASH = 'limit = 3\nsteps = [{ qmp = "crash" }]\nexpect = { end = "SIGABRT", stderr = "assertion" }\n'
CONTROL = "[control]\nsteps = [{ qmp = \"echo\", shows = '^return' }]\n"


@pytest.fixture(scope="session")
def claims() -> list[Claim]:
    return load_claims([CLAIMS])


def test_claims_load_and_name_a_place(claims: list[Claim]) -> None:
    assert len(claims) > 60
    rules = {path.stem for path in (ROOT / "rules").glob("*.md")}
    later = {
        "guest-abort",
        "guest-division",
        "mmio-no-callback",
        "mmio-index-range",
        "phase-leak",
        "state-not-migrated",
    }
    for claim in claims:
        assert re.fullmatch(r"[\w.+/-]+\.(c|h|c\.inc)", claim.path), claim.id
        assert re.fullmatch(r"(?:[0-9a-f]{16})?", claim.fingerprint), claim.id
        assert claim.rule in rules | later | {"none"}, claim.id


def test_a_withheld_claim_holds_no_scenario() -> None:
    for path in CLAIMS.glob("*/*.toml"):
        table = read_toml(path.read_bytes())
        if "withheld" in table:
            assert not {"run", "before", "control", "register"} & set(table), path.name


def test_programs_that_claims_name_are_there(claims: list[Claim]) -> None:
    peers = {path.name for path in (ROOT / "proofs" / "peers").iterdir()}
    for claim in claims:
        for stage in (*claim.stages, *claim.control):
            scripts = [command[0][1:] for command in stage.prepare if command[0].startswith("@")]
            scripts += [step.script[0] for step in stage.steps if step.script]
            scripts += [stage.peer[0]] if stage.peer else []
            assert {f"{name}.py" for name in scripts} <= peers, claim.id
            assert not stage.preload or f"{stage.preload}.c" in peers, claim.id


def test_results_are_of_claims(claims: list[Claim]) -> None:
    names = {claim.id for claim in claims}
    for version, statuses in recorded().items():
        assert set(statuses) <= names, version
        assert set(statuses.values()) <= set(STATUSES), version


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "title: a text is wanted"),
        ("title = 3\n", "title: str is wanted"),
        ("title =\n", "c.toml: "),
        (HEAD + "colour = 'red'\nunprovable = 'x'\n", "unknown key 'colour'"),
        (HEAD, r"one of \[run\], \[register\], withheld and unprovable"),
        (HEAD + RUN, "a control is wanted"),
        (HEAD + "withheld = 'x'\n" + RUN + CONTROL, "one of"),
        (HEAD + RUN + "steps = [{}]\n" + CONTROL, r"steps\[0\]: one thing to do"),
        (HEAD + RUN + "steps = [{ qmp = 'a', sleep = 1 }]\n" + CONTROL, "one thing to do"),
        (HEAD + RUN + "steps = 3\n" + CONTROL, "steps: a list of tables"),
        (HEAD + RUN + "arguments = [1]\n" + CONTROL, "arguments: a list of texts"),
        (HEAD + RUN + "expect = { end = '(' }\n" + CONTROL, "end: "),
        (HEAD + RUN + "files = [{ name = '../x' }]\n" + CONTROL, "a plain file name"),
        (HEAD + "[run]\n" + CONTROL, "binary: a program"),
        (HEAD.replace('"monitor"', '"magic"') + RUN + CONTROL, "trigger: one of guest"),
    ],
)
def test_what_is_no_claim_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "s" / "c.toml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ClaimError, match=fault) as caught:
        load_claim(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("binary", "arguments", "trigger", "covered"),
    [
        ("qemu-system-x86_64", '"-M", "q35,cxl=on"', "guest", True),
        ("qemu-system-x86_64", "", "peer", True),
        ("qemu-system-x86_64", '"-M", "x-remote"', "peer", False),
        ("qemu-system-aarch64", '"-machine", "virt"', "guest", True),
        ("qemu-system-aarch64", '"-M", "raspi3b"', "guest", False),
        ("qemu-system-x86_64", '"-M", "q35"', "monitor", False),
        ("qemu-img", '"info", "x"', "peer", True),
        ("qemu-ga", "", "peer", False),
    ],
)
def test_the_virtualization_use_case_keeps_no_scenario(
    tmp_path: Path, binary: str, arguments: str, trigger: str, covered: bool
) -> None:
    head = HEAD.replace('"monitor"', f'"{trigger}"')
    text = f'{head}[run]\nbinary = "{binary}"\narguments = [{arguments}]\n{CONTROL}'
    path = tmp_path / "s" / "c.toml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    if covered:
        with pytest.raises(ClaimError, match="no scenario without `boundary`"):
            load_claim(path)
        path.write_text(text.replace("[run]", "boundary = 'why'\n[run]"), encoding="utf-8")
    assert load_claim(path).stages


def test_guest_programs() -> None:
    words = "04009fe5 04109fe5 001080e5 feffffea"
    # The first load reads 8 bytes on, and the pool begins behind the four instructions.
    made = guest_program("arm", ["write32 0x1000 0x2a"])
    assert made[8:16] == bytes.fromhex("".join(words.split()[2:]))
    assert made[16:] == (0x1000).to_bytes(4, "little") + (0x2A).to_bytes(4, "little")
    assert made[:8] == bytes.fromhex("08009fe5 08109fe5")
    thumb = guest_program("thumb", ["read8 0x40000000"])
    assert thumb[:8] == bytes.fromhex("00100020 41000000")
    assert thumb[64:] == bytes.fromhex("0148 0278 fee7 0000 00000040")
    wide = guest_program("aarch64", ["write32 0xf1010090 0xffffffff"])
    assert wide == bytes.fromhex("80000058 a1000058 010000b9 00000014 900001f100000000 ffffffff00000000")


@pytest.mark.parametrize(
    ("isa", "access"),
    [("z80", "read8 0x0"), ("arm", "read64 0x0"), ("arm", "read8 zero"), ("arm", "write8 0x0")],
)
def test_a_guest_program_that_cannot_be_made(isa: str, access: str) -> None:
    with pytest.raises(ProgramError):
        guest_program(isa, [access])


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str
    verdicts: list[dict[str, Any]]

    def row(self, name: str) -> tuple[str, str]:
        found = next(v for v in self.verdicts if v["id"] == name)
        return found["status"], found["reason"] or ""


class Bench:
    """A folder with fake programs, and one with claims."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.claims = folder / "claims"
        (self.claims / "s").mkdir(parents=True)
        self.programs.mkdir()
        fake = self.programs / "qemu-system-fake"
        fake.write_text(f'#!/bin/sh\nexec {sys.executable} -S {ROOT / "tests" / "fake_qemu.py"} "$@"\n')
        fake.chmod(0o755)

    def claim(self, name: str, text: str, head: str = HEAD) -> None:
        (self.claims / "s" / f"{name}.toml").write_text(head + text, encoding="utf-8")

    def run(self, *arguments: str) -> Ran:
        kept = {k: v for k, v in os.environ.items() if k not in ("CHROOT", "QEMU_BIN")}
        report = self.programs.parent / "verdicts.json"
        words = ["--claims", str(self.claims), "--qemu-bin", str(self.programs), "--json", str(report)]
        command = [sys.executable, "-m", "proofs", *words, *(arguments or ("s",))]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=kept, check=False)
        verdicts = json.loads(report.read_text())["verdicts"] if report.exists() else []
        return Ran(done.returncode, done.stdout, done.stderr, verdicts)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


needs_util_linux = pytest.mark.skipif(
    not all(map(shutil.which, ("setpriv", "prlimit"))), reason="setpriv and prlimit of util-linux are missing"
)


@needs_util_linux
@pytest.mark.long
def test_each_status(bench: Bench) -> None:
    bench.claim("crashes", RUN + CRASH + CONTROL)
    bench.claim("survives", RUN + CRASH.replace('"crash"', '"echo"') + CONTROL)
    bench.claim("both-crash", RUN + CRASH + '[control]\nexpect = { end = "running" }\n')
    bench.claim("mended", "fixed = '5.4.0'\n" + RUN + CRASH.replace('"crash"', '"echo"') + CONTROL)
    bench.claim("not-yet-mended", "fixed = '5.4.4'\n" + RUN + CRASH.replace('"crash"', '"echo"') + CONTROL)
    bench.claim("too-new", "since = '6.0.0'\n" + RUN + CRASH + CONTROL)
    bench.claim("no-program", RUN.replace("fake", "none") + CONTROL)
    bench.claim("no-machine", RUN + 'arguments = ["-M", "nosuchmachine"]\n' + CONTROL)
    bench.claim("kept-back", "withheld = 'w'\n")
    bench.claim("elsewhere", "unprovable = 'needs KVM'\n")
    ran = bench.run()
    assert ran.code == 1
    assert ran.row("crashes") == ("proved", "")
    assert ran.row("survives")[0] == "not reproduced"
    assert "running, not SIGABRT" in ran.row("survives")[1]
    assert ran.row("both-crash") == (
        "not reproduced",
        "the control fails as well: it ended with SIGABRT, not running fake: an assertion",
    )
    assert ran.row("mended")[0] == "fixed in this version"
    assert ran.row("not-yet-mended")[0] == "not reproduced"
    assert ran.row("too-new") == ("precondition missing", "came with 6.0.0")
    assert ran.row("no-program") == ("precondition missing", "no qemu-system-none there")
    assert ran.row("no-machine")[0] == "precondition missing"
    assert ran.row("kept-back") == ("withheld", "w")
    assert ran.row("elsewhere") == ("cannot run here", "needs KVM")
    last = ran.out.splitlines()[-1]
    assert last == (
        "QEMU 5.4.3: 1 proved, 3 not reproduced, 1 fixed in this version, 3 precondition missing, "
        "1 withheld, 1 cannot run here"
    )


@needs_util_linux
@pytest.mark.long
def test_what_steps_show(bench: Bench) -> None:
    def one(name: str, steps: str, more: str = "") -> None:
        bench.claim(name, f"uncontrolled = 'u'\n{RUN}steps = [{steps}]\n{more}")

    one("answered", '{ qmp = "echo", arguments = { a = 1 }, shows = "\'a\': 1" }')
    one("answered-otherwise", '{ qmp = "echo", arguments = { a = 1 }, shows = "\'a\': 2" }')
    one("silent", '{ qmp = "sleep", unanswered = true, wait = 0.5 }')
    one("not-silent", '{ qmp = "echo", unanswered = true, wait = 5 }')
    one("precondition", "{ qmp = \"refuse\", needs = '^return' }")
    one("unknown-command", '{ qmp = "nosuch" }')
    one(
        "leaves-a-file",
        '{ qmp = "write", arguments = { name = "made" } }',
        'expect = { leaves = "ma*", content = ["made", "6162"] }\n',
    )
    one("leaves-none", '{ qmp = "echo" }', 'expect = { leaves = "ma*" }\n')
    one("ends", '{ qmp = "leave", arguments = { code = 3 } }', 'expect = { end = "exit 3" }\n')
    one(
        "grows",
        '{ qmp = "echo" }, { qmp = "hoard", arguments = { size = 50000000 } }',
        "limit = 4\nexpect = { grows = 1000000 }\n",
    )
    one("prints", "{ sleep = 0.5 }", 'arguments = ["tell"]\nexpect = { stdout = "told" }\n')
    ran = bench.run()
    shown = {v["id"] for v in ran.verdicts if v["status"] == "proved"}
    assert shown == {"answered", "silent", "leaves-a-file", "ends", "prints"}
    missing = {v["id"] for v in ran.verdicts if v["status"] == "precondition missing"}
    assert missing == {"precondition", "unknown-command"}
    assert ran.row("answered-otherwise")[1] == "echo: return: {'a': 1}"
    assert ran.row("not-silent")[1] == "it was answered"
    assert "memory grew by" in ran.row("grows")[1]


@needs_util_linux
def test_registers_across_a_migration(bench: Bench) -> None:
    register = '[register]\nbinary = "qemu-system-fake"\nmachine = "m"\naddress = "{}"\nvalue = "{}"\n'
    control = '[register.control]\naddress = "0x20"\nvalue = "0x7"\n'
    bench.claim("lost", register.format("0x10", "0x5") + control)
    bench.claim("kept", register.format("0x20", "0x5") + control)
    bench.claim("takes-nothing", register.format("0x10", "0x0") + control)
    ran = bench.run()
    assert ran.row("lost") == ("proved", "")
    assert ran.row("kept") == ("not reproduced", "written: OK 0x5, loaded: OK 0x5")
    status, reason = ran.row("takes-nothing")
    assert status == "precondition missing"
    assert "stage 1: at reset: OK 0x0, written: OK 0x0" in reason


@needs_util_linux
def test_a_peer_of_ones_own_and_a_withheld_claim_replaced(bench: Bench) -> None:
    peers = bench.claims / "peers"
    peers.mkdir()
    (peers / "greets.py").write_text(
        "import time\nopen('seen', 'w').close()\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    (peers / "fails.py").write_text("print('never')\n")
    steps = 'steps = [{ qmp = "echo" }]\nexpect = { leaves = "seen" }\n'
    bench.claim("greeted", f'uncontrolled = "u"\n{RUN}peer = ["greets"]\n{steps}')
    bench.claim("ungreeted", f'uncontrolled = "u"\n{RUN}peer = ["fails"]\n{steps}')
    withheld = next(claim.id for claim in load_claims([CLAIMS]) if claim.withheld)
    bench.claim(withheld, "boundary = 'b'\n" + RUN + CRASH + CONTROL)
    ran = bench.run("greeted", "ungreeted", withheld)
    assert ran.row("greeted") == ("proved", "")
    assert ran.row("ungreeted") == ("precondition missing", "the peer fails did not start")
    assert ran.row(withheld) == ("proved", "")


@needs_util_linux
def test_nothing_is_left_behind(bench: Bench, tmp_path: Path) -> None:
    bench.claim(
        "silent", f'uncontrolled = "u"\n{RUN}steps = [{{ qmp = "sleep", unanswered = true, wait = 0.3 }}]\n'
    )
    before = set(Path("/tmp").glob("proof-*"))
    assert bench.run().code == 0
    assert not set(Path("/tmp").glob("proof-*")) - before
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False).stdout
    assert str(bench.programs) not in listed


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("nosuch",), "'nosuch' is neither a claim nor a subject"),
        (("--claims", "/nosuch"), "/nosuch: no such folder"),
        (("--qemu-bin", "/nosuch"), "/nosuch: no such folder"),
        (("--chroot", "/nosuch"), "/nosuch: no chroot with a system in it"),
    ],
)
def test_wrong_arguments(bench: Bench, arguments: tuple[str, ...], fault: str) -> None:
    ran = bench.run(*arguments)
    assert ran.code == 2
    assert fault in ran.err
    assert ran.err.count("\n") == 1


def test_listing_runs_nothing(bench: Bench) -> None:
    bench.claim("crashes", RUN + CRASH + CONTROL)
    ran = bench.run("--list", "s")
    assert ran.out == "s/crashes: t (hw/x.c:3, error-set-twice, monitor)\n"
    assert ran.code == 0


def printed(*arguments: str) -> Ran:
    command = [sys.executable, "-m", "proofs", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return Ran(done.returncode, done.stdout, done.stderr, [])


def test_a_report_is_known_by_the_fingerprint(claims: list[Claim]) -> None:
    claim = next(claim for claim in claims if claim.id == "spapr-slot")
    ran = printed("--report", claim.fingerprint)
    assert ran.code == 0
    assert ran.out.startswith(f"# {claim.title}\n")
    assert "1. `qemu-system-ppc64 -M pseries" in ran.out
    assert '2. QMP: `{"execute": "device_add"' in ran.out
    assert "The process ends with SIGABRT (stderr: `error_setv`)" in ran.out
    assert "No return after" in ran.out
    assert "Proof:" not in ran.out


def test_every_claim_that_runs_has_a_report(claims: list[Claim]) -> None:
    for claim in claims:
        if claim.stages:
            assert "## Steps to reproduce\n\n1. " in report(claim, recorded())
        else:
            with pytest.raises(ReportError, match=claim.id):
                report(claim, recorded())


def test_a_withheld_claim_has_no_report() -> None:
    ran = printed("--report", "iscsi-short-capacity")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


QEMU_HERE = bool(os.environ.get("CHROOT") or os.environ.get("QEMU_BIN") or shutil.which("qemu-system-x86_64"))


@pytest.mark.skipif(not QEMU_HERE, reason="no QEMU: CHROOT, QEMU_BIN or qemu-system-x86_64 on PATH")
@pytest.mark.parametrize("name", ["dgram-two-long-paths", "generic-initiator-node", "rng-without-mode"])
def test_claims_on_a_real_qemu(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "proofs", name], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith(("proved", "precondition missing", "fixed in this version"))


FOUND = ROOT / "docs" / "found.md"


def entries() -> list[str]:
    """The entries of docs/found.md: paragraphs that begin with a place."""
    return [part for part in FOUND.read_text(encoding="utf-8").split("\n\n") if part.startswith("**")]


def test_each_entry_of_found_has_a_status(claims: list[Claim]) -> None:
    """Its last lines name the claims that show it, or say why none can ("No proof: REASON.")."""
    found = {entry.split("**")[1]: wrong_statuses(entry, claims) for entry in entries()}
    assert len(found) > 50
    assert {place: wrong for place, wrong in found.items() if wrong} == {}


def wrong_statuses(entry: str, claims: list[Claim]) -> list[str]:
    """What is wrong with the last lines of an entry."""
    statuses = re.findall(
        r"^(Proof|Withheld|No proof): (.*(?:\n(?!Proof|Withheld|No proof).*)*)", entry, re.M
    )
    if not statuses:
        return ["write 'Proof: `CLAIM`.' or 'No proof: REASON.' at the end of the entry"]
    wrong = []
    by_name = {claim.id: claim for claim in claims}
    paths = {place.split(":")[0] for place in re.findall(r"\*\*([^*]+)\*\*", entry)}
    for kind, text in statuses:
        for name in re.findall(r"`([\w-]+)`", text):
            claim = by_name[name]
            has = "Proof" if claim.stages else "Withheld" if claim.withheld else "No proof"
            if (kind, claim.path in paths) != (has, True):
                wrong.append(name)
    if any(kind == "Withheld" for kind, _ in statuses) and "See it" in entry:
        wrong.append("a withheld claim is not shown")
    return wrong


def test_found_has_the_recorded_results(claims: list[Claim]) -> None:
    text = FOUND.read_text(encoding="utf-8")
    assert results_table(claims, recorded()) in text, "python -m proofs --results"
    named = set(re.findall(r"`([\w-]+)`", "".join(entries())))
    assert {claim.id for claim in claims} <= named


def test_what_the_project_wants_to_show(claims: list[Claim]) -> None:
    newest = list(recorded().values())[-1]
    shown = [claim for claim in claims if newest.get(claim.id) == "proved"]
    assert len({(claim.path, claim.line) for claim in shown}) >= 60
    assert len([claim for claim in shown if claim.trigger in ("guest", "peer")]) >= 10
