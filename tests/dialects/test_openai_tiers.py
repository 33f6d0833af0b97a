"""A tier that is asked for, and the one that is told."""

from __future__ import annotations

import msgspec
import pytest

from tollhouse.dialects import openai_tiers
from tollhouse.dialects.openai_completions import OpenAICompletions
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.domain.models import Ask


@pytest.mark.parametrize(
    ("given", "tier", "is_unpriced"),
    [
        (None, "", False),
        ("auto", "", False),
        ("default", "", False),
        ("flex", "flex", False),
        ("priority", "priority", True),
        ("scale", "scale", True),
        ("another", "", True),
        (7, "", True),
        ([], "", True),
    ],
)
def test_a_tier_is_a_variant_of_the_price_and_a_dearer_one_needs_its_own(
    given: object, tier: str, is_unpriced: bool
) -> None:
    fields = {"service_tier": given}

    assert openai_tiers.asked(fields) == tier
    assert openai_tiers.is_unpriced(fields) == is_unpriced


@pytest.mark.parametrize(
    "raw", [b"7", b"[]", b"{}", b'{"service_tier":null}', b'{"service_tier":7}']
)
def test_an_answer_that_names_no_tier_tells_none(raw: bytes) -> None:
    assert openai_tiers.told(raw) is None


def test_where_the_member_was_found_its_text_is_the_tier() -> None:
    assert openai_tiers.named(msgspec.Raw(b'"flex"')) == "flex"
    assert openai_tiers.named(msgspec.Raw(b"7")) is None


def test_responses_and_completions_ask_for_a_tier_as_chat_does() -> None:
    told = OpenAIResponses().peek(b'{"model":"m","input":"x","service_tier":"flex"}')
    gone_on = OpenAICompletions().peek(b'{"model":"m","prompt":"x","service_tier":"flex"}')

    assert [_tier(ask) for ask in (told, gone_on)] == [("flex", "flex")] * 2


def test_a_response_says_the_tier_within_itself() -> None:
    dialect = OpenAIResponses()
    ask = dialect.peek(b'{"model":"m","input":"x","service_tier":"flex"}')
    relay = dialect.relay(ask)

    relay.feed(b'{"id":"r","status":"completed","output":[],"service_tier":"default"}')
    relay.finish()

    assert getattr(relay, "tier", None) == "default"


def _tier(ask: Ask) -> tuple[str, str]:
    return ask.tier, ask.variant
