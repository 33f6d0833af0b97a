"""`tollhouse demo`"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from tollhouse.cli.printing import note

DIRECTORY = Path(".demo")
INTERRUPTED = 130


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the answer instead of serving on.")
    ] = False,
    directory: Annotated[
        Path, typer.Option(help="Where it is set up; emptied at each start.")
    ] = DIRECTORY,
    port: Annotated[
        int | None,
        typer.Option(help="Where it serves, on 127.0.0.1. Without it: 8400, or any free one."),
    ] = None,
) -> None:
    """Ask a small model on this machine through a gateway of its own, and show the books.

    Exit status 1 if the answer is empty, nothing is owed for it, or the audit chain is not whole.

    Example: tollhouse demo --once
    """
    from tollhouse.demo.failing import DemoFailed
    from tollhouse.demo.play import play

    _end_in_good_order_on_signals()
    try:
        play(directory, port, once=once)
    except DemoFailed as failed:
        note(f"tollhouse: demo_failed: {failed}")
        raise typer.Exit(1) from failed
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _end_in_good_order_on_signals() -> None:
    """As on Ctrl-C, also where a shell started us in the background; but `nohup` stays in force."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
