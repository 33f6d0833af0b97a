"""A connection goes to an address that was judged, whatever a resolver says and when."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from peer import OK, Visit, always_ok, answer_of, eventually, reaching, serve

from certificates import Authority, serving
from tollhouse.domain.errors import (
    UpstreamBroke,
    UpstreamForbidden,
    UpstreamUnreachable,
    UpstreamUntrusted,
)
from tollhouse.domain.exchange import Deadlines
from tollhouse.domain.permits import for_caller, for_provider
from tollhouse.domain.urls import parse
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.tls import trusting
from tollhouse.upstream.way import Way

LOOPBACK = (ip_network("127.0.0.0/8"),)
PUBLIC = "192.88.98.1"  # of no special range; nothing here ever connects to it

EVERY_SPECIAL = [
    "169.254.169.254", "0.0.0.0", "::", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:5601:5601",
    "fe80::1%eth0", "fe80::5efe:7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "fd00:ec2::254",
    "10.0.0.1", "::1", "224.0.0.1", "255.255.255.255", "100.100.100.200", "168.63.129.16",
]  # fmt: skip


class Resolver:
    """Answers as the script says, the last line for good, and counts how often it was asked."""

    def __init__(self, *script: Sequence[str] | OSError) -> None:
        self.script = list(script)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, OSError):
            raise answer
        return answer


def way(peer_url: str, resolver: Resolver, *, valid_s: float = 60.0) -> Way:
    """To a provider by name, on a loopback network that was declared."""
    port = urlsplit(peer_url).port
    url = parse(f"http://provider.example:{port}/v1")
    return Way(url, for_provider(url, LOOPBACK), resolve=resolver, valid_s=valid_s)


@pytest.mark.req("S-65", "B-1")
async def test_a_name_is_resolved_once_for_a_connection_and_kept_for_the_host_header() -> None:
    resolver, seen = Resolver(["127.0.0.1"]), []

    async def script(visit: Visit) -> None:
        while True:
            seen.append(await visit.request())
            await visit.send(OK)

    async with serve(script) as peer, reaching(way(peer.url, resolver)) as upstream:
        for _ in range(5):
            assert await answer_of(upstream) == (200, b"hello")

    assert resolver.asked == ["provider.example"]
    assert peer.visits == 1
    assert b"\r\nhost: provider.example:" in seen[0]


@pytest.mark.req("CN-4", "S-65", "B-1", "H-107", "H-108")
@pytest.mark.parametrize("address", EVERY_SPECIAL)
async def test_a_name_that_leads_to_a_forbidden_address_gets_no_connection(address: str) -> None:
    async with (
        serve(always_ok) as peer,
        reaching(way(peer.url, Resolver([address]))) as upstream,
    ):
        with pytest.raises(UpstreamForbidden) as refused:
            await answer_of(upstream)
        assert upstream.pool._slots == 0

    assert address in (refused.value.private or "")
    assert address not in refused.value.detail
    assert peer.visits == 0


@pytest.mark.req("S-65", "H-107")
@pytest.mark.parametrize(
    "mixed", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "::1"]]
)
async def test_one_forbidden_address_refuses_the_whole_name(mixed: list[str]) -> None:
    async with serve(always_ok) as peer, reaching(way(peer.url, Resolver(mixed))) as upstream:
        with pytest.raises(UpstreamForbidden):
            await answer_of(upstream)

    assert peer.visits == 0


@pytest.mark.req("CN-4", "S-65", "B-1", "H-109", "H-110")
@pytest.mark.parametrize("then", EVERY_SPECIAL)
async def test_a_name_that_changes_its_mind_between_connections_is_judged_anew(then: str) -> None:
    resolver = Resolver(["127.0.0.1"], [then])
    async with (
        serve(always_ok) as peer,
        reaching(way(peer.url, resolver, valid_s=0.05)) as upstream,
    ):
        assert await answer_of(upstream) == (200, b"hello")
        await eventually(lambda: upstream.pool._slots == 0)
        with pytest.raises(UpstreamForbidden):
            await answer_of(upstream)

    assert len(resolver.asked) == 2
    assert peer.visits == 1


@pytest.mark.req("S-65", "H-110")
async def test_a_connection_in_steady_use_is_not_kept_past_what_was_resolved() -> None:
    resolver = Resolver(["127.0.0.1"], ["169.254.169.254"])
    async with (
        serve(always_ok) as peer,
        reaching(way(peer.url, resolver, valid_s=0.1)) as upstream,
    ):
        with pytest.raises(UpstreamForbidden):
            await _until_refused(upstream)

    assert peer.visits == 1


async def test_an_address_in_the_url_is_never_resolved() -> None:
    resolver = Resolver(["169.254.169.254"])
    async with serve(always_ok) as peer:
        url = parse(peer.url)
        async with reaching(Way(url, for_provider(url), resolve=resolver)) as upstream:
            assert await answer_of(upstream) == (200, b"hello")

    assert resolver.asked == []


@pytest.mark.req("H-111")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (OSError("SERVFAIL"), "SERVFAIL"),
        (TimeoutError("no answer"), "no answer"),
        ([], "leads to no address"),
    ],
)
async def test_a_name_that_leads_nowhere_is_unreachable(
    answer: OSError | list[str], why: str
) -> None:
    async with (
        serve(always_ok) as peer,
        reaching(way(peer.url, Resolver(answer))) as upstream,
    ):
        with pytest.raises(UpstreamUnreachable) as gone:
            await answer_of(upstream)

    assert peer.visits == 0
    assert why in (gone.value.private or "")


@pytest.mark.req("H-111", "S-69")
async def test_resolving_has_a_deadline() -> None:
    async def forever(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    url = parse("https://provider.example/")
    slow = Way(url, for_provider(url), resolve=forever)
    async with reaching(slow, Deadlines(connect_s=0.05)) as upstream:
        with pytest.raises(UpstreamUnreachable):
            await answer_of(upstream)


@pytest.mark.req("S-69")
async def test_an_address_that_is_silent_leaves_time_for_the_next_one() -> None:
    """Its queue is full: the system does not even say no."""
    async with serve(always_ok) as peer, contextlib.AsyncExitStack() as stack:
        port = urlsplit(peer.url).port
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        for _ in range(4):
            crowd = stack.enter_context(socket.socket())
            crowd.setblocking(False)
            crowd.connect_ex(silent.getsockname())
        two = way(peer.url, Resolver(["127.0.0.2", "127.0.0.1"]))
        async with reaching(two, Deadlines(connect_s=1.0)) as upstream:
            assert await asyncio.wait_for(answer_of(upstream), 10) == (200, b"hello")


def test_only_what_was_resolved_grows_old() -> None:
    named = way("http://127.0.0.1:1", Resolver([]), valid_s=5.0)

    assert named.lasts_s == 5.0
    assert replace(named, url=parse("http://127.0.0.1:1")).lasts_s == float("inf")


@pytest.mark.req("OL-8")
async def test_without_tls_a_name_that_leads_to_a_public_address_gets_no_connection() -> None:
    url = parse("http://provider.example/")
    plain = Way(url, for_provider(url, LOOPBACK), resolve=Resolver([PUBLIC]))
    async with reaching(plain) as upstream:
        with pytest.raises(UpstreamForbidden) as refused:
            await answer_of(upstream)

    assert "public-without-tls" in (refused.value.private or "")


@pytest.mark.req("S-65", "H-107", "H-109")
async def test_a_name_that_a_caller_brought_leads_to_public_addresses_only() -> None:
    url, permit = for_caller("https://images.example/x.png")
    async with reaching(Way(url, permit, resolve=Resolver([PUBLIC, "127.0.0.1"]))) as upstream:
        with pytest.raises(UpstreamForbidden):
            await answer_of(upstream)


@pytest.mark.req("S-68", "OL-43", "H-112", "H-113", "H-120")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 401, 407])
async def test_nothing_that_an_answer_names_is_called(status: int) -> None:
    resolver = Resolver(["127.0.0.1"])
    async with serve(always_ok) as elsewhere:

        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(
                f"HTTP/1.1 {status} Go\r\nlocation: {elsewhere.url}/\r\nrefresh: 0; url={elsewhere.url}\r\n"
                f'link: <{elsewhere.url}>; rel=preload\r\nalt-svc: h2="{elsewhere.url}"\r\n'
                f'www-authenticate: Bearer realm="{elsewhere.url}"\r\n'
                f'proxy-authenticate: Basic realm="{elsewhere.url}"\r\n'
                "set-cookie: a=b\r\ncontent-length: 0\r\n\r\n".encode()
            )
            second = await visit.request()
            assert b"cookie" not in second
            await visit.send(OK)

        async with serve(script) as peer, reaching(way(peer.url, resolver)) as upstream:
            assert await answer_of(upstream) == (status, b"")
            assert await answer_of(upstream) == (200, b"hello")

    assert (peer.visits, elsewhere.visits) == (1, 0)


@pytest.mark.req("S-70", "H-118")
@pytest.mark.parametrize(
    ("certified", "age", "root"),
    [
        ("other.example", dt.timedelta(0), "root"),
        ("provider.example", dt.timedelta(hours=3), "root"),
        ("provider.example", dt.timedelta(0), "stranger"),
    ],
    ids=["another name", "expired", "an authority that nobody trusts"],
)
async def test_who_cannot_prove_its_name_gets_no_request(
    certified: str, age: dt.timedelta, root: str, tmp_path: Path
) -> None:
    ours, theirs = Authority(tmp_path), Authority(tmp_path, root)
    seen: list[bytes] = []

    async def script(visit: Visit) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            seen.append(await visit.request())

    if root == "root":
        theirs = ours
    async with serve(script, serving(theirs.certify(certified, age=age))) as peer:
        secure = _by_tls(peer.url, trusting(ours.file, None))
        async with reaching(secure) as upstream:
            with pytest.raises(UpstreamUntrusted) as refused:
                await answer_of(upstream)
            assert upstream.pool._slots == 0

    assert seen == []
    assert refused.value.status == 502
    assert "certificate" in (refused.value.private or "")


async def test_who_proves_its_name_is_told_which_one_is_meant(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    server, asked = serving(ours.certify("provider.example")), []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)

    async with (
        serve(always_ok, server) as peer,
        reaching(_by_tls(peer.url, trusting(ours.file, None))) as upstream,
    ):
        assert await answer_of(upstream) == (200, b"hello")

    assert asked == ["provider.example"]


async def test_declared_roots_are_the_only_ones(tmp_path: Path) -> None:
    ours = Authority(tmp_path)

    certificates = trusting(ours.file, None).get_ca_certs()

    assert [dict(pair for (pair,) in it["subject"])["commonName"] for it in certificates] == [
        "root"
    ]


async def test_a_provider_may_ask_who_comes(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    us = ours.certify("gateway")
    server = serving(ours.certify("provider.example"), asks_for=ours.file)

    async with serve(always_ok, server) as peer:
        known = _by_tls(peer.url, trusting(ours.file, (us, us)))
        async with reaching(known) as upstream:
            assert await answer_of(upstream) == (200, b"hello")
        unknown = replace(known, tls=trusting(ours.file, None))
        async with reaching(unknown) as upstream:
            with pytest.raises(UpstreamBroke):
                await answer_of(upstream)


def test_a_key_behind_a_password_is_refused_without_asking_for_it(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    ours = Authority(tmp_path)
    pem = ours.certify("gateway")
    key = serialization.load_pem_private_key(pem.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    with pytest.raises(OSError):
        trusting(None, (pem, locked))


class Misled(socket.socket):
    """Somebody on the way has turned the connection elsewhere."""

    def getpeername(self) -> tuple[str, int]:
        return "127.0.0.2", super().getpeername()[1]


@pytest.mark.req("S-65")
async def test_a_connection_that_was_turned_elsewhere_gets_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        monkeypatch.setattr(socket, "socket", Misled)
        async with reaching(way(url, Resolver(["127.0.0.1"]))) as upstream:
            with pytest.raises(UpstreamForbidden):
                await answer_of(upstream)
        monkeypatch.undo()

        with elsewhere.accept()[0] as visitor:
            assert visitor.recv(1) == b""


@pytest.mark.req("H-99")
async def test_the_name_of_a_metadata_service_is_refused_wherever_it_leads() -> None:
    url = parse("https://metadata.google.internal/")
    async with reaching(Way(url, for_provider(url), resolve=Resolver([PUBLIC]))) as upstream:
        with pytest.raises(UpstreamForbidden):
            await answer_of(upstream)


async def _until_refused(upstream: HttpUpstream) -> None:
    async with asyncio.timeout(5):
        while True:
            await answer_of(upstream)


def _by_tls(peer_url: str, tls: ssl.SSLContext) -> Way:
    url = parse(f"https://provider.example:{urlsplit(peer_url).port}/")
    return Way(url, for_provider(url, LOOPBACK), tls, Resolver(["127.0.0.1"]))
