"""What a browser shows after somebody logged on, and what has to come with it.

    ths_<64 hex digits>    a session, in a cookie
    thc_<64 hex digits>    a claim, in a link that is printed on the host

Both are 256 random bits, and the store holds their SHA-256 alone. A browser adds a cookie to whatever a page makes it
send, so nothing is done by one without the word of the browser that the request is the console's own, and
a text that only a page of the console can have read.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from tollhouse.domain.errors import AmbiguousCredentials, CsrfTokenInvalid, OriginNotAllowed
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import Grant, place_of

SESSION, CLAIM, LOGIN = "ths_", "thc_", "thl_"
SECRET_BYTES = 32
CSRF_HEADER = b"x-csrf-token"
SAFE = frozenset({"GET", "HEAD"})

_secret = re.compile(r"th[scl]_[0-9a-f]{64}").fullmatch

Header = tuple[bytes, bytes]
Held = Sequence[tuple[str, str]]
"""Roles with the places at which they are held."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a session lasts: unused, and in all."""

    idle_s: int
    longest_s: int


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Whom a provider says that it is, and what its rule gives beside what the store does."""

    user: str
    subject: str
    given: Held = ()


@dataclass(frozen=True, slots=True)
class Front:
    """Where browsers find the console: scheme, host and port, and nothing else."""

    origin: str

    @property
    def is_encrypted(self) -> bool:
        return self.origin.startswith("https:")

    @property
    def session_cookie(self) -> str:
        return self._cookie("tollhouse")

    @property
    def login_cookie(self) -> str:
        return self._cookie("tollhouse-login")

    def session(self, secret: str) -> Header:
        return self._set(self.session_cookie, secret, "Strict")

    def login(self, secret: str, lives_s: int) -> Header:
        """Lax, for it has to come along when the provider sends the browser back."""
        return self._set(self.login_cookie, secret, f"Lax; Max-Age={lives_s}")

    def without(self, name: str) -> Header:
        return self._set(name, "", "Strict; Max-Age=0")

    def _cookie(self, name: str) -> str:
        """The prefix keeps other hosts of a domain from setting it; without TLS no browser takes it."""
        return f"__Host-{name}" if self.is_encrypted else name

    def _set(self, name: str, value: str, more: str) -> Header:
        secure = "; Secure" if self.is_encrypted else ""
        text = f"{name}={value}; Path=/; HttpOnly{secure}; SameSite={more}"
        return b"set-cookie", text.encode("ascii")


def digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def csrf(secret: str) -> str:
    """For forms and scripts of the console: it follows from the session, which they cannot read."""
    return hmac.new(secret.encode(), b"tollhouse csrf 1", "sha256").hexdigest()


def derived(secret: str, what: str) -> str:
    return hmac.new(secret.encode(), f"tollhouse {what}".encode(), "sha256").hexdigest()


def is_secret(text: str, kind: str) -> bool:
    return text.startswith(kind) and _secret(text) is not None


def cookie(headers: Iterable[Header], name: str) -> str | None:
    """The one of that name. Raises AmbiguousCredentials where there are several."""
    lines = [value for each, value in headers if each == b"cookie"]
    pairs = [pair.strip().partition("=") for line in lines for pair in _text(line).split(";")]
    values = [value for each, _, value in pairs if each == name]
    if len(values) > 1:
        raise AmbiguousCredentials
    return values[0] if values else None


def insist_on_own_page(fields: Mapping[bytes, bytes], front: Front) -> None:
    """Of what changes anything: it is a page of the console that asks. Raises OriginNotAllowed."""
    origin, site = fields.get(b"origin"), fields.get(b"sec-fetch-site")
    if origin is None and site is None:
        raise OriginNotAllowed("A request that changes anything says in `Origin` where it is from.")
    if origin not in (None, front.origin.encode()) or site not in (None, b"same-origin"):
        raise OriginNotAllowed(f"Only pages of {front.origin} may do this.")


def insist_on_own_reading(fields: Mapping[bytes, bytes]) -> None:
    """Of what changes nothing: no page of somebody else's makes it. Raises OriginNotAllowed."""
    if fields.get(b"sec-fetch-site") not in (None, b"same-origin", b"none"):
        raise OriginNotAllowed("No other page reads here.")


def insist_on_csrf(shown: str | None, secret: str) -> None:
    """Raises CsrfTokenInvalid."""
    if shown is None or not hmac.compare_digest(shown.encode(), csrf(secret).encode()):
        raise CsrfTokenInvalid


def held_digest(held: Held) -> str:
    """Another one whenever what somebody holds is another."""
    return sha256("\n".join(sorted(f"{role} {at}" for role, at in held)).encode()).hexdigest()


def grants(held: Held) -> tuple[Grant, ...]:
    return tuple([Grant(Role(role), place_of(at)) for role, at in held])


def _text(line: bytes) -> str:
    return line.decode("latin-1")
