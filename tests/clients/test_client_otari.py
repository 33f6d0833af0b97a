"""otari's own SDK, unchanged, before a gateway with `--profile otari`: it administrates, spends and is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from clients.player import Player
from clients.roster import HERE, PYTHON
from journeys.gateway import Gateway, furnish, now_ms, prepared
from journeys.provider import PROMPT_TOKENS, Provider, provider
from tollhouse.control import admin_tokens, peppers, tenancy
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.operations import Role
from tollhouse.wiring import Store

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="its environment is not installed"),
    pytest.mark.req(*(f"OT-{number}" for number in (15, 16, 17, 19, 23, 28, 29, 35, 76, 77, 91))),
]

COST = (PROMPT_TOKENS * 1250 + 10 * 10_000) / 10**9
SHOP = """
[providers.shop]
kind = "openai-compatible"
url = "{url}"
key = "env:UP_KEY"
[models.small]
targets = ["shop:real-model"]
max_output_tokens = 64
"""


@dataclass
class Told:
    by_client: dict[str, Any]
    door: Gateway
    up: Provider


@pytest.fixture(scope="module")
async def told(
    anyio_backend: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Told]:
    async with provider() as up:
        up.completion_tokens = 10
        door = prepared(tmp_path_factory.mktemp("otari"), up.url, settings=SHOP.format(url=up.url))
        door.program = ("-m", "tollhouse", "--profile", "otari")
        await furnish(door, limit=10**12)
        token = await door.on_store(lambda store: _token(store, door))
        player = await Player.start([str(PYTHON), str(HERE / "python" / "otari_sdk.py")])
        try:
            await door.start()
            said = await player.play(way="journey", origin=door.origin, key=token, model="small")
            await door.nothing_is_held()
            yield Told(said, door, up)
        finally:
            await player.end()
            while door.processes:
                door.kill()


async def _token(store: Store, door: Gateway) -> str:
    """Of the tenant's own administrator: prices are the house's, so it takes one who sets them."""
    await tenancy.create_tenant(store, "main", now_ms())
    known = await peppers.opened(door.settings, store)
    claims = Claims(role=Role.OWNER, at="house")
    return (await admin_tokens.mint(store, known, claims, 900, "host:test", now_ms())).token


async def test_it_sets_a_price_and_makes_a_user_with_a_budget_and_a_key(told: Told) -> None:
    said = told.by_client

    assert "error" not in said, said
    assert said["price"] == [1.25, 10]
    assert said["history"] == 1
    assert said["user"] == ["anna", "Anna", 0, True]
    assert said["key"][:2] == ["web", {"team": "web"}]
    assert said["shown_once"]


async def test_its_key_calls_what_it_was_given_whole_and_in_a_stream(told: Told) -> None:
    assert told.by_client["models"] == ["small"]
    assert told.by_client["whole"] == told.by_client["stream"] == "word " * 10


@pytest.mark.req("OT-24", "OT-25", "OT-36")
async def test_what_is_refused_is_an_error_of_its_own_with_our_words(told: Told) -> None:
    said = told.by_client

    assert said["over_budget"][:2] == ["InsufficientFundsError", 402]
    assert "The budget of user:main/anna has $0.00" in said["over_budget"][2]
    assert said["other_model"][:2] == ["ModelNotFoundError", 404]
    assert said["switched_off"][:2] == ["AuthenticationError", 401]
    assert said["no_admin"][:2] == ["AuthenticationError", 401]
    assert said["unknown"][:2] == ["ModelNotFoundError", 404]
    assert said["deleted"][:2] == ["ModelNotFoundError", 404]
    assert said["rotated"]
    assert said["blocked"]
    assert not [name for name, each in said.items() if "{" in str(each) and name != "key"]
    assert len(told.up.asked) == 2


async def test_it_reads_what_was_used_and_what_that_came_to(told: Told) -> None:
    said = told.by_client

    assert said["usage"] == [["real-model", "shop", "success", PROMPT_TOKENS, 10, COST]] * 2
    assert said["spend"] == said["total"] == pytest.approx(2 * COST)
    assert said["of_user"] == 2
    await told.door.is_consistent()


@pytest.mark.req("B-12", "OT-81")
async def test_each_of_its_changes_is_one_record_of_the_audit_log(told: Told) -> None:
    records = [json.loads(line) for line in told.door.audit_lines() if line.endswith("}")]

    done = [each["operation"] for each in records if each["kind"] == "act"]
    assert sorted(done) == sorted(
        [
            *("prices.set", "plans.create", "users.create", "users.describe", "plans.give"),
            *("keys.create", "plans.change", "plans.change", "keys.disable", "keys.rotate"),
            *("keys.enable", "users.disable", "keys.revoke"),
            *("usage.import", "usage.import", "usage.reprice"),
        ]
    )
    assert len({each["act"] for each in records if each["kind"] == "act"}) == len(done)
    await told.door.audit_is_whole()


@pytest.mark.req("OT-34", "OT-78")
async def test_it_tells_usage_from_outside_once_and_prices_it_anew(told: Told) -> None:
    assert told.by_client["outside"] == [[1, 0], [0, 1], [3, 3], [2.5]]
