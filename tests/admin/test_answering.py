"""Requests to the Admin API that come again, collide, or change what holds for calls."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from fakes import FakeReply
from pipeline.houses import call
from tollhouse.admin.asking import Answer, Asking, Office
from tollhouse.admin.resource import Resource
from tollhouse.admin.serving import _answer
from tollhouse.control.acting import Desk
from tollhouse.control.replaying import Replay
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import Conflict

KEPT = Replay(201, b'{"id":"k","key":null}')

pytestmark = pytest.mark.req("B-12", "S-45")


@dataclass
class Once:
    """As `control.replaying.Once`: what is kept when it is asked, time after time."""

    found: list[Replay | None]
    kept: list[tuple[int, bytes]] = field(default_factory=list)

    async def replay(self, database: object, now_ms: int) -> Replay | None:
        return self.found.pop(0)

    async def keep(self, database: object, status: int, body: bytes) -> None:
        self.kept.append((status, body))


@dataclass
class Work:
    """What a resource does, and what is looked at anew after it."""

    ends: Answer | Exception = field(
        default_factory=lambda: Answer({"id": "k", "key": "s"}, "", ("key",), 201)
    )
    refreshes: Exception | None = None
    done: int = 0
    refreshed: int = 0

    async def serve(self, asking: Asking) -> Answer:
        self.done += 1
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends

    async def refresh(self) -> None:
        self.refreshed += 1
        if self.refreshes is not None:
            raise self.refreshes


async def answered(
    work: Work, once: Once | None = None, *, method: str = "POST", has_refresh: bool = True
) -> FakeReply:
    reply = FakeReply()
    given: Any = {"name": "r", "path": "/r", "summary": "", "operations": ()}
    resource = Resource(method=method, serve=work.serve, **given)
    office: Any = Office(
        settings=cast(Any, None),
        peppers=cast(Any, None),
        desk=cast(Desk, None),
        refresh=work.refresh if has_refresh else None,
    )
    desk: Any = Desk(
        store=cast(Any, None), register=cast(Any, None), new_id=lambda: "id", now_ms=lambda: 0
    )
    asking = Asking(
        office=office,
        desk=desk,
        actor=cast(Any, None),
        request_id="r",
        id="",
        body={},
        query={},
        once=cast(Any, once),
    )
    await _answer(replace(call(), reply=reply), resource, asking)
    return reply


async def test_the_first_time_it_is_done_and_kept_without_its_secret() -> None:
    work, once = Work(), Once([None])

    reply = await answered(work, once)

    assert (reply.status, reply.said) == (201, b'{"id": "k", "key": "s"}')
    assert once.kept == [(201, b'{"id": "k", "key": null}')]
    assert b"idempotency-replayed" not in dict(reply.headers)


async def test_the_second_time_it_is_told_and_not_done() -> None:
    work = Work()

    reply = await answered(work, Once([KEPT]))

    assert (reply.status, reply.said, work.done) == (201, KEPT.body, 0)
    assert dict(reply.headers)[b"idempotency-replayed"] == b"true"


async def test_whoever_collides_with_itself_is_told_what_came_of_it() -> None:
    reply = await answered(Work(Conflict("it is there")), Once([None, KEPT]))

    assert (reply.status, reply.said) == (201, KEPT.body)


@pytest.mark.parametrize("once", [None, [None, None]])
async def test_whoever_collides_with_others_is_told_so(once: list[Replay | None] | None) -> None:
    with pytest.raises(Conflict):
        await answered(Work(Conflict("it is there")), None if once is None else Once(once))


@pytest.mark.parametrize(("method", "times"), [("POST", 1), ("PATCH", 1), ("GET", 0)])
async def test_what_was_changed_holds_before_it_is_told(method: str, times: int) -> None:
    work = Work()

    reply = await answered(work, method=method)
    await answered(work, method=method, has_refresh=False)

    assert (reply.status, work.refreshed) == (201, times)


async def test_what_is_done_is_told_though_it_holds_a_moment_later() -> None:
    assert (await answered(Work(refreshes=StoreUnavailable()))).status == 201
    with pytest.raises(KeyError):
        await answered(Work(refreshes=KeyError("a fault of ours")))
