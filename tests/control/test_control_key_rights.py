"""What is said of a key holds in the next snapshot, and nothing else of it changes."""

from __future__ import annotations

import pytest

from stores import acme_key
from tollhouse.control import budgets, granting, key_rights, keys
from tollhouse.control.budgets import Scope
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.identity import KeyRecord, Naming, Priority
from tollhouse.domain.snapshot import Names
from tollhouse.domain.storing import Conflict
from tollhouse.storage import snapshots
from tollhouse.storage.sqlite import SqliteDatabase

THUMBPRINT, PROOF_KEY = "ab" * 32, "A" * 43


async def record(store: SqliteDatabase, key: str) -> KeyRecord:
    return (await snapshots.load(store, Names({}), requires_price=True)).keys[key]


async def test_who_is_first_when_there_is_too_much_to_do_is_said_of_the_key(
    sqlite: SqliteDatabase,
) -> None:
    key = (await acme_key(sqlite)).id

    await key_rights.set_priority(sqlite, key, Priority.HIGH)

    assert (await record(sqlite, key)).principal.priority is Priority.HIGH


async def test_what_an_exempt_key_costs_counts_on_no_account(sqlite: SqliteDatabase) -> None:
    key = (await acme_key(sqlite)).id

    await key_rights.set_exempt(sqlite, key, is_exempt=True)

    assert all(account < 0 for account in (await record(sqlite, key)).principal.accounts)
    await key_rights.set_exempt(sqlite, key, is_exempt=False)
    assert all(account > 0 for account in (await record(sqlite, key)).principal.accounts)


async def test_a_conversation_may_come_to_so_much(sqlite: SqliteDatabase) -> None:
    key = (await acme_key(sqlite)).id

    await key_rights.set_ceiling(sqlite, key, 5)

    assert (await record(sqlite, key)).principal.conversation_limit == 5
    await key_rights.set_ceiling(sqlite, key, None)
    assert (await record(sqlite, key)).principal.conversation_limit is None


@pytest.mark.req("B-25")
async def test_whom_its_calls_may_name_is_said_of_the_key(sqlite: SqliteDatabase) -> None:
    key = (await acme_key(sqlite)).id

    await key_rights.bind(sqlite, key, Naming.REFUSE)

    assert (await record(sqlite, key)).principal.naming is Naming.REFUSE


@pytest.mark.req("B-21")
async def test_where_and_what_for_are_bound_each_by_itself(sqlite: SqliteDatabase) -> None:
    key = (await acme_key(sqlite)).id

    await key_rights.confine(sqlite, key, networks=["10.0.0.0/8"])
    row = await key_rights.confine(sqlite, key, purposes=["chat"])

    assert (row.networks, row.purposes) == (("10.0.0.0/8",), ("chat",))
    assert await key_rights.confine(sqlite, key, networks=["10.0.0.0/8"]) == row
    bounds = (await record(sqlite, key)).principal.bounds
    assert bounds is not None
    assert [str(each) for each in bounds.networks] == ["10.0.0.0/8"]
    freed = await key_rights.confine(sqlite, key, networks=[], purposes=[])
    assert (freed.networks, freed.purposes) == ((), ())
    assert (await record(sqlite, key)).principal.bounds is None


@pytest.mark.req("B-21", "P-37")
async def test_what_is_shown_and_what_is_proved_are_bound_each_by_itself(
    sqlite: SqliteDatabase,
) -> None:
    key = (await acme_key(sqlite)).id

    await key_rights.constrain(sqlite, key, certificates=[THUMBPRINT])
    row = await key_rights.constrain(sqlite, key, proof_key=PROOF_KEY)

    assert (row.certificates, row.proof_key) == ((THUMBPRINT,), PROOF_KEY)
    assert await key_rights.constrain(sqlite, key, certificates=[THUMBPRINT]) == row
    bounds = (await record(sqlite, key)).principal.bounds
    assert bounds is not None
    assert (bounds.certificates, bounds.proof_key) == ({THUMBPRINT}, PROOF_KEY)
    freed = await key_rights.constrain(sqlite, key, certificates=[], proof_key="")
    assert (freed.certificates, freed.proof_key) == ((), "")


async def test_nobody_is_allowed_anything_who_is_not_here(sqlite: SqliteDatabase) -> None:
    with pytest.raises(Conflict, match="no user"):
        await granting.allow(sqlite, "acme/nobody", ["m"])


async def test_nothing_is_said_of_a_key_that_is_not_here(sqlite: SqliteDatabase) -> None:
    with pytest.raises(Conflict, match="no key"):
        await key_rights.set_priority(sqlite, "thk_nobody", Priority.LOW)


async def test_grants_that_were_changed_meanwhile_are_not_written_over(
    sqlite: SqliteDatabase,
) -> None:
    key = (await acme_key(sqlite, models=("a",))).id

    class Meanwhile:
        """The store, in which somebody else is quicker."""

        def __getattr__(self, name: str) -> object:
            return getattr(sqlite, name)

        async def write(self, *statements: object) -> list[int]:
            await sqlite.write(("UPDATE keys SET models = '[\"b\"]' WHERE id = $1", (key,)))
            return await sqlite.write(*statements)  # type: ignore[arg-type]

    with pytest.raises(Conflict, match="at the same time"):
        await key_rights.grant(Meanwhile(), key, ["c"])  # type: ignore[arg-type]

    assert (await keys.shown(sqlite, key)).models == ("b",)


@pytest.mark.parametrize("scope", [Scope(), Scope("openai", "m")], ids=repr)
async def test_a_budget_is_narrowed_to_one_thing(sqlite: SqliteDatabase, scope: Scope) -> None:
    await acme_key(sqlite)

    with pytest.raises(FieldInvalid):
        await budgets.narrow(sqlite, "tenant:acme", scope)
