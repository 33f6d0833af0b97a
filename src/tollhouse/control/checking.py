"""Whether a provider can be reached, takes our key, and has the models that the settings ask of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tollhouse.domain.errors import Failure, UpstreamBroke
from tollhouse.domain.exchange import Sending
from tollhouse.ports import Answer, Upstream

MOST_OF_A_LIST = 8 * 1024 * 1024
PATIENCE_S = 30.0
REFUSALS = frozenset((401, 402, 403))


class Verdict(StrEnum):
    REACHABLE = "reachable"
    MODEL_MISSING = "model_missing"
    KEY_REFUSED = "key_refused"
    UNREACHABLE = "unreachable"
    STRANGE = "strange"  # it answers, and not as a provider of its kind does
    HERE = "here"  # a part of this program
    UNASKED = "unasked"  # it has no list to ask for


@dataclass(frozen=True, slots=True)
class Checked:
    provider: str
    verdict: Verdict
    says: str
    missing: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        return self.verdict in (Verdict.REACHABLE, Verdict.HERE, Verdict.UNASKED)


async def check(
    provider: str, upstream: Upstream, asking: Sending, wanted: Iterable[str]
) -> Checked:
    """Ask once for its list of models. Nothing is generated, so nothing is billed."""
    try:
        async with asyncio.timeout(PATIENCE_S), upstream.send(asking) as answer:
            status, body = answer.status, await _body(answer)
    except TimeoutError:
        return Checked(provider, Verdict.UNREACHABLE, f"no answer within {PATIENCE_S:.0f} s")
    except Failure as failure:
        return Checked(provider, Verdict.UNREACHABLE, failure.private or failure.detail)
    if status in REFUSALS:
        return Checked(provider, Verdict.KEY_REFUSED, f"it answers {status} to the key")
    names = _names(body) if status == 200 else None
    if names is None:
        says = f"it answers {status}, and no list of models"
        return Checked(provider, Verdict.STRANGE, says)
    missing = tuple(model for model in wanted if not names & {model, f"{model}:latest"})
    if missing:
        return Checked(provider, Verdict.MODEL_MISSING, f"it lists {len(names)} others", missing)
    return Checked(provider, Verdict.REACHABLE, f"it lists {len(names)} models")


async def _body(answer: Answer) -> bytes:
    body = bytearray()
    while piece := await answer.read():
        body += piece
        if len(body) > MOST_OF_A_LIST:
            raise UpstreamBroke(private="its list of models is longer than 8 MiB")
    return bytes(body)


def _names(body: bytes) -> set[str] | None:
    """OpenAI's and Anthropic's lists have `data` and `id`, Ollama's `models` and `name`, some nothing around."""
    try:
        listed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(listed, dict):
        listed = listed.get("data", listed.get("models"))
    if not isinstance(listed, list):
        return None
    named = [each.get("id", each.get("name")) for each in listed if isinstance(each, dict)]
    return {name.removeprefix("models/") for name in named if isinstance(name, str)}
