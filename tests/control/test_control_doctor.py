from __future__ import annotations

from pathlib import Path

from stores import DAY_MS, NOW, PEPPERS, acme_key, hold, settle
from tollhouse.config import Settings, parse
from tollhouse.control import keys, peppers
from tollhouse.control.doctor import Health, Sign, examine, is_unsafe
from tollhouse.control.keys import Wish
from tollhouse.domain.budget import Outcome
from tollhouse.storage.sqlite import SqliteDatabase

ECHO = '[providers.echo]\nkind = "echo"\n[models.small]\ntargets = ["echo:echo"]\n'


async def test_a_new_house_is_safe(sqlite: SqliteDatabase, tmp_path: Path) -> None:
    signs = await examine(_settings(tmp_path), sqlite, NOW)

    assert not is_unsafe(signs)


async def test_everything_that_is_not_well_says_what_mends_it(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    key = await acme_key(sqlite)
    await keys.issue(sqlite, PEPPERS, Wish("acme", "endless", expires_in_s=None), NOW)
    await hold(sqlite, key, "c1", 900)
    await settle(sqlite, "c1", 0, Outcome.UNKNOWN)
    settings = _settings(tmp_path, "[server]\nworkers = 2\n" + ECHO)

    signs = await examine(settings, sqlite, NOW + 31 * DAY_MS)

    ill = [sign for sign in signs if sign.health is not Health.OK]
    assert all(sign.mend for sign in ill)
    assert [sign.about for sign in ill] == ["limits", "holds", "keys", "keys", "prices"]


async def test_a_balance_that_differs_from_its_calls_is_unsafe(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    await acme_key(sqlite)
    await sqlite.write(("UPDATE accounts SET held = 7 WHERE owner = $1", ("tenant:acme",)))

    signs = await examine(_settings(tmp_path), sqlite, NOW)

    assert _of(signs, "balances").health is Health.UNSAFE


async def test_a_pepper_that_others_can_read_is_unsafe(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    settings = _settings(tmp_path)
    await peppers.opened(settings, sqlite)
    peppers.pepper_path(settings).chmod(0o644)

    pepper = _of(await examine(settings, sqlite, NOW), "pepper")

    assert (pepper.health, pepper.mend) == (Health.UNSAFE, f"chmod 600 {tmp_path / 'pepper'}")


async def test_a_store_without_its_schema_is_unsafe(tmp_path: Path) -> None:
    empty = SqliteDatabase(tmp_path / "empty.db")

    signs = await examine(_settings(tmp_path), empty, NOW)
    await empty.close()

    assert _of(signs, "schema").mend == "tollhouse migrate"
    assert is_unsafe(signs)


async def test_an_audit_log_that_is_gone_is_unsafe(sqlite: SqliteDatabase, tmp_path: Path) -> None:
    await sqlite.write(
        ("INSERT INTO audit_heads VALUES ($1, $2, $3, $4)", ("w0", 5, "ab" * 32, NOW))
    )

    signs = await examine(_settings(tmp_path), sqlite, NOW)

    assert _of(signs, "audit").health is Health.UNSAFE


def _settings(directory: Path, more: str = "") -> Settings:
    return parse(f'data_dir = "{directory}"\n{more}', {})


def _of(signs: list[Sign], about: str) -> Sign:
    (found,) = [sign for sign in signs if sign.about == about]
    return found
