"""How many passwords may be wrong before the next one has to wait. Asked before any of them is proved.

A password is guessed where a key is not, so no good one of before is waved through by what it was. Counted
is what failed, in this order:

1. from one address to one account: it waits, there and nowhere else;
2. who logged in from that address lately, goes by what follows;
3. from one network, and to one account from anywhere: those share a few trials.

So whoever knows a name cannot lock its owner out: neither where she works, nor elsewhere for good.
Everything is remembered in tables of a fixed size.
"""

from __future__ import annotations

from array import array

from tollhouse.domain import limits
from tollhouse.domain.limits import Limit
from tollhouse.domain.throttling import Cells, Sketch, network

PAIRS = 1 << 13
MANY = 1 << 13
TIMES = 10
"""How many more may fail from one network, or to one account from anywhere."""

TRIALS = Limit(30)
"""For all that have to wait by what others did."""


class Logins:
    """Hashes are those of this process: nobody can aim at a place in a table."""

    def __init__(self, failures_per_minute: int) -> None:
        self._is_on = failures_per_minute > 0
        here, many = Limit(failures_per_minute or 1), Limit((failures_per_minute or 1) * TIMES)
        self._here = Cells(here, PAIRS)
        self._networks, self._accounts = Sketch(many, MANY), Sketch(many, MANY)
        self._known = array("q", bytes(8 * PAIRS))
        self._trials_due_us = 0

    def wait_us(self, account: str, peer: str, now_us: int) -> int:
        """How long this login has to wait; 0 lets it try."""
        if not self._is_on:
            return 0
        pair = hash((account, peer))
        if wait := self._here.wait_us(pair, now_us):
            return wait
        if self._known[pair % PAIRS] == pair:
            return 0
        wait = max(
            self._networks.wait_us(hash(network(peer)), now_us),
            self._accounts.wait_us(hash(account), now_us),
        )
        return 0 if wait == 0 or self._may_try(now_us) else wait

    def proved(self, account: str, peer: str) -> None:
        pair = hash((account, peer))
        self._known[pair % PAIRS] = pair

    def failed(self, account: str, peer: str, now_us: int) -> None:
        if not self._is_on:
            return
        self._here.count(hash((account, peer)), now_us)
        self._networks.count(hash(network(peer)), now_us)
        self._accounts.count(hash(account), now_us)

    def _may_try(self, now_us: int) -> bool:
        due_us, wait = limits.take(TRIALS.interval_us, TRIALS.whole_us, self._trials_due_us, now_us)
        self._trials_due_us = due_us
        return wait == 0
