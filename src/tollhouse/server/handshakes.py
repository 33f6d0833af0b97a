"""TLS handshakes that break: no request comes to be and nobody is told but the other end, so they are counted here.

Why is one of a few words. What the other end has sent stands in none of them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from tollhouse.domain.suspicion import Broken

EXPIRED = 10
"""As OpenSSL numbers what it finds of a chain."""

REASONS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": Broken.WITHOUT,
    "UNSUPPORTED_PROTOCOL": Broken.VERSION,
    "HTTP_REQUEST": Broken.NO_TLS,
    "HTTPS_PROXY_REQUEST": Broken.NO_TLS,
    "WRONG_VERSION_NUMBER": Broken.NO_TLS,
}


def watched(context: ssl.SSLContext, tell: Callable[[Broken], None]) -> ssl.SSLContext:
    """The same, and each handshake with it that breaks is told."""

    class Watched(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                tell(_why(error))
                raise

    context.sslobject_class = Watched
    return context


def _why(error: ssl.SSLError) -> Broken:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Broken.EXPIRED if error.verify_code == EXPIRED else Broken.UNTRUSTED
    return REASONS.get(error.reason or "", Broken.OTHER)
