"""Sockets and TLS, opened before anything is promised."""

from __future__ import annotations

import resource
import socket
import ssl
from contextlib import suppress

from tollhouse.config import Listen, Settings

BACKLOG = 2048
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


def tls(settings: Settings) -> ssl.SSLContext | None:
    certificate, key = settings.server.tls_certificate, settings.server.tls_key
    if certificate is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.at(certificate), settings.at(key))
    return context


def url_of(listener: socket.socket, *, is_tls: bool) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if is_tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
