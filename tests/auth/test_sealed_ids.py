from __future__ import annotations

import base64
import string
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.auth.sealed_ids import LONGEST, SealedIds
from tollhouse.domain.errors import StateUnknown
from tollhouse.domain.homes import Home, Thought, unmarked

PEPPER, OTHER = b"p" * 32, b"q" * 32
THOUGHT = Thought("up", "gAAAAABo/+==")
HOME = Home("up:m-real", "resp_0123456789abcdef", 4711)
SEALS = SealedIds(1, {1: PEPPER})
DIGITS = string.ascii_letters + string.digits + "-_"

pytestmark = pytest.mark.req("R-6", "P-2")


@given(st.text(max_size=80), st.text(max_size=80), st.integers(0, 2**53), st.text(max_size=30))
def test_what_was_sealed_opens_at_every_replica_with_the_same_pepper(
    target: str, known_as: str, tokens: int, tenant: str
) -> None:
    home = Home(target, known_as, tokens)

    sealed = SEALS.seal(home, tenant)

    assert SealedIds(1, {1: PEPPER}).open(sealed, tenant) == home
    assert sealed.startswith("resp_")
    assert sealed.isascii()


def test_an_id_says_nothing_of_where_it_leads_and_is_never_the_same() -> None:
    sealed = SEALS.seal(HOME, "acme")

    inside = base64.urlsafe_b64decode(sealed.removeprefix("resp_") + "==")
    assert not any(part in inside for part in (b"m-real", b"0123456789abcdef", b"acme", b"4711"))
    assert SEALS.seal(HOME, "acme") != sealed


@pytest.mark.parametrize("tenant", ["acm", "Acme", "acme ", "", "umbrella"])
def test_to_another_tenant_an_id_opens_nothing(tenant: str) -> None:
    with pytest.raises(StateUnknown):
        SEALS.open(SEALS.seal(HOME, "acme"), tenant)


def test_an_id_that_was_changed_or_cut_anywhere_opens_nothing() -> None:
    sealed = SEALS.seal(HOME, "acme")
    for at in range(len(sealed)):
        for forged in (
            sealed[:at],
            sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :],
            sealed[:at] + "=" + sealed[at:],
            sealed[:at] + "\n" + sealed[at:],
        ):
            with pytest.raises(StateUnknown):
                SEALS.open(forged, "acme")


def test_an_id_has_one_spelling() -> None:
    """Else one id would be many, to whoever counts or remembers them."""
    sealed = next(it for it in iter(_of_each_length()) if len(it.removeprefix("resp_")) % 4 == 2)
    raw = _decoded(sealed)
    spellings = [sealed[:-1] + last for last in DIGITS if _decoded(sealed[:-1] + last) == raw]

    assert len(spellings) == 16
    for other in {*spellings, sealed.removeprefix("resp_")} - {sealed}:
        with pytest.raises(StateUnknown):
            SEALS.open(other, "acme")


def test_an_id_is_as_long_as_it_may_be_and_no_longer() -> None:
    lengths = {len(it): it for it in _of_each_length(range(1400, 1520))}
    longer = min(length for length in lengths if length > LONGEST)

    assert SEALS.open(lengths[LONGEST], "acme").id == HOME.id
    with pytest.raises(StateUnknown):
        SEALS.open(lengths[longer], "acme")


def _of_each_length(sizes: Iterable[int] = range(3)) -> Iterator[str]:
    for size in sizes:
        yield SEALS.seal(Home("t" * size, HOME.id, HOME.tokens), "acme")


def _decoded(sealed: str) -> bytes:
    return base64.urlsafe_b64decode(sealed.removeprefix("resp_") + "==")


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "resp_",
        "resp_1",
        "resp_0123456789abcdef" * 3,
        "r\u00e9sp_x",
        "resp_" + "A" * LONGEST,
        "x" * 60,
    ],
)
def test_what_was_never_sealed_opens_nothing(foreign: str) -> None:
    with pytest.raises(StateUnknown) as refused:
        SEALS.open(foreign, "acme")

    assert refused.value.param == "previous_response_id"


def test_under_a_new_pepper_old_ids_open_until_the_old_one_is_withdrawn() -> None:
    old = SEALS.seal(HOME, "acme")
    both = SealedIds(2, {1: PEPPER, 2: OTHER})

    assert both.open(old, "acme") == both.open(both.seal(HOME, "acme"), "acme") == HOME
    for later in (SealedIds(2, {2: OTHER}), SealedIds(1, {1: OTHER})):
        with pytest.raises(StateUnknown):
            later.open(old, "acme")


@given(st.text(max_size=40), st.text(max_size=80), st.text(max_size=30))
def test_a_thought_is_marked_alike_each_time_and_leads_home_at_every_replica(
    provider: str, text: str, tenant: str
) -> None:
    thought = Thought(provider, text)

    marked = SEALS.mark(thought, tenant)

    other = SealedIds(1, {1: PEPPER})
    assert (other.unmark(marked, tenant), other.mark(thought, tenant)) == (thought, marked)
    assert unmarked(marked) == text


@pytest.mark.parametrize("tenant", ["acm", "Acme", "acme ", "", "umbrella", "=acme"])
def test_to_another_tenant_a_thought_is_nothing(tenant: str) -> None:
    with pytest.raises(StateUnknown) as refused:
        SEALS.unmark(SEALS.mark(THOUGHT, "acme"), tenant)

    assert refused.value.param == "encrypted_content"


def test_a_mark_says_nothing_of_where_it_leads_and_fits_its_own_thought_alone() -> None:
    marked = SEALS.mark(Thought("the-provider", "gAAAA"), "acme")

    mark, dot, _ = marked.partition(".")
    assert b"provider" not in base64.urlsafe_b64decode(mark.removeprefix("thr_") + "==")
    for at in range(len(marked) + 1):
        for forged in (
            marked[:at],
            marked[:at] + "!" + marked[at:],
            marked[:at] + marked[at + 1 :],
        ):
            if forged != marked:
                with pytest.raises(StateUnknown):
                    SEALS.unmark(forged, "acme")
    for text in ("", "gAAAB", "gAAAA ", marked):
        with pytest.raises(StateUnknown):
            SEALS.unmark(mark + dot + text, "acme")


@pytest.mark.parametrize(
    "foreign", ["", ".", "thr_", "thr_.x", "gAAAAABo", "tollhouse:{}", "thr_" + "A" * 60, "\ud800"]
)
def test_what_bears_no_mark_of_ours_opens_nothing(foreign: str) -> None:
    for tenant in ("", "acme"):
        with pytest.raises(StateUnknown):
            SEALS.unmark(foreign, tenant)


def test_under_a_new_pepper_old_marks_open_until_the_old_one_is_withdrawn() -> None:
    old = SEALS.mark(THOUGHT, "acme")
    both = SealedIds(2, {1: PEPPER, 2: OTHER})

    assert both.unmark(old, "acme") == both.unmark(both.mark(THOUGHT, "acme"), "acme") == THOUGHT
    with pytest.raises(StateUnknown):
        SealedIds(2, {2: OTHER}).unmark(old, "acme")
