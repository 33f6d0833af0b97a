"""Whoever gives tokens for a signed statement or a client's secret, as OAuth has it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass
class Giver:
    """Gives `token-1`, `token-2` and so on to whom `is_known` says yes, and refuses all others."""

    is_known: Callable[[dict[str, str]], bool]
    port: int = 0
    expires_in: int = 3600
    told: Callable[[str], bytes] | None = None
    """What a token is told as, where it is not OAuth."""

    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def _answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.status != 200 or not self.is_known(form):
            why = {"error": "invalid_grant", "error_description": "canary-of-the-giver"}
            return self.status if self.status != 200 else 400, why
        token = f"token-{len(self.asked)}"
        return 200, {"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                size = next(line for line in lines if line.startswith("content-length:"))
                raw = await reader.readexactly(int(size.partition(":")[2]))
                self.paths.append(lines[0].split()[1])
                self.asked.append(dict(parse_qsl(raw.decode())))
                status, said = self._answer(self.asked[-1])
                body = json.dumps(said).encode()
                if status == 200 and self.told is not None:
                    body = self.told(said["access_token"])
                writer.write(
                    b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def giver(is_known: Callable[[dict[str, str]], bool]) -> AsyncIterator[Giver]:
    it = Giver(is_known)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()


@cache
def account_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def account_file(token_uri: str, **more: str) -> str:
    """As the console of Google Cloud gives it out, over several lines."""
    pem = account_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    members = {
        "type": "service_account",
        "project_id": "project-1",
        "private_key_id": "key-1",
        "private_key": pem,
        "client_email": "gate@project-1.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    return json.dumps({**members, **more}, indent=2)


def claims(assertion: str) -> dict[str, Any]:
    """Of a statement whose signature is good. Raises where it is not."""
    said, _, signature = assertion.rpartition(".")
    account_key().public_key().verify(_decoded(signature), said.encode(), PKCS1v15(), SHA256())
    head, _, body = said.partition(".")
    assert json.loads(_decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    found: dict[str, Any] = json.loads(_decoded(body))
    return found


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
