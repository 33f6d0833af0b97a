"""Who vouches for callers, where certificates are asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from certificates import Authority, bundle
from pipeline.houses import World
from tollhouse.auth.bundles import roots
from tollhouse.config import parse
from tollhouse.wiring.beside import Listening
from tollhouse.wiring.renewing import Renewing, stamped
from tollhouse.wiring.vouching import found_out, known_to

pytestmark = pytest.mark.req("B-34", "S-42")


async def test_roots_are_counted_and_a_bundle_that_is_none_is_told_beside_the_last_good_one(
    tmp_path: Path,
) -> None:
    two = [Authority(tmp_path, name) for name in ("one", "two")]
    chain = two[0].certify("localhost")
    file = tmp_path / "bundle.json"
    file.write_bytes(bundle(*two))
    settings = parse(
        f"""
data_dir = "{tmp_path}"
[server]
tls_certificate = "{chain}"
tls_key = "{chain}"
client_certificates = "required"
[authorities.prod]
trust_domain = "prod.example.org"
bundle_file = "bundle.json"
""",
        {},
    )
    time_s = [0.0]
    kept = Renewing(
        "it", partial(stamped, [file]), lambda: roots(file.read_bytes()), lambda: time_s[0]
    )
    doors = Listening(bundles={"prod": kept})

    (good,) = known_to(World().house, doors, settings)
    file.write_bytes(b"half a bun")
    time_s[0] = 10.0
    kept.look(at_once=True)
    (bad,) = known_to(World().house, doors, settings)
    (found,) = await found_out(settings, ["prod"])

    (before,), (after,), (asked,) = good.stocks, bad.stocks, found.stocks
    assert (before.what, before.count, before.trouble) == ("roots", 2, "")
    assert (after.count, after.read_s) == (2, -10.0)
    assert after.trouble
    assert (asked.count, bool(asked.trouble)) == (0, True)
    assert (good.is_ill, bad.is_ill, found.is_ill) == (False, True, True)
