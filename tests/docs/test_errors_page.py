"""The page of errors says what the registry says, and what to do about each."""

from __future__ import annotations

import re

import pytest
from scripts import reference

from tollhouse.domain.errors import REGISTRY

PAGE = reference.PAGES / "errors.md"


def test_the_page_has_every_code_once_and_no_other() -> None:
    codes = re.findall(r"^\| `([a-z_]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)

    assert sorted(codes) == sorted(REGISTRY)


@pytest.mark.parametrize("code", REGISTRY)
def test_status_meaning_and_retry_are_those_of_the_registry(code: str) -> None:
    kind = REGISTRY[code]
    retry = "yes" if kind.retryable else "no"

    assert f"| `{code}` | {kind.status} | {kind.title} | {retry} | " in PAGE.read_text("utf-8")


@pytest.mark.parametrize("code", REGISTRY)
def test_every_code_has_advice(code: str) -> None:
    assert len(reference.advice(PAGE.read_text("utf-8"))[code]) > 10
