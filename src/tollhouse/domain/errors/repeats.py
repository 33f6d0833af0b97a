"""What came before under the same Idempotency-Key."""

from __future__ import annotations

from tollhouse.domain.errors.problem import Refusal


class IdempotencyMismatch(Refusal):
    code = "idempotency_mismatch"
    status = 422
    title = "This Idempotency-Key came before, with another request."


class IdempotencyInFlight(Refusal):
    code = "idempotency_in_flight"
    status = 409
    title = "The call of this Idempotency-Key is still under way."
    retryable = True


class AnswerNotKept(Refusal):
    code = "answer_not_kept"
    status = 409
    title = (
        "This call was made before under its Idempotency-Key, and there is no answer to give again."
    )


class AlreadyDone(Refusal):
    code = "already_done"
    status = 409
    title = (
        "This was done before under the same Idempotency-Key, and its answer was not kept: look."
    )
