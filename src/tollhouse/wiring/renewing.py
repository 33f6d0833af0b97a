"""What is made of files that others exchange, such as certificates and roots: made anew when they change.

What cannot be used is told, and the last good one stays. Whoever is connected stays so.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from tollhouse.auth.bundles import BundleInvalid, Roots

T = TypeVar("T")

LOOK_S = 2.0
NOTHING: Roots = {}
NOT_YET = "there is none yet"

log = logging.getLogger("tollhouse")


class Renewing(Generic[T]):
    """`made` is another object when, and only when, it was made of something else."""

    def __init__(
        self,
        what: str,
        stamp: Callable[[], object],
        make: Callable[[], T],
        clock_s: Callable[[], float] = time.monotonic,
        *,
        until_then: T | None = None,
    ) -> None:
        """`stamp` is another one whenever there may be something to make. Raises what `make` raises, but
        where something is given to be used until it can be made."""
        self._what = what
        self._stamp_of = stamp
        self._make = make
        self._clock_s = clock_s
        self._stamp = stamp()
        self.made = make() if until_then is None else until_then
        self.times = 1
        """How often it was made of something else."""

        self.trouble = "" if until_then is None else NOT_YET
        self._looked_s = self.good_s = clock_s()

    @property
    def bad_for_s(self) -> float:
        """Since it was last known to be good."""
        return self._clock_s() - self.good_s

    def look(self, *, at_once: bool = False) -> T:
        """What is to be used from now on; what it is made of is looked at now and then."""
        now = self._clock_s()
        if at_once or now - self._looked_s >= LOOK_S:
            self._looked_s = now
            stamp = self._stamp_of()
            if stamp == self._stamp and not self.trouble:
                self.good_s = now  # it is what it was
            else:
                self._renew(stamp, now)
        return self.made

    def _renew(self, stamp: object, now: float) -> None:
        try:
            made = self._make()
        except (OSError, BundleInvalid) as error:
            trouble = str(error) or repr(error)
            if trouble != self.trouble:
                log.warning("%s cannot be used, the last good one stays: %s", self._what, trouble)
            self.trouble = trouble
            return
        log.info("%s was taken up anew", self._what)
        self._stamp, self.trouble, self.good_s = stamp, "", now
        if made != self.made:
            self.made = made
            self.times += 1


class Renewed(ssl.SSLContext):
    """Stands for the newest context: each handshake is made with that, and what is open does not notice."""

    _of: Renewing[ssl.SSLContext]

    @classmethod
    def of(cls, renewing: Renewing[ssl.SSLContext]) -> Renewed:
        it = cls(renewing.made.protocol)
        it._of = renewing
        return it

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        return self._of.look().wrap_bio(*args, **named)


class Bundled:
    """Implements Bundle: no roots at all once nobody has known them for longer than `stale_s`."""

    def __init__(self, renewing: Renewing[Roots], stale_s: float) -> None:
        self.renewing = renewing
        self._stale_s = stale_s

    @property
    def roots(self) -> Roots:
        it = self.renewing
        return NOTHING if it.trouble and it.bad_for_s > self._stale_s else it.made


def stamped(files: Sequence[Path]) -> object:
    """Another value when one of them was written, replaced, or is not there."""
    return [_stamp(each) for each in files]


async def keep(all_of: Iterable[Renewing[Any]], tell: Callable[[int], None]) -> None:
    """Look for ever, and tell how many cannot be used."""
    while True:
        for each in all_of:
            each.look()
        tell(sum(bool(each.trouble) for each in all_of))
        await asyncio.sleep(LOOK_S)


def _stamp(file: Path) -> tuple[int, ...] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
