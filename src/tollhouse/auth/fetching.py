"""Where an issuer's keys come from: what it publishes, or a file.

What says where the keys are stands under the issuer's own name, and they have to be at the same origin: it
does not make us go anywhere else.
"""

from __future__ import annotations

from pathlib import Path

from tollhouse.domain import tokens
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.exchange import Sending
from tollhouse.domain.urls import Url, UrlInvalid, parse
from tollhouse.ports import Upstream

DISCOVERY = "/.well-known/openid-configuration"
MOST_BYTES = 64 * 1024
HEADERS = (
    (b"accept", b"application/json"),
    (b"accept-encoding", b"identity"),
    (b"user-agent", b"tollhouse"),
)


async def published(upstream: Upstream, path: bytes) -> bytes:
    """What is there. Raises a Failure for anything but a whole answer."""
    body = bytearray()
    async with upstream.send(Sending(b"GET", path, HEADERS, b"")) as answer:
        if answer.status != 200:
            raise UpstreamBroke(private=f"the answer was {answer.status}")
        while piece := await answer.read():
            body += piece
            if len(body) > MOST_BYTES:
                raise UpstreamBroke(private=f"more than {MOST_BYTES} bytes")
    return bytes(body)


async def discovered(upstream: Upstream, url: Url, issuer: str) -> bytes:
    """The keys, by way of the document that says where they are (OpenID Connect Discovery)."""
    said = await published(upstream, f"{url.path.rstrip('/')}{DISCOVERY}".encode())
    return await published(upstream, _keys_path(said, url, issuer))


def read_file(path: Path) -> bytes:
    """No more than a set of keys may have, and one byte."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _keys_path(said: bytes, url: Url, issuer: str) -> bytes:
    try:
        document = tokens.strict_object(said)
        at = parse(str(document.get("jwks_uri")))
    except (ValueError, UrlInvalid):
        raise UpstreamBroke(private="what stands there says no `jwks_uri`") from None
    if document.get("issuer") != issuer:
        raise UpstreamBroke(private="what stands there is of another issuer")
    if (at.is_tls, at.authority) != (url.is_tls, url.authority):
        raise UpstreamBroke(private=f"its keys are at {at.authority}: name that as `keys_url`")
    query = f"?{at.query}" if at.query is not None else ""
    return f"{at.path or '/'}{query}".encode()
