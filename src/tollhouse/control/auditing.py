"""Is the audit log whole? Asked with the public key, and with the heads the store remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tollhouse.config import Settings
from tollhouse.domain.chain import Head
from tollhouse.domain.findings import Finding, Summary
from tollhouse.ports import Database
from tollhouse.sinks import inspection
from tollhouse.sinks.keys import PublicKey, load_public
from tollhouse.sinks.slots import home, is_at_home
from tollhouse.storage import heads

MOST_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """The first findings and a summary. Torn ends that the chain accounts for are no fault."""

    findings: tuple[Finding, ...]
    unlisted: int
    has_faults: bool
    summary: Summary


def verify(
    directory: Path, keys: Iterable[PublicKey], anchored: Mapping[str, Head] | None = None
) -> Verdict:
    """Reads every record. Raises OSError."""
    summary = Summary()
    found = inspection.verify(directory, keys, summary, anchored)
    listed = tuple(islice(found, MOST_FINDINGS))
    rest = [finding.is_fault for finding in found]
    has_faults = any(finding.is_fault for finding in listed) or any(rest)
    return Verdict(listed, len(rest), has_faults, summary)


async def anchored(database: Database, directory: Path) -> dict[str, Head]:
    """The heads that the store remembers of this directory. Read them before the files, which only grow.

    Gateways that share a store have their logs elsewhere; of a directory that lost its name, all are asked for.
    """
    name = home(directory)
    return {
        head.writer: Head(head.writer, head.seq, head.hash)
        for head in await heads.heads(database)
        if name is None or is_at_home(head.writer, name)
    }


def directory(settings: Settings) -> Path:
    return settings.at(settings.audit.directory)


def public_key_path(settings: Settings) -> Path:
    key = settings.at(settings.audit.key)
    return key.with_name(key.name + ".pub")


def public_keys(settings: Settings, extra: Iterable[Path] = ()) -> list[PublicKey]:
    """The gateway's own, if it has one, and others. Raises KeyUnusable."""
    own = public_key_path(settings)
    return [load_public(path) for path in ([own] if own.exists() else []) + list(extra)]
