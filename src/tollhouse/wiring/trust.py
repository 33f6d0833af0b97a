"""Whose certificates callers may show, as the settings name them."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from tollhouse.auth import chains
from tollhouse.auth.announced import Announced
from tollhouse.auth.bundles import MOST_BYTES, BundleInvalid, Roots, announced_roots, roots
from tollhouse.auth.certificates import Authority, Certificates
from tollhouse.auth.fetching import read_file
from tollhouse.auth.key_sets import FOR_SVIDS, KeySetInvalid, key_set
from tollhouse.auth.own_svid import Svid
from tollhouse.auth.workload_api import Said
from tollhouse.config import Settings
from tollhouse.config.problems import Problem, dotted
from tollhouse.config.sections.authorities import AuthoritySettings
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.claims import Expected
from tollhouse.domain.suspicion import Broken
from tollhouse.server import listening
from tollhouse.server.handshakes import watched
from tollhouse.server.listening import Show
from tollhouse.wiring.issuers import OF_SVIDS, of_bundle, rules_of
from tollhouse.wiring.renewing import NOTHING, Bundled, Renewing, stamped

log = logging.getLogger("tollhouse")


class Trust:
    """Who vouches for what callers show."""

    def __init__(self, settings: Settings) -> None:
        """Raises BundleInvalid, OSError."""
        self.agent = _agent(settings)
        self.bundles = {
            name: _bundle(name, each, settings, self.agent)
            for name, each in settings.authorities.items()
        }
        authorities = [
            Authority(
                name,
                Bundled(self.bundles[name], each.stale_s),
                each.trust_domain,
                rules_of(each.rules),
            )
            for name, each in settings.authorities.items()
        ]
        self.certificates = Certificates(authorities)

    def believed(self) -> bytes:
        """All roots as they are now, in DER."""
        looked = [each.look(at_once=True) for each in self.bundles.values()]
        return b"".join({root: der for each in looked for root, der in each.items()}.values())

    def has_any(self) -> bool:
        """Whether anybody could show a certificate that is believed."""
        return any(each.made for each in self.bundles.values())

    def certificate_of(self, peer: ssl.SSLObject | None) -> Certificate | None:
        chain = listening.shown(peer) if peer is not None else ()
        return self.certificates.read(chain) if chain else None


def read_certificate(file: Path, settings: Settings) -> Certificate:
    """As it would be shown, once its chain was followed. Raises BundleInvalid, ChainInvalid, OSError."""
    trust = Trust(settings)
    with file.open("rb") as opened:
        raw = opened.read(chains.MOST_BYTES + 1)
    bundles = [each.made for each in trust.bundles.values()]
    return trust.certificates.read(chains.chain(raw, bundles))


def known(settings: Settings) -> Mapping[str, Expected]:
    """What each authority's certificates stand for."""
    return {name: of_bundle(name, each) for name, each in settings.authorities.items()}


def door(
    settings: Settings,
    trust: Trust | None,
    broke: Callable[[Broken], None],
    agent: Announced[Svid] | None = None,
) -> Renewing[ssl.SSLContext]:
    """Its own certificate, and the roots of those who vouch for what is shown at it. `broke` is told of handshakes."""
    bundles = trust.bundles.values() if trust is not None else ()
    named = (settings.server.tls_certificate, settings.server.tls_key)
    files = [settings.at(each) for each in named if each is not None]

    def stamp() -> object:
        for each in bundles:
            each.look()
        return stamped(files), [each.times for each in bundles], agent and agent.times

    def make(own: Show | None = None) -> ssl.SSLContext:
        made = listening.tls(settings, trust.believed() if trust is not None else b"", own)
        if made is None:
            raise FileNotFoundError("there is no certificate")
        return watched(made, broke)

    what = "the certificate of the door"
    if agent is None:
        return Renewing(what, stamp, make)
    from tollhouse.wiring.workload_api import show

    blank = make(lambda _: None)  # nobody can speak with it
    return Renewing(what, stamp, lambda: make(partial(show, agent)), until_then=blank)


def unusable(settings: Settings) -> Iterator[Problem]:
    """Bundles that are there and are none, for what is asked of them."""
    asks = settings.server.client_certificates != "off"
    if settings.asks_agent and find_spec("h2") is None:
        found = "an agent that speaks HTTP/2, and no package for that"
        yield Problem("workload_api.socket", found, "`pip install 'tollhouse[spiffe]'` first")
    for name, authority in settings.authorities.items():
        if authority.bundle_file is None:
            continue  # what the agent says is looked at when it says it
        path = settings.at(authority.bundle_file)
        try:
            if asks or not authority.audiences:
                roots_in(path)
            if authority.audiences:
                key_set(read_file(path), OF_SVIDS, FOR_SVIDS)
        except (BundleInvalid, KeySetInvalid, OSError) as error:
            place = dotted(("authorities", name, "bundle_file"))
            found = f"what cannot be used: {error}"
            yield Problem(
                place, found, "roots in PEM, or a SPIFFE bundle with what is needed of it"
            )


def _agent(settings: Settings) -> Announced[Said] | None:
    if not settings.announced:
        return None
    from tollhouse.wiring.workload_api import of_certificates

    return of_certificates(settings)


def _bundle(
    name: str, authority: AuthoritySettings, settings: Settings, agent: Announced[Said] | None
) -> Renewing[Roots]:
    what, file = f"the trust bundle of {name}", authority.bundle_file
    if file is not None:
        path = settings.at(file)
        return Renewing(what, partial(stamped, [path]), partial(roots_in, path))
    if agent is None:
        raise FileNotFoundError(f"nobody has {what}")
    make = partial(_announced, authority.trust_domain or "", agent)
    return Renewing(what, lambda: agent.times, make, until_then=NOTHING)


def roots_in(path: Path) -> Roots:
    with path.open("rb") as file:
        return roots(file.read(MOST_BYTES + 1))


def _announced(trust_domain: str, agent: Announced[Said]) -> Roots:
    """None at all, once the agent says nothing of that trust domain any more."""
    said = agent.said.get(trust_domain)
    if said is None:
        log.warning("the Workload API has no bundle of %s: nobody comes in by it", trust_domain)
        return NOTHING
    return announced_roots(said)
