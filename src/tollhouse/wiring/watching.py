"""Metrics: what they count, and where they are read."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from tollhouse.config import Settings
from tollhouse.control.keeping import SnapshotKeeper
from tollhouse.domain.errors import Failure
from tollhouse.domain.shedding import Load
from tollhouse.pipeline.standing import Standings
from tollhouse.ports import Database
from tollhouse.server import routes
from tollhouse.server.scraping import scraped
from tollhouse.sinks.file import ChainedLog
from tollhouse.storage import calls
from tollhouse.telemetry.metrics import CONTENT_TYPE, Metrics
from tollhouse.wiring.beside import names_beside
from tollhouse.wiring.dialects import dialects

METRICS_DIRECTORY = Path("metrics")
GAUGE_S = 5.0
TELL_S = 1.0


def make_metrics(settings: Settings) -> Metrics:
    """Counted in memory, or in files that the parent of several workers adds up."""
    spoken = dialects()
    names = {route.name for route in routes.route_table(spoken, 0)} | names_beside(settings)
    directory = settings.at(METRICS_DIRECTORY) if settings.server.workers > 1 else None
    return Metrics(
        routes=names | {routes.unrouted(spoken["chat"]).name},
        models=settings.models,
        providers=settings.providers,
        targets={target.name for model in settings.models.values() for target in model.targets},
        directory=directory,
    )


def served_metrics(settings: Settings, metrics: Metrics) -> AbstractContextManager[object]:
    address = settings.metrics.listen
    if address is None:
        return nullcontext()
    return scraped(address.host, address.port, metrics.expose, CONTENT_TYPE)


async def keep_telling(metrics: Metrics) -> None:
    """For the parent of several workers, which reads what this one counts."""
    try:
        while True:
            await asyncio.sleep(TELL_S)
            metrics.tell()
    finally:
        metrics.tell()


async def keep_load_gauges(metrics: Metrics, load: Load, standings: Standings) -> None:
    while True:
        metrics.set_loop_lag(load.lag_s)
        for standing in standings:
            gate = standing.gate
            metrics.set_target_calls(standing.name, gate.inside, gate.in_line, gate.expected_s)
        await asyncio.sleep(GAUGE_S)


async def keep_gauges(
    metrics: Metrics, database: Database, keeper: SnapshotKeeper, audit: ChainedLog
) -> None:
    """Tell what nobody counts as it happens."""
    told = 0
    while True:
        metrics.set_snapshot_age(keeper.age_s)
        for _ in range(audit.failed + audit.dropped - told):
            metrics.audit_failed()
        told = audit.failed + audit.dropped
        with suppress(Failure):  # an old figure, beside the age that tells why
            metrics.set_open_holds(await calls.count_open(database))
        await asyncio.sleep(GAUGE_S)
