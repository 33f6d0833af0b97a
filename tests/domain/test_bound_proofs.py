"""What else than a place and a purpose a key, or a token, may be bound to."""

from __future__ import annotations

from typing import Any

import pytest

from tollhouse.domain.bounds import (
    FREE,
    Bounds,
    bounds,
    confirmed,
    read_certificates,
    read_networks,
    read_proof_key,
    read_purposes,
)
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.errors import CertificateForeign, FieldInvalid

THUMBPRINT = "A" * 43
HEX = "0f" * 32
SPIFFE = "spiffe://example.org/worker"


@pytest.mark.req("S-29")
@pytest.mark.parametrize(
    ("bound", "shown"),
    [
        (FREE, None),
        (FREE, Certificate(HEX, 0, 1)),
        (Bounds(certificates=frozenset({HEX})), Certificate(HEX, 0, 1)),
        (Bounds(certificates=frozenset({HEX, SPIFFE})), Certificate("00", 0, 1, spiffe_id=SPIFFE)),
    ],
)
def test_who_shows_the_certificate_that_it_is_bound_to_is_let_in(
    bound: Bounds, shown: Certificate | None
) -> None:
    bound.insist_on_certificate(shown)


@pytest.mark.req("S-29")
@pytest.mark.parametrize(
    ("shown", "why"), [(None, "no certificate"), (Certificate("00", 0, 1), "another certificate")]
)
def test_who_shows_another_certificate_or_none_is_not(shown: Certificate | None, why: str) -> None:
    with pytest.raises(CertificateForeign) as refused:
        Bounds(certificates=frozenset({HEX, SPIFFE})).insist_on_certificate(shown)

    assert refused.value.private == why


@pytest.mark.parametrize(
    ("said", "bound"),
    [
        ({"jkt": THUMBPRINT}, Bounds(proof_key=THUMBPRINT)),
        ({"x5t#S256": THUMBPRINT}, Bounds(certificates=frozenset({"00" * 32}))),
        (
            {"jkt": THUMBPRINT, "x5t#S256": THUMBPRINT},
            Bounds(certificates=frozenset({"00" * 32}), proof_key=THUMBPRINT),
        ),
    ],
)
def test_a_token_is_bound_to_what_it_says(said: dict[str, str], bound: Bounds) -> None:
    assert confirmed(said) == bound


@pytest.mark.parametrize(
    "said",
    [
        *(None, "jkt", [], {}, {"kid": THUMBPRINT}, {"jkt": THUMBPRINT, "kid": "x"}),
        *({"jkt": wrong} for wrong in (None, 7, "", "A" * 42, "A" * 44, "+" * 43, ["A" * 43])),
        {"jkt": THUMBPRINT, "x5t#S256": "A"},
    ],
)
def test_what_nobody_could_insist_on_binds_nobody(said: Any) -> None:
    with pytest.raises(ValueError, match="cnf"):
        confirmed(said)


def test_a_certificate_is_known_by_its_thumbprint_or_its_name() -> None:
    written = ":".join(["0F"] * 32)

    assert read_certificates([HEX, written, SPIFFE]) == (HEX, SPIFFE)


@pytest.mark.parametrize("text", ["", "0f", "0g" * 32, "spiffe://example.org", "spiffe://A/b"])
def test_what_is_no_certificate_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_certificates([text])

    assert refused.value.param == "certificates"


def test_what_is_wrong_with_a_spiffe_id_is_told() -> None:
    with pytest.raises(FieldInvalid, match="has no path"):
        read_certificates(["spiffe://example.org"])


def test_a_proof_is_by_one_key_or_by_none() -> None:
    assert [read_proof_key(text) for text in ("", THUMBPRINT)] == ["", THUMBPRINT]


@pytest.mark.parametrize("text", ["A", "A" * 44, "=" * 43])
def test_what_is_no_thumbprint_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_proof_key(text)

    assert refused.value.param == "proof_key"


def test_what_binds_nothing_lets_everybody_in() -> None:
    FREE.insist_on_place("")
    FREE.insist_on_route("chat")


def test_a_network_of_either_kind_is_kept_as_it_is_written() -> None:
    networks = ["10.0.0.0/8", "2001:db8::/32"]

    assert read_networks(networks) == tuple(networks)


def test_purposes_are_kept_once() -> None:
    assert read_purposes(["receipts", "receipts"]) == ("receipts",)


@pytest.mark.parametrize(
    ("bound", "told"),
    [
        (FREE, "from everywhere, on every path"),
        (
            bounds(["10.0.0.0/8", "2001:db8::/32"], []),
            "from 10.0.0.0/8, 2001:db8::/32, on every path",
        ),
        (
            Bounds(routes=frozenset({"chat"}), certificates=frozenset({HEX}), proof_key="k"),
            f"from everywhere, on chat, with the certificate {HEX}, with proofs by the key k",
        ),
    ],
)
def test_bounds_are_told_in_words(bound: Bounds, told: str) -> None:
    assert str(bound) == told
