"""Which clients are tried, and what of them can be had on this machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
NODE_AT_LEAST = 20


@dataclass(frozen=True)
class Client:
    """One way in which one package asks. `program` plays it when told `way`."""

    package: str
    runtime: str  # Python or Node
    program: str
    way: str
    dialect: str  # that it speaks
    path: str  # that it asks
    tries_again: bool = True  # when it is told to wait for a second

    @property
    def id(self) -> str:
        form = "stream" if self.is_stream else "whole"
        return f"{self.package}-{self.runtime}-{self.dialect}-{form}".lower()

    @property
    def is_stream(self) -> bool:
        return "stream" in self.way

    @property
    def version(self) -> str:
        if self.runtime == "Python":
            return python_version(self.package)
        return node_version_in("node", self.package)

    @property
    def command(self) -> list[str]:
        if self.runtime == "Python":
            return [str(PYTHON), str(HERE / "python" / self.program)]
        return ["node", str(HERE / "node" / self.program)]

    @property
    def is_left_out(self) -> str:
        """Why, or nothing."""
        if self.runtime == "Python":
            return "" if PYTHON.exists() else "its environment is not installed"
        return without_node() or (
            "" if (HERE / "node" / "node_modules" / self.package).exists() else "npm did not get it"
        )


CHAT = ("chat", "/v1/chat/completions")
RESPONSES = ("responses", "/v1/responses")
MESSAGES = ("messages", "/v1/messages")
OLLAMA = ("ollama", "/api/chat")


def _both(
    package: str,
    runtime: str,
    program: str,
    dialect: tuple[str, str],
    ways: tuple[str, str] = ("whole", "stream"),
    *,
    tries_again: bool = True,
) -> list[Client]:
    return [
        Client(package, runtime, program, way, *dialect, tries_again=tries_again) for way in ways
    ]


def _named(name: str) -> tuple[str, str]:
    return name, f"{name}-stream"


CLIENTS = (
    *_both("openai", "Python", "openai_chat.py", CHAT),
    *_both("openai", "Python", "openai_responses.py", RESPONSES),
    *_both("anthropic", "Python", "anthropic_messages.py", MESSAGES),
    *_both("ollama", "Python", "ollama_chat.py", OLLAMA, tries_again=False),
    *_both("langchain-openai", "Python", "langchain_chat.py", CHAT, _named("openai")),
    *_both("langchain-anthropic", "Python", "langchain_chat.py", MESSAGES, _named("anthropic")),
    Client(  # it streams, whichever way it is asked
        "langchain-ollama",
        "Python",
        "langchain_chat.py",
        "ollama-stream",
        *OLLAMA,
        tries_again=False,
    ),
    *_both("pydantic-ai-slim", "Python", "pydantic_agent.py", CHAT, _named("chat")),
    *_both("pydantic-ai-slim", "Python", "pydantic_agent.py", RESPONSES, _named("responses")),
    *_both("pydantic-ai-slim", "Python", "pydantic_agent.py", MESSAGES, _named("messages")),
    *_both("openai", "Node", "openai_chat.mjs", CHAT),
    *_both("openai", "Node", "openai_responses.mjs", RESPONSES),
    *_both("@anthropic-ai/sdk", "Node", "anthropic_messages.mjs", MESSAGES),
    *_both("ollama", "Node", "ollama_chat.mjs", OLLAMA, tries_again=False),
    *_both("@ai-sdk/openai-compatible", "Node", "ai_sdk.mjs", CHAT, _named("chat")),
    *_both("@ai-sdk/openai", "Node", "ai_sdk.mjs", RESPONSES, _named("responses")),
    *_both("@ai-sdk/anthropic", "Node", "ai_sdk.mjs", MESSAGES, _named("messages")),
)


@cache
def without_node() -> str:
    if not shutil.which("node"):
        return "there is no Node here"
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major = int(re.findall(r"\d+", said)[0])
    return "" if major >= NODE_AT_LEAST else f"Node is {said.strip()}, and 20 is needed"


@cache
def python_version(package: str) -> str:
    lock = (ROOT / "requirements" / "clients.txt").read_text("utf-8")
    return re.findall(rf"^{re.escape(package)}==(\S+)", lock, re.MULTILINE)[0]


@cache
def node_version_in(directory: str, package: str) -> str:
    lock = json.loads((HERE / directory / "package-lock.json").read_text("utf-8"))
    version: str = lock["packages"][f"node_modules/{package}"]["version"]
    return version
