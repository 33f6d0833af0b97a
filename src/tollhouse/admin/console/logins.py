"""To a provider and back: a login ends in the browser in which it began, once, and in no other.

What begins is known to the browser by a cookie, and to the provider by `state`; the store has digests of both. Nonce
and verifier follow from the cookie, so they are nowhere to be found while the browser is away.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Protocol

from tollhouse.admin.comers import caller, tried
from tollhouse.admin.console import pages
from tollhouse.admin.console.claims import current
from tollhouse.admin.console.serving import Visit
from tollhouse.control import sessions as control
from tollhouse.control.sessions import Arrival, Begun
from tollhouse.domain import sessions, throttling
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.claims import LOGIN_S
from tollhouse.domain.errors import LoginRefused, Overloaded
from tollhouse.domain.sessions import LOGIN, LoggedIn
from tollhouse.storage import sessions as stored
from tollhouse.storage.sessions import Login

MOST_UNDER_WAY = 10_000


class SignOn(Protocol):
    """A provider by which one logs on."""

    async def address(self, state: str, browser: str) -> str: ...

    async def arrived(
        self, code: str, browser: str, issuer: str | None
    ) -> LoggedIn: ...  # raises LoginRefused, IssuerUnavailable


async def begun(providers: Mapping[str, SignOn], visit: Visit) -> None:
    await visit.form()
    _count(visit)
    provider = _named(providers, visit)
    store, now_ms = visit.office.desk.store, visit.office.desk.now_ms()
    if await stored.count_logins(store) >= MOST_UNDER_WAY:
        raise Overloaded(retry_after_s=60)
    state, browser = control.drawn(LOGIN), control.drawn(LOGIN)
    address = await provider.address(state, browser)
    digests = sessions.digest(state), sessions.digest(browser)
    login = Login(*digests, visit.call.path_rest, await current(visit), now_ms + LOGIN_S * 1000)
    await stored.add_login(store, login, now_ms)
    await visit.show(pages.onward(address), visit.console.front.login(browser, LOGIN_S))


async def back(providers: Mapping[str, SignOn], visit: Visit) -> None:
    """The provider sends the browser here. No cookie of a session comes along, and none is needed."""
    provider, desk, front = _named(providers, visit), visit.office.desk, visit.console.front
    told = visit.query(("code", "state", "iss", "error"))
    state, browser = told.get("state", ""), visit.cookie(front.login_cookie) or ""

    async def prove() -> Begun:
        login = await _used(visit, state, browser)
        if not (code := told.get("code")):
            raise LoginRefused(private="the provider said no")
        who = await provider.arrived(code, browser, told.get("iss"))
        name = visit.call.path_rest
        arrival = Arrival(
            *(who.user, Claims(who.user), f"login:{name}", who.given, name, who.subject)
        )
        begun = await control.begin(
            *(desk.store, visit.console, arrival, visit.call.peer, desk.now_ms(), login.previous)
        )
        visit.record.caller = caller(
            *(f"session:{begun.id}", who.user, arrival.proof, begun.expires_at_ms)
        )
        return begun

    begun = await tried(visit.record, visit.house, state, prove)
    await visit.show(
        *(pages.onward(pages.HOME), front.session(begun.secret), front.without(front.login_cookie))
    )


async def _used(visit: Visit, state: str, browser: str) -> Login:
    """Used up, whoever brings it."""
    desk = visit.office.desk
    login = None
    if sessions.is_secret(state, LOGIN) and sessions.is_secret(browser, LOGIN):
        login = await stored.used_login(desk.store, sessions.digest(state))
    if login is None or not desk.now_ms() < login.expires_at_ms:
        raise LoginRefused(private="no such login is under way")
    if login.issuer != visit.call.path_rest:
        raise LoginRefused(private=f"it went to {login.issuer}, and came back from another")
    if not hmac.compare_digest(login.browser, sessions.digest(browser)):
        raise LoginRefused(private="it began in another browser")
    return login


def _named(providers: Mapping[str, SignOn], visit: Visit) -> SignOn:
    provider = providers.get(visit.call.path_rest)
    if provider is None:
        raise LoginRefused(private="there is no such provider")
    return provider


def _count(visit: Visit) -> None:
    """Whoever begins has not proved anything yet: so many failures as one may have, so many one may begin."""
    if wait_us := visit.house.throttle.failed(visit.call.peer, None, visit.house.now_us()):
        raise throttling.too_many(wait_us)
