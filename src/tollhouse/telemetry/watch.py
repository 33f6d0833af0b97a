"""What happens in the pipeline, as metrics and log lines. No content, and no caller's words."""

from __future__ import annotations

import logging

from tollhouse.domain.audit import ANONYMOUS, Record
from tollhouse.domain.breaker import State
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import Failure, Problem, TooManyFailures, Unauthenticated
from tollhouse.domain.identity import Priority
from tollhouse.domain.suspicion import SIGNS, Broken, Sign
from tollhouse.telemetry.logs import tell
from tollhouse.telemetry.metrics import OK, Metrics

NANOS_PER_S = 1e9


class Watching:
    """Implements the pipeline's Watch. A refusal is everyday and logged at debug; a failure is a warning."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def began(self) -> None:
        self._metrics.request_began()

    def attempted(self, provider: str, outcome: Outcome) -> None:
        self._metrics.attempted(provider, outcome)

    def shed(self, priority: Priority) -> None:
        self._metrics.shed(priority)

    def turned(self, target: str, state: State, reason: str) -> None:
        self._metrics.breaker_turned(target, state)
        level = logging.WARNING if state is State.OPEN else logging.INFO
        tell(level, "breaker_turned", target=target, state=state.value, reason=reason)

    def limiter_turned(self, why: str | None) -> None:
        """Without a reason, it is back."""
        self._metrics.set_limiter_away(is_away=why is not None)
        if why is None:
            tell(logging.INFO, "limiter_back")
        else:
            tell(logging.WARNING, "limiter_away", private=why)

    def limiter_missed(self) -> None:
        self._metrics.limiter_missed()

    def ended(self, record: Record, problem: Problem | None) -> None:
        first_byte_s = None if record.first_byte_ms is None else record.first_byte_ms / 1000
        self._metrics.request_ended(
            record.route, record.status, record.code or OK, record.latency_ms / 1000, first_byte_s
        )
        settled = record.settled
        if settled is not None and record.model is not None:
            self._metrics.settled(record.model, settled.usage, settled.owed)
        if problem is not None:
            self._note(record, problem)

    def suspected(self, sign: Sign) -> None:
        """Of what never became a request; of the others, their refusal tells."""
        self._metrics.suspected(sign)

    def handshake_broke(self, why: Broken) -> None:
        """Who showed a certificate in vain is told of here, for there is no record of it."""
        self._metrics.handshake_broke(why)
        level = logging.INFO if why in (Broken.UNTRUSTED, Broken.EXPIRED) else logging.DEBUG
        tell(level, "handshake_broke", reason=why.value)

    def crashed(self, request_id: str, error: Exception) -> None:
        tell(logging.ERROR, "crashed", error=error, request_id=request_id)

    def _note(self, record: Record, problem: Problem) -> None:
        if isinstance(problem, Unauthenticated | TooManyFailures):
            self._metrics.unauthenticated(problem.code)
        if sign := SIGNS.get(problem.code):
            self._metrics.suspected(sign)
        tell(
            logging.WARNING if isinstance(problem, Failure) else logging.DEBUG,
            problem.code,
            request_id=record.request_id,
            route=record.route,
            key=record.caller.key if record.caller else ANONYMOUS,
            model=record.model,
            target=record.settled.target if record.settled else None,
            private=problem.private,
        )
