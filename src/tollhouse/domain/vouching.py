"""Who vouches for callers, and how it stands with what they are proved by. Never a key or a token itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    ISSUER = "issuer"  # signs tokens
    AUTHORITY = "authority"  # certifies
    OURS = "tollhouse"  # our own tokens
    STATIC = "static_tokens"  # tokens in files


@dataclass(frozen=True, slots=True)
class Stock:
    """Keys, roots or tokens in one place, at one moment. Times are seconds from then."""

    what: str
    count: int
    """Of those that hold."""

    read_s: float | None = None
    """When they were last seen to be good: before then."""

    next_s: float | None = None
    """When they are looked at again, if that is set."""

    trouble: str = ""
    """Why the last look failed."""


@dataclass(frozen=True, slots=True)
class Voucher:
    name: str
    """That of its table in the settings."""

    kind: Kind
    about: str
    """The `iss` of its tokens, its trust domain, or nothing."""

    source: str
    """Where what it is believed by comes from."""

    rules: int
    stocks: tuple[Stock, ...] = ()

    @property
    def is_ill(self) -> bool:
        """Whether the last look at any of it failed, or nobody comes in by it."""
        return any(each.trouble or not each.count for each in self.stocks)
