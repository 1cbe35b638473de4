# SPDX-License-Identifier: GPL-2.0-or-later
"""The targets: what each does with an input. Whatever is raised but a QerrlintError is a finding."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qerrlint.errors import QerrlintError

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
TREE = FIXTURES / "tree"


@dataclass(frozen=True)
class Target:
    """A target: its name, the corpus, words that mean something to it, what it does with bytes.

    `limit` is the CPU time in seconds that one input may take; `prepare` loads what every input needs.
    """

    name: str
    corpus: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...]
    run: Callable[[bytes], None]
    limit: float = 2.0
    prepare: Callable[[], object] = lambda: None


class Wrong(Exception):  # noqa: N818 (what a target says of an outcome)
    """An outcome that must not be."""


def run(target: Target, data: bytes) -> None:
    """Put an input through a target; errors of the user's are what should happen."""
    try:
        target.run(data)
    except QerrlintError as error:
        if "\n" in str(error):
            raise Wrong(f"an error of several lines: {str(error)[:200]!r}") from None


def _files(*patterns: str) -> list[bytes]:
    return [
        path.read_bytes() for pattern in patterns for path in sorted(FIXTURES.glob(pattern)) if path.is_file()
    ]


@cache
def _mails() -> list[bytes]:
    return [data for data in _files("mail/*", "patches/*/*.mbox", "patches/*/*.patch") if len(data) < 20_000]


@cache
def _diffs() -> list[bytes]:
    whole = _files("mail/*.diff", "patches/*/*.diff")
    inside = [data[at:] for data in _mails() if (at := data.find(b"diff --git ")) >= 0]
    return [*whole, *inside]


@cache
def _sources() -> list[bytes]:
    return [data for data in _files("*/*.c", "tree/**/*.c", "tree/**/*.h") if len(data) < 12_000]


def _mail(data: bytes) -> None:
    from qerrlint.patch.group_messages import assemble
    from qerrlint.patch.mail.read_input import read_messages

    for series in assemble(read_messages(data, "input")):
        series.remarks()


def _diff(data: bytes) -> None:
    from qerrlint.patch.diffparser import parse_diff

    parse_diff(data)


def _apply(data: bytes) -> None:
    """Each change on the file that its hunks describe, and on one that they do not."""
    from qerrlint.patch.apply import apply_change
    from qerrlint.patch.diffparser import parse_diff

    for change in parse_diff(data).changes:
        lines = [text for hunk in change.hunks for sign, text in hunk.lines if sign in " -"]
        for old in (b"\n".join(lines), data, None):
            with suppress(QerrlintError):
                apply_change(change, old)


def _program(data: bytes) -> object:
    from qerrlint.model.program import Program
    from qerrlint.source.directory import DirectorySource
    from qerrlint.source.overlay import OverlaySource

    source = OverlaySource(DirectorySource(str(TREE)), {"hw/misc/input.c": data})
    unit = Program(source, "headers").unit("hw/misc/input.c")
    if unit is None:
        raise Wrong("a file without a unit")
    return unit


def _c(data: bytes) -> None:
    from qerrlint.model.translation_unit import TranslationUnit

    unit = _program(data)
    assert isinstance(unit, TranslationUnit)
    for piece in unit.definitions.functions:
        unit.lowering.function(piece)
    for name in unit.functions:
        unit.signature(name)


@cache
def _rules() -> object:
    from qerrlint.rules.loader import load_rules

    return load_rules()


def _interpretation(data: bytes) -> None:
    from qerrlint.engine.analyse_file import analyse_unit
    from qerrlint.model.translation_unit import TranslationUnit
    from qerrlint.rules.rule import RuleSet

    unit, rules = _program(data), _rules()
    assert isinstance(unit, TranslationUnit)
    assert isinstance(rules, RuleSet)
    analyse_unit(unit, rules)


def _warm() -> None:
    _interpretation(_sources()[0])


def _rule_file(data: bytes) -> None:
    from qerrlint.rules.rule_file import parse_rule

    parse_rule(data, "input.md")


@cache
def _rule_files() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "rules").glob("*.md"))]


