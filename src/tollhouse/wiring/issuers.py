"""Issuers as the settings name them: where their keys come from, and what makes their bearers callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tollhouse.auth.announced import Announced
from tollhouse.auth.fetching import discovered, published, read_file
from tollhouse.auth.key_ring import Fetch, KeyRing
from tollhouse.auth.key_sets import (
    FOR_SVIDS,
    FOR_SVIDS_ALONE,
    KeySet,
    KeySetInvalid,
    KeySetWithdrawn,
    key_set,
)
from tollhouse.auth.own_keys import OwnKeys
from tollhouse.auth.tokens import Issuer, Tokens
from tollhouse.auth.workload_api import Said
from tollhouse.config import Settings
from tollhouse.config.problems import Problem, dotted
from tollhouse.config.sections.authorities import AuthoritySettings
from tollhouse.config.sections.issuers import (
    ASYMMETRIC,
    IssuerRuleSettings,
    IssuerSettings,
    RuleSettings,
)
from tollhouse.control.acting import Desk
from tollhouse.control.first_sight import FirstSight
from tollhouse.domain import claims
from tollhouse.domain.addresses import Doors
from tollhouse.domain.claims import OURS, Expected, Rule
from tollhouse.domain.exchange import Deadlines
from tollhouse.domain.identity import Priority
from tollhouse.domain.permits import for_provider
from tollhouse.domain.spiffe import SCHEME
from tollhouse.domain.tokens import Token
from tollhouse.domain.urls import Url, parse
from tollhouse.ports import Database
from tollhouse.storage import people
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.tls import trusting
from tollhouse.upstream.way import Way
from tollhouse.wiring.background import Background
from tollhouse.wiring.ways import is_ours, renewed

DEADLINES = Deadlines(connect_s=5.0, first_byte_s=5.0, between_s=5.0, whole_s=8.0)
MOST_BYTES = 64 * 1024
LOOK_AT_FILE_S = 5.0
OF_SVIDS = frozenset(ASYMMETRIC)


async def open_accounts(settings: Settings, store: Database) -> None:
    """Those that pay in a key's place, before the first snapshot is made of them."""
    owners = {
        claims.account(name, account)
        for name, rules in _ruled(settings)
        for account in ("", *(rule.account for rule in rules))
    }
    owners |= {claims.account(name, it.account) for name, it in settings.static_tokens.items()}
    if settings.tokens.secrets:
        owners.add(claims.account(OURS, ""))
    if owners:
        await people.open_accounts(store, sorted(owners))


def open_tokens(
    settings: Settings,
    stack: AsyncExitStack,
    desk: Desk,
    refresh: Callable[[], Awaitable[None]],
    agent: Announced[Said] | None = None,
) -> Tokens:
    """Nothing is asked for yet: see `keep`."""
    issuers = {
        issuer.issuer: Issuer(expected(name, issuer), _ring(name, issuer, settings, stack))
        for name, issuer in settings.issuers.items()
    }
    issuers |= {
        f"{SCHEME}{each.trust_domain}": Issuer(
            of_bundle(name, each), _bundle_ring(name, each, settings, agent)
        )
        for name, each in settings.authorities.items()
        if each.audiences
    }
    if (own := own_keys_of(settings)) is not None:
        issuers[OURS] = Issuer(_ours(settings), own)
    most = {name: each.new_users_per_hour for name, each in settings.issuers.items()}
    return Tokens(issuers, making=FirstSight(desk, refresh, most).making)


def own_keys_of(settings: Settings) -> OwnKeys | None:
    """Those that tokens of our own are signed with, where there are any."""
    tokens = settings.tokens
    if not tokens.secrets:
        return None
    secrets = {version: secret.reveal().encode() for version, secret in tokens.secrets.items()}
    return OwnKeys(secrets, tokens.secret_version, tokens.previous_until_s, time.time)


def keep(tokens: Tokens, tasks: Background) -> None:
    for ring in tokens.rings.values():
        if isinstance(ring, KeyRing):
            tasks.start(ring.keep())


def expected(name: str, issuer: IssuerSettings) -> Expected:
    audiences = frozenset(issuer.audiences)
    return Expected(name, issuer.issuer, audiences, issuer.max_life_s, rules_of(issuer.rules))


def known(settings: Settings) -> Mapping[str, Expected]:
    """What each has to say, by the `iss` of its tokens."""
    others = {each.issuer: expected(name, each) for name, each in settings.issuers.items()}
    for name, authority in settings.authorities.items():
        if authority.audiences:
            others[f"{SCHEME}{authority.trust_domain}"] = of_bundle(name, authority)
    return {**others, OURS: _ours(settings)} if settings.tokens.secrets else others


def longest_lives_s(settings: Settings) -> Mapping[str, int]:
    """How long the tokens of each may be good, by its name."""
    return {each.name: each.longest_life_s for each in known(settings).values()}


def holds(token: Token, settings: Settings) -> bool | None:
    """Whether its signature does; None where its keys are not in a file. Raises KeySetInvalid, OSError."""
    if token.issuer == OURS and (own := own_keys_of(settings)) is not None:
        secret = own.key(token.key_id)
        return secret is not None and secret.holds(token.algorithm, token.signed, token.signature)
    issuer = next((it for it in settings.issuers.values() if it.issuer == token.issuer), None)
    if issuer is not None and issuer.keys_file is None:
        return None
    keys = _keys(token, issuer, settings)
    if keys is None:
        return None
    only = next(iter(keys.values())) if len(keys) == 1 else None
    key = only if token.key_id is None else keys.get(token.key_id)
    return key is not None and key.holds(token.algorithm, token.signed, token.signature)


