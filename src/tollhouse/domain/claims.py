"""From what a token or a certificate says to whom it stands for: by rules that an operator wrote, the first that fits.

A rule says under which claims it holds, and whose the calls are then. Nobody gets more than his rule
says: a claim can take models away, and never adds any. Where no rule holds, nobody is let in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any

from tollhouse.domain import certificates, spiffe
from tollhouse.domain.bounds import Bounds, confirmed
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.identity import Priority, Proof, proof
from tollhouse.domain.spiffe import SpiffeInvalid
from tollhouse.domain.tokens import Claims, NoRuleFits, TokenRefused

OURS = "tollhouse"
"""Who signs our own tokens, for whom they are, and what that issuer is called."""

FROM_CLAIM = "claim:"
LEEWAY_S = 60
"""How far ahead of ours the issuer's clock may be."""

LOGIN_S = 600
"""How long a login may take, from its beginning to the token that ends it."""

LONGEST_SUBJECT = 255
MOST_LISTED = 500
"""Groups and audiences: more than that is no list that anybody wrote."""

OF_SESSIONS = ("nonce", "at_hash", "c_hash")
"""What the token of a login says, which is for the client that logged in and for nobody else."""

UNVERIFIED = {"email": "email_verified"}
"""Claims that are only as good as another one says."""


class Role(StrEnum):
    """What the bearer of a token is; the later the more. On the door for calls an admin may what a user may."""

    READONLY = "readonly"
    USER = "user"
    ADMIN = "admin"


_tenant = re.compile(r"[a-z0-9][a-z0-9-]{0,38}").fullmatch
_name = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}").fullmatch


BY_TOKEN, BY_CERTIFICATE = "token", "certificate"


@dataclass(frozen=True, slots=True)
class Rule:
    """Whose the calls are of a token whose claims are those of `when`.

    Each of tenant, project and user stands there as it is, or as `claim:NAME`.
    """

    when: Mapping[str, str]
    tenant: str
    project: str
    user: str
    models: tuple[str, ...]
    models_claim: str = ""
    """Names a claim that lists models: of those granted, only what it lists as well."""

    priority: Priority = Priority.NORMAL
    role: str = Role.USER
    """One of Role, or `claim:NAME` for one or a list of them, of which the greatest counts."""

    creates: bool = False
    """Whether a user who is not here is made."""

    account: str = ""
    """Which of the issuer's accounts pays in a key's place; its own where none is named."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an issuer's tokens have to say."""

    name: str
    """As the settings call the issuer."""

    issuer: str
    audiences: frozenset[str]
    longest_life_s: int
    rules: tuple[Rule, ...]
    trust_domain: str = ""
    """Where they are JWT-SVIDs: whom they are about has to be of it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whom a token stands for, once its signature holds. Times are seconds since the epoch."""

    issuer: str
    subject: str
    id: str | None
    issued_at: int
    until: int
    tenant: str
    project: str
    user: str
    models: tuple[str, ...]
    """What the rule grants."""

    only: tuple[str, ...] | None
    """What the token itself lists, where the rule says that it has to."""

    priority: Priority
    account: str
    """The whole name of the account in a key's place."""

    rule: int
    """Which one fitted, from 1."""

    by: str = BY_TOKEN
    """What was shown."""

    bounds: Bounds | None = None
    """What it is bound to by itself."""
    role: Role = Role.USER
    creates: bool = False

    @property
    def key(self) -> str:
        return known_as(self.issuer, self.subject)

    @property
    def proof(self) -> Proof:
        return proof(f"{self.by}:{self.issuer}", self.until)


def claimed(claims: Claims, expected: Expected, now: float) -> Claimed:
    """Raises TokenRefused."""
    found = _claimed(claims, expected, now)
    for name in OF_SESSIONS:
        if name in claims:
            raise TokenRefused(f"it is the token of a login: it has `{name}`")
    return found


