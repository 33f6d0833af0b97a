"""Clouds by the token of the workload alone: exchanged where credentials are given, and no key is kept anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from openai import AsyncOpenAI, InternalServerError

from journeys import aws
from journeys.gateway import MODEL, gateway
from journeys.giver import giver
from journeys.provider import Asked, Provider, answer, provider

pytestmark = pytest.mark.req("P-37")

HELLO = [{"role": "user", "content": "hello"}]
ROLE = "arn:aws:iam::123456789012:role/llm"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.canary-of-a-workload.c2ln"
ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId>
<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>
<Expiration>{ends}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


def credentials(token: str) -> bytes:
    ends = f"{(datetime.now(UTC) + timedelta(hours=1)).isoformat()[:19]}Z"
    told = ANSWER.format(key=aws.ACCESS_KEY, secret=aws.SECRET, token=token, ends=ends)
    return told.encode()


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


async def test_aws_gives_temporary_credentials_for_it_and_each_call_is_signed_with_them(
    tmp_path: Path, up: Provider, file: Path
) -> None:
    async def checking(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if aws.is_proved(asked) and asked.headers["x-amz-security-token"] == "token-1":
            await answer(it, asked, writer)
            return
        writer.write(aws.REFUSAL)
        await writer.drain()

    up.script = checking
    async with giver(_is_aws) as sts:
        sts.told = credentials
        bedrock = f"""
[providers.aws]
kind = "bedrock-openai"
url = "{up.url}"
region = "{aws.REGION}"
role = "{ROLE}"
identity_token = "{file}"
token_url = "{sts.url}"
"""
        await _two_calls(tmp_path, up, bedrock, "aws:m-real")

    assert [form["RoleArn"] for form in sts.asked] == [ROLE]
    assert TOKEN not in str([asked.headers for asked in up.asked])


async def test_entra_gives_tokens_for_it_to_a_client_without_a_secret(
    tmp_path: Path, up: Provider, file: Path
) -> None:
    up.script = _as_bearer
    async with giver(_is_entra) as entra:
        azure = f"""
[providers.az]
kind = "azure"
url = "{up.url}"
tenant = "acme.example"
client_id = "client-1"
identity_token = "{file}"
token_url = "{entra.url}"
"""
        await _two_calls(tmp_path, up, azure, "az:gpt")

    assert "client_secret" not in entra.asked[0]


async def test_while_the_file_is_no_token_nothing_is_sent_and_nothing_is_held(
    tmp_path: Path, up: Provider, file: Path
) -> None:
    file.write_text("two words")
    async with giver(_is_entra) as entra:
        azure = f"""
[providers.az]
kind = "azure"
url = "{up.url}"
tenant = "acme.example"
client_id = "client-1"
identity_token = "{file}"
token_url = "{entra.url}"
"""
        async with gateway(tmp_path, up.url, up=azure, targets=("az:gpt",)) as door:
            async with AsyncOpenAI(
                base_url=door.base_url, api_key=door.key, max_retries=0
            ) as client:
                with pytest.raises(InternalServerError) as refused:
                    await client.chat.completions.create(model=MODEL, messages=HELLO)  # type: ignore[arg-type]
            await door.nothing_is_held()

    assert refused.value.code == "upstream_token_unavailable"
    assert (up.asked, entra.asked) == ([], [])


def _is_aws(form: dict[str, str]) -> bool:
    return form == {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "tollhouse",
        "WebIdentityToken": TOKEN,
    }


def _is_entra(form: dict[str, str]) -> bool:
    return form == {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "scope": "https://cognitiveservices.azure.com/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": TOKEN,
    }


async def _as_bearer(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    if asked.headers.get("authorization") == "Bearer token-1":
        await answer(it, asked, writer)
        return
    writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}")
    await writer.drain()


async def _two_calls(directory: Path, up: Provider, settings: str, target: str) -> None:
    async with gateway(directory, up.url, up=settings, targets=(target,)) as door:
        async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as client:
            for _ in range(2):
                await client.chat.completions.create(model=MODEL, messages=HELLO)  # type: ignore[arg-type]
        await door.nothing_is_held()
    assert len(up.asked) == 2
