"""What is remembered of tokens that were good: never another's, never longer than it is good."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from hashlib import sha256
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.bearers import MEMBERS, NOW, RULE, door, said
from issuing import signing_key
from tollhouse.domain.claims import Claimed, Rule
from tollhouse.domain.errors import TokenInvalid
from tollhouse.domain.identity import Priority
from tollhouse.domain.people import Member

KEY = signing_key("k1", "ES256")
ED = signing_key("k1", "EdDSA")


@pytest.mark.req("S-36", "H-141")
async def test_two_tokens_that_differ_after_a_common_beginning_are_two_callers() -> None:
    """Long claims after which the name comes: everything before it is the same, letter by letter."""
    at = door(ED)
    common = {"aaa": "x" * 4000}
    anna = ED.token({**common, **said(sub="anna")})
    bob = ED.token({**common, **said(sub="bob")})
    assert anna[:5000] == bob[:5000]

    for _ in range(3):
        assert (await at.let_in(anna, NOW)).user == "acme/anna"
        assert (await at.let_in(bob, NOW)).user == "acme/bob"


@pytest.mark.req("S-36", "H-141")
async def test_a_hundred_thousand_others_that_begin_alike_or_end_alike_are_nobody() -> None:
    at, good = door(ED), ED.token(said())
    await at.let_in(good, NOW)
    chance = random.Random(7)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    entered = 0

    for _ in range(20_000):
        place = chance.randrange(8, len(good))
        other = good[:place] + chance.choice(letters) + good[place + 1 :]
        entered += other != good and at.tokens._seen.get(_digest(other)) is not None

    assert entered == 0
    assert len(at.tokens._seen) == 1


@pytest.mark.req("S-36")
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["anna", "bob"]), st.integers(1, 10**6), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
async def test_whoever_comes_in_whatever_order_is_who_his_token_says(
    callers: list[tuple[str, int, bool]],
) -> None:
    at = door(ED, most_kept=3)
    tokens = {it: ED.token(said(sub=it[0], jti=str(it[1]))) for it in callers}

    for it in [*callers, *callers]:
        name, _, is_other_house = it
        at.revision += is_other_house
        assert (await at.let_in(tokens[it], NOW)).user == f"acme/{name}"

    assert len(at.tokens._seen) <= 3


@pytest.mark.req("S-36")
async def test_a_token_is_looked_at_once_and_its_bearer_once_in_each_house() -> None:
    at, token = door(ED), ED.token(said())

    first = await at.let_in(token, NOW)
    assert await at.let_in(token, NOW) is first

    at.revision += 1
    second = await at.let_in(token, NOW)
    assert second is not first
    assert await at.let_in(token, NOW) is second


@pytest.mark.req("OP-1", "S-36")
async def test_what_was_good_is_refused_from_the_moment_it_expires() -> None:
    at, until = door(ED), int(NOW) + 100
    token = ED.token(said(exp=until))
    assert await at.let_in(token, until - 0.001)

    assert await at.why_not(token, until) == "it has expired"
    assert not at.tokens._seen


@pytest.mark.req("P-19", "S-25")
@pytest.mark.parametrize("owner", list(MEMBERS), ids=list(MEMBERS))
async def test_whoever_is_disabled_or_gone_is_out_with_the_next_snapshot(owner: str) -> None:
    at, token = door(ED), ED.token(said())
    if owner == "user:acme/bob":
        token = ED.token(said(sub="bob"))
    assert await at.let_in(token, NOW)

    at.people.members[owner] = replace(MEMBERS[owner], is_disabled=True)  # type: ignore[index]
    at.revision += 1
    assert "is disabled" in await at.why_not(token, NOW)
    del at.people.members[owner]  # type: ignore[attr-defined]
    at.revision += 1
    assert "there is no" in await at.why_not(token, NOW)


@pytest.mark.req("H-140", "OP-10")
async def test_a_token_that_was_taken_back_is_out_with_the_next_snapshot_and_others_are_not() -> (
    None
):
    at = door(ED)
    one, other = ED.token(said(jti="one")), ED.token(said(jti="other"))
    await at.let_in(one, NOW)
    await at.let_in(other, NOW)

    at.people = replace(at.people, revoked_ids=frozenset({("okta", "one"), ("other", "other")}))
    at.revision += 1

    assert await at.why_not(one, NOW) == "it was taken back"
    assert await at.let_in(other, NOW)


@pytest.mark.req("H-140", "OP-10")
async def test_all_tokens_of_a_subject_from_before_can_be_taken_back() -> None:
    at, now = door(ED), int(NOW)
    before, after = ED.token(said(iat=now)), ED.token(said(iat=now + 1))
    bobs = ED.token(said(sub="bob", iat=now - 10))

    at.people = replace(at.people, revoked_before={("okta", "anna"): now})

    assert "from before" in await at.why_not(before, NOW)
    assert await at.let_in(after, NOW)
    assert await at.let_in(bobs, NOW)


@pytest.mark.req("P-19", "S-46")
async def test_a_claim_takes_models_away_and_adds_none() -> None:
    rule = Rule({}, "acme", "default", "claim:sub", ("gpt-*",), "models", Priority.HIGH)
    at = door(ED, rules=(rule,))

    async def models(listed: object) -> tuple[str, ...]:
        return (await at.let_in(ED.token(said(models=listed)), NOW)).models

    assert await models(["gpt-4.1", "claude", "gpt-5"]) == ("gpt-4.1", "gpt-5")
    assert await models("gpt-4.1 claude") == ("gpt-4.1",)
    assert await models(["*"]) == ("gpt-*",)
    assert await models([]) == ()
    assert "lists no models" in await at.why_not(ED.token(said()), NOW)
    assert "lists no models" in await at.why_not(ED.token(said(models=[1])), NOW)


@pytest.mark.req("P-19")
async def test_what_a_user_may_call_bounds_his_tokens_as_well() -> None:
    at = door(ED, members={**MEMBERS, "user:acme/anna": Member(3, models=("x",))})

    assert (await at.let_in(ED.token(said()), NOW)).models == ()


@pytest.mark.req("P-19", "P-21")
async def test_the_first_rule_that_fits_decides_and_there_is_no_wider_one_behind_it() -> None:
    narrow = Rule({"groups": "guests"}, "acme", "default", "bob", ())
    wide = Rule({"sub": "an*"}, "acme", "default", "claim:sub", ("*",))
    at = door(ED, rules=(narrow, wide))

    guest = await at.let_in(ED.token(said(groups=["guests"])), NOW)
    anna = await at.let_in(ED.token(said(groups=["x"])), NOW)

    assert (guest.user, guest.models) == ("acme/bob", ())
    assert (anna.user, anna.models) == ("acme/anna", ("*",))
    assert "none of the issuer's rules" in await at.why_not(
        ED.token(said(sub="bob", groups=[])), NOW
    )


@pytest.mark.req("P-21")
async def test_a_rule_looks_into_claims_by_a_path() -> None:
    when = {"/kubernetes.io/namespace": "prod", "/a~1b": "true"}
    at = door(ED, rules=(Rule(when, "acme", "default", "claim:/who/name", ("m",)),))
    inside = {"kubernetes.io": {"namespace": "prod"}, "a/b": True, "who": {"name": "bob"}}

    assert (await at.let_in(ED.token(said(**inside)), NOW)).user == "acme/bob"
    assert await at.why_not(ED.token(said(**{**inside, "a/b": "x"})), NOW)
    assert await at.why_not(ED.token(said(**{**inside, "kubernetes.io": "prod"})), NOW)


@pytest.mark.req("P-21")
async def test_an_address_that_its_provider_has_not_verified_proves_nobody() -> None:
    at = door(
        ED,
        rules=(Rule({}, "acme", "default", "claim:email", ("m",)),),
        members={**MEMBERS, "user:acme/anna@acme.example": Member(9)},
    )
    mail = {"email": "anna@acme.example"}

    assert await at.let_in(ED.token(said(**mail, email_verified=True)), NOW)
    assert "not verified" in await at.why_not(ED.token(said(**mail, email_verified=False)), NOW)
    assert "not verified" in await at.why_not(ED.token(said(**mail, email_verified="true")), NOW)


@pytest.mark.req("P-21")
@pytest.mark.parametrize("makes", [True, False])
async def test_a_user_who_may_be_made_is_made_before_a_look_at_who_it_is(*, makes: bool) -> None:
    made: list[str] = []

    async def making(claimed: Claimed) -> None:
        made.append(claimed.user)
        at.people.members[f"user:{claimed.user}"] = Member(9)  # type: ignore[index]

    rule = replace(RULE, creates=True)
    at = door(ED, rules=(rule,), making=making if makes else None)
    carol = ED.token(said(sub="carol"))

    if makes:
        assert (await at.let_in(carol, NOW)).user == "acme/carol"
    else:
        assert "there is no user" in await at.why_not(carol, NOW)
    await at.let_in(ED.token(said()), NOW)
    assert made == ["acme/carol"] * makes


@pytest.mark.req("P-21", "S-25")
@pytest.mark.parametrize(
    "changes",
    [
        {"gone": frozenset({"acme/carol"})},
        {"revoked_ids": frozenset({("okta", "one")})},
        {"revoked_before": {("okta", "carol"): int(NOW)}},
        *(
            {"members": {k: v for k, v in MEMBERS.items() if k != owner}}
            for owner in ("tenant:acme", "project:acme/default", "issuer:okta")
        ),
    ],
    ids=["gone", "taken back", "from before", "no tenant", "no project", "no account"],
)
async def test_nobody_is_made_who_would_not_be_let_in_then(changes: dict[str, Any]) -> None:
    made: list[Claimed] = []

    async def making(claimed: Claimed) -> None:
        made.append(claimed)

    at = door(ED, rules=(replace(RULE, creates=True),), making=making)
    at.people = replace(at.people, **changes)

    assert await at.why_not(ED.token(said(sub="carol", jti="one")), NOW)
    assert made == []


async def test_one_subject_is_one_caller_whatever_his_token() -> None:
    at = door(ED)

    keys = {(await at.let_in(ED.token(said(jti=each)), NOW)).key for each in "abc"}
    bobs = (await at.let_in(ED.token(said(sub="bob")), NOW)).key

    assert len(keys) == 1
    assert bobs not in keys


@pytest.mark.req("S-23", "S-25")
async def test_what_was_wrong_does_not_show_in_the_time() -> None:
    """A token of an unknown issuer, of an unknown key, with a bad signature, good and expired: one look each."""
    at = door(KEY)
    stem = KEY.token(said()).rpartition(".")[0]
    signature = KEY.token(said(sub="bob")).rpartition(".")[2]
    tokens = {
        "issuer": KEY.token(said(iss="https://other.example.com")),
        "key": KEY.token(said(), kid="k9"),
        "signature": f"{stem}.{signature}",
        "expired": KEY.token(said(exp=1, iat=0)),
    }
    snapshot = at.snapshot
    took: dict[str, float] = dict.fromkeys(tokens, float("inf"))
    for token in tokens.values():
        await at.why_not(token, NOW)

    for _, (name, token) in product(range(60), tokens.items()):
        began = time.perf_counter()
        for _ in range(3):
            with pytest.raises(TokenInvalid):
                at.tokens.identify(token, snapshot, NOW)
        took[name] = min(took[name], time.perf_counter() - began)

    assert max(took.values()) < 2 * min(took.values()), took


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
