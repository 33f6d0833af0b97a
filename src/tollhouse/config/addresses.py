"""Addresses as they stand in the file: listeners, proxies, databases, providers, targets.

Each `read_…` returns the value or raises Unfit. What stands before an @ or after a ? in a URL
may be a secret and is never shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from tollhouse.config.problems import Unfit, shown
from tollhouse.domain.addresses import Permit, read
from tollhouse.domain.permits import at_sight, for_provider
from tollhouse.domain.ranges import Network, is_declarable
from tollhouse.domain.urls import UrlInvalid, parse

LISTEN = 'an IP address and a port, such as "127.0.0.1:8400" or "[::1]:8400"'
LISTEN_OR_OFF = 'an IP address and a port, such as "127.0.0.1:9400", or "off"'
NETWORK = 'a network, such as "10.0.0.0/8" or "192.0.2.7/32"'
HOST = 'a host name or address without a port, such as "llm.example.com"'
CONSOLE = 'an https origin, such as "https://gate.example.com", or one on loopback'
ORIGIN = 'a scheme and a host, such as "https://chat.example.com", or "*"'
API_VERSION = 'a day, such as "2024-10-21" or "2025-04-01-preview"'
REGION = 'a region, such as "eu-central-1"'
PROJECT = 'the id of a project, such as "my-project-1"'
ROLE = 'the ARN of a role, such as "arn:aws:iam::123456789012:role/llm"'
AUDIENCE = (
    'a provider of a pool, such as "//iam.googleapis.com/projects/1/locations/global/'
    'workloadIdentityPools/p/providers/k"'
)
DIRECTORY = 'an id, such as "72f988bf-86f1-41af-91ab-2d7cd011db47", or a domain'
BETA = 'the name of a beta, such as "interleaved-thinking-2025-05-14" or "interleaved-thinking-*"'
STORE = '"sqlite:PATH" or "postgresql://USER@HOST:PORT/DATABASE"'
COUNTERS = '"memory", "valkey://HOST:PORT/DATABASE", or with TLS "valkeys://…"'
HTTP = (
    'a URL such as "https://api.example.com/v1": http or https, a host, perhaps a port and a path'
)
TARGET = (
    'a provider and its name for the model, such as "openai:gpt-4.1", '
    'perhaps with its share of the calls: "openai:gpt-4.1 weight=3"'
)

HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a listener stands. Port 0 lets the system choose one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return ip_address(self.host).is_loopback

    def collides_with(self, other: Listen) -> bool:
        if self.port != other.port or not self.port:
            return False
        hosts = {ip_address(self.host), ip_address(other.host)}
        return len(hosts) == 1 or any(host.is_unspecified for host in hosts)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TargetName:
    """One model at one provider, by the names that the file and the provider use."""

    provider: str
    model: str
    weight: int | None = None
    """Its share of the calls, beside those of the others that have one."""

    @property
    def name(self) -> str:
        return f"{self.provider}:{self.model}"

    def __str__(self) -> str:
        return self.name if self.weight is None else f"{self.name} weight={self.weight}"


def read_host(text: str) -> str:
    """An address of version 6 stands in brackets, as it does in `Host`."""
    bare = text.removeprefix("[").removesuffix("]")
    if not HOST_NAME.fullmatch(text) and (read(bare) is None or text != f"[{bare}]"):
        raise Unfit(shown(text))
    return text.lower()


def read_origin(text: str) -> str:
    if text != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[a-z0-9._-]+(:[0-9]{1,5})?", text):
        raise Unfit(
            shown(text), hint="As browsers send it: lower case, no path, no slash at the end."
        )
    return text


def read_console(text: str) -> str:
    """An origin that cookies may be sent to."""
    match = re.fullmatch(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", text)
    if match is None:
        raise Unfit(shown(text))
    if match[1] == "http" and not is_loopback(match[2].strip("[]")):
        raise Unfit(shown(text), hint="Whoever is on the way could take the session.")
    return text


def read_api_version(text: str) -> str:
    if not re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(-preview)?", text):
        raise Unfit(shown(text))
    return text


def read_region(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise Unfit(shown(text))
    return text


def read_project(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.:-]{0,62}", text):
        raise Unfit(shown(text))
    return text


def read_directory(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}", text):
        raise Unfit(shown(text))
    return text


def read_beta(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}\*?|\*", text):
        raise Unfit(shown(text))
    return text


def read_listen(text: str) -> Listen:
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:]+)):([0-9]{1,5})", text)
    if match is None:
        raise Unfit(shown(text))
    host = "127.0.0.1" if match[2] == "localhost" else match[1] or match[2]
    address = read(host)
    if address is None or (address.version == 6) != bool(match[1]):
        raise Unfit(shown(text), hint="Names are not looked up here: write the address itself.")
    if int(match[3]) > 65535:
        raise Unfit(shown(text), hint="Ports end at 65535.")
    return Listen(str(address), int(match[3]))


def read_listen_or_off(text: str) -> Listen | None:
    return None if text == "off" else read_listen(text)


def read_role(text: str) -> str:
    if not re.fullmatch(
        r"arn:aws[a-z-]{0,20}:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", text, re.ASCII
    ):
        raise Unfit(shown(text))
    return text


def read_audience(text: str) -> str:
    if not re.fullmatch(r"//iam\.googleapis\.com/[A-Za-z0-9/_.-]{1,500}", text):
        raise Unfit(shown(text))
    return text


def read_network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Unfit(shown(text)) from None
    if network.prefixlen == 0:
        raise Unfit(
            f"{shown(text)}, which is everybody",
            hint="Name the networks that are meant: whoever is in here is trusted more than others.",
        )
    if "/" in text and text.split("/")[0] != str(network.network_address):
        raise Unfit(shown(text), hint=f'The network of this address is "{network}".')
    return network


def read_store(text: str) -> str:
    if text.startswith("sqlite:"):
        return _sqlite(text)
    if text.startswith("postgres://"):
        raise Unfit("the scheme postgres://", hint="Write postgresql:// instead.")
    url = _split(text, "postgresql")
    if not url.username or not url.path.strip("/"):
        raise Unfit("a URL without a user or without a database")
    if not url.hostname and "host=" not in url.query:
        raise Unfit("a URL without a host")
    return text


def read_counters(text: str) -> str:
    if text == "memory":
        return text
    if text.startswith(("redis://", "rediss://")):
        hint = f"Write valkey{'s' if text.startswith('rediss') else ''}:// instead."
        raise Unfit("a scheme of Redis", hint=hint)
    url = _split(text, "valkey", "valkeys")
    if not url.hostname:
        raise Unfit("a URL without a host")
    if url.query or not re.fullmatch(r"/?[0-9]{0,4}", url.path):
        raise Unfit("something other than the number of a database after the port")
    return text


def read_http(text: str) -> str:
    """Without a slash at the end. Refuses what no provider may be, whatever is declared."""
    try:
        url = parse(text)
    except UrlInvalid as invalid:
        hint = "Set `key` instead." if "user" in str(invalid) else None
        raise Unfit(f"a URL that is not taken: {invalid}", hint=hint) from None
    if url.query is not None:
        raise Unfit("a ? after the path (not shown)", hint="End the URL with its path.")
    refused = at_sight(url, Permit(for_provider(url).networks))
    if refused is not None:
        raise Unfit(
            f"the host {shown(url.host)}, which is {refused.rule}",
            expected="a host that is no metadata service, and of no range that nobody may call",
        )
    return text.rstrip("/")


def read_own_network(text: str) -> Network:
    """One on the premises, where a provider may be declared to stand."""
    network = read_network(text)
    if not is_declarable(network):
        raise Unfit(
            shown(text),
            expected="a private, shared or loopback network",
            hint="Public addresses need no declaration, and all others cannot be declared.",
        )
    return network


def read_target(text: str) -> TargetName:
    name, space, share = text.partition(" ")
    provider, _, model = name.partition(":")
    if not provider or not is_plain(model):
        raise Unfit(shown(text), hint="The first colon parts the provider from its model.")
    if not space:
        return TargetName(provider, model)
    weight = re.fullmatch(r"weight=([1-9][0-9]{0,3})", share.strip(" "))
    if weight is None:
        raise Unfit(
            shown(text), hint='After the name comes nothing, or " weight=N" from 1 to 9999.'
        )
    return TargetName(provider, model, int(weight[1]))


def is_plain(name: str) -> bool:
    """1 to 200 printable characters without a space."""
    return 0 < len(name) <= 200 and name.isprintable() and not any(c.isspace() for c in name)


def is_loopback(host: str) -> bool:
    address = read(host)
    return host == "localhost" if address is None else address.is_loopback


def _sqlite(text: str) -> str:
    path = text.removeprefix("sqlite:")
    if path.startswith("//"):
        raise Unfit(
            shown(text), hint="Without slashes: sqlite:NAME is in data_dir, sqlite:/PATH anywhere."
        )
    if not path.strip() or path.startswith(":") or "?" in path or not path.isprintable():
        raise Unfit(
            shown(text), hint="The ledger needs a file of its own that outlives the process."
        )
    return text


def _split(text: str, *schemes: str) -> SplitResult:
    if not re.fullmatch(r"[!-~]{1,2000}", text):
        raise Unfit("a text that is no URL: empty, or with spaces or special characters")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise Unfit("a URL whose host or port cannot be read") from None
    if url.scheme not in schemes or "://" not in text:
        raise Unfit(f'the scheme "{url.scheme}"' if "://" in text else "a text that is no URL")
    if url.password is not None or re.search(r"(?i)\bpass(word|wd)?=", url.query):
        raise Unfit(
            "a password inside the URL (not shown)",
            hint='Take it out and write `password = "env:NAME"` beside it.',
        )
    if port == 0 or url.fragment:
        raise Unfit("port 0, or a # in the URL")
    return url
