"""A key that another gateway gave out, at a served gateway."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, ask, gateway
from journeys.provider import PROMPT_TOKENS, provider
from security.wire import JSON, Got, bearer, request, send
from tollhouse.control.keys import Foreign

OLD = "sk-" + "a1B2c3" * 8


@pytest.mark.req("B-7", "OT-13", "R-1")
async def test_it_calls_as_before_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door:
        foreign = Foreign(sha256(OLD.encode()).hexdigest(), OLD[-4:])
        before = await _called(door, OLD)
        issued = await door.new_key(models=(MODEL,), foreign=foreign)

        got = await _until_known(door)
        wrong = await _called(door, OLD + "x")

        assert (before.status, before.code) == (401, "key_malformed")
        assert got.status == 200
        assert (wrong.status, wrong.code) == (401, "key_unknown")
        assert len(up.asked) == 1
        await door.nothing_is_held()
        rows = await door.rows("SELECT key_id, owed FROM calls")
        assert rows == [
            (issued.id, PROMPT_TOKENS * NANOS_IN + up.completion_tokens * NANOS_OUT),
        ]


async def _until_known(door: Gateway) -> Got:
    """The snapshot follows the store within a moment."""
    got = await _called(door, OLD)
    for _ in range(2000):
        if got.status == 200:
            break
        got = await _called(door, OLD)
    return got


async def _called(door: Gateway, key: str) -> Got:
    body = json.dumps(ask()).encode()
    return await send(door.port, request(body, [bearer(key), JSON]))
