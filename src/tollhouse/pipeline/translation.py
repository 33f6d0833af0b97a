"""An answer put from the target's dialect into the caller's, piece by piece.

An upstream is not trusted, whatever it speaks. A tool that the caller did not declare, a choice that
was not asked for, words after a stop: each ends the answer. An end that was not seen is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tollhouse.domain.conversation import State
from tollhouse.domain.counting import Bounded, most_text, printed, tokens_in
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Declined,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamOverlong
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Usage
from tollhouse.ports import Reader, Writer

MOST_WITHOUT_A_PIECE = 1024 * 1024
"""Bytes of comments and the like in a row: a day of signs of life, if it means well."""


class Translation(Bounded):
    """Implements Relay.

    The writer gets one `Began` first, one `Stopped` for each choice, and an id with each call.
    """

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        ask: Ask,
        reply_id: str,
        marked: Callable[[State], State] | None = None,
    ) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self.is_over = False
        self._reader = reader
        self._writer = writer
        self._ask = ask
        self._reply_id = reply_id
        self._marked = marked
        self._has_begun = self._was_read_out = False
        self._open = {0}
        self._stopped: set[int] = set()
        self._called: set[tuple[int, int]] = set()
        self._fed = self._barren = 0
        self._pieces = self._text_bytes = self._printed = 0
        self._most: int | None = None

    def bound(self, tokens: int) -> None:
        self._most = most_text(tokens)

    def feed(self, chunk: bytes) -> bytes:
        if self.is_over or self.failure is not None:
            return b""
        reader = self._reader
        self._fed += len(chunk)
        deltas = reader.feed(chunk)
        said = self._put(deltas) if deltas else self._bear(len(chunk))
        self._note(reader.failure)
        return said + self._end() if reader.is_over and self.failure is None else said

    def finish(self) -> bytes:
        """What is still owed to the caller: never an end that only looks like one."""
        if self.is_over:
            return b""
        said = self._put_rest()
        if self.failure is not None:
            raise self.failure
        return said + self._end()

    def counted_output(self) -> int:
        """At least a piece a token, or at least some text a token: never too low."""
        self._put_rest()
        if not self._has_begun and not self._ask.is_stream:
            self._text_bytes = self._fed
        return max(self._pieces, tokens_in(self._text_bytes))

    def _put_rest(self) -> bytes:
        if self.is_over or self.failure is not None or self._was_read_out:
            return b""
        self._was_read_out = True
        said = self._put(self._reader.finish())
        self._note(self._reader.failure)
        return said

    def _note(self, failure: Failure | None) -> None:
        """The first one counts."""
        if self.failure is None:
            self.failure = failure

    def _put(self, deltas: Sequence[Delta]) -> bytes:
        """What came before a failure has come, and is passed on."""
        passed: list[Delta] = []
        try:
            for delta in deltas:
                if (fit := self._fit(delta)) is not None:
                    passed += self._begun(fit)
        except UpstreamBroke as broke:
            self.failure = broke
        self._barren = 0
        return self._writer.write(passed) if passed else b""

    def _begun(self, delta: Delta) -> tuple[Delta, ...]:
        if self._has_begun:
            return (delta,)
        self._has_begun = True
        return (delta,) if isinstance(delta, Began) else (Began(), delta)

    def _fit(self, delta: Delta) -> Delta | None:
        match delta:
            case Said(text, choice) | Thought(text, choice) | Declined(text, choice):
                self._count(text, choice)
            case Argued(index, text, choice):
                if (choice, index) not in self._called:
                    raise UpstreamBroke(private="arguments of a tool that was not called")
                self._count(text, choice)
            case Called():
                return self._call(delta)
            case Sealed(state, choice):
                self._insist_on(choice)
                return Sealed(self._marked(state), choice) if self._marked else delta
            case Cited():
                self._insist_on(delta.choice)
            case Counted():
                self.usage = delta.usage
            case Stopped():
                return delta if self._stop(delta.choice) else None
            case Began():
                return None if self._has_begun else delta
        return delta

    def _count(self, text: str, choice: int) -> None:
        self._insist_on(choice)
        if text:
            self._pieces += 1
            self._text_bytes += len(text) if text.isascii() else len(text.encode())
            if self._most is not None and self._text_bytes > self._most:
                self._insist_on_bound(text)

    def _insist_on_bound(self, text: str) -> None:
        """Only what is long already is looked at for its blanks."""
        self._printed += printed(text)
        if self._most is not None and self._printed > self._most:
            raise UpstreamOverlong(private="more was produced than the provider was told to")

    def _call(self, called: Called) -> Called:
        """A tool is called only if the caller offered it: an upstream does not choose what a client runs.

        Not every dialect gives its calls ids, and a conversation must not have the same one twice.
        """
        if called.name not in self._ask.tools:
            raise UpstreamBroke(private="a tool is called that the caller did not declare")
        place = (called.choice, called.index)
        if place in self._called:
            raise UpstreamBroke(private="two calls of tools have the same place")
        self._count(called.name, called.choice)
        self._called.add(place)
        call_id = called.id or f"call_{self._reply_id}_{len(self._called)}"
        return Called(called.index, call_id, called.name, called.choice)

    def _insist_on(self, choice: int) -> None:
        if choice in self._open:
            return
        if choice in self._stopped:
            raise UpstreamBroke(private="the answer goes on after its stop")
        if not 0 <= choice < self._ask.choices:
            raise UpstreamBroke(private="an answer came that was not asked for")
        self._open.add(choice)

    def _stop(self, choice: int) -> bool:
        """Some servers say it twice."""
        if choice in self._stopped:
            return False
        self._insist_on(choice)
        self._open.discard(choice)
        self._stopped.add(choice)
        return True

    def _end(self) -> bytes:
        """For upstreams that end without a reason: clients wait for one."""
        self.is_over = True
        calling = {choice for choice, _ in self._called}
        stops = [
            Stopped(Stop.TOOLS if choice in calling else Stop.END, choice=choice)
            for choice in sorted(self._open - self._stopped)
        ]
        return (self._put(stops) if stops else b"") + self._writer.finish()

    def _bear(self, size: int) -> bytes:
        self._barren += size
        if self._ask.is_stream and self._barren > MOST_WITHOUT_A_PIECE:
            self.failure = UpstreamBroke(private="a megabyte of the stream without a piece")
        return b""
