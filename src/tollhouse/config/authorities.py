"""Whether certificates of callers can be asked for and believed, as far as the file alone can tell."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.config.clash import Clash
from tollhouse.config.problems import Place
from tollhouse.config.settings import Settings

ASKING: Place = ("server", "client_certificates")


def clashes(settings: Settings) -> Iterator[Clash]:
    yield from _asking(settings)
    domains: dict[str, Place] = {}
    for name, authority in settings.authorities.items():
        place: Place = ("authorities", name)
        if name in settings.issuers:
            about = (place, ("issuers", name))
            yield Clash(about, "the name of an issuer too", "another: both have accounts by it")
        path = settings.at(authority.bundle_file)
        if not path.is_file():
            where = ((*place, "bundle_file"), ("data_dir",))
            yield Clash(where, f"no file at {path}", "a trust bundle that is there")
        here = (*place, "trust_domain")
        domain = authority.trust_domain
        if domain is not None and (other := domains.setdefault(domain, here)) != here:
            yield Clash((here, other), "that of another authority too", "one table for each")


def _asking(settings: Settings) -> Iterator[Clash]:
    server = settings.server
    if server.client_certificates == "off":
        return
    if server.tls_certificate is None and server.tls_key is None:
        found = f'"{server.client_certificates}", without TLS to show them by'
        yield Clash((ASKING, ("server", "tls_certificate")), found, "`tls_certificate` as well")
    if not settings.authorities:
        found = f'"{server.client_certificates}", and nobody to vouch for any'
        yield Clash((ASKING, ("authorities",)), found, "a table `[authorities.NAME]`")
