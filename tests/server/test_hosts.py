"""Names by which the house may be called, and pages that may call it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import HostNotAllowed, HttpMalformed, OriginNotAllowed
from tollhouse.server.hosts import Hosts, Origins

LOCAL = Hosts("127.0.0.1", (), is_loopback=True)
NAMED = Hosts("0.0.0.0", ("Gateway.Example", "10.0.0.5"), is_loopback=False)
OPEN = Hosts("0.0.0.0", (), is_loopback=False)

PAGE = "https://chat.example.com"
NOT_A_HOST = [
    *("localhost:4000/#@x", "x/health?a=", "127.0.0.1:1/v1/models?", "a,b", "a b", "[::1", "::1", "[]", "[x]"),
    *("", ":80", "localhost:", "localhost:x", "localhost:123456", "local\thost", "loc\xe4lhost", "a" * 254),
    *("localhost#", "localhost?", "localhost\\", "%6cocalhost", "localhost,localhost", "http://localhost"),
]  # fmt: skip
FOREIGN = [
    *("evil.example", "127.0.0.1.nip.test", "localhost.evil.example", "xlocalhost", "localhost.x"),
    *("127.0.0.2", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "[::2]", "[::ffff:127.0.0.1]", "localhost.."),
]  # fmt: skip


@pytest.mark.req("S-39", "B-10")
@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost", "localhost.", "127.0.0.1", "[::1]", "localhost:8400", "[::1]:1"]
)  # fmt: skip
def test_a_loopback_listener_takes_its_own_names(host: str) -> None:
    for listener in ("127.0.0.1", "::1", "127.0.0.9"):
        hosts = Hosts(listener, (), is_loopback=True)

        _call(hosts, host)
        _call(hosts, host)  # the same when it is known


@pytest.mark.req("S-3", "S-39", "B-10", "H-34")
@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_somebody_points_here_is_refused(host: str) -> None:
    for hosts in (LOCAL, Hosts("10.0.0.5", ("gateway.example",), is_loopback=False)):
        with pytest.raises(HostNotAllowed):
            _call(hosts, host)


@pytest.mark.req("S-3", "H-31", "H-32")
@pytest.mark.parametrize("host", NOT_A_HOST)
def test_what_is_no_name_is_refused_even_where_any_name_is_taken(host: str) -> None:
    for hosts in (LOCAL, NAMED, OPEN):
        with pytest.raises(HostNotAllowed):
            _call(hosts, host)


@pytest.mark.req("S-3", "H-33")
@pytest.mark.parametrize("hosts", [LOCAL, NAMED, OPEN])
def test_a_request_without_a_name_or_with_a_user_in_it_is_malformed(hosts: Hosts) -> None:
    with pytest.raises(HttpMalformed):
        hosts.check({})
    for host in ("x@admin", "localhost@evil", "@localhost", "user:pass@localhost:80"):
        with pytest.raises(HttpMalformed):
            _call(hosts, host)


@pytest.mark.req("S-39")
@pytest.mark.parametrize(
    "host", ["gateway.example", "GATEWAY.example.", "gateway.example:443", "10.0.0.5"]
)
def test_a_name_that_was_listed_is_taken_in_any_letters(host: str) -> None:
    _call(NAMED, host)
    _call(Hosts("127.0.0.1", ("Gateway.Example", "10.0.0.5"), is_loopback=True), host)


@pytest.mark.req("S-39")
def test_an_open_listener_without_a_list_takes_any_name() -> None:
    for host in (name for name in FOREIGN if name != "localhost.."):
        _call(OPEN, host)


@pytest.mark.req("S-39")
def test_a_listener_is_called_by_its_address() -> None:
    _call(Hosts("10.0.0.5", ("gateway.example",), is_loopback=False), "10.0.0.5:8400")
    _call(Hosts("fd00::5", ("gateway.example",), is_loopback=False), "[fd00::5]:8400")


@pytest.mark.req("S-39", "B-39")
def test_many_ways_to_write_a_name_fill_no_memory() -> None:
    hosts = Hosts("127.0.0.1", (), is_loopback=True)

    for port in range(5000):
        _call(hosts, f"localhost:{port}")

    assert len(hosts._known) <= 4 * 3


@pytest.mark.req("S-3", "S-39")
@given(st.binary(max_size=30) | st.text(max_size=30).map(lambda text: f"localhost{text}".encode()))
def test_whatever_passes_is_one_of_the_names_and_perhaps_a_port(host: bytes) -> None:
    try:
        LOCAL.check({b"host": host})
    except (HostNotAllowed, HttpMalformed):
        return

    name, _, port = (
        host.decode("ascii").rpartition(":") if b"]:" in host else (host.decode(), "", "")
    )
    if not name.startswith("["):
        name, _, port = name.partition(":")
    assert name.lower().removesuffix(".") in {"localhost", "127.0.0.1", "[::1]"}
    assert port == "" or port.isdecimal()


@pytest.mark.req("S-39", "B-10")
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost.evil.example", "http://localhost@evil.example", "null", "", "file://"]
    + ["http://127.0.0.1.nip.test", "http://localhost:x@evil.example", "ftp://localhost", "chrome-extension://x"]
    + ["http://[::1", "http://\xff", "localhost", "//localhost", "http://evil.example/localhost", "*"],
)  # fmt: skip
def test_no_foreign_page_asks_a_loopback_listener(origin: str) -> None:
    with pytest.raises(OriginNotAllowed):
        _origins(is_loopback=True).check({b"origin": origin.encode("latin-1")})


@pytest.mark.req("S-39", "B-10")
@pytest.mark.parametrize(
    "origin", ["http://localhost", "http://localhost:3000", "https://127.0.0.1:8080", "http://[::1]:5173", PAGE]
)  # fmt: skip
def test_pages_of_this_machine_and_those_listed_may(origin: str) -> None:
    _origins(PAGE, is_loopback=True).check({b"origin": origin.encode()})


@pytest.mark.req("S-39")
def test_on_an_open_listener_the_browser_decides_which_page_may_ask() -> None:
    for origin in (PAGE, "https://elsewhere.example", "null"):
        _origins().check({b"origin": origin.encode()})


@pytest.mark.req("S-18", "OP-24")
def test_no_page_may_read_an_answer_unless_it_is_listed() -> None:
    for origin in (PAGE, "http://localhost", "null", "*"):
        assert _origins().lines({b"origin": origin.encode()}) == b""
    assert _origins(PAGE).lines({}) == b""
    for other in (
        "https://chat.example.com.evil",
        "http://chat.example.com",
        PAGE + "/",
        PAGE.upper(),
    ):
        assert _origins(PAGE).lines({b"origin": other.encode()}) == b""


@pytest.mark.req("S-18", "OP-24")
def test_a_page_that_is_listed_is_named_and_caches_are_told() -> None:
    lines = _origins(PAGE).lines({b"origin": PAGE.encode()}).split(b"\r\n")

    assert lines == [b"access-control-allow-origin: %b" % PAGE.encode(), b"vary: origin", b""]


@pytest.mark.req("S-18", "OP-24")
def test_cookies_are_let_along_only_where_that_was_asked_for() -> None:
    asked = Origins([PAGE], with_credentials=True, is_loopback=False)

    assert b"access-control-allow-credentials: true\r\n" in asked.lines({b"origin": PAGE.encode()})
    assert asked.lines({b"origin": b"https://evil.example"}) == b""


@pytest.mark.req("S-18")
def test_any_page_is_any_page() -> None:
    anyone = _origins("*", is_loopback=True)

    anyone.check({b"origin": b"https://evil.example"})
    assert b"https://evil.example\r\n" in anyone.lines({b"origin": b"https://evil.example"})


@pytest.mark.req("S-18", "OP-24")
def test_a_browsers_question_is_answered_for_pages_that_are_listed() -> None:
    asks = {b"origin": PAGE.encode(), b"access-control-request-method": b"POST"}

    answer = dict(_origins(PAGE).preflight("OPTIONS", asks) or ())

    assert answer[b"access-control-allow-methods"] == b"GET, POST"
    assert b"authorization" in answer[b"access-control-allow-headers"]
    assert b"*" not in b"".join(answer.values())


@pytest.mark.req("S-18", "OP-24")
@pytest.mark.parametrize(
    ("method", "missing"),
    [("GET", b""), ("POST", b""), ("OPTIONS", b"origin"), ("OPTIONS", b"access-control-request-method")],
)  # fmt: skip
def test_what_is_no_such_question_is_a_request_like_any_other(method: str, missing: bytes) -> None:
    asks = {b"origin": PAGE.encode(), b"access-control-request-method": b"POST"}
    asks.pop(missing, None)

    assert _origins(PAGE).preflight(method, asks) is None
    assert _origins().preflight("OPTIONS", asks) is None


def _call(hosts: Hosts, host: str) -> None:
    hosts.check({b"host": host.encode("latin-1")})


def _origins(*allowed: str, is_loopback: bool = False) -> Origins:
    return Origins(allowed, with_credentials=False, is_loopback=is_loopback)


@pytest.mark.req("B-10")
def test_an_open_listener_without_names_is_called_as_anybody_likes() -> None:
    Hosts("0.0.0.0", (), is_loopback=False).check({b"host": b"anything.example"})


@pytest.mark.req("B-10", "H-34")
@pytest.mark.parametrize(("names", "is_loopback"), [((), True), (("ours.example",), False)])
def test_where_names_are_known_no_other_is_taken(names: tuple[str, ...], is_loopback: bool) -> None:
    hosts = Hosts("127.0.0.1", names, is_loopback=is_loopback)

    with pytest.raises(HostNotAllowed):
        hosts.check({b"host": b"evil.example"})


@pytest.mark.req("B-10")
def test_who_is_no_page_may_ask_on_loopback() -> None:
    Origins((), with_credentials=False, is_loopback=True).check({})
