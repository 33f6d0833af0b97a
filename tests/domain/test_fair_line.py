"""Who is next in a line: fair by weight and cost, and nobody starves."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.fair_line import AGE_S, MOST_PAID, SCALE, FairLine, Ticket
from tollhouse.domain.identity import Priority

pytestmark = pytest.mark.req("P-32")

FLOWS = st.sampled_from("abcde")
COSTS = st.integers(1, 100_000)
TICKETS = st.lists(st.tuples(FLOWS, COSTS), min_size=1, max_size=60)
WEIGHTS = {"a": 1, "b": 2, "c": 5, "d": 1, "e": 100}


def test_one_call_beside_a_flood_of_ten_thousand_waits_for_one_turn() -> None:
    line = FairLine()
    for _ in range(10_000):
        line.join(Ticket("flood", cost=500))
    for _ in range(100):
        line.next(0.0)

    one = Ticket("one", cost=100_000)
    line.join(one)

    assert line.ahead_of(one, 0.0) <= 1
    assert one in (line.next(0.0), line.next(0.0))


@given(TICKETS, COSTS, st.integers(0, 40))
def test_who_comes_new_waits_for_no_more_than_one_call_of_each_other(
    tickets: list[tuple[str, int]], cost: int, served: int
) -> None:
    line = FairLine()
    for flow, each in tickets:
        line.join(Ticket(flow, each))
    for _ in range(served):
        line.next(0.0)
    one = Ticket("new", cost)

    line.join(one)
    before = 0
    while line.next(0.0) is not one:
        before += 1

    assert before <= len({flow for flow, _ in tickets})


@given(TICKETS)
def test_whoever_has_something_to_do_gets_its_share_by_weight(
    tickets: list[tuple[str, int]],
) -> None:
    line, waiting = FairLine(), defaultdict(int)
    for flow, cost in tickets:
        line.join(Ticket(flow, cost, WEIGHTS[flow]))
        waiting[flow] += 1
    got: dict[str, int] = defaultdict(int)
    most = {
        flow: SCALE * max(c for f, c in tickets if f == flow) // WEIGHTS[flow]
        for flow, _ in tickets
    }

    while ticket := line.next(0.0):
        got[ticket.flow] += SCALE * ticket.cost // ticket.weight
        waiting[ticket.flow] -= 1
        busy = [flow for flow, left in waiting.items() if left]
        for one in busy:
            for other in busy:
                assert got[one] - got[other] <= most[one] + most[other]


@given(st.lists(st.tuples(FLOWS, COSTS, st.sampled_from(Priority)), max_size=60))
def test_it_is_empty_only_when_everybody_was_let_in_once(
    tickets: list[tuple[str, int, Priority]],
) -> None:
    line = FairLine()
    joined = [Ticket(flow, cost, priority=priority) for flow, cost, priority in tickets]
    for ticket in joined:
        line.join(ticket)

    served = [ticket for _ in joined if (ticket := line.next(0.0))]

    assert {id(each) for each in served} == {id(each) for each in joined}
    assert (len(line), line.next(0.0)) == (0, None)


@given(TICKETS, st.data())
def test_whoever_leaves_is_let_in_no_more_and_those_ahead_are_told_right(
    tickets: list[tuple[str, int]], data: st.DataObject
) -> None:
    line = FairLine()
    joined = [Ticket(flow, cost) for flow, cost in tickets]
    for ticket in joined:
        line.join(ticket)
    gone = data.draw(st.sets(st.sampled_from(range(len(joined)))))
    for number in gone:
        assert line.leave(joined[number])
    staying = [each for number, each in enumerate(joined) if number not in gone]

    ahead = {id(ticket): line.ahead_of(ticket, 0.0) for ticket in staying}
    served = [line.next(0.0) for _ in staying]

    assert [ahead[id(ticket)] for ticket in served] == list(range(len(staying)))
    assert not any(line.leave(ticket) for ticket in joined)


def test_a_higher_priority_goes_first() -> None:
    line = FairLine()
    low, normal, high = (Ticket(str(each), priority=each) for each in Priority)
    for ticket in (low, normal, high):
        line.join(ticket)

    assert [line.next(0.0) for _ in range(3)] == [high, normal, low]


def test_among_the_highest_who_came_without_end_the_lowest_is_let_in_when_it_is_old_enough() -> (
    None
):
    line, low = FairLine(), Ticket("patient", priority=Priority.LOW)
    line.join(low)
    now_s, waited = 0.0, 0
    line.join(Ticket("urgent-0", priority=Priority.HIGH))

    while line.next(now_s) is not low:
        waited += 1
        now_s += 0.1
        line.join(Ticket(f"urgent-{waited}", priority=Priority.HIGH, came_s=now_s))

    assert now_s <= 2 * AGE_S + 0.2


def test_those_for_whom_nobody_waits_any_more_are_passed_over() -> None:
    line, late, good = FairLine(), Ticket("a", until_s=5.0), Ticket("b", until_s=50.0)
    line.join(late)
    line.join(good)

    assert line.next(10.0) is good
    assert len(line) == 0


def test_for_whom_nobody_waits_any_more_has_nothing_to_pay() -> None:
    line = FairLine()
    line.join(Ticket("a", cost=100, until_s=10.0))
    mine, other = Ticket("a"), Ticket("b")
    line.join(mine)
    line.join(other)

    assert [line.next(10.0) for _ in range(2)] == [mine, other]


def test_who_comes_back_has_paid_what_he_was_given_before() -> None:
    line, again = FairLine(), Ticket("b")
    flood = [Ticket("a") for _ in range(5)]
    for ticket in (*flood, Ticket("b", cost=3), Ticket("c", cost=2)):
        line.join(ticket)
    for _ in range(3):
        line.next(0.0)
    line.join(again)

    assert line.ahead_of(again, 0.0) == 3
    assert [line.next(0.0) for _ in range(4)] == [*flood[1:4], again]


def test_who_comes_for_the_first_time_begins_where_the_others_are() -> None:
    line, flood = FairLine(), [Ticket("a") for _ in range(10)]
    for ticket in flood:
        line.join(ticket)
    for _ in range(5):
        line.next(0.0)

    mine = [Ticket("c") for _ in range(2)]
    for ticket in mine:
        line.join(ticket)

    assert [line.next(0.0) for _ in range(4)] == [mine[0], flood[5], mine[1], flood[6]]


def test_time_does_not_go_back_when_somebody_patient_is_let_in() -> None:
    line, flood = FairLine(), [Ticket("a") for _ in range(10)]
    patient = Ticket("patient", priority=Priority.LOW)
    for ticket in (patient, *flood):
        line.join(ticket)
    assert [line.next(0.0) for _ in range(5)] == flood[:5]
    assert line.next(2 * AGE_S) is patient

    mine = [Ticket("c") for _ in range(2)]
    for ticket in mine:
        line.join(ticket)

    assert [line.next(2 * AGE_S) for _ in range(3)] == [mine[0], flood[5], mine[1]]


def test_who_has_left_leaves_no_more_and_the_line_is_one_shorter() -> None:
    line, gone, there = FairLine(), Ticket("a"), Ticket("a")
    line.join(gone)
    line.join(there)

    assert line.leave(gone)
    assert not line.leave(gone)
    assert len(line) == 1
    assert (line.next(0.0), line.next(0.0)) == (there, None)


def test_who_waited_for_ever_is_no_better_than_the_highest() -> None:
    line = FairLine()
    urgent = Ticket("a", priority=Priority.HIGH, came_s=1000.0)
    patient = Ticket("b")
    line.join(urgent)
    line.join(patient)

    assert line.next(1000.0) is urgent


def test_what_costs_nothing_has_its_price_too() -> None:
    line, one = FairLine(), Ticket("one")
    for _ in range(3):
        line.join(Ticket("flood", cost=0))
    line.join(one)

    assert one in (line.next(0.0), line.next(0.0))


def test_what_was_paid_is_remembered_of_so_many_and_forgotten_with_the_line() -> None:
    line = FairLine()
    patient = Ticket("patient", priority=Priority.LOW)
    line.join(patient)
    remembered = []
    for number in range(MOST_PAID + 1):
        line.join(Ticket(str(number)))
        line.next(0.0)
        remembered.append(len(line._paid))

    assert remembered == [*range(1, MOST_PAID + 1), 1]
    assert line.next(0.0) is patient
    assert not line._paid
