from __future__ import annotations

from tollhouse.domain.snapshot import Target
from tollhouse.pipeline.standing import MOST, Rules, Standings


def test_targets_beyond_the_bound_stand_together() -> None:
    standings = Standings(Rules(), lambda *_: None)
    known = [standings.of(Target("up", "openai", f"m{number}")) for number in range(MOST)]

    beyond = [standings.of(Target("up", "openai", f"x{number}")) for number in range(10)]

    assert len({id(standing) for standing in beyond}) == 1
    assert beyond[0].name == "up:*"
    assert standings.of(Target("up", "openai", "m0")) is known[0]
    assert len(list(standings)) == MOST + 1
