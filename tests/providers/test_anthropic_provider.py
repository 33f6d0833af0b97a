"""Where a request to an Anthropic upstream goes, and what of the caller's headers goes along."""

from __future__ import annotations

import pytest

from fakes import FakeProvider
from tollhouse.config.sections.providers import USUAL_BETAS
from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.domain.exchange import Outgoing
from tollhouse.providers.anthropic_provider import AnthropicProvider


@pytest.mark.parametrize("base", [b"", b"/", b"/v1", b"/v1/"])
def test_the_path_follows_the_base_with_its_v1_or_without(base: bytes) -> None:
    provider = _provider(base)

    assert _path(provider, "anthropic_messages") == b"/v1/messages"
    assert _path(provider, "anthropic_count") == b"/v1/messages/count_tokens"
    assert _path(_provider(b"/a/b/v1"), "anthropic_messages") == b"/a/b/v1/messages"


def test_it_speaks_its_own_dialect_and_counts() -> None:
    provider = _provider()

    assert provider.speaks("anthropic_messages")
    assert provider.speaks("anthropic_count")
    assert not provider.speaks("openai_chat")


@pytest.mark.req("S-57")
def test_the_key_goes_out_under_its_own_name() -> None:
    headers = _out()

    assert headers[b"x-api-key"] == b"sk-test"
    assert headers[b"anthropic-version"] == b"2023-06-01"
    assert b"anthropic-beta" not in headers
    assert b"authorization" not in headers


@pytest.mark.req("R-5", "R-18")
@pytest.mark.parametrize("version", [b"2023-06-01", b"2026-10-21"])
def test_the_callers_version_goes_along(version: bytes) -> None:
    assert _out((b"anthropic-version", version))[b"anthropic-version"] == version


@pytest.mark.req("S-57", "R-18")
@pytest.mark.parametrize("version", [b"", b"2026", b"2026-10-21\r\nx: y", b"x" * 9000])
def test_a_version_that_is_none_does_not(version: bytes) -> None:
    assert _out((b"anthropic-version", version))[b"anthropic-version"] == b"2023-06-01"


@pytest.mark.req("R-5", "R-18", "S-57")
@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        (b"claude-code-20250219", b"claude-code-20250219"),
        (b"effort-1, effort-2 ,effort-1", b"effort-1,effort-2"),
        (b"fast-mode-2026-02-01", None),
        (b"claude-code-1\x00,claude-code-2\r", None),
        (b"claude-code-" + b"x" * 200, None),
        (b",,", None),
        (b"", None),
        (b"x," * 64 + b"effort-1", None),
    ],
)
def test_of_the_betas_those_go_out_that_are_allowed(asked: bytes, passed: bytes | None) -> None:
    assert _out((b"anthropic-beta", asked)).get(b"anthropic-beta") == passed


@pytest.mark.req("R-18")
def test_betas_may_come_in_several_lines() -> None:
    out = _out((b"anthropic-beta", b"effort-1"), (b"anthropic-beta", b"thinking-2"))

    assert out[b"anthropic-beta"] == b"effort-1,thinking-2"


@pytest.mark.req("S-57")
def test_no_other_header_goes_out() -> None:
    own = set(_out())

    assert set(_out((b"cookie", b"x"), (b"x-api-key", b"thk_x"), (b"x-stainless-os", b"x"))) == own


def _provider(base: bytes = b"") -> AnthropicProvider:
    return AnthropicProvider(FakeProvider(), AnthropicMessages(), base, "sk-test", USUAL_BETAS)


def _out(*headers: tuple[bytes, bytes]) -> dict[bytes, bytes]:
    outgoing = Outgoing("anthropic_messages", "m", is_stream=False, body=b"{}", headers=headers)
    return dict(_provider().sending(outgoing).headers)


def _path(provider: AnthropicProvider, dialect: str) -> bytes:
    return provider.sending(Outgoing(dialect, "m", is_stream=False, body=b"")).path
