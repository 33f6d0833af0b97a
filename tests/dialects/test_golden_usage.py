"""Usage as fourteen providers tell it, and what it costs, worked out by hand.

Each case has a usage object in its provider's form, what its tokens are, each once, and the bill line by
line: so many tokens at so many nano-dollars. A dollar for a million tokens is 1,000 nano-dollars for one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import pytest

from tollhouse.data import seed_prices
from tollhouse.dialects import converse_usage, gemini_usage, openai_usage, responses_usage
from tollhouse.dialects.anthropic_usage import Tally
from tollhouse.dialects.cohere_reader import read_whole as read_cohere
from tollhouse.dialects.ollama_lines import read_line, usage_of
from tollhouse.dialects.openai_heard import HeardWhole
from tollhouse.domain.deltas import Counted
from tollhouse.domain.models import Ask
from tollhouse.domain.pricebook import listing
from tollhouse.domain.pricing import Price, Usage

Read = Callable[[bytes], Usage | None]


@dataclass(frozen=True)
class Golden:
    read: Read
    told: dict[str, Any]
    total: int
    """The provider's own, or the sum of its classes where it tells none."""

    parts: dict[str, int]
    rates: dict[str, Any]
    """Dollars a million, as its price list has them."""

    bill: tuple[tuple[int, int], ...]
    nanos: int


def _counted(read: Callable[[bytes], Counted | None]) -> Read:
    def usage(raw: bytes) -> Usage | None:
        counted = read(raw)
        return counted.usage if counted else None

    return usage


def _anthropic(raw: bytes) -> Usage | None:
    tally = Tally()
    tally.take(raw)
    return tally.usage


def _cohere(raw: bytes) -> Usage | None:
    message = {"role": "assistant", "content": [{"type": "text", "text": "a"}]}
    answer = {"id": "c", "finish_reason": "COMPLETE", "message": message, "usage": msgspec.Raw(raw)}
    deltas = read_cohere(msgspec.json.encode(answer))
    return next((delta.usage for delta in deltas if isinstance(delta, Counted)), None)


def _ollama(raw: bytes) -> Usage | None:
    return usage_of(read_line(raw))


def _heard(raw: bytes) -> Usage | None:
    relay = HeardWhole(ASK)
    relay.feed(b'{"text":"a","usage":%b}' % raw)
    relay.finish()
    return relay.usage


DAY = date(2026, 11, 1)
ASK = Ask("m", False, False, 1, 1, 0, 1, None, 0, ())
CHAT, RESPONSES = openai_usage.read_usage, responses_usage.read_usage
GEMINI, CONVERSE = _counted(gemini_usage.read_count), _counted(converse_usage.read_count)
SONNET = {"input": "3", "output": "15", "cache_read": "0.3", "cache_write": "3.75"}
LONG_SONNET = {"input": "6", "output": "22.5", "cache_read": "0.6", "cache_write": "7.5"}

