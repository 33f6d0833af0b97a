"""Who comes, whose they are, and who pays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tollhouse.domain.bounds import Bounds
from tollhouse.domain.credentials import Digest
from tollhouse.domain.limiting import Limits


class Priority(StrEnum):
    """Who is refused first when there is too much to do."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Naming(StrEnum):
    """What becomes of a body that names a user beside the key's, who pays whatever it says."""

    KNOWN = (
        "known"  # refused if it is another user of the tenant; what nobody here is called passes
    )
    REFUSE = "refuse"  # refused whoever it is
    TOLERATE = "tolerate"  # written down as the end user of the call


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A further account, for the answers of one provider or one model alone."""

    account: int
    provider: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """How it was proved who comes, and until when that holds; as text, for it is only written down."""

    by: str
    until: str | None = None


def proof(by: str, until_s: float | None) -> Proof:
    if until_s is None:
        return Proof(by)
    return Proof(by, f"{datetime.fromtimestamp(until_s, UTC).isoformat()[:19]}Z")


BY_KEY = Proof("key")
STATIC = "static:"
"""Before the name of a table of tokens in files."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. The four accounts pay together or not at all.

    Those of a key that is exempt are negative: its calls say whose they are, and count nowhere.
    """

    key: str
    tenant: str
    project: str
    user: str
    accounts: tuple[int, int, int, int]
    models: tuple[str, ...]
    priority: Priority = Priority.NORMAL
    limits: Limits | None = None
    """None where nothing is limited."""
    naming: Naming = Naming.KNOWN
    narrowed: tuple[Narrowing, ...] = ()
    """Those of its tenant, project, user and key."""

    conversation_limit: int | None = None
    """What one conversation may come to, in nano-dollars."""

    proof: Proof = BY_KEY
    bounds: Bounds | None = None
    """None where it may be used from everywhere, and for everything."""
    is_readonly: bool = False
    """Opens what neither spends nor changes anything."""

    @property
    def issuer(self) -> str:
        """Of the token that was shown; empty where it was a key."""
        return self.key.partition(":")[0] if ":" in self.key else ""

    @property
    def is_exempt(self) -> bool:
        return self.accounts[0] < 0


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A virtual key as the snapshot holds it. Times are seconds since the epoch."""

    principal: Principal
    digest: Digest
    previous: Digest | None = None
    previous_until: float | None = None
    expires_at: float | None = None
    is_disabled: bool = False