def logged_in(claims: Claims, expected: Expected, nonce: str, client: str, now: float) -> Claimed:
    """Of the token that ends a login: the one that began with this nonce, a moment ago. Raises TokenRefused."""
    found = _claimed(claims, expected, now)
    if claims.get("nonce") != nonce:
        raise TokenRefused("it is of a login that did not begin here")
    if found.bounds is not None:
        raise TokenRefused("it is bound to what a browser does not prove")
    if claims.get("azp", client) != client:
        raise TokenRefused("it was given to another client")
    if found.issued_at + LOGIN_S < now:
        raise TokenRefused("it is of a login from before")
    return found


def _claimed(claims: Claims, expected: Expected, now: float) -> Claimed:
    claims = _as_svid(claims, expected) if expected.trust_domain else claims
    issued_at, until = _times(claims, expected.longest_life_s, now)
    _audience(claims.get("aud"), expected.audiences)
    subject = _subject(claims, spiffe.LONGEST if expected.trust_domain else LONGEST_SUBJECT)
    found = _ruled(claims, expected, subject, _id(claims), (issued_at, until))
    return replace(found, bounds=_bound(claims["cnf"])) if "cnf" in claims else found


def _bound(said: Any) -> Bounds:
    try:
        return confirmed(said)
    except ValueError as error:
        raise TokenRefused(str(error)) from None


def certified(certificate: Certificate, expected: Expected) -> Claimed:
    """Of one that holds. Raises TokenRefused."""
    said = certificates.claims(certificate)
    times = (certificate.not_before, certificate.not_after)
    found = _ruled(said, expected, str(said["sub"]), certificate.thumbprint, times)
    return replace(found, by=BY_CERTIFICATE)


def _ruled(
    claims: Claims, expected: Expected, subject: str, shown_id: str | None, times: tuple[int, int]
) -> Claimed:
    number, rule = _fitting(claims, expected.rules)
    tenant = _filled(rule.tenant, claims, _tenant, "tenant")
    return Claimed(
        issuer=expected.name,
        subject=subject,
        id=shown_id,
        issued_at=times[0],
        until=times[1],
        tenant=tenant,
        project=f"{tenant}/{_filled(rule.project, claims, _name, 'project')}",
        user=f"{tenant}/{_filled(rule.user, claims, _name, 'user')}",
        models=rule.models,
        only=_listed(claims, rule.models_claim),
        priority=rule.priority,
        account=account(expected.name, rule.account),
        rule=number,
        role=_role(rule.role, claims),
        creates=rule.creates,
    )


def known_as(issuer: str, subject: str) -> str:
    """What stands where the id of a key does: always the same for one subject of one issuer."""
    return f"{issuer}:{sha256(subject.encode()).hexdigest()[:16]}"


def account(issuer: str, name: str) -> str:
    """The owner of an account that pays for an issuer's tokens."""
    return f"issuer:{issuer}/{name}" if name else f"issuer:{issuer}"


