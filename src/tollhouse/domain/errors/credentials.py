"""Who are you."""

from __future__ import annotations

from typing import ClassVar

from tollhouse.domain.errors.problem import Refusal


class Unauthenticated(Refusal):
    """The credential does not let its bearer in. `challenge` is what it would take."""

    status = 401
    challenge: ClassVar[bytes] = b'Bearer realm="tollhouse"'


class KeyMissing(Unauthenticated):
    code = "key_missing"
    title = "No API key was sent. Send it as `Authorization: Bearer thk_…`."


class KeyMalformed(Unauthenticated):
    code = "key_malformed"
    title = "This is not a Tollhouse key, or it was cut or mistyped: its checksum does not fit."


class SchemeMissing(KeyMalformed):
    title = "The Authorization header is one word. Send the key as `Authorization: Bearer thk_…`."


class SchemeForeign(KeyMalformed):
    title = "Send the key as `Authorization: Bearer thk_…`; other schemes are not taken."


class BearerEmpty(KeyMalformed):
    title = "The Authorization header names no key after `Bearer`."


class KeyUnknown(Unauthenticated):
    code = "key_unknown"
    title = "This key is not valid here."


class KeyExpired(Unauthenticated):
    code = "key_expired"
    title = "This key has expired. Ask for a new one, or have it rotated."


class KeyDisabled(Unauthenticated):
    code = "key_disabled"
    title = "This key is disabled."


class TokenInvalid(Unauthenticated):
    """Whatever is wrong with it: the log says what, its bearer is not told."""

    code = "token_invalid"
    title = "This token is not valid here."


class CertificateInvalid(Unauthenticated):
    """Whatever is wrong with it: the log says what, whoever shows it is not told."""

    code = "certificate_invalid"
    title = "This client certificate is not valid here."


class SessionOver(Unauthenticated):
    """Whatever ended it, or if it never was: its bearer is told the same."""

    code = "session_over"
    title = "This session is over. Log in again."


class LoginRefused(Unauthenticated):
    """Whatever is wrong with it: the log says what, who tries is not told."""

    code = "login_refused"
    title = "This login was not accepted. Begin again."


class CsrfTokenInvalid(Refusal):
    code = "csrf_token_invalid"
    status = 403
    title = "With a session, what changes anything bears the console's token in `X-CSRF-Token`."


class LoginFailed(Unauthenticated):
    """Whatever is wrong: that there is such a user is not told either."""

    code = "login_failed"
    title = "This name and this password do not go together."


class AmbiguousCredentials(Unauthenticated):
    code = "ambiguous_credentials"
    title = "Two different credentials came with one request. Send one."


class CertificateForeign(Unauthenticated):
    code = "certificate_foreign"
    title = "This key or token is bound to a client certificate, which is not the connection's."


class ProofMissing(Unauthenticated):
    code = "proof_missing"
    title = "This key or token is bound: send a proof of possession (RFC 9449) in `DPoP`."
    challenge = b'DPoP realm="tollhouse"'


class ProofInvalid(Unauthenticated):
    """Whatever is wrong with it: the log says what, its bearer is not told."""

    code = "proof_invalid"
    title = "This proof of possession is not valid here."
    challenge = b'DPoP realm="tollhouse", error="invalid_dpop_proof"'


class NetworkNotAllowed(Refusal):
    """Of a key that was proved, and is used from elsewhere than it may be."""

    code = "network_not_allowed"
    status = 403
    title = "This key may not be used from where you are."


class PurposeNotAllowed(Refusal):
    code = "purpose_not_allowed"
    status = 403
    title = "This key is not for what this path does."


class HoursNotAllowed(Refusal):
    code = "hours_not_allowed"
    status = 403
    title = "This key may not be used at this time."


class NewUsersLimited(Refusal):
    code = "new_users_limited"
    status = 429
    title = "You are new here, and too many were made here at your issuer's word in this hour."
    retryable = True


class TooManyFailures(Refusal):
    code = "too_many_failures"
    status = 429
    title = "Too many logins failed, with this key or from this network."
    retryable = True
