"""The full sample, and what it refers to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollhouse.config import ConfigInvalid, Problem, Settings, parse

ENVIRON = {
    "DB_PASSWORD": "correct horse battery staple",
    "TOKENS_OLD": "canary-of-the-old-secret-0123456789",
    "TOKENS_NEW": "canary-of-the-new-secret-0123456789",
    "CLIENT_SECRET": "canary-of-a-client-secret-0123456789",
    "VAULT_OLD": "canary-of-the-old-vault-key-0123456789",
    "VAULT_NEW": "canary-of-the-new-vault-key-0123456789",
    "BEARER_TOKEN": "canary-of-a-bearer-token-0123456789",
    "ALERTS_SECRET": "alerts-secret",
    "VALKEY_PASSWORD": "another long password",
    "OPENAI_API_KEY": "sk-canary-0123456789abcdef",
    "AWS_ACCESS_KEY_ID": "AKIDCANARY0123456789",
    "AWS_SECRET_ACCESS_KEY": "canary-aws-secret-0123456789",
    "AWS_SESSION_TOKEN": "canary-aws-token-0123456789",
    "VERTEX_ACCOUNT": """{
  "type": "service_account",
  "client_email": "gate@acme-1.iam.gserviceaccount.com",
  "private_key": "canary-private-key-0123456789"
}""",
    "PEPPER": "canary-pepper-of-thirty-two-bytes-or-more",
}
FILE_PEPPER = "canary-pepper-in-a-file-with-thirty-two-bytes"
CANARIES = [*ENVIRON.values(), FILE_PEPPER]


def full(data_dir: Path) -> str:
    """The sample, and the files it names."""
    pems = (
        *("tls.crt", "tls.key", "provider-ca.pem", "valkey-ca.pem", "us.crt", "us.key"),
        *("cluster.json", "token", "bundle.json", "corp.pem"),
    )
    for name, text in (*((pem, "-") for pem in pems), ("pepper-2", FILE_PEPPER + "\n")):
        path = data_dir / name
        path.write_text(text)
        path.chmod(0o600)
    sample = Path(__file__).with_name("full.toml").read_text()
    return sample.replace("DATA_DIR", str(data_dir))


def read(text: str, **environ: str) -> Settings:
    return parse(text, environ)


def problems(text: str, **environ: str) -> list[Problem]:
    with pytest.raises(ConfigInvalid) as caught:
        parse(text, environ)
    return caught.value.problems


def problem(text: str, **environ: str) -> Problem:
    """The only one."""
    (only,) = problems(text, **environ)
    return only
