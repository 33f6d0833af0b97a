"""A browser as far as a login needs one: cookies by the rules of SameSite, where requests are from, pages that lead on.

It is no browser: what it knows of RFC 6265bis and of Fetch Metadata stands here. A site is a scheme and a host, so
`localhost` and `127.0.0.1` are two, and ports of one host are one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp

REFRESH = re.compile(r'http-equiv="refresh" content="0;url=([^"]*)"')
FORM = re.compile(r'<form method="post" action="([^"]*)">(.*?)</form>', re.DOTALL)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
MOST_STEPS = 10


@dataclass(frozen=True)
class Cookie:
    value: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    url: str
    status: int
    headers: Mapping[str, str]
    text: str
    set_cookies: Sequence[str] = ()

    @property
    def forms(self) -> list[tuple[str, dict[str, str]]]:
        return [
            (unescape(action), {name: unescape(value) for name, value in HIDDEN.findall(inside)})
            for action, inside in FORM.findall(self.text)
        ]


@dataclass
class Browser:
    cookies: dict[str, dict[str, Cookie]] = field(default_factory=dict)
    """By host, as there are no ports to them."""

    visited: list[str] = field(default_factory=list)

    async def open(self, url: str, by: str = "") -> Page:
        """Typed in, or with `by` a link on a page of that origin; to where it leads in the end."""
        page = await self._gone("GET", url, by, {})
        for _ in range(MOST_STEPS):
            found = REFRESH.search(page.text)
            if found is None:
                return page
            page = await self._gone("GET", urljoin(page.url, unescape(found[1])), page.url, {})
        raise AssertionError("it leads on for ever")

    async def press(self, page: Page, number: int = 0, **changed: str) -> Page:
        """The button of a form of the page."""
        action, fields = page.forms[number]
        return await self.send(urljoin(page.url, action), {**fields, **changed}, page.url)

    async def send(self, url: str, fields: Mapping[str, str], by: str) -> Page:
        """A form on a page of another origin may lead here, too."""
        page = await self._gone("POST", url, by, fields)
        found = REFRESH.search(page.text)
        return await self.open(urljoin(page.url, unescape(found[1])), page.url) if found else page

    def sent_to(self, url: str, method: str = "GET", by: Sequence[str] = ()) -> dict[str, str]:
        """The cookies that go along, on a way that began at `by`."""
        is_own_way = all(_site(each) == _site(url) for each in by if each)
        is_secure = urlsplit(url).scheme == "https"
        return {
            name: cookie.value
            for name, cookie in self.cookies.get(_host(url), {}).items()
            if (is_own_way or (cookie.attributes["samesite"] == "lax" and method == "GET"))
            and (is_secure or "secure" not in cookie.attributes)
        }

    async def _gone(self, method: str, url: str, by: str, fields: Mapping[str, str]) -> Page:
        way = [by]
        for _ in range(MOST_STEPS):
            page = await self._asked(method, url, way, fields)
            if page.status not in (302, 303, 307):
                return page
            way.append(url)
            method, url, fields = "GET", urljoin(url, page.headers["location"]), {}
        raise AssertionError("it leads round in circles")

    async def _asked(
        self, method: str, url: str, way: Sequence[str], fields: Mapping[str, str]
    ) -> Page:
        self.visited.append(url)
        cookies = self.sent_to(url, method, way)
        headers = {"accept": "text/html", "sec-fetch-site": _fetch_site(url, way)}
        if cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if method == "POST":
            headers["origin"] = _origin(way[0]) if way[0] else "null"
            headers["content-type"] = "application/x-www-form-urlencoded"
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                method,
                url,
                headers=headers,
                data=urlencode(fields) if method == "POST" else None,
                allow_redirects=False,
            ) as reply,
        ):
            set_cookies = reply.headers.getall("set-cookie", [])
            for line in set_cookies:
                self._keep(url, line)
            text = await reply.text()
            lowered = {name.lower(): value for name, value in reply.headers.items()}
            return Page(url, reply.status, lowered, text, set_cookies)

    def _keep(self, url: str, line: str) -> None:
        pair, *rest = [part.strip() for part in line.split(";")]
        name, _, value = pair.partition("=")
        attributes = {
            key.lower(): said.lower() for key, _, said in (part.partition("=") for part in rest)
        }
        kept = self.cookies.setdefault(_host(url), {})
        if attributes.get("max-age") == "0":
            kept.pop(name, None)
        else:
            kept[name] = Cookie(value, attributes)


def _fetch_site(url: str, way: Sequence[str]) -> str:
    began = [each for each in way if each]
    if not began:
        return "none"
    if all(_origin(each) == _origin(url) for each in began):
        return "same-origin"
    return "same-site" if all(_site(each) == _site(url) for each in began) else "cross-site"


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _site(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, _host(url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
