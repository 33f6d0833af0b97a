"""The ways out that the settings name, and whether they may be taken."""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Thread

from tollhouse.config import ConfigInvalid, Problem, Secret, Settings, accounts
from tollhouse.config.problems import dotted
from tollhouse.config.sections.providers import ProviderSettings
from tollhouse.config.ways import to_declare
from tollhouse.domain.addresses import Doors, Permit, judge
from tollhouse.domain.permits import for_provider
from tollhouse.domain.ranges import Ip
from tollhouse.domain.urls import Url, parse
from tollhouse.upstream.tls import trusting
from tollhouse.upstream.way import Way
from tollhouse.wiring.renewing import Renewed, Renewing, stamped

LOOK_UP_S = 2.0


def way_of(provider: ProviderSettings, settings: Settings, to: str | None = None) -> Way:
    """To the provider, or to where its tokens are given. Raises OSError when a certificate cannot be used."""
    url = parse(to or provider.base_url or "")
    return Way(url, _permit(url, provider, settings), _tls(provider, settings))


def refuse(problems: list[Problem], config: Path | None) -> None:
    """Raises ConfigInvalid if there are any."""
    if problems:
        raise ConfigInvalid(problems, str(config or "the configuration"))


def unusable(settings: Settings) -> Iterator[Problem]:
    """Certificates and keys that are there and are none."""
    if settings.limits.ca_file:
        yield from _unfit("limits.ca_file", settings.at(settings.limits.ca_file), None)
    for name, provider in settings.providers.items():
        if provider.service_account and not _signs(provider.service_account):
            place = dotted(("providers", name, "service_account"))
            yield Problem(place, "a `private_key` that cannot be used", "an RSA key in PEM")
        ca_file, shown = _certificates(provider, settings)
        yield from _unfit(dotted(("providers", name, "ca_file")), ca_file, None)
        yield from _unfit(dotted(("providers", name, "client_certificate")), None, shown)


def _unfit(place: str, ca_file: Path | None, shown: tuple[Path, Path] | None) -> Iterator[Problem]:
    try:
        if ca_file or shown:
            trusting(ca_file, shown)
    except OSError as error:
        found = f"what cannot be used: {error.strerror or error}"
        yield Problem(place, found, "PEM files that belong together" if shown else "a PEM file")


def forbidden(settings: Settings) -> Iterator[Problem]:
    """Names that lead where the gateway does not go, as they resolve at this moment.

    One that does not resolve is only told of: the network may come up later.
    """
    looking = {name: _look_up(provider) for name, provider in settings.providers.items()}
    ends_at = time.monotonic() + LOOK_UP_S
    for name, look_up in looking.items():
        if look_up is not None:
            look_up.join(max(0.0, ends_at - time.monotonic()))
            yield from _judged(name, look_up, settings)


class _LookUp(Thread):
    """In a thread of its own, which nobody has to wait for: a resolver may take minutes."""

    def __init__(self, url: Url) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.found: list[str] = []

    def run(self) -> None:
        try:
            found = socket.getaddrinfo(self.url.host, self.url.port, type=socket.SOCK_STREAM)
        except OSError:
            return
        self.found = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _look_up(provider: ProviderSettings) -> _LookUp | None:
    url = parse(provider.base_url) if provider.base_url is not None else None
    if url is None or url.address is not None:
        return None
    look_up = _LookUp(url)
    look_up.start()
    return look_up


def _judged(name: str, look_up: _LookUp, settings: Settings) -> Iterator[Problem]:
    place, url = ("providers", name, "url"), look_up.url
    if not look_up.found:
        print(f"warning: {dotted(place)}: {url.host} cannot be resolved yet", file=sys.stderr)
    permit = _permit(url, settings.providers[name], settings)
    for verdict in (judge(address, url.port, permit) for address in look_up.found):
        if not verdict.is_allowed:
            found = f"{url.host}, which leads to {verdict.address}: {verdict.rule}"
            expected = "a host whose addresses may all be called"
            yield Problem(dotted(place), found, expected, to_declare(place[:-1]))


def _permit(url: Url, provider: ProviderSettings, settings: Settings) -> Permit:
    return for_provider(url, provider.networks, Doors(settings.listeners, is_ours))


def _tls(provider: ProviderSettings, settings: Settings) -> ssl.SSLContext | None:
    """None for what the system's roots are enough for."""
    given = _certificates(provider, settings)
    return renewed(*given) if any(given) else None


def renewed(ca_file: Path | None, shown: tuple[Path, Path] | None) -> ssl.SSLContext:
    """As the files are when a connection is made. Raises OSError when they cannot be used now."""
    files = [each for each in (ca_file, *(shown or ())) if each is not None]
    what = f"what stands in {' and '.join(map(str, files))}"
    return Renewed.of(Renewing(what, partial(stamped, files), partial(trusting, ca_file, shown)))


def _certificates(
    provider: ProviderSettings, settings: Settings
) -> tuple[Path | None, tuple[Path, Path] | None]:
    """Whom we believe, and what we show."""
    certificate, key = provider.client_certificate, provider.client_key
    shown = (settings.at(certificate), settings.at(key)) if certificate and key else None
    return settings.at(provider.ca_file) if provider.ca_file else None, shown


def _signs(service_account: Secret) -> bool:
    from tollhouse.providers.google_tokens import signing_key

    try:
        signing_key(accounts.opened(service_account).private_key)
    except ValueError:
        return False
    return True


def is_ours(address: Ip) -> bool:
    """Whether an address is one of this machine: only there can one listen."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
