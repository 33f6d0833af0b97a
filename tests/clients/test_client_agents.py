"""Coding agents in a session with tools: they run what the model asks for, and tell it what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clients.agents import AGENTS, CLAUDE_CODE, CODEX, Agent, claude_code, codex
from clients.members import untouched
from clients.stage import KINDS, Stage
from clients.upstream.acting import Once, acting, be_busy, break_off, break_off_streams, speech
from clients.upstream.play import COMPLETION_TOKENS, PROMPT_TOKENS, Call, Turn
from journeys.gateway import NANOS_IN, NANOS_OUT
from journeys.provider import Script

NOTE = "the gate is open"
LAST_WORD = "The note says that the gate is open."
RUNS = {CLAUDE_CODE: (claude_code, "Bash", "command"), CODEX: (codex, "exec_command", "cmd")}
TWICE = ((True, True),)
"""Whether each attempt asks for a stream; here, of two that it may make."""

THEN_WHOLE = ((True, True, False), (True, False))
"""Claude Code asks once without a stream, and sooner when some of the stream had reached it."""

COST = 3 * (PROMPT_TOKENS * NANOS_IN + COMPLETION_TOKENS * NANOS_OUT)


def _played(agent: Agent, *more: Any) -> Any:
    why = agent.is_left_out
    marks = [
        pytest.mark.skipif(bool(why), reason=f"left out: {agent.package}: {why}"),
    ]
    names = [each if isinstance(each, str) else each.__name__ for each in more[:1]]
    return pytest.param(agent, *more, id="-".join((agent.id, *names)), marks=marks)


each_agent = pytest.mark.parametrize("agent", [_played(each) for each in AGENTS])
PAIRS = [_played(agent, behind) for agent in AGENTS for behind in KINDS]


@pytest.mark.req("R-5", "R-8", "R-9", "R-15", "P-12")
@pytest.mark.parametrize(("agent", "behind"), PAIRS)
async def test_an_agent_works_through_a_session(
    agent: Agent, behind: str, stage: Stage, tmp_path: Path
) -> None:
    run, tool, member = RUNS[agent]
    turns = (
        Turn(calls=(Call("call_echo", tool, {member: "echo toll"}),)),
        Turn(calls=(Call("call_note", tool, {member: "cat note.txt"}),)),
        Turn(text=LAST_WORD),
    )
    stage.up.script = acting(turns)
    (tmp_path / "note.txt").write_text(NOTE)

    printed = await run(tmp_path, stage.pipe.origin, stage.door.key, behind)

    assert LAST_WORD in printed
    sent = stage.pipe.posts(agent.path)
    assert len(sent) == len(stage.up.asked) == len(turns)
    last = stage.up.asked[-1]
    first_result, second_result = speech(last).results(last.body)
    assert "toll" in first_result
    assert NOTE in second_result
    assert await stage.spent() == COST
    assert [each["code"] for each in await stage.calls(len(turns))] == [None] * len(turns)
    if behind == agent.dialect:
        assert [_kept(each.raw, behind) for each in stage.up.asked] == [
            _kept(each.raw, behind) for each in sent
        ]


@pytest.mark.req("R-11", "P-4")
@each_agent
async def test_an_agent_shows_that_the_budget_is_exhausted(
    agent: Agent, stage: Stage, tmp_path: Path
) -> None:
    run, _, _ = RUNS[agent]

    printed = await run(tmp_path, stage.pipe.origin, stage.poor, agent.dialect)

    assert "tenant:poor" in printed
    assert len(stage.pipe.posts(agent.path)) == agent.attempts_when_refused
    assert stage.up.asked == []


@pytest.mark.req("R-1", "R-13")
@each_agent
async def test_an_agent_shows_that_its_key_is_wrong(
    agent: Agent, stage: Stage, tmp_path: Path
) -> None:
    run, _, _ = RUNS[agent]
    wrong = stage.door.key[:-1] + ("x" if stage.door.key[-1] != "x" else "y")

    printed = await run(tmp_path, stage.pipe.origin, wrong, agent.dialect)

    assert "401" in printed
    assert len(stage.pipe.posts(agent.path)) == agent.attempts_when_refused
    assert stage.up.asked == []


@pytest.mark.req("R-11", "R-13")
@each_agent
async def test_an_agent_that_is_told_to_wait_asks_once_more_and_goes_on(
    agent: Agent, stage: Stage, tmp_path: Path
) -> None:
    await _goes_on_after(be_busy, agent, stage, tmp_path)


@pytest.mark.req("R-10", "R-13")
@each_agent
async def test_an_agent_whose_stream_breaks_off_asks_once_more_and_goes_on(
    agent: Agent, stage: Stage, tmp_path: Path
) -> None:
    await _goes_on_after(break_off, agent, stage, tmp_path)


@pytest.mark.req("R-10", "R-11", "R-13")
@pytest.mark.parametrize(
    ("agent", "trouble", "word", "ways"),
    [
        _played(CLAUDE_CODE, be_busy, "429", TWICE),
        _played(CLAUDE_CODE, break_off_streams, "429", THEN_WHOLE),
        _played(CODEX, be_busy, "429", TWICE),
        _played(CODEX, break_off_streams, "broke off", TWICE),
    ],
)
async def test_an_agent_gives_up_with_a_word_after_as_many_attempts_as_it_was_told_to_make(
    agent: Agent,
    trouble: Script,
    word: str,
    ways: tuple[tuple[bool, ...], ...],
    stage: Stage,
    tmp_path: Path,
) -> None:
    run, _, _ = RUNS[agent]
    stage.up.script = trouble

    printed = await run(tmp_path, stage.pipe.origin, stage.door.key, agent.dialect, tries=2)

    posts = stage.pipe.posts(agent.path)
    assert word in printed
    assert tuple(post.body["stream"] for post in posts) in ways
    assert len(stage.up.asked) == len(posts)
    await stage.door.nothing_is_held()


async def _goes_on_after(trouble: Script, agent: Agent, stage: Stage, home: Path) -> None:
    run, tool, member = RUNS[agent]
    turns = (
        Turn(calls=(Call("call_note", tool, {member: "cat note.txt"}),)),
        Turn(text=LAST_WORD),
    )
    stage.up.script = Once(trouble, acting(turns))
    (home / "note.txt").write_text(NOTE)

    printed = await run(home, stage.pipe.origin, stage.door.key, agent.dialect)

    assert LAST_WORD in printed
    assert len(stage.pipe.posts(agent.path)) == len(stage.up.asked) == len(turns) + 1
    await stage.door.nothing_is_held()


def _kept(body: bytes, dialect: str) -> dict[str, bytes]:
    """A search on the web is left out where tokens are paid for, so Codex's list of tools gets shorter."""
    members = untouched(body, dialect)
    return members if dialect == "messages" else {**members, "tools": b""}
