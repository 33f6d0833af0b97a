from __future__ import annotations

import pytest

from tollhouse.providers.chat_provider import shown


@pytest.mark.parametrize(
    ("key", "header", "headers"),
    [
        ("k", "authorization", ((b"authorization", b"Bearer k"),)),
        ("k", "api-key", ((b"api-key", b"k"),)),
        (None, "authorization", ()),
        (None, "api-key", ()),
    ],
)
def test_a_key_is_shown_in_the_form_of_its_header(
    key: str | None, header: str, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    assert shown(key, header) == headers
