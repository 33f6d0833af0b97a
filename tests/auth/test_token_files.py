"""Callers by tokens in files, which somebody else changes while calls come."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest

from tollhouse.auth.static_tokens import MOST_BYTES, STALE_S, FixedToken, StaticTokens, TokenFile
from tollhouse.domain.errors import AuthenticationUnconfigured, KeyUnknown
from tollhouse.domain.identity import Principal, Priority
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.people import Member, People
from tollhouse.domain.snapshot import Names, Snapshot
from tollhouse.domain.static_tokens import Bearer, digest

OLD, NEW = "canary-of-the-old-token-0123", "canary-of-the-new-token-0123"
MEMBERS = {
    "tenant:acme": Member(1),
    "project:acme/default": Member(2),
    "user:acme/asks": Member(3, models=("m", "n")),
    "issuer:asks": Member(5),
}
BEARER = Bearer(*("asks", "acme", "acme/default", "acme/asks", ("m",), Priority.LOW, "issuer:asks"))


@pytest.mark.req("OC-2", "OC-10")
def test_who_bears_a_token_of_the_file_is_whom_the_table_names(door: Door) -> None:
    door.write(OLD)

    caller = door.let_in(OLD)

    assert (caller.tenant, caller.project, caller.user) == ("acme", "acme/default", "acme/asks")
    assert caller.accounts == (1, 2, 3, 5)
    assert caller.models == ("m",)
    assert caller.key == f"asks:{sha256(OLD.encode()).hexdigest()[:16]}"
    assert (caller.proof.by, caller.proof.until) == ("static:asks", None)


@pytest.mark.req("OC-4", "OC-5")
def test_from_the_next_call_on_the_new_token_holds_and_the_old_one_does_not(door: Door) -> None:
    door.write(OLD)
    door.let_in(OLD)

    door.write(NEW + "\n")

    assert door.let_in(NEW)
    door.refuses(OLD)


@pytest.mark.req("OC-4")
def test_a_file_written_in_the_same_moment_with_the_same_size_is_noticed(door: Door) -> None:
    door.write(OLD)
    os.utime(door.path, ns=(door.now_ns, door.now_ns))
    door.let_in(OLD)

    door.path.write_text(NEW)
    os.utime(door.path, ns=(door.now_ns, door.now_ns))

    assert door.let_in(NEW)
    door.refuses(OLD)


@pytest.mark.req("OC-4")
@pytest.mark.parametrize("written_ns", [2**61, 1], ids=["now", "long ago"])
def test_where_clocks_of_files_are_coarse_what_was_written_just_now_is_read_again(
    tmp_path: Path, written_ns: int
) -> None:
    door = Door(cast(Path, Coarse(tmp_path / "token", written_ns, changed_ns=2**61)))
    door.write(OLD)
    door.let_in(OLD)

    door.write(NEW)

    assert door.let_in(NEW)
    door.refuses(OLD)


@pytest.mark.req("OC-4")
def test_a_swap_of_links_is_noticed_though_nothing_was_written(tmp_path: Path) -> None:
    versions = [tmp_path / "..1", tmp_path / "..2"]
    for version, token in zip(versions, (OLD, NEW), strict=True):
        version.mkdir()
        (version / "token").write_text(token)
        os.utime(version / "token", ns=(1, 1))
    data = tmp_path / "..data"
    data.symlink_to(versions[0])
    (tmp_path / "token").symlink_to(Path("..data") / "token")
    door = Door(tmp_path / "token", now_ns=2**62)
    door.let_in(OLD)

    (tmp_path / "..next").symlink_to(versions[1])
    (tmp_path / "..next").rename(data)

    assert door.let_in(NEW)
    door.refuses(OLD)


@pytest.mark.req("OC-5")
@pytest.mark.parametrize("ill", ["gone", "empty", "weak", "a directory", "a pipe", "huge"])
def test_the_last_good_token_holds_for_a_minute_while_the_file_is_none(
    door: Door, ill: str
) -> None:
    door.write(OLD)
    door.let_in(OLD)
    door.clock_s += 86_400

    door.make(ill)

    assert door.let_in(OLD)
    door.clock_s += STALE_S - 0.1
    assert door.let_in(OLD)
    door.clock_s += 0.1
    with pytest.raises(AuthenticationUnconfigured):
        door.let_in(OLD)
    door.make("gone")
    door.write(NEW)
    assert door.let_in(NEW)


@pytest.mark.req("OC-8")
@pytest.mark.parametrize("ill", ["gone", "empty", "weak", "a directory", "a pipe", "huge"])
def test_while_there_was_never_a_token_nobody_comes_in_and_the_answer_says_why(
    door: Door, ill: str
) -> None:
    door.make(ill)

    with pytest.raises(AuthenticationUnconfigured) as caught:
        door.let_in(OLD)

    assert caught.value.status == 503
    assert caught.value.detail == "Authentication is not configured on this gateway."


@pytest.mark.req("OC-8")
def test_what_somebody_writes_into_a_pipe_is_no_token(door: Door) -> None:
    os.mkfifo(door.path)
    pipe = os.open(door.path, os.O_RDWR | os.O_NONBLOCK)
    os.write(pipe, OLD.encode())

    try:
        assert door.file.digests() == ()
    finally:
        os.close(pipe)


@pytest.mark.req("OC-5")
def test_a_file_may_have_64_kib_to_the_last_byte(door: Door) -> None:
    door.write(NEW + "\n" * (MOST_BYTES - len(NEW)))

    assert door.let_in(NEW)


def test_of_tokens_that_were_found_the_most_are_remembered_and_no_more(door: Door) -> None:
    shown = [f"{OLD}-{number}" for number in range(5)]
    tokens = StaticTokens([(FixedToken(digest(each)), door.bearer) for each in shown], most_kept=2)

    kept = []
    for each in shown:
        tokens.identify(each, door.snapshot, 0.0)
        kept.append(len(tokens._seen))

    assert kept == [1, 2, 1, 2, 1]


@pytest.mark.req("OC-9", "OC-7")
@pytest.mark.parametrize(
    "shown",
    ["", "x", OLD[:-1], OLD + "x", OLD[:-1] + "x", OLD.upper(), "tök" + OLD[3:], "\xff" * len(OLD)],
)
def test_whatever_is_not_the_token_to_its_last_character_is_refused(door: Door, shown: str) -> None:
    door.write(OLD)

    door.refuses(shown)


@pytest.mark.req("OC-8")
def test_one_tables_missing_file_keeps_nobody_of_another_out(door: Door, tmp_path: Path) -> None:
    other = (FixedToken(digest(NEW)), door.bearer)
    tokens = StaticTokens([(TokenFile("gone", tmp_path / "gone"), door.bearer), other])

    assert tokens.identify(NEW, door.snapshot, 0.0)
    with pytest.raises(KeyUnknown):
        tokens.identify(OLD, door.snapshot, 0.0)


@pytest.mark.parametrize("owner", ["tenant:acme", "user:acme/asks"])
def test_a_user_who_is_shut_out_or_gone_is_out_with_the_next_snapshot(
    door: Door, owner: str
) -> None:
    door.write(OLD)
    door.let_in(OLD)

    door.members[owner] = Member(1, is_disabled=True)
    door.revision += 1
    door.refuses(OLD)

    del door.members[owner]
    door.revision += 1
    door.refuses(OLD)


def test_what_goes_wrong_is_told_once_and_never_with_the_token(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.write(OLD)
    door.let_in(OLD)
    door.write(f"{NEW}\n{NEW}")

    for _ in range(3):
        door.let_in(OLD)

    (told,) = caplog.messages
    assert "[static_tokens.asks]" in told
    assert "twice" in told
    assert "canary" not in told


async def test_what_goes_wrong_is_told_though_nobody_calls(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    looking = asyncio.create_task(door.tokens.keep())
    await asyncio.sleep(0)
    looking.cancel()

    (told,) = caplog.messages
    assert told == ("the tokens of [static_tokens.asks] cannot be had: No such file or directory")


@dataclass
class Coarse:
    """A file where the clocks of files stand still from one writing to the next."""

    path: Path
    written_ns: int
    changed_ns: int

    def __fspath__(self) -> str:
        return str(self.path)

    def write_text(self, text: str) -> None:
        self.path.write_text(text)

    def stat(self) -> os.stat_result:
        seconds = [0, 0, 0]
        return os.stat_result(
            [0] * 6 + [len(self.path.read_bytes()), *seconds, *seconds],
            {"st_mtime_ns": self.written_ns, "st_ctime_ns": self.changed_ns},
        )


@dataclass
class Door:
    path: Path
    now_ns: int = 2**61
    clock_s: float = 0.0
    revision: int = 1
    members: dict[str, Member] = field(default_factory=lambda: dict(MEMBERS))
    bearer: Bearer = BEARER

    def __post_init__(self) -> None:
        self.file = TokenFile("asks", self.path, lambda: self.clock_s, lambda: self.now_ns)
        self.tokens = StaticTokens([(self.file, self.bearer)])

    @property
    def snapshot(self) -> Snapshot:
        people = People(self.members, Rules(Defaults(), {}))
        return Snapshot(self.revision, {}, Names({}), {}, people=people)

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def make(self, ill: str) -> None:
        if self.path.is_dir():
            self.path.rmdir()
        self.path.unlink(missing_ok=True)
        if ill == "a directory":
            self.path.mkdir()
        elif ill == "a pipe":
            os.mkfifo(self.path)
        elif ill != "gone":
            self.write({"empty": " \n", "weak": "x" * 40, "huge": NEW + "\n" * MOST_BYTES}[ill])

    def let_in(self, shown: str) -> Principal:
        return self.tokens.identify(shown, self.snapshot, 0.0)

    def refuses(self, shown: str) -> None:
        with pytest.raises(KeyUnknown):
            self.let_in(shown)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "token")
