"""Coding agents as people run them: a command, a directory, a home of its own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clients.player import bare_environ
from clients.roster import HERE, node_version_in, without_node

PATIENCE_S = 120.0
MODULES = HERE / "agents" / "node_modules"
QUESTION = "Say toll by `echo`, then tell me what stands in note.txt."


@dataclass(frozen=True)
class Agent:
    package: str
    start: str  # the script in Node that finds the program
    dialect: str
    path: str
    attempts_when_refused: int
    """Of its own making: it is told not to try again."""

    runtime: str = "Node"

    @property
    def id(self) -> str:
        return self.package.rpartition("/")[2]

    @property
    def version(self) -> str:
        return node_version_in("agents", self.package)

    @property
    def command(self) -> tuple[str, ...]:
        return ("node", str(MODULES / self.package / self.start))

    @property
    def is_left_out(self) -> str:
        """Why, or nothing. Its program may be missing where npm has none for this machine."""
        return without_node() or ("" if _runs(self.command) else "its program does not start here")


CLAUDE_CODE = Agent("@anthropic-ai/claude-code", "cli-wrapper.cjs", "messages", "/v1/messages", 1)
CODEX = Agent("@openai/codex", "bin/codex.js", "responses", "/v1/responses", 6)
AGENTS = (CLAUDE_CODE, CODEX)


async def claude_code(home: Path, origin: str, key: str, model: str, tries: int = 0) -> str:
    """What it prints in the end, as JSON. It tries as often as it likes, or as it is told."""
    quiet = {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "ENABLE_TOOL_SEARCH": "false",
    }
    where = {"ANTHROPIC_BASE_URL": origin, "ANTHROPIC_AUTH_TOKEN": key}
    patience = {"CLAUDE_CODE_MAX_RETRIES": str(tries - 1)} if tries else {}
    models = {"ANTHROPIC_MODEL": model, "ANTHROPIC_SMALL_FAST_MODEL": model}
    asked = ("-p", QUESTION, "--output-format", "json", "--allowedTools", "Bash")
    return await _run(
        home, (*CLAUDE_CODE.command, *asked), {**quiet, **where, **models, **patience}
    )


async def codex(home: Path, origin: str, key: str, model: str, tries: int = 0) -> str:
    """What it prints in the end, a line of JSON for each event."""
    patience = f"stream_max_retries = {tries - 1}\nrequest_max_retries = 0" if tries else ""
    (home / "config.toml").write_text(
        f"""
model = "{model}"
model_provider = "tollhouse"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.tollhouse]
name = "Tollhouse"
base_url = "{origin}/v1"
env_key = "TOLLHOUSE_KEY"
wire_api = "responses"
{patience}
"""
    )
    asked = ("exec", "--json", "--skip-git-repo-check", QUESTION)
    return await _run(
        home, (*CODEX.command, *asked), {"TOLLHOUSE_KEY": key, "CODEX_HOME": str(home)}
    )


async def _run(home: Path, command: tuple[str, ...], environ: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=home,
        env={**bare_environ(), "HOME": str(home), **environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, problems = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode() or problems.decode()


@cache
def _runs(command: tuple[str, ...]) -> bool:
    if not shutil.which(command[0]):
        return False
    tried: Any = subprocess.run(
        [*command, "--version"], capture_output=True, check=False, timeout=60
    )
    return bool(tried.returncode == 0)
