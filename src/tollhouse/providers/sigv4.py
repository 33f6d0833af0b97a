"""AWS Signature Version 4: who asks, for what, and when, in one header that holds for this request alone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from tollhouse.domain.exchange import Sending

ALGORITHM = "AWS4-HMAC-SHA256"

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What AWS knows a caller by. The token goes with temporary ones."""

    access_key: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    region: str
    service: str


def signed(
    sending: Sending, host: str, credentials: Credentials, scope: Scope, now_s: float
) -> Sending:
    """The same request with the headers that prove it. The host is signed, and written by the client."""
    moment = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    bound: tuple[Header, ...] = ((b"x-amz-date", moment.encode()),)
    if credentials.token is not None:
        bound += ((b"x-amz-security-token", credentials.token.encode()),)
    headers = (*sending.headers, *bound)
    signing = [(b"host", host.encode()), *(it for it in headers if _is_signed(it[0]))]
    names = ";".join(sorted({name.decode() for name, _ in signing}))
    of = f"{moment[:8]}/{scope.region}/{scope.service}/aws4_request"
    asked = hashlib.sha256(canonical(sending, signing, names).encode()).hexdigest()
    key = _key(credentials.secret, moment[:8], scope)
    signature = _hmac(key, f"{ALGORITHM}\n{moment}\n{of}\n{asked}").hex()
    proof = (
        f"{ALGORITHM} Credential={credentials.access_key}/{of}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return Sending(
        sending.method,
        sending.path,
        (*headers, (b"authorization", proof.encode())),
        sending.whole,
    )


def canonical(sending: Sending, signing: Sequence[Header], names: str) -> str:
    """The request as both sides write it down before they sign."""
    path, _, query = sending.path.decode("ascii").partition("?")
    values: dict[str, list[str]] = {}
    for name, value in signing:
        values.setdefault(name.decode(), []).append(" ".join(value.decode("latin-1").split()))
    headers = "".join(f"{name}:{','.join(values[name])}\n" for name in sorted(values))
    body = hashlib.sha256(sending.whole).hexdigest()
    parts = (sending.method.decode(), _path(path), _query(query), headers, names, body)
    return "\n".join(parts)


def _is_signed(name: bytes) -> bool:
    """What a proxy on the way may change is left out."""
    return name == b"content-type" or name.startswith(b"x-amz-")


def _path(path: str) -> str:
    """Escaped once more than it is sent, as every service but S3 has it."""
    return quote(path, safe="/-_.~") or "/"


def _query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(sorted(f"{name}={value}" for name, _, value in pairs))


@lru_cache(maxsize=64)
def _key(secret: str, day: str, scope: Scope) -> bytes:
    """Good for one day, one region and one service."""
    key = f"AWS4{secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
