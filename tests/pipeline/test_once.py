"""What becomes of a call that comes again under its Idempotency-Key, on a store of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from fakes import (
    FakeAnswer,
    FakeExchange,
    FakeLedger,
    FakeLimiter,
    FakeProvider,
    FakeReply,
)
from limits_given import PLACES, rule
from pipeline.houses import (
    CALLER,
    KEY,
    KEY_ID,
    NOW_NS,
    PEPPER,
    World,
    body,
    call,
    route,
    snapshot,
)
from tollhouse.auth.sealed_answers import SealedAnswers
from tollhouse.domain.budget import Hold, Outcome, Settlement, Source
from tollhouse.domain.errors import (
    FieldInvalid,
    Problem,
    StoreUnavailable,
    UpstreamBroke,
    UpstreamUnreachable,
)
from tollhouse.domain.forms import Form
from tollhouse.domain.identity import Principal
from tollhouse.domain.limiting import Limits
from tollhouse.domain.multipart import FormReader
from tollhouse.domain.pricing import Usage
from tollhouse.domain.repeats import claim
from tollhouse.domain.snapshot import Model, Names, Target
from tollhouse.domain.storing import Conflict
from tollhouse.pipeline.house import House, Repeats
from tollhouse.pipeline.once import asked, refuse_key
from tollhouse.pipeline.serve import serve
from tollhouse.ports import Headers, Row, Statement, Value
from tollhouse.storage import budgets, repeats
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("H-148", "S-93")

NOW_MS = NOW_NS // 1_000_000
LIMIT = 10**9
JSON = {b"content-type": b"application/json"}
EVENTS = {b"content-type": b"text/event-stream"}
USAGE = b'"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}'
WHOLE = b'{"id":"a","choices":[{"message":{"content":"a secret word"}}],%b}' % USAGE
WORD = b'data: {"choices":[{"delta":{"content":"a secret word"}}]}\n\n'
STREAM = WORD + b'data: {"choices":[],%b}\n\ndata: [DONE]\n\n' % USAGE
COST = 9 * 1000 + 4 * 2000


def whole() -> FakeExchange:
    return FakeExchange(FakeAnswer(200, [WHOLE], JSON))


def refusing(status: int) -> FakeExchange:
    return FakeExchange(FakeAnswer(status, [b'{"error":{"message":"no"}}'], JSON))


@dataclass
class Told:
    reply: FakeReply
    code: str = ""

    @property
    def is_replayed(self) -> bool:
        return dict(self.reply.headers).get(b"idempotency-replayed") == b"true"


@dataclass
class Place:
    """A gateway with one target, and what a test changes of it."""

    store: SqliteDatabase
    caller: Principal
    up: FakeProvider = field(default_factory=FakeProvider)
    most_bytes: int = 10_000
    pepper: bytes = PEPPER
    number: int = 0
    world: World = field(default_factory=World)

    @property
    def house(self) -> House:
        found = snapshot(self.caller.limits)
        record = replace(found.keys[KEY_ID], principal=self.caller)
        one = Names({"m": Model("m", (Target("first", "openai-compatible", "m-real"),), 100, 0)})
        self.world.providers = {"first": self.up}
        self.world.snapshot = replace(found, keys={KEY_ID: record}, names=one)
        sealing = SealedAnswers(1, {1: self.pepper})
        return replace(
            self.world.house,
            ledger=self.store,
            repeats=Repeats(self.store, sealing, most_bytes=self.most_bytes),
        )

    async def tell(
        self,
        exchange: FakeExchange | None = None,
        key: bytes = b"k-1",
        raw: Any = None,
        reply: FakeReply | None = None,
        route_name: str = "chat",
        house: House | None = None,
        further: Headers = (),
    ) -> Told:
        """`exchange` is what the provider does, if it is asked."""
        self.up.exchanges = (*self.up.exchanges[: len(self.up.sent)], *filter(None, [exchange]))
        self.number += 1
        told = Told(reply or FakeReply())
        bearer = (b"authorization", b"Bearer " + KEY.encode())
        asked = call(bearer, (b"idempotency-key", key), *further, raw=raw, reply=told.reply)
        asked = replace(asked, id=f"call-{self.number}", route=replace(route(), name=route_name))
        try:
            await serve(asked, house or self.house)
        except Problem as problem:
            told.code = problem.code
        return told

    async def owed(self) -> list[int | None]:
        """Of each call, in the order in which they came."""
        await self.store.write()
        return [owed for (owed,) in await self.store.read("SELECT owed FROM calls ORDER BY id")]

    async def held(self) -> int:
        ((held,),) = await self.store.read(
            "SELECT held FROM accounts WHERE id = $1", self.caller.accounts[0]
        )
        return int(held)

    async def kept(self) -> list[Row]:
        return await self.store.read("SELECT id, call, asked, media, answer FROM repeats")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    store = SqliteDatabase(tmp_path / "t.db")
    await store.migrate()
    owners = [f"tenant:{number}" for number in range(4)]
    for owner in owners:
        limit = budgets.limiting(owner, has_budget=True, limit=LIMIT)
        await store.write(budgets.opening(owner), limit)
    ids = {each.owner: each.id for each in await budgets.accounts(store)}
    tenant, project, user, key = [ids[owner] for owner in owners]
    await _lives(store, NOW_MS + 60_000)
    yield Place(store, replace(CALLER, accounts=(tenant, project, user, key)))
    await store.close()


# --- what is answered again ---


@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_answer_is_given_again_and_costs_once(place: Place, is_stream: bool) -> None:
    exchange = FakeExchange(FakeAnswer(200, [STREAM], EVENTS)) if is_stream else whole()
    raw = body(stream=is_stream, stream_options={"include_usage": True}) if is_stream else None

    first = await place.tell(exchange, raw=raw)
    again = await place.tell(raw=raw)

    assert (first.is_replayed, again.is_replayed) == (False, True)
    assert again.reply.said == first.reply.said != b""
    assert again.reply.is_ended
    media = [dict(each.reply.headers)[b"content-type"] for each in (first, again)]
    assert media[0] == media[1]
    assert len(place.up.sent) == 1
    assert await place.owed() == [COST]
    assert await place.held() == 0


async def test_each_has_one_record_and_only_one_of_them_costs(place: Place) -> None:
    await place.tell(whole())
    await place.tell()
    await place.tell(raw=body(temperature=1))

    told = [
        (each["outcome"], each["status"], each["owed_nanos"], each["held_nanos"] > 0)
        for each in place.world.audit.records
    ]
    assert told == [
        ("ok", 200, COST, True),
        ("replayed", 200, 0, False),
        ("refused", 422, 0, False),
    ]


async def test_nothing_of_what_was_asked_or_answered_is_in_the_store(place: Place) -> None:
    await place.tell(whole(), raw=body(messages=[{"role": "user", "content": "hush now"}]))

    (row,) = await place.kept()

    said = b"\n".join(each if isinstance(each, bytes) else str(each).encode() for each in row)
    assert row[4] is not None
    for clear in (b"hush", b"secret word", b"k-1"):
        assert clear not in said


async def test_without_the_pepper_it_does_not_open_and_is_not_made_again(place: Place) -> None:
    await place.tell(whole())
    place.pepper = b"q" * 32

    refused = await place.tell(whole())

    assert refused.code == "answer_not_kept"
    assert len(place.up.sent) == 1


async def test_a_row_that_was_changed_is_not_given_out(place: Place) -> None:
    await place.tell(whole())
    await place.tell(whole(), key=b"k-2")
    await place.store.write(
        ("UPDATE repeats SET answer = (SELECT MIN(answer) FROM repeats)", ()),
    )

    told = [await place.tell(key=key) for key in (b"k-1", b"k-2")]

    assert sorted(each.code for each in told) == ["", "answer_not_kept"]


async def test_what_is_larger_than_the_bound_is_made_once_and_not_kept(place: Place) -> None:
    place.most_bytes = len(WHOLE) - 1

    first = await place.tell(whole())
    refused = await place.tell(whole())

    assert first.reply.said == WHOLE
    assert refused.code == "answer_not_kept"
    assert await place.owed() == [COST]


async def test_what_is_as_large_as_the_bound_is_kept(place: Place) -> None:
    place.most_bytes = len(WHOLE)

    await place.tell(whole())
    again = await place.tell()

    assert (again.is_replayed, again.reply.said) == (True, WHOLE)


async def test_an_answer_that_the_store_cannot_take_is_told_all_the_same(place: Place) -> None:
    house = place.house
    broken = replace(house.repeats, store=_Away(place.store))

    told = await place.tell(whole(), house=replace(house, repeats=broken))

    assert (told.code, told.reply.said) == ("", WHOLE)
    assert (await place.tell()).code == "answer_not_kept"


async def test_an_answer_waits_for_its_store_for_a_while_and_is_kept_later(place: Place) -> None:
    store, house = _Slow(place.store), place.house
    patient = replace(house.repeats, store=store, patience_s=0.01)

    told = await place.tell(whole(), house=replace(house, repeats=patient))
    store.goes_on.set()
    await store.has_written.wait()

    assert (told.code, told.reply.said) == ("", WHOLE)
    assert (await place.tell()).is_replayed


async def test_who_hangs_up_while_the_answer_is_kept_may_ask_again(place: Place) -> None:
    store, house = _Slow(place.store), place.house
    slow = replace(house, repeats=replace(house.repeats, store=store, patience_s=60.0))
    telling = asyncio.create_task(place.tell(whole(), house=slow))
    await store.is_asked.wait()

    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    store.goes_on.set()
    await store.has_written.wait()

    assert (await place.tell()).is_replayed
    assert await place.owed() == [COST]


# --- what was judged before is judged again ---


async def test_who_lost_the_model_gets_no_answer_again(place: Place) -> None:
    await place.tell(whole())
    place.caller = replace(place.caller, models=())

    refused = await place.tell()

    assert refused.code == "model_not_granted"


@pytest.mark.parametrize(
    "other", [{"tenant": "bolt"}, {"key": "another"}, {"user": "acme/otto"}], ids=str
)
async def test_another_caller_knows_nothing_of_a_key(place: Place, other: dict[str, str]) -> None:
    await place.tell(whole())
    place.caller = replace(place.caller, **other)

    told = await place.tell(whole(), raw=body(temperature=1))

    assert (told.code, told.is_replayed) == ("", False)
    assert len(place.up.sent) == 2


async def test_another_route_knows_nothing_of_a_key(place: Place) -> None:
    await place.tell(whole())

    told = await place.tell(whole(), route_name="completions")

    assert (told.code, told.is_replayed, len(place.up.sent)) == ("", False, 2)


@pytest.mark.parametrize("key", [b"", b" ", b"a b", b"x" * 201, b"\x7f", b"\xe9", b"a\tb"])
async def test_a_key_that_is_none_is_refused(place: Place, key: bytes) -> None:
    refused = await place.tell(whole(), key=key)

    assert refused.code == "field_invalid"
    assert (place.up.sent, await place.kept(), await place.owed()) == ([], [], [])


async def test_what_comes_again_counts_as_a_request_and_as_nothing_else(place: Place) -> None:
    limiter = FakeLimiter()
    place.world.limiter = limiter
    place.caller = replace(place.caller, limits=Limits((rule(60),), None))
    await place.tell(whole())
    limiter.taken.clear()

    await place.tell()
    await place.tell(raw=body(temperature=1))

    assert [[each.amount for each in taken] for _, taken in limiter.taken] == [[1], [1]]


async def test_two_keys_with_one_call_are_none(place: Place) -> None:
    refused = await place.tell(whole(), further=((b"idempotency-key", b"k-1"),))

    assert (refused.code, place.up.sent) == ("field_invalid", [])


def test_where_no_answer_is_kept_no_key_is_taken() -> None:
    refuse_key(call())

    with pytest.raises(FieldInvalid) as refusal:
        refuse_key(call((b"idempotency-key", b"k")))

    assert refusal.value.param == "Idempotency-Key"


async def test_of_a_form_counts_what_is_in_it_and_not_where_it_is_divided() -> None:
    it = claim(CALLER, "transcriptions", b"k")

    said = [await asked(it, _form(*each)) for each in FORMS]

    assert said[0] == said[1]
    assert len(set(said)) == len(FORMS) - 1


async def test_who_is_second_by_a_moment_is_told_to_wait_and_holds_nothing(place: Place) -> None:
    limiter = FakeLimiter()
    place.world.limiter = limiter
    place.caller = replace(place.caller, limits=Limits((rule(5, PLACES),), None))

    refused = await place.tell(whole(), house=replace(place.house, ledger=_Taken()))

    assert (refused.code, place.up.sent) == ("idempotency_in_flight", [])
    assert len(limiter.given_back) == 1


async def test_with_a_receipt_it_is_settled_once_too(place: Place) -> None:
    limiter = FakeLimiter()
    place.world.limiter = limiter
    place.caller = replace(place.caller, limits=Limits((rule(5, PLACES),), None))

    told = await place.tell(whole(), house=replace(place.house, receipts=lambda _: "signed"))

    assert dict(told.reply.headers)[b"x-tollhouse-receipt"] == b"signed"
    assert len(limiter.given_back) == 1
    assert (await place.tell()).is_replayed


# --- what came to nothing is made ---


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_what_a_provider_refused_is_made_again_with_this_body_or_another(
    place: Place, status: int
) -> None:
    refused = await place.tell(refusing(status))
    again = await place.tell(whole(), raw=body(temperature=1))

    assert refused.code != ""
    assert (again.code, again.is_replayed, again.reply.said) == ("", False, WHOLE)
    assert await place.owed() == [0, COST]
    assert (await place.tell(raw=body(temperature=1))).is_replayed
    assert await place.held() == 0


async def test_what_never_left_is_made_again(place: Place) -> None:
    await place.tell(FakeExchange(UpstreamUnreachable(), is_sent=False))

    again = await place.tell(whole())

    assert (again.code, await place.owed()) == ("", [0, COST])


async def test_what_had_no_budget_leaves_no_claim(place: Place) -> None:
    account = place.caller.accounts[0]
    limit = "UPDATE accounts SET limit_nanos = $1 WHERE id = $2"
    await place.store.write((limit, (0, account)))

    refused = await place.tell(whole())
    left = await place.kept()
    await place.store.write((limit, (LIMIT, account)))

    assert (refused.code, left) == ("budget_exhausted", [])
    assert (await place.tell(whole())).code == ""
    assert await place.owed() == [COST]


# --- what was cut ---


async def test_what_was_cut_by_its_caller_is_paid_as_far_as_it_came_and_not_made_again(
    place: Place,
) -> None:
    reply = FakeReply(is_gone=True)
    cutting = FakeExchange(FakeAnswer(200, [WORD, None], EVENTS))
    raw = body(stream=True)

    await _cut(place, cutting, raw, reply)
    await place.owed()  # nobody who leaves waits for the settlement
    refused = await place.tell(whole(), raw=raw)

    assert refused.code == "answer_not_kept"
    (owed,) = await place.owed()
    assert owed is not None
    assert owed > 0
    assert len(place.up.sent) == 1


async def test_what_its_provider_cut_is_not_paid_for_again(place: Place) -> None:
    raw = body(stream=True)

    await place.tell(FakeExchange(FakeAnswer(200, [WORD, UpstreamBroke()], EVENTS)), raw=raw)
    refused = await place.tell(whole(), raw=raw)

    assert refused.code == "answer_not_kept"
    assert len(place.up.sent) == 1


async def test_what_was_sent_and_whose_end_nobody_saw_stays_held_and_is_not_made_again(
    place: Place,
) -> None:
    await place.tell(FakeExchange(UpstreamBroke()))
    held = await place.held()

    refused = [await place.tell(whole()) for _ in range(3)]

    assert {each.code for each in refused} == {"answer_not_kept"}
    assert await place.held() == held > 0
    assert len(place.up.sent) == 1


async def test_another_body_of_what_stands_is_refused_first(place: Place) -> None:
    await place.tell(FakeExchange(UpstreamBroke()))

    refused = await place.tell(whole(), raw=body(temperature=1))

    assert refused.code == "idempotency_mismatch"


async def test_who_leaves_waits_for_no_settlement(place: Place) -> None:
    house = replace(place.house, ledger=_Mute())
    silent = FakeExchange(FakeAnswer(200, [WORD, None], EVENTS))

    async with asyncio.timeout(10):
        await _cut(place, silent, body(stream=True), FakeReply(is_gone=True), house)


# --- a process that died ---


async def test_what_was_lost_with_its_process_is_made_again_and_paid_for_once(
    place: Place,
) -> None:
    came, reply = asyncio.Event(), FakeReply()
    silent = FakeExchange(FakeAnswer(200, [WORD, None], EVENTS))
    first = FakeReply(on_write=came.set)
    dying = asyncio.create_task(place.tell(silent, raw=body(stream=True), reply=first))
    await came.wait()
    at_once = await place.tell(raw=body(stream=True))
    await _lives(place.store, NOW_MS)

    again = await place.tell(
        FakeExchange(FakeAnswer(200, [STREAM], EVENTS)), raw=body(stream=True), reply=reply
    )

    assert at_once.code == "idempotency_in_flight"
    assert (again.code, reply.is_ended) == ("", True)
    assert await place.owed() == [0, COST]
    assert await place.held() == 0
    late = Settlement(
        *("call-1", Outcome.COMPLETED, 5, Usage(1, 1), Source.PROVIDER, None, None, NOW_MS)
    )
    ((claim, by, *_),) = await place.kept()
    assert by == "call-3"
    assert await place.store.settle(late) is False
    assert not await repeats.keep(place.store, claim, "call-1", "text/plain", b"late")
    assert (await place.tell(raw=body(stream=True))).reply.said == reply.said
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await place.owed() == [0, COST]


@pytest.mark.parametrize("anomaly", ["owner_lost", None])
async def test_a_lost_call_is_told_from_one_that_its_own_process_left_open(
    place: Place, anomaly: str | None
) -> None:
    await place.tell(FakeExchange(UpstreamBroke()))
    await place.store.write(("UPDATE calls SET anomaly = $1", (anomaly,)))

    again = await place.tell(whole())

    assert again.code == ("" if anomaly else "answer_not_kept")
    assert len(place.up.sent) == (2 if anomaly else 1)


async def _lives(store: SqliteDatabase, until_ms: int) -> None:
    """The process that the house is."""
    await store.write(
        ("DELETE FROM owners", ()),
        (
            "INSERT INTO owners (id, host, pid, started_at, lease_until) VALUES ('owner-1', 'h', 1, 0, $1)",
            (until_ms,),
        ),
    )


async def _cut(
    place: Place,
    exchange: FakeExchange,
    raw: bytes,
    reply: FakeReply,
    house: House | None = None,
) -> None:
    """By the caller, once something has come."""
    came = asyncio.Event()
    reply.on_write = came.set
    telling = asyncio.create_task(place.tell(exchange, raw=raw, reply=reply, house=house))
    await came.wait()
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


class _Taken(FakeLedger):
    """Another was quicker by a moment."""

    def hold(self, hold: Hold, beside: Sequence[Statement] = ()) -> Awaitable[None]:
        return self._refused()

    async def _refused(self) -> None:
        raise Conflict("repeats.id")


class _Mute(FakeLedger):
    """Whose settlements nobody hears of."""

    def settle(self, settlement: Settlement) -> asyncio.Future[bool]:
        return asyncio.get_running_loop().create_future()


FORMS = (
    ("b1", "m", "hello.wav", b"RIFF"),
    ("b2", "m", "hello.wav", b"RIFF"),
    ("b1", "n", "hello.wav", b"RIFF"),
    ("b1", "m", "other.wav", b"RIFF"),
    ("b1", "m", "hello.wav", b"RIFX"),
)


def _form(boundary: str, model: str, name: str, content: bytes) -> Form:
    raw = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\n{model}\r\n'
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    ).encode()
    raw += content + f"\r\n--{boundary}--\r\n".encode()
    reader = FormReader(boundary.encode())
    reader.feed(raw)
    return Form(boundary.encode(), reader.finish(), _Bytes(raw))


class _Bytes:
    """Implements Kept."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __len__(self) -> int:
        return len(self._raw)

    async def read(self, begin: int, end: int) -> AsyncIterator[bytes]:
        yield self._raw[begin:end]


class _Away:
    """A store that cannot be written to, beside the ledger."""

    def __init__(self, store: SqliteDatabase) -> None:
        self._store = store

    async def read(self, sql: str, *values: Value) -> list[Row]:
        return await self._store.read(sql, *values)

    async def write(self, *statements: Statement) -> list[int]:
        raise StoreUnavailable

    async def changed(self) -> None:
        """Never."""

    async def migrate(self, *, apply: bool = True) -> list[str]:
        return []

    async def close(self) -> None:
        """Nothing is open."""


class _Slow(_Away):
    """One whose writes are done once it goes on."""

    def __init__(self, store: SqliteDatabase) -> None:
        super().__init__(store)
        self.is_asked, self.goes_on, self.has_written = (asyncio.Event() for _ in range(3))

    async def write(self, *statements: Statement) -> list[int]:
        self.is_asked.set()
        await self.goes_on.wait()
        counts = await self._store.write(*statements)
        self.has_written.set()
        return counts
