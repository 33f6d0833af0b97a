from __future__ import annotations

from typing import Any

import pytest

from tollhouse.dialects import fields
from tollhouse.domain.errors import FieldInvalid


@pytest.mark.parametrize("given", [{}, *({"model": name} for name in (None, "", 7, ["m"], True))])
def test_a_model_has_a_name(given: dict[str, Any]) -> None:
    assert fields.model({"model": "m"}) == "m"
    with pytest.raises(FieldInvalid) as refused:
        fields.model(given)

    assert refused.value.param == "model"


def test_a_flag_is_true_or_false_and_false_where_it_is_not_given() -> None:
    given = {"yes": True, "no": False, "null": None}

    assert [fields.flag(given, name) for name in ("yes", "no", "null", "absent")] == [
        *(True, False, False, False)
    ]


@pytest.mark.parametrize("value", [0, 1, "true", "", [], {}, 1.0])
def test_what_only_resembles_a_flag_is_none(value: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        fields.flag({"stream": value}, "stream")

    assert refused.value.param == "stream"


@pytest.mark.parametrize("value", [1, 9, None])
def test_a_whole_number_reaches_to_its_bound(value: int | None) -> None:
    assert fields.whole({"n": value}, "n", most=9) == value


@pytest.mark.parametrize("value", [0, -1, 10, True, 1.0, "1"])
def test_a_number_beyond_its_bound_is_refused(value: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        fields.whole({"n": value}, "n", most=9)

    assert refused.value.param == "n"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ()),
        ({"user": "u"}, ("u",)),
        ({"safety_identifier": "s"}, ("s",)),
        ({"user": "u", "safety_identifier": "s"}, ("u", "s")),
        ({"user": "", "safety_identifier": 7}, ()),
    ],
)
def test_a_user_is_whoever_has_a_name(given: dict[str, Any], names: tuple[str, ...]) -> None:
    assert fields.named(given) == names
