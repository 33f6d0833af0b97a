"""Checks of those who vouch for callers: how their keys come, whom they let in, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tollhouse.config.addresses import is_loopback
from tollhouse.control.doctor.finding import Check, Ill, Mend, Severity, lines
from tollhouse.control.doctor.seen import Seen
from tollhouse.domain.lifetimes import DAY_S

MANY_REVOKED = 1000
HOUR_S = 3600


def _issuer_plain(seen: Seen) -> Iterator[Ill]:
    """By http it is on declared networks, or the gateway does not start."""
    for name, issuer in seen.settings.issuers.items():
        key = "keys_url" if issuer.keys_url else "issuer"
        url = issuer.asked_at or ""
        if url.startswith("http://") and not is_loopback(urlsplit(url).hostname or ""):
            mend = lines(("issuers", name), **{key: url.replace("http://", "https://", 1)})
            yield Ill(f"the keys of {name} are asked for at {url}", Mend(mend))


def _issuer_all(seen: Seen) -> Iterator[Ill]:
    for name, issuer in seen.settings.issuers.items():
        for number, rule in enumerate(issuer.rules, start=1):
            if not rule.when:
                found = f"rule {number} of {name} fits every token that it signs for you"
                words = f"Say in `when` of [[issuers.{name}.rules]] which claims it takes."
                yield Ill(found, Mend(words=words))


def _long_tokens(seen: Seen) -> Iterator[Ill]:
    settings = seen.settings
    for name, issuer in settings.issuers.items():
        if issuer.max_life_s > DAY_S:
            found = f"tokens of {name} may be good for {issuer.max_life_s // DAY_S} days"
            yield Ill(found, Mend(lines(("issuers", name), max_life_s=DAY_S)))
    for name, authority in settings.authorities.items():
        if authority.audiences and authority.max_life_s > DAY_S:
            found = f"JWT-SVIDs of {name} may be good for {authority.max_life_s // DAY_S} days"
            yield Ill(found, Mend(lines(("authorities", name), max_life_s=HOUR_S)))
    if settings.tokens.secrets and settings.tokens.max_life_s > DAY_S:
        found = f"our own tokens may be good for {settings.tokens.max_life_s // DAY_S} days"
        yield Ill(found, Mend(lines(("tokens",), max_life_s=DAY_S)))


def _old_signing(seen: Seen) -> Iterator[Ill]:
    tokens = seen.settings.tokens
    if tokens.previous_until_s * 1000 > seen.now_ms:
        return
    for version in sorted(tokens.secrets.keys() - {tokens.secret_version}):
        found = f"the secret of version {version} signs nothing, and what it signed is not taken"
        words = f"Take `{version}` out of [tokens.secrets], and forget the secret."
        yield Ill(found, Mend(words=words))


def _authority_idle(seen: Seen) -> Iterator[Ill]:
    if seen.settings.server.client_certificates != "off":
        return
    for name, authority in seen.settings.authorities.items():
        if not authority.audiences:
            mend = lines(("server",), client_certificates="optional")
            yield Ill(f"nobody is asked for a certificate that {name} vouches for", Mend(mend))


def _many_revoked(seen: Seen) -> Iterator[Ill]:
    for issuer, count in sorted(seen.books.revoked.items()):
        if count > MANY_REVOKED:
            found = f"{count} tokens or subjects of {issuer} are taken back"
            words = (
                "Shut users out by `tollhouse users disable`, and let tokens be shorter: what was taken back is "
                "forgotten when it would have ended."
            )
            yield Ill(found, Mend(words=words))


CHECKS = (
    Check(
        "issuer-plain",
        Severity.UNSAFE,
        "Whoever is on the way puts keys of their own there, and is anybody.",
        ("deploy-https",),
        _issuer_plain,
    ),
    Check(
        "issuer-lets-all-in",
        Severity.ADVICE,
        "Whoever the issuer knows comes in, and those whom it will know tomorrow.",
        ("deploy-least-privilege",),
        _issuer_all,
    ),
    Check(
        "tokens-long-lived",
        Severity.UNFINISHED,
        "Nobody asks an issuer whether a token was taken back: stolen, it is good to its end.",
        ("deploy-least-privilege",),
        _long_tokens,
    ),
    Check(
        "tokens-old-secret",
        Severity.ADVICE,
        "A secret that nobody needs can be stolen all the same, and signs again by one wrong line.",
        ("deploy-secrets",),
        _old_signing,
    ),
    Check(
        "authority-unasked",
        Severity.UNFINISHED,
        "Who counts on certificates is let in by bearer keys alone.",
        ("deploy-least-privilege",),
        _authority_idle,
    ),
    Check(
        "revocations-many",
        Severity.ADVICE,
        "All of them are in every snapshot; so many say that tokens live too long.",
        ("operate-access",),
        _many_revoked,
        on_store=True,
    ),
)
