from __future__ import annotations

import asyncio
import time

import pytest

from tollhouse.telemetry.lag import measure_lag


@pytest.mark.req("B-40", "P-23")
async def test_a_loop_that_was_held_up_is_late_by_as_much() -> None:
    told: list[float] = []
    enough = asyncio.Event()

    def tell(lag_s: float) -> None:
        told.append(lag_s)
        if len(told) > 1:
            enough.set()

    measuring = asyncio.create_task(measure_lag(tell))
    await asyncio.sleep(0)
    time.sleep(0.25)
    await enough.wait()
    measuring.cancel()
    await asyncio.wait([measuring])

    assert told[0] >= 0.19
    assert all(lag_s >= 0 for lag_s in told)
