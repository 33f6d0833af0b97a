"""Sockets and TLS, opened before anything is promised."""

from __future__ import annotations

import resource
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from tollhouse.config import Listen, Settings

BACKLOG = 2048
DER = 2
"""As the `ssl` module numbers it."""

Show = Callable[[ssl.SSLContext], None]
"""Gives it the door's own certificate."""

MOST_UNSENT = 64 * 1024
"""What the system keeps of an answer that cannot be sent yet: for whoever reads slowly, megabytes."""


def listen(address: Listen) -> socket.socket:
    """A listening socket. Raises OSError with the address in its text."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{address} cannot be listened on: {error.strerror}") from error
    listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return listener


def make_room() -> None:
    """As many open files as the system allows this process: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # then as many as it has
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def tls(settings: Settings, roots: bytes = b"", own: Show | None = None) -> ssl.SSLContext | None:
    """As the settings have it; `roots`, in DER, are whom callers' certificates may come from."""
    show = own or _files(settings)
    if show is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    show(context)
    if settings.server.client_certificates != "off":
        _ask(context, roots, is_needed=settings.server.client_certificates == "required")
    return context


def _files(settings: Settings) -> Show | None:
    certificate, key = settings.server.tls_certificate, settings.server.tls_key
    if certificate is None or key is None:
        return None
    return lambda context: context.load_cert_chain(settings.at(certificate), settings.at(key))


def shown(peer: ssl.SSLObject) -> Sequence[bytes]:
    """The chain that was followed, in DER and the leaf first; nothing where none was shown."""
    if sys.version_info >= (3, 13):
        return peer.get_verified_chain()
    inner = peer._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - before 3.13 nothing else knows it
    return [each.public_bytes(DER) for each in inner.get_verified_chain() or ()]


def _ask(context: ssl.SSLContext, roots: bytes, *, is_needed: bool) -> None:
    """Before TLS 1.3 a certificate goes in clear; a session that goes on later has none that is looked at."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED if is_needed else ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a root is who is named one
    if roots:
        context.load_verify_locations(cadata=roots)


def url_of(listener: socket.socket, *, is_tls: bool) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if is_tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
