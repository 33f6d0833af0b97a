"""The catalogue is rows that settings can stand on."""

from __future__ import annotations

import re

import pytest

from tollhouse.config import parse
from tollhouse.config.addresses import read_http
from tollhouse.config.kinds import OWN
from tollhouse.data import catalogue
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.vendors import Api, Feature, vendors

NAMED = (
    *("mistral", "groq", "deepseek", "together", "fireworks", "openrouter", "xai", "cerebras", "perplexity"),
    *("nvidia", "databricks", "vllm", "sglang", "tgi", "llama-cpp", "lm-studio"),
)  # fmt: skip
KEY = {"K": "sk-canary-0123456789"}


def test_it_has_the_vendors_that_people_ask_for() -> None:
    assert len(catalogue()) >= 40
    assert catalogue().keys() >= set(NAMED)
    assert not catalogue().keys() & set(OWN)


@pytest.mark.parametrize("kind", sorted(catalogue()))
def test_a_row_names_a_place_that_may_be_called_and_where_it_says_so(kind: str) -> None:
    row = catalogue()[kind]

    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", kind)
    assert row.name
    assert row.docs.startswith("https://")
    assert row.output_bound in ("max_tokens", "max_completion_tokens")
    if row.url is not None:
        assert row.url.startswith("https://")
        assert read_http(row.url) == row.url
        assert row.needs_key
        assert row.api is Api.OPENAI or not row.url.endswith("/v1")


@pytest.mark.parametrize("kind", sorted(catalogue().keys() - {"vertex"}))  # it shows no key
def test_settings_take_from_a_row_what_they_do_not_say(kind: str) -> None:
    row = catalogue()[kind]
    assert row.key_header in ("authorization", "api-key", "x-api-key", "x-goog-api-key")
    url = "" if row.url else 'url = "http://127.0.0.1:8000/v1"\n'

    provider = parse(f'[providers.p]\nkind = "{kind}"\nkey = "env:K"\n{url}', KEY).providers["p"]

    assert provider.base_url == (row.url or "http://127.0.0.1:8000/v1")
    assert provider.bounded_by == row.output_bound
    assert provider.may_ask_usage == row.asks_usage
    assert provider.is_anthropic == (row.api is Api.ANTHROPIC)
    assert ("openai_responses" in provider.dialects) == (Feature.RESPONSES in row.supports)


@pytest.mark.req("R-8")
def test_azures_deployments_of_one_version_have_no_responses() -> None:
    text = '[providers.p]\nkind = "azure"\nkey = "env:K"\nurl = "https://x.example"\napi_version = "2024-10-21"'

    assert parse(text, KEY).providers["p"].dialects == ("openai_chat",)


def test_whatever_a_row_says_can_be_said_otherwise() -> None:
    text = """
[providers.p]
kind = "groq"
key = "env:K"
url = "https://eu.groq.example/v1"
output_bound = "max_tokens"
asks_usage = false
"""

    provider = parse(text, KEY).providers["p"]

    assert provider.base_url == "https://eu.groq.example/v1"
    assert provider.bounded_by == "max_tokens"
    assert not provider.may_ask_usage


@pytest.mark.parametrize(
    "row",
    [
        {"docs": "https://x.example"},
        {"name": "X"},
        {"name": "X", "docs": "https://x.example", "api": "klingon"},
        {"name": "X", "docs": "https://x.example", "supports": ["magic"]},
        {"name": "X", "docs": "https://x.example", "link": "https://x.example"},
    ],
)
def test_a_row_that_is_none_is_refused(row: dict[str, object]) -> None:
    with pytest.raises(FieldInvalid, match="x: "):
        vendors({"x": row})


def test_what_a_row_does_not_say_is_what_most_have() -> None:
    row = vendors({"x": {"name": "X", "docs": "https://x.example", "supports": ["tools"]}})["x"]

    assert (row.url, row.needs_key, row.api) == (None, False, Api.OPENAI)
    assert row.supports == {Feature.TOOLS}
