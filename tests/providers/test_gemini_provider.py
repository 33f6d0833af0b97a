"""Where a request to Gemini goes, and what it bears."""

from __future__ import annotations

import pytest

from fakes import FakeProvider
from tollhouse.dialects.gemini import Gemini
from tollhouse.domain.exchange import Outgoing, Sending
from tollhouse.providers.gemini_provider import GeminiProvider


@pytest.mark.parametrize(
    ("is_stream", "path"),
    [
        (False, b"/v1beta/models/gemini-3-pro:generateContent"),
        (True, b"/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse"),
    ],
)
def test_model_and_stream_stand_in_the_path(is_stream: bool, path: bytes) -> None:
    assert _sending("gemini-3-pro", is_stream=is_stream).path == path


@pytest.mark.req("S-57")
@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("models/gemini-3-pro", b"models/gemini-3-pro"),
        ("tunedModels/my-own", b"tunedModels/my-own"),
        ("../files/x", b"models/..%2Ffiles%2Fx"),
        ("tunedModels/../files/x", b"tunedModels/..%2Ffiles%2Fx"),
        ("x:streamGenerateContent?key=y#", b"models/x%3AstreamGenerateContent%3Fkey%3Dy%23"),
    ],
)
def test_a_name_does_not_leave_its_place(model: str, named: bytes) -> None:
    assert _sending(model).path == b"/v1beta/" + named + b":generateContent"


@pytest.mark.req("S-57")
def test_the_key_goes_out_under_its_own_name_and_no_header_of_the_caller() -> None:
    sent = dict(_sending("m", headers=((b"cookie", b"x"), (b"x-goog-user-project", b"y"))).headers)

    assert sent[b"x-goog-api-key"] == b"g-key"
    assert set(sent) == {
        *(b"content-type", b"accept", b"accept-encoding", b"user-agent", b"x-goog-api-key"),
    }


def test_embeddings_are_asked_by_openais_path() -> None:
    provider = _provider()
    sent = provider.sending(Outgoing("openai_embeddings", "m", is_stream=False, body=b"{}"))

    assert provider.speaks("openai_embeddings")
    assert not provider.speaks("openai_chat")
    assert sent.path == b"/v1beta/openai/embeddings"
    assert dict(sent.headers)[b"authorization"] == b"Bearer g-key"
    assert b"x-goog-api-key" not in dict(sent.headers)


def _sending(
    model: str, *, is_stream: bool = False, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Sending:
    return _provider().sending(Outgoing("gemini", model, is_stream, b"{}", headers))


def _provider() -> GeminiProvider:
    return GeminiProvider(FakeProvider(), Gemini(), b"/v1beta/", "g-key")
