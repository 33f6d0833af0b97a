"""The gateway of a demonstration: `tollhouse serve` in a process of its own, as a user starts it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tollhouse.demo.asking import Door
from tollhouse.demo.failing import DemoFailed, gateway_failed
from tollhouse.demo.place import Place
from tollhouse.demo.speaker import Speaker

HOST = "127.0.0.1"
USUAL_PORT = 8400
START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 15.0
LOOK_S = 0.05

SETTINGS = """\
# Made by `tollhouse demo`, which makes it anew each time. A file of your own: `tollhouse config init`.
data_dir = {data}

[server]
listen = "{host}:{port}"
drain_s = 5

[metrics]
listen = "off"

# Sign after every record, so that nothing is left to sign when the chain is verified.
[audit]
checkpoint_every = 1

[providers.{kind}]
kind = "{kind}"

[models.{model}]
targets = ["{kind}:{target}"]
max_output_tokens = 256
"""

Process = subprocess.Popen[bytes]


def free_port(wanted: int | None) -> int:
    """The one that is wanted, or the usual one, or any that is free. Raises DemoFailed."""
    if wanted is not None:
        if not _is_free(wanted):
            raise DemoFailed(f"Port {wanted} is taken: leave --port out, and a free one is found.")
        return wanted
    if _is_free(USUAL_PORT):
        return USUAL_PORT
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def write_settings(place: Place, port: int, speaker: Speaker) -> None:
    # JSON's text is TOML's: a path may hold quotes and backslashes.
    data = json.dumps(str(place.data.resolve()), ensure_ascii=False)
    values = {"kind": speaker.kind, "model": speaker.model, "target": speaker.target}
    place.settings.write_text(SETTINGS.format(data=data, host=HOST, port=port, **values), "utf-8")


@contextmanager
def serving(place: Place, door: Door) -> Iterator[Process]:
    """Ready when the block is entered, gone when it is left. Raises DemoFailed."""
    with place.log.open("wb") as log:
        process = _start(place, log.fileno())
    try:
        _await_ready(process, place, door)
        yield process
    finally:
        _stop(process)


def _start(place: Place, log: int) -> Process:
    # -P: a directory named tollhouse where the user happens to stand is not our code.
    command = [sys.executable, "-P", "-m", "tollhouse", "--config", str(place.settings), "serve"]
    # A session of its own: Ctrl-C comes to us, and we stop it in good order.
    return subprocess.Popen(  # noqa: S603 - our own
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


def _await_ready(process: Process, place: Place, door: Door) -> None:
    give_up_at = time.monotonic() + START_DEADLINE_S
    while not door.is_ready():
        if process.poll() is not None:
            raise gateway_failed(f"The gateway ended with status {process.returncode}.", place.log)
        if time.monotonic() > give_up_at:
            raise gateway_failed(
                f"The gateway was not ready after {START_DEADLINE_S:.0f} s.", place.log
            )
        time.sleep(LOOK_S)


def _stop(process: Process) -> None:
    """No process is left, the model's neither: it lives no longer than the gateway."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_DEADLINE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()  # asked twice, or too slow
        process.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True
