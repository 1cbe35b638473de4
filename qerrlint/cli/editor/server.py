# SPDX-License-Identifier: GPL-2.0-or-later
"""The language server: diagnostics of open buffers, quick fixes, hovers with contracts of functions."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

from qerrlint import __version__
from qerrlint.cli.editor.buffer import Buffer, Seen
from qerrlint.cli.editor.conversion import allow_edit, diagnostic, fix_edits, word_at
from qerrlint.cli.options import Options
from qerrlint.errors import QerrlintError
from qerrlint.source.source import C_SUFFIXES

if TYPE_CHECKING:
    from typing_extensions import Buffer as Bytes

T = TypeVar("T")

ALL, NEW = "all", "new"
# Seconds without a change before a buffer is analysed.
_PAUSE = 0.4


@dataclass(slots=True)
class _Shown:
    """What was published of a document: its version, its buffer, the findings, the diagnostic of each."""

    version: int | None
    buffer: Buffer
    findings: list[tuple[Seen, int, types.Diagnostic]]


class Server(LanguageServer):
    """The server of one editor. All analyses run in one thread, in the order in which they are asked for."""

    def __init__(self, options: Options, show: str) -> None:
        super().__init__("qerrlint", __version__)
        self._options = options
        self._show = show
        self._worker = ThreadPoolExecutor(1)
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._shown: dict[str, _Shown] = {}
        self._told: set[str] = set()

    def schedule(self, uri: str, pause: float = _PAUSE) -> None:
        """Analyse a document when it has not changed for `pause` seconds."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._waiting[uri] = asyncio.ensure_future(self._refresh(uri, pause))

    def forget(self, uri: str) -> None:
        """A document is closed: nothing is shown of it."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._shown.pop(uri, None)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    async def in_worker(self, work: Callable[[], T]) -> T | None:
        """The result of some work in the thread; None after an error of the user's, which is shown once."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except QerrlintError as error:
            if str(error) not in self._told:
                self._told.add(str(error))
                self.window_show_message(
                    types.ShowMessageParams(types.MessageType.Error, f"qerrlint: {error}")
                )
            return None

    def document(self, uri: str) -> TextDocument | None:
        """The document of an address; None before the editor has said hello, and for one that is neither open
        nor a text that can be read."""
        try:
            document = self.workspace.get_text_document(uri)
            _ = document.source
        except (RuntimeError, OSError, ValueError):
            return None
        return document

    def buffer(self, document: TextDocument) -> Buffer | None:
        """The document as a buffer; None for what is no C file on disk."""
        file = to_fs_path(document.uri)
        if file is None or not file.endswith(C_SUFFIXES) or not document.uri.startswith("file:"):
            return None
        # JSON may hold halves of characters, which no file has.
        return Buffer(file, document.source.encode("utf-8", "surrogatepass"), self._options)

    async def _refresh(self, uri: str, pause: float) -> None:
        await asyncio.sleep(pause)
        document = self.document(uri)
        if document is None:
            return
        buffer, version = self.buffer(document), document.version
        if buffer is None:
            return
        seen = await self.in_worker(buffer.seen)
        if seen is None or document.version != version:
            return
        for skipped in seen.skipped:
            self.window_log_message(
                types.LogMessageParams(types.MessageType.Warning, f"{skipped.path}: {skipped.reason}")
            )
        root = buffer.open().root
        findings = []
        for number, found in enumerate(seen.found):
            if self._show == ALL or seen.is_new(number):
                made = diagnostic(found, seen.is_new(number), os.path.abspath(root))
                made.range = document.position_codec.range_to_client_units(document.lines, made.range)
                findings.append((seen, number, made))
        self._shown[uri] = _Shown(version, buffer, findings)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, [made for _, _, made in findings], version)
        )

    async def actions(self, uri: str, wanted: types.Range) -> list[types.CodeAction]:
        """The fix of each finding in a range, and a comment that allows it."""
        document, shown = self.document(uri), self._shown.get(uri)
        if document is None or shown is None or shown.version != document.version:
            return []
        out = []
        for seen, number, made in shown.findings:
            if made.range.start.line > wanted.end.line or made.range.end.line < wanted.start.line:
                continue
            found = seen.found[number]
            fix = await self.in_worker(lambda found=found: shown.buffer.fix(found))  # type: ignore[misc]
            if fix is not None:
                edits = [self._in_client_units(document, edit) for edit in fix_edits(fix)]
                out.append(_action(f"qerrlint: {fix.description}", uri, edits, made, preferred=True))
            allow = self._in_client_units(document, allow_edit(found))
            out.append(_action(f"qerrlint: allow {found.rule} here", uri, [allow], made, preferred=False))
        return out

    async def hover(self, uri: str, position: types.Position) -> types.Hover | None:
        """The contract of the function whose name stands at a position."""
        document = self.document(uri)
        if document is None:
            return None
        buffer = self.buffer(document)
        place = document.position_codec.position_from_client_units(document.lines, position)
        name = word_at(document.lines, place.line, place.character)
        if buffer is None or name is None:
            return None
        buffer.open()
        lines = await self.in_worker(lambda: buffer.contract(name))
        if not lines:
            return None
        text = "\n".join(lines)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, f"```text\n{text}\n```"))

    def _in_client_units(self, document: TextDocument, edit: types.TextEdit) -> types.TextEdit:
        bounds = document.position_codec.range_to_client_units(document.lines, edit.range)
        return types.TextEdit(bounds, edit.new_text)


class _Output(io.BufferedWriter):
    """Standard output. An editor that has said `exit` waits for nothing: answers that come later are dropped,
    where the library would report each as an error to that editor, and this report as the next one."""

    def __init__(self) -> None:
        super().__init__(io.FileIO(sys.stdout.fileno(), "wb", closefd=False))

    def write(self, data: Bytes, /) -> int:
        """Write bytes; the number of bytes that were taken."""
        return len(memoryview(data)) if self.closed else super().write(data)

    def flush(self) -> None:
        """Send what has been written."""
        if not self.closed:
            super().flush()


def serve(options: Options, show: str) -> None:
    """Serve one editor over standard input and output, until it ends the session."""
    make_server(options, show).start_io(stdout=_Output())


def _action(
    title: str, uri: str, edits: list[types.TextEdit], about: types.Diagnostic, preferred: bool
) -> types.CodeAction:
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[about],
        is_preferred=preferred,
        edit=types.WorkspaceEdit(changes={uri: edits}),
    )


def make_server(options: Options, show: str) -> Server:
    """A server with its features, not started."""
    server = Server(options, show)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.schedule(params.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.schedule(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        server.schedule(params.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
    )
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        return await server.actions(params.text_document.uri, params.range)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        return await server.hover(params.text_document.uri, params.position)

    return server
