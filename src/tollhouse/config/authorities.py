"""Whether certificates of callers can be asked for and believed, as far as the file alone can tell."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.config.clash import Clash, idle
from tollhouse.config.issuers import of_rules
from tollhouse.config.problems import Place
from tollhouse.config.sections.authorities import AuthoritySettings
from tollhouse.config.settings import Settings
from tollhouse.config.texts import ENDPOINT
from tollhouse.domain.claims import OURS

ASKING: Place = ("server", "client_certificates")
SOCKET: Place = ("workload_api", "socket")


def clashes(settings: Settings) -> Iterator[Clash]:
    yield from _asking(settings)
    if settings.workload_api.socket is not None and not settings.asks_agent:
        yield idle(SOCKET, ("authorities",), "nothing comes from there")
    if settings.server.shows_svid and settings.workload_api.socket is None:
        found = "nothing, and a certificate that comes from there"
        yield Clash((SOCKET, ("server", "certificate_from")), found, ENDPOINT)
    domains: dict[str, Place] = {}
    for name, authority in settings.authorities.items():
        place: Place = ("authorities", name)
        for others in ("issuers", "static_tokens"):
            if name in getattr(settings, others):
                about = (place, (others, name))
                yield Clash(about, f"a name of [{others}] too", "another: both have accounts by it")
        if name == OURS:
            yield Clash((place,), "the name of our own tokens", "another")
        yield from _source(place, authority, settings)
        here = (*place, "trust_domain")
        domain = authority.trust_domain
        if domain is not None and (other := domains.setdefault(domain, here)) != here:
            yield Clash((here, other), "that of another authority too", "one table for each")
        yield from of_rules(place, authority.rules)
        for name in ("trust_domain", "rules"):
            if authority.audiences and not getattr(authority, name):
                pair = ((*place, "audiences"), (*place, name))
                yield Clash(pair, f"tokens that nobody could come in by, without `{name}`", "both")


def _source(place: Place, authority: AuthoritySettings, settings: Settings) -> Iterator[Clash]:
    """A bundle comes from one place, and that place is there."""
    file, source = (*place, "bundle_file"), (*place, "bundle_from")
    if authority.is_announced:
        if authority.bundle_file is not None:
            yield idle(file, source, "its bundle comes from the agent")
        if authority.trust_domain is None:
            found = "a bundle that the agent has under no name"
            yield Clash(((*place, "trust_domain"), source), found, "the name of a trust domain")
        if settings.workload_api.socket is None:
            found = "nothing, and a bundle that comes from there"
            yield Clash((SOCKET, source), found, ENDPOINT)
    elif authority.bundle_file is None:
        yield Clash((file, source), "nothing", 'a file, or `bundle_from = "workload-api"`')
    elif not (path := settings.at(authority.bundle_file)).is_file():
        yield Clash((file, ("data_dir",)), f"no file at {path}", "a trust bundle that is there")


def _asking(settings: Settings) -> Iterator[Clash]:
    server = settings.server
    if server.client_certificates == "off":
        return
    if not server.ends_tls and server.tls_key is None:
        found = f'"{server.client_certificates}", without TLS to show them by'
        yield Clash((ASKING, ("server", "tls_certificate")), found, "`tls_certificate` as well")
    if not settings.authorities:
        found = f'"{server.client_certificates}", and nobody to vouch for any'
        yield Clash((ASKING, ("authorities",)), found, "a table `[authorities.NAME]`")
