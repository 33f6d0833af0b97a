"""What is unsafe, unfinished, or could be better, and the line that mends each."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from tollhouse.config import Settings
from tollhouse.control import auditing
from tollhouse.control.doctor import (
    books,
    door,
    files,
    host,
    keys,
    ledger,
    machine,
    network,
    people,
    secrets,
)
from tollhouse.control.doctor.books import Books
from tollhouse.control.doctor.finding import Check, Finding, Mend, Severity
from tollhouse.control.doctor.machine import Machine
from tollhouse.control.doctor.report import Report
from tollhouse.control.doctor.seen import Seen
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import SchemaTooNew, SchemaTooOld
from tollhouse.ports import Database

__all__ = [
    "CHECKS",
    "Check",
    "Finding",
    "Mend",
    "Report",
    "Seen",
    "Severity",
    "examine",
    "judged",
    "see",
]

MOST_OF_ONE = 20

CHECKS: tuple[Check, ...] = (
    *door.CHECKS,
    *files.CHECKS,
    *network.CHECKS,
    *host.CHECKS,
    *ledger.CHECKS,
    *keys.CHECKS,
    *people.CHECKS,
    *secrets.CHECKS,
)


async def examine(
    settings: Settings, database: Database, now_ms: int, file: Path | None = None
) -> Report:
    """Looks at the settings, the files, the machine and the store, and changes nothing."""
    return judged(*await see(settings, database, now_ms, file))


async def see(
    settings: Settings, database: Database, now_ms: int, file: Path | None = None
) -> tuple[Seen, str | None]:
    """What there is to look at, and what hindered the look into the store."""
    schema, hindered, store = None, None, None
    try:
        await database.migrate(apply=False)
        store = await books.read(settings, database, now_ms)
    except SchemaTooOld as error:
        schema, hindered = "behind", str(error)
    except SchemaTooNew as error:
        schema, hindered = "ahead", str(error)
    except StoreUnavailable as error:
        hindered = f"the store cannot be reached: {error.private or error.detail}"
    return Seen(settings, file, now_ms, _machine(settings, store), schema, store), hindered


def judged(seen: Seen, hindered: str | None = None) -> Report:
    """What all checks make of it."""
    possible = [check for check in CHECKS if seen.store is not None or not check.on_store]
    unseen = tuple(check for check in CHECKS if check not in possible)
    findings: list[Finding] = []
    unlisted = 0
    for check in possible:
        ills = iter(check.look(seen))
        findings += [Finding(check, ill.found, ill.mend) for ill in islice(ills, MOST_OF_ONE)]
        unlisted += sum(1 for _ in ills)
    return Report(tuple(findings), unlisted, unseen, hindered, len(possible))


def _machine(settings: Settings, store: Books | None) -> Machine:
    disks = [settings.data_dir, auditing.directory(settings)]
    if settings.sqlite_file is not None:
        disks.append(settings.sqlite_file.parent)
    return machine.look(dict.fromkeys(disks), store.gateways if store else ())
