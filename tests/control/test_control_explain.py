from __future__ import annotations

import pytest

from stores import DAY_MS, NOW, acme_key, hold
from tollhouse.config import parse
from tollhouse.control import budgets, catalogue, keys, prices, views
from tollhouse.control.explain import Explanation, ask_of, explain
from tollhouse.control.prices import Rates
from tollhouse.domain import models
from tollhouse.storage import snapshots
from tollhouse.storage.sqlite import SqliteDatabase

SETTINGS = parse(
    '[providers.echo]\nkind = "echo"\n[models.small]\ntargets = ["echo:echo"]\nmax_output_tokens = 100',
    {},
)


async def test_an_allowed_call_shows_what_would_be_held(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite, models=("small",))
    await prices.set_price(sqlite, "echo:echo", Rates("1", "2"), None, NOW)

    explained = await _explained(sqlite, key.id)

    snapshot = await snapshots.load(sqlite, catalogue.names(SETTINGS), requires_price=True)
    plan = models.plan(snapshot, snapshot.keys[key.id].principal, ask_of("small", 10, 50), 2e9)
    assert explained.is_allowed
    assert explained.plan is not None
    assert explained.plan.hold == plan.hold
    assert [step.name for step in explained.steps] == ["key", "model", "hold", "budget"]


async def test_nothing_is_held_by_asking(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite, models=("small",))
    await prices.set_price(sqlite, "echo:echo", Rates("1", "2"), None, NOW)

    await _explained(sqlite, key.id)

    assert (await budgets.found(sqlite, "tenant:acme")).held == 0


async def test_each_refusal_is_named_where_it_happens(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)

    async def refusal(key_id: str = key.id, at_ms: int = NOW) -> tuple[str, str | None]:
        last = (await _explained(sqlite, key_id, at_ms)).steps[-1]
        return last.name, last.code

    assert await refusal("nobody") == ("key", "key_unknown")
    assert await refusal(at_ms=NOW + 91 * DAY_MS) == ("key", "key_expired")
    assert await refusal() == ("model", "model_not_granted")
    await keys.grant(sqlite, key.id, ["small"])
    assert await refusal() == ("model", "model_unpriced")
    await prices.set_price(sqlite, "echo:echo", Rates("1", "2"), None, NOW)
    await hold(sqlite, key, "c1", 999_999_999)
    assert await refusal() == ("budget", "budget_exhausted")
    await keys.set_disabled(sqlite, key.id, is_disabled=True)
    assert await refusal() == ("key", "key_disabled")


async def _explained(sqlite: SqliteDatabase, key: str, at_ms: int = NOW) -> Explanation:
    snapshot = await snapshots.load(sqlite, catalogue.names(SETTINGS), requires_price=True)
    return await explain(sqlite, snapshot, key, ask_of("small", 10, 50), at_ms / 1000)


@pytest.mark.parametrize(("max_output", "tokens_out"), [(None, 100), (50, 50), (500, 100)])
async def test_the_models_bound_caps_what_is_held(
    sqlite: SqliteDatabase, max_output: int | None, tokens_out: int
) -> None:
    key = await acme_key(sqlite, models=("*",))
    await prices.set_price(sqlite, "echo:echo", Rates("1", "2"), None, NOW)
    snapshot = await snapshots.load(sqlite, catalogue.names(SETTINGS), requires_price=True)

    explained = await explain(sqlite, snapshot, key.id, ask_of("small", 10, max_output), NOW / 1000)

    assert explained.plan is not None
    assert explained.plan.legs[0].output_tokens == tokens_out


@pytest.mark.req("OT-53")
async def test_the_rules_by_which_a_name_leads_to_a_model_are_shown(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite, models=("*",))
    settings = parse(
        '[providers.e]\nkind = "echo"\n[models."g-*"]\ntargets = ["e:* weight=2", "e:x weight=1"]\n'
        '[aliases]\nfast = "g-2"',
        {},
    )
    names = catalogue.names(settings)
    await views.name(sqlite, names, "acme", "best", "fast")
    snapshot = await snapshots.load(sqlite, names, requires_price=False)

    steps = (await explain(sqlite, snapshot, key.id, ask_of("best", 10, 50), NOW / 1000)).steps

    assert [step.says for step in steps if step.name == "name"] == [
        "'best' is acme's own name for 'fast'",
        "'fast' is an alias of 'g-2'",
        "'g-2' is one of 'g-*'",
    ]
    (model,) = (step.says for step in steps if step.name == "model")
    assert "share the calls 2:1" in model
    assert "e:g-2" in model
