"""Who may change what."""

from __future__ import annotations

from tollhouse.domain.errors.problem import Refusal


class RoleInsufficient(Refusal):
    code = "role_insufficient"
    status = 403
    title = "Your role does not allow this here."


class NotThere(Refusal):
    """Or nothing that the one who asks may know of."""

    code = "not_found"
    status = 404
    title = "There is no such thing here."


class ConflictingState(Refusal):
    code = "conflict"
    status = 409
    title = "This does not fit what is there."


class InUse(Refusal):
    code = "in_use"
    status = 409
    title = "Something else still holds this, so it is not deleted."


class RoleReadonly(Refusal):
    code = "role_readonly"
    status = 403
    title = (
        "Who only reads neither spends nor changes anything: the role of this token is `readonly`."
    )


class LastOwner(Refusal):
    code = "last_owner"
    status = 409
    title = "This is the last owner, and no place is left without one."


class PreconditionFailed(Refusal):
    code = "precondition_failed"
    status = 412
    title = "It was changed since you looked: look again, and decide again."


class PreconditionRequired(Refusal):
    code = "precondition_required"
    status = 428
    title = "Say which state you are changing: send the ETag that you saw as `If-Match`."
