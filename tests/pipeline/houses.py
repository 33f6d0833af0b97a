"""A house with fakes at its ports, and calls that come to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fakes import FakeAudit, FakeLedger, FakeLimiter, FakeProvider, FakeReply, FakeWatch
from tollhouse.auth.sealed_answers import SealedAnswers
from tollhouse.auth.sealed_ids import SealedIds
from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.credentials import Digest, assemble, digest
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.limiting import Limits
from tollhouse.domain.models import Plan, plan
from tollhouse.domain.pricing import Price
from tollhouse.domain.shedding import Load
from tollhouse.domain.snapshot import DatedPrice, Model, Names, Snapshot, Target
from tollhouse.domain.throttling import Throttle
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House, Repeats, Shelves
from tollhouse.pipeline.identify import identify
from tollhouse.pipeline.record import Journal
from tollhouse.pipeline.route import Audited, Cancelled, Does, Metered, Route, Takes
from tollhouse.pipeline.serve import serve
from tollhouse.pipeline.standing import Rules, Standings
from tollhouse.ports import Limiter
from tollhouse.storage.sqlite import SqliteDatabase

PEPPER = b"p" * 32
KEY_ID = "a1b2c3d4e5f6"
KEY = assemble(KEY_ID, "S" * 32)
CALLER = Principal(KEY_ID, "acme", "acme/default", "acme/anna", (1, 2, 3, 4), ("m",))
TARGETS = ("first", "second", "third")
NOW_NS = 1_800_000_000_000_000_000
BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 10}


@dataclass
class Snapshots:
    current: Snapshot


@dataclass
class World:
    """The house and what stands at its ports."""

    ledger: FakeLedger = field(default_factory=FakeLedger)
    limiter: Limiter = field(default_factory=FakeLimiter)
    audit: FakeAudit = field(default_factory=FakeAudit)
    watch: FakeWatch = field(default_factory=FakeWatch)
    providers: Mapping[str, FakeProvider] = field(default_factory=dict)
    throttle: Throttle = field(default_factory=lambda: Throttle(0))
    insists_on_audit: bool = False
    snapshot: Snapshot = field(default_factory=lambda: snapshot())
    rules: Rules = field(default_factory=Rules)
    shelves: Shelves = field(default_factory=lambda: Shelves(SqliteDatabase(Path("nowhere")), {}))
    repeats: Repeats = field(
        default_factory=lambda: Repeats(
            SqliteDatabase(Path("nowhere")), SealedAnswers(1, {1: PEPPER})
        )
    )
    time_s: float = 0.0
    """As those who keep count of the targets see it."""

    def __post_init__(self) -> None:
        self.load = Load(100, 0.5)
        self.standings = Standings(self.rules, self.watch.turned, lambda: self.time_s)

    @property
    def house(self) -> House:
        return House(
            owner="owner-1",
            snapshots=Snapshots(self.snapshot),
            authenticators={"thk_": VirtualKeys({1: PEPPER})},
            throttle=self.throttle,
            ledger=self.ledger,
            limiter=self.limiter,
            seals=SealedIds(1, {1: PEPPER}),
            providers=self.providers,
            standings=self.standings,
            shelves=self.shelves,
            repeats=self.repeats,
            load=self.load,
            audit=self.audit,
            insists_on_audit=self.insists_on_audit,
            watch=self.watch,
            clock_ns=lambda: NOW_NS,
            new_id=lambda: "call-1",
        )


def snapshot(limits: Limits | None = None) -> Snapshot:
    """One key, one model with three targets; each at a micro-dollar in and two out."""
    targets = tuple(Target(name, "openai-compatible", "m-real") for name in TARGETS)
    prices = {
        target.name: (DatedPrice(0.0, Price(number, target.name, 10**6, 2 * 10**6, 0, 0)),)
        for number, target in enumerate(targets, start=1)
    }
    record = KeyRecord(
        replace(CALLER, limits=limits) if limits else CALLER, Digest(1, digest(KEY, PEPPER))
    )
    return Snapshot(1, {KEY_ID: record}, Names({"m": Model("m", targets, 100, 0)}), prices)


def identified(record: Journal, house: House) -> Principal:
    """At once: where keys are all that is taken, nothing has to be waited for."""
    try:
        identify(record, house).send(None)
    except StopIteration as done:
        principal: Principal = done.value
        return principal
    raise AssertionError("it waits for something")


def planned(*, is_stream: bool = False) -> Plan:
    ask = OpenAIChat().peek(body(stream=is_stream))
    return plan(snapshot(), CALLER, ask, NOW_NS / 1e9)


def body(**members: Any) -> bytes:
    return json.dumps({**BODY, **members}).encode()


def call(
    *headers: tuple[bytes, bytes],
    raw: bytes | Exception | None = None,
    reply: FakeReply | None = None,
    deadline_s: float = 5.0,
) -> Call:
    async def read_body() -> bytes:
        if isinstance(raw, Exception):
            raise raw
        return body() if raw is None else raw

    return Call(
        id="call-1",
        request_id="request-1",
        route=route(deadline_s=deadline_s),
        path_rest="",
        query=b"",
        headers=headers or ((b"authorization", b"Bearer " + KEY.encode()),),
        peer="192.0.2.1",
        began_ns=NOW_NS,
        read_body=read_body,
        reply=reply or FakeReply(),
        fields=dict(headers),
    )


def route(deadline_s: float = 5.0) -> Route:
    return Route(
        name="chat",
        method="POST",
        path="/v1/chat/completions",
        dialect=OpenAIChat(),
        serve=serve,
        metered=Metered.TOKENS,
        does=Does.CHANGES,
        guardrails=(),
        deadline_s=deadline_s,
        cancelled=Cancelled.WITH_CALLER,
        audited=Audited.ALWAYS,
        takes=Takes.JSON,
        max_body_bytes=10_000,
        is_plain=False,
    )
