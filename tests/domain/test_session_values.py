"""What a browser shows, and what has to come with it."""

from __future__ import annotations

import pytest

from tollhouse.domain import sessions
from tollhouse.domain.errors import AmbiguousCredentials, CsrfTokenInvalid, OriginNotAllowed
from tollhouse.domain.sessions import SESSION, Front

SECRET = "ths_" + "0a" * 32
HTTPS, HTTP = Front("https://gate.example"), Front("http://127.0.0.1:8401")


@pytest.mark.req("S-27")
def test_over_tls_no_other_host_can_set_the_cookie_and_no_script_or_site_can_use_it() -> None:
    _, line = HTTPS.session(SECRET)

    assert line.decode() == (
        f"__Host-tollhouse={SECRET}; Path=/; HttpOnly; Secure; SameSite=Strict"
    )


@pytest.mark.req("S-27")
def test_on_loopback_without_tls_it_is_a_plain_name() -> None:
    _, line = HTTP.session(SECRET)

    assert line.decode() == f"tollhouse={SECRET}; Path=/; HttpOnly; SameSite=Strict"


@pytest.mark.req("S-35")
def test_what_comes_back_from_a_provider_is_another_cookie_for_a_while() -> None:
    _, line = HTTPS.login("thl_x", 600)

    assert line.decode() == (
        "__Host-tollhouse-login=thl_x; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=600"
    )


def test_a_cookie_that_is_taken_away_ends_at_once() -> None:
    _, line = HTTPS.without(HTTPS.session_cookie)

    assert line.startswith(b"__Host-tollhouse=; ")
    assert line.endswith(b"Max-Age=0")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], None),
        (["a=1; b=2"], None),
        (["tollhouse=x"], "x"),
        (["a=1; tollhouse=x; b=2"], "x"),
        (["a=1", "tollhouse=x"], "x"),
        (["xtollhouse=x; tollhousex=y; Tollhouse=z"], None),
        (["tollhouse"], ""),
        (["tollhouse=a=b"], "a=b"),
    ],
)
def test_a_cookie_is_found_by_its_whole_name(lines: list[str], found: str | None) -> None:
    assert sessions.cookie([(b"cookie", line.encode()) for line in lines], "tollhouse") == found


@pytest.mark.req("S-44")
@pytest.mark.parametrize("lines", [["tollhouse=x; tollhouse=x"], ["tollhouse=x", "tollhouse=y"]])
def test_two_of_a_name_are_refused(lines: list[str]) -> None:
    with pytest.raises(AmbiguousCredentials):
        sessions.cookie([(b"cookie", line.encode()) for line in lines], "tollhouse")


@pytest.mark.req("S-36a")
@pytest.mark.parametrize(
    ("fields", "is_own"),
    [
        ({b"origin": b"https://gate.example"}, True),
        ({b"sec-fetch-site": b"same-origin"}, True),
        ({b"origin": b"https://gate.example", b"sec-fetch-site": b"same-origin"}, True),
        ({}, False),
        ({b"origin": b"null"}, False),
        ({b"origin": b"https://gate.example.evil.example"}, False),
        ({b"origin": b"http://gate.example"}, False),
        ({b"origin": b"https://gate.example:8443"}, False),
        ({b"origin": b"https://GATE.example"}, False),
        ({b"sec-fetch-site": b"none"}, False),
        ({b"sec-fetch-site": b"same-site"}, False),
        ({b"origin": b"https://gate.example", b"sec-fetch-site": b"cross-site"}, False),
        ({b"referer": b"https://gate.example/console"}, False),
    ],
)
def test_the_browser_itself_has_to_say_that_a_page_of_ours_asks(
    fields: dict[bytes, bytes], is_own: bool
) -> None:
    def passes() -> bool:
        try:
            sessions.insist_on_own_page(fields, HTTPS)
        except OriginNotAllowed:
            return False
        return True

    assert passes() is is_own


@pytest.mark.req("S-36a")
@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"", b"SAME-ORIGIN"])
def test_no_page_of_somebody_else_reads(site: bytes) -> None:
    for own in ({}, {b"sec-fetch-site": b"none"}, {b"sec-fetch-site": b"same-origin"}):
        sessions.insist_on_own_reading(own)

    with pytest.raises(OriginNotAllowed):
        sessions.insist_on_own_reading({b"sec-fetch-site": site})


def test_what_looks_like_a_cookie_in_another_header_is_none() -> None:
    assert sessions.cookie([(b"x-cookie", b"tollhouse=x")], "tollhouse") is None


@pytest.mark.req("S-36a")
@pytest.mark.parametrize("shown", [None, "", "x", sessions.csrf(SECRET)[:-1], "t\xf6ken", SECRET])
def test_a_csrf_token_is_that_of_the_session_and_no_other(shown: str | None) -> None:
    sessions.insist_on_csrf(sessions.csrf(SECRET), SECRET)

    with pytest.raises(CsrfTokenInvalid):
        sessions.insist_on_csrf(shown, SECRET)
    with pytest.raises(CsrfTokenInvalid):
        sessions.insist_on_csrf(sessions.csrf(SECRET), SECRET[:-1] + "b")


def test_what_is_derived_for_one_use_is_none_for_another() -> None:
    made = {sessions.derived(SECRET, what) for what in ("nonce", "verifier")}

    assert len({*made, sessions.csrf(SECRET), sessions.digest(SECRET)}) == 4


def test_a_secret_is_of_its_kind() -> None:
    assert sessions.is_secret(SECRET, SESSION)
    for text in ("", SECRET + "\n", SECRET.upper(), "thc_" + SECRET[4:], SECRET[:-1]):
        assert not sessions.is_secret(text, SESSION)


def test_whoever_holds_the_same_in_another_order_holds_the_same() -> None:
    one, other = ("owner", "house"), ("auditor", "tenant:acme")

    assert sessions.held_digest([one, other]) == sessions.held_digest([other, one])
    assert sessions.held_digest([one]) != sessions.held_digest([one, other])
    assert sessions.held_digest([]) != sessions.held_digest([one])
