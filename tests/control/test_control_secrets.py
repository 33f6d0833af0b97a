"""Secrets of providers in the store: set, wrapped anew, removed, and never told."""

from __future__ import annotations

from pathlib import Path

import pytest

from stores import NOW, Store
from tollhouse.config import Settings, load, parse
from tollhouse.config.secrets import MAX_BYTES, StoredSecret
from tollhouse.control import secrets, vault
from tollhouse.domain.errors import FieldInvalid, InUse, UpstreamSecretUnavailable
from tollhouse.domain.storing import Conflict
from tollhouse.storage import snapshots
from tollhouse.storage.envelopes import Wrapping

pytestmark = pytest.mark.req("S-61", "P-37", "S-28")

CANARY = "sk-canary-0123456789abcdef"
BEFORE, BOTH = Wrapping(1, {1: b"o" * 32}), Wrapping(2, {1: b"o" * 32, 2: b"n" * 32})


async def test_nothing_that_is_stored_is_the_secret(store: Store) -> None:
    await secrets.put(store, BEFORE, "openai", CANARY, NOW)

    ((row,),) = [await store.read("SELECT * FROM secrets")]
    (kept,) = await secrets.listed(store, BEFORE)

    assert CANARY not in repr(row) + repr(kept)
    assert CANARY.encode().hex() not in repr(row)
    assert (kept.row.version, kept.flaw) == (1, "")


async def test_to_set_it_anew_is_another_version_and_raises_the_revision(store: Store) -> None:
    await secrets.put(store, BEFORE, "openai", CANARY, NOW)
    before = await snapshots.revision(store)

    row = await secrets.put(store, BEFORE, "openai", CANARY + "2", NOW + 1)

    assert row.version == 2
    assert BEFORE.open(secrets.envelope(row)) == CANARY + "2"
    assert await snapshots.revision(store) > before


async def test_all_are_wrapped_by_the_current_key_and_one_that_does_not_open_is_named(
    store: Store,
) -> None:
    for name in ("anthropic", "broken", "openai"):
        await secrets.put(store, BEFORE, name, CANARY, NOW)
    await store.write(("UPDATE secrets SET sealed = $1 WHERE name = $2", ("00", "broken")))

    done = await secrets.rewrap(store, BOTH)
    again = await secrets.rewrap(store, BOTH)

    assert [(each.row.name, bool(each.flaw)) for each in done] == [
        *(("anthropic", False), ("broken", True), ("openai", False)),
    ]
    assert [each.row.name for each in again] == ["broken"]
    rows = {each.row.name: each for each in await secrets.listed(store, BOTH)}
    assert (rows["openai"].row.key_version, rows["openai"].flaw) == (2, "")
    assert rows["broken"].row.key_version == 1


async def test_one_that_is_set_meanwhile_is_not_wrapped_over(store: Store) -> None:
    old = await secrets.put(store, BEFORE, "openai", CANARY, NOW)
    await secrets.put(store, BOTH, "openai", CANARY + "2", NOW)

    from tollhouse.storage import secrets as rows

    assert not await rows.rewrap(store, old, old)
    assert not await rows.replace(store, old, old.version)
    (kept,) = await secrets.listed(store, BOTH)
    assert BOTH.open(secrets.envelope(kept.row)) == CANARY + "2"


