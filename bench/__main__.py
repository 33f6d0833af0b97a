"""`python -m bench`: prepare the systems, let each take its turn, several rounds, and tell."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench import machine, page, report, targets
from bench.cores import divided
from bench.figures import medians, with_added
from bench.results import PRIVATE, PUBLISHED, Results, read
from bench.running import Broken, kept_port, upstream
from bench.systems import Place, System, direct, litellm, nginx, relay, tollhouse
from bench.turn import of_callers, of_clients, of_lanes, of_ledger, taken, workloads_of

ENVIRONMENT = Path("~/.cache/tollhouse-bench/litellm")


def main() -> int:
    options = _options()
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so all processes are ended
    try:
        results = _run(options, console)
    except (Broken, RuntimeError, OSError, subprocess.SubprocessError) as problem:
        console.print(f"The bench failed. {problem}", style="red", markup=False)
        return 2
    except KeyboardInterrupt:
        console.print("Interrupted; everything that was started has been ended.")
        return 130
    report.show(results, console)
    _keep(results, options, console)
    missed = any(one.is_missed for one in targets.judged(results))
    return 1 if options.check and missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="turns of each system (default 5)")
    parser.add_argument("--seconds", type=float, help="length of each workload (default 2)")
    parser.add_argument(
        "--quick", action="store_true", help="one short round; nothing is published"
    )
    parser.add_argument("--rivals", action="store_true", help="measure LiteLLM too")
    parser.add_argument("--rivals-env", type=Path, default=ENVIRONMENT, help="where LiteLLM lives")
    parser.add_argument("--only", nargs="+", metavar="SYSTEM", help="besides direct and the proxy")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (1.0 if options.quick else 2.0)
    return options


def _run(options: argparse.Namespace, console: Console) -> Results:
    cores = divided()
    here = machine.this()
    if not cores.are_apart:
        console.print(
            "Only one core: the load shares it, and the figures are rough.", style="yellow"
        )
    with _prepared(options, console) as (folder, systems):
        rounds: dict[str, list[dict[str, float]]] = {system.name: [] for system in systems}
        with _progress(console) as progress:
            steps = options.rounds * sum(len(workloads_of(system)) for system in systems)
            bar = progress.add_task("", total=steps)
            for turn in range(options.rounds):
                for system in systems:

                    def on_step(workload: str, at: str = f"{turn + 1} {system.name}") -> None:
                        progress.update(bar, advance=1, description=f"round {at}: {workload}")

                    figures = taken(system, cores, folder, options.seconds, on_step)
                    if system.name == "tollhouse":
                        figures |= of_clients(systems[0].door.port, cores, options.seconds)
                        figures |= of_lanes(figures["request_cpu_us"], cores, options.seconds)
                        figures |= of_ledger(cores, options.seconds)
                        figures |= of_callers(cores, options.seconds)
                    rounds[system.name].append(figures)
    return _results(options, here, systems, rounds, are_apart=cores.are_apart)


@contextmanager
def _prepared(options: argparse.Namespace, console: Console) -> Iterator[tuple[Path, list[System]]]:
    """The systems in the order of their turns: direct, the proxy, and who is compared with it."""
    cores = divided()
    with TemporaryDirectory(prefix="tollhouse-bench-") as name, ExitStack() as ports:
        answering = ports.enter_context(upstream(cores.load))

        def place(system: str) -> Place:
            folder = Path(name, system)
            folder.mkdir()
            return Place(folder, ports.enter_context(kept_port()), answering)

        systems = [direct.prepared(place("direct")), _base(place("proxy"), console)]
        wanted = options.only or ["tollhouse", *(["litellm"] if options.rivals else [])]
        if "tollhouse" in wanted:
            systems.append(tollhouse.prepared(place("tollhouse")))
        if "litellm" in wanted:
            console.print("LiteLLM is installed if it is not yet; that takes minutes.", style="dim")
            systems.append(litellm.prepared(place("litellm"), options.rivals_env.expanduser()))
        yield Path(name), systems


def _base(place: Place, console: Console) -> System:
    program = nginx.found()
    if program:
        return nginx.prepared(place, program)
    console.print(
        "nginx is not installed: a bare relay in Python is the base instead. "
        "It does less than a proxy; ratios to it are not ratios to nginx.",
        style="yellow",
    )
    return relay.prepared(place)


def _results(
    options: argparse.Namespace,
    here: machine.Machine,
    systems: list[System],
    rounds: dict[str, list[dict[str, float]]],
    *,
    are_apart: bool,
) -> Results:
    every = {
        name: turns
        if name == "direct"
        else [with_added(mine, bare) for mine, bare in zip(turns, rounds["direct"], strict=True)]
        for name, turns in rounds.items()
    }
    return Results(
        made=datetime.now(UTC).date().isoformat(),
        machine=here,
        cores_are_apart=are_apart,
        base=systems[1].name,
        versions={system.name: system.version for system in systems},
        rounds=options.rounds,
        seconds=options.seconds,
        figures={name: medians(turns) for name, turns in every.items()},
        every_round=every,
    )


def _keep(results: Results, options: argparse.Namespace, console: Console) -> None:
    if options.quick or options.only:
        results.write(PRIVATE)
        console.print(f"\nWritten to {PRIVATE}; a short or partial run is not published.")
        return
    results.write(PUBLISHED)
    page.publish(read(PUBLISHED))  # rounded once: the page and the file say the same
    console.print(f"\nWritten to {PUBLISHED} and {page.PAGE}.")


def _progress(console: Console) -> Progress:
    return Progress(
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        refresh_per_second=4,
    )


if __name__ == "__main__":
    sys.exit(main())
