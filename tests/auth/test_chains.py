"""The chain of a certificate in a file: from the leaf, by what stands beside it, to a root."""

from __future__ import annotations

from pathlib import Path

import pytest

from certificates import Authority, der
from tollhouse.auth.bundles import roots
from tollhouse.auth.chains import MOST_BYTES, ChainInvalid, chain

pytestmark = pytest.mark.req("S-40", "OC-3")


def test_it_ends_with_the_root_that_signed_it(tmp_path: Path) -> None:
    one, two = Authority(tmp_path, "one"), Authority(tmp_path, "two")
    leaf = one.certify("web")

    led = chain(leaf.read_bytes(), [roots(two.file.read_bytes()), roots(one.file.read_bytes())])

    assert led == [der(leaf), one.root]


def test_a_root_of_the_same_name_that_did_not_sign_it_is_not_its_root(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    leaf, other = Authority(tmp_path, "one").certify("web"), Authority(tmp_path / "other", "one")

    led = chain(leaf.read_bytes(), [roots(other.file.read_bytes())])

    assert led == [der(leaf)]


def test_what_stands_between_is_taken_from_the_file(tmp_path: Path) -> None:
    """The root of a bundle may be above what the file brings along."""
    one = Authority(tmp_path, "one")
    leaf = one.certify("web")
    raw = leaf.read_bytes() + one.file.read_bytes()

    assert chain(raw, []) == [der(leaf), one.root]


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(ChainInvalid):
        chain(raw, [])


def test_a_file_without_end_is_not_read_as_one(tmp_path: Path) -> None:
    leaf = Authority(tmp_path, "one").certify("web")

    with pytest.raises(ChainInvalid, match="more than"):
        chain(leaf.read_bytes() + b"\n" * MOST_BYTES, [])