def _keys(token: Token, issuer: IssuerSettings | None, settings: Settings) -> KeySet | None:
    """Those in a file: of the issuer, or of the trust domain that it is about. None where an agent has them."""
    if issuer is not None and issuer.keys_file is not None:
        return key_set(read_file(settings.at(issuer.keys_file)), issuer.algorithms)
    domains = {f"{SCHEME}{it.trust_domain}": it for it in settings.authorities.values()}
    authority = token.found_in(domains)
    if authority is None:
        return {}
    if authority.bundle_file is None:
        return None
    return key_set(read_file(settings.at(authority.bundle_file)), OF_SVIDS, FOR_SVIDS)


def unusable(settings: Settings) -> Iterator[Problem]:
    """Files of keys that are there and are none, and roots that cannot be used."""
    for name, issuer in settings.issuers.items():
        if issuer.ca_file is not None:
            try:
                trusting(settings.at(issuer.ca_file), None)
            except OSError as error:
                found = f"what cannot be used: {error.strerror or error}"
                yield Problem(dotted(("issuers", name, "ca_file")), found, "a PEM file")
        if issuer.keys_file is not None:
            yield from _no_keys(name, settings.at(issuer.keys_file), issuer)


def _no_keys(name: str, path: Path, issuer: IssuerSettings) -> Iterator[Problem]:
    place = dotted(("issuers", name, "keys_file"))
    try:
        key_set(read_file(path), issuer.algorithms)
    except (KeySetInvalid, OSError) as error:
        yield Problem(place, f"what cannot be used: {error}", "a JSON Web Key Set")


def of_bundle(name: str, authority: AuthoritySettings) -> Expected:
    return Expected(
        name,
        "",
        frozenset(authority.audiences),
        authority.max_life_s,
        rules_of(authority.rules),
        authority.trust_domain or "",
    )


def _bundle_ring(
    name: str, authority: AuthoritySettings, settings: Settings, agent: Announced[Said] | None
) -> KeyRing:
    ring = KeyRing(
        name,
        _fetch_bundle(authority, settings, agent),
        OF_SVIDS,
        refresh_s=LOOK_AT_FILE_S,
        stale_s=authority.stale_s,
        use=FOR_SVIDS_ALONE if authority.is_announced else FOR_SVIDS,
    )
    if authority.is_announced and agent is not None:
        agent.tell(ring.refresh)
    return ring


def _fetch_bundle(
    authority: AuthoritySettings, settings: Settings, agent: Announced[Said] | None
) -> Fetch:
    if authority.bundle_file is not None:
        path = settings.at(authority.bundle_file)
        return lambda: asyncio.to_thread(read_file, path)
    if agent is None:
        raise FileNotFoundError("nobody has the bundle")
    domain = authority.trust_domain or ""

    async def announced() -> bytes:
        await agent.first()
        said = agent.said.get(domain)
        if said is None:
            raise KeySetWithdrawn(f"the Workload API has none of {domain}")
        return said

    return announced


def _ours(settings: Settings) -> Expected:
    """Our own say whose they are: nobody else can sign them."""
    said = ("claim:tenant", "claim:project", "claim:user", ("*",))
    rule = Rule({}, *said, models_claim="models", role="claim:role")
    audiences = frozenset({OURS})
    named = (OURS, OURS, audiences)
    return Expected(*named, settings.tokens.max_life_s, (rule,))


def _ruled(settings: Settings) -> Iterator[tuple[str, Sequence[RuleSettings]]]:
    """Whoever vouches for callers, by its name, with its rules."""
    yield from ((name, each.rules) for name, each in settings.issuers.items())
    yield from ((name, each.rules) for name, each in settings.authorities.items())


def rules_of(rules: Sequence[RuleSettings]) -> tuple[Rule, ...]:
    return tuple([_rule(each) for each in rules])


def _rule(rule: RuleSettings) -> Rule:
    return Rule(
        when=rule.when,
        tenant=rule.tenant,
        project=rule.project,
        user=rule.user,
        models=rule.models,
        models_claim=rule.models_claim,
        priority=Priority(rule.priority),
        account=rule.account,
        role=rule.calls_as,
        creates=isinstance(rule, IssuerRuleSettings) and rule.creates,
    )


def _ring(name: str, issuer: IssuerSettings, settings: Settings, stack: AsyncExitStack) -> KeyRing:
    is_file = issuer.keys_file is not None
    return KeyRing(
        name,
        fetch_of(issuer, settings, stack),
        frozenset(issuer.algorithms),
        refresh_s=LOOK_AT_FILE_S if is_file else issuer.refresh_s,
        stale_s=issuer.stale_s,
    )


def fetch_of(issuer: IssuerSettings, settings: Settings, stack: AsyncExitStack) -> Fetch:
    if issuer.keys_file is not None:
        path = settings.at(issuer.keys_file)
        return lambda: asyncio.to_thread(read_file, path)
    url = parse(issuer.keys_url or issuer.issuer)
    http = reached(url, issuer, settings, stack)
    if issuer.keys_url is not None:
        return lambda: published(http, url.path.encode() or b"/")
    return lambda: discovered(http, url, issuer.issuer)


def reached(
    url: Url, issuer: IssuerSettings, settings: Settings, stack: AsyncExitStack
) -> HttpUpstream:
    permit = for_provider(url, issuer.networks, Doors(settings.listeners, is_ours))
    tls = renewed(settings.at(issuer.ca_file), None) if issuer.ca_file else None
    http = HttpUpstream(
        Way(url, permit, tls), deadlines=DEADLINES, max_connections=1, max_body_bytes=MOST_BYTES
    )
    stack.push_async_callback(http.aclose)
    return http
