"""Everything that can be answered instead of what was asked for.

A code is permanent: clients, dashboards and the documentation rely on it. `detail` is for
the caller; `private` is for the log and never leaves the house.
"""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):
    """What a caller gets when no answer can be given."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        private: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.detail = detail or self.title
        self.private = private
        self.param = param
        self.retry_after_s = retry_after_s
        self.is_worth_a_retry = self.retryable
        super().__init__(self.detail)

    def forget(self) -> None:
        """The way it came: that holds on to whoever keeps it, until a collector looks."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        self.__suppress_context__ = True

    def __init_subclass__(cls) -> None:
        if "code" in vars(cls):
            if cls.code in REGISTRY:
                raise TypeError(f"error code {cls.code!r} is taken")
            REGISTRY[cls.code] = cls


REGISTRY: dict[str, type[Problem]] = {}


class Refusal(Problem):
    """We said no."""


class Failure(Problem):
    """It broke."""


# --- who are you -------------------------------------------------------------------------


class Unauthenticated(Refusal):
    """The credential does not let its bearer in."""

    status = 401


class KeyMissing(Unauthenticated):
    code = "key_missing"
    title = "No API key was sent. Send it as `Authorization: Bearer thk_…`."


class KeyMalformed(Unauthenticated):
    code = "key_malformed"
    title = "This is not a Tollhouse key, or it was cut or mistyped: its checksum does not fit."


class KeyUnknown(Unauthenticated):
    code = "key_unknown"
    title = "This key is not valid here."


class KeyExpired(Unauthenticated):
    code = "key_expired"
    title = "This key has expired. Ask for a new one, or have it rotated."


class KeyDisabled(Unauthenticated):
    code = "key_disabled"
    title = "This key is disabled."


class AmbiguousCredentials(Unauthenticated):
    code = "ambiguous_credentials"
    title = "Two different credentials came with one request. Send one."


class TooManyFailures(Refusal):
    code = "too_many_failures"
    status = 429
    title = "Too many logins failed, with this key or from this network."
    retryable = True


# --- what do you want --------------------------------------------------------------------


class HttpMalformed(Refusal):
    code = "http_malformed"
    status = 400
    title = "This is not a request that HTTP/1.1 allows, or two readers could read it differently."


class HeadersTooLarge(Refusal):
    code = "headers_too_large"
    status = 431
    title = "The request has more than 100 headers, one above 8 KiB, or more than 32 KiB of them."


class TargetTooLong(Refusal):
    code = "target_too_long"
    status = 414
    title = "The path and query are longer than 8 KiB."


class TargetInvalid(Refusal):
    code = "target_invalid"
    status = 400
    title = "The path is written in a way that another server could read as a different one."


class HostNotAllowed(Refusal):
    code = "host_not_allowed"
    status = 421
    title = "The Host header names another place than this gateway."


class OriginNotAllowed(Refusal):
    code = "origin_not_allowed"
    status = 403
    title = "Web pages of this origin may not call this gateway."


class RequestTimedOut(Refusal):
    code = "request_timed_out"
    status = 408
    title = "The request did not arrive in time."
    retryable = True


class LengthRequired(Refusal):
    code = "length_required"
    status = 411
    title = "This gateway takes bodies with a Content-Length only."


class RouteUnknown(Refusal):
    code = "route_unknown"
    status = 404
    title = "There is no such path here, and nothing is forwarded that is not known."


class MethodNotAllowed(Refusal):
    code = "method_not_allowed"
    status = 405
    title = "This path does not take this method."


class NotOffered(Refusal):
    code = "not_offered"
    status = 501
    title = "Models are pulled, made and deleted by the operator, not through this API."


class MediaTypeUnsupported(Refusal):
    code = "media_type_unsupported"
    status = 415
    title = "The body must be sent as `Content-Type: application/json`, not compressed."


class BodyTooLarge(Refusal):
    code = "body_too_large"
    status = 413
    title = "The body is larger than this path takes."


class FormMalformed(Refusal):
    code = "form_malformed"
    status = 400
    title = "The body is not a form that every reader would take apart in the same way."


