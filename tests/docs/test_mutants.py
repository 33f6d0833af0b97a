"""What is taken out when guards are, and that the list of those that may be missed names what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts.mutate.guards import Text, mutants
from scripts.mutate.page import counts, listed

SOURCE = Path("src/tollhouse")


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("if a: b()", ["a -> True", "a -> False", "b() -> pass"]),
        ("return 1 <= a < 9", ["1 <= a < 9 -> True", "1 <= a < 9 -> False",
                               "1 <= a < 9 -> 1 < a < 9", "1 <= a < 9 -> 1 <= a <= 9"]),
        ("x = a and b", ["a and b -> ((b))", "a and b -> ((a))"]),
        ("raise ValueError", ["raise ValueError -> pass"]),
        ("x = min(a, b)", ["min(a, b) -> b", "min(a, b) -> a"]),
        ("x = a[:9]", ["a[:9] -> a[:]"]),
        ("self.a = b", ["self.a = b -> pass"]),
        ("x = [a for a in b if a]", ["a -> True"]),
        ("x = f'{a if b else c}'", []),
    ],
)  # fmt: skip
def test_a_guard_is_taken_out_in_each_of_its_ways(
    tmp_path: Path, written: str, instead: list[str]
) -> None:
    assert _of(tmp_path, written) == [f"f: {each}" for each in instead]


def test_a_deadline_and_a_handler_are_guards(tmp_path: Path) -> None:
    written = "try:\n        x = asyncio.timeout(3)\n    except OSError:\n        return 1"

    assert _of(tmp_path, written) == [
        "f: asyncio.timeout(3) -> asyncio.timeout(None)",
        "f: return 1 -> raise",
    ]


def test_two_of_a_kind_have_two_names(tmp_path: Path) -> None:
    assert _of(tmp_path, "g()\n    g()") == ["f: g() -> pass", "f: g() -> pass (2)"]


def test_what_stands_in_the_list_is_of_a_module_that_there_is() -> None:
    assert all((SOURCE / name).is_file() for name in {*listed(), *counts()})
    assert all(why for reasons in listed().values() for why in reasons.values())


def _of(folder: Path, written: str) -> list[str]:
    file = folder / "it.py"
    file.write_text(f"def f(a, b, self):\n    {written}\n", encoding="utf-8")
    return [each.name for each in mutants(Text(file))]
