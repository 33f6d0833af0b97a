"""What clouds are asked with the token of a workload, and temporary credentials of AWS as they are renewed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from fakes import FakeAnswer, FakeExchange
from tollhouse.domain.errors import UpstreamTokenUnavailable
from tollhouse.domain.exchange import Sending
from tollhouse.ports import Exchange
from tollhouse.providers import workloads
from tollhouse.providers.tokens import EARLY_S, IN_FLIGHT_S, QUIET_S
from tollhouse.providers.workloads import AwsCredentials, identity

pytestmark = pytest.mark.req("P-37")

LIFE_S, BEGAN = 3600, 1_800_000_000.0
DOWN = FakeAnswer(500, [b"down"])


@dataclass
class Sts:
    """Implements Upstream: gives credentials for an hour, or the next of `answers`."""

    answers: list[FakeAnswer] = field(default_factory=list)
    asked: list[Sending] = field(default_factory=list)
    now_s: float = BEGAN

    def send(self, sending: Sending) -> Exchange:
        self.asked.append(sending)
        return FakeExchange(self.answers.pop(0) if self.answers else self.given())

    def given(self, number: int = 0) -> FakeAnswer:
        ends = datetime.fromtimestamp(self.now_s + LIFE_S, UTC).isoformat()[:19]
        return told(f"S{number or len(self.asked)}", f"{ends}Z")

    def credentials(self, token: Path) -> AwsCredentials:
        asking = workloads.of_aws(b"/", "arn:aws:iam::123456789012:role/llm", token)
        return AwsCredentials(self, asking, lambda: self.now_s, lambda: self.now_s)


def told(session: str, ends: str, key: str = "AKID", more: str = "") -> FakeAnswer:
    inner = f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
    body = f"{more}<R><C>{inner}<SessionToken>{session}</SessionToken><Expiration>{ends}</Expiration></C></R>"
    return FakeAnswer(200, [body.encode()])


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("a.b.c\n")
    return path


async def test_credentials_serve_until_shortly_before_their_end_and_the_file_is_read_anew(
    token: Path,
) -> None:
    sts = Sts()
    credentials = sts.credentials(token)

    first = await credentials.current()
    sts.now_s += LIFE_S - EARLY_S - 1
    same = await credentials.current()
    token.write_text("d.e.f")
    sts.now_s += 2
    second = await credentials.current()

    assert [each.token for each in (first, same, second)] == ["S1", "S1", "S2"]
    shown = [parse_qs(bytes(sent.whole).decode())["WebIdentityToken"] for sent in sts.asked]
    assert shown == [["a.b.c"], ["d.e.f"]]


async def test_while_nobody_gives_any_the_last_serve_to_their_end_and_then_it_is_refused(
    token: Path,
) -> None:
    sts = Sts()
    credentials = sts.credentials(token)
    await credentials.current()
    sts.answers = [DOWN, DOWN, DOWN]

    sts.now_s += LIFE_S - EARLY_S
    late = await credentials.current()
    sts.now_s += EARLY_S - IN_FLIGHT_S
    with pytest.raises(UpstreamTokenUnavailable) as refused:
        await credentials.current()
    sts.answers = []
    sts.now_s += QUIET_S
    anew = await credentials.current()

    assert late.token == "S1"
    assert "the answer was 500" in (refused.value.private or "")
    assert anew.token == f"S{len(sts.asked)}"


@pytest.mark.parametrize(
    "answer",
    [
        FakeAnswer(200, [b"{}"]),
        FakeAnswer(200, [b"<R/>"]),
        told("S", "soon"),
        told("S", "2027-01-15T20:00:00"),
        told("S", "2001-01-01T00:00:00Z"),
        told("", "2040-01-01T00:00:00Z"),
        told("S", "2040-01-01T00:00:00Z", key="a b"),
        told("&x;", "2040-01-01T00:00:00Z", more='<!DOCTYPE R [<!ENTITY x "y">]>'),
    ],
)
async def test_what_are_no_credentials_is_refused(token: Path, answer: FakeAnswer) -> None:
    with pytest.raises(UpstreamTokenUnavailable):
        await Sts([answer]).credentials(token).current()


@pytest.mark.parametrize("content", [b"", b" ", b"a b", b"\xff", b"a\nb", b"x" * 20_000])
def test_what_is_no_token_is_not_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)

    with pytest.raises(UpstreamTokenUnavailable):
        identity(tmp_path / "token")
    with pytest.raises(UpstreamTokenUnavailable):
        identity(tmp_path / "nowhere")


def test_a_token_may_have_16_kib(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * workloads.LONGEST)

    assert identity(tmp_path / "token") == "x" * workloads.LONGEST


def test_google_is_asked_for_an_exchange_within_the_pool(token: Path) -> None:
    audience = (
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k"
    )

    sent = workloads.of_google(b"/v1/token", audience, token)()

    assert {name: value for name, (value,) in parse_qs(bytes(sent.whole).decode()).items()} == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": audience,
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": "a.b.c",
    }
