"""Where a call of AWS Bedrock's own API goes, and what proves it."""

from __future__ import annotations

import pytest

from tollhouse.dialects.bedrock_converse import BedrockConverse
from tollhouse.domain.exchange import Outgoing
from tollhouse.providers.converse_provider import ConverseProvider, signing
from tollhouse.providers.echo import Echo
from tollhouse.providers.sigv4 import Credentials, Scope, canonical

ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc"
HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    ("model", "is_stream", "path"),
    [
        ("amazon.nova-pro-v1:0", False, "/model/amazon.nova-pro-v1%3A0/converse"),
        ("amazon.nova-pro-v1:0", True, "/model/amazon.nova-pro-v1%3A0/converse-stream"),
        (
            ARN,
            True,
            "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3A"
            "application-inference-profile%2Fabc/converse-stream",
        ),
        ("../../x?y#z", False, "/model/..%2F..%2Fx%3Fy%23z/converse"),
    ],
)
def test_the_model_stands_in_the_path_escaped_once(model: str, is_stream: bool, path: str) -> None:
    sending = provider("ABSK-key").sending(outgoing(model, is_stream=is_stream))

    assert sending.path.decode() == f"/base{path}"


def test_what_is_signed_is_escaped_twice() -> None:
    sending = signed().sending(outgoing("amazon.nova-pro-v1:0"))

    _, path, *_ = canonical(sending, [], "").split("\n")
    assert path == "/base/model/amazon.nova-pro-v1%253A0/converse"


def test_each_call_is_signed_for_the_region_and_bears_no_secret() -> None:
    sending = signed("session").sending(outgoing("m"))

    headers = dict(sending.headers)
    proof = headers[b"authorization"].decode()
    assert "/19700101/eu-central-1/bedrock/aws4_request" in proof
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token" in proof
    assert headers[b"x-amz-security-token"] == b"session"
    assert SECRET not in str(sending)


def test_a_key_of_bedrocks_own_is_a_bearers() -> None:
    headers = dict(provider("ABSK-key").sending(outgoing("m")).headers)

    assert headers[b"authorization"] == b"Bearer ABSK-key"
    assert b"x-amz-date" not in headers


def test_of_the_callers_headers_none_goes_out() -> None:
    theirs = ((b"anthropic-beta", b"x"), (b"x-amz-security-token", b"y"), (b"cookie", b"z"))

    sending = provider("ABSK-key").sending(
        Outgoing("bedrock_converse", "m", is_stream=False, body=b"{}", headers=theirs)
    )

    names = {name for name, _ in sending.headers}
    assert names == {
        *(b"content-type", b"accept", b"accept-encoding", b"user-agent", b"authorization")
    }


def test_it_speaks_its_own_dialect_and_no_other() -> None:
    it = provider("ABSK-key")

    assert it.speaks("bedrock_converse")
    assert not it.speaks("openai_chat")
    assert not it.speaks("openai_embeddings")


def provider(key: str) -> ConverseProvider:
    return ConverseProvider(Echo(), BedrockConverse(), b"/base/", key)


def signed(token: str | None = None) -> ConverseProvider:
    proof = signing(
        HOST, Credentials("AKIDEXAMPLE", SECRET, token), Scope("eu-central-1", "bedrock"), lambda: 0
    )
    return ConverseProvider(Echo(), BedrockConverse(), b"/base/", proof)


def outgoing(model: str, *, is_stream: bool = False) -> Outgoing:
    return Outgoing("bedrock_converse", model, is_stream=is_stream, body=b"{}")
