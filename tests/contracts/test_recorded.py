"""What a real engine answered, read by every reader and told in every caller's dialect.

`python -m scripts.record` makes the recordings anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from scripts.fidelity.crossing import read, translated
from scripts.fidelity.dialects import CALLERS, Caller, ask
from scripts.fidelity.facts import Facts, heard, lost

from contracts.test_codecs import unheard
from tollhouse.domain.errors import Failure
from tollhouse.pipeline.translation import Translation
from tollhouse.ports import Relay

RECORDED = Path(__file__).parent / "recorded"
SPOKEN = {each.name: each for each in CALLERS}


@dataclass(frozen=True)
class Recording:
    answer: bytes
    spoken: Caller
    is_stream: bool
    case: str

    @property
    def meaning(self) -> Facts:
        return heard(read(self.spoken, self.answer, is_stream=self.is_stream))


def _recordings() -> dict[str, Recording]:
    """By where they stand: the engine, its dialect and the case."""
    return {
        str(file.relative_to(RECORDED)): Recording(
            *(file.read_bytes(), SPOKEN[file.parent.name]),
            *(file.suffix == ".stream", file.stem),
        )
        for file in sorted(RECORDED.glob("*/*/*.*"))
    }


RECORDINGS = _recordings()
STREAMS = {name: each for name, each in RECORDINGS.items() if each.is_stream}
SHORT = {name: each for name, each in STREAMS.items() if each.case == "cut_short"}

each_recording = pytest.mark.parametrize("recording", RECORDINGS.values(), ids=RECORDINGS)
each_stream = pytest.mark.parametrize("recording", STREAMS.values(), ids=STREAMS)
each_short_stream = pytest.mark.parametrize("recording", SHORT.values(), ids=SHORT)
each_caller = pytest.mark.parametrize("caller", CALLERS, ids=lambda each: each.name)

pytestmark = pytest.mark.req("P-15", "R-10")


def test_there_are_recordings_of_each_dialect_that_the_engine_speaks() -> None:
    kinds = {(each.spoken.name, each.is_stream) for each in RECORDINGS.values()}

    assert len(kinds) == 6
    assert len(RECORDINGS) == 18


@each_recording
def test_it_says_something_stops_once_and_tells_what_it_used(recording: Recording) -> None:
    meaning = recording.meaning

    assert meaning["said"][0][1]
    assert min(meaning["usage"][0]) > 0
    assert len([name for name in meaning if name.startswith("stop.")]) == 1


@each_recording
@each_caller
def test_every_caller_hears_it_as_far_as_its_dialect_goes(
    recording: Recording, caller: Caller
) -> None:
    is_stream, there = recording.is_stream, recording.meaning

    passed = translated(caller, recording.spoken, recording.answer, is_stream=is_stream)

    here = heard(read(caller, passed, is_stream=is_stream))
    assert lost(there, here) <= unheard(caller, is_stream=is_stream)
    assert lost(here, there) & {"said", "thought", "calls", "usage"} == set()


@each_recording
@each_caller
def test_it_may_come_byte_by_byte(recording: Recording, caller: Caller) -> None:
    answer, is_stream = recording.answer, recording.is_stream

    piecemeal = _through(_translation(recording, caller), [bytes([byte]) for byte in answer])

    at_once = translated(caller, recording.spoken, answer, is_stream=is_stream)
    assert _heard(caller, piecemeal, recording) == _heard(caller, at_once, recording)


@each_short_stream
@each_caller
def test_it_is_the_same_wherever_it_is_cut(recording: Recording, caller: Caller) -> None:
    answer = recording.answer
    whole = _heard(caller, _through(_translation(recording, caller), [answer]), recording)

    for at in range(1, len(answer)):
        passed = _through(_translation(recording, caller), [answer[:at], answer[at:]])
        assert _heard(caller, passed, recording) == whole, at


@each_recording
def test_its_own_dialect_passes_it_byte_by_byte_too(recording: Recording) -> None:
    asked, answer = ask(is_stream=recording.is_stream), recording.answer
    server = recording.spoken.server

    at_once = _through(server.relay(asked), [answer])
    piecemeal = _through(server.relay(asked), [bytes([byte]) for byte in answer])

    assert piecemeal == at_once
    assert heard(read(recording.spoken, at_once, is_stream=recording.is_stream)) == (
        recording.meaning
    )


@each_short_stream
@each_caller
def test_one_that_breaks_off_has_no_end(recording: Recording, caller: Caller) -> None:
    """Whatever is missing: either all was said but the last words of the form, or it has failed."""
    words = recording.meaning["said"]

    for at in range(0, len(recording.answer), 11):
        relay = _translation(recording, caller)
        try:
            passed = _through(relay, [recording.answer[:at]])
        except Failure:
            continue
        assert heard(read(caller, passed, is_stream=True))["said"] == words, at


def _heard(caller: Caller, answer: bytes, recording: Recording) -> Facts:
    return heard(read(caller, answer, is_stream=recording.is_stream))


def _translation(recording: Recording, caller: Caller) -> Translation:
    asked = ask(is_stream=recording.is_stream)
    reader = recording.spoken.client.reader(is_stream=recording.is_stream)
    writer = caller.server.writer(asked, "reply", 1_800_000_000)
    return Translation(reader, writer, asked, "reply")


def _through(relay: Relay, pieces: list[bytes]) -> bytes:
    said = b"".join([relay.feed(piece) for piece in pieces])
    if relay.failure is not None:
        raise relay.failure
    return said if relay.is_over else said + relay.finish()
