"""A name and a password for a token, and the end of a token.

Nobody has shown anything yet when the name and the password are read: so they are few bytes, and who failed too
often is told to wait before anything is proved.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from tollhouse.admin.asking import read_as
from tollhouse.admin.resource import BodyUnfit
from tollhouse.control import own_tokens, passwords, revoking
from tollhouse.control.own_tokens import Wish
from tollhouse.control.passwords import Prove
from tollhouse.dialects import strict_json
from tollhouse.domain import throttling, tokens
from tollhouse.domain.claims import OURS, known_as
from tollhouse.domain.errors import (
    ConflictingState,
    Failure,
    FieldInvalid,
    FieldRefused,
    LoginFailed,
)
from tollhouse.domain.identity import Principal, Proof
from tollhouse.domain.logins import Logins
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.route import Serve
from tollhouse.pipeline.within import within
from tollhouse.ports import Database

BY_PASSWORD = Proof("password")
WITHOUT_BODY = 204


class Login(msgspec.Struct, forbid_unknown_fields=True):
    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What logging in stands on, and what the tokens that it comes to may."""

    store: Database
    logins: Logins
    prove: Prove
    sign: Callable[[Mapping[str, Any]], str]
    refresh: Callable[[], Awaitable[None]]
    """Lets what was taken back be refused here, before the answer says that it is."""

    tenant: str
    project: str
    models: tuple[str, ...]
    lives_s: int
    longest_lives_s: Mapping[str, int]
    """Of the tokens of each issuer."""


def logging_in(reception: Reception | None) -> Serve:
    """A credential in a header is not looked at: who logs in shows another."""

    async def serve(call: Call, house: House) -> None:
        at = _there(reception)
        with recorded(call, house) as record, within(call.route.deadline_s):
            login = _login(await call.read_body())
            user, now_us = f"{at.tenant}/{login.username}", house.now_us()
            if wait_us := at.logins.wait_us(user, call.peer, now_us):
                raise throttling.too_many(wait_us)
            try:
                since_s = await passwords.log_in(
                    at.store, at.prove, user, login.password, house.now_ms()
                )
            except LoginFailed:
                at.logins.failed(user, call.peer, now_us)
                raise
            at.logins.proved(user, call.peer)
            record.caller = Principal(
                known_as(OURS, user),
                at.tenant,
                f"{at.tenant}/{at.project}",
                user,
                (0, 0, 0, 0),
                at.models,
                proof=BY_PASSWORD,
            )
            wish = Wish(user, at.project, at.models, at.lives_s)
            token = at.sign(await own_tokens.claims_for(at.store, wish, since_s))
            told = {"access_token": token, "token_type": "bearer", "expires_in": at.lives_s}
            await _answer(call, json.dumps(told).encode())

    return serve


def logging_out(reception: Reception | None) -> Serve:
    """The token that was shown lets nobody in any more: here at once, elsewhere within a second."""

    async def serve(call: Call, house: House) -> None:
        at = _there(reception)
        with recorded(call, house) as record, within(call.route.deadline_s):
            caller = record.caller = await identify(record, house)
            longest_s = at.longest_lives_s.get(caller.issuer)
            claims = tokens.read(record.presented or "").claims if longest_s else {}
            named = claims.get("jti")
            if longest_s is None or not isinstance(named, str):
                raise ConflictingState("Only a token that has an id (`jti`) can be logged out.")
            await revoking.revoke(at.store, caller.issuer, longest_s, named, "", house.now_ms())
            with suppress(Failure):  # it is done, and holds a moment later
                await at.refresh()
            await call.reply.start(WITHOUT_BODY, [])
            await call.reply.end()

    return serve


def _there(reception: Reception | None) -> Reception:
    if reception is None:
        raise RuntimeError("nobody is there to log in to")
    return reception


def _login(body: Any) -> Login:
    try:
        return read_as(strict_json.parse_object(body), Login)
    except (FieldInvalid, FieldRefused) as refusal:
        raise BodyUnfit(refusal.detail, param=refusal.param) from None


async def _answer(call: Call, body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await call.reply.start(200, [(b"content-type", b"application/json"), length])
    await call.reply.end(body)
