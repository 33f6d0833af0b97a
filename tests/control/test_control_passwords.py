"""Logging in: one proof and one answer whatever is wrong; and what a new password takes back."""

from __future__ import annotations

import pytest

from stores import NOW, PEPPERS
from tollhouse.control import keys, members, own_tokens, passwords, tenancy
from tollhouse.control.keys import Wish
from tollhouse.domain.errors import FieldInvalid, LoginFailed
from tollhouse.domain.operations import Role
from tollhouse.domain.passwords import Kept, Proved
from tollhouse.domain.roles import HOUSE, Actor, Grant
from tollhouse.domain.storing import Conflict
from tollhouse.storage import people
from tollhouse.storage.sqlite import SqliteDatabase as Store
from tollhouse.storage.tenancy import Kind

PASSWORD = "correct horse battery"
HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
pytestmark = pytest.mark.req("OP-6", "OP-10")


class Proving:
    """Counts proofs. A password is kept as it is."""

    def __init__(self) -> None:
        self.done: list[Kept | None] = []
        self.renewed: Kept | None = None

    @staticmethod
    def keep(password: str) -> Kept:
        return Kept(password, 1)

    async def __call__(self, password: str, kept: Kept | None) -> Proved:
        self.done.append(kept)
        holds = kept is not None and kept.text == password
        return Proved(holds, self.renewed if holds else None)


@pytest.fixture
async def house(sqlite: Store) -> Store:
    """Anna has a password, Bert had one and is disabled, Carl never had one."""
    await tenancy.create_tenant(sqlite, "main", NOW)
    for name in ("anna", "bert", "carl"):
        await tenancy.create_user(sqlite, "main", name, NOW)
    for name in ("anna", "bert"):
        await given(sqlite, f"main/{name}")
    await tenancy.set_disabled(sqlite, Kind.USER, "main/bert", is_disabled=True)
    return sqlite


async def given(store: Store, user: str, password: str = PASSWORD, at_ms: int = NOW) -> None:
    known = frozenset({"password"})
    await passwords.set_password(store, Proving.keep, known, user, password, 3600, at_ms)


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("main/anna", "wrong horse battery"),
        ("main/bert", PASSWORD),
        ("main/carl", PASSWORD),
        ("main/nobody", PASSWORD),
        ("other/anna", PASSWORD),
        ("main/\0", PASSWORD),
        ("main/anna/x", PASSWORD),
        ("main/' OR 1=1 --", PASSWORD),
    ],
)
async def test_whatever_is_wrong_one_proof_is_done_and_the_same_is_told(
    house: Store, user: str, password: str
) -> None:
    prove = Proving()

    with pytest.raises(LoginFailed) as refused:
        await passwords.log_in(house, prove, user, password, NOW + 5_000)

    assert len(prove.done) == 1
    assert refused.value.detail == LoginFailed.title


async def test_a_login_is_good_from_then_on_and_the_user_shows_when_it_was(house: Store) -> None:
    since_s = await passwords.log_in(house, Proving(), "main/anna", PASSWORD, NOW + 5_000)

    assert since_s == NOW // 1000 + 5
    anna = (await tenancy.members(house, Kind.USER, "main"))[0]
    assert (anna.password_set_at_ms, anna.last_login_at_ms) == (NOW, NOW + 5_000)


async def test_a_new_password_takes_back_what_the_old_one_let_in_and_nothing_that_comes_after(
    house: Store,
) -> None:
    await given(house, "main/anna", "another horse battery", NOW + 9_500)

    with pytest.raises(LoginFailed):
        await passwords.log_in(house, Proving(), "main/anna", PASSWORD, NOW + 9_600)
    since_s = await passwords.log_in(
        house, Proving(), "main/anna", "another horse battery", NOW + 9_700
    )

    (taken,) = [each for each in await people.revocations(house) if each.subject == "main/anna"]
    assert since_s > taken.at_ms // 1000 == NOW // 1000 + 9


async def test_a_password_kept_in_an_old_way_is_kept_anew_at_the_login(house: Store) -> None:
    prove = Proving()
    prove.renewed = Kept("as it is kept now", 2)

    await passwords.log_in(house, prove, "main/anna", PASSWORD, NOW)

    rows = await house.read("SELECT password, pepper FROM passwords WHERE user_id = 'main/anna'")
    assert rows == [("as it is kept now", 2)]


