"""Whose certificates callers may show, as the settings name them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from tollhouse.auth.bundles import MOST_BYTES, BundleInvalid, Roots, roots
from tollhouse.auth.certificates import Authority, Certificates
from tollhouse.config import Settings
from tollhouse.config.problems import Problem, dotted
from tollhouse.config.sections.authorities import AuthoritySettings
from tollhouse.domain.certificates import Certificate
from tollhouse.server import listening
from tollhouse.wiring.issuers import rules_of


@dataclass(frozen=True, slots=True)
class Fixed:
    """Implements Bundle."""

    roots: Roots


class Trust:
    """The door's TLS, and who vouches for what is shown there."""

    def __init__(self, settings: Settings) -> None:
        """Raises BundleInvalid, OSError."""
        authorities = [
            Authority(name, Fixed(_roots(each, settings)), each.trust_domain, rules_of(each.rules))
            for name, each in settings.authorities.items()
        ]
        self.certificates = Certificates(authorities)
        believed = {root: der for each in authorities for root, der in each.bundle.roots.items()}
        self.tls = listening.tls(settings, b"".join(believed.values()))

    def certificate_of(self, peer: ssl.SSLObject | None) -> Certificate | None:
        chain = listening.shown(peer) if peer is not None else ()
        return self.certificates.read(chain) if chain else None


def unusable(settings: Settings) -> Iterator[Problem]:
    """Bundles that are there and are none."""
    for name, authority in settings.authorities.items():
        try:
            _roots(authority, settings)
        except (BundleInvalid, OSError) as error:
            place = dotted(("authorities", name, "bundle_file"))
            found = f"what cannot be used: {error}"
            yield Problem(place, found, "roots in PEM, or a SPIFFE bundle with certificates")


def _roots(authority: AuthoritySettings, settings: Settings) -> Roots:
    with settings.at(authority.bundle_file).open("rb") as file:
        return roots(file.read(MOST_BYTES + 1))
