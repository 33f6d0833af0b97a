"""Whose certificates callers may show, as the settings name them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import partial

from tollhouse.auth.bundles import MOST_BYTES, BundleInvalid, Roots, roots
from tollhouse.auth.certificates import Authority, Certificates
from tollhouse.auth.fetching import read_file
from tollhouse.auth.key_sets import FOR_SVIDS, KeySetInvalid, key_set
from tollhouse.config import Settings
from tollhouse.config.problems import Problem, dotted
from tollhouse.config.sections.authorities import AuthoritySettings
from tollhouse.domain.certificates import Certificate
from tollhouse.server import listening
from tollhouse.wiring.issuers import OF_SVIDS, rules_of
from tollhouse.wiring.renewing import Bundled, Renewing, stamped


class Trust:
    """Who vouches for what callers show."""

    def __init__(self, settings: Settings) -> None:
        """Raises BundleInvalid, OSError."""
        self.bundles = {
            name: Renewing(
                f"the trust bundle of {name}",
                partial(stamped, [settings.at(each.bundle_file)]),
                partial(_roots, each, settings),
            )
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

    def certificate_of(self, peer: ssl.SSLObject | None) -> Certificate | None:
        chain = listening.shown(peer) if peer is not None else ()
        return self.certificates.read(chain) if chain else None


def door(settings: Settings, trust: Trust | None) -> Renewing[ssl.SSLContext]:
    """Its own certificate, and the roots of those who vouch for what is shown at it."""
    bundles = trust.bundles.values() if trust is not None else ()
    named = (settings.server.tls_certificate, settings.server.tls_key)
    files = [settings.at(each) for each in named if each is not None]

    def stamp() -> object:
        for each in bundles:
            each.look()
        return stamped(files), [each.times for each in bundles]

    def make() -> ssl.SSLContext:
        made = listening.tls(settings, trust.believed() if trust is not None else b"")
        if made is None:
            raise FileNotFoundError("there is no certificate")
        return made

    return Renewing("the certificate of the door", stamp, make)


def unusable(settings: Settings) -> Iterator[Problem]:
    """Bundles that are there and are none, for what is asked of them."""
    asks = settings.server.client_certificates != "off"
    for name, authority in settings.authorities.items():
        try:
            if asks or not authority.audiences:
                _roots(authority, settings)
            if authority.audiences:
                key_set(read_file(settings.at(authority.bundle_file)), OF_SVIDS, FOR_SVIDS)
        except (BundleInvalid, KeySetInvalid, OSError) as error:
            place = dotted(("authorities", name, "bundle_file"))
            found = f"what cannot be used: {error}"
            yield Problem(
                place, found, "roots in PEM, or a SPIFFE bundle with what is needed of it"
            )


def _roots(authority: AuthoritySettings, settings: Settings) -> Roots:
    with settings.at(authority.bundle_file).open("rb") as file:
        return roots(file.read(MOST_BYTES + 1))