def found(claims: Claims, path: str) -> Any:
    """A claim by its name; with a slash before it, as a JSON pointer (RFC 6901). None where there is none."""
    if not path.startswith("/"):
        return claims.get(path)
    here: Any = claims
    for step in path[1:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


def _times(claims: Claims, longest_life_s: int, now: float) -> tuple[int, int]:
    until, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
    if until is None or issued_at is None:
        raise TokenRefused("it does not say until when it is good, or since when")
    if until <= now:
        raise TokenRefused("it has expired")
    if issued_at > now + LEEWAY_S:
        raise TokenRefused("it is of the future")
    if not issued_at < until <= issued_at + longest_life_s:
        raise TokenRefused("it lives longer than `max_life_s`, or ends before it begins")
    begins = _moment(claims, "nbf")
    if begins is not None and not begins <= min(now + LEEWAY_S, until):
        raise TokenRefused("its time has not come")
    return issued_at, until


def _moment(claims: Claims, name: str) -> int | None:
    """A whole number, as all issuers write it; true is none."""
    value = claims.get(name)
    if name in claims and (type(value) is not int or value < 0):
        raise TokenRefused(f"its `{name}` is no moment")
    return value


def _audience(said: Any, audiences: frozenset[str]) -> None:
    """It is meant for us, and for nobody else."""
    listed = [said] if isinstance(said, str) else said
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_LISTED:
        raise TokenRefused("it does not say for whom it is")
    if not all(isinstance(each, str) and each in audiences for each in listed):
        raise TokenRefused("it is for somebody else, or not for us alone")


def _as_svid(claims: Claims, expected: Expected) -> Claims:
    """With what its id says. It need not tell when it was issued, and is as old as it can be then."""
    try:
        named = spiffe.read(str(claims.get("sub")))
    except SpiffeInvalid as invalid:
        raise TokenRefused(str(invalid)) from None
    if named.trust_domain != expected.trust_domain:
        raise TokenRefused("its SPIFFE ID is of another trust domain")
    oldest = (_moment(claims, "exp") or 0) - expected.longest_life_s
    return {"iat": max(oldest, 0), **claims, **spiffe.claims(named)}


def _subject(claims: Claims, longest: int) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= longest:
        raise TokenRefused("it does not say whom it is about")
    if not subject.isprintable():
        raise TokenRefused("whom it is about has characters that nobody can read")
    return subject


def _id(claims: Claims) -> str | None:
    said = claims.get("jti")
    if said is not None and not (isinstance(said, str) and 0 < len(said) <= LONGEST_SUBJECT):
        raise TokenRefused("its `jti` is none")
    return said


def _fitting(claims: Claims, rules: Sequence[Rule]) -> tuple[int, Rule]:
    for number, rule in enumerate(rules, start=1):
        if all(_fits(found(claims, path), wanted) for path, wanted in rule.when.items()):
            return number, rule
    raise NoRuleFits("none of the issuer's rules fits what it says")


def _fits(said: Any, wanted: str) -> bool:
    """A text that is it, or a list of texts in which it stands; `prefix*` is any that begins so."""
    if isinstance(said, bool):
        return wanted == ("true" if said else "false")
    if isinstance(said, list):
        return len(said) <= MOST_LISTED and any(
            isinstance(each, str) and _is(each, wanted) for each in said
        )
    return isinstance(said, str) and _is(said, wanted)


def _is(text: str, wanted: str) -> bool:
    return text.startswith(wanted[:-1]) if wanted.endswith("*") else text == wanted


def _filled(template: str, claims: Claims, fits: Any, what: str) -> str:
    if not template.startswith(FROM_CLAIM):
        return template
    path = template.removeprefix(FROM_CLAIM)
    value = found(claims, path)
    if not isinstance(value, str) or not fits(value):
        raise TokenRefused(f"its claim `{path}` is not the name of a {what}")
    proof = UNVERIFIED.get(path)
    if proof is not None and claims.get(proof, True) is not True:
        raise TokenRefused(f"its claim `{path}` is not verified")
    return value


def _role(said: str, claims: Claims) -> Role:
    if not said.startswith(FROM_CLAIM):
        return Role(said)
    path = said.removeprefix(FROM_CLAIM)
    value = found(claims, path)
    listed = value if isinstance(value, list) else [value]
    roles = [role for role in Role if role in listed[:MOST_LISTED]]
    if not roles:
        raise TokenRefused(f"its claim `{path}` names no role: readonly, user or admin")
    return roles[-1]


def _listed(claims: Claims, path: str) -> tuple[str, ...] | None:
    if not path:
        return None
    listed = found(claims, path)
    listed = listed.split() if isinstance(listed, str) else listed
    if not isinstance(listed, list) or len(listed) > MOST_LISTED:
        raise TokenRefused(f"its claim `{path}` lists no models")
    if not all(isinstance(each, str) for each in listed):
        raise TokenRefused(f"its claim `{path}` lists no models")
    return tuple(listed)