async def test_a_login_does_not_undo_a_password_that_was_set_meanwhile(house: Store) -> None:
    class Slow(Proving):
        async def __call__(self, password: str, kept: Kept | None) -> Proved:
            proved = await super().__call__(password, kept)
            await given(house, "main/anna", "another horse battery", NOW + 1_000)
            return proved

    slow = Slow()
    slow.renewed = Kept("the old one, kept anew", 2)
    await passwords.log_in(house, slow, "main/anna", PASSWORD, NOW + 500)

    rows = await house.read("SELECT password FROM passwords WHERE user_id = 'main/anna'")
    assert rows == [("another horse battery",)]


@pytest.mark.parametrize("password", ["", "short", "password1234", "main/anna"])
async def test_a_password_that_anybody_would_guess_is_not_kept(house: Store, password: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        await given(house, "main/carl", password)

    assert refused.value.param == "password"
    assert password == "" or password not in refused.value.detail
    assert await house.read("SELECT 1 FROM passwords WHERE user_id = 'main/carl'") == []


async def test_nobody_gets_a_password_who_is_not_here_or_stands_for_a_key(house: Store) -> None:
    await keys.issue(house, PEPPERS, Wish("main", "k"), NOW)
    (virtual,) = [it for it in await tenancy.members(house, Kind.USER, "main") if it.is_virtual]

    for user in ("main/nobody", "main", virtual.id):
        with pytest.raises(Conflict, match="there is no user"):
            await given(house, user)
        with pytest.raises(Conflict, match="there is no user"):
            await passwords.remove_password(house, user, 3600, NOW)


async def test_what_is_no_name_is_not_looked_for() -> None:
    class Deaf:
        """A store that must not be asked."""

    prove = Proving()

    with pytest.raises(LoginFailed):
        await passwords.log_in(Deaf(), prove, "main/\0", PASSWORD, NOW)  # type: ignore[arg-type]

    assert prove.done == [None]


@pytest.mark.parametrize(
    ("user", "told"),
    [("main/anna", "of main/anna"), ("main/carl", "of nobody who has a password")],
)
async def test_the_log_tells_apart_what_the_answer_does_not(
    house: Store, user: str, told: str
) -> None:
    with pytest.raises(LoginFailed) as refused:
        await passwords.log_in(house, Proving(), user, "wrong horse battery", NOW)

    assert refused.value.private == told


async def test_whose_tokens_were_never_taken_back_logs_in_as_well(house: Store) -> None:
    await house.write(("DELETE FROM revocations", ()))

    assert await passwords.log_in(house, Proving(), "main/anna", PASSWORD, NOW) == NOW // 1000


async def test_without_a_password_nobody_logs_in_any_more(house: Store) -> None:
    await passwords.remove_password(house, "main/anna", 3600, NOW)

    with pytest.raises(LoginFailed):
        await passwords.log_in(house, Proving(), "main/anna", PASSWORD, NOW + 5_000)


async def test_a_user_is_deleted_with_the_password(house: Store) -> None:
    await house.write(("DELETE FROM users WHERE id = $1", ("main/anna",)))

    assert await house.read("SELECT user_id FROM passwords") == [("main/bert",)]


@pytest.mark.req("OP-5")
@pytest.mark.parametrize(
    ("held", "role"),
    [
        ((), "user"),
        ((Role.READONLY,), "readonly"),
        ((Role.READONLY, Role.MEMBER), "user"),
        ((Role.FINANCE,), "user"),
        ((Role.READONLY, Role.ADMIN), "admin"),
        ((Role.OWNER,), "admin"),
    ],
)
async def test_a_token_says_what_its_user_is(
    house: Store, held: tuple[Role, ...], role: str
) -> None:
    places = ("house", "tenant:main")
    for place, each in zip(places, held, strict=False):
        await members.add(house, HOST, "main/anna", place, each, NOW)

    wish = own_tokens.Wish("main/anna", "default", ("*",), 60)
    claims = await own_tokens.claims_for(house, wish, 1_000)

    assert (claims["sub"], claims["username"], claims["role"]) == ("main/anna", "anna", role)
    assert claims["exp"] - claims["iat"] == 60
