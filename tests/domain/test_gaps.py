"""Numbers that were passed over: so many are kept, and no more."""

from __future__ import annotations

from tollhouse.domain.gaps import Gap, Gaps


def _gap(first: int, last: int) -> Gap:
    return Gap(first, last, "w0/1", 1)


def test_so_many_gaps_are_kept_and_no_more() -> None:
    gaps = Gaps(1)

    assert gaps.add(_gap(1, 2))
    assert not gaps.add(_gap(5, 6))
    assert list(gaps) == [_gap(1, 2)]


def test_a_number_is_missing_until_it_turns_up() -> None:
    gaps = Gaps()
    gaps.add(_gap(3, 4))

    assert [gaps.fill(number) for number in (2, 5, 3, 3, 4, 4)] == [
        *(False, False, True, False, True, False),
    ]
    assert list(gaps) == []


def test_what_has_fallen_into_too_many_parts_is_filled_no_further() -> None:
    gaps = Gaps(1)
    gaps.add(_gap(1, 5))

    assert gaps.fill(3)
    assert not gaps.fill(2)
