"""How long a provider wishes to be left alone, however it writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.retry_after import wished_s

THEN = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
NOW_S = THEN.timestamp() - 30
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - naive by the signature


@pytest.mark.req("OL-41")
@pytest.mark.parametrize(
    "given_",
    [
        b"30",
        b" 30\t",
        b"Sun, 01 Mar 2026 12:00:30 GMT",
        b"Sunday, 01-Mar-26 12:00:30 GMT",
        b"Sun Mar  1 12:00:30 2026",
    ],
)
def test_seconds_and_moments_in_each_notation_of_http_are_read(given_: bytes) -> None:
    assert wished_s(given_, NOW_S) == 30


@pytest.mark.req("OL-41")
@given(MOMENTS, st.floats(0, 2e9))
def test_a_moment_is_waited_for_and_never_missed(moment: datetime, now_s: float) -> None:
    moment = moment.replace(microsecond=0)

    wish_s = wished_s(format_datetime(moment, usegmt=True).encode(), now_s)

    assert wish_s is not None
    ahead_s = moment.timestamp() - now_s
    assert ahead_s <= wish_s <= max(ahead_s + 1, 1)


@pytest.mark.req("OL-41")
@pytest.mark.parametrize(
    "given_", [b"0", b"Sun, 01 Mar 2026 11:59:59 GMT", b"Thu, 01 Jan 1970 00:00:00 GMT"]
)
def test_a_moment_that_is_over_is_a_second(given_: bytes) -> None:
    assert wished_s(given_, NOW_S) == 1


def test_a_leap_second_is_no_reason_to_come_at_once() -> None:
    assert wished_s(b"Sun, 01 Mar 2026 12:00:60 GMT", NOW_S) == 59


@pytest.mark.parametrize(("short", "ahead"), [(b"76", 50 * 365), (b"77", None), (b"99", None)])
def test_two_digits_of_a_year_are_at_most_fifty_years_ahead(
    short: bytes, ahead: int | None
) -> None:
    wish_s = wished_s(b"Sunday, 01-Mar-%b 12:00:30 GMT" % short, NOW_S)

    assert wish_s is not None
    assert wish_s > timedelta(days=ahead).total_seconds() if ahead else wish_s == 1


@pytest.mark.req("OL-41")
@pytest.mark.parametrize(
    "given_",
    [
        *(b"", b"soon", b"-1", b"+5", b"1.5", b"1e3", b"0x10", b"5 s", b"5, 6", b"\xb2", "٣".encode()),
        *(b"Sun, 01 Mar 2026 12:00:30", b"Sun, 01 Mar 2026 12:00:30 UTC", b"Sun, 31 Feb 2026 12:00:30 GMT"),
        *(b"Sun, 01 Abc 2026 12:00:30 GMT", b"Sun, 01 Mar 2026 24:00:00 GMT", b"Sun, 00 Mar 2026 12:00:30 GMT"),
        *(b"2026-03-01T12:00:30Z", b"Sun, 01 Mar 0000 12:00:30 GMT", b"sun, 01 mar 2026 12:00:30 gmt"),
    ],
)  # fmt: skip
def test_anything_else_is_no_wish(given_: bytes) -> None:
    assert wished_s(given_, NOW_S) is None


def test_a_number_without_end_is_read_as_far_as_it_matters() -> None:
    assert wished_s(b"9" * 8000, NOW_S) == 999_999_999


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_whatever_a_provider_writes_it_is_seconds_or_nothing(given_: bytes) -> None:
    wish_s = wished_s(given_, NOW_S)

    assert wish_s is None or wish_s >= 1
