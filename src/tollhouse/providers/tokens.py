"""A token that is good for a while, and how it is had: asked for when it is needed, by one at a time, and kept.

Whoever gives it is an upstream like any other, reached by the same guarded way. What it says when it
gives none is never told: it may name accounts.
"""

from __future__ import annotations

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from tollhouse.domain.errors import Failure, UpstreamTokenUnavailable
from tollhouse.domain.exchange import Sending
from tollhouse.ports import Answer, Upstream
from tollhouse.providers.chat_provider import USER_AGENT

PATIENCE_S = 10.0
QUIET_S = 2.0
"""For so long nobody asks again where none was given: all who wait would ask in turn."""

EARLY_S = 300.0
"""So long before its end a token is asked for anew, while the old one still serves."""

IN_FLIGHT_S = 10.0
LONGEST_LIFE_S = 86_400.0
MOST_OF_AN_ANSWER = 64 * 1024

_token = re.compile(r"[\x21-\x7e]{1,16384}").fullmatch
_name = re.compile(r"[a-z][a-z_]{0,63}").fullmatch


class _Given(msgspec.Struct):
    access_token: str
    expires_in: float


class _Refused(msgspec.Struct):
    error: str


_given = msgspec.json.Decoder(_Given).decode
_refused = msgspec.json.Decoder(_Refused).decode


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Token(Generic[T]):
    value: T = field(repr=False)
    due_s: float
    ends_s: float


class ShortLived(ABC, Generic[T]):
    """`asking` makes a request for one; it goes to `upstream`, and to nobody else."""

    def __init__(
        self,
        upstream: Upstream,
        asking: Callable[[], Sending],
        clock_s: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._upstream = upstream
        self._asking = asking
        self._clock_s = clock_s
        self._patience_s = patience_s
        self._lock = asyncio.Lock()
        self._token: _Token[T] | None = None
        self._quiet_until_s = float("-inf")
        self._why: str | None = None

    async def current(self) -> T:
        """Raises UpstreamTokenUnavailable."""
        token = self._good()
        if token is None or (self._is_due() and not self._lock.locked()):
            async with self._lock:
                if self._is_due():
                    await self._renew()
            token = self._good()
        if token is None:
            raise UpstreamTokenUnavailable(private=self._why)
        return token.value

    def _good(self) -> _Token[T] | None:
        token = self._token
        return token if token is not None and self._clock_s() < token.ends_s else None

    def _is_due(self) -> bool:
        now = self._clock_s()
        return now >= self._quiet_until_s and (self._token is None or now >= self._token.due_s)

    async def _renew(self) -> None:
        try:
            self._token = await self._asked()
        except Failure as failure:
            self._why = failure.private or failure.code
            self._quiet_until_s = self._clock_s() + QUIET_S

    async def _asked(self) -> _Token[T]:
        try:
            async with (
                asyncio.timeout(self._patience_s),
                self._upstream.send(self._asking()) as answer,
            ):
                body = await _read(answer)
        except TimeoutError:
            private = f"no token came within {self._patience_s:g} s"
            raise UpstreamTokenUnavailable(private=private) from None
        if answer.status != 200:
            private = f"where tokens are given, the answer was {answer.status}{_kind(body)}"
            raise UpstreamTokenUnavailable(private=private)
        try:
            value, told_s = self._read(body)
        except (ValueError, RecursionError):
            told_s = 0.0
        if not told_s > 0:
            raise UpstreamTokenUnavailable(private="where tokens are given, the answer was none")
        life_s = min(told_s, LONGEST_LIFE_S)
        now = self._clock_s()
        due_s = now + life_s - min(EARLY_S, life_s / 4)
        ends_s = now + life_s - min(IN_FLIGHT_S, life_s / 8)
        return _Token(value, due_s, ends_s)

    @abstractmethod
    def _read(self, body: bytes) -> tuple[T, float]:
        """What was given, and for how long it is good. Raises ValueError."""


class Tokens(ShortLived[bytes]):
    """Those of OAuth."""

    def _read(self, body: bytes) -> tuple[bytes, float]:
        given = _given(body)
        if not _token(given.access_token):
            raise ValueError("no token")
        return given.access_token.encode(), given.expires_in


def form(path: bytes, members: Mapping[str, str]) -> Sending:
    """A request for a token, as OAuth has it."""
    headers = (
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"accept", b"application/json"),
        (b"accept-encoding", b"identity"),
        (b"user-agent", USER_AGENT),
    )
    return Sending(b"POST", path, headers, urlencode(members).encode())


async def _read(answer: Answer) -> bytes:
    body = b""
    while len(body) <= MOST_OF_AN_ANSWER and (piece := await answer.read()):
        body += piece
    return body


def _kind(body: bytes) -> str:
    """Its name for the error, if it looks like one."""
    try:
        name = _refused(body).error
    except (ValueError, RecursionError):
        return ""
    return f" ({name})" if _name(name) else ""
