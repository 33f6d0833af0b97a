"""The composition root: the only module that names concrete classes."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from pathlib import Path
from typing import Protocol

import uvloop

from tollhouse import __version__
from tollhouse.auth import virtual_keys
from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.config import Settings
from tollhouse.config.settings import ProviderSettings
from tollhouse.control import catalogue, peppers, preparing, sweeping
from tollhouse.control.keeping import SnapshotKeeper
from tollhouse.control.sweeping import Policy
from tollhouse.control.upkeep import Tenancy, keep_lease, note_used_keys, write_used_keys
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.chain import Head
from tollhouse.domain.errors import Failure
from tollhouse.domain.exchange import Deadlines
from tollhouse.domain.limits import Limit
from tollhouse.pipeline.house import House
from tollhouse.ports import Database, Ledger, Limiter, Provider
from tollhouse.providers.chat_provider import ChatProvider
from tollhouse.providers.echo import Echo
from tollhouse.providers.local import LocalModel, LocalModelFailed
from tollhouse.server import listening, routes, run, workers
from tollhouse.server.app import App
from tollhouse.server.health import Health
from tollhouse.server.request_id import new_call_id
from tollhouse.server.run import Draining
from tollhouse.server.scraping import scraped
from tollhouse.sinks import keys as signing
from tollhouse.sinks.file import ChainedLog, Pace
from tollhouse.sinks.slots import claim
from tollhouse.state.memory import MemoryLimiter
from tollhouse.state.unlimited import Unlimited
from tollhouse.storage import calls, heads
from tollhouse.storage.arrears import PatientLedger
from tollhouse.storage.heads import Anchored
from tollhouse.telemetry import logs
from tollhouse.telemetry.metrics import CONTENT_TYPE, Metrics, fresh_directory
from tollhouse.telemetry.watch import Watching
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.moving import MovingUpstream

LOCAL_CONNECTIONS = 128  # what the local engine has threads for
METRICS_DIRECTORY = Path("metrics")
GAUGE_S = 5.0
ANCHOR_S = 5.0
CLOSE_S = 5.0


class Store(Database, Ledger, Protocol):
    """One database is both."""


def open_database(settings: Settings) -> Store:
    """The store that the settings name. Nothing is read or made until it is used."""
    if settings.sqlite_file is not None:
        from tollhouse.storage.sqlite import SqliteDatabase

        return SqliteDatabase(settings.sqlite_file)
    from tollhouse.storage.postgres import PostgresDatabase

    password = settings.store.password
    return PostgresDatabase(
        settings.store.url, password.reveal() if password else None, settings.store.pool
    )


def serve(settings: Settings, config: Path | None) -> None:
    """Serve until asked to stop: in this process, or in several that it watches."""
    inherited = workers.inherited_listener()
    listener = inherited or listening.listen(settings)
    if inherited is None and settings.server.workers > 1:
        _serve_in_workers(settings, config, listener)
        return
    logs.configure(settings.log.level)
    on_ready = partial(_say_ready, settings, listener) if inherited is None else (lambda: None)
    uvloop.run(_answer(settings, listener, on_ready))


def _serve_in_workers(settings: Settings, config: Path | None, listener: socket.socket) -> None:
    logs.configure(settings.log.level)
    named = ["--config", str(config.absolute())] if config else []
    fresh_directory(settings.at(METRICS_DIRECTORY))
    metrics = _metrics(settings)
    crew = workers.Workers(
        [sys.executable, "-m", "tollhouse", *named, "serve"],
        listener,
        settings.server.workers,
        settings.server.drain_s,
        on_gone=metrics.worker_gone,
    )
    with _scraped(settings, metrics):
        _say_ready(settings, listener)
        crew.run()


async def _answer(
    settings: Settings, listener: socket.socket, on_ready: Callable[[], None]
) -> None:
    draining = Draining()
    await run.answer(
        partial(open_app, settings, draining),
        listener,
        draining=draining,
        drain_s=settings.server.drain_s,
        most_at_once=settings.server.max_concurrent_requests,
        tls=listening.tls(settings),
        on_ready=on_ready,
    )


def _say_ready(settings: Settings, listener: socket.socket) -> None:
    url = listening.url_of(listener, is_tls=settings.server.tls_certificate is not None)
    print(f"Tollhouse {__version__} answers on {url}/v1", file=sys.stderr, flush=True)


@asynccontextmanager
async def open_app(settings: Settings, draining: Draining) -> AsyncIterator[App]:
    async with AsyncExitStack() as stack:
        store = open_database(settings)
        stack.push_async_callback(store.close)
        await preparing.prepare(store, _now_ms(), apply=settings.store.is_sqlite)
        metrics = _metrics(settings)
        tasks = await stack.enter_async_context(_background())
        keeper = SnapshotKeeper(
            store, catalogue.models(settings), requires_price=settings.ledger.require_price
        )
        await keeper.refresh()
        tasks.start(keeper.keep())
        keys = VirtualKeys((await peppers.opened(settings, store)).versions)
        stack.push_async_callback(write_used_keys, store, keys.touched)
        tasks.start(note_used_keys(store, keys.touched))
        me = Tenancy(new_call_id(), socket.gethostname(), os.getpid(), settings.ledger.lease_s)
        ledger = await _open_ledger(settings, store, me, tasks, stack)
        chat = OpenAIChat()
        house = House(
            owner=me.owner,
            snapshots=keeper,
            authenticators={virtual_keys.SHAPE: keys},
            ledger=ledger,
            limiter=await _open_limiter(settings, stack),
            providers=await _open_providers(settings, stack),
            audit=await _open_audit(settings, store, stack),
            insists_on_audit=settings.audit.strict,
            watch=Watching(metrics),
            clock_ns=time.time_ns,
            new_id=new_call_id,
        )
        tasks.start(_gauge(metrics, store, keeper))
        health = Health(__version__, lambda: not draining.is_on and keeper.is_fresh)
        table = routes.route_table(chat, settings.server.max_body_bytes)
        if workers.number() is None:
            stack.enter_context(_scraped(settings, metrics))
        yield App(house, table, routes.refusing_routes(chat), health)


def _metrics(settings: Settings) -> Metrics:
    """Counted in memory, or in files that the parent of several workers adds up."""
    names = {route.name for route in routes.route_table(OpenAIChat(), 0)}
    directory = settings.at(METRICS_DIRECTORY) if settings.server.workers > 1 else None
    return Metrics(
        routes=names | {route.name for route in routes.refusing_routes(OpenAIChat())},
        models=settings.models,
        providers=settings.providers,
        directory=directory,
    )


def _scraped(settings: Settings, metrics: Metrics) -> AbstractContextManager[object]:
    address = settings.metrics.listen
    if address is None:
        return nullcontext()
    return scraped(address.host, address.port, metrics.expose, CONTENT_TYPE)


async def _gauge(metrics: Metrics, database: Database, keeper: SnapshotKeeper) -> None:
    """Keep the figures that nobody counts as they change."""
    while True:
        metrics.set_snapshot_age(keeper.age_s)
        with suppress(Failure):  # an old figure, beside the age that tells why
            metrics.set_open_holds(await calls.count_open(database))
        await asyncio.sleep(GAUGE_S)


class _Tasks:
    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        self._running.add(asyncio.create_task(work))

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


@asynccontextmanager
async def _background() -> AsyncIterator[_Tasks]:
    tasks = _Tasks()
    try:
        yield tasks
    finally:
        await tasks.stop()


async def _open_ledger(
    settings: Settings, store: Store, me: Tenancy, tasks: _Tasks, stack: AsyncExitStack
) -> Ledger:
    """Registered before the first hold, and swept once, so that nothing waits for a dead process."""
    ledger = PatientLedger(store)
    policy = Policy(settings.ledger.unknown == "charge", settings.ledger.unknown_after_s)
    await sweeping.register(store, me.owner, me.host, me.pid, me.lease_s, _now_ms())
    stack.push_async_callback(_leave, store, me.owner)
    tasks.start(keep_lease(store, store, me, policy, _now_ms))
    tasks.start(ledger.keep_up())
    return ledger


async def _leave(database: Database, owner: str) -> None:
    try:
        await sweeping.leave(database, owner)
    except Failure:
        return  # the store is away: the lease ends by itself


async def _open_limiter(settings: Settings, stack: AsyncExitStack) -> Limiter:
    limits = settings.limits
    if limits.requests_per_minute == 0:
        return Unlimited()
    limit = Limit(limits.requests_per_minute, burst=limits.burst or 0)
    if not limits.is_shared:
        return MemoryLimiter(limit)
    from tollhouse.state.valkey import ValkeyLimiter

    password = limits.password.reveal() if limits.password else None
    shared = ValkeyLimiter(limits.store, limit, password=password)
    stack.push_async_callback(shared.aclose)
    return shared


async def _open_providers(settings: Settings, stack: AsyncExitStack) -> Mapping[str, Provider]:
    return {name: await _open_provider(each, stack) for name, each in settings.providers.items()}


async def _open_provider(settings: ProviderSettings, stack: AsyncExitStack) -> Provider:
    deadlines = Deadlines(
        settings.connect_s, settings.first_byte_s, settings.between_s, settings.whole_s
    )
    if settings.kind == "echo":
        return ChatProvider(Echo(), b"/v1", None)
    if settings.kind == "local":
        return await _open_local(deadlines, stack)
    upstream = HttpUpstream(
        settings.base_url or "", deadlines=deadlines, max_connections=settings.max_connections
    )
    stack.push_async_callback(upstream.aclose)
    return ChatProvider(
        upstream, upstream.base_path.encode(), settings.key.reveal() if settings.key else None
    )


async def _open_local(deadlines: Deadlines, stack: AsyncExitStack) -> Provider:
    model = LocalModel()
    stack.push_async_callback(model.stop)
    try:
        await model.start()
    except LocalModelFailed as failed:
        print(f"The local model does not run: {failed}", file=sys.stderr)
    upstream = MovingUpstream(lambda: model.url, deadlines, LOCAL_CONNECTIONS)
    stack.push_async_callback(upstream.aclose)
    return ChatProvider(upstream, b"/v1", model.key)


async def _open_audit(settings: Settings, database: Database, stack: AsyncExitStack) -> ChainedLog:
    audit = settings.audit
    slot = claim(settings.at(audit.directory), socket.gethostname())
    remembered = {
        head.writer: Head(head.writer, head.seq, head.hash) for head in await heads.heads(database)
    }
    loop = asyncio.get_running_loop()

    def anchor(head: Head) -> None:
        anchored = Anchored(head.writer, head.seq, head.hash, _now_ms())
        asyncio.run_coroutine_threadsafe(heads.anchor(database, anchored), loop).result(ANCHOR_S)

    log = ChainedLog(
        slot,
        signing.load_or_create(settings.at(audit.key)),
        anchor=anchor,
        anchored=remembered.get(slot.writer),
        pace=Pace(rotate_bytes=audit.rotate_bytes, checkpoint_every=audit.checkpoint_every),
    )
    stack.push_async_callback(loop.run_in_executor, None, log.close, CLOSE_S)
    return log


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
