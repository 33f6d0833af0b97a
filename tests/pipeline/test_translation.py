"""What an upstream says in pieces, as far as it may pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipeline.houses import planned
from tollhouse.domain.conversation import Citation, State
from tollhouse.domain.counting import most_text
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
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed, UpstreamOverlong
from tollhouse.domain.pricing import Usage
from tollhouse.pipeline.translation import MOST_WITHOUT_A_PIECE, Translation

STOPPED = Stopped(Stop.END)


@pytest.mark.req("P-12")
def test_pieces_pass_in_their_order_after_one_beginning() -> None:
    translation, writer = _translation([Said("a"), Began("late"), Thought("b")], [STOPPED])

    translation.feed(b"1")
    translation.feed(b"2")

    assert writer.got == [Began(), Said("a"), Thought("b"), STOPPED]


@pytest.mark.req("R-10")
def test_an_end_is_written_once_it_was_seen() -> None:
    translation, _ = _translation([Said("a")], [STOPPED], is_over=True)

    assert translation.feed(b"1") == b"2"
    assert translation.feed(b"2") == b"1end"
    assert translation.is_over
    assert translation.finish() == b""


@pytest.mark.req("R-10")
def test_an_end_that_was_not_seen_is_not_written() -> None:
    translation, _ = _translation([Said("a"), STOPPED], ends=UpstreamBroke())

    translation.feed(b"1")

    with pytest.raises(UpstreamBroke):
        translation.finish()


@pytest.mark.req("R-10")
@pytest.mark.parametrize(
    ("said", "stop"),
    [([Said("a")], Stop.END), ([Called(0, "i", "known")], Stop.TOOLS), ([], Stop.END)],
)
def test_an_upstream_that_gives_no_reason_is_given_one(said: list[Delta], stop: Stop) -> None:
    translation, writer = _translation(said)

    translation.feed(b"1")
    translation.finish()

    assert writer.got[-1] == Stopped(stop)


def test_a_second_stop_is_none() -> None:
    translation, writer = _translation([Said("a"), STOPPED, STOPPED, Counted(Usage(1, 1))])

    translation.feed(b"1")
    translation.finish()

    assert writer.got == [Began(), Said("a"), STOPPED, Counted(Usage(1, 1))]


@pytest.mark.req("P-11")
@pytest.mark.parametrize(
    "bad",
    [
        Called(0, "i", "rm_rf"),
        Called(0, "i", ""),
        Argued(1, "{}"),
        Said("x", choice=1),
        Said("x", choice=-1),
        Sealed(State("d", {}), choice=1),
        Stopped(Stop.END, choice=7),
    ],
    ids=repr,
)
def test_what_nobody_asked_for_ends_the_answer(bad: Delta) -> None:
    translation, writer = _translation([Said("a"), bad, Said("b")])

    translation.feed(b"1")

    assert isinstance(translation.failure, UpstreamBroke)
    assert writer.got == [Began(), Said("a")]
    assert translation.feed(b"2") == b""


@pytest.mark.req("P-11")
@pytest.mark.parametrize("more", [Said("b"), Thought("b"), Declined("b"), Called(0, "i", "known")])
def test_words_after_the_stop_end_the_answer(more: Delta) -> None:
    translation, writer = _translation([Said("a"), STOPPED, more])

    translation.feed(b"1")

    assert isinstance(translation.failure, UpstreamBroke)
    assert writer.got == [Began(), Said("a"), STOPPED]


def test_two_calls_cannot_share_a_place() -> None:
    translation, _ = _translation([Called(0, "i", "known"), Called(0, "j", "known")])

    translation.feed(b"1")

    assert isinstance(translation.failure, UpstreamBroke)


@pytest.mark.req("R-15")
def test_a_call_without_an_id_is_given_one_of_its_own() -> None:
    translation, writer = _translation([Called(0, "", "known"), Called(1, "", "known")])

    translation.feed(b"1")

    assert writer.got[1:] == [
        Called(0, "call_reply-1_1", "known"),
        Called(1, "call_reply-1_2", "known"),
    ]


def test_what_came_before_a_failure_has_come() -> None:
    translation, _ = _translation([Said("a")], failure=UpstreamFailed())

    assert translation.feed(b"1") == b"2"
    assert isinstance(translation.failure, UpstreamFailed)


def test_each_of_many_choices_is_stopped_once() -> None:
    translation, writer = _translation([Said("a"), Said("b", choice=1), STOPPED], choices=2)

    translation.feed(b"1")
    translation.finish()

    assert writer.got[-1] == Stopped(Stop.END, choice=1)


@pytest.mark.req("P-8")
def test_the_last_count_holds() -> None:
    translation, _ = _translation([Counted(Usage(1, 1)), Counted(Usage(9, 2))])

    translation.feed(b"1")

    assert translation.usage == Usage(9, 2)


@pytest.mark.req("B-5")
@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        ([Said("a"), Thought("b"), Said("")], 2),
        ([Said("a" * 30)], 10),
        ([Said("ä" * 30)], 20),
        ([Called(0, "i", "known"), Argued(0, "x" * 31)], 12),
        ([Declined("no" * 6)], 4),
    ],
)
def test_what_was_said_can_be_counted(said: list[Delta], tokens: int) -> None:
    translation, _ = _translation(said, ends=UpstreamBroke())

    translation.feed(b"1")

    assert translation.counted_output() == tokens


@pytest.mark.req("B-5")
def test_an_answer_in_one_piece_that_broke_off_is_counted_by_its_bytes() -> None:
    translation, _ = _translation([], is_stream=False, ends=UpstreamBroke())

    translation.feed(b"x" * 30)

    assert translation.counted_output() == 10


@pytest.mark.req("S-71")
def test_a_stream_of_signs_of_life_alone_ends() -> None:
    translation, _ = _translation()

    translation.feed(b" " * MOST_WITHOUT_A_PIECE)
    still_well = translation.failure is None
    translation.feed(b" ")

    assert still_well
    assert isinstance(translation.failure, UpstreamBroke)


def test_an_answer_in_one_piece_may_begin_late() -> None:
    translation, _ = _translation([], [Said("a")], is_stream=False)

    translation.feed(b" " * (MOST_WITHOUT_A_PIECE + 1))
    translation.feed(b"1")

    assert translation.failure is None


@pytest.mark.req("S-71")
def test_signs_of_life_are_counted_from_the_last_piece() -> None:
    translation, _ = _translation([], [Said("a")])

    translation.feed(b" " * MOST_WITHOUT_A_PIECE)
    translation.feed(b"1")
    translation.feed(b" " * MOST_WITHOUT_A_PIECE)

    assert translation.failure is None


@pytest.mark.req("R-10")
def test_after_its_end_nothing_is_heard() -> None:
    translation, writer = _translation([Said("a"), STOPPED], is_over=True)
    translation.feed(b"1")
    translation._reader._said.append([Said("b")])

    assert translation.feed(b"2") == b""
    assert writer.got == [Began(), Said("a"), STOPPED]
    assert translation.failure is None


@pytest.mark.req("R-10", "S-71")
def test_after_a_failure_nothing_is_heard_and_no_end_is_written() -> None:
    translation, writer = _translation([Said("a"), Argued(0, "x")], [Said("b")], is_over=True)

    translation.feed(b"1")
    assert translation.feed(b"2") == b""
    translation._reader.is_over = True

    assert writer.got == [Began(), Said("a")]
    with pytest.raises(UpstreamBroke):
        translation.finish()


@pytest.mark.req("R-10")
def test_a_failure_in_the_last_piece_has_no_end_behind_it() -> None:
    translation, _ = _translation([Said("a"), Argued(0, "x")], is_over=True)

    assert translation.feed(b"1") == b"2"


@pytest.mark.req("B-5")
def test_what_a_reader_still_held_is_counted_once_and_never_again() -> None:
    translation, writer = _translation([Said("a")], rest=[Said("b"), Said("c")])
    translation.feed(b"1")

    counted = [translation.counted_output() for _ in range(2)]

    assert counted == [3, 3]
    assert writer.got == [Began(), Said("a"), Said("b"), Said("c")]


@pytest.mark.req("B-5")
@pytest.mark.parametrize("end", ["it was over", "it had failed"])
def test_of_what_has_ended_no_more_is_counted(end: str) -> None:
    translation, _ = _translation(
        [Said("a"), STOPPED] if end == "it was over" else [Said("a")],
        is_over=end == "it was over",
        failure=None if end == "it was over" else UpstreamFailed(),
        rest=[Said("b")],
    )
    translation.feed(b"1")

    before = translation.failure
    assert translation.counted_output() == 1
    assert translation.failure is before


@pytest.mark.req("B-5")
def test_an_answer_in_one_piece_that_was_heard_is_counted_by_what_it_said() -> None:
    translation, _ = _translation([Said("a")], is_stream=False, ends=UpstreamBroke())

    translation.feed(b"x" * 30)

    assert translation.counted_output() == 1


@pytest.mark.req("B-5")
def test_a_stream_that_said_nothing_is_counted_as_nothing() -> None:
    translation, _ = _translation([], ends=UpstreamBroke())

    translation.feed(b"x" * 30)

    assert translation.counted_output() == 0


def test_who_says_that_it_begins_begins_once() -> None:
    translation, writer = _translation([Began("its id"), Said("a")])

    translation.feed(b"1")

    assert writer.got == [Began("its id"), Said("a")]


def test_a_call_keeps_the_id_that_it_has() -> None:
    translation, writer = _translation([Called(0, "its-own", "known")])

    translation.feed(b"1")

    assert writer.got == [Began(), Called(0, "its-own", "known")]


def test_what_is_to_be_given_back_bears_the_mark_of_its_home() -> None:
    state, marked = State("there", "x"), State("there", "marked x")
    plain, plain_writer = _translation([Sealed(state)])
    marking, marking_writer = _translation([Sealed(state)], marked=marked)

    plain.feed(b"1")
    marking.feed(b"1")

    assert plain_writer.got == [Began(), Sealed(state)]
    assert marking_writer.got == [Began(), Sealed(marked)]


@pytest.mark.req("S-71")
@pytest.mark.parametrize("choice", [-1, 1])
def test_a_citation_of_an_answer_that_was_not_asked_for_ends_it(choice: int) -> None:
    translation, _ = _translation([Cited(Citation(), choice)])

    translation.feed(b"1")

    assert isinstance(translation.failure, UpstreamBroke)


@pytest.mark.req("B-4", "S-71")
def test_of_what_is_long_as_much_passes_as_the_tokens_may_have_and_no_more() -> None:
    """What came before it was long is not looked at for its blanks, and counts for nothing."""
    most = most_text(10)
    words, blanks = Said("ä" * (most // 2)), Said(" \n" * most)
    translation, writer = _translation([words], [blanks, words], [Said("x")])
    translation.bound(10)

    translation.feed(b"1")
    translation.feed(b"2")
    assert translation.failure is None
    translation.feed(b"3")

    assert isinstance(translation.failure, UpstreamOverlong)
    assert Said("x") not in writer.got


@pytest.mark.req("B-4", "S-71")
def test_what_nobody_bounded_goes_on() -> None:
    translation, _ = _translation([Said("x" * most_text(100))])

    translation.feed(b"1")

    assert translation.failure is None


class _Reader:
    """Implements Reader: each chunk means the next of the lists."""

    def __init__(
        self,
        said: Sequence[list[Delta]],
        failure: Failure | None,
        ends: Failure | None,
        rest: Sequence[Delta],
    ) -> None:
        self.failure: Failure | None = None
        self.is_over = False
        self.ends_over = False
        self._said = list(said)
        self._failure = failure
        self._ends = ends
        self._rest = rest

    def feed(self, chunk: bytes) -> Sequence[Delta]:
        said = self._said.pop(0) if self._said else []
        self.failure = self._failure
        self.is_over = self.ends_over and not self._said
        return said

    def finish(self) -> Sequence[Delta]:
        if self._ends is not None:
            self.failure = self._ends
        return self._rest


class _Writer:
    """Implements Writer: how many pieces it got, and `end`."""

    def __init__(self) -> None:
        self.got: list[Delta] = []

    def write(self, deltas: Sequence[Delta]) -> bytes:
        self.got += deltas
        return b"%d" % len(deltas)

    def finish(self) -> bytes:
        return b"end"


def _translation(
    *said: list[Delta],
    is_over: bool = False,
    is_stream: bool = True,
    choices: int = 1,
    failure: Failure | None = None,
    ends: Failure | None = None,
    rest: Sequence[Delta] = (),
    marked: State | None = None,
) -> tuple[Translation, _Writer]:
    reader, writer = _Reader(said, failure, ends, rest), _Writer()
    reader.ends_over = is_over
    ask = replace(planned(is_stream=is_stream).ask, choices=choices, tools=frozenset({"known"}))
    marking = None if marked is None else (lambda _: marked)
    return Translation(reader, writer, ask, "reply-1", marking), writer
