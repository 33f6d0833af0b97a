"""The secrets under which keys are hashed: versioned, and never in the database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tollhouse.config import Settings
from tollhouse.domain.credentials import Digest, digest
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import keys

PEPPER_BYTES = 32
FILE_NAME = "pepper"


@dataclass(frozen=True, slots=True)
class Peppers:
    """New keys are hashed under the current version, old ones checked under their own."""

    current: int
    versions: Mapping[int, bytes] = field(repr=False)

    def digest(self, key: str) -> Digest:
        return Digest(self.current, digest(key, self.versions[self.current]))


async def opened(settings: Settings, database: Database) -> Peppers:
    """Those of the settings, or the one that stands beside a SQLite file and is made at first use."""
    if settings.auth.peppers:
        given = settings.auth.peppers.items()
        versions = {version: secret.reveal().encode() for version, secret in given}
        return Peppers(settings.auth.pepper_version, versions)
    path = pepper_path(settings)
    if not path.exists() and not await keys.is_empty(database):
        raise Conflict(
            f"{path} is gone, and the keys in the store can only be checked with it: put it back from "
            "a backup, or give the pepper under [auth.peppers]"
        )
    return Peppers(settings.auth.pepper_version, {settings.auth.pepper_version: kept(path)})


def pepper_path(settings: Settings) -> Path:
    return settings.at(Path(FILE_NAME))


def kept(path: Path) -> bytes:
    """The pepper in the file, made if there is none."""
    if not path.exists():
        _make(path)
    return path.read_text(encoding="ascii").strip().encode()


def _make(path: Path) -> None:
    """Whole or not at all, and only once: of two processes that start together, one wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(PEPPER_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        _link(draft, path)
    finally:
        draft.unlink()


def _link(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return  # another process was quicker: its pepper is the one
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
