"""The progress bar of optimizations that can be stopped and gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["follow"]

_CHECKPOINT_SECONDS = 15.0


def follow(
    steps: Iterable[tuple[float, str]],
    console: Console,
    name: str,
    save: Callable[[], None] | None = None,
) -> None:
    """Go all the way under a progress bar, with a checkpoint now and then, and in the end.

    Args:
        steps: the work, done while they are asked for. Each says the share of the way that is
            behind, in 0..1, and the state in a few words.
        console: where the bar is shown.
        name: what stands before it.
        save: writes a checkpoint. None: there are none.

    Raises:
        KeyboardInterrupt: Ctrl-C; the state at that moment is in the checkpoint.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(),
    )
    saved = time.perf_counter()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=1.0, state="")
        try:
            for done, state in steps:
                progress.update(task, completed=done, state=state)
                if save is not None and time.perf_counter() - saved > _CHECKPOINT_SECONDS:
                    save()
                    saved = time.perf_counter()
        except KeyboardInterrupt:
            if save is not None:
                save()
                console.print("stopped; add --resume to go on")
            raise
    if save is not None:
        save()
