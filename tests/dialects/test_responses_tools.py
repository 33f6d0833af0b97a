from __future__ import annotations

from typing import Any

import pytest

from tollhouse.dialects.responses_tools import insist_on_declared, names_of, refuse_provider_ids
from tollhouse.domain.errors import FieldRefused, UpstreamBroke

LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}


@pytest.mark.parametrize(
    ("tool", "names"),
    [
        ({"type": "namespace", "name": 7, "tools": [LOOK]}, {":namespace"}),
        ({"type": "function", "name": 7}, set()),
        ({"type": []}, {":"}),
    ],
)
def test_a_tool_of_no_form_has_no_name(tool: dict[str, Any], names: set[str]) -> None:
    assert names_of([tool]) == names


def test_tools_within_a_namespace_may_speak_of_files() -> None:
    tool = {**LOOK, "parameters": {"file_id": "x"}}

    refuse_provider_ids([{"type": "namespace", "name": "n", "tools": [tool]}])


def test_what_is_kept_at_the_provider_is_found_in_lists_too() -> None:
    with pytest.raises(FieldRefused):
        refuse_provider_ids([{"type": "mcp", "servers": [{"file_ids": ["f"]}]}])


@pytest.mark.req("R-15")
def test_a_tool_without_a_name_does_not_let_new_items_in() -> None:
    with pytest.raises(UpstreamBroke):
        insist_on_declared("new_call", None, None, frozenset({"", "look"}))
