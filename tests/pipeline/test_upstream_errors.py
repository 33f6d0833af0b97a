"""What a provider refused, in our words, read only as far as it may be long."""

from __future__ import annotations

import pytest

from fakes import FakeAnswer
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.errors import (
    ContextTooLong,
    Failure,
    UpstreamBroke,
    UpstreamDenied,
    UpstreamRejected,
)
from tollhouse.pipeline.upstream_errors import MOST_OF_AN_ERROR, problem_of


class Naming(OpenAIChat):
    """A dialect that finds what the body says, and says how much of it there was."""

    def error_kind(self, body: bytes) -> str:
        return f" ({body[:40].decode()})"

    def error_message(self, body: bytes) -> str:
        return f"of {len(body)} bytes"


class Labelling(Naming):
    error_header = b"x-error"


@pytest.mark.req("OC-21")
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (UpstreamDenied.code, UpstreamDenied),
        (ContextTooLong.code, ContextTooLong),
        ("anything else", UpstreamRejected),
    ],
)
async def test_what_a_dialect_knows_decides_what_a_refusal_is(
    said: str, kind: type[Failure]
) -> None:
    assert type(await problem_of(FakeAnswer(400, [said.encode()]), Naming(), None)) is kind


@pytest.mark.req("OC-21", "S-72")
@pytest.mark.parametrize(
    "pieces",
    [
        [b"x" * MOST_OF_AN_ERROR, AssertionError("it was read on")],
        [b"x" * (MOST_OF_AN_ERROR - 1), b"yy", AssertionError("it was read on")],
        [b"x" * (MOST_OF_AN_ERROR - 1), b"x", UpstreamBroke()],
    ],
)
async def test_of_an_error_only_so_much_is_read(pieces: list[bytes | Exception]) -> None:
    problem = await problem_of(FakeAnswer(400, pieces), Naming(), None)

    assert problem.detail == f"of {MOST_OF_AN_ERROR} bytes"


async def test_an_error_that_breaks_off_is_read_as_far_as_it_came() -> None:
    problem = await problem_of(FakeAnswer(400, [b"a piece", UpstreamBroke()]), Naming(), None)

    assert problem.detail == "of 7 bytes"


@pytest.mark.req("S-72", "S-115")
@pytest.mark.parametrize(
    ("label", "private"),
    [
        (b"ThrottlingException:http://x", "answered 500 (ThrottlingException) ()"),
        (b"\x00[31m", "answered 500 ()"),
        (None, "answered 500 ()"),
    ],
)
async def test_a_kind_that_stands_in_a_header_is_told_if_it_looks_like_a_name(
    label: bytes | None, private: str
) -> None:
    headers = {} if label is None else {b"x-error": label}

    labelled = await problem_of(FakeAnswer(500, [], headers), Labelling(), None)
    plain = await problem_of(FakeAnswer(500, [], headers), Naming(), None)

    assert labelled.private == f"the provider {private}"
    assert plain.private == "the provider answered 500 ()"
