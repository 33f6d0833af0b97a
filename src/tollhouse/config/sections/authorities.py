"""Who vouches for the certificates that callers show: authorities of your own, and SPIFFE's trust domains."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tollhouse.config.fields import FilePath, Section, setting
from tollhouse.config.problems import Unfit, shown
from tollhouse.config.sections.issuers import Audience, RuleSettings
from tollhouse.config.texts import EndpointText, Text
from tollhouse.domain import spiffe
from tollhouse.domain.endpoints import Endpoint

TRUST_DOMAIN = 'the name of a trust domain, such as "prod.example.org"'


def _trust_domain(text: str) -> str:
    if not spiffe.is_trust_domain(text):
        raise Unfit(shown(text))
    return text


class WorkloadApiSettings(Section):
    """Where SPIFFE's agent of this host answers: it gives trust bundles to [authorities] that have them from there."""

    socket: Annotated[Endpoint, EndpointText()] | None = setting(
        'Its address, or "env:NAME" for the variable that has it, such as "env:SPIFFE_ENDPOINT_SOCKET". What answers '
        "there decides whom to believe, so it is of this host: a socket in the file system, or an address of loopback."
    )


class AuthoritySettings(Section):
    """An authority whose certificates callers may show. The name of the table is its name."""

    bundle_file: FilePath | None = setting(
        "Its roots, as a PEM file or as the JSON that SPIFFE has for them."
    )
    bundle_from: Literal["file", "workload-api"] = setting(
        "Where its roots and keys come from: `bundle_file`, or the agent of [workload_api], which says what changes.",
        "file",
    )
    trust_domain: Annotated[str, Text(str, _trust_domain, TRUST_DOMAIN)] | None = setting(
        "The trust domain that it is the authority of: its certificates are X.509-SVIDs, and it vouches for "
        "the ids of this domain alone. Left out, it vouches for certificates without any."
    )
    audiences: tuple[Audience, ...] = setting(
        "What JWT-SVIDs of the trust domain may say as `aud`: with any, these tokens are taken as well, by "
        "the keys in the same bundle. One that is for anybody else too is refused.",
        (),
        strict=False,
    )
    max_life_s: int = setting(
        "The longest that such a token may be good.", 3_600, ge=60, le=2_678_400
    )
    stale_s: int = setting(
        "How long the last good bundle holds while its file cannot be read, or is none, or the agent is away. "
        "Then nobody comes in by it.",
        3_600,
        ge=0,
        le=2_678_400,
    )
    rules: list[RuleSettings] = Field(
        default_factory=list,
        description="Whose calls those with its certificates are: tables `[[authorities.NAME.rules]]`, like those of "
        "[issuers]. Without any, a certificate opens nothing by itself.",
    )

    @property
    def is_announced(self) -> bool:
        """Whether its bundle comes from the agent."""
        return self.bundle_from == "workload-api"
