# SPDX-License-Identifier: GPL-2.0-or-later
"""The progress bar of a run over many things."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(
    doing: str, total: int, least: int = 1, unit: str | None = None
) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal's stderr, for `least` things or more; call it with the number done.

    With a `unit` ("commits") it also tells how many of them are done in a second.
    """
    if total < least or not sys.stderr.isatty():
        yield lambda done: None
        return
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
