"""LiteLLM's proxy from an environment of its own: no database, one worker, a master key."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from bench.client import Door
from bench.systems import Place, System
from bench.wire import MODEL

PINNED = "1.109.1"
LOOSENED = "litellm-proxy-extras>=0.4\ncertifi>=2026\n"
"""Of what it pins: certificates and migrations of a database, which nothing here uses. Not every index has them."""

_KEY = "sk-bench"
_CONFIG = """
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: {upstream}/v1
      api_key: none
general_settings:
  master_key: {key}
litellm_settings:
  telemetry: false
"""


def prepared(place: Place, environment: Path) -> System:
    """Installs it once, which takes minutes; raises CalledProcessError when it cannot be had."""
    environment /= f"{PINNED}-{platform.python_version()}"
    program = environment / "bin" / "litellm"
    if not program.exists():
        _install(environment)
    config = place.folder / "litellm.yaml"
    config.write_text(_CONFIG.format(model=MODEL, upstream=place.upstream_url, key=_KEY))
    command = (
        str(program),
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(place.port),
    )
    return System(
        "litellm",
        _version(environment),
        Door(place.port, key=_KEY, rate=50.0),  # more than 50 a second would only queue
        (*command, "--num_workers", "1"),
        {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"},
        start_limit_s=120.0,
        leaves_out=("open_streams",),  # a thousand of them are not under way within three minutes
    )


def _install(environment: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "venv", "--quiet", "--python", sys.executable, str(environment)],
        check=True,
        timeout=120,
    )
    loosened = environment / "loosened.txt"
    loosened.write_text(LOOSENED)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", str(environment / "bin" / "python")]
        + ["--overrides", str(loosened), f"litellm[proxy]=={PINNED}"],
        check=True,
        timeout=1200,
    )


def _version(environment: Path) -> str:
    ask = "from importlib.metadata import version; print(version('litellm'))"
    python = str(environment / "bin" / "python")
    told = subprocess.run(
        [python, "-c", ask], capture_output=True, text=True, check=True, timeout=30
    )
    return told.stdout.strip()
