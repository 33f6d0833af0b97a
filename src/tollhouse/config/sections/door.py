"""The door: where it listens, what it takes, and what is served beside the API."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from types import NoneType
from typing import Annotated, Literal

from pydantic import Field

from tollhouse.config import addresses
from tollhouse.config.addresses import Listen
from tollhouse.config.fields import MIB, Count, FilePath, Seconds, Section, setting
from tollhouse.config.problems import Unfit, shown
from tollhouse.config.texts import Text
from tollhouse.domain.ranges import Network

VERSION = 'numbers with dots between them, such as "0.13.5"'


def _version(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}(-[a-z0-9.]{1,20})?", text):
        raise Unfit(shown(text))
    return text


TENANT = "the id of a tenant: 1 to 39 of a-z, 0-9 and -"


def _tenant(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,38}", text):
        raise Unfit(shown(text))
    return text


Proxies = tuple[
    Annotated[Network, Text((IPv4Network, IPv6Network), addresses.read_network, addresses.NETWORK)],
    ...,
]
Names = tuple[Annotated[str, Text(str, addresses.read_host, addresses.HOST)], ...]
Origins = tuple[Annotated[str, Text(str, addresses.read_origin, addresses.ORIGIN)], ...]


class ServerSettings(Section):
    """The door: where it listens, and how much it takes at once."""

    listen: Annotated[Listen, Text(Listen, addresses.read_listen, addresses.LISTEN)] = setting(
        "Where the API is served. An address that others can reach needs TLS, or `trusted_proxies` "
        "when TLS ends at a proxy. Port 0 takes any free port.",
        "127.0.0.1:8400",
    )
    workers: int = setting(
        "Processes that serve. More than one shares the work among the cores of this machine.",
        1,
        ge=1,
        le=64,
    )
    tls_certificate: FilePath | None = setting(
        "The certificate chain, as a PEM file. Goes with `tls_key`."
    )
    tls_key: FilePath | None = setting(
        "The private key of the certificate, as a PEM file. Goes with `tls_certificate`."
    )
    certificate_from: Literal["file", "workload-api"] = setting(
        "Where the certificate and its key come from: the two files, or the agent of [workload_api]. Then it is the "
        "X.509-SVID of this gateway, and another one as soon as the agent has it.",
        "file",
    )
    client_certificates: Literal["off", "optional", "required"] = setting(
        "Whether callers are asked for a certificate of one of [authorities]: not at all, or so that those who have "
        "none come by a key or a token, or so that nobody comes without. Then TLS 1.3 is the least that is spoken.",
        "off",
    )
    trusted_proxies: Proxies = setting(
        "Networks of proxies at which TLS ends. Naming them allows an address that others can "
        "reach without TLS of our own. Only what they say of the caller's address is believed.",
        (),
        strict=False,
    )
    drain_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = setting(
        "How long calls under way may go on after the gateway was asked to stop.", 30
    )
    notice_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = setting(
        "How long new connections are still taken after the gateway was asked to stop. "
        "`/health/ready` answers 503 meanwhile, so that a balancer has time to look elsewhere.",
        0,
    )
    max_body_bytes: int = setting(
        "The largest body that is read. A larger one is refused with `body_too_large`.",
        MIB,
        ge=1024,
        le=64 * MIB,
    )
    require_content_length: bool = setting(
        "Refuse bodies that come in chunks, without a declared length, with `length_required`.",
        default=False,
    )
    hosts: Names = setting(
        "Names by which callers may reach the gateway, as they stand in `Host`, without a port. A "
        "loopback listener always takes its own address and `localhost`, and nothing else that is "
        "not listed. Any other listener takes every name if none is listed.",
        (),
        strict=False,
    )
    cors_origins: Origins = setting(
        'Web pages that may call from a browser, such as "https://chat.example.com"; "*" is any. '
        "None by default.",
        (),
        strict=False,
    )
    cors_credentials: bool = setting(
        "Let these pages send cookies and client certificates. Keys need no such permission.",
        default=False,
    )
    header_s: Seconds = setting("How long the head of a request may take to arrive.", 10)
    body_s: Seconds = setting(
        "How long a request's body may take to arrive, and a second more for each 128 KiB of it. Slower "
        "than 1 KiB a second is too slow in any case.",
        60,
    )
    idle_s: Seconds = setting("How long a connection may wait for its next request.", 75)
    stall_s: Seconds = setting(
        "How long a caller may leave an answer unread before it is cut off.", 120
    )
    max_connections_per_address: int = setting(
        "Connections that one address may have open, in each worker. 0 sets no limit. Trusted "
        "proxies have none.",
        1024,
        ge=0,
        le=1_000_000,
    )
    max_concurrent_requests: int = setting(
        "Requests under way at one time, in each worker. More are refused until one ends; those of "
        "keys of low priority from 70 % of it on, of normal priority from 90 %.",
        2048,
        ge=1,
        le=100_000,
    )
    max_lag_ms: int = setting(
        "How late the event loop may be, before calls are refused in the same order.",
        500,
        ge=10,
        le=60_000,
    )

    @property
    def shows_svid(self) -> bool:
        """Whether its certificate comes from the agent."""
        return self.certificate_from == "workload-api"

    @property
    def ends_tls(self) -> bool:
        return self.tls_certificate is not None or self.shows_svid


class MetricsSettings(Section):
    """Figures for Prometheus, on a port of their own."""

    listen: Annotated[
        Listen | None,
        Text(
            (Listen, NoneType),
            addresses.read_listen_or_off,
            addresses.LISTEN_OR_OFF,
            lambda listen: str(listen or "off"),
        ),
    ] = setting(
        "Where `/metrics` is served, without a credential: keep it where only your monitoring can "
        "reach it. `off` serves none.",
        "127.0.0.1:9400",
    )


class AdminSettings(Section):
    """The admin API, on a listener of its own. So far it serves the OpenAPI document."""

    listen: Annotated[
        Listen | None,
        Text(
            (Listen, NoneType),
            addresses.read_listen_or_off,
            addresses.LISTEN_OR_OFF,
            lambda listen: str(listen or "off"),
        ),
    ] = setting(
        'Where it is served, to those who bear a token of `tollhouse admin token`; "127.0.0.1:8401" is '
        "the usual place. An address that others can reach needs the TLS of [server], or its "
        "`trusted_proxies`.",
        "off",
    )


class ConsoleSettings(Section):
    """Logging on with a browser, on the admin listener."""

    url: Annotated[str, Text(str, addresses.read_console, addresses.CONSOLE)] | None = setting(
        "How browsers reach the admin listener: scheme, host and port. It has to be `https`, but on loopback. "
        "Left out, it is the listener's own address, where that is a loopback one; else nobody logs on. What is not "
        "the listener's own name stands in `server.hosts` as well."
    )
    idle_s: int = setting(
        "How long a session may be unused before it is over.", 1_800, ge=60, le=86_400
    )
    longest_s: int = setting(
        "How long a session may last, however much it is used.", 43_200, ge=300, le=604_800
    )


class OtariSettings(Section):
    """otari's paths for keys, users, budgets, prices and usage, for its own clients. `--profile otari` serves them."""

    tenant: Annotated[str, Text(str, _tenant, TENANT)] | None = setting(
        "The tenant that otari's clients administrate under `/v1/keys` and the like, beside the calls, with a "
        "token of `tollhouse admin token`. Without one these paths are not there."
    )


