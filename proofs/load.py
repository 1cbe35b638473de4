# SPDX-License-Identifier: GPL-2.0-or-later
"""Claims are read from one small TOML file each; what is no claim is refused in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from proofs.claim import TRIGGERS, Claim, Expectation, InputFile, Stage, Step, in_use_case
from qerrlint.source.toml import TomlError, read_toml

T = TypeVar("T")


class ClaimError(Exception):
    """A file that is no claim; its text is one line that begins with the file's name."""


class _Table:
    """A TOML table that is taken apart key by key; whatever is left is a fault."""

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise ClaimError(f"{where}: a table is wanted")
        self._left = dict(values)
        self.where = where

    def take(self, key: str, default: T) -> T:
        """The value of `key`, of the default's type; a list becomes a tuple (of tuples) of texts."""
        value = self._left.pop(key, None)
        if value is None:
            return default
        if isinstance(default, tuple):
            value = _texts(value, f"{self.where}: {key}")
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(default):
            raise ClaimError(f"{self.where}: {key}: {type(default).__name__} is wanted")
        return value

    def table(self, key: str) -> _Table | None:
        """The table under `key`, or None."""
        value = self._left.pop(key, None)
        return None if value is None else _Table(value, f"{self.where}: [{key}]")

    def tables(self, key: str) -> list[_Table]:
        """The list of tables under `key`."""
        value = self._left.pop(key, [])
        if not isinstance(value, list):
            raise ClaimError(f"{self.where}: {key}: a list of tables is wanted")
        return [_Table(item, f"{self.where}: {key}[{i}]") for i, item in enumerate(value)]

    def has(self, key: str) -> bool:
        """Whether the key is there and not yet taken."""
        return key in self._left

    def end(self) -> None:
        """Raise ClaimError if a key is left."""
        if self._left:
            raise ClaimError(f"{self.where}: unknown key {min(self._left)!r}")


