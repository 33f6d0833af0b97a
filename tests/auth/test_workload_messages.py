"""What the Workload API says of bundles: whole, of trust domains, and within bounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent import message
from tollhouse.auth import workload_api
from tollhouse.auth.protobuf import MessageInvalid
from tollhouse.auth.workload_api import MOST_DOMAINS, Said, jwt_bundles, x509_bundles

PROD = "spiffe://prod.example.org"
KINDS = [("X509BundlesResponse", x509_bundles), ("JWTBundlesResponse", jwt_bundles)]
each_kind = pytest.mark.parametrize(("kind", "read"), KINDS, ids=[kind for kind, _ in KINDS])
Read = Callable[[bytes], Said]


@each_kind
def test_bundles_are_known_by_their_trust_domains(kind: str, read: Read) -> None:
    said = {PROD: b"one", "spiffe://other.example.org": b"two"}

    assert read(message(kind, bundles=said)) == {
        "prod.example.org": b"one",
        "other.example.org": b"two",
    }


@each_kind
@pytest.mark.req("S-42")
@pytest.mark.parametrize(
    "bundles",
    [
        {},
        {PROD: b""},
        {"": b"one"},
        {"prod.example.org": b"one"},
        {f"{PROD}/ns/web": b"one"},
        {PROD.upper(): b"one"},
        {PROD: b"one", "https://other.example.org": b"two"},
        {f"spiffe://{number}": b"x" for number in range(MOST_DOMAINS + 1)},
    ],
    ids=["none", "empty", "no name", "no id", "a workload", "capitals", "one bad", "too many"],
)
def test_a_message_that_is_wrong_in_anything_says_nothing(
    kind: str, read: Read, bundles: dict[str, bytes]
) -> None:
    with pytest.raises(MessageInvalid):
        read(message(kind, bundles=bundles))


@each_kind
def test_as_many_as_there_may_be_are_read(kind: str, read: Read) -> None:
    said = {f"spiffe://{number}": b"x" for number in range(MOST_DOMAINS)}

    assert len(read(message(kind, bundles=said))) == MOST_DOMAINS


def test_the_header_that_nobody_sends_by_mistake_is_sent() -> None:
    assert dict(workload_api.METADATA) == {"workload.spiffe.io": "true"}
