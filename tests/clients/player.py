"""A client in a process of its own, which plays one session for each line that it is told."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from typing import Any

PATIENCE_S = 90.0


class Player:
    """One process for all the ways of one program: most of its time goes into starting."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str]) -> Player:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=bare_environ(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def play(self, **wish: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            line = await self._process.stdout.readline()
        assert line, f"the client ended with {await self._process.wait()}: its own words are above"
        told: dict[str, Any] = json.loads(line)
        return told

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


def bare_environ() -> dict[str, str]:
    """Nothing that would tell a client where else to go, or whom to tell of it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
