"""Who vouches for callers: by the settings alone, as a gateway that serves knows it, and as it is found out now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sized
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from tollhouse.auth import static_tokens, tokens
from tollhouse.auth.bundles import BundleInvalid
from tollhouse.auth.fetching import read_file
from tollhouse.auth.key_ring import PATIENCE_S, KeyRing
from tollhouse.auth.key_sets import FOR_SVIDS, KeySetInvalid, key_set
from tollhouse.auth.own_keys import OwnKeys
from tollhouse.auth.static_tokens import StaticTokens
from tollhouse.auth.tokens import Tokens
from tollhouse.config import Settings
from tollhouse.config.sections.authorities import AuthoritySettings
from tollhouse.config.sections.issuers import DISCOVERY, IssuerSettings
from tollhouse.domain.claims import OURS
from tollhouse.domain.errors import Failure
from tollhouse.domain.vouching import Kind, Stock, Voucher
from tollhouse.pipeline.house import House
from tollhouse.wiring.beside import Listening
from tollhouse.wiring.issuers import OF_SVIDS, fetch_of, own_keys_of
from tollhouse.wiring.static_tokens import source_of

ROOTS, KEYS = "roots", "keys"
AGENT = "the Workload API"
NAMELESS = "certificates without SPIFFE IDs"


def configured(settings: Settings) -> list[Voucher]:
    """Nothing is read or asked for."""
    return [
        *(_issuer(name, each) for name, each in settings.issuers.items()),
        *(
            Voucher(
                *(name, Kind.AUTHORITY, each.trust_domain or NAMELESS),
                *(str(each.bundle_file or AGENT), len(each.rules)),
            )
            for name, each in settings.authorities.items()
        ),
        *([Voucher(OURS, Kind.OURS, OURS, "settings", 1)] if settings.tokens.secrets else []),
        *(
            Voucher(
                *(name, Kind.STATIC, f"{each.tenant}/{each.user}"),
                *(str(each.file) if each.file else "settings", 1),
            )
            for name, each in settings.static_tokens.items()
        ),
    ]


def known_to(house: House, doors: Listening, settings: Settings) -> list[Voucher]:
    """As this process has it at this moment."""
    stocks: dict[str, list[Stock]] = {}
    for name, stock in _stocks(house, doors):
        stocks.setdefault(name, []).append(stock)
    return [replace(it, stocks=tuple(stocks.get(it.name, ()))) for it in configured(settings)]


async def found_out(settings: Settings, names: Collection[str]) -> list[Voucher]:
    """Each is looked at now, by the way that a gateway takes."""
    wanted = [each for each in configured(settings) if each.name in names]
    stocks = await asyncio.gather(*(_looked(each, settings) for each in wanted))
    return [replace(each, stocks=tuple(it)) for each, it in zip(wanted, stocks, strict=True)]


def _issuer(name: str, issuer: IssuerSettings) -> Voucher:
    discovered = f"{issuer.issuer.rstrip('/')}{DISCOVERY}"
    source = issuer.keys_file or issuer.keys_url or discovered
    return Voucher(name, Kind.ISSUER, issuer.issuer, str(source), len(issuer.rules))


def _stocks(house: House, doors: Listening) -> Iterator[tuple[str, Stock]]:
    bearers = house.authenticators.get(tokens.SHAPE)
    for name, bundle in doors.bundles.items():
        known = Stock(ROOTS, len(bundle.made), -bundle.bad_for_s, None, bundle.trouble)
        yield name, known
    for name, ring in bearers.rings.items() if isinstance(bearers, Tokens) else ():
        if isinstance(ring, KeyRing | OwnKeys):
            yield name, ring.stock()
    in_files = house.authenticators.get(static_tokens.SHAPE)
    if isinstance(in_files, StaticTokens):
        yield from ((bearer.key, source.stock()) for source, bearer in in_files.tables)


async def _looked(voucher: Voucher, settings: Settings) -> list[Stock]:
    name = voucher.name
    match voucher.kind:
        case Kind.ISSUER:
            return [await _asked(settings.issuers[name], settings)]
        case Kind.AUTHORITY:
            return _bundle(settings.authorities[name], settings)
        case Kind.STATIC:
            return [source_of(name, settings.static_tokens[name], settings).stock()]
        case Kind.OURS:
            own = own_keys_of(settings)
            return [own.stock()] if own is not None else []


async def _asked(issuer: IssuerSettings, settings: Settings) -> Stock:
    try:
        async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_S):
            raw = await fetch_of(issuer, settings, stack)()
        return Stock(KEYS, len(key_set(raw, frozenset(issuer.algorithms))), 0)
    except Failure as failure:
        return Stock(KEYS, 0, trouble=failure.private or failure.detail)
    except (KeySetInvalid, OSError, TimeoutError) as error:
        return Stock(KEYS, 0, trouble=str(error) or "no answer")


def _bundle(authority: AuthoritySettings, settings: Settings) -> list[Stock]:
    from tollhouse.wiring.trust import roots_in

    if authority.bundle_file is None:
        return []  # its agent says what changes, to gateways that serve
    path, stocks = settings.at(authority.bundle_file), []
    if settings.server.client_certificates != "off":
        stocks.append(_of_file(ROOTS, partial(roots_in, path)))
    if authority.audiences:
        stocks.append(_of_file(KEYS, lambda: key_set(read_file(path), OF_SVIDS, FOR_SVIDS)))
    return stocks


def _of_file(what: str, look: Callable[[], Sized]) -> Stock:
    try:
        return Stock(what, len(look()), 0)
    except (BundleInvalid, KeySetInvalid, OSError) as error:
        return Stock(what, 0, trouble=str(error))
