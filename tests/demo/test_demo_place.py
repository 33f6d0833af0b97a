from __future__ import annotations

from pathlib import Path

import pytest

from tollhouse.demo.asking import Door
from tollhouse.demo.failing import DemoFailed
from tollhouse.demo.gateway import serving
from tollhouse.demo.place import emptied


def test_what_an_earlier_demonstration_left_is_removed(tmp_path: Path) -> None:
    with emptied(tmp_path) as place:
        place.data.mkdir()
        (place.data / "tollhouse.db").write_text("old")
        place.log.write_text("old")

    with emptied(tmp_path) as place:
        assert not place.data.exists()
        assert not place.log.exists()


def test_a_directory_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    treasure = tmp_path / "tollhouse.toml"
    treasure.write_text("mine")

    with pytest.raises(DemoFailed, match="left alone"), emptied(tmp_path):
        pass

    assert treasure.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [treasure]


def test_files_that_a_user_put_beside_the_demonstration_stay(tmp_path: Path) -> None:
    with emptied(tmp_path):
        (tmp_path / "notes.txt").write_text("mine")

    with emptied(tmp_path):
        pass

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_two_demonstrations_do_not_share_a_place(tmp_path: Path) -> None:
    with (
        emptied(tmp_path),
        pytest.raises(DemoFailed, match="Another demonstration runs"),
        emptied(tmp_path),
    ):
        pass


def test_a_gateway_that_cannot_start_leaves_its_last_words(tmp_path: Path) -> None:
    with emptied(tmp_path) as place:
        place.settings.write_text("[server]\nlisten = 7\n")

        with pytest.raises(DemoFailed) as failed, serving(place, Door("127.0.0.1", 1)):
            pass

    assert "The gateway ended with status 1." in str(failed.value)
    assert "server.listen" in str(failed.value)
