"""What the OpenAPI document says is what a served gateway does: schemathesis makes up the requests."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from journeys.gateway import MODEL, Gateway, free_port, gateway, now_ms
from tollhouse.control import admin_tokens, peppers
from tollhouse.domain.admin_tokens import Claims
from tollhouse.wiring import Store
from tollhouse.wiring.admin import description

pytestmark = pytest.mark.req("S-139", "S-12", "S-16")

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
EXAMPLES = 40
MODES = {
    "made up": (GenerationMode.POSITIVE, 404),
    "known": (GenerationMode.POSITIVE, 200),
    "wrong": (GenerationMode.NEGATIVE, 400),
}
"""How cases are made, and a status that some of them must come to."""
MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {"role": {"enum": ["user", "system"]}, "content": {"type": "string"}},
    "additionalProperties": False,
}
KNOWN = {"enum": [MODEL, "nobody", "a/b"]}
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
async def described(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    lines = f'[admin]\nlisten = "127.0.0.1:{free_port()}"\n[providers.echo]\nkind = "echo"\n'
    directory = tmp_path_factory.mktemp("described")
    async with gateway(
        directory, "http://127.0.0.1:1/v1", settings=lines, targets=("echo:echo",)
    ) as it:
        yield it


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        ("post_v1_chat_completions", "made up"),
        ("post_v1_chat_completions", "known"),
        ("post_v1_chat_completions", "wrong"),
        ("post_v1_responses", "made up"),
        ("post_v1_responses", "known"),
        ("post_v1_responses", "wrong"),
        ("post_v1_embeddings", "made up"),
        ("post_v1_embeddings", "known"),
        ("post_v1_embeddings", "wrong"),
        *(
            (f"post_v1_{name}", how)
            for name in ("completions", "moderations", "rerank")
            for how in ("known", "wrong")
        ),
        ("post_v1_audio_transcriptions", "known"),
        ("post_v1_audio_transcriptions", "wrong"),
        *(
            (f"post_api_{name}", how)
            for name in ("chat", "generate", "embed", "embeddings", "show")
            for how in ("known", "wrong")
        ),
        ("post_v1_messages", "wrong"),
        ("get_api_tags", "known"),
        ("get_api_ps", "known"),
        ("get_api_version", "known"),
        ("get_v1_models_one", "made up"),
        ("get_v1_models_one", "known"),
        ("get_v1_models", "known"),
        ("get_v1_models_metadata", "known"),
        ("get_health_ready", "known"),
        ("get_openapi.json", "known"),
        *((f"get_admin_v1_{name}", "known") for name in ("keys", "calls", "usage")),
        ("post_admin_v1_keys", "wrong"),
        ("patch_admin_v1_users_one", "made up"),
        ("put_admin_v1_budgets_one", "made up"),
        ("post_admin_v1_keys_id_rotate", "made up"),
    ],
)
async def test_every_case_gets_an_answer_that_is_documented_and_leaves_nothing_held(
    described: Gateway, operation: str, names: str
) -> None:
    document = with_models(description(described.settings), None if names == "made up" else KNOWN)
    is_admin = operation == "get_openapi.json" or "_admin_v1_" in operation
    key = await token(described) if is_admin else described.key
    url = f"http://{described.settings.admin.listen}" if is_admin else described.origin

    mode, expected = MODES[names]

    seen = await asyncio.to_thread(statuses, document, operation, url, key, described, mode)

    assert expected in seen, seen
    await described.is_consistent()


@pytest.mark.req("P-2", "S-21")
@pytest.mark.parametrize("operation", ["post_v1_chat_completions", "get_v1_models_one"])
async def test_every_case_of_a_stranger_is_a_documented_401(
    described: Gateway, operation: str
) -> None:
    document = with_models(description(described.settings), KNOWN)

    seen = await asyncio.to_thread(
        statuses,
        document,
        operation,
        described.origin,
        "thk_nobody",
        described,
        GenerationMode.POSITIVE,
    )

    assert set(seen) == {401}


def statuses(
    document: dict[str, Any], operation: str, url: str, key: str, it: Gateway, mode: GenerationMode
) -> dict[int, int]:
    """How often each status was answered. Raises on the first case that is not as documented."""
    seen: dict[int, int] = {}
    schema = schemathesis.openapi.from_dict(document)
    found = schema.find_operation_by_id(operation)
    headers = {"Authorization": f"Bearer {key}"}

    @settings(
        max_examples=2 if operation == "get_openapi.json" else EXAMPLES,  # always the same
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=found.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        response = case.call(base_url=url, headers=headers)
        case.validate_response(response, checks=list(CHECKS))
        seen[response.status_code] = seen.get(response.status_code, 0) + 1
        assert nothing_is_held(it)

    holds()
    return seen


def with_models(document: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
    """Of what is made up, next to nothing would come as far as an answer, or to a model's name."""
    calls = {path: item for path, item in document["paths"].items() if "servers" not in item}
    posts = [item["post"] for item in calls.values() if "post" in item]
    for taken in [post["requestBody"] for post in posts if "requestBody" in post]:
        (body,) = [content["schema"] for content in taken["content"].values()]
        body["additionalProperties"] = False
        if "messages" in body["properties"]:
            body["properties"]["messages"] = {"type": "array", "items": MESSAGE, "minItems": 1}
        if known:
            body["properties"]["model"] = known
    if known:
        document["paths"]["/v1/models/{name}"]["get"]["parameters"][0]["schema"] = known
    return document


def nothing_is_held(it: Gateway) -> bool:
    file = it.settings.sqlite_file
    assert file is not None
    give_up_at = time.monotonic() + PATIENCE_S
    with closing(sqlite3.connect(file)) as store:
        while time.monotonic() < give_up_at:
            ((held,),) = store.execute("SELECT SUM(held) FROM accounts").fetchall()
            if held == 0:
                return True
    return False


async def token(it: Gateway) -> str:
    async def mint(store: Store) -> str:
        known = await peppers.opened(it.settings, store)
        minted = await admin_tokens.mint(store, known, Claims(), 900, "host:test", now_ms())
        return minted.token

    return await it.on_store(mint)
