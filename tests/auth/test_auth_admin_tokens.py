"""What an operator shows is proved by its MAC, and refused by the codes of a key."""

from __future__ import annotations

import pytest

from tollhouse.auth.admin_tokens import AdminTokens
from tollhouse.domain.admin_tokens import assemble
from tollhouse.domain.errors import KeyExpired, KeyMalformed, KeyUnknown
from tollhouse.domain.snapshot import Names, Snapshot

NOW = 1_700_000_000.0
ID = "a1b2c3d4e5f6"
PEPPER = b"p" * 32
TOKENS = AdminTokens({1: PEPPER})
SNAPSHOT = Snapshot(1, {}, Names({}, (), {}), {})
LATER = int(NOW) + 60


@pytest.mark.req("S-22")
def test_who_shows_a_token_of_ours_is_an_operator_without_accounts() -> None:
    operator = TOKENS.identify(assemble(1, PEPPER, ID, LATER), SNAPSHOT, NOW)

    assert (operator.key, operator.tenant, operator.models) == (ID, "", ())


@pytest.mark.req("S-22", "H-83")
@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        ("tha_", KeyMalformed),
        (assemble(1, b"q" * 32, ID, LATER), KeyUnknown),
        (assemble(2, PEPPER, ID, LATER), KeyUnknown),
        (assemble(1, PEPPER, ID, int(NOW)), KeyExpired),
    ],
    ids=["no token", "another pepper", "a pepper that is not there", "too old"],
)
def test_what_is_no_token_of_ours_is_refused(token: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        TOKENS.identify(token, SNAPSHOT, NOW)
