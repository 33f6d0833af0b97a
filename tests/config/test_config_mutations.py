"""Each key of the full sample is taken out, misspelled, and given a value of another type."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from configs import CANARIES, ENVIRON, full

from tollhouse.config import ConfigInvalid, Problem, Settings, parse
from tollhouse.config.problems import Place, dotted
from tollhouse.config.shapes import sections, shape_at

SAMPLE = tomllib.loads(Path(__file__).with_name("full.toml").read_text())
TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def leaves(node: dict[str, Any], around: Place = ()) -> Iterator[Place]:
    for name, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, (*around, name))
        else:
            yield (*around, name)


LEAVES = list(leaves(SAMPLE))
each_key = pytest.mark.parametrize("place", LEAVES, ids=[dotted(place) for place in LEAVES])


def test_the_sample_is_valid_and_says_everything_there_is(tmp_path: Path) -> None:
    settings = parse(full(tmp_path), ENVIRON)

    assert settings.providers["vllm"].base_url == "http://127.0.0.1:8000/v1"
    for name, shape in sections().items():
        said = {key for place in LEAVES if place[0] == name for key in place[1:]}
        known = set(shape.get("properties") or shape_at((name, "NAME")).get("properties", {}))
        assert known <= said


ASKED_FOR: dict[str, set[str]] = {
    "data_dir": {
        "server.tls_certificate", "server.tls_key", "auth.peppers.2", "issuers.okta.ca_file",
        "issuers.cluster.keys_file", "providers.openai.ca_file",
        "providers.openai.client_certificate", "providers.openai.client_key", "limits.ca_file",
        "authorities.prod.bundle_file", "authorities.corp.bundle_file",
    },
    "authorities.prod.bundle_file": {"authorities.prod.bundle_file"},
    "authorities.prod.trust_domain": {"authorities.prod.audiences"},
    "authorities.prod.rules": {"authorities.prod.audiences"},
    "authorities.corp.bundle_file": {"authorities.corp.bundle_file"},
    "authorities.mesh.bundle_from": {"authorities.mesh.bundle_file", "workload_api.socket"},
    "authorities.mesh.trust_domain": {"authorities.mesh.trust_domain"},
    "workload_api.socket": {"workload_api.socket"},
    "admin.listen": {
        *("console.idle_s", "console.longest_s", "console.url", "issuers.okta.client_id"),
    },
    "issuers.okta.client_id": {
        *("issuers.okta.authorize_url", "issuers.okta.client_secret", "issuers.okta.scopes"),
        *("issuers.okta.token_url", "issuers.okta.rules[0].role"),
    },
    "tokens.secrets.2": {"tokens.secret_version"},
    "vault.keys.2": {"vault.key_version"},
    "opencode.tenant": {
        "logins.models", "logins.project", "logins.minutes", "logins.failures_per_minute",
    },
    "issuers.okta.issuer": {"issuers.okta.issuer"},
    "issuers.okta.audiences": {"issuers.okta.audiences"},
    "issuers.okta.rules": {"issuers.okta.rules"},
    "issuers.cluster.issuer": {"issuers.cluster.issuer"},
    "issuers.cluster.audiences": {"issuers.cluster.audiences"},
    "issuers.cluster.keys_file": {"issuers.cluster.issuer"},
    "issuers.cluster.rules": {"issuers.cluster.rules"},
    "static_tokens.asks.file": {"static_tokens.asks.file"},
    "static_tokens.asks.tenant": {"static_tokens.asks.tenant"},
    "static_tokens.asks.user": {"static_tokens.asks.user"},
    "static_tokens.fixed.token": {"static_tokens.fixed.file"},
    "static_tokens.fixed.tenant": {"static_tokens.fixed.tenant"},
    "static_tokens.fixed.user": {"static_tokens.fixed.user"},
    "server.tls_certificate": {"server.tls_certificate"},
    "server.tls_key": {"server.tls_key"},
    "store.url": {"store.password"},
    "auth.peppers.2": {"auth.pepper_version"},
    "limits.store": {"limits.ca_file", "limits.password", "limits.unreachable"},
    "providers.openai.kind": {"providers.openai.kind"},
    "providers.openai.key": {"providers.openai.key"},
    "providers.claude.kind": {"providers.claude.kind"},
    "providers.claude.url": {"providers.claude.url"},
    "providers.openai.client_certificate": {"providers.openai.client_certificate"},
    "providers.openai.client_key": {"providers.openai.client_key"},
    "providers.azure.kind": {"providers.azure.kind"},
    "providers.azure.url": {"providers.azure.url"},
    "providers.azure.key": {"providers.azure.key"},
    "providers.azure.tenant": {"providers.azure.tenant", "providers.azure.token_url"},
    "providers.azure.client_id": {"providers.azure.client_id"},
    "providers.vertex.kind": {"providers.vertex.kind"},
    "providers.vertex.service_account": {"providers.vertex.service_account"},
    "providers.vertex.project": {"providers.vertex.project"},
    "providers.aws.kind": {"providers.aws.kind"},
    "providers.aws.url": {"providers.aws.url"},
    "providers.aws.key": {"providers.aws.key"},
    "providers.aws.access_key": {"providers.aws.session_token", "providers.aws.region"},
    "providers.aws.region": {"providers.aws.region"},
    "providers.aws-workload.kind": {"providers.aws-workload.kind"},
    "providers.aws-workload.region": {"providers.aws-workload.region"},
    "providers.aws-workload.role": {"providers.aws-workload.role"},
    "providers.aws-workload.identity_token": {
        "providers.aws-workload.identity_token", "providers.aws-workload.key",
    },
    "providers.vertex-workload.kind": {"providers.vertex-workload.kind"},
    "providers.vertex-workload.project": {"providers.vertex-workload.project"},
    "providers.vertex-workload.audience": {
        "providers.vertex-workload.audience", "providers.vertex-workload.service_account",
    },
    "providers.vertex-workload.identity_token": {"providers.vertex-workload.identity_token"},
    "providers.vllm.kind": {"providers.vllm.kind"},
    "providers.vllm.url": {"providers.vllm.url"},
    "providers.local.kind": {"providers.local.kind"},
    'models."gpt-4.1".targets': {'models."gpt-4.1".targets'},
    "models.small.targets": {"models.small.targets"},
    'models."here/*".targets': {'models."here/*".targets'},
}  # fmt: skip
"""What is reported when a key is left out that the rest of the sample needs."""


@pytest.mark.req("P-35")
@each_key
def test_a_key_that_is_left_out_has_its_default_or_is_asked_for(
    place: Place, tmp_path: Path
) -> None:
    result = outcome(tmp_path, place, lambda table, key: table.pop(key))

    if isinstance(result, Settings):
        assert dotted(place) not in ASKED_FOR
        assert value_in(result, place) == default_at(place)
    else:
        assert {problem.key for problem in result} == ASKED_FOR[dotted(place)]
        assert all(is_precise(problem) for problem in result)


@pytest.mark.req("P-35")
@each_key
def test_a_misspelled_key_is_named_with_what_was_meant(place: Place, tmp_path: Path) -> None:
    def misspell(table: dict[str, Any], key: str) -> None:
        table[misspelled(key)] = table.pop(key)

    result = outcome(tmp_path, place, misspell)

    assert isinstance(result, list)
    wrong = (*place[:-1], misspelled(str(place[-1])))
    (named,) = [problem for problem in result if problem.key == dotted(wrong)]
    assert is_precise(named)
    assert named.line
    if place[-2:-1] not in (("peppers",), ("secrets",), ("keys",)):
        assert named.hint == f'Did you mean "{place[-1]}"?'


@pytest.mark.req("P-35")
@pytest.mark.parametrize("other", [True, 7, 0.5, "\t", [1], {"x": 1}], ids=repr)
@each_key
def test_a_value_of_another_type_is_named(place: Place, other: object, tmp_path: Path) -> None:
    def retype(table: dict[str, Any], key: str) -> None:
        table[key] = other

    result = outcome(tmp_path, place, retype)

    if isinstance(result, Settings):
        assert type(other) in TYPES[shape_at(place)["type"]]
        return
    assert all(is_precise(problem) for problem in result)
    assert any(problem.key.startswith(dotted(place)) for problem in result)


@pytest.mark.req("P-35")
@pytest.mark.parametrize("section", [name for name in SAMPLE if name != "data_dir"])
def test_a_misspelled_section_is_named_with_what_was_meant(section: str, tmp_path: Path) -> None:
    text = full(tmp_path).replace(f"[{section}", f"[{misspelled(section)}")

    result = loaded(text)

    assert isinstance(result, list)
    (named,) = [problem for problem in result if problem.key == misspelled(section)]
    assert named.hint == f'Did you mean "{section}"?'


def outcome(
    data_dir: Path, place: Place, change: Callable[[dict[str, Any], str], object]
) -> Settings | list[Problem]:
    """What comes of the sample when one of its tables is changed."""
    tree = tomllib.loads(full(data_dir))
    table = tree
    for part in place[:-1]:
        table = table[str(part)]
    change(table, str(place[-1]))
    return loaded("\n".join(written(tree)))


def loaded(text: str) -> Settings | list[Problem]:
    try:
        return parse(text, ENVIRON)
    except ConfigInvalid as invalid:
        shown = invalid.render() + repr(invalid)
        assert not [canary for canary in CANARIES if canary in shown]
        return invalid.problems


def written(tree: dict[str, Any], around: Place = ()) -> Iterator[str]:
    """The tree as TOML."""
    for name, value in tree.items():
        if not isinstance(value, dict) or value == {"x": 1}:
            yield f"{dotted((name,))} = {literal(value)}"
    for name, value in tree.items():
        if isinstance(value, dict) and value != {"x": 1}:
            yield f"[{dotted((*around, name))}]"
            yield from written(value, (*around, name))


def literal(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\t", "\\t") + '"'
        case list():
            return "[" + ", ".join(literal(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{dotted((k,))} = {literal(v)}" for k, v in value.items()) + "}"
        case _:
            return repr(value)


def misspelled(key: str) -> str:
    return key + "x" if len(key) < 4 else key[:2] + key[3] + key[2] + key[4:] + "x"


def is_precise(problem: Problem) -> bool:
    return bool(problem.key and problem.found and problem.expected)


def value_in(settings: Settings, place: Place) -> object:
    """Of the settings; None for a name that is not there."""
    node: Any = settings.model_dump(mode="json")
    for part in place:
        node = node.get(part)
    return node


def default_at(place: Place) -> object:
    return shape_at(place).get("default")
