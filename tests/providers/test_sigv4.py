"""AWS's published vectors: the same request, the same moment, the same signature."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tollhouse.domain.exchange import Sending
from tollhouse.providers.sigv4 import Credentials, Scope, canonical, signed

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CREDENTIALS = Credentials("AKIDEXAMPLE", SECRET)
HOST = "example.amazonaws.com"
SCOPE = Scope("us-east-1", "service")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
EMPTY = Sending(b"GET", b"/", (), b"")


@pytest.mark.parametrize(
    ("sending", "names", "signature"),
    [
        (
            EMPTY,
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            replace(EMPTY, method=b"POST"),
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            replace(EMPTY, path=b"/?Param2=value2&Param1=value1"),
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
    ids=["get-vanilla", "post-vanilla", "get-vanilla-query-order-key-case"],
)
def test_the_published_vectors_are_signed_as_published(
    sending: Sending, names: str, signature: str
) -> None:
    proof = dict(signed(sending, HOST, CREDENTIALS, SCOPE, NOW).headers)[b"authorization"].decode()

    assert proof == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_a_documented_request_with_a_content_type_is_signed_as_documented() -> None:
    sending = Sending(
        b"GET",
        b"/?Action=ListUsers&Version=2010-05-08",
        ((b"content-type", b"application/x-www-form-urlencoded; charset=utf-8"),),
        b"",
    )

    headers = signed(sending, "iam.amazonaws.com", CREDENTIALS, Scope("us-east-1", "iam"), NOW)

    proof = dict(headers.headers)[b"authorization"]
    assert b"SignedHeaders=content-type;host;x-amz-date, " in proof
    assert proof.endswith(b"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")


@pytest.mark.parametrize(
    "other",
    [
        replace(EMPTY, body=b"x"),
        replace(EMPTY, path=b"/x"),
        replace(EMPTY, method=b"POST"),
        replace(EMPTY, headers=((b"content-type", b"a/b"),)),
    ],
)
def test_whatever_is_changed_on_the_way_no_longer_fits(other: Sending) -> None:
    assert _proof(signed(other, HOST, CREDENTIALS, SCOPE, NOW)) != _proof(
        signed(EMPTY, HOST, CREDENTIALS, SCOPE, NOW)
    )


def test_what_proxies_may_change_is_not_signed() -> None:
    sending = replace(EMPTY, headers=((b"user-agent", b"x"), (b"accept", b"*/*")))

    made = signed(sending, HOST, CREDENTIALS, SCOPE, NOW)

    assert _proof(made) == _proof(signed(EMPTY, HOST, CREDENTIALS, SCOPE, NOW))
    assert made.headers[:2] == sending.headers


def test_a_temporary_credential_shows_its_token_and_signs_it() -> None:
    made = signed(EMPTY, HOST, replace(CREDENTIALS, token="t0ken"), SCOPE, NOW)

    assert dict(made.headers)[b"x-amz-security-token"] == b"t0ken"
    assert b"SignedHeaders=host;x-amz-date;x-amz-security-token, " in _proof(made)


def test_no_secret_is_shown_by_what_holds_it() -> None:
    assert SECRET not in repr(CREDENTIALS)


def _proof(sending: Sending) -> bytes:
    return dict(sending.headers)[b"authorization"]


def test_no_path_is_the_root() -> None:
    asked = [canonical(Sending(b"GET", path, (), b""), (), "") for path in (b"", b"/")]

    assert asked[0] == asked[1]
