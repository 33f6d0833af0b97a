"""A served gateway on loopback: its own process, directory, tenant, budget and key."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from tollhouse.config import Settings, load
from tollhouse.control import (
    auditing,
    budgets,
    catalogue,
    keys,
    peppers,
    preparing,
    prices,
    tenancy,
)
from tollhouse.control.prices import Rates
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.models import plan
from tollhouse.domain.tasks import Task
from tollhouse.ports import Row
from tollhouse.storage import snapshots
from tollhouse.wiring import Store, open_database

T = TypeVar("T")

MODEL = "m"
TARGET = "up:m-real"
INPUT_DOLLARS, OUTPUT_DOLLARS = "1", "2"  # per million tokens: 1 and 2 micro-dollars each
NANOS_IN, NANOS_OUT = 1_000, 2_000
PATIENCE_S = 20.0
START_WITHIN_S = 60.0
SETTLED_WITHIN_S = 2.0

TEXTS = ("chat", "completions", "embeddings")
DOES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("anthropic", "anthropic-compatible", "bedrock"), ("chat",)),
    "ollama": TEXTS,
}
"""What a provider can be asked for, where that is not everything."""

NEVER_LEFT_ALONE = "[breaker]\nfailures = 0\noutlier_s = 0\n[retries]\nmost = 0"
"""Most tests are about what one failure does, however many came before it."""


@dataclass
class Gateway:
    directory: Path
    port: int
    config: Path
    environ: dict[str, str]
    key: str = ""
    key_id: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    program: tuple[str, ...] = ("-m", "tollhouse")
    tls: ssl.SSLContext | None = None
    """How it is called, where it ends TLS itself."""
    profile: str = ""

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}", "content-type": "application/json"}

    @property
    def settings(self) -> Settings:
        return load(self.config, self.environ, self.profile)

    async def start(self) -> None:
        log = (self.directory / "log").open("ab")
        named = ["--profile", self.profile] if self.profile else []
        named += ["--config", str(self.config)]
        command = [sys.executable, *self.program, *named, "serve"]
        with log:
            self.processes.append(
                subprocess.Popen(
                    command, cwd=self.directory, env=self.environ, stderr=log, stdout=log
                )
            )
        await until(self._answers, "the gateway answers", START_WITHIN_S)

    def kill(self) -> None:
        """The process and its workers, at once."""
        workers = children(self.processes[-1])
        self._end(signal.SIGKILL)
        for pid in workers:
            _kill_if_alive(pid)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process = self.processes.pop()
        process.send_signal(number)
        process.wait(timeout=60)

    def terminate(self) -> None:
        """Ask it to stop, and go on."""
        self.processes[-1].send_signal(signal.SIGTERM)

    async def end(self) -> int:
        self.terminate()
        return await self.exit_status()

    async def exit_status(self) -> int:
        """Once it has ended, while clients and providers go on in this loop."""
        process = self.processes[-1]
        status = await asyncio.to_thread(process.wait, 60)
        self.processes.remove(process)
        return status

    async def _answers(self) -> bool:
        assert self.processes[-1].poll() is None, self.log()
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{self.origin}/health/ready", ssl=self.tls or True) as reply,
            ):
                return reply.status == 200
        except aiohttp.ClientError:
            return False

    def log(self) -> str:
        return (self.directory / "log").read_text()

    async def on_store(self, work: Callable[[Store], Awaitable[T]]) -> T:
        store = open_database(self.settings)
        try:
            return await work(store)
        finally:
            await store.close()

    async def rows(self, sql: str) -> list[Row]:
        return await self.on_store(lambda store: store.read(sql))

    async def budget(self, limit: int | None, owner: str = "tenant:acme") -> None:
        grant = budgets.Grant(is_granted=True, limit=limit)
        await self.on_store(lambda store: budgets.grant(store, owner, grant))

    async def new_key(self, **wish: Any) -> keys.Issued:
        async def issue(store: Store) -> keys.Issued:
            secrets = await peppers.opened(self.settings, store)
            return await keys.issue(store, secrets, keys.Wish("acme", "test", **wish), now_ms())

        return await self.on_store(issue)

    async def held(self) -> int:
        return sum(held for (held,) in await self.rows("SELECT held FROM accounts"))

    async def spent(self) -> int:
        await self.has_settled()
        ((spent,),) = await self.rows("SELECT spent FROM accounts WHERE owner = 'tenant:acme'")
        return int(spent)

    async def worst(self, body: bytes) -> int:
        """What a call with this body is held for."""

        async def planned(store: Store) -> int:
            names = catalogue.names(self.settings)
            snapshot = await snapshots.load(store, names, requires_price=True)
            caller = snapshot.keys[self.key_id].principal
            return plan(snapshot, caller, OpenAIChat().peek(body), time.time()).hold

        return await self.on_store(planned)

    async def has_settled(self, call: str = "") -> None:
        """An answer and its record do not wait for its settlement: what is over, or one call, has a moment for that."""
        which = f"id = '{call}' AND " if call else ""

        async def is_still() -> bool:
            rows = await self.rows(f"SELECT id FROM calls WHERE {which}state = 'held' LIMIT 1")
            return rows == []

        with suppress(AssertionError):
            await until(is_still, "it is settled", SETTLED_WITHIN_S)

    async def nothing_is_held(self) -> None:
        async def is_settled() -> bool:
            return await self.held() == 0

        await until(is_settled, "all holds are settled")

    async def is_consistent(self) -> None:
        differences = await self.on_store(budgets.verify)
        assert differences == []

    async def audit_is_whole(self) -> None:
        """By the chain itself, its signatures, and the heads that the store remembers."""
        directory = auditing.directory(self.settings)
        heads = await self.on_store(lambda store: auditing.anchored(store, directory))
        verdict = auditing.verify(directory, auditing.public_keys(self.settings), heads)
        assert not verdict.has_faults, verdict.findings

    def audit_lines(self) -> list[str]:
        files = sorted((self.directory / "data" / "audit").glob("*/*.jsonl"))
        return [line for file in files for line in file.read_text().splitlines()]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """From its start to the end of all its processes."""
        try:
            await self.start()
            yield
        finally:
            while self.processes:
                self.kill()

    def calls(self) -> list[dict[str, Any]]:
        """What the audit log says of calls; a line that is still being written is not there yet."""
        records = [json.loads(line) for line in self.audit_lines() if line.endswith("}")]
        return [record for record in records if record["kind"] == "call"]


@asynccontextmanager
async def gateway(
    directory: Path,
    upstream_url: str,
    *,
    settings: str = "",
    server: str = "",
    store: str = "",
    database: str = "",
    up: str = "",
    standing: str = NEVER_LEFT_ALONE,
    targets: Sequence[str] = (TARGET,),
    kind: str = "openai-compatible",
    does: Sequence[str] | None = None,
    requests_per_minute: int = 0,
    limit: int | None = 10**12,
) -> AsyncIterator[Gateway]:
    """Serves `MODEL` from the upstream, priced; `settings`, `server`, `store`, `standing` and `up` are
    further lines.

    `database` is the URL of a PostgreSQL database, which other gateways may share.
    """
    it = prepared(
        directory,
        upstream_url,
        settings=settings,
        server=server,
        store=store,
        database=database,
        up=up,
        standing=standing,
        targets=targets,
        kind=kind,
        does=does,
        requests_per_minute=requests_per_minute,
    )
    await furnish(it, limit)
    async with it.serving():
        yield it


def prepared(
    directory: Path,
    upstream_url: str,
    *,
    settings: str = "",
    server: str = "",
    store: str = "",
    database: str = "",
    up: str = "",
    standing: str = NEVER_LEFT_ALONE,
    targets: Sequence[str] = (TARGET,),
    kind: str = "openai-compatible",
    does: Sequence[str] | None = None,
    requests_per_minute: int = 0,
) -> Gateway:
    port = free_port()
    environ = {**os.environ, "UP_KEY": "sk-upstream-canary-0123456789"}
    if database:
        password = urlsplit(database).password or ""
        environ |= {"PEPPER": "5f0c91ab" * 8, "STORE_PASSWORD": password}
        store += f"""
