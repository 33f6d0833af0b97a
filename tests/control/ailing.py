"""A house that can be made ill, is looked at by the doctor, and mended by the lines that it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from tollhouse.config import Settings, load
from tollhouse.control.doctor import Mend, Report, Seen, judged, see
from tollhouse.storage.sqlite import SqliteDatabase

BIN = Path(sys.executable).parent
ECHO = '[providers.echo]\nkind = "echo"\n[models.small]\ntargets = ["echo:echo"]\n'
ENVIRON = {
    name: f"canary-{name}-of-more-than-thirty-two-bytes"
    for name in (
        "OPENAI_API_KEY",
        "TOLLHOUSE_PEPPER",
        "TOLLHOUSE_DB_PASSWORD",
        "TOLLHOUSE_LIMITS_PASSWORD",
    )
}


@dataclass
class House:
    """`alter` changes what was seen, where the machine cannot be made to look so.

    `by_hand` does what a mending line asks that no test can do as it stands.
    """

    directory: Path
    store: SqliteDatabase
    ahead_ms: int = 0
    alter: Callable[[Seen], Seen] = lambda seen: seen
    by_hand: Callable[[], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.file.parent.mkdir(mode=0o700)
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.write(f'data_dir = "{self.data}"\n{ECHO}')

    @property
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    @property
    def file(self) -> Path:
        return self.directory / "etc" / "tollhouse.toml"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def write(self, text: str) -> None:
        self.file.touch(mode=0o600)
        self.file.write_text(text)

    def set(self, *snippets: str) -> None:
        for snippet in snippets:
            self.write(merged(self.file.read_text(), snippet))

    def settings(self) -> Settings:
        return load(self.file, ENVIRON)

    async def examined(self) -> Report:
        seen, hindered = await see(self.settings(), self.store, self.now_ms, self.file)
        return judged(self.alter(seen), hindered)

    async def found(self, check: str) -> list[Mend]:
        report = await self.examined()
        assert check not in {each.id for each in report.unseen}
        return [finding.mend for finding in report.findings if finding.check.id == check]

    async def mend(self, mend: Mend) -> None:
        """To the letter: the lines into the file, the command into a shell."""
        if self.by_hand is not None:
            await self.by_hand()
            return
        assert mend.toml or mend.command, "only words: a test does by hand what they say"
        if mend.command:
            self.shell(mend.command)
        if mend.toml:
            self.set(mend.toml)

    def shell(self, command: str) -> None:
        environ = {
            **ENVIRON,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "TOLLHOUSE_CONFIG": str(self.file),
        }
        subprocess.run(["/bin/sh", "-ec", command], env=environ, check=True, timeout=60)


def merged(text: str, snippet: str) -> str:
    """A settings file with a few lines more, each in its section, in place of what was there."""
    section = ""
    for row in snippet.splitlines():
        if row.startswith("["):
            section = row
            if section not in text.splitlines():
                text += f"{section}\n"
        else:
            text = _with(text, section, row)
    return text


def _with(text: str, section: str, row: str) -> str:
    key = row.partition(" = ")[0]
    head, body, rest = _parted(text, section)
    kept = [line for line in body if line.partition(" = ")[0] != key]
    return "\n".join([*head, row, *kept, *rest]) + "\n"


def _parted(text: str, section: str) -> tuple[list[str], list[str], list[str]]:
    rows = text.splitlines()
    start = rows.index(section) + 1
    following = (at for at in range(start, len(rows)) if re.match(r"\[", rows[at]))
    end = next(following, len(rows))
    return rows[:start], rows[start:end], rows[end:]


def certificate(path: Path, days: float) -> None:
    """One of nobody, which ends in so many days."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.example")])
    ends = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=365))
        .not_valid_after(ends)
        .sign(key, algorithm=None)
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
