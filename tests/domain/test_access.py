"""Which models a key may call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.access import is_granted, is_within, narrowed

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


@pytest.mark.req("OT-25", "OT-26")
@given(NAMES, st.lists(NAMES, max_size=4), st.lists(NAMES, max_size=4))
def test_what_is_narrowed_grants_what_both_grant(
    model: str, grants: list[str], most: list[str]
) -> None:
    both = is_granted(model, grants) and is_granted(model, most)

    assert is_granted(model, narrowed(grants, most)) == both


@pytest.mark.req("OT-26")
@given(NAMES, NAMES, st.lists(NAMES, max_size=4))
def test_what_lies_within_grants_nothing_beyond(model: str, pattern: str, most: list[str]) -> None:
    if is_within(pattern, most) and is_granted(model, [pattern]):
        assert is_granted(model, most)


@pytest.mark.parametrize(
    ("model", "pattern"),
    [("gpt-4o", "GPT-4o"), ("gpt-4o", "gpt-?o"), ("gpt-4o", "*4o"), ("gpt-4o", ""), ("", "gpt-*")],
)
def test_nothing_else_is_a_pattern(model: str, pattern: str) -> None:
    assert not is_granted(model, [pattern])
