"""Planted canaries: whatever form a secret takes on its way to the log, it does not get there."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.telemetry.redaction import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_LOOKED_THROUGH,
    MAX_TEXT,
    redact,
    redact_named,
    redact_text,
)

pytestmark = pytest.mark.req("P-16")

CANARY = "CANARY9f3kQ7"
JWT = f"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.{CANARY}"

SECRET_NAMES = [
    *("api_key", "API_KEY", "apiKey", "x-api-key", "OPENAI_API_KEY", "secret", "clientSecret"),
    *("password", "db_password", "passwd", "pwd", "token", "accessToken", "authtoken", "id-token"),
    *("Authorization", "proxy_authorization", "bearer", "Cookie", "set-cookie", "pepper"),
    *("credential", "credentials", "private_key", "master-key", "tokens", "jwt", "environ"),
    *("prompt", "messages", "body"),
]

TEXTS = [
    f"api_key={CANARY}",
    f"password: {CANARY}",
    f"PASSWORD = '{CANARY} with spaces'",
    f'{{"client_secret": "{CANARY}"}}',
    f'{{\\"client_secret\\": \\"{CANARY}\\"}}',
    f"{{'token': '{CANARY}', 'n': 1}}",
    f"GET /v1/models?api_key={CANARY}&limit=1",
    f"Authorization: Basic {CANARY}",
    f"authorization: Digest username=x, response={CANARY}",
    f"Cookie: a=1; session={CANARY}",
    f"sent with Bearer {CANARY}",
    f"(b'x-api-key', b'{CANARY}')",
    f"thk_{CANARY}",
    f"the key thk_0123456789AB_{CANARY} is unknown",
    f"tha_1_0123456789AB_1800000000_{CANARY}",
    f"sk-ant-api03-{CANARY}",
    f"sk-proj-{CANARY}_x",
    f"gsk_{CANARY}{CANARY}",
    f"ghp_{CANARY}{CANARY}",
    JWT,
    f"token_{JWT}",
    f"postgresql://tollhouse:{CANARY}@db:5432/ledger",
    f"https://{CANARY}@example.test/path",
    f"unix://:{CANARY}@/run/valkey.sock",
    f"redis://u:p@{CANARY}@host",
]


@pytest.mark.req("OP-45")
@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize("value", [CANARY, CANARY.encode(), [CANARY], {"inner": CANARY}])
def test_what_stands_under_a_secret_name_is_taken_out(name: str, value: object) -> None:
    event = {"call": [{"headers": {name: value}}]}

    assert CANARY not in json.dumps(redact(event))


@pytest.mark.req("OP-45")
@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_within_a_text_is_taken_out(text: str) -> None:
    for spoken in (text, f"before {text}", f"{text} after", f"line\n{text}\nline"):
        assert CANARY not in redact_text(spoken)


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_is_taken_out_of_bytes_names_and_objects(text: str) -> None:
    event = [text.encode(), {text: 1}, (text, text), {text}, _Thing(text), ValueError(text)]

    assert CANARY not in json.dumps(redact(event))


def test_a_header_as_a_pair_is_known_by_its_first_half() -> None:
    assert redact([(b"x-api-key", b"value"), (b"accept", b"*/*")]) == [
        ["x-api-key", "[redacted]"],
        ["accept", "*/*"],
    ]


@pytest.mark.req("OP-46")
def test_the_environment_is_taken_out_whole() -> None:
    assert redact({"settings": os.environ, "env": dict(os.environ)}) == {
        "settings": "[redacted]",
        "env": "[redacted]",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("max_tokens", 100), ("prompt_tokens", 7), ("key", "0123456789AB"), ("status", 200)),
        *(("tokenizer", "cl100k"), ("has_password", False), ("token", None), ("monkey", "x")),
    ],
)
def test_what_is_no_secret_stays(name: str, value: object) -> None:
    assert redact_named(name, value) == value


@pytest.mark.parametrize(
    "text",
    [
        *("max_tokens=100, n=1", "task-force", "risk-management of a disk-array-controller"),
        *("https://example.test:8443/path?mail=a@b", "The tokenizer is ready", "secret"),
    ],
)
def test_an_innocent_text_stays(text: str) -> None:
    assert redact_text(text) == text


def test_a_secret_cut_in_two_by_the_bound_on_length_does_not_show() -> None:
    text = "." * (MAX_TEXT - 10) + f" sk-{CANARY}"

    assert CANARY[:5] not in redact_text(text)


def test_nor_does_one_in_bytes() -> None:
    data = b"." * (MAX_TEXT - 10) + f" sk-{CANARY}".encode()

    assert CANARY[:5] not in json.dumps(redact(data))


def test_nor_does_one_that_what_was_taken_out_before_it_has_moved_into_sight() -> None:
    before = f'api_key="{"x" * 20_000}" '
    text = before + "." * (MAX_LOOKED_THROUGH - len(before) - 10) + f" sk-{CANARY}" + "." * 100

    assert CANARY[:5] not in redact_text(text)


def test_numbers_stay_numbers_that_json_has() -> None:
    assert redact([1.5, float("inf"), float("nan")]) == [1.5, "inf", "nan"]


def test_only_pairs_that_begin_with_a_name_are_headers() -> None:
    assert redact([("a", "b", "c"), ({"api_key": 1}, "x")]) == [
        *(["a", "b", "c"], [{"api_key": "[redacted]"}, "x"]),
    ]


def test_a_number_under_a_secret_name_is_a_secret_and_under_that_of_content_it_is_none() -> None:
    assert redact_named("password", 12345) == "[redacted]"
    assert redact_named("body", 12345) == 12345


def test_what_is_nested_deeper_than_it_is_shown_is_named() -> None:
    deepest: object = "x"
    for _ in range(MAX_DEPTH):
        deepest = [deepest]

    assert "x" in json.dumps(redact(deepest))
    assert "x" not in json.dumps(redact([deepest]))


def test_names_may_be_bytes() -> None:
    assert redact({b"status": 200, b"x-api-key": "x"}) == {
        "status": 200,
        "x-api-key": "[redacted]",
    }


def test_the_size_of_what_comes_out_is_bounded() -> None:
    loop: list[object] = []
    loop.append(loop)

    assert len(json.dumps(redact({"a": "x" * 10**6, "b": list(range(10**5)), "c": loop}))) < (
        MAX_TEXT + 10 * MAX_ITEMS + 200
    )


@pytest.mark.parametrize(
    "piece",
    ["a", "eyJ-", "token", "://", "bearer ", "password='", 'pwd="\\', "sk-", "access_", "="],
)
def test_no_text_takes_long_to_judge(piece: str) -> None:
    text = piece * (10**6 // len(piece))
    started = time.thread_time()

    redact_text(text)

    assert time.thread_time() - started < 1


def test_an_object_that_cannot_be_shown_is_named() -> None:
    assert redact(_Broken()) == "[_Broken that cannot be shown]"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.binary(), inner),
        max_leaves=20,
    )
)
def test_anything_at_all_becomes_json(value: object) -> None:
    json.dumps(redact(value), allow_nan=False)


@dataclass
class _Thing:
    text: str


class _Broken:
    def __repr__(self) -> str:
        raise RuntimeError
