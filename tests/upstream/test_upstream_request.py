from __future__ import annotations

import pytest

from tollhouse.domain.exchange import Sending
from tollhouse.upstream.request import Heads


def test_a_request_is_written_with_its_host_and_length() -> None:
    sending = Sending(b"POST", b"/v1/x?y=1", ((b"accept", b"*/*"),), b"{}")

    assert Heads(b"example.org").head(sending) == (
        b"POST /v1/x?y=1 HTTP/1.1\r\nhost: example.org\r\naccept: */*\r\ncontent-length: 2\r\n\r\n"
    )


def test_a_get_without_a_body_has_no_length() -> None:
    assert b"content-length" not in Heads(b"h").head(Sending(b"GET", b"/", (), b""))


def test_a_post_without_a_body_says_so() -> None:
    assert b"\r\ncontent-length: 0\r\n" in Heads(b"h").head(Sending(b"POST", b"/", (), b""))


OURS = (b"host", b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect")


@pytest.mark.req("B-9")
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_body_has_its_length_whatever_the_method(method: bytes) -> None:
    """Else it would be read as the next request."""
    written = Heads(b"h").head(Sending(method, b"/", (), b"GET / HTTP/1.1\r\n\r\n"))

    assert b"\r\ncontent-length: 18\r\n" in written


@pytest.mark.req("B-9")
@pytest.mark.parametrize(
    "sending",
    [
        Sending(b"POST", b"/", ((b"x", b"a\r\nb: c"),), b""),
        Sending(b"POST", b"/", ((b"x\n", b"a"),), b""),
        Sending(b"POST", b"/", ((b"x", b"a\rb"),), b""),
        Sending(b"POST", b"/", ((b"x", b"a\0"),), b""),
        Sending(b"POST", b"/ HTTP/1.1\r\nx: y", (), b""),
        Sending(b"POST", b"/a b", (), b""),
        Sending(b"GET /", b"/", (), b""),
        Sending(b"HEAD", b"/", (), b""),
        Sending(b"CONNECT", b"/", (), b""),
        *(Sending(b"POST", b"/", ((name, b"1"),), b"") for name in OURS),
    ],
)
def test_what_would_not_stay_one_request_is_not_written(sending: Sending) -> None:
    with pytest.raises(ValueError):
        Heads(b"h").head(sending)


def test_each_request_is_written_as_it_is_whatever_was_written_before() -> None:
    heads = Heads(b"h")
    sendings = [
        Sending(method, path, headers, body)
        for method in (b"GET", b"POST")
        for path in (b"/a", b"/b")
        for headers in ((), ((b"x", b"1"),), ((b"x", b"2"),))
        for body in (b"", b"{}")
    ]

    for sending in sendings + sendings[::-1]:
        assert heads.head(sending) == Heads(b"h").head(sending)


def test_a_request_that_was_refused_leaves_nothing_behind() -> None:
    heads = Heads(b"h")
    bad = Sending(b"POST", b"/a b", (), b"")

    for _ in range(2):
        with pytest.raises(ValueError):
            heads.head(bad)
