"""Callers by tokens in files: looked up by their digests, in files that are looked at with each call.

A file that is swapped, as Kubernetes swaps a mounted Secret, holds from the next call on, and what stood in it before
does not. While it cannot be read, or has nothing in it that could be a token, the last good one holds, for a
minute: a Secret that was taken away lets nobody in for long.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tollhouse.config.secrets import is_guessed
from tollhouse.domain import static_tokens
from tollhouse.domain.errors import AuthenticationUnconfigured, KeyUnknown
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.static_tokens import Bearer, TokensUnfit
from tollhouse.domain.tokens import TokenRefused
from tollhouse.domain.vouching import Stock

SHAPE = ""
"""Whatever no other authenticator is asked about: so it is the last one."""

MOST_BYTES = 64 * 1024
MOST_KEPT = 1024
STALE_S = 60.0
LOOK_S = 5.0
"""How often they are looked at while nobody calls: so that what goes wrong is told, and time runs out."""

SETTLES_NS = 2_000_000_000
"""A file that was written a moment ago may be written again, and its clock not show it."""

log = logging.getLogger("tollhouse")

Sign = tuple[int, int, int, int, int]
"""By which a file is known to be what it was: device, inode, size, and when it was written and changed."""


class TokenFile:
    """Digests of what is in a file, as it is at this moment."""

    def __init__(
        self,
        name: str,
        path: Path,
        clock_s: Callable[[], float] = time.monotonic,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._name = name
        self._path = path
        self._clock_s = clock_s
        self._clock_ns = clock_ns
        self._sign: Sign | None = None
        self._digests: tuple[bytes, ...] = ()
        self._ill = ""
        self._ill_since_s = 0.0
        self._read_s: float | None = None

    def digests(self) -> tuple[bytes, ...]:
        try:
            self._look()
        except (OSError, TokensUnfit) as error:
            self._note(_why(error))
        else:
            self._ill, self._read_s = "", self._clock_s()
        is_held = not self._ill or self._clock_s() < self._ill_since_s + STALE_S
        return self._digests if is_held else ()

    def stock(self) -> Stock:
        """It is looked at for that, as for a call."""
        count = len(self.digests())
        read_s = None if self._read_s is None else self._read_s - self._clock_s()
        return Stock("tokens", count, read_s, trouble=self._ill)

    def _look(self) -> None:
        now_ns = self._clock_ns()
        sign, settles_at_ns = _sign(self._path.stat())
        if sign == self._sign:
            return
        self._digests = tuple([static_tokens.digest(token) for token in tokens_in(self._path)])
        self._sign = sign if settles_at_ns <= now_ns else None

    def _note(self, ill: str) -> None:
        """Told once, not with each call."""
        if not self._ill:
            self._ill_since_s = self._clock_s()
        if ill != self._ill:
            log.warning("the tokens of [static_tokens.%s] cannot be had: %s", self._name, ill)
        self._ill = ill


@dataclass(frozen=True, slots=True)
class FixedToken:
    """One that was given when the gateway started."""

    digest: bytes

    def digests(self) -> tuple[bytes, ...]:
        return (self.digest,)

    def stock(self) -> Stock:
        return Stock("tokens", 1)


Source = TokenFile | FixedToken


@dataclass(slots=True)
class Seen:
    revision: int
    principal: Principal


@dataclass(slots=True)
class StaticTokens:
    """Implements Authenticator. Of each table its source, and whose calls those of its tokens are."""

    tables: Sequence[tuple[Source, Bearer]]
    most_kept: int = MOST_KEPT
    _seen: dict[bytes, Seen] = field(default_factory=dict)

    async def keep(self) -> None:
        """Look for ever."""
        while True:
            self._known()
            await asyncio.sleep(LOOK_S)

    def identify(self, credential: str, snapshot: Snapshot, _now: float) -> Principal:
        """Every token is compared with, whether or not it was found before."""
        shown = static_tokens.digest(credential)
        known = self._known()
        if not known:
            raise AuthenticationUnconfigured
        fitting = [bearer for digest, bearer in known if hmac.compare_digest(digest, shown)]
        if not fitting:
            raise KeyUnknown
        return self._principal(shown, fitting[0], snapshot)

    def _known(self) -> list[tuple[bytes, Bearer]]:
        return [(digest, bearer) for it, bearer in self.tables for digest in it.digests()]

    def _principal(self, shown: bytes, bearer: Bearer, snapshot: Snapshot) -> Principal:
        seen = self._seen.get(shown)
        if seen is None or seen.revision != snapshot.revision:
            try:
                principal = snapshot.people.standing_for(bearer.of(shown))
            except TokenRefused as refused:
                raise KeyUnknown(private=str(refused)) from None
            if len(self._seen) >= self.most_kept:
                self._seen.clear()
            seen = self._seen[shown] = Seen(snapshot.revision, principal)
        return seen.principal


def tokens_in(path: Path) -> tuple[str, ...]:
    """What a file has. Raises OSError, TokensUnfit; never waits for somebody to write."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise TokensUnfit("it is no file")
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise TokensUnfit(f"it has more than {MOST_BYTES} bytes")
    tokens = static_tokens.read(raw)
    if any(map(is_guessed, tokens)):
        raise TokensUnfit("a token of it is one that anybody would guess")
    return tokens


def _sign(found: os.stat_result) -> tuple[Sign, int]:
    """Whoever writes sets both clocks; the second one cannot be set to anything else."""
    written_ns, changed_ns = found.st_mtime_ns, found.st_ctime_ns
    sign = (found.st_dev, found.st_ino, found.st_size, written_ns, changed_ns)
    return sign, changed_ns + SETTLES_NS


def _why(error: Exception) -> str:
    return str(error.strerror if isinstance(error, OSError) else error)
