"""What a call may cost and who pays for it, as callers of each dialect meet it on a served gateway."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from journeys.gateway import MODEL, Gateway, ask, gateway, until
from journeys.provider import Provider, provider
from tollhouse.control import budgets, key_rights
from tollhouse.control.budgets import Grant, Scope
from tollhouse.domain.identity import Naming
from tollhouse.wiring import Store

CLAUDE_CODE = f"user_{'a' * 64}_account__session_{'b' * 36}"
PATHS = {
    "chat/completions": lambda name: ask(user=name),
    "completions": lambda name: {"model": MODEL, "prompt": "hello", "user": name},
    "embeddings": lambda name: {"model": MODEL, "input": "hello", "user": name},
    "responses": lambda name: {"model": MODEL, "input": "hello", "safety_identifier": name},
    "messages": lambda name: ask(max_tokens=9, metadata={"user_id": name}),
}


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, up.url) as it:
        yield it


@pytest.mark.req("OT-5", "OT-7", "OT-8", "S-50")
async def test_the_user_of_the_key_pays_whomever_the_body_names(
    door: Gateway, up: Provider
) -> None:
    other = await door.new_key()
    foreign = f"key-{other.id}"
    assert await _eventually(door, ask(user=foreign), wanted=403) == 403
    before = len(up.asked)

    for path, body in PATHS.items():
        refused = await _post(door, path, body(foreign))
        assert (refused[0], "user_mismatch" in refused[1]) == (403, True), path
    assert len(up.asked) == before

    assert (await _post(door, "messages", PATHS["messages"](CLAUDE_CODE)))[0] == 200
    assert (await _post(door, "chat/completions", ask(user=f"key-{door.key_id}")))[0] == 200
    await door.on_store(lambda store: key_rights.bind(store, door.key_id, Naming.TOLERATE))
    assert await _eventually(door, ask(user=foreign)) == 200

    await door.nothing_is_held()
    rows = await door.rows("SELECT DISTINCT user_id FROM calls")
    assert rows == [(f"acme/key-{door.key_id}",)]
    assert await door.rows("SELECT end_user FROM calls WHERE end_user IS NOT NULL") == [(foreign,)]
    assert up.asked[-1].body["user"] == foreign
    assert len(door.calls()) >= len(PATHS)


@pytest.mark.req("B-18")
async def test_a_caller_may_say_what_a_call_may_cost_and_nobody_else_hears_of_it(
    door: Gateway, up: Provider
) -> None:
    dear = await _post(door, "chat/completions", ask(), {"x-max-cost": "0.000001"})
    twice = await _post(door, "chat/completions", ask(), [("x-max-cost", "1"), ("x-max-cost", "2")])
    asked_before = len(up.asked)
    fine = await _post(door, "chat/completions", ask(), {"x-max-cost": "1"})

    assert (dear[0], "cost_over_ceiling" in dear[1]) == (402, True)
    assert dear[2]["x-should-retry"] == "false"
    assert (twice[0], asked_before, fine[0]) == (400, 0, 200)
    assert "x-max-cost" not in {name.lower() for name in up.asked[0].headers}
    await door.nothing_is_held()


@pytest.mark.req("B-18")
async def test_a_conversation_ends_at_its_ceiling_and_another_goes_on(door: Gateway) -> None:
    worst = await door.worst(json.dumps(ask()).encode())
    await door.on_store(lambda store: key_rights.set_ceiling(store, door.key_id, worst))
    loop, other = {"x-conversation-id": "loop"}, {"x-conversation-id": "other"}

    async def is_over() -> bool:
        return (await _post(door, "chat/completions", ask(), loop))[0] == 402

    await until(is_over, "the conversation has come to its ceiling")
    refused = await _post(door, "chat/completions", ask(), loop)

    assert f"The budget of key:{door.key_id}?conversation=loop has" in refused[1]
    assert (await _post(door, "chat/completions", ask(), other))[0] == 200
    assert (await _post(door, "chat/completions", ask()))[0] == 200
    unnamed = await _post(door, "chat/completions", ask(), {"x-conversation-id": "a b"})
    assert (unnamed[0], "x-conversation-id" in unnamed[1]) == (400, True)
    await door.nothing_is_held()
    await door.is_consistent()
    listed = await door.on_store(budgets.listed)
    assert not [account for account in listed if "conversation" in account.owner]


@pytest.mark.req("OT-39")
async def test_a_key_that_is_exempt_calls_on_an_empty_budget_and_is_written_down(
    door: Gateway,
) -> None:
    await door.budget(0)
    assert (await _post(door, "chat/completions", ask()))[0] == 402

    await door.on_store(lambda store: key_rights.set_exempt(store, door.key_id, is_exempt=True))
    assert await _eventually(door, ask()) == 200

    await _settled(door)
    ((owed,),) = await door.rows("SELECT owed FROM calls WHERE outcome = 'completed'")
    assert owed > 0
    assert await door.spent() == 0
    await door.is_consistent()


@pytest.mark.req("OT-37")
async def test_a_budget_for_one_provider_stops_what_it_would_answer(door: Gateway) -> None:
    async def narrow(store: Store) -> None:
        named = await budgets.narrow(store, "project:acme/default", Scope(provider="up"))
        await budgets.grant(store, named, Grant(is_granted=True, limit=1))

    await door.on_store(narrow)
    assert await _eventually(door, ask(), wanted=402) == 402

    told = await _post(door, "chat/completions", ask())

    assert "The budget of project:acme/default?provider=up has" in told[1]
    await door.nothing_is_held()
    await door.is_consistent()


async def _post(
    door: Gateway, path: str, body: dict[str, Any], headers: Any = ()
) -> tuple[int, str, Any]:
    sent = [*door.headers.items(), *(headers.items() if isinstance(headers, dict) else headers)]
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{door.base_url}/{path}", json=body, headers=sent) as reply,
    ):
        return reply.status, await reply.text(), reply.headers


async def _eventually(door: Gateway, body: dict[str, Any], wanted: int = 200) -> int:
    """A change of a key is known within a second."""
    status = 0

    async def is_so() -> bool:
        nonlocal status
        status = (await _post(door, "chat/completions", body))[0]
        return status == wanted

    await until(is_so, f"a call is answered {wanted}")
    return status


async def _settled(door: Gateway) -> None:
    async def is_so() -> bool:
        return not await door.rows("SELECT id FROM calls WHERE state <> 'settled'")

    await until(is_so, "all calls are settled")
