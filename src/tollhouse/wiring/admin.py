"""The admin listener, beside the door for callers: its own table, credentials and throttle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from tollhouse import __version__
from tollhouse.admin import openapi
from tollhouse.admin.asking import Office
from tollhouse.admin.console.routes import console_routes
from tollhouse.admin.one_record import OneRecord
from tollhouse.admin.routes import admin_table, unrouted
from tollhouse.auth import admin_tokens, tokens
from tollhouse.auth.admin_tokens import AdminTokens
from tollhouse.auth.tokens import Tokens
from tollhouse.config import Listen, Settings
from tollhouse.control.acting import Desk
from tollhouse.control.peppers import Peppers
from tollhouse.control.sessions import Admission
from tollhouse.domain.sessions import Front, Terms
from tollhouse.domain.throttling import Throttle
from tollhouse.pipeline.house import House
from tollhouse.pipeline.route import RouteTable
from tollhouse.ports import Register
from tollhouse.server import listening, routes, workers
from tollhouse.server.app import App, Manners
from tollhouse.server.clocks import Clocks
from tollhouse.server.door import Door
from tollhouse.server.health import OPEN
from tollhouse.server.hosts import Hosts, Origins
from tollhouse.wiring.beside import Listening
from tollhouse.wiring.dialects import dialects, limitable_routes, ollama_paths
from tollhouse.wiring.door import upload_disk
from tollhouse.wiring.sign_on import rules, sign_ons
from tollhouse.wiring.store import Store
from tollhouse.wiring.vouching import known_to

MOST_CONNECTIONS = 16
MOST_AT_ONCE = 16
DRAIN_S = 1.0


def description(settings: Settings) -> dict[str, Any]:
    """The OpenAPI document of this gateway."""
    spoken, listen = dialects(), settings.admin.listen
    scheme = "https" if settings.server.ends_tls else "http"
    return openapi.document(
        routes.route_table(spoken, settings.server.max_body_bytes, ollama_paths(settings)),
        admin_table(spoken["chat"]),
        OPEN,
        version=__version__,
        admin_url=f"{scheme}://{listen}" if listen else None,
    )


@asynccontextmanager
async def served_admin(
    settings: Settings,
    house: House,
    peppers: Peppers,
    store: Store,
    register: Register,
    doors: Listening,
) -> AsyncIterator[None]:
    """While the block runs. Of several workers, the first one serves it."""
    listen = settings.admin.listen
    if listen is None or workers.number() not in (None, 0):
        yield
        return
    dialect = dialects()["chat"]
    records = OneRecord(house.audit, register)
    desk = Desk(store=store, register=records, new_id=house.new_id, now_ms=house.now_ms)
    office = Office(
        settings=settings,
        peppers=peppers,
        desk=desk,
        console=admission(settings),
        routes=limitable_routes(),
        vouchers=lambda: known_to(house, doors, settings),
    )
    described = json.dumps(description(settings)).encode()
    stack = AsyncExitStack()
    bearers = house.authenticators.get(tokens.SHAPE)
    providers = sign_ons(settings, bearers, stack) if isinstance(bearers, Tokens) else {}
    console = console_routes(dialect, office, providers) if office.console else ()
    table = RouteTable(*admin_table(dialect, described, office), *console)
    own = of_operators(settings, house, peppers, records)
    app = App(
        own, table, unrouted(dialect), None, _manners(settings, listen), upload_disk(settings)
    )
    door = Door(
        app.answer,
        _clocks(settings),
        most_per_address=MOST_CONNECTIONS,
        on_suspicion=house.watch.suspected,
        certificate_of=doors.certificate_of,
    )
    server = await asyncio.get_running_loop().create_server(
        door.connection, sock=listening.listen(listen), ssl=doors.tls
    )
    watching = asyncio.create_task(door.watch())
    try:
        yield
    finally:
        server.close()
        await door.drain(DRAIN_S, asyncio.Event())
        watching.cancel()
        await stack.aclose()


def admission(settings: Settings) -> Admission | None:
    """None where nobody logs on."""
    url = settings.console_url
    if url is None:
        return None
    terms = Terms(settings.console.idle_s, settings.console.longest_s)
    return Admission(Front(url), terms, rules(settings))


def of_operators(settings: Settings, house: House, peppers: Peppers, records: OneRecord) -> House:
    """The same house for those who bear admin tokens: nobody else opens it, and each request leaves one record."""
    return replace(
        house,
        authenticators={admin_tokens.SHAPE: AdminTokens(peppers.versions)},
        throttle=Throttle(settings.auth.failures_per_minute),
        audit=records,
        insists_on_audit=True,
    )


def _manners(settings: Settings, listen: Listen) -> Manners:
    is_loopback = listen.is_loopback
    return Manners(
        hosts=Hosts(listen.host, settings.server.hosts, is_loopback=is_loopback),
        origins=Origins((), with_credentials=False, is_loopback=is_loopback),
        trusted=settings.server.trusted_proxies,
        most_at_once=MOST_AT_ONCE,
    )


def _clocks(settings: Settings) -> Clocks:
    server = settings.server
    return Clocks(
        head_s=server.header_s, body_s=server.body_s, idle_s=server.idle_s, stall_s=server.stall_s
    )
