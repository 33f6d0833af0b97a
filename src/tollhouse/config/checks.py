"""What does not go together, or is not safe, though each part is valid by itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tollhouse.config import authorities, issuers, names, providers, static_tokens, ways
from tollhouse.config.clash import Clash, idle
from tollhouse.config.problems import Place, shown
from tollhouse.config.secrets import StoredSecret
from tollhouse.config.settings import Settings
from tollhouse.config.wording import did_you_mean

PEPPER_BYTES = 32


def clashes(settings: Settings) -> Iterator[Clash]:
    return chain(
        _authenticator(settings),
        _exposure(settings),
        _origins(settings),
        _certificates(settings),
        _listeners(settings),
        _peppers(settings),
        _vault(settings),
        _idle_settings(settings),
        _console(settings),
        providers.clashes(settings),
        ways.clashes(settings),
        _targets(settings),
        _tasks(settings),
        names.clashes(settings),
        issuers.clashes(settings),
        static_tokens.clashes(settings),
        authorities.clashes(settings),
    )


def _authenticator(settings: Settings) -> Iterator[Clash]:
    if not settings.auth.virtual_keys:
        yield Clash(
            (("auth", "virtual_keys"),),
            "false, and no other way to prove who calls",
            "true",
            "A gateway without authentication does not start. To try it out, make a key: `tollhouse keys create`.",
        )


def _exposure(settings: Settings) -> Iterator[Clash]:
    server = settings.server
    if server.ends_tls or server.trusted_proxies:
        return
    for section, listen in (("server", server.listen), ("admin", settings.admin.listen)):
        if listen is None or listen.is_loopback:
            continue
        yield Clash(
            ((section, "listen"), ("server", "tls_certificate"), ("server", "trusted_proxies")),
            f"{listen}, which others can reach, without TLS",
            "a loopback address, or TLS",
            "Set `tls_certificate` and `tls_key`; or, if TLS ends at a proxy, its addresses as `trusted_proxies`.",
        )


def _origins(settings: Settings) -> Iterator[Clash]:
    server = settings.server
    if "*" in server.cors_origins and server.cors_credentials:
        yield Clash(
            (("server", "cors_origins"), ("server", "cors_credentials")),
            'credentials for "*", which is every page that anybody visits',
            "the origins that may, or no credentials",
        )


def _certificates(settings: Settings) -> Iterator[Clash]:
    if settings.server.shows_svid and settings.server.tls_certificate is not None:
        here, there = ("server", "tls_certificate"), ("server", "certificate_from")
        yield idle(here, there, "it comes from the agent")
    for name, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        path = getattr(settings.server, name)
        here, there = ("server", name), ("server", other)
        if path is None and getattr(settings.server, other) is not None:
            yield Clash((here, there), "nothing", f"a path, because `{other}` is set")
        else:
            yield from _missing(settings, here, path)
    if settings.limits.is_encrypted:
        yield from _missing(settings, ("limits", "ca_file"), settings.limits.ca_file)


def _missing(settings: Settings, place: Place, path: Path | None) -> Iterator[Clash]:
    if path is not None and not settings.at(path).is_file():
        about = (place, ("data_dir",))
        yield Clash(about, f"no file at {settings.at(path)}", "a PEM file that is there")


def _listeners(settings: Settings) -> Iterator[Clash]:
    api, metrics, admin = settings.server.listen, settings.metrics.listen, settings.admin.listen
    for name, listen, other, theirs, whose in (
        ("metrics", metrics, "server", api, "the API"),
        ("admin", admin, "server", api, "the API"),
        ("admin", admin, "metrics", metrics, "the metrics listener"),
    ):
        if listen is not None and theirs is not None and listen.collides_with(theirs):
            yield Clash(
                ((name, "listen"), (other, "listen")),
                f"{listen}, where {whose} listens at {theirs}",
                'a port of its own, or "off"',
            )


def _console(settings: Settings) -> Iterator[Clash]:
    console, listen = settings.console, settings.admin.listen
    about = (("console", "url"), ("admin", "listen"))
    if listen is None:
        for name in sorted(console.model_fields_set):
            found = "a setting without effect: there is no admin listener"
            yield Clash((("console", name), about[1]), found, "nothing")
    elif console.url is not None and settings.server.ends_tls and "http:" in console.url:
        yield Clash(about, "http, and the listener speaks TLS", "https")
    elif (
        console.url is not None
        and console.url.startswith("https:")
        and not (settings.server.ends_tls or settings.server.trusted_proxies)
    ):
        found = "https, and nothing here ends TLS"
        yield Clash((*about, ("server", "trusted_proxies")), found, "a certificate, or a proxy")


def _peppers(settings: Settings) -> Iterator[Clash]:
    auth = settings.auth
    for version, secret in auth.peppers.items():
        size = len(secret.reveal().encode())
        if size < PEPPER_BYTES:
            yield Clash(
                (("auth", "peppers", str(version)),),
                f"{secret.reference} has {size} bytes",
                f"a secret of at least {PEPPER_BYTES} bytes",
                "Make one: `openssl rand -hex 32`.",
            )
    if not auth.peppers and not settings.store.is_sqlite:
        yield Clash(
            (("auth", "peppers"), ("store", "url")),
            "nothing",
            "a pepper that all gateways on this PostgreSQL share",
            "Make one with `openssl rand -hex 32`, give it to each of them, and set "
            '`peppers = { 1 = "env:TOLLHOUSE_PEPPER" }` under [auth].',
        )
    elif auth.pepper_version not in (set(auth.peppers) or {1}):
        yield Clash(
            (("auth", "pepper_version"), ("auth", "peppers")),
            f"the number {auth.pepper_version}",
            "a version that is listed in `peppers`"
            if auth.peppers
            else "1, the pepper that is made here",
        )


def _vault(settings: Settings) -> Iterator[Clash]:
    vault = settings.vault
    for version, secret in vault.keys.items():
        size = len(secret.reveal().encode())
        if size < PEPPER_BYTES:
            yield Clash(
                (("vault", "keys", str(version)),),
                f"{secret.reference} has {size} bytes",
                f"a secret of at least {PEPPER_BYTES} bytes",
                "Make one: `openssl rand -hex 32`.",
            )
    wanted = [key for key, secret in settings.secrets() if isinstance(secret, StoredSecret)]
    if wanted and not vault.keys:
        place: Place = tuple(wanted[0].split("."))
        expected = "the key that secrets of the store are wrapped by"
        yield Clash((("vault", "keys"), place), "nothing", expected)
    elif vault.keys and vault.key_version not in vault.keys:
        about = (("vault", "key_version"), ("vault", "keys"))
        yield Clash(about, str(vault.key_version), "one of the versions that are listed")


def _idle_settings(settings: Settings) -> Iterator[Clash]:
    """Nothing in the file is silently without effect."""
    if settings.store.password and settings.store.is_sqlite:
        yield idle(("store", "password"), ("store", "url"), "SQLite has no password")
    if settings.limits.password and not settings.limits.is_shared:
        yield idle(("limits", "password"), ("limits", "store"), "memory has no password")
    if settings.limits.ca_file and not settings.limits.is_encrypted:
        yield idle(("limits", "ca_file"), ("limits", "store"), "it is not `valkeys://…`")
    if settings.limits.unreachable != "refuse" and not settings.limits.is_shared:
        yield idle(("limits", "unreachable"), ("limits", "store"), "memory is always there")
    if settings.limits.burst and not settings.limits.requests_per_minute:
        yield idle(
            ("limits", "burst"), ("limits", "requests_per_minute"), "`requests_per_minute` is 0"
        )


def _targets(settings: Settings) -> Iterator[Clash]:
    for name, model in settings.models.items():
        for index, target in enumerate(model.targets):
            if target.provider not in settings.providers:
                yield Clash(
                    (("models", name, "targets", index), ("providers", target.provider)),
                    f"the provider {shown(target.provider)}, which is not declared",
                    "one of " + ", ".join(settings.providers)
                    if settings.providers
                    else "a provider that is declared under [providers]",
                    did_you_mean(target.provider, settings.providers),
                )


def _tasks(settings: Settings) -> Iterator[Clash]:
    """What a model is said to do, one of its targets can do: else every such call would fail."""
    for name, model in settings.models.items():
        providers = [settings.providers.get(target.provider) for target in model.targets]
        for task in model.does:
            if not any(it is None or it.tasks is None or task in it.tasks for it in providers):
                yield Clash(
                    (("models", name, "does"), ("models", name, "targets")),
                    f'"{task}", which no provider of its targets offers',
                    "what one of them can be asked for",
                )
