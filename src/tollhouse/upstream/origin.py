"""Where an upstream is: taken apart from its URL once, so that no request has to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    host: str
    port: int
    is_tls: bool
    base_path: str

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Raises ValueError on anything but http(s)://host[:port][/path]."""
        parts = urlsplit(url)
        _check(url, parts)
        host = parts.hostname or ""
        if not host.isascii():
            host = host.encode("idna").decode()
        is_tls = parts.scheme == "https"
        return cls(host, parts.port or PORTS[parts.scheme], is_tls, parts.path.rstrip("/"))

    @property
    def host_header(self) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == PORTS["https" if self.is_tls else "http"]
        return (host if is_default else f"{host}:{self.port}").encode()

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"


def _check(url: str, parts: SplitResult) -> None:
    if any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError("an upstream's URL has no whitespace or control characters")
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("an upstream's URL is http://host or https://host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an upstream's URL carries no credentials")
    if parts.query or parts.fragment or parts.port == 0:
        raise ValueError("an upstream's URL has no query, no fragment and no port 0")
