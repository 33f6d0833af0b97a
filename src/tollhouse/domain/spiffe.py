"""SPIFFE IDs, in their one spelling: `spiffe://trust-domain/path`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEME = "spiffe://"
LONGEST = 2048

_trust_domain = re.compile(r"[a-z0-9._-]{1,255}").fullmatch
_segment = re.compile(r"[A-Za-z0-9._-]+").fullmatch


class SpiffeInvalid(Exception):
    """Why, in words for the log and for operators."""


@dataclass(frozen=True, slots=True)
class SpiffeId:
    trust_domain: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join((f"{SCHEME}{self.trust_domain}", *self.path))


def is_trust_domain(text: str) -> bool:
    return _trust_domain(text) is not None


def domain_of(text: str) -> str:
    """As `spiffe://trust-domain`, of what begins so; whether it is an id at all is not looked at. Else empty."""
    if not text.startswith(SCHEME):
        return ""
    return SCHEME + text.removeprefix(SCHEME).partition("/")[0]


def read(text: str) -> SpiffeId:
    """That of a workload: the id of a whole trust domain is nobody's. Raises SpiffeInvalid."""
    if len(text.encode()) > LONGEST:
        raise SpiffeInvalid(f"its SPIFFE ID has more than {LONGEST} bytes")
    if not text.startswith(SCHEME):
        raise SpiffeInvalid("its SPIFFE ID does not begin with `spiffe://`")
    trust_domain, *path = text.removeprefix(SCHEME).split("/")
    if not is_trust_domain(trust_domain):
        raise SpiffeInvalid("its SPIFFE ID names no trust domain, or more than that")
    if not path or not all(_segment(each) and each not in (".", "..") for each in path):
        raise SpiffeInvalid("its SPIFFE ID has no path, or one with another spelling")
    return SpiffeId(trust_domain, tuple(path))


def claims(named: SpiffeId) -> Mapping[str, Any]:
    """What rules may ask for, beside what a token says of its own: `/path/1` is the first part of the path."""
    steps = {str(number): step for number, step in enumerate(named.path, start=1)}
    return {"sub": str(named), "trust_domain": named.trust_domain, "path": steps}
