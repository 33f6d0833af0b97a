"""What works, and yet an operator should know."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tollhouse.config.addresses import is_loopback
from tollhouse.config.problems import Problem, dotted
from tollhouse.config.secrets import file_of, is_readable_by_others
from tollhouse.config.settings import Settings

ENCRYPTED = {"require", "verify-ca", "verify-full"}


def warnings(settings: Settings) -> list[Problem]:
    """Nothing of this keeps the gateway from starting. Looks at the files of secrets."""
    return list(
        chain(
            _exposed_files(settings),
            _open_metrics(settings),
            _plain_database(settings),
            _no_tokens(settings),
            _no_models(settings),
        )
    )


def exposed_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Secrets that others on this machine can read, each with its key."""
    paths = [(key, file_of(secret, settings.data_dir)) for key, secret in settings.secrets()]
    if settings.server.tls_key:
        paths.append(("server.tls_key", settings.at(settings.server.tls_key)))
    for name, provider in settings.providers.items():
        if provider.client_key:
            paths.append(
                (dotted(("providers", name, "client_key")), settings.at(provider.client_key))
            )
    for name, table in settings.static_tokens.items():
        if table.file:
            paths.append((dotted(("static_tokens", name, "file")), settings.at(table.file)))
    paths.append(("audit.key", settings.at(settings.audit.key)))
    for key, path in paths:
        if path is not None and is_readable_by_others(path):
            yield key, path


def is_encrypted(url: str) -> bool:
    """Whether the way to a PostgreSQL database is, or need not be."""
    parts = urlsplit(url)
    if parts.hostname is None or is_loopback(parts.hostname):
        return True
    return bool(ENCRYPTED & set(parse_qs(parts.query).get("sslmode", ())))


def _exposed_files(settings: Settings) -> Iterator[Problem]:
    for key, path in exposed_files(settings):
        yield Problem(
            key,
            f"{path} can be read by other users",
            "a file that only its owner can read",
            f"Run `chmod 600 {path}`.",
        )


def _open_metrics(settings: Settings) -> Iterator[Problem]:
    listen = settings.metrics.listen
    if listen is not None and not listen.is_loopback:
        yield Problem(
            "metrics.listen",
            f"{listen}, which others can reach",
            "an address that only your monitoring can reach",
            "Metrics are served without a credential.",
        )


def _plain_database(settings: Settings) -> Iterator[Problem]:
    for key, text in (("store.url", settings.store.url), ("limits.store", settings.limits.store)):
        url = urlsplit(text)
        if url.hostname is None or is_loopback(url.hostname):
            continue
        is_encrypted_so = (
            settings.limits.is_encrypted if key == "limits.store" else is_encrypted(text)
        )
        if not is_encrypted_so:
            yield Problem(
                key,
                f"a connection to {url.hostname} that may not be encrypted",
                "valkeys://… or a host that is reached over a network of your own"
                if key == "limits.store"
                else "sslmode=verify-full in the URL",
            )


def _no_tokens(settings: Settings) -> Iterator[Problem]:
    for name, table in settings.static_tokens.items():
        if table.file and not settings.at(table.file).is_file():
            yield Problem(
                dotted(("static_tokens", name, "file")),
                f"no file at {settings.at(table.file)}",
                "a file that is there before its tokens are shown",
                "Until then nobody comes in by it.",
            )


def _no_models(settings: Settings) -> Iterator[Problem]:
    if not settings.models:
        yield Problem(
            "models",
            "nothing",
            "at least one model",
            "Until then every call is refused with `model_unknown`.",
        )
