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


def test_models_beyond_the_bound_share_their_tries() -> None:
    standings = Standings(Rules(), lambda *_: None)
    known = [standings.tries(f"m{number}") for number in range(MOST)]

    beyond = [standings.tries(f"x{number}") for number in range(10)]

    assert len({id(tries) for tries in beyond}) == 1
    assert standings.tries("m0") is known[0]
