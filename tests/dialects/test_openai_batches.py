"""What a caller wishes of a batch, and what a provider tells of one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.openai_batches import (
    LONGEST_S,
    SHORTEST_S,
    outgoing,
    read_told,
    read_wish,
    shown,
)
from tollhouse.domain.batches import STATUSES, Batch
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke

pytestmark = pytest.mark.req("OT-51")

WISH: dict[str, Any] = {
    "input_file_id": "file-a",
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
}
EXPIRES = {"anchor": "created_at", "seconds": SHORTEST_S}
WIDEST = {f"{number:064}": "x" * 512 for number in range(16)}
TOLD: dict[str, Any] = {"id": "batch_theirs", "status": "in_progress"}
BATCH = Batch("batch_1", "p", "up", "theirs", "c", "file-a", "m", "t", 0, None, "", 2500, 0)


@pytest.mark.parametrize(
    ("given", "read"), [(None, None), ({}, {}), ({"a": ""}, {"a": ""}), (WIDEST, WIDEST)]
)
def test_what_a_caller_notes_is_kept(given: Any, read: Any) -> None:
    assert _wish(metadata=given).metadata == read


@pytest.mark.parametrize("seconds", [None, SHORTEST_S, LONGEST_S])
def test_results_may_expire(seconds: int | None) -> None:
    given = None if seconds is None else {**EXPIRES, "seconds": seconds}

    assert _wish(output_expires_after=given).expires_in_s == seconds


@pytest.mark.parametrize(
    ("member", "wrong", "param"),
    [
        ("x" * 200, 1, "x" * 100),
        *(("completion_window", wrong, "completion_window") for wrong in (None, "1h", 24)),
        *(("input_file_id", wrong, "input_file_id") for wrong in (None, 7, ["file-a"])),
        *(("endpoint", wrong, "endpoint") for wrong in (None, 7, {})),
        *(
            ("metadata", wrong, "metadata")
            for wrong in (
                *("x", [], 7, {"a": 7}, {"a": None}),
                *({**WIDEST, "b": ""}, {"b" * 65: ""}, {"b": "x" * 513}),
            )
        ),
        *(
            ("output_expires_after", wrong, "output_expires_after")
            for wrong in (
                *("x", [], {}, {"anchor": "created_at"}, {"seconds": SHORTEST_S}),
                {**EXPIRES, "anchor": "last_used_at"},
                *({**EXPIRES, "seconds": s} for s in (SHORTEST_S - 1, LONGEST_S + 1, "3600", 3600.0)),
            )
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_wish_is_named(member: str, wrong: Any, param: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _wish(**{member: wrong})

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("given", "further"),
    [
        ({}, {}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"output_expires_after": EXPIRES}, {"output_expires_after": EXPIRES}),
    ],
)
def test_a_provider_is_told_what_was_wished_and_no_more(given: Any, further: Any) -> None:
    told = json.loads(outgoing(_wish(**given), "file-theirs"))

    assert told == {**WISH, "input_file_id": "file-theirs", **further}


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    "told",
    [
        [],
        {"id": "batch_theirs"},
        {**TOLD, "status": "unheard of"},
        {**TOLD, "id": "../models"},
        {**TOLD, "output_file_id": "a/b"},
        {**TOLD, "error_file_id": "a b"},
        {**TOLD, "request_counts": {"total": "many"}},
    ],
)
def test_what_tells_of_no_batch_broke(told: Any) -> None:
    with pytest.raises(UpstreamBroke):
        read_told(json.dumps(told).encode())


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_what_a_provider_tells_is_read(status: str) -> None:
    told = read_told(json.dumps({**TOLD, "status": status, "error_file_id": ""}).encode())

    assert (told.id, told.status) == ("batch_theirs", status)


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        (None, {"total": 0, "completed": 0, "failed": 0}),
        ({"total": 3, "completed": 2, "failed": 1}, {"total": 3, "completed": 2, "failed": 1}),
    ],
)
def test_a_batch_is_shown_under_our_names(counts: Any, found: Any) -> None:
    batch = _shown(request_counts=counts)

    assert (batch["id"], batch["input_file_id"], batch["created_at"]) == ("batch_1", "file-a", 2)
    assert batch["request_counts"] == found
    assert "theirs" not in json.dumps(batch)


@pytest.mark.parametrize(
    ("errors", "messages"),
    [
        (None, None),
        ({"data": None}, None),
        ({"data": []}, None),
        ({"data": [{"message": "too long"}]}, ["too long"]),
        ({"data": [{}, {"message": ""}]}, ["The provider did not take this line."] * 2),
        ({"data": [{"message": "x"}] * 60}, ["x"] * 50),
    ],
)
def test_what_is_wrong_with_lines_is_told(errors: Any, messages: Any) -> None:
    told = _shown(errors=errors)["errors"]

    assert (told and [each["message"] for each in told["data"]]) == messages


@pytest.mark.req("S-58")
def test_what_is_wrong_is_told_without_what_a_caller_should_not_read() -> None:
    told = _shown(errors={"data": [{"message": "denied for org-abcdefgh12345 at 10.0.0.1"}]})

    assert "10.0.0.1" not in json.dumps(told)
    assert "org-" not in json.dumps(told)


def _wish(**members: Any) -> Any:
    return read_wish(json.dumps({**WISH, **members}).encode())


def _shown(**members: Any) -> dict[str, Any]:
    told = read_told(json.dumps({**TOLD, **members}).encode())
    found: dict[str, Any] = json.loads(shown(BATCH, "/v1/chat/completions", None, told, {}))
    return found
