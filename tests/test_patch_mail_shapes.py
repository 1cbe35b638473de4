# SPDX-License-Identifier: GPL-2.0-or-later
"""Shapes of mail: three commits come through whatever git, mailers, archives and packers make of them.

Of every shape the patches are applied in order, and the files have to be what the commits made of them. What
cannot be read has to be named: by a patch without changes, or by an error.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import quopri
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import pytest
from commandline import git

from qerrlint.errors import InputError
from qerrlint.patch.apply import apply_change
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.read_input import read_messages, read_path
from qerrlint.patch.series import Series

Files = dict[str, bytes]

LAMP = "hw/misc/lamp.c"
HEAD = "include/hw/misc/lamp.h"
BULB = "hw/misc/bulb.c"
START: Files = {
    LAMP: b"/* Lamps. */\n\n"
    + b"".join(
        b"static int lamp_%d(Lamp *s)\n{\n\ts->n = %d;\n\n    return 0;\n}\n\n" % (n, n) for n in range(9)
    ),
    HEAD: b"#ifndef LAMP_H\n#define LAMP_H\n\nint lamp_init(void);\n\n#endif\n",
}


def changed(files: Files, path: str, old: bytes, new: bytes) -> Files:
    assert files.get(path, b"").count(old) == 1
    return {**files, path: files[path].replace(old, new)}


ONE = changed(
    START, LAMP, b"s->n = 2;\n\n", b"s->n = 2;\n\n    /* From here on: caf\xc3\xa9 */\n    s->lit--;\n"
)
TWO = changed(ONE, LAMP, b"s->n = 7;\n", b"if (s->n > 0) {\n        return -1;\n    }\n")
TWO = changed(TWO, HEAD, b"int lamp_init(void);\n", b"int lamp_init(Error **errp);\n-- 1;\n")
THREE: Files = changed(TWO, LAMP, b"    /* From here on: caf\xc3\xa9 */\n    s->lit--;\n", b"")
THREE[BULB] = b"> quoted\n\nFrom nobody Mon Mar  3 12:00:00 2025\n"
STAGES = [START, ONE, TWO, THREE]
TITLES = ["hw/misc/lamp: count", "hw/misc/lamp: say why", "hw/misc/bulb: new file"]


@cache
def repository() -> Path:
    import tempfile

    top = Path(tempfile.mkdtemp(prefix="shapes-"))
    git(top, "init", "-q", "-b", "main")
    for number, files in enumerate(STAGES):
        for path, data in files.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(data)
        git(top, "add", "-A")
        title = TITLES[number - 1] if number else "base"
        text = (
            f"{title}\n\nA paragraph on it.\n\n> quoted by its author\n\nSigned-off-by: Ada <ada@example.org>"
        )
        when = f"2025-03-0{number + 1}T12:00:00Z"
        subprocess.run(
            [
                "git",
                "-C",
                top,
                "-c",
                "user.name=Zoë Ada",
                "-c",
                "user.email=ada@example.org",
                "commit",
                "-q",
                "-m",
                text,
            ],
            check=True,
            env={
                "GIT_AUTHOR_DATE": when,
                "GIT_COMMITTER_DATE": when,
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "HOME": "/",
            }
            | {"PATH": "/usr/bin:/bin:/usr/local/bin"},
        )
    git(top, "tag", "end")
    return top


@pytest.fixture(scope="module", autouse=True)
def _removed() -> object:
    import shutil

    yield
    shutil.rmtree(repository(), ignore_errors=True)
    repository.cache_clear()


@cache
def out(*arguments: str) -> bytes:
    """What a git command prints; "A..B" stands for the three commits."""
    given = [argument.replace("A..B", "end~3..end") for argument in arguments]
    return git(repository(), *given).encode("utf-8", "surrogateescape")


def mails(*options: str) -> bytes:
    return out("format-patch", "--stdout", *options, "A..B")


@cache
def each() -> tuple[bytes, ...]:
    """The three mails without their From lines, with message-ids, the others in the first's thread."""
    parts = re.split(rb"^From [0-9a-f]{40} Mon Sep 17 .*\n", mails(), flags=re.M)[1:]
    heads = [b"Message-ID: <1@x>\n", *(b"Message-ID: <%d@x>\nIn-Reply-To: <1@x>\n" % n for n in (2, 3))]
    return tuple(head + part for head, part in zip(heads, parts, strict=True))


def mbox(parts: Sequence[bytes], end: bytes = b"\n") -> bytes:
    line = b"From ada@example.org Mon Mar  3 12:00:00 2025\n"
    return b"".join(line + re.sub(rb"^(>*From )", rb">\1", part, flags=re.M) + end for part in parts)


def bodies(
    change: Callable[[bytes], bytes], fields: bytes = b"", parts: Sequence[bytes] | None = None
) -> bytes:
    """A mailbox of the three mails with their bodies and headers changed."""
    found = []
    for part in parts or each():
        head, _, body = part.partition(b"\n\n")
        head = re.sub(rb"^(?:MIME-Version|Content-[\w-]+):.*\n", b"", head + b"\n", flags=re.M)
        found.append(head + fields + b"\n" + change(body))
    return mbox(found)


