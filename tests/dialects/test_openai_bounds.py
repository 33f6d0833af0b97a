"""What no client of OpenAI's API sends is refused by the name of its member, and what is next to it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.openai_bounds import ROLES, check
from tollhouse.domain.errors import FieldInvalid

ELSEWHERE = {"$ref": "https://example.com/schema.json"}


@pytest.mark.parametrize(
    "members",
    [
        {},
        *({"stop": stop} for stop in (None, "x", ["x"] * 128)),
        *({"top_logprobs": number} for number in (None, 0, 1, 128)),
        *({"logprobs": wished} for wished in (None, True, False, 0, 128)),
        *({"user": text} for text in ("\\u0000", "é", 7, ["\0"], None)),
        *({"tools": [{"x": {"$ref": named}}]} for named in ("#", "#/a", 7, None)),
        {"metadata": ELSEWHERE},
        {"response_format": None, "tools": "$ref", "functions": [["$ref", "x"]]},
    ],
    ids=str,
)
def test_what_clients_send_is_taken(members: dict[str, Any]) -> None:
    _check(members)


@pytest.mark.req("H-62")
@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"stop": ["x"] * 129}, "stop"),
        *(({name: 129}, name) for name in ("logprobs", "top_logprobs")),
        *(({name: -1}, name) for name in ("logprobs", "top_logprobs")),
        *(({"top_logprobs": wished}, "top_logprobs") for wished in (1.0, "1", [1], {})),
        ({"user": "a\0"}, "user"),
        ({"n" * 101: "\0"}, "n" * 100),
        *(({name: {"a": [[ELSEWHERE]]}}, name) for name in ("functions", "response_format", "tools")),
        ({"tools": [{"$ref": ""}]}, "tools"),
    ],
    ids=str,
)  # fmt: skip
def test_what_would_cost_an_upstream_more_is_refused_by_name(
    members: dict[str, Any], param: str
) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _check(members)

    assert refused.value.param == param


@pytest.mark.req("H-62")
def test_a_reference_to_elsewhere_does_not_hide_behind_an_escape() -> None:
    body = json.dumps({"tools": [ELSEWHERE]}).replace("$", "\\u0024").encode()

    with pytest.raises(FieldInvalid):
        check({"tools": [ELSEWHERE]}, [], body)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_is_taken(role: str) -> None:
    check({}, [{"role": role}, {"role": "user"}], b"")


@pytest.mark.parametrize("role", [None, "", "System", "\u0455ystem", "user ", 7, ["user"], {}])
def test_what_is_no_role_is_refused_wherever_it_stands(role: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        check({}, [{"role": "user"}, {"role": role}, {"role": "user"}], b"")

    assert refused.value.param == "messages"
    with pytest.raises(FieldInvalid):
        check({}, [{}], b"")


def _check(members: dict[str, Any]) -> None:
    check(members, [], json.dumps(members).encode())
