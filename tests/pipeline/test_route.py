"""What can be called is declared whole, and found by its path alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.houses import route
from tollhouse.pipeline.route import RouteTable

CHAT = route()
FILE = replace(CHAT, name="file", method="GET", path="/v1/files/{id}")
CONTENT = replace(CHAT, name="content", method="GET", path="/v1/files/{id}/content")
MODELS = replace(CHAT, name="models", method="GET", path="/v1/models/")


@pytest.mark.req("S-14")
@pytest.mark.parametrize(
    ("path", "name", "rest"),
    [
        ("/v1/chat/completions", "chat", ""),
        ("/v1/files/f-1", "file", "f-1"),
        ("/v1/files/f-1/content", "content", "f-1"),
        ("/v1/models/a/b", "models", "a/b"),
        ("/v1/files/", None, ""),
        ("/v1/files/a/b", None, ""),
        ("/v1/files//content", None, ""),
        ("/v2/files/f-1", None, ""),
        ("/v1/files/f-1/contents", None, ""),
        ("/v1/chat/completions/", None, ""),
        ("/v1/chat/completionsx", None, ""),
        ("/v1/model", None, ""),
        ("", None, ""),
    ],
)
def test_a_path_leads_to_its_route_or_nowhere(path: str, name: str | None, rest: str) -> None:
    table = RouteTable(CHAT, FILE, CONTENT, MODELS)

    found, named = table.find(path)

    assert [it.name for it in found.values()] == ([] if name is None else [name])
    assert named == rest


def test_a_route_may_take_no_body() -> None:
    assert [it.name for it in RouteTable(replace(CHAT, max_body_bytes=0))] == ["chat"]


def test_two_methods_may_share_a_path() -> None:
    both = RouteTable(CHAT, replace(CHAT, method="GET"))

    assert sorted(both.find(CHAT.path)[0]) == ["GET", "POST"]