def _texts(value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ClaimError(f"{where}: a list is wanted")
    for item in value:
        if not isinstance(item, (str, list)):
            raise ClaimError(f"{where}: a list of texts is wanted")
    return tuple(_texts(item, where) if isinstance(item, list) else item for item in value)


def _input_file(table: _Table) -> InputFile:
    made = InputFile(
        table.take("name", ""),
        table.take("text", ""),
        table.take("hex", ""),
        table.take("words", ()),
        table.take("isa", ""),
        table.take("accesses", ()),
        table.take("size", 0),
    )
    table.end()
    if not re.fullmatch(r"[\w.-]+", made.name):
        raise ClaimError(f"{table.where}: name: a plain file name is wanted")
    return made


def _step(table: _Table) -> Step:
    made = Step(
        qmp=table.take("qmp", ""),
        arguments=table.take("arguments", {}),
        hmp=table.take("hmp", ""),
        qtest=table.take("qtest", ""),
        script=table.take("script", ()),
        connect=table.take("connect", ""),
        send=table.take("send", ""),
        sleep=table.take("sleep", 0.0),
        migrate=table.take("migrate", ""),
        loaded=table.take("loaded", False),
        repeat=table.take("repeat", 1),
        shows=_pattern(table, "shows"),
        needs=_pattern(table, "needs"),
        unanswered=table.take("unanswered", False),
        until=_pattern(table, "until"),
        wait=table.take("wait", 10.0),
        keep=table.take("keep", ""),
    )
    table.end()
    kinds = (made.qmp, made.hmp, made.qtest, made.script, made.connect, made.sleep, made.migrate, made.loaded)
    if sum(map(bool, kinds)) != 1:
        raise ClaimError(f"{table.where}: one thing to do is wanted")
    return made


def _expectation(table: _Table | None) -> Expectation:
    if table is None:
        return Expectation()
    made = Expectation(
        end=_pattern(table, "end") or "running",
        stderr=_pattern(table, "stderr"),
        stdout=_pattern(table, "stdout"),
        silent=_pattern(table, "silent"),
        leaves=table.take("leaves", ""),
        content=table.take("content", ()),
        grows=table.take("grows", 0),
        differs=table.take("differs", ()),
        same=table.take("same", ()),
    )
    table.end()
    if made.content and len(made.content) != 2:
        raise ClaimError(f"{table.where}: content: a file and hexadecimal digits are wanted")
    return made


def _pattern(table: _Table, key: str) -> str:
    text = table.take(key, "")
    try:
        re.compile(text)
    except re.error as error:
        raise ClaimError(f"{table.where}: {key}: {error}") from None
    return text


def _stage(table: _Table, base: Stage) -> Stage:
    """A stage: what the table says, and for the rest what `base` has (but never its expectation)."""
    made = Stage(
        binary=table.take("binary", base.binary),
        arguments=table.take("arguments", base.arguments),
        files=tuple(map(_input_file, table.tables("files"))) if table.has("files") else base.files,
        prepare=table.take("prepare", base.prepare),
        peer=table.take("peer", base.peer),
        steps=tuple(map(_step, table.tables("steps"))) if table.has("steps") else base.steps,
        environment=table.take("environment", dict(base.environment)),
        preload=table.take("preload", base.preload),
        limit=table.take("limit", base.limit),
        settle=table.take("settle", base.settle),
        unprivileged=table.take("unprivileged", base.unprivileged),
        session_key=table.take("session-key", base.session_key),
        socketpair=table.take("socketpair", base.socketpair),
        proc=table.take("proc", base.proc),
        monitor=table.take("monitor", base.monitor),
        expect=_expectation(table.table("expect")),
    )
    table.end()
    if not made.binary:
        raise ClaimError(f"{table.where}: binary: a program of QEMU's is wanted")
    return made


_NOTHING = Stage("")


def _scenario(table: _Table) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
    """The stages of the claim and of its control."""
    before = tuple(_stage(item, _NOTHING) for item in table.tables("before"))
    own = table.table("run")
    if own is None:
        return (), ()
    run = _stage(own, _NOTHING)
    changed = table.table("control")
    if changed is None:
        return (*before, run), ()
    further = changed.tables("before")
    earlier = tuple(_stage(item, _NOTHING) for item in further) if further else before
    return (*before, run), (*earlier, _stage(changed, run))


def _register(table: _Table) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
    """The stages that show whether a register survives a migration, and those of one that must."""
    binary, machine = table.take("binary", ""), table.take("machine", "")
    arguments, setup = table.take("arguments", ()), table.take("setup", ())
    kept = table.table("control")
    shown = _register_stages(binary, machine, arguments, setup, table, lost=True)
    control = _register_stages(binary, machine, arguments, setup, kept, lost=False) if kept else ()
    return shown, control


def _register_stages(
    binary: str,
    machine: str,
    arguments: tuple[str, ...],
    setup: tuple[str, ...],
    table: _Table,
    *,
    lost: bool,
) -> tuple[Stage, ...]:
    address, value, access = table.take("address", ""), table.take("value", ""), table.take("access", "l")
    setup = (*setup, *table.take("setup", ()))
    port = table.take("port", False)
    table.end()
    read, write = ("in", "out") if port else ("read", "write")
    asked = f"{read}{access} {address}"
    first = tuple(Step(qtest=line) for line in setup)
    source = Stage(
        binary=binary,
        arguments=("-M", machine, *arguments),
        steps=(
            *first,
            Step(qtest=asked, keep="at reset"),
            Step(qtest=f"{write}{access} {address} {value}"),
            Step(qtest=asked, keep="written"),
            Step(migrate="stream"),
        ),
        limit=60.0,
        expect=Expectation(differs=(("at reset", "written"),)),
    )
    incoming = ("-incoming", "exec:cat stream")
    after = Expectation(
        differs=(("written", "loaded"),) if lost else (), same=() if lost else (("written", "loaded"),)
    )
    target = replace(
        source,
        arguments=(*source.arguments, *incoming),
        steps=(Step(loaded=True), Step(qtest=asked, keep="loaded")),
        expect=after,
    )
    return source, target


def load_claim(path: Path) -> Claim:
    """The claim in a file; its folder is the subject. Raises ClaimError."""
    where = f"{path.parent.name}/{path.name}"
    try:
        table = _Table(read_toml(path.read_bytes()), where)
    except OSError as error:
        raise ClaimError(f"{where}: {error.strerror}") from None
    except TomlError as error:
        raise ClaimError(f"{where}: {error}") from None
    register = table.table("register")
    stages, control = _register(register) if register else _scenario(table)
    claim = Claim(
        id=path.stem,
        subject=path.parent.name,
        title=table.take("title", ""),
        path=table.take("path", ""),
        function=table.take("function", ""),
        line=table.take("line", 0),
        rule=table.take("rule", ""),
        fingerprint=table.take("fingerprint", ""),
        trigger=table.take("trigger", ""),
        since=table.take("since", ""),
        fixed=table.take("fixed", ""),
        boundary=table.take("boundary", ""),
        withheld=table.take("withheld", ""),
        shown=table.take("shown", ()),
        unprovable=table.take("unprovable", ""),
        uncontrolled=table.take("uncontrolled", ""),
        stages=stages,
        control=control,
        folder=path.parent.parent,
    )
    table.end()
    _validate(claim, where)
    return claim


def _validate(claim: Claim, where: str) -> None:
    for key in ("title", "path", "function", "rule"):
        if not getattr(claim, key):
            raise ClaimError(f"{where}: {key}: a text is wanted")
    if claim.trigger not in TRIGGERS:
        raise ClaimError(f"{where}: trigger: one of {', '.join(TRIGGERS)} is wanted")
    if sum(map(bool, (claim.stages, claim.withheld, claim.unprovable))) != 1:
        raise ClaimError(f"{where}: one of [run], [register], withheld and unprovable is wanted")
    if claim.stages and bool(claim.control) == bool(claim.uncontrolled):
        raise ClaimError(f"{where}: a control is wanted, or `uncontrolled` with the reason why there is none")
    if claim.stages and in_use_case(claim) and not claim.boundary:
        raise ClaimError(f"{where}: a guest or peer of a supported machine: no scenario without `boundary`")


def load_claims(folders: Iterable[Path]) -> list[Claim]:
    """The claims in folders of subjects, by subject and id; raises ClaimError, also for a name used twice."""
    claims: dict[str, Claim] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ClaimError(f"{folder}: no such folder")
        for path in sorted(folder.glob("*/*.toml")):
            claim = load_claim(path)
            other = claims.get(claim.id)
            if other is not None and not (other.withheld and claim.stages):
                raise ClaimError(f"{path.parent.name}/{path.name}: the name {claim.id!r} is taken")
            claims[claim.id] = claim
    return sorted(claims.values(), key=lambda claim: (claim.subject, claim.id))
