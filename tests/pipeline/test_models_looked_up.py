"""Models as they are looked up, in three dialects: what may be called is shown, to whom it may be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fakes import FakeReply
from pipeline.houses import CALLER, KEY, KEY_ID, World, call, snapshot
from tollhouse.domain.errors import (
    BodyTooLarge,
    Internal,
    KeyMissing,
    KeyUnknown,
    ModelUnknown,
    NotOffered,
    Problem,
    RateLimited,
)
from tollhouse.domain.identity import KeyRecord
from tollhouse.domain.limiting import Defaults, Limits, Rules
from tollhouse.domain.rates import Measure
from tollhouse.domain.snapshot import Model, Names, Snapshot, Target, View
from tollhouse.pipeline.list_models import describe_models, list_models
from tollhouse.pipeline.ollama_models import list_running, offer_nothing, show, tags
from tollhouse.pipeline.refuse import refuse
from tollhouse.pipeline.route import Serve
from tollhouse.state.memory import MemoryLimiter

BEARER = (b"authorization", f"Bearer {KEY}".encode())
ANTHROPIC = (b"anthropic-version", b"2023-06-01")


def world(limits: Limits | None = None) -> World:
    """Two models, of which the caller may call one."""
    usual = snapshot(limits)
    models = {**usual.names.models, "other": Model("other", usual.names.models["m"].targets, 9, 0)}
    it = World(snapshot=replace(usual, names=Names(models)))
    it.limiter = MemoryLimiter(clock_us=lambda: 0)
    return it


async def told(
    serve: Serve,
    *headers: tuple[bytes, bytes],
    rest: str = "",
    query: bytes = b"",
    body: Any = None,
    at: World | None = None,
) -> Any:
    reply = FakeReply()
    asking = call(*headers, raw=json.dumps(body or {}).encode(), reply=reply)
    asking = replace(asking, headers=headers, fields=dict(headers), path_rest=rest, query=query)
    await serve(asking, (at or world()).house)
    assert reply.is_ended
    assert (reply.status, dict(reply.headers)[b"content-type"]) == (200, b"application/json")
    assert dict(reply.headers)[b"content-length"] == b"%d" % len(reply.said)
    return json.loads(reply.said)


@pytest.mark.req("OT-15")
async def test_what_may_be_called_is_listed_as_each_client_knows_it() -> None:
    ours, theirs = await told(list_models, BEARER), await told(list_models, BEARER, ANTHROPIC)

    assert [each["id"] for each in ours["data"]] == ["m"]
    assert (ours["object"], "has_more" in ours) == ("list", False)
    assert [each["id"] for each in theirs["data"]] == ["m"]
    assert theirs["has_more"] is False


@pytest.mark.req("OT-15")
async def test_one_of_them_by_its_name_as_each_client_knows_it() -> None:
    ours = await told(list_models, BEARER, rest="m")
    theirs = await told(list_models, BEARER, ANTHROPIC, rest="m")

    assert (ours["id"], ours["object"]) == ("m", "model")
    assert (theirs["id"], theirs["type"]) == ("m", "model")


@pytest.mark.req("OT-15", "S-46")
@pytest.mark.parametrize("name", ["other", "nothing", "n" * 500])
async def test_one_that_may_not_be_called_is_as_good_as_none(name: str) -> None:
    with pytest.raises(ModelUnknown) as caught:
        await told(list_models, BEARER, rest=name)

    assert name[:100] in caught.value.detail
    assert name[:101] == name or name[:101] not in caught.value.detail


@pytest.mark.req("OT-15")
async def test_pages_of_the_list() -> None:
    many = {
        f"m{number}": Model(f"m{number}", (Target("p", "k", "x"),), 9, 0) for number in range(4)
    }
    prices = {"p:x": next(iter(world().snapshot.prices.values()))}
    caller = KeyRecord(replace(CALLER, models=("*",)), world().snapshot.keys[KEY_ID].digest)
    at = World(snapshot=Snapshot(1, {KEY_ID: caller}, Names(many), prices))

    async def names(query: bytes) -> list[str]:
        listed = await told(list_models, BEARER, query=query, at=at)
        return [each["id"] for each in listed["data"]]

    first = await told(list_models, BEARER, ANTHROPIC, query=b"limit=3", at=at)
    assert (len(first["data"]), first["has_more"]) == (3, True)
    whole = await told(list_models, BEARER, ANTHROPIC, query=b"limit=4", at=at)
    assert (len(whole["data"]), whole["has_more"]) == (4, False)
    assert await names(b"after=m1") == await names(b"after_id=m1") == ["m2", "m3"]
    assert await names(b"after_id=m2&after=m0&limit=4") == ["m3"]
    assert await names(b"after=nobody&limit=1") == ["m0"]
    assert await names(b"provider=p") == ["m0", "m1", "m2", "m3"]
    assert await names(b"provider=q") == []
    with pytest.raises(Problem):
        await names(b"limit=1001")


@pytest.mark.req("P-31")
@pytest.mark.parametrize("serve", [list_models, describe_models])
async def test_a_look_is_a_request_like_any_other(serve: Serve) -> None:
    said = {"route:chat": {Measure.REQUESTS_PER_DAY: 1}}
    at = world(Rules(Defaults(), said).of_key("k", "u", "p", "t"))

    await told(serve, BEARER, at=at)
    with pytest.raises(RateLimited):
        await told(serve, BEARER, at=at)


@pytest.mark.req("OT-15")
async def test_what_is_known_of_each_is_described_with_its_price() -> None:
    described = await told(describe_models, BEARER)

    assert [each["id"] for each in described["data"]] == ["m"]
    assert None not in described["data"][0]["prices"]


@pytest.mark.req("OL-1", "S-46")
async def test_ollamas_list_is_of_what_the_key_may_call_and_open_to_strangers_if_it_is() -> None:
    async def names(serve: Serve, *headers: tuple[bytes, bytes]) -> list[str]:
        listed = await told(serve, *headers)
        return [each["name"].removesuffix(":latest") for each in listed["models"]]

    assert await names(tags(is_open=False), BEARER) == ["m"]
    assert await names(tags(is_open=True), BEARER) == ["m"]
    assert sorted(await names(tags(is_open=True))) == ["m", "other"]


@pytest.mark.req("OL-1", "S-46")
@pytest.mark.parametrize("make", [tags, show])
async def test_a_key_that_is_shown_is_a_good_one_even_where_none_is_needed(make: Any) -> None:
    bad = (b"authorization", b"Bearer thk_" + b"x" * 51)

    with pytest.raises(Problem) as caught:
        await told(make(is_open=True), bad, body={"model": "m"})
    assert isinstance(caught.value, KeyUnknown) or "key" in caught.value.code
    with pytest.raises(KeyMissing):
        await told(make(is_open=False), body={"model": "m"})


@pytest.mark.req("OL-1")
@pytest.mark.parametrize("body", [{"model": "m"}, {"name": "m"}, {"model": "m", "name": "other"}])
async def test_ollama_shows_one_by_either_member(body: dict[str, str]) -> None:
    assert "details" in await told(show(is_open=False), BEARER, body=body)
    assert "details" in await told(show(is_open=True), body=body)


@pytest.mark.req("OL-1", "S-46")
async def test_ollama_shows_what_a_tenant_calls_by_a_name_of_its_own() -> None:
    at = world()
    at.snapshot = replace(at.snapshot, views={"acme": View({"ours": "m"}, ())})

    assert "details" in await told(show(is_open=True), BEARER, body={"model": "ours"}, at=at)
    with pytest.raises(ModelUnknown):
        await told(show(is_open=True), body={"model": "ours"}, at=at)


@pytest.mark.req("OL-1", "S-46")
async def test_ollama_shows_none_that_may_not_be_called() -> None:
    for name in ("other", "nothing"):
        with pytest.raises(ModelUnknown):
            await told(show(is_open=False), BEARER, body={"model": name})
    assert "details" in await told(show(is_open=True), body={"model": "other"})
    with pytest.raises(ModelUnknown):
        await told(show(is_open=True), body={"model": "nothing"})


@pytest.mark.req("OL-1")
async def test_nothing_runs_here_and_nothing_is_managed_and_strangers_are_not_even_told_that() -> (
    None
):
    assert await told(list_running, BEARER) == {"models": []}
    with pytest.raises(NotOffered):
        await told(offer_nothing, BEARER)
    for serve in (list_running, offer_nothing):
        with pytest.raises(KeyMissing):
            await told(serve)


@pytest.mark.req("S-40")
async def test_what_the_door_refused_is_written_down_as_it_was_refused() -> None:
    at = world()
    asking = call()

    with pytest.raises(BodyTooLarge):
        await refuse(replace(asking, refusal=BodyTooLarge()), at.house)
    with pytest.raises(Internal):
        await refuse(asking, at.house)
    assert [record["code"] for record in at.audit.records] == ["body_too_large", "internal"]


def test_a_header_is_found_by_its_name_and_the_first_of_two_counts() -> None:
    asking = call((b"a", b"1"), (b"b", b"2"), (b"b", b"3"))

    assert [asking.header(name) for name in (b"a", b"b", b"c")] == [b"1", b"2", None]
