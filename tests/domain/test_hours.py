"""When a key may be used: read as it is written, and by the clocks of its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollhouse.data.zones import clock_of
from tollhouse.domain.bounds import bounds
from tollhouse.domain.errors import FieldInvalid, HoursNotAllowed
from tollhouse.domain.hours import DAY_MIN, EVERY_DAY, Hours, read

pytestmark = pytest.mark.req("B-21")

EAST = timezone(timedelta(hours=2))


def at(text: str, clock: tzinfo = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=clock).timestamp()


@pytest.mark.parametrize(
    ("hours", "moment", "holds"),
    [
        ("mon-fri 08:00-18:00", "2026-11-23T08:00:00", True),  # a Monday
        ("mon-fri 08:00-18:00", "2026-11-23T17:59:59", True),
        ("mon-fri 08:00-18:00", "2026-11-23T18:00:00", False),
        ("mon-fri 08:00-18:00", "2026-11-23T07:59:59", False),
        ("mon-fri 08:00-18:00", "2026-11-22T12:00:00", False),
        ("sat,sun", "2026-11-22T00:00:00", True),
        ("sat,sun", "2026-11-23T00:00:00", False),
        ("fri-mon", "2026-11-23T23:59:59", True),
        ("fri-mon", "2026-11-24T00:00:00", False),
        ("fri 22:00-06:00", "2026-11-21T05:59:59", True),  # the night of that Friday
        ("fri 22:00-06:00", "2026-11-20T05:00:00", False),
        ("fri 22:00-06:00", "2026-11-21T22:00:00", False),
        ("sun 22:00-06:00", "2026-11-23T01:00:00", True),
        ("00:00-24:00 mon", "2026-11-23T01:00:00", None),
        ("18:00-24:00", "2026-11-23T23:59:59", True),
        ("18:00-24:00", "2026-11-23T00:00:00", False),
    ],
)
def test_a_moment_is_within_them_or_is_not(hours: str, moment: str, holds: bool | None) -> None:
    if holds is None:
        with pytest.raises(FieldInvalid):
            read(hours, clock_of)
    else:
        assert read(hours, clock_of).holds(at(moment)) is holds


@pytest.mark.skipif(clock_of("Europe/Berlin") is None, reason="this machine has no tables")
def test_the_clocks_are_those_of_the_place_also_when_they_are_changed() -> None:
    """In Berlin eight in the morning is seven by UTC in winter and six in summer."""
    hours = read("08:00-18:00 Europe/Berlin", clock_of)

    assert [hours.holds(at(f"2026-01-15T0{hour}:30:00")) for hour in (6, 7)] == [False, True]
    assert [hours.holds(at(f"2026-07-15T0{hour}:30:00")) for hour in (5, 6)] == [False, True]


def test_where_nobody_knows_the_place_nobody_comes_in() -> None:
    hours = read("00:00-23:59 Mars/Olympus", clock_of)

    assert hours.clock is None
    assert not any(hours.holds(float(hour * 3600)) for hour in range(48))
    bound = bounds([], [], hours=hours)
    assert bound is not None
    with pytest.raises(HoursNotAllowed) as refused:
        bound.insist_on_time(0)
    assert "Mars/Olympus is not known" in (refused.value.private or "")


def test_utc_is_known_everywhere_and_is_what_is_meant_where_none_is_named() -> None:
    assert read("mon", clock_of) == read("mon UTC", clock_of)
    assert clock_of("UTC") is UTC


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/localtime", "", "Europe", "x" * 200])
def test_what_is_no_place_is_unknown(name: str) -> None:
    assert clock_of(name) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "always", "mon-", "mon-xyz", "mon,,tue", "monday", "8:00-18:00", "08:00"),
        *("08:00-08:00", "08:60-09:00", "24:00-08:00", "22:00-00:00", "08:00-25:00", "UTC"),
        *("mon-sun 00:00-24:00", "mon ../etc", "mon /etc", "mon UTC tue", "mon " + "A" * 200),
        *("Mon-Fri", "mon\x00", "08:00-18:00 Europe/../x"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read(text, clock_of)

    assert refused.value.param == "hours"


some = st.builds(
    Hours,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, DAY_MIN - 1),
    st.integers(1, DAY_MIN),
    st.just("UTC"),
    st.just(UTC),
).filter(lambda it: it.begin_min != it.end_min)


@given(some.filter(lambda it: it.days != EVERY_DAY))
def test_what_is_written_is_read_again(hours: Hours) -> None:
    assert read(str(hours), clock_of) == hours


@settings(max_examples=20)
@given(some, st.integers(0, 2 * 10**9))
def test_of_a_week_they_hold_for_as_many_minutes_as_they_say(hours: Hours, since: int) -> None:
    since -= since % 60
    minutes = sum(hours.holds(since + 60 * minute) for minute in range(7 * DAY_MIN))

    span = (hours.end_min - hours.begin_min) % DAY_MIN or DAY_MIN
    assert minutes == len(hours.days) * span


def test_an_instant_is_the_same_for_everybody() -> None:
    hours = read("mon 10:00-11:00", clock_of)

    assert hours.holds(at("2026-11-23T12:30:00", EAST))