[store]
url = "{database.replace(f":{password}@", "@")}"
password = "env:STORE_PASSWORD"
[auth.peppers]
1 = "env:PEPPER"
"""
    if "[auth]" not in settings + store:
        store += "\n[auth]\nfailures_per_minute = 0\n"
    config = directory / "tollhouse.toml"
    config.write_text(
        f"""
data_dir = "{directory}/data"
{settings}
[server]
listen = "127.0.0.1:{port}"
{server}
[metrics]
listen = "off"
[limits]
requests_per_minute = {requests_per_minute}
{store}
{standing}
[providers.up]
kind = "{kind}"
url = "{upstream_url}"
key = "env:UP_KEY"
{up}
[models.{MODEL}]
targets = {json.dumps(targets)}
max_output_tokens = 1000
does = {json.dumps(DOES.get(kind, [*Task]) if does is None else does)}
"""
    )
    return Gateway(directory, port, config, environ)


async def furnish(it: Gateway, limit: int | None) -> None:
    async def work(store: Store) -> None:
        await preparing.prepare(store, now_ms(), apply=True)
        await tenancy.create_tenant(store, "acme", now_ms())
        for target in it.settings.models[MODEL].targets:
            rates = Rates(INPUT_DOLLARS, OUTPUT_DOLLARS, per_character="0.000001")
            await prices.set_price(
                store, f"{target.provider}:{target.model}", rates, None, now_ms()
            )

    await it.on_store(work)
    await it.budget(limit)
    issued = await it.new_key(models=(MODEL,))
    it.key, it.key_id = issued.key, issued.id


async def until(
    condition: Callable[[], Awaitable[bool]], what: str, patience_s: float = PATIENCE_S
) -> None:
    give_up_at = time.monotonic() + patience_s
    while not await condition():
        assert time.monotonic() < give_up_at, f"in vain waited until {what}"
        await asyncio.sleep(0.01)


def ask(text: str = "hello", **members: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **members}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def free_port() -> int:
    """Below those that the system gives to outgoing connections, which could be quicker to take it.

    Each test process has ports of its own and goes through them in turn: what was free for one is not
    taken by another, and where nobody listens nobody begins to.
    """
    while True:
        port = next(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = range(20_000 + worker, 32_000, workers)
    begin = random.SystemRandom().randrange(len(mine))
    return cycle([*mine[begin:], *mine[:begin]])


PORTS = _ports()


def children(process: subprocess.Popen[bytes]) -> list[int]:
    listing = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in listing.read_text().split()] if listing.exists() else []


def _kill_if_alive(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