def subjects(change: Callable[[int, bytes], bytes]) -> bytes:
    """A mailbox of the three mails under other subjects."""
    found = []
    for number, part in enumerate(each(), 1):
        subject = re.search(rb"^Subject: (.*)$", part, re.M)
        assert subject is not None
        title = subject[1].partition(b"] ")[2]
        found.append(part.replace(subject[0], b"Subject: " + change(number, title), 1))
    return mbox(found)


def tags(form: bytes) -> bytes:
    return subjects(lambda number, title: b"[" + form % number + b"] " + title)


def applied(series: Sequence[Series]) -> Files:
    """The files after all patches of all series; fails where a patch has a problem."""
    files = dict(START)
    for one in series:
        assert one.missing == (), one.problems
        for patch in one.patches:
            assert patch.problems == ()
            for change in patch.changes:
                old = files.get(change.old_path) if change.old_path is not None else None
                new = apply_change(change, old)
                assert change.new_path is not None
                assert new.data is not None
                files[change.new_path] = new.data
    return files


def clear_signed(body: bytes) -> bytes:
    text = re.sub(rb"^-", b"- -", body, flags=re.M)
    armour = b"-----BEGIN PGP SIGNATURE-----\n\niQ==\n=abcd\n-----END PGP SIGNATURE-----\n"
    return b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + text + armour


def stuffed(body: bytes) -> bytes:
    return re.sub(rb"^([ >]|From)", rb" \1", body, flags=re.M)


def as_html(
    body: bytes, line: str, blank: Callable[[str], str], around: str = "<html><body>%s</body></html>"
) -> bytes:
    import html

    lines = [line % blank(html.escape(text, quote=False)) for text in body.decode().split("\n")]
    return (around % "".join(lines)).encode()


def no_break(text: str) -> str:
    """Blanks as mailers keep them: all but single ones between words."""
    text = text.replace("\t", "        ")
    return re.sub(r"^ +| {2,}", lambda match: "&nbsp;" * len(match[0]), text) or "<br>"


def forward(intro: bytes, quote: bytes = b"") -> bytes:
    found = []
    for number, part in enumerate(each(), 1):
        head, _, body = part.partition(b"\n\n")
        subject = re.search(rb"^Subject: (.*)$", head, re.M)
        assert subject is not None
        copied = b"From: Ada <ada@example.org>\nDate: Mon, 3 Mar 2025 12:00:00 +0000\nSubject: " + subject[1]
        text = b"".join(quote + line + b"\n" for line in (copied + b"\n\n" + body).split(b"\n"))
        found.append(
            b"From: Bo <bo@example.net>\nSubject: Fwd: " + subject[1] + b"\nMessage-ID: <f%d@x>\n\n" % number
            + b"Please look.\n\n" + intro + text
        )  # fmt: skip
    return mbox(found)


def envelope(make: Callable[[EmailMessage], None]) -> bytes:
    mail = EmailMessage()
    mail["From"] = "Ada <ada@example.org>"
    mail["Subject"] = "[PATCH] three patches"
    mail["Message-ID"] = "<e@x>"
    mail.set_content("See the attachments.\n")
    make(mail)
    return mail.as_bytes()


def attached(names: str, kind: tuple[str, str], pack: Callable[[bytes], bytes] = lambda data: data) -> bytes:
    def make(mail: EmailMessage) -> None:
        parts = re.split(rb"^(?=From [0-9a-f]{40} Mon Sep 17 )", mails(), flags=re.M)[1:]
        for number, part in enumerate(parts, 1):
            mail.add_attachment(pack(part), maintype=kind[0], subtype=kind[1], filename=names % number)

    return envelope(make)


def digest() -> bytes:
    parts = b"".join(b"--B\n\n" + part + b"\n" for part in each())
    head = b"From: list@x\nSubject: Digest, Vol 1\nContent-Type: multipart/digest; boundary=B\n\n"
    return head + parts + b"--B--\n"


