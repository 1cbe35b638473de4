# SPDX-License-Identifier: GPL-2.0-or-later
"""Where `patch` takes mails from: files, standard input, a local archive, b4."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qerrlint.errors import InputError

if TYPE_CHECKING:
    from qerrlint.patch.message import Message


def read_mails(source: str) -> list[Message]:
    """The mails of a file or folder, of standard input (`-`), or of the thread of a message-id, by b4.

    Raises InputError where there is nothing of the kind.
    """
    from qerrlint.patch.mail.message_ids import is_address, message_id
    from qerrlint.patch.mail.read_input import read_messages, read_path

    if source == "-":
        return read_messages(sys.stdin.buffer.read(), "standard input")
    if not os.path.lexists(source):
        ident = message_id(source)
        if ident is not None:
            return _from_b4(source, ident)
        if is_address(source):
            raise InputError(f"{source}: no message-id in this address")
    return read_path(source)


def read_all_mails(sources: Sequence[str]) -> list[Message]:
    """The mails of all sources; one of several that cannot be read is a message that says so.

    Raises InputError where none of them can be read.
    """
    from qerrlint.patch.mail.read_input import unread

    failed: list[InputError] = []

    def read(source: str) -> list[Message]:
        try:
            return read_mails(source)
        except InputError as error:
            failed.append(error)
            return [unread(source, error)]

    messages = [message for source in sources for message in read(source)]
    if failed and len(failed) == len(sources):
        raise failed[0]
    return messages


def read_inbox(folder: str, text: str) -> list[Message]:
    """The thread of a mail in a local public-inbox archive; `text` is its message-id or its page's address.

    Raises InputError when the folder is no archive or lacks the mail, or the address names none.
    """
    from qerrlint.patch.mail.inbox import read_thread
    from qerrlint.patch.mail.message_ids import is_address, message_id

    ident = message_id(text)
    if ident is None and is_address(text):
        raise InputError(f"{text}: no message-id in this address")
    return read_thread(folder, ident or text)


def _from_b4(source: str, ident: str) -> list[Message]:
    """The thread that `b4 mbox` gets, from its cache or the network, as the user has set b4 up."""
    import subprocess

    from qerrlint.patch.mail.read_input import read_messages

    command = ("b4", "mbox", "--outdir", "-", ident)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        raise InputError(
            f"{source}: no such file, and b4, which gets the thread of a message-id, is not installed"
        ) from None
    except OSError as error:
        raise InputError(f"{source}: b4 cannot be run: {error.strerror}") from None
    if done.returncode != 0 or not done.stdout.strip():
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise InputError(
            f"{source}: b4 got no thread: {said[-1] if said else f'exit code {done.returncode}'}"
        )
    return read_messages(done.stdout, source)
