"""The certificate that a connection's other end showed: what it says, once its chain was followed.

It is worked out once for each connection. Whether it still holds is asked at each call.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Certificate:
    """Times are seconds since the epoch, thumbprints SHA-256 of the whole in hex."""

    thumbprint: str
    not_before: int
    not_after: int
    """When the first of its chain ends."""

    authority: str = ""
    """Who vouches for it, as the settings call it."""

    anchor: str = ""
    """The thumbprint of that authority's root at which its chain ended."""

    spiffe_id: str | None = None
    subject: str = ""
    """Its name as RFC 4514 writes it; what follows are its other names."""

    uris: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    flaw: str = ""
    """Why nobody comes in with it though its chain holds, in words for the log."""
