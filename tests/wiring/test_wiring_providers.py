"""What is set for a provider reaches its way out."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tollhouse.config import parse
from tollhouse.domain.exchange import Outgoing
from tollhouse.upstream.client import HttpUpstream
from tollhouse.wiring.providers import open_providers

KEY = {"K": "sk-canary-0123456789"}
SETTINGS = """
[providers.p]
kind = "openai-compatible"
url = "http://127.0.0.1:9/v1"
connect_s = 1
first_byte_s = 2
between_s = 3
whole_s = 4
keep_alive_s = 5
max_connections = 6
max_answer_bytes = 7000
"""


@pytest.mark.req("OL-12", "OL-13", "OL-42", "S-69")
async def test_clocks_and_bounds_are_those_of_the_settings() -> None:
    async with AsyncExitStack() as stack:
        upstream = (await open_providers(parse(SETTINGS, {}), stack))["p"].upstream

        assert isinstance(upstream, HttpUpstream)
        clocks = upstream.deadlines
        assert (clocks.connect_s, clocks.first_byte_s, clocks.between_s, clocks.whole_s) == (
            1,
            2,
            3,
            4,
        )
        assert (upstream.keep_alive_s, upstream.max_body_bytes) == (5, 7000)
        assert upstream.pool._max_connections == 6


@pytest.mark.req("OT-43")
@pytest.mark.parametrize(
    ("kind", "path", "header", "shown"),
    [
        ("minimax", b"/anthropic/v1/messages", b"x-api-key", b"sk-canary-0123456789"),
        ("zai-anthropic", b"/api/anthropic/v1/messages", b"authorization", b"Bearer sk-canary-0123456789"),
    ],
)  # fmt: skip
async def test_a_vendor_with_anthropics_api_is_asked_in_it(
    kind: str, path: bytes, header: bytes, shown: bytes
) -> None:
    settings = parse(f'[providers.p]\nkind = "{kind}"\nkey = "env:K"\n', KEY)
    async with AsyncExitStack() as stack:
        provider = (await open_providers(settings, stack))["p"]

        sending = provider.sending(Outgoing("anthropic_messages", "m", is_stream=False, body=b"{}"))

    assert provider.speaks("anthropic_messages")
    assert not provider.speaks("openai_chat")
    assert (sending.path, dict(sending.headers)[header]) == (path, shown)