GOLDEN = {
    "OpenAI, chat, a prompt of which most is cached": Golden(
        CHAT,
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        total=2306,
        parts={"input": 86, "cache_read": 1920, "output": 300},
        rates={"input": "2.5", "output": "10", "cache_read": "1.25"},
        bill=((86, 2_500), (1920, 1_250), (300, 10_000)),
        nanos=5_615_000,  # 215,000 + 2,400,000 + 3,000,000
    ),
    "OpenAI, chat, heard and said aloud": Golden(
        CHAT,
        {
            "prompt_tokens": 100,
            "completion_tokens": 60,
            "total_tokens": 160,
            "prompt_tokens_details": {"cached_tokens": 0, "text_tokens": 20, "audio_tokens": 80},
            "completion_tokens_details": {"text_tokens": 20, "audio_tokens": 40},
        },
        total=160,
        parts={"input": 20, "audio_input": 80, "output": 20, "audio_output": 40},
        rates={"input": "2.5", "output": "10", "audio_input": "32", "audio_output": "64"},
        bill=((20, 2_500), (80, 32_000), (20, 10_000), (40, 64_000)),
        nanos=5_370_000,  # 50,000 + 2,560,000 + 200,000 + 2,560,000
    ),
    "OpenAI, Responses, thoughts within the output": Golden(
        RESPONSES,
        {
            "input_tokens": 1200,
            "input_tokens_details": {"cached_tokens": 1000},
            "output_tokens": 500,
            "output_tokens_details": {"reasoning_tokens": 384},
            "total_tokens": 1700,
        },
        total=1700,
        parts={"input": 200, "cache_read": 1000, "output": 116, "reasoning": 384},
        rates={"input": "1.25", "output": "10", "cache_read": "0.125"},
        bill=((200, 1_250), (1000, 125), (500, 10_000)),
        nanos=5_375_000,  # 250,000 + 125,000 + 5,000,000
    ),
    "OpenAI, a recording": Golden(
        _heard,
        {
            "type": "tokens",
            "input_tokens": 14,
            "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
            "output_tokens": 45,
            "total_tokens": 59,
        },
        total=59,
        parts={"input": 4, "audio_input": 10, "output": 45},
        rates={"input": "2.5", "output": "10", "audio_input": "6"},
        bill=((4, 2_500), (10, 6_000), (45, 10_000)),
        nanos=520_000,  # 10,000 + 60,000 + 450,000
    ),
    "Azure, a prediction of which some was rejected": Golden(
        CHAT,
        {
            "completion_tokens": 128,
            "completion_tokens_details": {
                "accepted_prediction_tokens": 40,
                "audio_tokens": 0,
                "reasoning_tokens": 0,
                "rejected_prediction_tokens": 24,
            },
            "prompt_tokens": 1040,
            "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 1024},
            "total_tokens": 1168,
        },
        total=1168,
        parts={"input": 16, "cache_read": 1024, "output": 128},
        rates={"input": "2", "output": "8", "cache_read": "0.5"},
        bill=((16, 2_000), (1024, 500), (128, 8_000)),
        nanos=1_568_000,  # 32,000 + 512,000 + 1,024,000
    ),
    "Anthropic, written for five minutes and for an hour": Golden(
        _anthropic,
        {
            "input_tokens": 21,
            "cache_creation_input_tokens": 1000,
            "cache_read_input_tokens": 8000,
            "cache_creation": {"ephemeral_5m_input_tokens": 600, "ephemeral_1h_input_tokens": 400},
            "output_tokens": 393,
            "output_tokens_details": {"thinking_tokens": 300},
            "service_tier": "standard",
        },
        total=9414,
        parts={
            "input": 21,
            "cache_read": 8000,
            "cache_write": 600,
            "long_write": 400,
            "output": 93,
            "reasoning": 300,
        },
        rates=SONNET,
        bill=((21, 3_000), (8000, 300), (600, 3_750), (400, 6_000), (393, 15_000)),
        nanos=13_008_000,  # 63,000 + 2,400,000 + 2,250,000 + 2,400,000 + 5,895,000
    ),
    "Anthropic, a long prompt, by what was read from the cache": Golden(
        _anthropic,
        {"input_tokens": 150_000, "cache_read_input_tokens": 60_000, "output_tokens": 1000},
        total=211_000,
        parts={"input": 150_000, "cache_read": 60_000, "output": 1000},
        rates={**SONNET, "tiers": [{"above": 200_000, **LONG_SONNET}]},
        bill=((150_000, 6_000), (60_000, 600), (1000, 22_500)),
        nanos=958_500_000,  # 900,000,000 + 36,000,000 + 22,500,000
    ),
    "Bedrock, Converse, what is cached beside the input": Golden(
        CONVERSE,
        {
            "inputTokens": 15,
            "outputTokens": 200,
            "totalTokens": 1415,
            "cacheReadInputTokens": 1000,
            "cacheWriteInputTokens": 200,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 50}, {"ttl": "5m", "inputTokens": 150}],
        },
        total=1415,
        parts={
            "input": 15,
            "cache_read": 1000,
            "cache_write": 150,
            "long_write": 50,
            "output": 200,
        },
        rates={"input": "3.3", "output": "16.5", "cache_read": "0.33", "cache_write": "4.125"},
        bill=((15, 3_300), (1000, 330), (150, 4_125), (50, 6_600), (200, 16_500)),
        nanos=4_628_250,  # 49,500 + 330,000 + 618,750 + 330,000 + 3,300,000
    ),
    "Gemini, sound of which some is cached, and thoughts beside what was said": Golden(
        GEMINI,
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 500,
            "candidatesTokenCount": 50,
            "thoughtsTokenCount": 150,
            "totalTokenCount": 1200,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 200},
                {"modality": "AUDIO", "tokenCount": 800},
            ],
            "cacheTokensDetails": [
                {"modality": "TEXT", "tokenCount": 100},
                {"modality": "AUDIO", "tokenCount": 400},
            ],
        },
        total=1200,
        parts={
            "input": 100,
            "audio_input": 400,
            "cache_read": 100,
            "audio_read": 400,
            "output": 50,
            "reasoning": 150,
        },
        rates={
            "input": "0.3",
            "output": "2.5",
            "cache_read": "0.03",
            "audio_input": "1",
            "audio_read": "0.1",
        },
        bill=((100, 300), (400, 1_000), (100, 30), (400, 100), (200, 2_500)),
        nanos=973_000,  # 30,000 + 400,000 + 3,000 + 40,000 + 500,000
    ),
    "Vertex, a long prompt": Golden(
        GEMINI,
        {
            "promptTokenCount": 250_000,
            "cachedContentTokenCount": 200_000,
            "candidatesTokenCount": 1000,
            "thoughtsTokenCount": 2000,
            "totalTokenCount": 253_000,
            "trafficType": "ON_DEMAND",
        },
        total=253_000,
        parts={"input": 50_000, "cache_read": 200_000, "output": 1000, "reasoning": 2000},
        rates={
            "input": "1.25",
            "output": "10",
            "cache_read": "0.125",
            "tiers": [{"above": 200_000, "input": "2.5", "output": "15", "cache_read": "0.25"}],
        },
        bill=((50_000, 2_500), (200_000, 250), (3000, 15_000)),
        nanos=220_000_000,  # 125,000,000 + 50,000,000 + 45,000,000
    ),
    "Vertex, what its own tools read beside the prompt": Golden(
        GEMINI,
        {
            "promptTokenCount": 100,
            "toolUsePromptTokenCount": 900,
            "candidatesTokenCount": 10,
            "totalTokenCount": 1010,
        },
        total=1010,
        parts={"input": 1000, "output": 10},
        rates={"input": "1.25", "output": "10"},
        bill=((1000, 1_250), (10, 10_000)),
        nanos=1_350_000,  # 1,250,000 + 100,000
    ),
    "Mistral": Golden(
        CHAT,
        {
            "prompt_tokens": 1013,
            "completion_tokens": 30,
            "total_tokens": 1043,
            "prompt_audio_seconds": None,
        },
        total=1043,
        parts={"input": 1013, "output": 30},
        rates={"input": "0.4", "output": "2"},
        bill=((1013, 400), (30, 2_000)),
        nanos=465_200,  # 405,200 + 60,000
    ),
    "Groq, times beside counts": Golden(
        CHAT,
        {
            "queue_time": 0.048,
            "prompt_tokens": 4641,
            "prompt_time": 0.09,
            "completion_tokens": 1817,
            "completion_time": 5.57,
            "total_tokens": 6458,
            "total_time": 5.66,
            "prompt_tokens_details": {"cached_tokens": 4608},
        },
        total=6458,
        parts={"input": 33, "cache_read": 4608, "output": 1817},
        rates={"input": "0.15", "output": "0.6", "cache_read": "0.075"},
        bill=((33, 150), (4608, 75), (1817, 600)),
        nanos=1_440_750,  # 4,950 + 345,600 + 1,090,200
    ),
    "DeepSeek, hits and misses": Golden(
        CHAT,
        {
            "prompt_tokens": 3000,
            "completion_tokens": 700,
            "total_tokens": 3700,
            "prompt_cache_hit_tokens": 2944,
            "prompt_cache_miss_tokens": 56,
            "completion_tokens_details": {"reasoning_tokens": 600},
        },
        total=3700,
        parts={"input": 56, "cache_read": 2944, "output": 100, "reasoning": 600},
        rates={"input": "0.28", "output": "0.42", "cache_read": "0.028"},
        bill=((56, 280), (2944, 28), (700, 420)),
        nanos=392_112,  # 15,680 + 82,432 + 294,000
    ),
    "DeepSeek, the same told twice": Golden(
        CHAT,
        {
            "prompt_tokens": 3000,
            "completion_tokens": 700,
            "total_tokens": 3700,
            "prompt_tokens_details": {"cached_tokens": 2944},
            "prompt_cache_hit_tokens": 2944,
            "prompt_cache_miss_tokens": 56,
        },
        total=3700,
        parts={"input": 56, "cache_read": 2944, "output": 700},
        rates={"input": "0.28", "output": "0.42", "cache_read": "0.028"},
        bill=((56, 280), (2944, 28), (700, 420)),
        nanos=392_112,  # 15,680 + 82,432 + 294,000
    ),
    "xAI, thoughts in the total alone": Golden(
        CHAT,
        {
            "prompt_tokens": 2341,
            "completion_tokens": 31,
            "total_tokens": 3108,
            "prompt_tokens_details": {
                "text_tokens": 2341,
                "audio_tokens": 0,
                "image_tokens": 0,
                "cached_tokens": 448,
            },
            "completion_tokens_details": {"reasoning_tokens": 736, "audio_tokens": 0},
            "num_sources_used": 0,
        },
        total=3108,
        parts={"input": 1893, "cache_read": 448, "output": 31, "reasoning": 736},
        rates={"input": "0.2", "output": "0.5", "cache_read": "0.05"},
        bill=((1893, 200), (448, 50), (767, 500)),
        nanos=784_500,  # 378,600 + 22,400 + 383,500
    ),
    "Cohere, what is billed rather than what was read": Golden(
        _cohere,
        {
            "billed_units": {"input_tokens": 20, "output_tokens": 300},
            "tokens": {"input_tokens": 216, "output_tokens": 304},
            "cached_tokens": 192,
        },
        total=320,
        parts={"input": 20, "output": 300},
        rates={"input": "2.5", "output": "10"},
        bill=((20, 2_500), (300, 10_000)),
        nanos=3_050_000,  # 50,000 + 3,000,000
    ),
    "OpenRouter, what was written to a cache": Golden(
        CHAT,
        {
            "completion_tokens": 2,
            "completion_tokens_details": {"reasoning_tokens": 0},
            "cost": 0.000687,
            "cost_details": {"upstream_inference_cost": None},
            "prompt_tokens": 194,
            "prompt_tokens_details": {
                "cached_tokens": 0,
                "cache_write_tokens": 100,
                "audio_tokens": 0,
            },
            "total_tokens": 196,
        },
        total=196,
        parts={"input": 94, "cache_write": 100, "output": 2},
        rates=SONNET,
        bill=((94, 3_000), (100, 3_750), (2, 15_000)),
        nanos=687_000,  # 282,000 + 375,000 + 30,000
    ),
    "Moonshot, cached tokens at the top": Golden(
        CHAT,
        {
            "prompt_tokens": 1000,
            "completion_tokens": 100,
            "total_tokens": 1100,
            "cached_tokens": 768,
        },
        total=1100,
        parts={"input": 232, "cache_read": 768, "output": 100},
        rates={"input": "0.6", "output": "2.5", "cache_read": "0.15"},
        bill=((232, 600), (768, 150), (100, 2_500)),
        nanos=504_400,  # 139,200 + 115,200 + 250,000
    ),
    "Ollama": Golden(
        _ollama,
        {
            "model": "m",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 26,
            "prompt_eval_duration": 130_079_000,
            "eval_count": 298,
            "eval_duration": 4_799_921_000,
        },
        total=324,
        parts={"input": 26, "output": 298},
        rates={"input": "0.05", "output": "0.2"},
        bill=((26, 50), (298, 200)),
        nanos=60_900,  # 1,300 + 59,600
    ),
    "thoughts that have a rate of their own": Golden(
        CHAT,
        {
            "prompt_tokens": 10,
            "completion_tokens": 900,
            "total_tokens": 910,
            "completion_tokens_details": {"reasoning_tokens": 800},
        },
        total=910,
        parts={"input": 10, "output": 100, "reasoning": 800},
        rates={"input": "2", "output": "8", "reasoning": "3"},
        bill=((10, 2_000), (100, 8_000), (800, 3_000)),
        nanos=3_220_000,  # 20,000 + 800,000 + 2,400,000
    ),
}


