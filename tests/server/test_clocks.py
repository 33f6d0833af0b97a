"""What is too slow, told from a request that is still arriving and two spans of time."""

from __future__ import annotations

import pytest

from tollhouse.server.clocks import GRACE_S, LEAST_BYTES_S, STEADY_BYTES_S, Clocks
from tollhouse.server.request import Request

CLOCKS = Clocks(head_s=10, body_s=60, gap_s=15)


@pytest.mark.req("S-8", "OC-51")
@pytest.mark.parametrize(("taken_s", "reason"), [(10.0, None), (10.1, "The head of the request")])
def test_the_head_has_its_time(taken_s: float, reason: str | None) -> None:
    told = CLOCKS.overdue(Request(), (taken_s, 0.0))

    assert _begins(told, reason)


@pytest.mark.req("S-8")
@pytest.mark.parametrize(
    ("received", "taken_s", "reason"),
    [
        (STEADY_BYTES_S - 1, 60.0, None),
        (STEADY_BYTES_S - 1, 60.1, "The body of the request"),
        (100 * STEADY_BYTES_S, 160.0, None),
        (100 * STEADY_BYTES_S, 160.1, "The body of the request"),
    ],
)
def test_the_body_has_its_time_and_more_if_it_is_large(
    received: int, taken_s: float, reason: str | None
) -> None:
    told = CLOCKS.overdue(_arriving(received), (taken_s, 0.0))

    assert _begins(told, reason)


@pytest.mark.req("S-8")
@pytest.mark.parametrize(("silent_s", "reason"), [(15.0, None), (15.1, "Nothing more of the body")])
def test_between_two_pieces_of_a_body_there_is_a_limit(silent_s: float, reason: str | None) -> None:
    told = CLOCKS.overdue(_arriving(10**9), (16.0, silent_s))

    assert _begins(told, reason)


@pytest.mark.req("S-8", "H-79")
@pytest.mark.parametrize(
    ("received", "taken_s", "reason"),
    [
        (0, GRACE_S, None),
        (20 * LEAST_BYTES_S, 20.0, None),
        (20 * LEAST_BYTES_S - 1, 20.0, "The body came more slowly than 1,024 bytes a second"),
    ],
)
def test_after_a_grace_a_body_must_come_at_a_pace(
    received: int, taken_s: float, reason: str | None
) -> None:
    told = CLOCKS.overdue(_arriving(received), (taken_s, 0.0))

    assert _begins(told, reason)


def _arriving(received: int) -> Request:
    request = Request()
    request.has_head = True
    request.received = received
    return request


def _begins(told: str | None, reason: str | None) -> bool:
    return told is None if reason is None else (told or "").startswith(reason)
