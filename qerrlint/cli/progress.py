# SPDX-License-Identifier: GPL-2.0-or-later
"""The progress bar of a run over many things."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def progress(
    doing: str, total: int, least: int = 1, unit: str | None = None, after: float = 0.0
) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal's stderr, for `least` things or more; call it with the number done.

    With a `unit` ("commits") it also tells how many of them are done in a second. It is shown when `after`
    seconds have passed, with the next thing that is done.
    """
    if total < least or not sys.stderr.isatty():
        yield lambda done: None
        return
    start = time.monotonic()
    count = 0
    with ExitStack() as shown:
        advance: Callable[[int], None] | None = None

        def tell(done: int) -> None:
            nonlocal advance, count
            count += done
            if advance is not None:
                advance(done)
            elif time.monotonic() - start >= after:
                advance = shown.enter_context(_bar(doing, total, unit))
                advance(count)

        tell(0)
        yield tell


@contextmanager
def _bar(doing: str, total: int, unit: str | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many are done in a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f} {unit}/s" if task.speed else "")

    columns = (*Progress.get_default_columns(), *((Rate(),) if unit is not None else ()))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.advance(task, done)
