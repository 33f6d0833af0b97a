"""From a name to the model that answers: the most specific rule wins, and grants are for concrete names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import (
    ModelNotGranted,
    ModelUnknown,
    ModelUnpriced,
    ToolsNotSupported,
)
from tollhouse.domain.identity import Principal
from tollhouse.domain.models import Ask, plan
from tollhouse.domain.naming import (
    callable_model,
    callable_models,
    find,
    find_either,
    find_public,
    public_models,
)
from tollhouse.domain.pricing import Price
from tollhouse.domain.snapshot import DatedPrice, Model, Names, Snapshot, Target, View

NOW = 1_000.0


def model(name: str, *targets: str) -> Model:
    parts = [target.split(":", 1) for target in targets]
    return Model(name, tuple(Target(up, "openai", its) for up, its in parts), 100, 0)


FIVE = model("gpt-5", "up:five")
GPT = model("gpt-*", "up:*")
TURBO = model("gpt-5-turbo-*", "up:ft-*")
SPACE = replace(model("openai/*", "up:*"), drops_prefix=True)
NAMES = Names(
    {"gpt-5": FIVE},
    (TURBO, SPACE, GPT),
    {"fast": "gpt-5", "faster": "fast", "newest": "gpt-7", "gone": "no-such"},
)
PRICE = DatedPrice(0, Price(1, "", input=1, output=1, cache_read=0, cache_write=0))
PRICED = dict.fromkeys(("up:five", "up:gpt-5.4", "openai:gpt-6", "up:ft-gpt-5-turbo-x"), (PRICE,))
SNAPSHOT = Snapshot(1, {}, NAMES, PRICED)
CALLER = Principal("k", "acme", "acme/p", "acme/u", (1, 2, 3, 4), ("*",))
ASK = Ask(
    model="gpt-5",
    is_stream=False,
    wants_usage=False,
    input_bytes=10,
    messages=1,
    images=0,
    choices=1,
    max_output=None,
    predicted_bytes=0,
    unpriced_features=(),
)


@pytest.mark.req("R-19", "OT-53")
@pytest.mark.parametrize(
    ("asked", "targets"),
    [
        ("gpt-5", ["up:five"]),
        ("fast", ["up:five"]),
        ("faster", ["up:five"]),
        ("gpt-5.4", ["up:gpt-5.4"]),
        ("gpt-5-turbo-x", ["up:ft-gpt-5-turbo-x"]),
        ("newest", ["up:gpt-7"]),
        ("openai/o9", ["up:o9"]),
    ],
)
def test_the_most_specific_rule_leads_to_the_target(asked: str, targets: list[str]) -> None:
    found = find(SNAPSHOT, "acme", asked)

    assert found is not None
    assert [target.name for target in found.model.targets] == targets


@pytest.mark.req("H-69", "R-19")
@pytest.mark.parametrize(
    "asked",
    [
        *(
            "gpt-*",
            "*",
            "gpt-",
            "gpt-5 ",
            "gpt- 5",
            "../",
            "gpt-../../x",
            "gpt-a//b",
            "gone",
            "GPT-5",
        ),
        *(
            "gpt-5\n",
            "gpt-\u00e9",
            "gpt-x*",
            "gpt-" + "x" * 10_000,
            "openai/",
            "openai/../x",
            "a/b/c",
            "",
        ),
    ],
)
def test_what_no_rule_leads_to_is_unknown(asked: str) -> None:
    with pytest.raises(ModelUnknown) as refusal:
        plan(SNAPSHOT, CALLER, replace(ASK, model=asked), NOW)

    assert len(refusal.value.detail) < 300


@pytest.mark.req("H-69")
@given(st.text(max_size=12).map(lambda text: "gpt-" + text))
def test_whatever_a_wildcard_takes_is_no_path_and_no_pattern(asked: str) -> None:
    found = find(SNAPSHOT, "acme", asked)

    assert found is None or not ({".."} & {asked} or set(asked) & set("*%? \\\n\x00"))
    assert found is None or (".." not in asked and "//" not in asked and asked.isascii())


@pytest.mark.req("R-16", "R-19")
@pytest.mark.parametrize(
    ("asked", "otherwise", "name"),
    [
        ("gpt-5:latest", "gpt-5", "gpt-5"),
        ("gpt-5", "gpt-5:latest", "gpt-5"),
        ("gpt-6:latest", "gpt-6", "gpt-6:latest"),
        ("gpt-6:latest", "x", "gpt-6:latest"),
        ("x", "gpt-6", "gpt-6"),
        ("x", None, None),
    ],
)
def test_a_second_name_comes_before_a_wildcard(
    asked: str, otherwise: str | None, name: str | None
) -> None:
    found = find_either(SNAPSHOT, "acme", asked, otherwise)

    assert (found and found.model.name) == name


@pytest.mark.req("R-16")
def test_of_two_names_that_both_stand_there_the_first_is_meant() -> None:
    snapshot = replace(SNAPSHOT, names=Names({"gpt-5": FIVE, "six": model("six", "up:six")}))

    found = find_either(snapshot, "acme", "gpt-5", "six")

    assert found is not None
    assert found.model is FIVE


@pytest.mark.req("R-4")
def test_without_a_key_all_are_told_but_what_leads_nowhere() -> None:
    assert [it.name for it in public_models(NAMES)] == ["gpt-5", "fast", "faster", "newest"]
    assert find_public(NAMES, "faster") is FIVE
    assert find_public(NAMES, "gone") is None


@pytest.mark.req("OT-53")
@pytest.mark.parametrize(
    ("granted", "asked", "may"),
    [
        (("fast",), "fast", True),
        (("fast",), "gpt-5", False),
        (("gpt-5",), "faster", True),
        (("gpt-5",), "gpt-5.4", False),
        (("gpt-5*",), "gpt-5.4", True),
        (("gpt-7",), "newest", True),
        ((), "fast", False),
    ],
)
def test_a_grant_is_for_a_name_or_for_what_it_leads_to(
    granted: tuple[str, ...], asked: str, *, may: bool
) -> None:
    snapshot = replace(SNAPSHOT, requires_price=False)
    caller = replace(CALLER, models=granted)

    if may:
        assert plan(snapshot, caller, replace(ASK, model=asked), NOW).ask.model == asked
    else:
        with pytest.raises(ModelNotGranted, match=asked):
            plan(snapshot, caller, replace(ASK, model=asked), NOW)


@pytest.mark.req("P-3")
def test_a_member_of_a_wildcard_without_a_price_is_refused() -> None:
    with pytest.raises(ModelUnpriced, match="up:gpt-unheard-of"):
        plan(SNAPSHOT, CALLER, replace(ASK, model="gpt-unheard-of"), NOW)


@pytest.mark.req("P-3")
def test_a_member_of_a_wildcard_is_billed_at_its_own_price() -> None:
    planned = plan(SNAPSHOT, CALLER, replace(ASK, model="gpt-5.4"), NOW)

    assert planned.model.name == "gpt-5.4"
    assert [leg.target.name for leg in planned.legs] == ["up:gpt-5.4"]


@pytest.mark.req("CN-28")
def test_tools_are_refused_by_a_model_that_is_declared_without() -> None:
    plain = replace(FIVE, takes_tools=False)
    snapshot = replace(SNAPSHOT, names=Names({"gpt-5": plain}))

    plan(snapshot, CALLER, ASK, NOW)
    plan(SNAPSHOT, CALLER, replace(ASK, tools=frozenset({"look"})), NOW)
    with pytest.raises(ToolsNotSupported, match="cannot call tools"):
        plan(snapshot, CALLER, replace(ASK, tools=frozenset({"look"})), NOW)


VIEWED = replace(
    SNAPSHOT,
    views={
        "acme": View({"best": "gpt-5", "gpt-5.4": "fast", "lost": "no-such"}, ("gpt-5", "new*"))
    },
)


@pytest.mark.req("OT-53")
def test_a_tenant_calls_a_model_by_its_own_name_and_nobody_else_does() -> None:
    found = find(VIEWED, "acme", "best")

    assert found is not None
    assert found.model == FIVE
    assert found.names == ("best", "gpt-5")
    assert find(VIEWED, "globex", "best") is None


@pytest.mark.req("OT-53")
def test_a_tenants_own_name_comes_before_a_public_one() -> None:
    own, public = find(VIEWED, "acme", "gpt-5.4"), find(VIEWED, "globex", "gpt-5.4")

    assert own is not None
    assert public is not None
    assert [target.name for target in own.model.targets] == ["up:five"]
    assert [target.name for target in public.model.targets] == ["up:gpt-5.4"]


@pytest.mark.req("H-69")
@pytest.mark.parametrize("asked", ["gpt-5", "newest", "lost"])
def test_what_a_tenant_does_not_see_is_unknown_to_it(asked: str) -> None:
    with pytest.raises(ModelUnknown) as hidden:
        plan(VIEWED, CALLER, replace(ASK, model=asked), NOW)
    with pytest.raises(ModelUnknown) as unknown:
        plan(VIEWED, CALLER, replace(ASK, model="x"), NOW)

    assert hidden.value.detail == unknown.value.detail.replace("'x'", repr(asked))


@pytest.mark.req("R-4", "R-19")
def test_what_a_key_may_call_is_listed_by_its_public_names() -> None:
    listed = [it.name for it in callable_models(SNAPSHOT, CALLER, NOW)]

    assert listed == ["gpt-5", "fast", "faster", "newest", "gpt-5-turbo-x", "gpt-5.4", "gpt-6", "openai/five",
                      "openai/ft-gpt-5-turbo-x", "openai/gpt-5.4", "openai/gpt-6"]  # fmt: skip


@pytest.mark.req("R-4")
def test_of_a_wildcard_that_is_listed_which_was_granted_or_has_all_its_prices() -> None:
    two = replace(model("ours/*", "up:*", "down:*"), drops_prefix=True)
    fixed = replace(model("any/*", "up:five"), drops_prefix=True)
    prices = dict.fromkeys(("up:a", "up:b", "down:b", "up:five", "up:five-b"), (PRICE,))
    snapshot = Snapshot(1, {}, Names({}, (two, fixed)), prices)

    of_all = [it.name for it in callable_models(snapshot, CALLER, NOW)]
    of_one = callable_models(snapshot, replace(CALLER, models=("ours/c", "ours/d*")), NOW)

    assert of_all == ["ours/b"]
    assert [it.name for it in of_one] == ["ours/c"]


@pytest.mark.req("R-4")
@given(
    st.lists(st.sampled_from(["fast", "gpt-5", "gpt-*", "gpt-6", "best", "openai/*", "gpt-9", "*"]))
)
def test_whatever_is_listed_may_be_called_if_it_has_a_price(granted: list[str]) -> None:
    caller = replace(CALLER, models=tuple(granted))

    for it in callable_models(VIEWED, caller, NOW):
        try:
            planned = plan(VIEWED, caller, replace(ASK, model=it.name), NOW)
        except ModelUnpriced:
            assert it.name in (*granted, *NAMES.aliases)
        else:
            assert planned.ask.model == it.name


@pytest.mark.req("R-4")
def test_a_tenant_sees_its_own_names_and_not_those_it_is_hidden_from() -> None:
    listed = [it.name for it in callable_models(VIEWED, CALLER, NOW)]

    assert listed[:3] == ["best", "gpt-5.4", "fast"]
    assert not {"gpt-5", "newest", "lost"} & set(listed)


@pytest.mark.req("R-4")
def test_one_model_is_shown_by_the_name_that_was_asked() -> None:
    one = callable_model(SNAPSHOT, CALLER, "faster")

    assert one is not None
    assert one.name == "faster"
    assert callable_model(SNAPSHOT, replace(CALLER, models=()), "faster") is None
    assert callable_model(SNAPSHOT, CALLER, "no such model") is None
