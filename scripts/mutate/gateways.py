"""Gateways that tests start, as forks of this process: what is taken out here is taken out there, too.

They run the lines of this process, so what they come by is seen, and they need not import anything anew.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

OF_OURS = ["-m", "tollhouse"]
MOST_FILES = 4096


class Forking(subprocess.Popen[Any]):
    """What is a process of ours never becomes another program."""

    def __init__(self, args: Any, *rest: Any, **how: Any) -> None:
        if isinstance(args, list) and args[1:3] == OF_OURS:
            how["preexec_fn"] = _becoming(args[2:], how.get("env"), how.get("pass_fds", ()))
        super().__init__(args, *rest, **how)


def _becoming(
    arguments: list[str], environment: Mapping[str, str] | None, kept: Collection[int]
) -> Callable[[], None]:
    def become() -> None:
        status = 1
        try:
            _forget(kept)
            if environment is not None:
                os.environ.clear()
                os.environ.update(environment)
            sys.argv = arguments
            status = _status_of(arguments[0])
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)

    return become


def _forget(kept: Collection[int]) -> None:
    """What the process of the tests has under way. Its files are closed: that tells it that we have begun."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    asyncio._set_running_loop(None)
    first = 3
    for each in [*sorted(kept), MOST_FILES]:
        os.closerange(first, each)
        first = each + 1


def _status_of(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
