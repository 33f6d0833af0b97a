"""Checks of the ways out: providers, the database, the counters."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

from tollhouse.config.addresses import is_loopback
from tollhouse.config.warning import is_encrypted
from tollhouse.control.doctor.finding import Check, Ill, Mend, Severity, lines
from tollhouse.control.doctor.seen import Seen


def _http_upstream_near(seen: Seen) -> Iterator[Ill]:
    """By http a provider is on declared networks, or the gateway does not start."""
    for name, provider in seen.settings.providers.items():
        url = provider.base_url or ""
        if url.startswith("http://") and not is_loopback(urlsplit(url).hostname or ""):
            mend = Mend(lines(("providers", name), url=url.replace("http://", "https://", 1)))
            yield Ill(f"{name} is reached at {url} on your network", mend)


def _database_plain(seen: Seen) -> Iterator[Ill]:
    url = seen.settings.store.url
    if not is_encrypted(url):
        host = urlsplit(url).hostname
        yield Ill(f"the way to the database {host} may not be encrypted", _verified(url))


def _database_unverified(seen: Seen) -> Iterator[Ill]:
    url = seen.settings.store.url
    host = urlsplit(url).hostname
    is_away = host is not None and not is_loopback(host)
    if is_away and is_encrypted(url) and _sslmode(url) != "verify-full":
        yield Ill(f"sslmode={_sslmode(url)} does not prove that it is {host}", _verified(url))


def _database_password(seen: Seen) -> Iterator[Ill]:
    store = seen.settings.store
    host = urlsplit(store.url).hostname
    if host is not None and not is_loopback(host) and store.password is None:
        mend = lines(("store",), password="env:TOLLHOUSE_DB_PASSWORD")  # noqa: S106 - a name
        yield Ill(f"the database {host} is asked without a password", Mend(mend))


def _sslmode(url: str) -> str:
    return parse_qs(urlsplit(url).query).get("sslmode", [""])[-1]


def _verified(url: str) -> Mend:
    parts = urlsplit(url)
    query = {**{name: values[-1] for name, values in parse_qs(parts.query).items()}}
    whole = parts._replace(query=urlencode({**query, "sslmode": "verify-full"})).geturl()
    return Mend(lines(("store",), url=whole))


def _counters_plain(seen: Seen) -> Iterator[Ill]:
    limits = seen.settings.limits
    host = urlsplit(limits.store).hostname
    if host is not None and not is_loopback(host):
        mend = lines(("limits",), store="valkey://127.0.0.1:6379/0")
        words = "Or let a tunnel with TLS listen there, and lead to the real one."
        yield Ill(f"the way to Valkey on {host} is not encrypted", Mend(mend, words=words))


def _counters_open(seen: Seen) -> Iterator[Ill]:
    limits = seen.settings.limits
    if limits.is_shared and limits.password is None:
        mend = lines(("limits",), password="env:TOLLHOUSE_LIMITS_PASSWORD")  # noqa: S106 - a name
        yield Ill("Valkey is asked without a password", Mend(mend))


def _breaker_off(seen: Seen) -> Iterator[Ill]:
    if seen.settings.breaker.failures == 0:
        mend = lines(("breaker",), failures=5)
        yield Ill("a provider that fails is asked whatever happens", Mend(mend))


CHECKS = (
    Check(
        "http-upstream-near",
        Severity.ADVICE,
        "Whoever is on that network can read and change it.",
        ("deploy-https",),
        _http_upstream_near,
    ),
    Check(
        "database-plain",
        Severity.UNSAFE,
        "Digests, budgets and the database's password can be read and changed on the way.",
        ("deploy-https",),
        _database_plain,
    ),
    Check(
        "database-unverified",
        Severity.UNFINISHED,
        "Another machine that answers in its place is believed.",
        ("deploy-https",),
        _database_unverified,
    ),
    Check(
        "database-password",
        Severity.UNFINISHED,
        "Whoever reaches the database may write the ledger.",
        ("deploy-least-privilege",),
        _database_password,
    ),
    Check(
        "counters-plain",
        Severity.UNFINISHED,
        "Whoever is on the way can reset every limit, and reads the password.",
        ("deploy-https", "deploy-limits"),
        _counters_plain,
    ),
    Check(
        "counters-open",
        Severity.UNFINISHED,
        "Whoever reaches it can reset every limit.",
        ("deploy-limits",),
        _counters_open,
    ),
    Check(
        "breaker-off",
        Severity.UNFINISHED,
        "Callers wait for what is dead, and take the room of those who would be answered.",
        ("deploy-limits",),
        _breaker_off,
    ),
)
