"""Nothing goes where it must not: a served gateway, its sockets watched, its resolver hostile."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import tollhouse
from journeys.gateway import Gateway, ask, furnish, prepared
from journeys.provider import Asked, Provider, answer, provider
from security.wire import JSON, Got, bearer, recorded, refused_in_dialect, request, send

SOURCE = Path(tollhouse.__file__).parent
WATCHED = str(Path(__file__).with_name("watched_gateway.py"))
NAME = "provider.example"
PASSWORD = "of-a-netrc-that-nobody-reads"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
FORBIDDEN = {
    "169.254.169.254": "metadata",
    "::ffff:169.254.169.254": "metadata",
    "64:ff9b::a9fe:a9fe": "metadata",
    "64:ff9b:1::a9fe:a9fe": "nat64-local",
    "2002:a9fe:a9fe::1": "6to4",
    "2001:0:4136:e378:8000:63bf:5601:5601": "teredo",
    "fe80::5efe:7f00:2": "loopback",
    "fe80::1%lo": "unreadable",
    "127.0.0.2": "loopback",
    "::1": "loopback",
    "::ffff:127.0.0.2": "loopback",
    "::ffff:0:127.0.0.2": "ipv4-translated",
    "::127.0.0.2": "ipv4-compatible",
    "0.0.0.0": "unspecified",
    "::": "unspecified",
    "10.0.0.1": "private",
    "224.0.0.1": "multicast",
    "168.63.129.16": "metadata",
    "8.8.8.8": "public-without-tls",
}


@dataclass
class Decoy:
    """Listens where the gateway must not go, on the provider's own port, and counts who comes."""

    hits: int = 0
    servers: list[asyncio.Server] = field(default_factory=list)

    async def listen(self, port: int) -> None:
        for host in ("127.0.0.2", "::1"):
            self.servers.append(await asyncio.start_server(self._hit, host, port))

    async def _hit(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hits += 1
        writer.close()


@dataclass
class Watched:
    door: Gateway
    up: Provider
    decoy: Decoy
    names: Path
    events: Path

    def script(self, *addresses: str) -> None:
        self.names.write_text(json.dumps({NAME: addresses}))

    def seen(self, event: str) -> list[tuple[str, ...]]:
        lines = [json.loads(line) for line in self.events.read_text().splitlines()]
        return [tuple(line[1:]) for line in lines if line[0] == event]


async def _once(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answers and hangs up, so that the next call needs a connection of its own."""
    await answer(it, asked, writer)
    writer.close()


@asynccontextmanager
async def watching(directory: Path) -> AsyncIterator[Watched]:
    """A gateway whose provider has a name, on a network that was declared for it."""
    async with provider() as up:
        up.script = _once
        decoy = Decoy()
        await decoy.listen(up.port)
        door = prepared(directory, f"http://{NAME}:{up.port}/v1", up='networks = ["127.0.0.1/32"]')
        it = Watched(door, up, decoy, directory / "names", directory / "events")
        it.events.touch()
        it.script("127.0.0.1")
        door.program = (WATCHED,)
        door.environ |= {"WATCHED_EVENTS": str(it.events), "WATCHED_NAMES": str(it.names)}
        door.environ |= dict.fromkeys(PROXIES, f"http://127.0.0.2:{up.port}")
        door.environ |= {"NO_PROXY": "", "HOME": str(directory)}
        (directory / ".netrc").write_text(f"machine {NAME} login root password {PASSWORD}\n")
        await furnish(door, 10**12)
        async with door.serving():
            yield it
            for server in decoy.servers:
                server.close()


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with watching(tmp_path_factory.mktemp("watched")) as it:
        yield it


@pytest.mark.req("B-1", "S-65", "S-66", "CN-4", "H-107", "H-108", "H-109", "H-110")
@pytest.mark.parametrize("address", FORBIDDEN)
@pytest.mark.parametrize("beside", [[], ["127.0.0.1"]], ids=["alone", "beside a good one"])
async def test_a_resolver_that_turns_hostile_never_gets_a_connection(
    watched: Watched, address: str, beside: list[str]
) -> None:
    number = f"{list(FORBIDDEN).index(address)}-{len(beside)}"
    watched.script("127.0.0.1")
    good = await _call(watched, f"good-{number}")
    connected, asked = watched.seen("socket.connect"), len(watched.up.asked)
    watched.script(*beside, address)

    got = await _call(watched, f"bad-{number}")

    assert good.status == 200
    refused_in_dialect(got, "upstream_forbidden")
    assert address not in got.body.decode()
    assert watched.seen("socket.connect") == connected
    assert (watched.decoy.hits, len(watched.up.asked)) == (0, asked)
    await watched.door.nothing_is_held()
    record = await recorded(watched.door, f"bad-{number}")
    assert (record["code"], record["status"]) == ("upstream_forbidden", 502)
    assert f"{address} ({FORBIDDEN[address]})" in watched.door.log()


@pytest.mark.req("S-65", "B-1", "CN-33", "H-116")
async def test_a_gateway_that_serves_connects_to_its_judged_provider_and_to_nothing_else(
    watched: Watched,
) -> None:
    watched.script("127.0.0.1")
    before = len(watched.up.asked)
    for number in range(5):
        assert (await _call(watched, f"only-{number}")).status == 200

    keys = {asked.headers["authorization"] for asked in watched.up.asked[before:]}
    assert keys == {f"Bearer {watched.door.environ['UP_KEY']}"}
    assert set(watched.seen("socket.connect")) == {("127.0.0.1", str(watched.up.port))}
    assert set(watched.seen("resolved")) == {(NAME,)}
    assert watched.seen("socket.sendto") == watched.seen("socket.gethostbyname") == []
    assert watched.decoy.hits == 0


@pytest.mark.req("S-68", "OL-43", "H-112", "H-113")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "where",
    ["http://127.0.0.2:PORT/v1/chat/completions", "//127.0.0.2:PORT/", "file:///etc/passwd", "/v1/elsewhere"],
)  # fmt: skip
async def test_a_provider_that_redirects_leads_nowhere(
    watched: Watched, status: int, where: str
) -> None:
    async def redirect(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        named = where.replace("PORT", str(it.port))
        lines = [f"location: {named}", f"refresh: 0; url={named}", f"link: <{named}>; rel=preload"]
        head = "\r\n".join([f"HTTP/1.1 {status} Go", *lines, "content-length: 0"])
        writer.write(head.encode() + b"\r\n\r\n")
        await writer.drain()
        writer.close()

    watched.script("127.0.0.1")
    watched.up.script = redirect
    asked = len(watched.up.asked)
    try:
        got = await _call(watched, f"redirected-{status}-{len(where)}")
    finally:
        watched.up.script = _once

    refused_in_dialect(got, "upstream_failed")
    assert "location" not in got.headers
    assert len(watched.up.asked) == asked + 1
    assert set(watched.seen("socket.connect")) == {("127.0.0.1", str(watched.up.port))}
    assert watched.decoy.hits == 0


@pytest.mark.req("H-111")
async def test_a_name_that_is_gone_is_unreachable(watched: Watched) -> None:
    watched.names.write_text("{}")

    refused_in_dialect(await _call(watched, "gone"), "upstream_unreachable")


@pytest.mark.req("CN-3", "CN-4", "S-65", "H-99")
@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.2", "64:ff9b::a9fe:a9fe"])
def test_a_name_that_leads_astray_keeps_the_gateway_from_starting(
    tmp_path: Path, address: str
) -> None:
    ended = _refusing(tmp_path, f"http://{NAME}:8000/v1", [address])

    assert ended.returncode == 1
    for part in ("providers.up.url", NAME, f"{address}: {FORBIDDEN[address]}"):
        assert part in ended.stderr
    assert "socket.connect" not in (tmp_path / "events").read_text()


@pytest.mark.req("CN-3", "OL-8", "H-92", "H-95", "H-97", "H-101", "H-117")
@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://169.254.169.254/v1", "metadata"),
        ("https://[64:ff9b::a9fe:a9fe]/v1", "metadata"),
        ("https://[fe80::1]/v1", "link-local"),
        ("https://metadata.google.internal/v1", "metadata"),
        ("http://8.8.8.8/v1", "public-without-tls"),
        ("https://0x7f.1/v1", "four plain decimal numbers"),
        ("https://2852039166/v1", "four plain decimal numbers"),
        ("https://0251.0376.0251.0376/v1", "four plain decimal numbers"),
        ("https://[::ffff:169.254.169.254]/v1", "metadata"),
        ("https://[2002:a9fe:a9fe::1]/v1", "6to4"),
        ("https://[fe80::1%25eth0]/v1", "a % in it"),
        ("http://127.0.0.1:PORT/v1", "itself listens"),
    ],
)
def test_a_forbidden_url_keeps_the_gateway_from_starting(
    tmp_path: Path, url: str, rule: str
) -> None:
    ended = _refusing(tmp_path, url, [])

    assert ended.returncode == 1
    assert "providers.up.url" in ended.stderr
    assert rule in ended.stderr


def test_a_name_that_does_not_resolve_yet_is_only_warned_about(tmp_path: Path) -> None:
    """It gets as far as a store that cannot be."""
    ended = _refusing(tmp_path, f"https://{NAME}/v1", None)

    assert f"{NAME} cannot be resolved yet" in ended.stderr
    assert "config_invalid" not in ended.stderr


@pytest.mark.req("S-65", "B-1", "H-116")
def test_nothing_else_in_the_house_makes_connections() -> None:
    """But the stores' own clients, the demonstration, which calls the gateway's door, and the way to SPIFFE's agent,
    which is a socket of this host, or joined as all others are."""
    makes = re.compile(
        r"create_(unix_)?connection|open_(unix_)?connection|create_datagram|sock_connect|\.connect\("
        r"|^\s*(import|from) (aiohttp|httpx2?|requests|urllib3|urllib.request|http.client|valkey)\b",
        re.MULTILINE,
    )
    found = {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if makes.search(file.read_text())
    }

    assert found == {
        "upstream/dial.py",
        "upstream/near.py",
        "storage/postgres_connections.py",
        "state/valkey.py",
        "demo/asking.py",
    }


async def _call(watched: Watched, request_id: str) -> Got:
    headers = (bearer(watched.door.key), JSON, ("x-request-id", request_id))
    return await send(watched.door.port, request(json.dumps(ask()).encode(), headers))


def _refusing(
    directory: Path, url: str, addresses: list[str] | None
) -> subprocess.CompletedProcess[str]:
    """`serve`, as far as it gets."""
    door = prepared(directory, url, up='networks = ["127.0.0.1/32"]')
    door.config.write_text(door.config.read_text().replace("PORT", str(door.port)))
    if addresses is None:
        (directory / "data").write_text("a file where the directory should be")
    names = directory / "names"
    names.write_text(json.dumps({NAME: addresses} if addresses is not None else {}))
    environ = {"WATCHED_EVENTS": str(directory / "events"), "WATCHED_NAMES": str(names)}
    return subprocess.run(
        [sys.executable, WATCHED, "--config", str(door.config), "serve"],
        env={**door.environ, **environ},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
