"""Everything that is known here, as lines of JSON that any program reads: nobody is kept by their data."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollhouse import __version__
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import exporting

MANIFEST = "manifest.json"
SETTINGS = "settings.json"
UNITS = "amounts are nano-dollars, rates pico-dollars a unit, times milliseconds since the epoch"


@dataclass(frozen=True, slots=True)
class Exported:
    """One file: how many rows it has, and its hash."""

    file: str
    rows: int
    sha256: str


async def export(
    database: Database, settings: dict[str, Any], directory: Path, now_ms: int
) -> list[Exported]:
    """Raises Conflict if something lies there. The manifest is written last: without it, it is not whole."""
    _make_room(directory)
    done = [
        await _write(directory / f"{table.name}.jsonl", exporting.rows(database, table))
        for table in exporting.tables()
    ]
    done.append(await _write(directory / SETTINGS, _one(settings)))
    manifest = {
        "tollhouse": __version__,
        "schema": exporting.schema(),
        "exported_at": now_ms,
        "units": UNITS,
        "without": sorted(exporting.SECRET | exporting.MOMENTARY),
        "files": {each.file: {"rows": each.rows, "sha256": each.sha256} for each in done},
    }
    await _write(directory / MANIFEST, _one(manifest))
    return done


def _make_room(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise Conflict(f"{directory} is not empty")


async def _write(path: Path, records: AsyncIterator[dict[str, Any]]) -> Exported:
    count, digest = 0, hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for record in records:
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
            raw = line.encode("utf-8", "replace")
            file.write(raw)
            digest.update(raw)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return Exported(path.name, count, digest.hexdigest())


async def _one(record: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield record
