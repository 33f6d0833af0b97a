from __future__ import annotations

import asyncio
import hashlib
import json
import stat
from pathlib import Path

from console import Console

from stores import acme_key, hold, settle
from tollhouse.storage.sqlite import SqliteDatabase


def test_an_export_has_every_row_and_says_so(console: Console) -> None:
    key = _used(console)
    directory = console.directory / "out"

    console.json("export", str(directory))

    manifest = json.loads((directory / "manifest.json").read_text())
    for name, about in manifest["files"].items():
        raw = (directory / name).read_bytes()
        assert (raw.count(b"\n"), hashlib.sha256(raw).hexdigest()) == (
            about["rows"],
            about["sha256"],
        )
    (call,) = _lines(directory / "calls.jsonl")
    assert (call["key_id"], call["owed"], call["state"]) == (key[4:16], 300, "settled")
    assert json.loads((directory / "settings.json").read_text())["models"]


def test_no_secret_is_in_it_and_nobody_else_reads_it(console: Console) -> None:
    key = _used(console)
    directory = console.directory / "out"

    console.run("export", str(directory))

    (digest,) = asyncio.run(_digests(console))
    text = "".join(file.read_text() for file in directory.iterdir())
    assert digest not in text
    assert key[16:48] not in text
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}


def test_what_lies_there_is_left_alone(console: Console) -> None:
    directory = console.directory / "out"
    directory.mkdir()
    (directory / "mine").write_text("mine")

    ended = console.run("export", str(directory))

    assert ended.status == 1
    assert "not empty" in ended.err
    assert [file.name for file in directory.iterdir()] == ["mine"]


def _lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def _digests(console: Console) -> list[str]:
    store = _store(console)
    rows = await store.read("SELECT digest FROM keys")
    await store.close()
    return [digest for (digest,) in rows]


def _used(console: Console) -> str:
    console.run("migrate")

    async def use() -> str:
        store = _store(console)
        key = await acme_key(store)
        await hold(store, key, "c1", 500)
        await settle(store, "c1", 300)
        await store.close()
        return key.key

    return asyncio.run(use())


def _store(console: Console) -> SqliteDatabase:
    return SqliteDatabase(console.directory / "data" / "tollhouse.db")
