"""Windows of the calendar follow each other without a gap, whatever the clocks of a zone do."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.budget import Account, roll
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.periods import Calendar, Period, Window, iso, period, stored, window

HOUR = 3_600_000
DAY = 24 * HOUR
ZONES = sorted(available_timezones())
moments = st.integers(0, 4_102_444_800_000)
calendars = st.builds(Period, st.sampled_from(Calendar), st.sampled_from(ZONES))
every_period = calendars | st.builds(Period, st.integers(1, 3650 * 86_400))


@pytest.mark.req("S-91")
@given(every_period, moments)
def test_a_window_contains_the_moment_it_was_asked_for(each: Period, now: int) -> None:
    found = window(each, now)

    assert found.start <= now < found.end


@given(calendars, moments, st.integers(0, 400 * DAY))
def test_every_moment_of_a_window_leads_to_the_same_one(each: Period, now: int, on: int) -> None:
    found = window(each, now)

    assert window(each, found.start) == found
    assert window(each, min(now + on, found.end - 1)) == found


@given(calendars, moments)
def test_the_next_window_begins_where_the_last_one_ends(each: Period, now: int) -> None:
    found = window(each, now)

    assert window(each, found.end).start == found.end


@given(st.sampled_from(Calendar), st.sampled_from(ZONES), moments)
def test_no_window_is_much_shorter_or_longer_than_its_name_says(
    every: Calendar, zone: str, now: int
) -> None:
    found = window(Period(every, zone), now)

    least, most = {"day": (1, 1), "week": (7, 7), "month": (28, 31)}[every]
    assert (least - 1.25) * DAY < found.end - found.start < (most + 1.25) * DAY


@pytest.mark.parametrize(
    ("every", "zone", "now", "start", "end"),
    [
        (Calendar.DAY, "UTC", "2026-02-28T23:59:59", "2026-02-28T00:00:00", "2026-03-01T00:00:00"),
        (Calendar.WEEK, "UTC", "2026-11-22T23:59:59", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
        (Calendar.MONTH, "UTC", "2024-02-29T12:00:00", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        # A day of 23 hours, one of 25, a month that holds one, and a midnight that is leapt over.
        (Calendar.DAY, "Europe/Berlin", "2026-03-29T12:00:00", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),
        (Calendar.DAY, "Europe/Berlin", "2026-10-25T12:00:00", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),
        (Calendar.MONTH, "America/New_York", "2026-03-09T00:00:00", "2026-03-01T05:00:00", "2026-04-01T04:00:00"),
        (Calendar.DAY, "Africa/Cairo", "2026-04-24T12:00:00", "2026-04-23T22:00:00", "2026-04-24T21:00:00"),
    ],
)  # fmt: skip
def test_windows_are_those_of_the_zones_own_calendar(
    every: Calendar, zone: str, now: str, start: str, end: str
) -> None:
    found = window(Period(every, zone), _ms(now))

    assert found == Window(_ms(start), _ms(end))


def test_what_runs_from_its_first_call_on_begins_with_it() -> None:
    assert window(Period(30), 1_000) == Window(1_000, 31_000)


@given(every_period)
def test_a_period_is_read_again_as_it_was_written(each: Period) -> None:
    zone = each.zone if isinstance(each.every, Calendar) else "UTC"

    assert stored(each.word, zone) == each
    assert period(each.word, zone) == each


@pytest.mark.parametrize(
    ("every", "zone", "param"),
    [
        ("fortnight", "UTC", "every"),
        ("0d", "UTC", "every"),
        ("-1d", "UTC", "every"),
        ("3651d", "UTC", "every"),
        ("1.5d", "UTC", "every"),
        ("", "UTC", "every"),
        ("day", "Mars/Olympus", "zone"),
        ("day", "../../etc/passwd", "zone"),
        ("day", "Europe", "zone"),
        ("day", "", "zone"),
    ],
)
def test_what_is_no_period_is_refused_by_its_field(every: str, zone: str, param: str) -> None:
    with pytest.raises(FieldInvalid) as refusal:
        period(every, zone)

    assert refusal.value.param == param


@pytest.mark.req("S-91")
@given(every_period, moments, st.lists(st.integers(-3 * DAY, 60 * DAY), max_size=20))
def test_however_the_clock_jumps_each_window_ends_once_and_nothing_is_forgotten(
    each: Period, now: int, jumps: list[int]
) -> None:
    first = window(each, now)
    account = Account(1, "tenant:a", True, 9, 0, 5, period=each, started_at=first.start)
    account.ends_at, total, rolls = first.end, 0, []

    for jump in jumps:
        now = max(0, now + jump)
        over = roll(account, now)
        rolls += [over] if over else []
        account.spent += 7
        total += 7

    assert account.spent + sum(over.spent for over in rolls) == total
    assert account.held == 5
    ends = [over.ended_at for over in rolls]
    assert ends == sorted(set(ends))


def test_a_moment_is_told_in_utc() -> None:
    assert iso(_ms("2026-12-01T00:00:00")) == "2026-12-01T00:00:00Z"


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000
