from __future__ import annotations

import json

import pytest

from tollhouse.dialects.openai_responses import Bare
from tollhouse.dialects.responses_events import read_response
from tollhouse.dialects.responses_own import OwnNames
from tollhouse.domain.errors import UpstreamBroke


class _Numbering(Bare):
    """Seals one id in as many ways as it is asked to."""

    sealed = 0

    def seal(self, known_as: str) -> str:
        self.sealed += 1
        return f"{known_as}-{self.sealed}"


def test_an_answer_has_one_id_from_its_beginning_to_its_end() -> None:
    names, response = OwnNames("m", None, _Numbering()), b'{"id":"resp","model":"real"}'

    told = [names.put(response, read_response(response)) for _ in range(2)]

    assert [json.loads(each)["id"] for each in told] == ["resp-1", "resp-1"]


def test_a_response_without_an_id_gets_none() -> None:
    told = OwnNames("m", None, Bare()).put(b'{"model":"real"}', read_response(b"{}"))

    assert json.loads(told) == {"model": "m"}


@pytest.mark.req("S-71")
def test_an_id_is_no_longer_than_it_need_be() -> None:
    names = OwnNames("m", None, Bare())

    assert json.loads(names.put(_of("x" * 512), read_response(_of("x" * 512))))["id"] == "x" * 512
    with pytest.raises(UpstreamBroke):
        names.put(_of("x" * 513), read_response(_of("x" * 513)))


def _of(response_id: str) -> bytes:
    return json.dumps({"id": response_id}).encode()
