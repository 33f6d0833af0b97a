"""What stands at the ports of the pipeline when a test wants to decide what happens there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain import budget
from tollhouse.domain.audit import Record
from tollhouse.domain.breaker import State
from tollhouse.domain.budget import Account, Hold, Outcome, Settlement
from tollhouse.domain.errors import Problem
from tollhouse.domain.exchange import Outgoing, Sending
from tollhouse.domain.identity import Priority
from tollhouse.domain.limiting import Taking, Verdict
from tollhouse.domain.suspicion import Sign
from tollhouse.ports import Exchange, Headers, LastWords, Spoken, Statement, Upstream


class FakeLedger:
    """Implements Ledger with one account. `gate` keeps a hold waiting, though it stands."""

    def __init__(self, limit: int | None = None, gate: asyncio.Event | None = None) -> None:
        self.holds: dict[str, Hold] = {}
        self.settlements: list[Settlement] = []
        self._account = Account(1, "tenant:acme", has_budget=True, limit=limit, spent=0, held=0)
        self._gate = gate

    def hold(self, hold: Hold, beside: Sequence[Statement] = ()) -> Awaitable[None]:
        try:
            budget.check([self._account_now()], hold.amount, hold.created_at_ms)
        except Problem as problem:
            return _raising(problem)
        self.holds[hold.call] = hold
        return self._told()

    def settle(self, settlement: Settlement) -> asyncio.Future[bool]:
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        told.set_result(settlement.call not in {each.call for each in self.settlements})
        self.settlements.append(settlement)
        return told

    @property
    def held(self) -> int:
        settled = {each.call for each in self.settlements}
        return sum(hold.amount for call, hold in self.holds.items() if call not in settled)

    def _account_now(self) -> Account:
        spent = sum({each.call: each.owed for each in self.settlements}.values())
        own = self._account
        return Account(own.id, own.owner, own.has_budget, own.limit, spent, self.held)

    async def _told(self) -> None:
        if self._gate is not None:
            await self._gate.wait()


class FakeLimiter:
    """Implements Limiter. Raises `problem`, if there is one."""

    def __init__(self, problem: Problem | None = None) -> None:
        self.taken: list[tuple[str, Sequence[Taking]]] = []
        self.given_back: list[tuple[str, Sequence[Taking]]] = []
        self.problem = problem

    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict:
        self.taken.append((call, takings))
        if self.problem is not None:
            raise self.problem
        return Verdict([0 for _ in takings])

    def give_back(self, call: str, takings: Sequence[Taking]) -> None:
        self.given_back.append((call, takings))


@dataclass
class FakeAnswer:
    """Implements Answer. An exception among the pieces is raised; `None` waits for ever."""

    status: int = 200
    pieces: Sequence[bytes | Exception | None] = ()
    headers: Mapping[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._left = list(self.pieces)

    async def read(self) -> bytes:
        if not self._left:
            return b""
        piece = self._left.pop(0)
        if piece is None:
            await asyncio.Event().wait()
        if isinstance(piece, Exception):
            raise piece
        return piece or b""


@dataclass
class FakeExchange:
    """Implements Exchange. `answer` may be what it raises instead; `None` never comes."""

    answer: FakeAnswer | Exception | None
    is_sent: bool = True
    is_closed: bool = False

    async def __aenter__(self) -> FakeAnswer:
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None
        return self.answer

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_closed = True


class FakeProvider:
    """Implements Provider and Upstream at once: each request gets the next exchange."""

    def __init__(self, *exchanges: FakeExchange, dialect: Spoken | None = None) -> None:
        self.dialect = dialect or OpenAIChat()
        self.exchanges = exchanges
        self.sent: list[Sending] = []
        self.upstream: Upstream = self

    def speaks(self, dialect: str) -> bool:
        return dialect == self.dialect.name

    def sending(self, outgoing: Outgoing) -> Sending:
        return Sending(b"POST", b"/v1/chat/completions", (), outgoing.body)

    def send(self, sending: Sending) -> Exchange:
        self.sent.append(sending)
        return self.exchanges[len(self.sent) - 1]


@dataclass
class FakeReply:
    """Implements Reply. `said` is all that the caller has got."""

    is_started: bool = False
    last_words: LastWords | None = None
    first_byte_ns: int | None = None
    is_gone: bool = False
    status: int | None = None
    headers: Headers = ()
    borne: Headers = ()
    said: bytes = b""
    is_ended: bool = False
    on_write: Callable[[], None] = lambda: None
    silence_s: float | None = None

    def bear(self, headers: Headers) -> None:
        self.borne = (*self.borne, *headers)

    async def start(self, status: int, headers: Headers) -> None:
        assert not self.is_started
        self.is_started, self.status, self.headers = True, status, (*headers, *self.borne)

    async def write(self, chunk: bytes) -> None:
        self.said += chunk
        self.on_write()

    async def end(self, chunk: bytes = b"") -> None:
        self.said += chunk
        self.is_ended = True

    def cut(self, chunk: bytes, *, is_end: bool = False) -> None:
        self.said += chunk
        self.is_ended = is_end

    def keep_alive(self, comment: bytes, headers: Headers, silence_s: float) -> None:
        """Tests here are never silent for so long."""
        self.silence_s = silence_s

    def close(self) -> None:
        """Nothing to stop."""


class FakeAudit:
    """Implements AuditSink."""

    def __init__(self, *, is_healthy: bool = True) -> None:
        self.is_healthy = is_healthy
        self.records: list[Mapping[str, Any]] = []

    def write(self, record: Mapping[str, Any]) -> None:
        self.records.append(record)


class FakeWatch:
    """Implements Watch."""

    def __init__(self) -> None:
        self.began_count = 0
        self.attempts: list[tuple[str, Outcome]] = []
        self.refused: list[Priority] = []
        self.turns: list[tuple[str, State, str]] = []
        self.ends: list[tuple[Record, Problem | None]] = []
        self.signs: list[Sign] = []
        self.crashes: list[Exception] = []

    def began(self) -> None:
        self.began_count += 1

    def attempted(self, provider: str, outcome: Outcome) -> None:
        self.attempts.append((provider, outcome))

    def shed(self, priority: Priority) -> None:
        self.refused.append(priority)

    def turned(self, target: str, state: State, reason: str) -> None:
        self.turns.append((target, state, reason))

    def ended(self, record: Record, problem: Problem | None) -> None:
        self.ends.append((record, problem))

    def suspected(self, sign: Sign) -> None:
        self.signs.append(sign)

    def crashed(self, request_id: str, error: Exception) -> None:
        self.crashes.append(error)


async def _raising(problem: Problem) -> None:
    raise problem
