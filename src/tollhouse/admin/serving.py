"""A request to the Admin API from its head to its answer.

Whoever comes is known by a token or a session, and may what its user may at this moment. One record says what
became of it: of an act, the act's own; of everything else, that of the request.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from tollhouse.admin.asking import Asking, Office
from tollhouse.admin.comers import comes
from tollhouse.admin.resource import GUARDED, Resource
from tollhouse.control import acting, replaying
from tollhouse.control.replaying import Once, Replay
from tollhouse.dialects import strict_json
from tollhouse.domain.errors import (
    ConflictingState,
    Failure,
    FieldInvalid,
    FieldRefused,
    PreconditionRequired,
)
from tollhouse.domain.roles import Actor
from tollhouse.domain.storing import Conflict
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.within import within

LONGEST_VALUE = 500
WITHOUT_BODY = 204
_TAG = re.compile(r'"[!#-~]{1,100}"|\*')

Serve = Callable[[Call, House], Awaitable[None]]


def serving(resource: Resource, office: Office | None) -> Serve:
    """Without an office it is described, and not served."""

    async def serve(call: Call, house: House) -> None:
        if office is None:
            raise RuntimeError("the admin API has no office")
        with recorded(call, house) as record, within(call.route.deadline_s):
            actor = await comes(call, record, house, office)
            body = await call.read_body() if resource.body else b""
            try:
                await _answer(call, resource, _asking(call, resource, office, actor, body))
            except Conflict as conflict:
                raise ConflictingState(f"{str(conflict).capitalize()}.") from None
            except (FieldInvalid, FieldRefused) as refusal:
                if resource.unfit is FieldInvalid:
                    raise
                raise resource.unfit(refusal.detail, param=refusal.param) from None

    return serve


def _asking(call: Call, resource: Resource, office: Office, actor: Actor, body: bytes) -> Asking:
    return Asking(
        office=office,
        desk=replace(office.desk, new_id=lambda: call.id),
        actor=actor,
        request_id=call.request_id,
        id=call.path_rest,
        body=strict_json.parse_object(body) if resource.body else {},
        query=_query(call, resource),
        expected=_expected(call, resource),
        once=_once(call, resource, actor, body),
    )


async def _answer(call: Call, resource: Resource, asking: Asking) -> None:
    once, store = asking.once, asking.store
    if once and (replay := await once.replay(store, asking.now_ms)):
        await _again(call, replay)
        return
    try:
        answer = await resource.serve(asking)
    except Conflict:
        if once and (replay := await once.replay(store, asking.now_ms)):
            await _again(call, replay)
            return
        raise
    if once:
        await once.keep(store, answer.status, answer.body(is_kept=True))
    if asking.office.refresh is not None and resource.method != "GET":
        with suppress(Failure):  # it is done, and holds a moment later
            await asking.office.refresh()
    headers = []
    if answer.subject:
        headers.append((b"etag", (await acting.etag(store, answer.subject)).encode()))
    await _send(call, answer.status, answer.body(), headers)


async def _again(call: Call, replay: Replay) -> None:
    await _send(call, replay.status, replay.body, [(b"idempotency-replayed", b"true")])


async def _send(call: Call, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    if status == WITHOUT_BODY:
        await call.reply.start(status, headers)
        await call.reply.end()
        return
    length = (b"content-length", b"%d" % len(body))
    await call.reply.start(status, [(b"content-type", b"application/json"), length, *headers])
    await call.reply.end(body)


def _query(call: Call, resource: Resource) -> Mapping[str, str]:
    """Each name once, and only those that are known here."""
    pairs = parse_qsl(call.query.decode("latin-1"), keep_blank_values=True)
    known = {*resource.query, *(("limit", "after") if resource.is_list else ())}
    query: dict[str, str] = {}
    for name, value in pairs:
        if name not in known or name in query or len(value) > LONGEST_VALUE:
            raise FieldInvalid(
                f"`{name[:60]}` is not known in the query here, comes twice, or is too long.",
                param=name[:60],
            )
        query[name] = value
    return query


def _expected(call: Call, resource: Resource) -> str | None:
    """The state that was seen; `*` is any."""
    given = _text(call, b"if-match")
    if given is None:
        if resource.method in GUARDED and resource.is_guarded:
            raise PreconditionRequired
        return None
    if not _TAG.fullmatch(given):
        raise FieldInvalid("If-Match is the ETag that you saw, in its quotes.", param="If-Match")
    return None if given == "*" else given


def _once(call: Call, resource: Resource, actor: Actor, body: bytes) -> Once | None:
    given = _text(call, b"idempotency-key")
    if given is None or resource.method != "POST":
        return None
    path = f"{call.route.path} {call.path_rest}"
    who = f"{actor.name} {actor.ceiling} {actor.only}"  # a narrower token is told nothing of a wider one's
    return replaying.once(who, given, call.route.method, path, body)


def _text(call: Call, name: bytes) -> str | None:
    given: Any = call.header(name)
    return None if given is None else given.decode("latin-1").strip()
