"""Which models a key may call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.access import is_granted

NAMES = st.text("abc/:-.*", max_size=8)


@given(NAMES)
def test_nothing_is_granted_until_something_is(model: str) -> None:
    assert not is_granted(model, [])


@given(NAMES)
def test_a_star_grants_everything(model: str) -> None:
    assert is_granted(model, ["*"])


@given(NAMES, NAMES)
def test_a_prefix_grants_what_begins_with_it_and_nothing_else(model: str, prefix: str) -> None:
    assert is_granted(model, [prefix + "*"]) == model.startswith(prefix)


@given(NAMES, NAMES.filter(lambda name: not name.endswith("*")))
def test_a_name_grants_that_name_alone(model: str, name: str) -> None:
    assert is_granted(model, [name]) == (model == name)


@given(NAMES, st.lists(NAMES, max_size=4), NAMES)
def test_one_more_grant_never_takes_one_away(model: str, grants: list[str], more: str) -> None:
    assert is_granted(model, [*grants, more]) >= is_granted(model, grants)


@pytest.mark.parametrize(
    ("model", "pattern"),
    [("gpt-4o", "GPT-4o"), ("gpt-4o", "gpt-?o"), ("gpt-4o", "*4o"), ("gpt-4o", ""), ("", "gpt-*")],
)
def test_nothing_else_is_a_pattern(model: str, pattern: str) -> None:
    assert not is_granted(model, [pattern])
