"""One target under Hypothesis, which draws at random: for machines that atheris is not made for.

python -m fuzz.by_hypothesis TARGET SECONDS
"""

from __future__ import annotations

import sys
import time
from hashlib import sha256

from hypothesis import HealthCheck, given, settings

from fuzz.inputs import inputs
from fuzz.targets import CRASHES, TARGETS

ROUND = 500


def main(name: str, seconds: str) -> None:
    tried, last, ends_at = 0, b"", time.monotonic() + float(seconds)

    @given(inputs(name))
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def holds(data: bytes) -> None:
        nonlocal tried, last
        tried, last = tried + 1, data
        TARGETS[name].run(data)

    try:
        while time.monotonic() < ends_at:
            holds()
            print(f"#{tried}", file=sys.stderr, flush=True)
    except BaseException:  # the input that is tried last is the smallest that breaks it
        CRASHES.mkdir(parents=True, exist_ok=True)
        (CRASHES / f"{name}-crash-{sha256(last).hexdigest()}").write_bytes(last)
        raise


main(*sys.argv[1:])
