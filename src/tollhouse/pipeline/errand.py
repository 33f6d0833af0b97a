"""One errand to the provider that keeps something: through its gate and its breaker, like any call.

Nothing is owed for it, and nobody else is asked when it fails: what is kept is kept in one place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.exchange import Errand
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Ask, Leg, Plan
from tollhouse.domain.snapshot import Model, Target
from tollhouse.pipeline.attempt import Attempt
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.dispatch import dispatched
from tollhouse.pipeline.house import House
from tollhouse.pipeline.lanes import Native
from tollhouse.pipeline.standing import Standing
from tollhouse.ports import Answer, Exchange

MOST_OF_A_REPLY = 1024 * 1024
"""What a provider may say of a file or a batch; their contents come another way."""

_NOTHING_ASKED = Ask(
    model="",
    is_stream=False,
    wants_usage=False,
    input_bytes=0,
    messages=0,
    images=0,
    choices=1,
    max_output=0,
    predicted_bytes=0,
    unpriced_features=(),
)


class Found:
    """What a provider says, in pieces. Read to its end, the errand is done."""

    __slots__ = ("_answer", "_meter")

    def __init__(self, answer: Answer, meter: Meter) -> None:
        self._answer = answer
        self._meter = meter

    async def read(self) -> bytes:
        chunk = await self._answer.read()
        if not chunk:
            self._meter.outcome = Outcome.COMPLETED
        return chunk

    async def whole(self) -> bytes:
        said = bytearray()
        while chunk := await self.read():
            said += chunk
            if len(said) > MOST_OF_A_REPLY:
                raise UpstreamBroke(private="more than 1 MiB about a file or a batch")
        return bytes(said)


@asynccontextmanager
async def on_errand(
    call: Call, provider: str, errand: Errand, house: House, meter: Meter | None = None
) -> AsyncIterator[Found]:
    """Leaving it unread to the end closes the connection, as everywhere. A meter of its own follows
    an errand for which something is held."""
    followed = meter or Meter(call.id, _free(provider))
    async with _Dispatched(call, followed, house, errand) as (answer, _):
        if answer.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UpstreamBroke(private="an encoding that was not asked for")
        yield Found(answer, followed)


async def told(
    call: Call, provider: str, errand: Errand, house: House, meter: Meter | None = None
) -> bytes:
    """All that it says."""
    async with on_errand(call, provider, errand, house, meter) as found:
        return await found.whole()


def _free(provider: str) -> Plan:
    target = Target(provider, provider, "files")
    leg = Leg(target, None, 0, 0, 0)
    return Plan(_NOTHING_ASKED, Model("files", (target,), 0, 0), (leg,), 0)


class _Dispatched(dispatched):
    __slots__ = ("_errand",)

    def __init__(self, call: Call, meter: Meter, house: House, errand: Errand) -> None:
        super().__init__(call, meter.plan, b"", meter, house)
        self._errand = errand

    def _begun(self, leg: Leg, standing: Standing, era: int) -> Attempt:
        attempt = _Attempt(self._call, self._plan, leg, self._meter, self._house, standing, era)
        attempt.errand = self._errand
        return attempt


class _Attempt(Attempt):
    __slots__ = ("errand",)

    errand: Errand

    def _send(self, body: bytes) -> Exchange:  # noqa: ARG002 - an errand has one of its own
        house, dialect = self._house, self._call.route.dialect
        keeper = house.shelves.keepers[self.leg.target.provider]
        self.lane = Native(dialect, self._call, self._plan, self.leg, house.seals)
        return keeper.upstream.send(keeper.errand(self.errand))
