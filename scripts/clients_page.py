"""Writes docs/reference/clients.md from what the last `make clients` found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from clients.agents import AGENTS, Agent  # noqa: E402 - it lives beside the tests
from clients.roster import CLIENTS, Client  # noqa: E402

NOTES = ROOT / "build" / "clients.json"
PAGE = ROOT / "docs" / "reference" / "clients.md"
FAULTS = ("401", "402", "429", "cut")
DIALECTS = {
    "chat": "OpenAI Chat Completions",
    "responses": "OpenAI Responses",
    "messages": "Anthropic Messages",
    "ollama": "Ollama",
}
BEHIND = (*DIALECTS, "gemini", "bedrock")
SAYS = {"passed": "yes", "failed": "**no**", "skipped": "not tried", None: ""}

HEAD = """\
# Clients

What `make clients` found: each of these clients, unchanged, in a session of three turns with tools through a
served gateway, and before what can go wrong. The versions are those of the locks.

- *session before*: the providers behind which the whole session was played, by their dialects. Before its own the
  client is on the native lane; before any other its calls and the answers are translated. Each turn was one call of
  the client and one of the provider, each result of a tool arrived as it was said, and tokens, cost and audit were
  right.
- *same members*: on the native lane the provider got, byte for byte, every member of the body that the client put on
  the wire, but for those that the gate must set.
- *401*, *402*: the client shows the gateway's words about a wrong key and about an exhausted budget after one attempt,
  and the provider hears nothing of it. Codex makes six attempts whatever it is told.
- *429*: told to wait for a second, the client asks again and gets its answer; Ollama's clients show the words.
- *cut*: a stream that breaks off in the middle is an error, never an answer. Agents ask once more and go on.

This page is written by `make docs` after `make clients`.

| client | in | version | speaks | streams | session before | same members | 401 | 402 | 429 | cut |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def page(notes: dict[str, dict[str, str]]) -> str:
    rows = [_row(client, "yes" if client.is_stream else "no", notes) for client in CLIENTS]
    return HEAD + "".join(rows + [_row(agent, "yes", notes) for agent in AGENTS])


def _row(client: Client | Agent, streams: str, notes: dict[str, dict[str, str]]) -> str:
    tried = notes.get(client.id, {})
    before = [name for name in BEHIND if tried.get(f"session {name}") == "passed"]
    members = tried.get(f"session {client.dialect}" if isinstance(client, Agent) else "members")
    cells = [
        f"`{client.package}`",
        client.runtime,
        client.version,
        DIALECTS[client.dialect],
        streams,
        ", ".join(before) or "not tried",
        SAYS[members],
        *(SAYS[tried.get(fault)] for fault in FAULTS),
    ]
    return f"| {' | '.join(cells)} |\n".replace("|  |", "| |").replace("|  |", "| |")


if __name__ == "__main__":
    if NOTES.exists():
        PAGE.write_text(page(json.loads(NOTES.read_text("utf-8"))), encoding="utf-8")
