"""Whom a body may name beside the user who pays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain import binding
from tollhouse.domain.errors import UserMismatch
from tollhouse.domain.identity import Naming, Principal
from tollhouse.domain.snapshot import Names, Snapshot

CALLER = Principal("k", "acme", "acme/p", "acme/anna", (1, 2, 3, 4), ("m",))
SNAPSHOT = Snapshot(1, {}, Names({}), {}, users=frozenset({"acme/anna", "acme/bob", "beta/eve"}))
CLAUDE_CODE = f"user_{'a' * 64}_account__session_{'b' * 36}"
OWN = ("anna", "acme/anna")
OTHERS = ("bob", "acme/bob")
STRANGERS = (CLAUDE_CODE, "customer-7", "beta/eve", "eve", "Bob", "acme/", "", "\x00")

pytestmark = pytest.mark.req("OT-5", "OT-7", "OT-8")


@pytest.mark.parametrize("naming", Naming)
@pytest.mark.parametrize("name", OWN)
def test_the_keys_own_user_may_always_be_named(naming: Naming, name: str) -> None:
    binding.check(SNAPSHOT, replace(CALLER, naming=naming), [name])


@pytest.mark.req("P-21")
def test_whoever_bears_a_token_has_no_key_that_could_be_bound_otherwise() -> None:
    caller = replace(CALLER, key="okta:1")

    with pytest.raises(UserMismatch, match='`foreign_users = "tolerate"` under'):
        binding.check(SNAPSHOT, caller, ["bob"])


@pytest.mark.parametrize("naming", [Naming.KNOWN, Naming.REFUSE])
@pytest.mark.parametrize("name", OTHERS)
def test_another_user_of_the_tenant_may_not(naming: Naming, name: str) -> None:
    with pytest.raises(UserMismatch, match="--foreign-users tolerate") as refusal:
        binding.check(SNAPSHOT, replace(CALLER, naming=naming), [name])

    assert (refusal.value.status, refusal.value.param) == (403, "user")


@pytest.mark.parametrize("name", STRANGERS)
def test_what_nobody_of_the_tenant_is_called_passes_by_default(name: str) -> None:
    binding.check(SNAPSHOT, CALLER, [name])


@pytest.mark.parametrize("name", STRANGERS)
def test_the_strict_rule_refuses_that_too(name: str) -> None:
    with pytest.raises(UserMismatch):
        binding.check(SNAPSHOT, replace(CALLER, naming=Naming.REFUSE), [name])


def test_of_several_names_each_is_looked_at() -> None:
    with pytest.raises(UserMismatch):
        binding.check(SNAPSHOT, CALLER, ["anna", "bob"])


@pytest.mark.parametrize(
    ("named", "end_user"),
    [(["anna"], None), (["bob"], "bob"), (["anna", "x"], "x"), (["a\x00b\n"], "ab"), (["\x00"], None)],
)  # fmt: skip
def test_where_it_is_tolerated_it_is_written_down(named: list[str], end_user: str | None) -> None:
    caller = replace(CALLER, naming=Naming.TOLERATE)

    binding.check(SNAPSHOT, caller, named)

    assert binding.end_user(caller, named) == end_user


@pytest.mark.parametrize("naming", [Naming.KNOWN, Naming.REFUSE])
def test_elsewhere_nothing_is_written_down(naming: Naming) -> None:
    assert binding.end_user(replace(CALLER, naming=naming), ["x"]) is None


@given(st.lists(st.text(max_size=300), max_size=3))
def test_what_is_written_down_is_short_and_can_be_shown(named: list[str]) -> None:
    tag = binding.end_user(replace(CALLER, naming=Naming.TOLERATE), named)

    assert tag is None or (0 < len(tag) <= binding.LONGEST_TAG and tag.isprintable())


def test_of_a_long_name_its_beginning_is_written_down() -> None:
    caller = replace(CALLER, naming=Naming.TOLERATE)

    assert binding.end_user(caller, ["x" * 201]) == "x" * 200
