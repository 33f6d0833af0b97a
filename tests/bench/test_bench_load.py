from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.client import Door
from bench.cores import divided, pinned
from bench.processes import cpu_s, family, proportional_mb, resident_mb
from bench.running import Broken, kept_port, running, upstream
from bench.systems import Place, System, relay
from bench.wire import WrongAnswer
from bench.workloads import burst, eight, first_byte, paced, saturated, trickle

BRIEF_S = 0.1


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The upstream behind the bare relay."""
    folder, cores = tmp_path_factory.mktemp("relay"), divided()
    with upstream(cores.load) as port, kept_port() as own:
        system = relay.prepared(Place(folder, own, port))
        with running(system, cores.system, folder / "log") as (door, _):
            yield door


async def test_a_saturated_system_has_its_cpu_counted(relayed: Door) -> None:
    figures = await saturated(relayed, BRIEF_S)

    assert figures["request_cpu_us"] > 0
    assert figures["requests_s"] > 0


async def test_latencies_are_told_as_median_and_tail(relayed: Door) -> None:
    figures = {**await eight(relayed, BRIEF_S), **await paced(relayed, BRIEF_S)}

    assert 0 < figures["eight_p50_ms"] <= figures["eight_p99_ms"]
    assert 0 < figures["paced_p50_ms"] <= figures["paced_p99_ms"]


async def test_the_first_byte_of_a_stream_is_timed(relayed: Door) -> None:
    figures = await first_byte(relayed, BRIEF_S)

    assert 0 < figures["first_byte_p50_ms"] <= figures["first_byte_p99_ms"]


async def test_streamed_chunks_have_their_cpu_counted(relayed: Door) -> None:
    figures = {**await burst(relayed, BRIEF_S), **await trickle(relayed, BRIEF_S)}

    assert figures["burst_chunk_cpu_us"] > 0
    assert figures["trickle_chunk_cpu_us"] > 0


@pytest.mark.parametrize(
    "reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"]
)
async def test_a_system_that_answers_wrongly_fails_the_workload(reply: bytes) -> None:
    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(lie, "127.0.0.1", 0) as server:
        with pytest.raises(WrongAnswer):
            await eight(Door(server.sockets[0].getsockname()[1]), BRIEF_S)


def test_a_system_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    dead = System("dead", "", Door(9), ("sh", "-c", "echo no such toll; exit 1"))

    with (
        pytest.raises(Broken, match="no such toll"),
        running(dead, divided().system, tmp_path / "log"),
    ):
        pass


def test_a_system_is_ended_when_its_turn_is_broken_off(tmp_path: Path) -> None:
    cores = divided()
    with upstream(cores.load) as port, kept_port() as own:
        system = relay.prepared(Place(tmp_path, own, port))

        with (
            pytest.raises(KeyboardInterrupt),
            running(system, cores.system, tmp_path / "log") as (door, _),
        ):
            raise KeyboardInterrupt

        assert not Path(f"/proc/{door.pid}").exists()


def test_what_is_started_pinned_stays_where_it_was_put() -> None:
    before = os.sched_getaffinity(0)
    with pinned(divided().system):
        inside = os.sched_getaffinity(0)

    assert inside == divided().system
    assert os.sched_getaffinity(0) == before


def test_the_books_of_the_kernel_tell_cpu_and_memory() -> None:
    pids = family(os.getpid())

    assert os.getpid() in pids
    assert cpu_s([os.getpid()]) > 0
    assert 0 < proportional_mb([os.getpid()]) <= resident_mb([os.getpid()]) * 1.1
