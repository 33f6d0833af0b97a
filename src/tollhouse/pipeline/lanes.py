"""How a call is said to a target, and how the answer comes back.

Where the target speaks the caller's dialect, members and bytes pass as they are. Otherwise the call
is read into a conversation that belongs to no dialect and said in the target's, and so is the answer
on its way back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Protocol, TypeGuard

from tollhouse.domain.conversation import State
from tollhouse.domain.errors import NotTranslatable
from tollhouse.domain.forms import Upload
from tollhouse.domain.models import Leg, Plan
from tollhouse.domain.unsaid import tidy
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.go_home import Outbound, taken_home
from tollhouse.pipeline.translation import Translation
from tollhouse.ports import (
    Body,
    Dialect,
    Failing,
    Headers,
    Heard,
    Keeping,
    Provider,
    Relay,
    Rephrasable,
    Rephrasing,
    Seals,
    Sparing,
    Spoken,
    Told,
    Withholding,
    Writer,
)

NANOS_PER_S = 1_000_000_000


class Lane(Protocol):
    """From one call to one target and back."""

    @property
    def spoken(self) -> Spoken: ...  # with the target

    @property
    def unsaid(self) -> tuple[str, ...]: ...  # what of the call did not get into `outgoing`

    def outgoing(self, body: Body) -> bytes | Upload: ...
    def relay(self) -> Relay: ...


class Native:
    """Implements Lane where both sides speak the same."""

    __slots__ = ("_call", "_leg", "_plan", "_seals", "spoken", "unsaid")

    def __init__(self, spoken: Dialect, call: Call, plan: Plan, leg: Leg, seals: Seals) -> None:
        self.spoken = spoken
        self.unsaid = spoken.left_out(plan.ask, leg) if _spares(spoken) else ()
        self._call = call
        self._plan = plan
        self._leg = leg
        self._seals = seals

    def outgoing(self, body: Body) -> bytes | Upload:
        return self.spoken.outgoing(body, self._plan.ask, self._leg)

    def relay(self) -> Relay:
        relay = self._relay()
        _leave_last_words(self._call, relay)
        return relay

    def _relay(self) -> Relay:
        plan = self._plan
        if _keeps(self.spoken):
            keeper = Outbound(self._leg, plan.tenant, self._seals)  # holds no call
            return self.spoken.keeping_relay(plan.ask, keeper)
        return self.spoken.relay(plan.ask)


class Rephrased(Native):
    """Implements Lane where one path of a dialect can be said as one of another."""

    __slots__ = ("_rephrasing",)

    def __init__(self, spoken: Rephrasing, call: Call, plan: Plan, leg: Leg, seals: Seals) -> None:
        super().__init__(spoken, call, plan, leg, seals)
        self._rephrasing = spoken

    def outgoing(self, body: Body) -> bytes | Upload:
        self.unsaid = tidy(self._rephrasing.unsaid(body))
        return super().outgoing(body)


class Translated:
    """Implements Lane between two dialects."""

    __slots__ = ("_call", "_heard", "_leg", "_plan", "_seals", "spoken", "unsaid")

    def __init__(
        self, heard: Heard, spoken: Told, call: Call, plan: Plan, leg: Leg, seals: Seals
    ) -> None:
        self.spoken = spoken
        self.unsaid: tuple[str, ...] = ()
        self._heard = heard
        self._call = call
        self._plan = plan
        self._leg = leg
        self._seals = seals

    def outgoing(self, body: Body) -> bytes | Upload:
        conversation = self._heard.decode(body)
        if _keeps(self.spoken):
            conversation = taken_home(conversation, self.spoken, self._target())
        said, unsaid = self.spoken.encode(conversation, self._leg)
        self.unsaid = tidy((*conversation.unsaid, *unsaid))
        return said

    def relay(self) -> Relay:
        ask, call = self._plan.ask, self._call
        reader = self.spoken.reader(is_stream=ask.is_stream)
        writer = self._heard.writer(ask, call.id, call.began_ns // NANOS_PER_S)
        _leave_last_words(call, writer)
        return Translation(reader, writer, ask, call.id, self._marked())

    def _marked(self) -> Callable[[State], State] | None:
        """Between two that do not share a dialect, at most one hands out what must go home."""
        for each in (self._heard, self.spoken):
            if _keeps(each):
                return partial(each.marked, keeper=self._target())
        return None

    def _target(self) -> Outbound:
        return Outbound(self._leg, self._plan.tenant, self._seals)


def lane_of(call: Call, plan: Plan, leg: Leg, provider: Provider, seals: Seals) -> Lane:
    """Raises NotTranslatable where neither leads to the target."""
    heard, spoken, ask = call.route.dialect, provider.dialect, plan.ask
    if provider.speaks(heard.name):
        native = Native(heard, call, plan, leg, seals)
        if _withholds(provider):
            native.unsaid = tidy((*native.unsaid, *provider.withheld(call.headers)))
        return native
    if ask.home is None and isinstance(heard, Heard) and isinstance(spoken, Told):
        return Translated(heard, spoken, call, plan, leg, seals)
    for rephrasing in heard.rephrasings if isinstance(heard, Rephrasable) else ():
        if provider.speaks(rephrasing.name):
            return Rephrased(rephrasing, call, plan, leg, seals)
    raise NotTranslatable


def stream_headers(dialect: Dialect, media: bytes = b"") -> Headers:
    """`media` is for a stream of another type than its dialect's."""
    return ((b"content-type", media or dialect.stream_type), (b"x-accel-buffering", b"no"))


def _leave_last_words(call: Call, speaker: Relay | Writer) -> None:
    if _fails(speaker):
        call.reply.last_words = speaker.problem_event


def _spares(dialect: Dialect) -> TypeGuard[Sparing]:
    return _is((type(dialect), Sparing))


def _withholds(provider: Provider) -> TypeGuard[Withholding]:
    return _is((type(provider), Withholding))


def _keeps(dialect: Dialect | Told) -> TypeGuard[Keeping]:
    return _is((type(dialect), Keeping))


def _fails(speaker: Relay | Writer) -> TypeGuard[Failing]:
    return _is((type(speaker), Failing))


@lru_cache(maxsize=256)
def _is(kind_and_protocol: Any) -> bool:
    """What `isinstance` says, asked once for each class: it takes microseconds to look through a protocol."""
    kind, protocol = kind_and_protocol
    return issubclass(kind, protocol)
