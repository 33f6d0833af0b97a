"""Batches in OpenAI's shape: what a caller wishes, and how one is shown.

What a provider tells of a batch is read member by member, and only what is known of it is told on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tollhouse.dialects import strict_json
from tollhouse.dialects.cleaning import cleaned, cut
from tollhouse.domain.batches import STATUSES, WINDOW, Batch
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.files import known_as
from tollhouse.domain.values import value

MEMBERS = frozenset(
    ("input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after")
)
MOST_METADATA, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512
SHORTEST_S, LONGEST_S = 3600, 2_592_000
MOST_ERRORS = 50


@value
class Wish:
    file: str
    endpoint: str
    metadata: Mapping[str, str] | None
    expires_in_s: int | None
    """Of its results."""


def read_wish(body: bytes) -> Wish:
    found = strict_json.parse_object(body)
    unknown = sorted(found.keys() - MEMBERS)
    if unknown:
        name = unknown[0][:100]
        raise FieldInvalid(f"`{name}` is not taken with a batch.", param=name)
    if found.get("completion_window") != WINDOW:
        raise FieldInvalid(f"`completion_window` is `{WINDOW}`.", param="completion_window")
    file, endpoint = found.get("input_file_id"), found.get("endpoint")
    if not isinstance(file, str):
        raise FieldInvalid("`input_file_id` must be the id of a file.", param="input_file_id")
    if not isinstance(endpoint, str):
        raise FieldInvalid("`endpoint` must be a path.", param="endpoint")
    return Wish(file, endpoint, _metadata(found), _expires_in_s(found))


def outgoing(wish: Wish, input_file: str) -> bytes:
    """What a provider is told of it; `input_file` as it knows it."""
    said: dict[str, Any] = {
        "input_file_id": input_file,
        "endpoint": wish.endpoint,
        "completion_window": WINDOW,
    }
    if wish.metadata is not None:
        said["metadata"] = wish.metadata
    if wish.expires_in_s is not None:
        said["output_expires_after"] = {"anchor": "created_at", "seconds": wish.expires_in_s}
    return msgspec.json.encode(said)


class _Counts(msgspec.Struct):
    total: int = 0
    completed: int = 0
    failed: int = 0


class _Fault(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    line: int | None = None


class _Faults(msgspec.Struct):
    data: list[_Fault] | None = None


class Told(msgspec.Struct):
    """What a provider says of a batch."""

    id: str
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    request_counts: _Counts | None = None
    errors: _Faults | None = None
    created_at: int | None = None
    in_progress_at: int | None = None
    expires_at: int | None = None
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None


TIMES = (
    *("in_progress_at", "expires_at", "finalizing_at", "completed_at", "failed_at", "expired_at"),
    *("cancelling_at", "cancelled_at"),
)
_read = msgspec.json.Decoder(Told).decode


def read_told(body: bytes) -> Told:
    """Raises UpstreamBroke on what tells of no batch."""
    try:
        told = _read(body)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should tell of a batch does not") from None
    results = (told.output_file_id, told.error_file_id)
    named = (told.id, *[each for each in results if each])  # some say "" where there is none
    if told.status not in STATUSES or not all(map(known_as, named)):
        raise UpstreamBroke(private="a batch in a state or with names that there are none of")
    return told


def shown(
    batch: Batch, wish_endpoint: str, metadata: Any, told: Told, results: Mapping[str, str]
) -> str:
    """For its caller; `results` are the ids of its files, as ours."""
    counts = told.request_counts or _Counts()
    return msgspec.json.encode(
        {
            "id": batch.id,
            "object": "batch",
            "endpoint": wish_endpoint,
            "model": batch.model,
            "errors": _errors(told),
            "input_file_id": batch.file,
            "completion_window": WINDOW,
            "status": told.status,
            "output_file_id": results.get("output"),
            "error_file_id": results.get("error"),
            "created_at": batch.created_at_ms // 1000,
            **{name: getattr(told, name) for name in TIMES},
            "request_counts": {
                "total": counts.total,
                "completed": counts.completed,
                "failed": counts.failed,
            },
            "metadata": metadata,
        }
    ).decode()


def of_told(told: str) -> dict[str, Any]:
    """What was shown before."""
    found: dict[str, Any] = msgspec.json.decode(told)
    return found


def _errors(told: Told) -> dict[str, Any] | None:
    if told.errors is None or not told.errors.data:
        return None
    faults = [
        {
            "code": None,
            "line": fault.line,
            "message": cut(cleaned(fault.message or "") or "The provider did not take this line."),
            "param": None,
        }
        for fault in told.errors.data[:MOST_ERRORS]
    ]
    return {"object": "list", "data": faults}


def _metadata(found: dict[str, Any]) -> Mapping[str, str] | None:
    given = found.get("metadata")
    if given is None:
        return None
    is_plain = isinstance(given, dict) and all(isinstance(each, str) for each in given.values())
    if (
        not is_plain
        or len(given) > MOST_METADATA
        or any(len(name) > LONGEST_KEY for name in given)
        or any(len(text) > LONGEST_VALUE for text in given.values())
    ):
        raise FieldInvalid(
            f"`metadata` has up to {MOST_METADATA} texts of {LONGEST_VALUE} characters, with names of "
            f"{LONGEST_KEY}.",
            param="metadata",
        )
    return dict(given)


def _expires_in_s(found: dict[str, Any]) -> int | None:
    given = found.get("output_expires_after")
    if given is None:
        return None
    seconds = given.get("seconds") if isinstance(given, dict) else None
    is_bounded = isinstance(seconds, int) and SHORTEST_S <= seconds <= LONGEST_S
    if not is_bounded or given.get("anchor") != "created_at":
        raise FieldInvalid(
            f"`output_expires_after` has the anchor `created_at` and {SHORTEST_S} to {LONGEST_S} `seconds`.",
            param="output_expires_after",
        )
    return int(given["seconds"])
