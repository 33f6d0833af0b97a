from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tollhouse.sinks.keys import KeyUnusable, load_or_create, load_public


@pytest.mark.req("S-112")
def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "audit.key"

    made, loaded = load_or_create(path), load_or_create(path)

    assert made.id == loaded.id
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in path.parent.iterdir()) == ["audit.key", "audit.key.pub"]


def test_the_public_key_beside_it_verifies_what_it_signs(tmp_path: Path) -> None:
    key = load_or_create(tmp_path / "audit.key")

    public = load_public(tmp_path / "audit.key.pub")

    assert public.id == key.id == sha256(public.key.public_bytes_raw()).hexdigest()[:16]
    assert public.has_signed(key.sign(b"text"), b"text")
    assert not public.has_signed(key.sign(b"text"), b"other")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    load_or_create(path)
    path.chmod(0o640)

    with pytest.raises(KeyUnusable, match="0640"):
        load_or_create(path)


def test_a_file_that_is_no_key_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    path.write_text("not a key")
    path.chmod(0o600)

    with pytest.raises(KeyUnusable, match=r"audit\.key"):
        load_or_create(path)
    with pytest.raises(KeyUnusable, match=r"audit\.key"):
        load_public(path)


def test_a_missing_public_key_is_written_anew(tmp_path: Path) -> None:
    key = load_or_create(tmp_path / "audit.key")
    (tmp_path / "audit.key.pub").unlink()

    load_or_create(tmp_path / "audit.key")

    assert load_public(tmp_path / "audit.key.pub").id == key.id
