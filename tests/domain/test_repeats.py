"""Which call a key stands for, and what becomes of one that comes again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tollhouse.domain.errors import AnswerNotKept, FieldInvalid, IdempotencyInFlight
from tollhouse.domain.identity import Principal
from tollhouse.domain.repeats import Claimed, Kept, answer_of, claim

pytestmark = pytest.mark.req("H-148", "S-93")

ANNA = Principal("a1b2c3d4e5f6", "acme", "acme/default", "acme/anna", (1, 2, 3, 4), ("m",))
OPEN = Claimed(
    asked="asked",
    call="call-1",
    answer=None,
    state="held",
    outcome=None,
    owed=None,
    is_lost=False,
)


def test_a_key_stands_for_one_caller_on_one_route() -> None:
    others = [
        claim(ANNA, "chat", b"k"),
        claim(ANNA, "chat", b"K"),
        claim(ANNA, "embeddings", b"k"),
        *(
            claim(replace(ANNA, **{name: "another"}), "chat", b"k")
            for name in ("tenant", "key", "user")
        ),
    ]

    assert len({each.id for each in others}) == len({each.secret for each in others}) == 6
    assert claim(ANNA, "chat", b"k") == others[0]


def test_what_is_written_down_tells_nothing_of_the_secret() -> None:
    it = claim(ANNA, "chat", b"k")
    asked = it.digest()
    asked.update(b"hello")

    assert it.id != it.secret.hex()
    assert asked.hexdigest() != claim(ANNA, "chat", b"another").digest().hexdigest()
    assert it.digest().hexdigest() == claim(ANNA, "chat", b"k").digest().hexdigest()


@pytest.mark.parametrize("said", [b"k", b"!", b"~" * 200])
def test_a_key_is_anything_that_can_be_seen(said: bytes) -> None:
    assert claim(ANNA, "chat", said).id


@pytest.mark.parametrize("said", [b"", b" ", b"a b", b"~" * 201, b"\xc3\xa9", b"a\x00"])
def test_what_is_no_key_is_refused_by_name(said: bytes) -> None:
    with pytest.raises(FieldInvalid) as refusal:
        claim(ANNA, "chat", said)

    assert refusal.value.param == "Idempotency-Key"


def test_one_that_is_under_way_is_worth_waiting_for() -> None:
    with pytest.raises(IdempotencyInFlight) as refusal:
        answer_of(OPEN, "asked")

    assert refusal.value.retry_after_s == 1
    assert refusal.value.is_worth_a_retry


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({"state": "unknown", "outcome": "unknown"}, "its end was not seen"),
        (
            {"state": "settled", "outcome": "completed", "owed": 0},
            "was made, and its answer was not",
        ),
        ({"state": "settled", "outcome": "cut_by_client", "owed": 5}, "was cut"),
        ({"state": None}, "was made, and its answer was not"),
    ],
    ids=["unknown", "completed", "cut", "folded"],
)
def test_one_without_an_answer_says_why(seen: dict[str, str | int | None], why: str) -> None:
    with pytest.raises(AnswerNotKept, match=why) as refusal:
        answer_of(replace(OPEN, **seen), "asked")

    assert not refusal.value.is_worth_a_retry


@pytest.mark.parametrize(
    ("seen", "is_free"),
    [
        ({"state": "settled", "outcome": "refused", "owed": 0}, True),
        ({"state": "settled", "outcome": "cut_by_client", "owed": 0}, True),
        ({"state": "settled", "outcome": "cut_by_client", "owed": 1}, False),
        ({"state": "settled", "outcome": "completed", "owed": 0}, False),
        (
            {
                "state": "settled",
                "outcome": "refused",
                "owed": 0,
                "answer": Kept("text/plain", b"x"),
            },
            False,
        ),
        ({"state": "unknown", "outcome": "unknown"}, False),
        ({"state": "held"}, False),
        ({"state": None}, False),
    ],
    ids=str,
)
def test_a_claim_is_free_once_its_call_came_to_nothing(
    seen: dict[str, str | int | Kept | None], is_free: bool
) -> None:
    assert replace(OPEN, **seen).came_to_nothing is is_free
