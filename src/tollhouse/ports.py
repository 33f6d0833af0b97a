"""Every seam of the house where two implementations exist today."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

from tollhouse.domain.budget import Hold, Settlement
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.conversation import Conversation, State
from tollhouse.domain.deltas import Delta
from tollhouse.domain.errors import Failure, Problem
from tollhouse.domain.exchange import Errand, Outgoing, Proving, Sending
from tollhouse.domain.forms import Upload
from tollhouse.domain.homes import Home, Thought
from tollhouse.domain.identity import Principal
from tollhouse.domain.limiting import Taking, Verdict
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.snapshot import Snapshot

Value = str | int | bytes | None
Row = Sequence[Any]
Headers = Sequence[tuple[bytes, bytes]]
Statement = tuple[str, tuple[Value, ...]]
Body = Any
"""What a call brought, read as its route takes it: JSON as bytes, or a Form. Its dialect alone looks in."""


class Database(Protocol):
    """SQL with $1-style parameters, in the part of the language that all databases share.

    Raises StoreUnavailable when it cannot be reached or is full, Conflict on a taken name.
    Parameters appear in the order of their numbers.
    """

    async def read(self, sql: str, *values: Value) -> list[Row]: ...
    async def write(
        self, *statements: Statement
    ) -> list[int]: ...  # one transaction; rows changed by each
    async def changed(self) -> None: ...  # returns when something may have been written elsewhere
    async def migrate(self, *, apply: bool = True) -> list[str]: ...  # the steps taken
    async def close(self) -> None: ...


class Ledger(Protocol):
    """Money: held on every account or on none, settled once.

    What is asked for happens in the order of asking; whoever stops waiting takes nothing back.
    """

    def hold(
        self, hold: Hold, beside: Sequence[Statement] = ()
    ) -> Awaitable[
        None
    ]: ...  # durable when done, with what stands beside it; raises Refusal, Conflict
    def settle(
        self, settlement: Settlement
    ) -> Future[bool]: ...  # False when it was settled before


class Books(Database, Ledger, Protocol):
    """One store that is both."""


class Limiter(Protocol):
    """All that a call takes, or nothing of it."""

    def take(
        self, call: str, takings: Sequence[Taking]
    ) -> Awaitable[Verdict]: ...  # raises LimiterUnavailable
    def give_back(self, call: str, takings: Sequence[Taking]) -> None: ...  # nobody waits for it


class Answer(Protocol):
    """An upstream's response."""

    status: int
    headers: Mapping[bytes, bytes]

    async def read(
        self,
    ) -> bytes: ...  # the next bytes; b"" at the end; raises UpstreamBroke, UpstreamTimeout


class Exchange(AbstractAsyncContextManager[Answer], Protocol):
    """One request on its way. Leaving it unread to the end closes the connection at once."""

    @property
    def is_sent(self) -> bool: ...  # a byte may have left: from then on work may have been done


class Upstream(Protocol):
    """One origin. Raises UpstreamUnreachable (nothing was sent), UpstreamBroke, UpstreamTimeout."""

    def send(self, sending: Sending) -> Exchange: ...


class Seals(Protocol):
    """What a provider keeps, or alone can read, for callers: it leads home, and opens for its own tenant alone."""

    def seal(self, home: Home, tenant: str) -> str: ...
    def open(self, sealed: str, tenant: str) -> Home: ...  # raises StateUnknown
    def mark(self, thought: Thought, tenant: str) -> str: ...
    def unmark(self, marked: str, tenant: str) -> Thought: ...  # raises StateUnknown


class Sealing(Protocol):
    """Of what is kept for one caller, by a secret that the caller alone has."""

    def seal(self, content: bytes, secret: bytes, about: bytes) -> bytes: ...
    def open(
        self, sealed: bytes, secret: bytes, about: bytes
    ) -> bytes | None: ...  # None where it was changed, or the secret is another


