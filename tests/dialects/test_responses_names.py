from __future__ import annotations

import pytest

from tollhouse.dialects.responses_names import apart, flat


@pytest.mark.parametrize("name", ["x" * 60, "x" * 61])
def test_a_name_is_joined_with_its_namespace_up_to_64_letters(name: str) -> None:
    assert flat("ns", name) == ("ns__" + name if len(name) == 60 else name)


def test_a_tool_of_no_namespace_stays_in_none() -> None:
    assert apart("look__", frozenset({"look"})) == (None, "look__")
