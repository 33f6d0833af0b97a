"""Reads audit files for inspection: the chains of all writers, offline, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import file_digest
from pathlib import Path

from tollhouse.domain.chain import LONGEST_LINE, Head
from tollhouse.domain.findings import Finding, Flaw, Summary
from tollhouse.domain.inspection import File, Inspector, Recovery
from tollhouse.sinks.chain_files import NAME, TORN, chain_files, first_seq
from tollhouse.sinks.keys import PublicKey


def verify(
    directory: Path,
    keys: Iterable[PublicKey],
    summary: Summary,
    anchored: Mapping[str, Head] | None = None,
) -> Iterator[Finding]:
    """What is wrong with the files, as it shows; `summary` is complete when the findings are.

    Without anchored heads a tail that was cut off after a checkpoint cannot be noticed.
    Raises OSError when something cannot be read.
    """
    heads = anchored or {}
    trusted = {key.id: key.has_signed for key in keys}
    for writer in sorted(heads.keys() | _writers(directory)):
        inspector = Inspector(writer, trusted, heads.get(writer), summary)
        place = directory / writer
        yield from inspector.inspect(_files(place))
        yield from _beside(place, inspector.recoveries)


def _writers(directory: Path) -> set[str]:
    """Every directory with something in it that looks like a chain's."""
    patterns = ("*/*.jsonl", f"*/*{TORN}")
    return {path.parent.name for pattern in patterns for path in directory.glob(pattern)}


def _files(place: Path) -> Iterator[File]:
    for path in chain_files(place) if place.is_dir() else ():
        yield File(f"{place.name}/{path.name}", first_seq(path), _lines(path))


def _lines(path: Path) -> Iterator[bytes]:
    """Each line with its newline, or its first LONGEST_LINE bytes if it is longer."""
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            yield line
            while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)


def _beside(place: Path, recoveries: Mapping[str, Recovery]) -> Iterator[Finding]:
    """Torn bytes must be those that the chain accounts for; nothing else belongs there."""
    for name, recovery in recoveries.items():
        torn = place / (name + TORN)
        says = None
        if not NAME.fullmatch(name) or not torn.is_file():
            says = Flaw.DELETED, f"The torn bytes noted by record {recovery.seq} are gone."
        elif _digest(torn) != (recovery.size, recovery.sha256):
            says = Flaw.EDITED, f"The torn bytes are not those noted by record {recovery.seq}."
        if says:
            yield Finding(f"{place.name}/{name}{TORN}", None, recovery.seq, *says)
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        is_torn = path.name.endswith(TORN) and path.name.removesuffix(TORN) not in recoveries
        is_stranger = path.name.endswith(".jsonl") and not NAME.fullmatch(path.name)
        if is_torn or is_stranger:
            says_so = "The chain does not account for this file."
            yield Finding(f"{place.name}/{path.name}", None, None, Flaw.INSERTED, says_so)


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, file_digest(file, "sha256").hexdigest()
