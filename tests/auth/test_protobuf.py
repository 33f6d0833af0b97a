"""The wire format, against the runtime of Protocol Buffers itself."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from agent import kinds, message
from tollhouse.auth import protobuf
from tollhouse.auth.protobuf import MOST_FIELDS, MessageInvalid

Bundles = dict[str, bytes]

bundles = st.dictionaries(st.text("ab/:.é€", max_size=20), st.binary(max_size=300), max_size=5)
lists = st.lists(st.binary(max_size=40), max_size=3)


def read(raw: bytes) -> Bundles:
    return dict(protobuf.table([value for _, value in protobuf.texts(raw, 2)]))


@given(bundles, lists)
def test_what_the_runtime_writes_is_read(said: Bundles, others: list[bytes]) -> None:
    assert read(message("X509BundlesResponse", bundles=said, crl=others)) == said


@pytest.mark.req("S-144")
@given(bundles, lists)
def test_what_is_cut_anywhere_is_refused_or_has_only_what_was_whole(
    said: Bundles, others: list[bytes]
) -> None:
    raw = message("X509BundlesResponse", bundles=said, crl=others)

    for end in range(len(raw)):
        try:
            found = read(raw[:end])
        except MessageInvalid:
            continue
        assert found.items() <= said.items()
        assert kinds()["X509BundlesResponse"].FromString(raw[:end])


@pytest.mark.req("S-144")
@given(st.binary(max_size=60) | st.lists(st.sampled_from(range(24)), max_size=40).map(bytes))
def test_whatever_is_read_the_runtime_reads_alike(raw: bytes) -> None:
    try:
        found = read(raw)
    except MessageInvalid:
        return
    try:
        theirs = kinds()["X509BundlesResponse"].FromString(raw)
    except DecodeError:
        pytest.fail("it is refused by the runtime")
    assert found == dict(theirs.bundles)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x12",  # a field without a length
        b"\x12\x05ab",  # shorter than it says
        b"\x10\x01",  # a number where bytes belong
        b"\x15\x0a\x02ab",  # four bytes that could be them
        b"\x02\x00",  # the number nought
        b"\x0b\x0c",  # a group
        b"\x82\x80\x80\x80\x10\x00",  # a number that no field has
        b"\x0e",  # a kind that there is not
        b"\x0d\x00",  # four bytes that are one
        b"\x09\x00",  # eight bytes that are one
        b"\x08\x80",  # a number that goes on
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\x08" + b"\xff" * 9 + b"\x02",  # more than 64 bits
        b"\x12" + b"\xff" * 9 + b"\x01",  # longer than anything
        b"\x12\x04\x0a\x02\xff\xfe",  # a name that is no text
        b"\x12\x06\x0a\x01a\x0a\x01b",  # two names
        b"\x12\x03\x0a\x01a" * 2,  # the same name twice
        b"\x0a\x00" * (MOST_FIELDS + 1),
    ],
    ids=lambda raw: raw[:12].hex(),
)
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageInvalid):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xf8\xff\xff\xff\x0f\x00",  # the last number of a field
        b"\x08" + b"\xff" * 9 + b"\x01",  # 64 bits
        b"\x0a\x00" * MOST_FIELDS,
    ],
    ids=lambda raw: raw[:12].hex(),
)
def test_what_is_at_its_bound_is_passed_over(raw: bytes) -> None:
    assert read(raw) == {}
