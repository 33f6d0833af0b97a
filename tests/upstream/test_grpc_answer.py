"""One answered call of gRPC, byte by byte: the other side is h2's own server, and what is no good answer ends it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import UpstreamBroke
from tollhouse.upstream.grpc_answer import MOST_OF_HEADERS, Answer

Headers = Sequence[tuple[str, str]]
PATH = "/SpiffeWorkloadAPI/FetchX509Bundles"
MOST = 1000
HEAD: Headers = ((":status", "200"), ("content-type", "application/grpc"))
GOOD: Headers = (("grpc-status", "0"),)
MESSAGES = (b"", b"one", b"x" * MOST)


class Other:
    """What answers. `said` is what it has to say so far."""

    def __init__(self) -> None:
        self.answer = Answer(PATH, "localhost", (("workload.spiffe.io", "true"),), MOST)
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.http.initiate_connection()
        self.heard = self.http.receive_data(self.answer.to_send())
        self.stream = 1

    def begins(self, head: Headers = HEAD, *, is_over: bool = False) -> Other:
        self.http.send_headers(self.stream, head, end_stream=is_over)
        return self

    def sends(self, *messages: bytes) -> Other:
        for each in messages:
            self.http.send_data(self.stream, framed(each))
        return self

    def ends(self, trailers: Headers = GOOD) -> Other:
        self.http.send_headers(self.stream, trailers, end_stream=True)
        return self

    def said(self) -> bytes:
        return self.http.data_to_send()

    def told(self) -> list[bytes]:
        return list(self.answer.fed(self.said()))


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4) + message


def test_the_call_is_asked_whole_and_says_what_is_taken_in_answer() -> None:
    other = Other()

    asked = next(each for each in other.heard if isinstance(each, events.RequestReceived))
    data = b"".join(each.data for each in other.heard if isinstance(each, events.DataReceived))
    assert dict(asked.headers) == {
        ":method": "POST",
        ":scheme": "http",
        ":path": PATH,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
        "user-agent": "tollhouse",
        "workload.spiffe.io": "true",
    }
    assert data == bytes(5)
    assert any(isinstance(each, events.StreamEnded) for each in other.heard)
    assert other.http.remote_settings.enable_push == 0
    assert other.http.remote_settings[SettingCodes.MAX_HEADER_LIST_SIZE] == MOST_OF_HEADERS


def test_messages_come_as_they_were_sent_until_the_other_side_ends() -> None:
    other = Other().begins().sends(*MESSAGES)

    assert other.told() == list(MESSAGES)
    assert not other.answer.is_over
    assert other.sends(b"more").ends().told() == [b"more"]
    assert other.answer.is_over


def test_an_answer_may_be_longer_than_its_window() -> None:
    """What was read is said to have been read, so the other side may go on."""
    other = Other().begins()
    for _ in range(200):
        assert other.sends(b"x" * MOST).told() == [b"x" * MOST]
        other.http.receive_data(other.answer.to_send())


def test_where_it_is_cut_changes_nothing() -> None:
    raw = Other().begins().sends(*MESSAGES[:2]).ends().said()

    for at in range(len(raw)):
        answer = Other().answer
        found = [*answer.fed(raw[:at]), *answer.fed(raw[at:])]
        assert found == list(MESSAGES[:2])
        assert answer.is_over


@pytest.mark.req("S-144")
@given(st.data())
def test_whatever_is_changed_in_it_it_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(Other().begins().sends(*MESSAGES[:2]).ends().said())
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))

    with suppress(UpstreamBroke):
        list(Other().answer.fed(bytes(raw)))


@pytest.mark.req("S-144")
@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    with suppress(UpstreamBroke):
        list(Other().answer.fed(raw))


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (((":status", "404"), ("content-type", "application/grpc")), "404"),
        (((":status", "200"), ("content-type", "text/html")), "speaks no gRPC"),
        (((":status", "200"),), "speaks no gRPC"),
        (
            (*HEAD, ("grpc-status", "7"), ("grpc-message", "no identity issued")),
            "PERMISSION_DENIED",
        ),
        ((*HEAD, ("grpc-status", "99")), "no status that is known"),
        ((*HEAD, *((f"x-{n}", "y" * 4000) for n in range(5))), "no HTTP/2"),
    ],
    ids=["404", "html", "no type", "denied", "99", "long"],
)
def test_a_head_that_begins_no_good_answer_ends_it(head: Headers, why: str) -> None:
    with pytest.raises(UpstreamBroke) as refused:
        Other().begins(head, is_over=True).told()

    assert why in (refused.value.private or "")


@pytest.mark.parametrize(
    "trailers", [(("x", "y"),), (("grpc-status", ""),), (("grpc-status", "14"),)]
)
def test_an_end_without_a_good_status_is_none(trailers: Headers) -> None:
    with pytest.raises(UpstreamBroke):
        Other().begins().sends(b"one").ends(trailers).told()


def test_what_it_says_of_itself_is_cut_and_shown_harmless() -> None:
    said = (("grpc-status", "7"), ("grpc-message", "%1b[2J%0Aforged" + "x" * 900))

    with pytest.raises(UpstreamBroke) as refused:
        Other().begins((*HEAD, *said), is_over=True).told()

    words = refused.value.private or ""
    assert words.isprintable()
    assert len(words) < 300


@pytest.mark.parametrize(
    "raw",
    [
        b"\0" + (MOST + 1).to_bytes(4),
        b"\0\xff\xff\xff\xff",
        b"\1" + (3).to_bytes(4) + b"abc",  # compressed
    ],
)
def test_a_message_that_is_too_long_or_compressed_is_refused_by_its_head(raw: bytes) -> None:
    other = Other().begins()
    other.http.send_data(other.stream, raw)

    with pytest.raises(UpstreamBroke):
        other.told()


def test_a_body_without_a_head_is_none() -> None:
    other = Other()
    other.http.send_data(other.stream, framed(b"one"))

    with pytest.raises(UpstreamBroke):
        other.told()


def test_an_end_within_a_message_is_none() -> None:
    other = Other().begins()
    other.http.send_data(other.stream, framed(b"whole")[:-1])

    with pytest.raises(UpstreamBroke):
        other.ends().told()


def test_what_nobody_asked_for_is_not_taken() -> None:
    other = Other()
    other.http.remote_settings[SettingCodes.ENABLE_PUSH] = 1
    other.http.remote_settings.acknowledge()
    asked = ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "x"))
    other.http.push_stream(other.stream, 2, asked)

    with pytest.raises(UpstreamBroke):
        other.told()


@pytest.mark.req("S-144")
def test_a_frame_that_would_be_too_long_is_not_waited_for() -> None:
    for raw in (b"HTTP/1.1 400 Bad Request\r\n\r\n", (2**14 + 1).to_bytes(3) + bytes(6)):
        answer = Other().answer
        with pytest.raises(UpstreamBroke):
            _ = [list(answer.fed(bytes([byte]))) for byte in raw]


@pytest.mark.parametrize("how", ["reset", "goaway"])
def test_what_is_broken_off_is_over(how: str) -> None:
    other = Other().begins()
    if how == "reset":
        other.http.reset_stream(other.stream, 8)
    else:
        other.http.close_connection(11)

    with pytest.raises(UpstreamBroke):
        other.told()


def test_who_is_asked_whether_he_is_there_answers() -> None:
    other = Other().begins()
    other.told()

    other.answer.ping()
    assert other.answer.is_pinged
    other.http.receive_data(other.answer.to_send())
    other.told()
    assert not other.answer.is_pinged
