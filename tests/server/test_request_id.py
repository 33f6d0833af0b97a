from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.server.request_id import new_call_id, request_id

OURS = re.compile(r"[0-9a-f]{16}")
FITS = re.compile(rb"[0-9A-Za-z\-_.:/]{1,128}")


@pytest.mark.req("OC-55")
@pytest.mark.parametrize("name", [b"x-request-id", b"x-correlation-id"])
@pytest.mark.parametrize("value", [b"a", b"A-z_0.9:/", b"x" * 128])
def test_a_callers_id_is_kept_if_it_fits(name: bytes, value: bytes) -> None:
    assert request_id({b"host": b"x", name: value}) == value.decode()


@pytest.mark.req("OC-55", "S-17")
@pytest.mark.parametrize(
    "value",
    [b"", b"x" * 129, b"a b", b"a\tb", b"a\n", b"a\x00", b'"', b"<script>", b"\xc3\xa9", b"a;b", b"%0d%0a", b"{x}"],
)  # fmt: skip
def test_an_id_that_does_not_fit_is_replaced(value: bytes) -> None:
    assert OURS.fullmatch(request_id({b"x-request-id": value}))


@pytest.mark.req("P-16")
@pytest.mark.parametrize(
    "value", [b"thk_abc", b"tha_1_abc", b"sk-abc", b"Bearer:SK-abc", b"x/thk-1"]
)
def test_what_may_be_a_key_is_no_id(value: bytes) -> None:
    assert OURS.fullmatch(request_id({b"x-request-id": value}))


@given(st.binary(max_size=140))
def test_an_id_is_always_safe_to_write_down(value: bytes) -> None:
    chosen = request_id({b"x-request-id": value}).encode()

    assert FITS.fullmatch(chosen)
    assert chosen == value or OURS.fullmatch(chosen.decode())


@pytest.mark.req("OC-55")
def test_without_one_each_request_gets_its_own() -> None:
    ids = {request_id({}) for _ in range(1000)}

    assert len(ids) == 1000
    assert all(OURS.fullmatch(each) for each in ids)


def test_the_ids_of_calls_are_unique_and_begin_with_the_time() -> None:
    ids = [new_call_id() for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert [each[:12] for each in ids] == sorted(each[:12] for each in ids)
    assert {len(each) for each in ids} == {32}
