# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint lsp` as an editor runs it: the client of pygls speaks to the server over its pipes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from commandline import run, scratch_repository


class _Late:
    """A module that is imported when a test first asks for one of its names: each worker collects all tests,
    and the types of the protocol take it half a second."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_", "pytest")):
            raise AttributeError(name)  # what the collection asks of each name of this module
        return getattr(import_module(self._name), name)


types: Any = _Late("lsprotocol.types")
client_module: Any = _Late("pygls.lsp.client")

PULSEHUB = "hw/intc/pulsehub.c"
QUARTZ = "hw/timer/quartz.c"

Work = Callable[..., None]

# The client leaves the ends of its pipes to the garbage collector.
pytestmark = [
    pytest.mark.skipif(find_spec("pygls") is None, reason="pygls is not installed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Session:
    """A client with a server of its own; what the server publishes is kept."""

    def __init__(self) -> None:
        self.client = client_module.LanguageClient("test", "1")
        self.published: asyncio.Queue[Any] = asyncio.Queue()
        self.messages: asyncio.Queue[str] = asyncio.Queue()

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator, unused-ignore]
        def publish(params: Any) -> None:
            self.published.put_nowait(params)

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)  # type: ignore[untyped-decorator, unused-ignore]
        def show(params: Any) -> None:
            self.messages.put_nowait(params.message)

        @self.client.feature(types.WINDOW_LOG_MESSAGE)  # type: ignore[untyped-decorator, unused-ignore]
        def log(params: Any) -> None:
            pass

    async def start(self, *arguments: str) -> None:
        await self.client.start_io(sys.executable, "-m", "qerrlint", "lsp", *arguments)
        general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16])
        await self.client.initialize_async(
            types.InitializeParams(capabilities=types.ClientCapabilities(general=general))
        )
        self.client.initialized(types.InitializedParams())

    async def stop(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()

    async def diagnostics(self, file: Path, version: int | None) -> list[Any]:
        """Those that the server publishes for a version of a document."""
        while True:
            params = await asyncio.wait_for(self.published.get(), 60)
            if (params.uri, params.version) == (file.as_uri(), version):
                return list(params.diagnostics)

    async def opened(self, file: Path, text: str | None = None) -> list[Any]:
        text = text if text is not None else file.read_text()
        item = types.TextDocumentItem(file.as_uri(), "c", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return await self.diagnostics(file, 1)

    async def changed(self, file: Path, version: int, text: str) -> list[Any]:
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version=version, uri=file.as_uri()),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )
        return await self.diagnostics(file, version)

    async def actions(self, file: Path, diagnostic: Any) -> list[Any]:
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(file.as_uri()),
                diagnostic.range,
                types.CodeActionContext([diagnostic]),
            )
        )
        return list(found or [])

    async def hover(self, file: Path, text: str, needle: str) -> str:
        before = text[: text.index(needle) + 1]
        position = types.Position(before.count("\n"), len(before.rsplit("\n", 1)[-1]))
        found = await self.client.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(file.as_uri()), position)
        )
        return str(found.contents.value) if found is not None else ""


@pytest.fixture(scope="module")
def session() -> Iterator[Work]:
    """Runs a test's work with the server of these arguments, one for all tests; each of them opens files of a
    folder of its own."""
    started: dict[tuple[str, ...], Session] = {}
    loop = asyncio.new_event_loop()

    def ran(work: Callable[[Session], Coroutine[Any, Any, None]], *arguments: str) -> None:
        if arguments not in started:
            started[arguments] = Session()
            loop.run_until_complete(started[arguments].start(*arguments))
        loop.run_until_complete(work(started[arguments]))

    yield ran
    for one in started.values():
        loop.run_until_complete(one.stop())
    loop.close()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return scratch_repository(tmp_path / "qemu")


def rules(found: list[Any]) -> list[str]:
    return [one.code for one in found]


def test_the_findings_of_a_buffer_follow_its_changes(top: Path, session: Work) -> None:
    async def work(client: Session) -> None:
        file = top / PULSEHUB
        good = file.read_text()
        assert "error-set-twice" not in rules(await client.opened(file))
        spoilt = good.replace("        return;\n", "        ;\n", 1)
        found = await client.changed(file, 2, spoilt)
        (twice,) = [one for one in found if one.code == "error-set-twice"]
        assert twice.severity == types.DiagnosticSeverity.Error
        assert twice.source == "qerrlint (new)", "HEAD has no such finding"
        assert "help: " in twice.message
        related = twice.related_information
        assert related
        assert all(one.location.uri == file.as_uri() for one in related)
        line = spoilt.splitlines()[twice.range.start.line]
        assert "errp)" in line[twice.range.start.character : twice.range.end.character]
        assert file.read_text() == good, "the file on disk is not touched"
        assert "error-set-twice" not in rules(await client.changed(file, 3, good))

    session(work)


def test_closing_takes_the_findings_away(top: Path, session: Work) -> None:
    async def work(client: Session) -> None:
        file = top / QUARTZ
        assert await client.opened(file)
        client.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(file.as_uri()))
        )
        assert await client.diagnostics(file, None) == []

    session(work)


def test_the_same_findings_as_check(top: Path, session: Work) -> None:
    async def work(client: Session) -> None:
        file = top / QUARTZ
        found = await client.opened(file)
        known = run("check", "--tree", top, "--format", "json", QUARTZ).findings
        # An editor marks each place of a finding that the other formats tell once.
        places = [(one["rule"], one["line"]) for one in known]
        places += [
            (o["rule"], s["line"])
            for o in known
            for s in o["steps"]
            if s["message"] == "the same applies here"
        ]
        assert sorted((one.code, one.range.start.line + 1) for one in found) == sorted(places)
        assert {one.source for one in found} == {"qerrlint"}

    session(work)


def test_only_what_head_has_not(top: Path, session: Work) -> None:
    async def work(client: Session) -> None:
        file = top / QUARTZ
        assert await client.opened(file) == [], "standing defects are not new"
        broken = file.read_text().replace(
            '        error_prepend(errp, "quartz divider: ");\n        return false;\n',
            '        error_setg(errp, "again");\n        return false;\n',
        )
        assert rules(await client.changed(file, 2, broken)) == ["error-set-twice"]

    session(work, "--show", "new")


def edited(text: str, edits: list[Any]) -> str:
    """The text with edits of the protocol, whose characters are UTF-16 units."""
    lines = text.split("\n")

    def offset(position: Any) -> int:
        line = lines[position.line].encode("utf-16-le")[: 2 * position.character].decode("utf-16-le")
        return sum(len(one) + 1 for one in lines[: position.line]) + len(line)

    for edit in sorted(edits, key=lambda one: offset(one.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


def test_a_fix_and_a_comment_that_allows(top: Path, session: Work) -> None:
    async def work(client: Session) -> None:
        file = top / PULSEHUB
        text = file.read_text().replace(
            'error_setg(errp, "the hub has no line %d", number)',
            '/* \U0001f50c */ error_setg(errp, "the hub has no line %d.", number)',
        )
        found = await client.opened(file, text)
        (form,) = [one for one in found if one.code == "error-message-form"]
        fix, allow = await client.actions(file, form)
        assert fix.is_preferred
        mended = edited(text, fix.edit.changes[file.as_uri()])
        assert mended == text.replace("no line %d.", "no line %d")
        allowed = edited(text, allow.edit.changes[file.as_uri()])
        assert "        /* qerrlint: allow error-message-form REASON */\n        /* \U0001f50c */" in allowed
        assert "error-message-form" not in rules(await client.changed(file, 2, allowed))
        assert "error-message-form" not in rules(await client.changed(file, 3, mended))

    session(work)


def test_a_hover_shows_the_contract_of_a_function(top: Path, session: Work) -> None:
    async def work(client: Session) -> None:
        file = top / QUARTZ
        text = file.read_text()
        await client.opened(file)
        said = await client.hover(file, text, "quartz_set_divider(s, divider, errp)")
        assert "false is the failure" in said
        assert "bool quartz_set_divider(QuartzState *s, unsigned" in said
        assert await client.hover(file, text, "hz > QUARTZ_MAX_HZ") == ""

    session(work)


def test_a_broken_configuration_is_told_once_and_the_server_goes_on(top: Path, session: Work) -> None:
    async def work(client: Session) -> None:
        (top / ".qerrlint.toml").write_text('fail-on = "sometimes"\n')
        file = top / QUARTZ
        item = types.TextDocumentItem(file.as_uri(), "c", 1, file.read_text())
        client.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        message = await asyncio.wait_for(client.messages.get(), 60)
        assert "fail-on: 'sometimes' is not one of" in message
        (top / ".qerrlint.toml").unlink()
        assert await client.changed(file, 2, file.read_text())

    session(work)


def test_a_file_outside_of_a_tree(tmp_path: Path, session: Work) -> None:
    async def work(client: Session) -> None:
        file = tmp_path / "lone.c"
        file.write_text(
            'void f(Error **errp)\n{\n    error_setg(errp, "a");\n    error_setg(errp, "b");\n}\n'
        )
        found = await client.opened(file)
        assert "error-set-twice" in rules(found)

    session(work)


def test_an_editor_that_leaves_before_it_is_answered(top: Path) -> None:
    file = top / QUARTZ
    document = {"uri": file.as_uri(), "languageId": "c", "version": 1, "text": file.read_text()}
    start: dict[str, Any] = {"capabilities": {}, "processId": None, "rootUri": None}
    line = (
        file.read_text()
        .splitlines()
        .index("bool quartz_set_divider(QuartzState *s, unsigned divider, Error **errp)")
    )
    at = {"textDocument": {"uri": file.as_uri()}, "position": {"line": line, "character": 8}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": start},
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": document}},
        *({"id": number, "method": "textDocument/hover", "params": at} for number in range(2, 40)),
        {"method": "exit"},
    ]
    bodies = [json.dumps({"jsonrpc": "2.0", **message}).encode() for message in messages]
    said = b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)
    command = (sys.executable, "-m", "qerrlint", "lsp")
    done = subprocess.run(command, input=said, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.delitem(sys.modules, "qerrlint.cli.editor.server", raising=False)
    monkeypatch.delitem(sys.modules, "pygls.lsp.server", raising=False)
    ran = run("lsp")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("qerrlint: lsp needs the package ")
    assert ran.err.endswith("pip install 'qerrlint[lsp]'\n")