class OpencodeSettings(Section):
    """OpenCode's paths for logging in and out. `--profile opencode` serves them."""

    tenant: Annotated[str, Text(str, _tenant, TENANT)] | None = setting(
        "The tenant whose users log in under `/api/v1/auth/token`. Without one these paths are not there."
    )


class OllamaSettings(Section):
    """Ollama's API under `/api`, for its own clients."""

    max_body_bytes: int = setting(
        "The largest body that `/api/chat` and `/api/generate` take: their images are in it.",
        10 * MIB,
        ge=1024,
        le=64 * MIB,
    )
    open_names: bool = setting(
        "Answer `/api/tags` and `/api/show` without a key too, with the names of all models: some "
        "clients ask before they show theirs.",
        default=False,
    )
    any_content_type: bool = setting(
        "Take a body under `/api` as whatever it is sent: `curl -d` names a form, and some clients nothing. It "
        "must be JSON all the same. Without it, what is not sent as `application/json` is refused with 415.",
        default=False,
    )
    version: Annotated[str, Text(str, _version, VERSION)] = setting(
        "What `/api/version` says. Clients compare it with the least they need; Codex takes 0.13.4.",
        "0.13.5",
    )


class UploadsSettings(Section):
    """Bodies that are forms. Until its call is over, each is kept in `uploads` of `data_dir`, without a name."""

    max_disk_bytes: int = setting(
        "What all uploads under way may take of the disk, shared by the workers. What has no room is refused "
        "with `uploads_full`.",
        4096 * MIB,
        ge=MIB,
        le=2**50,
    )


class FilesSettings(Section):
    """What callers may keep at providers with `keeps_files`."""

    max_bytes: int = setting(
        "The largest file that is taken. What comes back is bounded by the provider's `max_answer_bytes`.",
        512 * MIB,
        ge=1024,
        le=1024 * MIB,
    )
    max_files: Count = setting("How many files a project may have at one time.", 1000)
    max_batch_lines: int = setting(
        "How many calls one batch may have. Each is as large as `max_body_bytes` of [server] at most.",
        10_000,
        ge=1,
        le=50_000,
    )
    look_every_s: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = setting(
        "How often the gateway looks at a batch that nobody asks about, to settle it once it has ended.",
        60,
    )
