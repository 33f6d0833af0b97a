"""Tollhouse as its users run it: through its command line, with a durable ledger and the audit on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench.client import Door
from bench.systems import Place, System
from bench.wire import MODEL

# Limits that 1,000 streams and 60,000 requests a minute would run into are lifted, nothing else.
_CONFIG = """
data_dir = "{folder}/data"

[server]
listen = "127.0.0.1:{port}"

[metrics]
listen = "off"

[limits]
requests_per_minute = 0

[providers.bench]
kind = "openai-compatible"
url = "{upstream}/v1"
max_connections = 2048

[models.{model}]
targets = ["bench:{model}"]
"""


def prepared(place: Place) -> System:
    """With a tenant, a budget, a price and a key, so that every request is held and settled."""
    config = place.folder / "tollhouse.toml"
    config.write_text(
        _CONFIG.format(
            folder=place.folder, port=place.port, upstream=place.upstream_url, model=MODEL
        )
    )
    program = (str(Path(sys.executable).parent / "tollhouse"), "--config", str(config))
    _told(program, "migrate")
    _told(program, "tenants", "create", "bench")
    _told(program, "budgets", "set", "tenant:bench", "--limit", "1000000")
    _told(program, "prices", "set", f"bench:{MODEL}", "--input", "1", "--output", "2")
    key = _told(program, "keys", "create", "bench", "--name", "bench", "--models", "*", "--json")
    door = Door(place.port, key=json.loads(key)["key"])
    return System("tollhouse", version("tollhouse"), door, (*program, "serve"))


def _told(program: tuple[str, ...], *words: str) -> str:
    done = subprocess.run(
        [*program, *words], capture_output=True, text=True, timeout=60, env=os.environ
    )
    if done.returncode:
        raise RuntimeError(f"`tollhouse {' '.join(words)}` failed:\n{done.stderr or done.stdout}")
    return done.stdout
