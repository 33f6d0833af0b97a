"""A page that may read answers is told so before it asks; no other page is."""

from __future__ import annotations

from pathlib import Path

import pytest

from journeys.gateway import gateway
from security.wire import request, send

PAGE = "https://chat.example.com"
ASKS = ("access-control-request-method", "POST")


@pytest.mark.req("B-10")
async def test_a_page_is_told_before_it_asks_whether_it_may(tmp_path: Path) -> None:
    async with gateway(tmp_path, "http://127.0.0.1:9", server=f'cors_origins = ["{PAGE}"]') as door:
        ours, theirs = [
            await send(door.port, request(method="OPTIONS", headers=(("origin", origin), ASKS)))
            for origin in (PAGE, "http://localhost:3000")
        ]

        assert (ours.status, ours.body) == (204, b"")
        assert ours.headers["access-control-allow-origin"] == PAGE
        assert ours.headers["access-control-allow-methods"] == "GET, POST"
        assert theirs.status != 204
        assert "access-control-allow-origin" not in theirs.headers
