"""An identity provider on loopback, as OpenID Connect Discovery has it: where its keys are, and the keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from issuing import TestIssuer

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"


@dataclass
class IdentityProvider(TestIssuer):
    port: int = 0
    asked: list[str] = field(default_factory=list)
    is_down: bool = False
    keys_at: str = ""
    """Where its document says that the keys are."""

    def answer(self, path: str) -> tuple[int, bytes]:
        if self.is_down:
            return 500, b"<html>canary-of-the-provider</html>"
        if path == DISCOVERY:
            document = {"issuer": self.issuer, "jwks_uri": self.keys_at or self.issuer + KEYS}
            return 200, json.dumps(document).encode()
        return (200, self.key_set) if path == KEYS else (404, b"{}")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.decode().split()[1]
                self.asked.append(path)
                status, body = self.answer(path)
                writer.write(
                    b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def identity_provider() -> AsyncIterator[IdentityProvider]:
    it = IdentityProvider()
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    it.issuer = f"http://127.0.0.1:{it.port}"
    try:
        yield it
    finally:
        server.close()