class Provider(Protocol):
    """How to address and sign a request."""

    upstream: Upstream
    dialect: Spoken  # that of its upstream: a call in one that it does not speak is put into this

    def speaks(self, dialect: str) -> bool: ...
    def sending(
        self, outgoing: Outgoing
    ) -> Sending: ...  # of the caller's headers only what the provider is set to take goes out


@runtime_checkable
class FileKeeper(Provider, Protocol):
    """One that keeps files and batches, as OpenAI's API has them."""

    def errand(self, errand: Errand) -> Sending: ...


@runtime_checkable
class Withholding(Protocol):
    """A provider to which not all may go that a caller asks for beside the body."""

    def withheld(self, headers: Headers) -> tuple[str, ...]: ...  # by name


LastWords = Callable[[Problem, str], bytes]
"""How the failure of an answer that has begun is told; the second is the request's id."""


class Reply(Protocol):
    """Bytes back to the caller."""

    last_words: LastWords | None  # where they hang on what was said before; else the dialect's

    @property
    def is_started(self) -> bool: ...
    @property
    def first_byte_ns(self) -> int | None: ...
    @property
    def is_gone(self) -> bool: ...  # the caller has hung up

    def bear(self, headers: Headers) -> None: ...  # whatever it will be, beside its own
    async def start(self, status: int, headers: Headers) -> None: ...
    async def write(self, chunk: bytes) -> None: ...
    async def end(self, chunk: bytes = b"") -> None: ...
    def cut(
        self, chunk: bytes, *, is_end: bool = False
    ) -> None: ...  # close; without an end where anybody could take it for one of the answer
    def keep_alive(self, comment: bytes, headers: Headers, silence_s: float) -> None: ...
    def close(self) -> None: ...


class Relay(Protocol):
    """An answer on its way through: the upstream's bytes in, the caller's out, usage noticed."""

    usage: Usage | None
    failure: Failure | None  # what broke within what was fed: nothing passes after it
    is_over: bool  # the answer has ended, whatever else comes

    def feed(self, chunk: bytes) -> bytes: ...
    def finish(self) -> bytes: ...  # what is still owed to the caller; raises a Failure
    def counted_output(self) -> int: ...  # tokens seen so far, counted locally


@runtime_checkable
class Failing(Protocol):
    """A relay or a writer whose last words hang on what was said before."""

    def problem_event(self, problem: Problem, request_id: str) -> bytes: ...


class Spoken(Protocol):
    """A wire format as upstreams speak it, sans I/O."""

    name: str
    stream_type: bytes  # the media type of its streams

    def error_message(
        self, body: bytes
    ) -> str | None: ...  # what an upstream's error says, cleaned
    def error_kind(self, body: bytes) -> str: ...  # its type and code, for the log


@runtime_checkable
class Labelled(Protocol):
    """One whose upstreams name the kind of an error in a header."""

    error_header: bytes


class Dialect(Spoken, Protocol):
    """One that callers speak too."""

    def peek(self, body: Body) -> Ask: ...  # one strict parse; raises Refusal
    def outgoing(self, body: Body, ask: Ask, leg: Leg) -> bytes | Upload: ...
    def relay(self, ask: Ask) -> Relay: ...
    def problem(self, problem: Problem, request_id: str) -> bytes: ...
    def problem_event(self, problem: Problem, request_id: str) -> bytes: ...  # within a stream
    def silence(self) -> bytes: ...  # shows that a stream lives; b"" where nothing may


@runtime_checkable
class Sparing(Protocol):
    """A dialect that leaves out, also on its way to one that speaks it, what no price row knows."""

    def left_out(self, ask: Ask, leg: Leg) -> tuple[str, ...]: ...


class Keeper(Protocol):
    """What leaves of one target, on its way to a caller of one tenant."""

    def seal(self, known_as: str) -> str: ...  # the id of an answer
    def mark(self, encrypted: str) -> str: ...  # what the target encrypted for itself


