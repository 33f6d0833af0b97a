from __future__ import annotations

import pytest

from tollhouse.dialects.cleaning import LONGEST_MESSAGE, cleaned, cut


@pytest.mark.req("S-58")
@pytest.mark.parametrize("said", ["", " ", "\n\t", "\u200b", "\x00"])
def test_of_what_nobody_sees_nothing_is_left(said: str) -> None:
    assert cleaned(said) is None


@pytest.mark.req("S-58")
def test_a_sentence_is_cut_only_beyond_its_bound() -> None:
    as_long = "x" * LONGEST_MESSAGE

    assert cut(as_long) == as_long
    assert cut(as_long + "y") == as_long[:-1] + "…"
