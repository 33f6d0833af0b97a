from __future__ import annotations

import pytest

from tollhouse.dialects import data_url


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("data:image/png;base64,AAAA", ("image/png", "AAAA")),
        ("DATA:text/plain;charset=utf-8;BASE64,AA,A", ("text/plain", "AA,A")),
        ("data:;base64,AAAA", ("application/octet-stream", "AAAA")),
    ],
)
def test_what_stands_within_a_url_is_found(url: str, found: tuple[str, str]) -> None:
    assert data_url.split(url) == found


@pytest.mark.parametrize(
    "url", ["", "data:image/png;base64", "https:image/png;base64,AAAA", "data:image/png,AAAA"]
)
def test_any_other_url_holds_nothing(url: str) -> None:
    assert data_url.split(url) is None
