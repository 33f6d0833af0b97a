"""Who is next in a line before something that gives so much at once: fair by weight and by cost.

Each flow pays for what it was given with virtual time, its cost over its weight, and the flow that has
paid least is next: who floods waits behind itself, and who comes for the first time waits for one turn.
A higher priority goes first, but who waits long enough is as good as the highest: nobody starves.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import count

from tollhouse.domain.identity import Priority

RANKS = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}
AGE_S = 2.0
"""Who has waited so long is as good as the next priority."""

MOST_PAID = 4096

SCALE = 1 << 20
"""Of virtual time, which is whole."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A place in the line."""

    flow: str = ""
    """Whose: those of one flow go in the order in which they came."""

    cost: int = 1
    weight: int = 1
    priority: Priority = Priority.NORMAL
    came_s: float = 0.0
    until_s: float = float("inf")
    """From then on nobody waits for it any more."""

    number: int = 0


@dataclass(slots=True)
class Flow:
    """Those of one owner and one priority. Only the first of them has a claim."""

    rank: int
    start: int
    waiting: deque[Ticket] = field(default_factory=deque)


class FairLine:
    """As many flows are remembered as have somebody waiting, and what they paid while the line is not empty."""

    def __init__(self) -> None:
        self._flows: dict[tuple[str, Priority], Flow] = {}
        self._paid: dict[tuple[str, Priority], int] = {}
        self._now = 0
        self._numbers = count(1)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def join(self, ticket: Ticket) -> None:
        named = (ticket.flow, ticket.priority)
        flow = self._flows.get(named)
        if flow is None:
            start = max(self._now, self._paid.get(named, 0))
            flow = self._flows[named] = Flow(RANKS[ticket.priority], start)
        ticket.number = next(self._numbers)
        flow.waiting.append(ticket)
        self._length += 1

    def leave(self, ticket: Ticket) -> bool:
        """Whether it was still in the line. It pays nothing, and holds nobody up."""
        flow = self._flows.get((ticket.flow, ticket.priority))
        if flow is None or ticket not in flow.waiting:
            return False
        flow.waiting.remove(ticket)
        self._length -= 1
        self._forget_if_empty((ticket.flow, ticket.priority))
        return True

    def next(self, now_s: float) -> Ticket | None:
        """Out of the line, and paid for. Those for whom nobody waits any more are passed over."""
        while self._length:
            named = min(self._flows, key=lambda each: self._claim(each, now_s))
            flow = self._flows[named]
            ticket = flow.waiting.popleft()
            self._length -= 1
            if ticket.until_s > now_s:
                self._now = max(self._now, flow.start)
                flow.start += _price(ticket)
                self._remember(named, flow.start)
            self._forget_if_empty(named)
            if ticket.until_s > now_s:
                return ticket
        return None

    def ahead_of(self, ticket: Ticket, now_s: float) -> int:
        """How many would go before it if nobody else came: those of its own flow, and each other flow's share."""
        named = (ticket.flow, ticket.priority)
        flow = self._flows[named]
        own = flow.waiting.index(ticket)
        begins = flow.start + sum(_price(it) for it in list(flow.waiting)[:own])
        mine = (self._rank(flow, now_s), begins, ticket.number)
        others = sum(self._before(each, mine, now_s) for each in self._flows if each != named)
        return own + others

    def _before(self, named: tuple[str, Priority], mine: tuple[int, int, int], now_s: float) -> int:
        flow = self._flows[named]
        rank, start = self._rank(flow, now_s), flow.start
        for number, ticket in enumerate(flow.waiting):
            if (rank, start, ticket.number) > mine:
                return number
            start += _price(ticket)
        return len(flow.waiting)

    def _claim(self, named: tuple[str, Priority], now_s: float) -> tuple[int, int, int]:
        flow = self._flows[named]
        return self._rank(flow, now_s), flow.start, flow.waiting[0].number

    def _rank(self, flow: Flow, now_s: float) -> int:
        waited_s = now_s - flow.waiting[0].came_s
        return max(0, flow.rank - int(waited_s / AGE_S))

    def _remember(self, named: tuple[str, Priority], paid: int) -> None:
        if len(self._paid) >= MOST_PAID:
            self._paid.clear()  # rather fair to some than remembered for ever
        self._paid[named] = paid

    def _forget_if_empty(self, named: tuple[str, Priority]) -> None:
        if not self._flows[named].waiting:
            del self._flows[named]
        if not self._flows:
            self._paid.clear()
            self._now = 0


def _price(ticket: Ticket) -> int:
    return max(1, ticket.cost * SCALE // ticket.weight)
