"""The input of a batch, line by line: each is judged as the call that it is, before any of them leaves.

All lines ask one model for one thing, so that one target answers them. Whatever is wrong is told with
the number of its line. To judge the same content again gives the same lines, so none are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from tollhouse.dialects.openai_batch_lines import Line, LineCutter, read_line, with_body
from tollhouse.domain.batches import TASKS, TIER, Load
from tollhouse.domain.errors import FieldInvalid, FilesNotKept, Refusal
from tollhouse.domain.homes import Home
from tollhouse.domain.identity import Principal
from tollhouse.domain.models import Ask, Leg, allowed
from tollhouse.domain.models import plan as make_plan
from tollhouse.domain.snapshot import Target
from tollhouse.pipeline.house import House

BYTES_AT_ONCE = 16 * 1024
"""Then others have their turn."""


class Judge:
    """Of one file. `load` is what its lines come to, once all of them were judged."""

    def __init__(self, caller: Principal, house: House) -> None:
        self._caller = caller
        self._house = house
        self._snapshot, self._now_s = house.snapshot, house.now_s()
        self._names: set[str] = set()
        self._first: tuple[Line, Ask] | None = None
        self._target: Target | None = None
        self._input = self._output = 0
        self._keeps_long = False
        self._unpriced: tuple[str, ...] = ()

    def again(self) -> Judge:
        """For the same content: by the same keys, models and prices."""
        other = Judge(self._caller, self._house)
        other._snapshot, other._now_s = self._snapshot, self._now_s
        return other

    async def judged(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The lines as their target is to get them."""
        cutter = LineCutter(self._house.shelves.most_line_bytes)
        judged = 0
        async for chunk in content:
            for number, line in cutter.push(chunk):
                yield self._judge(number, line)
                judged += len(line)
                if judged > BYTES_AT_ONCE:
                    judged = 0
                    await asyncio.sleep(0)
        for number, line in cutter.drain():
            yield self._judge(number, line)

    @property
    def load(self) -> Load:
        if self._first is None or self._target is None:
            raise FieldInvalid("The file has no lines.", param="file")
        line, ask = self._first
        return Load(
            line.url,
            ask.model,
            self._target.name,
            len(self._names),
            self._input,
            self._output,
            self._keeps_long,
            self._unpriced,
        )

    @property
    def provider(self) -> str:
        if self._target is None:
            raise FieldInvalid("The file has no lines.", param="file")
        return self._target.provider

    def _judge(self, number: int, raw: bytes) -> bytes:
        try:
            return self._line(raw)
        except Refusal as refusal:
            said = f"Line {number}: {refusal.detail}"
            raise type(refusal)(said, param=refusal.param) from None

    def _line(self, raw: bytes) -> bytes:
        line = read_line(raw)
        if self._caller.bounds is not None:
            self._caller.bounds.insist_on_route(TASKS[line.url])
        dialect = self._house.shelves.endpoints[line.url]
        ask = dialect.peek(line.body)
        self._insist(line, ask)
        leg = self._leg(ask)
        self._input += leg.input_tokens
        self._output += leg.output_tokens * ask.choices + ask.predicted_bytes
        self._keeps_long = self._keeps_long or ask.may_keep_long
        self._unpriced = self._unpriced or ask.unpriced_features
        said = dialect.outgoing(line.body, ask, leg)
        if not isinstance(said, bytes):
            raise FieldInvalid("A line of a batch is JSON.")
        return with_body(raw, said)

    def _insist(self, line: Line, ask: Ask) -> None:
        if line.custom_id in self._names:
            raise FieldInvalid("Another line has the same `custom_id`.", param="custom_id")
        if len(self._names) >= self._house.shelves.most_lines:
            raise FieldInvalid(f"A batch has at most {self._house.shelves.most_lines} lines.")
        self._names.add(line.custom_id)
        if ask.is_stream:
            raise FieldInvalid("A batch has no streams: leave `stream` out.", param="stream")
        if self._first is None:
            self._first = (line, ask)
        first, first_ask = self._first
        if line.url != first.url:
            raise FieldInvalid(f"All lines have the `url` of the first, {first.url}.", param="url")
        if ask.model != first_ask.model:
            raise FieldInvalid("All lines ask the `model` of the first.", param="model")

    def _leg(self, ask: Ask) -> Leg:
        if self._target is None:
            self._target = self._home(ask)
        home = Home(self._target.name, "", 0)
        there = replace(ask, home=home, variant=TIER, tier="")
        (leg,) = make_plan(self._snapshot, self._caller, there, self._now_s).legs
        return leg

    def _home(self, ask: Ask) -> Target:
        """The first of the model's targets that keeps files and speaks what the lines are written in."""
        house = self._house
        for target in allowed(self._snapshot, self._caller, ask).targets:
            speaks = house.providers[target.provider].speaks
            dialect = house.shelves.endpoints[self._first[0].url].name if self._first else ""
            if target.provider in house.shelves.keepers and speaks(dialect):
                return target
        raise FilesNotKept(
            f"No target of {ask.model!r} is at a provider that keeps files and runs batches.",
            param="model",
        )
