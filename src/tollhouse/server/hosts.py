"""Which names a request may call us by, and which web pages may call at all.

A page that somebody visits can reach a server on their own machine, under a name that the page's
owner points there. The name it used is in `Host`, and where it came from in `Origin`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from tollhouse.domain.errors import HostNotAllowed, HttpMalformed, OriginNotAllowed

Fields = Mapping[bytes, bytes]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
ANY = "*"
PREFLIGHT_S = 600

_has_user = re.compile(rb"[^/?#@]*@[^/?#]*").fullmatch
_is_local = re.compile(rb"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?").fullmatch
_split = re.compile(rb"([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?").fullmatch


class Hosts:
    """`names` are taken beside what the listener is called by itself; none, on an open listener: any."""

    def __init__(self, listener: str, names: Collection[str], *, is_loopback: bool) -> None:
        own = LOOPBACK | {f"[{listener}]" if ":" in listener else listener}
        asked = frozenset(name.lower() for name in names)
        self._names = asked | own if is_loopback or asked else None
        self._known: set[bytes] = set()

    def check(self, fields: Fields) -> None:
        host = fields.get(b"host")
        if host in self._known:
            return
        if host is None or _has_user(host):
            raise HttpMalformed("A request names its host, and nothing but that, in `Host`.")
        found = _split(host)
        if found is None:
            raise HostNotAllowed
        if self._names is None:
            return
        if found[1].decode("ascii").lower().removesuffix(".") not in self._names:
            raise HostNotAllowed(
                "The Host header names another place than this gateway. If callers reach it by "
                "that name, the operator adds it to `server.hosts`."
            )
        if len(self._known) < 4 * len(self._names):  # a port may be written or not
            self._known.add(host)


class Origins:
    """`allowed` may read answers in a browser. On a loopback listener no other page may even ask."""

    def __init__(
        self, allowed: Collection[str], *, with_credentials: bool, is_loopback: bool
    ) -> None:
        self._allowed = frozenset(allowed)
        self._with_credentials = with_credentials
        self._is_loopback = is_loopback

    def check(self, fields: Fields) -> None:
        origin = fields.get(b"origin")
        if origin is None or not self._is_loopback or self.is_allowed(origin):
            return
        if not _is_local(origin):
            raise OriginNotAllowed

    def is_allowed(self, origin: bytes) -> bool:
        return ANY in self._allowed or origin.decode("latin-1") in self._allowed

    def lines(self, fields: Fields) -> bytes:
        """Header lines that let the page read the answer; none for any other."""
        origin = fields.get(b"origin")
        if origin is None or not self.is_allowed(origin):
            return b""
        more = b"access-control-allow-credentials: true\r\n" if self._with_credentials else b""
        return b"access-control-allow-origin: %b\r\nvary: origin\r\n%b" % (origin, more)

    def preflight(self, method: str, fields: Fields) -> tuple[tuple[bytes, bytes], ...] | None:
        """The headers that answer a browser's question before the real request, if this is one."""
        if method != "OPTIONS" or b"access-control-request-method" not in fields:
            return None
        if not self.lines(fields):
            return None
        return (
            (b"access-control-allow-methods", b"GET, POST"),
            (
                b"access-control-allow-headers",
                b"authorization, content-type, x-api-key, x-request-id",
            ),
            (b"access-control-max-age", b"%d" % PREFLIGHT_S),
            (b"content-length", b"0"),
        )
