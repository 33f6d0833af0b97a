"""The long run: each target for so many seconds, one after the other. `make fuzz` calls it."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import deque
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from fuzz.keeping import worth_keeping
from fuzz.targets import CORPUS, CRASHES, GROWN, TARGETS, corpus

SHOW_EVERY_S = 10.0
ENGINE = "atheris" if find_spec("atheris") else "hypothesis"


def main() -> int:
    wishes = _wishes()
    print(f"{len(wishes.targets)} targets, {wishes.seconds} s each, looked for by {ENGINE}")
    if ENGINE == "hypothesis":
        print(
            "atheris is not to be had for this machine or this Python: inputs are drawn at random"
        )
    broken = [name for name in wishes.targets if not _holds(name, wishes.seconds)]
    for name in wishes.targets if wishes.keep and ENGINE == "atheris" and not broken else ():
        _keep(name)
    if broken:
        print(
            f"\nbroken: {', '.join(broken)}. Each input is a file in {CRASHES}/, named for its target;"
        )
        print(f"mend the code, then move it to {CORPUS.relative_to(Path.cwd())}/TARGET/.")
    return 1 if broken else 0


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument(
        "--keep", action="store_true", help="minimise what was found into the corpus"
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    wishes = parser.parse_args()
    if unknown := set(wishes.targets) - TARGETS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    wishes.targets = wishes.targets or list(TARGETS)
    return wishes


def _holds(name: str, seconds: int) -> bool:
    command = [sys.executable, "-m", f"fuzz.by_{ENGINE}", name, str(seconds)]
    began = shown = time.monotonic()
    tail: deque[str] = deque(maxlen=60)
    tried = branches = "0"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as engine:
        for line in engine.stderr or ():
            if not (found := re.match(r"#(\d+)", line)):
                tail.append(line)
            else:
                tried = found[1]
                branches = (re.search(r"cov: (\d+)", line) or ["", branches])[1]
            if time.monotonic() - shown > SHOW_EVERY_S:
                shown = time.monotonic()
                _tell(name, shown - began, tried, branches)
    is_whole = engine.returncode == 0
    _tell(name, time.monotonic() - began, tried, branches, "holds" if is_whole else "BROKEN")
    if not is_whole:
        print("".join(tail))
    return is_whole


def _tell(name: str, after_s: float, tried: str, branches: str, verdict: str = "") -> None:
    reached = f"{branches:>6} branches" if ENGINE == "atheris" else ""
    print(f"{name:<18} {after_s:5.0f} s {int(tried):>10,} inputs {reached} {verdict}", flush=True)


def _keep(name: str) -> None:
    """Beside the seeds: what takes a new step, and whatever broke the target once."""
    target, kept = TARGETS[name], CORPUS / name
    kept.mkdir(parents=True, exist_ok=True)
    grown = [path.read_bytes() for path in (GROWN / name).glob("*")]
    for path in kept.iterdir():
        if "-crash-" not in path.name:
            path.unlink()
    for data in worth_keeping(target.run, [*grown, *corpus(name)]):
        if data not in target.seeds:
            (kept / sha256(data).hexdigest()[:16]).write_bytes(data)
    print(f"{name:<18} keeps {len(list(kept.iterdir()))} inputs")


sys.exit(main())
