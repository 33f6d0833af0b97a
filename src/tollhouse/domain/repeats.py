"""One Idempotency-Key of one caller on one route, and what becomes of a call that comes again under it.

At any time one call has the claim, and another takes it over only when the one before was settled at
nothing: so whatever happens, at most one call is charged under a key.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256

from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    AnswerNotKept,
    FieldInvalid,
    IdempotencyInFlight,
    IdempotencyMismatch,
)
from tollhouse.domain.identity import Principal
from tollhouse.domain.values import value

PARAM = "Idempotency-Key"
RETRY_S = 1

_is_key = re.compile(r"[!-~]{1,200}").fullmatch


def insist_on_key(said: str) -> None:
    """Raises FieldInvalid."""
    if not _is_key(said):
        raise FieldInvalid("An Idempotency-Key has 1 to 200 printable characters.", param=PARAM)


@value
class Claim:
    id: str
    secret: bytes
    """Made of the key itself, which is written down nowhere: what was asked and answered hangs on it."""

    def digest(self) -> hmac.HMAC:
        """Of what is asked. Without the key nobody can try whether a body is the one."""
        return hmac.new(self.secret, b"asked\n", "sha256")


def claim(caller: Principal, route: str, said: bytes) -> Claim:
    """Raises FieldInvalid."""
    key = said.decode("latin-1")
    insist_on_key(key)
    whose = "\n".join((caller.tenant, caller.key, caller.user, route, key)).encode()
    return Claim(sha256(b"claim\n" + whose).hexdigest(), sha256(b"secret\n" + whose).digest())


@value
class Kept:
    """An answer to give again."""

    media: str
    sealed: bytes


@value
class Claimed:
    """A claim as the store has it, with the call that has it. Of that one nothing is known once it is folded."""

    asked: str
    call: str
    answer: Kept | None
    state: str | None
    outcome: str | None
    owed: int | None
    is_lost: bool
    """Whether the process that held the call has died."""

    @property
    def came_to_nothing(self) -> bool:
        """Then the claim is free."""
        is_over = self.answer is None and self.state == "settled"
        return is_over and not self.owed and self.outcome != Outcome.COMPLETED


def answer_of(before: Claimed, asked: str) -> Kept | None:
    """None where the process died with the call: then another is made in its place.

    Raises IdempotencyMismatch, IdempotencyInFlight, AnswerNotKept.
    """
    if not hmac.compare_digest(before.asked, asked):
        raise IdempotencyMismatch(param=PARAM)
    if before.answer is not None or before.is_lost:
        return before.answer
    if before.state == "held":
        raise in_flight()
    raise AnswerNotKept(_why(before), param=PARAM)


def in_flight() -> IdempotencyInFlight:
    return IdempotencyInFlight(param=PARAM, retry_after_s=RETRY_S)


def _why(before: Claimed) -> str:
    if before.state == "unknown":
        return (
            "A call was sent to its provider under this Idempotency-Key, and its end was not seen: it may have cost "
            "something. Another key makes another call, which is paid for too."
        )
    if before.outcome in (Outcome.COMPLETED, None):
        return "The call of this Idempotency-Key was made, and its answer was not kept."
    return (
        "The call of this Idempotency-Key was cut, and what came of it until then is paid for. Another key makes "
        "another call."
    )
