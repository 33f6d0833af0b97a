"""Where forms go, and what they bear."""

from __future__ import annotations

import pytest

from fakes import FakeProvider
from journeys.recordings import BOUNDARY, file, form, read, text
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.exchange import Outgoing
from tollhouse.providers.chat_provider import FORMS, ChatProvider
from tollhouse.providers.deployment_provider import DeploymentProvider
from tollhouse.providers.signed_provider import SignedProvider
from tollhouse.providers.sigv4 import Credentials, Scope

UPSTREAM = FakeProvider().upstream
UPLOAD = read(form(text("model", "ear"), file(b"x"))).with_text("model", "whisper-1")
OUTGOING = Outgoing("openai_transcriptions", "whisper-1", is_stream=False, body=UPLOAD)


@pytest.mark.req("OT-49")
def test_a_form_goes_out_under_its_own_type_and_boundary() -> None:
    sending = ChatProvider(UPSTREAM, OpenAIChat(), b"/v1", "sk-x").sending(OUTGOING)

    assert sending.path == b"/v1/audio/transcriptions"
    headers = dict(sending.headers)
    assert headers[b"content-type"] == f'multipart/form-data; boundary="{BOUNDARY}"'.encode()
    assert headers[b"authorization"] == b"Bearer sk-x"
    assert len(headers) == len(sending.headers)
    assert sending.body is UPLOAD


def test_a_deployment_hears_under_its_own_url() -> None:
    azure = DeploymentProvider(UPSTREAM, OpenAIChat(), b"", "k", "2024-10-21")

    assert azure.sending(OUTGOING).path == (
        b"/openai/deployments/whisper-1/audio/transcriptions?api-version=2024-10-21"
    )


@pytest.mark.parametrize("dialect", sorted(FORMS))
def test_what_is_signed_whole_is_never_sent_in_pieces(dialect: str) -> None:
    credentials, scope = Credentials("id", "secret", None), Scope("eu-west-1", "bedrock")
    signed = SignedProvider(
        UPSTREAM, OpenAIChat(), ("x", b"/v1"), (credentials, scope), lambda: 0.0
    )

    assert ChatProvider(UPSTREAM, OpenAIChat(), b"/v1", None).speaks(dialect)
    assert not signed.speaks(dialect)
    assert signed.speaks("openai_chat")


def test_a_body_in_pieces_is_nobody_s_whole_one() -> None:
    sending = ChatProvider(UPSTREAM, OpenAIChat(), b"/v1", None).sending(OUTGOING)

    with pytest.raises(TypeError):
        sending.whole  # noqa: B018 - it raises
