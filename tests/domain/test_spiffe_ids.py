from __future__ import annotations

import pytest

from tollhouse.domain import spiffe
from tollhouse.domain.certificates import Certificate, claims
from tollhouse.domain.spiffe import SpiffeId, SpiffeInvalid


@pytest.mark.req("S-29")
@pytest.mark.parametrize("text", ["example.org", "a-b_c.d", "a" * 255])
def test_a_trust_domain_has_one_spelling(text: str) -> None:
    assert spiffe.is_trust_domain(text)
    assert spiffe.read(f"spiffe://{text}/a/b") == SpiffeId(text, ("a", "b"))


@pytest.mark.req("S-29")
@pytest.mark.parametrize(
    "text",
    [
        *("", "example.org/a", "https://example.org/a", "spiffe:///a", "spiffe://Example.org/a"),
        *(
            "spiffe://a:1/b",
            f"spiffe://{'a' * 256}/b",
            "spiffe://a",
            "spiffe://a/",
            "spiffe://a//b",
        ),
        *("spiffe://a/b/", "spiffe://a/.", "spiffe://a/../b", "spiffe://a/b?c", "spiffe://a/%41"),
        "spiffe://a/" + "b" * 2048,
    ],
)
def test_what_is_spelled_otherwise_is_no_id(text: str) -> None:
    with pytest.raises(SpiffeInvalid):
        spiffe.read(text)


def test_an_id_may_be_so_long() -> None:
    assert str(spiffe.read("spiffe://a/" + "b" * 2037)).endswith("b" * 2037)


@pytest.mark.parametrize(
    ("text", "domain"),
    [("spiffe://a/b/c", "spiffe://a"), ("spiffe://a", "spiffe://a"), ("https://a/b", "")],
)
def test_a_domain_is_told_of_what_begins_so(text: str, domain: str) -> None:
    assert spiffe.domain_of(text) == domain


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"spiffe_id": "spiffe://a/b", "subject": "CN=x"}, "spiffe://a/b"),
        ({"subject": "CN=x", "hosts": ("h",)}, "CN=x"),
        ({"uris": ("u",), "hosts": ("h",)}, "u"),
        ({"emails": ("e",)}, "e"),
        ({}, ""),
    ],
)
def test_a_certificate_is_about_whom_it_names_first(names: dict[str, object], name: str) -> None:
    assert Certificate("0f", 0, 1, **names).name == name  # type: ignore[arg-type] # the table stands in for keywords


def test_a_name_that_comes_once_is_a_text() -> None:
    said = claims(Certificate("0f", 0, 1, subject="CN=x", hosts=("a", "b"), common_names=("x",)))

    assert said == {"sub": "CN=x", "dns": ["a", "b"], "cn": "x"}
