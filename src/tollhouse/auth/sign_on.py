"""How one logs on by a provider (OpenID Connect's code flow, with RFC 7636): where to go, and what comes of the code.

The token that comes is believed as any other of that issuer: its signature, by the keys that it publishes, and what it
says. It has to say that it is for this client and of the login that began in this browser. It opens nothing else.
"""

from __future__ import annotations

import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256, sha384, sha512
from typing import Any
from urllib.parse import quote, urlencode

from tollhouse.auth.fetching import answered, described, path_of
from tollhouse.auth.tokens import Signed, Tokens
from tollhouse.domain import claims, tokens
from tollhouse.domain.claims import Claimed, Expected
from tollhouse.domain.errors import Failure, IssuerUnavailable, LoginRefused
from tollhouse.domain.exchange import Sending
from tollhouse.domain.sessions import Held, LoggedIn, derived
from tollhouse.domain.tokens import Token, TokenRefused
from tollhouse.domain.urls import Url, UrlInvalid, parse
from tollhouse.ports import Upstream

HASHES = {"256": sha256, "384": sha384, "512": sha512}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What we are there, and what is known of it without asking."""

    id: str
    secret: str = ""
    scopes: Sequence[str] = ("openid",)
    redirect_uri: str
    authorize_url: str | None = None

    def __repr__(self) -> str:
        return f"Client({self.id!r})"


@dataclass(frozen=True, slots=True)
class Giver:
    """Where codes are exchanged. Without a path it is found out."""

    upstream: Upstream
    path: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOn:
    client: Client
    expected: Expected
    """For whom its tokens have to be: for the client alone."""

    given: Sequence[Held]
    """What each of its rules gives beside what the store does."""

    url: Url
    upstream: Upstream
    giver: Giver
    tokens: Tokens
    clock_s: Callable[[], float] = time.time

    async def address(self, state: str, browser: str) -> str:
        """Raises IssuerUnavailable."""
        client = self.client
        at = client.authorize_url or str((await self._document()).get("authorization_endpoint"))
        try:
            parse(at)
        except UrlInvalid:
            raise IssuerUnavailable(private="it does not say where one logs on") from None
        verifier = derived(browser, "verifier").encode()
        query = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": client.redirect_uri,
            "scope": " ".join(client.scopes),
            "state": state,
            "nonce": derived(browser, "nonce"),
            "code_challenge": _plain(sha256(verifier).digest()),
            "code_challenge_method": "S256",
        }
        return f"{at}{'&' if '?' in at else '?'}{urlencode(query)}"

    async def arrived(self, code: str, browser: str, issuer: str | None) -> LoggedIn:
        """Raises LoginRefused, IssuerUnavailable."""
        try:
            return await self._arrived(code, browser, issuer)
        except TokenRefused as refused:
            raise LoginRefused(private=str(refused)) from None

    async def _arrived(self, code: str, browser: str, issuer: str | None) -> LoggedIn:
        document = await self._document()
        named = self.expected.issuer
        must_say = document.get("authorization_response_iss_parameter_supported") is True
        if issuer != named and (must_say or issuer is not None):
            raise TokenRefused("the answer is of another issuer")
        said = await self._exchanged(document, code, derived(browser, "verifier"))
        found = self.tokens.signed(_text(said, "id_token"))
        while not isinstance(found, Signed):
            await found
            found = self.tokens.signed(_text(said, "id_token"))
        if found.issuer.issuer != named:
            raise TokenRefused("it is of another issuer")
        _insist_on_both(found.token, said.get("access_token"))
        nonce = derived(browser, "nonce")
        who = claims.logged_in(
            found.token.claims, self.expected, nonce, self.client.id, self.clock_s()
        )
        return self._known(who)

    async def _document(self) -> dict[str, Any]:
        try:
            return await described(self.upstream, self.url, self.expected.issuer)
        except Failure as failure:
            raise IssuerUnavailable(private=failure.private) from None

    async def _exchanged(
        self, document: dict[str, Any], code: str, verifier: str
    ) -> dict[str, Any]:
        """What the provider gives for the code. It may say that it is none: then it is nobody's."""
        client, giver = self.client, self.giver
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
            "client_id": client.id,
        }
        headers = [
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"accept", b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", b"tollhouse"),
        ]
        if client.secret:
            pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
            headers.append((b"authorization", b"Basic " + b64encode(pair.encode())))
        try:
            path = giver.path or path_of(document, "token_endpoint", self.url, "token_url")
            sending = Sending(b"POST", path, tuple(headers), urlencode(form).encode())
            return tokens.strict_object(await answered(giver.upstream, sending))
        except Failure as failure:
            raise LoginRefused(private=f"the code was not exchanged: {failure.private}") from None
        except ValueError:
            raise TokenRefused("what came for the code is no answer") from None

    def _known(self, who: Claimed) -> LoggedIn:
        return LoggedIn(who.user, who.subject, self.given[who.rule - 1])


def _text(said: dict[str, Any], name: str) -> str:
    text = said.get(name)
    if not isinstance(text, str):
        raise TokenRefused(f"there is no `{name}` in what came for the code")
    return text


def _insist_on_both(token: Token, access_token: Any) -> None:
    """Where it says so, it came with that very access token (OpenID Connect Core, 3.1.3.8)."""
    said = token.claims.get("at_hash")
    if said is None or not isinstance(access_token, str):
        return
    digest = HASHES.get(token.algorithm[-3:], sha512)(access_token.encode()).digest()
    if said != _plain(digest[: len(digest) // 2]):
        raise TokenRefused("it came with another access token than it says")


def _plain(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
