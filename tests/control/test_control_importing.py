from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.config.loading import parse
from tollhouse.control import from_otari
from tollhouse.control.from_litellm import KINDS, litellm
from tollhouse.control.from_otari import otari
from tollhouse.control.importing import Moved
from tollhouse.domain.errors import FieldInvalid

SECRET = "k7Jq2ZpR9xWv4TnB8mYc"
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


def test_deployments_of_one_name_are_targets_of_one_model() -> None:
    moved = litellm(
        {
            "model_list": [
                _deployment("gpt", "openai/gpt-4o", api_key="os.environ/MY_KEY"),
                _deployment("gpt", "groq/llama-3.3"),
                _deployment(
                    "mine", "openai/qwen", api_base="http://10.0.0.1:8000/v1", api_key="none"
                ),
            ]
        }
    )

    assert moved.providers == {
        "openai": {"kind": "openai", "key": "env:MY_KEY"},
        "groq": {"kind": "groq", "key": "env:GROQ_API_KEY"},
        "openai-compatible": {
            "kind": "openai-compatible",
            "url": "http://10.0.0.1:8000/v1",
            "key": "env:OPENAI_API_KEY",
        },
    }
    assert moved.models["gpt"]["targets"] == ["openai:gpt-4o", "groq:llama-3.3"]


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("gpt-4o", "openai:gpt-4o"),
        ("o3-mini", "openai:o3-mini"),
        ("claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("openrouter/meta/llama", "openrouter:meta/llama"),
    ],
)
def test_a_model_leads_to_its_vendor(model: str, target: str) -> None:
    moved = litellm({"model_list": [_deployment("m", model)]})

    assert moved.models["m"]["targets"] == [target]


def test_two_accounts_of_a_vendor_are_two_providers() -> None:
    keys = ("os.environ/ONE", "os.environ/TWO", "os.environ/ONE")

    moved = litellm(
        {"model_list": [_deployment("m", "openai/gpt-4o", api_key=key) for key in keys]}
    )

    assert moved.models["m"]["targets"] == ["openai:gpt-4o", "openai-2:gpt-4o"]


def test_what_a_model_does_holds_and_costs_is_carried() -> None:
    info = {"mode": "embedding", "max_tokens": 8191, "input_cost_per_token": 2e-08}
    entry = {**_deployment("e", "openai/text-embedding-3-small"), "model_info": info}
    entry["litellm_params"]["output_cost_per_token"] = 0

    moved = litellm({"model_list": [entry]})

    assert moved.models["e"]["does"] == ["embeddings"]
    assert moved.models["e"]["max_output_tokens"] == 8191
    assert moved.commands() == [
        "tollhouse prices set openai:text-embedding-3-small --input 0.02 --output 0"
    ]


def test_aliases_and_fallbacks_are_carried() -> None:
    config = {
        "model_list": [_deployment("big", "gpt-4o"), _deployment("small", "groq/llama")],
        "router_settings": {"model_group_alias": {"fast": "small", "lost": "nobody"}},
        "litellm_settings": {"fallbacks": [{"big": ["small"]}, {"big": ["nobody"]}]},
    }

    moved = litellm(config)

    assert moved.aliases == {"fast": "small"}
    assert moved.models["big"]["targets"] == ["openai:gpt-4o", "groq:llama"]
    assert moved.left == [
        "router_settings.model_group_alias.lost",
        "litellm_settings.fallbacks.big",
    ]


def test_a_key_in_clear_is_not_repeated() -> None:
    moved = litellm({"model_list": [_deployment("m", "gpt-4o", api_key="sk-in-clear")]})

    assert "sk-in-clear" not in moved.toml() + "".join(moved.left)
    assert "put it into OPENAI_API_KEY" in moved.left[0]


def test_whatever_has_no_words_here_is_named() -> None:
    moved = litellm(
        {
            "model_list": [
                _deployment("m", "gpt-4o", rpm=10, timeout=3),
                _deployment("b", "bedrock/anthropic.claude"),
                {"model_name": "nothing"},
            ],
            "general_settings": {"master_key": "sk-1", "database_url": "postgres://"},
            "environment_variables": None,
        }
    )

    assert "b" not in moved.models
    assert [each.partition(":")[0] for each in moved.left] == [
        "model_list[0].litellm_params.rpm",
        "model_list[0].litellm_params.timeout",
        "model_list[1]",
        "model_list[2]",
        "general_settings.master_key",
        "general_settings.database_url",
        "environment_variables",
    ]


