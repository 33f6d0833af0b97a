"""Who comes to the admin listener: by a token in a header, or by the session of a browser. One of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from tollhouse.admin.asking import Office
from tollhouse.control import admin_tokens, sessions
from tollhouse.control.sessions import Admission
from tollhouse.domain import sessions as values
from tollhouse.domain import throttling
from tollhouse.domain.admin_tokens import TokenRefused, claims_of
from tollhouse.domain.errors import AmbiguousCredentials, KeyUnknown, Unauthenticated
from tollhouse.domain.identity import Principal, proof
from tollhouse.domain.roles import Actor
from tollhouse.domain.sessions import CSRF_HEADER, SAFE
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import credential_of, identify
from tollhouse.pipeline.record import Journal

T = TypeVar("T")


async def comes(call: Call, record: Journal, house: House, office: Office) -> Actor:
    console = office.console
    shown = values.cookie(call.headers, console.front.session_cookie) if console else None
    if console is None or shown is None:
        return await _by_token(call, record, house, office)
    if credential_of(call) is not None:
        raise AmbiguousCredentials
    actor = await by_session(record, house, office, console, shown)
    if call.route.method in SAFE:
        values.insist_on_own_reading(call.fields)
    else:
        values.insist_on_own_page(call.fields, console.front)
        given = call.header(CSRF_HEADER)
        values.insist_on_csrf(given.decode("latin-1") if given else None, shown)
    return actor


async def by_session(
    record: Journal, house: House, office: Office, console: Admission, shown: str
) -> Actor:
    """Raises SessionOver."""
    desk, peer = office.desk, record.call.peer

    async def prove() -> Actor:
        actor, row = await sessions.actor(desk.store, console, shown, peer, desk.now_ms())
        record.caller = caller(actor.token, actor.name, "session", row.expires_at_ms)
        return actor

    return await tried(record, house, shown, prove)


async def tried(record: Journal, house: House, shown: str, prove: Callable[[], Awaitable[T]]) -> T:
    """The throttle is asked before anything is looked up, and told how it went."""
    record.presented = shown
    peer, throttle, now_us = record.call.peer, house.throttle, house.now_us()
    if wait_us := throttle.wait_us(peer, shown, now_us):
        raise throttling.too_many(wait_us)
    try:
        found = await prove()
    except Unauthenticated:
        if wait_us := throttle.failed(peer, shown, now_us):
            raise throttling.too_many(wait_us) from None
        raise
    throttle.proved(shown)
    return found


def caller(key: str, name: str, by: str, until_ms: int) -> Principal:
    """As the record of a request tells it."""
    return Principal(key, "", "", name, (0, 0, 0, 0), (), proof=proof(by, until_ms / 1000))


async def _by_token(call: Call, record: Journal, house: House, office: Office) -> Actor:
    record.caller = await identify(record, house)
    token = record.presented or ""
    try:
        claims = claims_of(token)
    except TokenRefused:
        raise KeyUnknown from None
    store, token_id = office.desk.store, record.caller.key
    actor = await admin_tokens.actor(store, token_id, claims, call.peer, office.desk.now_ms())
    record.caller = replace(record.caller, user=actor.name)
    return actor
