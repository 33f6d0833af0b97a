from __future__ import annotations

from tollhouse.dialects.responses_kept import within


def test_only_texts_that_say_something_were_encrypted() -> None:
    items = [{"encrypted_content": given} for given in ("a", "", None, 7, ["b"], "c", "a")]

    assert within([*items, {}]) == ("a", "c")
