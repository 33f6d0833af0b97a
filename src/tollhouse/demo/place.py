"""The directory of a demonstration: emptied at each start, and used by one at a time.

Nothing is removed from a directory that no demonstration has marked as its own.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tollhouse.demo.failing import DemoFailed

MARK = ".tollhouse-demo"


@dataclass(frozen=True, slots=True)
class Place:
    directory: Path

    @property
    def settings(self) -> Path:
        return self.directory / "tollhouse.toml"

    @property
    def log(self) -> Path:
        return self.directory / "gateway.log"

    @property
    def data(self) -> Path:
        return self.directory / "data"


@contextmanager
def emptied(directory: Path) -> Iterator[Place]:
    """Ours alone until the block is left. Raises DemoFailed if it is somebody else's."""
    directory.mkdir(parents=True, exist_ok=True)
    mark = directory / MARK
    if not mark.exists() and any(directory.iterdir()):
        raise DemoFailed(
            f"{directory} is not empty and was not made by `tollhouse demo`, so it is left alone: "
            "name another one with --directory."
        )
    with mark.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise DemoFailed(
                f"Another demonstration runs in {directory}: end it, or name another place with --directory."
            ) from taken
        place = Place(directory)
        _empty(place)
        yield place


def _empty(place: Place) -> None:
    shutil.rmtree(place.data, ignore_errors=True)
    place.settings.unlink(missing_ok=True)
    place.log.unlink(missing_ok=True)
