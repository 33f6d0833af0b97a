"""What became of the guards that were taken out, told in docs/reference/guards.md."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from pathlib import Path

PLACE = Path(__file__).parents[2] / "tests" / "security"
LISTED = PLACE / "survivors.toml"
NOTED = PLACE / "mutants.json"

HEAD = """\
# Guards that were taken out

A guard is done when a test fails without it. `make mutants MODULES="upstream server/hosts.py"` takes the guards of
these modules out, one at a time, and runs the tests that come by: conditions are decided beforehand, bounds moved by
one, parts of `and` and `or` dropped, statements, deadlines, clamps, cuts and handlers of exceptions left out. Gateways
that tests start lose the same guard. It fails if one is missed that is not listed in
[tests/security/survivors.toml](../../tests/security/survivors.toml), with the reason why no test can or need tell.

A module takes from seconds to twenty minutes on two cores, so it is no part of `make test`. `TESTS=` names other tests
than those of the module's package, `AGAIN=1` tries those alone that survived the last time, `NOTE=1` writes the row
below.

This page is made by `make docs`, from what the last run of each module noted. A module that is not in it has not been
gone through to its end.

| module | taken out | noticed | listed |
|---|---:|---:|---:|
"""


def counts() -> dict[str, dict[str, int]]:
    return dict(json.loads(NOTED.read_text("utf-8")))


def listed() -> dict[str, dict[str, str]]:
    """Module, mutant, reason."""
    return tomllib.loads(LISTED.read_text("utf-8"))


def page() -> str:
    noted, reasons = counts(), listed()
    rows = [
        f"| `{name}` | {each['mutants']} | {each['killed']} | {len(reasons.get(name, {})) or ''} |\n"
        for name, each in sorted(noted.items())
        if each["mutants"]
    ]
    taken, noticed = (sum(each[what] for each in noted.values()) for what in ("mutants", "killed"))
    whole = f"| all | {taken} | {noticed} | {taken - noticed} |\n"
    why = Counter(why for name in noted for why in reasons.get(name, {}).values())
    told = "".join(f"| {reason} | {times} |\n" for reason, times in why.most_common())
    return f"{HEAD}{''.join(rows)}{whole}\n| why no test tells | |\n|---|---:|\n{told}"
