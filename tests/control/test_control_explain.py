from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stores import DAY_MS, NOW, acme_key, hold
from tollhouse.config import parse
from tollhouse.control import budgets, catalogue, key_rights, keys, prices, views
from tollhouse.control.explain import Explanation, explain
from tollhouse.control.prices import Rates
from tollhouse.domain import models
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.hours import DAYS
from tollhouse.pipeline.route import Metered, Route, Takes
from tollhouse.server.routes import route_table
from tollhouse.storage import snapshots
from tollhouse.storage.sqlite import SqliteDatabase
from tollhouse.wiring.asking import USUAL_PATH, ask_on
from tollhouse.wiring.dialects import dialects

ROUTES = route_table(dialects(), 1)
SETTINGS = parse(
    '[providers.echo]\nkind = "echo"\n[models.small]\ntargets = ["echo:echo"]\nmax_output_tokens = 100',
    {},
)


async def test_an_allowed_call_shows_what_would_be_held(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite, models=("small",))
    await prices.set_price(sqlite, "echo:echo", Rates("1", "2"), None, NOW)

    explained = await _explained(sqlite, key.id)

    snapshot = await snapshots.load(sqlite, catalogue.names(SETTINGS), requires_price=True)
    plan = models.plan(
        snapshot, snapshot.keys[key.id].principal, ask_on(USUAL_PATH, "small", 10, 50), 2e9
    )
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
    await key_rights.grant(sqlite, key.id, ["small"])
    assert await refusal() == ("model", "model_unpriced")
    await prices.set_price(sqlite, "echo:echo", Rates("1", "2"), None, NOW)
    await hold(sqlite, key, "c1", 999_999_999)
    assert await refusal() == ("budget", "budget_exhausted")
    await keys.set_disabled(sqlite, key.id, is_disabled=True)
    assert await refusal() == ("key", "key_disabled")


@pytest.mark.req("B-21", "P-19")
@pytest.mark.parametrize(("later", "code"), [(0, None), (2, "hours_not_allowed")])
async def test_outside_its_hours_a_key_is_refused_and_they_are_told(
    sqlite: SqliteDatabase, later: int, code: str | None
) -> None:
    day = DAYS[(datetime.fromtimestamp(NOW / 1000, UTC).weekday() + later) % 7]
    key = await acme_key(sqlite, models=("small",))
    await key_rights.confine(sqlite, key.id, hours=day)

    explained = await _explained(sqlite, key.id)

    told = {step.name: step for step in explained.steps}
    assert f"{day} 00:00-24:00 UTC" in told["bounds"].says
    assert told["key"].code == code


async def _explained(sqlite: SqliteDatabase, key: str, at_ms: int = NOW) -> Explanation:
    snapshot = await snapshots.load(sqlite, catalogue.names(SETTINGS), requires_price=True)
    return await explain(sqlite, snapshot, key, ask_on(USUAL_PATH, "small", 10, 50), at_ms / 1000)


@pytest.mark.parametrize(("max_output", "tokens_out"), [(None, 100), (50, 50), (500, 100)])
async def test_the_models_bound_caps_what_is_held(
    sqlite: SqliteDatabase, max_output: int | None, tokens_out: int
) -> None:
    key = await acme_key(sqlite, models=("*",))
    await prices.set_price(sqlite, "echo:echo", Rates("1", "2"), None, NOW)
    snapshot = await snapshots.load(sqlite, catalogue.names(SETTINGS), requires_price=True)

    explained = await explain(
        sqlite, snapshot, key.id, ask_on(USUAL_PATH, "small", 10, max_output), NOW / 1000
    )

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

    steps = (
        await explain(sqlite, snapshot, key.id, ask_on(USUAL_PATH, "best", 10, 50), NOW / 1000)
    ).steps

    assert [step.says for step in steps if step.name == "name"] == [
        "'best' is acme's own name for 'fast'",
        "'fast' is an alias of 'g-2'",
        "'g-2' is one of 'g-*'",
    ]
    (model,) = (step.says for step in steps if step.name == "model")
    assert "share the calls 2:1" in model
    assert "e:g-2" in model


@pytest.mark.req("OT-53", "CN-28")
async def test_a_call_is_explained_as_the_dialect_of_its_path_reads_it(
    sqlite: SqliteDatabase,
) -> None:
    key = await acme_key(sqlite, models=("*",))
    await prices.set_price(sqlite, "echo:echo", Rates("1", "2"), None, NOW)
    snapshot = await snapshots.load(sqlite, catalogue.names(SETTINGS), requires_price=True)

    async def explained(path: str, model: str = "small") -> tuple[bool, str | None]:
        ask = ask_on(path, model, 10, None)
        answer = await explain(sqlite, snapshot, key.id, ask, NOW / 1000)
        return answer.is_allowed, answer.steps[-1].code

    assert await explained("/api/chat", "small:latest") == (True, None)
    assert await explained(USUAL_PATH, "small:latest") == (False, "model_unknown")
    assert await explained("/v1/embeddings") == (False, "model_cannot")


@pytest.mark.parametrize(
    "route",
    [each for each in ROUTES if each.metered is Metered.TOKENS and each.takes is Takes.JSON],
    ids=lambda each: each.path,
)
def test_every_path_of_models_can_be_asked_about(route: Route) -> None:
    ask = ask_on(route.path, "small", 10, 50)

    assert (ask.model, ask.input_bytes) == ("small", 10)
    assert ask.max_output in (0, 50)


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/messages/count_tokens", "/health", "/nowhere", ""]
)
def test_on_other_paths_no_model_is_called(path: str) -> None:
    with pytest.raises(FieldInvalid):
        ask_on(path, "small", 10, None)
