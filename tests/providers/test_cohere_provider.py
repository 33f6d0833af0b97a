"""Where a call of Cohere's own API goes."""

from __future__ import annotations

import pytest

from tollhouse.dialects.cohere_chat import CohereChat
from tollhouse.domain.exchange import Outgoing
from tollhouse.providers.cohere_provider import CohereProvider
from tollhouse.providers.echo import Echo


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("cohere_chat", b"/base/v2/chat"),
        ("rerank", b"/base/v2/rerank"),
        ("openai_embeddings", b"/base/compatibility/v1/embeddings"),
    ],
)
def test_each_task_has_its_path(dialect: str, path: bytes) -> None:
    it = CohereProvider(Echo(), CohereChat(), b"/base/", "key")

    sending = it.sending(Outgoing(dialect, "m", is_stream=False, body=b"{}"))

    assert it.speaks(dialect)
    assert sending.path == path
    assert dict(sending.headers)[b"authorization"] == b"Bearer key"


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "openai_completions"])
def test_it_speaks_nothing_else(dialect: str) -> None:
    assert not CohereProvider(Echo(), CohereChat(), b"", "key").speaks(dialect)
