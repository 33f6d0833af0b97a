"""Who may come in, and how often."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from tollhouse.config import addresses
from tollhouse.config.fields import PEPPER_VERSION, Count, SecretRef, Section, setting
from tollhouse.config.problems import Unfit, shown
from tollhouse.config.texts import Text


def _pepper_version(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise Unfit(shown(text))
    return int(text)


Peppers = dict[Annotated[int, Text(int, _pepper_version, PEPPER_VERSION)], SecretRef]


class AuthSettings(Section):
    """How callers prove who they are."""

    virtual_keys: bool = setting(
        "Callers show a Tollhouse key (`thk_…`). It is the only way in, so the gateway does not "
        "start without it.",
        default=True,
    )
    failures_per_minute: int = setting(
        "Logins that may fail in a minute from one network (a /24 of IPv4, a /48 of IPv6), counted in "
        "each worker. More are refused with `too_many_failures`; a key that is good passes all the "
        "same. 0 sets no limit.",
        60,
        ge=0,
        le=1_000_000,
    )
    pepper_version: Count = setting(
        "The pepper that new keys are stored under. Older versions must stay listed as long as "
        "keys use them.",
        1,
    )
    peppers: Peppers = Field(
        default_factory=dict,
        description="Versions, and where their secrets are, of at least 32 bytes. Left out, the "
        "gateway makes one for SQLite: `pepper` in `data_dir`. With PostgreSQL it must be given, "
        "because all replicas need the same.",
    )


class LimitsSettings(Section):
    """How fast one key may call."""

    requests_per_minute: int = setting(
        "Requests a minute for each key. 0 sets no limit.", 240, ge=0, le=1_000_000
    )
    burst: Count | None = setting(
        "Requests that may come at once after a pause. Left out, as many as in a minute."
    )
    store: Annotated[str, Text(str, addresses.read_counters, addresses.COUNTERS)] = setting(
        "Where the counts are kept: in `memory`, or in Valkey for all replicas together.", "memory"
    )
    password: SecretRef | None = setting("The password for Valkey.")

    @property
    def is_shared(self) -> bool:
        return self.store != "memory"

    @property
    def most_at_once(self) -> int:
        """The burst, defaults included; 0 where there is no limit."""
        return self.burst or self.requests_per_minute
