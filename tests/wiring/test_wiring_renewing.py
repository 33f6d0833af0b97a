"""Files that others exchange: what is made of them follows, and what cannot be used changes nothing."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest

from certificates import Authority, bundle, serving
from journeys.gateway import until
from tollhouse.auth import bundles
from tollhouse.auth.bundles import BundleInvalid, Roots
from tollhouse.wiring.renewing import LOOK_S, Bundled, Renewed, Renewing, stamped
from tollhouse.wiring.ways import renewed


class Place:
    """A bundle in a file, and the clock by which it is looked at."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = Authority(folder, "first"), Authority(folder, "second")
        self.file = folder / "bundle.json"
        self.file.write_bytes(bundle(self.first))
        self.clock_s = 0.0
        self.renewing = self.made()

    def made(self) -> Renewing[Roots]:
        return Renewing(
            "the bundle",
            lambda: stamped([self.file]),
            lambda: bundles.roots(self.file.read_bytes()),
            lambda: self.clock_s,
        )

    def exchange(self, raw: bytes) -> None:
        """As it is done: another file, moved into its place."""
        new = self.file.with_suffix(".new")
        new.write_bytes(raw)
        new.replace(self.file)

    def look(self) -> Roots:
        self.clock_s += LOOK_S
        return self.renewing.look()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.req("S-42")
def test_a_file_that_was_exchanged_is_taken_up_and_not_looked_at_all_the_time(
    place: Place,
) -> None:
    before = place.renewing.made
    place.exchange(bundle(place.first, place.second))

    assert place.renewing.look() is before
    assert len(place.look()) == 2
    assert place.renewing.times == 2


@pytest.mark.req("S-42")
def test_what_says_the_same_is_the_same(place: Place) -> None:
    before = place.renewing.made
    place.exchange(bundle(place.first))

    assert place.look() is before
    assert place.renewing.times == 1


@pytest.mark.req("S-42", "OC-76")
@pytest.mark.parametrize("bad", [b"", b"half a bun", b'{"keys": []}', None], ids=str)
def test_what_cannot_be_used_is_told_once_and_the_last_good_one_stays(
    place: Place, bad: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    before = place.renewing.made
    if bad is None:
        place.file.unlink()
    else:
        place.exchange(bad)

    with caplog.at_level(logging.INFO, "tollhouse"):
        assert [place.look() for _ in range(3)] == [before] * 3

    assert place.renewing.trouble
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    place.exchange(bundle(place.second))
    assert place.look() == bundles.roots(bundle(place.second))
    assert not place.renewing.trouble


@pytest.mark.req("S-42")
def test_the_same_file_that_comes_back_is_no_trouble_any_more(place: Place) -> None:
    before = place.renewing.made
    away = place.file.rename(place.file.with_suffix(".away"))
    place.look()
    assert place.renewing.trouble
    away.rename(place.file)

    assert place.look() is before
    assert not place.renewing.trouble


@pytest.mark.req("S-42")
def test_a_bundle_that_is_bad_for_too_long_has_no_roots_until_it_is_good_again(
    place: Place,
) -> None:
    bundled = Bundled(place.renewing, stale_s=60)
    place.exchange(b"no bundle")
    place.look()
    place.clock_s = 60.0
    assert bundled.roots
    place.clock_s = 61.0
    place.look()

    assert not bundled.roots
    place.exchange(bundle(place.second))
    place.look()
    assert bundled.roots == bundles.roots(bundle(place.second))


@pytest.mark.req("S-42")
def test_a_bundle_that_nobody_exchanges_stays_good(place: Place) -> None:
    bundled = Bundled(place.renewing, stale_s=60)

    place.clock_s = 10_000.0
    place.look()
    assert bundled.roots
    place.exchange(b"no bundle")
    place.look()
    assert bundled.roots


def test_what_cannot_be_used_at_first_is_not_begun_with(place: Place) -> None:
    place.file.write_bytes(b"no bundle")

    with pytest.raises(BundleInvalid):
        place.made()


@pytest.mark.req("OC-76")
def test_the_next_handshake_shows_the_new_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    shown = tmp_path / "shown.pem"
    first, second = authority.certify("first.test"), authority.certify("second.test")
    shown.write_bytes(first.read_bytes())
    clock_s = 0.0
    ours = Renewed.of(
        Renewing("it", lambda: stamped([shown]), lambda: serving(shown), lambda: clock_s)
    )
    seen = [_subject(ours, authority, "first.test")]
    shown.write_bytes(second.read_bytes())
    clock_s = LOOK_S

    seen.append(_subject(ours, authority, "second.test"))

    assert seen == ["first.test", "second.test"]


def test_what_a_way_out_shows_is_not_begun_with_if_it_is_none(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("no root")

    with pytest.raises(OSError):
        renewed(tmp_path / "root.pem", None)


@pytest.mark.req("OC-76")
async def test_a_way_out_shows_its_renewed_certificate_to_whom_it_connects_next(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    shown = tmp_path / "us.pem"
    shown.write_bytes(authority.certify("first.test").read_bytes())
    upstream = serving(authority.certify("up.test"), asks_for=authority.file)
    way = renewed(authority.file, (shown, shown))
    before = _told(way, upstream)
    shown.write_bytes(authority.certify("second.test").read_bytes())

    async def is_new() -> bool:
        return _told(way, upstream) == "second.test"

    assert before == "first.test"
    await until(is_new, "the new one is shown")


def _told(way: ssl.SSLContext, upstream: ssl.SSLContext) -> str:
    """Whom the upstream sees."""
    theirs, here = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = way.wrap_bio(theirs, here, server_hostname="up.test")
    server = upstream.wrap_bio(here, theirs, server_side=True)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = server.getpeercert()
    assert found is not None
    return str(found["subject"][0][0][1])  # type: ignore[index]


def _subject(ours: ssl.SSLContext, authority: Authority, name: str) -> str:
    theirs, here = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.create_default_context(cafile=authority.file)
    client = trusting.wrap_bio(theirs, here, server_hostname=name)
    server = ours.wrap_bio(here, theirs, server_side=True)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = client.getpeercert()
    assert found is not None
    return str(found["subject"][0][0][1])  # type: ignore[index]
