from __future__ import annotations

from pathlib import Path

from tollhouse.sinks.slots import claim, home, is_at_home, settle


def test_writers_take_the_first_free_slot_and_give_it_back(tmp_path: Path) -> None:
    first, second = claim(tmp_path, "host"), claim(tmp_path, "host")
    first.release()

    third = claim(tmp_path, "host")

    assert (first.writer, second.writer, third.writer) == ("host-w0", "host-w1", "host-w0")
    second.release()
    third.release()


def test_a_slot_is_a_directory_that_only_its_owner_can_open(tmp_path: Path) -> None:
    slot = claim(tmp_path / "audit", "host")

    assert slot.directory == tmp_path / "audit" / "host-w0"
    assert slot.directory.stat().st_mode & 0o777 == 0o700
    slot.release()


def test_a_host_name_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    slot = claim(tmp_path, '../../etc/"x\n')

    assert slot.directory.parent == tmp_path
    assert slot.writer == "..-..-etc--x--w0"
    slot.release()


def test_a_directory_is_named_once_and_no_two_are_named_alike(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"

    names = [settle(here, "host"), settle(here, "host"), settle(there, "host")]

    assert names[0] == names[1] != names[2]
    assert is_at_home(f"{names[0]}-w3", home(here) or "")
    assert not is_at_home(f"{names[2]}-w0", home(here) or "")
