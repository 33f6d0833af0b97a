from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tollhouse.dialects.taking import Taking
from tollhouse.domain.errors import FieldInvalid


def test_what_nobody_took_is_named_by_its_path_without_numbers() -> None:
    unsaid: list[str] = []
    body = Taking({"a": [{"b": 1, "c": None}, {"d": {"e": 1, "f": 2}}], "g": 1}, "", unsaid)

    first, second = body.each("a")
    first.leave()
    inner = second.within("d")
    assert inner is not None
    inner.skip("f")
    inner.leave()
    body.unsay("g")
    body.leave()

    assert unsaid == ["a.b", "a.d.e", "g"]


@pytest.mark.parametrize("name", ["gone", "null"])
def test_a_member_that_is_null_is_one_that_is_not_there(name: str) -> None:
    body = Taking({"null": None}, "", [])

    assert body.text(name) is body.flag(name) is body.whole(name) is body.object(name) is None
    assert body.each(name) == []
    assert body.texts(name) == ()


@pytest.mark.parametrize(
    ("value", "take"),
    [
        (1, Taking.text),
        (None, Taking.needed),
        (0, Taking.flag),
        (True, Taking.number),
        ("1", Taking.number),
        (1.5, Taking.whole),
        ([], Taking.object),
        ({}, Taking.each),
        ([1], Taking.each),
        ([1], Taking.texts),
        ("ab", Taking.texts),
        ([], Taking.within),
    ],
)
def test_a_member_of_another_type_is_refused_by_its_path(
    value: Any, take: Callable[[Taking, str], Any]
) -> None:
    body = Taking({"x": value}, "a[3]", [])

    with pytest.raises(FieldInvalid, match=re.escape("`a[3].x")) as caught:
        take(body, "x")

    assert caught.value.param is not None
    assert caught.value.param.startswith("a[3].x")


@pytest.mark.req("S-71")
def test_a_path_is_told_no_longer_than_it_need_be() -> None:
    body = Taking({}, "a" * 1000, [])

    refused = body.invalid("x", "a text")

    assert refused.param == "a" * 100


def test_a_whole_number_may_have_a_point() -> None:
    assert Taking({"x": 3.0}, "", []).whole("x") == 3
