"""How many logins may fail before failing has to wait.

Failures are throttled, keys are not. Who failed too often is turned away before anything is looked
up; but a credential that was good before tries at once, and so many others a second as cost next to
nothing. So whoever shares a network with an attacker gets in. Everything is remembered in tables of
a fixed size, made once: nobody can fill them up.
"""

from __future__ import annotations

from array import array
from ipaddress import IPv6Address

from tollhouse.domain import limits
from tollhouse.domain.errors import TooManyFailures
from tollhouse.domain.limits import LONGEST_RETRY_S, MICROS_PER_SECOND, Limit
from tollhouse.domain.tokens import SHAPE

NETWORKS = 1 << 15
CREDENTIALS = 1 << 14
PROVED = 1 << 16
TRIALS = Limit(10_000, period_s=1)
"""For all networks that have to wait: more than a worker can answer, less than a tenth of a core."""

DEAR_TRIALS = Limit(400, period_s=1)
"""The same of signed tokens, at a quarter of a millisecond each."""

IPV6_PREFIX = 48
MAPPED = 0xFFFF  # before the last 32 bits: an IPv4 address in IPv6 clothes


class Throttle:
    """Asked before a login, and told how it went. Hashes are those of this process: nobody can aim."""

    def __init__(self, failures_per_minute: int) -> None:
        self._is_on = failures_per_minute > 0
        by_network = Limit(failures_per_minute or 1)
        by_credential = Limit(max(1, failures_per_minute // 2))
        self._networks = Sketch(by_network, NETWORKS)
        self._credentials = Cells(by_credential, CREDENTIALS)
        self._proved = array("q", bytes(8 * PROVED))
        self._trials = {TRIALS: 0, DEAR_TRIALS: 0}

    def wait_us(self, peer: str, credential: str, now_us: int) -> int:
        """How long this login has to wait; 0 lets it try."""
        mark = hash(credential)
        if self._proved[mark % PROVED] == mark:
            return 0
        if wait := self._credentials.wait_us(mark, now_us):
            return wait
        wait = self._networks.wait_us(hash(network(peer)), now_us)
        return 0 if wait == 0 or self._may_try(credential, now_us) else wait

    def proved(self, credential: str) -> None:
        mark = hash(credential)
        self._proved[mark % PROVED] = mark

    def failed(self, peer: str, credential: str | None, now_us: int) -> int:
        """How long its network has to wait: above 0, this failure was one too many."""
        if not self._is_on:
            return 0
        if credential is not None:
            self._forget(hash(credential), now_us)
        return self._networks.count(hash(network(peer)), now_us)

    def _forget(self, mark: int, now_us: int) -> None:
        if self._proved[mark % PROVED] == mark:
            self._proved[mark % PROVED] = 0
        self._credentials.count(mark, now_us)

    def _may_try(self, credential: str, now_us: int) -> bool:
        limit = DEAR_TRIALS if credential.startswith(SHAPE) else TRIALS
        due_us, wait = limits.take(limit.interval_us, limit.whole_us, self._trials[limit], now_us)
        self._trials[limit] = due_us
        return wait == 0


class Sketch:
    """Failures of many in little room: two moments for each, of which the earlier counts.

    Others may share one of the two, seldom both. Nobody is forgotten to make room, so nobody is
    freed by crowds of others.
    """

    def __init__(self, limit: Limit, size: int) -> None:
        self._interval_us, self._whole_us = limit.interval_us, limit.whole_us
        self._size = size
        self._due_us = (array("q", bytes(8 * size)), array("q", bytes(8 * size)))

    def wait_us(self, mark: int, now_us: int) -> int:
        return limits.take(self._interval_us, self._whole_us, self._due(mark), now_us)[1]

    def count(self, mark: int, now_us: int) -> int:
        due, wait = limits.take(self._interval_us, self._whole_us, self._due(mark), now_us)
        for row, place in zip(self._due_us, self._places(mark), strict=True):
            row[place] = max(min(row[place], now_us + self._whole_us), due)
        return wait

    def _due(self, mark: int) -> int:
        first, second = self._places(mark)
        return min(self._due_us[0][first], self._due_us[1][second])

    def _places(self, mark: int) -> tuple[int, int]:
        return mark % self._size, (mark >> 32) % self._size


class Cells:
    """Failures of each, exactly: the last to come takes the cell, and nobody waits for another's."""

    def __init__(self, limit: Limit, size: int) -> None:
        self._interval_us, self._whole_us = limit.interval_us, limit.whole_us
        self._size = size
        self._marks = array("q", bytes(8 * size))
        self._due_us = array("q", bytes(8 * size))

    def wait_us(self, mark: int, now_us: int) -> int:
        place = mark % self._size
        if self._marks[place] != mark:
            return 0
        return limits.take(self._interval_us, self._whole_us, self._due_us[place], now_us)[1]

    def count(self, mark: int, now_us: int) -> None:
        place = mark % self._size
        if self._marks[place] != mark:
            self._marks[place], self._due_us[place] = mark, 0
        due_us, _ = limits.take(self._interval_us, self._whole_us, self._due_us[place], now_us)
        self._due_us[place] = due_us


def network(peer: str) -> str:
    """What one attacker easily has all of: a /24 of IPv4, a /48 of IPv6."""
    if ":" not in peer:
        return peer.rpartition(".")[0]
    try:
        address = int(IPv6Address(peer))
    except ValueError:
        return peer
    if address >> 32 == MAPPED:
        return f"{address >> 24 & 255}.{address >> 16 & 255}.{address >> 8 & 255}"
    return f"{address >> (128 - IPV6_PREFIX):x}:"


def too_many(wait_us: int) -> TooManyFailures:
    return TooManyFailures(retry_after_s=min(-(-wait_us // MICROS_PER_SECOND), LONGEST_RETRY_S))
