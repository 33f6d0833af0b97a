"""From settings to a gateway that answers: in this process, or in several that it watches."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import uvloop

from tollhouse import __version__
from tollhouse.config import Settings
from tollhouse.server import listening, run, workers
from tollhouse.server.run import Draining
from tollhouse.telemetry import logs
from tollhouse.telemetry.metrics import fresh_directory
from tollhouse.wiring import ways
from tollhouse.wiring.beside import listening_as
from tollhouse.wiring.house import open_door
from tollhouse.wiring.unusable import unusable
from tollhouse.wiring.watching import METRICS_DIRECTORY, make_metrics, served_metrics


def serve(settings: Settings, config: Path | None, profile: str = "") -> None:
    """Serve until asked to stop: in this process, or in several that it watches."""
    inherited = workers.inherited_listener()
    if inherited is None:
        ways.refuse([*unusable(settings), *ways.forbidden(settings)], config)
    listening.make_room()
    listener = inherited or listening.listen(settings.server.listen)
    if inherited is None and settings.server.workers > 1:
        _serve_in_workers(settings, config, profile, listener)
        return
    logs.configure(settings.log.level)
    on_ready = workers.tell_ready if inherited else partial(_say_ready, settings, listener)
    uvloop.run(_answer(settings, listener, on_ready))


def _serve_in_workers(
    settings: Settings, config: Path | None, profile: str, listener: socket.socket
) -> None:
    logs.configure(settings.log.level)
    named = ["--config", str(config.absolute())] if config else []
    named += ["--profile", profile] if profile else []
    fresh_directory(settings.at(METRICS_DIRECTORY))
    metrics = make_metrics(settings)
    crew = workers.Workers(
        [sys.executable, "-m", "tollhouse", *named, "serve"],
        listener,
        settings.server.workers,
        settings.server.notice_s + settings.server.drain_s,
        on_gone=metrics.worker_gone,
    )
    with served_metrics(settings, metrics):
        _say_ready(settings, listener)
        crew.run()


async def _answer(
    settings: Settings, listener: socket.socket, on_ready: Callable[[], None]
) -> None:
    draining, doors = Draining(), listening_as(settings)
    if workers.number() is not None:
        workers.when_orphaned(draining.begin)
    await run.answer(
        partial(open_door, settings, draining, doors),
        listener,
        draining=draining,
        notice_s=settings.server.notice_s,
        drain_s=settings.server.drain_s,
        tls=doors.tls,
        on_ready=on_ready,
    )


def _say_ready(settings: Settings, listener: socket.socket) -> None:
    url = listening.url_of(listener, is_tls=settings.server.ends_tls)
    print(f"Tollhouse {__version__} answers on {url}/v1", file=sys.stderr, flush=True)
