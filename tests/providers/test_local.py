"""The real small model, in its real process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tollhouse.providers import local
from tollhouse.providers.local import LocalModel, why_unavailable

REASON = why_unavailable()
with_the_model = [
    pytest.mark.slow,
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
]
SOON_S = 20.0


class TestWhetherItCanRun:
    def test_a_processor_without_avx2_is_told_so(self, tmp_path: Path) -> None:
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text("flags\t\t: fpu sse4_2 avx avx512f\n")

        reason = why_unavailable(machine="x86_64", cpuinfo=cpuinfo)

        assert reason is not None
        assert "AVX2" in reason
        assert "echo model" in reason

    def test_arm_needs_no_avx2(self, tmp_path: Path) -> None:
        engine, package = "json", a_package_with_weights()

        assert why_unavailable(engine=engine, package=package, machine="arm64") is None

    def test_other_processors_are_named(self) -> None:
        assert "riscv64" in (why_unavailable(machine="riscv64") or "")

    def test_an_engine_that_is_not_installed_is_told_with_the_way_to_install_it(self) -> None:
        reason = why_unavailable(engine="no_such_engine", machine="arm64")

        assert "no_such_engine" in (reason or "")
        assert "pip install --no-deps" in (reason or "")

    @pytest.mark.parametrize("package", ["no_such_package", "json"])
    def test_weights_that_are_not_there_are_told(self, package: str) -> None:
        reason = why_unavailable(engine="json", package=package, machine="arm64")

        assert "weights" in (reason or "")

    def test_asking_loads_neither_the_engine_nor_the_package(self) -> None:
        why_unavailable()

        assert local.ENGINE not in sys.modules
        assert local.WEIGHTS not in sys.modules


class TestAnswers:
    pytestmark = with_the_model

    async def test_a_question_is_answered(self, model: LocalModel) -> None:
        answer = (await ask(model, "What is the capital of France?", max_tokens=12)).json()

        assert answer["model"] == "smollm2-135m"
        assert answer["choices"][0]["message"]["content"].strip()
        assert 1 <= answer["usage"]["completion_tokens"] <= 12
        assert answer["usage"]["prompt_tokens"] > 5

    async def test_a_stream_ends_with_what_was_used(self, model: LocalModel) -> None:
        answer = await ask(
            model,
            "Count to ten.",
            max_tokens=6,
            stream=True,
            stream_options={"include_usage": True},
        )

        *events, done = answer.text.strip().split("\n\n")
        last = json.loads(events[-1].removeprefix("data: "))
        assert done == "data: [DONE]"
        assert last["choices"] == []
        assert 1 <= last["usage"]["completion_tokens"] <= 6

    @pytest.mark.parametrize("bound", ["max_tokens", "max_completion_tokens"])
    async def test_the_bound_of_the_output_holds(self, model: LocalModel, bound: str) -> None:
        answer = (await ask(model, "Tell me a long story.", **{bound: 3})).json()

        assert answer["usage"]["completion_tokens"] == 3
        assert answer["choices"][0]["finish_reason"] == "length"

    @pytest.mark.parametrize("is_stream", [True, False])
    async def test_who_hangs_up_frees_the_slot(self, model: LocalModel, *, is_stream: bool) -> None:
        hung_up = [hang_up(model, is_stream=is_stream) for _ in range(2)]  # as many as slots
        await asyncio.gather(*hung_up)

        before = time.monotonic()
        await ask(model, "Say hi.", max_tokens=2)

        assert time.monotonic() - before < 8  # the 1,500 tokens asked for would take a minute

    async def test_connections_kept_open_hold_nobody_up(self, model: LocalModel) -> None:
        before = time.monotonic()

        async with a_client(model) as client:
            body = asked("Say hi.", max_tokens=1)
            answers = [client.post("/chat/completions", json=body) for _ in range(40)]
            await asyncio.gather(*answers)

        assert (
            time.monotonic() - before < 12
        )  # with fewer threads, each round waits 5 s of idleness

    async def test_json_is_enforced_when_asked_for(self, model: LocalModel) -> None:
        schema = {
            "type": "object",
            "properties": {"city": {"enum": ["Paris", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        }

        answer = await ask(
            model,
            "Name a city.",
            max_tokens=40,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "city", "schema": schema},
            },
        )

        content = json.loads(answer.json()["choices"][0]["message"]["content"])
        assert content["city"] in ("Paris", "Rome")


class TestDoors:
    pytestmark = with_the_model

    @pytest.mark.parametrize("key", [None, "wrong"])
    async def test_nobody_asks_without_the_key(self, model: LocalModel, key: str | None) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}

        async with httpx2.AsyncClient(headers=headers) as client:
            answer = await client.post(f"{model.url}/chat/completions", json={"messages": []})

        assert answer.status_code == 401

    async def test_no_page_and_no_other_origin(self, model: LocalModel) -> None:
        async with httpx2.AsyncClient(headers={"origin": "http://elsewhere.example"}) as client:
            page = await client.get(model.url.removesuffix("v1"))

        assert page.status_code == 404
        assert page.headers["access-control-allow-origin"] == ""

    async def test_the_key_is_not_in_the_process_list(self, model: LocalModel) -> None:
        if not Path("/proc").is_dir():
            pytest.skip("needs /proc")
        process = Path(f"/proc/{model.pid}")

        assert model.key.encode() not in (process / "cmdline").read_bytes()
        assert model.key.encode() not in (process / "environ").read_bytes()


class TestLife:
    pytestmark = with_the_model

    async def test_it_is_ready_quickly(self) -> None:
        model = LocalModel()
        before = time.monotonic()

        await model.start()
        took = time.monotonic() - before
        await model.stop()

        assert took < 5  # 0.4 s when the machine has nothing else to do

    async def test_a_child_that_dies_is_replaced_behind_the_same_address(self) -> None:
        model = LocalModel(first_pause_s=0.01)
        await model.start()
        url, first = model.url, model.pid
        assert first is not None

        os.kill(first, signal.SIGKILL)
        await until(lambda: model.pid not in (None, first))
        answer = await ask(model, "Say hi.", max_tokens=2)
        is_same = model.url == url
        await model.stop()

        assert answer.status_code == 200
        assert is_same
        assert model.failure is None

    async def test_a_child_that_keeps_dying_is_given_up(self) -> None:
        model = LocalModel(first_pause_s=0.001)
        await model.start()

        for _ in range(local.RESTARTS + 1):
            await until(lambda: model.pid is not None)
            pid = model.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda pid=pid: model.pid != pid)  # type: ignore[misc] # mypy sees no default
        await until(lambda: model.failure is not None)
        failure = model.failure
        await model.stop()

        assert model.pid is None
        assert failure == "The process ended with -9."

    async def test_stopping_leaves_no_process(self) -> None:
        model = LocalModel()
        await model.start()
        pid = model.pid
        assert pid is not None

        await model.stop()
        await model.stop()

        assert not is_alive(pid)
        assert model.pid is None

    async def test_the_child_dies_with_its_parent(self) -> None:
        script = (
            "import asyncio, os\n"
            "from tollhouse.providers.local import LocalModel\n"
            "async def main():\n"
            "    model = LocalModel()\n"
            "    await model.start()\n"
            "    print(model.url, flush=True)\n"
            "    os._exit(1)\n"
            "asyncio.run(main())\n"
        )
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
        )
        url, _ = await parent.communicate()

        await until(lambda: not is_listening(url.decode().strip()))


@pytest.fixture(scope="module")
async def model() -> AsyncIterator[LocalModel]:
    model = LocalModel()
    await model.start()
    yield model
    await model.stop()


async def ask(model: LocalModel, question: str, **members: Any) -> httpx2.Response:
    async with a_client(model) as client:
        return await client.post("/chat/completions", json=asked(question, **members))


async def hang_up(model: LocalModel, *, is_stream: bool) -> None:
    """Ask for much, and leave: after the first bytes, or before there are any."""
    body = asked("Write a very long story.", max_tokens=1500, stream=is_stream, ignore_eos=True)
    async with a_client(model) as client:
        if is_stream:
            async with client.stream("POST", "/chat/completions", json=body) as answer:
                await anext(answer.aiter_bytes())
        else:
            with pytest.raises(httpx2.ReadTimeout):
                await client.post("/chat/completions", json=body, timeout=1.0)


def asked(question: str, **members: Any) -> dict[str, Any]:
    return {"model": local.MODEL, "messages": [{"role": "user", "content": question}], **members}


def a_client(model: LocalModel) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {model.key}"}
    return httpx2.AsyncClient(base_url=model.url, headers=headers, timeout=30.0, trust_env=False)


def a_package_with_weights() -> str:
    return local.WEIGHTS if local.weights() else pytest.skip("the weights are not installed")


def is_alive(pid: int) -> bool:
    """Zombies count as alive: nobody has collected them."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_listening(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=1.0).close()
    except OSError:
        return False
    return True


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not is_so():
            await asyncio.sleep(0.02)