_CONFIGURATIONS = (
    b'min-severity = "warning"\nselect = ["cpr-*"]\nexclude = ["roms", "tests/*"]\nreach = "tree"\n',
    b'fail-on = "error"\nbaseline = "accepted.txt"\n[severity]\nleaked-error = "error"\n',
    b'[[per-path]]\npaths = ["hw/"]\nignore = ["error-message-form"]\n'
    b'[per-path.severity]\ndropped-error = "note"\n',
    b"0123456789abcdef error-set-twice hw/net/a.c:f\n# a comment\n",
)


def _configuration(data: bytes) -> None:
    from qerrlint.policy.baseline import parse
    from qerrlint.policy.configuration import load_configuration
    from qerrlint.rules.rule import RuleSet
    from qerrlint.source.directory import DirectorySource
    from qerrlint.source.overlay import OverlaySource

    rules = _rules()
    assert isinstance(rules, RuleSet)
    for name in (".qerrlint.toml", "qerrlint.toml", "pyproject.toml"):
        load_configuration(OverlaySource(DirectorySource(str(TREE)), {name: data})).check_rules(rules)
    parse(data, "baseline")


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="qerrlint-fuzz-"))
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    return folder


def _checked(folder: Path | None) -> tuple[list[str], str | None]:
    """The findings of a part of the made-up tree, with a store in a folder or without one, and its
    trouble.
    """
    from unittest import mock

    from qerrlint.engine import check_files as engine
    from qerrlint.engine.store.cache_store import Store
    from qerrlint.source.directory import DirectorySource

    # So little work is done without a store otherwise.
    with DirectorySource(str(TREE)) as source, mock.patch.object(engine, "ONE_PROCESS_BYTES", 0):
        files = engine.core_files(source, ["hw/timer", "hw/arm"])
        store = Store(folder) if folder is not None else None
        checked = engine.check_files(source, files, engine.CheckOptions("headers", store=store))
        if store is not None:
            store.close()
    trouble = store.trouble if store is not None else None
    return sorted(item.finding.fingerprint for item in checked.found), trouble


@cache
def _stored() -> list[bytes]:
    folder = _folder() / "whole"
    _checked(folder)
    (file,) = folder.glob("*.sqlite")
    return [file.read_bytes()]


@cache
def _fresh() -> list[str]:
    return _checked(None)[0]


def _store(data: bytes) -> None:
    """A damaged store: the run goes on, and its result is that of a run without one."""
    (name,) = [path.name for path in (_folder() / "whole").glob("*.sqlite")] or ["results.sqlite"]
    folder = _folder() / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / name).write_bytes(data)
    found, _ = _checked(folder)
    if found != _fresh():
        raise Wrong("a damaged store changes the result")


def _session(*messages: dict[str, object]) -> bytes:
    return b"\n".join(json.dumps({"jsonrpc": "2.0", **message}).encode() for message in messages)


@cache
def _sessions() -> list[bytes]:
    uri = "@TREE@/hw/timer/quartz.c"
    text = (TREE / "hw/timer/quartz.c").read_text("utf-8")
    document = {"uri": uri, "languageId": "c", "version": 1, "text": text}
    at = {"textDocument": {"uri": uri}, "position": {"line": 4, "character": 6}}
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 90, "character": 0}}
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": "int f(void);\n"}]}
    asked = {"textDocument": {"uri": uri}, "range": span, "context": {"diagnostics": []}}
    return [
        _session(
            {
                "id": 1,
                "method": "initialize",
                "params": {"capabilities": {}, "processId": None, "rootUri": None},
            },
            {"method": "initialized", "params": {}},
            {"method": "textDocument/didOpen", "params": {"textDocument": document}},
            {"id": 2, "method": "textDocument/hover", "params": at},
            {"id": 3, "method": "textDocument/codeAction", "params": asked},
            {"method": "textDocument/didChange", "params": change},
            {"id": 4, "method": "textDocument/hover", "params": at},
            {"method": "textDocument/didClose", "params": {"textDocument": {"uri": uri}}},
            {"id": 5, "method": "shutdown"},
            {"method": "exit"},
        )
    ]


_START = ("<module>", "main", "_run", "invoke", "command")


def _framed(data: bytes) -> Iterator[bytes]:
    for line in data.replace(b"@TREE@", TREE.as_uri().encode()).split(b"\n"):
        yield b"Content-Length: %d\r\n\r\n%s" % (len(line), line)


