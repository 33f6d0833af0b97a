"""Everything that stands ready while requests pass, opened in order and closed in reverse."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from tollhouse.auth import imported_keys, static_tokens, tokens, virtual_keys
from tollhouse.auth.imported_keys import ImportedKeys
from tollhouse.auth.proofs import Proofs
from tollhouse.auth.sealed_answers import SealedAnswers
from tollhouse.auth.sealed_ids import SealedIds
from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.config import Settings
from tollhouse.control import catalogue, limiting, peppers, preparing, sweeping, vault
from tollhouse.control.acting import Desk
from tollhouse.control.alerting import keep_telling as keep_telling_alerts
from tollhouse.control.keeping import SnapshotKeeper
from tollhouse.control.retention import keep_folding
from tollhouse.control.sweeping import Policy
from tollhouse.control.upkeep import Tenancy, keep_lease, note_used_keys, write_used_keys
from tollhouse.domain.errors import Failure
from tollhouse.domain.identity import Naming
from tollhouse.domain.shedding import Load
from tollhouse.domain.throttling import Throttle
from tollhouse.pipeline.batch_look import look_after
from tollhouse.pipeline.house import House, Repeats
from tollhouse.pipeline.recheck import keep_looking
from tollhouse.pipeline.route import RouteTable
from tollhouse.pipeline.standing import Standings
from tollhouse.ports import Authenticator, Database, Ledger, Limiter
from tollhouse.server import routes, workers
from tollhouse.server.app import App
from tollhouse.server.door import Door
from tollhouse.server.health import Health
from tollhouse.server.request_id import new_call_id
from tollhouse.server.run import Draining
from tollhouse.state.memory import MemoryLimiter
from tollhouse.state.standin import StandIn, Unreachable
from tollhouse.storage.arrears import PatientLedger
from tollhouse.telemetry.lag import measure_lag
from tollhouse.telemetry.watch import Watching
from tollhouse.wiring import issuers
from tollhouse.wiring.alerts import noting, telling
from tollhouse.wiring.audit import AuditRegister, open_audit, receipt_signer
from tollhouse.wiring.background import Background, background
from tollhouse.wiring.beside import (
    Listening,
    admin_listener,
    keep_renewing,
    opencode_paths,
    otari_paths,
    token_bundles,
)
from tollhouse.wiring.dialects import dialects, ollama_paths
from tollhouse.wiring.door import make_door, manners, upload_disk
from tollhouse.wiring.providers import open_providers
from tollhouse.wiring.shelves import shelves
from tollhouse.wiring.standing import standing_rules
from tollhouse.wiring.static_tokens import open_static_tokens
from tollhouse.wiring.store import Store, open_database
from tollhouse.wiring.watching import (
    keep_gauges,
    keep_load_gauges,
    keep_telling,
    make_metrics,
    served_metrics,
)


@asynccontextmanager
async def open_door(
    settings: Settings, draining: Draining, doors: Listening
) -> AsyncIterator[Door]:
    async with AsyncExitStack() as stack:
        store = open_database(settings)
        stack.push_async_callback(store.close)
        await preparing.prepare(store, _now_ms(), apply=settings.store.is_sqlite)
        await issuers.open_accounts(settings, store)
        metrics = make_metrics(settings)
        tasks = await stack.enter_async_context(background())
        kept = await vault.opened(settings, store)
        keeper = SnapshotKeeper(
            store,
            catalogue.names(settings),
            requires_price=settings.ledger.require_price,
            limits=limiting.defaults(settings),
            naming=Naming(settings.auth.foreign_users),
            takes_tokens=settings.names_people,
            follow=kept.follow if kept else None,
        )
        await keeper.refresh()
        tasks.start(keeper.keep())
        audit = await open_audit(settings, store, stack)
        register = AuditRegister(audit)
        secrets = await peppers.opened(settings, store)
        known_peppers = secrets.versions
        keys = VirtualKeys(known_peppers)
        authenticators: dict[str, Authenticator] = {virtual_keys.SHAPE: keys}
        if settings.takes_tokens:
            desk = Desk(store=store, register=register, new_id=new_call_id, now_ms=_now_ms)
            agent = token_bundles(settings)
            bearers = issuers.open_tokens(settings, stack, desk, keeper.refresh, agent)
            authenticators[tokens.SHAPE] = bearers
            issuers.keep(bearers, tasks)
            if agent is not None:
                tasks.start(agent.keep())
        imported = ImportedKeys(known_peppers, keys)
        authenticators |= dict.fromkeys(imported_keys.SHAPES, imported)
        if settings.static_tokens:  # what no other is asked about, so it stands behind all of them
            authenticators[static_tokens.SHAPE] = in_files = open_static_tokens(settings)
            tasks.start(in_files.keep())
        stack.push_async_callback(write_used_keys, store, keys.touched, keys.touched_previous)
        tasks.start(note_used_keys(store, keys.touched, keys.touched_previous))
        me = Tenancy(new_call_id(), socket.gethostname(), os.getpid(), settings.ledger.lease_s)
        ledger = await _open_ledger(settings, store, me, tasks, stack)
        spoken, watch = dialects(), Watching(metrics)
        doors.broken.listener = watch.handshake_broke
        load = Load(settings.server.max_concurrent_requests, settings.server.max_lag_ms / 1000)
        tasks.start(measure_lag(load.measured))
        providers = await open_providers(settings, stack)
        house = House(
            owner=me.owner,
            snapshots=keeper,
            authenticators=authenticators,
            throttle=Throttle(settings.auth.failures_per_minute),
            ledger=ledger,
            limiter=await _open_limiter(settings, watch, stack),
            seals=SealedIds(secrets.current, known_peppers),
            providers=providers,
            standings=Standings(standing_rules(settings), watch.turned),
            shelves=shelves(settings, store, providers, spoken),
            repeats=Repeats(
                store,
                SealedAnswers(secrets.current, known_peppers),
                settings.idempotency.keep_s * 1000,
                settings.idempotency.max_answer_bytes,
            ),
            load=load,
            audit=audit,
            insists_on_audit=settings.audit.strict,
            watch=watch,
            clock_ns=time.time_ns,
            new_id=new_call_id,
            prover=Proofs(settings.proofs.origin or ""),
            receipts=receipt_signer(settings, audit),
            certifier=doors.certifier,
        )
        if settings.ledger.keep_days:
            tasks.start(keep_folding(store, me.owner, settings.ledger.keep_days, _now_ms))
        tasks.start(keep_looking(house, settings.auth.recheck_every_s))
        keep_renewing(doors, metrics, tasks)
        tasks.start(keep_load_gauges(metrics, load, house.standings))
        tasks.start(keep_telling_alerts(store, noting(metrics), telling(settings, stack), _now_ms))
        tasks.start(keep_gauges(metrics, store, keeper, audit))
        if house.shelves.keepers:
            looks = routes.looking(spoken["chat"])
            tasks.start(look_after(house, looks, settings.files.look_every_s))
        health = Health(
            settings.ollama.version,
            lambda: not draining.is_on and keeper.is_fresh and doors.is_open(),
        )
        chat = spoken["chat"]
        table = RouteTable(
            *routes.route_table(
                spoken,
                settings.server.max_body_bytes,
                ollama_paths(settings),
                settings.files.max_bytes,
            ),
            *otari_paths(settings, house, secrets, store, register, keeper),
            *opencode_paths(settings, secrets, store, keeper, stack),
        )
        if workers.number() is None:
            stack.enter_context(served_metrics(settings, metrics))
        else:
            tasks.start(keep_telling(metrics))
        app = App(
            house,
            table,
            routes.unrouted(chat),
            health,
            manners(settings),
            upload_disk(settings),
        )
        await stack.enter_async_context(
            admin_listener(settings, house, secrets, store, register, doors)
        )
        yield make_door(settings, app, watch, doors.certificate_of)


async def _open_ledger(
    settings: Settings, store: Store, me: Tenancy, tasks: Background, stack: AsyncExitStack
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
    with suppress(Failure):  # if the store is away, the lease ends by itself
        await sweeping.leave(database, owner)


async def _open_limiter(settings: Settings, watch: Watching, stack: AsyncExitStack) -> Limiter:
    limits = settings.limits
    if not limits.is_shared:
        return MemoryLimiter()
    from tollhouse.state.valkey import ValkeyLimiter

    password = limits.password.reveal() if limits.password else None
    shared = ValkeyLimiter(
        limits.store,
        password=password,
        ca_file=settings.at(limits.ca_file) if limits.ca_file else None,
        deadline_s=limits.deadline_ms / 1000,
    )
    standin = StandIn(
        shared, Unreachable(limits.unreachable), watch.limiter_turned, watch.limiter_missed
    )
    stack.push_async_callback(standin.aclose)
    return standin


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
