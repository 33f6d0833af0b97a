"""Checks of the machine: who the gateway runs as, what it stands on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from shlex import quote

from tollhouse.control import auditing
from tollhouse.control.doctor.finding import Check, Ill, Mend, Severity, lines
from tollhouse.control.doctor.machine import Process
from tollhouse.control.doctor.seen import Seen

LOCAL_FILE = "sqlite:/var/lib/tollhouse/tollhouse.db"
NETWORK_DISKS = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "lustre", "afs", "fuse.sshfs")
LEAST_FREE_BYTES = 1 << 30
SKEW_MS = 2000
BACK_MS = 60_000


def _sqlite_on_network(seen: Seen) -> Iterator[Ill]:
    file = seen.settings.sqlite_file
    kind = seen.machine.kind_of_disk(file.absolute()) if file is not None else ""
    if kind.startswith(NETWORK_DISKS):
        yield Ill(f"{file} is on a network disk ({kind})", Mend(lines(("store",), url=LOCAL_FILE)))


def _disk_full(seen: Seen) -> Iterator[Ill]:
    for path, free in seen.machine.free_bytes:
        if free < LEAST_FREE_BYTES:
            words = f"Free at least 1 GiB on the disk of {path}, or make it larger."
            yield Ill(f"{free >> 20} MiB are free at {path}", Mend(words=words))


def _audit_unwritable(seen: Seen) -> Iterator[Ill]:
    path = auditing.directory(seen.settings)
    if not path.exists():
        return
    named = quote(str(path))
    if not path.is_dir():
        yield Ill(f"{path} is not a directory", Mend(command=f"mv {named} {named}.moved"))
    elif not os.access(path, os.W_OK | os.X_OK):
        yield Ill(f"{path} cannot be written", Mend(command=f"chmod u+rwx {named}"))


def _core_dumps(seen: Seen) -> Iterator[Ill]:
    for process in seen.machine.processes:
        if process.core_bytes:
            if process.pid is None:
                mend = Mend(command="ulimit -c 0", words="Under systemd: LimitCORE=0.")
            else:
                mend = Mend(command=f"prlimit --pid {process.pid} --core=0:0")
            yield Ill(f"{_who(process)} may write its memory to disk when it crashes", mend)


def _runs_as_root(seen: Seen) -> Iterator[Ill]:
    for process in seen.machine.processes:
        if process.user == 0:
            mend = Mend(command="runuser -u tollhouse -- tollhouse serve")
            yield Ill(f"{_who(process)} runs as root", mend)


def _who(process: Process) -> str:
    return "this shell" if process.pid is None else f"the gateway with pid {process.pid}"


def _library_floors(seen: Seen) -> Iterator[Ill]:
    for library in seen.machine.libraries:
        if library.is_below_floor:
            asked = f"{library.name}>={library.floor}"
            if library.name in ("OpenSSL", "Python"):
                mend = Mend(words=f"Install {library.name} {library.floor} or newer.")
            else:
                mend = Mend(command=f"pip install --upgrade {quote(asked)}")
            yield Ill(f"{library.name} is {library.installed}, and should be {asked}", mend)


def _clock(seen: Seen) -> Iterator[Ill]:
    mend = Mend(command="timedatectl set-ntp true")
    back_ms = seen.books.newest_ms - seen.now_ms
    if back_ms > BACK_MS:
        yield Ill(f"this clock is {back_ms // 1000} s behind what the store has seen", mend)
    theirs = seen.books.database_ms
    if theirs is not None and abs(theirs - seen.now_ms) > SKEW_MS:
        apart_s = abs(theirs - seen.now_ms) / 1000
        yield Ill(f"this clock and the database's are {apart_s:.1f} s apart", mend)


CHECKS = (
    Check(
        "sqlite-on-network",
        Severity.UNSAFE,
        "Locks do not hold there: the ledger can be torn.",
        ("deploy-store",),
        _sqlite_on_network,
    ),
    Check(
        "disk-full",
        Severity.UNSAFE,
        "On a full disk nothing can be held, and audit records wait in memory.",
        ("deploy-store", "deploy-audit"),
        _disk_full,
    ),
    Check(
        "audit-unwritable",
        Severity.UNSAFE,
        "No record is written, or no call is answered.",
        ("deploy-audit",),
        _audit_unwritable,
    ),
    Check(
        "core-dumps",
        Severity.UNSAFE,
        "Provider keys and the pepper would lie in the dump.",
        ("deploy-secrets",),
        _core_dumps,
    ),
    Check(
        "runs-as-root",
        Severity.UNFINISHED,
        "Whoever breaks the gateway has the machine.",
        ("deploy-least-privilege",),
        _runs_as_root,
    ),
    Check(
        "library-floors",
        Severity.UNSAFE,
        "Older ones lack repairs that this version counts on.",
        ("develop-dependencies", "operate-patching"),
        _library_floors,
    ),
    Check(
        "clock",
        Severity.UNSAFE,
        "Expiry, leases and prices all go by the clock.",
        ("operate-clock",),
        _clock,
        on_store=True,
    ),
)
