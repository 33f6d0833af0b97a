"""The rows of what providers keep. Whose it is stands in every question: another's is not there."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tollhouse.domain.batches import Load
from tollhouse.domain.files import File
from tollhouse.ports import Database, Row

_COLUMNS = "id, project, provider, known_as, purpose, name, bytes, created_at, expires_at, load, answers_as"
_ADD = f"""
INSERT INTO files ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING
"""  # noqa: S608 - names of columns
_LIVES = "(expires_at IS NULL OR expires_at > $3)"
_ONE = f"SELECT {_COLUMNS} FROM files WHERE id = $1 AND project = $2 AND {_LIVES}"  # noqa: S608
_PAGE = f"""
SELECT {_COLUMNS} FROM files
WHERE project = $1 AND $2 IN ('', purpose) AND {_LIVES} AND ($4 = '' OR id < $5)
ORDER BY id DESC LIMIT $6
"""  # noqa: S608
_OLDEST = _PAGE.replace("id < $5", "id > $5").replace("DESC", "ASC")
_FORGET = "DELETE FROM files WHERE id = $1 AND project = $2"
_COUNT = f"SELECT count(*) FROM files WHERE project = $1 AND $2 IN ('', purpose) AND {_LIVES}"  # noqa: S608


_read_load = msgspec.json.Decoder(Load).decode


async def add(database: Database, file: File) -> None:
    """Once: a file that is there already stays as it is."""
    times = (file.created_at_ms, file.expires_at_ms)
    whose = (file.id, file.project, file.provider, file.known_as)
    load = None if file.load is None else msgspec.json.encode(file.load).decode()
    what = (file.purpose, file.name, file.bytes, *times, load, file.answers_as)
    await database.write((_ADD, (*whose, *what)))


async def find(database: Database, project: str, file_id: str, now_ms: int) -> File | None:
    rows = await database.read(_ONE, file_id, project, now_ms)
    return _file(rows[0]) if rows else None


async def page(
    database: Database,
    project: str,
    *,
    purpose: str,
    after: str,
    limit: int,
    newest_first: bool,
    now_ms: int,
) -> list[File]:
    """An empty `purpose` means all; it goes on after the file of that id, or from the beginning."""
    sql = _PAGE if newest_first else _OLDEST
    rows = await database.read(sql, project, purpose, now_ms, after, after, limit)
    return [_file(row) for row in rows]


async def count(database: Database, project: str, now_ms: int) -> int:
    ((found,),) = await database.read(_COUNT, project, "", now_ms)
    return int(found)


async def forget(database: Database, project: str, file_id: str) -> bool:
    (gone,) = await database.write((_FORGET, (file_id, project)))
    return gone == 1


def _file(row: Row) -> File:
    *before, load, answers_as = row
    file = File(*before)
    return replace(file, load=load and _read_load(load), answers_as=answers_as)
