"""Everything at once, and the books must agree with the invoice. `make torture` calls it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tollhouse.domain.budget import dollars
from torture.reckoning import Reckoning
from torture.run import Progress, Wish, torture

MOST_SHOWN = 10


def main() -> int:
    wish = _wish()
    where = "PostgreSQL" if wish.restarts else "SQLite"
    print(f"{wish.calls:,} calls, {wish.processes} processes on {where}, seed {wish.seed}")
    began = time.monotonic()

    def tell(progress: Progress) -> None:
        print(f"{time.monotonic() - began:5.0f} s {progress.line()}", flush=True)

    with TemporaryDirectory(prefix="tollhouse-torture-") as directory:
        found = asyncio.run(torture(wish, Path(directory), tell))
    _show(found)
    return 1 if found.faults else 0


def _wish() -> Wish:
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--at-once", type=int, default=96)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--restarts", type=int, default=2, help="of PostgreSQL; 0 is SQLite")
    parser.add_argument("--cuts", type=float, default=0.05, help="share of calls cut on each side")
    parser.add_argument("--seed", type=int, default=20_26)
    return Wish(**vars(parser.parse_args()))


def _show(found: Reckoning) -> None:
    ends = ", ".join(f"{count:,} {name}" for name, count in found.outcomes.most_common())
    print(f"\nthe ledger has {ends}")
    print(
        f"spent {dollars(found.spent)} of {dollars(found.limit)}; metered {dollars(found.metered)}"
    )
    print(
        f"difference {dollars(found.spent - found.metered)}: {len(found.differences):,} answers that were cut "
        f"and counted here, each to the nano-dollar"
    )
    for fault in found.faults[:MOST_SHOWN]:
        print(fault)
    verdict = f"{len(found.faults)} FAULTS" if found.faults else "nothing overspent, lost or stuck"
    print(verdict)


if __name__ == "__main__":
    sys.exit(main())
