"""Paths: written in the one way that all servers read alike, or refused."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import TargetInvalid
from tollhouse.server.target import check_path, check_tail

GOOD = [
    *("/", "/v1/models", "/v1/models/", "/v1/models/gpt-4.1-mini", "/v1/models/a%2Fb", "/v1/a%20b"),
    *("/.env", "/a.b/..c", "/a..b", "/...", "/v1/m%C3%A9", "/v1/models;x=1", "/a:b@c!$&'()*+,=~_-"),
]  # fmt: skip
BAD = [
    *("", "*", "v1/models", "http://evil.example/v1/models", "evil.example:80", "?x", "%2fv1"),
    *("//v1/models", "/v1//models", "/v1/models//", "/v1/../admin/keys", "/..", "/.", "/v1/.", "/./v1"),
    *("/v1%2f..%2fadmin", "/%2e%2e/admin", "/%2E%2e", "/v1/%2e/models", "/.%2e/x", "/a/%2e%2E/"),
    *("/v1/models%00", "/v1/%0a", "/v1/%0d%0aset-cookie:x", "/%7f", "/v1%5c..%5cadmin", "/v1\\models"),
    *("/%c0%ae%c0%ae/admin", "/%ff", "/%ed%a0%80", "/v1/%", "/v1/%2", "/v1/%zz", "/v1/%u0041", "/a#b", "/é"),
]  # fmt: skip

any_path = st.lists(
    st.sampled_from(
        ["/", "..", ".", "%2e", "%2E", "%2f", "%5c", "%00", "%c0%ae", "%c3%a9", "%", "a", "v1", ";", "\\", "é", "#"]
    ),
    max_size=12,
).map(lambda parts: "".join(parts).encode())  # fmt: skip


@pytest.mark.parametrize("path", GOOD)
def test_a_plain_path_passes(path: str) -> None:
    check_path(path.encode())


@pytest.mark.req("S-3", "H-25", "H-26", "H-27", "H-28", "H-29", "H-30")
@pytest.mark.parametrize("path", BAD)
def test_a_path_that_two_servers_could_read_differently_is_refused(path: str) -> None:
    with pytest.raises(TargetInvalid):
        check_path(path.encode())


@pytest.mark.req("S-3")
@given(any_path | st.binary(max_size=30).map(lambda tail: b"/" + tail))
def test_what_passes_means_the_same_decoded_or_not_and_to_whoever_cleans_it_up(path: bytes) -> None:
    try:
        check_path(path)
    except TargetInvalid:
        return

    decoded = unquote_to_bytes(path).decode()
    assert path.isascii()
    assert path.startswith(b"/")
    assert b"//" not in path
    assert not {".", ".."} & set(decoded.split("/"))
    assert "\\" not in decoded
    assert all(letter >= " " and letter != "\x7f" for letter in decoded)


@pytest.mark.req("S-3", "H-26")
@pytest.mark.parametrize(
    "path", ["/v1%2fmodels", "/v1%2Fmodels/", "/%2fv1/models", "/v1/models%2f"]
)
def test_an_encoded_slash_is_no_part_of_a_route(path: str) -> None:
    with pytest.raises(TargetInvalid):
        check_tail(path.encode(), "")


def test_a_name_at_the_end_may_have_an_encoded_slash() -> None:
    check_tail(b"/v1/models/org%2fname", "org%2fname")

    with pytest.raises(TargetInvalid):
        check_tail(b"/v1%2fmodels/org%2fname", "org%2fname")
