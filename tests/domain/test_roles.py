"""What holding a role opens, where, and what it never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.operations import OPERATIONS, Role, found
from tollhouse.domain.roles import HOUSE, Actor, Grant, Place, place_of

ACME, WEB, OTHER, BOLT = (
    Place("acme"),
    Place("acme", "acme/web"),
    Place("acme", "acme/x"),
    Place("bolt"),
)
ANNA = "acme/anna"
LIST, SHOW, GRANT = (OPERATIONS[f"keys.{each}"] for each in ("list", "show", "grant"))
REVOKE, VERIFY = OPERATIONS["keys.revoke"], OPERATIONS["audit.verify"]

pytestmark = pytest.mark.req("B-12", "S-45")

places = st.sampled_from([HOUSE, ACME, WEB, OTHER, BOLT])
grants = st.builds(Grant, st.sampled_from(Role), places)


def actor(*grants: Grant, user: str = ANNA, ceiling: Grant | None = None, only: str = "") -> Actor:
    return Actor("anna", "api", grants, user=user, ceiling=ceiling, only=tuple(only.split()))


@pytest.mark.parametrize(
    ("at", "place"),
    [
        ("house", HOUSE),
        ("tenant:acme", ACME),
        ("project:acme/web", WEB),
        ("tenant:" + "a" * 60, Place("a" * 60)),
    ],
)
def test_a_role_is_held_at_the_house_a_tenant_or_a_project(at: str, place: Place) -> None:
    assert place_of(at) == place


@pytest.mark.parametrize(
    "at",
    [
        "",
        "house:",
        "tenant:",
        "tenant:a/b",
        "tenant:a b",
        "tenant:" + "a" * 61,
        "project:acme",
        "project:acme/",
        "project:/web",
        "project:acme/web/x",
        "user:acme/anna",
        "tenant:acme\n",
    ],
)
def test_it_is_held_nowhere_else(at: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        place_of(at)

    assert refused.value.param == "at"


def test_a_place_that_is_not_understood_is_told_in_60_characters() -> None:
    with pytest.raises(FieldInvalid) as refused:
        place_of("x" * 61)

    assert "x" * 60 + "'" in refused.value.detail


def test_what_may_go_on_is_decided_above() -> None:
    assert (WEB.above, ACME.above, HOUSE.above) == (ACME, HOUSE, HOUSE)


def test_what_is_a_user_s_own_is_decided_where_it_is() -> None:
    own = Place("acme", "acme/web", ANNA)

    assert own.above == own


def test_a_role_reaches_what_lies_within_its_place_and_nothing_beside_or_above() -> None:
    assert [place for place in (HOUSE, ACME, WEB, OTHER, BOLT) if ACME.covers(place)] == [
        ACME,
        WEB,
        OTHER,
    ]
    assert [place for place in (HOUSE, ACME, WEB, OTHER, BOLT) if WEB.covers(place)] == [WEB]
    assert all(map(HOUSE.covers, (HOUSE, ACME, WEB, OTHER, BOLT)))


@pytest.mark.req("S-48")
def test_what_is_one_s_own_is_opened_by_the_user_whose_it_is() -> None:
    member = actor(Grant(Role.MEMBER, ACME))
    nobody = actor(Grant(Role.MEMBER, ACME), user="")

    assert member.role_for(REVOKE, Place("acme", "acme/web", ANNA)) is Role.MEMBER
    assert member.role_for(REVOKE, Place("acme", "acme/web", "acme/bert")) is None
    assert member.role_for(GRANT, Place("acme", "acme/web", ANNA)) is None
    assert nobody.role_for(REVOKE, Place("acme", "acme/web", "")) is None


def test_the_first_role_that_opens_it_is_told() -> None:
    both = actor(Grant(Role.AUDITOR, ACME), Grant(Role.ADMIN, ACME))

    assert both.role_for(GRANT, ACME) is Role.ADMIN
    assert both.role_for(LIST, ACME) is Role.AUDITOR


@pytest.mark.req("S-46")
@pytest.mark.parametrize(
    ("only", "opens"),
    [
        ("", {"keys.list", "keys.show", "keys.grant", "audit.verify"}),
        ("keys.list", {"keys.list"}),
        ("keys.*", {"keys.list", "keys.show", "keys.grant"}),
        ("audit.verify keys.show", {"keys.show", "audit.verify"}),
        ("*", {"keys.list", "keys.show", "keys.grant", "audit.verify"}),
    ],
)
def test_a_token_that_is_narrowed_to_operations_opens_those(only: str, opens: set[str]) -> None:
    owner = actor(Grant(Role.OWNER, HOUSE), only=only)

    opened = {each.name for each in (LIST, SHOW, GRANT, VERIFY) if owner.role_for(each, HOUSE)}

    assert opened == opens


@pytest.mark.req("S-46")
@given(grants, grants, places)
def test_a_ceiling_only_takes_away(grant: Grant, ceiling: Grant, place: Place) -> None:
    free, under = actor(grant), actor(grant, ceiling=ceiling)

    for each in OPERATIONS.values():
        lets = ceiling.opens(each, place, ANNA)
        assert under.role_for(each, place) == (free.role_for(each, place) if lets else None)


def test_who_may_somewhere_may_anywhere() -> None:
    assert actor(Grant(Role.ADMIN, WEB)).may_anywhere(GRANT)
    assert not actor(Grant(Role.READONLY, HOUSE)).may_anywhere(GRANT)
    assert not actor(Grant(Role.ADMIN, ACME), only="keys.list").may_anywhere(GRANT)


def test_who_may_within_their_ceiling_alone_may_somewhere() -> None:
    narrow = actor(Grant(Role.ADMIN, HOUSE), ceiling=Grant(Role.ADMIN, WEB))
    beside = actor(Grant(Role.ADMIN, ACME), ceiling=Grant(Role.ADMIN, BOLT))

    assert narrow.may_anywhere(GRANT)
    assert not beside.may_anywhere(GRANT)


def test_what_is_their_own_counts_as_somewhere() -> None:
    assert actor(Grant(Role.MEMBER, ACME)).may_anywhere(REVOKE)
    assert not actor(Grant(Role.MEMBER, ACME), user="").may_anywhere(REVOKE)


@pytest.mark.req("S-48")
def test_one_knows_of_places_within_and_around_one_s_own() -> None:
    of_web = actor(Grant(Role.READONLY, WEB))

    assert [each for each in (HOUSE, ACME, WEB, OTHER, BOLT) if of_web.knows(each)] == [
        HOUSE,
        ACME,
        WEB,
    ]


@pytest.mark.req("S-46")
@given(grants, st.sampled_from(Role), places)
def test_nobody_gives_what_they_could_not_do_there(has: Grant, gives: Role, at: Place) -> None:
    giver = actor(has, user="")
    wider = [
        row.name
        for row in OPERATIONS.values()
        if gives in row.roles and not giver.role_for(row, at)
    ]

    assert giver.may_give(gives, at) is (not wider)


def test_what_has_no_row_is_done_by_nobody() -> None:
    assert found("keys.list") is LIST
    with pytest.raises(LookupError, match="nobody may do it"):
        found("keys.steal")


def test_a_change_is_of_its_subject_or_else_of_its_place() -> None:
    assert OPERATIONS["tenants.create"].changes == "tenant:{made}"
    assert GRANT.changes == GRANT.place == "key:{key}"
