from __future__ import annotations

import json

import pytest

from tollhouse.dialects.anthropic_count import AnthropicCount, CountRelay
from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.domain.errors import UpstreamBroke


@pytest.mark.req("OC-23")
def test_to_count_tokens_nobody_says_how_many_may_come_out() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": True}

    ask = AnthropicCount().peek(json.dumps(body).encode())

    assert (ask.max_output, ask.is_stream) == (0, False)


@pytest.mark.parametrize("count", [0, 7, MOST_TOKENS])
def test_a_count_is_written_anew(count: int) -> None:
    relay = CountRelay()

    relay.feed(b'{"input_tokens": %d, "secret": 1}' % count)

    assert relay.finish() == b'{"input_tokens":%d}' % count


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"7", b"{}", b'{"input_tokens":"7"}', b'{"input_tokens":-1}', b"[" * 2000),
        b'{"input_tokens":%d}' % (MOST_TOKENS + 1),
    ],
)
def test_what_is_no_count_does_not_pass(answer: bytes) -> None:
    relay = CountRelay()

    relay.feed(answer)

    with pytest.raises(UpstreamBroke):
        relay.finish()
