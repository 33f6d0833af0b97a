"""From a model's name to a plan: what may answer, at what price, and how much it may produce."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.budget import Share
from tollhouse.domain.errors import (
    FeatureUnpriced,
    ModelCannot,
    ModelNotGranted,
    ModelUnknown,
    ModelUnpriced,
    OutputOverLimit,
    StateUnknown,
    ToolsNotSupported,
    UserMismatch,
)
from tollhouse.domain.homes import Home, Thought
from tollhouse.domain.identity import Narrowing, Principal, Proof
from tollhouse.domain.metering import counted_input
from tollhouse.domain.models import Ask, input_bound, plan
from tollhouse.domain.pricing import Price, Usage
from tollhouse.domain.snapshot import DatedPrice, Model, Names, Snapshot, Target
from tollhouse.domain.tasks import Task

NOW = 1_000.0
CHEAP = Price(1, "one:small", input=1_000_000, output=2_000_000, cache_read=0, cache_write=0)
DEAR = Price(2, "two:small", input=3_000_000, output=9_000_000, cache_read=0, cache_write=5_000_000)
FREE = Price(3, "one:small", input=0, output=0, cache_read=0, cache_write=0)
ONE = Target("one", "openai", "small")
TWO = Target("two", "openai", "small")
SMALL = Model("small", (ONE,), max_output=1_000, image_tokens=1_500)
CALLER = Principal("k", "acme", "acme/p", "acme/u", (1, 2, 3, 4), ("small",))
ASK = Ask(
    model="small",
    is_stream=False,
    wants_usage=False,
    input_bytes=100,
    messages=1,
    images=0,
    choices=1,
    max_output=None,
    predicted_bytes=0,
    unpriced_features=(),
)


def test_a_model_that_is_not_there_is_refused_before_anything_else() -> None:
    with pytest.raises(ModelUnknown) as refusal:
        plan(_snapshot(), replace(CALLER, models=()), replace(ASK, model="x" * 5_000), NOW)

    assert refusal.value.param == "model"
    assert len(refusal.value.detail) < 300


def test_a_model_that_is_not_granted_is_refused_with_the_way_out() -> None:
    with pytest.raises(ModelNotGranted, match="tollhouse keys grant k small"):
        plan(_snapshot(), replace(CALLER, models=("other",)), ASK, NOW)


@pytest.mark.req("P-21")
@pytest.mark.parametrize(
    ("key", "proof", "way_out"),
    [
        ("tollhouse:1", "token:tollhouse", "when the token is signed"),
        ("okta:1", "token:okta", r"a rule of \[issuers.okta\]"),
        ("jobs:1", "static:jobs", r"by `models` of \[static_tokens.jobs\]"),
    ],
)
def test_whoever_bears_a_token_is_told_where_its_models_are_granted(
    key: str, proof: str, way_out: str
) -> None:
    caller = replace(CALLER, key=key, proof=Proof(proof), models=("other",))

    with pytest.raises(ModelNotGranted, match=way_out):
        plan(_snapshot(), caller, ASK, NOW)


def test_a_model_that_does_something_else_is_refused_whatever_it_costs() -> None:
    asked = replace(ASK, task=Task.EMBEDDINGS)

    with pytest.raises(ModelCannot, match="does chat here, and this path asks for embeddings"):
        plan(_snapshot(prices={}), CALLER, asked, NOW)


@pytest.mark.req("OT-37")
def test_budgets_of_what_may_answer_are_held_on_and_no_others() -> None:
    narrowed = (
        *(
            Narrowing(11, provider="one"),
            Narrowing(12, provider="two"),
            Narrowing(13, provider="x"),
        ),
        *(Narrowing(14, model="small"), Narrowing(15, model="two:small"), Narrowing(16, model="o")),
    )
    both = _snapshot(replace(SMALL, targets=(ONE, TWO)), {"one:small": CHEAP, "two:small": DEAR})

    planned = plan(both, replace(CALLER, narrowed=narrowed), ASK, NOW)
    alone = plan(_snapshot(), replace(CALLER, narrowed=narrowed), ASK, NOW)

    assert planned.shares == (
        *(Share(11, "one:*"), Share(12, "two:*")),
        *(Share(14), Share(15, "two:small")),
    )
    assert alone.shares == (Share(11, "one:*"), Share(14))


@pytest.mark.req("OT-7")
def test_a_body_that_names_another_user_is_refused_before_anything_is_priced() -> None:
    snapshot = replace(_snapshot(prices={}), users=frozenset({"acme/bob"}))

    with pytest.raises(UserMismatch):
        plan(snapshot, CALLER, replace(ASK, named=("bob",)), NOW)


@pytest.mark.req("R-6")
def test_what_is_gone_on_from_goes_home_and_is_held_for_again() -> None:
    model = replace(SMALL, targets=(ONE, TWO))
    snapshot = _snapshot(model, {"one:small": CHEAP, "two:small": DEAR})

    planned = plan(snapshot, CALLER, replace(ASK, home=Home(TWO.name, "resp_1", 700)), NOW)

    assert [leg.target for leg in planned.legs] == [TWO]
    assert planned.legs[0].input_tokens == input_bound(ASK, model) + 700
    assert planned.hold == planned.legs[0].worst == DEAR.worst(input_bound(ASK, model) + 700, 1_000)
    assert planned.tenant == "acme"


@pytest.mark.req("R-6")
@pytest.mark.parametrize(
    ("thought_by", "targets"),
    [
        (["two"], [TWO]),
        (["one", "two"], [TWO]),
        (["two", "one"], [ONE]),
        (["two", "elsewhere"], [TWO]),
        (["elsewhere"], [ONE, TWO]),
    ],
)
def test_what_was_thought_last_goes_to_who_can_read_it(
    thought_by: list[str], targets: list[Target]
) -> None:
    snapshot = _snapshot(
        replace(SMALL, targets=(ONE, TWO)), {"one:small": CHEAP, "two:small": DEAR}
    )
    thoughts = {str(place): Thought(who, "...") for place, who in enumerate(thought_by)}

    planned = plan(snapshot, CALLER, replace(ASK, thoughts=thoughts), NOW)

    assert [leg.target for leg in planned.legs] == targets


@pytest.mark.req("R-6")
def test_what_no_target_of_the_model_keeps_is_not_gone_on_from() -> None:
    with pytest.raises(StateUnknown):
        plan(_snapshot(), CALLER, replace(ASK, home=Home(TWO.name, "resp_1", 700)), NOW)


@pytest.mark.req("R-16")
@pytest.mark.parametrize(
    ("takes_tools", "tools", "passes"),
    [(True, {"look"}, True), (False, set(), True), (False, {"look"}, False)],
)
def test_tools_are_asked_of_models_that_can_call_them(
    takes_tools: bool, tools: set[str], passes: bool
) -> None:
    model = replace(SMALL, takes_tools=takes_tools)

    with nullcontext() if passes else pytest.raises(ToolsNotSupported):
        plan(_snapshot(model), CALLER, replace(ASK, tools=frozenset(tools)), NOW)


@pytest.mark.req("OT-59")
@pytest.mark.parametrize(("seed", "first"), [(0.0, ONE), (0.49, ONE), (0.51, TWO), (0.99, TWO)])
def test_targets_that_share_the_calls_get_theirs(seed: float, first: Target) -> None:
    model = replace(SMALL, targets=(ONE, TWO), weights=(1, 1))
    snapshot = _snapshot(model, {"one:small": CHEAP, "two:small": DEAR})

    planned = plan(snapshot, CALLER, ASK, NOW, seed)

    assert planned.legs[0].target == first
    assert {leg.target for leg in planned.legs} == {ONE, TWO}


def test_what_is_not_granted_says_nothing_of_what_it_does() -> None:
    with pytest.raises(ModelNotGranted):
        plan(_snapshot(), replace(CALLER, models=()), replace(ASK, task=Task.EMBEDDINGS), NOW)


def test_where_nothing_is_produced_only_the_way_in_is_held() -> None:
    model = replace(SMALL, does=frozenset((Task.EMBEDDINGS,)))
    asked = replace(ASK, task=Task.EMBEDDINGS, max_output=0)

    planned = plan(_snapshot(model), CALLER, asked, NOW)

    assert planned.legs[0].output_tokens == 0
    assert planned.hold == input_bound(asked, model) * 1_000


@pytest.mark.req("B-20")
@pytest.mark.parametrize(("variant", "cost"), [("", 1), ("512x512", 2), ("1x1", 1)])
def test_a_size_may_have_a_price_of_its_own(variant: str, cost: int) -> None:
    model = replace(SMALL, does=frozenset((Task.IMAGES,)))
    prices = {
        "one:small": Price(1, "one:small", 0, 0, 0, 0, per_image=1_000),
        "one:small@512x512": Price(2, "one:small@512x512", 0, 0, 0, 0, per_image=2_000),
    }
    asked = replace(ASK, task=Task.IMAGES, most=Usage(images=1), variant=variant)

    assert plan(_snapshot(model, prices), CALLER, asked, NOW).hold == cost


@pytest.mark.req("B-20", "P-3")
def test_a_price_by_tokens_says_nothing_of_speech() -> None:
    model = replace(SMALL, does=frozenset((Task.SPEECH,)))

    with pytest.raises(ModelUnpriced, match="--per-character"):
        plan(_snapshot(model), CALLER, replace(ASK, task=Task.SPEECH), NOW)


def test_what_is_free_need_not_say_by_what_it_is_counted() -> None:
    model = replace(SMALL, does=frozenset((Task.SPEECH,)))

    planned = plan(
        _snapshot(model, {"one:small": FREE}), CALLER, replace(ASK, task=Task.SPEECH), NOW
    )

    assert planned.hold == 0


@pytest.mark.req("OT-9")
def test_what_needs_no_price_is_said_by_task() -> None:
    both = frozenset((Task.MODERATIONS, Task.EMBEDDINGS))
    model = replace(SMALL, does=both, price_optional=frozenset((Task.MODERATIONS,)))

    free = plan(_snapshot(model, {}), CALLER, replace(ASK, task=Task.MODERATIONS), NOW)

    assert free.is_free
    with pytest.raises(ModelUnpriced):
        plan(_snapshot(model, {}), CALLER, replace(ASK, task=Task.EMBEDDINGS), NOW)


def test_who_sent_tokens_has_said_how_many_there_are() -> None:
    asked = replace(ASK, input_bytes=300, messages=2, tokens=140)

    assert counted_input(asked) == 140 + 2 * 16
    assert counted_input(replace(asked, tokens=0)) == 100 + 2 * 16


@pytest.mark.req("P-3", "OT-1")
def test_without_a_price_nothing_can_be_held_so_nothing_goes() -> None:
    with pytest.raises(ModelUnpriced, match="tollhouse prices set one:small"):
        plan(_snapshot(prices={}), CALLER, ASK, NOW)


def test_one_target_without_a_price_refuses_for_all() -> None:
    model = replace(SMALL, targets=(ONE, TWO))

    with pytest.raises(ModelUnpriced, match="two:small"):
        plan(_snapshot(model), CALLER, ASK, NOW)


@pytest.mark.req("OT-3")
def test_where_prices_are_not_required_an_unpriced_model_is_held_at_nothing() -> None:
    snapshot = replace(_snapshot(prices={}), requires_price=False)

    planned = plan(snapshot, CALLER, ASK, NOW)

    assert planned.hold == 0
    assert planned.is_free


@pytest.mark.req("OT-2")
def test_a_price_of_nothing_is_free() -> None:
    planned = plan(_snapshot(prices={"one:small": FREE}), CALLER, ASK, NOW)

    assert planned.hold == 0
    assert planned.is_free


@pytest.mark.req("P-3")
def test_documents_and_what_a_provider_adds_are_held_for() -> None:
    model = replace(SMALL, document_tokens=7_000)
    ask = replace(ASK, documents=2, added_tokens=300)

    assert input_bound(ask, model) == input_bound(ASK, model) + 2 * 7_000 + 300


@pytest.mark.req("P-3", "P-15")
def test_a_prompt_that_may_be_kept_for_an_hour_is_held_for_at_that_rate() -> None:
    usual = plan(_snapshot(), CALLER, ASK, NOW)
    (leg,) = usual.legs

    kept = plan(_snapshot(), CALLER, replace(ASK, may_keep_long=True), NOW)

    assert kept.hold - usual.hold == leg.input_tokens * 1_000


def test_what_is_billed_apart_is_refused_unless_the_model_is_free() -> None:
    ask = replace(ASK, unpriced_features=("web_search", "audio"))

    with pytest.raises(FeatureUnpriced, match="web_search, audio") as refusal:
        plan(_snapshot(), CALLER, ask, NOW)

    assert refusal.value.param == "web_search"
    assert plan(_snapshot(prices={"one:small": FREE}), CALLER, ask, NOW).is_free


@pytest.mark.req("B-17")
@pytest.mark.parametrize(("asked", "bound"), [(None, 1_000), (10, 10), (5_000, 1_000)])
def test_the_output_is_bounded_by_the_model_and_by_the_caller(
    asked: int | None, bound: int
) -> None:
    (leg,) = plan(_snapshot(), CALLER, replace(ASK, max_output=asked), NOW).legs

    assert leg.output_tokens == bound


@pytest.mark.req("OP-27")
@pytest.mark.parametrize(("asked", "is_let_in"), [(None, True), (1_000, True), (1_001, False)])
def test_a_model_may_refuse_who_asks_for_more_than_it_produces(
    asked: int | None, is_let_in: bool
) -> None:
    snapshot, ask = _snapshot(replace(SMALL, refuses_more=True)), replace(ASK, max_output=asked)

    with nullcontext() if is_let_in else pytest.raises(OutputOverLimit) as refusal:
        plan(snapshot, CALLER, ask, NOW)

    if refusal is not None:
        assert (refusal.value.param, refusal.value.status) == ("max_tokens", 400)
        assert "at most 1000 tokens here, and 1001 were asked for" in refusal.value.detail


@pytest.mark.req("P-3")
def test_the_hold_covers_the_dearest_target() -> None:
    model = replace(SMALL, targets=(ONE, TWO))
    snapshot = _snapshot(model, {"one:small": CHEAP, "two:small": DEAR})

    planned = plan(snapshot, CALLER, ASK, NOW)

    cheap, dear = planned.legs
    assert (cheap.target, dear.target) == (ONE, TWO)
    assert planned.hold == dear.worst > cheap.worst


@pytest.mark.req("B-17")
def test_every_choice_and_every_predicted_byte_is_held_for() -> None:
    ask = replace(ASK, choices=3, predicted_bytes=50, max_output=10)

    (leg,) = plan(_snapshot(), CALLER, ask, NOW).legs

    assert leg.output_tokens == 10
    assert leg.worst == CHEAP.worst(leg.input_tokens, 3 * 10 + 50)


@pytest.mark.req("P-3", "B-17")
@given(
    ask=st.builds(
        replace,
        st.just(ASK),
        input_bytes=st.integers(0, 10**6),
        messages=st.integers(0, 500),
        images=st.integers(0, 20),
        choices=st.integers(1, 8),
        max_output=st.none() | st.integers(1, 2_000),
    ),
    data=st.data(),
)
def test_no_usage_within_the_bounds_costs_more_than_the_hold(ask: Ask, data: st.DataObject) -> None:
    planned = plan(_snapshot(prices={"one:small": DEAR}), CALLER, ask, NOW)
    (leg,) = planned.legs

    cached = data.draw(st.integers(0, leg.input_tokens))
    usage = Usage(
        input=leg.input_tokens - cached,
        cache_write=cached,
        output=data.draw(st.integers(0, leg.output_tokens * ask.choices)),
    )

    assert DEAR.cost(usage) <= planned.hold


@pytest.mark.req("B-17")
@given(st.integers(0, 10**6), st.integers(0, 500), st.integers(0, 20))
def test_the_input_bound_is_never_below_the_bytes(size: int, messages: int, images: int) -> None:
    bound = input_bound(replace(ASK, input_bytes=size, messages=messages, images=images), SMALL)

    assert bound >= size + messages + images * SMALL.image_tokens


def test_the_price_in_force_is_the_newest_that_has_begun() -> None:
    dated = (DatedPrice(NOW + 1, DEAR), DatedPrice(NOW - 1, CHEAP), DatedPrice(0, FREE))
    snapshot = replace(_snapshot(), prices={"one:small": dated})

    assert snapshot.price(ONE, NOW - 2) is FREE
    assert snapshot.price(ONE, NOW) is CHEAP
    assert snapshot.price(ONE, NOW + 1) is DEAR


def test_a_providers_own_price_goes_before_that_of_its_kind() -> None:
    snapshot = _snapshot(prices={"openai:small": CHEAP, "two:small": DEAR})

    assert snapshot.price(ONE, NOW) is CHEAP
    assert snapshot.price(TWO, NOW) is DEAR


def _snapshot(model: Model = SMALL, prices: dict[str, Price] | None = None) -> Snapshot:
    named = {"one:small": CHEAP} if prices is None else prices
    dated = {name: (DatedPrice(0, price),) for name, price in named.items()}
    return Snapshot(1, {}, Names({"small": model}), dated)
