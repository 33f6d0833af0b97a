"""One batch on its way, the next one gathering."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tollhouse.domain.errors import StoreUnavailable
from tollhouse.storage.batching import LARGEST_BATCH, LONGEST_QUEUE, Batching


async def test_what_arrives_together_goes_together() -> None:
    sent, batching = _recorded()

    answers = await asyncio.gather(*(batching.add(item) for item in ("a", "b", "c")))

    assert answers == ["A", "B", "C"]
    assert sent == [["a", "b", "c"]]


async def test_what_arrives_meanwhile_goes_with_the_next() -> None:
    gate = asyncio.Event()
    sent, batching = _recorded(gate=gate)
    first = batching.add("a")
    await _turn()

    rest = [batching.add("b"), batching.add("c")]
    await _turn()
    gate.set()
    await asyncio.gather(first, *rest)

    assert sent == [["a"], ["b", "c"]]


async def test_a_batch_names_each_call_once_and_keeps_the_order() -> None:
    sent, batching = _recorded()

    await asyncio.gather(*(batching.add(item) for item in ("a", "b", "a", "c")))

    assert sent == [["a", "b"], ["a", "c"]]


async def test_a_batch_has_a_largest_size() -> None:
    sent, batching = _recorded()

    await asyncio.gather(*(batching.add(str(number)) for number in range(LARGEST_BATCH + 1)))

    assert [len(batch) for batch in sent] == [LARGEST_BATCH, 1]


async def test_an_answer_that_is_an_exception_is_raised_for_that_one() -> None:
    _, batching = _recorded(lambda item: ValueError(item) if item == "b" else item)

    answers = await asyncio.gather(
        *(batching.add(item) for item in ("a", "b", "c")), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [str, ValueError, str]


async def test_a_batch_that_is_refused_whole_is_sent_one_by_one() -> None:
    sent, batching = _recorded(refused="b")

    answers = await asyncio.gather(
        *(batching.add(item) for item in ("a", "b", "c")), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [str, KeyError, str]
    assert sent == [["a", "b", "c"], ["a"], ["b"], ["c"]]


@pytest.mark.req("P-24")
async def test_when_the_store_is_gone_nobody_waits_twice() -> None:
    gate = asyncio.Event()
    sent, batching = _recorded(lambda _: StoreUnavailable(), gate=gate, is_gone=True)
    first = batching.add("a")
    await _turn()
    behind = batching.add("b")

    gate.set()
    answers = await asyncio.gather(first, behind, return_exceptions=True)

    assert [type(answer) for answer in answers] == [StoreUnavailable, StoreUnavailable]
    assert sent == [["a"]]


async def test_a_waiter_that_gives_up_changes_nothing_for_the_store() -> None:
    sent, batching = _recorded()

    batching.add("a").cancel()
    await batching.add("b")

    assert sent == [["a", "b"]]


async def test_the_queue_has_an_end() -> None:
    gate = asyncio.Event()
    _, batching = _recorded(gate=gate)
    waiting = [batching.add(str(number)) for number in range(LONGEST_QUEUE)]

    with pytest.raises(StoreUnavailable):
        await batching.add("one more")

    gate.set()
    await asyncio.gather(*waiting)


async def test_closing_sends_what_waits() -> None:
    sent, batching = _recorded()
    waiting = batching.add("a")

    await batching.close()

    assert await waiting == "A"
    assert sent == [["a"]]


def _recorded(
    answer: Callable[[str], Any] = str.upper,
    *,
    gate: asyncio.Event | None = None,
    refused: str = "",
    is_gone: bool = False,
) -> tuple[list[list[str]], Batching[str]]:
    sent: list[list[str]] = []

    async def send(batch: Sequence[str]) -> list[Any]:
        sent.append(list(batch))
        if gate is not None:
            await gate.wait()
        if is_gone:
            raise StoreUnavailable
        if refused in batch:
            raise KeyError(refused)
        return [answer(item) for item in batch]

    return sent, Batching(send, name=lambda item: item)


async def _turn() -> None:
    """Let what is ready run."""
    for _ in range(3):
        await asyncio.sleep(0)
