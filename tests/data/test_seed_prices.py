from __future__ import annotations

import re

import pytest

from tollhouse.data import seed_prices
from tollhouse.domain.pricebook import Listing, dollars_per_unit


@pytest.mark.req("OT-31")
def test_a_bundled_price_list_covers_the_models_people_ask_for() -> None:
    targets = {row.target for row in seed_prices().listings}

    assert targets >= {"openai:gpt-4o", "openai:gpt-4o-mini", "openai:gpt-5", "openai:o3"}
    assert targets >= {"anthropic:claude-opus-5-5", "anthropic:claude-sonnet-4-5"}
    assert targets >= {"gemini:gemini-2.5-pro", "gemini:gemini-3.8-flash", "gemini:gemini-4-argon"}
    assert targets >= {"local:smollm2-135m", "echo:echo"}


def test_the_small_models_cost_something_so_that_budgets_can_be_seen_to_work() -> None:
    for target in ("local:smollm2-135m", "echo:echo"):
        row = the_row(target)

        assert (row.input, row.output) == (50_000, 200_000)
        assert row.source == "tollhouse: nominal, for your own machine's power"


@pytest.mark.req("B-19")
def test_every_seed_price_names_its_source_and_day() -> None:
    book = seed_prices()

    assert re.fullmatch(r"\d{4}-\d{2}", book.version)
    assert all(row.source and row.effective_at > 0 for row in book.listings)


def test_cached_prompts_keep_their_discount() -> None:
    row = the_row("openai:gpt-4o")

    assert (row.input, row.cache_read, row.cache_write) == (2_500_000, 1_250_000, 2_500_000)


@pytest.mark.req("P-15")
def test_what_is_written_to_a_cache_costs_more_where_it_does() -> None:
    row = the_row("anthropic:claude-opus-5-5")

    assert (row.input, row.cache_read, row.cache_write) == (4_000_000, 200_000, 5_000_000)


@pytest.mark.req("OT-28")
def test_a_price_that_rises_with_the_prompt_says_from_where_and_to_what() -> None:
    (tier,) = the_row("gemini:gemini-2.5-pro").tiers

    assert tier.above == 200_000
    assert dict(tier.rates) == {"input": 2_500_000, "output": 15_000_000, "cache_read": 250_000}
    assert the_row("openai:gpt-4o").tiers == ()
    assert sum(bool(row.tiers) for row in seed_prices().listings) >= 22


def test_what_is_heard_and_said_is_priced_by_the_second_and_the_character() -> None:
    assert dollars_per_unit(the_row("openai:whisper-1").per_second) == "0.0001"
    assert dollars_per_unit(the_row("openai:tts-1").per_character) == "0.000015"


def test_a_recording_by_tokens_costs_what_sound_costs() -> None:
    row = the_row("openai:gpt-4o-transcribe")

    assert (row.input, row.output, row.per_second) == (2_500_000, 10_000_000, 0)
    assert dict(row.kinds) == {"audio_input": 6_000_000}


def test_vectors_cost_what_goes_in() -> None:
    for target, rate in (
        ("openai:text-embedding-3-small", 20_000),
        ("cohere:embed-v4.0", 120_000),
    ):
        row = the_row(target)

        assert (row.input, row.output) == (rate, 0)


def test_of_bedrock_only_names_that_say_from_where_they_are_answered_have_a_price() -> None:
    where = re.compile(r"bedrock:(global|us|us-gov|eu|apac|au|jp|in)\..+")
    named = [row.target for row in seed_prices().listings if row.target.startswith("bedrock:")]

    assert "bedrock:global.anthropic.claude-sonnet-4-5-20250929-v1:0" in named
    assert [target for target in named if not where.fullmatch(target)] == []


def test_a_region_costs_more_than_the_world() -> None:
    world = the_row("bedrock:global.anthropic.claude-opus-5-5")
    region = the_row("bedrock:eu.anthropic.claude-opus-5-5")

    assert (world.input, region.input) == (4_000_000, 4_400_000)


@pytest.mark.req("P-15")
def test_sound_beside_text_has_its_own_rate() -> None:
    row = the_row("openai:gpt-audio")

    assert (row.input, row.output) == (2_500_000, 10_000_000)
    assert dict(row.kinds) == {"audio_input": 32_000_000, "audio_output": 64_000_000}


@pytest.mark.req("P-15")
def test_what_is_billed_by_more_than_tokens_has_no_seed_price() -> None:
    apart = re.compile(r"image|realtime|live|search|gpt.*tts|deep-research|sonic")

    assert [row.target for row in seed_prices().listings if apart.search(row.target)] == []


def the_row(target: str) -> Listing:
    (row,) = (row for row in seed_prices().listings if row.target == target)
    return row
