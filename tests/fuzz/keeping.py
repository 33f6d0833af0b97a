"""Which of many inputs are worth keeping: the shortest that take a step no shorter one took."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

HOUSE = "/tollhouse/"

Step = tuple[str, int, int]
"""A file, and from which line of it to which."""


def worth_keeping(run: Callable[[bytes], None], inputs: Iterable[bytes]) -> list[bytes]:
    seen: set[Step] = set()
    kept = []
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        steps = _steps(run, data)
        if not steps <= seen:
            seen |= steps
            kept.append(data)
    return kept


def _steps(run: Callable[[bytes], None], data: bytes) -> set[Step]:
    steps: set[Step] = set()

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        path, last = frame.f_code.co_filename, frame.f_lineno
        if HOUSE not in path:
            return None

        def step(frame: FrameType, _event: str, _argument: Any) -> Any:
            nonlocal last
            steps.add((path, last, frame.f_lineno))
            last = frame.f_lineno
            return step

        return step

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        run(data)
    finally:
        sys.settrace(before)
    return steps
