"""Where an issuer's keys come from: what it publishes, or a file.

What says where the keys are stands under the issuer's own name, and they have to be at the same origin: it
does not make us go anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    return await answered(upstream, Sending(b"GET", path, HEADERS, b""))


async def answered(upstream: Upstream, sending: Sending) -> bytes:
    """Raises a Failure for anything but a whole answer that is a good one."""
    body = bytearray()
    async with upstream.send(sending) as answer:
        if answer.status != 200:
            raise UpstreamBroke(private=f"the answer was {answer.status}")
        while piece := await answer.read():
            body += piece
            if len(body) > MOST_BYTES:
                raise UpstreamBroke(private=f"more than {MOST_BYTES} bytes")
    return bytes(body)


async def discovered(upstream: Upstream, url: Url, issuer: str) -> bytes:
    """The keys, by way of the document that says where they are (OpenID Connect Discovery)."""
    document = await described(upstream, url, issuer)
    return await published(upstream, path_of(document, "jwks_uri", url, "keys_url"))


async def described(upstream: Upstream, url: Url, issuer: str) -> dict[str, Any]:
    """What stands under the issuer's name about itself."""
    said = await published(upstream, f"{url.path.rstrip('/')}{DISCOVERY}".encode())
    try:
        document = tokens.strict_object(said)
    except ValueError:
        raise UpstreamBroke(private="what stands there is no document") from None
    if document.get("issuer") != issuer:
        raise UpstreamBroke(private="what stands there is of another issuer")
    return document


def path_of(document: Mapping[str, Any], member: str, url: Url, setting: str) -> bytes:
    """Where a member of the document leads, which has to be where the document was."""
    try:
        at = parse(str(document.get(member)))
    except UrlInvalid:
        raise UpstreamBroke(private=f"what stands there says no `{member}`") from None
    if (at.is_tls, at.authority) != (url.is_tls, url.authority):
        raise UpstreamBroke(
            private=f"its `{member}` is at {at.authority}: name that as `{setting}`"
        )
    query = f"?{at.query}" if at.query is not None else ""
    return f"{at.path or '/'}{query}".encode()


def read_file(path: Path) -> bytes:
    """No more than a set of keys may have, and one byte."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)
