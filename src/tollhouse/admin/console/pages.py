"""The few pages that there are: plain HTML without scripts, styles or pictures, and nothing in them unescaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (
        b"content-security-policy",
        b"default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
HOME, LOGIN, LOGOUT, CLAIM = "/console", "/console/login", "/console/logout", "/console/claim"
BACK = "/console/callback"


def home(name: str, facts: Sequence[tuple[str, str]], csrf: str) -> bytes:
    rows = "".join(f"<dt>{escape(term)}<dd>{escape(said)}" for term, said in facts)
    leaving = _form(LOGOUT, {"csrf": csrf}, "Log out")
    return _page("Tollhouse", f"<p>You are {escape(name)}.<dl>{rows}</dl>{leaving}")


def login(providers: Sequence[str]) -> bytes:
    forms = "".join(_form(f"{LOGIN}/{name}", {}, f"Log on with {name}") for name in providers)
    host = "<p>On the host, <code>tollhouse admin claim</code> prints a link that lets in once."
    return _page("Log on to Tollhouse", forms + host)


def claim(secret: str) -> bytes:
    said = "<p>This link was printed on the host, and lets in once."
    return _page("Log on to Tollhouse", said + _form(CLAIM, {"claim": secret}, "Log on"))


def onward(to: str) -> bytes:
    """From here the browser goes on by itself. To it this is a page of ours that asks, and nobody else's."""
    address = escape(to)
    refresh = f'<meta http-equiv="refresh" content="0;url={address}">'
    return _page("Tollhouse", f'<p><a href="{address}">Go on</a>', refresh)


def refusal(says: str, code: str, request_id: str) -> bytes:
    again = f'<p><a href="{LOGIN}">Log on</a>'
    told = f"<p>{escape(says)}<p><code>{escape(code)}</code>, request <code>{escape(request_id)}</code>"
    return _page("Tollhouse", told + again)


def _form(action: str, hidden: Mapping[str, str], button: str) -> str:
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    return f'<form method="post" action="{escape(action)}">{fields}<button>{escape(button)}</button></form>'


def _page(title: str, body: str, head: str = "") -> bytes:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>{head}'
        f"<h1>{escape(title)}</h1>{body}\n"
    ).encode()
