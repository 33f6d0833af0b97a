"""An answer in one piece that is none of its path."""

from __future__ import annotations

import pytest

from tollhouse.dialects.openai_whole import decoder
from tollhouse.domain.errors import UpstreamBroke


@pytest.mark.req("P-13")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": "x"}', b"[" * 100_000])
def test_an_answer_of_another_form_is_none(body: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        decoder(dict[str, int])(body)


def test_an_answer_of_its_form_is_read() -> None:
    assert decoder(dict[str, int])(b'{"a": 1}') == {"a": 1}
