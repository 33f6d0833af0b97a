from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stores import acme_key
from tollhouse.config import Settings, parse
from tollhouse.control import peppers
from tollhouse.domain.storing import Conflict
from tollhouse.storage.sqlite import SqliteDatabase


@pytest.mark.req("B-7")
async def test_a_pepper_is_made_once_for_its_owner_alone(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    settings = _settings(tmp_path)

    first = await peppers.opened(settings, sqlite)
    second = await peppers.opened(settings, sqlite)

    path = peppers.pepper_path(settings)
    assert first == second
    assert len(first.versions[1]) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir() if "pepper" in entry.name] == ["pepper"]


async def test_a_pepper_that_is_gone_is_not_replaced_under_existing_keys(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    await acme_key(sqlite)

    with pytest.raises(Conflict, match="put it back"):
        await peppers.opened(_settings(tmp_path), sqlite)


async def test_peppers_of_the_settings_come_by_version(sqlite: SqliteDatabase) -> None:
    old, new = "0a" * 16 + "1b" * 8, "2c" * 16 + "3d" * 8
    text = '[auth]\npepper_version = 2\npeppers = {1 = "env:OLD", 2 = "env:NEW"}'

    found = await peppers.opened(parse(text, {"OLD": old, "NEW": new}), sqlite)

    assert found.current == 2
    assert found.versions == {1: old.encode(), 2: new.encode()}
    assert new not in repr(found)


def test_of_many_that_start_together_one_makes_the_pepper(tmp_path: Path) -> None:
    path = tmp_path / "new" / "pepper"

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(peppers.kept, [path] * 8))

    assert len(set(made)) == 1


def _settings(directory: Path) -> Settings:
    return parse(f'data_dir = "{directory}"', {})
