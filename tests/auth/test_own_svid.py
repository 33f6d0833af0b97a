"""Our own SVID as an agent says it: id, chain and key belong together, or nothing of it is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from agent import message
from certificates import Authority, der
from tollhouse.auth.own_svid import LONGEST_CHAIN, MOST_SVIDS, own_svid
from tollhouse.auth.protobuf import MessageInvalid

GATE = "spiffe://prod.example.org/tollhouse"
OTHER = "spiffe://prod.example.org/other"
pytestmark = pytest.mark.req("S-42")

Said = dict[str, object]


class Place:
    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.own, self.other = self.said(GATE), self.said(OTHER)

    def said(self, *ids: str) -> Said:
        chain = self.authority.svid(*ids)
        private = load_pem_private_key(chain.read_bytes(), None)
        plain = (Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return {
            "spiffe_id": ids[0] if ids else GATE,
            "x509_svid": der(chain),
            "x509_svid_key": private.private_bytes(*plain),
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def read(*svids: Said) -> str:
    return own_svid(message("X509SVIDResponse", svids=list(svids))).spiffe_id


def test_the_first_is_ours_and_its_key_is_not_shown(place: Place) -> None:
    found = own_svid(message("X509SVIDResponse", svids=[place.own, place.other]))

    assert found.spiffe_id == GATE
    assert load_pem_private_key(found.pem, None)
    leaf = x509.load_pem_x509_certificate(found.pem)
    assert leaf.public_bytes(Encoding.DER) == place.own["x509_svid"]
    assert "PRIVATE" not in repr(found)


def test_those_above_it_come_with_it(place: Place) -> None:
    whole = {**place.own, "x509_svid": bytes(place.own["x509_svid"]) + place.authority.root}  # type: ignore[call-overload]

    found = own_svid(message("X509SVIDResponse", svids=[whole]))

    assert len(x509.load_pem_x509_certificates(found.pem)) == 2


CHANGES: dict[str, Callable[[Place], Said]] = {
    "another id": lambda it: {"spiffe_id": OTHER},
    "no id": lambda it: {"spiffe_id": ""},
    "no workload": lambda it: {"spiffe_id": "spiffe://prod.example.org"},
    "another key": lambda it: {"x509_svid_key": it.other["x509_svid_key"]},
    "no key": lambda it: {"x509_svid_key": b""},
    "no key at all": lambda it: {"x509_svid_key": b"key"},
    "another certificate": lambda it: {"x509_svid": it.other["x509_svid"]},
    "no certificate": lambda it: {"x509_svid": b""},
    "no certificate at all": lambda it: {"x509_svid": b"certificate"},
    "a cut one": lambda it: {"x509_svid": bytes(it.own["x509_svid"])[:-1]},  # type: ignore[call-overload]
    "too many": lambda it: {"x509_svid": bytes(it.own["x509_svid"]) * (LONGEST_CHAIN + 1)},  # type: ignore[call-overload]
    "two ids": lambda it: it.said(GATE, OTHER),
    "none in it": lambda it: it.said(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_does_not_belong_together_is_not_taken(
    place: Place, change: Callable[[Place], Said]
) -> None:
    with pytest.raises(MessageInvalid):
        read({**place.own, **change(place)})


def test_as_many_as_there_may_be_are_taken(place: Place) -> None:
    chain = bytes(place.own["x509_svid"]) + place.authority.root * (LONGEST_CHAIN - 1)  # type: ignore[call-overload]

    assert read(*[{**place.own, "x509_svid": chain}] * MOST_SVIDS) == GATE


def test_a_message_has_one_at_least_and_not_any_number(place: Place) -> None:
    for count in (0, MOST_SVIDS + 1):
        with pytest.raises(MessageInvalid):
            read(*[place.own] * count)
