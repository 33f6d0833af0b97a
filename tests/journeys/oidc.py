"""An identity provider on loopback, as OpenID Connect has it: where its keys are, the keys, and how people log on.

Its page to log on is on another site than the gateway (`localhost`), as it is everywhere else. Whoever opens it is
logged on there already.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from issuing import TestIssuer, encoded

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"
AUTHORIZE, TOKEN = "/authorize", "/token"
CLIENT, SECRET = "console-of-tollhouse", "canary-of-the-client-secret-0123"

Answer = tuple[int, bytes, str]


@dataclass
class IdentityProvider(TestIssuer):
    port: int = 0
    asked: list[str] = field(default_factory=list)
    is_down: bool = False
    keys_at: str = ""
    """Where its document says that the keys are."""

    client: str = CLIENT
    secret: str = SECRET
    claims: dict[str, Any] = field(default_factory=dict)
    """What its tokens of logins say beside or instead of what they should; None leaves a claim out."""

    document: dict[str, Any] = field(default_factory=dict)
    """Of its document, likewise."""

    answer_to_login: dict[str, str] = field(default_factory=dict)
    """Of what the browser brings back, likewise; an empty text leaves it out."""

    id_token: str = ""
    """What is given instead."""

    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    """What was asked for with each that is out: it is good once."""

    def answer(self, path: str) -> tuple[int, bytes]:
        if self.is_down:
            return 500, b"<html>canary-of-the-provider</html>"
        if path == DISCOVERY:
            there = f"http://localhost:{self.port}"
            document = {
                "issuer": self.issuer,
                "jwks_uri": self.keys_at or self.issuer + KEYS,
                "authorization_endpoint": there + AUTHORIZE,
                "token_endpoint": self.issuer + TOKEN,
                **self.document,
            }
            return 200, json.dumps(document).encode()
        return (200, self.key_set) if path == KEYS else (404, b"{}")

    def logged_on(self, query: dict[str, str]) -> Answer:
        """Whoever asks; as the standard has it, the code goes to where the client said."""
        assert query["response_type"] == "code"
        assert query["client_id"] == self.client
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = f"code-{len(self.asked)}"
        self.codes[code] = query
        told = {"code": code, "state": query["state"], "iss": self.issuer, **self.answer_to_login}
        told = {name: value for name, value in told.items() if value}
        return 302, b"", f"{query['redirect_uri']}?{urlencode(told)}"

    def exchanged(self, form: dict[str, str], authorization: str) -> Answer:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or not self._is_theirs(asked, form, authorization):
            return 400, b'{"error": "invalid_grant"}', ""
        said = {
            "aud": self.client,
            "nonce": asked["nonce"],
            "at_hash": encoded(sha256(b"an access token").digest()[:16]),
            **self.claims,
        }
        given = {
            "id_token": self.id_token or self.token(**said),
            "access_token": "an access token",
            "token_type": "Bearer",
        }
        return 200, json.dumps(given).encode(), ""

    def _is_theirs(self, asked: dict[str, str], form: dict[str, str], authorization: str) -> bool:
        verifier = form.get("code_verifier", "")
        known = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        return (
            form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == asked["redirect_uri"]
            and encoded(sha256(verifier.encode()).digest()) == asked["code_challenge"]
            and [unquote(each) for each in known.split(":")] == [self.client, self.secret]
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                fields = {
                    name.lower(): value for name, _, value in (it.partition(": ") for it in lines)
                }
                body = await reader.readexactly(int(fields.get("content-length", "0")))
                path = lines[0].split()[1]
                self.asked.append(path)
                status, said, to = self._answered(path, body.decode(), fields)
                where = f"location: {to}\r\n" if to else ""
                writer.write(
                    b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\n\r\n%b"
                    % (status, where.encode(), len(said), said)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answered(self, path: str, body: str, fields: dict[str, str]) -> Answer:
        parts = urlsplit(path)
        if parts.path == AUTHORIZE and not self.is_down:
            return self.logged_on(dict(parse_qsl(parts.query)))
        if parts.path == TOKEN and not self.is_down:
            return self.exchanged(dict(parse_qsl(body)), fields.get("authorization", ""))
        return (*self.answer(path), "")


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