@pytest.mark.req("P-7", "P-9", "P-15", "D.1.9")
@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN)
def test_a_usage_object_is_each_token_once_and_costs_what_the_bill_says(case: Golden) -> None:
    usage = case.read(json.dumps(case.told).encode())

    assert usage is not None
    assert {name: count for name, count in usage.parts().items() if count} == case.parts
    assert usage.total == case.total == sum(count for count, _ in case.bill)
    assert sum(count * rate for count, rate in case.bill) == case.nanos
    assert _price(case.rates).cost(usage) == case.nanos


@pytest.mark.req("P-3")
@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN)
def test_what_it_costs_is_within_what_was_held_for_so_many_tokens(case: Golden) -> None:
    usage = case.read(json.dumps(case.told).encode()) or Usage()
    price = _price(case.rates)

    assert price.worst(usage.total_input, usage.output, usage, may_keep_long=True) >= case.nanos


@pytest.mark.req("OT-31")
@pytest.mark.parametrize(
    ("case", "target"),
    [
        ("OpenAI, chat, a prompt of which most is cached", "openai:gpt-4o"),
        ("OpenAI, chat, heard and said aloud", "openai:gpt-audio"),
        ("OpenAI, Responses, thoughts within the output", "openai:gpt-5"),
        ("OpenAI, a recording", "openai:gpt-4o-transcribe"),
        ("Anthropic, written for five minutes and for an hour", "anthropic:claude-sonnet-4-5"),
        (
            "Anthropic, a long prompt, by what was read from the cache",
            "anthropic:claude-sonnet-4-5",
        ),
        (
            "Gemini, sound of which some is cached, and thoughts beside what was said",
            "gemini:gemini-2.5-flash",
        ),
        ("Vertex, a long prompt", "gemini:gemini-2.5-pro"),
    ],
)
def test_the_price_book_comes_to_the_same_bill(case: str, target: str) -> None:
    golden = GOLDEN[case]
    (price,) = [row.price(1) for row in seed_prices().listings if row.target == target]

    assert price.cost(golden.read(json.dumps(golden.told).encode()) or Usage()) == golden.nanos


def _price(rates: dict[str, Any]) -> Price:
    row = {"target": "up:m", "source": "its price list", "effective": DAY, **rates}
    return listing(row).price(1)
