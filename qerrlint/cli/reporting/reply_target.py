# SPDX-License-Identifier: GPL-2.0-or-later
"""Where `patch --reply` writes the mails, and who sends them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qerrlint.cli.tell import tell
from qerrlint.errors import UsageError
from qerrlint.records import record

if TYPE_CHECKING:
    from datetime import datetime

    from qerrlint.patch.series import Series
    from qerrlint.result import Result

_FILE_SUFFIXES = (".mbox", ".mbx", ".eml")


@record(frozen=True, slots=True)
class ReplyTarget:
    """A folder that gets a file a mail, or a file that gets them all as an mbox; the sender and the date."""

    path: str
    is_file: bool
    sender: str
    date: datetime

    def write(self, result: Result, series: Sequence[Series], raised: bool) -> None:
        """Write the replies, none without findings, and report what was written on standard error.

        Raises UsageError when the target cannot be written.
        """
        from qerrlint.report.reply import mailbox, reply_mails, unanswerable

        for origin in dict.fromkeys(p.message.origin for p in unanswerable(result, series, raised)):
            tell(f"{origin}: no Message-ID to reply to")
        mails = reply_mails(result, series, self.sender, self.date, raised)
        if not mails:
            tell(f"no findings to reply with, {self.path} is not written")
            return
        try:
            if self.is_file:
                with open(self.path, "xb") as file:
                    file.write(mailbox(mails))
            else:
                os.makedirs(self.path, exist_ok=True)
                for number, mail in enumerate(mails, 1):
                    name = f"{number:04}-reply-to-patch-{mail.index}.eml"
                    with open(os.path.join(self.path, name), "xb") as file:
                        file.write(mail.data)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror}") from None
        noun = "reply" if len(mails) == 1 else "replies"
        tell(f"{len(mails)} {noun} in {self.path}")


def reply_target(path: str | None, sender: str | None) -> ReplyTarget | None:
    """What --reply and --reply-from come to; None without --reply.

    Raises UsageError where mails are already there (`git send-email FOLDER` would send them as well), where
    no sender is known, and for a SOURCE_DATE_EPOCH that is not a time.
    """
    if path is None:
        if sender is not None:
            raise UsageError("--reply-from: there is no --reply")
        return None
    is_file = path.endswith(_FILE_SUFFIXES) and not os.path.isdir(path)
    if os.path.isdir(path):
        try:
            taken = bool(os.listdir(path))
        except OSError as error:
            raise UsageError(f"{path}: cannot be listed: {error.strerror}") from None
    else:
        taken = os.path.lexists(path)
    if taken:
        raise UsageError(f"{path}: is there already and not empty; replies go to a new file or folder")
    if not os.path.isdir(os.path.dirname(path.rstrip("/")) or "."):
        raise UsageError(f"{path}: cannot be written: there is no such directory")
    return ReplyTarget(path, is_file, author(sender, "--reply-from"), now())


def new_folder(path: str) -> None:
    """Raise UsageError unless a path names an empty folder, or none yet in a folder that is there."""
    if os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path)):
        raise UsageError(f"{path}: is there already and not an empty folder; patches go to a new one")
    if not os.path.isdir(os.path.dirname(path.rstrip("/")) or "."):
        raise UsageError(f"{path}: cannot be written: there is no such directory")


def author(given: str | None, option: str) -> str:
    """Who a mail is from: the address that an option gives, else git's user. Raises UsageError."""
    who = given or _git_user()
    if who is None:
        raise UsageError(f"git has no user.name and user.email: name the sender with {option}")
    if "@" not in who or "\n" in who:
        raise UsageError(f"{option}: not an address: {who!r}")
    return who


def _git_user() -> str | None:
    from qerrlint.source.gitprocess import Git

    git = Git(".")
    values = [git.try_run(("config", "--get", key))[1].decode("utf-8", "replace").strip() for key in _USER]
    return f"{values[0]} <{values[1]}>" if all(values) else None


_USER = ("user.name", "user.email")


def now() -> datetime:
    """The time of writing; SOURCE_DATE_EPOCH (seconds since 1970) stands for it where it is set."""
    from datetime import datetime, timezone

    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given:
        try:
            return datetime.fromtimestamp(int(given), timezone.utc)
        except (ValueError, OverflowError, OSError):
            raise UsageError(f"SOURCE_DATE_EPOCH: not a time in seconds: {given!r}") from None
    return datetime.now().astimezone().replace(microsecond=0)
