from __future__ import annotations

from bench.lanes import AGENT_BYTES, CHAT, CHUNKS, EVENTS, STREAM_ASK, agent_question, measured
from bench.targets import TARGETS

from tollhouse.dialects.openai_responses import OpenAIResponses


def test_the_lanes_give_every_figure_that_has_a_target() -> None:
    figures = measured(0.2)

    assert {"translated_chunk_us", "agent_x_parse"} <= set(figures)
    assert all(figure > 0 for figure in figures.values())
    assert {each.figure for each in TARGETS} >= {"translated_chunk_us", "agent_x_parse"}


def test_the_agents_question_is_as_large_as_it_says_and_one_that_is_taken() -> None:
    question = agent_question()

    assert AGENT_BYTES <= len(question) < AGENT_BYTES * 1.01
    assert len(CHAT.peek(question).tools) == 40


def test_the_stream_is_one_event_a_chunk_and_is_read_to_its_end() -> None:
    reader = CHAT.reader(is_stream=True)

    for event in EVENTS:
        reader.feed(event)

    assert len(EVENTS) == CHUNKS + 1
    assert reader.is_over
    assert OpenAIResponses().writer(STREAM_ASK, "bench", 1)
