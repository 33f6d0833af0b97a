"""Who may come in, and how often."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from tollhouse.config import addresses
from tollhouse.config.fields import (
    PEPPER_VERSION,
    Count,
    FilePath,
    ModelPattern,
    SecretRef,
    Section,
    setting,
)
from tollhouse.config.problems import Unfit, shown
from tollhouse.config.texts import Text
from tollhouse.domain.limiting import KINDS
from tollhouse.domain.rates import MOST


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
    recheck_every_s: int = setting(
        "How often calls under way are looked at again. One whose key, token or certificate does not hold any "
        "more, or that would not be let in for another reason, is ended with its refusal, and pays for what came.",
        10,
        ge=1,
        le=25,
    )
    foreign_users: Literal["known", "refuse", "tolerate"] = setting(
        "What becomes of a body whose `user`, `safety_identifier` or `metadata.user_id` is not the key's "
        "user, who pays in any case. `known` refuses another user of the tenant, `refuse` everybody; "
        "`tolerate` writes it down as the call's end user. A key may have a rule of its own.",
        "known",
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


NAME = "1 to 63 of a-z, 0-9 and . _ @ -"


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._@-]{0,62}", text):
        raise Unfit(shown(text))
    return text


class LoginsSettings(Section):
    """Users who log in with a password that `tollhouse users password` gave them, where their clients can."""

    models: tuple[ModelPattern, ...] = setting(
        "The models that they may call; `prefix*` and `*` stand for more. `tollhouse users allow` bounds each. "
        "Without any, none is.",
        (),
        strict=False,
    )
    project: Annotated[str, Text(str, _name, NAME)] = setting(
        "Whose calls theirs are: a project of their tenant, by the name after the slash.", "default"
    )
    minutes: int = setting(
        "How long a login is good. `[tokens] max_life_s` is at least as much.", 60, ge=1, le=44_640
    )
    failures_per_minute: int = setting(
        "Passwords that may be wrong in a minute from one address for one user, counted in each worker; ten times "
        "as many from one network, or for one user from anywhere. 0 sets no limit.",
        10,
        ge=0,
        le=100_000,
    )


def _kind(text: str) -> str:
    if text not in KINDS or text == "key":
        raise Unfit(shown(text), hint="What holds for each key stands in [limits].")
    return text


LIMITED = "user, project, tenant, model or route"
Kind = Annotated[str, Text(str, _kind, LIMITED)]
Requests = Annotated[int, Field(ge=0, le=1_000_000)]
Tokens = Annotated[int, Field(ge=0, le=MOST)]


class Amounts(Section):
    """How much each of a kind may take: each `user`, `project`, `tenant`, `model` or `route`."""

    requests_per_minute: Requests = setting("Requests a minute. 0 sets no limit.", 0)
    requests_per_day: Requests = setting("Requests in 24 hours. 0 sets no limit.", 0)
    input_tokens_per_minute: Tokens = setting(
        "Tokens going in, a minute. A call takes the most that it may come to, and gives back the rest when "
        "it is over. 0 sets no limit.",
        0,
    )
    input_tokens_per_day: Tokens = setting("Tokens going in, in 24 hours. 0 sets no limit.", 0)
    output_tokens_per_minute: Tokens = setting(
        "Tokens coming out, a minute; taken and given back in the same way. 0 sets no limit.", 0
    )
    output_tokens_per_day: Tokens = setting("Tokens coming out, in 24 hours. 0 sets no limit.", 0)
    concurrent: Requests = setting("Calls under way at the same time. 0 sets no limit.", 0)


class LimitsSettings(Amounts):
    """How much each key may take. For each of another kind there is a table [limits_for.KIND]."""

    requests_per_minute: Requests = setting("Requests a minute for each key. 0 sets no limit.", 240)
    burst: Count | None = setting(
        "Requests of a key that may come at once after a pause. Left out, as many as in a minute."
    )
    store: Annotated[str, Text(str, addresses.read_counters, addresses.COUNTERS)] = setting(
        "Where the counts are kept: in `memory`, or in Valkey for all replicas together.", "memory"
    )
    password: SecretRef | None = setting("The password for Valkey.")
    ca_file: FilePath | None = setting(
        "Certificates, as a PEM file, of authorities that may vouch for Valkey beside those of the system, "
        "where `store` is `valkeys://…`."
    )
    deadline_ms: int = setting("How long a call waits for Valkey.", 250, ge=10, le=10_000)
    unreachable: Literal["refuse", "allow", "local"] = setting(
        "What becomes of calls while Valkey cannot be reached: `refuse` them, `allow` them all, or count them in "
        "each worker, `local`.",
        "refuse",
    )

    @property
    def is_encrypted(self) -> bool:
        return self.store.startswith("valkeys:")

    @property
    def is_shared(self) -> bool:
        return self.store != "memory"

    @property
    def most_at_once(self) -> int:
        """The burst, defaults included; 0 where there is no limit."""
        return self.burst or self.requests_per_minute