def _editor(data: bytes) -> None:
    """A session of an editor, in a process of its own: it ends, and no error comes out of this program."""
    command = (sys.executable, "-m", "qerrlint", "lsp")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "QERRLINT_CACHE_DIR": str(_folder() / "lsp")}
    try:
        done = subprocess.run(
            command, input=b"".join(_framed(data)), capture_output=True, env=env, timeout=90, check=False
        )
    except subprocess.TimeoutExpired:
        raise Wrong("the server did not end with its input") from None
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode not in (0, 1, 2, 3):
        raise Wrong(f"the server ended with {done.returncode}: {said[-1500:]}")
    # The frames of start_io() and below it are in every traceback of the protocol's library.
    own = [line for line in said.splitlines() if f'"{ROOT / "qerrlint"}{os.sep}' in line]
    if any(line.rpartition(" in ")[2] not in _START for line in own) or "I/O operation on closed" in said:
        raise Wrong(f"an error in the server: {said[-1500:]}")


_MAIL_WORDS = (
    *(
        b"\nFrom ",
        b"\n> ",
        b"\n---\n",
        b"\n-- \n",
        b"\nSubject: [PATCH v2 3/7] ",
        b"Content-Type: ",
        b"boundary=",
    ),
    *(
        b"=\n",
        b"=3D",
        b"=?utf-8?q?",
        b"?=",
        b"\nReferences: <a@b>",
        b"text/html",
        b"<pre>",
        b"&nbsp;",
        b"On ",
    ),
)
_DIFF_WORDS = (
    *(
        b"@@ -1,3 +1,4 @@",
        b"\n+",
        b"\n-",
        b"\n ",
        b"\ndiff --git a/x b/y\n",
        b"\n--- a/x\n+++ b/x\n",
        b"\\ No newline",
    ),
    *(b"rename from ", b"new file mode 100644\n", b"GIT binary patch\n", b"../../", b"/dev/null"),
)
_C_WORDS = (
    *(
        b"Error **errp",
        b"error_setg(errp, ",
        b"if (",
        b"else ",
        b"#if 0\n",
        b"#else\n",
        b"#endif\n",
        b"goto out;",
    ),
    *(
        b"{",
        b"}",
        b"(",
        b")",
        b";",
        b"/*",
        b"*/",
        b'"',
        b"'",
        b"\\\n",
        b"return ",
        b"while (1)",
        b"out:",
        b"switch (",
    ),
    *(
        b"case 1:",
        b"? :",
        b"&&",
        b"#define X(a) a\n",
        b"static ",
        b"typedef struct ",
        b"ERRP_GUARD();",
        b"&local_err",
    ),
)
_TOML_WORDS = (
    b"[[",
    b"]]",
    b"[",
    b"]",
    b"= ",
    b'"""',
    b"{",
    b"}",
    b"+++\n",
    b"\n## ",
    b"true",
    b"1e400",
    b"\\u0000",
)

TARGETS: tuple[Target, ...] = (
    Target("mail", _mails, (*_MAIL_WORDS, *_DIFF_WORDS), _mail, prepare=lambda: _mail(_mails()[0])),
    Target("diff", _diffs, _DIFF_WORDS, _diff),
    Target("apply", _diffs, _DIFF_WORDS, _apply),
    Target("c", _sources, _C_WORDS, _c, prepare=_warm),
    Target("interpretation", _sources, _C_WORDS, _interpretation, 10.0, _warm),
    Target("rules", _rule_files, _TOML_WORDS, _rule_file),
    Target("configuration", lambda: _CONFIGURATIONS, _TOML_WORDS, _configuration, prepare=_rules),
    Target("store", _stored, (b"SQLite format 3\0",), _store, 10.0, _fresh),
    Target(
        "editor",
        _sessions,
        (b'"method":', b"null", b"[]", b"{}", b"-1", b"\\ud800", b'"uri": "file:///"'),
        _editor,
        # Its sessions are processes; the parent waits for them, for a multiple of this time.
        10.0,
    ),
)


def named(names: Iterable[str]) -> list[Target]:
    """The targets of these names; all of them where there are none. Raises KeyError for another name."""
    known = {target.name: target for target in TARGETS}
    return [known[name] for name in names] or list(TARGETS)
