"""A call that bears an Idempotency-Key is made once, and its answer is given to whoever sends it again.

The claim of the key is a row that stands together with the hold or not at all. Its answer is kept before the caller
is told the end of it. A call that came to nothing lets go of its claim by the way in which it was settled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType

from tollhouse.domain import repeats as domain
from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.domain.errors import AnswerNotKept, FieldInvalid, StoreUnavailable
from tollhouse.domain.forms import Form
from tollhouse.domain.identity import Principal
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Plan
from tollhouse.domain.pricing import Usage
from tollhouse.domain.repeats import PARAM, Claim, Kept
from tollhouse.domain.storing import Conflict
from tollhouse.pipeline.admit import admitted
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.dispatch import dispatched
from tollhouse.pipeline.house import House
from tollhouse.pipeline.limit import take_one
from tollhouse.pipeline.record import Journal
from tollhouse.pipeline.relay import relay
from tollhouse.pipeline.remember import Remembering
from tollhouse.ports import Body, Statement
from tollhouse.storage import repeats

HEADER = b"idempotency-key"


async def serve_once(
    record: Journal, caller: Principal, plan: Plan, body: Body, house: House
) -> None:
    """What `serve` does from here on, or the answer of the call that did it before."""
    asking = await _asking(record.call, caller, body, house)
    before = await repeats.find(house.repeats.store, asking.claim.id, house.now_ms())
    if before is not None and not before.came_to_nothing:
        await take_one(record.call, caller, house)  # a request, whatever it is told
        if (kept := domain.answer_of(before, asking.asked)) is not None:
            await _replay(record, before.call, kept, asking)
            return
        await house.ledger.settle(_at_nothing(before.call, house.now_ms()))
    call = replace(record.call, reply=asking.remembering())
    async with claimed(call, caller, plan, house, asking) as meter:
        record.meter = meter
        async with dispatched(call, plan, body, meter, house) as (answer, lane):
            await relay(answer, lane, call, plan, meter)


def refuse_key(call: Call) -> None:
    """Where a call that came twice would do twice what nobody could take back."""
    if HEADER in call.fields:
        raise FieldInvalid(
            "No answers are kept on this path, so an Idempotency-Key would promise what does not hold. Send it "
            "without one, and look at what is there before you send it again.",
            param=PARAM,
        )


@dataclass(frozen=True, slots=True)
class Asking:
    """Of one call: its claim, and what it asks."""

    call: Call
    caller: Principal
    claim: Claim
    asked: str
    house: House

    def claiming(self) -> Sequence[Statement]:
        now_ms, caller = self.house.now_ms(), self.caller
        until_ms = now_ms + self.house.repeats.keep_ms
        whose = (caller.tenant, caller.key, self.call.id)
        return repeats.claiming(self.claim.id, *whose, self.asked, now_ms, until_ms)

    def remembering(self) -> Remembering:
        return Remembering(self.call.reply, self.house.repeats.most_bytes, self._keep)

    async def _keep(self, media: bytes, body: bytes) -> None:
        """Done whoever hangs up in this moment, and not waited for longer than an answer may wait for a store."""
        writing = asyncio.ensure_future(self._write(media.decode("latin-1"), body))
        await asyncio.wait({writing}, timeout=self.house.repeats.patience_s)

    async def _write(self, media: str, body: bytes) -> None:
        """The answer is there: a store that is away takes it from nobody."""
        kept, call = self.house.repeats, self.call.id
        sealed = kept.sealing.seal(body, self.claim.secret, _about(call, media))
        try:
            await repeats.keep(kept.store, self.claim.id, call, media, sealed)
        except StoreUnavailable:
            return


class claimed(admitted):  # noqa: N801 - read as a participle: `async with claimed(…)`
    """Settled before a refusal is told, so that whoever asks again at once finds how it ended."""

    __slots__ = ("beside",)

    def __init__(
        self, call: Call, caller: Principal, plan: Plan, house: House, asking: Asking
    ) -> None:
        super().__init__(call, caller, plan, house)
        self.beside = asking.claiming()

    async def __aenter__(self) -> Meter:
        try:
            return await super().__aenter__()
        except Conflict:
            raise domain.in_flight() from None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_over:
            return
        settled = self._settle()
        if kind is not asyncio.CancelledError:
            await settled


async def _asking(call: Call, caller: Principal, body: Body, house: House) -> Asking:
    if sum(name == HEADER for name, _ in call.headers) > 1:
        raise FieldInvalid("Two of them came with one call.", param=PARAM)
    claim = domain.claim(caller, call.route.name, call.fields[HEADER])
    return Asking(call, caller, claim, await asked(claim, body), house)


async def asked(claim: Claim, body: Body) -> str:
    """The same for the same body. Of a form what is in it: its boundary is another each time."""
    digest = claim.digest()
    if isinstance(body, Form):
        for part in body.parts:
            digest.update(repr((part.name, part.filename, part.media, part.size)).encode())
            async for piece in body.content(part):
                digest.update(piece)
    else:
        digest.update(body)
    return digest.hexdigest()


async def _replay(record: Journal, before: str, kept: Kept, asking: Asking) -> None:
    call, sealing = record.call, asking.house.repeats.sealing
    body = sealing.open(kept.sealed, asking.claim.secret, _about(before, kept.media))
    if body is None:
        raise AnswerNotKept("The answer that was kept does not open any more.", param=PARAM)
    record.ending = "replayed"
    length = (b"content-length", b"%d" % len(body))
    told = (
        (b"content-type", kept.media.encode("latin-1")),
        length,
        (b"idempotency-replayed", b"true"),
    )
    await call.reply.start(200, told)
    await call.reply.end(body)


def _about(call: str, media: str) -> bytes:
    return f"{call}\n{media}".encode()


def _at_nothing(call: str, now_ms: int) -> Settlement:
    """Its process died, and another call is made in its place: that one is paid for."""
    return Settlement(
        call=call,
        outcome=Outcome.CUT_BY_GATEWAY,
        owed=0,
        usage=Usage(),
        source=Source.NOTHING,
        target=None,
        price=None,
        settled_at_ms=now_ms,
        anomaly="owner_lost",
    )
