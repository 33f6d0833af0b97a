"""What a real proxy makes of the same requests: whatever it passes on, the gateway reads as it does."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys.gateway import Gateway, free_port, until
from journeys.provider import Provider
from security.callers import Callers
from security.test_framing import ROWS, honest, smuggled
from security.wire import exchange

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
CONFIG = """
daemon off;
pid {place}/pid;
error_log {place}/errors;
events {{}}
http {{
    log_format passed '$upstream_status';
    access_log {place}/passed passed;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    keepalive_timeout 1s;
    client_header_timeout 1s;
    client_body_timeout 1s;
    lingering_timeout 1s;
    upstream gateway {{ server 127.0.0.1:{gateway}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_request_buffering {buffering};
            proxy_set_header Connection "";
            proxy_set_header Host localhost;
        }}
    }}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture(params=["on", "off"])
def proxy(
    request: pytest.FixtureRequest, door: Gateway, tmp_path: Path
) -> Iterator[tuple[int, Path]]:
    """Its port, and a file with a line for each request: the status it got from the gateway."""
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(
        CONFIG.format(place=tmp_path, port=port, gateway=door.port, buffering=request.param)
    )
    command = [str(NGINX), "-p", str(tmp_path), "-e", str(tmp_path / "errors"), "-c", str(config)]
    process = subprocess.Popen(command)
    try:
        yield port, tmp_path / "passed"
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.req("S-1", "B-1")
async def test_what_a_proxy_passes_on_is_read_as_it_was_meant(
    door: Gateway, callers: Callers, up: Provider, proxy: tuple[int, Path]
) -> None:
    """As many requests as it sent, each answered with what it got: none was hidden in another."""
    port, passed = proxy
    await until(lambda: _listens(port), "nginx listens")
    before = len(door.calls())

    crowd = asyncio.Semaphore(16)
    await asyncio.gather(*(_sent(crowd, port, callers, number) for number in range(len(ROWS))))
    await door.end()

    recorded = Counter(str(record["status"]) for record in door.calls()[before:])
    sent = Counter(line for line in passed.read_text().split() if line != "-")
    up.asked.clear()
    await door.start()
    assert recorded == sent
    assert sent["200"] > 0


async def _sent(crowd: asyncio.Semaphore, port: int, callers: Callers, number: int) -> None:
    async with crowd:
        raw = ROWS[number].raw(honest(callers, f"proxied-{number}"))
        await exchange(port, raw + smuggled(callers, f"behind-{number}"))


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.transport.abort()
    return True
