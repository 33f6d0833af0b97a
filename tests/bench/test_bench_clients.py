"""Both clients are measured by what they answer, not by what they leave out."""

from __future__ import annotations

import asyncio

import pytest
from bench.clients import CLIENTS, cpu_us
from bench.cores import divided
from bench.running import upstream
from bench.wire import Checker


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_client_is_measured_on_whole_answers(name: str) -> None:
    with upstream(divided().load) as port:
        async with CLIENTS[name](port) as call:
            Checker().check(*await call())
        took_us = await asyncio.wait_for(cpu_us(name, 0.1, port), 20)

    assert 1 < took_us < 100_000
