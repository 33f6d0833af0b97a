"""The Admin API of a served gateway, with a user and a token of each role."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from journeys.gateway import Gateway, now_ms, until
from security.wire import JSON, Got, Lines, bearer, request, send
from tollhouse.control import (
    admin_tokens,
    members,
    peppers,
    price_updates,
    prices,
    sessions,
    tenancy,
)
from tollhouse.control.sessions import Admission, Arrival
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.operations import Role
from tollhouse.domain.pricebook import Listing, Pricebook, listing
from tollhouse.domain.roles import HOUSE, Actor, Grant
from tollhouse.domain.sessions import Front, Terms
from tollhouse.wiring import Store

HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
ANY: Lines = [("if-match", "*")]
OFF, BACK = {"is_disabled": True}, {"is_disabled": False}


@dataclass
class Api:
    """The Admin API of a served gateway, for whoever bears a token."""

    gateway: Gateway
    port: int
    tokens: dict[str, str] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, headers: Lines = ()
    ) -> Got:
        lines = [bearer(self.tokens[who]), *headers]
        if body is None:
            target = f"/admin/v1{path}"
            return await send(self.port, request(headers=lines, method=method, target=target))
        sent = json.dumps(body).encode()
        raw = request(sent, [*lines, JSON], method=method, target=f"/admin/v1{path}")
        return await send(self.port, raw)

    async def made(self, path: str, body: Any) -> Any:
        got = await self.ask("owner", "POST", path, body)
        assert got.status == 201, got
        return got.json

    def fresh(self) -> str:
        return f"n{next(self.numbers)}"

    async def tenant(self) -> str:
        return str((await self.made("/tenants", {"tenant": self.fresh()}))["id"])

    async def project(self) -> str:
        wish = {"tenant": "acme", "name": self.fresh()}
        return str((await self.made("/projects", wish))["id"])

    async def user(self) -> str:
        return str((await self.made("/users", {"tenant": "acme", "name": self.fresh()}))["id"])

    async def key(self, **wish: Any) -> str:
        return str((await self.made("/keys", {"tenant": "acme", "name": "k", **wish}))["id"])

    async def member(self) -> str:
        wish = {"user": await self.user(), "at": "tenant:acme", "role": "readonly"}
        return str((await self.made("/members", wish))["id"])

    async def price_update(self, *dollars: tuple[str, str]) -> str:
        """A price book that was laid before the house: what each of its targets cost and would cost."""
        targets = [f"up:{self.fresh()}" for _ in dollars]
        before, after = (
            tuple(_listing(target, pair[at]) for target, pair in zip(targets, dollars, strict=True))
            for at in (0, 1)
        )

        async def work(store: Store) -> str:
            await prices.seed(store, before, now_ms())
            update = await price_updates.propose(store, Pricebook("2", after), "a book", now_ms())
            assert update is not None
            return update.proposal.id

        return await self.gateway.on_store(work)

    async def mint(self, claims: Claims) -> admin_tokens.Minted:
        async def work(store: Store) -> admin_tokens.Minted:
            known = await peppers.opened(self.gateway.settings, store)
            return await admin_tokens.mint(store, known, claims, 900, "host:test", now_ms())

        return await self.gateway.on_store(work)

    async def session(self) -> str:
        """Somebody who logged on, at the house."""
        at = Admission(Front("http://127.0.0.1"), Terms(600, 600))
        who = Arrival("host:test", Claims(), "claim")

        async def begin(store: Store) -> str:
            return (await sessions.begin(store, at, who, "10.0.0.1", now_ms())).id

        return await self.gateway.on_store(begin)

    async def records(self, request_id: str) -> list[dict[str, Any]]:
        """Those of one request: there is one as soon as it is answered, or right after."""
        found: list[dict[str, Any]] = []

        async def is_there() -> bool:
            lines = [line for line in self.gateway.audit_lines() if line.endswith("}")]
            found[:] = [
                each for each in map(json.loads, lines) if each.get("request_id") == request_id
            ]
            return bool(found)

        await until(is_there, "the request is recorded")
        return found

    async def left_one_record_each(self) -> None:
        """And the log and the books are whole."""
        await self.ask("owner", "GET", "/tenants", headers=[("x-request-id", "the-last")])
        await self.records("the-last")
        records = [json.loads(line) for line in self.gateway.audit_lines() if line.endswith("}")]
        asked = Counter(each["request_id"] for each in records if each["kind"] in ("act", "call"))
        assert [each for each, times in asked.items() if times > 1] == []
        await self.gateway.audit_is_whole()
        await self.gateway.is_consistent()


async def furnish(api: Api) -> None:
    """A user of each role at the house, `own:` ones at the tenant, and a token for each."""

    async def people(store: Store) -> None:
        for at, prefix in (("house", ""), ("tenant:acme", "own-")):
            for role in Role:
                user = await tenancy.create_user(store, "acme", f"{prefix}{role}", now_ms())
                await members.add(store, HOST, user, at, role, now_ms())

    await api.gateway.on_store(people)
    for who in (*Role, *(f"own-{role}" for role in Role)):
        api.tokens[who] = (await api.mint(Claims(f"acme/{who}"))).token


def _listing(target: str, dollars: str) -> Listing:
    row = {
        "target": target,
        "input": dollars,
        "output": dollars,
        "effective": datetime.now(UTC).date(),
    }
    return listing({**row, "source": "a list"})
