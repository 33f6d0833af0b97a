"""SPIFFE's agent of this host, as the settings name it."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TypeVar

from tollhouse.auth import workload_api
from tollhouse.auth.announced import Announced
from tollhouse.auth.own_svid import Svid, own_svid
from tollhouse.auth.workload_api import METADATA, MOST_BYTES, Said
from tollhouse.config import Settings
from tollhouse.domain.addresses import Doors
from tollhouse.domain.endpoints import Endpoint
from tollhouse.domain.permits import for_provider
from tollhouse.domain.urls import parse
from tollhouse.upstream.grpc_answer import Answer
from tollhouse.upstream.grpc_call import Patience, messages
from tollhouse.upstream.near import connected
from tollhouse.upstream.way import Way
from tollhouse.wiring.ways import is_ours

AUTHORITY = "localhost"

T = TypeVar("T")


def of_certificates(settings: Settings) -> Announced[Said]:
    what = "what the Workload API says of roots"
    return _announced(what, settings, workload_api.X509_BUNDLES, workload_api.x509_bundles)


def of_tokens(settings: Settings) -> Announced[Said]:
    what = "what the Workload API says of keys"
    return _announced(what, settings, workload_api.JWT_BUNDLES, workload_api.jwt_bundles)


def of_ourselves(settings: Settings) -> Announced[Svid]:
    return _announced("our own SVID", settings, workload_api.X509_SVIDS, own_svid)


def show(agent: Announced[Svid], context: ssl.SSLContext) -> None:
    """The key is in no file: what TLS reads is in memory, and gone after that. Raises OSError."""
    memory = os.memfd_create("svid")
    try:
        os.write(memory, agent.said.pem)
        context.load_cert_chain(f"/proc/self/fd/{memory}")
    finally:
        os.close(memory)


def _announced(
    what: str, settings: Settings, method: str, read: Callable[[bytes], T]
) -> Announced[T]:
    endpoint = settings.workload_api.socket
    if endpoint is None:
        raise FileNotFoundError("there is no `socket` of the Workload API")
    connect = partial(connected, endpoint, _way(endpoint, settings))

    def listen() -> AsyncGenerator[bytes, None]:
        return messages(connect, Answer(method, AUTHORITY, METADATA, MOST_BYTES), Patience())

    return Announced(what, listen, read)


def _way(endpoint: Endpoint, settings: Settings) -> Way | None:
    """An address of loopback is gone to as to a provider: never to a door of our own."""
    if endpoint.path:
        return None
    url = parse(f"http://{str(endpoint).removeprefix('tcp://')}")
    return Way(url, for_provider(url, (), Doors(settings.listeners, is_ours)))
