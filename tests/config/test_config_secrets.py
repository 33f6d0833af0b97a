"""Secrets are named, not written, and show themselves to nobody."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import traceback
from pathlib import Path

import pytest
from configs import CANARIES, ENVIRON, full, problem, read

from tollhouse.config import ConfigInvalid, Secret, parse
from tollhouse.config.secrets import StoredSecret, file_of
from tollhouse.domain.errors import UpstreamSecretUnavailable

CANARY = "canary-5f1c"


@pytest.mark.req("S-55")
def test_a_secret_is_revealed_only_on_request() -> None:
    secret = Secret(CANARY, "env:KEY")

    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", "%s %r" % (secret, secret)]  # noqa: UP031
    shown += [repr({"key": [secret]}), logging.makeLogRecord({"msg": secret}).getMessage()]

    assert secret.reveal() == CANARY
    assert not [text for text in shown if CANARY in text]


@pytest.mark.req("S-55")
def test_a_secret_is_neither_pickled_nor_copied_nor_made_json() -> None:
    secret = Secret(CANARY, "env:KEY")

    for write in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as caught:
            write(secret)
        assert CANARY not in str(caught.value)
    with pytest.raises(TypeError):
        vars(secret)


@pytest.mark.req("S-55", "S-61")
def test_a_secret_of_the_store_is_there_while_it_is_filled_in() -> None:
    secret = StoredSecret("up")

    with pytest.raises(UpstreamSecretUnavailable):
        secret.reveal()
    secret.fill(CANARY)
    assert secret.reveal() == CANARY
    secret.fill("")
    with pytest.raises(UpstreamSecretUnavailable):
        secret.reveal()
    assert str(secret) == "Secret(store:up)"


def test_only_what_was_read_from_a_file_has_one(tmp_path: Path) -> None:
    assert file_of(Secret(CANARY, "file:key"), tmp_path) == tmp_path / "key"
    assert file_of(Secret(CANARY, "env:KEY"), tmp_path) is None


def test_secrets_are_compared_by_value_and_are_no_keys() -> None:
    assert Secret(CANARY, "env:A") == Secret(CANARY, "env:B")
    assert Secret(CANARY, "env:A") != Secret("other", "env:A")
    assert Secret(CANARY, "env:A") != CANARY
    with pytest.raises(TypeError):
        hash(Secret(CANARY, "env:A"))


@pytest.mark.req("OL-7")
@pytest.mark.parametrize(
    "literal", [CANARY, "sk-" + CANARY, f"ENV:{CANARY}", f"env:{CANARY}", f"${CANARY}", ""]
)
def test_a_literal_is_refused_and_not_repeated(literal: str) -> None:
    only = problem(provider(literal))

    assert only.key == "providers.p.key"
    assert only.expected == 'a reference to a secret: "env:NAME", "file:PATH" or "store:NAME"'
    assert CANARY not in only.render()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "the environment variable KEY is not set"),
        ("", "env:KEY is empty"),
        (" \n", "env:KEY is empty"),
        (CANARY + "\n", "env:KEY has spaces around it"),
        (" " + CANARY, "env:KEY has spaces around it"),
        (CANARY + "\r\nX-Admin: 1", "env:KEY has spaces around it"),
    ],
)
def test_a_variable_must_hold_one_line(value: str | None, found: str) -> None:
    environ = {} if value is None else {"KEY": value}

    only = problem(provider("env:KEY"), **environ)

    assert only.found.startswith(found)
    assert CANARY not in only.render()


def test_a_file_is_read_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(CANARY + "\n")

    for reference in ("file:key", f"file:{tmp_path}/key"):
        settings = read(f'data_dir = "{tmp_path}"\n' + provider(reference))
        assert [(key, secret.reveal()) for key, secret in settings.secrets()] == [
            ("providers.p.key", CANARY)
        ]


def test_a_file_that_cannot_hold_a_secret_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(bytes(range(128, 160)))
    (tmp_path / "large").write_text("x1" * 32_768 + "x")
    os.mkfifo(tmp_path / "pipe")

    assert found_in(tmp_path, "none") == f"there is no file {tmp_path}/none"
    assert found_in(tmp_path, "") == '"file:" without a usable path'
    assert found_in(tmp_path, "a\\u0000b") == '"file:" without a usable path'
    assert found_in(tmp_path, ".") == f"there is no file {tmp_path}"
    assert found_in(tmp_path, "pipe") == f"there is no file {tmp_path}/pipe"
    assert found_in(tmp_path, "empty") == "file:empty is empty"
    assert found_in(tmp_path, "binary") == f"{tmp_path}/binary is not text"
    assert found_in(tmp_path, "large") == f"{tmp_path}/large is larger than 65536 bytes"


@pytest.mark.req("OP-4", "B-34")
@pytest.mark.parametrize(
    "weak",
    [
        "dev-secret-key",
        "dev-secret-key-change-in-production",
        "quitcode-docker-secret",
        "changeme",
        "ChangeMe",
        "SECRET",
        "password",
        "a" * 32,
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_a_secret_that_anybody_would_guess_is_refused(weak: str) -> None:
    only = problem(provider("env:KEY"), KEY=weak)

    assert only.found == "env:KEY is a value that anybody would guess (not shown)"
    assert weak not in only.render()


@pytest.mark.req("S-55")
def test_no_value_is_in_the_traceback_of_a_refusal(tmp_path: Path) -> None:
    text = full(tmp_path) + "\n[unknown]\n"

    with pytest.raises(ConfigInvalid) as caught:
        parse(text, ENVIRON)

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert not [canary for canary in CANARIES if canary in shown]


def provider(reference: str) -> str:
    return f'[providers.p]\nkind = "openai"\nkey = "{reference}"\n'


def found_in(data_dir: Path, name: str) -> str:
    return problem(f'data_dir = "{data_dir}"\n' + provider(f"file:{name}")).found


def test_a_file_may_have_64_kib(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x1" * 32_768)

    assert read(f'data_dir = "{tmp_path}"\n' + provider("file:key")).providers


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="this system has no such file")
def test_a_file_that_fails_while_it_is_read_is_named(tmp_path: Path) -> None:
    assert found_in(tmp_path, "/proc/self/mem").startswith("/proc/self/mem cannot be read: ")


@pytest.mark.parametrize(
    ("text", "found"), [("", "an empty text"), ("x", "a literal value (not shown)")]
)
def test_what_is_no_reference_is_told_apart_from_nothing(text: str, found: str) -> None:
    assert problem(provider(text)).found == found
