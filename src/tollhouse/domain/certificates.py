"""The certificate that a connection's other end showed: what it says, once its chain was followed.

It is worked out once for each connection. Whether it still holds is asked at each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tollhouse.domain import spiffe


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

    common_names: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    flaw: str = ""
    """Why nobody comes in with it though its chain holds, in words for the log."""

    @property
    def name(self) -> str:
        """Whom it is about; empty where it does not say."""
        return (
            self.spiffe_id
            or self.subject
            or next(iter((*self.uris, *self.hosts, *self.emails)), "")
        )


def claims(certificate: Certificate) -> Mapping[str, Any]:
    """What rules may ask for, as a token would say it. A name that comes once is a text, others are lists."""
    if certificate.spiffe_id is not None:
        return spiffe.claims(spiffe.read(certificate.spiffe_id))
    named = {
        "uri": certificate.uris,
        "dns": certificate.hosts,
        "email": certificate.emails,
        "cn": certificate.common_names,
    }
    said = {name: _one_or_all(each) for name, each in named.items() if each}
    return {"sub": certificate.name, **said}


def _one_or_all(names: Sequence[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)