@pytest.mark.parametrize("value", ["", " x", "two\nlines", "changeme", "a" * 40, "x" * 70_000])
async def test_what_protects_nothing_is_not_kept(sqlite: Store, value: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        await secrets.put(sqlite, BEFORE, "openai", value, NOW)

    assert not value.strip() or value not in refused.value.detail
    assert await secrets.listed(sqlite, BEFORE) == []


@pytest.mark.parametrize("name", ["", "Open", "a/b", "-x", "x" * 65])
async def test_a_name_is_plain(sqlite: Store, name: str) -> None:
    with pytest.raises(FieldInvalid):
        await secrets.put(sqlite, BEFORE, name, CANARY, NOW)


async def test_one_that_a_setting_names_is_not_removed(sqlite: Store, tmp_path: Path) -> None:
    wanted = settings(tmp_path)
    for name in ("openai", "other"):
        await secrets.put(sqlite, BEFORE, name, CANARY, NOW)

    with pytest.raises(InUse, match=r"providers\.up\.key"):
        await secrets.remove(sqlite, wanted, "openai")
    await secrets.remove(sqlite, wanted, "other")
    with pytest.raises(Conflict):
        await secrets.remove(sqlite, wanted, "other")

    assert [each.row.name for each in await secrets.listed(sqlite, BEFORE)] == ["openai"]


async def test_without_a_key_nothing_is_wrapped_and_nobody_knows_what_opens(sqlite: Store) -> None:
    await secrets.put(sqlite, BEFORE, "openai", CANARY, NOW)

    with pytest.raises(Conflict, match="openssl rand"):
        secrets.wrapping(parse("", {}))
    (kept,) = await secrets.listed(sqlite, None)
    assert kept.flaw == "the settings name no key for it"


async def test_where_nothing_of_the_store_is_wanted_no_key_is_needed(sqlite: Store) -> None:
    assert await vault.opened(parse("", {}), sqlite) is None


async def test_a_row_that_somebody_changed_is_no_envelope(sqlite: Store) -> None:
    await secrets.put(sqlite, BEFORE, "openai", CANARY, NOW)
    await sqlite.write(("UPDATE secrets SET sealed = $1", ("no hex",)))

    (kept,) = await secrets.listed(sqlite, BEFORE)

    assert "no envelope" in kept.flaw


async def test_a_secret_may_have_64_kib(sqlite: Store) -> None:
    most = "x1" * (MAX_BYTES // 2)

    row = await secrets.put(sqlite, BEFORE, "openai", most, NOW)

    assert BEFORE.open(secrets.envelope(row)) == most
    with pytest.raises(FieldInvalid, match="larger"):
        await secrets.put(sqlite, BEFORE, "openai", most + "x", NOW)


async def test_of_two_who_set_it_at_once_one_is_told_so(sqlite: Store) -> None:
    await secrets.put(sqlite, BEFORE, "openai", CANARY, NOW)

    class Meanwhile:
        """The store, in which somebody else is quicker."""

        def __getattr__(self, name: str) -> object:
            return getattr(sqlite, name)

        async def write(self, *statements: object) -> list[int]:
            await sqlite.write(("UPDATE secrets SET version = version + 1", ()))
            return await sqlite.write(*statements)  # type: ignore[arg-type]

    with pytest.raises(Conflict, match="at the same time"):
        await secrets.put(Meanwhile(), BEFORE, "openai", CANARY + "2", NOW)  # type: ignore[arg-type]


async def test_without_one_that_is_wanted_nothing_starts(sqlite: Store, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="tollhouse secrets set openai"):
        await vault.opened(settings(tmp_path), sqlite)


async def test_one_that_does_not_open_keeps_the_start_back_and_is_named_with_its_key(
    sqlite: Store, tmp_path: Path
) -> None:
    await secrets.put(sqlite, BEFORE, "openai", CANARY, NOW)

    with pytest.raises(Conflict, match=r"'openai': it does not open with the key of version 1"):
        await vault.opened(settings(tmp_path), sqlite)


async def test_what_is_set_while_it_serves_holds_and_what_breaks_is_used_no_further(
    sqlite: Store, tmp_path: Path
) -> None:
    wanted = settings(tmp_path)
    wrap, secret = secrets.wrapping(wanted), wanted.providers["up"].key
    assert isinstance(secret, StoredSecret)
    await secrets.put(sqlite, wrap, "openai", CANARY, NOW)
    kept = await vault.opened(wanted, sqlite)
    assert kept is not None
    seen = [secret.reveal()]

    await secrets.put(sqlite, wrap, "openai", CANARY + "2", NOW)
    await kept.follow()
    seen.append(secret.reveal())
    await sqlite.write(("UPDATE secrets SET sealed = $1", ("00",)))
    await kept.follow()

    assert seen == [CANARY, CANARY + "2"]
    with pytest.raises(UpstreamSecretUnavailable):
        secret.reveal()
    assert CANARY not in f"{secret} {secret!r}"


async def test_one_secret_may_be_that_of_several_providers(sqlite: Store, tmp_path: Path) -> None:
    wanted = settings(tmp_path, '[providers.too]\nkind = "openai"\nkey = "store:openai"\n')
    wrap = secrets.wrapping(wanted)
    await secrets.put(sqlite, wrap, "openai", CANARY, NOW)

    kept = await vault.opened(wanted, sqlite)

    assert kept is not None
    assert revealed(wanted) == [CANARY, CANARY]
    await secrets.put(sqlite, wrap, "openai", CANARY + "2", NOW)
    await kept.follow()
    assert revealed(wanted) == [CANARY + "2", CANARY + "2"]


async def test_what_is_wrong_while_it_serves_is_told_when_it_happens_and_not_again(
    sqlite: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = settings(tmp_path)
    await secrets.put(sqlite, secrets.wrapping(wanted), "openai", CANARY, NOW)
    kept = await vault.opened(wanted, sqlite)
    assert kept is not None

    await sqlite.write(("DELETE FROM secrets", ()))
    await kept.follow()
    await kept.follow()

    (told,) = caplog.messages
    assert "tollhouse secrets set openai" in told


def revealed(wanted: Settings) -> list[str]:
    return [each.reveal() for _, each in secrets.stored(wanted)]


def settings(directory: Path, more: str = "") -> Settings:
    file = directory / "tollhouse.toml"
    file.write_text(
        f'data_dir = "{directory}"\n[vault]\nkeys = {{ 1 = "env:VAULT" }}\n'
        '[providers.up]\nkind = "openai"\nkey = "store:openai"\n' + more
    )
    return load(file, {"VAULT": "1f0c91ab" * 8})
