"""What broke."""

from __future__ import annotations

from tollhouse.domain.errors.problem import Failure


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


class UpstreamSecretUnavailable(UpstreamUnreachable):
    """The provider's key is in the store, and is gone or does not open: nothing was sent."""

    code = "upstream_secret_unavailable"
    status = 503
    title = "The gateway has no key to call the provider with."
    retryable = False


class UpstreamTokenUnavailable(UpstreamUnreachable):
    """The provider takes a token, and whoever gives it gave none: nothing was sent."""

    code = "upstream_token_unavailable"
    status = 503
    title = "The gateway got no token to call the provider with."
    retryable = True


class IssuerUnavailable(Failure):
    """Whoever signs the tokens of this caller: without its keys they are neither good nor bad."""

    code = "issuer_unavailable"
    status = 503
    title = "The keys of this token's issuer cannot be had, so it cannot be judged."
    retryable = True


class AuthenticationUnconfigured(Failure):
    """Whose tokens stand in files, while there is none: nobody is let in for want of a file."""

    code = "authentication_unconfigured"
    status = 503
    title = "Authentication is not configured on this gateway."
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
