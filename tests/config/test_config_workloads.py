"""A workload's own token in place of a key: what has to be said with it, and what it leaves no use for."""

from __future__ import annotations

import pytest

from config.configs import problem, read

KEY = "sk-canary-0123456789"
ROLE = 'role = "arn:aws:iam::123456789012:role/llm"\n'
REGION = 'region = "eu-central-1"\n'
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k"
AUDIENCE = f'audience = "{POOL}"\nproject = "acme-1"\n'
TOKEN = 'identity_token = "/run/token"\n'
ENTRA = 'tenant = "7d2b"\nclient_id = "9f1c"\n'
AZURE = 'url = "https://x.openai.azure.com/openai/v1"\n'

pytestmark = pytest.mark.req("P-35", "P-37")


def provider(kind: str, *lines: str) -> str:
    return f'[providers.p]\nkind = "{kind}"\n{"".join(lines)}'


@pytest.mark.parametrize(
    "text",
    [
        provider("bedrock", ROLE, REGION, TOKEN),
        provider("bedrock", ROLE, REGION, TOKEN, 'url = "https://bedrock.example"\n'),
        provider("vertex", AUDIENCE, TOKEN),
        provider("azure", AZURE, ENTRA, TOKEN),
        provider("azure", AZURE, ENTRA, TOKEN, 'token_url = "https://login.example"\n'),
    ],
    ids=range(5),
)
def test_each_cloud_that_takes_one_needs_no_key(text: str) -> None:
    assert read(text).providers["p"].key is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (provider("bedrock", ROLE, REGION, 'key = "env:P"\n'), "identity_token"),
        (provider("vertex", AUDIENCE), "identity_token"),
        (provider("bedrock", REGION, TOKEN), "role"),
        (provider("azure", AZURE, TOKEN), "tenant"),
        (provider("bedrock", ROLE, TOKEN, 'url = "https://bedrock.example"\n'), "region"),
        (provider("bedrock", ROLE, TOKEN), "region"),
        (provider("bedrock", ROLE, REGION, TOKEN, 'key = "env:P"\n'), "key"),
        (provider("bedrock", ROLE, REGION, TOKEN, 'session_token = "env:P"\n'), "session_token"),
        (provider("groq", TOKEN), "identity_token"),
        (provider("azure", AZURE, ENTRA, TOKEN, ROLE), "role"),
    ],
    ids=range(10),
)
def test_what_is_missing_or_of_no_use_is_named(text: str, key: str) -> None:
    assert problem(text, P=KEY).key == f"providers.p.{key}"
