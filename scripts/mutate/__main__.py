"""python -m scripts.mutate server/hosts.py [upstream ...] [--tests tests/server tests/security]

Modules or packages; without --tests, those of their packages. `--again` tries those alone that survived
the last time. Notes in build/mutants.json what became of each
mutant, and fails if one survives that tests/security/survivors.toml does not list, or one is listed and does not.
`--note` writes how many there were for docs/reference/guards.md, if all is well; then `make docs`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from scripts.mutate.guards import Mutant, Text, mutants
from scripts.mutate.page import NOTED, counts, listed
from scripts.mutate.trying import (
    KILLED,
    NOT_TRIED,
    SOURCE,
    SURVIVED,
    Came,
    Standing,
    covered,
    tried,
)

FOUND = Path("build/mutants.json")
NICER = 10
OPTIONS = ("-x", "-q", "-s", "--tb=no", "-p", "no:xdist", "-o", "timeout=0")
MOST_S = 60.0
"""Of tests for one mutant, the quickest of those that come by it."""


class Mutating:
    """A plugin of pytest: its loop over the tests is run for each mutant."""

    def __init__(self, modules: list[str], *, is_again: bool) -> None:
        self._modules = modules
        self._is_again = is_again
        self.is_complete = True

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "xdist_group: of the plugin that is left out")

    def pytest_sessionstart(self) -> None:
        from hypothesis import Phase, settings  # pytest wants to see it first

        settings.register_profile(
            "mutate", settings.default, phases=(Phase.explicit, Phase.generate)
        )
        settings.load_profile("mutate")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all forks
        files = {name: str(SOURCE / name) for name in self._modules}
        tests = covered(session, list(files.values()))
        for name, file in files.items():
            began = time.monotonic()
            known = set(_found().get(name, {}).get("killed", ()) if self._is_again else ())
            ends = _ends(session, name, file, tests, known)
            self.is_complete &= _told(name, ends, time.monotonic() - began)
        return True


def _ends(
    session: pytest.Session, name: str, file: str, tests: dict[str, Came], known: set[str]
) -> dict[int, list[Mutant]]:
    text = Text(SOURCE / name)
    module = "tollhouse." + name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    standing = Standing(importlib.import_module(module), text.raw)
    coming = {test: (came.took_s, set(came.lines[file])) for test, came in tests.items()}
    may = _listed(name)
    ends: dict[int, list[Mutant]] = {SURVIVED: [], KILLED: [], NOT_TRIED: []}
    for mutant in mutants(text):
        if mutant.name in known:
            ends[KILLED].append(mutant)
            continue
        mutated = text.with_(mutant.node, mutant.instead)
        chosen = _quickest(coming, mutant)
        end = tried(session, lambda: standing.put(mutated), chosen)  # noqa: B023
        ends[end].append(mutant)
        if end is not KILLED and mutant.name not in may:
            what = json.dumps(mutant.name, ensure_ascii=False)
            print(f"  {name}:{mutant.node.lineno}: {what}", flush=True)
    return ends


def _quickest(coming: dict[str, tuple[float, set[int]]], mutant: Mutant) -> dict[str, float]:
    lines = set(mutant.lines)
    chosen = sorted((took_s, test) for test, (took_s, seen) in coming.items() if seen & lines)
    total, taken = 0.0, {}
    for took_s, test in chosen:
        total += took_s
        if taken and total > MOST_S:
            break
        taken[test] = took_s
    return taken


def _told(name: str, ends: dict[int, list[Mutant]], took_s: float) -> bool:
    """Whether those that survived are those that may."""
    may = _listed(name)
    survived = {mutant.name: mutant for mutant in ends[SURVIVED]}
    print(
        f"{name}: {len(ends[KILLED])} killed, {len(survived)} survived, of them {len(may)} listed, "
        f"{len(ends[NOT_TRIED])} not tried, {took_s:.0f} s",
        flush=True,
    )
    for what in may - set(survived):
        print(f"  listed, and does not survive: {json.dumps(what, ensure_ascii=False)}", flush=True)
    found = _found()
    found[name] = {
        "killed": [mutant.name for mutant in ends[KILLED]],
        "not tried": len(ends[NOT_TRIED]),
        "survived": list(survived),
    }
    FOUND.parent.mkdir(exist_ok=True)
    FOUND.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False), "utf-8")
    return may == set(survived)


def _found() -> dict[str, Any]:
    return dict(json.loads(FOUND.read_text("utf-8"))) if FOUND.exists() else {}


def _listed(name: str) -> set[str]:
    return set(listed().get(name, {}))


def _note(modules: list[str]) -> None:
    """How many of each, for the page that tells it."""
    noted, found = counts(), _found()
    for name in modules:
        killed, survived = len(found[name]["killed"]), len(found[name]["survived"])
        noted[name] = {"mutants": killed + survived, "killed": killed}
    NOTED.write_text(json.dumps(noted, indent=1, sort_keys=True) + "\n", "utf-8")


def _modules(names: list[str]) -> list[str]:
    paths = [SOURCE / name for name in names]
    files = (
        each for path in paths for each in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
    )
    return [str(file.relative_to(SOURCE)) for file in files]


def _mirrors(modules: list[str]) -> list[str]:
    packages = {Path("tests") / Path(module).parts[0] for module in modules}
    return sorted(str(package) for package in packages if package.is_dir())


if __name__ == "__main__":
    os.nice(NICER)
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--tests", nargs="*")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--note", action="store_true")
    asked = parser.parse_args()
    modules = _modules(asked.modules)
    mutating = Mutating(modules, is_again=asked.again)
    tests = asked.tests or _mirrors(modules)
    status = pytest.main([*OPTIONS, *tests], plugins=[mutating])
    if asked.note and mutating.is_complete:
        _note(modules)
    sys.exit(status or not mutating.is_complete)
