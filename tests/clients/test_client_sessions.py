"""A session of three turns with tools, by every client, before providers of every dialect."""

from __future__ import annotations

import pytest

from clients.cast import every_client, every_pair
from clients.members import untouched
from clients.roster import Client
from clients.stage import REAL, Stage
from clients.upstream.acting import act, speech
from clients.upstream.play import CITIES, COMPLETION_TOKENS, LAST_WORD, PROMPT_TOKENS, TURNS, result
from journeys.gateway import NANOS_IN, NANOS_OUT

INPUT, OUTPUT = len(TURNS) * PROMPT_TOKENS, len(TURNS) * COMPLETION_TOKENS


@pytest.mark.req("R-5", "R-9", "R-15", "B-5")
@every_pair
async def test_a_session_with_tools_ends_in_the_last_word(
    client: Client, behind: str, stage: Stage
) -> None:
    stage.up.script = act

    told = await stage.run(client, behind)

    assert told["error" if "error" in told else "text"] == LAST_WORD
    assert sorted(told["called"]) == sorted(CITIES)  # a framework may call them side by side
    assert (told["input"], told["output"]) == (INPUT, OUTPUT)
    asked = stage.pipe.posts(client.path)
    assert len(asked) == len(stage.up.asked) == len(TURNS)
    assert {each.body.get("stream", False) for each in asked} == {client.is_stream}
    last = stage.up.asked[-1]
    assert speech(last).results(last.body) == [result(city) for city in CITIES]
    assert await stage.spent() == INPUT * NANOS_IN + OUTPUT * NANOS_OUT
    calls = await stage.calls(len(TURNS))
    assert [(each["code"], each["model"]) for each in calls] == [(None, behind)] * len(TURNS)
    await stage.door.is_consistent()


@pytest.mark.req("P-12", "R-5")
@every_client
async def test_on_the_native_lane_the_provider_gets_the_members_that_the_client_sent(
    client: Client, stage: Stage
) -> None:
    stage.up.script = act

    await stage.run(client, client.dialect)

    sent = [untouched(each.raw, client.dialect) for each in stage.pipe.posts(client.path)]
    assert [untouched(each.raw, client.dialect) for each in stage.up.asked] == sent
    assert {each.body["model"] for each in stage.up.asked} == {REAL}
    assert [each["unsaid"] for each in await stage.calls(len(TURNS))] == [[]] * len(TURNS)
