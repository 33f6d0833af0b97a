"""What Anthropic's clients are told, before the first byte and within a stream."""

from __future__ import annotations

import json

import pytest

from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.domain.errors import REGISTRY, BudgetExhausted, ThreadUnsupported, UpstreamBroke


@pytest.mark.req("R-12", "S-15", "OL-36")
@pytest.mark.parametrize("code", sorted(REGISTRY))
def test_every_code_has_the_shape_that_clients_read(code: str) -> None:
    problem = REGISTRY[code]("Because.", param="x")

    told = json.loads(AnthropicMessages().problem(problem, "request-1"))

    assert told["type"] == "error"
    assert told["request_id"] == "request-1"
    assert told["error"]["message"] == "Because."
    assert told["error"]["type"].endswith(("_error", "_large"))
    assert (told["error"]["code"], told["error"]["param"]) == (code, "x")


@pytest.mark.req("R-12")
def test_what_has_no_name_of_its_own_is_told_by_whose_fault_it_is() -> None:
    for code, problem in REGISTRY.items():
        told = json.loads(AnthropicMessages().problem(problem(), "r"))["error"]

        assert (told["type"] == "invalid_request_error") <= (problem.status < 500), code
        assert ("details" in told) == issubclass(problem, ThreadUnsupported), code


@pytest.mark.req("R-11")
def test_an_exhausted_budget_is_an_error_of_billing() -> None:
    told = json.loads(AnthropicMessages().problem(BudgetExhausted(), "r"))

    assert told["error"]["type"] == "billing_error"


@pytest.mark.req("R-6")
def test_a_refused_thread_says_so_in_the_way_that_makes_the_sdk_send_the_whole() -> None:
    told = json.loads(AnthropicMessages().problem(ThreadUnsupported(param="thread"), "r"))

    assert told["error"]["type"] == "invalid_request_error"
    assert told["error"]["details"] == {
        "error_code": "thread_unsupported_request",
        "unsupported": ["thread"],
    }


@pytest.mark.req("R-10")
def test_within_a_stream_a_problem_is_an_event_called_error() -> None:
    event = AnthropicMessages().problem_event(UpstreamBroke(), "r")

    name, data, *rest = event.split(b"\n")
    assert name == b"event: error"
    assert json.loads(data.removeprefix(b"data: "))["error"]["code"] == "upstream_broke"
    assert rest == [b"", b""]


@pytest.mark.req("R-12", "P-16")
def test_a_providers_error_is_read_in_its_own_shape() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too large"}}'

    assert AnthropicMessages().error_message(body) == (
        "The provider did not accept this request: max_tokens: too large"
    )
    assert AnthropicMessages().error_kind(body) == " (invalid_request_error)"
