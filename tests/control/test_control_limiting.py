"""Who may take how much."""

from __future__ import annotations

import pytest

from stores import Store, acme_key
from tollhouse.config import parse
from tollhouse.control import limiting
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.limiting import Defaults, Limits
from tollhouse.domain.rates import MOST, MOST_WEIGHT, Measure
from tollhouse.domain.snapshot import Model, Names
from tollhouse.domain.storing import Conflict
from tollhouse.storage import snapshots

RPM, RPD = Measure.REQUESTS_PER_MINUTE, Measure.REQUESTS_PER_DAY
NAMES = Names({"small": Model("small", (), 1, 0)}, aliases={"fast": "small"})
ROUTES = frozenset(("chat",))


@pytest.mark.req("OP-21", "OP-22")
async def test_what_is_said_of_one_takes_the_place_of_what_holds_for_each(store: Store) -> None:
    key = await acme_key(store)
    other = await acme_key(store, "other")
    defaults = Defaults({"key": {RPM: 240}, "tenant": {RPD: 9}}, burst=5)

    await limiting.put(store, NAMES, ROUTES, f"key:{key.id}", {RPM: 60})
    snapshot = await snapshots.load(store, NAMES, requires_price=True, limits=defaults)

    said = [_said(snapshot.keys[each.id].principal.limits) for each in (key, other)]
    tenant = "tenant:acme may have 9 requests per day"
    assert said == [
        [f"key:{key.id} may have 60 requests per minute", tenant],
        [f"key:{other.id} may have 240 requests per minute, 5 at once", tenant],
    ]


async def test_nothing_is_limited_by_a_zero(store: Store) -> None:
    key = await acme_key(store)
    await limiting.put(store, NAMES, ROUTES, f"key:{key.id}", {RPM: 0})

    snapshot = await snapshots.load(
        store, NAMES, requires_price=True, limits=Defaults({"key": {RPM: 240}})
    )

    assert snapshot.keys[key.id].principal.limits is None


async def test_what_was_said_is_followed_and_taken_back(store: Store) -> None:
    await acme_key(store)
    before = await snapshots.revision(store)
    await limiting.put(store, NAMES, ROUTES, "tenant:acme", {RPM: 60})
    set_at = await snapshots.revision(store)
    said = await limiting.put(store, NAMES, ROUTES, "tenant:acme", {RPM: 30, RPD: 5})

    await limiting.remove(store, "tenant:acme")

    assert before < set_at < await snapshots.revision(store)
    assert said == {RPM: 30, RPD: 5}
    assert await limiting.listed(store) == {}


async def test_a_model_is_limited_by_its_own_name(store: Store) -> None:
    await limiting.put(store, NAMES, ROUTES, "model:fast", {RPM: 60})

    assert await limiting.listed(store) == {"model:small": {RPM: 60}}


@pytest.mark.parametrize(
    "subject", ["key:nobody", "tenant:nobody", "model:nothing", "route:nowhere"]
)
async def test_what_is_not_there_is_not_limited(store: Store, subject: str) -> None:
    with pytest.raises(Conflict, match="there is no"):
        await limiting.put(store, NAMES, ROUTES, subject, {RPM: 60})


@pytest.mark.req("P-32")
async def test_a_project_has_its_weight_in_line(store: Store) -> None:
    key = await acme_key(store)
    await limiting.put(store, NAMES, ROUTES, "project:acme/default", {Measure.QUEUE_WEIGHT: 3})

    snapshot = await snapshots.load(store, NAMES, requires_price=True)

    limits = snapshot.keys[key.id].principal.limits
    assert limits is not None
    assert (limits.weight, limits.own) == (3, ())


@pytest.mark.parametrize(("subject", "weight"), [("tenant:acme", 3), ("project:acme/default", 0)])
async def test_a_weight_is_of_a_project_and_at_least_one(
    store: Store, subject: str, weight: int
) -> None:
    await acme_key(store)

    with pytest.raises(FieldInvalid, match="from 1 to 100"):
        await limiting.put(store, NAMES, ROUTES, subject, {Measure.QUEUE_WEIGHT: weight})


@pytest.mark.parametrize("subject", ["acme", "team:acme", "key:", ""])
async def test_whom_a_limit_belongs_to_is_said_in_full(store: Store, subject: str) -> None:
    with pytest.raises(FieldInvalid, match="belongs to"):
        await limiting.put(store, NAMES, ROUTES, subject, {RPM: 60})


@pytest.mark.parametrize("amount", [-1, MOST + 1])
async def test_an_amount_that_is_none_is_refused(store: Store, amount: int) -> None:
    with pytest.raises(FieldInvalid, match="from 0 to"):
        await limiting.put(store, NAMES, ROUTES, "route:chat", {RPM: amount})


async def test_something_is_said_or_nothing_is_done(sqlite: Store) -> None:
    with pytest.raises(FieldInvalid, match="at least one"):
        await limiting.put(sqlite, NAMES, ROUTES, "route:chat", {})


async def test_as_much_as_may_be_said(sqlite: Store) -> None:
    await acme_key(sqlite)
    project, weight = "project:acme/default", Measure.QUEUE_WEIGHT

    assert await limiting.put(sqlite, NAMES, ROUTES, "route:chat", {RPM: MOST}) == {RPM: MOST}
    said = await limiting.put(sqlite, NAMES, ROUTES, project, {weight: MOST_WEIGHT})
    assert said == {weight: MOST_WEIGHT}
    with pytest.raises(FieldInvalid, match="from 1 to"):
        await limiting.put(sqlite, NAMES, ROUTES, project, {weight: MOST_WEIGHT + 1})


def test_whom_nobody_knows_has_the_name_that_was_given() -> None:
    given = ("model:fast", "model:none", "key:fast")

    assert [limiting.named(NAMES, each) for each in given] == [
        *("model:small", "model:none", "key:fast")
    ]


async def test_nothing_is_removed_that_was_not_said(store: Store) -> None:
    with pytest.raises(Conflict, match="nothing is said"):
        await limiting.remove(store, "tenant:acme")


@pytest.mark.req("OP-55")
def test_the_settings_say_what_holds_for_each_of_a_kind() -> None:
    settings = parse(
        "[limits]\nconcurrent = 4\nburst = 10\n[limits_for.tenant]\ninput_tokens_per_day = 1000000\n",
        {},
    )

    assert limiting.defaults(settings) == Defaults(
        {
            "key": {RPM: 240, Measure.CONCURRENT: 4},
            "tenant": {Measure.INPUT_TOKENS_PER_DAY: 1_000_000},
        },
        10,
    )


def _said(limits: Limits | None) -> list[str]:
    assert limits is not None
    return [str(rule) for rule in limits.of("small", "chat")]
