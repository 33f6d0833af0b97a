"""How many tokens a body has, asked without wanting an answer: Anthropic's `count_tokens`."""

from __future__ import annotations

import msgspec

from tollhouse.dialects import strict_json
from tollhouse.dialects.anthropic_ask import ask_of
from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.dialects.whole import Whole
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.models import Ask, Leg
from tollhouse.ports import Relay


class _Count(msgspec.Struct):
    input_tokens: int


class AnthropicCount(AnthropicMessages):
    """Implements Dialect."""

    name = "anthropic_count"

    def peek(self, body: bytes) -> Ask:
        return ask_of(body, is_counted_only=True)

    def outgoing(self, body: bytes, _: Ask, leg: Leg) -> bytes:
        return strict_json.join({**strict_json.members(body), "model": leg.target.model})

    def relay(self, _: Ask) -> Relay:
        return CountRelay()


class CountRelay(Whole):
    """Implements Relay: one number, written anew."""

    def finish(self) -> bytes:
        try:
            count = msgspec.json.decode(self._body, type=_Count).input_tokens
        except (ValueError, RecursionError):
            raise UpstreamBroke(private="what should be a count is none") from None
        if not 0 <= count <= MOST_TOKENS:
            raise UpstreamBroke(private="what should be a count is none")
        return counted(count)


def counted(tokens: int) -> bytes:
    return b'{"input_tokens":%d}' % tokens