@pytest.mark.parametrize("vendor", sorted(KINDS))
def test_what_is_said_is_a_settings_file(vendor: str) -> None:
    base = {"api_base": "http://127.0.0.1:8000/v1"} if KINDS[vendor][1] == "" else {}

    moved = litellm({"model_list": [_deployment("m", f"{vendor}/some-model", **base)]})

    assert set(_settings(moved).models) == {"m"}


@pytest.mark.parametrize("url", [{}, {"api_base": "os.environ/BASE"}])
def test_a_url_that_is_not_in_the_file_is_not_made_up(url: dict[str, str]) -> None:
    moved = litellm({"model_list": [_deployment("m", "hosted_vllm/qwen", **url)]})

    assert (moved.models, len(moved.left)) == ({}, 1)


def test_a_wildcard_stays_one() -> None:
    moved = litellm({"model_list": [_deployment("openai/*", "openai/*")]})

    settings = _settings(moved)
    assert settings.models["openai/*"].star == "rest"


@pytest.mark.parametrize("config", [None, [], {}, {"model_list": {}}])
def test_what_is_no_configuration_is_refused(config: Any) -> None:
    with pytest.raises(FieldInvalid, match="model_list"):
        litellm(config)


@given(st.lists(ANYTHING, max_size=3), st.dictionaries(st.text(max_size=12), ANYTHING, max_size=3))
def test_any_configuration_is_said_or_named(entries: list[Any], rest: dict[str, Any]) -> None:
    moved = litellm({**rest, "model_list": [*entries, _deployment("m", "gpt-4o")]})

    assert "m" in moved.models
    assert moved.toml()


def test_an_otari_provider_answers_for_all_that_is_called_by_it() -> None:
    moved = otari(
        {
            "providers": {
                "openai": {"api_key": "${MY_KEY}", "client_args": {"timeout": 3}},
                "mine": {
                    "provider_type": "openai",
                    "api_base": "http://10.0.0.1/v1",
                    "api_key": "sk-x",
                },
                "vertexai": {"project": "p"},
            },
            "pricing": {
                "openai:gpt-5": {"input_price_per_million": 0.25, "output_price_per_million": 1},
                "vertexai:qwen": {"input_price_per_million": 1},
            },
            "master_key": "otari-mk-secret",
        }
    )

    assert moved.providers["openai"] == {"kind": "openai", "key": "env:MY_KEY"}
    assert moved.providers["mine"]["kind"] == "openai-compatible"
    assert set(_settings(moved).models) == {"openai:*", "mine:*"}
    assert moved.commands() == ["tollhouse prices set openai:gpt-5 --input 0.25 --output 1"]
    assert [each.partition(": ")[0] for each in moved.left] == [
        "providers.openai.client_args",
        "providers.mine.api_key",
        "providers.vertexai",
        "pricing.vertexai:qwen",
        "master_key",
    ]
    assert "sk-x" not in moved.toml()


@pytest.mark.parametrize("vendor", sorted(from_otari.KINDS))
def test_what_otari_was_told_is_a_settings_file(vendor: str) -> None:
    base = {} if from_otari.KINDS[vendor][1] else {"api_base": "http://127.0.0.1:8000/v1"}

    moved = otari({"providers": {vendor: base}})

    assert set(_settings(moved).models) == {f"{vendor}:*"}


@pytest.mark.parametrize("config", [None, {}, {"providers": []}])
def test_what_is_no_otari_configuration_is_refused(config: Any) -> None:
    with pytest.raises(FieldInvalid, match="providers"):
        otari(config)


@given(st.dictionaries(st.text(max_size=8), ANYTHING, max_size=4), ANYTHING)
def test_any_otari_configuration_is_said_or_named(providers: dict[str, Any], pricing: Any) -> None:
    moved = otari({"providers": {**providers, "openai": None}, "pricing": pricing})

    assert "openai:*" in moved.models
    assert moved.toml()


def _settings(moved: Moved) -> Any:
    environ = {
        each["key"].removeprefix("env:"): SECRET
        for each in moved.providers.values()
        if "key" in each
    }
    return parse(moved.toml(), environ)


def _deployment(name: str, model: str, **given: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model, **given}}
