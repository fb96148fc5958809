"""A bar for what takes long: on a terminal only, on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LEAST = 2
"""Steps from which on a bar is worth it."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], object]]:
    """Show a bar that each call of what is given moves on by one; nothing when standard error is no terminal."""
    if not sys.stderr.isatty() or total < LEAST:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
