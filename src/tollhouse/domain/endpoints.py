"""Where an agent of this host listens, as SPIFFE writes it: `unix:///run/agent.sock` or `tcp://127.0.0.1:8081`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

LONGEST_PATH = 107
"""As many bytes as the system has room for."""

_tcp = re.compile(r"tcp://(\[[0-9A-Fa-f:]+\]|[0-9.]+):([0-9]{1,5})").fullmatch


class EndpointInvalid(ValueError):
    """Why, in words for operators."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    path: str = ""
    """Of a socket in the file system; else it is at this address."""

    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


def read(text: str) -> Endpoint:
    """Raises EndpointInvalid."""
    if text.startswith("unix:"):
        return Endpoint(path=_path(text.removeprefix("unix:")))
    found = _tcp(text)
    if found is None:
        raise EndpointInvalid("it begins neither with `unix:///` nor with `tcp://` and an address")
    try:
        address, port = ip_address(found[1].strip("[]")), int(found[2])
    except ValueError:
        raise EndpointInvalid("what stands in it is no address") from None
    if not address.is_loopback:
        raise EndpointInvalid(
            "its address is not one of loopback: what answers there decides whom to believe"
        )
    if not 0 < port <= 65_535:
        raise EndpointInvalid("there is no such port")
    return Endpoint(host=str(address), port=port)


def _path(text: str) -> str:
    path = text.removeprefix("//")
    if not path.startswith("/") or path.startswith("//") or not path.isprintable():
        raise EndpointInvalid("its path is not absolute")
    if any(mark in path for mark in "?#%"):
        raise EndpointInvalid("it has more than a path in it")
    if len(path.encode()) > LONGEST_PATH:
        raise EndpointInvalid(f"its path has more than {LONGEST_PATH} bytes")
    return path