@runtime_checkable
class Concluding(Protocol):
    """A dialect in which a failure within a stream is an end of its own, and nobody takes it for another."""

    failure_is_an_end: bool


@runtime_checkable
class Keeping(Protocol):
    """A dialect whose providers keep answers, and hand out thoughts that they alone can read."""

    def keeping_relay(self, ask: Ask, keeper: Keeper) -> Relay: ...
    def marked(self, state: State, keeper: Keeper) -> State: ...  # as a translated answer bears it
    def unmarked(
        self, state: State, unmark: Callable[[str], str | None]
    ) -> State | None: ...  # as its target takes it back, if it is at home there


@runtime_checkable
class Acknowledging(Protocol):
    """A dialect in which a call may ask nothing of its model, and is answered all the same."""

    def acknowledgement(self, ask: Ask, created: int) -> bytes: ...


class Rephrasing(Dialect, Protocol):
    """A dialect as the target has it: `outgoing` and `relay` begin and end with the caller's."""

    def unsaid(self, body: bytes) -> tuple[str, ...]: ...  # what it has no words for


@runtime_checkable
class Rephrasable(Protocol):
    """A dialect of a path that others have too."""

    @property
    def rephrasings(self) -> Sequence[Rephrasing]: ...


class Reader(Protocol):
    """An upstream's answer, read into pieces that belong to no dialect."""

    failure: Failure | None  # what broke within what was fed: no piece comes after it

    @property
    def is_over(self) -> bool: ...  # the answer's own end was seen, whatever else comes
    def feed(self, chunk: bytes) -> Sequence[Delta]: ...
    def finish(
        self,
    ) -> Sequence[Delta]: ...  # of the last bytes; a failure if the end was not seen


class Writer(Protocol):
    """An answer in the caller's dialect, made of such pieces.

    What it is given has been seen to: tools that were declared, choices that were asked for, no
    words after a stop. An answer in one piece is the end, and nothing is written before it.
    """

    def write(self, deltas: Sequence[Delta]) -> bytes: ...
    def finish(self) -> bytes: ...  # the end as this dialect has it


@runtime_checkable
class Heard(Dialect, Protocol):
    """A caller's dialect whose calls can be said, and answered, in others."""

    def decode(self, body: bytes) -> Conversation: ...
    def writer(self, ask: Ask, reply_id: str, created: int) -> Writer: ...


@runtime_checkable
class Told(Spoken, Protocol):
    """An upstream's dialect in which any conversation can be said."""

    def encode(
        self, conversation: Conversation, leg: Leg
    ) -> tuple[bytes, tuple[str, ...]]: ...  # and what it cannot say of it
    def reader(self, *, is_stream: bool) -> Reader: ...


class Authenticator(Protocol):
    def identify(
        self, credential: str, snapshot: Snapshot, now: float
    ) -> Principal | Awaitable[None]: ...  # awaited, then asked anew; raises Unauthenticated


class Prover(Protocol):
    """Of proofs that go with what is bound to a key."""

    def insist(
        self, proving: Proving, thumbprint: str, now_s: float
    ) -> None: ...  # raises ProofInvalid, Overloaded


class Certifier(Protocol):
    """Of certificates that connections showed."""

    def identify(
        self, certificate: Certificate, snapshot: Snapshot, now: float
    ) -> (
        Principal | None
    ): ...  # whom it stands for, if anybody; raises CertificateInvalid where it does not hold any more


class AuditSink(Protocol):
    """Where audit records go. `write` returns at once; `is_healthy` tells whether the last ones arrived."""

    @property
    def is_healthy(self) -> bool: ...

    def write(self, record: Mapping[str, Any]) -> None: ...


class Register(Protocol):
    """Where acts are entered. On return the record is on disk; raises AuditUnavailable."""

    async def enter(self, record: Mapping[str, Any]) -> None: ...
