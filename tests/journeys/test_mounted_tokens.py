"""Callers by a token in a mounted Secret: it is exchanged while a gateway of two workers is served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import MODEL, Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from tollhouse.control import tenancy
from tollhouse.domain.static_tokens import digest

OLD, NEW = "canary-of-the-old-token-0123", "canary-of-the-new-token-0123"
ENOUGH = 12
"""Calls on connections of their own: each of two workers gets some."""


@pytest.mark.req("OC-4", "OC-2", "OC-5")
async def test_once_the_secret_is_exchanged_the_old_token_opens_nothing_in_any_worker(
    door: Gateway, mount: Mount
) -> None:
    before = [await asked(door, OLD) for _ in range(ENOUGH)]

    mount.swap(NEW + "\n")

    assert before == [200] * ENOUGH
    assert [await asked(door, OLD) for _ in range(ENOUGH)] == [401] * ENOUGH
    assert [await asked(door, NEW) for _ in range(ENOUGH)] == [200] * ENOUGH
    await door.nothing_is_held()


@pytest.mark.req("OC-10", "OC-1", "OC-6", "CN-23")
async def test_the_record_knows_a_token_by_its_digest_and_the_log_by_nothing(
    door: Gateway, up: Provider
) -> None:
    calls_before = len(up.asked)

    assert await asked(door, OLD, "bEARER") == 200
    assert await asked(door, NEW) == 401
    assert await asked(door, "t\xf6ken-0123456789abcdef") == 401

    async def are_written() -> bool:
        return len(door.calls()) == 3

    await until(are_written, "three records are written")
    known, *strangers = sorted(door.calls(), key=lambda record: record["status"])
    assert known["key"] == f"asks:{digest(OLD).hex()[:16]}"
    assert (known["user"], known["proof"], known["proved_until"]) == (
        *("acme/asks", "static:asks"),
        None,
    )
    assert [it["user"] for it in strangers] == [None, None]
    assert len(up.asked) == calls_before + 1
    assert "canary-of" not in door.log() + "".join(door.audit_lines())


@pytest.mark.req("OC-8", "CN-1")
async def test_without_a_token_in_the_file_everybody_is_told_that_nobody_can_come_in(
    tmp_path: Path, up: Provider
) -> None:
    async for door in served(tmp_path, Mount(tmp_path / "mounted"), up):
        assert await asked(door, OLD) == 503
        assert await asked(door, door.key) == 200


class Mount:
    """As the kubelet writes a Secret: a directory for each version, and a link that is swapped."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.version = 0
        directory.mkdir()

    @property
    def file(self) -> Path:
        return self.directory / "token"

    def swap(self, text: str) -> None:
        self.version += 1
        version = self.directory / f"..{self.version}"
        version.mkdir()
        (version / "token").write_text(text)
        (self.directory / "..data_tmp").symlink_to(version.name)
        (self.directory / "..data_tmp").rename(self.directory / "..data")
        if not self.file.is_symlink():
            self.file.symlink_to(Path("..data") / "token")


async def asked(door: Gateway, token: str, scheme: str = "Bearer") -> int:
    headers = {"authorization": f"{scheme} {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{door.base_url}/chat/completions", json=ask(), headers=headers) as reply,
    ):
        if reply.status == 401:
            assert reply.headers["www-authenticate"] == 'Bearer realm="tollhouse"'
        return reply.status


async def served(directory: Path, mount: Mount, up: Provider) -> AsyncIterator[Gateway]:
    said = f"""
[static_tokens.asks]
file = "{mount.file}"
tenant = "acme"
user = "asks"
models = ["{MODEL}"]
"""
    it = prepared(directory, up.url, settings=said, server="workers = 2")
    await furnish(it, 10**12)
    await it.on_store(lambda store: tenancy.create_user(store, "acme", "asks", now_ms()))
    async with it.serving():
        yield it


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    it = Mount(tmp_path / "mounted")
    it.swap(OLD)
    return it


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
async def door(tmp_path: Path, mount: Mount, up: Provider) -> AsyncIterator[Gateway]:
    async for it in served(tmp_path, mount, up):
        yield it
