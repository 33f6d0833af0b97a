"""What an honest client does not do, or not often: counted apart, so that somebody looks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from tollhouse.domain.errors import (
    AmbiguousCredentials,
    FieldRefused,
    HostNotAllowed,
    HttpMalformed,
    OriginNotAllowed,
    RequestTimedOut,
    RouteUnknown,
    TargetInvalid,
    TooManyFailures,
)


class Sign(StrEnum):
    GUESSING = "guessing"  # logins fail until they have to wait
    MIXING = "mixing"  # two credentials at once: a proxy and we could see two callers
    SCANNING = "scanning"  # paths that others have
    STEERING = "steering"  # a body that names another address, key or proxy
    FRAMING = "framing"  # a request that two readers could read in two ways
    STALLING = "stalling"  # bytes that come too slowly, or never, or are never read
    CROWDING = "crowding"  # more connections than one address may have
    STRAYING = "straying"  # a Host or Origin that is not ours


class Broken(StrEnum):
    """Why a TLS handshake came to nothing."""

    UNTRUSTED = "untrusted"  # nobody vouches for the certificate that was shown
    EXPIRED = "expired"  # it, or one of its chain
    WITHOUT = "without"  # none was shown where one is required
    VERSION = "version"  # an older TLS than is spoken here
    NO_TLS = "no_tls"  # http, or anything else
    OTHER = "other"


SIGNS: Mapping[str, Sign] = {
    TooManyFailures.code: Sign.GUESSING,
    AmbiguousCredentials.code: Sign.MIXING,
    RouteUnknown.code: Sign.SCANNING,
    FieldRefused.code: Sign.STEERING,
    HttpMalformed.code: Sign.FRAMING,
    TargetInvalid.code: Sign.FRAMING,
    RequestTimedOut.code: Sign.STALLING,
    HostNotAllowed.code: Sign.STRAYING,
    OriginNotAllowed.code: Sign.STRAYING,
}
"""By the code of a refusal. What never becomes a request is told by the door itself."""
