# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit XML, for programs that only display tests: a finding that fails the run is a test that fails.

Names have no line numbers, so that a test keeps its name when code moves. There are no times and no dates.
"""

from __future__ import annotations

from collections import Counter
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from qerrlint.lazy_patterns import lazy_re
from qerrlint.report.printable import one_line, printable, with_references
from qerrlint.report.wording import NOT_ANALYSED, account, gaps, looked_at, position, standing
from qerrlint.result import Result

# Characters that XML 1.0 cannot hold, not even escaped, beside those that printable() has replaced.
_NO_XML = lazy_re("[\ufffe\uffff]")


def write(result: Result, stream: TextIO) -> None:
    """Write one document with one suite."""
    stream.write(with_references(document(result), stream))


def document(result: Result) -> str:
    """The document, ended by a newline.

    A finding is a failure where it fails the run, else a test that is skipped; what had to be analysed and
    was not is an error. Where there is neither, one test that passes says what was analysed: without any test
    the job would seem not to have run.
    """
    names: Counter[tuple[str, str]] = Counter()
    cases: list[str] = []
    failures = errors = skipped = 0

    def case(path: str, name: str, body: str) -> None:
        names[path, name] += 1
        number = names[path, name]
        name = name if number == 1 else f"{name} ({number})"
        cases.append(f'    <testcase classname={_attribute(path)} name={_attribute(name)} time="0"')
        cases[-1] += f">\n      {body}\n    </testcase>" if body else "/>"

    for found in standing(result):
        inside = f" in {found.inside}" if found.inside else ""
        text = "\n".join((f"{position(found.place)}: {found.severity}", *account(found, result)))
        message = _attribute(f"{found.place.path}:{found.place.line}: {one_line(found.message)}")
        if found.fails(result.fail_on):
            failures += 1
            body = f"<failure message={message} type={_attribute(found.rule)}>{_text(text)}</failure>"
        else:
            skipped += 1
            body = f"<skipped message={message}>{_text(text)}</skipped>"
        case(found.place.path, f"{found.rule}{inside} {found.fingerprint}", body)
    for gap in gaps(result):
        if gap.fatal:
            errors += 1
            inside = f" {gap.function}()" if gap.function else ""
            body = f'<error message={_attribute(gap.text)} type="{NOT_ANALYSED}">{_text(gap.text)}</error>'
            case(gap.path or "qerrlint", f"not analysed: {gap.kind}{inside}", body)
    if not cases:
        case("qerrlint", "no findings", "")
    counts = f'tests="{len(cases)}" failures="{failures}" errors="{errors}"'
    suite = _attribute(f"qerrlint {result.command}")
    told = "\n".join((looked_at(result), *(one_line(notice) for notice in result.notices)))
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="qerrlint" {counts} time="0">',
            f'  <testsuite name={suite} {counts} skipped="{skipped}" time="0">',
            *cases,
            f"    <system-out>{_text(told)}</system-out>",
            "  </testsuite>",
            "</testsuites>",
            "",
        )
    )


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _text(text: str) -> str:
    return escape("\n".join(map(_clean, text.split("\n"))))


def _clean(line: str) -> str:
    return _NO_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", printable(line))
