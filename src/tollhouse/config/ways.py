"""Whether a provider's URL leads where the gateway may go, as far as the file alone can tell."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.config.clash import Clash
from tollhouse.config.problems import Place, dotted
from tollhouse.config.sections.books import AlertsSettings
from tollhouse.config.sections.issuers import IssuerSettings
from tollhouse.config.sections.providers import ProviderSettings
from tollhouse.config.settings import Settings
from tollhouse.domain.addresses import Doors
from tollhouse.domain.permits import at_sight, for_provider
from tollhouse.domain.urls import Url, parse

TLS = ("ca_file", "client_certificate", "client_key")


def clashes(settings: Settings) -> Iterator[Clash]:
    for name, provider in settings.providers.items():
        place = ("providers", name)
        if provider.base_url is None:
            yield from _idle(place, provider, f'a provider of the kind "{provider.kind}" is here')
            continue
        url = parse(provider.base_url)
        yield from destination(place, url, provider, settings)
        yield from _certificates(place, url, provider, settings)
        if provider.tokens_url is not None:
            yield from destination(
                place, parse(provider.tokens_url), provider, settings, "token_url"
            )
    if settings.alerts.url is not None:
        yield from destination(("alerts",), parse(settings.alerts.url), settings.alerts, settings)


def to_declare(place: Place) -> str:
    """The line that mends it, for a host on the premises."""
    return f'If it is on your premises, set `networks = ["10.0.0.0/8"]`, with its own network, under [{dotted(place)}].'


def destination(
    place: Place,
    url: Url,
    provider: ProviderSettings | AlertsSettings | IssuerSettings,
    settings: Settings,
    name: str = "url",
) -> Iterator[Clash]:
    permit = for_provider(url, provider.networks, Doors(settings.listeners))
    refused = at_sight(url, permit)
    here, networks = (*place, name), (*place, "networks")
    if refused is not None and refused.rule == "own-listener":
        found = f"{url.authority}, where this gateway itself listens"
        listeners: tuple[Place, ...] = (
            ("server", "listen"),
            ("metrics", "listen"),
            ("admin", "listen"),
        )
        yield Clash((here, *listeners), found, "a provider")
    elif refused is not None:
        why = "Key and content could be read on the way."
        yield Clash((here, networks), f"http to {refused}", "https", why)
    elif permit.is_plain and not permit.networks:
        found = f"http to {url.host}, which may be anywhere"
        yield Clash((here, networks), found, "https, or a host on the premises", to_declare(place))


def _certificates(
    place: Place, url: Url, provider: ProviderSettings, settings: Settings
) -> Iterator[Clash]:
    if not url.is_tls:
        for name in TLS:
            if getattr(provider, name) is not None:
                yield _without_effect((*place, name), (*place, "url"), "the URL is no https")
        return
    for name in TLS:
        path = getattr(provider, name)
        if path is not None and not settings.at(path).is_file():
            about = ((*place, name), ("data_dir",))
            yield Clash(about, f"no file at {settings.at(path)}", "a PEM file that is there")
    for name, other in (TLS[1:], TLS[:0:-1]):
        if getattr(provider, name) is None and getattr(provider, other) is not None:
            pair = ((*place, name), (*place, other))
            yield Clash(pair, "nothing", f"a path, because `{other}` is set")


def _idle(place: Place, provider: ProviderSettings, because: str) -> Iterator[Clash]:
    for name in ("networks", *TLS):
        if getattr(provider, name):
            yield _without_effect((*place, name), (*place, "kind"), because)


def _without_effect(place: Place, cause: Place, because: str) -> Clash:
    return Clash((place, cause), f"a setting without effect: {because}", "nothing")
