"""What a call has come to, from the first attempt to the amount that is owed.

The amount never exceeds the hold: the upstream was told a bound, and a provider that claims
more than it was allowed to produce is paid what was held, and noted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from tollhouse.domain.budget import Attempt, Outcome, Settlement, Source
from tollhouse.domain.counting import MOST_BYTES_PER_TOKEN, tokens_in
from tollhouse.domain.models import MESSAGE_TOKENS, UNSAID, USUAL_TIERS, Ask, Leg, Plan
from tollhouse.domain.pricing import NOTHING, Price, Usage

REST_BYTES = 4096
"""Of a body, that need be no prompt: names, schemas, settings."""


class Seen(Protocol):
    """As much of a relay as a meter reads."""

    usage: Usage | None

    def counted_output(self) -> int: ...


@runtime_checkable
class Tiered(Protocol):
    """Of a relay that was told which tier was asked for."""

    tier: str | None
    """What the answer says it was served in, if it says so."""


@dataclass(slots=True)
class Meter:
    """Follows one call. Each attempt ends in a failure that is noted, or in an answer."""

    call: str
    plan: Plan
    outcome: Outcome = Outcome.NOT_SENT
    leg: Leg | None = None
    attempts: list[Attempt] = field(default_factory=list)
    settled: Settlement | None = None
    """Once the call is over and was written down."""

    unsaid: tuple[str, ...] = ()
    """What of the call the target could not be told."""

    receipt: Callable[[], Awaitable[Sequence[tuple[bytes, bytes]]]] | None = None
    """Settles, and gives the header that says so; None where no receipts are given."""

    _seen: Seen | None = None

    def sent(self, leg: Leg) -> None:
        """From here on money may be owed, though nothing was seen of an answer."""
        self.leg = leg
        self.outcome = Outcome.UNKNOWN

    def failed(self, outcome: Outcome, status: int | None = None) -> None:
        """The attempt ended without an answer to relay."""
        if self.leg is not None:
            self.attempts.append(Attempt(self.leg.target.name, outcome, status))
        self.outcome = outcome

    def streaming(self, seen: Seen) -> None:
        """Whatever happens from here on, what was seen can be counted."""
        self._seen = seen
        self.outcome = Outcome.CUT_BY_UPSTREAM

    def completed(self, seen: Seen) -> None:
        self._seen = seen
        self.outcome = Outcome.COMPLETED

    def cut(self, *, by_client: bool) -> None:
        """Cancelled on our side of the upstream; without effect on what is complete or was never seen."""
        if self.outcome is Outcome.CUT_BY_UPSTREAM:
            self.outcome = Outcome.CUT_BY_CLIENT if by_client else Outcome.CUT_BY_GATEWAY

    def settle(self, now_ms: int) -> Settlement:
        self.settled = self._settlement(now_ms)
        return self.settled

    def _settlement(self, now_ms: int) -> Settlement:
        usage, source, anomaly = self._usage()
        price = self._price()
        owed = 0
        if self.leg is not None and price is not None and source is not Source.NOTHING:
            cost = price.cost(usage)
            owed = min(cost, self.plan.hold)
            anomaly = "over_bound" if cost > self.leg.worst else anomaly
            if cost == 0 and not price.is_free:
                anomaly = anomaly or "no_usage"  # a price by tokens, and nobody tells how many
        return Settlement(
            call=self.call,
            outcome=self.outcome,
            owed=owed,
            usage=usage,
            source=source,
            target=self.leg.target.name if self.leg else None,
            price=price.id if price else None,
            settled_at_ms=now_ms,
            attempts=tuple(self.attempts),
            anomaly=anomaly,
        )

    def _price(self) -> Price | None:
        """Of the tier that the answer says, where another than the usual one was asked for."""
        if self.leg is None or self.leg.by_tier is None:
            return self.leg.price if self.leg else None
        if not isinstance(self._seen, Tiered):  # another dialect: nobody was told of a tier
            return self.leg.by_tier[USUAL_TIERS[0]]
        return self.leg.by_tier.get(self._seen.tier or UNSAID, self.leg.by_tier[UNSAID])

    def _doubt(self, usage: Usage) -> str | None:
        """A mark for what no answer to this call can have used. What is told beside tokens bounds itself."""
        ask, leg = self.plan.ask, self.leg
        if leg is None or ask.most is not NOTHING:
            return None
        went_in = usage.total_input
        if went_in > leg.input_tokens:
            return "input_over_bound"
        if usage.output > leg.output_tokens * ask.choices + ask.predicted_bytes:
            return "output_over_bound"
        is_much_text = ask.input_bytes - REST_BYTES > went_in * MOST_BYTES_PER_TOKEN
        return "input_too_low" if is_much_text and _is_all_text(usage, ask) else None

    def _usage(self) -> tuple[Usage, Source, str | None]:
        seen = self._seen
        if seen is None:
            return Usage(), Source.NOTHING, None
        if seen.usage is not None and seen.usage.output > 0:
            return seen.usage, Source.PROVIDER, self._doubt(seen.usage)
        ask = self.plan.ask
        counted = replace(
            ask.likely or ask.most, input=counted_input(ask), output=seen.counted_output()
        )
        is_whole = self.outcome is Outcome.COMPLETED
        if seen.usage is not None:  # some providers tell what went in before anything comes out
            if counted.output == 0:
                return seen.usage, Source.PROVIDER, None
            usage = replace(seen.usage, output=counted.output)
            return usage, Source.COUNTED, "no_output_reported" if is_whole else None
        is_untold = is_whole and ask.expects_usage
        return counted, Source.COUNTED, "no_usage" if is_untold else None


def _is_all_text(usage: Usage, ask: Ask) -> bool:
    """Sound, pages and what a provider encrypted are bytes that are no text."""
    if ask.documents or ask.encrypted:
        return False
    return usage.kinds is None or not (usage.kinds.audio_input or usage.kinds.audio_read)


def counted_input(ask: Ask) -> int:
    """For calls that were cut before the provider said: a third of the bytes, and the template.

    Who sent tokens has said how many there are.
    """
    return max(tokens_in(ask.input_bytes), ask.tokens) + MESSAGE_TOKENS * ask.messages
