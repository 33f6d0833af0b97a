"""An operator's token is proved by its MAC and its hour, and by nothing that is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.admin_tokens import LONGEST_S, TokenRefused, assemble, claims_of, proved

NOW = 1_800_000_000
PEPPERS = {1: b"p" * 32, 2: b"q" * 32}
TOKEN = assemble(2, PEPPERS[2], "0Ab1Cd2Ef3Gh", NOW + 900)

pytestmark = pytest.mark.req("B-23", "S-52")


def test_a_token_gives_its_id_until_its_hour() -> None:
    assert proved(TOKEN, PEPPERS, NOW) == "0Ab1Cd2Ef3Gh"
    assert proved(TOKEN, PEPPERS, NOW + 899.9) == "0Ab1Cd2Ef3Gh"


def test_a_token_is_refused_from_its_hour_on() -> None:
    with pytest.raises(TokenRefused, match="expired"):
        proved(TOKEN, PEPPERS, NOW + 900)


def test_a_token_that_would_live_longer_than_any_is_refused() -> None:
    endless = assemble(1, PEPPERS[1], "0Ab1Cd2Ef3Gh", NOW + LONGEST_S + 1)

    with pytest.raises(TokenRefused, match="expired"):
        proved(endless, PEPPERS, NOW)


def test_a_token_under_a_pepper_that_was_withdrawn_is_refused() -> None:
    with pytest.raises(TokenRefused, match="unknown"):
        proved(TOKEN, {1: PEPPERS[1]}, NOW)


def test_a_token_under_a_pepper_of_zeros_is_refused_where_there_is_none() -> None:
    forged = assemble(7, bytes(32), "0Ab1Cd2Ef3Gh", NOW + 900)

    with pytest.raises(TokenRefused, match="unknown"):
        proved(forged, PEPPERS, NOW)


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_a_token_of_which_one_character_is_another_is_refused(place: int, other: str) -> None:
    changed = TOKEN[:place] + other + TOKEN[place + 1 :]
    if changed == TOKEN:
        return

    with pytest.raises(TokenRefused):
        proved(changed, PEPPERS, NOW)


@pytest.mark.parametrize("packed", ["?", "A", "bnVsbA", "W10", "WyJhIiwieCIsImhvdXNlIl0"])
def test_claims_that_are_none_open_nothing(packed: str) -> None:
    """Not base64, cut, `null`, an empty list, a role that there is not."""
    with pytest.raises(TokenRefused, match="malformed"):
        claims_of(f"tha_1_0Ab1Cd2Ef3Gh_1800000900_{packed}_mac")


@given(st.text())
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(TokenRefused, match="malformed"):
        proved(text, PEPPERS, NOW)