class JsonMalformed(Refusal):
    code = "json_malformed"
    status = 400
    title = "The body is not valid JSON."


class JsonDuplicateKey(Refusal):
    code = "json_duplicate_key"
    status = 400
    title = "An object in the body names a member twice."


class JsonTooDeep(Refusal):
    code = "json_too_deep"
    status = 400
    title = "The body is nested more than 64 levels deep."


class JsonTooWide(Refusal):
    code = "json_too_wide"
    status = 400
    title = "The body has more than 10,000 members, or one with a name of more than 256 characters."


class FieldInvalid(Refusal):
    code = "field_invalid"
    status = 400
    title = "A member of the body has the wrong type or is out of range."


class FieldRefused(Refusal):
    code = "field_refused"
    status = 400
    title = "The body has a member that callers may not set."


class NotTranslatable(Refusal):
    code = "not_translatable"
    status = 400
    title = "The model's target speaks another dialect, in which this cannot be said."


class ThreadUnsupported(Refusal):
    code = "thread_unsupported_request"
    status = 400
    title = "This gateway keeps no conversations: send the whole of it, without `thread`."


class UrlNotAllowed(Refusal):
    code = "url_not_allowed"
    status = 400
    title = "A URL in the body leads where this gateway does not go."


class StateUnknown(Refusal):
    code = "state_unknown"
    status = 404
    title = "There is no such answer here to go on from."


class FileUnknown(Refusal):
    code = "file_unknown"
    status = 404
    title = "There is no such file here."


class BatchUnknown(Refusal):
    code = "batch_unknown"
    status = 404
    title = "There is no such batch here."


class ReceiptUnknown(Refusal):
    code = "receipt_unknown"
    status = 404
    title = "There is no receipt of such a call here."


class ReceiptPending(Refusal):
    code = "receipt_pending"
    status = 409
    title = "The call is not settled yet."
    retryable = True


class FilesNotKept(Refusal):
    code = "files_not_kept"
    status = 501
    title = "No provider that this key's models lead to keeps files here."


class FileHomeUndecided(Refusal):
    code = "file_home_undecided"
    status = 400
    title = "Several providers could keep this file: name a model."


class TooManyFiles(Refusal):
    code = "too_many_files"
    status = 409
    title = "This project has as many files as it may: delete some."


class ModelUnknown(Refusal):
    code = "model_unknown"
    status = 404
    title = "There is no such model here."


class ToolsNotSupported(Refusal):
    code = "model_does_not_support_tools"
    status = 400
    title = "This model cannot call tools."


class UserMismatch(Refusal):
    code = "user_mismatch"
    status = 403
    title = "The body names a user who is not the one of this key."


class ModelNotGranted(Refusal):
    code = "model_not_granted"
    status = 403
    title = "This key may not call this model."


class ModelCannot(Refusal):
    code = "model_cannot"
    status = 400
    title = "This model does not do what the path asks for."


# --- who may change what -----------------------------------------------------------------


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


class IdempotencyKeyReused(Refusal):
    code = "idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key came before, with another request."


class AlreadyDone(Refusal):
    code = "already_done"
    status = 409
    title = (
        "This was done before under the same Idempotency-Key, and its answer was not kept: look."
    )


# --- what does it cost -------------------------------------------------------------------


class ModelUnpriced(Refusal):
    code = "model_unpriced"
    status = 402
    title = "This model has no price, so its cost cannot be held."


class FeatureUnpriced(Refusal):
    code = "feature_unpriced"
    status = 402
    title = "The body asks for something that is billed apart and has no price here."


class BudgetExhausted(Refusal):
    code = "budget_exhausted"
    status = 402
    title = "The budget does not have enough left for this call."


class CostOverCeiling(Refusal):
    code = "cost_over_ceiling"
    status = 402
    title = "The call could cost more than its caller wants to pay for it."


class BudgetMissing(Refusal):
    code = "budget_missing"
    status = 402
    title = "No budget was granted to this key, its user, project or tenant."


class RateLimited(Refusal):
    code = "rate_limited"
    status = 429
    title = "Too many requests."
    retryable = True


