"""Whom we believe to be who they say. There is no way to believe everybody."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path


@cache
def system_roots() -> ssl.SSLContext:
    """Certificates and host names are checked. Made at first use: reading the roots takes a while."""
    return trusting(None, None)


def trusting(ca_file: Path | None, client: tuple[Path, Path] | None) -> ssl.SSLContext:
    """Believes the file's roots alone, or the system's; shows a certificate of its own if there is one.

    Raises OSError, of which ssl.SSLError is one, for files that cannot be used.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if client is not None:
        certificate, key = client
        context.load_cert_chain(certificate, key, password=_no_password)
    return context


def _no_password() -> str:
    """Instead of a question on the terminal."""
    return ""
