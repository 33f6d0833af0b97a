"""What a call has come to, when it is not tokens that are billed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.domain.errors import FeatureUnpriced
from tollhouse.domain.identity import Principal
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Ask, Plan, plan
from tollhouse.domain.pricing import Kinds, Price, Usage
from tollhouse.domain.snapshot import DatedPrice, Model, Names, Snapshot, Target
from tollhouse.domain.tasks import Task

TARGET = Target("up", "openai", "maker")
CALLER = Principal("k", "acme", "acme/p", "acme/u", (1, 2, 3, 4), ("m",))
DOT = 10**9
"""A thousandth of a dollar, in pico-dollars."""

pytestmark = pytest.mark.req("B-20", "OT-9")


@dataclass
class Seen:
    usage: Usage | None = None
    output: int = 0

    def counted_output(self) -> int:
        return self.output


def test_images_are_held_as_asked_and_owed_as_made() -> None:
    planned = asked(Task.IMAGES, Usage(images=3), Price(1, "up:maker", 0, 0, 0, 0, per_image=DOT))

    settled = completed(planned, Seen(Usage(images=2)))

    assert planned.hold == 3_000_000
    assert (settled.owed, settled.usage.images, settled.anomaly) == (2_000_000, 2, None)


def test_what_is_spoken_is_owed_whole_though_the_caller_hangs_up() -> None:
    price = Price(1, "up:maker", 0, 0, 0, 0, per_character=DOT)
    planned = asked(Task.SPEECH, Usage(characters=40), price)
    meter = sent(planned)

    meter.streaming(Seen())
    meter.cut(by_client=True)
    settled = meter.settle(1)

    assert (settled.outcome, settled.owed) == (Outcome.CUT_BY_CLIENT, 40_000_000)
    assert settled.usage.characters == 40


def test_a_rate_per_call_is_owed_for_calls_that_were_answered() -> None:
    planned = asked(Task.MODERATIONS, Usage(), Price(1, "up:maker", 0, 0, 0, 0, per_call=DOT))
    refused = sent(planned)
    refused.failed(Outcome.REFUSED, 400)

    assert planned.hold == 1_000_000
    assert completed(planned, Seen()).owed == 1_000_000
    assert refused.settle(1).owed == 0


def test_who_never_tells_tokens_is_not_noted_for_it() -> None:
    planned = asked(Task.MODERATIONS, Usage(), Price(1, "up:maker", 10**6, 0, 0, 0))

    settled = completed(planned, Seen())

    assert (settled.source, settled.anomaly) == (Source.COUNTED, None)
    assert settled.owed > 0


def test_a_call_that_came_to_nothing_at_a_target_that_is_not_free_is_noted() -> None:
    planned = asked(Task.IMAGES, Usage(images=1), Price(1, "up:maker", 0, 10**6, 0, 0))

    settled = completed(planned, Seen(Usage(images=1)))

    assert (settled.owed, settled.anomaly) == (0, "no_usage")


USUAL = Price(1, "up:maker", 10**6, 10**6, 10**6, 10**6)
DEARER = Price(2, "up:maker@priority", 2 * 10**6, 2 * 10**6, 0, 0)
CHEAPER = Price(3, "up:maker@flex", 10**5, 10**5, 0, 0)


@dataclass
class SeenOfTier(Seen):
    tier: str | None = None


@pytest.mark.parametrize(
    ("tier", "told", "price"),
    [
        ("priority", "priority", 2),
        ("priority", "default", 1),
        ("priority", "standard", 1),
        ("priority", None, 2),
        ("priority", "other", 2),
        ("flex", "flex", 3),
        ("flex", "default", 1),
        ("flex", None, 1),
    ],
)
def test_a_service_tier_is_billed_as_the_answer_says_and_else_at_the_dearer_rate(
    tier: str, told: str | None, price: int
) -> None:
    planned = in_tier(tier, USUAL, DEARER, CHEAPER)

    settled = completed(planned, SeenOfTier(Usage(1, 1), tier=told))

    rate = {1: 1_000, 2: 2_000, 3: 100}[price]
    assert (settled.price, settled.owed) == (price, 2 * rate)
    assert planned.hold >= USUAL.worst(100, 1000)


def test_who_was_told_in_another_dialect_was_told_of_no_tier() -> None:
    planned = in_tier("priority", USUAL, DEARER)

    assert completed(planned, Seen(Usage(1, 1))).price == 1


@pytest.mark.req("P-3")
def test_a_dearer_tier_without_a_price_of_its_own_is_refused_and_a_cheaper_one_is_not() -> None:
    with pytest.raises(FeatureUnpriced):
        in_tier("priority", USUAL)

    assert completed(in_tier("flex", USUAL), SeenOfTier(Usage(1, 1), tier="flex")).price == 1


@pytest.mark.req("P-3")
def test_a_dearer_tier_is_held_for_at_its_own_rate() -> None:
    assert in_tier("priority", USUAL, DEARER).hold == 2 * in_tier("", USUAL).hold


def test_where_both_tiers_cost_the_same_the_one_that_was_asked_is_owed() -> None:
    same = replace(USUAL, id=2, model="up:maker@priority")

    assert completed(in_tier("priority", USUAL, same), SeenOfTier(Usage(1, 1))).price == 2


def test_where_only_the_tier_has_a_price_that_one_is_owed_whatever_the_answer_says() -> None:
    planned = in_tier("priority", DEARER, requires_price=False)

    assert planned.legs[0].by_tier is None
    assert completed(planned, SeenOfTier(Usage(1, 1), tier="default")).price == 2


@pytest.mark.req("P-3")
@pytest.mark.parametrize("tier", ["", "priority"])
def test_a_rate_for_one_thing_lets_nothing_else_through(tier: str) -> None:
    priced = [replace(each, kinds=(("audio_output", 64 * 10**6),)) for each in (USUAL, DEARER)]

    with pytest.raises(FeatureUnpriced) as refused:
        in_tier(tier, *priced, unpriced=("service_tier", "web_search") if tier else ("web_search",))

    assert refused.value.param == "web_search"


@pytest.mark.req("P-3")
def test_a_tier_that_nobody_knows_has_no_price_whatever_a_model_is_called() -> None:
    odd = replace(USUAL, model="up:maker@")

    with pytest.raises(FeatureUnpriced):
        in_tier("", odd, unpriced=("service_tier",), target=replace(TARGET, model="maker@"))


@pytest.mark.req("P-3")
def test_sound_is_asked_of_a_model_only_where_it_has_a_rate() -> None:
    priced = replace(USUAL, kinds=(("audio_output", 64 * 10**6),))

    with pytest.raises(FeatureUnpriced):
        in_tier("", USUAL, unpriced=("audio",))

    assert in_tier("", priced, unpriced=("audio",)).hold >= 1000 * 64_000


@pytest.mark.req("B-16")
@pytest.mark.parametrize(
    ("told", "mark"),
    [
        (Usage(628, 1), None),
        (Usage(628, 1000), None),
        (Usage(629, 1), "input_over_bound"),
        (Usage(300, 1, cache_read=329), "input_over_bound"),
        (Usage(1, 1000), None),
        (Usage(1, 1001), "output_over_bound"),
        (Usage(629, 1001), "over_bound"),
    ],
)
def test_usage_that_a_call_cannot_have_had_is_marked_and_paid_no_more_than_was_held(
    told: Usage, mark: str | None
) -> None:
    planned = in_tier("", USUAL)

    settled = completed(planned, Seen(told))

    assert (settled.anomaly, settled.source) == (mark, Source.PROVIDER)
    assert settled.owed == min(USUAL.cost(told), planned.hold)


@pytest.mark.req("B-16")
@pytest.mark.parametrize(
    ("input_bytes", "told", "mark"),
    [
        (4096 + 64 * 10, Usage(10, 1), None),
        (4096 + 64 * 10 + 1, Usage(10, 1), "input_too_low"),
        (4096 + 64 * 10 + 1, Usage(1, 1, cache_read=10), None),
        (10**6, Usage(10, 1, kinds=Kinds(audio_input=10)), None),
        (10**6, Usage(10, 1, kinds=Kinds(audio_read=10)), None),
        (10**6, Usage(10, 1, kinds=Kinds(long_write=1)), "input_too_low"),
    ],
)
def test_a_prompt_that_was_not_read_to_its_end_is_marked(
    input_bytes: int, told: Usage, mark: str | None
) -> None:
    planned = in_tier("", USUAL, input_bytes=input_bytes)

    assert completed(planned, Seen(told)).anomaly == mark


@pytest.mark.req("B-16")
@pytest.mark.parametrize("members", [{"documents": 1}, {"encrypted": ("x",)}])
def test_pages_and_what_is_encrypted_are_bytes_that_are_no_text(members: dict[str, Any]) -> None:
    planned = in_tier("", USUAL, input_bytes=10**6)
    planned = replace(planned, ask=replace(planned.ask, **members))

    assert completed(planned, Seen(Usage(10, 1))).anomaly is None


def test_tokens_of_what_is_billed_otherwise_are_not_doubted() -> None:
    planned = asked(Task.IMAGES, Usage(images=1), Price(1, "up:maker", 0, 0, 0, 0, per_image=DOT))

    settled = completed(planned, Seen(Usage(10**6, 1, images=1)))

    assert (settled.owed, settled.anomaly) == (1_000_000, None)


def test_a_doubt_stays_where_nothing_is_owed() -> None:
    by_image = Price(1, "up:maker", 0, 0, 0, 0, per_image=DOT)

    settled = completed(in_tier("", by_image), Seen(Usage(629, 1)))

    assert (settled.owed, settled.anomaly) == (0, "input_over_bound")


@pytest.mark.req("P-7")
def test_a_whole_answer_that_says_nothing_of_its_usage_is_marked_and_a_cut_one_is_not() -> None:
    planned = in_tier("", USUAL)
    cut = sent(planned)
    cut.streaming(Seen(output=5))

    whole, begun = completed(planned, Seen(output=5)), cut.settle(1)

    assert (whole.source, whole.anomaly) == (Source.COUNTED, "no_usage")
    assert (begun.source, begun.anomaly) == (Source.COUNTED, None)
    assert whole.owed == begun.owed > 0


def test_what_it_most_likely_came_to_is_owed_where_nobody_tells() -> None:
    planned = asked(Task.IMAGES, Usage(images=3), Price(1, "up:maker", 0, 0, 0, 0, per_image=DOT))
    planned = replace(planned, ask=replace(planned.ask, likely=Usage(images=1)))

    assert completed(planned, Seen()).owed == 1_000_000


def test_what_is_free_or_has_no_price_is_owed_nothing_and_marked_by_nothing() -> None:
    free = completed(in_tier("", Price(7, "up:maker", 0, 0, 0, 0)), Seen(Usage(1, 1)))
    unpriced = completed(in_tier("", requires_price=False), Seen(Usage(1, 1)))

    assert (free.owed, free.price, free.anomaly) == (0, 7, None)
    assert (unpriced.owed, unpriced.price, unpriced.anomaly) == (0, None, None)
    assert free.target == unpriced.target == TARGET.name


def test_an_attempt_that_never_left_is_none() -> None:
    meter = Meter("c", in_tier("", USUAL))

    meter.failed(Outcome.NOT_SENT)

    assert meter.settle(1).attempts == ()


def in_tier(
    tier: str,
    *prices: Price,
    unpriced: tuple[str, ...] = (),
    input_bytes: int = 100,
    target: Target = TARGET,
    requires_price: bool = True,
) -> Plan:
    ask = Ask(
        model="m",
        is_stream=False,
        wants_usage=False,
        input_bytes=input_bytes,
        messages=1,
        images=0,
        choices=1,
        max_output=None,
        predicted_bytes=0,
        unpriced_features=unpriced or (("service_tier",) if tier == "priority" else ()),
        variant=tier,
        tier=tier,
    )
    model = Model("m", (target,), 1000, 0)
    dated = {price.model: (DatedPrice(0, price),) for price in prices}
    snapshot = Snapshot(1, {}, Names({"m": model}), dated, requires_price=requires_price)
    return plan(snapshot, CALLER, ask, 1.0)


def asked(task: Task, most: Usage, price: Price) -> Plan:
    ask = Ask(
        model="m",
        is_stream=False,
        wants_usage=False,
        input_bytes=100,
        messages=1,
        images=0,
        choices=1,
        max_output=0 if task is not Task.IMAGES else None,
        predicted_bytes=0,
        unpriced_features=(),
        task=task,
        most=most,
        expects_usage=False,
    )
    model = Model("m", (TARGET,), 1000, 0, does=frozenset((task,)))
    prices = {TARGET.name: (DatedPrice(0, price),)}
    return plan(Snapshot(1, {}, Names({"m": model}), prices), CALLER, ask, 1.0)


def sent(planned: Plan) -> Meter:
    meter = Meter("c", planned)
    meter.sent(planned.legs[0])
    return meter


def completed(planned: Plan, seen: Seen) -> Settlement:
    meter = sent(planned)
    meter.completed(seen)
    return meter.settle(1)