class TokensLimited(Refusal):
    code = "tokens_limited"
    status = 429
    title = "Too many tokens."
    retryable = True


class ConcurrencyLimited(Refusal):
    code = "concurrency_limited"
    status = 429
    title = "Too many calls at once."
    retryable = True


class CallOverLimit(Refusal):
    """Of tokens: more than its limit ever lets through."""

    code = "call_over_limit"
    status = 413
    title = "This call is larger than its limit of tokens."


# --- what broke --------------------------------------------------------------------------


class UpstreamRejected(Failure):
    code = "upstream_rejected"
    status = 400
    title = "The provider did not accept this request."


class ContextTooLong(UpstreamRejected):
    """By its name agents know that they should make the conversation shorter."""

    code = "context_length_exceeded"
    title = "The conversation is longer than this model takes."


class UpstreamNotFound(Failure):
    code = "upstream_not_found"
    status = 404
    title = "The provider does not know this model."


class UpstreamRateLimited(Failure):
    code = "upstream_rate_limited"
    status = 429
    title = "The provider is limiting requests."
    retryable = True


class UpstreamDenied(Failure):
    code = "upstream_denied"
    status = 502
    title = "The provider rejected the gateway's credentials."


class UpstreamFailed(Failure):
    code = "upstream_failed"
    status = 502
    title = "The provider answered with an error."
    retryable = True


class UpstreamUnreachable(Failure):
    """No connection could be made: nothing was sent."""

    code = "upstream_unreachable"
    status = 502
    title = "The provider cannot be reached."
    retryable = True


class UpstreamForbidden(UpstreamUnreachable):
    code = "upstream_forbidden"
    title = "The provider's address is one that this gateway does not call."
    retryable = False


class UpstreamUntrusted(UpstreamUnreachable):
    code = "upstream_untrusted"
    title = "The provider could not prove that it is the one."
    retryable = False


class UpstreamBroke(Failure):
    """The connection died, or what came was not HTTP or not the dialect."""

    code = "upstream_broke"
    status = 502
    title = "The provider's answer broke off or was not understood."
    retryable = True


class UpstreamOverlong(UpstreamBroke):
    """More came than is read. To a caller it is the same as any other answer that broke off."""


class UpstreamTimeout(Failure):
    code = "upstream_timeout"
    status = 504
    title = "The provider did not answer in time."
    retryable = True


class UpstreamBusy(UpstreamUnreachable):
    """Every place at the target is taken, and so is every place in line: nothing was sent."""

    code = "upstream_busy"
    status = 503
    title = "The provider is given no more calls at once, and too many wait already."
    retryable = True


class UpstreamTokenUnavailable(UpstreamUnreachable):
    """The provider takes a token, and whoever gives it gave none: nothing was sent."""

    code = "upstream_token_unavailable"
    status = 503
    title = "The gateway got no token to call the provider with."
    retryable = True


class CircuitOpen(Failure):
    """Every target of the model has failed too often: none was asked."""

    code = "circuit_open"
    status = 503
    title = "The provider has failed too often, and is left alone for a while."
    retryable = True


class StoreUnavailable(Failure):
    code = "store_unavailable"
    status = 503
    title = "The ledger cannot be reached, so nothing can be decided."
    retryable = True


class AuditUnavailable(Failure):
    code = "audit_unavailable"
    status = 503
    title = "The audit log cannot be written, and this gateway is set to refuse without it."
    retryable = True


class Overloaded(Failure):
    code = "overloaded"
    status = 503
    title = "This gateway has as much to do as it takes."
    retryable = True


class UploadsFull(Failure):
    """A body is kept until its call is over, and the place for that is taken."""

    code = "uploads_full"
    status = 503
    title = "There is no room for another upload at this moment."
    retryable = True


class LimiterUnavailable(Failure):
    code = "limiter_unavailable"
    status = 503
    title = "The limiter cannot be reached, so nothing can be decided."
    retryable = True


class Internal(Failure):
    code = "internal"
    status = 500
    title = "Something broke in the gateway. The request id names it in the log."
    retryable = False
