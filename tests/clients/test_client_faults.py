"""What every client makes of a refusal and of a stream that breaks."""

from __future__ import annotations

import pytest

from clients.cast import every_client, every_streaming_client
from clients.roster import Client
from clients.stage import Stage
from clients.upstream.acting import Once, act, be_busy, break_off
from clients.upstream.play import LAST_WORD, TURNS


@pytest.mark.req("R-1", "R-12")
@every_client
async def test_a_wrong_key_is_shown_after_one_attempt(client: Client, stage: Stage) -> None:
    wrong = stage.door.key[:-1] + ("x" if stage.door.key[-1] != "x" else "y")

    told = await stage.run(client, client.dialect, key=wrong)

    assert "key" in told["error"]
    assert len(stage.pipe.posts(client.path)) == 1
    assert stage.up.asked == []


@pytest.mark.req("R-11", "P-4")
@every_client
async def test_an_exhausted_budget_is_shown_after_one_attempt(client: Client, stage: Stage) -> None:
    told = await stage.run(client, client.dialect, key=stage.poor)

    assert "tenant:poor" in told["error"]
    assert len(stage.pipe.posts(client.path)) == 1
    assert stage.up.asked == []
    assert [each["code"] for each in await stage.calls(1)] == ["budget_exhausted"]


@pytest.mark.req("R-11", "R-13")
@every_client
async def test_a_busy_provider_is_asked_again_when_it_said_or_shown(
    client: Client, stage: Stage
) -> None:
    stage.up.script = Once(be_busy, act)

    told = await stage.run(client, client.dialect)

    attempts = len(stage.pipe.posts(client.path))
    assert len(stage.up.asked) == attempts
    if client.tries_again:
        assert told["error" if "error" in told else "text"] == LAST_WORD
        assert attempts == len(TURNS) + 1
    else:
        assert "limiting requests" in told["error"]
        assert attempts == 1


@pytest.mark.req("R-10", "P-12")
@every_streaming_client
async def test_a_stream_that_breaks_off_is_an_error(client: Client, stage: Stage) -> None:
    stage.up.script = break_off

    told = await stage.run(client, client.dialect)

    assert told["error"]
    assert told["called"] == []
    await stage.door.nothing_is_held()
