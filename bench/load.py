"""The load generator, a process of its own: `python -m bench.load WORKLOAD SECONDS < door.json`.

Prints the figures as JSON, or {"wrong": why} when a system answered wrongly.
"""

from __future__ import annotations

import gc
import sys

import msgspec
import uvloop

from bench.client import Door
from bench.wire import WrongAnswer
from bench.workloads import WORKLOADS


async def measured(workload: str, seconds: float, door: Door) -> dict[str, float] | dict[str, str]:
    gc.disable()  # a collection here would be counted as the system's latency
    try:
        return await WORKLOADS[workload](door, seconds)
    except (WrongAnswer, OSError) as problem:
        return {"wrong": f"{type(problem).__name__}: {problem}"}


if __name__ == "__main__":
    door = msgspec.json.decode(sys.stdin.buffer.read(), type=Door)
    figures = uvloop.run(measured(sys.argv[1], float(sys.argv[2]), door))
    sys.stdout.buffer.write(msgspec.json.encode(figures))