def zipped(names: str, *more: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for number, part in reversed([*enumerate(each(), 1)]):
            archive.writestr(names % number, part)
        for name, content in more:
            archive.writestr(name, content)
    return data.getvalue()


def _with_bytes(data: bytes, mark: bytes, gone: bytes, new: bytes) -> bytes:
    """The data with other bytes behind each mark."""
    assert mark + gone in data
    parts = data.split(mark + gone)
    size = len(new) - len(gone)
    return (mark + new).join([parts[0], *(part[size:] for part in parts[1:])])


def tarred(names: str, mode: str = "w") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:  # type: ignore[call-overload]
        for number, part in reversed([*enumerate(each(), 1)]):
            info = tarfile.TarInfo(names % number)
            info.size = len(part)
            archive.addfile(info, io.BytesIO(part))
    return data.getvalue()


def pasted(number: int, above: bytes, line: bytes = b"From x Mon Mar  3 12:00:00 2025\n") -> bytes:
    """A mail whose text is a file of `git format-patch`, its first line included."""
    file = re.split(rb"^(?=From [0-9a-f]{40} Mon Sep 17 )", mails(), flags=re.M)[number]
    head = b"From: Ada <ada@example.org>\nSubject: [PATCH %d/3] x\nMessage-ID: <p%d@x>\n" % (number, number)
    return line + head + b"References: <p1@x>\n\n" + above + file + b"\n"


def hg_export() -> bytes:
    found = []
    for number in (3, 2, 1):
        diff = out("diff", f"end~{number}", f"end~{number - 1}")
        head = f"# HG changeset patch\n# User Ada <ada@example.org>\n# Date 174100000{4 - number} -3600\n"
        found.append(head.encode() + b"# Node ID %040d\n# Parent  %040d\n" % (number, number + 1))
        found.append(TITLES[3 - number].encode() + b"\n\nText.\n\n" + diff)
    return b"".join(found)


def page(line: str) -> bytes:
    """The text of a page that lists the three mails below each other."""
    found = [b"A page\n\n"]
    for number, part in enumerate(each()):
        body = part.partition(b"\n\n")[2]
        found.append(f"[PATCH {number + 1}/3] {TITLES[number]}\n".encode() + line.encode() + b"\n" + body)
    return b"".join(found)


def lore_thread() -> bytes:
    found = [b"<html><head><title>x</title></head><body><pre>"]
    for number, part in enumerate(each()):
        body = part.partition(b"\n\n")[2].replace(b"&", b"&amp;")
        body = body.replace(b"<", b"&lt;").replace(b">", b"&gt;")
        head = f"* <b>[PATCH {number + 1}/3] {TITLES[number]}</b>\n"
        head += f"From: Zoe Ada @ 2025-03-0{number + 2} 12:00 UTC (raw)\n"
        found.append(head.encode() + b"  To: list\n\n" + body + b"\n^ permalink raw reply\t[flat|nested]\n\n")
    return b"".join([*found, b"</pre></body></html>"])


def utf16(name: str, mark: bytes = b"") -> bytes:
    return mark + mails().replace(b"\n", b"\r\n").decode().encode(name)


HTML = b"Content-Type: text/html; charset=utf-8\n"
SHAPES: dict[str, Callable[[], bytes]] = {
    # what git itself makes
    "format-patch": mails,
    "cover-letter": lambda: mails("--cover-letter", "--thread"),
    "deep-thread": lambda: mails("--thread=deep"),
    "unnumbered": lambda: mails("-N"),
    "keep-subject": lambda: mails("-k"),
    "rfc": lambda: mails("--rfc"),
    "version-3": lambda: mails("-v3"),
    "attach": lambda: mails("--attach"),
    "inline": lambda: mails("--inline=limit"),
    "no-signature": lambda: mails("--no-signature"),
    "odd-signature": lambda: mails("--signature=--- a/x\n+++ b/x"),
    "zero-commit": lambda: mails("--zero-commit", "-N"),
    "full-index": lambda: mails("--full-index", "--binary"),
    "no-prefix": lambda: mails("--no-prefix"),
    "other-prefixes": lambda: mails("--src-prefix=old/", "--dst-prefix=new/"),
    "long-prefixes": lambda: mails("--src-prefix=qemu/devel/a/", "--dst-prefix=qemu/devel/b/"),
    "prefixes-of-other-folders": lambda: mails("--src-prefix=qemu/before/", "--dst-prefix=qemu/after/"),
    "one-line-of-context": lambda: mails("-U1"),
    "whole-functions": lambda: mails("-W"),
    "wide-context": lambda: mails("-U200"),
    "no-stat": lambda: mails("-p"),
    "patience": lambda: mails("--patience", "--stat=200", "--summary"),
    "base": lambda: mails("--base=end~3"),
    "in-body-from": lambda: mails("--from=Bo <bo@example.net>"),
    "encoded-headers": lambda: mails("--encode-email-headers"),
    "signed-off": lambda: mails("--signoff", "--notes"),
    "subject-prefix": lambda: mails("--subject-prefix=Stable-10.1.2"),
    "range-diff": lambda: mails("--cover-letter", "--range-diff=end~3..end~1"),
    "log": lambda: out("log", "-p", "A..B"),
    "log-reverse": lambda: out("log", "-p", "--reverse", "A..B"),
    "log-fuller": lambda: out("log", "-p", "--stat", "--format=fuller", "A..B"),
    "log-raw": lambda: out("log", "-p", "--format=raw", "A..B"),
    "log-one-line": lambda: out("log", "-p", "--oneline", "A..B"),
    "log-reference": lambda: out("log", "-p", "--format=reference", "A..B"),
    "log-email": lambda: out("log", "-p", "--format=email", "A..B"),
    "log-email-stat": lambda: out("log", "-p", "--stat", "--format=email", "A..B"),
    "log-mboxrd": lambda: out("log", "-p", "--reverse", "--format=mboxrd", "A..B"),
    "log-colour": lambda: out("log", "-p", "--color=always", "A..B"),
    "log-colour-email": lambda: out("log", "-p", "--color=always", "--format=email", "A..B"),
    "log-decorated": lambda: out("log", "-p", "--decorate=full", "--date=iso", "--no-abbrev", "A..B"),
    "show-three": lambda: out("show", "end~2", "end~1", "end"),
    "show-email": lambda: out("show", "--format=email", "end~2", "end~1", "end"),
    "diff": lambda: out("diff", "A..B"),
    "diff-colour": lambda: out("diff", "--color=always", "A..B"),
    "diff-colour-moved": lambda: out("diff", "--color=always", "--color-moved", "A..B"),
    "diff-colour-blanks": lambda: out("diff", "--color=always", "--ws-error-highlight=all", "A..B"),
    "diff-no-index-lines": lambda: re.sub(rb"^index .*\n", b"", out("diff", "A..B"), flags=re.M),
    "diff-no-git-lines": lambda: re.sub(
        rb"^(?:index|diff --git|new file) .*\n", b"", out("diff", "A..B"), flags=re.M
    ),
    "diff-dates": lambda: re.sub(
        rb"^(--- a/\S+|\+\+\+ b/\S+)$", rb"\1\t2025-03-03 12:00:00.0 +0100", out("diff", "A..B"), flags=re.M
    ),
    "svn-diff": lambda: re.sub(
        rb"^--- a/(\S+)\n\+\+\+ b/(\S+)$",
        rb"Index: \1\n=====\n--- \1\t(revision 12)\n+++ \2\t(working copy)",
        re.sub(rb"^(?:index|diff --git) .*\n", b"", out("diff", "end~3..end~1"), flags=re.M)
        + out("diff", "end~1..end"),
        flags=re.M,
    ),
    "stripped-blank-context": lambda: re.sub(rb"^ $", b"", mails(), flags=re.M),
    "trailing-blanks-stripped": lambda: re.sub(rb"[ \t]+$", b"", mails(), flags=re.M),
    # strung together, packed, in other encodings
    "without-signatures-and-blank-lines": lambda: re.sub(
        rb"\n+(?=From [0-9a-f]{40} )", b"\n", mails("--no-signature")
    ),
    "from-nobody": lambda: mbox(each()).replace(
        b"From ada@example.org Mon Mar  3 12:00:00 2025", b"From nobody", 1
    ),
    "cover-of-another-version": lambda: mbox(
        [
            b"From: Ada <ada@example.org>\nSubject: [PATCH v3 0/3] lamps\nMessage-ID: <c@x>\n\nThree.\n",
            *(b"References: <c@x>\n" + part for part in each()),
        ]
    ),
    "cover-without-number": lambda: mbox(
        [
            b"From: Ada <ada@example.org>\nSubject: [PATCH v1] lamps\nMessage-ID: <c@x>\n\nThree.\n",
            *(part.replace(b"\n", b"\nIn-Reply-To: <c@x>\n", 1) for part in each()),
        ]
    ),
    "patch-files-pasted-into-mails": lambda: b"".join(
        pasted(number, b"") for number in (1, 2, 3)
    ),
    "patch-files-pasted-below-a-remark": lambda: b"".join(
        pasted(number, b"Please take this.\n\n") for number in (1, 2, 3)
    ),
    "one-pasted-patch-file": lambda: pasted(1, b"", b"")[:-1] + mbox(each()[1:]),
    "empty-lines-between-all": lambda: bodies(lambda body: body.replace(b"\n", b"\n\n")),
    "reversed": lambda: mbox(each()[::-1]),
    "no-blank-lines-between": lambda: mbox(each(), b""),
    "text-in-front": lambda: b"HTTP/1.1 200 OK\nserver: x\n\n" + mbox(each()),
    "mail-in-front": lambda: each()[0] + b"\n" + mbox(each()[1:]),
    "blank-lines-in-front": lambda: b"\n\r\n\n" + mbox(each()),
    "pipermail-from-lines": lambda: re.sub(
        rb"^From ada@example.org ", b"From ada at example.org  ", mbox(each()), flags=re.M
    ),
    "thunderbird-from-lines": lambda: re.sub(rb"^From ada@\S+", b"From -", mbox(each()), flags=re.M),
    "no-seconds-in-from-lines": lambda: re.sub(
        rb"^(From ada.*) 12:00:00", rb"\1 12:00", mbox(each()), flags=re.M
    ),
    "quoted-from-in-header": lambda: mbox(
        [b">From ada@x Mon Mar  3 12:00:00 2025\n" + part for part in each()]
    ),
    "crlf": lambda: mbox(each()).replace(b"\n", b"\r\n"),
    "cr": lambda: mails().replace(b"\n", b"\r"),
    "utf-8-mark": lambda: b"\xef\xbb\xbf" + mails(),
    "utf-16-le": lambda: utf16("utf-16-le", b"\xff\xfe"),
    "utf-16-be": lambda: utf16("utf-16-be", b"\xfe\xff"),
    "utf-16-unmarked": lambda: utf16("utf-16-le"),
    "utf-32": lambda: utf16("utf-32"),
    "utf-16-diff": lambda: out("diff", "A..B").decode().encode("utf-16"),
    "gzip": lambda: gzip.compress(mails()),
    "gzip-twice": lambda: gzip.compress(gzip.compress(mails())),
    "gzip-members": lambda: b"".join(map(gzip.compress, (mbox([part]) for part in each()))),
    "bzip2": lambda: bz2.compress(mails()),
    "xz": lambda: lzma.compress(mails()),
    "zip": lambda: zipped("%04d-x.patch"),
    "zip-bzip2": lambda: zipped("%04d-x.patch", method=zipfile.ZIP_BZIP2),
    "zip-lzma": lambda: zipped("%04d-x.patch", method=zipfile.ZIP_LZMA),
    "zip-with-other-files": lambda: zipped(
        "d/%04d-x.patch", ("d/README", b"\0no"), ("__MACOSX/d/._1.patch", b"\0")
    ),
    "zip-of-mails-without-suffix": lambda: zipped("mail-%d"),
    "zip-of-maildir": lambda: zipped("box/cur/%d.host:2,S", ("box/new/", b""), ("box/dovecot.index", b"\0")),
    "tar": lambda: tarred("%04d-x.patch"),
    "tar-gz": lambda: tarred("a/b/%04d.eml", "w:gz"),
    "tar-xz-long-names": lambda: tarred("x" * 120 + "/%04d.mbox", "w:xz"),
    "gzip-in-zip": lambda: zipped("notes-%d.doc", ("series.mbox.gz", gzip.compress(mails()))),
    # what mailers do
    "quoted-printable": lambda: bodies(
        quopri.encodestring,
        b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n",
    ),
    "base64": lambda: bodies(
        lambda body: base64.encodebytes(body.replace(b"\n", b"\r\n")),
        b"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: BASE64\n",
    ),
    "base64-declared-decoded": lambda: bodies(bytes, b"Content-Transfer-Encoding: base64\n"),
    "quoted-printable-undeclared": lambda: bodies(quopri.encodestring),
    "utf-16-body": lambda: bodies(
        lambda body: base64.encodebytes(body.decode().encode("utf-16")),
        b"Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n",
    ),
    "unknown-charset": lambda: bodies(bytes, b"Content-Type: text/plain; charset=x-no-such-charset\n"),
    "nul-in-charset": lambda: bodies(bytes, b"Content-Type: text/plain; charset=\"a\0b\"\n"),
    "flowed": lambda: bodies(stuffed, b"Content-Type: text/plain; charset=utf-8; format=flowed\n"),
    "flowed-delsp": lambda: bodies(stuffed, b"Content-Type: text/plain; format=flowed; delsp=yes\n"),
    "flowed-but-as-it-was": lambda: bodies(bytes, b"Content-Type: text/plain; format=flowed\n"),
    "clear-signed": lambda: bodies(clear_signed),
    "clear-signed-with-footer": lambda: bodies(lambda body: clear_signed(body) + b"____\nlist footer\n"),
    "pgp-mime": lambda: bodies(
        lambda body: b"--S\n\n" + body + b"--S\nContent-Type: application/pgp-signature\n\niQ\n--S--\n",
        b'MIME-Version: 1.0\nContent-Type: multipart/signed; micalg="pgp-sha256"; boundary=S\n',
    ),
    "alternative": lambda: bodies(
        lambda body: b"--S\nContent-Type: text/plain\n\n" + body
        + b"--S\nContent-Type: text/html\n\n<html>page</html>\n--S--\n",
        b"Content-Type: multipart/alternative; boundary=S\n",
    ),
    "html-pre": lambda: bodies(
        lambda body: as_html(body, "%s\n", str, "<html><body><pre>%s</pre></body></html>"), HTML
    ),
    "html-pre-style": lambda: bodies(
        lambda body: as_html(body, "%s\n", str, '<html><div style="white-space: pre-wrap">%s</div></html>'),
        b"Content-Type: text/html; charset=utf-8\n",
    ),
    "html-beside-a-stub": lambda: bodies(
        lambda body: b"--S\n\nThis mail needs a better reader.\n--S\nContent-Type: text/html\n\n"
        + as_html(body, "%s\n", str, "<html><pre>%s</pre></html>") + b"\n--S--\n",
        b"Content-Type: multipart/alternative; boundary=S\n",
    ),
    "footer-of-a-list": lambda: bodies(lambda body: body + b"\n_______________\nlamp mailing list\nlamp@x\n"),
    "scissors": lambda: bodies(lambda body: b"Here it is.\n\n-- >8 --\n" + body),
    "carriage-returns-of-the-mail-only": lambda: bodies(lambda body: body.replace(b"\n", b"\r\n")),
    # subjects
    "one-id-for-all": lambda: mbox(
        [re.sub(rb"^Message-ID: .*", b"Message-ID: <same@x>", part, flags=re.M) for part in each()]
    ),
    "untagged-in-thread": lambda: subjects(lambda n, title: title),
    "untagged-in-thread-of-several-authors": lambda: subjects(lambda n, title: title).replace(
        b"From: =?UTF-8?q?Zo=C3=AB=20Ada?= <ada@example.org>", b"From: Bo <bo@example.net>", 1
    ),
    "mark-of-a-gateway": lambda: subjects(lambda n, title: b"{EXTERNAL} RE: [PATCH %d/3] " % n + title),
    "tag-in-parentheses": lambda: subjects(lambda n, title: b"(PATCH %d/3) " % n + title),
    "tag-patchwork": lambda: tags(b"v6,%d/3"),
    "tag-stable": lambda: tags(b"Stable-10.1.2 0%d/03"),
    "tag-wip": lambda: tags(b"WIP %d/3"),
    "tag-for-release": lambda: tags(b"for-10.1 %d/3"),
    "tag-for-release-question": lambda: tags(b"PATCH-for-10.1? %d/3"),
    "tag-poc": lambda: tags(b"PoC v2 %d/3"),
    "tag-project": lambda: tags(b"lamp PATCH v2 %d/3"),
    "tag-number-alone": lambda: tags(b"%d/3"),
    "tag-of": lambda: tags(b"PATCH %d of 3"),
    "tag-list-in-front": lambda: tags(b"lamp-devel] [PATCH v2 %d/3"),
    "tag-outside": lambda: subjects(lambda n, title: b"[EXTERNAL] [PATCH %d/3] " % n + title),
    "tag-without-brackets": lambda: subjects(lambda n, title: b"PATCH v2 %d/3 " % n + title),
    "tag-in-two": lambda: subjects(lambda n, title: b"[PATCH][RFC][v2][%d/3] " % n + title),
    "subject-answer": lambda: subjects(lambda n, title: b"Re: [PATCH %d/3] " % n + title),
    "subject-answer-in-german": lambda: subjects(lambda n, title: b"AW: Re: [PATCH %d/3] " % n + title),
    "subject-encoded": lambda: subjects(
        lambda n, title: b"=?utf-8?b?" + base64.b64encode(b"[PATCH %d/3] " % n + title) + b"?="
    ),
    "subject-bare-in-thread": lambda: subjects(lambda n, title: title if n > 1 else b"[PATCH] " + title),
    # forwarded and attached
    "forward": lambda: forward(b"---------- Forwarded message ---------\n"),
    "forward-outlook": lambda: forward(b"-----Original Message-----\n"),
    "forward-quoted": lambda: forward(b"", b"> "),
    "forward-apple": lambda: forward(b"Begin forwarded message:\n\n", b"> "),
    "attached-patches": lambda: attached("000%d-x.patch", ("text", "x-patch")),
    "attached-octets": lambda: attached("000%d-x.patch", ("application", "octet-stream")),
    "attached-packed": lambda: attached("000%d-x.patch.gz", ("application", "gzip"), gzip.compress),
    "attached-archive": lambda: envelope(
        lambda mail: mail.add_attachment(
            tarred("000%d.patch", "w:gz"), maintype="application", subtype="x-tar", filename="series.tar.gz"
        )
    ),
    "attached-mails": lambda: mbox(
        [
            b"From: Bo <bo@x>\nSubject: FW: three\nContent-Type: multipart/mixed; boundary=B\n\n"
            + b"--B\n\nLook.\n"
            + b"".join(b"--B\nContent-Type: message/rfc822\n\n" + part + b"\n" for part in each())
            + b"--B--\n"
        ]
    ),
    "digest": digest,
    # pages and other tools
    "hg-export": hg_export,
    "patchew-text": lambda: page("Posted by Zoe Ada 2 years, 3 months ago"),
    "patchew-text-of-today": lambda: page("Posted by Zoe Ada 51 minutes ago"),
    "lore-page": lore_thread,
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_lost(shape: str) -> None:
    series = [one for one in assemble(read_messages(SHAPES[shape](), shape)) if one.patches]
    assert applied(series) == THREE


# Mailers that write HTML make blanks of tabs; the rest of each line has to be what it was.
BLANKED: dict[str, Callable[[], bytes]] = {
    "html-divisions": lambda: bodies(lambda body: as_html(body, "<div>%s</div>\n", no_break), HTML),
    "html-breaks": lambda: bodies(
        lambda body: as_html(body, "%s<br>\n", no_break, "<html><body><div dir=ltr>%s</div></body></html>"),
        HTML,
    ),
    "html-paragraphs": lambda: bodies(
        lambda body: as_html(
            body,
            '<p class="MsoPlainText"><span lang="EN-US">%s<o:p></o:p></span></p>\r\n',
            lambda text: no_break(text).replace("<br>", "&nbsp;"),
            "<html><head><style>p {color: red}</style></head><body>%s</body></html>",
        ),
        HTML,
    ),
    "no-break-spaces": lambda: bodies(
        lambda body: re.sub(
            r"^([-+ ]?)([ \t]+)", lambda m: m[1] + "\xa0" * len(m[2].expandtabs()), body.decode(), flags=re.M
        ).encode(),
        b"Content-Type: text/plain; charset=utf-8\n",
    ),
    "no-break-spaces-for-signs": lambda: bodies(
        lambda body: re.sub(rb"^ (?=[\t ]*\S)", b"\xc2\xa0", body, flags=re.M),
        b"Content-Type: text/plain; charset=utf-8\n",
    ),
}


@pytest.mark.parametrize("shape", BLANKED)
def test_lines_of_html_mail_are_what_they_were(shape: str) -> None:
    (series,) = assemble(read_messages(BLANKED[shape](), shape))
    (plain,) = assemble(read_messages(mbox(each()), "plain"))
    assert [patch.problems for patch in series.patches] == [(), (), ()]
    assert lines_of(series) == lines_of(plain)


def lines_of(series: Series) -> list[tuple[str, str]]:
    """Signs and texts of all lines, with the same blanks for a tab wherever it stands."""
    return [
        (sign, re.sub(rb"[ \t]+", b" ", text).decode())
        for patch in series.patches
        for change in patch.changes
        for hunk in change.hunks
        for sign, text in hunk.lines
    ]


NAMED: dict[str, tuple[Callable[[], bytes], str]] = {
    "encrypted": (
        lambda: bodies(lambda body: b"-----BEGIN PGP MESSAGE-----\n\nhQ==\n-----END PGP MESSAGE-----\n"),
        "it is encrypted",
    ),
    "encrypted-mime": (
        lambda: bodies(
            lambda body: b"--S\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--S--\n",
            b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=S\n',
        ),
        "it is encrypted, or signed in a way that hides its text",
    ),
    "smime": (
        lambda: bodies(base64.encodebytes, b"Content-Type: application/pkcs7-mime; smime-type=signed-data\n"),
        "it is encrypted, or signed in a way that hides its text",
    ),
    "empty-body": (lambda: bodies(lambda body: b""), "there is no diff in this message"),
    "cut-in-the-diff": (
        lambda: bodies(lambda body: body[: body.index(b"\n@@ -") + 60] + b"\n-- \n2.39\n"),
        "hunk 1: ",
    ),
    "cut-behind-the-names": (
        lambda: bodies(lambda body: body[: body.index(b"\n@@ -") + 1] + b"-- \n2.39\n"),
        "hunk 1: it is missing: the diff is cut short",
    ),
    "cut-behind-the-blobs": (
        lambda: bodies(lambda body: body[: body.index(b"\n--- a/") + 1]),
        "hunk 1: it is missing: the diff is cut short",
    ),
    "cut-behind-the-first-line": (
        lambda: bodies(lambda body: body[: body.rindex(b"\nindex ") + 1]),
        "hunk 1: it is missing: the diff is cut short",
    ),
    "hunks-without-numbers": (
        lambda: re.sub(rb"^@@ .* @@", b"@@", mails(), flags=re.M),
        "hunk 1: its header cannot be read",
    ),
    "hunks-without-numbers-in-a-plain-diff": (
        lambda: re.sub(
            rb"^@@ .* @@",
            b"@@",
            re.sub(rb"^(?:index|diff --git|new file) .*\n", b"", out("diff", "A..B"), flags=re.M),
            flags=re.M,
        ),
        "hunk 1: its header cannot be read",
    ),
    "wrapped": (
        lambda: bodies(lambda body: re.sub(rb"^( static int) (lamp_\d\()", rb"\1\n\2", body, flags=re.M)),
        "hunk 1: ",
    ),
    "word-diff": (lambda: out("show", "--word-diff", "end~2", "end~1"), "hunk 1: "),
    "gzip-cut-in-a-folder-of-zip": (
        lambda: zipped("%d.patch", ("4.patch.gz", gzip.compress(mails())[:100])),
        "damaged gzip data",
    ),
}


@pytest.mark.parametrize("shape", NAMED)
def test_what_cannot_be_read_is_named(shape: str) -> None:
    make, problem = NAMED[shape]
    series = assemble(read_messages(make(), shape))
    problems = [text for one in series for patch in one.patches for text in patch.problems]
    assert any(problem in text for text in problems), problems


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "context-diff": (
        lambda: b"*** a/x\n--- b/x\n***************\n*** 1,2 ****\n! a\n--- 1,2 ----\n! b\n",
        "a context diff, which is not read: make a unified one",
    ),
    "graph": (lambda: out("log", "--graph", "-p", "A..B"), "neither a mail nor a diff"),
    "encrypted-file": (
        lambda: b"-----BEGIN PGP MESSAGE-----\n\nhQ==\n-----END PGP MESSAGE-----\n",
        "it is encrypted",
    ),
    "zip-encrypted": (lambda: _with_flag(zipped("%d.patch")), "3.patch: it is encrypted"),
    "zip-lzma-properties": (
        lambda: _with_bytes(
            zipped("%d.patch", method=zipfile.ZIP_LZMA), b"\x09\x04\x05\x00", b"\x5d", b"\xff"
        ),
        "damaged zip archive",
    ),
    "zip-bzip2-damaged": (
        lambda: _with_bytes(zipped("%d.patch", method=zipfile.ZIP_BZIP2), b"1AY&SY", b"", b"\0" * 12),
        "damaged zip archive",
    ),
    "zip-cut": (lambda: zipped("%d.patch")[:-30], "damaged zip archive"),
    "tar-cut": (lambda: tarred("%d.patch")[:1000], "damaged tar archive"),
    "bzip2-cut": (lambda: bz2.compress(mails())[:-9], "damaged bzip2 data"),
    "xz-cut": (lambda: lzma.compress(mails())[:-9], "damaged xz data"),
    "empty-zip": (lambda: b"PK\x05\x06" + b"\0" * 18, "no file in this zip archive"),
    "gzip-bomb": (lambda: gzip.compress(b"\0" * 40_000_000), "it is packed so that it becomes far larger"),
    "gzip-nested": (lambda: _nested(6), "packed more than 4 times over"),
}


def _with_flag(data: bytes) -> bytes:
    at = data.index(b"PK\x01\x02")
    return data[: at + 8] + b"\x01" + data[at + 9 :]


def _nested(depth: int) -> bytes:
    data = mails()
    for _ in range(depth):
        data = gzip.compress(data)
    return data


@pytest.mark.parametrize("shape", REFUSED)
def test_what_is_no_input_is_one_clear_line(shape: str) -> None:
    make, why = REFUSED[shape]
    with pytest.raises(InputError) as caught:
        read_messages(make(), "input")
    assert str(caught.value).startswith("input: ")
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "mh", "maildir"])
def test_folders_of_mails(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "box"
    names = {"folder": "000{}-x.patch", "mh": "{}", "maildir": "cur/{}.host:2,S"}
    for below in ("cur", "new", "tmp") if kind == "maildir" else (".",):
        (folder / below).mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(each(), 1):
        (folder / names[kind].format(number if kind != "mh" else number + 8)).write_bytes(part)
    assert applied(assemble(read_path(folder))) == THREE
    (folder / names[kind].format(99)).write_bytes(b"\0\0\0 no patch")
    (*_, broken) = assemble(read_path(folder))
    assert [problem.partition(": ")[2] for problem in broken.patches[0].problems] == [
        "neither a mail nor a diff"
    ]


def test_a_patch_that_is_there_twice_counts_once() -> None:
    twice = mbox(each()) + forward(b"---------- Forwarded message ---------\n")
    (series,) = assemble(read_messages(twice, "box"))
    assert (len(series.patches), series.problems) == (3, ())
    single = each()[1].replace(b"[PATCH 2/3]", b"[PATCH]")
    other = single.replace(b"<2@x>", b"<7@x>")
    assert len(assemble(read_messages(mbox([single, other]), "box"))) == 1


def answer(text: bytes, sender: bytes = b"Bo <bo@example.net>") -> bytes:
    subject = b"Re: [PATCH 2/3] " + TITLES[1].encode()
    head = b"From: " + sender + b"\nSubject: " + subject + b"\nMessage-ID: <a@x>\nIn-Reply-To: <2@x>\n\n"
    return head + text


def proposal(stat: bytes = b"") -> bytes:
    return stat + b"diff --git a/" + LAMP.encode() + b" b/" + LAMP.encode() + b"\n--- a/" + LAMP.encode() + (
        b"\n+++ b/" + LAMP.encode() + b"\n@@ -1,2 +1,3 @@\n /* Lamps. */\n+/* More. */\n \n"
    )  # fmt: skip


def test_a_proposal_beside_the_patch_is_named_and_not_reviewed() -> None:
    quoted = answer(b"On Monday Ada wrote:\n> +    if (s->n > 0) {\n\nRather:\n\n" + proposal())
    (series,) = assemble(read_messages(mbox([*each(), quoted]), "box"))
    assert applied([series]) == THREE
    (problem,) = series.problems
    assert problem == (
        "the diff in an answer by Bo <bo@example.net> (<a@x>) is taken for a suggestion: not reviewed"
    )
    (alone,) = assemble(read_messages(quoted, "box"))
    assert [change.path for change in alone.patches[0].changes] == [LAMP]


def test_an_author_who_answers_with_a_patch_replaces_it() -> None:
    again = answer(b"Better:\n\n---\n" + proposal(), "Zoë Ada <ada@example.org>".encode())
    (series,) = assemble(read_messages(mbox([*each(), again]), "box"))
    assert series.problems == ("patch 2 was sent twice: the later one is used",)
    assert b"/* More. */\n" in [line for _, line in series.patches[1].changes[0].hunks[0].lines]


def test_an_answer_with_a_patch_stands_in_for_one_that_is_missing() -> None:
    mail = b"References: <1@x> <2@x>\n" + answer(b"> quoted\n\nLike this.\n---\n" + proposal())
    (series,) = assemble(read_messages(mbox([each()[0], mail, each()[2]]), "box"))
    assert [patch.index for patch in series.patches] == [1, 2, 3]
    assert series.problems == ()
