"""Proofs of possession: what each has to say, and the attacks that none of them lets through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from issuing import named
from proving import Holder
from tollhouse.auth.proofs import AHEAD_S, LIFE_S, LONGEST, LONGEST_ID, Proofs, thumbprint
from tollhouse.domain.errors import Overloaded, ProofInvalid
from tollhouse.domain.exchange import Proving

pytestmark = pytest.mark.req("B-21", "P-37")

NOW = 1_800_000_000.0
KEY = "thk_a1b2c3d4e5f6_secret"
URL = "https://gate.example.com/v1/chat/completions"
ME, THIEF = Holder(), Holder(number=8)
ASKED = Proving("", KEY, "POST", "gate.example.com", "/v1/chat/completions")


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"])
def test_a_proof_by_the_key_that_is_bound_is_taken(algorithm: str) -> None:
    holder = Holder(algorithm)

    assert thumbprint(holder.public) == holder.thumbprint
    Proofs().insist(_with(holder.proof(KEY, URL, NOW)), holder.thumbprint, NOW)


@pytest.mark.parametrize(
    "url", [URL + "?x=1#y", URL.replace("https", "http"), URL.replace("gate", "GATE")]
)
def test_query_fragment_and_the_case_of_a_host_count_for_nothing(url: str) -> None:
    Proofs().insist(_with(ME.proof(KEY, url, NOW)), ME.thumbprint, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        *({"htm": each} for each in ("GET", "post", None, 7)),
        *(
            {"htu": each}
            for each in (None, 7, "", "/v1/chat/completions", URL + "/", URL + "\u00e9")
        ),
        {"htu": "https://evil.example.com/v1/chat/completions"},
        {"htu": "https://gate.example.com/v1/embeddings"},
        {"htu": "https://gate.example.com@evil.example.com/v1/chat/completions"},
        {"htu": "https://[gate/v1/chat/completions"},
        *({"iat": each} for each in (None, True, 1.8e9, "1800000000", 0, -1, 2**63)),
        {"iat": int(NOW) - LIFE_S - 1},
        {"iat": int(NOW) + AHEAD_S + 1},
        *({"ath": each} for each in (None, "", "x", KEY)),
        *({"jti": each} for each in (None, "", 7, "x" * 257)),
        *({"head": {"typ": each}} for each in ("JWT", "at+jwt", "DPOP+JWT", None)),
        *({"head": {"alg": each}} for each in ("none", "HS256", "RS256", "ES384", None, [])),
        {"head": {"jwk": None}},
        {"head": {"jwk": "x"}},
        {"head": {"jwk": THIEF.public}},
        {"head": {"jwk": {**ME.public, "d": "x"}}},
        {"head": {"kid": "x"}},
        {"head": {"crit": ["exp"]}},
        {"head": {"jku": "https://evil.example.com"}},
        {"head": {"x5c": []}},
    ],
    ids=named,
)
def test_a_proof_of_anything_else_is_refused_and_says_no_more(changes: dict[str, Any]) -> None:
    with pytest.raises(ProofInvalid) as refused:
        Proofs().insist(_with(ME.proof(KEY, URL, NOW, **changes)), ME.thumbprint, NOW)

    assert refused.value.detail == ProofInvalid.title


@pytest.mark.parametrize(
    "proof",
    [
        *("", "a", "a.b", "a.b.c", "..", "a.b.c.d", "x" * 5000),
        ME.proof(KEY, URL, NOW).rpartition(".")[0],
        ME.proof(KEY, URL, NOW) + ".AAAA",
        ME.proof(KEY, URL, NOW, note="x" * LONGEST),
        ME.proof(KEY, URL, NOW) + "A",
        ME.proof(KEY, URL, NOW)[:-4],
        ME.proof(KEY, URL, NOW).rpartition(".")[0] + ".",
        ME.key.signed('{"typ":"dpop+jwt","alg":"ES256","alg":"ES256","jwk":{}}', {}),
    ],
)
def test_what_is_no_proof_is_refused(proof: str) -> None:
    with pytest.raises(ProofInvalid):
        Proofs().insist(_with(proof), ME.thumbprint, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": int(NOW) - LIFE_S},
        {"iat": int(NOW) + AHEAD_S},
        {"jti": "x" * LONGEST_ID},
    ],
    ids=named,
)
def test_what_just_fits_is_taken(changes: dict[str, Any]) -> None:
    Proofs().insist(_with(ME.proof(KEY, URL, NOW, **changes)), ME.thumbprint, NOW)


def test_a_proof_may_have_4096_characters() -> None:
    lengths = range(LONGEST // 2, LONGEST)
    proofs = (ME.proof(KEY, URL, NOW, note="x" * length) for length in lengths)
    longest = next(proof for proof in proofs if len(proof) == LONGEST)

    Proofs().insist(_with(longest), ME.thumbprint, NOW)


@pytest.mark.parametrize(
    "url",
    [
        "https://\u212aiosk.example.com/v1/chat/completions",
        "https://kiosk.example.com/v1/chat/\ncompletions",
    ],
    ids=["a letter that is one in lower case alone", "a character that parsers leave out"],
)
def test_an_address_is_plain_text(url: str) -> None:
    asked = replace(_with(ME.proof(KEY, url, NOW)), host="kiosk.example.com")

    with pytest.raises(ProofInvalid):
        Proofs().insist(asked, ME.thumbprint, NOW)


@pytest.mark.parametrize("key", [{}, {"kty": "EC", "crv": "P-256", "x": 1, "y": "AQ"}], ids=named)
def test_what_is_no_key_has_no_thumbprint(key: dict[str, Any]) -> None:
    assert thumbprint(key) == ""


def test_a_thief_who_signs_with_another_key_is_refused() -> None:
    with pytest.raises(ProofInvalid):
        Proofs().insist(_with(THIEF.proof(KEY, URL, NOW)), ME.thumbprint, NOW)


def test_a_proof_for_one_key_goes_with_no_other() -> None:
    other = replace(_with(ME.proof(KEY, URL, NOW)), credential=KEY + "2")

    with pytest.raises(ProofInvalid):
        Proofs().insist(other, ME.thumbprint, NOW)


def test_a_proof_is_taken_once_as_long_as_it_is_good() -> None:
    proofs, proof = Proofs(), _with(ME.proof(KEY, URL, NOW))
    proofs.insist(proof, ME.thumbprint, NOW)

    for later_s in (0, 1, LIFE_S, LIFE_S + 1, LIFE_S + AHEAD_S + 1):
        with pytest.raises(ProofInvalid):
            proofs.insist(proof, ME.thumbprint, NOW + later_s)


def test_the_most_of_proofs_that_count_are_remembered_and_a_further_one_waits() -> None:
    proofs = Proofs(most_kept=2)
    for jti in "ab":
        proofs.insist(_with(ME.proof(KEY, URL, NOW, jti=jti)), ME.thumbprint, NOW)

    with pytest.raises(Overloaded):
        proofs.insist(_with(ME.proof(KEY, URL, NOW, jti="c")), ME.thumbprint, NOW)
    with pytest.raises(ProofInvalid):
        proofs.insist(_with(ME.proof(KEY, URL, NOW, jti="a")), ME.thumbprint, NOW)
    later = NOW + LIFE_S + AHEAD_S
    proofs.insist(_with(ME.proof(KEY, URL, later, jti="c")), ME.thumbprint, later)


def test_a_stranger_fills_nothing() -> None:
    proofs = Proofs(most_kept=1)
    for number in range(5):
        with pytest.raises(ProofInvalid):
            proofs.insist(_with(THIEF.proof(KEY, URL, NOW, jti=str(number))), ME.thumbprint, NOW)

    proofs.insist(_with(ME.proof(KEY, URL, NOW)), ME.thumbprint, NOW)


def test_where_the_origin_is_said_the_host_of_the_request_counts_for_nothing() -> None:
    proofs = Proofs("https://gate.example.com")
    elsewhere = URL.replace("gate", "evil")
    asked = replace(_with(ME.proof(KEY, elsewhere, NOW)), host="evil.example.com")

    with pytest.raises(ProofInvalid):
        proofs.insist(asked, ME.thumbprint, NOW)
    with pytest.raises(ProofInvalid):
        proofs.insist(_with(ME.proof(KEY, URL.replace("https", "http"), NOW)), ME.thumbprint, NOW)
    proofs.insist(_with(ME.proof(KEY, URL, NOW)), ME.thumbprint, NOW)


def _with(proof: str) -> Proving:
    return replace(ASKED, proof=proof)
