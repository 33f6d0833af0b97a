"""One system's turn in one round: start it, ask it in every way, end it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.client import Door
from bench.cores import Cores, pinned
from bench.figures import stream_kb, translated_x_relayed
from bench.processes import family, proportional_mb, resident_mb
from bench.running import Broken, running
from bench.systems import System
from bench.workloads import OPEN, WORKLOADS

_LIMIT_S = 300.0  # a workload ends by itself long before
_LATENCIES = ("eight", "paced", "first_byte")  # all there is to a direct call


def workloads_of(system: System) -> tuple[str, ...]:
    names = tuple(WORKLOADS) if system.command else _LATENCIES
    return tuple(name for name in names if name not in system.leaves_out)


def taken(
    system: System, cores: Cores, folder: Path, seconds: float, on_step: Callable[[str], None]
) -> dict[str, float]:
    """All figures of the turn. Raises Broken on a wrong answer: a figure from it means nothing."""
    figures: dict[str, float] = {}
    with running(system, cores.system, folder / f"{system.name}.log") as (door, start_s):
        if door.pid:
            figures |= {"start_s": start_s, **_idle(door.pid)}
        for workload in workloads_of(system):
            on_step(workload)
            figures |= _measured(system, door, workload, seconds, cores)
    if "open_mb" in figures:
        figures["stream_kb"] = stream_kb(figures, OPEN)
    return figures


def of_clients(upstream: int, cores: Cores, seconds: float) -> dict[str, float]:
    """The clients alone, one after the other. Raises Broken."""
    mine, other = (_of_client(name, upstream, cores, seconds) for name in ("tollhouse", "aiohttp"))
    return {"client_cpu_us": mine, "aiohttp_cpu_us": other, "client_x_aiohttp": mine / other}


def of_lanes(request_cpu_us: float, cores: Cores, seconds: float) -> dict[str, float]:
    """The dialects alone, and what a translated request costs beside a relayed one. Raises Broken."""
    with pinned(cores.system):
        done = subprocess.run(
            [sys.executable, "-m", "bench.lanes", str(seconds)],
            capture_output=True,
            timeout=_LIMIT_S,
        )
    if done.returncode:
        raise Broken(f"the lanes failed:\n{done.stderr.decode()[-2000:]}")
    figures = msgspec.json.decode(done.stdout, type=dict[str, float])
    return {**figures, "translated_x_relayed": translated_x_relayed(request_cpu_us, figures)}


def of_ledger(cores: Cores, seconds: float) -> dict[str, float]:
    """The ledger alone, on each store. Raises Broken."""
    return _alone("ledger", cores, seconds)


def of_callers(cores: Cores, seconds: float) -> dict[str, float]:
    """The authenticators alone. Raises Broken."""
    return _alone("callers", cores, seconds)


def _alone(module: str, cores: Cores, seconds: float) -> dict[str, float]:
    """What a module of the bench prints that works with what the tests have."""
    with pinned(cores.system):
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{module}", str(seconds)],
            capture_output=True,
            timeout=_LIMIT_S,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(("tests", *sys.path[:1]))},
        )
    if done.returncode:
        raise Broken(f"the {module} failed:\n{done.stderr.decode()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=dict[str, float])


def _of_client(name: str, upstream: int, cores: Cores, seconds: float) -> float:
    with pinned(cores.system):
        done = subprocess.run(
            [sys.executable, "-m", "bench.clients", name, str(seconds), str(upstream)],
            capture_output=True,
            timeout=_LIMIT_S,
        )
    if done.returncode:
        raise Broken(f"the client of {name} failed:\n{done.stderr.decode()[-2000:]}")
    return float(done.stdout)


def _idle(pid: int) -> dict[str, float]:
    pids = family(pid)
    return {"idle_mb": resident_mb(pids), "idle_pss_mb": proportional_mb(pids)}


def _measured(
    system: System, door: Door, workload: str, seconds: float, cores: Cores
) -> dict[str, float]:
    with pinned(cores.load):
        done = subprocess.run(
            [sys.executable, "-m", "bench.load", workload, str(seconds)],
            input=msgspec.json.encode(door),
            capture_output=True,
            timeout=_LIMIT_S,
        )
    if done.returncode:
        raise Broken(f"the load generator failed on {system.name}:\n{done.stderr.decode()[-2000:]}")
    figures: dict[str, float | str] = msgspec.json.decode(done.stdout)
    if "wrong" in figures:
        raise Broken(f"{system.name} answered wrongly ({workload}): {figures['wrong']}")
    return {name: float(value) for name, value in figures.items()}
