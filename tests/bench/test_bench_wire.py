from __future__ import annotations

import pytest
from bench.wire import DONE, Checker, Flow, WrongAnswer, answer, last_events, word_event

FLOW = Flow(chunks=3, interval_ms=0)


def test_the_answer_of_the_upstream_is_right() -> None:
    Checker().check(200, answer())


def test_the_stream_of_the_upstream_is_right() -> None:
    Checker(FLOW).check(200, stream())


def test_a_stream_in_other_words_is_right_when_its_text_and_usage_are() -> None:
    spaced = stream().replace(b'":', b'": ').replace(b"\n\n", b"\r\n\r\n")

    Checker(FLOW).check(200, spaced)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, answer()),
        (200, b""),
        (200, b"<html>"),
        (200, answer().replace(b"toll", b"troll")),
        (200, answer().replace(b'"completion_tokens":20', b'"completion_tokens":21')),
        (200, answer().replace(b'"usage"', b'"sage"')),
    ],
)
def test_any_other_answer_is_wrong(status: int, body: bytes) -> None:
    with pytest.raises(WrongAnswer):
        Checker().check(status, body)


def test_a_stream_that_lost_a_word_is_wrong() -> None:
    lost = stream().replace(word_event(1), b"", 1)

    with pytest.raises(WrongAnswer, match="toll road toll"):
        Checker(FLOW).check(200, lost)


def test_a_stream_without_its_end_is_wrong() -> None:
    with pytest.raises(WrongAnswer, match="DONE"):
        Checker(FLOW).check(200, stream().removesuffix(DONE))


def test_a_stream_that_lost_its_usage_is_wrong() -> None:
    with pytest.raises(WrongAnswer, match="usage"):
        Checker(FLOW).check(200, stream(with_usage=False))


def test_a_wrong_answer_after_right_ones_is_noticed() -> None:
    checker = Checker()
    checker.check(200, answer())
    checker.check(200, answer())

    with pytest.raises(WrongAnswer):
        checker.check(429, answer())


def stream(*, with_usage: bool = True) -> bytes:
    words = b"".join(map(word_event, range(3)))
    return words + last_events(FLOW.chunks, with_usage=with_usage)
