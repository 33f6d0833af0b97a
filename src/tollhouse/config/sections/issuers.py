"""Who else may say who comes: identity providers, what their tokens must be, and whose calls they are then."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tollhouse.config import addresses
from tollhouse.config.fields import Count, FilePath, ModelPattern, SecretRef, Section, setting
from tollhouse.config.problems import Unfit, shown
from tollhouse.config.sections.callers import Peppers
from tollhouse.config.sections.providers import OwnNetworks
from tollhouse.config.texts import Text
from tollhouse.domain.claims import FROM_CLAIM, Role

ISSUER = 'the `iss` of its tokens, letter by letter, such as "https://login.example.com"'
ALGORITHM = 'an asymmetric algorithm, such as "RS256", "PS256", "ES256" or "EdDSA"'
AUDIENCE = "a text of at most 255 characters, as it stands in the tokens"
CLAIM = "the name of a claim, or nothing"
ACCOUNT = "at most 40 lower-case letters, digits and dashes, or nothing"
MOMENT = 'a moment with its zone, such as "2026-12-01T00:00:00Z"'
MEMBER = 'a name in lower case, or "claim:NAME" for what a claim says'
SCOPE = 'a scope, such as "openid" or "groups"'
ROLE_AT = "house, tenant:ID or project:ID"
ROLE = 'one of "readonly", "user" and "admin", or "claim:NAME" for what a claim says'
DISCOVERY = "/.well-known/openid-configuration"
ASYMMETRIC = tuple(f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512))


def _said(text: str) -> str:
    if not 0 < len(text) <= 255 or not text.isprintable() or text != text.strip():
        raise Unfit(shown(text))
    return text


def _claim(text: str) -> str:
    return _said(text) if text else text


def _account(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{0,40}", text):
        raise Unfit(shown(text))
    return text


def _algorithm(text: str) -> str:
    if text in (*ASYMMETRIC, "EdDSA"):
        return text
    if text.upper().startswith("HS"):
        raise Unfit(
            shown(text),
            hint="Whoever can check such a signature can make one: with a public key in the secret's "
            "place, anybody could.",
        )
    raise Unfit(shown(text))


def _member(text: str) -> str:
    name = text.removeprefix(FROM_CLAIM)
    if name != text and 0 < len(name) <= 200 and name.isprintable():
        return text
    if not re.fullmatch(r"[a-z0-9][a-z0-9._@-]{0,62}", text):
        raise Unfit(shown(text))
    return text


def _scope(text: str) -> str:
    if not re.fullmatch(r"[!#-\[\]-~]{1,200}", text):
        raise Unfit(shown(text))
    return text


def _role_at(text: str) -> str:
    if not re.fullmatch(
        r"house|tenant:[a-z0-9-]{1,39}|project:[a-z0-9-]{1,39}/[^\s/:]{1,70}", text
    ):
        raise Unfit(shown(text))
    return text


def _role(text: str) -> str:
    name = text.removeprefix(FROM_CLAIM)
    if name != text:
        return FROM_CLAIM + _said(name)
    if text not in set(Role):
        raise Unfit(shown(text))
    return text


Algorithm = Annotated[str, Text(str, _algorithm, ALGORITHM)]
Scope = Annotated[str, Text(str, _scope, SCOPE)]
Member = Annotated[str, Text(str, _member, MEMBER)]
TokenRole = Annotated[str, Text(str, _role, ROLE)]
Audience = Annotated[str, Text(str, _said, AUDIENCE)]
Claim = Annotated[str, Text(str, _claim, CLAIM)]
Account = Annotated[str, Text(str, _account, ACCOUNT)]


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit(shown(text)) from None
    if moment.tzinfo is None:
        raise Unfit(f"{shown(text)}, which names no zone", hint="Z at the end is UTC.")
    return text


Moment = Annotated[str, Text(str, _moment, MOMENT)]


class WhoseSettings(Section):
    """Whose calls those are that a credential lets in, where it is no key of the store."""

    tenant: Member = setting("The tenant, which must be there.", ...)
    project: Member = setting("Its project, by the name after the slash.", "default")
    user: Member = setting("Its user, by the name after the slash.", ...)
    models: tuple[ModelPattern, ...] = setting(
        "The models that may be called; `prefix*` and `*` stand for more. Without any, none is.",
        (),
        strict=False,
    )
    priority: Literal["low", "normal", "high"] = setting(
        "Whose calls are refused first when there is too much to do.", "normal"
    )
    account: Account = setting(
        "The account that pays beside those of tenant, project and user: `issuer:NAME/ACCOUNT`. Left out, "
        "it is the table's own, `issuer:NAME`.",
        "",
    )


class RuleSettings(WhoseSettings):
    """Whose calls those of a token are. The first rule that fits decides; where none does, nobody comes in."""

    when: dict[str, str] = Field(
        default_factory=dict,
        description='Claims and what each must be: `{ groups = "ml", sub = "repo:acme/*" }`. A list '
        "fits if it has the text in it, and `*` at the end stands for any rest. A name that begins with "
        "`/` leads into a claim: `/kubernetes.io/namespace`. Left out, the rule holds for every token.",
    )
    models_claim: Claim = setting(
        "A claim that lists models. Of `models`, only those may be called that it lists as well.",
        "",
    )
    calls_as: TokenRole = setting(
        "What the bearer is: `user`, `admin`, or `readonly`, who is refused whatever spends or changes anything. "
        '"claim:NAME" takes it from a claim, or the greatest of a list; a token that names none is refused.',
        "user",
    )


class IssuerRuleSettings(RuleSettings):
    """Whose calls those of a token are. The first rule that fits decides; where none does, nobody comes in."""

    creates: bool = setting(
        "Make a user who is not here when a token of theirs comes first. Tenant and project have to be there all "
        "the same, and who was deleted is not made again.",
        default=False,
    )
    role: Literal["", "owner", "admin", "finance", "auditor", "member", "readonly"] = setting(
        "What whoever logs on to the console by this rule is there, beside the roles that the store knows.",
        "",
    )
    role_at: Annotated[str, Text(str, _role_at, ROLE_AT)] = setting(
        "Where `role` is held.", "house"
    )


class IssuerSettings(Section):
    """An identity provider whose signed tokens let callers in. The name of the table is its name."""

    issuer: Annotated[str, Text(str, _said, ISSUER)] = Field(
        description="What its tokens say as `iss`, letter by letter. Where neither `keys_url` nor "
        f"`keys_file` is set, its keys are found by what stands under it at `{DISCOVERY}`.",
    )
    audiences: list[Audience] = Field(
        min_length=1,
        description="What its tokens may say as `aud`. One that is for anybody else as well is refused.",
    )
    algorithms: list[Algorithm] = Field(
        default=["RS256", "ES256", "EdDSA"],
        min_length=1,
        description="What its keys may sign with. A token never chooses: its key does.",
    )
    keys_url: Annotated[str, Text(str, addresses.read_http, addresses.HTTP)] | None = setting(
        "Where its keys are, if that is not to be found out, or is another host than the issuer's."
    )
    keys_file: FilePath | None = setting(
        "A file with its keys instead, as a JSON Web Key Set; what changes in it is noticed."
    )
    networks: OwnNetworks = setting(
        "Networks on your premises that its name may resolve to; with them, `http` is taken too.",
        (),
        strict=False,
    )
    ca_file: FilePath | None = setting(
        "The roots that its certificate must come from, instead of the system's."
    )
    max_life_s: int = setting(
        "The longest that a token may be good, from `iat` to `exp`.", 86_400, ge=60, le=2_678_400
    )
    refresh_s: int = setting(
        "How often its keys are asked for. So long a key may go on that it has taken out.",
        240,
        ge=30,
        le=3_600,
    )
    stale_s: int = setting(
        "How long beyond that its last keys hold while it cannot be reached. Then its callers get "
        "`issuer_unavailable`.",
        3_600,
        ge=0,
        le=86_400,
    )
    client_id: Audience | None = setting(
        "What the console is called there, as a client: with it, people log on to the console by this provider, "
        "and come back to `/console/callback/NAME`. Of `audiences` it is none."
    )
    client_secret: SecretRef | None = setting(
        "The secret of that client, if it has one; without it there is the proof of RFC 7636 alone."
    )
    scopes: list[Scope] = Field(
        default=["openid"],
        min_length=1,
        description="What is asked for at a login: that which the claims of `rules` need, `openid` among it.",
    )
    authorize_url: Annotated[str, Text(str, addresses.read_http, addresses.HTTP)] | None = setting(
        "Where browsers are sent to log on, if that is not to be found out."
    )
    token_url: Annotated[str, Text(str, addresses.read_http, addresses.HTTP)] | None = setting(
        "Where the code of a login is exchanged, if that is another host than the issuer's."
    )
    new_users_per_hour: int = setting(
        "How many users the rules with `creates` may make in an hour. More are refused with `new_users_limited`.",
        100,
        ge=1,
        le=100_000,
    )
    rules: list[IssuerRuleSettings] = Field(
        min_length=1,
        description="Whose calls those of its tokens are: tables `[[issuers.NAME.rules]]`, below.",
    )

    @property
    def asked_at(self) -> str | None:
        """Where its keys, or the way to them, are asked for; None where they are in a file."""
        return None if self.keys_file is not None else self.keys_url or self.issuer


class TokensSettings(Section):
    """Tokens that this gateway signs itself, by `tollhouse users token`. Without a secret there are none."""

    secrets: Peppers = Field(
        default_factory=dict,
        description="Versions, and where their secrets are, of at least 32 bytes. All replicas need the same, and "
        "nobody else any.",
    )
    secret_version: Count = setting("The secret that tokens are signed with.", 1)
    previous_until: Moment | None = setting(
        "Until when a token is good that another one of the secrets signed. Left out, it is not."
    )
    max_life_s: int = setting("The longest that a token may be good.", 3_600, ge=60, le=2_678_400)

    @property
    def previous_until_s(self) -> float:
        until = self.previous_until
        return float("-inf") if until is None else datetime.fromisoformat(until).timestamp()
